//! What a node may write, row by row, and the words of the refusals.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::NodeStatus;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::authentication::user::NODES_GROUP;
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Verdict;

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

/// Pods `mine` on node `n`, `theirs` on `m`, Node `n`, ServiceAccount `sa`, and a claim that leads to the driver `d`.
struct World;

impl Cluster for World {
    fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        let node = BTreeMap::from([("mine", "n"), ("theirs", "m"), ("mirror", "n")]).remove(name)?;
        let annotations = if name == "mirror" { json!({"kubernetes.io/config.mirror": "x"}) } else { json!({}) };
        (namespace == "ns").then(|| {
            Arc::new(read(json!({
                "metadata": {"namespace": "ns", "name": name, "uid": format!("{name}-uid"), "annotations": annotations},
                "spec": {"nodeName": node, "serviceAccountName": "sa", "containers": [], "volumes": [
                    {"name": "t", "projected": {"sources": [
                        {"serviceAccountToken": {"path": "p"}},
                        {"serviceAccountToken": {"path": "q", "audience": "vault"}},
                        {"podCertificate": {"signerName": "example.org/s", "keyType": "ED25519"}}]}},
                    {"name": "c", "persistentVolumeClaim": {"claimName": "claim"}},
                ]},
            })))
        })
    }

    fn node(&self, name: &str) -> Option<Arc<Node>> {
        (name == "n").then(|| Arc::new(read(json!({"metadata": {"name": "n", "uid": "n-uid"}}))))
    }

    fn service_account(&self, _namespace: &str, name: &str) -> Option<Arc<ServiceAccount>> {
        (name == "sa").then(|| Arc::new(read(json!({"metadata": {"name": "sa", "uid": "sa-uid"}}))))
    }

    fn claim(&self, _namespace: &str, name: &str) -> Option<Arc<PersistentVolumeClaim>> {
        (name == "claim").then(|| Arc::new(read(json!({"metadata": {}, "spec": {"volumeName": "pv"}}))))
    }

    fn volume(&self, name: &str) -> Option<Arc<PersistentVolume>> {
        let spec = json!({"csi": {"driver": "d", "volumeHandle": "h"}});
        (name == "pv").then(|| Arc::new(read(json!({"metadata": {}, "spec": spec}))))
    }

    fn csi_driver(&self, name: &str) -> Option<Arc<CSIDriver>> {
        let spec = json!({"tokenRequests": [{"audience": "storage"}]});
        (name == "d").then(|| Arc::new(read(json!({"metadata": {}, "spec": spec}))))
    }
}

/// Allows one audience and one signer.
struct Extra;

impl Authorizer for Extra {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        match (attributes.verb.as_str(), attributes.resource.as_str(), attributes.name.as_str()) {
            ("request-serviceaccounts-token-audience", "extra", "sa")
            | ("request-serviceaccounts-podcertificate-signer", "example.org:extra", "sa") => Verdict::allow(""),
            _ => Verdict::no_opinion(""),
        }
    }
}

/// `CREATE group/resource/subresource namespace name`, `-` for nothing.
fn ask_as(user: UserInfo, request: &str, object: Object<'_>, old: Object<'_>) -> Checked {
    let words: Vec<&str> = request.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
    let parts: Vec<&str> = words[1].split('/').map(|part| if part == "core" { "" } else { part }).collect();
    let operation = match words[0] {
        "CREATE" => Operation::Create,
        "UPDATE" => Operation::Update,
        _ => Operation::Delete,
    };
    let write = Write {
        user: &Arc::new(user),
        operation,
        api_group: parts[0],
        api_version: "v1",
        resource: parts[1],
        subresource: parts.get(2).copied().unwrap_or_default(),
        namespace: words[2],
        name: words[3],
        object,
        old,
    };
    check(&write, &World, &Extra)
}

fn ask(request: &str, object: Object<'_>, old: Object<'_>) -> Checked {
    ask_as(UserInfo::new("system:node:n", [NODES_GROUP]), request, object, old)
}

fn refused(cause: &str) -> Checked {
    Err(Refusal::Forbidden(cause.to_owned()))
}

fn missing(resource: &'static str, name: &str) -> Checked {
    Err(Refusal::NotFound { resource, name: name.to_owned() })
}

#[test]
fn only_nodes_are_restricted() {
    let request = "DELETE core/pods ns theirs";
    assert_eq!(ask_as(UserInfo::new("jane", [NODES_GROUP]), request, Object::None, Object::None), Ok(()));
    assert_eq!(ask_as(UserInfo::new("system:node:n", ["g"]), request, Object::None, Object::None), Ok(()));
    let nameless = ask_as(UserInfo::new("system:node:", [NODES_GROUP]), request, Object::None, Object::None);
    assert_eq!(nameless, refused("could not determine node from user \"system:node:\""));
    assert_eq!(ask("DELETE apps/deployments ns d", Object::None, Object::None), Ok(()));
}

#[test]
fn pods_are_deleted_and_evicted_where_they_run() {
    let none = Object::None;
    assert_eq!(ask("DELETE core/pods ns mine", none, none), Ok(()));
    let only = "node \"n\" can only delete pods with spec.nodeName set to itself";
    assert_eq!(ask("DELETE core/pods ns theirs", none, none), refused(only));
    assert_eq!(ask("DELETE core/pods ns gone", none, none), missing("pod", "gone"));
    let update = "unexpected operation \"UPDATE\", node \"n\" can only create and delete mirror pods";
    assert_eq!(ask("UPDATE core/pods ns mine", none, none), refused(update));
    let other = "unexpected pod subresource \"exec\", only 'status' and 'eviction' are allowed";
    assert_eq!(ask("CREATE core/pods/exec ns mine", none, none), refused(other));
    for (request, name, expected) in [
        ("CREATE core/pods/eviction ns mine", "", Ok(())),
        ("CREATE core/pods/eviction ns -", "mine", Ok(())),
        ("CREATE core/pods/eviction ns -", "", refused("could not determine pod from request data")),
        (
            "CREATE core/pods/eviction ns theirs",
            "mine",
            refused("node n can only evict pods with spec.nodeName set to itself"),
        ),
        ("UPDATE core/pods/eviction ns mine", "", refused("unexpected operation UPDATE")),
    ] {
        let eviction: Eviction = read(json!({"metadata": {"name": name}}));
        assert_eq!(ask(request, Object::Eviction(&eviction), none), expected, "{request}");
    }
}

#[test]
fn only_mirror_pods_of_its_own_are_created() {
    let good = || {
        json!({
            "metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}, "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "n-uid", "controller": true}]},
            "spec": {"nodeName": "n", "containers": [], "volumes": [{"name": "e", "emptyDir": {}}]},
        })
    };
    let volume = |source: Value| move |pod: &mut Value| pod["spec"]["volumes"] = json!([source]);
    type Change = Box<dyn FnOnce(&mut Value)>;
    let cases: Vec<(Change, &str)> = vec![
        (Box::new(|_| {}), ""),
        (
            Box::new(|pod| pod["metadata"]["annotations"] = json!({})),
            "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"n\" can only create mirror pods",
        ),
        (
            Box::new(|pod| pod["spec"]["nodeName"] = json!("m")),
            "node \"n\" can only create pods with spec.nodeName set to itself",
        ),
        (
            Box::new(|pod| pod["metadata"]["ownerReferences"] = json!([])),
            "node \"n\" can only create pods with an owner reference set to itself",
        ),
        (
            Box::new(|pod| pod["metadata"]["ownerReferences"][0]["name"] = json!("m")),
            "node \"n\" can only create pods with an owner reference set to itself",
        ),
        (
            Box::new(|pod| {
                let owner = pod["metadata"]["ownerReferences"][0].clone();
                pod["metadata"]["ownerReferences"] = json!([owner, owner]);
            }),
            "node \"n\" can only create pods with a single owner reference set to itself",
        ),
        (
            Box::new(|pod| pod["metadata"]["ownerReferences"][0]["controller"] = json!(false)),
            "node \"n\" can only create pods with a controller owner reference set to itself",
        ),
        (
            Box::new(|pod| pod["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(true)),
            "node \"n\" must not set blockOwnerDeletion on an owner reference",
        ),
        (
            Box::new(|pod| pod["metadata"]["ownerReferences"][0]["uid"] = json!("old")),
            "node n UID mismatch: expected old got n-uid",
        ),
        (
            Box::new(|pod| pod["spec"]["serviceAccountName"] = json!("sa")),
            "node \"n\" can not create pods that reference serviceaccounts",
        ),
        (
            Box::new(volume(json!({"name": "s", "secret": {"secretName": "s"}}))),
            "node \"n\" can not create pods that reference secrets",
        ),
        (
            Box::new(volume(json!({"name": "c", "configMap": {"name": "c"}}))),
            "node \"n\" can not create pods that reference configmaps",
        ),
        (
            Box::new(|pod| pod["spec"]["resourceClaims"] = json!([{"name": "c"}])),
            "node \"n\" can not create pods that reference resourceclaims",
        ),
        (
            Box::new(volume(json!({"name": "c", "persistentVolumeClaim": {"claimName": "c"}}))),
            "node \"n\" can not create pods that reference persistentvolumeclaims",
        ),
        (
            Box::new(volume(json!({"name": "c", "csi": {"driver": "d"}}))),
            "node \"n\" can not create pods that reference csidrivers (via CSI volumes)",
        ),
        (
            Box::new(volume(json!({"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "p"}}]}}))),
            "node \"n\" can not create pods that reference serviceaccounts (via projected volumes)",
        ),
    ];
    for (change, expected) in cases {
        let mut pod = good();
        change(&mut pod);
        let pod: Pod = read(pod);
        let expected = if expected.is_empty() { Ok(()) } else { refused(expected) };
        assert_eq!(ask("CREATE core/pods ns -", Object::Pod(&pod), Object::None), expected);
    }
}

#[test]
fn a_pods_status_is_reported_and_nothing_else() {
    let pod = |node: &str, label: &str, claim: Value| -> Pod {
        read(json!({
            "metadata": {"labels": {"l": label}},
            "spec": {"nodeName": node, "containers": []},
            "status": {"phase": claim, "resourceClaimStatuses": claim.as_str().map(|_| json!([{"name": "c"}]))},
        }))
    };
    let request = "UPDATE core/pods/status ns mine";
    let check = |old: &Pod, new: &Pod| ask(request, Object::Pod(new), Object::Pod(old));
    let mine = pod("n", "a", Value::Null);
    assert_eq!(check(&mine, &mine), Ok(()));
    let only = "node \"n\" can only update pod status for pods with spec.nodeName set to itself";
    assert_eq!(check(&pod("m", "a", Value::Null), &mine), refused(only));
    let labels = "node \"n\" cannot update labels through pod status";
    assert_eq!(check(&mine, &pod("n", "b", Value::Null)), refused(labels));
    let claims = "node \"n\" cannot update resource claim statues";
    assert_eq!(check(&mine, &pod("n", "a", json!("x"))), refused(claims));
}

#[test]
fn a_node_keeps_to_itself_and_its_labels() {
    let node = |labels: Value, spec: Value| -> Node { read(json!({"metadata": {"labels": labels}, "spec": spec})) };
    let plain = node(json!({}), json!({}));
    let other = "node \"n\" is not allowed to modify node \"m\"";
    assert_eq!(ask("UPDATE core/nodes - m", Object::Node(&plain), Object::Node(&plain)), refused(other));
    let good = json!({
        "mine": "1", "example.org/x": "1", "kubernetes.io/hostname": "n", "node.kubernetes.io/anything": "1",
        "a.kubelet.kubernetes.io/x": "1", "topology.kubernetes.io/zone": "z", "beta.kubernetes.io/arch": "a",
    });
    assert_eq!(ask("CREATE core/nodes - n", Object::Node(&node(good.clone(), json!({}))), Object::None), Ok(()));
    assert_eq!(ask("UPDATE core/nodes - n", Object::Node(&node(good, json!({}))), Object::Node(&plain)), Ok(()));
    for label in
        ["node-restriction.kubernetes.io/x", "a.node-restriction.kubernetes.io/x", "kubernetes.io/x", "a.k8s.io/x"]
    {
        let labelled = node(json!({ label: "1", "fine": "1" }), json!({}));
        let create = format!("node \"n\" is not allowed to set the following labels: {label}");
        assert_eq!(ask("CREATE core/nodes - n", Object::Node(&labelled), Object::None), refused(&create));
        let update = format!("is not allowed to modify labels: {label}");
        assert_eq!(ask("UPDATE core/nodes - n", Object::Node(&labelled), Object::Node(&plain)), refused(&update));
        assert_eq!(ask("UPDATE core/nodes - n", Object::Node(&plain), Object::Node(&labelled)), refused(&update));
        assert_eq!(ask("UPDATE core/nodes/status - n", Object::Node(&labelled), Object::Node(&labelled)), Ok(()));
    }
    let tainted = node(json!({}), json!({"taints": [{"key": "k", "effect": "NoSchedule"}]}));
    assert_eq!(ask("CREATE core/nodes - n", Object::Node(&tainted), Object::None), Ok(()));
    let taints = "node \"n\" is not allowed to modify taints";
    assert_eq!(ask("UPDATE core/nodes - n", Object::Node(&plain), Object::Node(&tainted)), refused(taints));
    let mut owned = plain.clone();
    owned.metadata.owner_references = Some(vec![Default::default()]);
    let owners = "node \"n\" is not allowed to modify ownerReferences";
    assert_eq!(ask("UPDATE core/nodes - n", Object::Node(&owned), Object::Node(&plain)), refused(owners));
    let mut reported = plain.clone();
    reported.status = Some(NodeStatus::default());
    assert_eq!(ask("UPDATE core/nodes/status - n", Object::Node(&reported), Object::Node(&plain)), Ok(()));
}

#[test]
fn tokens_are_for_the_nodes_pods_and_their_audiences() {
    let request = |kind: &str, name: &str, uid: &str, audiences: &[&str]| -> TokenRequest {
        let bound = json!({"apiVersion": "v1", "kind": kind, "name": name, "uid": uid});
        read(json!({"metadata": {}, "spec": {"boundObjectRef": bound, "audiences": audiences}}))
    };
    let unbound: TokenRequest = read(json!({"metadata": {}, "spec": {"audiences": []}}));
    let not_bound = "node requested token not bound to a pod";
    let refused_audience = "system:node:n is not authorized to request tokens for audience \"x\"";
    let replaced = "the UID in the bound object reference (old) does not match the UID in record. The object might have \
                    been deleted and then recreated";
    let cases = [
        (unbound, refused(not_bound)),
        (request("Secret", "mine", "mine-uid", &[]), refused(not_bound)),
        (request("Pod", "mine", "", &[]), refused("node requested token with a pod binding without a uid")),
        (request("Pod", "gone", "u", &[]), missing("pod", "gone")),
        (request("Pod", "mine", "old", &[]), refused(replaced)),
        (
            request("Pod", "theirs", "theirs-uid", &[]),
            refused("node requested token bound to a pod scheduled on a different node"),
        ),
        (request("Pod", "mine", "mine-uid", &[]), Ok(())),
        (request("Pod", "mine", "mine-uid", &["vault"]), Ok(())),
        (request("Pod", "mine", "mine-uid", &["storage"]), Ok(())),
        (request("Pod", "mine", "mine-uid", &["extra"]), Ok(())),
        (request("Pod", "mine", "mine-uid", &["x"]), refused(refused_audience)),
        (request("Pod", "mine", "mine-uid", &["vault", "x"]), refused("node may only request 0 or 1 audiences")),
    ];
    for (request, expected) in cases {
        let object = Object::TokenRequest(&request);
        assert_eq!(ask("CREATE core/serviceaccounts/token ns sa", object, Object::None), expected, "{request:?}");
    }
}

#[test]
fn pod_certificates_are_for_the_nodes_pods_and_their_signers() {
    let good = json!({
        "nodeName": "n", "nodeUID": "n-uid", "podName": "mine", "podUID": "mine-uid", "serviceAccountName": "sa",
        "serviceAccountUID": "sa-uid", "signerName": "example.org/s", "stubPKCS10Request": "",
    });
    let retry = |text: &str| Err(Refusal::Retry(text.to_owned()));
    let cases = [
        ("", "", Ok(())),
        ("signerName", "example.org/extra", Ok(())),
        ("nodeName", "m", refused("PodCertificateRequest.Spec.NodeName=\"m\", which is not the requesting node \"n\"")),
        (
            "nodeUID",
            "x",
            retry(
                "PodCertificateRequest for pod \"ns/mine\" names node UID \"x\", inconsistent with the running node (\"n-uid\")",
            ),
        ),
        (
            "podUID",
            "x",
            retry(
                "PodCertificateRequest for pod \"ns/mine\" contains pod UID (\"x\") which differs from running pod \"mine-uid\"",
            ),
        ),
        (
            "serviceAccountName",
            "x",
            refused(
                "PodCertificateRequest for pod \"ns/mine\" contains serviceAccountName (\"x\") that differs from running pod (\"sa\")",
            ),
        ),
        (
            "signerName",
            "x",
            refused("pod \"ns/mine\" does not mount a podCertificate projected volume for signer \"x\""),
        ),
    ];
    for (field, value, expected) in cases {
        let mut spec = good.clone();
        if !field.is_empty() {
            spec[field] = json!(value);
        }
        let request: PodCertificateRequest = read(json!({"metadata": {}, "spec": spec}));
        let object = Object::PodCertificateRequest(&request);
        let outcome = ask("CREATE certificates.k8s.io/podcertificaterequests ns -", object, Object::None);
        assert_eq!(outcome, expected, "{field}");
    }
}

#[test]
fn leases_csi_nodes_and_slices_bear_the_nodes_name() {
    let lease = |name: &str| -> Lease { read(json!({"metadata": {"name": name}})) };
    let csi = |name: &str| -> CSINode { read(json!({"metadata": {"name": name}, "spec": {"drivers": []}})) };
    let slice =
        |node: &str| -> ResourceSlice { read(json!({"metadata": {}, "spec": {"nodeName": node, "driver": "d"}})) };
    let none = Object::None;
    let leases = "can only access node lease with the same name as the requesting node";
    assert_eq!(ask("CREATE coordination.k8s.io/leases kube-node-lease -", Object::Lease(&lease("n")), none), Ok(()));
    assert_eq!(
        ask("CREATE coordination.k8s.io/leases kube-node-lease -", Object::Lease(&lease("m")), none),
        refused(leases)
    );
    assert_eq!(ask("UPDATE coordination.k8s.io/leases kube-node-lease m", none, none), refused(leases));
    let namespace = "can only access leases in the \"kube-node-lease\" system namespace";
    assert_eq!(ask("UPDATE coordination.k8s.io/leases ns n", none, none), refused(namespace));
    let nodes = "can only access CSINode with the same name as the requesting node";
    assert_eq!(ask("CREATE storage.k8s.io/csinodes - -", Object::CsiNode(&csi("n")), none), Ok(()));
    assert_eq!(ask("CREATE storage.k8s.io/csinodes - -", Object::CsiNode(&csi("m")), none), refused(nodes));
    assert_eq!(ask("DELETE storage.k8s.io/csinodes - m", none, none), refused(nodes));
    let status = "CSIVolumeHealth feature gate is disabled";
    assert_eq!(ask("UPDATE storage.k8s.io/csinodes/status - n", none, none), refused(status));
    let (own, other) = (slice("n"), slice("m"));
    let create = "can only create ResourceSlice with the same NodeName as the requesting node";
    assert_eq!(ask("CREATE resource.k8s.io/resourceslices - -", Object::ResourceSlice(&own), none), Ok(()));
    assert_eq!(ask("CREATE resource.k8s.io/resourceslices - -", Object::ResourceSlice(&other), none), refused(create));
    let delete = "can only delete ResourceSlice with the same NodeName as the requesting node";
    assert_eq!(ask("DELETE resource.k8s.io/resourceslices - s", none, Object::ResourceSlice(&other)), refused(delete));
}

#[test]
fn claims_status_is_reported_and_nothing_else() {
    let claim = |version: &str, size: &str, phase: &str| -> PersistentVolumeClaim {
        let status = json!({"capacity": {"storage": size}, "phase": phase});
        read(json!({"metadata": {"resourceVersion": version}, "status": status}))
    };
    let (old, new) = (claim("1", "1Gi", "Bound"), claim("2", "2Gi", "Bound"));
    let request = "UPDATE core/persistentvolumeclaims/status ns c";
    assert_eq!(ask(request, Object::Claim(&new), Object::Claim(&old)), Ok(()));
    let only = "node \"n\" is not allowed to update fields other than status.quantity and status.conditions";
    assert_eq!(ask(request, Object::Claim(&claim("1", "1Gi", "Lost")), Object::Claim(&old)), refused(only));
    assert_eq!(
        ask("UPDATE core/persistentvolumeclaims ns c", Object::None, Object::None),
        refused("may only update PVC status")
    );
}

#[test]
fn certificate_requests_are_for_the_nodes_own_name() {
    let request = |name: &str, signer: &str| -> CertificateSigningRequest {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = params.serialize_request(&key).expect("a request").pem().expect("PEM");
        let mut request: CertificateSigningRequest =
            read(json!({"metadata": {}, "spec": {"request": "", "signerName": signer, "usages": []}}));
        request.spec.request.0 = pem.into_bytes();
        request
    };
    let create = "CREATE certificates.k8s.io/certificatesigningrequests - -";
    let check =
        |request: &CertificateSigningRequest| ask(create, Object::CertificateSigningRequest(request), Object::None);
    for signer in ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"] {
        assert_eq!(check(&request("system:node:n", signer)), Ok(()));
        let only = "can only create a node CSR with CN=system:node:n";
        assert_eq!(check(&request("system:node:m", signer)), refused(only));
    }
    assert_eq!(check(&request("system:node:m", "example.org/s")), Ok(()));
    let mut broken = request("system:node:n", "kubernetes.io/kubelet-serving");
    broken.spec.request.0 = b"no PEM".to_vec();
    let reason = "unable to parse csr: PEM block type must be CERTIFICATE REQUEST";
    assert_eq!(check(&broken), refused(reason));
}
