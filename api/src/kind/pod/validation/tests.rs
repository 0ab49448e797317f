//! The rules against tables of wrong specs and of the sentences that upstream answers to them.
//!
//! A row of `testdata/*.txt` is what is laid over a good spec, and where, followed by the sentences, or `ok`. The
//! sentences are those of upstream's `ValidatePodSpec` v1.37.2 for the same spec, in its order.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Map, Value, json};

use super::container::{containers, containers_only_for_pod};
use super::context::PodContext;
use super::env::file_key_ref_volumes;
use super::ephemeral_container::ephemeral_containers;
use super::init_container::init_containers;
use super::leniency::Leniency;
use super::port::accumulate_unique_host_ports;
use super::resource::pod_resource_requirements;
use super::volume::volumes;
use crate::validation::{Errors, FieldPath};

const TABLES: [&str; 8] = [
    include_str!("testdata/container.txt"),
    include_str!("testdata/environment.txt"),
    include_str!("testdata/handler.txt"),
    include_str!("testdata/mount.txt"),
    include_str!("testdata/projected.txt"),
    include_str!("testdata/resource.txt"),
    include_str!("testdata/security.txt"),
    include_str!("testdata/volume.txt"),
];

/// `overlay` over `base`: its values in place of the base's, without those that are null.
fn laid_over(base: &Value, overlay: &Value) -> Value {
    let mut fields: Map<String, Value> = base.as_object().unwrap().clone();
    fields.extend(overlay.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

fn container(name: &str, overlay: &Value) -> Value {
    let base = json!({
        "name": name, "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
    });
    laid_over(&base, overlay)
}

fn claim(overlay: &Value) -> Value {
    let base = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    json!({"volumeClaimTemplate": {"spec": laid_over(&base, overlay)}})
}

/// A good spec with `overlay` laid over the part that `place` names.
fn spec(place: &str, overlay: &Value) -> PodSpec {
    let base = json!({
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "containers": [container("c", &json!({}))],
        "volumes": [
            {"name": "dir", "emptyDir": {}},
            {"name": "claim", "persistentVolumeClaim": {"claimName": "p"}},
            {"name": "img", "image": {"reference": "r", "pullPolicy": "Always"}},
            {"name": "eph", "ephemeral": claim(&json!({}))},
        ],
        "resourceClaims": [
            {"name": "gpu", "resourceClaimName": "g"},
            {"name": "nic", "resourceClaimName": "n"},
        ],
    });
    let volume = |overlay| json!({"volumes": [laid_over(&json!({"name": "v"}), overlay)]});
    let part = match place {
        "container" => json!({"containers": [container("c", overlay)]}),
        "init" => json!({"initContainers": [container("init", overlay)]}),
        "ephemeral" => json!({"ephemeralContainers": [container("debug", overlay)]}),
        "volume" => volume(overlay),
        "source" => {
            let mut source = overlay.clone();
            source.as_object_mut().unwrap().values_mut().for_each(|value| *value = laid_over(&json!({}), value));
            volume(&json!({"projected": {"sources": [source]}}))
        }
        "claim" => volume(&json!({"ephemeral": claim(overlay)})),
        "spec" => {
            let mut part = overlay.clone();
            for (list, name) in [("containers", "c"), ("initContainers", "init"), ("ephemeralContainers", "debug")] {
                for element in part.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                    *element = container(name, element);
                }
            }
            part
        }
        other => panic!("no such place: {other}"),
    };
    serde_json::from_value(laid_over(&base, &part)).unwrap()
}

/// What upstream's `ValidatePodSpec` finds in volumes and containers, in its order.
fn errors(spec: &PodSpec, leniency: Leniency) -> Errors {
    let path = FieldPath::new("spec");
    let list = spec.volumes.as_deref().unwrap_or_default();
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let ephemeral = spec.ephemeral_containers.as_deref().unwrap_or_default();
    let (valid, mut errors) = volumes(list, "pod", leniency, &path.child("volumes"));
    let context = PodContext::new(spec, valid, leniency);
    errors.extend(containers(&spec.containers, &context, &path.child("containers")));
    errors.extend(init_containers(init, &spec.containers, &context, &path.child("initContainers")));
    let at = path.child("ephemeralContainers");
    errors.extend(ephemeral_containers(ephemeral, &spec.containers, init, &context, &at));
    errors.extend(file_key_ref_volumes(spec, &path));
    errors
}

fn sentences(errors: &Errors) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn sentences_are_upstreams() {
    let mut wrong = String::new();
    for table in TABLES {
        let mut rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
        while let Some(row) = rows.next() {
            let mut expected = Vec::new();
            while let Some(sentence) = rows.next_if(|line| line.starts_with("    ")) {
                expected.push(sentence.trim_start().to_owned());
            }
            assert!(!expected.is_empty(), "a row without a verdict: {row}");
            expected.retain(|sentence| sentence != "ok");
            let (place, overlay) = row.split_once(' ').unwrap();
            let found = sentences(&errors(&spec(place, &serde_json::from_str(overlay).unwrap()), Leniency::default()));
            if found != expected {
                wrong.push_str(&format!("{row}\n  expected {expected:#?}\n  found {found:#?}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn updates_may_keep_what_was_wrong() {
    let rows = [
        ("container", json!({"resources": {"limits": {"cpu": "1", "hugepages-2Mi": "3Mi"}}})),
        ("source", json!({"serviceAccountToken": {"path": "../t", "expirationSeconds": 600}})),
        ("init", json!({"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]})),
        ("volume", json!({"image": {"pullPolicy": "Always"}})),
        (
            "ephemeral",
            json!({"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}}),
        ),
    ];
    for (place, overlay) in rows {
        let spec = spec(place, &overlay);
        assert_eq!(errors(&spec, Leniency::of(None)).len(), 1, "{overlay}");
        assert_eq!(errors(&spec, Leniency::of(Some(&spec))), [], "{overlay}");
    }
    assert_eq!(Leniency::of(Some(&spec("spec", &json!({})))), Leniency::default());
}

#[test]
fn lengths_are_bounded() {
    let rows = [
        (
            json!({"securityContext": {"appArmorProfile": {"type": "Localhost", "localhostProfile": "a".repeat(4096)}}}),
            "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Too long: may not be more than 4095 \
             bytes",
        ),
        (
            json!({"restartPolicy": "Never", "restartPolicyRules": [{
                "action": "Restart", "exitCodes": {"operator": "In", "values": (0..256).collect::<Vec<_>>()},
            }]}),
            "spec.containers[0].restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items",
        ),
    ];
    for (overlay, sentence) in rows {
        assert_eq!(sentences(&errors(&spec("container", &overlay), Leniency::default())), [sentence]);
    }
    // The values aren't looked at here.
    let rows = [
        (json!({"gmsaCredentialSpec": "x".repeat(65537)}), "gmsaCredentialSpec size must be under 64 KiB"),
        (json!({"runAsUserName": "a\u{1}b"}), "runAsUserName cannot contain control characters"),
    ];
    for (options, detail) in rows {
        let overlay = json!({"securityContext": {"windowsOptions": options}});
        let found = errors(&spec("container", &overlay), Leniency::default());
        assert_eq!(found.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>(), [detail]);
    }
}

#[test]
fn pods_own_rules_are_upstreams() {
    let path = FieldPath::new("spec");
    let blank = spec("container", &json!({"image": " i"}));
    assert_eq!(
        sentences(&containers_only_for_pod(&blank.containers, &path.child("containers"))),
        ["spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace"]
    );

    let requirements = json!({
        "limits": {"cpu": "1", "ephemeral-storage": "1Gi", "example.com/gpu": "1", "hugepages-2Mi": "2Mi", "x": "1"},
    });
    let requirements = serde_json::from_value(requirements).unwrap();
    let found =
        pod_resource_requirements(&requirements, &BTreeSet::new(), Leniency::default(), &path.child("resources"));
    let supported = r#"supported values: "cpu", "hugepages-", "memory""#;
    assert_eq!(
        sentences(&found),
        [
            format!(r#"spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": {supported}"#),
            format!(r#"spec.resources.limits[example.com/gpu]: Unsupported value: "example.com/gpu": {supported}"#),
            r#"spec.resources.limits[x]: Invalid value: "x": must be a standard resource type or fully qualified"#
                .to_owned(),
        ]
    );
}

#[test]
fn host_ports_are_collected_over_several_lists() {
    let ports = json!({"ports": [{"containerPort": 1, "hostPort": 9, "protocol": "TCP"}]});
    let spec = spec("container", &ports);
    let (path, mut seen) = (FieldPath::new("containers"), BTreeSet::new());
    assert_eq!(accumulate_unique_host_ports(&spec.containers, &mut seen, &path), []);
    assert_eq!(
        sentences(&accumulate_unique_host_ports(&spec.containers, &mut seen, &path)),
        ["containers[0].ports[0].hostPort: Duplicate value: \"TCP//9\""]
    );
}
