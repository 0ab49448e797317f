//! Reading: every form of `get`, `-w`, `describe`.

use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, Result};
use howdah_blackbox::Kubectl;

use crate::{Journey, contains, equal, header};

pub(crate) const JOURNEYS: &[Journey] = &[
    ("forms of get", forms),
    ("columns", columns),
    ("watching", watching),
    ("describe", describe),
    ("chunks", chunks),
];

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","labels":{"app":"web"}},
    "spec":{"containers":[{"name":"c","image":"nginx","ports":[{"containerPort":80}]}]}}"#;

fn forms(kubectl: &Kubectl) -> Result<()> {
    kubectl.feed("create --filename=-", POD)?;
    kubectl.run("create configmap settings --from-literal=a=b --from-literal=c=d")?;
    contains(&kubectl.run("get pod web")?, &["NAME", "READY", "STATUS", "web", "0/1", "Pending"])?;
    equal(&kubectl.run("get pod web --output=name")?, "pod/web\n")?;
    equal(
        &kubectl.run("get pod web --output=jsonpath='{.spec.containers[*].image} {.status.phase}'")?,
        "nginx Pending",
    )?;
    equal(&kubectl.run("get configmap settings --output=go-template='{{.data.a}}{{.data.c}}'")?, "bd")?;
    let json: serde_json::Value = serde_json::from_str(&kubectl.run("get pod web --output=json")?)?;
    equal(json["spec"]["containers"][0]["imagePullPolicy"].as_str().unwrap_or_default(), "Always")?;
    equal(json["spec"]["restartPolicy"].as_str().unwrap_or_default(), "Always")?;
    contains(&kubectl.run("get pod web --output=yaml")?, &["apiVersion: v1\nkind: Pod\n", "\n  name: web\n"])?;
    contains(&kubectl.run("get pod,configmap --output=yaml")?, &["kind: List", "kind: Pod", "kind: ConfigMap"])?;
    let custom = kubectl.run("get pods --output=custom-columns=N:.metadata.name,I:.spec.containers[0].image")?;
    equal(&custom.split_whitespace().collect::<Vec<_>>().join(" "), "N I web nginx")?;
    contains(&kubectl.run("get pods --show-labels")?, &["LABELS", "app=web"])?;
    contains(&kubectl.run("get pods --label-columns=app")?, &["APP", "web"])?;
    equal(&kubectl.run("get pods --selector=app!=web --output=name")?, "")?;
    equal(&kubectl.run("get pods --selector='app in (web,db)' --output=name")?, "pod/web\n")?;
    equal(&kubectl.run("get pods --field-selector=status.phase=Pending --output=name")?, "pod/web\n")?;
    equal(&kubectl.run("get pods --field-selector=spec.nodeName!= --output=name")?, "")?;
    contains(&kubectl.run("get pods --all-namespaces")?, &["NAMESPACE", kubectl.namespace()])?;
    contains(&kubectl.run("get all")?, &["pod/web"])?;
    let sorted = kubectl.run("get configmaps,pods --sort-by=.metadata.name --output=name")?;
    equal(&sorted, "configmap/settings\npod/web\n")?;
    contains(&kubectl.fails("get pod nobody", "")?, &["Error from server (NotFound): pods \"nobody\" not found"])?;
    contains(&kubectl.fails("get nonsense", "")?, &["the server doesn't have a resource type \"nonsense\""])
}

fn columns(kubectl: &Kubectl) -> Result<()> {
    kubectl.feed("create --filename=-", POD)?;
    kubectl.run("create service clusterip web --tcp=80:8080")?;
    kubectl.run("create deployment web --image=nginx")?;
    kubectl.run("create configmap settings")?;
    kubectl.run("create secret generic keys --from-literal=a=b")?;
    kubectl.run("create role reader --verb=get --resource=pods")?;
    kubectl.run("create rolebinding readers --role=reader --user=bob")?;
    kubectl.run("create quota few --hard=pods=5")?;
    let rows: [(&str, &[&str]); 13] = [
        ("pods", &["NAME", "READY", "STATUS", "RESTARTS", "AGE"]),
        ("services", &["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]),
        ("deployments", &["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]),
        ("configmaps", &["NAME", "DATA", "AGE"]),
        ("secrets", &["NAME", "TYPE", "DATA", "AGE"]),
        ("serviceaccounts", &["NAME", "AGE"]),
        ("roles", &["NAME", "CREATED AT"]),
        ("rolebindings", &["NAME", "ROLE", "AGE"]),
        ("namespaces", &["NAME", "STATUS", "AGE"]),
        ("clusterroles", &["NAME", "CREATED AT"]),
        ("clusterrolebindings", &["NAME", "ROLE", "AGE"]),
        ("priorityclasses", &["NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"]),
        (
            "pods --output=wide",
            &["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"],
        ),
    ];
    for (what, expected) in rows {
        let table = kubectl.run(&format!("get {what}"))?;
        anyhow::ensure!(header(&table) == expected, "get {what}:\n{table}");
    }
    let service = kubectl.run("get service web --no-headers")?;
    contains(&service, &["ClusterIP", "10.96.", "<none>", "80/TCP"])?;
    contains(&kubectl.run("get deployment web --no-headers")?, &["0/1"])?;
    contains(&kubectl.run("get secret keys --no-headers")?, &["Opaque", "1"])?;
    contains(&kubectl.run("get rolebinding readers --output=wide")?, &["Role/reader", "bob"])
}

fn watching(kubectl: &Kubectl) -> Result<()> {
    let mut watch = kubectl.start("get configmaps --watch --output=name")?;
    let mut lines = BufReader::new(watch.stdout.take().context("its output")?).lines();
    let mut next = || lines.next().context("the watch ended")?.context("reading the watch");
    let seen = (|| {
        kubectl.run("create configmap one")?;
        equal(&next()?, "configmap/one")?;
        kubectl.run("label configmap one a=b")?;
        equal(&next()?, "configmap/one")?;
        kubectl.run("create configmap two")?;
        equal(&next()?, "configmap/two")?;
        kubectl.run("delete configmap one")?;
        equal(&next()?, "configmap/one")
    })();
    watch.kill()?;
    watch.wait()?;
    seen?;
    let mut watch = kubectl.start("get configmaps --watch --output-watch-events")?;
    let mut lines = BufReader::new(watch.stdout.take().context("its output")?).lines();
    let mut next = || lines.next().context("the watch ended")?.context("reading the watch");
    let seen = (|| {
        contains(&next()?, &["EVENT", "NAME", "DATA", "AGE"])?;
        contains(&next()?, &["ADDED", "two"])?;
        kubectl.run("annotate configmap two a=b")?;
        contains(&next()?, &["MODIFIED", "two"])?;
        kubectl.run("delete configmap two")?;
        contains(&next()?, &["DELETED", "two"])
    })();
    watch.kill()?;
    watch.wait()?;
    seen
}

fn describe(kubectl: &Kubectl) -> Result<()> {
    kubectl.feed("create --filename=-", POD)?;
    kubectl.run("create deployment app --image=nginx --replicas=2")?;
    kubectl.run("create service clusterip app --tcp=80")?;
    kubectl.run("create configmap settings --from-literal=key=value")?;
    contains(
        &kubectl.run("describe pod web")?,
        &["Name:", "web", "Status:", "Pending", "nginx", "QoS Class:", "BestEffort"],
    )?;
    contains(&kubectl.run("describe deployment app")?, &["Replicas:", "2 desired", "StrategyType:", "RollingUpdate"])?;
    contains(&kubectl.run("describe service app")?, &["Type:", "ClusterIP", "IP:", "10.96."])?;
    contains(&kubectl.run("describe configmap settings")?, &["key:", "value"])?;
    contains(&kubectl.run(&format!("describe namespace {}", kubectl.namespace()))?, &["Status:", "Active"])
}

fn chunks(kubectl: &Kubectl) -> Result<()> {
    for number in 0..7 {
        kubectl.run(&format!("create configmap c{number}"))?;
    }
    let names = kubectl.run("get configmaps --chunk-size=3 --output=name")?;
    let expected: String = (0..7).map(|number| format!("configmap/c{number}\n")).collect();
    equal(&names, &expected)
}
