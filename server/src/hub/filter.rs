//! Which objects a watcher or a list wants.

use std::fmt;
use std::sync::Arc;

use howdah_api::{Key, KeyPrefix};

use super::entry::Entry;

/// Decides by labels and fields.
pub type Predicate = Arc<dyn Fn(&Entry) -> bool + Send + Sync>;

/// A selector: nothing, or a predicate and what is known about it.
#[derive(Clone, Default)]
pub struct Filter {
    predicate: Option<Predicate>,
    exact: Vec<(Box<str>, Box<str>)>,
}

impl Filter {
    /// Every object.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The objects for which `predicate` holds. It must depend on the object alone.
    #[must_use]
    pub fn new(predicate: Predicate) -> Self {
        Self { predicate: Some(predicate), exact: Vec::new() }
    }

    /// Notes that the predicate holds only where the field `label` is exactly `value` (`spec.nodeName=n1`), so that
    /// events of other objects need not even be shown to it.
    #[must_use]
    pub fn exact(mut self, label: &str, value: &str) -> Self {
        self.exact.push((label.into(), value.into()));
        self
    }

    /// Whether it wants every object.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.predicate.is_none()
    }

    /// Whether it wants this object.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.predicate.as_ref().is_none_or(|predicate| predicate(entry))
    }

    /// An exact term by which events can be routed: one that is no part of the key.
    pub(super) fn route(&self) -> Option<&(Box<str>, Box<str>)> {
        self.exact.iter().find(|(label, value)| !label.starts_with("metadata.") && !value.is_empty())
    }

    pub(super) fn exact_value(&self, label: &str) -> Option<&str> {
        self.exact.iter().find(|(own, _)| &**own == label).map(|(_, value)| &**value)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("all", &self.is_all()).field("exact", &self.exact).finish()
    }
}

/// The part of a resource that a watcher sees, by key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of it.
    All,
    /// One namespace.
    Namespace(Box<str>),
    /// One object.
    Object {
        /// Its namespace, where the resource has namespaces.
        namespace: Option<Box<str>>,
        /// Its name.
        name: Box<str>,
    },
}

/// A scope as keys.
#[derive(Debug, Clone)]
pub(super) enum Keys {
    Prefix(KeyPrefix),
    One(Key),
    /// Names or namespaces that no object can have.
    None,
}

impl Keys {
    pub(super) fn contains(&self, key: &Key) -> bool {
        match self {
            Self::Prefix(prefix) => key.is_below(prefix),
            Self::One(one) => one == key,
            Self::None => false,
        }
    }
}

impl Scope {
    /// Narrows by the filter's exact name and namespace.
    pub(super) fn narrowed(self, filter: &Filter, namespaced: bool) -> Self {
        let exact_namespace = || filter.exact_value("metadata.namespace").filter(|_| namespaced).map(Box::from);
        let name = filter.exact_value("metadata.name").map(Box::from);
        let (namespace, name) = match (self, name) {
            (scope @ Self::Object { .. }, _) => return scope,
            (Self::Namespace(namespace), name) => (Some(namespace), name),
            (Self::All, name) => (exact_namespace(), name),
        };
        match (namespace, name) {
            (None, Some(name)) if !namespaced => Self::Object { namespace: None, name },
            (Some(namespace), Some(name)) if namespaced => Self::Object { namespace: Some(namespace), name },
            (Some(namespace), _) if namespaced => Self::Namespace(namespace),
            _ => Self::All,
        }
    }

    pub(super) fn keys(&self, group: &str, plural: &str) -> Keys {
        match self {
            Self::All => KeyPrefix::new(group, plural, None).map_or(Keys::None, Keys::Prefix),
            Self::Namespace(namespace) => {
                KeyPrefix::new(group, plural, Some(namespace)).map_or(Keys::None, Keys::Prefix)
            }
            Self::Object { namespace, name } => {
                Key::new(group, plural, namespace.as_deref(), name).map_or(Keys::None, Keys::One)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_narrow_the_scope() {
        let by = |label, value| Filter::new(Arc::new(|_| true)).exact(label, value);
        let object = |namespace: Option<&str>| Scope::Object { namespace: namespace.map(Box::from), name: "a".into() };
        let inside = Scope::Namespace("d".into());
        for (scope, filter, namespaced, expected) in [
            (Scope::All, Filter::all(), true, Scope::All),
            (Scope::All, by("metadata.name", "a"), false, object(None)),
            (Scope::All, by("metadata.name", "a"), true, Scope::All),
            (inside.clone(), by("metadata.name", "a"), true, object(Some("d"))),
            (Scope::All, by("metadata.namespace", "d"), true, inside.clone()),
            (Scope::All, by("metadata.namespace", "d").exact("metadata.name", "a"), true, object(Some("d"))),
            (inside.clone(), by("metadata.namespace", "other"), true, inside),
        ] {
            assert_eq!(scope.narrowed(&filter, namespaced), expected);
        }
    }
}
