//! The table of requests and what upstream reads in them.

use super::*;

/// Method, URL; verb, prefix, group, version, namespace, resource, subresource, name, parts.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const RESOURCES: &[Row] = &[
    ("GET", "/api/v1/namespaces", "list", "api", "", "v1", "", "namespaces", "", "", "namespaces"),
    ("GET", "/api/v1/namespaces/", "list", "api", "", "v1", "", "namespaces", "", "", "namespaces"),
    ("GET", "/api/v1/namespaces/ns", "get", "api", "", "v1", "ns", "namespaces", "", "ns", "namespaces|ns"),
    ("PATCH", "/api/v1/namespaces/ns", "patch", "api", "", "v1", "ns", "namespaces", "", "ns", "namespaces|ns"),
    ("DELETE", "/api/v1/namespaces/ns", "delete", "api", "", "v1", "ns", "namespaces", "", "ns", "namespaces|ns"),
    ("POST", "/api/v1/namespaces", "create", "api", "", "v1", "", "namespaces", "", "", "namespaces"),
    ("DELETE", "/api/v1/namespaces", "deletecollection", "api", "", "v1", "", "namespaces", "", "", "namespaces"),
    ("PUT", "/api/v1/namespaces/ns/finalize", "update", "api", "", "v1", "ns", "namespaces", "finalize", "ns", "namespaces|ns|finalize"),
    ("PUT", "/api/v1/namespaces/ns/status", "update", "api", "", "v1", "ns", "namespaces", "status", "ns", "namespaces|ns|status"),
    ("GET", "/api/v1/namespaces/ns/finalizers", "list", "api", "", "v1", "ns", "finalizers", "", "", "finalizers"),
    ("GET", "/api/v1/namespaces/ns/pods", "list", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("HEAD", "/api/v1/namespaces/ns/pods", "list", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("POST", "/api/v1/namespaces/ns/pods", "create", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("DELETE", "/api/v1/namespaces/ns/pods", "deletecollection", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("GET", "/api/v1/namespaces/ns/pods/p", "get", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("HEAD", "/api/v1/namespaces/ns/pods/p", "get", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("PUT", "/api/v1/namespaces/ns/pods/p", "update", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("PATCH", "/api/v1/namespaces/ns/pods/p", "patch", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("DELETE", "/api/v1/namespaces/ns/pods/p", "delete", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("OPTIONS", "/api/v1/namespaces/ns/pods/p", "", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("TRACE", "/api/v1/pods", "", "api", "", "v1", "", "pods", "", "", "pods"),
    ("get", "/api/v1/pods", "", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/nodes/n", "get", "api", "", "v1", "", "nodes", "", "n", "nodes|n"),
    ("DELETE", "/api/v1/nodes", "deletecollection", "api", "", "v1", "", "nodes", "", "", "nodes"),
    ("GET", "/api/v1/nodes/n/proxy/metrics", "get", "api", "", "v1", "", "nodes", "proxy", "n", "nodes|n|proxy|metrics"),
    ("GET", "/api/v1/namespaces/ns/pods/p/status", "get", "api", "", "v1", "ns", "pods", "status", "p", "pods|p|status"),
    ("PATCH", "/api/v1/namespaces/ns/pods/p/status", "patch", "api", "", "v1", "ns", "pods", "status", "p", "pods|p|status"),
    ("POST", "/api/v1/namespaces/ns/pods/p/binding", "create", "api", "", "v1", "ns", "pods", "binding", "p", "pods|p|binding"),
    ("POST", "/api/v1/namespaces/ns/pods/p/eviction", "create", "api", "", "v1", "ns", "pods", "eviction", "p", "pods|p|eviction"),
    ("GET", "/api/v1/namespaces/ns/pods/p/exec", "get", "api", "", "v1", "ns", "pods", "exec", "p", "pods|p|exec"),
    ("POST", "/api/v1/namespaces/ns/pods/p/exec", "create", "api", "", "v1", "ns", "pods", "exec", "p", "pods|p|exec"),
    ("GET", "/api/v1/namespaces/ns/pods/p/attach", "get", "api", "", "v1", "ns", "pods", "attach", "p", "pods|p|attach"),
    ("POST", "/api/v1/namespaces/ns/pods/p/portforward", "create", "api", "", "v1", "ns", "pods", "portforward", "p", "pods|p|portforward"),
    ("GET", "/api/v1/namespaces/ns/pods/p/log", "get", "api", "", "v1", "ns", "pods", "log", "p", "pods|p|log"),
    ("PATCH", "/api/v1/namespaces/ns/pods/p/ephemeralcontainers", "patch", "api", "", "v1", "ns", "pods", "ephemeralcontainers", "p", "pods|p|ephemeralcontainers"),
    ("PATCH", "/api/v1/namespaces/ns/pods/p/resize", "patch", "api", "", "v1", "ns", "pods", "resize", "p", "pods|p|resize"),
    ("GET", "/api/v1/namespaces/ns/pods/p/proxy/sub/path", "get", "api", "", "v1", "ns", "pods", "proxy", "p", "pods|p|proxy|sub|path"),
    ("DELETE", "/api/v1/namespaces/ns/services/https:s:443/proxy", "delete", "api", "", "v1", "ns", "services", "proxy", "https:s:443", "services|https:s:443|proxy"),
    ("POST", "/api/v1/namespaces/ns/serviceaccounts/sa/token", "create", "api", "", "v1", "ns", "serviceaccounts", "token", "sa", "serviceaccounts|sa|token"),
    ("GET", "/api/v1/pods?watch=true", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?watch", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?watch=", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?watch=banana", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?watch=FALSE", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?watch=0", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?watch=1&limit=x", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/namespaces/ns/pods/p?watch=1", "get", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("POST", "/api/v1/namespaces/ns/pods?watch=1", "create", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("GET", "/api/v1/watch/pods", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/watch/namespaces/ns/pods", "watch", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("GET", "/api/v1/watch/namespaces/ns/pods/p", "watch", "api", "", "v1", "ns", "pods", "", "p", "pods|p"),
    ("GET", "/api/v1/watch/namespaces/ns", "watch", "api", "", "v1", "ns", "namespaces", "", "ns", "namespaces|ns"),
    ("POST", "/api/v1/watch/pods", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/apis/apps/v1/watch/deployments?watch=0", "watch", "apis", "apps", "v1", "", "deployments", "", "", "deployments"),
    ("GET", "/api/v1/proxy/namespaces/ns/pods/p/x", "proxy", "api", "", "v1", "ns", "pods", "", "p", "pods|p|x"),
    ("GET", "/api/v1/proxy/nodes/n", "proxy", "api", "", "v1", "", "nodes", "", "n", "nodes|n"),
    ("POST", "/apis/apps/v1/namespaces/ns/deployments", "create", "apis", "apps", "v1", "ns", "deployments", "", "", "deployments"),
    ("GET", "/apis/apps/v1/namespaces/ns/deployments/d/scale", "get", "apis", "apps", "v1", "ns", "deployments", "scale", "d", "deployments|d|scale"),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "list", "apis", "rbac.authorization.k8s.io", "v1", "", "clusterroles", "", "", "clusterroles"),
    ("GET", "/apis/g.io/v1beta1/namespaces/ns/status", "get", "apis", "g.io", "v1beta1", "ns", "namespaces", "status", "ns", "namespaces|ns|status"),
    ("DELETE", "/apis/batch/v1/namespaces/ns/jobs", "deletecollection", "apis", "batch", "v1", "ns", "jobs", "", "", "jobs"),
    ("GET", "/api/v1/namespaces/ns/pods?fieldSelector=metadata.name%3Dp", "list", "api", "", "v1", "ns", "pods", "", "p", "pods"),
    ("GET", "/api/v1/namespaces/ns/secrets?watch=true&fieldSelector=metadata.name=s", "watch", "api", "", "v1", "ns", "secrets", "", "s", "secrets"),
    ("GET", "/api/v1/pods?fieldSelector=spec.nodeName=n,metadata.name==p", "list", "api", "", "v1", "", "pods", "", "p", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name!=p", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=p,foo", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=p,foo&watch=1", "watch", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=p&labelSelector=a+in", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=p&limit=abc", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=p&limit=5&timeoutSeconds=", "list", "api", "", "v1", "", "pods", "", "p", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=a%2Fb", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods?fieldSelector=metadata.name=..", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("DELETE", "/api/v1/namespaces/ns/pods?fieldSelector=metadata.name=p", "deletecollection", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("GET", "/api/v1/namespaces/ns%2Fpods", "list", "api", "", "v1", "ns", "pods", "", "", "pods"),
    ("GET", "/api/v1//pods", "get", "api", "", "v1", "", "", "", "pods", "|pods"),
    ("GET", "/api/v1/namespaces//pods", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "//api/v1/pods//", "list", "api", "", "v1", "", "pods", "", "", "pods"),
    ("GET", "/api/v1/pods/p%20q", "get", "api", "", "v1", "", "pods", "", "p q", "pods|p q"),
];

fn parse(method: &str, url: &str) -> Result<RequestInfo, RequestInfoError> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    RequestInfo::parse(method, path, query)
}

#[test]
fn resource_requests() {
    assert!(RESOURCES.len() >= 60);
    for (method, url, verb, prefix, group, version, namespace, resource, subresource, name, parts) in RESOURCES {
        let info = parse(method, url).expect("readable");
        let joined = info.parts.join("|");
        let read = [
            &info.verb,
            &info.api_prefix,
            &info.api_group,
            &info.api_version,
            &info.namespace,
            &info.resource,
            &info.subresource,
            &info.name,
            &joined,
        ]
        .map(String::as_str);
        assert!(info.is_resource_request, "{method} {url}");
        let expected = [*verb, prefix, group, version, namespace, resource, subresource, name, parts];
        assert_eq!(read, expected, "{method} {url}");
    }
}

#[test]
fn other_requests() {
    let rows = [
        ("GET", "/", "get", ""),
        ("GET", "", "get", ""),
        ("POST", "/livez", "post", ""),
        ("GET", "/readyz/etcd", "get", ""),
        ("OPTIONS", "/version", "options", ""),
        ("GET", "/api", "get", ""),
        ("GET", "/api/", "get", ""),
        ("GET", "/api/v1", "get", ""),
        ("GET", "/api/v1/", "get", ""),
        ("GET", "/apis", "get", ""),
        ("GET", "/apis/apps", "get", ""),
        ("GET", "/apis/apps/v1", "get", "apis"),
        ("GET", "/apis/apps/v1/", "get", "apis"),
        ("DELETE", "/apis/apps/v1?watch=1", "delete", "apis"),
        ("GET", "/not-api/v1/pods", "get", ""),
        ("GET", "/API/v1/pods", "get", ""),
        ("GET", "/openapi/v3/apis/apps/v1", "get", ""),
        ("GET", "/debug/pprof/heap", "get", ""),
    ];
    for (method, url, verb, prefix) in rows {
        let info = parse(method, url).expect("readable");
        assert!(!info.is_resource_request, "{url}");
        assert_eq!((info.verb.as_str(), info.api_prefix.as_str()), (verb, prefix), "{url}");
        assert_eq!(info.path, url.split('?').next().unwrap_or_default());
        assert!(info.resource.is_empty() && info.name.is_empty() && info.namespace.is_empty(), "{url}");
    }
}

#[test]
fn unreadable_requests() {
    let message = parse("GET", "/api/v1/watch?x=1").expect_err("nothing behind the verb").to_string();
    assert_eq!(message, "unable to determine kind and namespace from url, /api/v1/watch?x=1");
    assert!(parse("GET", "/apis/apps/v1/proxy/").is_err());
    assert_eq!(parse("GET", "/api/v1/pods/%zz"), Err(RequestInfoError::BrokenEscape));
}

#[test]
fn selectors_are_noted_where_they_select() {
    let noted = |method, url| parse(method, url).map(|info| (info.field_selector, info.label_selector));
    let both = "/api/v1/pods?fieldSelector=a%3Db&labelSelector=c&labelSelector=d";
    assert_eq!(noted("GET", both), Ok(("a=b".into(), "c".into())));
    assert_eq!(noted("DELETE", both), Ok(("a=b".into(), "c".into())));
    assert_eq!(noted("POST", both), Ok((String::new(), String::new())));
    assert_eq!(noted("GET", "/api/v1/nodes/n?fieldSelector=a"), Ok((String::new(), String::new())));
    // Kept as they stand even when they can't be read: the authorizer is told so.
    assert_eq!(noted("GET", "/api/v1/pods?fieldSelector=a"), Ok(("a".into(), String::new())));
}

#[test]
fn long_running_requests() {
    let rows = [
        ("GET", "/api/v1/pods?watch=1", true),
        ("GET", "/api/v1/watch/pods", true),
        ("GET", "/api/v1/proxy/nodes/n", true),
        ("GET", "/api/v1/namespaces/ns/pods/p/log", true),
        ("POST", "/api/v1/namespaces/ns/pods/p/exec", true),
        ("POST", "/api/v1/namespaces/ns/pods/p/attach", true),
        ("GET", "/api/v1/namespaces/ns/pods/p/portforward", true),
        ("GET", "/api/v1/nodes/n/proxy/healthz", true),
        ("GET", "/debug/pprof/profile", true),
        ("GET", "/api/v1/pods", false),
        ("POST", "/api/v1/namespaces/ns/pods/p/binding", false),
        ("GET", "/debug/pprof", false),
        ("GET", "/watch", false),
    ];
    for (method, url, expected) in rows {
        assert_eq!(parse(method, url).expect("readable").is_long_running(), expected, "{url}");
    }
}
