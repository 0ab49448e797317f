//! The OpenAPI documents: names, references, operations, and how they are handed out.

use std::collections::BTreeSet;

use howdah_api::resource::Verb;

use super::answer::{Question, Reply};
use super::*;

/// Everything in the resource table.
pub(super) fn openapi() -> OpenApi {
    OpenApi::new(&Served::built_in(|_, _| true))
}

pub(super) fn tree(document: &Document) -> Value {
    serde_json::from_slice(&document.packed.unpack()).unwrap()
}

fn v3(path: &str) -> Value {
    tree(openapi().v3(path).unwrap())
}

/// All that `$ref` names below a tree.
fn references(tree: &Value, found: &mut BTreeSet<String>) {
    match tree {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key == "$ref" => drop(found.insert(text.to_owned())),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_definition_is_referred_to() {
    let openapi = openapi();
    let documents = openapi.parts.keys().map(|path| tree(openapi.v3(path).unwrap()));
    for (document, home) in documents
        .map(|document| (document, "components/schemas"))
        .chain(std::iter::once((tree(openapi.v2()), "definitions")))
    {
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        let definitions = document.pointer(&format!("/{home}")).unwrap().as_object().unwrap();
        let names: BTreeSet<_> = definitions.keys().map(|name| format!("#/{home}/{name}")).collect();
        assert_eq!(found, names);
        assert!(definitions.values().all(Value::is_object));
    }
}

#[test]
fn every_resource_is_described_and_its_verbs_are_operations() {
    let openapi = openapi();
    for of in openapi.served.resources() {
        let prefix = operation::prefix(&of.group, &of.version);
        let document = tree(openapi.v3(prefix.trim_start_matches('/')).unwrap());
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let kind = json!([{"group": of.group, "kind": of.kind, "version": of.version}]);
        let is_it = |schema: &&Value| schema["x-kubernetes-group-version-kind"] == kind;
        assert_eq!(schemas.values().filter(is_it).count(), 1, "{} {}", of.group, of.kind);

        let namespace = if of.namespaced { "/namespaces/{namespace}" } else { "" };
        let collection = format!("{prefix}{namespace}/{}", of.plural);
        let object = format!("{collection}/{{name}}");
        for (verb, path, method, action) in [
            (Verb::Create, &collection, "post", "post"),
            (Verb::List, &collection, "get", "list"),
            (Verb::DeleteCollection, &collection, "delete", "deletecollection"),
            (Verb::Get, &object, "get", "get"),
            (Verb::Update, &object, "put", "put"),
            (Verb::Patch, &object, "patch", "patch"),
            (Verb::Delete, &object, "delete", "delete"),
        ] {
            let found = document["paths"].get(path).and_then(|item| item.get(method));
            let found = found.map(|operation| operation["x-kubernetes-action"].as_str().unwrap());
            assert_eq!(found, of.has(verb).then_some(action), "{path} {method}");
        }
    }
}

#[test]
fn definitions_say_what_upstreams_say() {
    let apps = v3("apis/apps/v1");
    let schema = |name: &str| {
        let mut found = apps["components"]["schemas"][name].clone();
        strip(&mut found);
        found
    };
    let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    assert_eq!(
        schema("io.k8s.api.apps.v1.Deployment"),
        json!({
            "type": "object",
            "properties": {
                "kind": {"type": "string"},
                "apiVersion": {"type": "string"},
                "metadata": {"allOf": [to("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")], "default": {}},
                "spec": {"allOf": [to("io.k8s.api.apps.v1.DeploymentSpec")], "default": {}},
                "status": {"allOf": [to("io.k8s.api.apps.v1.DeploymentStatus")], "default": {}},
            },
            "required": ["spec"],
            "x-kubernetes-group-version-kind": [{"group": "apps", "kind": "Deployment", "version": "v1"}],
        })
    );
    let container = schema("io.k8s.api.core.v1.Container");
    assert_eq!(
        container["properties"]["ports"],
        json!({"type": "array", "items": to("io.k8s.api.core.v1.ContainerPort"), "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["containerPort", "protocol"], "x-kubernetes-patch-strategy": "merge",
            "x-kubernetes-patch-merge-key": "containerPort"})
    );
    assert_eq!(
        container["properties"]["imagePullPolicy"],
        json!({"type": "string", "enum": ["Always", "IfNotPresent", "Never"]})
    );
    let port = schema("io.k8s.api.core.v1.ContainerPort");
    assert_eq!(port["properties"]["containerPort"], json!({"type": "integer", "format": "int32", "default": 0}));
    assert_eq!(port["properties"]["protocol"]["default"], "TCP");
    assert_eq!(
        schema("io.k8s.api.apps.v1.DeploymentSpec")["properties"]["strategy"]["x-kubernetes-patch-strategy"],
        "retainKeys"
    );
    assert_eq!(
        schema("io.k8s.api.core.v1.PodSpec")["properties"]["volumes"]["x-kubernetes-patch-strategy"],
        "merge,retainKeys"
    );
    assert_eq!(schema("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector")["x-kubernetes-map-type"], "atomic");
    assert_eq!(
        schema("io.k8s.apimachinery.pkg.util.intstr.IntOrString"),
        json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
    );
    assert_eq!(
        schema("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")["x-kubernetes-group-version-kind"],
        json!([{"group": "", "kind": "DeleteOptions", "version": "v1"}, {"group": "apps", "kind": "DeleteOptions", "version": "v1"}])
    );
    assert_eq!(
        schema("io.k8s.api.core.v1.SeccompProfile")["x-kubernetes-unions"],
        json!([{"discriminator": "type", "fields-to-discriminateBy": {"localhostProfile": "LocalhostProfile"}}])
    );
}

#[test]
fn operations_say_what_upstreams_say() {
    let apps = v3("apis/apps/v1");
    let patch = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "apps", "kind": "Deployment", "version": "v1"})
    );
    let names = |of: &Value| {
        of["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(patch), ["dryRun", "fieldManager", "fieldValidation", "force"]);
    assert_eq!(patch["parameters"][2]["schema"], json!({"type": "string", "uniqueItems": true}));
    assert_eq!(
        names(&apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]),
        ["name", "namespace", "pretty"]
    );
    let scale = &apps["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["put"];
    assert_eq!(scale["operationId"], "replaceAppsV1NamespacedDeploymentScale");
    assert_eq!(scale["x-kubernetes-group-version-kind"]["group"], "autoscaling");

    let core = v3("api/v1");
    let id = |path: &str, method: &str| core["paths"][path][method]["operationId"].as_str().unwrap().to_owned();
    for (path, method, expected) in [
        ("/api/v1/pods", "get", "listCoreV1PodForAllNamespaces"),
        ("/api/v1/namespaces/{namespace}/pods", "delete", "deleteCoreV1CollectionNamespacedPod"),
        ("/api/v1/namespaces/{name}/finalize", "put", "replaceCoreV1NamespaceFinalize"),
        ("/api/v1/namespaces/{namespace}/pods/{name}/eviction", "post", "createCoreV1NamespacedPodEviction"),
        ("/api/v1/namespaces/{namespace}/pods/{name}/exec", "post", "connectCoreV1PostNamespacedPodExec"),
        ("/api/v1/nodes/{name}/proxy/{path}", "get", "connectCoreV1GetNodeProxyWithPath"),
        ("/api/v1/watch/nodes/{name}", "get", "watchCoreV1Node"),
        ("/api/v1/", "get", "getCoreV1APIResources"),
    ] {
        assert_eq!(id(path, method), expected);
    }
    let rbac = v3("apis/rbac.authorization.k8s.io/v1");
    let get = &rbac["paths"]["/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"]["get"];
    assert_eq!(
        (&get["operationId"], &get["tags"]),
        (&json!("readRbacAuthorizationV1ClusterRole"), &json!(["rbacAuthorization_v1"]))
    );
}

fn ask(openapi: &OpenApi, path: &str, accept: &str, known: Option<&str>, hash: Option<&str>) -> Reply {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let question = Question {
        path: path.to_owned(),
        accept: Some(accept.to_owned()),
        if_none_match: text(known),
        hash: text(hash),
    };
    openapi.reply(&question).unwrap()
}

#[test]
fn documents_are_found_by_their_hashes() {
    let openapi = OpenApi::new(&Served::built_in(|row, _| row.group == "apps"));
    let index = tree(openapi.index());
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
    let (path, hash) = url.split_once("?hash=").unwrap();
    assert_eq!((path, hash.len()), ("/openapi/v3/apis/apps/v1", 128));
    let Reply::Found { immutable: true, content_type: "application/json", .. } =
        ask(&openapi, path, "*/*", None, Some(hash))
    else {
        panic!("the document is there by its hash");
    };
    let Reply::Moved(to) = ask(&openapi, path, "*/*", None, Some("older")) else { panic!("an older hash leads on") };
    assert_eq!(to, url);
    let etag = format!("\"{hash}\"");
    let Reply::Known(known) = ask(&openapi, path, "*/*", Some(&format!("\"x\", W/{etag}")), None) else {
        panic!("known")
    };
    assert_eq!(known, etag);
    let Reply::Found { immutable: false, .. } = ask(&openapi, path, "", None, None) else { panic!("without a hash") };
    for path in ["/openapi/v3/apis/apps/v2", "/openapi/v3/", "/openapi/v3/version"] {
        let question = Question { path: path.to_owned(), accept: None, if_none_match: None, hash: None };
        assert_eq!(openapi.reply(&question).unwrap_err(), crate::status::ApiError::UnknownPath, "{path}");
    }
    for (path, owned) in [("/openapi/v2", true), ("/openapi/v3/x", true), ("/openapi/v3", true), ("/openapi", false)] {
        assert_eq!(OpenApi::owns(path), owned);
    }
}

#[test]
fn kubectl_gets_v2_as_protobuf() {
    let openapi = OpenApi::new(&Served::built_in(|row, _| row.group == "apps"));
    let protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    for (accept, expected) in [
        ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Some(protobuf)),
        (protobuf, Some(protobuf)),
        ("application/json;q=0.5, application/com.github.proto-openapi.spec.v2@v1.0+protobuf;q=0.9", Some(protobuf)),
        ("application/json", Some("application/json")),
        ("*/*", Some("application/json")),
        ("", Some("application/json")),
        ("application/yaml", None),
    ] {
        let found = match ask(&openapi, "/openapi/v2", accept, None, None) {
            Reply::Found { content_type, .. } => Some(content_type),
            _ => None,
        };
        assert_eq!(found, expected, "{accept}");
    }
    let bytes = &openapi.v2_protobuf().unpack();
    assert_eq!(text(&fields(bytes, 1)[0]), "2.0");
    // definitions → the named schema → its schema.
    let definitions = fields(&fields(bytes, 9)[0], 1);
    let named = |name: &str| definitions.iter().find(|one| text(&fields(one, 1)[0]) == name).unwrap();
    let deployment = fields(named("io.k8s.api.apps.v1.Deployment"), 2).remove(0);
    let extension = fields(&deployment, 31).remove(0);
    assert_eq!(text(&fields(&extension, 1)[0]), "x-kubernetes-group-version-kind");
    let yaml = fields(&fields(&extension, 2)[0], 2).remove(0);
    assert_eq!(text(&yaml), r#"[{"group":"apps","kind":"Deployment","version":"v1"}]"#);
    let spec = fields(named("io.k8s.api.apps.v1.DeploymentSpec"), 2).remove(0);
    let properties = fields(&fields(&spec, 25)[0], 1);
    let replicas = properties.iter().find(|one| text(&fields(one, 1)[0]) == "replicas").unwrap();
    let replicas = fields(replicas, 2).remove(0);
    assert_eq!((text(&fields(&replicas, 2)[0]), text(&fields(&fields(&replicas, 22)[0], 1)[0])), ("int32", "integer"));
    // paths → patch → a query parameter's name, which tells kubectl that the server validates fields.
    let paths = fields(&fields(bytes, 8)[0], 2);
    let path = paths.iter().find(|one| text(&fields(one, 1)[0]).ends_with("/deployments/{name}")).unwrap();
    let patch = fields(&fields(path, 2)[0], 8).remove(0);
    let queries: Vec<String> = fields(&patch, 8)
        .iter()
        .flat_map(|item| fields(&fields(item, 1)[0], 2))
        .flat_map(|plain| fields(&plain, 3))
        .map(|query| text(&fields(&query, 4)[0]).to_owned())
        .collect();
    assert!(queries.contains(&"fieldValidation".to_owned()), "{queries:?}");
}

/// The length-delimited members of a message with this number.
fn fields(mut message: &[u8], wanted: u32) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let varint = |bytes: &mut &[u8]| {
        let mut value = 0_u64;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    };
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = varint(&mut message);
        if tag & 7 == 2 {
            let (own, rest) = message.split_at(usize::try_from(value).unwrap());
            message = rest;
            if tag >> 3 == u64::from(wanted) {
                found.push(own.to_vec());
            }
        }
    }
    found
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Takes away what is in words.
pub(super) fn strip(tree: &mut Value) {
    match tree {
        Value::Object(map) => {
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}
