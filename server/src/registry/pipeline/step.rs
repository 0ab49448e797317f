//! The steps that creates and changes share: decoding, managedFields, admission.

use howdah_api::apply::{self, Manager, Reset};
use howdah_api::kind::declared_default;
use howdah_api::tree::normalise;
use serde_json::Value;

use super::prepare::dedup_owners;
use crate::registry::admission_seam::{Attributes, Operation};
use crate::registry::body;
use crate::registry::call::Call;
use crate::registry::convert;
use crate::registry::expected::Expected;
use crate::registry::option::{Directive, WriteOptions};
use crate::registry::route::Served;
use crate::registry::source::Current;
use crate::status::ApiError;

/// The kind that a body is to have.
pub(in crate::registry) fn expected(served: &Served) -> Expected<'_> {
    let row = served.row;
    Expected { group: &row.group, version: &row.version, kind: &row.kind, node: served.node }
}

/// The object in the request's body: in the stored version, in normal form, with its defaults.
pub(in crate::registry) fn received(call: &Call<'_>, bytes: &[u8], directive: Directive) -> Result<Value, ApiError> {
    let served = call.served();
    let encoding = body::encoding(&call.http)?;
    let mut warnings = Vec::new();
    let object = body::decode(bytes, encoding, expected(served), directive, &mut warnings)?;
    call.warn(warnings);
    let mut object = convert::to_stored(served, object);
    settle(served, &mut object)?;
    Ok(object)
}

/// Brings an object in the stored version into normal form and fills in its defaults.
pub(in crate::registry) fn settle(served: &Served, object: &mut Value) -> Result<(), ApiError> {
    apply::keep_reset(object);
    normalise(object, served.stored_node);
    declared_default::apply(object, served.stored_node);
    served.strategy()?.default(object);
    Ok(())
}

/// The stored object as a tree.
pub(in crate::registry) fn tree(current: &Current) -> Result<Value, ApiError> {
    serde_json::from_slice(&current.wire).map_err(|error| {
        tracing::error!(%error, revision = %current.revision, "a stored object is not JSON");
        ApiError::Internal("a stored object can't be read".to_owned())
    })
}

/// Who writes, and how.
pub(super) struct Writer<'a> {
    pub(super) name: &'a str,
    pub(super) api_version: &'a str,
    pub(super) operation: apply::Operation,
}

/// What managedFields are told of the request.
pub(super) fn manager<'a>(call: &Call<'_>, writer: &Writer<'a>) -> Manager<'a> {
    Manager {
        name: writer.name,
        operation: writer.operation,
        api_version: writer.api_version,
        kind: &call.served().row.kind,
        subresource: call.route.subresource_name(),
        time: call.now,
        siblings: &[],
    }
}

/// The fields that a write through this subresource leaves as they are, and so doesn't own.
pub(super) fn reset(served: &Served, subresource: &str) -> Result<Reset<'static>, ApiError> {
    Ok(match (&*served.stored.plural, subresource) {
        ("pods", "ephemeralcontainers") => Reset::AllBut(&["spec.ephemeralContainers"]),
        ("pods", "resize") => Reset::AllBut(&[
            "spec.containers.*.resources",
            "spec.containers.*.resizePolicy",
            "spec.initContainers.*.resources",
            "spec.initContainers.*.resizePolicy",
        ]),
        _ => Reset::Fields(served.strategy()?.reset_fields(subresource)),
    })
}

/// Writes down in managedFields what the request changed.
pub(super) fn note_fields(
    call: &Call<'_>,
    options: &WriteOptions,
    live: Option<&Value>,
    object: &mut Value,
) -> Result<(), ApiError> {
    let served = call.served();
    let (name, api_version) = (call.manager(options), served.api_version());
    let writer = Writer { name: &name, api_version: &api_version, operation: apply::Operation::Update };
    let manager = manager(call, &writer);
    let reset = reset(served, call.route.subresource_name())?;
    if !served.is_converted() {
        apply::update(live, object, served.stored_node, &manager, reset);
        return Ok(());
    }
    let live = live.map(|live| convert::to_served(served, live.clone()));
    let mut own = convert::to_served(served, std::mem::take(object));
    apply::update(live.as_ref(), &mut own, served.node, &manager, reset);
    *object = convert::to_stored(served, own);
    Ok(())
}

/// What admission is told of a write of `name`.
fn attributes<'a>(
    call: &'a Call<'_>,
    operation: Operation,
    (namespace, name): (&'a str, &'a str),
    old: Option<&'a Value>,
    dry_run: bool,
) -> Attributes<'a> {
    let served = call.served();
    // A namespace is in itself.
    let namespace = if &*served.row.plural == "namespaces" { name } else { namespace };
    let subresource = call.route.subresource_name();
    Attributes { user: &call.user, served, subresource, operation, namespace, name, old, dry_run }
}

/// Mutating admission, and what has to be done again behind it.
pub(in crate::registry) async fn admit(
    call: &Call<'_>,
    operation: Operation,
    at: (&str, &str),
    object: &mut Value,
    old: Option<&Value>,
    dry_run: bool,
) -> Result<(), ApiError> {
    let before = object.clone();
    let attributes = attributes(call, operation, at, old, dry_run);
    call.warn(call.registry.admission.admit(attributes, object).await?);
    let mut warnings = Vec::new();
    dedup_owners(object, true, &mut warnings);
    call.warn(warnings);
    if *object != before {
        // Admission may have broken what is kept there; then it is as it was.
        let fields = object.pointer("/metadata/managedFields").unwrap_or(&Value::Null);
        if apply::check_managed_fields(fields).is_err() {
            match before.pointer("/metadata/managedFields") {
                Some(fields) => object["metadata"]["managedFields"] = fields.clone(),
                None => drop(object["metadata"].as_object_mut().and_then(|map| map.shift_remove("managedFields"))),
            }
        }
        settle(call.served(), object)?;
    }
    Ok(())
}

/// Validating admission.
pub(in crate::registry) async fn judge(
    call: &Call<'_>,
    operation: Operation,
    at: (&str, &str),
    object: &Value,
    old: Option<&Value>,
    dry_run: bool,
) -> Result<(), ApiError> {
    let attributes = attributes(call, operation, at, old, dry_run);
    call.warn(call.registry.admission.validate(attributes, object).await?);
    Ok(())
}

/// Both phases for a delete, which has only an old object.
pub(super) async fn judge_delete(
    call: &Call<'_>,
    at: (&str, &str),
    old: &Value,
    dry_run: bool,
) -> Result<(), ApiError> {
    let attributes = attributes(call, Operation::Delete, at, Some(old), dry_run);
    let mut nothing = Value::Null;
    call.warn(call.registry.admission.admit(attributes, &mut nothing).await?);
    call.warn(call.registry.admission.validate(attributes, &Value::Null).await?);
    Ok(())
}
