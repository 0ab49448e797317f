//! Whether quotas allow a write, and what they then have in use. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::evaluator::Scope;
use super::queue::Ask;
use crate::admission::lister::Quota;
use crate::admission::resource_list::{ResourceList, add, increase, parse};
use crate::admission::tree::{at, items, name, text};
use crate::registry::admission_seam::Operation;
use crate::status::ApiError;

/// A quota, read, with what is used of it as judged so far.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) name: String,
    pub(super) used: ResourceList,
    hard: ResourceList,
    scopes: Vec<Scope>,
}

impl From<&Quota> for Running {
    fn from(quota: &Quota) -> Self {
        let object = &quota.object;
        let plain = items(object, &["spec", "scopes"]).iter().filter_map(Value::as_str).map(|name| Scope {
            name: name.to_owned(),
            operator: "Exists".to_owned(),
            values: Vec::new(),
        });
        let selected = items(object, &["spec", "scopeSelector", "matchExpressions"]).iter().map(|term| Scope {
            name: text(term, &["scopeName"]).to_owned(),
            operator: text(term, &["operator"]).to_owned(),
            values: items(term, &["values"]).iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        });
        Self {
            name: name(object).to_owned(),
            used: parse(at(object, &["status", "used"])),
            hard: parse(at(object, &["status", "hard"])),
            scopes: plain.chain(selected).collect(),
        }
    }
}

impl Running {
    fn matches(&self, ask: &Ask, object: &Value) -> bool {
        !self.restricted(ask).is_empty() && self.scopes.iter().all(|scope| ask.evaluator.is_in(scope, object))
    }

    /// What of it is measured of the write's resource.
    fn restricted(&self, ask: &Ask) -> BTreeSet<String> {
        ask.evaluator.matching(self.hard.keys())
    }
}

/// The quotas with the write charged to them.
pub(super) fn check(quotas: &[Running], ask: &Ask) -> Result<Vec<Running>, ApiError> {
    let refused = |cause: &str| Err(ask.attributes().forbidden(&ask.object, cause));
    let mut interesting = Vec::new();
    for (index, quota) in quotas.iter().enumerate().filter(|(_, quota)| quota.matches(ask, &ask.object)) {
        let restricted = quota.restricted(ask);
        if let Some(missing) = ask.evaluator.missing(&restricted, &ask.object) {
            return refused(&format!("failed quota: {}: {missing}", quota.name));
        }
        if restricted.iter().any(|name| !quota.used.contains_key(name)) {
            let names: Vec<String> = restricted.into_iter().collect();
            return refused(&format!("status unknown for quota: {}, resources: {}", quota.name, names.join(",")));
        }
        interesting.push(index);
    }
    let usage = ask.evaluator.usage(&ask.object, ask.now);
    let negative: Vec<&str> =
        usage.iter().filter(|(_, quantity)| quantity.is_negative()).map(|(name, _)| name.as_str()).collect();
    if !negative.is_empty() {
        return refused(&format!("quota usage is negative for resource(s): {}", negative.join(",")));
    }
    let mut charged = quotas.to_vec();
    for index in interesting {
        let quota = &mut charged[index];
        let delta = delta(quota, ask, &usage);
        let requested = masked(&delta, &quota.hard);
        let mut used = quota.used.clone();
        add(&mut used, &requested);
        let exceeded: ResourceList = requested
            .keys()
            .filter_map(|name| used.get_key_value(name))
            .filter(|(name, used)| quota.hard.get(*name).is_some_and(|hard| *used > hard))
            .map(|(name, used)| (name.clone(), *used))
            .collect();
        if ask.subresource != "status" && !exceeded.is_empty() {
            return refused(&format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota.name,
                told(&masked(&requested, &exceeded)),
                told(&masked(&quota.used, &exceeded)),
                told(&masked(&quota.hard, &exceeded))
            ));
        }
        quota.used = used;
    }
    Ok(charged)
}

/// What the write adds to the quota: of an update the increase, unless the quota did not count the object before.
fn delta(quota: &Running, ask: &Ask, usage: &ResourceList) -> ResourceList {
    let mut delta = match &ask.old {
        Some(old) if ask.operation == Operation::Update && quota.matches(ask, old) => {
            increase(usage, &ask.evaluator.usage(old, ask.now))
        }
        _ => usage.clone(),
    };
    delta.retain(|_, quantity| !quantity.is_zero());
    delta
}

fn masked(list: &ResourceList, names: &ResourceList) -> ResourceList {
    list.iter()
        .filter(|(name, _)| names.contains_key(*name))
        .map(|(name, quantity)| (name.clone(), *quantity))
        .collect()
}

fn told(list: &ResourceList) -> String {
    let all: Vec<String> = list.iter().map(|(name, quantity)| format!("{name}={quantity}")).collect();
    all.join(",")
}
