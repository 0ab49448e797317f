//! Changing what is there: create, patch of each type, replace, edit, label, annotate, scale, set.

use anyhow::Result;
use howdah_blackbox::Kubectl;

use crate::{Journey, contains, equal};

pub(crate) const JOURNEYS: &[Journey] = &[
    ("create", create),
    ("patch", patch),
    ("replace", replace),
    ("edit", edit),
    ("label and annotate", label),
    ("scale and set", scale),
    ("nodes", nodes),
];

fn create(kubectl: &Kubectl) -> Result<()> {
    equal(&kubectl.run("create configmap a --from-literal=k=v")?, "configmap/a created\n")?;
    equal(&kubectl.run("create secret generic s --from-literal=k=v")?, "secret/s created\n")?;
    equal(&kubectl.run("get secret s --output=jsonpath={.data.k}")?, "dg==")?;
    equal(&kubectl.run("create deployment d --image=nginx --port=80")?, "deployment.apps/d created\n")?;
    // Ports are the cluster's, and another kubectl may be on the same journey.
    let port = 30100 + kubectl.minor;
    equal(&kubectl.run(&format!("create service nodeport n --tcp=80:80 --node-port={port}"))?, "service/n created\n")?;
    equal(&kubectl.run("get service n --output=jsonpath={.spec.ports[0].nodePort}")?, &port.to_string())?;
    let taken = kubectl.fails(&format!("create service nodeport m --tcp=80:80 --node-port={port}"), "")?;
    contains(&taken, &[&format!("spec.ports[0].nodePort: Invalid value: {port}: provided port is already allocated")])?;
    kubectl.run("delete service n")?;
    equal(&kubectl.run("create serviceaccount robot")?, "serviceaccount/robot created\n")?;
    let token = kubectl.run("create token robot --duration=10m")?;
    anyhow::ensure!(token.trim().split('.').count() == 3, "{token:?} is no token");
    let review = format!(
        r#"{{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{{"token":"{}"}}}}"#,
        token.trim()
    );
    let user =
        kubectl.feed("create --validate=false --filename=- --output=jsonpath={.status.user.username}", &review)?;
    equal(&user, &format!("system:serviceaccount:{}:robot", kubectl.namespace()))?;
    equal(
        &kubectl.run("create role r --verb=get,list --resource=pods")?,
        "role.rbac.authorization.k8s.io/r created\n",
    )?;
    equal(&kubectl.run("run p --image=nginx --restart=Never")?, "pod/p created\n")?;
    equal(&kubectl.run("create configmap dry --dry-run=server")?, "configmap/dry created (server dry run)\n")?;
    contains(&kubectl.fails("get configmap dry", "")?, &["not found"])?;
    contains(&kubectl.fails("create configmap a", "")?, &["configmaps \"a\" already exists"])?;
    let strict = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"datum":{}}"#;
    contains(&kubectl.fails("create --filename=-", strict)?, &["strict decoding error: unknown field \"datum\""])?;
    kubectl.feed("create --filename=- --validate=ignore", strict)?;
    let many = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: gen-\n";
    contains(&kubectl.feed("create --filename=-", many)?, &["configmap/gen-"])
}

fn patch(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create deployment d --image=nginx")?;
    let image = "get deployment d --output=jsonpath={.spec.template.spec.containers[*].image}";
    let strategic = r#"patch deployment d --patch='{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox"}]}}}}'"#;
    equal(&kubectl.run(strategic)?, "deployment.apps/d patched\n")?;
    let mut images: Vec<String> = kubectl.run(image)?.split(' ').map(str::to_owned).collect();
    images.sort_unstable();
    equal(&images.join(" "), "busybox nginx")?;
    equal(&kubectl.run(strategic)?, "deployment.apps/d patched (no change)\n")?;
    let merge = r#"patch deployment d --type=merge --patch='{"spec":{"replicas":3,"paused":true}}'"#;
    equal(&kubectl.run(merge)?, "deployment.apps/d patched\n")?;
    let json = r#"patch deployment d --type=json --patch='[{"op":"remove","path":"/spec/paused"},{"op":"replace","path":"/spec/replicas","value":4}]'"#;
    equal(&kubectl.run(json)?, "deployment.apps/d patched\n")?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.spec.replicas}{.spec.paused}")?, "4")?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.metadata.generation}")?, "4")?;
    let status = r#"patch deployment d --subresource=status --type=merge --patch='{"status":{"replicas":2},"spec":{"replicas":9}}'"#;
    kubectl.run(status)?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.status.replicas}{.spec.replicas}")?, "24")?;
    let wrong = r#"patch deployment d --type=json --patch='[{"op":"test","path":"/spec/replicas","value":1}]'"#;
    contains(&kubectl.fails(wrong, "")?, &["The request is invalid"])
}

fn replace(kubectl: &Kubectl) -> Result<()> {
    let object = |value: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"c"}},"data":{{"k":"{value}"}}}}"#)
    };
    kubectl.feed("create --filename=-", &object("1"))?;
    equal(&kubectl.feed("replace --filename=-", &object("2"))?, "configmap/c replaced\n")?;
    equal(&kubectl.run("get configmap c --output=jsonpath={.data.k}")?, "2")?;
    let uid = kubectl.run("get configmap c --output=jsonpath={.metadata.uid}")?;
    contains(&kubectl.feed("replace --force --filename=-", &object("3"))?, &["configmap/c replaced"])?;
    anyhow::ensure!(uid != kubectl.run("get configmap c --output=jsonpath={.metadata.uid}")?, "the uid stayed");
    let stale = kubectl.run("get configmap c --output=json")?;
    kubectl.run("label configmap c a=b")?;
    contains(&kubectl.fails("replace --filename=-", &stale)?, &["(Conflict)", "the object has been modified"])
}

fn edit(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create configmap c --from-literal=k=before")?;
    equal(&kubectl.edit("edit configmap c", "s/before/after/")?, "configmap/c edited\n")?;
    equal(&kubectl.run("get configmap c --output=jsonpath={.data.k}")?, "after")?;
    kubectl.run("create deployment d --image=nginx")?;
    equal(&kubectl.edit("edit deployment d", "s/replicas:.1/replicas:\\ 2/")?, "deployment.apps/d edited\n")?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.spec.replicas}")?, "2")
}

fn label(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create configmap c")?;
    equal(&kubectl.run("label configmap c a=b")?, "configmap/c labeled\n")?;
    contains(&kubectl.fails("label configmap c a=c", "")?, &["'a' already has a value (b), and --overwrite is false"])?;
    equal(&kubectl.run("label configmap c a=c --overwrite")?, "configmap/c labeled\n")?;
    equal(&kubectl.run("label configmap c a-")?, "configmap/c unlabeled\n")?;
    contains(&kubectl.run("annotate configmap c note='two words'")?, &["configmap/c annotate"])?;
    equal(
        &kubectl.run("get configmap c --output=jsonpath={.metadata.annotations.note}{.metadata.labels}")?,
        "two words",
    )?;
    contains(&kubectl.fails("label configmap c a=-", "")?, &["is invalid"])
        .or_else(|_| contains(&kubectl.fails("label configmap c a=-", "")?, &["a valid label"]))
}

fn scale(kubectl: &Kubectl) -> Result<()> {
    kubectl.run("create deployment d --image=nginx")?;
    equal(&kubectl.run("scale deployment d --replicas=5")?, "deployment.apps/d scaled\n")?;
    equal(&kubectl.run("get deployment d --output=jsonpath={.spec.replicas}")?, "5")?;
    contains(
        &kubectl.fails("scale deployment d --current-replicas=2 --replicas=1", "")?,
        &["Expected replicas to be 2, was 5"],
    )?;
    equal(&kubectl.run("set image deployment/d nginx=nginx:2")?, "deployment.apps/d image updated\n")?;
    equal(&kubectl.run("set env deployment/d A=b")?, "deployment.apps/d env updated\n")?;
    equal(&kubectl.run("rollout pause deployment/d")?, "deployment.apps/d paused\n")?;
    equal(&kubectl.run("rollout resume deployment/d")?, "deployment.apps/d resumed\n")?;
    equal(&kubectl.run("rollout restart deployment/d")?, "deployment.apps/d restarted\n")
}

fn nodes(kubectl: &Kubectl) -> Result<()> {
    let node = format!("node-of-1-{}", kubectl.minor);
    kubectl.feed(
        "create --filename=-",
        &format!(r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{node}"}}}}"#),
    )?;
    contains(
        &kubectl.run(&format!("get node {node}"))?,
        &["NAME", "STATUS", "ROLES", "AGE", "VERSION", "Unknown", "<none>"],
    )?;
    equal(&kubectl.run(&format!("cordon {node}"))?, &format!("node/{node} cordoned\n"))?;
    contains(&kubectl.run(&format!("get node {node}"))?, &["SchedulingDisabled"])?;
    equal(&kubectl.run(&format!("uncordon {node}"))?, &format!("node/{node} uncordoned\n"))?;
    equal(&kubectl.run(&format!("taint node {node} a=b:NoSchedule"))?, &format!("node/{node} tainted\n"))?;
    contains(&kubectl.run(&format!("describe node {node}"))?, &["Taints:", "a=b:NoSchedule"])?;
    equal(&kubectl.run(&format!("delete node {node}"))?, &format!("node \"{node}\" deleted\n"))
}
