//! Services: defaults, rules, preparation, warnings.

use serde_json::{Value, json};

use super::ServiceStrategy;
use crate::kind::Strategy;
use crate::kind::test_rows::{check_create, check_update, create, request, update};
use crate::patch::merge;

fn base() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "u", "resourceVersion": "1"},
        "spec": {"ports": [{"port": 80}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"],
                 "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"},
        "status": {"loadBalancer": {}},
    })
}

#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
fn ports(ports: Value) -> Value {
    json!({"spec": {"ports": ports}})
}

#[test]
fn defaults() {
    let default = |patch: Value| {
        let mut object = merge(&json!({"spec": {"ports": [{"port": 80}]}}), &patch);
        ServiceStrategy.default(&mut object);
        let once = object.clone();
        ServiceStrategy.default(&mut object);
        assert_eq!(object, once, "idempotent");
        object
    };
    assert_eq!(
        default(json!({})),
        json!({"spec": {
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            "sessionAffinity": "None", "type": "ClusterIP", "internalTrafficPolicy": "Cluster",
        }})
    );
    assert_eq!(
        default(json!({
            "spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP", "ports": [{"port": 1, "targetPort": "http", "protocol": "UDP"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "a.b"}]}},
        })),
        json!({
            "spec": {
                "type": "LoadBalancer", "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
                "ports": [{"port": 1, "targetPort": "http", "protocol": "UDP"}],
                "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster",
                "allocateLoadBalancerNodePorts": true,
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4", "ipMode": "VIP"}, {"hostname": "a.b"}]}},
        })
    );
    let external = default(json!({"spec": {"type": "ExternalName", "ports": null}}));
    assert_eq!(external, json!({"spec": {"type": "ExternalName", "sessionAffinity": "None"}}));
    let outside = default(json!({"spec": {"externalIPs": ["1.2.3.4"]}}));
    assert_eq!(outside["spec"]["externalTrafficPolicy"], "Cluster");
    let config =
        json!({"spec": {"sessionAffinity": "None", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}}}});
    assert_eq!(default(config)["spec"].get("sessionAffinityConfig"), None);
}

#[test]
fn creation() {
    const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
        start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    const ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
    let label = format!("spec.ports[0].name: Invalid value: \"A\": {LABEL}");
    let source = format!("spec.LoadBalancerSourceRanges: Forbidden: {ONLY}");
    let class = format!("spec.loadBalancerClass: Forbidden: {ONLY}");
    let allocate = format!("spec.allocateLoadBalancerNodePorts: Forbidden: {ONLY}");
    let annotation = "metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]";
    let annotated = format!("{annotation}: Forbidden: {ONLY}");
    let cidr =
        format!("{annotation}: Invalid value: \"x\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    check_create(
        &ServiceStrategy,
        &base(),
        &[
            (json!({"metadata": {"name": "1web"}}), &[]),
            (json!({"spec": {"ports": null}}), &["spec.ports: Required value"]),
            (ports(json!([{"port": 80, "name": "A"}])), &[&label]),
            (ports(json!([{"port": 80}, {"port": 81, "name": "b"}])), &["spec.ports[0].name: Required value"]),
            (
                ports(json!([{"port": 80, "name": "a"}, {"port": 81, "name": "a"}])),
                &["spec.ports[1].name: Duplicate value: \"a\""],
            ),
            (
                ports(json!([{"port": 0}])),
                &[
                    "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                    "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
                ],
            ),
            (
                ports(json!([{"port": 80, "protocol": "ICMP"}])),
                &["spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\""],
            ),
            (
                ports(json!([{"port": 80, "name": "a"}, {"port": 80, "name": "b"}])),
                &[
                    "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\
                   \"TargetPort\":0,\"NodePort\":0}",
                ],
            ),
            (ports(json!([{"port": 80, "name": "a"}, {"port": 80, "name": "b", "protocol": "UDP"}])), &[]),
            (
                ports(json!([{"port": 80, "nodePort": 30000}])),
                &["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
            ),
            (
                json!({"spec": {"type": "NodePort", "ports": [
                    {"port": 80, "name": "a", "nodePort": 30000}, {"port": 81, "name": "b", "nodePort": 30000}]}}),
                &["spec.ports[1].nodePort: Duplicate value: 30000"],
            ),
            (
                ports(json!([{"port": 80, "targetPort": "-x"}])),
                &["spec.ports[0].targetPort: Invalid value: \"-x\": must not begin or end with a hyphen"],
            ),
            (
                json!({"spec": {"type": "Odd"}}),
                &["spec.type: Unsupported value: \"Odd\": supported values: \"ClusterIP\", \"ExternalName\", \
                   \"LoadBalancer\", \"NodePort\""],
            ),
            (
                json!({"spec": {"type": "NodePort", "clusterIP": "None", "clusterIPs": ["None"]}}),
                &["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
            ),
            (json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": null}}), &[]),
            (
                json!({"spec": {"type": "ExternalName"}}),
                &[
                    "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
                    "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
                    "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
                    "spec.externalName: Required value",
                ],
            ),
            (
                json!({"spec": {"sessionAffinity": "Sticky"}}),
                &["spec.sessionAffinity: Unsupported value: \"Sticky\": supported values: \"ClientIP\", \"None\""],
            ),
            (
                json!({"spec": {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}}}),
                &[
                    "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and \
                   less than 86400",
                ],
            ),
            (json!({"spec": {"clusterIPs": []}}), &["spec.clusterIPs: Required value"]),
            (
                json!({"spec": {"clusterIP": "10.0.0.2"}}),
                &["spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: first value must match `clusterIP`"],
            ),
            (
                json!({"spec": {"clusterIP": null}}),
                &["spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: must be empty when `clusterIP` is not specified"],
            ),
            (
                json!({"spec": {"clusterIP": "x", "clusterIPs": ["x"]}}),
                &["spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or \
                   2001:db8::ffff)"],
            ),
            (
                json!({"spec": {"clusterIP": "None", "clusterIPs": ["None", "10.0.0.1"]}}),
                &["spec.clusterIPs: Invalid value: [\"None\",\"10.0.0.1\"]: 'None' must be the first and only value"],
            ),
            (
                json!({"spec": {"clusterIPs": ["10.0.0.1", "10.0.0.2"]}}),
                &["spec.clusterIPs: Invalid value: [\"10.0.0.1\",\"10.0.0.2\"]: may specify no more than one IP for \
                   each IP family"],
            ),
            (
                json!({"spec": {"ipFamilies": ["IPv6"]}}),
                &[
                    "spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by `ipFamilies[0]`",
                ],
            ),
            (json!({"spec": {"ipFamilies": ["IPv4", "IPv4"]}}), &["spec.ipFamilies[1]: Duplicate value: \"IPv4\""]),
            (
                json!({"spec": {"ipFamilies": ["IPv4", "IPX"]}}),
                &["spec.ipFamilies[1]: Unsupported value: \"IPX\": supported values: \"IPv4\", \"IPv6\""],
            ),
            (
                json!({"spec": {"ipFamilyPolicy": "Any"}}),
                &["spec.ipFamilyPolicy: Unsupported value: \"Any\": supported values: \"PreferDualStack\", \
                   \"RequireDualStack\", \"SingleStack\""],
            ),
            (
                json!({"spec": {"externalIPs": ["127.0.0.1"]}}),
                &["spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, \
                   ::1/128)"],
            ),
            (
                json!({"spec": {"externalIPs": ["1.2.3.04"]}}),
                &["spec.externalIPs[0]: Invalid value: \"1.2.3.04\": must not have leading 0s"],
            ),
            (json!({"spec": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}), &[&source]),
            (
                json!({"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": [" 10.0.0.1/8"]}}),
                &[
                    "spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.1/8\": must not have bits set beyond the \
                   prefix length",
                ],
            ),
            (
                json!({"metadata": {"annotations": {"service.beta.kubernetes.io/load-balancer-source-ranges": "x"}}}),
                &[&annotated, &cidr],
            ),
            (json!({"spec": {"allocateLoadBalancerNodePorts": true}}), &[&allocate]),
            (json!({"spec": {"loadBalancerClass": "a/b"}}), &[&class]),
            (
                json!({"spec": {"externalTrafficPolicy": "Local"}}),
                &["spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible \
                   services"],
            ),
            (
                json!({"spec": {"type": "NodePort", "externalTrafficPolicy": "Odd"}}),
                &["spec.externalTrafficPolicy: Unsupported value: \"Odd\": supported values: \"Cluster\", \"Local\""],
            ),
            (
                json!({"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}}),
                &["spec.healthCheckNodePort: Required value"],
            ),
            (
                json!({"spec": {"healthCheckNodePort": 30000}}),
                &["spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and \
                   `externalTrafficPolicy` is 'Local'"],
            ),
            (
                json!({"spec": {"internalTrafficPolicy": "Odd"}}),
                &["spec.internalTrafficPolicy: Unsupported value: \"Odd\": supported values: \"Cluster\", \"Local\""],
            ),
            (
                json!({"spec": {"trafficDistribution": "Odd"}}),
                &["spec.trafficDistribution: Unsupported value: \"Odd\": supported values: \"PreferClose\", \
                   \"PreferSameZone\", \"PreferSameNode\""],
            ),
            (
                json!({"metadata": {"annotations": {
                    "service.kubernetes.io/topology-mode": "Auto", "service.kubernetes.io/topology-aware-hints": "Disabled"}}}),
                &["metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: \"Auto\": must match \
                   annotations[service.kubernetes.io/topology-aware-hints] when both are specified"],
            ),
        ],
    );
}

#[test]
fn updates() {
    let to_external = json!({"spec": {"type": "ExternalName", "externalName": "a.example.com"}});
    let local =
        json!({"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30001}});
    check_update(
        &ServiceStrategy,
        "",
        &base(),
        &[
            (
                json!({}),
                json!({"spec": {"clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.2"]}}),
                &["spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set"],
            ),
            (
                json!({}),
                json!({"spec": {"clusterIP": null, "clusterIPs": null}}),
                &["spec.clusterIPs[0]: Invalid value: null: primary clusterIP can not be unset"],
            ),
            (
                json!({"spec": {"clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "PreferDualStack"}}),
                json!({"spec": {"clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"]}}),
                &[
                    "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when \
                   releasing the secondary clusterIP",
                    "spec.ipFamilyPolicy: Invalid value: \"PreferDualStack\": must be set to 'SingleStack' when \
                   releasing the secondary ipFamily",
                ],
            ),
            (json!({}), to_external.clone(), &[]),
            (
                json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": "a/b"}}),
                json!({"spec": {"loadBalancerClass": "a/c"}}),
                &["spec.loadBalancerClass: Invalid value: \"a/c\": may not change once set"],
            ),
            (
                local.clone(),
                json!({"spec": {"healthCheckNodePort": 30002}}),
                &["spec.healthCheckNodePort: Forbidden: field is immutable"],
            ),
            (json!({"spec": {"externalIPs": ["1.2.3.04"]}}), json!({"metadata": {"labels": {"a": "b"}}}), &[]),
            (
                json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30000}]}}),
                json!({"spec": {"type": "ClusterIP", "externalTrafficPolicy": null}}),
                &[],
            ),
        ],
    );
    let (object, _) = update(&ServiceStrategy, "", &base(), &json!({}), &to_external);
    assert_eq!(
        object["spec"],
        json!({"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}], "sessionAffinity": "None",
               "type": "ExternalName", "internalTrafficPolicy": "Cluster", "externalName": "a.example.com"})
    );
    let mut canonical = object;
    ServiceStrategy.canonicalise(&mut canonical);
    assert_eq!(canonical["spec"].get("internalTrafficPolicy"), None);

    let (object, said) = update(&ServiceStrategy, "", &base(), &local, &json!({"spec": {"type": "ClusterIP"}}));
    assert_eq!(said, Vec::<String>::new());
    for gone in ["healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"] {
        assert_eq!(object["spec"].get(gone), None, "{gone}");
    }
}

#[test]
fn status() {
    let ingress = |ingress: Value| json!({"status": {"loadBalancer": {"ingress": [ingress]}}});
    let balanced = json!({"spec": {"type": "LoadBalancer"}});
    let path = "status.loadBalancer.ingress";
    check_update(
        &ServiceStrategy,
        "status",
        &base(),
        &[
            (
                json!({}),
                ingress(json!({"ip": "1.2.3.4"})),
                &["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
            ),
            (balanced.clone(), ingress(json!({"ip": "1.2.3.4"})), &[]),
            (
                balanced.clone(),
                ingress(json!({"ip": "1.2.3"})),
                &[&format!(
                    "{path}[0].ip: Invalid value: \"1.2.3\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
                )],
            ),
            (
                balanced.clone(),
                ingress(json!({"ip": "1.2.3.4", "ipMode": "Odd"})),
                &[&format!("{path}[0].ipMode: Unsupported value: \"Odd\": supported values: \"Proxy\", \"VIP\"")],
            ),
            (
                balanced.clone(),
                ingress(json!({"hostname": "a", "ipMode": "VIP"})),
                &[&format!("{path}[0].ipMode: Forbidden: may not be specified when `ip` is not set")],
            ),
            (
                balanced.clone(),
                ingress(json!({"hostname": "1.2.3.4"})),
                &[&format!("{path}[0].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address")],
            ),
        ],
    );
    let (object, _) = update(&ServiceStrategy, "status", &base(), &balanced, &json!({"spec": {"type": "ClusterIP"}}));
    assert_eq!(object["spec"]["type"], "LoadBalancer");
    let (object, _) = create(&ServiceStrategy, &base(), &ingress(json!({"ip": "1.2.3.4"})));
    assert_eq!(object["status"], json!({"loadBalancer": {}}));
}

#[test]
fn warnings() {
    for (patch, expected) in [
        (json!({}), vec![]),
        (
            json!({"metadata": {"annotations": {"service.kubernetes.io/topology-aware-hints": "Auto"}}}),
            vec![
                "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use \
                 service.kubernetes.io/topology-mode instead",
            ],
        ),
        (
            json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"], "externalIPs": ["1.2.3.4"], "sessionAffinity": "ClientIP"}}),
            vec![
                "spec.externalIPs is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
        ),
        (
            json!({"spec": {"externalIPs": ["1.2.3.4"]}}),
            vec!["spec.externalIPs is deprecated and may no longer be implemented in some clusters"],
        ),
        (
            json!({"spec": {"externalName": "a"}}),
            vec!["spec.externalName is ignored when spec.type is not \"ExternalName\""],
        ),
        (
            json!({"spec": {"trafficDistribution": "PreferClose"}}),
            vec!["spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""],
        ),
    ] {
        let (object, _) = create(&ServiceStrategy, &base(), &patch);
        assert_eq!(ServiceStrategy.warnings(&request(""), &object, None), expected, "{patch}");
    }
}
