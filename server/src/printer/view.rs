//! Reading an object's fields by path.
//!
//! A [`View`] stands somewhere in an object and reads what is below it: `view.text("spec.nodeName")`. What is absent or of
//! another type reads as Go's zero value, as a printer upstream sees it, so that no stored object can fail to print.
//! Beside the value goes the schema's node: with debug assertions every path is checked against it, so that a test of a
//! printer finds a misspelt field even where the object lacks it.

use howdah_api::schema::{Node, Shape, builtin};
use howdah_api::time::{Layout, Time};
use serde_json::{Map, Value};

use super::human;

/// A place in an object.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    value: Option<&'a Value>,
    node: Option<&'static Node>,
    now: Time,
}

impl<'a> View<'a> {
    /// A view of a whole object of a built-in kind.
    pub(super) fn of(object: &'a Value, kind: (&str, &str, &str), now: Time) -> Self {
        let node = if cfg!(debug_assertions) { builtin::kind(kind.0, kind.1, kind.2) } else { None };
        Self { value: Some(object), node, now }
    }

    /// When this is printed.
    pub(super) fn now(self) -> Time {
        self.now
    }

    /// What stands at `path`: names with dots between them.
    pub(super) fn at(self, path: &str) -> Self {
        path.split('.').fold(self, Self::step)
    }

    fn step(self, name: &str) -> Self {
        let node = self.node.and_then(|node| {
            let child = node.child(name);
            debug_assert!(child.is_some(), "{} has no field {name}", node.go_type());
            child
        });
        Self { value: self.value.and_then(|value| value.get(name)), node, now: self.now }
    }

    /// The value under a key of a map, which may contain dots.
    pub(super) fn key(self, key: &str) -> Self {
        self.step(key)
    }

    /// Whether something stands here that isn't null.
    pub(super) fn is_some(self) -> bool {
        self.value.is_some_and(|value| !value.is_null())
    }

    /// Whether something stands at `path` that isn't null.
    pub(super) fn has(self, path: &str) -> bool {
        self.at(path).is_some()
    }

    /// The text at `path`, or the empty one.
    pub(super) fn text(self, path: &str) -> &'a str {
        self.at(path).as_text()
    }

    /// The text here, or the empty one.
    pub(super) fn as_text(self) -> &'a str {
        self.value.and_then(Value::as_str).unwrap_or_default()
    }

    /// The text at `path`, or `other` where it is absent or empty.
    pub(super) fn text_or(self, path: &str, other: &'a str) -> &'a str {
        let text = self.text(path);
        if text.is_empty() { other } else { text }
    }

    /// The text at `path` where there is one, be it empty, else `other`: Go's pointer to a string.
    pub(super) fn present_or(self, path: &str, other: &'a str) -> &'a str {
        let found = self.at(path);
        if found.is_some() { found.as_text() } else { other }
    }

    /// The number at `path`, or 0.
    pub(super) fn int(self, path: &str) -> i64 {
        self.maybe_int(path).unwrap_or_default()
    }

    /// The number at `path`.
    pub(super) fn maybe_int(self, path: &str) -> Option<i64> {
        self.at(path).value.and_then(Value::as_i64)
    }

    /// The bool at `path`, or false.
    pub(super) fn flag(self, path: &str) -> bool {
        self.maybe_flag(path).unwrap_or_default()
    }

    /// The bool at `path`.
    pub(super) fn maybe_flag(self, path: &str) -> Option<bool> {
        self.at(path).value.and_then(Value::as_bool)
    }

    /// The number or text at `path` as text: an int-or-string.
    pub(super) fn int_or_text(self, path: &str) -> String {
        let found = self.at(path);
        found.value.and_then(Value::as_i64).map_or_else(|| found.as_text().to_owned(), |number| number.to_string())
    }

    /// The quantity at `path`, or `0`.
    pub(super) fn quantity(self, path: &str) -> &'a str {
        self.text_or(path, "0")
    }

    /// The elements of the list at `path`.
    pub(super) fn list(self, path: &str) -> impl DoubleEndedIterator<Item = View<'a>> + ExactSizeIterator {
        let found = self.at(path);
        let node = found.node.and_then(|node| match &node.shape {
            Shape::List(list) => Some(&*list.element),
            _ => None,
        });
        debug_assert!(found.node.is_none() || node.is_some(), "{path} is no list");
        let items = found.value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        items.iter().map(move |item| View { value: Some(item), node, now: self.now })
    }

    /// The texts of the list at `path`, joined by commas.
    pub(super) fn joined(self, path: &str) -> String {
        self.list(path).map(View::as_text).collect::<Vec<_>>().join(",")
    }

    /// The map at `path`.
    pub(super) fn map(self, path: &str) -> Option<&'a Map<String, Value>> {
        self.at(path).value.and_then(Value::as_object)
    }

    /// How many elements or entries there are at `path`.
    pub(super) fn count(self, path: &str) -> i64 {
        let count = match self.at(path).value {
            Some(Value::Array(list)) => list.len(),
            Some(Value::Object(map)) => map.len(),
            _ => 0,
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// The time at `path`, of either layout; `None` for Go's zero time too.
    pub(super) fn time(self, path: &str) -> Option<Time> {
        let time = Time::parse(self.text(path), Layout::Seconds).ok()?;
        (!time.is_zero()).then_some(time)
    }

    /// How long ago the time at `path` was, as people read it; `<unknown>` without one.
    pub(super) fn since(self, path: &str) -> String {
        self.time(path).map_or_else(|| "<unknown>".to_owned(), |then| human::since(then, self.now))
    }

    /// The object's name.
    pub(super) fn name(self) -> &'a str {
        self.text("metadata.name")
    }

    /// The object's age.
    pub(super) fn age(self) -> String {
        self.since("metadata.creationTimestamp")
    }

    /// Whether the object is being deleted.
    pub(super) fn is_deleted(self) -> bool {
        self.has("metadata.deletionTimestamp")
    }

    /// An annotation, or the empty text.
    pub(super) fn annotation(self, key: &str) -> &'a str {
        self.at("metadata.annotations").key(key).as_text()
    }

    /// The first condition of this type in the list at `path`.
    pub(super) fn condition(self, path: &str, kind: &str) -> Option<View<'a>> {
        self.list(path).find(|condition| condition.text("type") == kind)
    }
}
