//! Structs and their fields. See the parent module.

use std::borrow::Cow;
use std::sync::Arc;

use super::builtin_cell::Cell;
use super::node::Node;

/// An object with known fields.
#[derive(Debug)]
pub struct Struct {
    /// Go's name: `PodSpec`. Empty for a struct of a custom resource.
    pub name: Cow<'static, str>,
    /// The package's path: `core/v1`. Empty for a struct of a custom resource.
    pub package: Cow<'static, str>,
    /// Whether apply treats it as one value (`x-kubernetes-map-type: atomic`), unless the use says otherwise.
    pub atomic: bool,
    /// All fields in Go's order, those of embedded structs among them.
    pub fields: Vec<Field>,
    /// The structs that are embedded in this one, in Go's order.
    pub embedded: Vec<Embedded>,
    /// What has a protobuf number, ordered by it.
    pub members: Vec<Member>,
    /// Indices into `fields`, ordered by name.
    by_name: Vec<u16>,
}

/// A field of a struct.
#[derive(Debug, Clone)]
pub struct Field {
    /// The name in JSON.
    pub name: Cow<'static, str>,
    /// What stands there.
    pub node: Node,
    /// When it is written.
    pub presence: Presence,
    /// Whether the published schema lists it as required.
    pub required: bool,
    /// The protobuf number, in the message of the struct that declares it.
    pub number: Option<u32>,
    /// How strategic merge treats it.
    pub patch: Patch,
    /// The feature gates that it belongs to.
    pub gates: Vec<Cow<'static, str>>,
    /// The embedded struct that declares it, as an index into [`Struct::embedded`].
    pub embedded: Option<u16>,
}

/// A struct whose fields stand among those of the one that embeds it.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// The struct.
    pub of: StructRef,
    /// The number of the message that carries it in protobuf, where JSON knows no such level. `None` where protobuf
    /// leaves it out (`TypeMeta`).
    pub number: Option<u32>,
}

/// What has a protobuf number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The number.
    pub number: u32,
    /// An index into [`Struct::embedded`] if `is_embedded`, else into [`Struct::fields`].
    pub index: u16,
    /// Whether it is an embedded struct.
    pub is_embedded: bool,
}

/// When Go's encoder writes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// Always: a field that nobody set appears with its zero value.
    Always,
    /// `omitempty`: not when it is false, 0, a nil pointer, or an empty string, list or map. Structs are never empty.
    OmitEmpty,
    /// `omitempty,omitzero`: not when it is the zero value, structs included.
    OmitZero,
    /// As it is: fields of custom resources are written if they are there.
    #[default]
    AsIs,
}

/// How strategic merge treats a field (`patchStrategy`, `patchMergeKey`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// `merge`: a list is merged element by element. Without it, lists are replaced.
    pub merge: bool,
    /// `replace`, named explicitly.
    pub replace: bool,
    /// `retainKeys`: what the patch does not name is cleared.
    pub retain_keys: bool,
    /// The field that tells elements apart; `None` for a list of scalars.
    pub merge_key: Option<Cow<'static, str>>,
}

/// A reference to a struct.
#[derive(Clone)]
pub struct StructRef(Inner);

#[derive(Clone)]
enum Inner {
    Builtin(&'static Cell),
    Owned(Arc<Struct>),
}

impl StructRef {
    pub(super) fn builtin(cell: &'static Cell) -> Self {
        Self(Inner::Builtin(cell))
    }

    /// The struct. A built-in one is parsed when it is first asked for.
    #[must_use]
    pub fn get(&self) -> &Struct {
        match &self.0 {
            Inner::Builtin(cell) => cell.get(),
            Inner::Owned(of) => of,
        }
    }
}

impl From<Arc<Struct>> for StructRef {
    fn from(of: Arc<Struct>) -> Self {
        Self(Inner::Owned(of))
    }
}

impl std::fmt::Debug for StructRef {
    // Only the name: a recursive struct has no finite text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Inner::Builtin(cell) => write!(f, "StructRef({})", cell.name()),
            Inner::Owned(of) => write!(f, "StructRef({})", of.name),
        }
    }
}

impl Struct {
    /// A struct without Go names, as custom resources have them. Of two fields with one name the first is kept.
    #[must_use]
    pub fn new(fields: Vec<Field>) -> Self {
        Self::assemble(Cow::Borrowed(""), Cow::Borrowed(""), false, fields, Vec::new())
    }

    pub(super) fn assemble(
        name: Cow<'static, str>,
        package: Cow<'static, str>,
        atomic: bool,
        mut fields: Vec<Field>,
        embedded: Vec<Embedded>,
    ) -> Self {
        // u16 indices: the largest struct of upstream has 46 fields; what exceeds them can't be reached and is dropped.
        fields.truncate(usize::from(u16::MAX));
        let mut by_name = order(&fields);
        let same = |pair: &[u16]| fields[usize::from(pair[0])].name == fields[usize::from(pair[1])].name;
        if by_name.windows(2).any(same) {
            let mut seen = std::collections::HashSet::new();
            fields.retain(|field| seen.insert(field.name.clone()));
            by_name = order(&fields);
        }
        let own = fields.iter().zip(0u16..).filter(|(field, _)| field.embedded.is_none());
        let own = own.filter_map(|(field, index)| Some(Member { number: field.number?, index, is_embedded: false }));
        let inner = embedded.iter().zip(0u16..);
        let inner = inner.filter_map(|(of, index)| Some(Member { number: of.number?, index, is_embedded: true }));
        let mut members: Vec<Member> = own.chain(inner).collect();
        members.sort_unstable_by_key(|member| member.number);
        Self { name, package, atomic, fields, embedded, members, by_name }
    }

    /// The field with this name in JSON; case matters.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|index| &self.fields[index])
    }

    /// Where the field with this name stands in [`Struct::fields`].
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        let found = self.by_name.binary_search_by(|index| (*self.fields[usize::from(*index)].name).cmp(name));
        found.ok().map(|at| usize::from(self.by_name[at]))
    }

    /// The same, looked for at `from` and a little behind it first: what was read or written in order is there.
    pub(crate) fn position_from(&self, from: usize, name: &str) -> Option<usize> {
        let near = self.fields.iter().skip(from).take(12).position(|field| field.name == name);
        near.map(|at| from + at).or_else(|| self.position(name))
    }

    /// The member with this protobuf number.
    #[must_use]
    pub fn member(&self, number: u32) -> Option<Member> {
        let found = self.members.binary_search_by_key(&number, |member| member.number);
        found.ok().map(|at| self.members[at])
    }

    /// Whether it embeds `TypeMeta`: whether it is a kind.
    #[must_use]
    pub fn is_kind(&self) -> bool {
        self.embedded.iter().any(|embedded| embedded.of.get().name == "TypeMeta")
    }

    /// Go's name with its package's short name: `v1.PodSpec`.
    #[must_use]
    pub fn go_type(&self) -> String {
        let package = self.package.rsplit('/').next().unwrap_or_default();
        if package.is_empty() { self.name.clone().into_owned() } else { format!("{package}.{}", self.name) }
    }
}

/// The indices of fields, ordered by their names and, among equals, by themselves.
fn order(fields: &[Field]) -> Vec<u16> {
    let mut by_name: Vec<u16> = fields.iter().zip(0..).map(|(_, index)| index).collect();
    by_name.sort_by(|a, b| fields[usize::from(*a)].name.cmp(&fields[usize::from(*b)].name));
    by_name
}

impl Field {
    /// A field that is written as it is, with nothing else said: what a field of a custom resource is.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, node: Node) -> Self {
        Self {
            name: name.into(),
            node,
            presence: Presence::AsIs,
            required: false,
            number: None,
            patch: Patch::default(),
            gates: Vec::new(),
            embedded: None,
        }
    }
}
