//! Server-side apply: a line with a kind's names, the manager's and flags (`force`, `create`, `scale`, `only`), then the live
//! object with its managedFields, and what is applied or written.

#![no_main]

use howdah_api::apply::scale::{of_parent, of_scale};
use howdah_api::apply::{
    FieldSet, Manager, Operation, Reset, apply, check_managed_fields, equal_but_timestamps, update,
};
use howdah_api::codec::json;
use howdah_api::schema::builtin::Kind;
use howdah_api::tree;
use howdah_fuzz::check;
use howdah_fuzz::input::{Input, kinds};
use howdah_fuzz::object::NOW;
use howdah_fuzz::seed::{self, Form};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Field sets come back from their JSON, and keep the laws of sets.
fn field_sets(live: &Value) {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let sets: Vec<FieldSet> =
        entries.iter().filter_map(|entry| FieldSet::from_value(&entry["fieldsV1"]).ok()).collect();
    for set in &sets {
        assert_eq!(FieldSet::from_value(&set.to_value()).as_ref(), Ok(set));
        let text = serde_json::from_str::<Value>(&set.to_json()).expect("JSON is written");
        assert_eq!(text, set.to_value());
        for other in &sets {
            let union = set.union(other);
            assert_eq!(union, other.union(set), "unions commute");
            assert_eq!(set.intersection(other), other.intersection(set), "intersections commute");
            assert_eq!(union.difference(other).intersection(other), FieldSet::new(), "a difference is disjoint");
            assert_eq!(set.difference(other).union(&set.intersection(other)), *set, "the parts make the whole");
            let _ = set.recursive_difference(other);
        }
        let (paths, leaves) = (set.paths(), set.leaves());
        assert_eq!(paths.len(), set.len());
        assert!(paths.iter().all(|path| set.has(&path.0)) && leaves.len() <= set.len());
    }
}

fn scale(live: &Value, api_version: &str) {
    let paths = [(api_version, Some("spec.replicas")), ("v1", None)];
    let managed = live.pointer("/metadata/managedFields").unwrap_or(&Value::Null);
    if let Ok(scale) = of_scale(managed, &paths) {
        of_parent(managed, &scale, api_version, &paths).expect("what was read before can be read");
    }
}

fuzz_target!(init: seed::write(Form::JsonLines(2), &["m", "kubectl force"]), |data: &[u8]| {
    let mut input = Input::new(data);
    let words = input.words();
    let kind: &Kind = words.kind();
    let node = kind.node;
    let flag = |name: &str| (2..8).any(|at| words.at(at) == name);
    let api_version = |kind: &Kind| match kind.group {
        "" => kind.version.to_owned(),
        group => format!("{group}/{}", kind.version),
    };
    let own = api_version(kind);
    let others: Vec<(String, &Kind)> = kinds()
        .iter()
        .filter(|other| other.kind == kind.kind && other.group == kind.group && other.version != kind.version)
        .map(|other| (api_version(other), other))
        .collect();
    let siblings: Vec<_> = others.iter().map(|(version, kind)| (version.as_str(), kind.node)).collect();

    let Ok(live) = json::decode(input.line(), node) else { return };
    let live = check::normal(live.value, node);
    let Ok(applied) = json::decode(input.line(), node) else { return };
    let applied = applied.value;
    if let Some(list) = live.pointer("/metadata/managedFields") {
        let _ = check_managed_fields(list);
        field_sets(&live);
        scale(&live, &own);
    }

    let subresource = if flag("scale") { "scale" } else { "" };
    let manager = Manager {
        name: words.at(2),
        operation: Operation::Apply,
        api_version: &own,
        kind: kind.kind,
        subresource,
        time: NOW,
        siblings: &siblings,
    };
    let reset = match flag("only") {
        true => Reset::AllBut(&["status", "metadata.labels", "spec.containers.*.resources"]),
        false => Reset::Fields(&["status", "metadata.deletionTimestamp"]),
    };
    let before = (!flag("create")).then_some(&live);
    if let Ok(mut new) = apply(before, &applied, node, &manager, flag("force"), reset) {
        tree::normalise(&mut new, node);
        if let Ok(mut again) = apply(Some(&new), &applied, node, &manager, true, reset) {
            tree::normalise(&mut again, node);
            assert!(equal_but_timestamps(&new, &again), "applying again changes nothing: {new} and {again}");
        }
    }
    let mut written = check::normal(applied, node);
    update(before, &mut written, node, &Manager { operation: Operation::Update, ..manager }, reset);
    if let Some(list) = written.pointer("/metadata/managedFields") {
        check_managed_fields(list).expect("what is written can be read");
    }
});
