//! Which unit each allocation of a plan gets. Pure: what is known to be taken, and randomness, are passed in.
//!
//! [`choose`] makes real choices; [`pretend`] answers a dry run, which allocates nothing, with what upstream's dry-run
//! allocators say: they look at less, and their numbers are made up.

use std::collections::HashSet;

use howdah_api::kind::service::allocation::{Allocation, Grant, Plan, Refusal, Release};

use super::range::ServiceRanges;
use super::unit::{Sort, Unit};

/// No range of the cluster has the address. Upstream has an allocator for each range and finds none.
const NO_RANGE: &str = "the provided network does not match the current range";
/// A dry run's first port lies behind this one.
const BEFORE_PRETENDED_PORTS: u16 = 32_768;

/// Why there is no choice. The index is that of the allocation in its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Miss {
    /// What is asked for can't be had.
    Refused(usize, Refusal),
    /// All units of a sort are taken, for all that is known.
    Exhausted(usize, Sort),
}

/// The unit that a release sets free.
pub(super) fn released(release: Release) -> Unit {
    match release {
        Release::ClusterIp(ip) => Unit::Address(ip),
        Release::NodePort(port) => Unit::Port(port),
    }
}

/// The unit that was granted.
pub(super) fn granted(grant: Grant) -> Unit {
    match grant {
        Grant::Ip(ip) => Unit::Address(ip),
        Grant::Port(port) => Unit::Port(port),
    }
}

/// The unit that is asked for by name.
pub(super) fn wanted(allocation: &Allocation) -> Option<Unit> {
    match allocation {
        Allocation::ClusterIp { wanted, .. } => wanted.map(Unit::Address),
        Allocation::NodePort { wanted, .. } | Allocation::HealthCheckNodePort { wanted } => wanted.map(Unit::Port),
    }
}

/// What an allocation asks for.
pub(super) fn sort(allocation: &Allocation) -> Sort {
    match allocation {
        Allocation::ClusterIp { .. } => Sort::Address,
        Allocation::NodePort { .. } | Allocation::HealthCheckNodePort { .. } => Sort::Port,
    }
}

/// Gives each allocation its unit. `held` are those of the units asked for by name that somebody has; `taken` are units
/// that somebody had when last seen; `random` gives a number below its argument.
pub(super) fn choose(
    ranges: &ServiceRanges,
    plan: &Plan,
    held: &HashSet<Unit>,
    taken: &HashSet<Unit>,
    mut random: impl FnMut(u128) -> u128,
) -> Result<Vec<Grant>, Miss> {
    // What this plan has by name or still holds is no choice for the rest of it.
    let named: HashSet<Unit> =
        plan.allocate.iter().filter_map(wanted).chain(plan.release.iter().copied().map(released)).collect();
    let mut grants = Vec::with_capacity(plan.allocate.len());
    let mut own = HashSet::new();
    for (index, allocation) in plan.allocate.iter().enumerate() {
        let is_taken = |unit: Unit| taken.contains(&unit) || named.contains(&unit) || own.contains(&unit);
        let is_refused = |unit: Unit| held.contains(&unit) || own.contains(&unit);
        let refused = |refusal: Refusal| Miss::Refused(index, refusal);
        let exhausted = || Miss::Exhausted(index, sort(allocation));
        let grant = match allocation {
            Allocation::ClusterIp { wanted: Some(ip), family, .. } => {
                if !ranges.addresses(*family).is_some_and(|range| range.contains(*ip)) {
                    return Err(refused(Refusal::Other(NO_RANGE.to_owned())));
                }
                if is_refused(Unit::Address(*ip)) {
                    return Err(refused(Refusal::IpTaken));
                }
                Grant::Ip(*ip)
            }
            Allocation::ClusterIp { wanted: None, family, .. } => {
                let range = ranges.addresses(*family).ok_or_else(|| refused(Refusal::Full))?;
                let ip = range.choose(|ip| is_taken(Unit::Address(ip)), &mut random).ok_or_else(exhausted)?;
                Grant::Ip(ip)
            }
            Allocation::NodePort { wanted: Some(port), .. }
            | Allocation::HealthCheckNodePort { wanted: Some(port) } => {
                let range = ranges.node_ports();
                if !range.contains(*port) {
                    return Err(refused(Refusal::PortOutOfRange(range.to_string())));
                }
                if is_refused(Unit::Port(*port)) {
                    return Err(refused(Refusal::PortTaken));
                }
                Grant::Port(*port)
            }
            Allocation::NodePort { wanted: None, .. } | Allocation::HealthCheckNodePort { wanted: None } => {
                let port = ranges.node_ports().choose(|port| is_taken(Unit::Port(port)), &mut random);
                Grant::Port(port.ok_or_else(exhausted)?)
            }
        };
        own.insert(granted(grant));
        grants.push(grant);
    }
    Ok(grants)
}

/// What a dry run answers. As upstream's, it does not look whether an address is taken, nor whether a port that is asked
/// for lies in the range; an address that is not asked for is the network's own, and ports are counted up.
pub(super) fn pretend(ranges: &ServiceRanges, plan: &Plan, held: &HashSet<Unit>) -> Result<Vec<Grant>, Miss> {
    let mut grants = Vec::with_capacity(plan.allocate.len());
    let mut ports: Vec<u16> = Vec::new();
    for (index, allocation) in plan.allocate.iter().enumerate() {
        let refused = |refusal: Refusal| Err(Miss::Refused(index, refusal));
        let grant = match allocation {
            Allocation::ClusterIp { wanted, family, .. } => {
                let Some(range) = ranges.addresses(*family) else { return refused(Refusal::Full) };
                match *wanted {
                    Some(ip) if !range.contains(ip) => {
                        return refused(Refusal::IpOutOfRange { ip, range: range.to_string() });
                    }
                    Some(ip) => Grant::Ip(ip),
                    None => Grant::Ip(range.network()),
                }
            }
            Allocation::NodePort { wanted: Some(port), .. }
            | Allocation::HealthCheckNodePort { wanted: Some(port) } => {
                if held.contains(&Unit::Port(*port)) || ports.contains(port) {
                    return refused(Refusal::PortTaken);
                }
                Grant::Port(*port)
            }
            Allocation::NodePort { wanted: None, .. } | Allocation::HealthCheckNodePort { wanted: None } => {
                let last = ports.iter().max().copied().unwrap_or(BEFORE_PRETENDED_PORTS);
                Grant::Port(last.saturating_add(1))
            }
        };
        if let Grant::Port(port) = grant {
            ports.push(port);
        }
        grants.push(grant);
    }
    Ok(grants)
}

#[cfg(test)]
#[path = "choice_test.rs"]
mod tests;
