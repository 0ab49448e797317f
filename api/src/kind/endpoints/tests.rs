//! Endpoints: defaults, rules, warnings.

use serde_json::{Value, json};

use super::EndpointsStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request};

fn base() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "1"},
        "subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}],
    })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
fn subset(subset: Value) -> Value {
    json!({"subsets": [subset]})
}

#[test]
fn rules() {
    let good = json!([{"ip": "10.1.2.3"}]);
    let (object, _) = create(&EndpointsStrategy, &base(), &json!({}));
    assert_eq!(object["subsets"][0]["ports"], json!([{"port": 80, "protocol": "TCP"}]));
    check_create(
        &EndpointsStrategy,
        &base(),
        &[
            (json!({"subsets": null}), &[]),
            (
                subset(json!({"ports": [{"port": 80}]})),
                &["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
            ),
            (
                subset(json!({"addresses": [{"ip": "x"}]})),
                &[
                    "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or \
                     2001:db8::ffff)",
                    "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address",
                ],
            ),
            (
                subset(json!({"notReadyAddresses": [{"ip": "127.0.0.1"}]})),
                &[
                    "subsets[0].notReadyAddresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range \
                   (127.0.0.0/8, ::1/128)",
                ],
            ),
            (
                subset(json!({"addresses": [{"ip": "0.0.0.0"}, {"ip": "fe80::1"}, {"ip": "224.0.0.9"}]})),
                &[
                    "subsets[0].addresses[0].ip: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)",
                    "subsets[0].addresses[1].ip: Invalid value: \"fe80::1\": may not be in the link-local range \
                     (169.254.0.0/16, fe80::/10)",
                    "subsets[0].addresses[2].ip: Invalid value: \"224.0.0.9\": may not be in the link-local multicast \
                     range (224.0.0.0/24, ff02::/10)",
                ],
            ),
            (
                subset(json!({"addresses": good, "ports": [{"port": 1}, {"port": 2, "name": "b"}]})),
                &["subsets[0].ports[0].name: Required value"],
            ),
            (
                subset(json!({"addresses": good, "ports": [{"port": 70000, "protocol": "X"}]})),
                &[
                    "subsets[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
                    "subsets[0].ports[0].protocol: Unsupported value: \"X\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                ],
            ),
        ],
    );
    let bad = subset(json!({"addresses": [{"ip": "x"}]}));
    check_update(&EndpointsStrategy, "", &base(), &[(bad, json!({"metadata": {"labels": {"a": "b"}}}), &[])]);
}

#[test]
fn warnings() {
    let odd = subset(json!({"addresses": [{"ip": "1.2.3.04"}], "notReadyAddresses": [{"ip": "2001:DB8::1"}]}));
    let (mut object, _) = create(&EndpointsStrategy, &base(), &odd);
    assert_eq!(
        EndpointsStrategy.warnings(&request(""), &object, None),
        [
            "subsets[0].addresses[0].ip: non-standard IP address \"1.2.3.04\" is invalid: use \"1.2.3.4\"",
            "subsets[0].notReadyAddresses[0].ip: IPv6 address \"2001:DB8::1\" should be in RFC 5952 canonical format \
             (\"2001:db8::1\")",
        ]
    );
    object["metadata"]["labels"] = json!({"endpoints.kubernetes.io/managed-by": "endpoint-controller"});
    assert_eq!(EndpointsStrategy.warnings(&request(""), &object, None), Vec::<String>::new());
}
