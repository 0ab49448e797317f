//! What Services need: families inferred, addresses and ports planned, granted, refused, released.

use serde_json::{Value, json};

use super::*;
use crate::kind::Strategy;
use crate::kind::service::ServiceStrategy;
use crate::patch::merge;

const FOUR: [Family; 1] = [Family::IPv4];
const BOTH: [Family; 2] = [Family::IPv4, Family::IPv6];

#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
fn service(spec: Value) -> Value {
    let mut object = json!({"metadata": {"name": "web"}, "spec": spec});
    ServiceStrategy.default(&mut object);
    object
}

fn ip(family: Family, wanted: Option<&str>, slot: usize) -> Allocation {
    Allocation::ClusterIp { family, wanted: wanted.map(|ip| ip.parse().unwrap()), slot }
}

fn port(wanted: Option<u16>, ports: &[usize]) -> Allocation {
    Allocation::NodePort { wanted, ports: ports.to_vec() }
}

fn said(result: Result<Plan, AllocationError>) -> Vec<String> {
    match result {
        Ok(plan) => panic!("planned: {plan:?}"),
        Err(AllocationError::Invalid(errors)) => errors.iter().map(ToString::to_string).collect(),
        Err(AllocationError::Internal(text)) => vec![text],
    }
}

/// What stands of families and addresses.
fn addresses(object: &Value) -> Value {
    let spec = &object["spec"];
    json!([spec["ipFamilyPolicy"], spec["ipFamilies"], spec["clusterIP"], spec["clusterIPs"]])
}

#[test]
fn new_services_get_addresses_of_their_families() {
    let rows = [
        (json!({}), &FOUR[..], json!(["SingleStack", ["IPv4"], null, [""]]), vec![ip(Family::IPv4, None, 0)]),
        (
            json!({"clusterIP": "10.0.0.9"}),
            &FOUR,
            json!(["SingleStack", ["IPv4"], "10.0.0.9", ["10.0.0.9"]]),
            vec![ip(Family::IPv4, Some("10.0.0.9"), 0)],
        ),
        (
            json!({"ipFamilyPolicy": "PreferDualStack"}),
            &FOUR,
            json!(["PreferDualStack", ["IPv4"], null, [""]]),
            vec![ip(Family::IPv4, None, 0)],
        ),
        (
            json!({"ipFamilyPolicy": "PreferDualStack"}),
            &BOTH,
            json!(["PreferDualStack", ["IPv4", "IPv6"], null, ["", ""]]),
            vec![ip(Family::IPv4, None, 0), ip(Family::IPv6, None, 1)],
        ),
        (
            json!({"ipFamilies": ["IPv6"]}),
            &BOTH,
            json!(["SingleStack", ["IPv6"], null, [""]]),
            vec![ip(Family::IPv6, None, 0)],
        ),
        (
            json!({"clusterIP": "None", "selector": {"a": "b"}}),
            &FOUR,
            json!(["SingleStack", ["IPv4"], "None", ["None"]]),
            vec![],
        ),
        (json!({"clusterIP": "None"}), &FOUR, json!(["RequireDualStack", ["IPv4", "IPv6"], "None", ["None"]]), vec![]),
        (json!({"type": "ExternalName"}), &FOUR, json!([null, null, null, null]), vec![]),
    ];
    for (spec, families, expected, allocate) in rows {
        let mut object = service(spec);
        let plan = plan_create(&mut object, families).unwrap();
        assert_eq!((addresses(&object), plan), (expected, Plan { allocate, release: vec![] }));
    }
}

#[test]
fn families_that_do_not_fit_are_refused() {
    let spec = "spec";
    for (given, expected) in [
        (json!({"ipFamilies": ["IPv6"]}), "ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services",
        ),
        (
            json!({"clusterIP": "fd00::1"}),
            "clusterIPs[0]: Invalid value: [\"fd00::1\"]: IPv6 is not configured on this cluster",
        ),
        (
            json!({"ipFamilies": ["IPv4", "IPv6"]}),
            "ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when \
             multiple IP families are specified",
        ),
        (
            json!({"clusterIPs": ["10.0.0.1"]}),
            "clusterIPs: Invalid value: [\"10.0.0.1\"]: must be empty when `clusterIP` is not specified",
        ),
    ] {
        assert_eq!(said(plan_create(&mut service(given), &FOUR)), [format!("{spec}.{expected}")]);
    }
}

#[test]
fn new_services_get_node_ports() {
    let spec = |ports: Value, rest: Value| merge(&json!({"type": "NodePort", "ports": ports}), &rest);
    let rows = [
        (spec(json!([{"port": 80}, {"port": 81}]), json!({})), vec![port(None, &[0]), port(None, &[1])]),
        (spec(json!([{"port": 53}, {"port": 53, "protocol": "UDP"}]), json!({})), vec![port(None, &[0, 1])]),
        (
            spec(json!([{"port": 53}, {"port": 53, "protocol": "UDP", "nodePort": 30053}]), json!({})),
            vec![port(Some(30053), &[0])],
        ),
        (
            spec(json!([{"port": 53, "nodePort": 30053}, {"port": 53, "protocol": "UDP"}]), json!({})),
            vec![port(Some(30053), &[0])],
        ),
        (
            spec(
                json!([{"port": 53, "nodePort": 30053}, {"port": 53, "protocol": "UDP", "nodePort": 30054}]),
                json!({}),
            ),
            vec![port(Some(30053), &[0]), port(Some(30054), &[1])],
        ),
        (
            spec(
                json!([{"port": 80}, {"port": 81, "nodePort": 30081}]),
                json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false}),
            ),
            vec![port(Some(30081), &[1])],
        ),
        (
            spec(
                json!([{"port": 80, "nodePort": 30080}]),
                json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}),
            ),
            vec![port(Some(30080), &[0]), Allocation::HealthCheckNodePort { wanted: None }],
        ),
    ];
    for (spec, expected) in rows {
        let mut object = service(spec.clone());
        let plan = plan_create(&mut object, &FOUR).unwrap();
        assert_eq!(plan.allocate[0], ip(Family::IPv4, None, 0));
        assert_eq!(plan.allocate[1..], expected, "{spec}");
    }
}

#[test]
fn grants_are_written() {
    let mut object = service(json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [
        {"port": 53, "name": "t"}, {"port": 53, "name": "u", "protocol": "UDP"}, {"port": 80, "name": "h", "nodePort": 30080}]}));
    let plan = plan_create(&mut object, &FOUR).unwrap();
    let mut next = 31_000;
    for allocation in &plan.allocate {
        let grant = match allocation {
            Allocation::ClusterIp { .. } => Grant::Ip("10.96.0.7".parse().unwrap()),
            Allocation::NodePort { wanted, .. } | Allocation::HealthCheckNodePort { wanted } => {
                next += 1;
                Grant::Port(wanted.unwrap_or(next))
            }
        };
        allocation.grant(&mut object, grant);
    }
    assert_eq!(addresses(&object), json!(["SingleStack", ["IPv4"], "10.96.0.7", ["10.96.0.7"]]));
    assert_eq!(node_ports(&object), [31_001, 31_001, 30_080]);
    assert_eq!(object["spec"]["healthCheckNodePort"], 31_003);
    assert_eq!(
        plan_delete(&object),
        [
            Release::ClusterIp("10.96.0.7".parse().unwrap()),
            Release::NodePort(31_001),
            Release::NodePort(31_001),
            Release::NodePort(30_080),
            Release::NodePort(31_003)
        ]
    );
}

#[test]
fn refusals_are_worded() {
    let object = json!({"metadata": {"name": "web"}, "spec": {"clusterIP": "10.0.0.9", "clusterIPs": ["10.0.0.9"]}});
    let wanted: IpAddr = "10.0.0.9".parse().unwrap();
    for (allocation, refusal, expected) in [
        (
            ip(Family::IPv4, Some("10.0.0.9"), 0),
            Refusal::IpTaken,
            "spec.clusterIPs: Invalid value: [\"10.0.0.9\"]: failed to allocate IP 10.0.0.9: provided IP is already allocated",
        ),
        (
            ip(Family::IPv4, Some("10.0.0.9"), 0),
            Refusal::IpOutOfRange { ip: wanted, range: "10.96.0.0/12".to_owned() },
            "spec.clusterIPs: Invalid value: [\"10.0.0.9\"]: failed to allocate IP 10.0.0.9: the provided IP (10.0.0.9) \
             is not in the valid range. The range of valid IPs is 10.96.0.0/12",
        ),
        (ip(Family::IPv4, None, 0), Refusal::Full, "failed to allocate a serviceIP for Service \"web\": range is full"),
        (
            port(Some(30000), &[2]),
            Refusal::PortTaken,
            "spec.ports[2].nodePort: Invalid value: 30000: provided port is already allocated",
        ),
        (
            port(Some(80), &[0]),
            Refusal::PortOutOfRange("30000-32767".to_owned()),
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports \
             is 30000-32767",
        ),
        (port(None, &[0]), Refusal::Full, "failed to allocate a nodePort: range is full"),
        (
            Allocation::HealthCheckNodePort { wanted: Some(30000) },
            Refusal::PortTaken,
            "failed to allocate requested HealthCheck NodePort 30000: provided port is already allocated",
        ),
    ] {
        assert_eq!(said(Err(allocation.refused(&object, &refusal))), [expected]);
    }
}

#[test]
fn updates_keep_take_and_release() {
    let stored = |patch: Value| {
        let base = json!({"ports": [{"port": 80, "name": "a"}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"});
        service(merge(&base, &patch))
    };
    let node_port = json!({"type": "NodePort", "ports": [{"port": 80, "name": "a", "nodePort": 30080}]});
    let first: IpAddr = "10.0.0.1".parse().unwrap();
    let dual = json!({"clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"});
    let second: IpAddr = "fd00::1".parse().unwrap();
    let rows = [
        ("the same manifest again", json!({}), json!({"ports": [{"port": 80, "name": "a"}]}), vec![], vec![]),
        (
            "node ports stay by name",
            node_port.clone(),
            json!({"type": "NodePort", "ports": [{"port": 80, "name": "a"}]}),
            vec![],
            vec![],
        ),
        (
            "a new node port",
            json!({}),
            json!({"type": "NodePort", "ports": [{"port": 80, "name": "a"}]}),
            vec![port(None, &[0])],
            vec![],
        ),
        (
            "another node port",
            node_port.clone(),
            json!({"type": "NodePort", "ports": [{"port": 80, "name": "a", "nodePort": 30081}]}),
            vec![port(Some(30081), &[0])],
            vec![Release::NodePort(30080)],
        ),
        (
            "back to a cluster address",
            node_port,
            json!({"type": "ClusterIP", "ports": [{"port": 80, "name": "a"}]}),
            vec![],
            vec![Release::NodePort(30080)],
        ),
        (
            "to an external name",
            json!({}),
            json!({"type": "ExternalName", "externalName": "a.b"}),
            vec![],
            vec![Release::ClusterIp(first)],
        ),
        (
            "to both families",
            json!({}),
            json!({"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 80, "name": "a"}]}),
            vec![ip(Family::IPv6, None, 1)],
            vec![],
        ),
        (
            "to one family",
            dual.clone(),
            merge(&dual, &json!({"clusterIP": "10.0.0.1", "ipFamilyPolicy": "SingleStack", "ports": [{"port": 80}]})),
            vec![],
            vec![Release::ClusterIp(second)],
        ),
        (
            "from an external name",
            json!({"type": "ExternalName", "clusterIP": null, "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null}),
            json!({"ports": [{"port": 80}]}),
            vec![ip(Family::IPv4, None, 0)],
            vec![],
        ),
        (
            "a health check",
            json!({"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30080}]}),
            json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000, "ports": [{"port": 80}]}),
            vec![Allocation::HealthCheckNodePort { wanted: Some(32000) }],
            vec![],
        ),
    ];
    for (what, old, new, allocate, release) in rows {
        let (old, mut new) = (stored(old), service(new));
        let plan = plan_update(&mut new, &old, &BOTH);
        assert_eq!(plan, Ok(Plan { allocate, release }), "{what}");
    }
    let mut clash = service(json!({"type": "NodePort", "ports": [
        {"port": 80, "name": "a", "nodePort": 30080}, {"port": 81, "name": "b", "nodePort": 30080}]}));
    assert_eq!(said(plan_update(&mut clash, &stored(json!({})), &FOUR)), ["duplicate nodePort: {TCP 30080}"]);
}
