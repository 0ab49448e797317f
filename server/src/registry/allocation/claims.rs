//! Performing plans: reading what is taken, writing what was chosen into the Service, and the writes that go with it.
//!
//! The pipeline makes one [`Claims`] a request and asks it at every turn of its loop: [`create`](Claims::create) or
//! [`update`](Claims::update) before the strategy's steps, where upstream allocates too, or
//! [`removal`](Claims::removal); then [`transaction`](Claims::transaction) for what is to be stored, and
//! [`lost`](Claims::lost) about a conflict. For what is no Service all of these do nothing and cost nothing.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use howdah_api::kind::service::allocation::{
    AllocationError, Grant, Plan, Refusal, plan_create, plan_delete, plan_update,
};
use howdah_api::{Key, KeyPrefix};
use howdah_store::{At, List, Operation, Revision, Store, Write};
use rand::RngExt as _;
use serde_json::Value;

use super::choice::{self, Miss, granted, released, wanted};
use super::range::ServiceRanges;
use super::unit::{Sort, Unit, owner_uid};
use crate::registry::call::Call;
use crate::registry::object::meta;
use crate::registry::source::read_error;
use crate::status::{ApiError, Subject};

/// How many choices may be lost to others before the next one is made on a list of what is taken. With a tenth of the
/// range taken, one write in a thousand comes to a list.
pub(super) const GUESSES: usize = 3;
/// How many choices may be lost in all. Each that is lost on a list was lost to somebody who took it meanwhile.
const MOST_LOST: usize = 64;
/// How many keys are looked up at once.
const LOOKUPS: usize = 8;

/// What one request takes and sets free.
pub(in crate::registry) struct Claims<'r>(Option<Work<'r>>);

/// The work for a Service.
struct Work<'r> {
    ranges: &'r ServiceRanges,
    store: &'r Store,
    /// Whether the Service itself is written, and no subresource, which allocates nothing.
    is_whole: bool,
    dry_run: bool,
    /// What somebody had when last seen.
    taken: HashSet<Unit>,
    lost: usize,
    /// What goes with the object's next write.
    writes: Vec<Write>,
    /// The keys of what went with the one before.
    sent: HashSet<Key>,
}

/// Who has a unit.
struct Holding {
    revision: Revision,
    owner_uid: String,
}

impl<'r> Claims<'r> {
    /// The claims of a request.
    pub(in crate::registry) fn new(call: &Call<'r>, dry_run: bool) -> Self {
        let stored = call.served().stored;
        if !stored.group.is_empty() || &*stored.plural != "services" {
            return Self(None);
        }
        let registry = call.registry;
        let is_whole = call.route.subresource_name().is_empty();
        Self::of_service(&registry.services, registry.source.store(), is_whole, dry_run)
    }

    fn of_service(ranges: &'r ServiceRanges, store: &'r Store, is_whole: bool, dry_run: bool) -> Self {
        let (taken, sent) = (HashSet::new(), HashSet::new());
        Self(Some(Work { ranges, store, is_whole, dry_run, taken, lost: 0, writes: Vec::new(), sent }))
    }

    /// What is needed for another turn, where [`create`](Self::create) may lose what it chose.
    pub(in crate::registry) fn copy(&self, object: &Value) -> Option<Value> {
        self.0.as_ref().filter(|work| work.is_whole && !work.dry_run).map(|_| object.clone())
    }

    /// Gives a new Service what it needs. It has its uid.
    pub(in crate::registry) async fn create(&mut self, object: &mut Value) -> Result<(), ApiError> {
        let Some(work) = self.0.as_mut().filter(|work| work.is_whole) else { return Ok(()) };
        let plan = plan_create(object, work.ranges.families()).map_err(|error| unplanned(error, object))?;
        work.perform(object, &plan, "create").await
    }

    /// Gives a changed Service what the change needs.
    pub(in crate::registry) async fn update(&mut self, object: &mut Value, old: &Value) -> Result<(), ApiError> {
        let Some(work) = self.0.as_mut().filter(|work| work.is_whole) else { return Ok(()) };
        let plan = plan_update(object, old, work.ranges.families()).map_err(|error| unplanned(error, object))?;
        // What it has is not to be guessed.
        work.taken.extend(plan_delete(old).into_iter().map(released));
        work.perform(object, &plan, "update").await
    }

    /// Sets free what a Service has that goes as it stands; `read` gives it.
    pub(in crate::registry) async fn removal(
        &mut self,
        read: impl FnOnce() -> Result<Value, ApiError>,
    ) -> Result<(), ApiError> {
        let Some(work) = self.0.as_mut() else { return Ok(()) };
        let mut last = read()?;
        let plan = Plan { allocate: Vec::new(), release: plan_delete(&last) };
        work.perform(&mut last, &plan, "delete").await
    }

    /// The object's write and those that go with it: its own is the first.
    pub(in crate::registry) fn transaction(&mut self, write: Write) -> Vec<Write> {
        let mut writes = vec![write];
        if let Some(work) = &mut self.0 {
            work.sent = work.writes.iter().map(|write| write.key.clone()).collect();
            writes.append(&mut work.writes);
        }
        writes
    }

    /// Whether a conflict at `key` is about what was chosen here and not about the object: then the next turn chooses
    /// differently.
    pub(in crate::registry) fn lost(&mut self, key: &Key) -> bool {
        let Some(work) = self.0.as_mut().filter(|work| work.sent.contains(key)) else { return false };
        work.lost += 1;
        work.taken.extend(Unit::of(key));
        true
    }
}

impl Work<'_> {
    async fn perform(&mut self, object: &mut Value, plan: &Plan, verb: &'static str) -> Result<(), ApiError> {
        self.writes.clear();
        if plan.allocate.is_empty() && plan.release.is_empty() {
            return Ok(());
        }
        if self.lost > MOST_LOST {
            return Err(ApiError::ServerTimeout(subject(object), verb));
        }
        let released: HashSet<Unit> = plan.release.iter().copied().map(released).collect();
        let mut units: HashSet<Unit> = plan.allocate.iter().filter_map(wanted).collect();
        if self.dry_run {
            let held = self.look_up(units).await?.into_keys().collect();
            return settle(object, plan, choice::pretend(self.ranges, plan, &held)).map(drop);
        }
        units.extend(&released);
        let holdings = self.look_up(units).await?;
        let grants = settle(object, plan, self.choose(plan, &holdings).await?)?;
        self.writes.extend(grants.into_iter().map(|grant| take(granted(grant), object)));
        for unit in released {
            self.writes.extend(release(unit, holdings.get(&unit), object));
        }
        Ok(())
    }

    /// Chooses; a range counts as full on a list alone.
    async fn choose(
        &mut self,
        plan: &Plan,
        holdings: &HashMap<Unit, Holding>,
    ) -> Result<Result<Vec<Grant>, Miss>, ApiError> {
        let held: HashSet<Unit> = holdings.keys().copied().collect();
        let is_open = |sort| plan.allocate.iter().any(|own| wanted(own).is_none() && choice::sort(own) == sort);
        let mut listed = Vec::new();
        if self.lost >= GUESSES {
            for sort in [Sort::Address, Sort::Port].into_iter().filter(|sort| is_open(*sort)) {
                self.list(sort).await?;
                listed.push(sort);
            }
        }
        loop {
            let random = |below: u128| rand::rng().random_range(0..below);
            match choice::choose(self.ranges, plan, &held, &self.taken, random) {
                Err(Miss::Exhausted(_, sort)) if !listed.contains(&sort) => {
                    self.list(sort).await?;
                    listed.push(sort);
                }
                outcome => return Ok(outcome),
            }
        }
    }

    /// Learns what of a sort is taken.
    async fn list(&mut self, sort: Sort) -> Result<(), ApiError> {
        let list = List { prefix: sort.prefix(), at: At::Newest, after: None, limit: None };
        let page = self.store.list(list).await.map_err(|error| read_error(&error))?;
        self.taken.retain(|unit| unit.sort() != sort);
        self.taken.extend(page.objects.iter().filter_map(|object| Unit::of(&object.key)));
        Ok(())
    }

    /// Who has these units; those that nobody has are left out.
    async fn look_up(&self, units: HashSet<Unit>) -> Result<HashMap<Unit, Holding>, ApiError> {
        let lookups = units.into_iter().map(|unit| async move {
            let stored = self.store.get(&unit.key()).await.map_err(|error| read_error(&error))?;
            Ok(stored.map(|stored| (unit, Holding { revision: stored.revision, owner_uid: owner_uid(&stored.wire) })))
        });
        let found = stream::iter(lookups).buffer_unordered(LOOKUPS);
        found.try_filter_map(|found| std::future::ready(Ok(found))).try_collect().await
    }
}

/// The transaction that makes an object which the server writes itself: where it is a Service, it takes what it names.
pub(crate) fn with_units(write: Write) -> Vec<Write> {
    let mut writes = Vec::new();
    let services = KeyPrefix::new("", "services", None).expect("both are path segments");
    if let (Operation::Create(payload), true) = (&write.operation, write.key.is_below(&services)) {
        let service: Value = serde_json::from_slice(payload.json()).unwrap_or_default();
        let units: HashSet<Unit> = plan_delete(&service).into_iter().map(released).collect();
        writes.extend(units.into_iter().map(|unit| take(unit, &service)));
    }
    writes.insert(0, write);
    writes
}

/// The write that takes a unit.
fn take(unit: Unit, service: &Value) -> Write {
    Write { key: unit.key(), operation: Operation::Create(unit.payload(service)) }
}

/// Writes what was chosen into the Service.
fn settle(object: &mut Value, plan: &Plan, outcome: Result<Vec<Grant>, Miss>) -> Result<Vec<Grant>, ApiError> {
    let (index, refusal) = match outcome {
        Ok(grants) => {
            for (allocation, grant) in plan.allocate.iter().zip(&grants) {
                allocation.grant(object, *grant);
            }
            return Ok(grants);
        }
        Err(Miss::Refused(index, refusal)) => (index, refusal),
        Err(Miss::Exhausted(index, _)) => (index, Refusal::Full),
    };
    Err(match plan.allocate[index].refused(object, &refusal) {
        AllocationError::Invalid(errors) => invalid(object, &errors),
        AllocationError::Internal(text) => ApiError::Internal(text),
    })
}

/// The write that sets a unit free, if the Service has it.
fn release(unit: Unit, holding: Option<&Holding>, service: &Value) -> Option<Write> {
    let (key, own) = (unit.key(), meta(service));
    match holding {
        Some(Holding { revision, owner_uid }) if owner_uid == own.uid() => {
            Some(Write { key, operation: Operation::Delete { expected: *revision } })
        }
        Some(Holding { owner_uid, .. }) => {
            let (namespace, name) = (own.namespace(), own.name());
            tracing::warn!(%key, namespace, name, owner_uid, "a Service names what another has; it stays allocated");
            None
        }
        None => None,
    }
}

fn unplanned(error: AllocationError, object: &Value) -> ApiError {
    match error {
        AllocationError::Invalid(errors) => invalid(object, &errors),
        AllocationError::Internal(text) => ApiError::Unforeseen(text),
    }
}

fn invalid(object: &Value, errors: &howdah_api::validation::Errors) -> ApiError {
    ApiError::invalid("", "Service", meta(object).name(), errors)
}

fn subject(object: &Value) -> Subject {
    Subject { group: String::new(), resource: "services".to_owned(), name: meta(object).name().to_owned() }
}

#[cfg(test)]
#[path = "claims_test.rs"]
mod tests;
