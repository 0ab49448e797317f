//! DELETE: executing the plan.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_api::Key;
use howdah_store::{Operation, Write, WriteError};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusDetails};
use serde_json::Value;
use tokio::time::Instant;

use super::deletion::{Plan, answers_with_object, plan};
use super::step::{judge_delete, tree};
use crate::registry::allocation::Claims;
use crate::registry::answer;
use crate::registry::body;
use crate::registry::call::Call;
use crate::registry::encode;
use crate::registry::object::meta;
use crate::registry::option::DeleteOptions;
use crate::registry::source::{Current, write_error};
use crate::status::ApiError;

/// What came of a delete.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Deleted {
    /// The object as it stands marked, or as it last was.
    pub(in crate::registry) last: Current,
    /// Whether it is gone.
    pub(in crate::registry) gone: bool,
    /// Whether the answer is the object, even where its kind is answered by a `Status`.
    pub(in crate::registry) marked: bool,
}

/// Deletes the object.
pub(in crate::registry) async fn delete(call: &Call<'_>, body: &Bytes) -> Result<HttpResponse, ApiError> {
    let encoding = if body.is_empty() { crate::negotiation::Encoding::Json } else { body::encoding(&call.http)? };
    let options = DeleteOptions::read(&call.query, encoding, body)?;
    let deleted = remove(call, call.route.name, call.route.namespace, &options).await?;
    let code = if !deleted.gone && options.orphan_dependents == Some(false) { 202 } else { 200 };
    if deleted.marked || answers_with_object(call.served()) {
        return answer::object(call, code, &deleted.last);
    }
    let last = tree(&deleted.last)?;
    let row = call.served().row;
    let details = StatusDetails {
        name: Some(meta(&last).name().to_owned()),
        group: Some(row.group.to_string()).filter(|group| !group.is_empty()),
        kind: Some(row.plural.to_string()),
        uid: Some(meta(&last).uid().to_owned()),
        ..StatusDetails::default()
    };
    let status = Status { status: Some("Success".to_owned()), details: Some(details), ..Status::default() };
    answer::status(call, code, &status)
}

/// Deletes `name` in `namespace`, or marks it.
pub(in crate::registry) async fn remove(
    call: &Call<'_>,
    name: &str,
    namespace: &str,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let served = call.served();
    let key = served.key(namespace, name)?;
    let source = &call.registry.source;
    let mut current = source.cached(served, &key, call.deadline).await?;
    let mut confirmed = false;
    let warned = call.warning_count();
    loop {
        if Instant::now() >= call.deadline {
            return Err(ApiError::ServerTimeout(served.subject(name), "delete"));
        }
        call.keep_warnings(warned);
        let outcome = match decide(call, current.as_ref(), (namespace, name), options).await {
            Ok((plan, current)) => execute(call, &key, plan, current, options).await?,
            Err(error) => Some(Outcome::Unwritten(Err(error))),
        };
        match outcome {
            Some(Outcome::Written(deleted)) => return Ok(deleted),
            Some(Outcome::Unwritten(answer)) if confirmed => return answer,
            Some(Outcome::Unwritten(answer)) => {
                let newest = source.newest(&key).await?;
                let seen = |current: &Option<Current>| current.as_ref().map(|current| current.revision);
                if seen(&newest) == seen(&current) {
                    return answer;
                }
                current = newest;
            }
            None => current = source.newest(&key).await?,
        }
        confirmed = true;
    }
}

enum Outcome {
    /// The store has it.
    Written(Deleted),
    /// Nothing was written.
    Unwritten(Result<Deleted, ApiError>),
}

async fn decide(
    call: &Call<'_>,
    current: Option<&Current>,
    (namespace, name): (&str, &str),
    options: &DeleteOptions,
) -> Result<(Plan, Current), ApiError> {
    let served = call.served();
    let current = current.ok_or_else(|| ApiError::NotFound(served.subject(name)))?;
    let existing = tree(current)?;
    let plan = plan(served, &existing, options, call.now)?;
    if plan != Plan::Pending {
        judge_delete(call, (namespace, name), &existing, options.dry_run).await?;
    }
    Ok((plan, current.clone()))
}

/// Does what the plan says; `None` where the object doesn't stand where it was seen.
async fn execute(
    call: &Call<'_>,
    key: &Key,
    plan: Plan,
    current: Current,
    options: &DeleteOptions,
) -> Result<Option<Outcome>, ApiError> {
    let deleted = |last: Current, gone: bool, marked: bool| Deleted { last, gone, marked };
    match plan {
        Plan::Pending => Ok(Some(Outcome::Unwritten(Ok(deleted(current, false, false))))),
        Plan::Mark(object) => mark(call, key, object, &current, options).await.map(|marked| {
            marked.map(|(last, written)| {
                let deleted = deleted(last, false, true);
                if written { Outcome::Written(deleted) } else { Outcome::Unwritten(Ok(deleted)) }
            })
        }),
        // Watchers are to see the mark, unless they have seen one.
        Plan::MarkAndRemove(object) if !meta(&tree(&current)?).is_deleting() => {
            match mark(call, key, object, &current, options).await? {
                None => Ok(None),
                Some((marked, _)) if options.dry_run => Ok(Some(Outcome::Written(deleted(marked, true, false)))),
                Some((marked, _)) => match take_away(call, key, &marked).await? {
                    Some(last) => Ok(Some(Outcome::Written(deleted(last, true, false)))),
                    None if call.registry.source.newest(key).await?.is_none() => {
                        // Somebody was faster, which is what was asked for.
                        Ok(Some(Outcome::Written(deleted(marked, true, false))))
                    }
                    None => Ok(None),
                },
            }
        }
        Plan::MarkAndRemove(_) | Plan::Remove if options.dry_run => {
            Ok(Some(Outcome::Unwritten(Ok(deleted(current, true, false)))))
        }
        Plan::MarkAndRemove(_) | Plan::Remove => {
            let last = take_away(call, key, &current).await?;
            Ok(last.map(|last| Outcome::Written(deleted(last, true, false))))
        }
    }
}

/// Writes the marked object; the flag tells whether anything was written.
async fn mark(
    call: &Call<'_>,
    key: &Key,
    object: Value,
    current: &Current,
    options: &DeleteOptions,
) -> Result<Option<(Current, bool)>, ApiError> {
    let payload = encode::payload(call.served(), object)?;
    let wire = payload.wire(current.revision);
    if wire == current.wire {
        return Ok(Some((current.clone(), false)));
    }
    if options.dry_run {
        return Ok(Some((Current { revision: current.revision, wire }, false)));
    }
    let operation = Operation::Update { expected: current.revision, payload };
    let write = Write { key: key.clone(), operation };
    Ok(store(call, vec![write]).await?.map(|current| (current, true)))
}

async fn take_away(call: &Call<'_>, key: &Key, current: &Current) -> Result<Option<Current>, ApiError> {
    let mut claims = Claims::new(call, false);
    claims.removal(|| tree(current)).await?;
    let operation = Operation::Delete { expected: current.revision };
    store(call, claims.transaction(Write { key: key.clone(), operation })).await
}

async fn store(call: &Call<'_>, writes: Vec<Write>) -> Result<Option<Current>, ApiError> {
    match call.registry.source.store().transact(writes, call.write_deadline()).await {
        Ok(written) => Ok(Some(Current::first(written))),
        Err(WriteError::Conflict { .. }) => Ok(None),
        Err(error) => Err(write_error(&error, call.route.subject(), "delete")),
    }
}
