//! The values of selectable fields, read from stored JSON.
//!
//! Which labels a resource has is the resource table's matter, with a custom resource's own row at run time; this reads
//! the fields behind them. What is special follows upstream's `ToSelectableFields`: a Pod's `status.podIP` is its first
//! `podIPs` and its `status.podIPs` is nothing, an Event's source is its component or else the reporting one, numbers
//! and booleans that are absent are `0` and `false`, a Namespace has the old label `name`.

use std::collections::BTreeMap;

use howdah_api::Key;
use howdah_api::resource::{Resource, resources};
use serde_json::Value;

/// The values of one object's selectable fields, by label.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<Box<str>, Box<str>>);

impl Fields {
    pub(super) fn get(&self, label: &str) -> Option<&str> {
        self.0.get(label).map(|value| &**value)
    }
}

/// Labels whose absent value Go writes.
const ZEROES: [(&str, &str); 4] = [
    ("spec.hostNetwork", "false"),
    ("spec.unschedulable", "false"),
    ("status.replicas", "0"),
    ("status.successful", "0"),
];

/// Reads the fields of the object at `key`.
pub(super) fn read(key: &Key, json: &[u8]) -> Fields {
    let mut segments = key.as_str().split('/');
    let (group, plural) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
    let group = if group == "core" { "" } else { group };
    let labels: Vec<_> = served_as(group, plural)
        .flat_map(|row| &row.selectable)
        .filter(|field| !matches!(&*field.label, "metadata.name" | "metadata.namespace"))
        .collect();
    if labels.is_empty() {
        return Fields::default();
    }
    let Ok(tree) = serde_json::from_slice::<Value>(json) else { return Fields::default() };
    let values = labels.into_iter().filter_map(|field| {
        let value = match (plural, &*field.label) {
            ("events", "source") => {
                let component = at(&tree, "source.component").filter(|text| !text.is_empty());
                component.or_else(|| at(&tree, "reportingComponent"))
            }
            ("events", "reportingController") => at(&tree, "reportingComponent"),
            ("events", label) => match label.strip_prefix("regarding.") {
                Some(rest) => at(&tree, &format!("involvedObject.{rest}")),
                None => at(&tree, label),
            },
            ("jobs", "status.successful") => at(&tree, "status.succeeded"),
            ("pods", "status.podIP") => tree.pointer("/status/podIPs/0/ip").and_then(text),
            ("pods", "status.podIPs") => None,
            _ => at(&tree, &field.field),
        };
        let zero = || ZEROES.iter().find(|(label, _)| *label == field.label).map(|(_, zero)| Box::from(*zero));
        Some((Box::from(&*field.label), value.or_else(zero)?))
    });
    let mut fields = Fields(values.collect());
    if (group, plural) == ("", "namespaces")
        && let Some(name) = at(&tree, "metadata.name")
    {
        fields.0.insert("name".into(), name);
    }
    fields
}

/// The rows of every version in which a stored resource is served, another group's included.
fn served_as<'a>(group: &'a str, plural: &'a str) -> impl Iterator<Item = &'static Resource> + 'a {
    resources().iter().filter(move |row| row.plural == plural && row.storage.group == group)
}

/// The value at a path of members, as text.
fn at(tree: &Value, path: &str) -> Option<Box<str>> {
    path.split('.').try_fold(tree, |value, member| value.get(member)).and_then(text)
}

fn text(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(value) => Some(value.to_string().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_upstream_reads_them() {
        let pod = r#"{"spec":{"nodeName":"n1"},"status":{"phase":"Running","podIP":"9","podIPs":[{"ip":"10.0.0.1"}]}}"#;
        let event = r#"{"involvedObject":{"kind":"Pod","uid":"u"},"reportingComponent":"k","source":{"component":""}}"#;
        for (key, json, label, expected) in [
            ("core/pods/d/p", pod, "spec.nodeName", Some("n1")),
            ("core/pods/d/p", pod, "spec.host", Some("n1")),
            ("core/pods/d/p", pod, "spec.hostNetwork", Some("false")),
            ("core/pods/d/p", pod, "status.podIP", Some("10.0.0.1")),
            ("core/pods/d/p", pod, "status.podIPs", None),
            ("core/pods/d/p", pod, "spec.schedulerName", None),
            ("core/events/d/e", event, "involvedObject.kind", Some("Pod")),
            ("core/events/d/e", event, "regarding.uid", Some("u")),
            ("core/events/d/e", event, "source", Some("k")),
            ("core/events/d/e", event, "reportingController", Some("k")),
            ("batch/jobs/d/j", r#"{"status":{"succeeded":3}}"#, "status.successful", Some("3")),
            ("batch/jobs/d/j", r#"{"status":{}}"#, "status.successful", Some("0")),
            ("core/nodes/n", r#"{"spec":{"unschedulable":true}}"#, "spec.unschedulable", Some("true")),
            ("core/namespaces/n", r#"{"metadata":{"name":"n"},"status":{"phase":"Active"}}"#, "name", Some("n")),
            ("core/configmaps/d/c", r#"{"data":{"a":"b"}}"#, "data.a", None),
        ] {
            let fields = read(&Key::parse(key).unwrap(), json.as_bytes());
            assert_eq!(fields.get(label), expected, "{key} {label}");
        }
    }
}
