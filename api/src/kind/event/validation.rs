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
