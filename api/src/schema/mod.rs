//! The schema tree: what the API says about every field, in one structure.
//!
//! **Job.** One tree serves the checks for unknown and duplicate fields, pruning, defaulting, strategic merge patches,
//! server-side apply, OpenAPI and the protobuf codec. Built-in kinds come from the tables in `table/`, the maintained
//! source (`table.rs` describes their form); custom kinds build the same structure at run time, with [`Node`]'s and
//! [`Struct`]'s constructors.
//!
//! **Shape.** A [`Node`] is one *use* of a type: a field's, a list's elements, a map's values. It carries what may
//! differ from use to use (pointer, default, atomic or granular) and a [`Shape`]. A [`Shape::Struct`] refers to its
//! [`Struct`] by name for built-in types, so that recursive types (`JSONSchemaProps`) are no special case, or holds
//! it by `Arc` for types built at run time. So a node needs no arena and no lifetime beside its own: walking a tree is
//!
//! ```
//! use howdah_api::schema::{Shape, builtin};
//! let pod = builtin::kind("", "v1", "Pod").expect("a built-in kind");
//! let Shape::Struct(pod) = &pod.shape else { panic!("a kind is a struct") };
//! let spec = pod.get().field("spec").expect("pods have a spec");
//! let Shape::Struct(spec) = &spec.node.shape else { panic!("a spec is a struct") };
//! assert_eq!(spec.get().field("containers").expect("and containers").patch.merge_key.as_deref(), Some("name"));
//! ```
//!
//! **Two sets of keys.** Strategic merge reads [`Field::patch`], server-side apply reads [`List::kind`] and
//! [`Node::is_atomic`]. They differ on purpose, as upstream's do: a container's `ports` merge by `containerPort` alone
//! and apply by `containerPort` and `protocol`.
//!
//! **How to build on it.** Walk a value and a node side by side, as [`crate::tree::normalise`] does:
//!
//! - *Pruning, unknown fields*: a key that [`Struct::field`] doesn't know goes, unless the node's [`Extension`]
//!   preserves it; [`crate::codec::json::decode`] does it while it reads.
//! - *Defaulting*: where a field is absent, [`Node::default`]; upstream's defaults by code are strategies' business.
//! - *Strategic merge*: [`Field::patch`] says whether a list merges, by which key, and whether `retainKeys` holds; a
//!   list without `merge` is replaced; maps and structs merge by key; raw JSON is replaced.
//! - *Apply*: [`Node::is_atomic`] ends the descent; [`ListType::Map`]'s keys make path elements (with the keys' own
//!   defaults, such as a port's protocol), [`ListType::Set`]'s elements are values.
//! - *OpenAPI*: [`Field::required`], [`Named::values`] where [`Named::published`], [`builtin::kinds`].
//!
//! **Go's view.** Presence ([`Presence`], [`Node::pointer`]) says what Go's encoder leaves out and what it writes
//! although nobody set it; [`Node::go_type`] gives Go's name of a type. Both show on the wire: in `"resources": {}`,
//! and in the sentences about values of the wrong type.
//!
//! **Invariants.** Built-in structs are parsed once, when they are first asked for; starting costs nothing. A field's
//! name is unique in its struct. Absent: validation rules and printer columns; [`Extension::rules`] is the place for
//! CEL rules and carries them unread.

mod builtin_cell;
mod field;
mod node;
mod table;

pub mod builtin;

pub use field::{Embedded, Field, Member, Patch, Presence, Struct, StructRef};
pub use node::{Either, Extension, List, ListType, Map, Named, Node, Raw, Rule, Scalar, Shape};
