//! Who may do what.

use anyhow::Result;
use howdah_blackbox::Kubectl;

use crate::{Journey, contains, equal};

pub(crate) const JOURNEYS: &[Journey] = &[("can i", can_i), ("roles take effect", roles), ("escalation", escalation)];

fn can_i(kubectl: &Kubectl) -> Result<()> {
    equal(&kubectl.run("auth can-i create pods")?, "yes\n")?;
    equal(&kubectl.run("auth can-i '*' '*' --all-namespaces")?, "yes\n")?;
    let refused = kubectl.output("auth can-i create pods --as=alice", "")?;
    anyhow::ensure!(refused.status.code() == Some(1), "{:?}", refused.status);
    equal(&String::from_utf8_lossy(&refused.stdout), "no\n")?;
    contains(
        &kubectl.run("auth can-i --list --as=alice")?,
        &["selfsubjectaccessreviews.authorization.k8s.io", "/healthz"],
    )?;
    let whoami = kubectl.output("auth whoami", "")?;
    if kubectl.minor >= 28 {
        contains(&String::from_utf8_lossy(&whoami.stdout), &["Username"])?;
    }
    Ok(())
}

fn roles(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create configmap c --from-literal=k=v")?;
    let forbidden = format!(
        "Error from server (Forbidden): configmaps \"c\" is forbidden: User \"bob\" cannot get resource \"configmaps\" in \
         API group \"\" in the namespace \"{}\"\n",
        kubectl.namespace()
    );
    equal(&kubectl.fails("get configmap c --as=bob", "")?, &forbidden)?;
    kubectl.run("create role reader --verb=get --resource=configmaps")?;
    kubectl.run("create rolebinding readers --role=reader --user=bob")?;
    // Authorizers follow the objects, as upstream's do: soon, not at once.
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while kubectl.run("get configmap c --as=bob --output=name").is_err() {
        anyhow::ensure!(std::time::Instant::now() < give_up, "the binding took no effect");
    }
    contains(&kubectl.fails("delete configmap c --as=bob", "")?, &["User \"bob\" cannot delete resource"])?;
    contains(&kubectl.fails("get configmaps --as=bob", "")?, &["cannot list resource \"configmaps\""])
}

fn escalation(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create role grantor --verb=create,get,update,patch --resource=roles,rolebindings")?;
    kubectl.run("create rolebinding grantors --role=grantor --user=eve")?;
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while kubectl.run("auth can-i create roles --as=eve").is_err() {
        anyhow::ensure!(std::time::Instant::now() < give_up, "the binding took no effect");
    }
    let refused = kubectl.fails("create role more --verb=get --resource=secrets --as=eve", "")?;
    contains(&refused, &["is forbidden: user \"eve\"", "is attempting to grant RBAC permissions not currently held"])
}
