//! The rules of events, in the stored form. An event with an `eventTime` is new-style.
//!
//! Errors show the fields' internal names in nested values (`"Kind"`), as upstream's do.
//!
//! Facts: pkg/apis/core/validation/events.go.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use serde_json::{Value, json};

use crate::validation::meta::{immutable_field, name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::name::is_qualified_name;
use crate::validation::{Errors, FieldError, FieldPath};

const NAME_LIMIT: usize = 128;
const MESSAGE_LIMIT: usize = 1024;

/// A new event through the newer API.
pub(super) fn create(event: &Event) -> Errors {
    let mut errors = legacy(event, "reportingController");
    errors.extend(object_meta(&event.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata")));
    errors.extend(series(event));
    if event.event_time.is_none() {
        errors.push(FieldError::required(&FieldPath::new("eventTime"), ""));
    }
    let type_of = text(&event.type_);
    if !matches!(type_of, "Normal" | "Warning") {
        let words = format!("has invalid value: {type_of}");
        errors.push(FieldError::invalid(&FieldPath::new("type"), "", words));
    }
    let source = event.source.as_ref();
    let has_source = source.is_some_and(|source| !text(&source.component).is_empty() || !text(&source.host).is_empty());
    for (name, is_set) in [
        ("firstTimestamp", event.first_timestamp.is_some()),
        ("lastTimestamp", event.last_timestamp.is_some()),
        ("count", event.count.unwrap_or_default() != 0),
        ("source", has_source),
    ] {
        if is_set {
            errors.push(FieldError::invalid(&FieldPath::new(name), "", "needs to be unset"));
        }
    }
    errors
}

/// An update through the newer API: only metadata and the series change.
pub(super) fn update(new: &Event, old: &Event) -> Errors {
    let mut errors = legacy(new, "reportingController");
    errors.extend(object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata")));
    if new.series != old.series {
        errors.extend(series(new));
    }
    let mut fixed = |name: &str, value: fn(&Event) -> Value| {
        errors.extend(immutable_field(&value(new), &value(old), &FieldPath::new(name)));
    };
    fixed("involvedObject", |event| reference(&event.involved_object));
    fixed("reason", |event| text(&event.reason).into());
    fixed("message", |event| text(&event.message).into());
    fixed("source", |event| source(event.source.as_ref()));
    fixed("firstTimestamp", |event| time(event.first_timestamp.as_ref()));
    fixed("lastTimestamp", |event| time(event.last_timestamp.as_ref()));
    fixed("count", |event| event.count.unwrap_or_default().into());
    fixed("reason", |event| text(&event.reason).into());
    fixed("type", |event| text(&event.type_).into());
    // Trees hold microseconds, the precision in which upstream compares.
    fixed("eventTime", |event| micro_time(event.event_time.as_ref()));
    fixed("action", |event| text(&event.action).into());
    fixed("related", |event| event.related.as_ref().map_or(Value::Null, reference));
    fixed("reportingController", |event| text(&event.reporting_component).into());
    fixed("reportingInstance", |event| text(&event.reporting_instance).into());
    errors
}

/// What every event must keep to; `controller_field` is the requested version's name of the reporting component.
pub(super) fn legacy(event: &Event, controller_field: &str) -> Errors {
    let mut errors = Errors::new();
    let namespace = text(&event.metadata.namespace);
    let involved = text(&event.involved_object.namespace);
    let object = FieldPath::new("involvedObject");
    let is_new = event.event_time.is_some();
    let agrees = match (is_new, involved) {
        (true, "") => matches!(namespace, "default" | "kube-system"),
        (true, _) => true,
        (false, "") => matches!(namespace, "" | "default"),
        (false, involved) => involved == namespace,
    };
    if !agrees {
        errors.push(FieldError::invalid(&object.child("namespace"), involved, "does not match event.namespace"));
    }
    if !is_new {
        return errors;
    }
    let path = FieldPath::new(controller_field);
    let controller = text(&event.reporting_component);
    if controller.is_empty() {
        errors.push(FieldError::required(&path, ""));
    }
    let wrong = is_qualified_name(controller).into_iter();
    errors.extend(wrong.map(|wrong| FieldError::invalid(&path, controller, wrong)));
    for (name, value) in [
        ("reportingInstance", text(&event.reporting_instance)),
        ("action", text(&event.action)),
        ("reason", text(&event.reason)),
    ] {
        if value.is_empty() {
            errors.push(FieldError::required(&FieldPath::new(name), ""));
        }
        errors.extend(longer_than(name, value, NAME_LIMIT));
    }
    errors.extend(longer_than("message", text(&event.message), MESSAGE_LIMIT));
    errors
}

fn longer_than(name: &str, value: &str, most: usize) -> Option<FieldError> {
    let words = || format!("can have at most {most} characters");
    (value.len() > most).then(|| FieldError::invalid(&FieldPath::new(name), "", words()))
}

fn series(event: &Event) -> Errors {
    let mut errors = Errors::new();
    if let Some(series) = &event.series {
        if series.count.unwrap_or_default() < 2 {
            errors.push(FieldError::invalid(&FieldPath::new("series.count"), "", "should be at least 2"));
        }
        if series.last_observed_time.is_none() {
            errors.push(FieldError::required(&FieldPath::new("series.lastObservedTime"), ""));
        }
    }
    errors
}

fn text(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or_default()
}

fn time(time: Option<&Time>) -> Value {
    serde_json::to_value(time).unwrap_or_default()
}

fn micro_time(time: Option<&MicroTime>) -> Value {
    serde_json::to_value(time).unwrap_or_default()
}

fn source(source: Option<&EventSource>) -> Value {
    let (component, host) = source.map_or(("", ""), |source| (text(&source.component), text(&source.host)));
    json!({ "Component": component, "Host": host })
}

fn reference(of: &ObjectReference) -> Value {
    json!({
        "Kind": text(&of.kind),
        "Namespace": text(&of.namespace),
        "Name": text(&of.name),
        "UID": text(&of.uid),
        "APIVersion": text(&of.api_version),
        "ResourceVersion": text(&of.resource_version),
        "FieldPath": text(&of.field_path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::testing::{create_errors, update_errors};

    const NEW: &str = "events.k8s.io";

    fn new_style() -> Value {
        json!({
            "metadata": {"name": "a", "namespace": "default"},
            "involvedObject": {"kind": "Node", "name": "n"}, "type": "Normal",
            "eventTime": "2026-01-02T03:04:05.000000Z", "reportingComponent": "c/d", "reportingInstance": "i",
            "action": "Testing", "reason": "Tested",
        })
    }

    #[test]
    fn old_events_agree_on_the_namespace() {
        let wrong = |namespace: &str| {
            let words = "does not match event.namespace";
            vec![format!("involvedObject.namespace: Invalid value: \"{namespace}\": {words}")]
        };
        for (namespace, involved, expected) in [
            ("default", "", vec![]),
            ("", "", vec![]),
            ("other", "", wrong("")),
            ("other", "other", vec![]),
            ("other", "default", wrong("default")),
        ] {
            let object =
                json!({"metadata": {"name": "a", "namespace": namespace}, "involvedObject": {"namespace": involved}});
            assert_eq!(create_errors("", "events", object), expected, "{namespace} {involved}");
        }
    }

    #[test]
    fn new_events_are_complete() {
        let mut object = new_style();
        assert_eq!(create_errors("", "events", object.clone()), [""; 0]);
        assert_eq!(create_errors(NEW, "events", object.clone()), [""; 0]);
        object["metadata"]["namespace"] = "other".into();
        for name in ["reportingComponent", "reportingInstance", "action", "reason"] {
            object[name] = "".into();
        }
        object["message"] = "x".repeat(1025).into();
        let errors = create_errors("", "events", object.clone());
        let name = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                    character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        let expected = [
            "involvedObject.namespace: Invalid value: \"\": does not match event.namespace".to_owned(),
            "reportingComponent: Required value".to_owned(),
            "reportingComponent: Invalid value: \"\": name part must be non-empty".to_owned(),
            format!("reportingComponent: Invalid value: \"\": name part {name}"),
            "reportingInstance: Required value".to_owned(),
            "action: Required value".to_owned(),
            "reason: Required value".to_owned(),
            "message: Invalid value: \"\": can have at most 1024 characters".to_owned(),
        ];
        assert_eq!(errors, expected);
        assert!(create_errors(NEW, "events", object)[1].starts_with("reportingController: "));
    }

    #[test]
    fn the_newer_api_takes_new_events_only() {
        let object = json!({
            "metadata": {"name": "a", "namespace": "default"}, "type": "Odd", "count": 1,
            "firstTimestamp": "2026-01-02T03:04:05Z", "lastTimestamp": "2026-01-02T03:04:05Z",
            "source": {"host": "h"}, "series": {"count": 1},
        });
        let expected = [
            "series.count: Invalid value: \"\": should be at least 2",
            "series.lastObservedTime: Required value",
            "eventTime: Required value",
            "type: Invalid value: \"\": has invalid value: Odd",
            "firstTimestamp: Invalid value: \"\": needs to be unset",
            "lastTimestamp: Invalid value: \"\": needs to be unset",
            "count: Invalid value: \"\": needs to be unset",
            "source: Invalid value: \"\": needs to be unset",
        ];
        assert_eq!(create_errors(NEW, "events", object.clone()), expected);
        assert_eq!(create_errors("", "events", object), [""; 0]);
    }

    #[test]
    fn the_newer_api_changes_the_series_only() {
        let old = new_style();
        let mut new = old.clone();
        new["series"] = json!({"count": 2, "lastObservedTime": "2026-01-02T03:04:06.000000Z"});
        assert_eq!(update_errors(NEW, "events", "", new.clone(), old.clone()), [""; 0]);
        new["reason"] = "Other".into();
        new["involvedObject"]["name"] = "m".into();
        new["eventTime"] = "2026-01-02T03:04:05.000001Z".into();
        let reference =
            r#"{"Kind":"Node","Namespace":"","Name":"m","UID":"","APIVersion":"","ResourceVersion":"","FieldPath":""}"#;
        let expected = [
            format!("involvedObject: Invalid value: {reference}: field is immutable"),
            "reason: Invalid value: \"Other\": field is immutable".to_owned(),
            "reason: Invalid value: \"Other\": field is immutable".to_owned(),
            "eventTime: Invalid value: \"2026-01-02T03:04:05.000001Z\": field is immutable".to_owned(),
        ];
        assert_eq!(update_errors(NEW, "events", "", new.clone(), old.clone()), expected);
        assert_eq!(update_errors("", "events", "", new, old), [""; 0]);
    }
}
