//! What every write does to an object's metadata, and the strategy's steps in upstream's order (`BeforeCreate`,
//! `BeforeUpdate`). Pure: time, uid and suffix are given.

use howdah_api::kind::Request;
use howdah_api::time::Time;
use howdah_api::validation::{Errors, FieldError, FieldPath, meta as rules};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::registry::object::{Meta, copy_field, meta, meta_mut, set_text, set_time};
use crate::registry::route::Served;
use crate::status::ApiError;

/// The longest name that the server makes up, without its suffix.
const MAX_GENERATED_BASE: usize = 58;
/// How long the suffix is.
pub(super) const SUFFIX_LENGTH: usize = 5;
/// What the suffix is made of: no vowels and nothing that looks like one, so that no words come out.
pub(super) const SUFFIX_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Takes away what only the server sets.
pub(super) fn wipe_system_fields(object: &mut Value) {
    let metadata = meta_mut(object);
    for field in ["creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        metadata.shift_remove(field);
    }
}

/// Sets what the server gives every new object.
pub(super) fn fill_system_fields(object: &mut Value, uid: &str, now: Time) {
    let metadata = meta_mut(object);
    set_text(metadata, "uid", uid);
    set_time(metadata, "creationTimestamp", now);
}

/// Sets the namespace of the request, or takes it away from what has none.
///
/// # Errors
/// 400 where the object names another one.
pub(in crate::registry) fn ensure_namespace(object: &mut Value, expected: &str) -> Result<(), ApiError> {
    let own = meta(object).namespace();
    if own != expected && !own.is_empty() && !expected.is_empty() {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::BadRequest(message.to_owned()));
    }
    set_text(meta_mut(object), "namespace", expected);
    Ok(())
}

/// Whether the object has the request's name.
///
/// # Errors
/// 400.
pub(in crate::registry) fn check_name(object: &Value, name: &str) -> Result<(), ApiError> {
    let own = meta(object).name();
    if own.is_empty() {
        return Err(ApiError::BadRequest(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if own != name {
        let message = format!("the name of the object ({own}) does not match the name on the URL ({name})");
        return Err(ApiError::BadRequest(message));
    }
    Ok(())
}

/// Names the object by its `generateName` and `suffix`, where it has no name.
pub(super) fn generate_name(object: &mut Value, suffix: &str) {
    let own = meta(object);
    if !own.name().is_empty() || own.generate_name().is_empty() {
        return;
    }
    let base = own.generate_name();
    let mut end = base.len().min(MAX_GENERATED_BASE);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let name = format!("{}{suffix}", &base[..end]);
    set_text(meta_mut(object), "name", &name);
}

/// Takes owner references away that stand twice, and warns.
pub(super) fn dedup_owners(object: &mut Value, after_admission: bool, warnings: &mut Vec<String>) {
    let Some(Value::Array(owners)) = meta(object).get("ownerReferences") else { return };
    let mut kept: Vec<Value> = Vec::with_capacity(owners.len());
    let mut twice = Vec::new();
    for owner in owners {
        if kept.contains(owner) {
            twice.push(owner.get("uid").and_then(Value::as_str).unwrap_or_default());
        } else {
            kept.push(owner.clone());
        }
    }
    if twice.is_empty() {
        return;
    }
    let when = if after_admission { " after mutating admission happens" } else { "" };
    warnings.push(format!(
        ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may \
         reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        twice.join(", ")
    ));
    meta_mut(object).insert("ownerReferences".to_owned(), Value::Array(kept));
}

/// The strategy's steps for a new object, which has its name, uid and creation time.
///
/// # Errors
/// 400 about the namespace, 422 about the content.
pub(super) fn before_create(
    served: &Served,
    request: &Request<'_>,
    object: &mut Value,
    namespace: &str,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let strategy = served.strategy()?;
    ensure_namespace(object, namespace)?;
    strategy.prepare_for_create(request, object);
    let mut errors = strategy.validate(request, object);
    if errors.is_empty() {
        errors = common(served, object);
    }
    refuse(served, object, &errors)?;
    warnings.extend(strategy.warnings(request, object, None));
    strategy.canonicalise(object);
    Ok(())
}

/// The strategy's steps for an update.
///
/// # Errors
/// 400 about the namespace, 422 about the content.
pub(super) fn before_update(
    served: &Served,
    request: &Request<'_>,
    object: &mut Value,
    old: &Value,
    namespace: &str,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let strategy = served.strategy()?;
    ensure_namespace(object, namespace)?;
    let of = meta(old);
    copy_field(meta_mut(object), "generation", of);
    strategy.prepare_for_update(request, object, old);
    keep_system_fields(object, of);
    let mut errors = common(served, object);
    errors.extend(common_update(object, old));
    errors.extend(strategy.validate_update(request, object, old));
    refuse(served, object, &errors)?;
    warnings.extend(strategy.warnings(request, object, Some(old)));
    strategy.canonicalise(object);
    Ok(())
}

/// What no update changes.
fn keep_system_fields(object: &mut Value, of: Meta<'_>) {
    if meta(object).uid().is_empty() {
        copy_field(meta_mut(object), "uid", of);
    }
    for field in ["creationTimestamp", "deletionTimestamp"] {
        if of.get(field).is_some() {
            copy_field(meta_mut(object), field, of);
        }
    }
    if meta(object).get("deletionGracePeriodSeconds").is_none() {
        copy_field(meta_mut(object), "deletionGracePeriodSeconds", of);
    }
}

/// The rules that hold for the metadata of all kinds.
fn common(served: &Served, object: &Value) -> Errors {
    let path = FieldPath::new("metadata");
    match typed(object) {
        Ok(metadata) => rules::generic_object_meta(&metadata, served.row.namespaced, rules::path_segment_name, &path),
        Err(error) => vec![FieldError::internal(&path, error)],
    }
}

fn common_update(object: &Value, old: &Value) -> Errors {
    let path = FieldPath::new("metadata");
    match (typed(object), typed(old)) {
        (Ok(new), Ok(old)) => rules::generic_object_meta_update(&new, &old, &path),
        (Err(error), _) | (_, Err(error)) => vec![FieldError::internal(&path, error)],
    }
}

fn typed(object: &Value) -> Result<ObjectMeta, String> {
    let metadata = object.get("metadata").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    serde_json::from_value(metadata).map_err(|error| error.to_string())
}

fn refuse(served: &Served, object: &Value, errors: &Errors) -> Result<(), ApiError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(&served.stored.group, &served.stored.kind, meta(object).name(), errors))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_made_up_within_bounds() {
        let name = |object: Value| {
            let mut object = object;
            generate_name(&mut object, "bcdfg");
            meta(&object).name().to_owned()
        };
        assert_eq!(name(json!({"metadata":{"generateName":"a-"}})), "a-bcdfg");
        assert_eq!(name(json!({"metadata":{"generateName":"a-","name":"b"}})), "b");
        assert_eq!(name(json!({"metadata":{}})), "");
        assert_eq!(name(json!({"metadata":{"generateName":"x".repeat(70)}})).len(), 63);
        // Two bytes each, so that the bound falls into one.
        assert_eq!(name(json!({"metadata":{"generateName":format!("x{}", "é".repeat(40))}})).len(), 62);
    }

    #[test]
    fn namespaces_match_or_are_filled_in() {
        let rows = [
            (json!({"metadata":{}}), "ns", Ok("ns")),
            (json!({"metadata":{"namespace":"ns"}}), "ns", Ok("ns")),
            (json!({"metadata":{"namespace":"ns"}}), "", Ok("")),
            (
                json!({"metadata":{"namespace":"a"}}),
                "b",
                Err("the namespace of the provided object does not match the namespace sent on the request"),
            ),
        ];
        for (mut object, expected, outcome) in rows {
            let ensured = ensure_namespace(&mut object, expected);
            match outcome {
                Ok(namespace) => assert_eq!((ensured, meta(&object).namespace()), (Ok(()), namespace)),
                Err(message) => assert_eq!(ensured, Err(ApiError::BadRequest(message.to_owned()))),
            }
        }
    }

    #[test]
    fn names_must_be_the_urls() {
        let refused = |object: Value| check_name(&object, "n").err().and_then(|error| error.status().message);
        assert_eq!(refused(json!({"metadata":{"name":"n"}})), None);
        assert_eq!(
            refused(json!({"metadata":{"name":"m"}})).as_deref(),
            Some("the name of the object (m) does not match the name on the URL (n)")
        );
        assert_eq!(
            refused(json!({})).as_deref(),
            Some("the name of the object (n based on URL) was undeterminable: name must be provided")
        );
    }

    #[test]
    fn owners_stand_once() {
        let owner = json!({"uid":"u","kind":"A","name":"a","apiVersion":"v1"});
        let mut object = json!({"metadata":{"ownerReferences":[owner, owner, {"uid":"u","name":"b"}]}});
        let mut warnings = Vec::new();
        dedup_owners(&mut object, false, &mut warnings);
        assert_eq!(object["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(2));
        assert!(warnings[0].ends_with("duplicate UID(s) observed: u"), "{warnings:?}");
        dedup_owners(&mut object, true, &mut warnings);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn updates_keep_what_the_server_set() {
        let old = json!({"metadata":{"uid":"u","creationTimestamp":"2020-01-01T00:00:00Z","deletionTimestamp":"2020-01-02T00:00:00Z","deletionGracePeriodSeconds":30}});
        let mut object = json!({"metadata":{"creationTimestamp":"2021-01-01T00:00:00Z"}});
        keep_system_fields(&mut object, meta(&old));
        assert_eq!(object["metadata"], old["metadata"]);
        let mut object = json!({"metadata":{"uid":"v","deletionGracePeriodSeconds":5}});
        keep_system_fields(&mut object, meta(&old));
        assert_eq!((meta(&object).uid(), meta(&object).grace_seconds()), ("v", Some(5)));
    }
}
