//! Acting as somebody else: the `Impersonate-…` headers, who may use them, and who results.
//!
//! [`wanted_user`] reads the headers; [`impersonate`] asks the authorizer and gives the user that the request goes on
//! as. Since v1.36 upstream tries *constrained* modes first, in which a user needs both the right to impersonate that
//! kind of user and the right to do this very thing while impersonating (KEP-5284), and then the old verb
//! `impersonate`, which allows everything at once. The first mode that allows wins; the first refusal is what the
//! client is told.
//!
//! Deliberately absent: caches of earlier successes, which save questions but change no answer. Upstream asks the mode
//! that was last successful for a user first; so here the client may be told of another mode's refusal.

mod mode;

use std::sync::Arc;

use super::Evidence;
use super::request_header::{extra_key, strip_prefix};
use super::user::UserInfo;
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Authorizer;
use howdah_api::go::{quote, quote_list};

const USER_HEADER: &str = "Impersonate-User";
const UID_HEADER: &str = "Impersonate-Uid";
const GROUP_HEADER: &str = "Impersonate-Group";
const EXTRA_HEADER_PREFIX: &str = "Impersonate-Extra-";

/// Why a request does not go on as somebody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImpersonationError {
    /// 400: groups, uid or extra without a user.
    #[error("{0}")]
    BadRequest(String),
    /// 403: the question that was not allowed, and the reason.
    #[error("{}", crate::authorization::forbidden::forbidden_message(attributes, reason))]
    Forbidden {
        /// What was asked; names the group, resource and object in the `Status`.
        attributes: Box<Attributes>,
        /// Why not; may be empty.
        reason: String,
    },
}

/// The user a request goes on as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonated {
    /// The user.
    pub user: UserInfo,
    /// The verb by which a constrained mode allowed it, for the audit log; empty for the old verb.
    pub constraint: &'static str,
}

/// Whether a header belongs to impersonation: such headers are not passed on to anybody.
pub fn owns(header: &str) -> bool {
    [USER_HEADER, UID_HEADER, GROUP_HEADER].iter().any(|own| header.eq_ignore_ascii_case(own))
        || strip_prefix(header, EXTRA_HEADER_PREFIX).is_some()
}

/// The user that the headers ask for, as they say it; `None` when they ask for none.
///
/// # Errors
/// [`ImpersonationError::BadRequest`] when they give groups, a uid or extra values, and no user.
pub fn wanted_user(evidence: &Evidence<'_>) -> Result<Option<UserInfo>, ImpersonationError> {
    let text = |name: &str| evidence.first(name).unwrap_or_default().to_owned();
    let mut wanted = UserInfo { name: text(USER_HEADER), uid: text(UID_HEADER), ..UserInfo::default() };
    wanted.groups.extend(evidence.values(GROUP_HEADER).map(str::to_owned));
    for (name, value) in evidence.headers {
        if let Some(key) = strip_prefix(name, EXTRA_HEADER_PREFIX) {
            wanted.extra.entry(extra_key(key)).or_default().push((*value).to_owned());
        }
    }
    if !wanted.name.is_empty() {
        return Ok(Some(wanted));
    }
    if wanted == UserInfo::default() {
        return Ok(None);
    }
    Err(ImpersonationError::BadRequest(format!("requested {} without impersonating a user name", as_go(&wanted))))
}

/// Whether `requester` (the user in `attributes`) may do what the request wants as `wanted`, and as whom exactly.
///
/// # Errors
/// [`ImpersonationError::Forbidden`] with the first mode's refusal.
pub fn impersonate(
    authorizer: &dyn Authorizer,
    attributes: &Attributes,
    wanted: &UserInfo,
) -> Result<Impersonated, ImpersonationError> {
    let mut first = None;
    for mode in mode::MODES {
        if !mode.supports(wanted, &attributes.user) {
            continue;
        }
        match mode.check(authorizer, attributes, wanted) {
            Ok(user) => return Ok(Impersonated { user, constraint: mode.constraint() }),
            Err(error) => first = first.or(Some(error)),
        }
    }
    // The old verb is a mode for every user, so there is always a refusal.
    Err(first.unwrap_or_else(|| ImpersonationError::Forbidden {
        attributes: Box::new(attributes.clone()),
        reason: "all impersonation modes failed".to_owned(),
    }))
}

/// The question about impersonating one thing.
fn question(requester: &Arc<UserInfo>, verb: &str, group: &str, resource: &str, name: &str) -> Attributes {
    let mut attributes = Attributes::resource(requester.clone(), verb, group, resource).named(name);
    "v1".clone_into(&mut attributes.api_version);
    attributes
}

/// The user as Go prints the struct, which is what upstream's sentence holds.
fn as_go(user: &UserInfo) -> String {
    let slice = |items: &[String]| match quote_list(items) {
        list if items.is_empty() => list.replace("[]", "[]string(nil)"),
        list => format!("[]string{{{}}}", list[1..list.len() - 1].replace("\" \"", "\", \"")),
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let pairs: Vec<String> =
            user.extra.iter().map(|(key, values)| format!("{}:{}", quote(key), slice(values))).collect();
        format!("map[string][]string{{{}}}", pairs.join(", "))
    };
    format!(
        "&user.DefaultInfo{{Name:{}, UID:{}, Groups:{}, Extra:{extra}}}",
        quote(&user.name),
        quote(&user.uid),
        slice(&user.groups)
    )
}

#[cfg(test)]
#[path = "impersonation_test.rs"]
mod tests;
