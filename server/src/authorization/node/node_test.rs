//! What nodes may do, and how the graph follows its objects.

use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use serde_json::json;

use super::*;
use crate::authentication::user::NODES_GROUP;
use crate::authorization::attributes::FieldRequirement;
use crate::authorization::authorizer::Decision;

fn pod(name: &str, node: &str, change: impl FnOnce(&mut serde_json::Value)) -> Pod {
    let mut pod = json!({
        "metadata": {"namespace": "ns", "name": name},
        "spec": {
            "nodeName": node,
            "serviceAccountName": "sa",
            "imagePullSecrets": [{"name": "pull"}],
            "containers": [{"name": "c", "image": "i",
                "envFrom": [{"secretRef": {"name": "env-from"}}, {"configMapRef": {"name": "cm-from"}}],
                "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}}]}],
            "ephemeralContainers": [{"name": "e", "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cm-eph", "key": "k"}}}]}],
            "volumes": [
                {"name": "a", "secret": {"secretName": "volume"}},
                {"name": "b", "projected": {"sources": [
                    {"secret": {"name": "projected"}}, {"configMap": {"name": "cm-projected"}}]}},
                {"name": "c", "persistentVolumeClaim": {"claimName": "claim"}},
                {"name": "d", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                {"name": "f", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
            ],
            "resourceClaims": [{"name": "x", "resourceClaimName": "rc"},
                {"name": "y", "resourceClaimTemplateName": "t"}],
        },
        "status": {"resourceClaimStatuses": [{"name": "y", "resourceClaimName": "rc-made"},
            {"name": "x", "resourceClaimName": "rc-odd"}]},
    });
    change(&mut pod);
    serde_json::from_value(pod).expect("a pod")
}

fn volume(name: &str, claim: &str) -> PersistentVolume {
    let volume = json!({
        "metadata": {"name": name},
        "spec": {"claimRef": {"namespace": "ns", "name": claim}, "csi": {"driver": "d", "volumeHandle": "h",
            "nodeStageSecretRef": {"namespace": "sys", "name": "stage"},
            "controllerExpandSecretRef": {"namespace": "sys", "name": "controller"}}},
    });
    serde_json::from_value(volume).expect("a volume")
}

fn example() -> Graph {
    let mut graph = Graph::default();
    graph.set_pod(&pod("p", "n", |_| {}));
    graph.set_volume(&volume("pv", "claim"));
    graph.set_owned(Kind::VolumeAttachment, "", "va", "n");
    graph.set_owned(Kind::ResourceSlice, "", "slice", "n");
    graph.set_owned(Kind::PodCertificateRequest, "ns", "pcr", "n");
    graph
}

#[test]
fn what_pods_name_leads_to_their_node() {
    let graph = example();
    let leads = |kind, namespace: &str, name: &str| {
        assert!(!graph.leads_to(kind, namespace, name, "other"), "{kind:?} {name}");
        assert!(!graph.leads_to(kind, "elsewhere", name, "n") || namespace.is_empty(), "{kind:?} {name}");
        graph.leads_to(kind, namespace, name, "n")
    };
    for secret in ["pull", "env-from", "env", "volume", "projected", "csi"] {
        assert!(leads(Kind::Secret, "ns", secret), "{secret}");
    }
    assert!(leads(Kind::Secret, "sys", "stage"));
    assert!(!leads(Kind::Secret, "sys", "controller"));
    for config_map in ["cm-from", "cm-eph", "cm-projected"] {
        assert!(leads(Kind::ConfigMap, "ns", config_map), "{config_map}");
    }
    assert!(leads(Kind::ServiceAccount, "ns", "sa") && leads(Kind::Pod, "ns", "p"));
    assert!(leads(Kind::PersistentVolumeClaim, "ns", "claim") && leads(Kind::PersistentVolumeClaim, "ns", "p-d"));
    assert!(leads(Kind::PersistentVolume, "", "pv"));
    assert!(leads(Kind::ResourceClaim, "ns", "rc") && leads(Kind::ResourceClaim, "ns", "rc-made"));
    assert!(!leads(Kind::ResourceClaim, "ns", "rc-odd"));
    assert!(leads(Kind::VolumeAttachment, "", "va") && leads(Kind::ResourceSlice, "", "slice"));
    assert!(leads(Kind::PodCertificateRequest, "ns", "pcr"));
}

#[test]
fn nothing_is_left_when_the_objects_are_gone() {
    let mut graph = example();
    graph.set_pod(&pod("q", "n", |_| {}));
    graph.remove_pod("ns", "p");
    assert!(graph.leads_to(Kind::Secret, "ns", "pull", "n"), "the other pod still names it");
    assert!(graph.leads_to(Kind::PersistentVolume, "", "pv", "n"));
    graph.set_pod(&pod("q", "n", |pod| pod["spec"]["imagePullSecrets"] = json!([])));
    assert!(!graph.leads_to(Kind::Secret, "ns", "pull", "n"));
    graph.set_volume(&volume("pv", "unclaimed"));
    assert!(
        !graph.leads_to(Kind::PersistentVolume, "", "pv", "n") && !graph.leads_to(Kind::Secret, "sys", "stage", "n")
    );
    graph.remove_pod("ns", "q");
    graph.remove_pod("ns", "never");
    graph.remove_volume("pv");
    graph.set_owned(Kind::VolumeAttachment, "", "va", "");
    graph.set_owned(Kind::ResourceSlice, "", "slice", "");
    graph.set_owned(Kind::PodCertificateRequest, "ns", "pcr", "");
    assert_eq!(graph.size(), 0);
}

#[test]
fn unbound_and_mirror_pods_lead_to_little() {
    let mut graph = Graph::default();
    graph.set_pod(&pod("p", "", |_| {}));
    assert_eq!(graph.size(), 0);
    let mirror =
        |pod: &mut serde_json::Value| pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    graph.set_pod(&pod("m", "n", mirror));
    assert!(graph.leads_to(Kind::Pod, "ns", "m", "n"));
    assert!(!graph.leads_to(Kind::Secret, "ns", "pull", "n") && !graph.leads_to(Kind::ServiceAccount, "ns", "sa", "n"));
}

/// `verb group/resource/subresource namespace name [selected node]`, `-` for nothing.
fn ask(user: UserInfo, request: &str) -> (Decision, String) {
    let authorizer = NodeAuthorizer::new(Arc::new(RwLock::new(example())));
    let words: Vec<&str> = request.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
    let parts: Vec<&str> = words[1].split('/').map(|part| if part == "core" { "" } else { part }).collect();
    let mut attributes = Attributes::resource(Arc::new(user), words[0], parts[0], parts[1])
        .on_subresource(parts.get(2).copied().unwrap_or_default())
        .in_namespace(words[2])
        .named(words[3]);
    if let Some(node) = words.get(4) {
        let field = FieldRequirement { field: "spec.nodeName".into(), equals: true, value: (*node).to_owned() };
        attributes.field_selector = Ok(vec![field]);
    }
    let verdict = authorizer.authorize(&attributes);
    (verdict.decision, verdict.reason)
}

fn node(name: &str) -> UserInfo {
    UserInfo::new(format!("system:node:{name}"), [NODES_GROUP])
}

#[test]
fn nodes_may_do_what_they_need() {
    let allowed = [
        "get core/secrets ns pull",
        "watch core/configmaps ns cm-from",
        "list core/secrets sys stage",
        "get core/persistentvolumeclaims ns claim",
        "patch core/persistentvolumeclaims/status ns claim",
        "get core/persistentvolumes - pv",
        "get storage.k8s.io/volumeattachments - va",
        "get resource.k8s.io/resourceclaims ns rc",
        "get core/serviceaccounts ns sa",
        "create core/serviceaccounts/token ns sa",
        "create coordination.k8s.io/leases kube-node-lease -",
        "update coordination.k8s.io/leases kube-node-lease n",
        "create storage.k8s.io/csinodes - -",
        "get storage.k8s.io/csinodes - n",
        "create resource.k8s.io/resourceslices - -",
        "update resource.k8s.io/resourceslices - slice",
        "list resource.k8s.io/resourceslices - - n",
        "create core/nodes - -",
        "get core/nodes - n",
        "patch core/nodes/status - n",
        "get core/pods ns p",
        "list core/pods - - n",
        "watch core/pods ns p",
        "create core/pods ns -",
        "delete core/pods ns anything",
        "create core/pods/eviction ns anything",
        "patch core/pods/status ns anything",
        "create certificates.k8s.io/podcertificaterequests ns -",
        "get certificates.k8s.io/podcertificaterequests ns pcr",
        "list core/services - -",
        "create core/events ns -",
        "create authentication.k8s.io/tokenreviews - -",
        "watch node.k8s.io/runtimeclasses - -",
    ];
    for request in allowed {
        assert_eq!(ask(node("n"), request), (Decision::Allow, String::new()), "{request}");
    }
}

#[test]
fn nodes_may_do_nothing_else() {
    let none = "no relationship found between node 'n' and this object";
    let refused = [
        ("get core/secrets ns other", none),
        ("get core/secrets other pull", none),
        ("list core/secrets ns -", "No Object name found"),
        ("list core/secrets - pull", "can only read namespaced object of this type"),
        ("update core/secrets ns pull", "can only read resources of this type"),
        ("get core/configmaps/x ns cm-from", "cannot read subresource"),
        ("list core/persistentvolumes - pv", "can only get individual resources of this type"),
        ("get core/persistentvolumes/status - pv", "cannot get subresource"),
        ("get core/persistentvolumeclaims/status ns claim", "can only get/update/patch this type"),
        ("create core/serviceaccounts/token ns other", none),
        ("create core/serviceaccounts ns sa", "can only create token subresource of serviceaccount"),
        ("update core/serviceaccounts/token ns sa", "can only create tokens for individual service accounts"),
        (
            "list coordination.k8s.io/leases kube-node-lease -",
            "can only get, create, update, patch, or delete a node lease",
        ),
        ("get coordination.k8s.io/leases ns n", r#"can only access leases in the "kube-node-lease" system namespace"#),
        (
            "get coordination.k8s.io/leases kube-node-lease m",
            "can only access node lease with the same name as the requesting node",
        ),
        ("get storage.k8s.io/csinodes - m", "can only access CSINode with the same name as the requesting node"),
        ("list storage.k8s.io/csinodes - -", "can only get, create, update, patch, or delete a CSINode"),
        ("get storage.k8s.io/csinodes/status - n", "CSINode status access requires CSIVolumeHealth feature"),
        (
            "list resource.k8s.io/resourceslices - - m",
            "can only list/watch/deletecollection resourceslices with nodeName field selector",
        ),
        ("get core/nodes - m", "node 'n' cannot read 'm', only its own Node object"),
        ("list core/nodes - -", "node 'n' cannot read all nodes, only its own Node object"),
        ("delete core/nodes - n", ""),
        ("list core/pods - -", "can only list/watch pods with spec.nodeName field selector"),
        ("list core/pods - - m", "can only list/watch pods with spec.nodeName field selector"),
        ("get core/pods ns other", none),
        ("update core/pods ns p", ""),
        ("patch core/pods/ephemeralcontainers ns p", ""),
        (
            "list certificates.k8s.io/podcertificaterequests ns -",
            "can only list/watch podcertificaterequests with nodeName field selector",
        ),
        ("delete certificates.k8s.io/podcertificaterequests ns pcr", "nodes may not delete podcertificaterequests"),
        ("create core/services ns -", ""),
        ("list apps/deployments - -", ""),
    ];
    for (request, reason) in refused {
        assert_eq!(ask(node("n"), request), (Decision::NoOpinion, reason.to_owned()), "{request}");
    }
}

#[test]
fn only_nodes_are_judged() {
    let request = "create core/nodes - -";
    assert_eq!(ask(UserInfo::new("system:node:n", ["g"]), request), (Decision::NoOpinion, String::new()));
    let reason = r#"unknown node for user "system:node:""#.to_owned();
    assert_eq!(ask(node(""), request), (Decision::NoOpinion, reason));
    let authorizer = NodeAuthorizer::new(Arc::default());
    let rules = authorizer.rules_for(&node("n"), "ns");
    let error = "node authorizer does not support user rule resolution";
    assert_eq!((rules.incomplete, rules.evaluation_error().as_deref()), (true, Some(error)));
    assert_eq!(authorizer.rules_for(&UserInfo::new("u", ["g"]), "ns"), UserRules::default());
}
