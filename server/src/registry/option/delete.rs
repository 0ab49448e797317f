//! DeleteOptions, from the body or the query.

use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::builtin;
use howdah_api::validation::{Errors, FieldError, FieldPath};
use serde_json::Value;

use super::{check, check_dry_run, flag, integer};
use crate::negotiation::Encoding;
use crate::query::Query;
use crate::registry::expected::not_registered;
use crate::status::ApiError;

/// What becomes of the dependents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the API's words")]
pub enum Propagation {
    Orphan,
    Background,
    Foreground,
}

/// The options of a delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// How long the object may still run, in seconds.
    pub grace_seconds: Option<i64>,
    /// The uid that it must have.
    pub uid: Option<String>,
    /// The resourceVersion that it must have.
    pub resource_version: Option<String>,
    /// The old form of the propagation.
    pub orphan_dependents: Option<bool>,
    /// What becomes of the dependents.
    pub propagation: Option<Propagation>,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// Reads the body, or the query where there is none.
    ///
    /// # Errors
    /// 400 where they can't be read, 422 where they break rules.
    pub fn read(query: &Query, encoding: Encoding, body: &[u8]) -> Result<Self, ApiError> {
        if body.is_empty() { Self::of_query(query) } else { Self::of_tree(&decode(encoding, body)?) }
    }

    fn of_query(query: &Query) -> Result<Self, ApiError> {
        let text = |name: &str| query.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let dry_run: Vec<String> = query.all("dryRun").map(str::to_owned).collect();
        let known = Self {
            grace_seconds: integer(query, "gracePeriodSeconds")?,
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            orphan_dependents: flag(query, "orphanDependents"),
            ..Self::default()
        };
        known.checked(query.get("propagationPolicy"), &dry_run)
    }

    /// Reads options as a tree, as an eviction carries them.
    ///
    /// # Errors
    /// 422 where they break rules.
    pub fn of_tree(tree: &Value) -> Result<Self, ApiError> {
        let text = |name: &str| tree.pointer(name).and_then(Value::as_str).map(str::to_owned);
        let list = tree.get("dryRun").and_then(Value::as_array);
        let dry_run: Vec<String> =
            list.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default();
        let known = Self {
            grace_seconds: tree.get("gracePeriodSeconds").and_then(Value::as_i64),
            uid: text("/preconditions/uid"),
            resource_version: text("/preconditions/resourceVersion"),
            orphan_dependents: tree.get("orphanDependents").and_then(Value::as_bool),
            ..Self::default()
        };
        known.checked(tree.get("propagationPolicy").and_then(Value::as_str), &dry_run)
    }

    fn checked(mut self, propagation: Option<&str>, dry_run: &[String]) -> Result<Self, ApiError> {
        let mut errors = Errors::new();
        let path = FieldPath::new("propagationPolicy");
        if let (Some(_), Some(policy)) = (self.orphan_dependents, propagation) {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid(&path, policy, detail));
        }
        self.propagation = match propagation {
            None => None,
            Some("Orphan") => Some(Propagation::Orphan),
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some(other) => {
                let known = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(FieldError::not_supported(&path, other, &known));
                None
            }
        };
        check_dry_run(dry_run, &mut errors);
        check("DeleteOptions", &errors)?;
        self.dry_run = !dry_run.is_empty();
        // A negative time counts as one second.
        self.grace_seconds = self.grace_seconds.map(|seconds| if seconds < 0 { 1 } else { seconds });
        Ok(self)
    }
}

/// The body as a tree. Its kind may be that of any group, as long as it is DeleteOptions.
fn decode(encoding: Encoding, body: &[u8]) -> Result<Value, ApiError> {
    let node = builtin::named("meta/v1", "DeleteOptions").expect("the table has the type");
    let refused = |error: String| ApiError::BadRequest(error);
    let tree = match encoding {
        Encoding::Json => json::decode(body, node).map_err(|error| refused(error.to_string()))?.value,
        Encoding::Yaml => yaml::decode(body, node).map_err(|error| refused(error.to_string()))?.value,
        Encoding::Protobuf => {
            let decoded = protobuf::decode_object(body, |_| Some(node)).map_err(|error| refused(error.to_string()))?;
            decoded.unwrap_or_default()
        }
    };
    let text = |field: &str| tree.get(field).and_then(Value::as_str).unwrap_or_default();
    match text("kind") {
        "" | "DeleteOptions" => Ok(tree),
        // The options of all requests are kinds here, and objects are not.
        kind if kind.ends_with("Options") => {
            Err(refused("decoded object cannot be converted to DeleteOptions".to_owned()))
        }
        kind => Err(refused(not_registered(text("apiVersion"), kind))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, body: &str) -> Result<DeleteOptions, String> {
        let read = DeleteOptions::read(&Query::parse(query), Encoding::Json, body.as_bytes());
        read.map_err(|error| error.status().message.unwrap_or_default())
    }

    #[test]
    fn body_and_query_say_the_same() {
        let expected = DeleteOptions {
            grace_seconds: Some(1),
            uid: Some("u".into()),
            resource_version: Some("7".into()),
            orphan_dependents: None,
            propagation: Some(Propagation::Foreground),
            dry_run: true,
        };
        let query = "gracePeriodSeconds=-3&uid=u&resourceVersion=7&propagationPolicy=Foreground&dryRun=All";
        let body = r#"{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":-3,"preconditions":{"uid":"u","resourceVersion":"7"},"propagationPolicy":"Foreground","dryRun":["All"]}"#;
        assert_eq!(read(query, ""), Ok(expected.clone()));
        assert_eq!(read("gracePeriodSeconds=9", body), Ok(expected));
        assert_eq!(read("", "{}"), Ok(DeleteOptions::default()));
    }

    #[test]
    fn refusals_are_upstreams() {
        let invalid = "DeleteOptions.meta.k8s.io \"\" is invalid: ";
        let rows = [
            (
                read("propagationPolicy=Other", ""),
                format!(
                    "{invalid}propagationPolicy: Unsupported value: \"Other\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
                ),
            ),
            (
                read("propagationPolicy=Orphan&orphanDependents=true", ""),
                format!(
                    "{invalid}propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set"
                ),
            ),
            (read("gracePeriodSeconds=x", ""), r#"strconv.ParseInt: parsing "x": invalid syntax"#.to_owned()),
            (
                read("", r#"{"kind":"Pod","apiVersion":"v1"}"#),
                "no kind \"Pod\" is registered for version \"v1\" in scheme \
                 \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
                    .to_owned(),
            ),
            (
                read("", r#"{"kind":"ListOptions","apiVersion":"v1"}"#),
                "decoded object cannot be converted to DeleteOptions".to_owned(),
            ),
        ];
        for (found, expected) in rows {
            assert_eq!(found, Err(expected));
        }
    }
}
