//! What is wrong with a field, in upstream's words (k8s.io/apimachinery/pkg/util/validation/field).

use std::fmt;

use serde_json::Value;

use super::FieldPath;
use crate::go::quote;

/// All that is wrong with an object, in the order in which it was found.
pub type Errors = Vec<FieldError>;

/// What is wrong with one field. Display is upstream's sentence, `field: body`.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The field's path.
    pub field: String,
    /// The value that is wrong, where the sentence shows one.
    pub value: Option<Value>,
    /// What is said behind it; may be empty.
    pub detail: String,
}

/// The kinds of error; clients read their names as the causes' reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the API's words")]
pub enum ErrorKind {
    NotFound,
    Required,
    Duplicate,
    Invalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooShort,
    TooMany,
    TooFew,
    Internal,
    TypeInvalid,
}

impl ErrorKind {
    /// The cause's reason on the wire.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooShort => "FieldValueTooShort",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::Internal => "InternalError",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooShort => "Too short",
            Self::TooMany => "Too many",
            Self::TooFew => "Too few",
            Self::Internal => "Internal error",
        }
    }
}

impl FieldError {
    fn new(kind: ErrorKind, path: &FieldPath<'_>, value: Option<Value>, detail: impl Into<String>) -> Self {
        Self { kind, field: path.to_string(), value, detail: detail.into() }
    }

    /// The value is malformed or out of bounds.
    #[must_use]
    pub fn invalid(path: &FieldPath<'_>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, path, Some(value.into()), detail)
    }

    /// The value has the wrong type.
    #[must_use]
    pub fn type_invalid(path: &FieldPath<'_>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::TypeInvalid, path, Some(value.into()), detail)
    }

    /// A value is missing.
    #[must_use]
    pub fn required(path: &FieldPath<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Required, path, None, detail)
    }

    /// The value may only stand once.
    #[must_use]
    pub fn duplicate(path: &FieldPath<'_>, value: impl Into<Value>) -> Self {
        Self::new(ErrorKind::Duplicate, path, Some(value.into()), "")
    }

    /// What the value names is not there.
    #[must_use]
    pub fn not_found(path: &FieldPath<'_>, value: impl Into<Value>) -> Self {
        Self::new(ErrorKind::NotFound, path, Some(value.into()), "")
    }

    /// The value is none of `supported`, in the order in which the sentence lists them.
    #[must_use]
    pub fn not_supported<T: AsRef<str>>(path: &FieldPath<'_>, value: impl Into<Value>, supported: &[T]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|value| quote(value.as_ref())).collect();
        let detail = if quoted.is_empty() { String::new() } else { format!("supported values: {}", quoted.join(", ")) };
        Self::new(ErrorKind::NotSupported, path, Some(value.into()), detail)
    }

    /// The value is not allowed here.
    #[must_use]
    pub fn forbidden(path: &FieldPath<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, path, None, detail)
    }

    /// The value has more than `most` bytes. It isn't shown.
    #[must_use]
    pub fn too_long(path: &FieldPath<'_>, most: usize) -> Self {
        let unit = if most == 1 { "byte" } else { "bytes" };
        Self::new(ErrorKind::TooLong, path, None, format!("may not be more than {most} {unit}"))
    }

    /// The value has more than `most` characters. It isn't shown.
    #[must_use]
    pub fn too_long_characters(path: &FieldPath<'_>, most: usize) -> Self {
        let unit = if most == 1 { "character" } else { "characters" };
        Self::new(ErrorKind::TooLong, path, None, format!("may not be more than {most} {unit}"))
    }

    /// The value has fewer than `least` characters. It isn't shown.
    #[must_use]
    pub fn too_short(path: &FieldPath<'_>, least: usize) -> Self {
        let unit = if least == 1 { "character" } else { "characters" };
        Self::new(ErrorKind::TooShort, path, None, format!("must be at least {least} {unit}"))
    }

    /// The list has `actual` elements and may have `most`.
    #[must_use]
    pub fn too_many(path: &FieldPath<'_>, actual: usize, most: usize) -> Self {
        let unit = if most == 1 { "item" } else { "items" };
        Self::new(ErrorKind::TooMany, path, Some(actual.into()), format!("must have at most {most} {unit}"))
    }

    /// The list has `actual` elements and must have `least`.
    #[must_use]
    pub fn too_few(path: &FieldPath<'_>, actual: usize, least: usize) -> Self {
        let unit = if least == 1 { "item" } else { "items" };
        Self::new(ErrorKind::TooFew, path, Some(actual.into()), format!("must have at least {least} {unit}"))
    }

    /// Something failed that isn't the client's fault.
    #[must_use]
    pub fn internal(path: &FieldPath<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, path, None, detail)
    }

    /// The sentence without the field: what a cause of a `Status` carries as its message.
    #[must_use]
    pub fn body(&self) -> String {
        let mut text = self.kind.words().to_owned();
        match &self.value {
            Some(Value::String(value)) => text.push_str(&format!(": {}", quote(value))),
            Some(value) => text.push_str(&format!(": {}", json(value))),
            None => {}
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

/// The value as Go writes it: fields in the order in which they stand here, which is the caller's business, and `<`, `>`
/// and `&` escaped.
fn json(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sentences_are_upstreams() {
        let path = FieldPath::new("spec");
        let replicas = path.child("replicas");
        let rows = [
            (
                FieldError::invalid(&replicas, -1, "must be greater than or equal to 0"),
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
            (FieldError::required(&replicas, ""), "spec.replicas: Required value"),
            (FieldError::duplicate(&replicas, "a\"b"), r#"spec.replicas: Duplicate value: "a\"b""#),
            (
                FieldError::not_supported(&replicas, "x", &["A", "B"]),
                r#"spec.replicas: Unsupported value: "x": supported values: "A", "B""#,
            ),
            (FieldError::invalid(&replicas, json!({"a": 1}), "no"), r#"spec.replicas: Invalid value: {"a":1}: no"#),
            (FieldError::too_long(&replicas, 63), "spec.replicas: Too long: may not be more than 63 bytes"),
            (
                FieldError::invalid(&replicas, json!({"b": "<&>", "a": [1, null]}), "no"),
                r#"spec.replicas: Invalid value: {"b":"\u003c\u0026\u003e","a":[1,null]}: no"#,
            ),
            (
                FieldError::too_long_characters(&replicas, 1),
                "spec.replicas: Too long: may not be more than 1 character",
            ),
            (FieldError::too_short(&replicas, 2), "spec.replicas: Too short: must be at least 2 characters"),
            (FieldError::too_many(&replicas, 4, 3), "spec.replicas: Too many: 4: must have at most 3 items"),
            (FieldError::too_few(&replicas, 0, 1), "spec.replicas: Too few: 0: must have at least 1 item"),
            (FieldError::forbidden(&replicas, "not now"), "spec.replicas: Forbidden: not now"),
        ];
        for (error, text) in rows {
            assert_eq!(error.to_string(), text);
        }
    }
}
