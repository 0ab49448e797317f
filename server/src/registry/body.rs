//! The body of a request: its bytes within the limit, and the object in it.
//!
//! Sentences about what can't be read are upstream's (`transformDecodeError`, and the decoders' below it).

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{HttpMessage as _, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use howdah_api::codec::json::{DecodeError, Decoded, StrictError};
use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::go::quote;
use howdah_api::schema::{Node, builtin};
use serde_json::Value;

use super::object::split_api_version;
use super::option::Directive;
use crate::negotiation::Encoding;
use crate::status::ApiError;

/// The longest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;

/// Reads the whole body.
///
/// # Errors
/// 413 where it is too long, 400 where the client breaks off.
pub(super) async fn read(mut payload: Payload) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|error| ApiError::BadRequest(error.to_string()))?;
        if whole.len() + piece.len() > MAX_BODY_BYTES {
            return Err(ApiError::TooLarge(format!("limit is {MAX_BODY_BYTES}")));
        }
        if whole.is_empty() {
            whole.reserve(piece.len());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The encoding of the body; JSON where nothing is said.
///
/// # Errors
/// 415.
pub(super) fn encoding(http: &HttpRequest) -> Result<Encoding, ApiError> {
    let content_type = http.headers().get(header::CONTENT_TYPE).map(|_| http.content_type().trim());
    match content_type {
        None | Some("") => Ok(Encoding::Json),
        Some(media_type) => {
            Encoding::of_media_type(media_type).ok_or_else(|| ApiError::UnsupportedMediaType(Encoding::media_types()))
        }
    }
}

/// The kind that an object is to have.
#[derive(Clone, Copy)]
pub(super) struct Expected<'k> {
    /// The API group.
    pub(super) group: &'k str,
    /// The version.
    pub(super) version: &'k str,
    /// The kind.
    pub(super) kind: &'k str,
    /// Its schema.
    pub(super) node: &'k Node,
}

/// The object in `body`, as it was sent, but for fields that the schema doesn't have. Findings of strict validation
/// become errors or `warnings`, as `directive` says.
///
/// # Errors
/// 400.
pub(super) fn decode(
    body: &[u8],
    encoding: Encoding,
    expected: Expected<'_>,
    directive: Directive,
    warnings: &mut Vec<String>,
) -> Result<Value, ApiError> {
    let decoded = match encoding {
        Encoding::Json => json::decode(body, expected.node).map_err(Fault::from),
        Encoding::Yaml => yaml::decode(body, expected.node).map_err(|error| match error {
            yaml::Error::Yaml(error) => Fault::Unreadable(error.to_string()),
            yaml::Error::Decode(error) => Fault::from(error),
        }),
        Encoding::Protobuf => protobuf::decode_object(body, |envelope| {
            let of = (envelope.api_version, envelope.kind);
            expected.fits(of.0, of.1).then_some(expected.node)
        })
        .map_err(|error| Fault::Unreadable(error.to_string()))
        .map(|value| Decoded { value: value.unwrap_or_default(), strict: Vec::new() }),
    };
    let named = names(body, encoding, decoded.as_ref().ok());
    let (api_version, kind) = (named.0.as_str(), named.1.as_str());
    if let Some(error) = expected.mismatch(api_version, kind) {
        return Err(error);
    }
    let refused = |why: &str| {
        let (version, own) = (quote(expected.version), expected.kind);
        ApiError::BadRequest(format!("{own} in version {version} cannot be handled as a {own}: {why}"))
    };
    match decoded {
        Ok(decoded) => {
            settle(&decoded.strict, directive, warnings).map_err(|sentence| refused(&sentence))?;
            Ok(decoded.value)
        }
        Err(Fault::Value(sentence)) => Err(refused(&sentence)),
        Err(Fault::Unreadable(sentence)) => {
            let summary = summary(body);
            let kind = expected.kind;
            let what = format!("the object provided is unrecognized (must be of type {kind}): {sentence} ({summary})");
            Err(ApiError::BadRequest(what))
        }
    }
}

/// What strict validation found, as an error's sentence or as warnings.
///
/// # Errors
/// The sentence, where the request asks for strictness.
pub(super) fn settle(findings: &[StrictError], directive: Directive, warnings: &mut Vec<String>) -> Result<(), String> {
    match directive {
        _ if findings.is_empty() => {}
        Directive::Ignore => {}
        Directive::Warn => {
            for finding in findings {
                match finding {
                    StrictError::Yaml(sentence) => warnings.extend(yaml_lines(sentence)),
                    finding => warnings.push(finding.to_string()),
                }
            }
        }
        Directive::Strict => return Err(strict_sentence(findings)),
    }
    Ok(())
}

/// `strict decoding error: unknown field "spec.foo", duplicate field "spec.bar"`.
#[must_use]
pub(super) fn strict_sentence(findings: &[StrictError]) -> String {
    let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
    format!("strict decoding error: {}", all.join(", "))
}

fn yaml_lines(sentence: &str) -> Vec<String> {
    const HEADS: [&str; 2] = ["yaml: unmarshal errors:\n", "error converting YAML to JSON: yaml: unmarshal errors:\n"];
    match HEADS.iter().find_map(|head| sentence.strip_prefix(head)) {
        Some(lines) => lines.split('\n').map(|line| line.trim().to_owned()).collect(),
        None => vec![sentence.to_owned()],
    }
}

/// Why a body can't be decoded.
enum Fault {
    /// It is not of this encoding.
    Unreadable(String),
    /// A value doesn't fit the kind.
    Value(String),
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Syntax(error) => {
                Self::Unreadable(format!("couldn't get version/kind; json parse error: {error}"))
            }
            error => Self::Value(error.to_string()),
        }
    }
}

impl Expected<'_> {
    /// Whether the names in a body are those of this kind, or left open.
    fn fits(&self, api_version: &str, kind: &str) -> bool {
        self.mismatch(api_version, kind).is_none()
    }

    fn mismatch(&self, api_version: &str, kind: &str) -> Option<ApiError> {
        let Some((group, version)) = split_api_version(api_version) else {
            return Some(ApiError::BadRequest(format!(
                "the object provided is unrecognized (must be of type {}): unexpected GroupVersion string: {api_version}",
                self.kind
            )));
        };
        let (group, version) = match (group, version) {
            ("", "") => (self.group, self.version),
            (group, "") if group == self.group => (group, self.version),
            other => other,
        };
        let kind = if kind.is_empty() { self.kind } else { kind };
        if (group, version, kind) == (self.group, self.version, self.kind) {
            return None;
        }
        let own = self.kind;
        let named = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        if builtin::kind(group, version, kind).is_none() {
            return Some(ApiError::BadRequest(format!(
                "{kind} in version {} cannot be handled as a {own}: no kind {} is registered for version {} in scheme \
                 \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\"",
                quote(version),
                quote(kind),
                quote(&named)
            )));
        }
        if kind != own {
            let package = |group: &str, version: &str| {
                let group = group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
                (group.to_owned(), version.to_owned())
            };
            let ((_, theirs), (ours, _)) = (package(group, version), package(self.group, self.version));
            return Some(ApiError::BadRequest(format!(
                "{kind} in version {} cannot be handled as a {own}: converting ({theirs}.{kind}) to ({ours}.{own}): \
                 unknown conversion",
                quote(version)
            )));
        }
        let expected =
            if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) };
        Some(ApiError::BadRequest(format!(
            "the API version in the data ({named}) does not match the expected API version ({expected})"
        )))
    }
}

/// `apiVersion` and `kind` in a body, as far as they can be read.
fn names(body: &[u8], encoding: Encoding, decoded: Option<&Decoded>) -> (String, String) {
    let of = |value: &Value| {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        (text("apiVersion"), text("kind"))
    };
    match (decoded, encoding) {
        (Some(decoded), Encoding::Json | Encoding::Yaml) => of(&decoded.value),
        (None, Encoding::Json) => json::decode_any(body).map(|read| of(&read.value)).unwrap_or_default(),
        (None, Encoding::Yaml) => yaml::to_json(body).map(|read| of(&read.value)).unwrap_or_default(),
        (_, Encoding::Protobuf) => protobuf::Envelope::read(body)
            .map(|envelope| (envelope.api_version.to_owned(), envelope.kind.to_owned()))
            .unwrap_or_default(),
    }
}

/// The beginning of a body, for errors: as text where it looks like JSON.
fn summary(body: &[u8]) -> String {
    const SHOWN: usize = 30;
    let shown = &body[..body.len().min(SHOWN)];
    let rest = if body.len() > SHOWN { " ..." } else { "" };
    match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{rest}", String::from_utf8_lossy(shown)),
        Some(_) => {
            let hex: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hex}{rest}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_map(body: &str, encoding: Encoding, directive: Directive) -> Result<(Value, Vec<String>), String> {
        let expected = Expected {
            group: "",
            version: "v1",
            kind: "ConfigMap",
            node: builtin::kind("", "v1", "ConfigMap").unwrap(),
        };
        let mut warnings = Vec::new();
        match decode(body.as_bytes(), encoding, expected, directive, &mut warnings) {
            Ok(value) => Ok((value, warnings)),
            Err(error) => Err(error.status().message.unwrap_or_default()),
        }
    }

    #[test]
    fn refusals_are_upstreams() {
        let rows = [
            (
                r#"{"kind":"Pod","apiVersion":"v1","spec":{}}"#,
                r#"Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion"#,
            ),
            (
                r#"{"kind":"Foo","apiVersion":"v1"}"#,
                r#"Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30""#,
            ),
            (
                r#"{"data":{"a":1}}"#,
                r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string"#,
            ),
            (
                r#"{"foo":1,"data":{"a":"b","a":"c"}}"#,
                r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo", duplicate field "data.a""#,
            ),
        ];
        for (body, expected) in rows {
            assert_eq!(config_map(body, Encoding::Json, Directive::Strict), Err(expected.to_owned()), "{body}");
        }
        let unreadable = config_map("nonsense", Encoding::Json, Directive::Warn).unwrap_err();
        assert!(unreadable.starts_with("the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'o' in literal null"), "{unreadable}");
        assert!(unreadable.ends_with("(6e6f6e73656e7365)"), "{unreadable}");
    }

    #[test]
    fn findings_become_warnings() {
        let (value, warnings) = config_map(r#"{"foo":1,"data":{"a":"b"}}"#, Encoding::Json, Directive::Warn).unwrap();
        assert_eq!(
            (value, warnings),
            (serde_json::json!({"data":{"a":"b"}}), vec![r#"unknown field "foo""#.to_owned()])
        );
        let yaml = "data:\n  a: b\n  a: c\n";
        let (_, warnings) = config_map(yaml, Encoding::Yaml, Directive::Warn).unwrap();
        assert_eq!(warnings, [r#"line 3: key "a" already set in map"#,]);
        assert_eq!(config_map(yaml, Encoding::Yaml, Directive::Ignore).unwrap().1, [""; 0]);
    }
}
