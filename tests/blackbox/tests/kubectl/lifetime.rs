//! Deleting, with each propagation, and waiting.

use anyhow::Result;
use howdah_blackbox::Kubectl;

use crate::{Journey, contains, equal};

pub(crate) const JOURNEYS: &[Journey] = &[
    ("delete", delete),
    ("cascades", cascades),
    ("finalizers", finalizers),
    ("wait", wait),
    ("namespaces", namespaces),
];

fn delete(kubectl: &Kubectl) -> Result<()> {
    for name in ["a", "b", "c"] {
        kubectl.run(&format!("create configmap {name}"))?;
        kubectl.run(&format!("label configmap {name} all=yes is={name}"))?;
    }
    contains(&kubectl.run("delete configmap a --dry-run=server")?, &["configmap \"a\" deleted", "(server dry run)"])?;
    contains(&kubectl.run("delete configmap a")?, &["configmap \"a\" deleted"])?;
    contains(&kubectl.run("delete configmap --selector=is=b")?, &["configmap \"b\" deleted"])?;
    equal(&kubectl.run("delete configmap a --ignore-not-found")?, "")?;
    contains(&kubectl.fails("delete configmap a", "")?, &["configmaps \"a\" not found"])?;
    contains(&kubectl.run("delete configmaps --all")?, &["configmap \"c\" deleted"])?;
    equal(&kubectl.run("get configmaps --output=name")?, "")?;
    kubectl.run("run p --image=nginx")?;
    // Nobody runs it, so nobody has to stop it.
    contains(&kubectl.run("delete pod p --timeout=20s")?, &["pod \"p\" deleted"])?;
    kubectl.run("run q --image=nginx")?;
    contains(&kubectl.run("delete pod q --grace-period=0 --force")?, &["pod \"q\" force deleted"])
}

fn cascades(kubectl: &Kubectl) -> Result<()> {
    for (cascade, left) in [("background", ""), ("orphan", "[\"orphan\"]"), ("foreground", "[\"foregroundDeletion\"]")]
    {
        let name = format!("d-{cascade}");
        kubectl.run(&format!("create deployment {name} --image=nginx"))?;
        kubectl.run(&format!("delete deployment {name} --cascade={cascade} --wait=false"))?;
        let finalizers = "--ignore-not-found --output=jsonpath={.metadata.finalizers}";
        // The finalizers are the garbage collector's to remove, and there is none here.
        equal(&kubectl.run(&format!("get deployment {name} {finalizers}"))?, left)?;
        if !left.is_empty() {
            kubectl.run(&format!(
                r#"patch deployment {name} --type=merge --patch='{{"metadata":{{"finalizers":null}}}}'"#
            ))?;
        }
        equal(&kubectl.run(&format!("get deployment {name} {finalizers}"))?, "")?;
    }
    Ok(())
}

fn finalizers(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create configmap c")?;
    kubectl.run(r#"patch configmap c --type=merge --patch='{"metadata":{"finalizers":["example.com/hold"]}}'"#)?;
    kubectl.run("delete configmap c --wait=false")?;
    let deleting = kubectl.run("get configmap c --output=jsonpath={.metadata.deletionTimestamp}")?;
    anyhow::ensure!(!deleting.is_empty(), "no deletionTimestamp");
    let more = r#"patch configmap c --type=merge --patch='{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}'"#;
    contains(
        &kubectl.fails(more, "")?,
        &["metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted"],
    )?;
    kubectl.run(r#"patch configmap c --type=merge --patch='{"metadata":{"finalizers":null}}'"#)?;
    contains(&kubectl.fails("get configmap c", "")?, &["not found"])
}

fn wait(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create deployment d --image=nginx")?;
    kubectl.run(r#"patch deployment d --subresource=status --type=merge --patch='{"status":{"conditions":[{"type":"Available","status":"True"}]}}'"#)?;
    equal(
        &kubectl.run("wait deployment/d --for=condition=Available --timeout=10s")?,
        "deployment.apps/d condition met\n",
    )?;
    equal(
        &kubectl.run("wait deployment/d --for=jsonpath={.spec.replicas}=1 --timeout=10s")?,
        "deployment.apps/d condition met\n",
    )?;
    contains(
        &kubectl.fails("wait deployment/d --for=condition=Gone --timeout=1s", "")?,
        &["timed out waiting for the condition"],
    )?;
    let mut waiting = kubectl.start("wait deployment/d --for=delete --timeout=20s")?;
    kubectl.run("delete deployment d")?;
    anyhow::ensure!(waiting.wait()?.success(), "waiting for the deletion failed");
    Ok(())
}

fn namespaces(kubectl: &Kubectl) -> Result<()> {
    let name = format!("short-lived-1-{}", kubectl.minor);
    kubectl.run(&format!("create namespace {name}"))?;
    let inside = kubectl.within(&name);
    inside.run("create configmap c")?;
    kubectl.run(&format!("delete namespace {name} --wait=false"))?;
    equal(&kubectl.run(&format!("get namespace {name} --output=jsonpath={{.status.phase}}"))?, "Terminating")?;
    let refused = inside.fails("create configmap d", "")?;
    contains(&refused, &["forbidden: unable to create new content in namespace", "because it is being terminated"])?;
    inside.run("delete configmap c")?;
    // What the namespace controller would do.
    let body = format!(
        r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{name}"}},"spec":{{"finalizers":[]}}}}"#
    );
    kubectl.feed(&format!("replace --raw /api/v1/namespaces/{name}/finalize --filename=-"), &body)?;
    contains(&kubectl.fails(&format!("get namespace {name}"), "")?, &["not found"])?;
    contains(
        &kubectl.fails("delete namespace kube-system", "")?,
        &["namespaces \"kube-system\" is forbidden: this namespace may not be deleted"],
    )
}
