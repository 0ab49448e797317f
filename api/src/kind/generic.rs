//! What strategies share: reading and writing trees by path, typed views, generations, resource lists.
//!
//! Paths are lists of fields. Nothing here fails on an object of an unexpected form: what isn't there reads as absent.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::quantity::Quantity;
use crate::schema::{Node, Scalar, Shape, builtin};
use crate::tree;
use crate::validation::{Errors, FieldError, FieldPath};

/// Judges a typed view of `object`.
///
/// An object that can't be viewed so is an internal error, since it has been decoded along the schema before.
#[must_use]
pub fn check<T: DeserializeOwned>(object: &Value, rules: impl FnOnce(&T) -> Errors) -> Errors {
    match view::<T>(object) {
        Ok(view) => rules(&view),
        Err(error) => vec![unreadable(&error)],
    }
}

/// Judges typed views of an object and of what stood before, in this order.
#[must_use]
pub fn check_update<T: DeserializeOwned>(object: &Value, old: &Value, rules: impl FnOnce(&T, &T) -> Errors) -> Errors {
    match (view::<T>(object), view::<T>(old)) {
        (Ok(new), Ok(old)) => rules(&new, &old),
        (Err(error), _) | (_, Err(error)) => vec![unreadable(&error)],
    }
}

/// The typed view of an object. A time that the type requires and nobody set is Go's zero time in it: objects with such
/// conditions are valid, and answered with null there.
fn view<T: DeserializeOwned>(object: &Value) -> Result<T, serde_json::Error> {
    T::deserialize(object).or_else(|error| {
        let node = schema(object).ok_or(error)?;
        let mut object = object.clone();
        fill_required_times(&mut object, node);
        T::deserialize(&object)
    })
}

fn fill_required_times(value: &mut Value, node: &Node) {
    match (&node.shape, value) {
        (Shape::Struct(of), Value::Object(map)) => {
            for field in &of.get().fields {
                let is_time = matches!(field.node.shape, Shape::Scalar(Scalar::Time | Scalar::MicroTime));
                if is_time && field.required && map.get(&*field.name).is_none_or(Value::is_null) {
                    map.insert(field.name.clone().into_owned(), Value::from("0001-01-01T00:00:00Z"));
                } else if let Some(value) = map.get_mut(&*field.name) {
                    fill_required_times(value, &field.node);
                }
            }
        }
        (Shape::List(of), Value::Array(list)) => {
            list.iter_mut().for_each(|value| fill_required_times(value, &of.element));
        }
        _ => {}
    }
}

fn unreadable(error: &serde_json::Error) -> FieldError {
    FieldError::internal(&FieldPath::new(""), format!("the object can't be read as its type: {error}"))
}

/// What stands at `path`, unless it is null.
#[must_use]
pub fn at<'v>(object: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, field| value.get(field)).filter(|value| !value.is_null())
}

/// What stands at `path`, to be changed, unless it is null.
#[must_use]
pub fn at_mut<'v>(object: &'v mut Value, path: &[&str]) -> Option<&'v mut Value> {
    path.iter().try_fold(object, |value, field| value.get_mut(field)).filter(|value| !value.is_null())
}

/// The text at `path`; empty where there is none.
#[must_use]
pub fn text<'v>(object: &'v Value, path: &[&str]) -> &'v str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The list at `path`; empty where there is none.
#[must_use]
pub fn list<'v>(object: &'v Value, path: &[&str]) -> &'v [Value] {
    at(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Puts `value` at `path`, with the objects on the way to it.
pub fn set(object: &mut Value, path: &[&str], value: Value) {
    let mut place = object;
    for field in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(map) = place else { return };
        place = map.entry(*field).or_insert(Value::Null);
    }
    *place = value;
}

/// Takes away what stands at `path`.
pub fn remove(object: &mut Value, path: &[&str]) {
    if let Some((field, parents)) = path.split_last()
        && let Some(Value::Object(map)) = at_mut(object, parents)
    {
        map.shift_remove(*field);
    }
}

/// Puts back what stood at `path` before, or takes it away where nothing did.
pub fn restore(object: &mut Value, old: &Value, path: &[&str]) {
    match at(old, path) {
        Some(value) => set(object, path, value.clone()),
        None => remove(object, path),
    }
}

/// Empties a field of the object: what remains is the form in which the API shows one that nobody set (`"status": {}`).
pub fn reset(object: &mut Value, field: &str) {
    let zero = schema(object).and_then(Node::as_struct).and_then(|of| of.field(field)).map(|field| {
        let zero = tree::zero(&field.node);
        if tree::is_omitted(&zero, field) { Value::Null } else { zero }
    });
    match zero {
        Some(zero) if !zero.is_null() => set(object, &[field], zero),
        _ => remove(object, &[field]),
    }
}

/// The schema of a built-in object, by its own kind.
#[must_use]
pub fn schema(object: &Value) -> Option<&'static Node> {
    let api_version = text(object, &["apiVersion"]);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    builtin::kind(group, version, text(object, &["kind"]))
}

/// Begins to count generations.
pub fn first_generation(object: &mut Value) {
    set(object, &["metadata", "generation"], Value::from(1));
}

/// Takes the old generation, or the next where one of `fields` of the object changed.
pub fn count_generation(object: &mut Value, old: &Value, fields: &[&str]) {
    let before = at(old, &["metadata", "generation"]).and_then(Value::as_i64).unwrap_or_default();
    let changed = fields.iter().any(|field| !is_unchanged(object, old, field));
    match before + i64::from(changed) {
        0 => remove(object, &["metadata", "generation"]),
        generation => set(object, &["metadata", "generation"], generation.into()),
    }
}

/// Whether a field of the object means what it meant before ([`means_the_same`]).
#[must_use]
pub fn is_unchanged(object: &Value, old: &Value, field: &str) -> bool {
    let (new, old) = (object.get(field).unwrap_or(&Value::Null), old.get(field).unwrap_or(&Value::Null));
    match schema(object).and_then(|node| node.child(field)) {
        Some(node) => means_the_same(new, old, node),
        None => new == old,
    }
}

/// Whether two values of a built-in type mean the same: quantities count as numbers, and nothing, an empty list and an
/// empty map are one. Upstream's `Semantic.DeepEqual`.
#[must_use]
pub fn means_the_same(one: &Value, other: &Value, node: &Node) -> bool {
    match (&node.shape, one, other) {
        (Shape::Struct(of), _, _) if !node.pointer || (one.is_object() && other.is_object()) => {
            let of = of.get();
            of.fields.iter().all(|field| {
                let (one, other) = (one.get(&*field.name), other.get(&*field.name));
                means_the_same(one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null), &field.node)
            })
        }
        (Shape::List(of), Value::Array(one), Value::Array(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| means_the_same(one, other, &of.element))
        }
        (Shape::Map(of), Value::Object(one), Value::Object(other)) => {
            let same = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|other| means_the_same(value, other, &of.value))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        (Shape::List(_) | Shape::Map(_), _, _) if !node.pointer => is_empty(one) && is_empty(other),
        (Shape::Scalar(Scalar::Quantity), Value::String(first), Value::String(second)) => {
            match (Quantity::parse(first), Quantity::parse(second)) {
                (Ok(first), Ok(second)) => first == second,
                _ => first == second,
            }
        }
        (Shape::Scalar(_), _, _) if !node.pointer => {
            let zero = tree::zero(node);
            let or_zero = |value: &Value| if value.is_null() { zero.clone() } else { value.clone() };
            or_zero(one) == or_zero(other)
        }
        _ => one == other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Rounds the amounts of the resource list at `path` up to thousandths, as upstream has always done: `SetDefaults_ResourceList`.
pub fn round_resources(object: &mut Value, path: &[&str]) {
    let Some(Value::Object(list)) = at_mut(object, path) else { return };
    for amount in list.values_mut() {
        let Some(quantity) = amount.as_str().and_then(|text| Quantity::parse(text).ok()) else { continue };
        if !quantity.is_multiple_of(-3) {
            *amount = Value::from(quantity.rounded(-3).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trees_are_changed_by_path() {
        let mut object = json!({"spec": {"a": 1}});
        set(&mut object, &["status", "phase"], json!("Active"));
        restore(&mut object, &json!({"spec": {"b": 2}}), &["spec", "b"]);
        restore(&mut object, &json!({}), &["spec", "a"]);
        remove(&mut object, &["none", "there"]);
        assert_eq!(object, json!({"spec": {"b": 2}, "status": {"phase": "Active"}}));
        assert_eq!(text(&object, &["status", "phase"]), "Active");
        assert!(list(&object, &["spec", "b"]).is_empty());
    }

    #[test]
    fn a_reset_field_looks_as_nobody_set_it() {
        for (api_version, kind, expected) in [
            ("v1", "Pod", json!({})),
            ("apps/v1", "ReplicaSet", json!({"replicas": 0})),
            ("batch/v1", "Job", json!({})),
        ] {
            let mut object = json!({"apiVersion": api_version, "kind": kind, "status": {"conditions": [{}]}});
            reset(&mut object, "status");
            assert_eq!(object["status"], expected, "{kind}");
        }
    }

    #[test]
    fn generations_count_changes_of_meaning() {
        let old = json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"generation": 3},
            "spec": {"hard": {"cpu": "1"}},
        });
        let rows = [
            (json!({"hard": {"cpu": "1000m"}}), 3),
            (json!({"hard": {"cpu": "1"}, "scopes": []}), 3),
            (json!({"hard": {"cpu": "2"}}), 4),
            (json!({"hard": {"cpu": "1", "memory": "1"}}), 4),
            (json!({"hard": {"cpu": "1"}, "scopeSelector": {}}), 4),
        ];
        for (spec, generation) in rows {
            let mut new = old.clone();
            new["spec"] = spec;
            new["metadata"] = json!({"generation": 17});
            count_generation(&mut new, &old, &["spec"]);
            assert_eq!(new["metadata"]["generation"], generation, "{new}");
        }
    }

    #[test]
    fn resources_are_rounded_up_to_thousandths() {
        let mut list = json!({"cpu": "1500001n", "memory": "1Gi", "x": "no quantity"});
        round_resources(&mut list, &[]);
        assert_eq!(list, json!({"cpu": "2m", "memory": "1Gi", "x": "no quantity"}));
    }

    #[test]
    fn a_condition_without_its_time_can_be_viewed() {
        let condition =
            json!({"type": "Ready", "status": "True", "lastTransitionTime": null, "reason": "", "message": ""});
        let object = json!({"apiVersion": "v1", "kind": "Service", "status": {"conditions": [condition]}});
        let errors = check(&object, |_: &k8s_openapi::api::core::v1::Service| Errors::new());
        assert_eq!(errors, Errors::new());
        let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "series": {"count": 2}});
        let errors = check_update(&event, &event, |_: &k8s_openapi::api::events::v1::Event, _| Errors::new());
        assert_eq!(errors, Errors::new());
    }

    #[test]
    fn what_cannot_be_viewed_is_an_internal_error() {
        let errors = check(&json!({"spec": 1}), |_: &k8s_openapi::api::core::v1::Namespace| Errors::new());
        assert_eq!(errors.len(), 1);
        assert!(errors[0].to_string().starts_with("[]: Internal error: the object can't be read as its type"));
    }
}
