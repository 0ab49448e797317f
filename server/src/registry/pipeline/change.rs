//! The loop that all changes of an object run in: PUT, PATCH and the subresources that write their object.

use howdah_api::Key;
use howdah_api::apply;
use howdah_store::{Operation, Payload, WriteError};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::deletion::ends_deletion;
use super::patching::Patch;
use super::prepare::{
    before_create, before_update, check_name, ensure_namespace, fill_system_fields, wipe_system_fields,
};
use super::step::{admit, judge, note_fields, tree};
use crate::registry::admission_seam;
use crate::registry::allocation::Claims;
use crate::registry::call::Call;
use crate::registry::encode;
use crate::registry::object::{meta, meta_mut, set_text};
use crate::registry::option::{WriteOptions, parse_revision};
use crate::registry::source::{Current, write_error};
use crate::status::ApiError;

/// From what stands to what shall stand.
pub(in crate::registry) enum Change<'c> {
    /// The object in the body of a PUT, in the stored version and with its defaults.
    Put(Value),
    /// A patch.
    Patch(&'c Patch),
    /// Whatever a subresource does to its object.
    With(&'c dyn Fn(&Value) -> Result<Value, ApiError>),
}

/// Whether an object that isn't there is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) enum CreateRule {
    /// It is a 404.
    Never,
    /// If its kind allows that.
    AsKindAllows,
    /// It is: server-side apply.
    Always,
}

/// One change.
pub(in crate::registry) struct Write<'c> {
    /// The object's name.
    pub(in crate::registry) name: &'c str,
    /// The options.
    pub(in crate::registry) options: &'c WriteOptions,
    /// What is done.
    pub(in crate::registry) change: Change<'c>,
    /// Whether it may create.
    pub(in crate::registry) create: CreateRule,
    /// Whether the strategy and admission see it; a binding goes past both.
    pub(in crate::registry) judged: bool,
    /// Whether managedFields are written here; apply and scales have written them.
    pub(in crate::registry) tracked: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(in crate::registry) struct Written {
    /// The object as it stands now, or would stand.
    pub(in crate::registry) current: Current,
    /// Whether it was created.
    pub(in crate::registry) created: bool,
}

/// One decision.
enum Decision {
    /// Nothing is to be written.
    Keep(Written),
    /// This is, and the answer is the object that the store gives back.
    Store { operation: Operation, created: bool },
    /// The object goes, and the answer is what the request made of it.
    End { operation: Operation, last: Payload },
}

/// Runs a change until it is stored, refused, or found to change nothing.
pub(in crate::registry) async fn change(call: &Call<'_>, write: &Write<'_>) -> Result<Written, ApiError> {
    let served = call.served();
    let key = served.key(call.route.namespace, write.name)?;
    let source = &call.registry.source;
    let mut current = source.cached(served, &key, call.deadline).await?;
    let mut claims = Claims::new(call, write.options.dry_run);
    let mut confirmed = false;
    let warned = call.warning_count();
    loop {
        if Instant::now() >= call.deadline {
            return Err(ApiError::ServerTimeout(served.subject(write.name), "update"));
        }
        call.keep_warnings(warned);
        match decide(call, write, current.as_ref(), &mut claims).await {
            Ok(Decision::Store { operation, created }) => {
                let expected = operation.expected();
                match store(call, &key, operation, write.name, &mut claims).await? {
                    Some(current) => return Ok(Written { current, created }),
                    None => tracing::debug!(%key, %expected, "an object changed under a write; deciding anew"),
                }
            }
            Ok(Decision::End { operation, last }) => {
                let revision = operation.expected();
                if store(call, &key, operation, write.name, &mut claims).await?.is_some() {
                    let current = Current { revision, wire: last.wire(revision) };
                    return Ok(Written { current, created: false });
                }
            }
            outcome if confirmed => return outcome.map(kept),
            outcome => {
                let newest = source.newest(&key).await?;
                let seen = |current: &Option<Current>| current.as_ref().map(|current| current.revision);
                if seen(&newest) == seen(&current) {
                    return outcome.map(kept);
                }
                current = newest;
                confirmed = true;
                continue;
            }
        }
        current = source.newest(&key).await?;
        confirmed = true;
    }
}

fn kept(decision: Decision) -> Written {
    match decision {
        Decision::Keep(written) => written,
        Decision::Store { .. } | Decision::End { .. } => unreachable!("those are stored before they are kept"),
    }
}

/// Stores; `None` where the object doesn't stand where it was seen.
async fn store(
    call: &Call<'_>,
    key: &Key,
    operation: Operation,
    name: &str,
    claims: &mut Claims<'_>,
) -> Result<Option<Current>, ApiError> {
    let write = howdah_store::Write { key: key.clone(), operation };
    match call.registry.source.store().transact(claims.transaction(write), call.write_deadline()).await {
        Ok(written) => Ok(Some(Current::first(written))),
        Err(WriteError::Conflict { key, .. }) => {
            claims.lost(&key);
            Ok(None)
        }
        Err(error) => Err(write_error(&error, call.served().subject(name), "update")),
    }
}

async fn decide(
    call: &Call<'_>,
    write: &Write<'_>,
    current: Option<&Current>,
    claims: &mut Claims<'_>,
) -> Result<Decision, ApiError> {
    let served = call.served();
    let existing = current.map(tree).transpose()?;
    let may_create = match write.create {
        CreateRule::Never => false,
        CreateRule::AsKindAllows => served.strategy()?.allows_create_on_update(),
        CreateRule::Always => true,
    };
    match (existing, current) {
        (Some(existing), Some(current)) => replace(call, write, &existing, current, claims).await,
        _ if may_create => bring_about(call, write, claims).await,
        _ => Err(ApiError::NotFound(served.subject(write.name))),
    }
}

/// The object that the change asks for, with managedFields, before admission.
fn asked(call: &Call<'_>, write: &Write<'_>, existing: Option<&Value>) -> Result<Value, ApiError> {
    let mut object = match &write.change {
        Change::Put(object) => {
            precondition(call, write, object, existing)?;
            object.clone()
        }
        Change::Patch(patch) => patch.object(call, write.options, existing)?,
        Change::With(make) => {
            let existing = existing.ok_or_else(|| ApiError::NotFound(call.served().subject(write.name)))?;
            make(existing)?
        }
    };
    if let Change::Patch(_) = write.change {
        let uid = meta(&object).uid();
        if existing.is_none() && !uid.is_empty() {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(ApiError::Conflict(call.served().subject(write.name), why));
        }
        ensure_namespace(&mut object, call.route.namespace)?;
        check_name(&object, write.name)?;
    }
    if write.tracked {
        note_fields(call, write.options, existing, &mut object)?;
    }
    Ok(object)
}

/// A PUT that names a uid is meant for that object alone.
fn precondition(call: &Call<'_>, write: &Write<'_>, object: &Value, existing: Option<&Value>) -> Result<(), ApiError> {
    let (wanted, real) = (meta(object).uid(), existing.map_or("", |existing| meta(existing).uid()));
    if wanted.is_empty() || wanted == real {
        return Ok(());
    }
    let served = call.served();
    let namespace = match call.route.namespace {
        "" => String::new(),
        namespace => format!("{namespace}/"),
    };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}/{namespace}{}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {wanted}, UID in object meta: {real}",
        served.row.plural, write.name
    );
    Err(ApiError::Conflict(served.subject(write.name), why))
}

/// An update or a patch of what isn't there, where that creates it.
async fn bring_about(call: &Call<'_>, write: &Write<'_>, claims: &mut Claims<'_>) -> Result<Decision, ApiError> {
    let (served, dry_run) = (call.served(), write.options.dry_run);
    let at = (call.route.namespace, write.name);
    let mut object = asked(call, write, None)?;
    admit(call, admission_seam::Operation::Create, at, &mut object, None, dry_run).await?;
    if !meta(&object).resource_version().is_empty() {
        // A resourceVersion says that the object is known to be there.
        revision_of(&object)?;
    }
    wipe_system_fields(&mut object);
    fill_system_fields(&mut object, &Uuid::new_v4().to_string(), call.now);
    claims.create(&mut object).await?;
    let mut warnings = Vec::new();
    before_create(served, &call.request(), &mut object, call.route.namespace, &mut warnings)?;
    call.warn(warnings);
    may_create(call)?;
    judge(call, admission_seam::Operation::Create, at, &object, None, dry_run).await?;
    let payload = encode::payload(served, object)?;
    if dry_run {
        let current = Current { revision: howdah_store::Revision::ZERO, wire: payload.json().clone() };
        return Ok(Decision::Keep(Written { current, created: true }));
    }
    Ok(Decision::Store { operation: Operation::Create(payload), created: true })
}

/// Whether the user may create; they were only asked whether they may update.
fn may_create(call: &Call<'_>) -> Result<(), ApiError> {
    let mut attributes = call.attributes.clone();
    "create".clone_into(&mut attributes.verb);
    let verdict = call.registry.authorizer.authorize(&attributes);
    if verdict.is_allowed() { Ok(()) } else { Err(ApiError::forbidden(&attributes, &verdict.reason)) }
}

async fn replace(
    call: &Call<'_>,
    write: &Write<'_>,
    existing: &Value,
    current: &Current,
    claims: &mut Claims<'_>,
) -> Result<Decision, ApiError> {
    let (served, dry_run) = (call.served(), write.options.dry_run);
    let at = (call.route.namespace, write.name);
    let mut object = asked(call, write, Some(existing))?;
    if write.judged {
        admit(call, admission_seam::Operation::Update, at, &mut object, Some(existing), dry_run).await?;
    }
    check_revision(call, write, &mut object, existing)?;
    if write.judged {
        claims.update(&mut object, existing).await?;
        let mut warnings = Vec::new();
        before_update(served, &call.request(), &mut object, existing, call.route.namespace, &mut warnings)?;
        call.warn(warnings);
        judge(call, admission_seam::Operation::Update, at, &object, Some(existing), dry_run).await?;
    }
    let same = Decision::Keep(Written { current: current.clone(), created: false });
    let is_namespace = served.stored.group.is_empty() && &*served.stored.plural == "namespaces";
    let ends = ends_deletion(&object, existing, is_namespace);
    if !ends && apply::equal_but_timestamps(&object, existing) {
        return Ok(same);
    }
    let payload = encode::payload(served, object)?;
    let wire = payload.wire(current.revision);
    if ends && !dry_run {
        claims.removal(|| Ok(existing.clone())).await?;
        let operation = Operation::Delete { expected: current.revision };
        return Ok(Decision::End { operation, last: payload });
    }
    if wire == current.wire {
        return Ok(same);
    }
    if dry_run {
        let current = Current { revision: current.revision, wire };
        return Ok(Decision::Keep(Written { current, created: false }));
    }
    Ok(Decision::Store { operation: Operation::Update { expected: current.revision, payload }, created: false })
}

/// The rule of resourceVersions: what is named must stand; what isn't named overwrites, where the kind allows that.
fn check_revision(call: &Call<'_>, write: &Write<'_>, object: &mut Value, existing: &Value) -> Result<(), ApiError> {
    const CHANGED: &str = "the object has been modified; please apply your changes to the latest version and try again";
    let served = call.served();
    let wanted = revision_of(object)?;
    let standing = meta(existing).resource_version();
    if wanted == 0 {
        if !served.strategy()?.allows_unconditional_update() {
            let path = howdah_api::validation::FieldPath::new("metadata");
            let path = path.child("resourceVersion");
            let error = howdah_api::validation::FieldError::invalid(&path, 0, "must be specified for an update");
            return Err(ApiError::invalid(&served.row.group, &served.row.plural, write.name, [&error]));
        }
        set_text(meta_mut(object), "resourceVersion", standing);
        return Ok(());
    }
    if wanted.to_string() != standing {
        return Err(ApiError::Conflict(served.subject(write.name), CHANGED.to_owned()));
    }
    Ok(())
}

fn revision_of(object: &Value) -> Result<u64, ApiError> {
    match meta(object).resource_version() {
        "" => Ok(0),
        text => parse_revision(text).map_err(ApiError::Unforeseen),
    }
}
