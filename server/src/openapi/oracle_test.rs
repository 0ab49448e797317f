//! Against the documents that Kubernetes publishes for 1.37, which are made with all features on and without enums.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::openapi_test::{openapi, strip, tree};
use super::*;

/// Its folder `api`, with `discovery` and `openapi-spec`.
fn folder() -> PathBuf {
    std::env::var_os("HOWDAH_UPSTREAM_API").expect("HOWDAH_UPSTREAM_API names upstream's folder api").into()
}

/// Differences that the schema tables don't tell of, and the document of `/version`.
fn is_known(difference: &str) -> bool {
    [
        "APIServiceSpec/properties/caBundle/x-kubernetes-list-type",
        "ResponderStatus/x-kubernetes-map-type",
        "version.Info",
    ]
    .iter()
    .any(|known| difference.contains(known))
}

/// What differs, by path.
fn differences(at: &str, own: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (own, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let null = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                differences(&format!("{at}/{key}"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{at}: ours {}, theirs {}", short(a), short(b))),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(160).collect()
}

/// Brings both into a form that can be compared.
fn comparable(tree: &mut Value) {
    match tree {
        Value::Object(map) => {
            map.remove("enum");
            map.retain(|key, _| !key.contains("cbor"));
            // Whether a reference is wrapped depends on whether there are words beside it.
            if let (1, Some(Value::Array(all))) = (map.len(), map.get("allOf")) {
                *map = all[0].as_object().unwrap().clone();
            }
            if let Some(Value::Array(parameters)) = map.get_mut("parameters") {
                parameters.retain(|one| one["name"] != "shardSelector");
                parameters.sort_by_key(|one| format!("{}{}", one["name"], one["in"]));
                if parameters.is_empty() {
                    map.remove("parameters");
                }
            }
            map.values_mut().for_each(comparable);
        }
        Value::Array(list) => list.iter_mut().for_each(comparable),
        _ => {}
    }
}

#[test]
#[ignore = "needs upstream's documents: HOWDAH_UPSTREAM_API"]
fn v2_definitions_are_upstreams() {
    let file = folder().join("openapi-spec/swagger.json");
    let theirs: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let (mut own, mut theirs) = (tree(openapi().v2())["definitions"].take(), theirs["definitions"].clone());
    let mut found = Vec::new();
    for tree in [&mut own, &mut theirs] {
        strip(tree);
        comparable(tree);
        let known = |name: &str| name.ends_with(".DeleteOptions") || name.ends_with(".WatchEvent");
        for (_, schema) in tree.as_object_mut().unwrap().iter_mut().filter(|(name, _)| known(name)) {
            // Theirs are kinds of versions that aren't served any more, too.
            schema.as_object_mut().unwrap().remove("x-kubernetes-group-version-kind");
        }
    }
    differences("", &own, &theirs, &mut found);
    found.retain(|one| !is_known(one));
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
#[ignore = "needs upstream's documents: HOWDAH_UPSTREAM_API"]
fn v3_documents_are_upstreams() {
    let openapi = openapi();
    let mut found = Vec::new();
    for path in openapi.parts.keys() {
        let file = folder().join(format!("openapi-spec/v3/{}_openapi.json", path.replace('/', "__")));
        let mut theirs: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let mut own = tree(openapi.v3(path).unwrap());
        for tree in [&mut own, &mut theirs] {
            strip(tree);
            comparable(tree);
        }
        differences(path, &own, &theirs, &mut found);
    }
    found.retain(|one| !is_known(one));
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}
