//! CreateOptions, UpdateOptions, PatchOptions.

use howdah_api::validation::{Errors, FieldError, FieldPath};

use super::{check, check_dry_run, check_manager, flag};
use crate::query::Query;
use crate::status::ApiError;

/// What is done about unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// They are dropped.
    Ignore,
    /// They are dropped, and the client is warned.
    Warn,
    /// They are refused.
    Strict,
}

/// The options of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether nothing is to be stored.
    pub dry_run: bool,
    /// Who the client says it is; empty where it doesn't.
    pub field_manager: String,
    /// What is done about unknown and duplicate fields.
    pub validation: Directive,
    /// For apply: whether fields are taken from their owners.
    pub force: bool,
}

impl WriteOptions {
    /// The options of a create.
    ///
    /// # Errors
    /// 422.
    pub fn create(query: &Query) -> Result<Self, ApiError> {
        Self::read(query, "CreateOptions", Errors::new())
    }

    /// The options of an update.
    ///
    /// # Errors
    /// 422.
    pub fn update(query: &Query) -> Result<Self, ApiError> {
        Self::read(query, "UpdateOptions", Errors::new())
    }

    /// The options of a patch; `applies`: of a server-side apply.
    ///
    /// # Errors
    /// 422.
    pub fn patch(query: &Query, applies: bool) -> Result<Self, ApiError> {
        let mut errors = Errors::new();
        if applies && query.get("fieldManager").is_none_or(str::is_empty) {
            errors.push(FieldError::required(&FieldPath::new("fieldManager"), "is required for apply patch"));
        }
        if !applies && query.contains("force") {
            errors.push(FieldError::forbidden(&FieldPath::new("force"), "may not be specified for non-apply patch"));
        }
        Self::read(query, "PatchOptions", errors)
    }

    fn read(query: &Query, kind: &str, mut errors: Errors) -> Result<Self, ApiError> {
        let field_manager = query.get("fieldManager").unwrap_or_default().to_owned();
        check_manager(&field_manager, &mut errors);
        let dry_run: Vec<String> = query.all("dryRun").map(str::to_owned).collect();
        check_dry_run(&dry_run, &mut errors);
        let validation = match query.get("fieldValidation").unwrap_or_default() {
            "" | "Warn" => Directive::Warn,
            "Ignore" => Directive::Ignore,
            "Strict" => Directive::Strict,
            other => {
                let path = FieldPath::new("fieldValidation");
                errors.push(FieldError::not_supported(&path, other, &["", "Ignore", "Strict", "Warn"]));
                Directive::Warn
            }
        };
        check(kind, &errors)?;
        let force = flag(query, "force").unwrap_or_default();
        Ok(Self { dry_run: !dry_run.is_empty(), field_manager, validation, force })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_checked_in_upstreams_words() {
        let refused = |read: Result<WriteOptions, ApiError>| read.unwrap_err().status().message.unwrap();
        let create = |query: &str| WriteOptions::create(&Query::parse(query));
        let patch = |query: &str, applies| WriteOptions::patch(&Query::parse(query), applies);
        let rows = [
            (
                refused(create("dryRun=Some")),
                r#"CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All""#,
            ),
            (
                refused(create("fieldValidation=No")),
                r#"CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "No": supported values: "", "Ignore", "Strict", "Warn""#,
            ),
            (
                refused(create("fieldManager=a%07")),
                "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: \"a\\a\": invalid character U+0007 (at position 1)",
            ),
            (
                refused(patch("", true)),
                r#"PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch"#,
            ),
            (
                refused(patch("force=true", false)),
                r#"PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch"#,
            ),
        ];
        for (found, expected) in rows {
            assert_eq!(found, expected);
        }
        let options = patch("fieldManager=me&force=1&dryRun=All&fieldValidation=Strict", true).unwrap();
        let expected =
            WriteOptions { dry_run: true, field_manager: "me".into(), validation: Directive::Strict, force: true };
        assert_eq!(options, expected);
    }
}
