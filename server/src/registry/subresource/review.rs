//! Reviews: questions in the form of objects, answered and not kept.

use std::sync::Arc;

use actix_web::HttpResponse;
use bytes::Bytes;
use k8s_openapi::api::authentication::v1::TokenReview;
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
    SubjectAccessReviewStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;
use serde::Serialize;
use serde_json::Value;

use super::typed;
use crate::authentication::Chain;
use crate::authorization::review::{self, FieldErrorKind, Question, ReviewError};
use crate::registry::answer;
use crate::registry::body;
use crate::registry::call::Call;
use crate::registry::object::set_kind;
use crate::registry::option::WriteOptions;
use crate::registry::pipeline::{ensure_namespace, expected};
use crate::status::{ApiError, Subject};

/// Who answers TokenReviews.
#[derive(Clone)]
pub struct Reviewers {
    /// The authenticators.
    pub authenticators: Arc<Chain>,
}

/// Answers a review.
pub(in crate::registry) async fn review(call: &Call<'_>, bytes: Bytes) -> Result<HttpResponse, ApiError> {
    let options = WriteOptions::create(&call.query)?;
    let served = call.served();
    let mut warnings = Vec::new();
    let encoding = body::encoding(&call.http)?;
    let mut object = body::decode(&bytes, encoding, expected(served), options.validation, &mut warnings)?;
    call.warn(warnings);
    if served.row.namespaced {
        ensure_namespace(&mut object, call.route.namespace)?;
    }
    let status = answered(call, &object).await?;
    let mut answer = match &*served.row.kind {
        // It is all answer.
        "SelfSubjectReview" => status,
        _ => {
            object["status"] = status;
            object
        }
    };
    set_kind(&mut answer, &served.api_version(), &served.row.kind);
    answer::other(call, 201, answer, served.node)
}

/// The review's status; of a SelfSubjectReview, the whole of it.
async fn answered(call: &Call<'_>, object: &Value) -> Result<Value, ApiError> {
    let refused = |error: ReviewError| refused(call, error);
    let user = &call.user;
    match &*call.served().row.kind {
        "SubjectAccessReview" => {
            let question = review::subject_access(&typed::<SubjectAccessReview>(object)?).map_err(refused)?;
            tree(&asked(call, &question))
        }
        "LocalSubjectAccessReview" => {
            let asking = typed::<LocalSubjectAccessReview>(object)?;
            let question = review::local_subject_access(&asking, call.route.namespace).map_err(refused)?;
            tree(&asked(call, &question))
        }
        "SelfSubjectAccessReview" => {
            let asking = typed::<SelfSubjectAccessReview>(object)?;
            let question = review::self_subject_access(&asking, Arc::clone(user)).map_err(refused)?;
            tree(&asked(call, &question))
        }
        "SelfSubjectRulesReview" => {
            let asking = typed::<SelfSubjectRulesReview>(object)?;
            let namespace = review::rules_namespace(asking.spec.namespace.as_deref()).map_err(refused)?;
            tree(&review::rules_status(call.registry.authorizer.rules_for(user, namespace)))
        }
        "SelfSubjectReview" => tree(&review::self_subject(user, (call.registry.clock)())),
        "TokenReview" => {
            let asking = typed::<TokenReview>(object)?;
            let token = review::reviewed_token(&asking).map_err(refused)?;
            let reviewers = call.registry.reviewers.as_ref().ok_or(ApiError::UnknownResource)?;
            let audiences = asking.spec.audiences.as_deref().unwrap_or_default();
            let found = reviewers.authenticators.review(token, audiences, (call.registry.clock)()).await;
            tree(&review::token_status(found))
        }
        _ => Err(ApiError::UnknownResource),
    }
}

fn asked(call: &Call<'_>, question: &Question) -> SubjectAccessReviewStatus {
    question.answer(call.registry.authorizer.authorize(&question.attributes))
}

fn tree(status: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(status).map_err(|error| ApiError::Internal(error.to_string()))
}

fn refused(call: &Call<'_>, error: ReviewError) -> ApiError {
    let fields = match error {
        ReviewError::BadRequest(message) => return ApiError::BadRequest(message),
        ReviewError::Invalid(fields) => fields,
    };
    let causes = fields.into_iter().map(|field| {
        let value = match &field.value {
            Value::String(text) => howdah_api::go::quote(text),
            value => String::from_utf8_lossy(&howdah_api::codec::json::encode_any(value)).into_owned(),
        };
        let (reason, head) = match field.kind {
            FieldErrorKind::Invalid => ("FieldValueInvalid", format!("Invalid value: {value}")),
            FieldErrorKind::Required => ("FieldValueRequired", "Required value".to_owned()),
            FieldErrorKind::Forbidden => ("FieldValueForbidden", "Forbidden".to_owned()),
        };
        let message = if field.detail.is_empty() { head } else { format!("{head}: {}", field.detail) };
        StatusCause { field: Some(field.path), message: Some(message), reason: Some(reason.to_owned()) }
    });
    // Upstream asks the decoded object for its kind, which it has lost by then.
    let subject = Subject { group: call.served().row.group.to_string(), ..Subject::default() };
    ApiError::Invalid(subject, causes.collect())
}
