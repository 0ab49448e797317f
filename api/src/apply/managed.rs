//! `metadata.managedFields`: reading it into owners, and writing it.
//!
//! An owner is told apart by manager, operation and subresource and, unless it applies, by version: who applies owns one
//! set, whatever version it applied in last.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Operation;
use super::element::write_string;
use super::field_set::FieldSet;
use super::field_set_json::FieldSetError;
use crate::go;
use crate::schema::Node;
use crate::time::{Layout, Time};

/// Who owns a set of fields. Ordered as upstream orders them, by the JSON of what tells them apart.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    text: Arc<str>,
    pub(super) manager: Arc<str>,
    pub(super) operation: Operation,
    pub(super) subresource: Arc<str>,
}

/// What an owner owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) fields: FieldSet,
    /// The version whose field names these are.
    pub(super) api_version: Arc<str>,
    pub(super) time: Option<Time>,
}

/// All owners.
pub(super) type Managed = BTreeMap<Identity, Owned>;

/// Why `managedFields` can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManagedFieldsError {
    /// An operation other than the two.
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    /// No version.
    #[error("apiVersion must not be empty")]
    ApiVersion,
    /// No fieldsType.
    #[error("missing fieldsType in managed fields entry {0}")]
    MissingType(usize),
    /// A fieldsType other than FieldsV1.
    #[error("invalid fieldsType {} in managed fields entry {index}", go::quote(.found))]
    InvalidType {
        /// The entry's place.
        index: usize,
        /// Its fieldsType.
        found: String,
    },
    /// The fields are no field set.
    #[error("error decoding versioned set from {manager}: error decoding set: {error}")]
    Set {
        /// The entry's manager.
        manager: String,
        /// What is wrong.
        error: FieldSetError,
    },
    /// An entry that is no object of strings and fields.
    #[error("malformed managed fields entry {0}")]
    Malformed(usize),
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

impl Identity {
    pub(super) fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        let mut text = String::from("{");
        let fields = [
            ("manager", manager),
            ("operation", operation.as_str()),
            ("apiVersion", api_version),
            ("subresource", subresource),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&format!("\"{name}\":"));
            write_string(&mut text, value, true);
        }
        text.push('}');
        Self { text: text.into(), manager: manager.into(), operation, subresource: subresource.into() }
    }
}

impl Ord for Identity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Identity {}

/// Whether `managedFields`, a list or null, can be read.
///
/// # Errors
/// [`ManagedFieldsError`] for the first entry that can't.
pub fn check_managed_fields(list: &Value) -> Result<(), ManagedFieldsError> {
    decode(list.as_array().map(Vec::as_slice)).map(drop)
}

/// Keeps a request to forget all owners (`managedFields: []`) from being lost when the object is brought into the
/// answered form, which has no empty lists: it becomes `[{}]`, which asks for the same.
pub fn keep_reset(object: &mut Value) {
    if let Some(Value::Array(list)) = object.pointer_mut("/metadata/managedFields")
        && list.is_empty()
    {
        list.push(Value::Object(Map::new()));
    }
}

/// The entries of an object, if it has such a list.
pub(super) fn entries(object: &Value) -> Option<&[Value]> {
    object.get("metadata")?.get("managedFields")?.as_array().map(Vec::as_slice)
}

/// Whether the entries ask for forgetting all owners.
pub(super) fn is_reset(entries: &[Value]) -> bool {
    let is_nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
    match entries {
        [] => true,
        [Value::Object(only)] => only.values().all(is_nothing),
        _ => false,
    }
}

pub(super) fn decode(entries: Option<&[Value]>) -> Result<Managed, ManagedFieldsError> {
    let mut managed = Managed::new();
    for (index, entry) in entries.unwrap_or_default().iter().enumerate() {
        let text = |name: &str| match entry.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            None | Some(Value::Null) if entry.is_object() => Ok(""),
            _ => Err(ManagedFieldsError::Malformed(index)),
        };
        let operation = match text("operation")? {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err(ManagedFieldsError::Operation),
        };
        let (manager, api_version) = (text("manager")?, text("apiVersion")?);
        if api_version.is_empty() {
            return Err(ManagedFieldsError::ApiVersion);
        }
        match text("fieldsType")? {
            "FieldsV1" => {}
            "" => return Err(ManagedFieldsError::MissingType(index)),
            other => return Err(ManagedFieldsError::InvalidType { index, found: other.to_owned() }),
        }
        let time = match text("time")? {
            "" => None,
            time => Some(Time::parse(time, Layout::Seconds).map_err(|_| ManagedFieldsError::Malformed(index))?),
        };
        let fields = FieldSet::from_value(entry.get("fieldsV1").unwrap_or(&Value::Null));
        let fields = fields.map_err(|error| ManagedFieldsError::Set { manager: manager.to_owned(), error })?;
        let identity = Identity::new(manager, operation, api_version, text("subresource")?);
        managed.insert(identity, Owned { fields, api_version: api_version.into(), time });
    }
    Ok(managed)
}

/// In which order the keys of a field set are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyOrder {
    /// That of path elements, as Go's types keep it.
    Elements,
    /// That of their texts: custom resources are maps in Go, whose keys are sorted.
    Texts,
}

impl KeyOrder {
    /// The order for objects with this schema.
    pub(super) fn of(node: &Node) -> Self {
        if node.as_struct().is_some_and(|of| !of.name.is_empty()) { Self::Elements } else { Self::Texts }
    }
}

/// Writes the owners into an object: those who apply first, then by time, manager, version and subresource.
pub(super) fn encode_into(object: &mut Value, managed: &Managed, order: KeyOrder) {
    let mut owners: Vec<_> = managed.iter().collect();
    let seconds = |owned: &Owned| owned.time.map_or(0, |time| time.seconds);
    owners.sort_by(|(a, owned_a), (b, owned_b)| {
        (a.operation, seconds(owned_a), &a.manager, &owned_a.api_version, &a.subresource).cmp(&(
            b.operation,
            seconds(owned_b),
            &b.manager,
            &owned_b.api_version,
            &b.subresource,
        ))
    });
    let list = owners.into_iter().map(|(identity, owned)| entry(identity, owned, order)).collect();
    set_entries(object, Some(list).filter(|list: &Vec<_>| !list.is_empty()));
}

/// Sets the entries of an object as they are, or takes them away.
pub(super) fn set_entries(object: &mut Value, entries: Option<Vec<Value>>) {
    let Value::Object(object) = object else { return };
    match entries {
        Some(list) => {
            let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(metadata) = metadata {
                metadata.insert("managedFields".to_owned(), Value::Array(list));
            }
        }
        None => {
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                metadata.shift_remove("managedFields");
            }
        }
    }
}

fn entry(identity: &Identity, owned: &Owned, order: KeyOrder) -> Value {
    let mut fields = owned.fields.to_value();
    if order == KeyOrder::Texts {
        fields.sort_all_objects();
    }
    let mut map = Map::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            map.insert(name.to_owned(), Value::from(value));
        }
    };
    put("manager", &identity.manager);
    put("operation", identity.operation.as_str());
    put("apiVersion", &owned.api_version);
    put("time", &owned.time.map(|time| time.format(Layout::Seconds)).unwrap_or_default());
    put("fieldsType", "FieldsV1");
    map.insert("fieldsV1".to_owned(), fields);
    if !identity.subresource.is_empty() {
        map.insert("subresource".to_owned(), Value::from(&*identity.subresource));
    }
    Value::Object(map)
}
