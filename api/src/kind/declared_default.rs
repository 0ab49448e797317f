//! Declared defaults: the values that the schema names for absent fields, applied along an object.
//!
//! Runs before [`Strategy::default`](super::Strategy::default), which fills in what upstream's functions fill in. A few
//! fields have both (a port's protocol); they agree. Custom resources use the same walk over their own schema.

use serde_json::Value;

use crate::schema::{Node, Presence, Shape, Struct};
use crate::tree;

/// Fills in the declared defaults of everything in `value` that `node` describes.
///
/// In a built-in type absent and zero are the same where Go holds no pointer; in a custom resource only what is absent
/// is filled in, or null where null isn't a value.
pub fn apply(value: &mut Value, node: &Node) {
    match (&node.shape, value) {
        (Shape::Struct(of), Value::Object(map)) => structure(map, of.get()),
        (Shape::Map(of), Value::Object(map)) => map.values_mut().for_each(|value| apply(value, &of.value)),
        (Shape::List(of), Value::Array(list)) => list.iter_mut().for_each(|value| apply(value, &of.element)),
        _ => {}
    }
}

fn structure(map: &mut serde_json::Map<String, Value>, of: &Struct) {
    for field in &of.fields {
        if let Some(default) = &field.node.default
            && is_unset(map.get(&*field.name), field)
            && !tree::is_omitted(default, field)
        {
            map.insert(field.name.clone().into_owned(), (**default).clone());
        }
        if let Some(value) = map.get_mut(&*field.name) {
            apply(value, &field.node);
        }
    }
}

fn is_unset(value: Option<&Value>, field: &crate::schema::Field) -> bool {
    let Some(value) = value else { return true };
    if field.presence == Presence::AsIs {
        let nullable = field.node.extension.as_ref().is_some_and(|extension| extension.nullable);
        return value.is_null() && !nullable;
    }
    value.is_null() || (!field.node.pointer && *value == tree::zero(&field.node))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::builtin;

    #[test]
    fn absent_fields_get_what_the_schema_says() {
        let pod = builtin::kind("", "v1", "Pod").unwrap();
        let mut object = json!({"spec": {
            "containers": [{"ports": [{"containerPort": 1}, {"protocol": "UDP"}, {"protocol": ""}]}],
            "volumes": [{"azureDisk": {"fsType": "xfs"}, "rbd": {"pool": "p"}, "iscsi": {}}],
        }});
        apply(&mut object, pod);
        let expected = json!({"spec": {
            "containers": [{"ports": [
                {"containerPort": 1, "protocol": "TCP"}, {"protocol": "UDP"}, {"protocol": "TCP"},
            ]}],
            "volumes": [{
                "azureDisk": {"fsType": "xfs", "cachingMode": "ReadWrite", "readOnly": false, "kind": "Shared"},
                "rbd": {"pool": "p", "user": "admin", "keyring": "/etc/ceph/keyring"},
                "iscsi": {"iscsiInterface": "default"},
            }],
        }});
        assert_eq!(object, expected);
        apply(&mut object, pod);
        assert_eq!(object, expected);
    }
}
