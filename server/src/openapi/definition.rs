//! The definitions: what the types look like.
//!
//! Starting from the types that operations name, [`Definitions::take`] describes each type once and goes on to those
//! that it refers to. Facts: k8s.io/kube-openapi, `pkg/builder` and `pkg/generators`.

use std::collections::BTreeMap;

use howdah_api::schema::{Either, Field, ListType, Node, Patch, Presence, Raw, Scalar, Shape, Struct, builtin};
use serde_json::{Map, Value, json};

use super::{description, name};

/// How a version of OpenAPI writes what the other writes differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    V2,
    V3,
}

/// The definitions of one document.
pub(super) struct Definitions<'a> {
    style: Style,
    /// The group versions of the document: those in which `DeleteOptions` and `WatchEvent` are kinds.
    versions: &'a [(String, String)],
    found: BTreeMap<String, Value>,
}

impl Style {
    /// A reference to a definition.
    pub(super) fn reference(self, to: &str) -> Value {
        let home = if self == Self::V2 { "definitions" } else { "components/schemas" };
        json!({"$ref": format!("#/{home}/{to}")})
    }
}

impl<'a> Definitions<'a> {
    pub(super) fn new(style: Style, versions: &'a [(String, String)]) -> Self {
        Self { style, versions, found: BTreeMap::new() }
    }

    /// All definitions, by name.
    pub(super) fn finish(self) -> Map<String, Value> {
        self.found.into_iter().collect()
    }

    /// Takes a kind in, and what it refers to; gives the reference to it.
    pub(super) fn kind(&mut self, group: &str, version: &str, kind: &str) -> Option<Value> {
        let of = builtin::kind(group, version, kind)?.as_struct()?;
        Some(self.structure(of))
    }

    /// Takes a type of `meta/v1` in.
    pub(super) fn meta(&mut self, name: &str) -> Value {
        if name == "Patch" {
            let text = "The body of a patch; its form is the media type's.";
            return self.special("meta/v1", name, json!({"type": "object", "description": text}));
        }
        let found = builtin::named("meta/v1", name).and_then(Node::as_struct);
        self.structure(found.expect("the schema tables have the types of meta/v1"))
    }

    fn structure(&mut self, of: &Struct) -> Value {
        let full = name::definition(&of.package, &of.name);
        if !self.found.contains_key(&full) {
            // Holds the place, for types that contain themselves.
            self.found.insert(full.clone(), Value::Null);
            let described = self.describe(of, &full);
            self.found.insert(full.clone(), described);
        }
        self.style.reference(&full)
    }

    fn describe(&mut self, of: &Struct, full: &str) -> Value {
        let mut schema = Map::new();
        if let Some(text) = description::of_type(full) {
            schema.insert("description".into(), text.into());
        }
        schema.insert("type".into(), "object".into());
        let properties: Map<_, _> =
            of.fields.iter().map(|field| (field.name.to_string(), self.field(full, field))).collect();
        if !properties.is_empty() {
            schema.insert("properties".into(), properties.into());
        }
        let required: Vec<_> = of.fields.iter().filter(|field| field.required).map(|field| &*field.name).collect();
        if !required.is_empty() {
            schema.insert("required".into(), required.into());
        }
        // WatchEvent is a kind although it has no kind of its own.
        let known = if of.name == "WatchEvent" { Some(("", "v1")) } else { name::kind(&of.package, &of.name) };
        if let Some((group, version)) = known {
            schema.insert("x-kubernetes-group-version-kind".into(), self.kinds(of, group, version));
        }
        if of.atomic {
            schema.insert("x-kubernetes-map-type".into(), "atomic".into());
        }
        if let Some(unions) = union(of) {
            schema.insert("x-kubernetes-unions".into(), unions);
        }
        Value::Object(schema)
    }

    /// The group, version and kinds under which a type is known.
    fn kinds(&self, of: &Struct, group: &str, version: &str) -> Value {
        let kind = |group: &str, version: &str| json!({"group": group, "kind": of.name, "version": version});
        let mut kinds = vec![kind(group, version)];
        if of.package == "meta/v1" && matches!(&*of.name, "DeleteOptions" | "WatchEvent") {
            let others = self.versions.iter().filter(|(of, at)| (&**of, &**at) != (group, version));
            kinds.extend(others.map(|(group, version)| kind(group, version)));
        }
        kinds.into()
    }

    fn field(&mut self, full: &str, field: &Field) -> Value {
        let node = &field.node;
        let mut schema = match self.node(node) {
            Value::Object(schema) => schema,
            _ => Map::new(),
        };
        let mut beside = Map::new();
        if let Some(text) = description::of_field(full, &field.name) {
            beside.insert("description".into(), text.into());
        }
        if self.style == Style::V3
            && let Some(default) = default(field)
        {
            beside.insert("default".into(), default);
        }
        if let Some(named) = node.name.filter(|named| named.published)
            && matches!(node.shape, Shape::Scalar(_))
        {
            let mut values: Vec<_> = named.values().collect();
            values.sort_unstable();
            beside.insert("enum".into(), values.into());
        }
        extensions(field, &mut beside);
        // Beside a reference nothing may stand in v3, so it is wrapped.
        if self.style == Style::V3 && schema.contains_key("$ref") && !beside.is_empty() {
            beside.insert("allOf".into(), json!([Value::Object(schema)]));
            return Value::Object(beside);
        }
        schema.extend(beside);
        Value::Object(schema)
    }

    /// What stands at a node, without what belongs to its use.
    fn node(&mut self, node: &Node) -> Value {
        match &node.shape {
            Shape::Scalar(of) => self.scalar(*of),
            Shape::Struct(of) => self.structure(of.get()),
            Shape::Map(of) => json!({"type": "object", "additionalProperties": self.node(&of.value)}),
            Shape::List(of) => json!({"type": "array", "items": self.node(&of.element)}),
            Shape::Raw(Raw::Extension) => self.raw("runtime", "RawExtension"),
            Shape::Raw(Raw::FieldsV1) => self.raw("meta/v1", "FieldsV1"),
            Shape::Raw(Raw::Json) => self.any("JSON"),
            Shape::Raw(Raw::Any) => json!({"type": "object"}),
            Shape::Either(of) => {
                // The schema that it may be is a definition as well.
                let (Either::SchemaOrBool(inner) | Either::SchemaOrArray(inner) | Either::SchemaOrStrings(inner)) = of;
                self.structure(inner.get());
                self.any(match of {
                    Either::SchemaOrBool(_) => "JSONSchemaPropsOrBool",
                    Either::SchemaOrArray(_) => "JSONSchemaPropsOrArray",
                    Either::SchemaOrStrings(_) => "JSONSchemaPropsOrStringArray",
                })
            }
        }
    }

    fn scalar(&mut self, of: Scalar) -> Value {
        let typed = |kind: &str, format: &str| json!({"type": kind, "format": format});
        let v2 = self.style == Style::V2;
        match of {
            Scalar::String => json!({"type": "string"}),
            Scalar::Bool => json!({"type": "boolean"}),
            Scalar::Int32 => typed("integer", "int32"),
            Scalar::Int64 => typed("integer", "int64"),
            Scalar::Float64 => typed("number", "double"),
            Scalar::Bytes => typed("string", "byte"),
            Scalar::Time => self.special("meta/v1", "Time", typed("string", "date-time")),
            Scalar::MicroTime => self.special("meta/v1", "MicroTime", typed("string", "date-time")),
            Scalar::Duration => self.special("meta/v1", "Duration", json!({"type": "string"})),
            Scalar::Quantity if v2 => self.special("resource", "Quantity", json!({"type": "string"})),
            Scalar::Quantity => {
                self.special("resource", "Quantity", json!({"oneOf": [{"type": "string"}, {"type": "number"}]}))
            }
            Scalar::IntOrString if v2 => self.special("intstr", "IntOrString", typed("string", "int-or-string")),
            Scalar::IntOrString => {
                let either = json!([{"type": "integer"}, {"type": "string"}]);
                self.special("intstr", "IntOrString", json!({"format": "int-or-string", "oneOf": either}))
            }
        }
    }

    fn raw(&mut self, package: &str, name: &str) -> Value {
        self.special(package, name, json!({"type": "object"}))
    }

    fn any(&mut self, name: &str) -> Value {
        self.special("apiextensions/v1", name, json!({}))
    }

    /// A type that is written otherwise than its struct in Go looks.
    fn special(&mut self, package: &str, name: &str, mut schema: Value) -> Value {
        let full = match package {
            "resource" => format!("io.k8s.apimachinery.pkg.api.resource.{name}"),
            "intstr" => format!("io.k8s.apimachinery.pkg.util.intstr.{name}"),
            "runtime" => format!("io.k8s.apimachinery.pkg.runtime.{name}"),
            package => name::definition(package, name),
        };
        if let Some(text) = description::of_type(&full) {
            schema["description"] = text.into();
        }
        self.found.entry(full.clone()).or_insert(schema);
        self.style.reference(&full)
    }
}

/// The default: the declared one, or Go's zero value where it is always written, or an empty object for a struct that
/// is no pointer.
fn default(field: &Field) -> Option<Value> {
    let node = &field.node;
    if let Some(declared) = &node.default {
        return Some((**declared).clone());
    }
    if node.pointer {
        return None;
    }
    let always = field.presence == Presence::Always;
    match &node.shape {
        Shape::Struct(_) => Some(json!({})),
        Shape::Scalar(Scalar::String) if always => Some("".into()),
        Shape::Scalar(Scalar::Bool) if always => Some(false.into()),
        Shape::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Float64) if always => Some(0.into()),
        _ => None,
    }
}

/// `x-kubernetes-list-type` and its like.
fn extensions(field: &Field, out: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Value| out.insert(format!("x-kubernetes-{key}"), value);
    match &field.node.shape {
        Shape::List(list) => match &list.kind {
            ListType::Undeclared => {}
            ListType::Atomic => drop(put("list-type", "atomic".into())),
            ListType::Set => drop(put("list-type", "set".into())),
            ListType::Map(keys) => {
                put("list-type", "map".into());
                put("list-map-keys", keys.iter().map(|key| &**key).collect::<Vec<_>>().into());
            }
        },
        _ => {
            if let Some(atomic) = field.node.atomic {
                put("map-type", if atomic { "atomic" } else { "granular" }.into());
            }
        }
    }
    let Patch { merge, replace, retain_keys, merge_key } = &field.patch;
    let strategies = [(*merge, "merge"), (*replace, "replace"), (*retain_keys, "retainKeys")];
    let strategies: Vec<_> = strategies.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    if !strategies.is_empty() {
        put("patch-strategy", strategies.join(",").into());
    }
    if let Some(key) = merge_key {
        put("patch-merge-key", (&**key).into());
    }
}

/// Types of whose fields only one may be set, and the field that says which.
const UNIONS: [(&str, &str, &str, &[&str]); 14] = [
    ("core/v1", "AppArmorProfile", "type", &["localhostProfile"]),
    ("core/v1", "PodSchedulingGroup", "", &["podGroupName"]),
    ("core/v1", "SeccompProfile", "type", &["localhostProfile"]),
    ("flowcontrol/v1", "LimitResponse", "type", &["queuing"]),
    ("flowcontrol/v1", "PriorityLevelConfigurationSpec", "type", &["exempt", "limited"]),
    ("flowcontrol/v1", "Subject", "kind", &["group", "serviceAccount", "user"]),
    ("lifecycle/v1alpha1", "EvictionRequestTarget", "", &["pod"]),
    ("lifecycle/v1alpha1", "EvictionTarget", "", &["pod"]),
    ("scheduling", "CompositeDisruptionMode", "", &["all", "single"]),
    ("scheduling", "CompositePodGroupSchedulingPolicy", "", &["basic", "gang"]),
    ("scheduling", "DisruptionMode", "", &["all", "single"]),
    ("scheduling", "PodGroupSchedulingPolicy", "", &["basic", "gang"]),
    ("scheduling/v1alpha3", "WorkloadPodGroupDisruptionMode", "", &["all", "single"]),
    ("scheduling/v1alpha3", "WorkloadPodGroupSchedulingPolicy", "", &["basic", "gang"]),
];

fn union(of: &Struct) -> Option<Value> {
    let home = of.package.split('/').next().unwrap_or_default();
    let row =
        UNIONS.iter().find(|(package, name, ..)| (*package == of.package || *package == home) && *name == of.name);
    let (_, _, discriminator, fields) = row?;
    let fields: Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), name::capital(field).into())).collect();
    let mut union = json!({"fields-to-discriminateBy": fields});
    if !discriminator.is_empty() {
        union["discriminator"] = (*discriminator).into();
    }
    Some(json!([union]))
}
