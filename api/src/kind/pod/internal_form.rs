//! A PodSpec as upstream's API server holds it, for the sentences that show it.
//!
//! Upstream validates structs of its own, whose fields have Go's names and an order of their own, and writes them
//! without leaving anything out. Clients see that form where an update is refused with a difference of both specs. The
//! table beside this file has the names; it is read when first needed.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::codec::json::encode_any;

const TABLE: &str = include_str!("internal_form.txt");

/// Fields by struct.
static STRUCTS: LazyLock<HashMap<&str, Vec<Field>>> = LazyLock::new(|| {
    TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, fields)| (name, fields.split(' ').filter_map(Field::parse).collect()))
        .collect()
});

struct Field {
    name: &'static str,
    json: String,
    form: &'static str,
}

impl Field {
    fn parse(text: &'static str) -> Option<Self> {
        let (names, form) = text.rsplit_once(':')?;
        let (name, json) = match names.split_once(['=', ':']) {
            Some((name, json)) => (name, json.to_owned()),
            None => (names, names[..1].to_lowercase() + &names[1..]),
        };
        Some(Self { name, json, form })
    }
}

/// `value`, a struct called `of` in normal form, with upstream's names and everything that is unset.
pub(crate) fn internal(value: &Value, of: &str) -> Value {
    form(Some(value), of)
}

/// [`internal`] as indented text, without a line's end.
pub(super) fn text(value: &Value, of: &str) -> String {
    let mut out = String::new();
    write(&internal(value, of), 0, &mut out);
    out
}

fn form(value: Option<&Value>, form_of: &str) -> Value {
    let value = value.filter(|value| !value.is_null());
    let (kind, inner) = form_of.split_at(1);
    match (kind, value) {
        ("*" | "[" | "{" | "B", None) => Value::Null,
        ("*", value) => form(value, inner),
        ("[", Some(Value::Array(list))) => list.iter().map(|item| form(Some(item), inner)).collect(),
        ("{", Some(Value::Object(map))) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            keys.into_iter().map(|key| (key.clone(), form(map.get(key), inner))).collect()
        }
        ("!", value) => value.cloned().unwrap_or_else(|| Value::Object(Map::new())),
        _ => match (STRUCTS.get(form_of), value) {
            (Some(fields), value) => structure(fields, value),
            (None, Some(value)) => value.clone(),
            (None, None) => match form_of {
                "b" => Value::Bool(false),
                "i" => Value::from(0),
                "q" => Value::from("0"),
                _ => Value::from(""),
            },
        },
    }
}

fn structure(fields: &[Field], value: Option<&Value>) -> Value {
    let mut map = Map::new();
    for field in fields {
        let inner = value.and_then(|value| value.get(&field.json));
        if field.form == "!ObjectMeta" {
            // Embedded: its fields stand among the others.
            map.extend(inner.and_then(Value::as_object).cloned().unwrap_or_default());
        } else {
            map.insert(field.name.to_owned(), form(inner, field.form));
        }
    }
    Value::Object(map)
}

fn write(value: &Value, depth: usize, out: &mut String) {
    let entries: Vec<(Option<&String>, &Value)> = match value {
        Value::Array(list) => list.iter().map(|value| (None, value)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (Some(key), value)).collect(),
        scalar => return out.push_str(&String::from_utf8_lossy(&encode_any(scalar))),
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    out.push(open);
    for (index, (key, value)) in entries.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n(' ', depth + 1));
        if let Some(key) = key {
            out.push_str(&String::from_utf8_lossy(&encode_any(&Value::from(key.as_str()))));
            out.push_str(": ");
        }
        write(value, depth + 1, out);
    }
    if !entries.is_empty() {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_is_known() {
        for (name, fields) in STRUCTS.iter() {
            for field in fields {
                let inner = field.form.trim_start_matches(['*', '[', '{']);
                assert!(
                    matches!(inner, "s" | "b" | "i" | "q" | "B")
                        || inner.starts_with('!')
                        || STRUCTS.contains_key(inner),
                    "{name}.{}: {}",
                    field.name,
                    field.form
                );
            }
        }
        assert_eq!(STRUCTS.len(), 105);
    }

    #[test]
    fn unset_fields_are_shown() {
        let term = json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]});
        assert_eq!(
            internal(&term, "NodeSelectorTerm"),
            json!({"MatchExpressions": [{"Key": "a", "Operator": "Exists", "Values": null}], "MatchFields": null})
        );
        assert_eq!(
            text(&term, "NodeSelectorTerm"),
            "{\n \"MatchExpressions\": [\n  {\n   \"Key\": \"a\",\n   \"Operator\": \"Exists\",\n   \"Values\": null\n  \
             }\n ],\n \"MatchFields\": null\n}"
        );
    }
}
