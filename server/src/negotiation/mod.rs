//! Which form an answer takes: the `Accept` header, `pretty`, and the bytes of each form.
//!
//! [`accept`] reads the header as upstream does: clauses by weight, then by how specific they are; the first one whose
//! type the server writes and whose parameters the endpoint allows wins. [`encode`] turns JSON, the form in which all
//! answers are made, into the negotiated one.
//!
//! Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation. Deliberately absent: CBOR, which is off by default.

mod accept;
mod content_type;
mod encode;

use actix_web::HttpRequest;
use actix_web::http::header;

pub use accept::{Media, Target, accept};
pub use content_type::media_type;
pub use encode::{compress, indent, json_to};

use crate::query::Query;

/// The content type of upstream's protobuf envelopes.
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The encodings of objects, in the order in which upstream prefers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Json, Self::Yaml, Self::Protobuf];

    /// The media type, as answers carry it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => PROTOBUF,
        }
    }

    /// The encoding of a `Content-Type` without parameters.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.media_type().eq_ignore_ascii_case(media_type))
    }

    /// All media types, as errors list them.
    #[must_use]
    pub fn media_types() -> Vec<String> {
        Self::ALL.into_iter().map(|encoding| encoding.media_type().to_owned()).collect()
    }

    /// The media types of watches, as errors list them: YAML has no frames.
    #[must_use]
    pub fn stream_media_types() -> Vec<String> {
        [Self::Json, Self::Protobuf].into_iter().map(|one| format!("{};stream=watch", one.media_type())).collect()
    }
}

/// Whether a header that lists media types names one of `known`, or anything. This is how upstream finds its way to a
/// handler, before [`accept`]: `application/*` names nothing here.
#[must_use]
pub fn names_any(header: &str, known: &[String]) -> bool {
    header.split(',').any(|clause| {
        let media_type = clause.split(';').next().unwrap_or_default().trim_matches(' ');
        media_type == "*/*" || known.iter().any(|known| known == media_type)
    })
}

/// The value of a header, where it is there and text.
#[must_use]
pub fn text_header<'r>(http: &'r HttpRequest, name: &header::HeaderName) -> Option<&'r str> {
    http.headers().get(name)?.to_str().ok()
}

/// Whether people read the answer: asked for by `pretty`, or a tool that people use.
#[must_use]
pub fn wants_indentation(http: &HttpRequest) -> bool {
    let query = Query::parse(http.query_string());
    match query.get("pretty") {
        Some(value) if !value.is_empty() => matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"),
        _ => text_header(http, &header::USER_AGENT)
            .is_some_and(|agent| ["curl", "Wget", "Mozilla/5.0"].iter().any(|tool| agent.starts_with(tool))),
    }
}

/// The form of an error's answer: whatever the client accepts without a transformation, else indented JSON.
#[must_use]
pub fn of_error(http: &HttpRequest) -> Media {
    let negotiated = accept(text_header(http, &header::ACCEPT), |_, target| target.is_none());
    match negotiated {
        Some(media) => Media { pretty: media.pretty || wants_indentation(http), ..media },
        None => Media { pretty: true, ..Media::json() },
    }
}

/// Whether the client takes gzip.
#[must_use]
pub fn takes_gzip(http: &HttpRequest) -> bool {
    let header = text_header(http, &header::ACCEPT_ENCODING).unwrap_or_default();
    header.split(',').any(|one| one.trim() == "gzip")
}
