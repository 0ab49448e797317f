//! What is there: versions, resources, documentation.

use anyhow::{Result, ensure};
use howdah_blackbox::Kubectl;

use crate::{Journey, contains, equal};

pub(crate) const JOURNEYS: &[Journey] =
    &[("version", version), ("api resources", api_resources), ("explain", explain), ("raw paths", raw)];

fn version(kubectl: &Kubectl) -> Result<()> {
    let version: serde_json::Value = serde_json::from_str(&kubectl.run("version --output=json")?)?;
    let server = version["serverVersion"]["gitVersion"].as_str().unwrap_or_default();
    ensure!(server.starts_with("v1.37."), "the server's version is {server:?}");
    contains(&kubectl.run("cluster-info")?, &["Kubernetes control plane"])
}

fn api_resources(kubectl: &Kubectl) -> Result<()> {
    let wide = kubectl.run("api-resources --output=wide --no-headers")?;
    let row = |name: &str| wide.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap_or_default();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    equal(
        &words(row("deployments")).join(" "),
        "deployments deploy apps/v1 true Deployment create,delete,deletecollection,get,list,patch,update,watch all",
    )?;
    equal(
        &words(row("configmaps")).join(" "),
        "configmaps cm v1 true ConfigMap create,delete,deletecollection,get,list,patch,update,watch",
    )?;
    equal(
        &words(row("namespaces")).join(" "),
        "namespaces ns v1 false Namespace create,delete,get,list,patch,update,watch",
    )?;
    equal(&words(row("bindings")).join(" "), "bindings v1 true Binding create")?;
    equal(
        &words(row("subjectaccessreviews")).join(" "),
        "subjectaccessreviews authorization.k8s.io/v1 false SubjectAccessReview create",
    )?;
    let all = kubectl.run("api-resources --output=name --categories=all")?;
    contains(&all, &["pods\n", "services\n", "deployments.apps\n", "replicasets.apps\n"])?;
    let versions = kubectl.run("api-versions")?;
    contains(&versions, &["apps/v1\n", "v1\n", "rbac.authorization.k8s.io/v1\n", "events.k8s.io/v1\n"])
}

fn explain(kubectl: &Kubectl) -> Result<()> {
    let pod = kubectl.run("explain pod")?;
    contains(&pod, &["KIND:", "Pod", "VERSION:", "v1", "FIELDS:", "spec", "status"])?;
    let ports = kubectl.run("explain deployment.spec.template.spec.containers.ports")?;
    contains(&ports, &["containerPort", "<integer>", "required", "protocol", "<string>"])?;
    let all = kubectl.run("explain service --recursive")?;
    contains(&all, &["sessionAffinityConfig", "timeoutSeconds"])?;
    let unknown = kubectl.fails("explain pod.spec.nonsense", "")?;
    contains(&unknown, &["field \"nonsense\" does not exist"])
}

fn raw(kubectl: &Kubectl) -> Result<()> {
    equal(&kubectl.run("get --raw /livez")?, "ok")?;
    equal(&kubectl.run("get --raw /readyz")?, "ok")?;
    contains(&kubectl.run("get --raw /readyz?verbose")?, &["[+]ping ok", "readyz check passed"])?;
    contains(&kubectl.run("get --raw /metrics")?, &["apiserver_request_total{", "# HELP "])?;
    contains(&kubectl.run("get --raw /api/v1/namespaces/default")?, &["\"kind\":\"Namespace\""])
}
