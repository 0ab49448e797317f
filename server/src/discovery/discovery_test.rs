//! Discovery's documents, as upstream's server gives them.

use serde_json::json;

use super::answer::{Question, Reply};
use super::*;
use crate::status::ApiError;

/// Everything but the alpha versions, as if it all had strategies.
fn discovery() -> Discovery {
    Discovery::new(&Served::built_in(|row, _| !row.version.contains("alpha")), "192.0.2.1:6443")
}

fn ask(path: &str, accept: &str) -> Result<Reply, ApiError> {
    discovery().reply(&Question { path, accept: Some(accept), if_none_match: None, pretty: false })
}

fn document(path: &str) -> Value {
    let reply = ask(path, "application/json").unwrap();
    assert_eq!(reply.content_type, "application/json");
    let body = reply.body.unwrap();
    assert!(body.ends_with(b"}\n"));
    serde_json::from_slice(&body).unwrap()
}

fn resource(path: &str, name: &str) -> Value {
    let list = document(path);
    list["resources"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
}

const ALL: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

#[test]
fn versions_and_groups() {
    assert_eq!(
        document("/api"),
        json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "192.0.2.1:6443"}]})
    );
    let groups = document("/apis/");
    assert_eq!((&groups["kind"], &groups["apiVersion"]), (&json!("APIGroupList"), &json!("v1")));
    let names: Vec<_> =
        groups["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(
        names[..5],
        ["apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io"]
    );
    assert!(!names.contains(&"internal.apiserver.k8s.io"), "a group without served versions");
    let version = |text: &str, version: &str| json!({"groupVersion": text, "version": version});
    let scaling = (version("autoscaling/v2", "v2"), version("autoscaling/v1", "v1"));
    assert_eq!(
        document("/apis/autoscaling"),
        json!({"kind": "APIGroup", "apiVersion": "v1", "name": "autoscaling", "versions": [scaling.0, scaling.1],
            "preferredVersion": scaling.0})
    );
}

#[test]
fn resources_of_a_version() {
    let core = document("/api/v1");
    assert_eq!((core.get("apiVersion"), &core["groupVersion"]), (None, &json!("v1")));
    let apps = document("/apis/apps/v1");
    assert_eq!((&apps["apiVersion"], &apps["groupVersion"]), (&json!("v1"), &json!("apps/v1")));
    assert_eq!(
        resource("/api/v1", "pods"),
        json!({"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": ALL,
            "shortNames": ["po"], "categories": ["all"], "storageVersionHash": "xPOwRZ+Yhw8="})
    );
    assert_eq!(
        resource("/apis/apps/v1", "deployments/scale"),
        json!({"name": "deployments/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
            "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]})
    );
    assert_eq!(
        resource("/api/v1", "nodes/status"),
        json!({"name": "nodes/status", "singularName": "", "namespaced": false, "kind": "Node",
            "verbs": ["get", "patch", "update"]})
    );
    assert_eq!(resource("/api/v1", "pods/eviction")["group"], json!("policy"));
    assert_eq!(resource("/api/v1", "serviceaccounts/token")["version"], json!("v1"));
    for (path, name, hash) in [
        ("/api/v1", "configmaps", "qFsyl6wFWjQ="),
        ("/api/v1", "endpoints", "fWeeMqaN/OA="),
        ("/api/v1", "events", "r2yiGXH7wu8="),
        // Stored as the core group's events.
        ("/apis/events.k8s.io/v1", "events", "r2yiGXH7wu8="),
        ("/apis/apps/v1", "deployments", "8aSe+NMegvE="),
        ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "jfWCUB31mvA="),
    ] {
        assert_eq!(resource(path, name)["storageVersionHash"], hash, "{path} {name}");
    }
    assert_eq!(resource("/apis/authorization.k8s.io/v1", "subjectaccessreviews").get("storageVersionHash"), None);
    let names: Vec<_> = apps["resources"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["controllerrevisions", "daemonsets", "daemonsets/status", "deployments"]);
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

#[test]
fn aggregated_documents() {
    let accept = format!(
        "{AGGREGATED},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
    );
    let reply = ask("/apis", &accept).unwrap();
    assert_eq!(reply.content_type, AGGREGATED);
    let list: Value = serde_json::from_slice(&reply.body.unwrap()).unwrap();
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("APIGroupDiscoveryList"), &json!("apidiscovery.k8s.io/v2"))
    );
    let apps = list["items"].as_array().unwrap().iter().find(|group| group["metadata"]["name"] == "apps").unwrap();
    let resources = apps["versions"][0]["resources"].as_array().unwrap();
    let deployments = resources.iter().find(|one| one["resource"] == "deployments").unwrap();
    assert_eq!(
        *deployments,
        json!({"resource": "deployments", "responseKind": {"group": "", "version": "", "kind": "Deployment"},
            "scope": "Namespaced", "singularResource": "deployment", "verbs": ALL, "shortNames": ["deploy"],
            "categories": ["all"], "subresources": [
                {"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                    "verbs": ["get", "patch", "update"]},
                {"subresource": "status", "responseKind": {"group": "", "version": "", "kind": "Deployment"},
                    "verbs": ["get", "patch", "update"]}]})
    );
    assert_eq!(apps["versions"][0]["freshness"], "Current");

    let core = ask("/api", AGGREGATED).unwrap();
    let core: Value = serde_json::from_slice(&core.body.unwrap()).unwrap();
    assert_eq!((core["items"].as_array().unwrap().len(), &core["items"][0]["metadata"]), (1, &json!({})));
    let beta = ask("/api", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList").unwrap();
    let beta: Value = serde_json::from_slice(&beta.body.unwrap()).unwrap();
    assert_eq!((&beta["apiVersion"], &beta["items"]), (&json!("apidiscovery.k8s.io/v2beta1"), &core["items"]));
}

#[test]
fn who_has_it_already_gets_nothing() {
    let discovery = discovery();
    let ask = |known: Option<&str>| {
        let question = Question { path: "/apis", accept: Some(AGGREGATED), if_none_match: known, pretty: false };
        discovery.reply(&question).unwrap()
    };
    let etag = ask(None).etag.unwrap();
    assert_eq!(etag.len(), 130);
    assert!(ask(Some(&etag)).body.is_none());
    assert!(ask(Some("\"other\"")).body.is_some());
    let fewer = Discovery::new(&Served::built_in(|row, _| row.group.is_empty()), "");
    assert_ne!(fewer.aggregated[&("/apis", "v2")].etag, discovery.aggregated[&("/apis", "v2")].etag);
}

#[test]
fn encodings_follow_the_accept_header() {
    for (accept, content_type, begin) in [
        ("", "application/json", &b"{\"kind\":\"APIResourceList\""[..]),
        ("*/*", "application/json", b"{\"kind\":\"APIResourceList\""),
        ("application/yaml", "application/yaml", b"apiVersion: v1\n"),
        ("application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf", b"k8s\0"),
        // Only /api and /apis have an aggregated form; elsewhere it is skipped.
        (&format!("{AGGREGATED},application/json"), "application/json", b"{\"kind\":\"APIResourceList\""),
    ] {
        let reply = ask("/apis/apps/v1", accept).unwrap();
        let body = reply.body.unwrap();
        assert_eq!(reply.content_type, content_type);
        assert!(body.starts_with(begin), "{accept}: {:?}", &body[..40]);
    }
    assert_eq!(ask("/apis/apps/v1", "text/html").unwrap_err(), ApiError::NotAcceptable(Encoding::media_types()));
    assert_eq!(ask("/apis/apps/v1", AGGREGATED).unwrap_err(), ApiError::NotAcceptable(Encoding::media_types()));
    for path in ["/api/v2", "/apis/nope", "/apis/apps/v2", "/apis/internal.apiserver.k8s.io"] {
        assert_eq!(ask(path, "*/*").unwrap_err(), ApiError::UnknownPath, "{path}");
    }
    let pretty = Question { path: "/api", accept: None, if_none_match: None, pretty: true };
    let body = discovery().reply(&pretty).unwrap().body.unwrap();
    assert!(body.starts_with(b"{\n  \"kind\": \"APIVersions\",\n"), "{body:?}");
}

#[test]
fn protobuf_says_the_same() {
    let reply = ask("/apis/apps/v1", "application/vnd.kubernetes.protobuf").unwrap();
    let node = builtin::named("meta/v1", "APIResourceList").unwrap();
    let tree = protobuf::decode_object(&reply.body.unwrap(), |_| Some(node)).unwrap().unwrap();
    assert_eq!(tree, document("/apis/apps/v1"));
    let core = ask("/api/v1", "application/vnd.kubernetes.protobuf").unwrap().body.unwrap();
    let envelope = protobuf::Envelope::read(&core).unwrap();
    assert_eq!((envelope.api_version, envelope.kind), ("", "APIResourceList"));
}

#[test]
fn only_what_is_served_is_told() {
    let served = Served::built_in(|row, below| &*row.plural == "pods" && matches!(below, "" | "status"));
    assert_eq!(served.resources().count(), 1);
    let discovery = Discovery::new(&served, "");
    let list: Value = serde_json::from_slice(&discovery.plain["/api/v1"].json).unwrap();
    let names: Vec<_> = list["resources"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["pods", "pods/status"]);
    assert_eq!(discovery.plain["/apis"].json, r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"#);
    for (path, owned) in [("/api", true), ("/apis/apps/v1/", true), ("/api/v1/pods", false), ("/version", false)] {
        assert_eq!(Discovery::owns(path), owned, "{path}");
    }
}

#[test]
#[ignore = "needs upstream's documents: HOWDAH_UPSTREAM_API"]
fn documents_are_those_that_upstream_publishes() {
    let folder = std::env::var_os("HOWDAH_UPSTREAM_API").expect("HOWDAH_UPSTREAM_API names upstream's folder api");
    let folder = std::path::PathBuf::from(folder).join("discovery");
    // They are made with all features on.
    let discovery = Discovery::new(&Served::built_in(|_, _| true), "127.0.0.1:6443");
    let read = |name: String| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let mut differences = Vec::new();
    let mut compare = |path: &str, own: &Value, theirs: &Value| {
        if own != theirs {
            differences.push(format!("{path}: ours {own}, theirs {theirs}"));
        }
    };
    for (path, document) in discovery.plain.iter().filter(|(path, _)| *path != "/api") {
        let own: Value = serde_json::from_slice(&document.json).unwrap();
        let theirs = read(format!("{}.json", path.trim_start_matches('/').replace('/', "__")));
        if let (Some(own), Some(theirs)) = (own["resources"].as_array(), theirs["resources"].as_array()) {
            assert_eq!(own.len(), theirs.len(), "{path}");
            own.iter().zip(theirs).for_each(|(own, theirs)| compare(path, own, theirs));
        } else {
            compare(path, &own, &theirs);
        }
    }
    let own: Value = serde_json::from_slice(&discovery.aggregated[&("/apis", "v2")].document.json).unwrap();
    let theirs = read("aggregated_v2.json".to_owned());
    let (own, theirs) = (own["items"].as_array().unwrap(), theirs["items"].as_array().unwrap());
    assert_eq!(own.len(), theirs.len());
    own.iter().zip(theirs).for_each(|(own, theirs)| compare("aggregated", own, theirs));
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
