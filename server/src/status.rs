//! Failures, and the one function that turns them into `metav1.Status`.
//!
//! [`ApiError`] says what happened in the API's own terms; [`ApiError::status`] gives it upstream's code, reason, details
//! and wording (apimachinery, `pkg/api/errors`); [`ApiError::respond`] puts that on the wire. Internal causes stay in
//! the log: nothing here carries an error of another layer.
//!
//! Two answers are plain text upstream, and so here: a path that nobody serves, and too many requests.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Status, StatusCause, StatusDetails};

use crate::authorization::attributes::Attributes;
use crate::authorization::forbidden::forbidden_message;
use howdah_api::go::quote;

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
    /// 409: the name is taken.
    AlreadyExists(Subject),
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
                let message = format!("{}: {}", named(subject, "is invalid"), sentences(causes));
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
        Status {
            code: Some(code),
            details,
            message: Some(message),
            reason: Some(reason.to_owned()),
            status: Some("Failure".to_owned()),
            ..Status::default()
        }
    }

    /// The answer on the wire: JSON, indented when `pretty`.
    #[must_use]
    pub fn respond(&self, pretty: bool) -> HttpResponse {
        match self {
            Self::UnknownPath => return plain_text(StatusCode::NOT_FOUND, "404 page not found\n"),
            Self::TooManyRequests(after) => {
                let text = "Too many requests, please try again later.\n";
                let mut response = plain_text(StatusCode::TOO_MANY_REQUESTS, text);
                response.headers_mut().insert(header::RETRY_AFTER, after.as_secs().max(1).into());
                return response;
            }
            _ => {}
        }
        let status = self.status();
        let code =
            status.code.and_then(|code| u16::try_from(code).ok()).and_then(|code| StatusCode::from_u16(code).ok());
        let mut response = HttpResponse::build(code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        if let Some(seconds) = status.details.as_ref().and_then(|details| details.retry_after_seconds) {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if matches!(self, Self::Forbidden { .. }) {
            response.insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
        }
        response.insert_header(ContentType::json()).body(status_json(&status, pretty))
    }
}

/// A text answer as Go's `http.Error` gives it.
#[must_use]
pub fn plain_text(code: StatusCode, text: impl Into<String>) -> HttpResponse {
    HttpResponse::build(code)
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text.into())
}

/// A JSON text as upstream writes it: compact with a newline, or indented by two blanks without one.
fn status_json(status: &Status, pretty: bool) -> String {
    let written = if pretty { serde_json::to_string_pretty(status) } else { serde_json::to_string(status) };
    let mut text = written.expect("a Status has string keys only and always serializes");
    if !pretty {
        text.push('\n');
    }
    text
}

fn retry_after(after: Duration) -> Option<StatusDetails> {
    let seconds = i32::try_from(after.as_secs()).unwrap_or(i32::MAX).max(1);
    Some(StatusDetails { retry_after_seconds: Some(seconds), ..StatusDetails::default() })
}

/// `field: sentence`, several in brackets, as `field.ErrorList.ToAggregate` joins them.
fn sentences(causes: &[StatusCause]) -> String {
    let all: Vec<String> = causes
        .iter()
        .map(|cause| {
            let message = cause.message.as_deref().unwrap_or_default();
            cause.field.as_deref().map_or_else(|| message.to_owned(), |field| format!("{field}: {message}"))
        })
        .collect();
    match all.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(i32::from(error.respond(false).status().as_u16()), code, "{error:?}");
        }
        let details = ApiError::NotFound(deployments).status().details.expect("details");
        assert_eq!((details.group.as_deref(), details.kind.as_deref()), (Some("apps"), Some("deployments")));
    }

    #[test]
    fn json_is_compact_with_a_newline_or_indented() {
        let status = ApiError::Unauthorized.status();
        let compact = status_json(&status, false);
        assert!(compact.ends_with("}\n") && compact.contains(r#""kind":"Status""#), "{compact}");
        let pretty = status_json(&status, true);
        assert!(pretty.starts_with("{\n  \"") && pretty.ends_with('}'), "{pretty}");
    }
}
