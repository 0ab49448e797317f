//! POST: a new object.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_store::{Operation, WriteError};
use rand::RngExt as _;
use serde_json::Value;
use uuid::Uuid;

use super::prepare::{
    SUFFIX_LENGTH, SUFFIX_LETTERS, before_create, dedup_owners, ensure_namespace, fill_system_fields, generate_name,
    wipe_system_fields,
};
use super::step::{admit, judge, note_fields, received, tree};
use crate::registry::admission_seam;
use crate::registry::allocation::Claims;
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::encode;
use crate::registry::object::meta;
use crate::registry::option::{WriteOptions, parse_revision};
use crate::registry::source::{Current, write_error};
use crate::status::ApiError;

/// How often a made-up name is tried. With five letters a thousandth of a million names clash.
const GENERATED_NAMES: usize = 8;

/// Creates the object in the body.
pub(in crate::registry) async fn create(call: &Call<'_>, body: &Bytes) -> Result<HttpResponse, ApiError> {
    let options = WriteOptions::create(&call.query)?;
    let mut object = received(call, body, options.validation)?;
    wipe_system_fields(&mut object);
    ensure_namespace(&mut object, call.route.namespace)?;
    let mut warnings = Vec::new();
    dedup_owners(&mut object, false, &mut warnings);
    call.warn(warnings);
    note_fields(call, &options, None, &mut object)?;
    let name = meta(&object).name().to_owned();
    let at = (call.route.namespace, name.as_str());
    admit(call, admission_seam::Operation::Create, at, &mut object, None, options.dry_run).await?;
    let created = insert(call, &options, object).await?;
    answer::object(call, 201, &created)
}

/// Stores a new object, under a name made up where it has none.
async fn insert(call: &Call<'_>, options: &WriteOptions, object: Value) -> Result<Current, ApiError> {
    let own = meta(&object);
    if !own.name().is_empty() || own.generate_name().is_empty() {
        return insert_once(call, options, object).await;
    }
    let warned = call.warning_count();
    for _ in 1..GENERATED_NAMES {
        match insert_once(call, options, object.clone()).await {
            Err(ApiError::GeneratedNameTaken(_)) => call.keep_warnings(warned),
            outcome => return outcome,
        }
    }
    insert_once(call, options, object).await
}

/// As often as it takes until nobody else is faster with what is allocated to the object.
async fn insert_once(call: &Call<'_>, options: &WriteOptions, mut object: Value) -> Result<Current, ApiError> {
    let mut claims = Claims::new(call, options.dry_run);
    let warned = call.warning_count();
    loop {
        let copy = claims.copy(&object);
        if let Some(created) = try_to_insert(call, options, object, &mut claims).await? {
            return Ok(created);
        }
        object = copy.expect("nothing is lost where no copy is needed");
        call.keep_warnings(warned);
    }
}

/// `None` where somebody else took what was to be allocated to it.
async fn try_to_insert(
    call: &Call<'_>,
    options: &WriteOptions,
    mut object: Value,
    claims: &mut Claims<'_>,
) -> Result<Option<Current>, ApiError> {
    let served = call.served();
    fill_system_fields(&mut object, &Uuid::new_v4().to_string(), call.now);
    generate_name(&mut object, &suffix());
    claims.create(&mut object).await?;
    let mut warnings = Vec::new();
    before_create(served, &call.request(), &mut object, call.route.namespace, &mut warnings)?;
    call.warn(warnings);
    let name = meta(&object).name().to_owned();
    let at = (call.route.namespace, name.as_str());
    judge(call, admission_seam::Operation::Create, at, &object, None, options.dry_run).await?;

    let versioned = parse_revision(meta(&object).resource_version()).is_ok_and(|revision| revision > 0);
    if versioned && !options.dry_run {
        return Err(ApiError::Unforeseen("resourceVersion should not be set on objects to be created".to_owned()));
    }
    let generated = !meta(&object).generate_name().is_empty();
    let key = served.key(call.route.namespace, &name)?;
    let taken = |being_deleted: bool| {
        let subject = served.subject(&name);
        let error = if generated { ApiError::GeneratedNameTaken(subject) } else { ApiError::AlreadyExists(subject) };
        if being_deleted { being_deleted_too(&error) } else { error }
    };
    let payload = encode::payload(served, object)?;
    let source = &call.registry.source;
    if options.dry_run {
        return match source.newest(&key).await? {
            Some(existing) => Err(taken(meta(&tree(&existing)?).is_deleting())),
            None => Ok(Some(Current { revision: howdah_store::Revision::ZERO, wire: payload.json().clone() })),
        };
    }
    let write = howdah_store::Write { key: key.clone(), operation: Operation::Create(payload) };
    match source.store().transact(claims.transaction(write), call.write_deadline()).await {
        Ok(written) => Ok(Some(Current::first(written))),
        Err(WriteError::Conflict { key, .. }) if claims.lost(&key) => Ok(None),
        Err(WriteError::Conflict { .. }) => {
            // A name that was made up is simply made up anew.
            let existing = if generated { None } else { source.newest(&key).await? };
            let being_deleted = existing.map(|existing| tree(&existing)).transpose()?;
            Err(taken(being_deleted.is_some_and(|existing| meta(&existing).is_deleting())))
        }
        Err(error) => Err(write_error(&error, served.subject(&name), "create")),
    }
}

/// The same error, saying that what holds the name is on its way out.
fn being_deleted_too(error: &ApiError) -> ApiError {
    let mut status = error.status();
    status.message = status.message.map(|message| format!("object is being deleted: {message}"));
    ApiError::Status(Box::new(status))
}

fn suffix() -> String {
    let mut random = rand::rng();
    (0..SUFFIX_LENGTH).map(|_| char::from(SUFFIX_LETTERS[random.random_range(0..SUFFIX_LETTERS.len())])).collect()
}
