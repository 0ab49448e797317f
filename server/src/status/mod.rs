//! Failures, and the one function that turns them into `metav1.Status`.
//!
//! [`ApiError`] says what happened in the API's own terms; [`ApiError::status`] gives it upstream's code, reason, details
//! and wording (apimachinery, `pkg/api/errors`); [`ApiError::respond`] puts that on the wire, in the form that the client
//! accepts. Internal causes stay in the log: nothing here carries an error of another layer.
//!
//! Two answers are plain text upstream, and so here: a path that nobody serves, and too many requests.

mod respond;

use std::time::Duration;

use howdah_api::validation::FieldError;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};

use crate::authorization::attributes::Attributes;
use crate::authorization::forbidden::forbidden_message;
use howdah_api::go::{aggregate, quote};

pub use respond::plain_text;
pub(crate) use respond::{document, node};

/// An object or a resource, as errors name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural resource name; the kind, for errors about an object's content.
    pub resource: String,
    /// The object's name; empty where there is none.
    pub name: String,
}

impl Subject {
    fn qualified(&self) -> String {
        if self.group.is_empty() { self.resource.clone() } else { format!("{}.{}", self.resource, self.group) }
    }
}

/// Whatever the API answers instead of success.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiError {
    /// 400: the request can't be read. The text is the message.
    BadRequest(String),
    /// 401: credentials were given and none were accepted.
    Unauthorized,
    /// 403: the whole sentence, and what it is about.
    Forbidden {
        /// What may not be touched; empty for a path.
        subject: Subject,
        /// The sentence.
        message: String,
    },
    /// 404: an object is not there.
    NotFound(Subject),
    /// 404: below `/api` or `/apis`, but nothing that is served.
    UnknownResource,
    /// 404 as plain text: a path that nobody serves.
    UnknownPath,
    /// 405: the path is served, the method isn't.
    MethodNotAllowed,
    /// 406: none of the media types the client accepts.
    NotAcceptable(Vec<String>),
    /// 405: the resource doesn't know the verb.
    NotSupported(Subject, &'static str),
    /// 409: the name is taken.
    AlreadyExists(Subject),
    /// 409: a name was made up, and it is taken.
    GeneratedNameTaken(Subject),
    /// 409: the object has changed; the text says how.
    Conflict(Subject, String),
    /// 410: the revision asked for is compacted. The text is the message.
    Expired(String),
    /// 413: the body is too large. The text is the limit.
    TooLarge(String),
    /// 415: a media type that can't be decoded; the ones that can.
    UnsupportedMediaType(Vec<String>),
    /// 422: the object (its kind, as `resource`) breaks rules: reason, field and sentence of each.
    Invalid(Subject, Vec<StatusCause>),
    /// 429 as plain text, from flow control: come back after this time.
    TooManyRequests(Duration),
    /// 500, with a text meant for the client.
    Internal(String),
    /// 500 without a reason, as upstream answers what it did not foresee.
    Unforeseen(String),
    /// 500: the storage could not be reached in time for `verb`; the client may try again.
    ServerTimeout(Subject, &'static str),
    /// A `Status` made elsewhere.
    Status(Box<Status>),
    /// 500: a handler panicked.
    Panicked,
    /// 503: not now. The text is the message.
    ServiceUnavailable(String),
    /// 504: the deadline passed; whether the request took effect is unknown.
    DeadlinePassed,
    /// 504: the revision asked for lies in the future.
    ResourceVersionTooLarge {
        /// What was asked for.
        asked: u64,
        /// What is current.
        current: u64,
    },
}

impl ApiError {
    /// The refusal of a request: upstream's sentence about `attributes`, and the authorizers' reason.
    #[must_use]
    pub fn forbidden(attributes: &Attributes, reason: &str) -> Self {
        let subject = Subject {
            group: attributes.api_group.clone(),
            resource: attributes.resource.clone(),
            name: attributes.name.clone(),
        };
        Self::Forbidden { subject, message: forbidden_message(attributes, reason) }
    }

    /// 422: what is wrong with the object `name` of `kind`.
    #[must_use]
    pub fn invalid<'e>(group: &str, kind: &str, name: &str, errors: impl IntoIterator<Item = &'e FieldError>) -> Self {
        let causes = errors.into_iter().map(|error| StatusCause {
            field: Some(error.field.clone()),
            message: Some(error.body()),
            reason: Some(error.kind.reason().to_owned()),
        });
        let subject = Subject { group: group.to_owned(), resource: kind.to_owned(), name: name.to_owned() };
        Self::Invalid(subject, causes.collect())
    }

    /// 410, with the token that continues the list at the newest state.
    #[must_use]
    pub fn expired_with(message: &str, continue_token: String) -> Self {
        let mut status = Self::Expired(message.to_owned()).status();
        status.metadata.continue_ = Some(continue_token);
        Self::Status(Box::new(status))
    }

    /// 409 about fields that others own: the cause of each field, and the whole sentence.
    #[must_use]
    pub fn apply_conflict(message: String, causes: Vec<StatusCause>) -> Self {
        let details = StatusDetails { causes: Some(causes), ..StatusDetails::default() };
        Self::Status(Box::new(failure(409, "Conflict", message, Some(details))))
    }

    /// 422 whose cause is not told, as upstream answers a patch that can't be applied.
    #[must_use]
    pub fn rejected() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::Status(Box::new(failure(422, "Invalid", message, Some(StatusDetails::default()))))
    }

    /// 406 before a handler is reached: nothing that the path has is in a media type that the client names.
    #[must_use]
    pub fn not_produced(available: &[String]) -> Self {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {}", available.join(", "));
        Self::Status(Box::new(failure(406, "NotAcceptable", message, Some(StatusDetails::default()))))
    }

    /// 415 before a handler is reached: the path takes no such media type.
    #[must_use]
    pub fn not_consumed() -> Self {
        let message = "415: Unsupported Media Type".to_owned();
        Self::Status(Box::new(failure(415, "UnsupportedMediaType", message, Some(StatusDetails::default()))))
    }

    /// The HTTP code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.status().code.and_then(|code| u16::try_from(code).ok()).unwrap_or(500)
    }

    /// The `metav1.Status` of this error.
    #[must_use]
    pub fn status(&self) -> Status {
        let details = |subject: &Subject| {
            let text = |text: &String| (!text.is_empty()).then(|| text.clone());
            let (group, kind, name) = (text(&subject.group), text(&subject.resource), text(&subject.name));
            Some(StatusDetails { group, kind, name, ..StatusDetails::default() })
        };
        let named = |subject: &Subject, what: &str| format!("{} {} {what}", subject.qualified(), quote(&subject.name));
        let nothing = || Some(StatusDetails::default());
        let (code, reason, message, details) = match self {
            Self::BadRequest(message) => (400, "BadRequest", message.clone(), None),
            Self::Unauthorized => (401, "Unauthorized", "Unauthorized".to_owned(), None),
            Self::Forbidden { subject, message } => (403, "Forbidden", message.clone(), details(subject)),
            Self::NotFound(subject) => (404, "NotFound", named(subject, "not found"), details(subject)),
            Self::UnknownResource | Self::UnknownPath => {
                (404, "NotFound", "the server could not find the requested resource".to_owned(), nothing())
            }
            Self::MethodNotAllowed => {
                let message = "the server does not allow this method on the requested resource".to_owned();
                (405, "MethodNotAllowed", message, nothing())
            }
            Self::NotAcceptable(accepted) => {
                let message = format!("only the following media types are accepted: {}", accepted.join(", "));
                (406, "NotAcceptable", message, None)
            }
            Self::AlreadyExists(subject) => (409, "AlreadyExists", named(subject, "already exists"), details(subject)),
            Self::NotSupported(subject, verb) => {
                let message = format!("{verb} is not supported on resources of kind {}", quote(&subject.qualified()));
                (405, "MethodNotAllowed", message, details(subject))
            }
            Self::GeneratedNameTaken(subject) => {
                let what = "already exists, the server was not able to generate a unique name for the object";
                let details = details(subject).map(|known| StatusDetails { retry_after_seconds: Some(1), ..known });
                (409, "AlreadyExists", named(subject, what), details)
            }
            Self::Conflict(subject, why) => {
                let what = format!("{} {}", subject.qualified(), quote(&subject.name));
                (409, "Conflict", format!("Operation cannot be fulfilled on {what}: {why}"), details(subject))
            }
            Self::Expired(message) => (410, "Expired", message.clone(), None),
            Self::TooLarge(limit) => (413, "RequestEntityTooLarge", format!("Request entity too large: {limit}"), None),
            Self::UnsupportedMediaType(accepted) => {
                let message = format!(
                    "the body of the request was in an unknown format - accepted media types include: {}",
                    accepted.join(", ")
                );
                (415, "UnsupportedMediaType", message, None)
            }
            Self::Invalid(subject, causes) => {
                let what = named(subject, "is invalid");
                let message = sentences(causes).map_or(what.clone(), |sentences| format!("{what}: {sentences}"));
                let details = details(subject).map(|known| StatusDetails { causes: Some(causes.clone()), ..known });
                (422, "Invalid", message, details)
            }
            Self::TooManyRequests(after) => {
                let message = "Too many requests, please try again later.".to_owned();
                (429, "TooManyRequests", message, retry_after(*after))
            }
            Self::Internal(why) => {
                let cause = StatusCause { message: Some(why.clone()), ..StatusCause::default() };
                let details = StatusDetails { causes: Some(vec![cause]), ..StatusDetails::default() };
                (500, "InternalError", format!("Internal error occurred: {why}"), Some(details))
            }
            Self::Unforeseen(message) => (500, "", message.clone(), None),
            Self::ServerTimeout(subject, verb) => {
                let message = format!(
                    "The {verb} operation against {} could not be completed at this time, please try again.",
                    subject.qualified()
                );
                let subject = Subject { name: (*verb).to_owned(), ..subject.clone() };
                let details = details(&subject).map(|known| StatusDetails { retry_after_seconds: Some(2), ..known });
                (500, "ServerTimeout", message, details)
            }
            Self::Status(status) => return (**status).clone(),
            Self::Panicked => {
                let message = "This request caused apiserver to panic. Look in the logs for details.".to_owned();
                (500, "InternalError", message, None)
            }
            Self::ServiceUnavailable(message) => (503, "ServiceUnavailable", message.clone(), None),
            Self::DeadlinePassed => {
                let message = "Timeout: request did not complete within the allotted timeout".to_owned();
                (504, "Timeout", message, nothing())
            }
            Self::ResourceVersionTooLarge { asked, current } => {
                let cause = StatusCause {
                    reason: Some("ResourceVersionTooLarge".to_owned()),
                    message: Some("Too large resource version".to_owned()),
                    field: None,
                };
                let details = retry_after(Duration::from_secs(1))
                    .map(|known| StatusDetails { causes: Some(vec![cause]), ..known });
                let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
                (504, "Timeout", message, details)
            }
        };
        failure(code, reason, message, details)
    }
}

fn failure(code: i32, reason: &str, message: String, details: Option<StatusDetails>) -> Status {
    Status {
        code: Some(code),
        details,
        message: Some(message),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        status: Some("Failure".to_owned()),
        ..Status::default()
    }
}

fn retry_after(after: Duration) -> Option<StatusDetails> {
    let seconds = i32::try_from(after.as_secs()).unwrap_or(i32::MAX).max(1);
    Some(StatusDetails { retry_after_seconds: Some(seconds), ..StatusDetails::default() })
}

/// `field: sentence`, several in brackets and each once, as `field.ErrorList.ToAggregate` joins them.
fn sentences(causes: &[StatusCause]) -> Option<String> {
    let all: Vec<String> = causes
        .iter()
        .map(|cause| {
            let message = cause.message.as_deref().unwrap_or_default();
            cause.field.as_deref().map_or_else(|| message.to_owned(), |field| format!("{field}: {message}"))
        })
        .collect();
    aggregate(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::negotiation::Media;

    fn pods(name: &str) -> Subject {
        Subject { group: String::new(), resource: "pods".into(), name: name.into() }
    }

    #[test]
    fn codes_reasons_and_wording_are_upstreams() {
        let deployments = Subject { group: "apps".into(), resource: "deployments".into(), name: "d".into() };
        let cause = |field: &str, message: &str| StatusCause {
            field: Some(field.into()),
            message: Some(message.into()),
            reason: Some("FieldValueInvalid".into()),
        };
        let rows = [
            (ApiError::Unauthorized, 401, "Unauthorized", "Unauthorized"),
            (ApiError::NotFound(pods("p")), 404, "NotFound", r#"pods "p" not found"#),
            (ApiError::NotFound(deployments.clone()), 404, "NotFound", r#"deployments.apps "d" not found"#),
            (ApiError::AlreadyExists(pods("p")), 409, "AlreadyExists", r#"pods "p" already exists"#),
            (
                ApiError::Conflict(pods("p"), "it changed".into()),
                409,
                "Conflict",
                r#"Operation cannot be fulfilled on pods "p": it changed"#,
            ),
            (
                ApiError::Invalid(Subject { resource: "Pod".into(), ..pods("p") }, vec![cause("a", "b")]),
                422,
                "Invalid",
                r#"Pod "p" is invalid: a: b"#,
            ),
            (
                ApiError::Invalid(
                    Subject { resource: "Pod".into(), ..pods("p") },
                    vec![cause("a", "b"), cause("c", "d")],
                ),
                422,
                "Invalid",
                r#"Pod "p" is invalid: [a: b, c: d]"#,
            ),
            (
                ApiError::NotAcceptable(vec!["application/json".into(), "application/yaml".into()]),
                406,
                "NotAcceptable",
                "only the following media types are accepted: application/json, application/yaml",
            ),
            (
                ApiError::UnsupportedMediaType(vec!["application/json".into()]),
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types include: application/json",
            ),
            (ApiError::DeadlinePassed, 504, "Timeout", "Timeout: request did not complete within the allotted timeout"),
            (
                ApiError::ResourceVersionTooLarge { asked: 9, current: 5 },
                504,
                "Timeout",
                "Timeout: Too large resource version: 9, current: 5",
            ),
            (
                ApiError::MethodNotAllowed,
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            ),
            (ApiError::Internal("x".into()), 500, "InternalError", "Internal error occurred: x"),
        ];
        for (error, code, reason, message) in rows {
            let status = error.status();
            assert_eq!(status.code, Some(code), "{error:?}");
            assert_eq!(status.reason.as_deref(), Some(reason), "{error:?}");
            assert_eq!(status.message.as_deref(), Some(message), "{error:?}");
            assert_eq!(i32::from(error.respond(&Media::json()).status().as_u16()), code, "{error:?}");
        }
        let details = ApiError::NotFound(deployments).status().details.expect("details");
        assert_eq!((details.group.as_deref(), details.kind.as_deref()), (Some("apps"), Some("deployments")));
    }
}
