//! Sentences of every check, and when they are told.

use std::sync::Arc;

use serde_json::{Value, json};

use super::check::details;
use super::policy::{Level, Standard, Version};
use super::*;
use crate::admission::testing::{Ask, Objects, message};

/// A container that nothing is wrong with.
fn good(name: &str) -> Value {
    json!({"name": name, "image": "i", "securityContext": {"allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}})
}

/// What is changed, and what is then told.
type Row = (fn(&mut Value), &'static str);

/// What a good pod with these changes does wrong: in its spec, or in its only container.
fn told(level: Level, version: Version, change: impl FnOnce(&mut Value)) -> String {
    let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [good("a")]}});
    change(&mut pod);
    details(&violations(&pod, Standard { level, version }))
}

#[test]
fn baseline_sentences() {
    let latest = |change: fn(&mut Value)| told(Level::Baseline, Version::Latest, change);
    let rows: [Row; 15] = [
        (|_| {}, ""),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["appArmorProfile"] = json!({"type": "Unconfined"}),
            r#"forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")"#,
        ),
        (
            |pod| {
                pod["spec"]["securityContext"] = json!({"appArmorProfile": {"type": "Unconfined"}});
                pod["metadata"]["annotations"] =
                    json!({"container.apparmor.security.beta.kubernetes.io/a": "unconfined"});
            },
            r#"forbidden AppArmor profiles (pod and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/a="unconfined"")"#,
        ),
        (
            |pod| {
                pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] =
                    json!(["SYS_ADMIN", "CHOWN", "BPF"])
            },
            r#"non-default capabilities (container "a" must not include "BPF", "SYS_ADMIN" in securityContext.capabilities.add)"#,
        ),
        (
            |pod| {
                pod["spec"]["hostNetwork"] = json!(true);
                pod["spec"]["hostPID"] = json!(true);
            },
            "host namespaces (hostNetwork=true, hostPID=true)",
        ),
        (
            |pod| pod["spec"]["volumes"] = json!([{"name": "v", "hostPath": {}}, {"name": "w", "hostPath": {}}]),
            r#"hostPath volumes (volumes "v", "w")"#,
        ),
        (
            |pod| pod["spec"]["containers"][0]["ports"] = json!([{"hostPort": 80}, {"hostPort": 443}, {"hostPort": 0}]),
            r#"hostPort (container "a" uses hostPorts 443, 80)"#,
        ),
        (
            |pod| pod["spec"]["containers"][0]["livenessProbe"] = json!({"httpGet": {"host": "h"}}),
            r#"probe or lifecycle host (container "a" uses probe or lifecycle host "h")"#,
        ),
        (
            |pod| {
                pod["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true);
                pod["spec"]["initContainers"] = json!([{"name": "i", "securityContext": {"privileged": true}}]);
            },
            r#"privileged (containers "i", "a" must not set securityContext.privileged=true)"#,
        ),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["procMount"] = json!("Unmasked"),
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
        (
            |pod| {
                pod["spec"]["hostUsers"] = json!(false);
                pod["spec"]["containers"][0]["securityContext"]["procMount"] = json!("Unmasked");
            },
            "",
        ),
        (
            |pod| pod["spec"]["securityContext"] = json!({"seLinuxOptions": {"type": "t", "user": "u", "role": "r"}}),
            r#"seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set; role may not be set)"#,
        ),
        (
            |pod| {
                pod["spec"]["securityContext"] = json!({"seccompProfile": {"type": "Unconfined"}});
                pod["spec"]["containers"][0]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"});
            },
            r#"seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")"#,
        ),
        (
            |pod| {
                pod["spec"]["securityContext"] =
                    json!({"sysctls": [{"name": "a"}, {"name": "net.ipv4.tcp_rmem"}, {"name": "b"}]})
            },
            "forbidden sysctls (a, b)",
        ),
        (
            |pod| pod["spec"]["securityContext"] = json!({"windowsOptions": {"hostProcess": true}}),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
    ];
    for (change, expected) in rows {
        assert_eq!(latest(change), expected);
    }
}

#[test]
fn restricted_sentences() {
    let latest = |change: fn(&mut Value)| told(Level::Restricted, Version::Latest, change);
    let rows: [Row; 10] = [
        (|_| {}, ""),
        (
            |pod| pod["spec"]["containers"] = json!([{"name": "a"}, {"name": "b"}]),
            r#"allowPrivilegeEscalation != false (containers "a", "b" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#,
        ),
        (
            |pod| {
                pod["spec"]["containers"][0]["securityContext"]["capabilities"] =
                    json!({"add": ["CHOWN", "NET_BIND_SERVICE"]})
            },
            r#"unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN" in securityContext.capabilities.add)"#,
        ),
        (
            |pod| {
                pod["spec"]["volumes"] =
                    json!([{"name": "v", "hostPath": {}}, {"name": "w", "nfs": {}}, {"name": "x", "emptyDir": {}}])
            },
            r#"restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")"#,
        ),
        (
            |pod| pod["spec"]["securityContext"] = json!({"runAsNonRoot": false}),
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
        ),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["runAsUser"] = json!(0),
            r#"runAsUser=0 (container "a" must not set runAsUser=0)"#,
        ),
        (
            |pod| {
                pod["spec"]["hostUsers"] = json!(false);
                pod["spec"]["containers"][0]["securityContext"]["runAsUser"] = json!(0);
                pod["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = json!(false);
            },
            "",
        ),
        (
            |pod| {
                pod["spec"]["hostUsers"] = json!(false);
                pod["spec"]["containers"][0]["securityContext"]["procMount"] = json!("Unmasked");
            },
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"}),
            r#"seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")"#,
        ),
        (
            |pod| {
                pod["spec"]["os"] = json!({"name": "windows"});
                pod["spec"]["containers"] = json!([{"name": "a", "securityContext": {"runAsNonRoot": true}}]);
            },
            "",
        ),
    ];
    for (change, expected) in rows {
        assert_eq!(latest(change), expected);
    }
}

#[test]
fn rules_are_those_of_the_release() {
    let rmem = |pod: &mut Value| pod["spec"]["securityContext"] = json!({"sysctls": [{"name": "net.ipv4.tcp_rmem"}]});
    assert_eq!(told(Level::Baseline, Version::Minor(31), rmem), "forbidden sysctls (net.ipv4.tcp_rmem)");
    assert_eq!(told(Level::Baseline, Version::Minor(32), rmem), "");
    assert_eq!(told(Level::Baseline, Version::Minor(99), rmem), "");
    let bare = |pod: &mut Value| pod["spec"]["containers"] = json!([{"name": "a"}]);
    assert_eq!(
        told(Level::Restricted, Version::Minor(7), bare),
        r#"runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)"#
    );
    let annotated = |pod: &mut Value| {
        pod["metadata"]["annotations"] = json!({"container.seccomp.security.alpha.kubernetes.io/a": "unconfined"});
    };
    assert_eq!(
        told(Level::Baseline, Version::Minor(18), annotated),
        r#"seccompProfile (forbidden annotation container.seccomp.security.alpha.kubernetes.io/a="unconfined")"#
    );
    assert_eq!(told(Level::Baseline, Version::Minor(19), annotated), "");
}

#[tokio::test]
async fn labels_say_what_is_refused_and_what_is_warned_of() {
    let label = |name: &'static str| format!("pod-security.kubernetes.io/{name}");
    let (enforce, warn) = (label("enforce"), label("warn"));
    let objects = Objects::default()
        .with_labels("free", &[])
        .with_labels("strict", &[(&enforce, "baseline")])
        .with_labels("told", &[(&warn, "baseline")]);
    let plugin = PodSecurity::new(Arc::new(objects));
    let bad =
        json!({"metadata": {"name": "p"}, "spec": {"hostNetwork": true, "containers": [{"name": "a", "image": "i"}]}});
    let relabelled = json!({"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": bad["spec"]});
    let mut other_image = bad.clone();
    other_image["spec"]["containers"][0]["image"] = json!("j");
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"template": bad}});
    let refusal =
        r#"pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)"#;
    let warned =
        || vec![r#"would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)"#.to_owned()];
    let create = || Ask::create("pods", bad.clone());
    let workload = || Ask::create("deployments", deployment.clone()).of("apps", "v1");
    let rows = [
        (create().within("free"), Ok(Vec::new())),
        (create().within("strict"), Err(refusal)),
        (create().within("told"), Ok(warned())),
        (create().within("told").on("binding"), Ok(Vec::new())),
        (Ask::update("pods", relabelled, bad.clone()).within("strict"), Ok(Vec::new())),
        (Ask::update("pods", other_image, bad.clone()).within("strict"), Err(refusal)),
        (workload().within("strict"), Ok(warned())),
        (workload().within("free"), Ok(Vec::new())),
        (workload().within("gone"), Ok(Vec::new())),
        (create().within("gone"), Err(r#"Internal error occurred: failed to lookup namespace "gone""#)),
    ];
    for (ask, expected) in rows {
        let outcome = ask.warnings(&plugin).await.map_err(|error| error.status().message.unwrap());
        assert_eq!(outcome, expected.map_err(str::to_owned), "{ask:?}");
    }
}

#[tokio::test]
async fn namespaces_have_labels_that_can_be_read_and_tell_of_their_pods() {
    let pod = |name: &str, privileged: bool| {
        json!({"metadata": {"name": name}, "spec": {"hostIPC": true,
            "containers": [{"name": "a", "securityContext": {"privileged": privileged}}]}})
    };
    let objects = Objects::default().with_pod(pod("c", false)).with_pod(pod("b", false)).with_pod(pod("d", true));
    let plugin = PodSecurity::new(Arc::new(objects));
    let namespace =
        |level: &str| json!({"metadata": {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": level}}});
    let of = |ask: Ask| ask.within("n");
    let invalid = r#"Namespace "n" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "x": must be one of privileged, baseline, restricted"#;
    let create = of(Ask::create("namespaces", namespace("x"))).validate(&plugin).await;
    assert_eq!(create.as_ref().map_err(ApiError::code), Err(422));
    assert_eq!(message(create).as_deref(), Some(invalid));
    let worse = of(Ask::update("namespaces", namespace("x"), namespace("baseline"))).validate(&plugin).await;
    assert_eq!(message(worse).as_deref(), Some(invalid));
    let known = of(Ask::update("namespaces", namespace("x"), namespace("x"))).warnings(&plugin).await;
    assert_eq!(known, Ok(Vec::new()));
    let looser = of(Ask::update("namespaces", namespace("baseline"), namespace("restricted"))).warnings(&plugin).await;
    assert_eq!(looser, Ok(Vec::new()));
    let stricter =
        of(Ask::update("namespaces", namespace("baseline"), namespace("privileged"))).warnings(&plugin).await;
    assert_eq!(
        stricter.unwrap(),
        [
            r#"existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:latest""#,
            "b (and 1 other pod): host namespaces",
            "d: host namespaces, privileged",
        ]
    );
}
