//! Whether two parts of pods mean the same: upstream's semantic equality, over trees in normal form.
//!
//! Nil, an empty list and an empty map are the same; quantities are equal when their values are. An empty struct is
//! something else than none, which is why the fields that hold maps are named here.

use serde_json::Value;

use crate::quantity::Quantity;

/// Fields of a pod that hold maps of texts or of quantities.
const MAPS: [&str; 11] = [
    "nodeSelector",
    "matchLabels",
    "labels",
    "annotations",
    "options",
    "volumeAttributes",
    "userAnnotations",
    "limits",
    "requests",
    "overhead",
    "allocatedResources",
];
/// Fields that hold quantities, or maps of them.
const QUANTITIES: [&str; 6] = ["limits", "requests", "overhead", "allocatedResources", "sizeLimit", "divisor"];

/// Whether `a` and `b` mean the same. `None` stands for a field that isn't there.
pub(crate) fn equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    same(a, b, "")
}

fn same(a: Option<&Value>, b: Option<&Value>, field: &str) -> bool {
    let a = a.filter(|value| !is_nil(value, field));
    let b = b.filter(|value| !is_nil(value, field));
    match (a, b) {
        (None, None) => true,
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(Some(a), Some(b), field))
        }
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let inner = |key: &str| if MAPS.contains(&field) { field.to_owned() } else { key.to_owned() };
            a.keys().chain(b.keys()).all(|key| same(a.get(key), b.get(key), &inner(key)))
        }
        (Some(Value::String(a)), Some(Value::String(b))) => {
            a == b
                || (QUANTITIES.contains(&field)
                    && matches!((Quantity::parse(a), Quantity::parse(b)), (Ok(a), Ok(b)) if a == b))
        }
        (a, b) => a == b,
    }
}

fn is_nil(value: &Value, field: &str) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty() && MAPS.contains(&field),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nil_is_empty_and_quantities_are_numbers() {
        let rows = [
            (json!({}), json!({"tolerations": []}), true),
            (json!({}), json!({"nodeSelector": {}}), true),
            (json!({}), json!({"securityContext": {}}), false),
            (json!({"limits": {"cpu": "1"}}), json!({"limits": {"cpu": "1000m"}}), true),
            (json!({"limits": {"cpu": "1"}}), json!({"limits": {"cpu": "2"}}), false),
            (json!({"args": ["1"]}), json!({"args": ["1000m"]}), false),
            (json!({"a": null}), json!({}), true),
        ];
        for (a, b, expected) in rows {
            assert_eq!(equal(Some(&a), Some(&b)), expected, "{a} {b}");
        }
    }
}
