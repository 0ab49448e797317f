//! The body of a request: its bytes within the limit, and the object in it, which is to be of a kind ([`Expected`]).
//!
//! Sentences about what can't be read are upstream's (`transformDecodeError`, and the decoders' below it).

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use howdah_api::codec::json::{DecodeError, Decoded, StrictError};
use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::go::quote;
use howdah_api::schema::Node;
use serde_json::Value;

use super::expected::{Expected, Mismatch, Names};
use super::option::Directive;
use crate::negotiation::{Encoding, media_type};
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
    let Some(content_type) = http.headers().get(header::CONTENT_TYPE) else { return Ok(Encoding::Json) };
    let content_type = content_type.to_str().unwrap_or("?");
    if content_type.is_empty() {
        return Ok(Encoding::Json);
    }
    let found = media_type(content_type).and_then(|media_type| Encoding::of_media_type(&media_type));
    found.ok_or_else(|| ApiError::UnsupportedMediaType(Encoding::media_types()))
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
    let decoded = attempt(body, encoding, expected.node);
    let unrecognised = |sentence: &str| {
        let (kind, summary) = (expected.kind, summary(body));
        let what = format!("the object provided is unrecognized (must be of type {kind}): {sentence} ({summary})");
        ApiError::BadRequest(what)
    };
    let refused = |kind: &str, version: &str, why: &str| {
        let (version, own) = (quote(version), expected.kind);
        ApiError::BadRequest(format!("{kind} in version {version} cannot be handled as a {own}: {why}"))
    };
    let named = own_names(body, encoding, decoded.as_ref().ok()).map_err(|sentence| unrecognised(&sentence))?;
    match expected.mismatch(&named.api_version, &named.kind) {
        None => {}
        Some(Mismatch::Unreadable(sentence)) => return Err(unrecognised(&sentence)),
        Some(Mismatch::Version(sentence)) => return Err(ApiError::BadRequest(sentence)),
        Some(Mismatch::Kind { kind, version, sentence, node }) => {
            // What is wrong with an object of that kind is found before the kind is.
            let faulty = node.and_then(|node| match attempt(body, encoding, node) {
                Err(Fault::Value(sentence)) => Some(sentence),
                _ => None,
            });
            return Err(refused(&kind, &version, &faulty.unwrap_or(sentence)));
        }
    }
    match decoded {
        Ok(decoded) => {
            settle(&decoded.strict, directive, warnings)
                .map_err(|sentence| refused(expected.kind, expected.version, &sentence))?;
            Ok(decoded.value)
        }
        Err(Fault::Value(sentence)) => Err(refused(expected.kind, expected.version, &sentence)),
        Err(Fault::Unreadable(sentence)) => Err(unrecognised(&sentence)),
    }
}

/// Reads the body as what `node` describes.
fn attempt(body: &[u8], encoding: Encoding, node: &Node) -> Result<Decoded, Fault> {
    match encoding {
        Encoding::Json => json::decode(body, node).map_err(Fault::from),
        Encoding::Yaml => yaml::decode(body, node).map_err(|error| match error {
            yaml::Error::Yaml(error) => Fault::Unreadable(error.to_string()),
            yaml::Error::Decode(error) => Fault::from(error),
        }),
        Encoding::Protobuf => {
            protobuf::Envelope::read(body).map_err(|error| Fault::Unreadable(error.to_string()))?;
            let read =
                protobuf::decode_object(body, |_| Some(node)).map_err(|error| Fault::Value(error.to_string()))?;
            Ok(Decoded { value: read.unwrap_or_default(), strict: Vec::new() })
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

/// `apiVersion` and `kind` in a body, as far as they can be read.
///
/// # Errors
/// The sentence, where they can't be what they are to be.
fn own_names(body: &[u8], encoding: Encoding, decoded: Option<&Decoded>) -> Result<Names, String> {
    match (decoded, encoding) {
        (Some(decoded), Encoding::Json | Encoding::Yaml) => Names::of(&decoded.value),
        (None, Encoding::Json) => {
            json::decode_any(body).map_or_else(|_| Ok(Names::default()), |read| Names::of(&read.value))
        }
        (None, Encoding::Yaml) => {
            yaml::to_json(body).map_or_else(|_| Ok(Names::default()), |read| Names::of(&read.value))
        }
        (_, Encoding::Protobuf) => Ok(protobuf::Envelope::read(body)
            .map(|envelope| Names { api_version: envelope.api_version.to_owned(), kind: envelope.kind.to_owned() })
            .unwrap_or_default()),
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
    use howdah_api::schema::builtin;

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
                r#"{"kind":"Secret","apiVersion":"v1","data":{"k":"v"}}"#,
                r#"Secret in version "v1" cannot be handled as a ConfigMap: illegal base64 data at input byte 0"#,
            ),
            (
                r#"{"kind":5}"#,
                r#"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":5})"#,
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
