//! Conflicts: fields that an apply would change and others own.

use std::fmt;

use super::Operation;
use super::element::Path;
use super::field_set::FieldSet;
use super::managed::{Identity, Owned};
use crate::go;

/// The conflicts of one apply. Display is the message of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// By owner, owners in order.
    conflicts: Vec<Conflict>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Conflict {
    owner: String,
    path: Path,
}

/// A cause of the answer; its type is `FieldManagerConflict`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `conflict with "kubectl" using apps/v1`.
    pub message: String,
    /// `.spec.replicas`.
    pub field: String,
}

impl Conflicts {
    /// The conflicts with these owners over these fields.
    pub(super) fn new<'m>(owners: impl IntoIterator<Item = (&'m Identity, &'m Owned, FieldSet)>) -> Self {
        let mut conflicts = Vec::new();
        for (identity, owned, fields) in owners {
            let owner = describe(identity, owned);
            conflicts.extend(fields.paths().into_iter().map(|path| Conflict { owner: owner.clone(), path }));
        }
        Self { conflicts }
    }

    /// The causes, one for each field and owner.
    #[must_use]
    pub fn causes(&self) -> Vec<Cause> {
        let conflicts = self.conflicts.iter();
        let cause = |conflict: &Conflict| Cause {
            message: format!("conflict with {}", conflict.owner),
            field: conflict.path.to_string(),
        };
        conflicts.map(cause).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conflicts.is_empty()
    }

    /// The conflicts that are not about these fields.
    pub(super) fn without(self, fields: &FieldSet) -> Self {
        let conflicts = self.conflicts.into_iter().filter(|conflict| !fields.has(&conflict.path.0));
        Self { conflicts: conflicts.collect() }
    }
}

fn describe(identity: &Identity, owned: &Owned) -> String {
    let mut out = go::quote(&identity.manager);
    if !identity.subresource.is_empty() {
        out.push_str(&format!(" with subresource {}", go::quote(&identity.subresource)));
    }
    if identity.operation == Operation::Update {
        out.push_str(&format!(" using {}", owned.api_version));
    }
    out
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.conflicts.as_slice() {
            return write!(f, "Apply failed with 1 conflict: conflict with {}: {}", only.owner, only.path);
        }
        write!(f, "Apply failed with {} conflicts: ", self.conflicts.len())?;
        let mut owner = None;
        for conflict in &self.conflicts {
            if owner != Some(&conflict.owner) {
                if owner.is_some() {
                    writeln!(f)?;
                }
                write!(f, "conflicts with {}:", conflict.owner)?;
                owner = Some(&conflict.owner);
            }
            write!(f, "\n- {}", conflict.path)?;
        }
        Ok(())
    }
}
