//! Node ports: which are kept, shared, asked for, allocated and released.

use std::collections::HashMap;

use serde_json::Value;

use super::{Allocation, AllocationError, Plan, Release};
use crate::kind::access::{integer, list_mut};
use crate::kind::generic::{list, set, text};
use crate::kind::service::spec::{allocates_node_ports, kind, node_ports};

/// The number as a wish: 0 and what is no port are none.
pub(super) fn wanted(number: i64) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number != 0)
}

/// The port to be released.
pub(super) fn release(number: i64) -> Option<Release> {
    wanted(number).map(Release::NodePort)
}

/// Whether node ports that the client left out stay as allocated.
pub(super) fn keeps_node_ports(service: &Value) -> bool {
    kind(service) == "NodePort" || (kind(service) == "LoadBalancer" && allocates_node_ports(service))
}

/// Gives ports without a node port the one that the port of that name had, unless another port has it by now.
pub(super) fn keep(object: &mut Value, old: &Value) {
    let (before, now) = (node_ports(old), node_ports(object));
    let by_name: HashMap<&str, i64> = list(old, &["spec", "ports"])
        .iter()
        .map(|port| (text(port, &["name"]), integer(port, &["nodePort"])))
        .collect();
    for port in list_mut(object, &["spec", "ports"]).filter(|port| integer(port, &["nodePort"]) == 0) {
        let number = by_name.get(text(port, &["name"])).copied().unwrap_or_default();
        let is_used = before.contains(&number) && now.contains(&number);
        if number != 0 && !is_used {
            set(port, &["nodePort"], number.into());
        }
    }
}

/// The node ports of a new Service. Ports of the same number (TCP and UDP) share theirs.
pub(super) fn of_new(object: &mut Value, plan: &mut Plan) {
    /// Where the node port of a port's number comes from.
    #[derive(Clone, Copy)]
    enum Source {
        Wanted(i64),
        Allocation(usize),
    }
    let allocates = allocates_node_ports(object);
    let ports: Vec<(i64, i64)> = list(object, &["spec", "ports"])
        .iter()
        .map(|port| (integer(port, &["port"]), integer(port, &["nodePort"])))
        .collect();
    let mut sources: HashMap<i64, Source> = HashMap::new();
    for (at, (port, number)) in ports.iter().copied().enumerate() {
        if number == 0 && !allocates {
            continue;
        }
        match sources.get(&port).copied() {
            None => {
                let asked = ports.iter().find(|(other, number)| *other == port && *number != 0);
                let asked = asked.map_or(0, |(_, number)| *number);
                let source = if asked == 0 { Source::Allocation(plan.allocate.len()) } else { Source::Wanted(asked) };
                sources.insert(port, source);
                plan.allocate.push(Allocation::NodePort { wanted: wanted(asked), ports: vec![at] });
            }
            Some(Source::Wanted(shared)) if number == 0 => {
                if let Some(port) = list_mut(object, &["spec", "ports"]).nth(at) {
                    set(port, &["nodePort"], shared.into());
                }
            }
            Some(Source::Wanted(shared)) if number != shared => {
                plan.allocate.push(Allocation::NodePort { wanted: wanted(number), ports: vec![at] });
            }
            Some(Source::Allocation(index)) => {
                if let Some(Allocation::NodePort { ports, .. }) = plan.allocate.get_mut(index) {
                    ports.push(at);
                }
            }
            Some(Source::Wanted(_)) => {}
        }
    }
}

/// The node ports of a changed Service: new numbers are allocated, those that nobody has any more are released.
pub(super) fn of_changed(object: &Value, old: &Value, plan: &mut Plan) -> Result<(), AllocationError> {
    let allocates = allocates_node_ports(object);
    let (before, now) = (node_ports(old), node_ports(object));
    let mut seen: Vec<(&str, i64)> = Vec::new();
    for (at, port) in list(object, &["spec", "ports"]).iter().enumerate() {
        let number = integer(port, &["nodePort"]);
        if number == 0 {
            if allocates {
                plan.allocate.push(Allocation::NodePort { wanted: None, ports: vec![at] });
            }
            continue;
        }
        if !before.contains(&number) && !seen.iter().any(|(_, seen)| *seen == number) {
            plan.allocate.push(Allocation::NodePort { wanted: wanted(number), ports: vec![at] });
        }
        let protocol = text(port, &["protocol"]);
        if seen.contains(&(protocol, number)) {
            return Err(AllocationError::Internal(format!("duplicate nodePort: {{{protocol} {number}}}")));
        }
        seen.push((protocol, number));
    }
    plan.release.extend(before.into_iter().filter(|number| !now.contains(number)).filter_map(release));
    Ok(())
}
