//! Owners across a write: who owns what once an object has changed, and what an apply makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::conflict::Conflicts;
use super::field_set::FieldSet;
use super::managed::{Identity, Managed, Owned};
use super::typed::{Comparison, Type, compare, field_set, merge, reconcile, remove_items};
use super::{Manager, Operation, Reset, value};
use crate::schema::Node;

/// What a write is judged by: the schemas by version, and the fields that it can't own.
pub(super) struct Updater<'a> {
    pub(super) node: &'a Node,
    pub(super) manager: &'a Manager<'a>,
    pub(super) reset: Reset<'a>,
}

impl<'a> Updater<'a> {
    /// The type of the object in a version; `None` for a version that we don't know.
    fn type_in(&self, api_version: &str) -> Option<Type<'a>> {
        if api_version == self.manager.api_version {
            return Some(Type::object(self.node));
        }
        let sibling = self.manager.siblings.iter().find(|(version, _)| *version == api_version);
        sibling.map(|(_, node)| Type::object(node))
    }

    fn filter(&self, set: FieldSet) -> FieldSet {
        match self.reset {
            Reset::Fields([]) => set,
            Reset::Fields(paths) => set.recursive_difference(&FieldSet::from_dotted(paths.iter().copied())),
            Reset::AllBut(patterns) => {
                let patterns: Vec<Vec<&str>> = patterns.iter().map(|pattern| pattern.split('.').collect()).collect();
                set.include(&patterns)
            }
        }
    }

    fn compare(&self, before: &Value, after: &Value, of: Type<'_>) -> Comparison {
        let Comparison { added, modified, removed } = compare(before, after, of);
        Comparison { added: self.filter(added), modified: self.filter(modified), removed: self.filter(removed) }
    }

    /// The owners with sets that fit the schema of today, without those in versions that we don't know.
    fn reconciled(&self, managed: Managed) -> Managed {
        let known = managed.into_iter().filter_map(|(identity, owned)| {
            let of = self.type_in(&owned.api_version)?;
            let fields = reconcile(&owned.fields, of).unwrap_or(owned.fields);
            Some((identity, Owned { fields, ..owned }))
        });
        known.collect()
    }

    /// Takes from all owners but `writer` what the write changed. Says what it changed.
    fn settle(
        &self,
        (before, after): (&Value, &Value),
        managed: &mut Managed,
        writer: Option<&Identity>,
        force: bool,
    ) -> Result<Comparison, Conflicts> {
        let own = self.compare(before, after, Type::object(self.node));
        let mut others: BTreeMap<Arc<str>, Comparison> = BTreeMap::new();
        let mut changed = Vec::new();
        for (identity, owned) in managed.iter().filter(|(identity, _)| Some(*identity) != writer) {
            let comparison = if *owned.api_version == *self.manager.api_version {
                &own
            } else {
                let of = self.type_in(&owned.api_version).expect("owners in unknown versions are dropped before");
                let compare = || self.compare(before, after, of);
                others.entry(Arc::clone(&owned.api_version)).or_insert_with(compare)
            };
            let taken = owned.fields.intersection(&comparison.modified.union(&comparison.added));
            let rest = owned.fields.difference(&taken).difference(&comparison.removed);
            changed.push((identity.clone(), taken, rest));
        }
        let conflicts = changed.iter().filter(|(_, taken, _)| !taken.is_empty());
        let conflicts = conflicts.map(|(identity, taken, _)| (identity, &managed[identity], taken.clone()));
        let conflicts = Conflicts::new(conflicts);
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        for (identity, _, rest) in changed {
            if let Some(owned) = managed.get_mut(&identity) {
                owned.fields = rest;
            }
        }
        managed.retain(|_, owned| !owned.fields.is_empty());
        Ok(own)
    }

    /// Works out the owners after a write that did not apply. Returns them, and what the write changed.
    pub(super) fn update(&self, before: &Value, after: &Value, managed: Managed) -> (Managed, FieldSet) {
        let mut managed = self.reconciled(managed);
        match self.settle((before, after), &mut managed, None, true) {
            Ok(changes) => {
                let changed = changes.modified.union(&changes.added);
                (managed, changed)
            }
            // Forced: there are no conflicts.
            Err(_) => (managed, FieldSet::new()),
        }
    }

    /// Applies `config`. Returns the new object, `None` where nothing changed, and the owners.
    pub(super) fn apply(
        &self,
        live: &Value,
        config: &Value,
        managed: &Managed,
        applier: &Identity,
        force: bool,
    ) -> Result<(Option<Value>, Managed), Conflicts> {
        debug_assert_eq!(applier.operation, Operation::Apply, "only appliers apply");
        let of = Type::object(self.node);
        let mut managed = self.reconciled(managed.clone());
        let merged = merge(live, config, of);
        let fields = self.filter(field_set(config, of));
        let owned = Owned {
            fields,
            api_version: self.manager.api_version.into(),
            time: managed.get(applier).and_then(|owned| owned.time),
        };
        let last = managed.insert(applier.clone(), owned);
        let new = match last {
            Some(last) if !last.fields.is_empty() => self.prune(merged, &managed, &last),
            _ => merged,
        };
        self.settle((live, &new), &mut managed, Some(applier), force)?;
        Ok(((!value::equal(live, &new)).then_some(new), managed))
    }

    /// Takes out of the merged object what its applier applied before and applies no longer, unless others own it.
    fn prune(&self, merged: Value, managed: &Managed, last: &Owned) -> Value {
        let Some(of) = self.type_in(&last.api_version) else { return merged };
        let last_fields = last.fields.ensure_named_fields_are_members(Some(of));
        let pruned = remove_items(&merged, &last_fields, of);
        let pruned = self.add_back_owned(&merged, pruned, &last.api_version, managed);
        add_back_dangling(&merged, &pruned, &last_fields, of)
    }

    /// What somebody owns, now that the applier owns what it applies, stays; the version that was pruned in comes
    /// first.
    fn add_back_owned(&self, merged: &Value, mut pruned: Value, first: &str, managed: &Managed) -> Value {
        let mut by_version: BTreeMap<&str, FieldSet> = BTreeMap::new();
        for owned in managed.values() {
            let fields = by_version.entry(&owned.api_version).or_default();
            *fields = fields.union(&owned.fields);
        }
        let first = by_version.remove_entry(first);
        for (version, fields) in first.into_iter().chain(by_version) {
            let Some(of) = self.type_in(version) else { continue };
            let named = |set: &FieldSet| set.ensure_named_fields_are_members(Some(of));
            let in_merged = named(&field_set(merged, of));
            let keeps = named(&field_set(&pruned, of)).union(&named(&fields));
            pruned = remove_items(merged, &in_merged.difference(&keeps), of);
        }
        pruned
    }
}

/// Takes out only what the applier's last set had: what nobody ever owned, or what came with the pruning of a whole list
/// element, stays.
fn add_back_dangling(merged: &Value, pruned: &Value, last: &FieldSet, of: Type<'_>) -> Value {
    let in_pruned = field_set(pruned, of).ensure_named_fields_are_members(Some(of));
    let in_merged = field_set(merged, of).ensure_named_fields_are_members(Some(of));
    remove_items(merged, &in_merged.difference(&in_pruned).intersection(last), of)
}
