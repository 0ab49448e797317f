//! What `POST …/serviceaccounts/NAME/token` does: from a `TokenRequest` to a signed token.
//!
//! The caller has looked the ServiceAccount up and has run admission; [`issue`] validates, looks the bound object up,
//! and signs. A pod's default token for the API server lives a year, and asks for renewal after the hour that its
//! client asked for, because old clients never read it again (upstream's extension, on by default).

use std::sync::Arc;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestStatus};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::bound::{Claims, KubernetesClaims, Reference};
use super::key::SigningKey;
use super::{LookupError, ObjectGetter, jwt};
use crate::authentication::user::service_account_user_name;
use howdah_api::go::quote;

/// What a request without `expirationSeconds` is given.
pub const DEFAULT_EXPIRATION_SECONDS: i64 = 3_600;
/// The shortest life.
pub const MIN_EXPIRATION_SECONDS: i64 = 600;
/// The longest life that may be asked for.
pub const MAX_EXPIRATION_SECONDS: i64 = 1 << 32;
/// The life that the kubelet asks for in the default token volume; only this one is extended.
pub const EXTENDED_WHEN_SECONDS: i64 = 3_607;
/// The life of an extended token: a year.
pub const EXTENSION_SECONDS: i64 = 365 * 24 * 3_600;

/// How tokens are issued.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The `iss` claim.
    pub name: String,
    /// The key.
    pub key: Arc<SigningKey>,
    /// The API server's audiences, used when a request names none.
    pub api_audiences: Vec<String>,
    /// The longest life that is given, whatever is asked for; `None` for no such limit.
    pub max_expiration_seconds: Option<i64>,
    /// Whether pods' default tokens are extended.
    pub extends: bool,
}

/// Why a token is not issued; the caller makes the matching `Status`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// 422: fields are wrong; path, value and detail of each.
    #[error("TokenRequest is invalid")]
    Invalid(Vec<InvalidField>),
    /// 400.
    #[error("{0}")]
    BadRequest(String),
    /// 404: the object the token was to be bound to.
    #[error("{resource} {} not found", quote(name))]
    NotFound {
        /// `pods`, `secrets` or `nodes`.
        resource: &'static str,
        /// Its name.
        name: String,
    },
    /// 409: a uid does not match.
    #[error("{detail}")]
    Conflict {
        /// The API group of the object.
        group: &'static str,
        /// The object's kind, which upstream puts where the resource belongs.
        kind: &'static str,
        /// The object's name.
        name: String,
        /// What does not match.
        detail: String,
    },
    /// 500: signing or looking up failed.
    #[error("failed to generate token: {0}")]
    Internal(String),
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidField {
    /// Such as `spec.expirationSeconds`.
    pub path: &'static str,
    /// The value, as JSON.
    pub value: String,
    /// What is wrong with it.
    pub detail: &'static str,
}

/// A token and what goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Issued {
    /// The request, completed, with the token in its status.
    pub request: TokenRequest,
    /// Warnings for the client.
    pub warnings: Vec<String>,
    /// The credential id, for the audit log's `authentication.kubernetes.io/issued-credential-id`.
    pub credential_id: String,
}

/// Issues a token for `account`.
///
/// # Errors
/// See [`IssueError`].
pub async fn issue(
    issuer: &Issuer,
    objects: &dyn ObjectGetter,
    account: &ServiceAccount,
    mut request: TokenRequest,
    now: Timestamp,
) -> Result<Issued, IssueError> {
    let account_name = account.metadata.name.clone().unwrap_or_default();
    let namespace = account.metadata.namespace.clone().unwrap_or_default();
    complete_metadata(&mut request.metadata, &account.metadata)?;
    let mut spec = request.spec.take().unwrap_or_default();
    let asked = spec.audiences.take().filter(|audiences| !audiences.is_empty());
    let audiences = asked.unwrap_or_else(|| issuer.api_audiences.clone());
    request.metadata.creation_timestamp = Some(Time(now));
    let mut seconds = spec.expiration_seconds.unwrap_or(DEFAULT_EXPIRATION_SECONDS);
    validate(seconds)?;

    let mut kubernetes = KubernetesClaims {
        namespace: namespace.clone(),
        serviceaccount: Reference::to(&account.metadata),
        ..KubernetesClaims::default()
    };
    if let Some(reference) = &spec.bound_object_ref {
        bind(objects, &namespace, &account_name, reference, &mut kubernetes).await?;
    }
    let mut warnings = Vec::new();
    if let Some(most) = issuer.max_expiration_seconds.filter(|most| *most > 0 && seconds > *most) {
        warnings.push(format!("requested expiration of {seconds} seconds shortened to {most} seconds"));
        seconds = most;
    }
    spec.expiration_seconds = Some(seconds);

    let for_api = audiences.iter().all(|audience| issuer.api_audiences.contains(audience));
    let extended = issuer.extends && kubernetes.pod.is_some() && seconds == EXTENDED_WHEN_SECONDS && for_api;
    kubernetes.warnafter = extended.then(|| now.as_second() + seconds);
    let life = if extended { EXTENSION_SECONDS } else { seconds };

    let jti = Uuid::new_v4().to_string();
    let claims = Claims {
        aud: audiences.clone(),
        exp: Some(now.as_second() + life),
        iat: Some(now.as_second()),
        nbf: Some(now.as_second()),
        iss: issuer.name.clone(),
        jti: jti.clone(),
        kubernetes,
        sub: service_account_user_name(&namespace, &account_name),
    };
    let token = jwt::sign(&issuer.key, &claims).map_err(|error| IssueError::Internal(error.to_string()))?;
    let expires = now.checked_add(SignedDuration::from_secs(seconds));
    let expires = expires.map_err(|error| IssueError::Internal(error.to_string()))?;
    spec.audiences = Some(audiences);
    request.spec = Some(spec);
    request.status = Some(TokenRequestStatus { token: Some(token), expiration_timestamp: Some(Time(expires)) });
    Ok(Issued { request, warnings, credential_id: format!("JTI={jti}") })
}

/// Name, namespace and uid of the request default to the ServiceAccount's, and must be the same where they are given.
fn complete_metadata(own: &mut ObjectMeta, account: &ObjectMeta) -> Result<(), IssueError> {
    let given = |field: &Option<String>| field.clone().filter(|value| !value.is_empty());
    let invalid = |path: &'static str, value: &str, detail: &'static str| {
        Err(IssueError::Invalid(vec![InvalidField { path, value: format!("{value:?}"), detail }]))
    };
    if let Some(name) = given(&own.name).filter(|name| Some(name) != account.name.as_ref()) {
        return invalid("metadata.name", &name, "must match the service account name if specified");
    }
    if let Some(namespace) = given(&own.namespace).filter(|namespace| Some(namespace) != account.namespace.as_ref()) {
        return invalid("metadata.namespace", &namespace, "must match the service account namespace if specified");
    }
    if let Some(uid) = given(&own.uid).filter(|uid| Some(uid) != account.uid.as_ref()) {
        let real = account.uid.as_deref().unwrap_or_default();
        return Err(IssueError::Conflict {
            group: "authentication.k8s.io",
            kind: "TokenRequest",
            name: account.name.clone().unwrap_or_default(),
            detail: format!(
                "the UID in the token request ({uid}) does not match the UID of the service account ({real})"
            ),
        });
    }
    own.name.clone_from(&account.name);
    own.namespace.clone_from(&account.namespace);
    own.uid.clone_from(&account.uid);
    Ok(())
}

fn validate(seconds: i64) -> Result<(), IssueError> {
    let detail = match seconds {
        ..MIN_EXPIRATION_SECONDS => "may not specify a duration less than 10 minutes",
        MIN_EXPIRATION_SECONDS..=MAX_EXPIRATION_SECONDS => return Ok(()),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    let field = InvalidField { path: "spec.expirationSeconds", value: seconds.to_string(), detail };
    Err(IssueError::Invalid(vec![field]))
}

async fn bind(
    objects: &dyn ObjectGetter,
    namespace: &str,
    account: &str,
    reference: &BoundObjectReference,
    claims: &mut KubernetesClaims,
) -> Result<(), IssueError> {
    let internal = |error: LookupError| IssueError::Internal(error.0);
    let (version, kind) = (reference.api_version.as_deref().unwrap_or(""), reference.kind.as_deref().unwrap_or(""));
    let name = reference.name.as_deref().unwrap_or_default();
    let not_found = |resource| IssueError::NotFound { resource, name: name.to_owned() };
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let (bound, kind) = match (group, kind) {
        ("", "Pod") => {
            let pod = objects.pod(namespace, name).await.map_err(internal)?.ok_or_else(|| not_found("pods"))?;
            let spec = pod.spec.as_ref();
            if spec.and_then(|spec| spec.service_account_name.as_deref()).unwrap_or_default() != account {
                let text = format!(
                    "cannot bind token for serviceaccount {} to pod running with different serviceaccount name.",
                    quote(account)
                );
                return Err(IssueError::BadRequest(text));
            }
            if let Some(node) = spec.and_then(|spec| spec.node_name.as_deref()).filter(|node| !node.is_empty()) {
                // A node that is not there is still named, so that the token tells where the pod is.
                let found = objects.node(node).await.map_err(internal)?;
                let nameless = Reference { name: node.to_owned(), uid: String::new() };
                claims.node = Some(found.map_or(nameless, |node| Reference::to(&node.metadata)));
            }
            (claims.pod.insert(Reference::to(&pod.metadata)).clone(), "Pod")
        }
        ("", "Node") => {
            let node = objects.node(name).await.map_err(internal)?.ok_or_else(|| not_found("nodes"))?;
            (claims.node.insert(Reference::to(&node.metadata)).clone(), "Node")
        }
        ("", "Secret") => {
            let secret = objects.secret(namespace, name).await.map_err(internal)?;
            let secret = secret.ok_or_else(|| not_found("secrets"))?;
            (claims.secret.insert(Reference::to(&secret.metadata)).clone(), "Secret")
        }
        (group, kind) => {
            let text = format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
            return Err(IssueError::BadRequest(text));
        }
    };
    match reference.uid.as_deref() {
        Some(uid) if !uid.is_empty() && uid != bound.uid => Err(IssueError::Conflict {
            group: "",
            kind,
            name: name.to_owned(),
            detail: format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
                 been deleted and then recreated"
            ),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "issue_test.rs"]
mod tests;
