//! The options of requests: read from the query (or, for deletes, from the body) and checked with upstream's sentences.
//!
//! A query's value that can't be read is a 400; options that break rules are a 422 about `CreateOptions` and its like.
//! Unknown parameters are passed over. Source: apimachinery, `pkg/apis/meta/v1/validation` and `internalversion`.

pub mod delete;
pub mod list;
pub mod write;

use howdah_api::validation::{Errors, FieldError, FieldPath};
use serde_json::Value;

use crate::query::Query;
use crate::status::ApiError;

pub use delete::{DeleteOptions, Propagation};
pub use list::{ListOptions, Match};
pub use write::{Directive, WriteOptions};

/// The longest name of a field manager, in bytes.
const MAX_MANAGER_BYTES: usize = 128;

/// A number of the query; `None` where it is absent.
fn integer(query: &Query, name: &str) -> Result<Option<i64>, ApiError> {
    let Some(text) = query.get(name) else { return Ok(None) };
    parse_integer(text).map(Some).map_err(ApiError::BadRequest)
}

/// A whole number as Go's `strconv.ParseInt` reads it.
pub(super) fn parse_integer(text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseInt: parsing {}: {why}", howdah_api::go::quote(text))
    })
}

/// A revision as Go's `strconv.ParseUint` reads it.
pub(super) fn parse_revision(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let quoted = || howdah_api::go::quote(text);
    match text.parse::<u64>() {
        Ok(number) if digits => Ok(number),
        Err(_) if digits => Err(format!("strconv.ParseUint: parsing {}: value out of range", quoted())),
        _ => Err(format!("strconv.ParseUint: parsing {}: invalid syntax", quoted())),
    }
}

/// A flag that may be absent.
fn flag(query: &Query, name: &str) -> Option<bool> {
    query.contains(name).then(|| query.flag(name))
}

/// 422 where something is wrong with options of this kind.
fn check(kind: &str, errors: &Errors) -> Result<(), ApiError> {
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid("meta.k8s.io", kind, "", errors)) }
}

fn check_dry_run(values: &[String], errors: &mut Errors) {
    if values.iter().any(|value| value != "All") {
        let given = Value::from(values.to_vec());
        errors.push(FieldError::not_supported(&FieldPath::new("dryRun"), given, &["All"]));
    }
}

fn check_manager(name: &str, errors: &mut Errors) {
    let path = FieldPath::new("fieldManager");
    if name.len() > MAX_MANAGER_BYTES {
        errors.push(FieldError::too_long(&path, MAX_MANAGER_BYTES));
    }
    for (at, character) in name.char_indices().filter(|(_, character)| !is_printable(*character)) {
        let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(character));
        errors.push(FieldError::invalid(&path, name, detail));
    }
}

/// What Go's `unicode.IsPrint` lets through, as far as this can be told without its tables.
fn is_printable(character: char) -> bool {
    character == ' ' || !(character.is_control() || character.is_whitespace() || character == '\u{fffd}')
}

/// Who writes: the request's field manager, else the user agent up to its first slash.
#[must_use]
pub fn manager_or_user_agent(manager: &str, user_agent: &str) -> String {
    if !manager.is_empty() {
        return manager.to_owned();
    }
    let mut name = String::new();
    let agent = user_agent.split('/').next().unwrap_or_default();
    for character in agent.chars().filter(|character| is_printable(*character)) {
        if name.len() + character.len_utf8() > MAX_MANAGER_BYTES {
            break;
        }
        name.push(character);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        let rows = [
            ("12", Ok(12)),
            ("-1", Ok(-1)),
            ("", Err(r#"strconv.ParseInt: parsing "": invalid syntax"#)),
            ("1s", Err(r#"strconv.ParseInt: parsing "1s": invalid syntax"#)),
            ("9999999999999999999", Err(r#"strconv.ParseInt: parsing "9999999999999999999": value out of range"#)),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_integer(text), expected.map_err(str::to_owned), "{text}");
        }
        assert_eq!(parse_revision("7"), Ok(7));
        assert_eq!(parse_revision("-7"), Err(r#"strconv.ParseUint: parsing "-7": invalid syntax"#.to_owned()));
    }

    #[test]
    fn the_user_agent_stands_in_for_the_manager() {
        assert_eq!(manager_or_user_agent("me", "kubectl/1"), "me");
        assert_eq!(manager_or_user_agent("", "kubectl/v1.37 (linux)"), "kubectl");
        assert_eq!(manager_or_user_agent("", "a\u{7}b"), "ab");
        assert_eq!(manager_or_user_agent("", &"x".repeat(200)).len(), MAX_MANAGER_BYTES);
    }
}
