//! Cells of every kind, and whole Tables, as upstream prints them.

mod core;
mod other;
mod pod;
mod table;
mod workload;

use serde_json::{Value, json};

use super::*;
use howdah_api::resource::{Resource, by_plural, resources};
use howdah_api::time::Layout;

/// A quarter past noon; objects below are created at noon.
fn now() -> Time {
    Time::parse("2026-03-01T12:15:00Z", Layout::Seconds).unwrap()
}

fn find(api: &str, plural: &str) -> &'static Resource {
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    by_plural(group, version, plural).unwrap()
}

/// The object with a name and a time of creation.
fn object(mut body: Value) -> Value {
    let metadata = body.as_object_mut().unwrap().entry("metadata").or_insert_with(|| json!({}));
    let metadata = metadata.as_object_mut().unwrap();
    metadata.entry("name").or_insert_with(|| json!("x"));
    metadata.entry("creationTimestamp").or_insert_with(|| json!("2026-03-01T12:00:00Z"));
    body
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "tables read better with values")]
fn prints(api: &str, plural: &str, body: Value, expected: Value) {
    let resource = find(api, plural);
    let printed = cells(resource, &object(body.clone()), now());
    assert_eq!(Value::Array(printed), expected, "{plural}: {body}");
}

#[test]
fn every_resource_has_a_cell_for_each_column_and_prints_nonsense() {
    for resource in resources() {
        let columns = columns(&resource.group, &resource.version, &resource.plural);
        let names = columns.iter().filter(|column| column.name == "Name" && column.format == "name").count();
        assert_eq!(names, usize::from(&*resource.plural != "storageversionmigrations"), "{}", resource.plural);
        // IPAddresses print an age that no column is for, as upstream's do.
        let extra = usize::from(&*resource.plural == "ipaddresses");
        for object in
            [json!({}), json!(null), json!({"metadata": 1, "spec": [], "status": "x", "subsets": {}, "data": 3})]
        {
            assert_eq!(cells(resource, &object, now()).len(), columns.len() + extra, "{}", resource.plural);
        }
        assert!(columns.iter().all(|column| !column.description.is_empty()));
    }
}
