//! Nodes: one use of a type, and the shapes that it can have. See the parent module.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::field::StructRef;

/// One use of a type: a field's, a list's elements or a map's values.
#[derive(Debug, Clone)]
pub struct Node {
    /// What stands here.
    pub shape: Shape,
    /// The name that the type has in Go, where it has one besides its shape (`v1.Protocol`, `v1.ResourceList`).
    pub name: Option<Named>,
    /// Whether Go holds a pointer: absent and zero are then two different things.
    pub pointer: bool,
    /// `x-kubernetes-map-type` at this use; `None` where the type decides.
    pub atomic: Option<bool>,
    /// The default value, as the type's declaration has it. Upstream applies further defaults by code; those are not
    /// here.
    pub default: Option<Arc<Value>>,
    /// What only schemas of custom resources say.
    pub extension: Option<Arc<Extension>>,
}

/// What can stand at a node.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A single value.
    Scalar(Scalar),
    /// An object with known fields.
    Struct(StructRef),
    /// An object with arbitrary keys.
    Map(Map),
    /// A list.
    List(List),
    /// Any JSON, kept as it is.
    Raw(Raw),
    /// `JSONSchemaProps` or something else, by the first character.
    Either(Either),
}

/// The scalars, by how Go decodes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `string`.
    String,
    /// `bool`.
    Bool,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// `float64`.
    Float64,
    /// `[]byte`: base64 in JSON.
    Bytes,
    /// `resource.Quantity`: a string or a number in JSON, a string in canonical form once read.
    Quantity,
    /// `metav1.Time`: RFC 3339, cut to seconds, UTC once read.
    Time,
    /// `metav1.MicroTime`: RFC 3339 with microseconds.
    MicroTime,
    /// `metav1.Duration`: Go's text (`1m30s`).
    Duration,
    /// `intstr.IntOrString`.
    IntOrString,
}

/// An object with arbitrary keys.
#[derive(Debug, Clone)]
pub struct Map {
    /// The name of the keys' type in Go, where it is not plain `string`.
    pub key: Option<Named>,
    /// The values.
    pub value: Box<Node>,
}

/// A list.
#[derive(Debug, Clone)]
pub struct List {
    /// The elements.
    pub element: Box<Node>,
    /// `x-kubernetes-list-type`, with its keys: what server-side apply merges by.
    pub kind: ListType,
    /// Whether protobuf wraps the list in a message of its own (`ExtraValue`, `Verbs`), which it does where Go has a
    /// named slice.
    pub wrapped: bool,
}

/// `x-kubernetes-list-type`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListType {
    /// Not declared; apply treats it as atomic.
    #[default]
    Undeclared,
    /// One value, replaced as a whole.
    Atomic,
    /// Scalars, each at most once.
    Set,
    /// Objects, told apart by these fields.
    Map(Vec<Cow<'static, str>>),
}

/// Any JSON, kept as it is, by how protobuf carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Raw {
    /// `runtime.RawExtension`: usually an object with kind and apiVersion.
    Extension,
    /// `apiextensions.JSON`.
    Json,
    /// `metav1.FieldsV1`: the field set of managedFields.
    FieldsV1,
    /// A value of a custom resource without a type (`x-kubernetes-preserve-unknown-fields`). Unlike the others it is
    /// checked for duplicate fields, as upstream does for what it reads into `interface{}`.
    Any,
}

/// `JSONSchemaProps` or something else. Go's decoder starts anew inside: unknown and duplicate fields there are not
/// reported.
#[derive(Debug, Clone)]
pub enum Either {
    /// `JSONSchemaPropsOrBool`.
    SchemaOrBool(StructRef),
    /// `JSONSchemaPropsOrArray`.
    SchemaOrArray(StructRef),
    /// `JSONSchemaPropsOrStringArray`.
    SchemaOrStrings(StructRef),
}

/// A named type of Go that is not a struct: a string with known values, or another name for a list or map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Its package's short name: `v1`, `types`.
    pub package: &'static str,
    /// Its name: `Protocol`.
    pub name: &'static str,
    /// The known values, in the table's form.
    pub(super) words: &'static str,
    /// Whether the published schema lists the values as an enum.
    pub published: bool,
}

/// What only schemas of custom resources say.
#[derive(Debug, Clone, Default)]
pub struct Extension {
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`: apiVersion, kind and metadata are implied.
    pub embedded: bool,
    /// `nullable`: null is a value here and not an absence.
    pub nullable: bool,
    /// `enum`.
    pub values: Vec<Value>,
    /// `x-kubernetes-validations`, unread.
    pub rules: Vec<Rule>,
}

/// A CEL rule, unread.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// The expression.
    pub rule: String,
    /// What to say when it is false.
    pub message: Option<String>,
    /// The expression that makes the message.
    pub message_expression: Option<String>,
    /// The reason of the cause.
    pub reason: Option<String>,
    /// The field that the cause names.
    pub field_path: Option<String>,
    /// Whether the old value may be absent.
    pub optional_old_self: Option<bool>,
}

impl Node {
    /// A node of this shape, not a pointer, with nothing else said.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self { shape, name: None, pointer: false, atomic: None, default: None, extension: None }
    }

    /// A node of a scalar.
    #[must_use]
    pub fn scalar(scalar: Scalar) -> Self {
        Self::new(Shape::Scalar(scalar))
    }

    /// A node of a list.
    #[must_use]
    pub fn list(element: Node, kind: ListType) -> Self {
        Self::new(Shape::List(List { element: Box::new(element), kind, wrapped: false }))
    }

    /// A node of a map with string keys.
    #[must_use]
    pub fn map(value: Node) -> Self {
        Self::new(Shape::Map(Map { key: None, value: Box::new(value) }))
    }

    /// The struct that stands here, if one does.
    #[must_use]
    pub fn as_struct(&self) -> Option<&super::Struct> {
        match &self.shape {
            Shape::Struct(reference) => Some(reference.get()),
            _ => None,
        }
    }

    /// Whether apply treats what stands here as one value: an atomic list, map or struct, a scalar, raw JSON.
    #[must_use]
    pub fn is_atomic(&self) -> bool {
        match &self.shape {
            Shape::Struct(reference) => self.atomic.unwrap_or(reference.get().atomic),
            Shape::Map(_) => self.atomic.unwrap_or(false),
            Shape::List(list) => matches!(list.kind, ListType::Undeclared | ListType::Atomic),
            Shape::Scalar(_) | Shape::Raw(_) | Shape::Either(_) => true,
        }
    }

    /// The node below the field or key `name`, if there is one.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Node> {
        match &self.shape {
            Shape::Struct(reference) => reference.get().field(name).map(|field| &field.node),
            Shape::Map(map) => Some(&map.value),
            _ => None,
        }
    }

    /// Go's name of the type behind any pointer, as its decoder's errors give it: `[]v1.Container`, `int32`.
    #[must_use]
    pub fn go_type(&self) -> String {
        if let Some(name) = &self.name {
            return format!("{}.{}", name.package, name.name);
        }
        match &self.shape {
            Shape::Scalar(scalar) => scalar.go_type().to_owned(),
            Shape::Struct(reference) => reference.get().go_type(),
            Shape::Map(map) => {
                let key = map.key.map_or_else(|| "string".to_owned(), |key| format!("{}.{}", key.package, key.name));
                format!("map[{key}]{}", map.value.go_type_with_pointer())
            }
            Shape::List(list) => format!("[]{}", list.element.go_type_with_pointer()),
            Shape::Raw(Raw::Extension) => "runtime.RawExtension".to_owned(),
            Shape::Raw(Raw::Json) => "v1.JSON".to_owned(),
            Shape::Raw(Raw::FieldsV1) => "v1.FieldsV1".to_owned(),
            Shape::Raw(Raw::Any) => "interface {}".to_owned(),
            Shape::Either(Either::SchemaOrBool(_)) => "v1.JSONSchemaPropsOrBool".to_owned(),
            Shape::Either(Either::SchemaOrArray(_)) => "v1.JSONSchemaPropsOrArray".to_owned(),
            Shape::Either(Either::SchemaOrStrings(_)) => "v1.JSONSchemaPropsOrStringArray".to_owned(),
        }
    }

    fn go_type_with_pointer(&self) -> String {
        let name = self.go_type();
        if self.pointer { format!("*{name}") } else { name }
    }
}

impl Scalar {
    /// Go's name of the type.
    #[must_use]
    pub fn go_type(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Bytes => "[]uint8",
            Self::Quantity => "resource.Quantity",
            Self::Time => "v1.Time",
            Self::MicroTime => "v1.MicroTime",
            Self::Duration => "v1.Duration",
            Self::IntOrString => "intstr.IntOrString",
        }
    }
}

impl Named {
    /// The known values of a string type. What is not among them may still be valid: only validation decides.
    pub fn values(&self) -> impl Iterator<Item = &'static str> {
        super::table::words(self.words)
    }
}
