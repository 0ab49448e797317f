//! `managedFields` of an object and of its scale.
//!
//! A scale has no owners of its own: who owns the replicas of the object owns `spec.replicas` of the scale, and a write
//! to the scale is written back to the object's owners. The flow is [`of_scale`], [`super::update`] or [`super::apply`]
//! on the scale, [`of_parent`].

use serde_json::Value;

use super::element::PathElement;
use super::field_set::FieldSet;
use super::managed::{self, KeyOrder, Managed, ManagedFieldsError, Owned};

/// The version of scales.
const API_VERSION: &str = "autoscaling/v1";

/// Where an object has its replicas, by the object's versions: a dotted path, or `None` where it has none in that
/// version.
pub type ReplicasPaths<'a> = &'a [(&'a str, Option<&'a str>)];

/// The `managedFields` of the scale, as a list or null, from those of the object.
///
/// # Errors
/// [`ManagedFieldsError`] where the object's can't be read.
pub fn of_scale(parent: &Value, paths: ReplicasPaths<'_>) -> Result<Value, ManagedFieldsError> {
    let owners = decode(parent)?.into_iter().filter_map(|(identity, owned)| {
        let path = steps(find(paths, &owned.api_version)??);
        let fields = FieldSet::from_dotted(["spec.replicas"]);
        owned.fields.has(&path).then(|| (identity, Owned { fields, api_version: API_VERSION.into(), ..owned }))
    });
    Ok(encode(&owners.collect()))
}

/// The `managedFields` of the object in version `api_version`, as a list or null, from those it had and those of its
/// scale after a write.
///
/// # Errors
/// [`ManagedFieldsError`] where either can't be read.
pub fn of_parent(
    parent: &Value,
    scale: &Value,
    api_version: &str,
    paths: ReplicasPaths<'_>,
) -> Result<Value, ManagedFieldsError> {
    let parent = decode(parent)?;
    let mut scale = decode(scale)?;
    let mut managed = Managed::new();
    for (identity, owned) in &parent {
        let Some(path) = find(paths, &owned.api_version) else { continue };
        let path = path.map(steps).filter(|path| owned.fields.has(path));
        let mut owned = owned.clone();
        if let Some(path) = path
            && scale.remove(identity).is_none()
        {
            // Somebody else has set the replicas.
            let mut replicas = FieldSet::new();
            replicas.insert(&path);
            owned.fields = owned.fields.difference(&replicas);
            if owned.fields.is_empty() {
                continue;
            }
        }
        managed.insert(identity.clone(), owned);
    }
    let replicas = steps("spec.replicas");
    let path = find(paths, api_version).flatten().map(steps).unwrap_or_default();
    for (identity, owned) in scale {
        if !owned.fields.has(&replicas) {
            continue;
        }
        let mut fields = FieldSet::new();
        fields.insert(&path);
        let time = parent.get(&identity).and_then(|before| before.time);
        managed.insert(identity, Owned { fields, api_version: api_version.into(), time });
    }
    Ok(encode(&managed))
}

fn decode(list: &Value) -> Result<Managed, ManagedFieldsError> {
    managed::decode(list.as_array().map(Vec::as_slice))
}

fn encode(managed: &Managed) -> Value {
    let mut object = Value::Object(serde_json::Map::new());
    managed::encode_into(&mut object, managed, KeyOrder::Elements);
    object.pointer_mut("/metadata/managedFields").map(Value::take).unwrap_or_default()
}

fn find<'a>(paths: ReplicasPaths<'a>, api_version: &str) -> Option<Option<&'a str>> {
    paths.iter().find(|(version, _)| *version == api_version).map(|(_, path)| *path)
}

fn steps(path: &str) -> Vec<PathElement> {
    path.split('.').map(PathElement::field).collect()
}
