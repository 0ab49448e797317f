//! What the fuzzers see of the registry's inside. Compiled for them alone.

use howdah_api::KeyPrefix;
use howdah_api::schema::builtin::Kind;
use serde_json::Value;

use super::super::body::{self, Expected};
use super::continue_token;
use crate::negotiation::Encoding;
use crate::registry::option::Directive;
use crate::status::ApiError;

/// A continue token read and written again; `None` where it is none.
#[must_use]
pub fn reencoded_token(token: &str, prefix: &KeyPrefix) -> Option<String> {
    let place = continue_token::decode(token, prefix).ok()?;
    Some(continue_token::encode(&place.after, prefix, place.revision))
}

/// The object in a body, and the warnings about it.
///
/// # Errors
/// 400.
pub fn decoded_body(
    body: &[u8],
    encoding: Encoding,
    kind: &Kind,
    directive: Directive,
) -> Result<(Value, Vec<String>), ApiError> {
    let expected = Expected { group: kind.group, version: kind.version, kind: kind.kind, node: kind.node };
    let mut warnings = Vec::new();
    body::decode(body, encoding, expected, directive, &mut warnings).map(|value| (value, warnings))
}
