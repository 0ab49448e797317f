//! The core group and events, nodes, services and endpoints, networking.

use super::*;

#[test]
fn kinds_of_the_core_group() {
    prints("v1", "namespaces", json!({"status": {"phase": "Active"}}), json!(["x", "Active", "15m"]));
    prints("v1", "configmaps", json!({"data": {"a": "1"}, "binaryData": {"b": ""}}), json!(["x", 2, "15m"]));
    prints("v1", "secrets", json!({"type": "Opaque", "data": {"a": ""}}), json!(["x", "Opaque", 1, "15m"]));
    prints("v1", "serviceaccounts", json!({}), json!(["x", "15m"]));
    prints("v1", "limitranges", json!({}), json!(["x", "2026-03-01T12:00:00Z"]));
    prints(
        "v1",
        "resourcequotas",
        json!({"status": {"hard": {"pods": "4", "limits.cpu": "2", "requests.cpu": "1"}, "used": {"pods": "1", "limits.cpu": "500m"}}}),
        json!(["x", "pods: 1/4, requests.cpu: 0/1", "limits.cpu: 500m/2", "15m"]),
    );
    prints(
        "v1",
        "componentstatuses",
        json!({"conditions": [{"type": "Healthy", "status": "False", "message": "m", "error": "e"}]}),
        json!(["x", "Unhealthy", "m", "e"]),
    );
    prints(
        "v1",
        "podtemplates",
        json!({"template": {"metadata": {"labels": {"b": "2", "a": "1"}}, "spec": {"containers":
            [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]}}}),
        json!(["x", "c,d", "i,j", "a=1,b=2"]),
    );
    prints(
        "v1",
        "replicationcontrollers",
        json!({"spec": {"replicas": 3, "selector": {"a": "b"}, "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
            "status": {"replicas": 2, "readyReplicas": 1}}),
        json!(["x", 3, 2, 1, "15m", "c", "i", "a=b"]),
    );
}

#[test]
fn nodes() {
    let info = json!({"kubeletVersion": "v1.37.0", "kernelVersion": "6.1", "architecture": "amd64",
        "osImage": "Linux", "containerRuntimeVersion": "howdah://1"});
    let addresses =
        json!([{"type": "ExternalIP", "address": "1.2.3.4"}, {"type": "InternalIP", "address": "10.0.0.1"}]);
    prints(
        "v1",
        "nodes",
        json!({
            "metadata": {"labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "",
                "kubernetes.io/role": "old"}},
            "spec": {"unschedulable": true},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": info, "addresses": addresses},
        }),
        json!([
            "x",
            "Ready,SchedulingDisabled",
            "control-plane,old,worker",
            "15m",
            "v1.37.0",
            "10.0.0.1",
            "1.2.3.4",
            "Linux",
            "6.1 (amd64)",
            "howdah://1"
        ]),
    );
    let bare = |status: &str| {
        json!(["x", status, "<none>", "15m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"])
    };
    prints("v1", "nodes", json!({}), bare("Unknown"));
    let condition = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
    prints("v1", "nodes", condition, bare("NotReady"));
    prints("node.k8s.io/v1", "runtimeclasses", json!({"handler": "h"}), json!(["x", "h", "15m"]));
}

#[test]
fn services_and_endpoints() {
    let service = |kind: &str, extra: Value| {
        let mut spec = json!({"type": kind, "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80, "protocol": "TCP"},
            {"port": 53, "nodePort": 30053, "protocol": "UDP"}], "selector": {"a": "b"}});
        spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        spec
    };
    let row =
        |kind: &str, external: &str| json!(["x", kind, "10.0.0.1", external, "80/TCP,53:30053/UDP", "15m", "a=b"]);
    let ingress = json!({"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "h"}, {"ip": "1.1.1.1"}]}});
    let external = json!({"externalIPs": ["8.8.8.8"]});
    for (spec, status, expected) in [
        (service("ClusterIP", json!({})), json!({}), row("ClusterIP", "<none>")),
        (service("NodePort", external.clone()), json!({}), row("NodePort", "8.8.8.8")),
        (service("LoadBalancer", json!({})), json!({}), row("LoadBalancer", "<pending>")),
        (service("LoadBalancer", json!({})), ingress.clone(), row("LoadBalancer", "1.1.1.1,9.9.9.9,h")),
        (service("LoadBalancer", external), ingress, row("LoadBalancer", "1.1.1.1,9.9.9.9,h,8.8.8.8")),
        (service("ExternalName", json!({"externalName": "e.org"})), json!({}), row("ExternalName", "e.org")),
    ] {
        prints("v1", "services", json!({"spec": spec, "status": status}), expected);
    }
    let bare = json!({"spec": {"type": "ExternalName", "externalName": "e.org"}});
    prints("v1", "services", bare, json!(["x", "ExternalName", "<none>", "e.org", "<none>", "15m", "<none>"]));

    let address = |ip: &str| json!({"ip": ip});
    prints("v1", "endpoints", json!({}), json!(["x", "<none>", "15m"]));
    prints(
        "v1",
        "endpoints",
        json!({"subsets": [{"addresses": [address("10.0.0.1"), address("fd00::1")], "ports": [{"port": 80}, {"port": 81}]}]}),
        json!(["x", "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more...", "15m"]),
    );
    prints(
        "v1",
        "endpoints",
        json!({"subsets": [{"addresses": [address("10.0.0.1")]}]}),
        json!(["x", "10.0.0.1", "15m"]),
    );
    prints(
        "discovery.k8s.io/v1",
        "endpointslices",
        json!({"addressType": "IPv4", "ports": [{"port": 80}, {"name": "n"}, {}],
            "endpoints": [{"addresses": ["1", "2"]}, {"addresses": ["3", "4"]}]}),
        json!(["x", "IPv4", "80,n,*", "1,2,3 + 1 more...", "15m"]),
    );
    let empty = json!({"addressType": "IPv6"});
    prints("discovery.k8s.io/v1", "endpointslices", empty, json!(["x", "IPv6", "<unset>", "<unset>", "15m"]));
}

#[test]
fn events_of_both_groups() {
    let times = json!({"metadata": {"name": "x"}, "type": "Normal", "reason": "Started", "message": " hi \n",
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec"}, "source": {"component": "kubelet", "host": "n"},
        "firstTimestamp": "2026-03-01T12:10:00Z", "lastTimestamp": "2026-03-01T12:14:00Z", "count": 3});
    let expected = json!(["60s", "Normal", "Started", "pod/p", "spec", "kubelet, n", "hi", "5m", 3, "x"]);
    prints("v1", "events", times.clone(), expected.clone());
    prints("events.k8s.io/v1", "events", times, expected);
    let series = json!({"eventTime": "2026-03-01T12:10:00.000000Z", "involvedObject": {"kind": "Node"},
        "reportingComponent": "c", "series": {"count": 7, "lastObservedTime": "2026-03-01T12:14:59.000000Z"}});
    prints("v1", "events", series, json!(["1s", "", "", "node", "", "c", "", "5m", 7, "x"]));
    let single = json!({"eventTime": "2026-03-01T12:10:00.000000Z", "firstTimestamp": null, "involvedObject": {}});
    prints("v1", "events", single, json!(["5m", "", "", "", "", "", "", "5m", 1, "x"]));
    prints("v1", "events", json!({}), json!(["<unknown>", "", "", "", "", "", "", "<unknown>", 1, "x"]));
}

#[test]
fn networking() {
    let ingress = json!({"spec": {"ingressClassName": "c", "rules": [{"host": "a"}, {"host": "b"}, {"host": "c"}, {"host": "d"}],
        "tls": [{}]}, "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}});
    let expected = json!(["x", "c", "a,b,c + 1 more...", "1.1.1.1", "80, 443", "15m"]);
    prints("networking.k8s.io/v1", "ingresses", ingress, expected);
    prints("networking.k8s.io/v1", "ingresses", json!({}), json!(["x", "<none>", "*", "", "80", "15m"]));
    let class = json!({"metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "k", "parameters": {"apiGroup": "g", "kind": "K", "name": "n"}}});
    prints("networking.k8s.io/v1", "ingressclasses", class, json!(["x (default)", "k", "K.g/n", "15m"]));
    let policy = json!({"spec": {"podSelector": {"matchLabels": {"a": "b"}}}});
    prints("networking.k8s.io/v1", "networkpolicies", policy, json!(["x", "a=b", "15m"]));
    prints(
        "networking.k8s.io/v1",
        "networkpolicies",
        json!({"spec": {"podSelector": {}}}),
        json!(["x", "<none>", "15m"]),
    );
    let cidr = json!({"spec": {"cidrs": ["10.0.0.0/8", "fd00::/64"]}});
    prints("networking.k8s.io/v1", "servicecidrs", cidr, json!(["x", "10.0.0.0/8,fd00::/64", "15m"]));
    let address = json!({"spec": {"parentRef": {"resource": "services", "namespace": "ns", "name": "s"}}});
    prints("networking.k8s.io/v1", "ipaddresses", address, json!(["x", "services/ns/s", "15m"]));
}
