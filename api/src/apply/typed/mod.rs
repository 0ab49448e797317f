//! Values along the schema tree, as server-side apply sees them.
//!
//! A [`Type`] is a node of the schema with what apply must know beside it; [`Type::resolve`] says what may stand there
//! and how its parts are owned ([`Atom`]). The operations, a file each, walk values and types side by side: [`validate`],
//! [`field_set`] (what a value has), [`compare`], [`merge`], [`remove`] and [`reconcile`] (field sets after a change of
//! the schema).
//!
//! **Where there is no schema** the type follows from the value: scalars and lists are one thing each, maps are owned
//! key by key ([`Type::Deduced`]); inside a list, and in a `RawExtension`, everything is one thing ([`Type::Untyped`]).
//!
//! **Invariant.** All operations but [`validate`] expect values that it accepted.

mod compare;
mod field_set;
mod item;
mod merge;
mod reconcile;
mod remove;
mod validate;

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;

use crate::schema::{Field, ListType, Node, Patch, Presence, Raw, Scalar, Shape, builtin};

pub(super) use compare::{Comparison, compare};
pub(super) use field_set::field_set;
pub(super) use merge::merge;
pub(super) use reconcile::reconcile;
pub(super) use remove::remove_items;
pub(super) use validate::{Duplicates, validate};

static TEXT: LazyLock<Node> = LazyLock::new(|| Node::scalar(Scalar::String));

/// What stands at a place, for apply.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type<'n> {
    /// What the schema says.
    Node {
        node: &'n Node,
        /// How strategic merge treats the field: apply falls back to it where no list type is declared.
        patch: Option<&'n Patch>,
        /// Whether a schema above keeps unknown fields.
        preserves: bool,
        /// Whether it is a whole object: apiVersion, kind and metadata are fields even if they are not declared.
        is_object: bool,
    },
    /// As the value is; lists are atomic.
    Deduced,
    /// As the value is; everything is atomic.
    Untyped,
}

/// What may stand at a place: one or several of a scalar, a list and a map or struct.
#[derive(Debug, Clone, Copy)]
pub(super) struct Atom<'n> {
    pub(super) scalar: Option<Kind>,
    pub(super) list: Option<ListAtom<'n>>,
    pub(super) map: Option<MapAtom<'n>>,
}

/// The scalars that apply tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Bool,
    Any,
}

/// A list.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListAtom<'n> {
    pub(super) element: Type<'n>,
    /// Whether its elements are owned one by one: a set or, with keys, a list of objects.
    pub(super) is_associative: bool,
    pub(super) keys: &'n [Cow<'static, str>],
}

/// A map or struct.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapAtom<'n> {
    of: Option<(&'n Node, bool)>,
    is_object: bool,
    /// What stands under keys that are not declared; `None` where there may be none.
    pub(super) element: Option<Type<'n>>,
    pub(super) is_atomic: bool,
}

/// The part of an atom that a value is walked by.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'n> {
    Scalar(Kind),
    List(ListAtom<'n>),
    Map(MapAtom<'n>),
}

const DEDUCED: Atom<'static> = Atom {
    scalar: Some(Kind::Any),
    list: Some(ListAtom { element: Type::Untyped, is_associative: false, keys: &[] }),
    map: Some(MapAtom { of: None, is_object: false, element: Some(Type::Deduced), is_atomic: false }),
};

const UNTYPED: Atom<'static> = Atom {
    map: Some(MapAtom { of: None, is_object: false, element: Some(Type::Untyped), is_atomic: true }),
    ..DEDUCED
};

impl<'n> Type<'n> {
    /// The type of a whole object.
    pub(super) fn object(node: &'n Node) -> Self {
        Self::Node { node, patch: None, preserves: false, is_object: true }
    }

    fn inside(node: &'n Node, patch: Option<&'n Patch>, preserves: bool) -> Self {
        let is_object = node.extension.as_ref().is_some_and(|extension| extension.embedded);
        Self::Node { node, patch, preserves, is_object }
    }

    /// What may stand here.
    pub(super) fn resolve(self) -> Atom<'n> {
        let (node, patch, preserves, is_object) = match self {
            Self::Deduced => return DEDUCED,
            Self::Untyped => return UNTYPED,
            Self::Node { node, patch, preserves, is_object } => (node, patch, preserves, is_object),
        };
        let preserves = preserves || node.extension.as_ref().is_some_and(|extension| extension.preserve_unknown);
        let map = |of, element, is_atomic| Atom {
            scalar: None,
            list: None,
            map: Some(MapAtom { of, is_object, element, is_atomic }),
        };
        match &node.shape {
            Shape::Struct(reference) => {
                let of = reference.get();
                // The schemas of Go's types are referred to by name and don't inherit what stands above them.
                let preserves = preserves && of.name.is_empty();
                let element = (preserves || of.fields.is_empty()).then_some(Type::Deduced);
                map(Some((node, preserves)), element, node.is_atomic())
            }
            Shape::Map(of) => map(None, Some(Type::inside(&of.value, None, preserves)), node.is_atomic()),
            Shape::List(of) => {
                let (is_associative, keys) = match (&of.kind, patch) {
                    (ListType::Map(keys), _) => (true, keys.as_slice()),
                    (ListType::Set, _) => (true, &[][..]),
                    (ListType::Undeclared, Some(patch)) if patch.merge => (true, patch.merge_key.as_slice()),
                    (ListType::Undeclared | ListType::Atomic, _) => (false, &[][..]),
                };
                let element = Type::inside(&of.element, None, preserves);
                Atom { scalar: None, list: Some(ListAtom { element, is_associative, keys }), map: None }
            }
            Shape::Scalar(Scalar::IntOrString) | Shape::Either(_) | Shape::Raw(Raw::Json) => DEDUCED,
            Shape::Scalar(scalar) => Atom { scalar: Some(kind(*scalar)), list: None, map: None },
            Shape::Raw(Raw::Extension) => UNTYPED,
            Shape::Raw(Raw::FieldsV1) => map(None, Some(Type::Deduced), false),
            Shape::Raw(Raw::Any) if is_object => map(None, Some(Type::Deduced), false),
            Shape::Raw(Raw::Any) => DEDUCED,
        }
    }

    /// What may stand here if it is to hold this value; null and absence leave everything open.
    pub(super) fn deduce(self, value: Option<&Value>) -> Atom<'n> {
        let atom = self.resolve();
        let none = Atom { scalar: None, list: None, map: None };
        match value {
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if atom.scalar.is_some() => {
                Atom { scalar: atom.scalar, ..none }
            }
            Some(Value::Array(_)) if atom.list.is_some() => Atom { list: atom.list, ..none },
            Some(Value::Object(_)) if atom.map.is_some() => Atom { map: atom.map, ..none },
            _ => atom,
        }
    }
}

fn kind(scalar: Scalar) -> Kind {
    match scalar {
        Scalar::String | Scalar::Bytes | Scalar::Duration => Kind::Text,
        Scalar::Bool => Kind::Bool,
        Scalar::Int32 | Scalar::Int64 | Scalar::Float64 => Kind::Number,
        Scalar::Quantity | Scalar::Time | Scalar::MicroTime | Scalar::IntOrString => Kind::Any,
    }
}

impl<'n> Atom<'n> {
    /// What a value is walked by: as a map if it may be one, else as a scalar, else as a list.
    pub(super) fn part(self) -> Part<'n> {
        match (self.map, self.scalar, self.list) {
            (Some(map), _, _) => Part::Map(map),
            (None, Some(scalar), _) => Part::Scalar(scalar),
            (None, None, Some(list)) => Part::List(list),
            (None, None, None) => Part::Scalar(Kind::Any),
        }
    }

    /// Whether two deductions from one type came to the same.
    pub(super) fn is_same(self, other: Self) -> bool {
        let shape = |atom: Self| (atom.scalar.is_some(), atom.list.is_some(), atom.map.is_some());
        shape(self) == shape(other)
    }
}

impl<'n> MapAtom<'n> {
    fn declared(self, name: &str) -> Option<&'n Field> {
        self.of.and_then(|(node, _)| node.as_struct()).and_then(|of| of.field(name))
    }

    /// The type of a declared field.
    pub(super) fn field(self, name: &str) -> Option<Type<'n>> {
        let preserves = self.of.is_some_and(|(_, preserves)| preserves);
        if let Some(field) = self.declared(name) {
            return Some(Type::inside(&field.node, Some(&field.patch), preserves));
        }
        if !self.is_object {
            return None;
        }
        match name {
            "apiVersion" | "kind" => Some(Type::inside(&TEXT, None, false)),
            "metadata" => builtin::named("meta/v1", "ObjectMeta").map(|node| Type::inside(node, None, false)),
            _ => None,
        }
    }

    /// The type under a key: the declared field's, or that of all other keys.
    pub(super) fn child(self, name: &str) -> Option<Type<'n>> {
        self.field(name).or(self.element)
    }

    /// Whether the type follows from the values alone.
    pub(super) fn is_deduced(self) -> bool {
        let has_fields =
            self.is_object || self.of.and_then(|(node, _)| node.as_struct()).is_some_and(|of| !of.fields.is_empty());
        matches!(self.element, Some(Type::Deduced)) && !has_fields
    }

    /// The default of a declared field, as the published schema has it: the declared one or, for a scalar that Go
    /// always writes, its zero.
    pub(super) fn default(self, name: &str) -> Option<Cow<'n, Value>> {
        let field = self.declared(name)?;
        if let Some(default) = &field.node.default {
            return Some(Cow::Borrowed(default));
        }
        if field.presence != Presence::Always || field.node.pointer {
            return None;
        }
        match &field.node.shape {
            Shape::Scalar(Scalar::String) => Some(Cow::Owned(Value::from(""))),
            Shape::Scalar(Scalar::Bool) => Some(Cow::Owned(Value::from(false))),
            Shape::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Float64) => Some(Cow::Owned(Value::from(0))),
            _ => None,
        }
    }
}
