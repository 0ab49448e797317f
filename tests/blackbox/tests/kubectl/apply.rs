//! Apply, on the client's side and on the server's, and diff.

use anyhow::{Result, ensure};
use howdah_blackbox::Kubectl;

use crate::{Journey, contains, equal};

pub(crate) const JOURNEYS: &[Journey] =
    &[("client side apply", client_side), ("server side apply", server_side), ("diff", diff), ("prune", many)];

fn deployment(image: &str, extra: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\n  labels: {{a: b}}\nspec:\n{extra}  selector:\n    \
         matchLabels: {{app: d}}\n  template:\n    metadata:\n      labels: {{app: d}}\n    spec:\n      containers:\n      \
         - name: c\n        image: {image}\n"
    )
}

fn client_side(kubectl: &Kubectl) -> Result<()> {
    let first = deployment("one", "  replicas: 2\n");
    equal(&kubectl.feed("apply --filename=-", &first)?, "deployment.apps/d created\n")?;
    equal(&kubectl.feed("apply --filename=-", &first)?, "deployment.apps/d unchanged\n")?;
    equal(&kubectl.feed("apply --filename=-", &deployment("two", ""))?, "deployment.apps/d configured\n")?;
    // What was applied and is no longer is gone: the default is back.
    equal(
        &kubectl.run("get deployment d --output=jsonpath={.spec.replicas}{.spec.template.spec.containers[0].image}")?,
        "1two",
    )?;
    let annotation = kubectl.run("apply view-last-applied deployment d")?;
    contains(&annotation, &["image: two"])?;
    equal(
        &kubectl.feed("apply --dry-run=server --filename=-", &deployment("three", ""))?,
        "deployment.apps/d configured (server dry run)\n",
    )?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.spec.template.spec.containers[0].image}")?, "two")
}

fn server_side(kubectl: &Kubectl) -> Result<()> {
    let first = deployment("one", "  replicas: 2\n");
    equal(&kubectl.feed("apply --server-side --filename=-", &first)?, "deployment.apps/d serverside-applied\n")?;
    let version = kubectl.run("get deployment d --output=jsonpath={.metadata.resourceVersion}")?;
    equal(&kubectl.feed("apply --server-side --filename=-", &first)?, "deployment.apps/d serverside-applied\n")?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.metadata.resourceVersion}")?, &version)?;
    let other = deployment("two", "");
    let conflict = kubectl.fails("apply --server-side --field-manager=other --filename=-", &other)?;
    contains(
        &conflict,
        &[
            "Apply failed with 1 conflict: conflict with \"kubectl\"",
            ".spec.template.spec.containers[name=\"c\"].image",
        ],
    )?;
    kubectl.feed("apply --server-side --field-manager=other --force-conflicts --filename=-", &other)?;
    equal(
        &kubectl.run("get deployment d --output=jsonpath={.spec.replicas}{.spec.template.spec.containers[0].image}")?,
        "2two",
    )?;
    let managers = "get deployment d --show-managed-fields --output=jsonpath='{range .metadata.managedFields[*]}{.manager}/{.operation} {end}'";
    equal(kubectl.run(managers)?.trim(), "kubectl/Apply other/Apply")?;
    kubectl.run("scale deployment d --replicas=7")?;
    contains(
        &kubectl.fails("apply --server-side --filename=-", &deployment("two", "  replicas: 2\n"))?,
        &[".spec.replicas"],
    )
}

fn diff(kubectl: &Kubectl) -> Result<()> {
    let first = deployment("one", "");
    kubectl.feed("apply --filename=-", &first)?;
    let same = kubectl.output("diff --filename=-", &first)?;
    ensure!(same.status.code() == Some(0), "{}", String::from_utf8_lossy(&same.stdout));
    for line in ["diff --filename=-", "diff --server-side --force-conflicts --filename=-"] {
        let other = kubectl.output(line, &deployment("two", ""))?;
        ensure!(
            other.status.code() == Some(1),
            "{line}: {:?} {}",
            other.status,
            String::from_utf8_lossy(&other.stderr)
        );
        contains(&String::from_utf8_lossy(&other.stdout), &["-      - image: one", "+      - image: two"])?;
    }
    Ok(())
}

fn many(kubectl: &Kubectl) -> Result<()> {
    let object =
        |name: &str| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{set: x}}\n");
    kubectl.feed("apply --filename=-", &(object("a") + &object("b")))?;
    let prune = "apply --prune --selector=set=x --prune-allowlist=core/v1/ConfigMap --filename=-";
    contains(&kubectl.feed(prune, &object("a"))?, &["configmap/a unchanged", "configmap/b pruned"])
}
