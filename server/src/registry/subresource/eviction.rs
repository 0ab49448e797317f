//! `POST …/pods/NAME/eviction`: a pod is deleted as far as its disruption budgets allow.
//!
//! No PodDisruptionBudget is served yet, so that none guards a pod; [`plan`] takes them when there are.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_api::kind::pod::eviction::{Plan, Refusal, plan};
use howdah_api::time::Layout;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};
use serde_json::{Value, json};

use super::{received, success, typed};
use crate::registry::admission_seam::Operation;
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::object::meta;
use crate::registry::option::{DeleteOptions, WriteOptions};
use crate::registry::pipeline::{Change, CreateRule, Write, admit, change, ensure_namespace, judge, remove, tree};
use crate::status::ApiError;

/// How often a pod that keeps changing is looked at again.
const ATTEMPTS: usize = 20;

/// Evicts a pod.
pub(in crate::registry) async fn eviction(call: &Call<'_>, bytes: Bytes) -> Result<HttpResponse, ApiError> {
    let options = WriteOptions::create(&call.query)?;
    let (mut eviction, _) = received(call, &bytes, options.validation)?;
    ensure_namespace(&mut eviction, call.route.namespace)?;
    let at = (call.route.namespace, call.route.name);
    admit(call, Operation::Create, at, &mut eviction, None, options.dry_run).await?;
    if meta(&eviction).name() != call.route.name {
        return Err(ApiError::BadRequest("name in URL does not match name in Eviction object".to_owned()));
    }
    let mut wanted = match eviction.get("deleteOptions") {
        Some(own) if own.is_object() => DeleteOptions::of_tree(own)?,
        _ => DeleteOptions::default(),
    };
    wanted.dry_run |= options.dry_run;
    judge(call, Operation::Create, at, &eviction, None, wanted.dry_run).await?;

    let pinned = wanted.resource_version.is_some();
    for attempt in 1.. {
        match evict(call, &options, &wanted).await {
            Err(ApiError::Conflict(..)) if !pinned && attempt < ATTEMPTS => {}
            outcome => return outcome.and_then(|()| answer::status(call, 201, &success())),
        }
    }
    Err(ApiError::ServerTimeout(call.route.subject(), "create"))
}

async fn evict(call: &Call<'_>, options: &WriteOptions, wanted: &DeleteOptions) -> Result<(), ApiError> {
    let served = call.served();
    let key = served.key(call.route.namespace, call.route.name)?;
    let found = call.registry.source.newest(&key).await?;
    let current = found.ok_or_else(|| ApiError::NotFound(call.route.subject()))?;
    let pod: Pod = typed(&tree(&current)?)?;
    let mut delete = wanted.clone();
    match plan(&pod, &[]) {
        Plan::Delete { pin_resource_version } => {
            if pin_resource_version && delete.resource_version.is_none() {
                delete.resource_version = Some(current.revision.to_string());
            }
        }
        Plan::Refuse(refusal) => return Err(refused(&refusal)),
        // Only where there are budgets.
        Plan::Disrupt { budget } => return Err(ApiError::Internal(format!("the budget {budget} is not served"))),
    }
    if !delete.dry_run {
        let note = |pod: &Value| noted(call, pod, &delete);
        let (name, create) = (call.route.name, CreateRule::Never);
        let write = Write { name, options, change: Change::With(&note), create, judged: false, tracked: false };
        let written = change(call, &write).await?;
        if delete.resource_version.is_some() {
            delete.resource_version = Some(written.current.revision.to_string());
        }
    }
    remove(call, call.route.name, call.route.namespace, &delete).await.map(drop)
}

/// The pod with the condition that says why it goes. The delete's preconditions hold for this as well.
fn noted(call: &Call<'_>, pod: &Value, wanted: &DeleteOptions) -> Result<Value, ApiError> {
    let real = meta(pod);
    let unmet = |why: String| Err(ApiError::Conflict(call.served().kind_subject(call.route.name), why));
    if let Some(uid) = wanted.uid.as_deref().filter(|uid| *uid != real.uid()) {
        let real = real.uid();
        return unmet(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({real}). The object might have been \
             deleted and then recreated"
        ));
    }
    if let Some(version) = wanted.resource_version.as_deref().filter(|version| *version != real.resource_version()) {
        let real = real.resource_version();
        return unmet(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({real}). The \
             object might have been modified"
        ));
    }
    let mut pod = pod.clone();
    let now = call.now.format(Layout::Seconds);
    let mut condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": now,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    });
    let conditions = &mut pod["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = Value::Array(Vec::new());
    }
    let list = conditions.as_array_mut().into_iter().flatten();
    match list.into_iter().find(|own| own["type"] == "DisruptionTarget") {
        Some(own) => {
            if own["status"] == "True" {
                condition["lastTransitionTime"] = own["lastTransitionTime"].take();
            }
            *own = condition;
        }
        None => conditions.as_array_mut().into_iter().for_each(|list| list.push(condition.clone())),
    }
    Ok(pod)
}

fn refused(refusal: &Refusal) -> ApiError {
    let message = refusal.to_string();
    let mut status = Status { status: Some("Failure".to_owned()), message: Some(message), ..Status::default() };
    let budget = |cause: &String| {
        let reason = Some("DisruptionBudget".to_owned());
        Some(vec![StatusCause { reason, message: Some(cause.clone()), field: None }])
    };
    match refusal {
        Refusal::SeveralBudgets => status.code = Some(500),
        Refusal::TooManyRequests { retry_after_seconds, cause } => {
            status.code = Some(429);
            status.reason = Some("TooManyRequests".to_owned());
            let retry_after_seconds = Some(*retry_after_seconds).filter(|seconds| *seconds > 0);
            status.details = Some(StatusDetails { causes: budget(cause), retry_after_seconds, ..Default::default() });
        }
        Refusal::Forbidden { cause, .. } => {
            status.code = Some(403);
            status.reason = Some("Forbidden".to_owned());
            status.details = Some(StatusDetails { causes: budget(cause), ..Default::default() });
        }
    }
    ApiError::Status(Box::new(status))
}
