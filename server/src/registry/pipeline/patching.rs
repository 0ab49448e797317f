//! Patches: their content types, reading them, and what they make of an object.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::header;
use bytes::Bytes;
use howdah_api::apply::{self, ApplyError, Manager, Reset};
use howdah_api::codec::json::{StrictError, go_word};
use howdah_api::codec::{json, yaml};
use howdah_api::patch::{self, PatchError};
use howdah_api::schema::Node;
use howdah_api::validation::{FieldError, FieldPath};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;
use serde_json::{Map, Value};

use super::step::{Writer, expected, manager, reset, settle};
use crate::negotiation::{names_any, text_header};
use crate::registry::body::{settle as settle_findings, strict_sentence};
use crate::registry::call::Call;
use crate::registry::convert;
use crate::registry::expected::{Expected, Mismatch, Names};
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
    /// 415: from the way to the handler where none is named, from the handler (with the list of them) where one is named
    /// among others.
    pub(in crate::registry) fn of(content_type: &str) -> Result<Self, ApiError> {
        let all: Vec<String> = Self::ALL.into_iter().map(|kind| kind.media_type().to_owned()).collect();
        if !names_any(content_type, &all) {
            return Err(ApiError::not_consumed());
        }
        let media_type = content_type.split(';').next().unwrap_or_default();
        let found = Self::ALL.into_iter().find(|kind| kind.media_type() == media_type);
        found.ok_or(ApiError::UnsupportedMediaType(all))
    }
}

/// Refuses what is no patch.
///
/// # Errors
/// 415.
pub(in crate::registry) fn check_patch_type(http: &HttpRequest) -> Result<(), ApiError> {
    Kind::of(text_header(http, &header::CONTENT_TYPE).unwrap_or_default()).map(drop)
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
            let lines: String = read.duplicates.iter().map(|line| format!("\n  {line}")).collect();
            let head = "error converting YAML to JSON: yaml: unmarshal errors:";
            let finding = (!read.duplicates.is_empty()).then(|| StrictError::Yaml(format!("{head}{lines}")));
            return Ok(Self { kind, bytes, tree: read.value, findings: finding.into_iter().collect() });
        }
        let read = json::decode_any(&bytes).map_err(|_| refused("invalid JSON patch".to_owned()))?;
        Ok(Self { kind, bytes, tree: read.value, findings: read.strict })
    }

    /// Whether the patch has the shape of its kind: operations, or an object. Upstream looks at that only when it
    /// applies the patch, and at operations only in validation.
    fn check_shape(&self, directive: Directive) -> Result<(), ApiError> {
        let strict = directive != Directive::Ignore;
        let wrong = match (self.kind, &self.tree) {
            (Kind::Json, _) if !strict => None,
            (Kind::Json, tree) => wrong_operations(tree),
            (Kind::Merge, Value::Null) => return Err(ApiError::BadRequest("Invalid JSON Patch".to_owned())),
            (Kind::Merge, Value::Array(_)) if !strict => None,
            (Kind::Merge, Value::Object(_)) | (Kind::Strategic | Kind::Apply, Value::Object(_) | Value::Null) => None,
            (Kind::Merge, _) if !strict => return Err(ApiError::BadRequest("Invalid JSON Patch".to_owned())),
            (_, other) => Some(format!("{} into Go value of type map[string]interface {{}}", go_word(other))),
        };
        let head = if self.kind == Kind::Strategic { "" } else { "error decoding patch: " };
        match wrong {
            Some(wrong) => Err(ApiError::BadRequest(format!("{head}json: cannot unmarshal {wrong}"))),
            None => Ok(()),
        }
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
            (_, Some(live)) => self.made_of(call, options, live, expected(served))?,
        };
        let mut object = convert::to_stored(served, patched);
        settle(served, &mut object)?;
        Ok(object)
    }

    /// JSON, merge and strategic patches: what comes out has to be of the kind and fit its schema again.
    pub(in crate::registry) fn made_of(
        &self,
        call: &Call<'_>,
        options: &WriteOptions,
        live: &Value,
        expected: Expected<'_>,
    ) -> Result<Value, ApiError> {
        self.check_shape(options.validation)?;
        let node = expected.node;
        let patched = match self.kind {
            Kind::Json => patch::json(live, &self.bytes).map_err(|error| refused(&error))?,
            Kind::Strategic => patch::strategic(live, &self.object_tree(), node).map_err(|error| refused(&error))?,
            _ => patch::merge(live, &self.tree),
        };
        let text = json::encode_raw(&patched);
        let shown = || match self.kind {
            Kind::Strategic => go_text(&self.tree),
            _ => String::from_utf8_lossy(&text).into_owned(),
        };
        let invalid = |why: String| {
            let error = FieldError::invalid(&FieldPath::new("patch"), shown(), why);
            ApiError::invalid("", "", "", [&error])
        };
        // A strategic patch is merged into the object as its own kind, whatever it says of that.
        let another = if self.kind == Kind::Strategic { None } else { another_kind(&patched, &text, expected) };
        if let Some(sentence) = another {
            return Err(invalid(sentence));
        }
        let mut decoded = json::decode(&text, node).map_err(|error| invalid(error.to_string()))?;
        set_kind(&mut decoded.value, &live["apiVersion"], &live["kind"]);
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

    /// The patch as an object: nothing is one without fields.
    fn object_tree(&self) -> Cow<'_, Value> {
        if self.tree.is_null() { Cow::Owned(Value::Object(Map::new())) } else { Cow::Borrowed(&self.tree) }
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
        self.check_shape(options.validation)?;
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
        apply::apply(live, &self.object_tree(), node, manager, force, reset).map_err(apply_error)
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

/// What is wrong with a JSON patch's operations as Go's decoder finds it, behind `json: cannot unmarshal`.
fn wrong_operations(tree: &Value) -> Option<String> {
    let operations = match tree {
        Value::Array(operations) => operations,
        Value::Null => return None,
        other => return Some(format!("{} into Go value of type []handlers.jsonPatchOp", go_word(other))),
    };
    operations.iter().find_map(|operation| match operation {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let is_text = matches!(value, Value::String(_) | Value::Null);
            let is_wrong = matches!(name.as_str(), "op" | "path" | "from") && !is_text;
            is_wrong.then(|| format!("{} into Go struct field jsonPatchOp.{name} of type string", go_word(value)))
        }),
        Value::Null => None,
        other => Some(format!("{} into Go value of type handlers.jsonPatchOp", go_word(other))),
    })
}

/// The sentence about a patched object that is not of its kind any more.
fn another_kind(patched: &Value, text: &[u8], expected: Expected<'_>) -> Option<String> {
    let names = match Names::of(patched) {
        Ok(names) => names,
        Err(sentence) => return Some(sentence),
    };
    match expected.mismatch(&names.api_version, &names.kind)? {
        Mismatch::Unreadable(sentence) => Some(sentence),
        Mismatch::Kind { sentence, node, .. } => {
            // What is wrong with an object of that kind is found before the kind is.
            let faulty = node.and_then(|node| json::decode(text, node).err());
            Some(faulty.map_or(sentence, |error| error.to_string()))
        }
        // Another version of the kind is converted.
        Mismatch::Version(_) => None,
    }
}

/// Whatever the patch made of them, kind and version are the object's.
fn set_kind(object: &mut Value, api_version: &Value, kind: &Value) {
    for (field, value) in [("kind", kind), ("apiVersion", api_version)] {
        if let (Some(map), Value::String(_)) = (object.as_object_mut(), value) {
            map.insert(field.to_owned(), value.clone());
        }
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
        let refused = |content_type: &str| Kind::of(content_type).unwrap_err().status().message.unwrap();
        assert_eq!(refused("application/json"), "415: Unsupported Media Type");
        assert_eq!(
            refused("application/merge-patch+json, text/plain"),
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
        );
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        let refused = |kind, text: &'static str, directive| {
            let read = Patch::read(kind, Bytes::from_static(text.as_bytes()));
            read.and_then(|patch| patch.check_shape(directive)).err().and_then(|error| error.status().message)
        };
        let cannot = "json: cannot unmarshal";
        let no_map = format!("{cannot} array into Go value of type map[string]interface {{}}");
        let decoding = |why: &str| Some(format!("error decoding patch: {why}"));
        let bad = || Some("Invalid JSON Patch".to_owned());
        let (warn, ignore) = (Directive::Warn, Directive::Ignore);
        let rows = [
            (Kind::Json, "nonsense", warn, Some("invalid JSON patch".to_owned())),
            (
                Kind::Json,
                "{}",
                warn,
                decoding(&format!("{cannot} object into Go value of type []handlers.jsonPatchOp")),
            ),
            (Kind::Json, "[1]", warn, decoding(&format!("{cannot} number into Go value of type handlers.jsonPatchOp"))),
            (
                Kind::Json,
                r#"[{"op":"add","path":true}]"#,
                warn,
                decoding(&format!("{cannot} bool into Go struct field jsonPatchOp.path of type string")),
            ),
            (Kind::Json, "{}", ignore, None),
            (Kind::Json, "[]", warn, None),
            (Kind::Merge, "[]", warn, decoding(&no_map)),
            (Kind::Merge, "[]", ignore, None),
            (Kind::Merge, "1", ignore, bad()),
            (Kind::Merge, "null", warn, bad()),
            (Kind::Strategic, "[]", warn, Some(no_map.clone())),
            (Kind::Strategic, "null", warn, None),
            (Kind::Apply, "- a", warn, decoding(&no_map)),
            (Kind::Apply, "a: 1", warn, None),
        ];
        for (kind, text, directive, expected) in rows {
            assert_eq!(refused(kind, text, directive), expected, "{kind:?} {text}");
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
