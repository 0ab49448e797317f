//! Strategic merge, against upstream's own cases restated for kinds that everybody knows.

use howdah_api::patch::{PatchError, strategic};
use howdah_api::schema::builtin;
use serde_json::{Value, json};

fn patched(kind: (&str, &str), target: &Value, patch: &Value) -> Result<Value, PatchError> {
    strategic(target, patch, builtin::kind(kind.0, "v1", kind.1).expect("a built-in kind"))
}

fn pod(target: &Value, patch: &Value) -> Result<Value, PatchError> {
    patched(("", "Pod"), target, patch)
}

fn names(value: &Value, path: &str, key: &str) -> Vec<String> {
    let list = value.pointer(path).and_then(Value::as_array).expect("a list");
    list.iter().map(|element| element[key].as_str().expect("a text").to_owned()).collect()
}

fn containers(names: &[&str]) -> Value {
    let containers: Vec<Value> = names.iter().map(|name| json!({"name": name, "image": "old"})).collect();
    json!({"spec": {"containers": containers}})
}

#[test]
fn objects_merge_and_nulls_remove() {
    let target = json!({"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"nodeName": "n"}});
    let patch = json!({"metadata": {"labels": {"a": null, "c": "3"}}, "spec": {"nodeName": null, "hostname": "h"}});
    let expected = json!({"metadata": {"labels": {"b": "2", "c": "3"}}, "spec": {"hostname": "h"}});
    assert_eq!(pod(&target, &patch), Ok(expected));
}

#[test]
fn lists_merge_by_key() {
    let patch = json!({"spec": {"containers": [
        {"name": "b", "image": "new"},
        {"name": "d", "image": "added"},
        {"name": "a", "$patch": "delete"},
    ]}});
    let merged = pod(&containers(&["a", "b", "c"]), &patch).expect("merges");
    assert_eq!(names(&merged, "/spec/containers", "name"), ["b", "d", "c"]);
    assert_eq!(names(&merged, "/spec/containers", "image"), ["new", "added", "old"]);
}

#[test]
fn the_order_directive_decides() {
    let patch = json!({"spec": {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "new"}, {"name": "a"}],
        "containers": [{"name": "new", "image": "i"}],
    }});
    let merged = pod(&containers(&["a", "server-only", "c"]), &patch).expect("merges");
    assert_eq!(names(&merged, "/spec/containers", "name"), ["server-only", "c", "new", "a"]);
    let only_order = json!({"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}});
    let merged = pod(&containers(&["a", "b", "c"]), &only_order).expect("merges");
    assert_eq!(names(&merged, "/spec/containers", "name"), ["b", "c", "a"]);
}

#[test]
fn directives_replace_and_delete() {
    let target = json!({"spec": {"securityContext": {"runAsUser": 1, "fsGroup": 2}, "containers": [{"name": "a"}]}});
    let replaced = json!({"spec": {"securityContext": {"$patch": "replace", "runAsUser": 3}}});
    assert_eq!(pod(&target, &replaced).expect("merges")["spec"]["securityContext"], json!({"runAsUser": 3}));
    let deleted = json!({"spec": {"securityContext": {"$patch": "delete"}}});
    assert_eq!(pod(&target, &deleted).expect("merges")["spec"]["securityContext"], json!({}));
    let list = json!({"spec": {"containers": [{"name": "b"}, {"$patch": "replace"}]}});
    assert_eq!(pod(&target, &list).expect("merges")["spec"]["containers"], json!([{"name": "b"}]));
    let absent = json!({"spec": {"affinity": {"$patch": "delete"}, "overhead": {"a": null}}});
    assert_eq!(pod(&target, &absent).expect("merges")["spec"].get("affinity"), None);
}

#[test]
fn scalar_lists_merge_and_lose() {
    let target = json!({"metadata": {"finalizers": ["a", "b", "c"]}});
    let added = json!({"metadata": {"finalizers": ["d", "b"]}});
    assert_eq!(pod(&target, &added).expect("merges")["metadata"]["finalizers"], json!(["d", "a", "b", "c"]));
    let removed = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["b"]}});
    assert_eq!(pod(&target, &removed).expect("merges")["metadata"]["finalizers"], json!(["a", "c"]));
    let both = json!({"metadata": {
        "$deleteFromPrimitiveList/finalizers": ["a"],
        "$setElementOrder/finalizers": ["c", "b", "e"],
        "finalizers": ["e"],
    }});
    assert_eq!(pod(&target, &both).expect("merges")["metadata"]["finalizers"], json!(["c", "b", "e"]));
}

#[test]
fn atomic_lists_are_replaced() {
    let target = json!({"spec": {"tolerations": [{"key": "a"}], "containers": [{"name": "a", "args": ["1", "2"]}]}});
    let patch = json!({"spec": {"tolerations": [{"key": "b"}], "containers": [{"name": "a", "args": ["3"]}]}});
    let expected = json!({"spec": {"tolerations": [{"key": "b"}], "containers": [{"name": "a", "args": ["3"]}]}});
    assert_eq!(pod(&target, &patch), Ok(expected));
}

#[test]
fn kept_keys_clear_the_rest() {
    let target = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    let merged = patched(("apps", "Deployment"), &target, &patch).expect("merges");
    assert_eq!(merged["spec"]["strategy"], json!({"type": "Recreate"}));
}

#[test]
fn refusals_have_upstreams_sentences() {
    let target = json!({"metadata": {"finalizers": ["a"]}, "spec": {"containers": [{"name": "a"}]}});
    let bad = |text: &str| PatchError::BadRequest(text.to_owned());
    let internal = |text: &str| PatchError::Internal(text.to_owned());
    let rows = [
        (json!([]), bad("invalid JSON document")),
        (json!({"spec": {"$retainKeys": "a"}}), bad("invalid patch format of retainKeys")),
        (json!({"spec": {"$retainKeys": ["a"], "b": 1}}), bad("invalid patch format of retainKeys")),
        (json!({"metadata": {"$deleteFromPrimitiveList": ["a"]}}), bad("invalid patch format of primitive list")),
        (json!({"metadata": {"$setElementOrder": ["a"]}}), bad("invalid patch format of setElementOrder list")),
        (json!({"spec": {"$patch": "jump"}}), internal("unknown patch type: jump in map: map[$patch:jump]")),
        (
            json!({"spec": {"containers": [{"image": "i"}]}}),
            internal("map: map[image:i] does not contain declared merge key: name"),
        ),
        (json!({"spec": {"containers": ["a"]}}), internal("list element types are not identical: [[map[name:a]] [a]]")),
        (
            json!({"metadata": {"$setElementOrder/finalizers": ["a"], "finalizers": ["b"]}}),
            internal("The order in patch list:\n[b]\n doesn't match $setElementOrder list:\n[a]\n"),
        ),
    ];
    for (patch, error) in rows {
        assert_eq!(pod(&target, &patch), Err(error), "{patch}");
    }
}
