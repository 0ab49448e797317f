//! What a delete does to an object: a pure plan from the object, the options and the time.
//!
//! Graceful deletion, finalizers of the garbage collector, preconditions, namespaces. Source: apiserver,
//! `rest.BeforeDelete` and `registry.Store.Delete`; kubernetes, `registry/core/namespace/storage`.

use howdah_api::kind::{self, Strategy};
use howdah_api::time::Time;
use serde_json::Value;

use crate::registry::object::{FOREGROUND_FINALIZER, Meta, ORPHAN_FINALIZER, meta, meta_mut, set_finalizers, set_time};
use crate::registry::option::{DeleteOptions, Propagation};
use crate::registry::route::Served;
use crate::status::ApiError;

/// What a delete comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plan {
    /// It is being deleted already: nothing is written.
    Pending,
    /// It stays, marked.
    Mark(Value),
    /// It is marked, and goes at once.
    MarkAndRemove(Value),
    /// It goes.
    Remove,
}

/// How the object's kind deletes.
#[derive(Clone, Copy)]
pub(super) struct Rules<'s> {
    /// The strategy.
    pub(super) strategy: &'s dyn Strategy,
    /// Whether it is a namespace, which is emptied before it goes.
    pub(super) is_namespace: bool,
}

impl Rules<'static> {
    /// The rules of a resource.
    ///
    /// # Errors
    /// 405 for what isn't stored.
    pub(super) fn of(served: &Served) -> Result<Self, ApiError> {
        let is_namespace = served.stored.group.is_empty() && &*served.stored.plural == "namespaces";
        Ok(Self { strategy: served.strategy()?, is_namespace })
    }
}

/// The plan for `object`.
///
/// # Errors
/// 409 where a precondition fails.
pub(super) fn plan(served: &Served, object: &Value, options: &DeleteOptions, now: Time) -> Result<Plan, ApiError> {
    let rules = Rules::of(served)?;
    preconditions(served, meta(object), options, rules.is_namespace)?;
    if rules.is_namespace
        && let Some(plan) = of_namespace(object, options, now)
    {
        return Ok(plan);
    }
    Ok(of_object(rules, object, options, now))
}

fn preconditions(served: &Served, own: Meta<'_>, options: &DeleteOptions, is_namespace: bool) -> Result<(), ApiError> {
    let (uid, resource_version) = (options.uid.as_deref(), options.resource_version.as_deref());
    let conflict = |named: String, early: String| {
        // A namespace's own storage checks before the general one does, and says it differently.
        let (subject, why) = match is_namespace {
            true => (served.subject(own.name()), early),
            false => (served.kind_subject(own.name()), named),
        };
        Err(ApiError::Conflict(subject, why))
    };
    if let Some(uid) = uid.filter(|uid| *uid != own.uid()) {
        let real = own.uid();
        return conflict(
            format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({real}). The object might have been \
                 deleted and then recreated"
            ),
            format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {real}"),
        );
    }
    if let Some(wanted) = resource_version.filter(|wanted| *wanted != own.resource_version()) {
        let real = own.resource_version();
        return conflict(
            format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({real}). The \
                 object might have been modified"
            ),
            format!(
                "Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {real}"
            ),
        );
    }
    Ok(())
}

/// A namespace is marked first, and goes when `spec.finalizers` is empty.
fn of_namespace(object: &Value, options: &DeleteOptions, now: Time) -> Option<Plan> {
    let own = meta(object);
    if own.is_deleting() {
        let emptied = object.pointer("/spec/finalizers").and_then(Value::as_array).is_none_or(Vec::is_empty);
        return (!emptied).then_some(Plan::Pending);
    }
    let mut marked = object.clone();
    let mut finalizers: Vec<&str> = own.finalizers();
    for (finalizer, policy, orphans) in
        [(ORPHAN_FINALIZER, Propagation::Orphan, true), (FOREGROUND_FINALIZER, Propagation::Foreground, false)]
    {
        let had = finalizers.contains(&finalizer);
        let wanted = match (options.orphan_dependents, options.propagation) {
            (Some(orphan), _) => orphan == orphans,
            (None, Some(propagation)) => propagation == policy,
            (None, None) => had,
        };
        finalizers.retain(|own| *own != finalizer);
        if wanted {
            finalizers.push(finalizer);
        }
    }
    let metadata = meta_mut(&mut marked);
    set_time(metadata, "deletionTimestamp", now);
    set_finalizers(metadata, &finalizers);
    if !marked["status"].is_object() {
        marked["status"] = Value::Object(serde_json::Map::new());
    }
    marked["status"]["phase"] = Value::from("Terminating");
    Some(Plan::Mark(marked))
}

/// How gracefully the object goes.
enum Grace {
    /// At once.
    None,
    /// It is on its way, and this request doesn't hasten it.
    Pending,
    /// Marked so, it has these seconds.
    Seconds(Value, i64),
}

fn of_object(rules: Rules<'_>, object: &Value, options: &DeleteOptions, now: Time) -> Plan {
    let grace = grace(rules.strategy, object, options, now);
    let (mut marked, seconds) = match grace {
        Grace::Pending => return Plan::Pending,
        Grace::Seconds(marked, seconds) => (marked, Some(seconds)),
        Grace::None => (object.clone(), None),
    };
    let finalizers = collector_finalizers(rules, meta(object), options);
    if let Some(finalizers) = &finalizers {
        set_finalizers(meta_mut(&mut marked), finalizers);
    }
    let held = !meta(&marked).finalizers().is_empty();
    match seconds {
        None if held => {
            mark_as_deleting(&mut marked, now);
            Plan::Mark(marked)
        }
        None => Plan::Remove,
        Some(0) if !held => Plan::MarkAndRemove(marked),
        Some(_) => Plan::Mark(marked),
    }
}

fn grace(strategy: &dyn Strategy, object: &Value, options: &DeleteOptions, now: Time) -> Grace {
    let own = meta(object);
    let Some(asked) = strategy.grace_period(object, options.grace_seconds) else { return Grace::None };
    let mut marked = object.clone();
    let Some(deletion) = own.deletion_timestamp() else {
        let metadata = meta_mut(&mut marked);
        set_time(metadata, "deletionTimestamp", later(now, asked));
        metadata.insert("deletionGracePeriodSeconds".to_owned(), Value::from(asked));
        count_generation(&mut marked);
        return Grace::Seconds(marked, asked);
    };
    let left = own.grace_seconds().map_or(0, |seconds| if seconds < 0 { 1 } else { seconds });
    if left == 0 {
        return Grace::None;
    }
    let Some(asked) = options.grace_seconds else { return Grace::Pending };
    // The time may only be shortened.
    if asked >= left {
        return Grace::Pending;
    }
    let (mut until, mut period) = (later(deletion, asked - left), asked);
    if until < now {
        until = now;
        // Somebody else is to see it end, unless it is to go at once.
        period = if period == 0 { 0 } else { 1 };
    }
    let metadata = meta_mut(&mut marked);
    set_time(metadata, "deletionTimestamp", until);
    metadata.insert("deletionGracePeriodSeconds".to_owned(), Value::from(period));
    Grace::Seconds(marked, asked)
}

fn later(time: Time, seconds: i64) -> Time {
    Time { seconds: time.seconds.saturating_add(seconds), ..time }
}

fn count_generation(object: &mut Value) {
    let generation = meta(object).generation();
    if generation > 0 {
        meta_mut(object).insert("generation".to_owned(), Value::from(generation + 1));
    }
}

/// Marks what has no graceful deletion and is held by finalizers.
fn mark_as_deleting(object: &mut Value, now: Time) {
    let own = meta(object);
    let since = own.deletion_timestamp();
    if !own.is_deleting() {
        count_generation(object);
    }
    let metadata = meta_mut(object);
    if since.is_none_or(|since| since > now) {
        set_time(metadata, "deletionTimestamp", now);
    }
    metadata.insert("deletionGracePeriodSeconds".to_owned(), Value::from(0));
}

/// The finalizers with those of the garbage collector as the options want them; `None` where nothing changes.
fn collector_finalizers(rules: Rules<'_>, own: Meta<'_>, options: &DeleteOptions) -> Option<Vec<String>> {
    let had = own.finalizers();
    let wanted = match rules.strategy.default_propagation() {
        // Nothing can depend on it.
        kind::Propagation::Unsupported => None,
        default => collector_finalizer(default, &had, options),
    };
    let mut finalizers: Vec<String> = had
        .iter()
        .filter(|finalizer| !matches!(**finalizer, ORPHAN_FINALIZER | FOREGROUND_FINALIZER))
        .map(|finalizer| (*finalizer).to_owned())
        .collect();
    finalizers.extend(wanted.map(str::to_owned));
    let same = finalizers.len() == had.len() && finalizers.iter().all(|finalizer| had.contains(&finalizer.as_str()));
    (!same).then_some(finalizers)
}

/// What the options say wins, then a finalizer that is there, then the kind's default.
fn collector_finalizer(default: kind::Propagation, had: &[&str], options: &DeleteOptions) -> Option<&'static str> {
    match (options.orphan_dependents, options.propagation) {
        (Some(true), _) | (None, Some(Propagation::Orphan)) => return Some(ORPHAN_FINALIZER),
        (Some(false), _) | (None, Some(Propagation::Background)) => return None,
        (None, Some(Propagation::Foreground)) => return Some(FOREGROUND_FINALIZER),
        (None, None) => {}
    }
    match had.iter().find(|finalizer| matches!(**finalizer, ORPHAN_FINALIZER | FOREGROUND_FINALIZER)) {
        Some(&ORPHAN_FINALIZER) => Some(ORPHAN_FINALIZER),
        Some(_) => Some(FOREGROUND_FINALIZER),
        None => (default == kind::Propagation::Orphan).then_some(ORPHAN_FINALIZER),
    }
}

/// Whether an update that came to `object` ends the deletion that `old` waits for.
#[must_use]
pub(super) fn ends_deletion(object: &Value, old: &Value, is_namespace: bool) -> bool {
    let emptied =
        |object: &Value| object.pointer("/spec/finalizers").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let was = meta(old);
    meta(object).finalizers().is_empty()
        && was.is_deleting()
        && was.grace_seconds().is_none_or(|seconds| seconds == 0)
        && (!is_namespace || emptied(object))
}

/// Whether the answer to a delete is the object that went, and no `Status`.
#[must_use]
pub(super) fn answers_with_object(served: &Served) -> bool {
    match (&*served.stored.group, &*served.stored.plural) {
        ("", plural) => matches!(
            plural,
            "namespaces"
                | "persistentvolumeclaims"
                | "persistentvolumes"
                | "pods"
                | "podtemplates"
                | "resourcequotas"
                | "serviceaccounts"
                | "services"
        ),
        ("storage.k8s.io", plural) => plural != "csistoragecapacities",
        ("resource.k8s.io", plural) => plural != "devicetaintrules",
        _ => false,
    }
}

#[cfg(test)]
#[path = "deletion_test.rs"]
mod tests;
