//! The form of the files in `table/`, and their parser.
//!
//! A file holds the types of one API package (`core/v1`). `#` begins a comment line. The line `package PATH GROUP
//! VERSION` comes first (`-` for the core group); then come types, a line that begins without a blank:
//!
//! | line | meaning |
//! |---|---|
//! | `string NAME VALUE…` | a named string and its known values (in double quotes where they contain blanks) |
//! | `enum NAME VALUE…` | the same, and the published schema lists the values |
//! | `alias NAME TYPE` | another name for a list or map |
//! | `wrapped NAME TYPE` | the same, and protobuf wraps the list in a message |
//! | `struct NAME …` | a struct; `atomic` or `granular` may follow |
//! | `kind NAME …` | a struct with kind and apiVersion; `introduced=1.9` and the like may follow (see `Lifecycle`) |
//!
//! The fields of a struct follow it, one a line, each behind one blank: `NAME TYPE [NUMBER] ATTRIBUTE…`. NUMBER is the
//! protobuf number; the wire type follows from TYPE. `.. TYPE [NUMBER]` embeds a struct. TYPE is written as in Go, with
//! `PATH.NAME` for types of other packages, `bytes` for `[]byte`, `any` for `interface{}`. Attributes:
//!
//! | attribute | meaning |
//! |---|---|
//! | `?`, `?0` | `omitempty`; `omitempty,omitzero` |
//! | `required`, `optional` | in the published schema, where it does not follow from `?` |
//! | `atomic`, `granular`, `set`, `map(KEY,…)` | list type, or map type, at this use |
//! | `merge`, `merge(KEY)`, `replace`, `retainKeys` | patch strategy and merge key |
//! | `default=JSON` | the declared default, without blanks |
//! | `gate=NAME` | a feature gate |
//!
//! A file with a mistake is a mistake in this program: the parser has no error to return, and a test parses everything.

use std::borrow::Cow;
use std::sync::Arc;

use super::builtin::{self, Entry};
use super::builtin_cell::Cell;
use super::field::{Embedded, Field, Patch, Presence, Struct, StructRef};
use super::node::{Either, List, ListType, Map, Named, Node, Raw, Scalar, Shape};

/// Splits a line into words; a word may be in double quotes.
pub(super) fn words(line: &'static str) -> impl Iterator<Item = &'static str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        if let Some(quoted) = rest.strip_prefix('"') {
            let (word, tail) = quoted.split_once('"')?;
            rest = tail;
            return Some(word);
        }
        if rest.is_empty() {
            return None;
        }
        let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = tail;
        Some(word)
    })
}

/// Parses the fields of a struct.
pub(super) fn parse_struct(package: &'static str, cell: &Cell, body: &'static str) -> Struct {
    let mut fields = Vec::new();
    let mut embedded = Vec::new();
    for line in body.lines() {
        let mut words = line.trim_start_matches(' ').split(' ');
        let (name, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let node = parse_type(package, of);
        if name != ".." {
            fields.push(parse_field(name, node, words));
            continue;
        }
        let Shape::Struct(reference) = node.shape else { continue };
        let index = u16::try_from(embedded.len()).expect("a struct embeds only a few others");
        let inner = reference.get().fields.iter().cloned();
        fields.extend(inner.map(|field| Field { embedded: Some(index), ..field }));
        embedded.push(Embedded { of: reference, number: words.next().and_then(|number| number.parse().ok()) });
    }
    let atomic = cell.attributes().any(|attribute| attribute == "atomic");
    Struct::assemble(Cow::Borrowed(cell.name()), Cow::Borrowed(package), atomic, fields, embedded)
}

fn parse_field(name: &'static str, node: Node, attributes: impl Iterator<Item = &'static str>) -> Field {
    let mut field = Field { presence: Presence::Always, ..Field::new(name, node) };
    let mut required = None;
    for attribute in attributes {
        let (word, argument) = match attribute.split_once(['(', '=']) {
            Some((word, argument)) => (word, argument.strip_suffix(')').unwrap_or(argument)),
            None => (attribute, ""),
        };
        match word {
            "?" => field.presence = Presence::OmitEmpty,
            "?0" => field.presence = Presence::OmitZero,
            "required" => required = Some(true),
            "optional" => required = Some(false),
            "merge" => {
                field.patch.merge = true;
                field.patch.merge_key = (!argument.is_empty()).then_some(Cow::Borrowed(argument));
            }
            "replace" => field.patch = Patch { replace: true, ..field.patch },
            "retainKeys" => field.patch.retain_keys = true,
            "default" => {
                // The argument may end in ')', which is not ours to strip: take it anew.
                let text = attribute.strip_prefix("default=").unwrap_or_default();
                field.node.default = serde_json::from_str(text).ok().map(Arc::new);
            }
            "gate" => field.gates.push(Cow::Borrowed(argument)),
            "atomic" | "granular" | "set" | "map" => declare(&mut field.node, word, argument),
            number => field.number = number.parse().ok(),
        }
    }
    field.required = required.unwrap_or(field.presence == Presence::Always);
    field
}

fn declare(node: &mut Node, word: &str, argument: &'static str) {
    match &mut node.shape {
        Shape::List(list) => {
            list.kind = match word {
                "set" => ListType::Set,
                "map" => ListType::Map(argument.split(',').map(Cow::Borrowed).collect()),
                _ => ListType::Atomic,
            };
        }
        _ => node.atomic = Some(word == "atomic"),
    }
}

/// Parses a type as a field in `package` names it.
fn parse_type(package: &'static str, text: &'static str) -> Node {
    if let Some(text) = text.strip_prefix('*') {
        return Node { pointer: true, ..parse_type(package, text) };
    }
    if let Some(text) = text.strip_prefix("[]") {
        return Node::list(parse_type(package, text), ListType::Undeclared);
    }
    if let Some((key, value)) = text.strip_prefix("map[").and_then(|text| text.split_once(']')) {
        let key = parse_type(package, key).name;
        return Node::new(Shape::Map(Map { key, value: Box::new(parse_type(package, value)) }));
    }
    let scalar = match text {
        "string" => Scalar::String,
        "bool" => Scalar::Bool,
        "int32" => Scalar::Int32,
        "int64" => Scalar::Int64,
        "float64" => Scalar::Float64,
        "bytes" => Scalar::Bytes,
        "resource.Quantity" => Scalar::Quantity,
        "intstr.IntOrString" => Scalar::IntOrString,
        _ => return parse_name(package, text),
    };
    Node::scalar(scalar)
}

fn parse_name(package: &'static str, text: &'static str) -> Node {
    let (package, name) = text.rsplit_once('.').unwrap_or((package, text));
    let schema = || match builtin::entry("apiextensions/v1", "JSONSchemaProps") {
        Some(Entry::Struct(cell)) => StructRef::builtin(cell),
        _ => unreachable!("the table of apiextensions/v1 has JSONSchemaProps"),
    };
    let shape = match (package, name) {
        ("runtime", "RawExtension") => Shape::Raw(Raw::Extension),
        ("meta/v1", "FieldsV1") => Shape::Raw(Raw::FieldsV1),
        ("meta/v1", "Time") => Shape::Scalar(Scalar::Time),
        ("meta/v1", "MicroTime") => Shape::Scalar(Scalar::MicroTime),
        ("meta/v1", "Duration") => Shape::Scalar(Scalar::Duration),
        ("apiextensions/v1", "JSON") => Shape::Raw(Raw::Json),
        ("apiextensions/v1", "JSONSchemaPropsOrBool") => Shape::Either(Either::SchemaOrBool(schema())),
        ("apiextensions/v1", "JSONSchemaPropsOrArray") => Shape::Either(Either::SchemaOrArray(schema())),
        ("apiextensions/v1", "JSONSchemaPropsOrStringArray") => Shape::Either(Either::SchemaOrStrings(schema())),
        (_, "any") => Shape::Raw(Raw::Any),
        // types.UID, types.NodeName: strings with a name.
        ("types", name) => return named_string(Named { package: "types", name, words: "", published: false }),
        _ => return parse_entry(package, name),
    };
    Node::new(shape)
}

fn parse_entry(package: &'static str, name: &'static str) -> Node {
    match builtin::entry(package, name) {
        Some(Entry::Struct(cell)) => Node::new(Shape::Struct(StructRef::builtin(cell))),
        Some(Entry::String(named)) => named_string(*named),
        Some(Entry::Alias { named, of, wrapped }) => {
            let mut node = Node { name: Some(*named), ..parse_type(package, of) };
            if let Shape::List(List { wrapped: flag, .. }) = &mut node.shape {
                *flag = *wrapped;
            }
            node
        }
        None => unreachable!("the table of {package} lacks {name}"),
    }
}

fn named_string(named: Named) -> Node {
    Node { name: Some(named), ..Node::scalar(Scalar::String) }
}
