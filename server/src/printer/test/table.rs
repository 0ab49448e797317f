//! Whole Tables.

use super::*;

fn options(include: IncludeObject) -> Options {
    Options { version: TableVersion::V1, include, now: now() }
}

fn parsed(table: &[u8]) -> Value {
    serde_json::from_slice(table).unwrap()
}

#[test]
fn tables_of_lists() {
    let printer = Printer::of(find("v1", "namespaces"), "");
    let tree = object(json!({"status": {"phase": "Active"}}));
    let wire = br#"{"kind":"Namespace","apiVersion":"v1"}
"#;
    let head = Head { resource_version: "7", continue_token: "c", remaining: Some(2) };
    let item = Item { tree: &tree, wire };
    let text = String::from_utf8(list_table(printer, &head, [item, item], &options(IncludeObject::Metadata))).unwrap();
    let begins = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7","continue":"c","remainingItemCount":2},"columnDefinitions":[{"name":"Name","type":"string","format":"name","description":"#;
    assert!(text.starts_with(begins), "{text}");
    let table = parsed(text.as_bytes());
    let metadata =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": tree["metadata"]});
    assert_eq!(
        table["rows"],
        json!([{"cells": ["x", "Active", "15m"], "object": metadata.clone()},
        {"cells": ["x", "Active", "15m"], "object": metadata}])
    );

    let whole = parsed(&list_table(printer, &head, [item], &options(IncludeObject::Object)));
    assert_eq!(whole["rows"][0]["object"], json!({"kind": "Namespace", "apiVersion": "v1"}));
    let older = Options { version: TableVersion::V1beta1, ..options(IncludeObject::None) };
    let empty = parsed(&list_table(printer, &Head::default(), [], &older));
    assert_eq!(
        (&empty["apiVersion"], &empty["metadata"], &empty["rows"]),
        (&json!("meta.k8s.io/v1beta1"), &json!({}), &json!([]))
    );
}

#[test]
fn tables_of_events_name_columns_once() {
    let printer = Printer::of(find("v1", "pods"), "");
    let tree = object(json!({"metadata": {"resourceVersion": "9"}, "status": {"phase": "Failed"}}));
    let item = Item { tree: &tree, wire: b"" };
    let first = parsed(&event_table(printer, item, true, &options(IncludeObject::None)));
    assert_eq!(first["columnDefinitions"].as_array().unwrap().len(), 9);
    assert_eq!(first["metadata"], json!({"resourceVersion": "9"}));
    let conditions = json!([{"type": "Completed", "status": "True", "reason": "Failed", "message": "The pod failed."}]);
    assert_eq!((&first["rows"][0]["conditions"], &first["rows"][0]["object"]), (&conditions, &json!(null)));
    let second = parsed(&event_table(printer, item, false, &options(IncludeObject::None)));
    assert_eq!((second.get("columnDefinitions"), &second["rows"]), (Some(&json!(null)), &first["rows"]));

    let end = json!({"metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}});
    let bookmark = parsed(&event_table(printer, Item { tree: &end, wire: b"" }, false, &options(IncludeObject::None)));
    assert_eq!(bookmark["rows"][0]["object"]["metadata"], end["metadata"]);
}

#[test]
fn lists_mark_the_default_class_and_order_flow_schemas() {
    let class = |name: &str, created: &str, default: &str| {
        object(json!({"metadata": {"name": name, "creationTimestamp": created,
            "annotations": {"storageclass.kubernetes.io/is-default-class": default}}}))
    };
    let (early, late) = ("2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z");
    let classes =
        [class("a", early, "true"), class("c", late, "true"), class("b", late, "true"), class("d", late, "false")];
    let names = |resource: &Resource, trees: &[Value]| {
        let items = trees.iter().map(|tree| Item { tree, wire: b"" });
        let table = list_table(Printer::of(resource, ""), &Head::default(), items, &options(IncludeObject::None));
        let rows = parsed(&table)["rows"].as_array().unwrap().clone();
        rows.iter().map(|row| row["cells"][0].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(find("storage.k8s.io/v1", "storageclasses"), &classes), ["a", "c", "b (default)", "d"]);
    let schema = |name: &str, precedence: i64| {
        object(json!({"metadata": {"name": name}, "spec": {"matchingPrecedence": precedence}}))
    };
    let schemas = [schema("z", 5), schema("b", 9), schema("a", 9), schema("y", 1)];
    assert_eq!(names(find("flowcontrol.apiserver.k8s.io/v1", "flowschemas"), &schemas), ["y", "z", "a", "b"]);
}

#[test]
fn include_object_is_one_of_three() {
    assert_eq!(IncludeObject::parse(None).unwrap(), IncludeObject::Metadata);
    assert_eq!(IncludeObject::parse(Some("None")).unwrap(), IncludeObject::None);
    assert_eq!(IncludeObject::parse(Some("Object")).unwrap(), IncludeObject::Object);
    let refused = IncludeObject::parse(Some("x")).unwrap_err().status();
    let sentence = "Unable to convert to Table as requested: includeObject: Invalid value: \"x\": must be 'Metadata', 'Object', 'None', or empty";
    assert_eq!((refused.code, refused.message.as_deref()), (Some(400), Some(sentence)));
}
