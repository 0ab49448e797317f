//! The two writes from end to end: the steps around the updater, in upstream's order.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::last_applied;
use super::managed::{self, Identity, KeyOrder, Managed, Owned};
use super::typed::{Duplicates, Type, validate};
use super::updater::Updater;
use super::{ApplyError, Conflicts, Manager, Operation, Reset};
use crate::schema::Node;
use crate::time::Time;
use crate::tree;

/// How many owners by update are kept apart.
const MAX_UPDATERS: usize = 10;

/// What nobody owns.
static STRIPPED: LazyLock<FieldSet> = LazyLock::new(|| {
    FieldSet::from_dotted([
        "apiVersion",
        "kind",
        "metadata",
        "metadata.name",
        "metadata.namespace",
        "metadata.creationTimestamp",
        "metadata.selfLink",
        "metadata.uid",
        "metadata.clusterName",
        "metadata.generation",
        "metadata.managedFields",
        "metadata.resourceVersion",
    ])
});

/// Applies a configuration to the live object; to none if it is created by that. Returns the new object with its
/// `managedFields`, not yet defaulted and not in the answered form ([`tree::normalise`]); it equals the live object
/// where the configuration changes nothing.
///
/// `live` is in the answered form, in the manager's version. `applied` is as it was sent: what it does not say is not
/// owned. `node` is the schema of the whole object.
///
/// # Errors
/// [`ApplyError`]: conflicts, unless `force`, and configurations that can't be applied.
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    node: &Node,
    manager: &Manager<'_>,
    force: bool,
    reset: Reset<'_>,
) -> Result<Value, ApplyError> {
    let new = live.is_none().then(|| empty(node, manager));
    let live = live.or(new.as_ref()).unwrap_or(&Value::Null);
    let managed = managed::decode(managed::entries(live)).map_err(ApplyError::Decode)?;
    let text = |name: &str| applied.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") != manager.api_version || text("kind") != manager.kind {
        return Err(ApplyError::WrongKind(group_version_kind(text("apiVersion"), text("kind"))));
    }
    let of = Type::object(node);
    let live_fits = validate(live, of, Duplicates::Allowed).map_err(|errors| (name(live, manager), errors.to_string()));
    let updater = Updater { node, manager, reset };
    let managed = if managed.is_empty() {
        live_fits.clone().map_err(|(object, errors)| ApplyError::Existing { object, errors })?;
        let before = Identity::new("before-first-apply", Operation::Update, manager.api_version, manager.subresource);
        track(&updater, &empty(node, manager), live, managed, &before)
    } else {
        managed
    };
    if managed::entries(applied).is_some_and(|entries| entries.iter().all(Value::is_object)) {
        return Err(ApplyError::ManagedFields);
    }
    validate(applied, of, Duplicates::Refused)
        .map_err(|errors| ApplyError::Patch { object: name(applied, manager), errors: errors.to_string() })?;
    live_fits.map_err(|(object, errors)| ApplyError::Live { object, errors })?;
    let applier = identity(manager, Operation::Apply);
    let is_kubectl = manager.name == "kubectl";
    let outcome = updater.apply(live, applied, &managed, &applier, force);
    let outcome = match outcome {
        Err(conflicts) if is_kubectl => match without_own(conflicts, live, of, manager) {
            Some(rest) => Err(rest),
            None => updater.apply(live, applied, &managed, &applier, true),
        },
        outcome => outcome,
    };
    let (object, mut managed) = outcome.map_err(ApplyError::Conflicts)?;
    if let Some(owned) = managed.get_mut(&applier) {
        owned.fields = owned.fields.difference(&STRIPPED);
        if object.is_some() {
            owned.time = Some(seconds(manager.time));
        }
    }
    managed.retain(|_, owned| !owned.fields.is_empty());
    let mut object = object.unwrap_or_else(|| live.clone());
    if is_kubectl {
        last_applied::follow(&mut object, applied);
    }
    managed::encode_into(&mut object, &managed, KeyOrder::of(node));
    Ok(object)
}

/// The conflicts that are left without those over what kubectl's client-side apply set itself; `None` if none are.
fn without_own(conflicts: Conflicts, live: &Value, of: Type<'_>, manager: &Manager<'_>) -> Option<Conflicts> {
    let Some(own) = last_applied::unchanged(live, of, manager.api_version, manager.kind) else {
        return Some(conflicts);
    };
    Some(conflicts.without(&own)).filter(|conflicts| !conflicts.is_empty())
}

/// Works out who owns the fields of an object that was written otherwise than by apply, and sets its `managedFields`.
///
/// `live` is the object before, `None` if it is created. `new` is what is to be stored, in the answered form and
/// defaulted, before admission; its `managedFields` are the request's and count, unless a subresource is written: they
/// can be edited, and cleared (see [`keep_reset`](super::keep_reset)). What can't be read leaves the live ones.
/// `node` is the schema of the whole object.
///
/// An object without owners is not tracked, unless it is created now.
pub fn update(live: Option<&Value>, new: &mut Value, node: &Node, manager: &Manager<'_>, reset: Reset<'_>) {
    let managed = live_or_new(live, new, manager);
    let is_created =
        live.is_none_or(|live| live.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().is_empty());
    managed::set_entries(new, None);
    if managed.is_empty() && !is_created {
        return;
    }
    let first = live.is_none().then(|| empty(node, manager));
    let before = live.or(first.as_ref()).unwrap_or(&Value::Null);
    let of = Type::object(node);
    if validate(new, of, Duplicates::Allowed).is_err() || validate(before, of, Duplicates::Allowed).is_err() {
        // Upstream's "should not happen": the object is written with the owners that it had.
        managed::set_entries(new, live.and_then(managed::entries).map(<[Value]>::to_vec));
        return;
    }
    let updater = Updater { node, manager, reset };
    let managed = track(&updater, before, new, managed, &identity(manager, Operation::Update));
    managed::encode_into(new, &managed, KeyOrder::of(node));
}

/// The owners that an update begins with.
fn live_or_new(live: Option<&Value>, new: &Value, manager: &Manager<'_>) -> Managed {
    if manager.subresource.is_empty() {
        let entries = managed::entries(new);
        if entries.is_some_and(managed::is_reset) {
            return Managed::new();
        }
        if let Ok(managed) = managed::decode(entries)
            && !managed.is_empty()
        {
            return managed;
        }
    }
    managed::decode(live.and_then(managed::entries)).unwrap_or_default()
}

/// The owners after an update by `writer`. It owns what it changed beside what it owned before; its time is set only if
/// it changed something.
fn track(updater: &Updater<'_>, before: &Value, after: &Value, managed: Managed, writer: &Identity) -> Managed {
    let (mut managed, changed) = updater.update(before, after, managed);
    let changed = changed.difference(&STRIPPED);
    if !changed.is_empty() {
        let fields = match managed.get(writer) {
            Some(previous) => changed.union(&previous.fields),
            None => changed,
        };
        let api_version = updater.manager.api_version.into();
        managed.insert(writer.clone(), Owned { fields, api_version, time: Some(seconds(updater.manager.time)) });
    }
    cap(&mut managed);
    managed
}

/// Where there are too many owners by update, unites the oldest of each version.
fn cap(managed: &mut Managed) {
    let updaters = managed.iter().filter(|(identity, _)| identity.operation == Operation::Update);
    let mut updaters: Vec<(i64, Identity)> =
        updaters.map(|(identity, owned)| (owned.time.map_or(0, |time| time.seconds), identity.clone())).collect();
    let mut excess = updaters.len().saturating_sub(MAX_UPDATERS);
    updaters.sort();
    let mut first_of: Vec<(String, Identity)> = Vec::new();
    for (_, identity) in updaters {
        if excess == 0 {
            return;
        }
        let Some(owned) = managed.get(&identity).cloned() else { continue };
        let version = owned.api_version.to_string();
        let Some((_, first)) = first_of.iter().find(|(seen, _)| *seen == version) else {
            first_of.push((version, identity));
            continue;
        };
        let bucket = Identity::new("ancient-changes", Operation::Update, &version, "");
        if !managed.contains_key(&bucket)
            && let Some(oldest) = managed.remove(first)
        {
            managed.insert(bucket.clone(), oldest);
        }
        managed.remove(&identity);
        if let Some(united) = managed.get_mut(&bucket) {
            united.fields = owned.fields.union(&united.fields);
            united.time = owned.time;
        } else {
            managed.insert(bucket, owned);
        }
        excess -= 1;
    }
}

fn identity(manager: &Manager<'_>, operation: Operation) -> Identity {
    let name = if manager.name.is_empty() { "unknown" } else { manager.name };
    Identity::new(name, operation, manager.api_version, manager.subresource)
}

fn seconds(time: Time) -> Time {
    Time { nanos: 0, ..time }
}

/// What an object is before anything was said about it: what Go writes of a zero value.
fn empty(node: &Node, manager: &Manager<'_>) -> Value {
    let mut map = match tree::zero(node) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    map.insert("apiVersion".to_owned(), Value::from(manager.api_version));
    map.insert("kind".to_owned(), Value::from(manager.kind));
    Value::Object(map)
}

/// `default/web; apps/v1, Kind=Deployment`.
fn name(object: &Value, manager: &Manager<'_>) -> String {
    let text =
        |name: &str| object.get("metadata").and_then(|it| it.get(name)).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}; {}", text("namespace"), text("name"), group_version_kind(manager.api_version, manager.kind))
}

fn group_version_kind(api_version: &str, kind: &str) -> String {
    match api_version.split_once('/') {
        // More than one slash makes no group and version.
        Some((_, version)) if version.contains('/') => "/, Kind=".to_owned(),
        Some((group, version)) => format!("{group}/{version}, Kind={kind}"),
        None => format!("/{api_version}, Kind={kind}"),
    }
}
