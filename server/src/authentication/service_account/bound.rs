//! Bound tokens: what they claim, and whether that still holds.
//!
//! A token dies with the object it is bound to, one minute after that object was marked for deletion, so that a
//! terminating pod can still clean up; and with its ServiceAccount.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::jwt::{Parsed, claimed_issuer};
use super::key::VerifyingKey;
use super::{NODE_NAME_KEY, NODE_UID_KEY, ObjectGetter, POD_NAME_KEY, POD_UID_KEY};
use crate::authentication::user::{CREDENTIAL_ID_KEY, UserInfo, service_account_groups, service_account_user_name};
use crate::authentication::{Authenticated, AuthenticationError, Outcome};
use howdah_api::go::{quote, quote_list};

/// How far clocks may be apart, and how long a token outlives its object's deletion timestamp, in seconds.
const LEEWAY_SECONDS: i64 = 60;

const INVALIDATED: &str = "service account token has been invalidated";

/// The claims of a bound token. Times are seconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// For whom the token is.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numeric_date")]
    pub exp: Option<i64>,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numeric_date")]
    pub iat: Option<i64>,
    /// Who issued it.
    #[serde(default)]
    pub iss: String,
    /// Its own id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub jti: String,
    /// What it is bound to.
    #[serde(rename = "kubernetes.io", default)]
    pub kubernetes: KubernetesClaims,
    /// From when on it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numeric_date")]
    pub nbf: Option<i64>,
    /// The user name.
    #[serde(default)]
    pub sub: String,
}

/// The private claim `kubernetes.io`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KubernetesClaims {
    /// The ServiceAccount's namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The node the token is bound to, or the one its pod was on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Reference>,
    /// The pod the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    /// The Secret the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    /// The ServiceAccount.
    #[serde(default)]
    pub serviceaccount: Reference,
    /// When the client should have asked for a new token, for tokens whose life was extended.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numeric_date")]
    pub warnafter: Option<i64>,
    /// Claims of tokens bound to webhook configurations, a feature that is off: such tokens are refused.
    #[serde(flatten, skip_serializing)]
    pub others: BTreeMap<String, serde_json::Value>,
}

/// One object, by name and uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The object's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

impl Reference {
    /// The reference to the object with this metadata.
    pub fn to(metadata: &ObjectMeta) -> Self {
        Self { name: metadata.name.clone().unwrap_or_default(), uid: metadata.uid.clone().unwrap_or_default() }
    }
}

/// Whose tokens are accepted.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    /// The issuers; the first one is used for new tokens.
    pub names: Vec<String>,
    /// The public keys.
    pub keys: Vec<VerifyingKey>,
    /// The API server's own audiences.
    pub api_audiences: Vec<String>,
}

/// Checks a bound token; one of another issuer is no opinion.
///
/// # Errors
/// When the token is of our issuer and not valid now, for none of `audiences`, or names what is no more.
pub async fn authenticate(
    issuers: &Issuers,
    objects: &dyn ObjectGetter,
    token: &str,
    audiences: &[String],
    now: Timestamp,
) -> Outcome {
    let Some(issuer) = claimed_issuer(token) else { return Ok(None) };
    if !issuers.names.contains(&issuer) {
        return Ok(None);
    }
    let Some(parsed) = Parsed::new(token) else { return Ok(None) };
    let claims: Claims = parsed.verified(&issuers.keys)?;
    if !issuers.names.contains(&claims.iss) {
        return Err(AuthenticationError(format!("token issuer {} is invalid", quote(&claims.iss))));
    }
    let mut found = Authenticated::default();
    found.audiences = accepted_audiences(&claims, issuers, audiences, &mut found.annotations)?;
    check_times(&claims, now)?;
    check_objects(&claims.kubernetes, objects, now).await?;
    if let Some(stale) = claims.kubernetes.warnafter.filter(|after| *after != 0 && now.as_second() > *after) {
        let age = now.as_second() - stale;
        let text = format!("subject: {}, seconds after warning threshold: {age}", claims.sub);
        found.annotations.push(("authentication.k8s.io/stale-token", text));
    }
    found.user = user_of(&claims);
    Ok(Some(found))
}

/// The audiences that the token is for among those asked for. One without any is for the API server.
pub(super) fn accepted_audiences(
    claims: &Claims,
    issuers: &Issuers,
    asked: &[String],
    annotations: &mut Vec<(&'static str, String)>,
) -> Result<Vec<String>, AuthenticationError> {
    let own = if claims.aud.is_empty() {
        annotations.push(("authentication.k8s.io/legacy-token", claims.sub.clone()));
        &issuers.api_audiences
    } else {
        &claims.aud
    };
    let both: Vec<String> = own.iter().filter(|audience| asked.contains(audience)).cloned().collect();
    if both.is_empty() && !issuers.api_audiences.is_empty() {
        let (own, asked) = (quote_list(own), quote_list(asked));
        return Err(AuthenticationError(format!("token audiences {own} is invalid for the target audiences {asked}")));
    }
    Ok(both)
}

/// Whether the token is valid now, a minute more or less.
pub(super) fn check_times(claims: &Claims, now: Timestamp) -> Result<(), AuthenticationError> {
    let (now, failed) = (now.as_second(), |text: &str| Err(AuthenticationError::new(text)));
    if claims.nbf.is_some_and(|from| now + LEEWAY_SECONDS < from) {
        return failed("service account token is not valid yet");
    }
    if claims.exp.is_some_and(|until| now - LEEWAY_SECONDS > until) {
        return failed("service account token has expired");
    }
    if claims.iat.is_some_and(|issued| now + LEEWAY_SECONDS < issued) {
        return failed("service account token is issued in the future");
    }
    Ok(())
}

async fn check_objects(
    claims: &KubernetesClaims,
    objects: &dyn ObjectGetter,
    now: Timestamp,
) -> Result<(), AuthenticationError> {
    let KubernetesClaims { namespace, node, pod, secret, serviceaccount, warnafter: _, others } = claims;
    let failed = |text: String| Err(AuthenticationError(text));
    let gone = |metadata: &ObjectMeta| {
        let deleted = metadata.deletion_timestamp.as_ref();
        deleted.is_some_and(|deleted| deleted.0.as_second() < now.as_second() - LEEWAY_SECONDS)
    };
    let name = &serviceaccount.name;
    let account = objects.service_account(namespace, name).await.map_err(|error| AuthenticationError(error.0))?;
    let Some(account) = account else { return failed(format!("serviceaccounts {} not found", quote(name))) };
    let uid = account.metadata.uid.as_deref().unwrap_or_default();
    if uid != serviceaccount.uid {
        return failed(format!("service account UID ({uid}) does not match claim ({})", serviceaccount.uid));
    }
    if gone(&account.metadata) {
        return failed(format!("service account {namespace}/{name} has been deleted"));
    }

    let check = |kind: &str, reference: &Reference, metadata: Option<&ObjectMeta>| {
        let Some(metadata) = metadata else { return failed(INVALIDATED.to_owned()) };
        let uid = metadata.uid.as_deref().unwrap_or_default();
        if uid != reference.uid {
            let claimed = &reference.uid;
            return failed(format!("{kind} UID ({uid}) does not match service account {kind} ref claim ({claimed})"));
        }
        if gone(metadata) { failed(INVALIDATED.to_owned()) } else { Ok(()) }
    };
    if let Some(reference) = secret {
        let secret = objects.secret(namespace, &reference.name).await.unwrap_or_default();
        check("secret", reference, secret.as_ref().map(|secret| &secret.metadata))?;
    }
    if let Some(reference) = pod {
        let pod = objects.pod(namespace, &reference.name).await.unwrap_or_default();
        check("pod", reference, pod.as_ref().map(|pod| &pod.metadata))?;
    } else if let Some(reference) = node {
        // A pod's token only tells which node the pod was on; it is not bound to it.
        let node = objects.node(&reference.name).await.unwrap_or_default();
        check("node", reference, node.as_ref().map(|node| &node.metadata))?;
    }
    if others.contains_key("validatingwebhookconfiguration") || others.contains_key("mutatingwebhookconfiguration") {
        let text = "feature gate \"APIServerWebhookAuthenticationToken\" is disabled, but token is webhook bound";
        return failed(text.to_owned());
    }
    Ok(())
}

fn user_of(claims: &Claims) -> UserInfo {
    let KubernetesClaims { namespace, node, pod, serviceaccount, .. } = &claims.kubernetes;
    let mut user =
        UserInfo::new(service_account_user_name(namespace, &serviceaccount.name), service_account_groups(namespace));
    user.uid.clone_from(&serviceaccount.uid);
    let mut add = |key: &str, value: &str| user.extra.insert(key.to_owned(), vec![value.to_owned()]);
    if let Some(pod) = pod.as_ref().filter(|pod| !pod.name.is_empty() && !pod.uid.is_empty()) {
        add(POD_NAME_KEY, &pod.name);
        add(POD_UID_KEY, &pod.uid);
    }
    if !claims.jti.is_empty() {
        add(CREDENTIAL_ID_KEY, &format!("JTI={}", claims.jti));
    }
    if let Some(node) = node.as_ref().filter(|node| !node.name.is_empty()) {
        add(NODE_NAME_KEY, &node.name);
        if !node.uid.is_empty() {
            add(NODE_UID_KEY, &node.uid);
        }
    }
    user
}

/// RFC 7519 lets a date be any JSON number; fractions of a second are cut off.
fn numeric_date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(deserializer)?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and a date out of range is as far as can be")]
    Ok(number.and_then(|number| number.as_i64().or_else(|| number.as_f64().map(|float| float as i64))))
}

/// RFC 7519 lets an audience stand alone.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

#[cfg(test)]
#[path = "bound_test.rs"]
mod tests;
