//! An error on the wire: the `Status` in the form that the client accepts.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use bytes::Bytes;
use howdah_api::codec::json;
use howdah_api::schema::{Node, builtin};
use howdah_api::tree::normalise;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;

use super::ApiError;
use crate::negotiation::{Media, json_to};

impl ApiError {
    /// The answer on the wire.
    #[must_use]
    pub fn respond(&self, media: &Media) -> HttpResponse {
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
        let document = document(&status);
        // What a Status holds can be written in every encoding; JSON is the one that can't fail.
        let (body, encoding) = match json_to(media, &document, Some(node())) {
            Ok(body) => (body, media.encoding),
            Err(error) => {
                tracing::error!(%error, "a Status could not be encoded");
                (document, Media::json().encoding)
            }
        };
        response.insert_header((header::CONTENT_TYPE, encoding.media_type())).body(body)
    }
}

/// The schema of a `Status`.
pub(crate) fn node() -> &'static Node {
    builtin::named("meta/v1", "Status").expect("the table has the type")
}

/// A `Status` as Go writes it, without a newline.
pub(crate) fn document(status: &Status) -> Bytes {
    let mut tree = serde_json::to_value(status).expect("a Status has string keys only and always serializes");
    normalise(&mut tree, node());
    json::encode(&tree, node()).into()
}

/// A text answer as Go's `http.Error` gives it.
#[must_use]
pub fn plain_text(code: StatusCode, text: impl Into<String>) -> HttpResponse {
    HttpResponse::build(code)
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text.into())
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;
    use crate::negotiation::Encoding;

    #[tokio::test]
    async fn a_status_comes_in_every_encoding() {
        let expected = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
        assert_eq!(document(&ApiError::Unauthorized.status()), expected);
        for encoding in Encoding::ALL {
            let response = ApiError::Unauthorized.respond(&Media { encoding, ..Media::json() });
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let media_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            assert_eq!(media_type, Some(encoding.media_type()));
            let body = to_bytes(response.into_body()).await.unwrap();
            let begins: &[u8] = match encoding {
                Encoding::Json => b"{\"kind\":\"Status\"",
                Encoding::Yaml => b"apiVersion: v1\ncode: 401\n",
                Encoding::Protobuf => b"k8s\0",
            };
            assert!(body.starts_with(begins), "{body:?}");
        }
    }
}
