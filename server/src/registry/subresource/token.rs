//! `POST …/serviceaccounts/NAME/token`: a token for a ServiceAccount.

use std::sync::Arc;

use actix_web::HttpResponse;
use bytes::Bytes;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;

use super::{received, typed};
use crate::authentication::service_account::ObjectGetter;
use crate::authentication::service_account::issue::{IssueError, Issuer, issue};
use crate::registry::admission_seam::Operation;
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::object::{meta, wipe_server_fields};
use crate::registry::option::WriteOptions;
use crate::registry::pipeline::{admit, ensure_namespace, judge, tree};
use crate::status::{ApiError, Subject};

/// What issuing takes.
#[derive(Clone)]
pub struct Tokens {
    /// Who issues.
    pub issuer: Arc<Issuer>,
    /// Finds what tokens are bound to.
    pub objects: Arc<dyn ObjectGetter>,
}

/// Issues a token.
pub(in crate::registry) async fn token(call: &Call<'_>, bytes: Bytes) -> Result<HttpResponse, ApiError> {
    let tokens = call.registry.tokens.as_ref().ok_or(ApiError::UnknownResource)?;
    let options = WriteOptions::create(&call.query)?;
    let (mut request, node) = received(call, &bytes, options.validation)?;
    wipe_server_fields(&mut request);
    let served = call.served();
    let key = served.key(call.route.namespace, call.route.name)?;
    let at = (call.route.namespace, call.route.name);
    if meta(&request).namespace().is_empty() || meta(&request).namespace() == call.route.namespace {
        ensure_namespace(&mut request, call.route.namespace)?;
    }
    admit(call, Operation::Create, at, &mut request, None, options.dry_run).await?;
    let current = match call.registry.source.cached(served, &key, call.deadline).await? {
        Some(current) => Some(current),
        None => call.registry.source.newest(&key).await?,
    };
    let current = current.ok_or_else(|| ApiError::NotFound(call.route.subject()))?;
    let account: ServiceAccount = typed(&tree(&current)?)?;
    judge(call, Operation::Create, at, &request, None, options.dry_run).await?;
    let request: TokenRequest = typed(&request)?;
    let now = (call.registry.clock)();
    let issued = issue(&tokens.issuer, &*tokens.objects, &account, request, now).await;
    let issued = issued.map_err(|error| refused(error, call.route.name))?;
    call.warn(issued.warnings);
    let mut object = serde_json::to_value(&issued.request).map_err(|error| ApiError::Internal(error.to_string()))?;
    crate::registry::object::set_kind(&mut object, "authentication.k8s.io/v1", "TokenRequest");
    answer::other(call, 201, object, node)
}

fn refused(error: IssueError, name: &str) -> ApiError {
    match error {
        IssueError::Invalid(fields) => {
            let causes = fields.into_iter().map(|field| StatusCause {
                field: Some(field.path.to_owned()),
                message: Some(format!("Invalid value: {}: {}", field.value, field.detail)),
                reason: Some("FieldValueInvalid".to_owned()),
            });
            let subject = Subject {
                group: "authentication.k8s.io".to_owned(),
                resource: "TokenRequest".to_owned(),
                name: String::new(),
            };
            ApiError::Invalid(subject, causes.collect())
        }
        IssueError::BadRequest(message) => ApiError::BadRequest(message),
        IssueError::NotFound { resource, name } => {
            ApiError::NotFound(Subject { resource: resource.to_owned(), name, ..Subject::default() })
        }
        IssueError::Conflict { group, kind, name, detail } => {
            ApiError::Conflict(Subject { group: group.to_owned(), resource: kind.to_owned(), name }, detail)
        }
        IssueError::Internal(why) => {
            tracing::error!(%why, service_account = %name, "a token could not be issued");
            ApiError::Unforeseen(format!("failed to generate token: {why}"))
        }
    }
}
