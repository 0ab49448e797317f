//! EndpointSlices: defaults, rules (handwritten and declared), generations, topology.

use serde_json::{Value, json};

use super::EndpointSliceStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request, update};

fn base() -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "1", "generation": 3},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.1.2.3"]}],
        "ports": [{"port": 80}],
    })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
fn endpoint(endpoint: Value) -> Value {
    json!({"endpoints": [endpoint]})
}

#[test]
fn rules() {
    let many = |count: usize| (0..count).map(|at| format!("10.1.{}.{}", at / 250, at % 250 + 1)).collect::<Vec<_>>();
    let zones = |count: usize| (0..count).map(|at| json!({"name": format!("z{at}")})).collect::<Vec<_>>();
    check_create(
        &EndpointSliceStrategy,
        &base(),
        &[
            (json!({"addressType": "FQDN", "endpoints": [{"addresses": ["a.example.com"]}]}), &[]),
            (json!({"addressType": null}), &["addressType: Required value"]),
            (
                json!({"addressType": "IPX"}),
                &["addressType: Unsupported value: \"IPX\": supported values: \"FQDN\", \"IPv4\", \"IPv6\""],
            ),
            // The declared sentence has no reason and comes last.
            (
                json!({"endpoints": [{"addresses": []}], "ports": [{"port": 1, "protocol": "X"}]}),
                &[
                    "ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                    "endpoints[0].addresses: Required value",
                ],
            ),
            (
                endpoint(json!({"addresses": many(101)})),
                &["endpoints[0].addresses: Too many: 101: must have at most 100 items"],
            ),
            (
                endpoint(json!({"addresses": ["x"]})),
                &["endpoints[0].addresses[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or \
                   2001:db8::ffff)"],
            ),
            (
                endpoint(json!({"addresses": ["fd00::1"]})),
                &["endpoints[0].addresses: Invalid value: \"fd00::1\": must be an IPv4 address"],
            ),
            (
                json!({"addressType": "IPv6", "endpoints": [{"addresses": ["FD00::1"]}]}),
                &["endpoints[0].addresses[0]: Invalid value: \"FD00::1\": must be in canonical form (\"fd00::1\")"],
            ),
            (
                json!({"addressType": "IPv6"}),
                &["endpoints[0].addresses: Invalid value: \"10.1.2.3\": must be an IPv6 address"],
            ),
            (
                json!({"addressType": "FQDN", "endpoints": [{"addresses": ["a"]}]}),
                &["endpoints[0].addresses[0]: Invalid value: \"a\": should be a domain with at least two segments \
                   separated by dots"],
            ),
            (
                endpoint(json!({"addresses": ["169.254.1.1"]})),
                &["endpoints[0].addresses[0]: Invalid value: \"169.254.1.1\": may not be in the link-local range \
                   (169.254.0.0/16, fe80::/10)"],
            ),
            (
                json!({"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}),
                &["ports[1].name: Duplicate value: \"a\""],
            ),
            (
                endpoint(json!({"addresses": ["10.1.2.3"], "hints": {"forZones": [{"name": "a"}, {"name": "a"}]}})),
                &["endpoints[0].hints.forZones[1].name: Duplicate value: \"a\""],
            ),
            (
                endpoint(json!({"addresses": ["10.1.2.3"], "hints": {"forZones": zones(9)}})),
                &["endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"],
            ),
        ],
    );
    check_update(
        &EndpointSliceStrategy,
        "",
        &base(),
        &[
            (
                json!({"endpoints": []}),
                json!({"addressType": "IPv6"}),
                &["addressType: Invalid value: null: field is immutable"],
            ),
            (endpoint(json!({"addresses": ["x"]})), json!({"metadata": {"labels": {"a": "b"}}}), &[]),
        ],
    );
}

#[test]
fn preparation() {
    let (object, _) = create(
        &EndpointSliceStrategy,
        &base(),
        &endpoint(json!({
        "addresses": ["10.1.2.3"], "deprecatedTopology": {"kubernetes.io/hostname": "n1"}})),
    );
    assert_eq!(object["metadata"]["generation"], 1);
    assert_eq!(object["endpoints"], json!([{"addresses": ["10.1.2.3"]}]));
    assert_eq!(object["ports"], json!([{"port": 80, "name": "", "protocol": "TCP"}]));

    let topology = json!({"kubernetes.io/hostname": "n1", "x": "y"});
    let before = endpoint(json!({"addresses": ["10.1.2.3"], "deprecatedTopology": topology}));
    let after = endpoint(json!({"addresses": ["10.1.2.4"], "deprecatedTopology": topology}));
    let (object, _) = update(&EndpointSliceStrategy, "", &base(), &before, &after);
    assert_eq!(object["endpoints"], json!([{"addresses": ["10.1.2.4"], "nodeName": "n1"}]));
    for (patch, generation) in [
        (json!({}), 3),
        (json!({"metadata": {"annotations": {"a": "b"}}}), 3),
        (json!({"metadata": {"labels": {"a": "b"}}}), 4),
        (json!({"ports": []}), 4),
    ] {
        let (object, _) = update(&EndpointSliceStrategy, "", &base(), &json!({}), &patch);
        assert_eq!(object["metadata"]["generation"], generation, "{patch}");
    }
}

#[test]
fn warnings() {
    let (object, _) = create(&EndpointSliceStrategy, &base(), &json!({"addressType": "FQDN", "endpoints": []}));
    let warned = ["spec.addressType: FQDN endpoints are deprecated"];
    assert_eq!(EndpointSliceStrategy.warnings(&request(""), &object, None), warned);
    assert_eq!(EndpointSliceStrategy.warnings(&request(""), &object, Some(&object)), Vec::<String>::new());
}
