//! Defaults pinned as upstream stores them.

use serde_json::{Value, json};

use super::{pod, pod_spec};

fn defaulted(mut value: Value) -> Value {
    pod(&mut value);
    let once = value.clone();
    pod(&mut value);
    assert_eq!(value, once, "idempotent");
    value
}

#[test]
fn the_smallest_pod() {
    let value = defaulted(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "web", "image": "nginx", "resources": {}}]},
        "status": {}
    }));
    let expected = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "containers": [{
                "name": "web", "image": "nginx", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "imagePullPolicy": "Always"
            }],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "securityContext": {}, "schedulerName": "default-scheduler", "enableServiceLinks": true
        },
        "status": {}
    });
    assert_eq!(value, expected);
}

#[test]
fn containers() {
    let value = defaulted(json!({"spec": {
        "hostNetwork": true, "serviceAccount": "old", "terminationGracePeriodSeconds": -5,
        "containers": [{
            "name": "a", "image": "a:1",
            "ports": [{"containerPort": 80}, {"containerPort": 53, "hostPort": 5353, "protocol": "UDP"}],
            "env": [
                {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "Y", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}}
            ],
            "resources": {"limits": {"cpu": "1", "memory": "1500u"}, "requests": {"cpu": "500m"}},
            "livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"grpc": {"port": 1}, "periodSeconds": 5},
            "lifecycle": {"preStop": {"httpGet": {"port": "x", "scheme": "HTTPS"}}}
        }],
        "initContainers": [{"name": "i", "image": "i:latest", "resources": {"limits": {"cpu": "2"}}}],
        "ephemeralContainers": [{"name": "e", "image": "e:1", "resources": {"limits": {"cpu": "2"}}}]
    }}));
    let common = json!({"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"});
    let with = |mut value: Value| {
        let map = value.as_object_mut().unwrap();
        map.extend(common.as_object().unwrap().clone());
        value
    };
    let expected = json!({
        "hostNetwork": true, "serviceAccount": "old", "serviceAccountName": "old", "terminationGracePeriodSeconds": 1,
        "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "securityContext": {},
        "schedulerName": "default-scheduler", "enableServiceLinks": true,
        "containers": [with(json!({
            "name": "a", "image": "a:1", "imagePullPolicy": "IfNotPresent",
            "ports": [
                {"containerPort": 80, "hostPort": 80, "protocol": "TCP"},
                {"containerPort": 53, "hostPort": 5353, "protocol": "UDP"}
            ],
            "env": [
                {"name": "X", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                {"name": "Y", "valueFrom": {"fileKeyRef":
                    {"volumeName": "v", "path": "p", "key": "k", "optional": false}}}
            ],
            "resources": {"limits": {"cpu": "1", "memory": "2m"}, "requests": {"cpu": "500m", "memory": "2m"}},
            "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
            "readinessProbe": {"grpc": {"port": 1, "service": ""},
                "timeoutSeconds": 1, "periodSeconds": 5, "successThreshold": 1, "failureThreshold": 3},
            "lifecycle": {"preStop": {"httpGet": {"port": "x", "scheme": "HTTPS", "path": "/"}}}
        }))],
        "initContainers": [with(json!({
            "name": "i", "image": "i:latest", "imagePullPolicy": "Always",
            "resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}
        }))],
        "ephemeralContainers": [with(json!({
            "name": "e", "image": "e:1", "imagePullPolicy": "IfNotPresent", "resources": {"limits": {"cpu": "2"}}
        }))]
    });
    assert_eq!(value["spec"], expected);
}

#[test]
fn volumes() {
    let rows = [
        (json!({"name": "v"}), json!({"name": "v", "emptyDir": {}})),
        (json!({"name": "v", "emptyDir": {}}), json!({"name": "v", "emptyDir": {}})),
        (json!({"hostPath": {"path": "/"}}), json!({"hostPath": {"path": "/", "type": ""}})),
        (json!({"secret": {"secretName": "s"}}), json!({"secret": {"secretName": "s", "defaultMode": 420}})),
        (json!({"configMap": {"name": "c", "defaultMode": 0}}), json!({"configMap": {"name": "c", "defaultMode": 0}})),
        (
            json!({"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}}),
            json!({"downwardAPI": {"defaultMode": 420,
                "items": [{"path": "p", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}]}}),
        ),
        (
            json!({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
            json!({"projected": {"defaultMode": 420,
                "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}}),
        ),
        (json!({"image": {"reference": "a:1"}}), json!({"image": {"reference": "a:1", "pullPolicy": "IfNotPresent"}})),
        (json!({"iscsi": {"iqn": "q"}}), json!({"iscsi": {"iqn": "q", "iscsiInterface": "default"}})),
        (
            json!({"rbd": {"image": "i"}}),
            json!({"rbd": {"image": "i", "pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}}),
        ),
        (
            json!({"azureDisk": {"diskName": "d"}}),
            json!({"azureDisk": {"diskName": "d", "cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": false,
                "kind": "Shared"}}),
        ),
        (
            json!({"ephemeral": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1n"}}}}}}),
            json!({"ephemeral": {"volumeClaimTemplate": {"spec":
                {"volumeMode": "Filesystem", "resources": {"requests": {"storage": "1m"}}}}}}),
        ),
    ];
    for (volume, expected) in rows {
        let mut spec = json!({"volumes": [volume]});
        pod_spec(&mut spec);
        assert_eq!(spec["volumes"][0], expected);
    }
}

#[test]
fn a_template_gets_less_than_a_pod() {
    let mut spec = json!({
        "hostNetwork": true, "terminationGracePeriodSeconds": -1,
        "containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "1"}}}]
    });
    pod_spec(&mut spec);
    assert_eq!(spec["terminationGracePeriodSeconds"], -1);
    assert_eq!(spec.get("enableServiceLinks"), None);
    assert_eq!(spec["containers"][0]["resources"], json!({"limits": {"cpu": "1"}}));
    assert_eq!(spec["containers"][0]["ports"], json!([{"containerPort": 80, "protocol": "TCP"}]));
}

#[test]
fn addresses_are_kept_in_step() {
    let rows = [
        (json!({"podIP": "1.1.1.1"}), json!({"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]})),
        (json!({"podIPs": [{"ip": "1.1.1.1"}]}), json!({"podIP": "1.1.1.1", "podIPs": [{"ip": "1.1.1.1"}]})),
        (
            json!({"podIP": "2.2.2.2", "podIPs": [{"ip": "1.1.1.1"}, {"ip": "::1"}]}),
            json!({"podIP": "2.2.2.2", "podIPs": [{"ip": "2.2.2.2"}]}),
        ),
        (json!({}), json!({})),
    ];
    for (status, expected) in rows {
        assert_eq!(defaulted(json!({"spec": {}, "status": status}))["status"], expected);
    }
}

#[test]
fn anything_is_taken() {
    for value in [json!(null), json!([]), json!({"spec": 1}), json!({"spec": {"containers": {"a": 1}, "volumes": [2]}})]
    {
        let mut copy = value.clone();
        pod(&mut copy);
        let mut copy = value;
        pod_spec(&mut copy);
    }
}
