//! Patches: their content types, reading them, and what they make of an object.

use bytes::Bytes;
use howdah_api::apply::{self, ApplyError, Manager, Reset};
use howdah_api::codec::json::StrictError;
use howdah_api::codec::{json, yaml};
use howdah_api::patch::{self, PatchError};
use howdah_api::schema::Node;
use howdah_api::validation::{FieldError, FieldPath};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;
use serde_json::Value;

use super::step::{Writer, manager, reset, settle};
use crate::registry::body::{settle as settle_findings, strict_sentence};
use crate::registry::call::Call;
use crate::registry::convert;
use crate::registry::option::{Directive, WriteOptions};
use crate::status::ApiError;

/// The kinds of patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) enum Kind {
    Json,
    Merge,
    Strategic,
    Apply,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Json, Self::Merge, Self::Strategic, Self::Apply];

    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json-patch+json",
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
            Self::Apply => "application/apply-patch+yaml",
        }
    }

    /// The kind of a `Content-Type`.
    ///
    /// # Errors
    /// 415, with the list of them.
    pub(in crate::registry) fn of(content_type: &str) -> Result<Self, ApiError> {
        let media_type = content_type.split(';').next().unwrap_or_default();
        let found = Self::ALL.into_iter().find(|kind| kind.media_type() == media_type);
        let all = || Self::ALL.into_iter().map(|kind| kind.media_type().to_owned()).collect();
        found.ok_or_else(|| ApiError::UnsupportedMediaType(all()))
    }
}

/// A patch that has been read.
pub(in crate::registry) struct Patch {
    kind: Kind,
    bytes: Bytes,
    /// For all but JSON patches, whose operations are read when they are applied.
    tree: Value,
    /// What strict validation finds in the patch itself.
    findings: Vec<StrictError>,
}

impl Patch {
    /// Reads a patch.
    ///
    /// # Errors
    /// 400.
    pub(in crate::registry) fn read(kind: Kind, bytes: Bytes) -> Result<Self, ApiError> {
        let refused = |text: String| ApiError::BadRequest(text);
        if kind == Kind::Apply {
            let read = yaml::to_json(&bytes).map_err(|error| refused(format!("error encoding patch: {error}")))?;
            if !read.value.is_object() {
                let found = go_type(&read.value);
                let text = format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}");
                return Err(refused(format!("error decoding patch: {text}")));
            }
            let lines: String = read.duplicates.iter().map(|line| format!("\n  {line}")).collect();
            let head = "error converting YAML to JSON: yaml: unmarshal errors:";
            let finding = (!read.duplicates.is_empty()).then(|| StrictError::Yaml(format!("{head}{lines}")));
            return Ok(Self { kind, bytes, tree: read.value, findings: finding.into_iter().collect() });
        }
        let read = json::decode_any(&bytes).map_err(|_| refused("invalid JSON patch".to_owned()))?;
        if kind != Kind::Json && !read.value.is_object() {
            let found = go_type(&read.value);
            let text = format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}");
            let head = if kind == Kind::Merge { "error decoding patch: " } else { "" };
            return Err(refused(format!("{head}{text}")));
        }
        Ok(Self { kind, bytes, tree: read.value, findings: read.strict })
    }

    /// Whether it is a server-side apply.
    pub(in crate::registry) fn is_apply(&self) -> bool {
        self.kind == Kind::Apply
    }

    /// The object that the patch makes of `existing`, both in the stored version, with its defaults.
    pub(super) fn object(
        &self,
        call: &Call<'_>,
        options: &WriteOptions,
        existing: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let served = call.served();
        let live = existing.map(|existing| convert::to_served(served, existing.clone()));
        let patched = match (self.kind, &live) {
            (Kind::Apply, live) => self.apply(call, options, live.as_ref())?,
            (_, None) => return Err(ApiError::NotFound(call.route.subject())),
            (_, Some(live)) => self.made_of(call, options, live, served.node)?,
        };
        let mut object = convert::to_stored(served, patched);
        settle(served, &mut object)?;
        Ok(object)
    }

    /// JSON, merge and strategic patches: what comes out has to fit the schema again.
    pub(in crate::registry) fn made_of(
        &self,
        call: &Call<'_>,
        options: &WriteOptions,
        live: &Value,
        node: &Node,
    ) -> Result<Value, ApiError> {
        let patched = match self.kind {
            Kind::Json => patch::json(live, &self.bytes).map_err(|error| refused(&error))?,
            Kind::Strategic => patch::strategic(live, &self.tree, node).map_err(|error| refused(&error))?,
            _ => patch::merge(live, &self.tree),
        };
        let text = json::encode_any(&patched);
        let shown = || match self.kind {
            Kind::Strategic => go_text(&self.tree),
            _ => String::from_utf8_lossy(&text).into_owned(),
        };
        let invalid = |why: String| {
            let error = FieldError::invalid(&FieldPath::new("patch"), shown(), why);
            ApiError::invalid("", "", "", [&error])
        };
        let decoded = json::decode(&text, node).map_err(|error| invalid(error.to_string()))?;
        let mut findings = self.own_findings();
        findings.extend(decoded.strict.iter().map(ToString::to_string));
        match options.validation {
            Directive::Ignore => {}
            Directive::Warn => call.warn(findings),
            Directive::Strict if findings.is_empty() => {}
            Directive::Strict => return Err(invalid(format!("strict decoding error: {}", findings.join(", ")))),
        }
        Ok(decoded.value)
    }

    fn own_findings(&self) -> Vec<String> {
        let json = self.kind == Kind::Json;
        let named = |text: String| if json { format!("json patch {text}") } else { text };
        let mut findings: Vec<String> = self.findings.iter().map(|finding| named(finding.to_string())).collect();
        let operations = self.tree.as_array().filter(|_| json).map(Vec::as_slice).unwrap_or_default();
        for (index, operation) in operations.iter().enumerate() {
            let members = operation.as_object().into_iter().flat_map(|members| members.keys());
            let unknown = members.filter(|name| !matches!(name.as_str(), "op" | "path" | "from" | "value"));
            findings.extend(unknown.map(|name| named(StrictError::Unknown(format!("[{index}].{name}")).to_string())));
        }
        findings
    }

    fn apply(&self, call: &Call<'_>, options: &WriteOptions, live: Option<&Value>) -> Result<Value, ApiError> {
        let served = call.served();
        let api_version = served.api_version();
        let writer =
            Writer { name: &options.field_manager, api_version: &api_version, operation: apply::Operation::Apply };
        let reset = reset(served, call.route.subresource_name())?;
        let manager = manager(call, &writer);
        let applied = self.applied_to(live, served.node, &manager, options.force, reset)?;
        let mut warnings = Vec::new();
        settle_findings(&self.findings, options.validation, &mut warnings).map_err(|_| {
            // The patch's own decoder speaks here, without the frame of strict decoding.
            let sentence = strict_sentence(&self.findings);
            let sentence = sentence.strip_prefix("strict decoding error: ").unwrap_or(&sentence).to_owned();
            ApiError::BadRequest(format!("error strict decoding patch: {sentence}"))
        })?;
        call.warn(warnings);
        Ok(applied)
    }
}

impl Patch {
    /// What a server-side apply makes of `live`, managedFields included.
    pub(in crate::registry) fn applied_to(
        &self,
        live: Option<&Value>,
        node: &Node,
        manager: &Manager<'_>,
        force: bool,
        reset: Reset<'_>,
    ) -> Result<Value, ApiError> {
        apply::apply(live, &self.tree, node, manager, force, reset).map_err(apply_error)
    }
}

fn refused(error: &PatchError) -> ApiError {
    match error {
        PatchError::BadRequest(text) => ApiError::BadRequest(text.clone()),
        PatchError::TooLarge(text) => ApiError::TooLarge(text.clone()),
        PatchError::Invalid(text) => {
            tracing::debug!(error = %text, "a patch can't be applied");
            ApiError::rejected()
        }
        PatchError::Internal(text) => ApiError::Unforeseen(text.clone()),
    }
}

fn apply_error(error: ApplyError) -> ApiError {
    let message = error.to_string();
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts.causes().into_iter().map(|cause| StatusCause {
                field: Some(cause.field),
                message: Some(cause.message),
                reason: Some("FieldManagerConflict".to_owned()),
            });
            ApiError::apply_conflict(message, causes.collect())
        }
        ApplyError::WrongKind(_) | ApplyError::ManagedFields => ApiError::BadRequest(message),
        _ => ApiError::Unforeseen(message),
    }
}

/// Go's word for a value that is no object.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A tree as Go prints a map: `map[a:1 b:[x y]]`.
fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => format!("[{}]", list.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name}:{}", go_text(value))).collect();
            format!("map[{}]", members.join(" "))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_types_are_upstreams() {
        assert_eq!(Kind::of("application/merge-patch+json; charset=utf-8"), Ok(Kind::Merge));
        assert_eq!(Kind::of("application/apply-patch+yaml"), Ok(Kind::Apply));
        let refused = Kind::of("application/json").unwrap_err().status().message.unwrap();
        assert_eq!(
            refused,
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
        );
    }

    #[test]
    fn patches_are_read() {
        let refused = |kind, text: &'static str| {
            let read = Patch::read(kind, Bytes::from_static(text.as_bytes()));
            read.err().and_then(|error| error.status().message)
        };
        let unmarshal = "json: cannot unmarshal array into Go value of type map[string]interface {}";
        let rows = [
            (Kind::Json, "nonsense", Some("invalid JSON patch".to_owned())),
            (Kind::Merge, "[]", Some(format!("error decoding patch: {unmarshal}"))),
            (Kind::Strategic, "[]", Some(unmarshal.to_owned())),
            (Kind::Apply, "- a", Some(format!("error decoding patch: {unmarshal}"))),
            (Kind::Json, "[]", None),
            (Kind::Apply, "a: 1", None),
        ];
        for (kind, text, expected) in rows {
            assert_eq!(refused(kind, text), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn findings_name_the_operation() {
        let text = br#"[{"op":"add","path":"/a","value":1,"extra":2,"op":"add"}]"#;
        let patch = Patch::read(Kind::Json, Bytes::from_static(text)).unwrap();
        let expected = [r#"json patch duplicate field "[0].op""#, r#"json patch unknown field "[0].extra""#];
        assert_eq!(patch.own_findings(), expected);
    }

    #[test]
    fn trees_print_as_gos_maps() {
        let tree = json!({"spec":{"b":null,"a":[1,"x",true]}});
        assert_eq!(go_text(&tree), "map[spec:map[a:[1 x true] b:<nil>]]");
    }
}
