//! Field sets: which parts of an object somebody owns or a write touched.
//!
//! A set is a tree of path elements, ordered; an element may be a member, have children that are, or both. An element
//! that is neither does not stay in a set, so that equal sets are equal trees.

use super::element::{Path, PathElement};
use super::typed::Type;

/// A set of paths. The empty path is never a member: nobody owns a whole object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    entries: Vec<Entry>,
}

/// One element with what is known of it. Either `member` holds or `children` is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) element: PathElement,
    pub(super) member: bool,
    pub(super) children: FieldSet,
}

impl FieldSet {
    /// A set without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The set of fields below these dotted paths: `metadata.labels`.
    pub fn from_dotted<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut set = Self::new();
        for path in paths {
            let path: Vec<_> = path.split('.').map(PathElement::field).collect();
            set.insert(&path);
        }
        set
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn find(&self, element: &PathElement) -> Result<usize, usize> {
        // Sets are mostly built in order.
        match self.entries.last() {
            Some(last) if last.element < *element => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|entry| entry.element.cmp(element)),
        }
    }

    pub(super) fn entry(&self, element: &PathElement) -> Option<&Entry> {
        self.find(element).ok().map(|at| &self.entries[at])
    }

    /// Adds an element with its children; what stands there already is united with it. Nothing is added where it is no
    /// member and has no children.
    pub(super) fn attach(&mut self, element: PathElement, member: bool, children: Self) {
        if !member && children.is_empty() {
            return;
        }
        match self.find(&element) {
            Ok(at) => {
                let entry = &mut self.entries[at];
                entry.member |= member;
                entry.children = if entry.children.is_empty() { children } else { entry.children.union(&children) };
            }
            Err(at) => self.entries.insert(at, Entry { element, member, children }),
        }
    }

    /// Adds a path. The empty path is ignored.
    pub fn insert(&mut self, path: &[PathElement]) {
        if let Some((last, before)) = path.split_last() {
            let leaf = (last, true, Self::new());
            let (first, member, children) = before.iter().rev().fold(leaf, |(element, member, children), above| {
                let mut set = Self::new();
                set.attach(element.clone(), member, children);
                (above, false, set)
            });
            self.attach(first.clone(), member, children);
        }
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.iter().map(|entry| usize::from(entry.member) + entry.children.len()).sum()
    }

    /// Whether the path is a member.
    #[must_use]
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.has_element(last),
            [first, rest @ ..] => self.entry(first).is_some_and(|entry| entry.children.has(rest)),
        }
    }

    pub(super) fn has_element(&self, element: &PathElement) -> bool {
        self.entry(element).is_some_and(|entry| entry.member)
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| match (a, b) {
            (Some(a), Some(b)) => Some(Entry {
                element: if b.member { b.element.clone() } else { a.element.clone() },
                member: a.member || b.member,
                children: a.children.union(&b.children),
            }),
            (only, None) | (None, only) => only.cloned(),
        })
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| {
            let (a, b) = (a?, b?);
            Some(Entry {
                element: a.element.clone(),
                member: a.member && b.member,
                children: a.children.intersection(&b.children),
            })
        })
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| match (a?, b) {
            (a, None) => Some(a.clone()),
            (a, Some(b)) => Some(Entry {
                element: a.element.clone(),
                member: a.member && !b.member,
                children: a.children.difference(&b.children),
            }),
        })
    }

    /// What is in this set and neither in the other nor below a member of the other.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| match (a?, b) {
            (_, Some(b)) if b.member => None,
            (a, None) => Some(a.clone()),
            (a, Some(b)) => Some(Entry {
                element: a.element.clone(),
                member: a.member,
                children: a.children.recursive_difference(&b.children),
            }),
        })
    }

    /// Walks both sets side by side in order and keeps what `join` makes of each pair, if anything is left of it.
    fn zip(&self, other: &Self, join: impl Fn(Option<&Entry>, Option<&Entry>) -> Option<Entry>) -> Self {
        let mut entries = Vec::with_capacity(self.entries.len());
        let (mut ours, mut theirs) = (self.entries.iter().peekable(), other.entries.iter().peekable());
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return Self { entries },
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.element.cmp(&b.element),
            };
            let a = if order.is_le() { ours.next() } else { None };
            let b = if order.is_ge() { theirs.next() } else { None };
            entries.extend(join(a, b).filter(|entry| entry.member || !entry.children.is_empty()));
        }
    }

    /// The set with every declared field that has members below it as a member too.
    pub(super) fn ensure_named_fields_are_members(&self, of: Option<Type<'_>>) -> Self {
        let Some(of) = of else { return self.clone() };
        let atom = of.resolve();
        let entries = self.entries.iter().map(|entry| {
            let mut member = entry.member;
            let below = match (&entry.element, &atom.map, &atom.list) {
                (PathElement::Field(name), Some(map), _) => {
                    let declared = map.field(name);
                    member |= declared.is_some() && !entry.children.is_empty();
                    declared.or(map.element)
                }
                (PathElement::Key(_), _, Some(list)) => Some(list.element),
                _ => None,
            };
            let children = entry.children.ensure_named_fields_are_members(below);
            Entry { element: entry.element.clone(), member, children }
        });
        Self { entries: entries.collect() }
    }

    /// The members that have no members below them.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let entries = self.entries.iter().map(|entry| Entry {
            element: entry.element.clone(),
            member: entry.member && entry.children.is_empty(),
            children: entry.children.leaves(),
        });
        Self { entries: entries.collect() }
    }

    /// The members of which every step matches the pattern, and what is below a pattern's end; `*` in a dotted pattern
    /// stands for any element.
    pub(super) fn include(&self, patterns: &[Vec<&str>]) -> Self {
        if patterns.iter().any(Vec::is_empty) {
            return self.clone();
        }
        let entries = self.entries.iter().filter_map(|entry| {
            let matches =
                |step: &&str| *step == "*" || matches!(&entry.element, PathElement::Field(f) if **f == **step);
            let below: Vec<Vec<&str>> = patterns
                .iter()
                .filter(|pattern| pattern.first().is_some_and(matches))
                .map(|pattern| pattern[1..].to_vec())
                .collect();
            let children = if below.is_empty() { Self::new() } else { entry.children.include(&below) };
            let member = entry.member && !below.is_empty();
            (member || !children.is_empty()).then(|| Entry { element: entry.element.clone(), member, children })
        });
        Self { entries: entries.collect() }
    }

    /// All members; on each level those that are members come before what is below any of them.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, out: &mut Vec<Path>) {
        for entry in self.entries.iter().filter(|entry| entry.member) {
            let mut path = prefix.clone();
            path.push(entry.element.clone());
            out.push(Path(path));
        }
        for entry in self.entries.iter().filter(|entry| !entry.children.is_empty()) {
            prefix.push(entry.element.clone());
            entry.children.collect(prefix, out);
            prefix.pop();
        }
    }
}

impl FromIterator<Path> for FieldSet {
    fn from_iter<T: IntoIterator<Item = Path>>(paths: T) -> Self {
        let mut set = Self::new();
        for path in paths {
            set.insert(&path.0);
        }
        set
    }
}
