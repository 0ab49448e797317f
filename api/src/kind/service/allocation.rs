//! What a Service needs of what the cluster has only once: cluster addresses, node ports, a health check's node port.
//!
//! Pure: [`plan_create`] and [`plan_update`] settle what the client left open (families, their policy, addresses that it
//! left out because they had been allocated) and say what is to be allocated and released; the server's registry does
//! that in the transaction that writes the Service, hands each number or address back by [`Allocation::grant`], and
//! words a refusal by [`Allocation::refused`]. This comes before `prepare_for_create` or `prepare_for_update`, so that
//! validation sees the whole Service.
//!
//! Slots that wait for an address hold an empty text meanwhile, as upstream's do; errors show it. Facts: upstream's
//! `pkg/registry/core/service/storage/{alloc,storage}.go`.

mod family;
mod port;

use std::net::IpAddr;

use serde_json::{Value, json};

use self::family::{fill_families, is_settled};
use super::cluster_ip::is_ipv6;
use super::spec::{NONE, kind, needs_health_check, needs_node_port, node_ports, texts};
use crate::go::quote;
use crate::kind::access::{integer, is_same, list_mut};
use crate::kind::generic::{list, restore, set, text};
use crate::validation::net::parse_ip_sloppy;
use crate::validation::{Errors, FieldError, FieldPath};

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the API's words")]
pub enum Family {
    IPv4,
    IPv6,
}

impl Family {
    /// The API's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IPv4 => "IPv4",
            Self::IPv6 => "IPv6",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::IPv4 => Self::IPv6,
            Self::IPv6 => Self::IPv4,
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::IPv4, Self::IPv6].into_iter().find(|family| family.name() == name)
    }

    fn of_ip(ip: &str) -> Self {
        if is_ipv6(ip) { Self::IPv6 } else { Self::IPv4 }
    }
}

/// Something to be allocated. `None` asks for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocation {
    /// A cluster address, for a slot of `spec.clusterIPs`.
    ClusterIp {
        /// The address's family.
        family: Family,
        /// The address that the client asks for.
        wanted: Option<IpAddr>,
        /// The index in `spec.clusterIPs`.
        slot: usize,
    },
    /// A node port, for ports of the spec.
    NodePort {
        /// The number that the client asks for.
        wanted: Option<u16>,
        /// The indices in `spec.ports` that share it; the first is the one an error names.
        ports: Vec<usize>,
    },
    /// The node port of a load balancer's health check.
    HealthCheckNodePort {
        /// The number that the client asks for.
        wanted: Option<u16>,
    },
}

/// Something that is free once the write is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// A cluster address.
    ClusterIp(IpAddr),
    /// A node port.
    NodePort(u16),
}

/// What was allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// An address.
    Ip(IpAddr),
    /// A port's number.
    Port(u16),
}

/// What a write of a Service does to what the cluster has only once. Allocations are to be made in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is to be allocated before the write.
    pub allocate: Vec<Allocation>,
    /// What is free after it.
    pub release: Vec<Release>,
}

/// Why there is no plan, or an allocation was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AllocationError {
    /// The Service is wrong: 422.
    #[error("the Service is invalid")]
    Invalid(Errors),
    /// Nothing that the client could repair: 500 with this text.
    #[error("{0}")]
    Internal(String),
}

/// Why the allocator refuses. Display is upstream's sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All are taken.
    #[error("range is full")]
    Full,
    /// Somebody else has the port.
    #[error("provided port is already allocated")]
    PortTaken,
    /// The port is outside the range, which the sentence names (`30000-32767`).
    #[error("provided port is not in the valid range. The range of valid ports is {0}")]
    PortOutOfRange(String),
    /// Somebody else has the address.
    #[error("provided IP is already allocated")]
    IpTaken,
    /// The address is outside the range, which the sentence names (`10.96.0.0/12`).
    #[error("the provided IP ({ip}) is not in the valid range. The range of valid IPs is {range}")]
    IpOutOfRange {
        /// The address.
        ip: IpAddr,
        /// The range.
        range: String,
    },
    /// There is no pool for the address's family at the time.
    #[error("{0}")]
    Other(String),
}

impl Allocation {
    /// Writes what was allocated into the Service. A grant of the wrong sort is ignored.
    pub fn grant(&self, object: &mut Value, grant: Grant) {
        match (self, grant) {
            (Self::ClusterIp { slot, wanted, .. }, Grant::Ip(ip)) => {
                // What was asked for stays as it was written.
                if wanted.is_none()
                    && let Some(place) = list_mut(object, &["spec", "clusterIPs"]).nth(*slot)
                {
                    *place = Value::String(ip.to_string());
                }
                if *slot == 0 {
                    let first = list(object, &["spec", "clusterIPs"]).first().cloned().unwrap_or_default();
                    set(object, &["spec", "clusterIP"], first);
                }
            }
            (Self::NodePort { ports, .. }, Grant::Port(number)) => {
                for (_, port) in list_mut(object, &["spec", "ports"]).enumerate().filter(|(at, _)| ports.contains(at)) {
                    set(port, &["nodePort"], number.into());
                }
            }
            (Self::HealthCheckNodePort { .. }, Grant::Port(number)) => {
                set(object, &["spec", "healthCheckNodePort"], number.into());
            }
            _ => {}
        }
    }

    /// What the client is told when the allocator refuses this.
    #[must_use]
    pub fn refused(&self, object: &Value, refusal: &Refusal) -> AllocationError {
        let spec = FieldPath::new("spec");
        let name = quote(text(object, &["metadata", "name"]));
        match self {
            Self::ClusterIp { wanted: None, .. } if *refusal == Refusal::Full => {
                AllocationError::Internal(format!("failed to allocate a serviceIP for Service {name}: {refusal}"))
            }
            Self::ClusterIp { wanted, slot, .. } => {
                let ips = texts(object, "clusterIPs");
                let wanted = wanted.and_then(|_| ips.get(*slot)).map(|ip| format!(" {ip}")).unwrap_or_default();
                let detail = format!("failed to allocate IP{wanted}: {refusal}");
                AllocationError::Invalid(vec![FieldError::invalid(&spec.child("clusterIPs"), json!(ips), detail)])
            }
            Self::NodePort { wanted: Some(number), ports } => {
                let path = spec.child("ports");
                let path = path.index(ports.first().copied().unwrap_or_default());
                let error = FieldError::invalid(&path.child("nodePort"), *number, refusal.to_string());
                AllocationError::Invalid(vec![error])
            }
            Self::NodePort { wanted: None, .. } => {
                AllocationError::Internal(format!("failed to allocate a nodePort: {refusal}"))
            }
            Self::HealthCheckNodePort { wanted: Some(number) } => AllocationError::Internal(format!(
                "failed to allocate requested HealthCheck NodePort {number}: {refusal}"
            )),
            Self::HealthCheckNodePort { wanted: None } => {
                AllocationError::Internal(format!("failed to allocate a HealthCheck NodePort 0: {refusal}"))
            }
        }
    }
}

/// Settles a new Service and says what it needs. `families` are the cluster's, the default one first; never empty.
pub fn plan_create(object: &mut Value, families: &[Family]) -> Result<Plan, AllocationError> {
    sync_new_cluster_ips(object);
    fill_families(object, None, families).map_err(AllocationError::Invalid)?;
    let mut plan = Plan { allocate: cluster_ips(object), release: Vec::new() };
    if needs_node_port(object) {
        port::of_new(object, &mut plan);
    }
    if needs_health_check(object) {
        plan.allocate.push(health_check(object));
    }
    Ok(plan)
}

/// Settles an updated Service and says what the change needs and sets free.
pub fn plan_update(object: &mut Value, old: &Value, families: &[Family]) -> Result<Plan, AllocationError> {
    keep_allocated(object, old);
    sync_cluster_ips(object, old);
    fill_families(object, Some(old), families).map_err(AllocationError::Invalid)?;
    let mut plan = Plan::default();
    if !is_settled(object, old) {
        update_cluster_ips(object, old, &mut plan);
    }
    if needs_node_port(old) && matches!(kind(object), "ExternalName" | "ClusterIP") {
        plan.release.extend(node_ports(old).into_iter().filter_map(port::release));
    }
    if needs_node_port(object) {
        port::of_changed(object, old, &mut plan)?;
    }
    match (needs_health_check(old), needs_health_check(object)) {
        (false, true) => plan.allocate.push(health_check(object)),
        (true, false) => plan.release.extend(port::release(integer(old, &["spec", "healthCheckNodePort"]))),
        _ => {}
    }
    Ok(plan)
}

/// What a deleted Service sets free.
#[must_use]
pub fn plan_delete(object: &Value) -> Vec<Release> {
    let mut release = Vec::new();
    if kind(object) != "ExternalName" {
        release.extend(texts(object, "clusterIPs").into_iter().filter_map(release_ip));
    }
    release.extend(node_ports(object).into_iter().filter_map(port::release));
    if needs_health_check(object) {
        release.extend(port::release(integer(object, &["spec", "healthCheckNodePort"])));
    }
    release
}

/// The address to be released; none for `None`.
fn release_ip(ip: &str) -> Option<Release> {
    parse_ip_sloppy(ip).map(Release::ClusterIp)
}

fn health_check(object: &Value) -> Allocation {
    Allocation::HealthCheckNodePort { wanted: port::wanted(integer(object, &["spec", "healthCheckNodePort"])) }
}

/// A client that only knows the older field gets the newer.
fn sync_new_cluster_ips(object: &mut Value) {
    let ip = text(object, &["spec", "clusterIP"]).to_owned();
    if !ip.is_empty() && list(object, &["spec", "clusterIPs"]).is_empty() {
        set(object, &["spec", "clusterIPs"], json!([ip]));
    }
}

/// A client that only changed the older field, or left the newer one out, meant both.
fn sync_cluster_ips(object: &mut Value, old: &Value) {
    let (path, ip) = (["spec", "clusterIPs"], ["spec", "clusterIP"]);
    if list(object, &path).is_empty() && text(old, &ip) == text(object, &ip) && !list(old, &path).is_empty() {
        restore(object, old, &path);
    }
    if text(old, &ip) != text(object, &ip) && is_same(old, object, &path) {
        match text(object, &ip).to_owned() {
            cleared if cleared.is_empty() => set(object, &path, json!([])),
            ip => set(object, &path, json!([ip])),
        }
    }
}

/// What had been allocated stays where the client left it out, so that applying the same manifest again works.
fn keep_allocated(object: &mut Value, old: &Value) {
    if kind(old) != "ExternalName" && kind(object) != "ExternalName" {
        if text(object, &["spec", "clusterIP"]).is_empty() {
            restore(object, old, &["spec", "clusterIP"]);
        }
        if list(object, &["spec", "clusterIPs"]).is_empty() {
            restore(object, old, &["spec", "clusterIPs"]);
        }
    }
    if port::keeps_node_ports(old) && port::keeps_node_ports(object) {
        port::keep(object, old);
    }
    let health_check = ["spec", "healthCheckNodePort"];
    if needs_health_check(old) && needs_health_check(object) && integer(object, &health_check) == 0 {
        restore(object, old, &health_check);
    }
}

/// The addresses that a Service without any needs: one for each of its families. Makes the slots.
fn cluster_ips(object: &mut Value) -> Vec<Allocation> {
    if kind(object) == "ExternalName" || texts(object, "clusterIPs").first() == Some(&NONE) {
        return Vec::new();
    }
    let families: Vec<Family> = texts(object, "ipFamilies").into_iter().filter_map(Family::of).collect();
    let mut ips: Vec<String> = texts(object, "clusterIPs").into_iter().map(str::to_owned).collect();
    ips.resize(ips.len().max(families.len()), String::new());
    let wanted = |(slot, family): (usize, &Family)| Allocation::ClusterIp {
        family: *family,
        wanted: parse_ip_sloppy(&ips[slot]),
        slot,
    };
    let allocations = families.iter().enumerate().map(wanted).collect();
    set(object, &["spec", "clusterIPs"], json!(ips));
    allocations
}

fn update_cluster_ips(object: &mut Value, old: &Value, plan: &mut Plan) {
    match (kind(old), kind(object)) {
        ("ExternalName", "ExternalName") => return,
        ("ExternalName", _) => {
            plan.allocate.extend(cluster_ips(object));
            return;
        }
        _ => {}
    }
    let old_ips = texts(old, "clusterIPs");
    if old_ips.first() == Some(&NONE) {
        return;
    }
    let count = |of: &Value| list(of, &["spec", "ipFamilies"]).len();
    if kind(object) == "ExternalName" {
        plan.release.extend(old_ips.into_iter().take(count(old)).filter_map(release_ip));
    } else if count(old) == 1 && count(object) == 2 {
        let ips = texts(object, "clusterIPs");
        let mut ips: Vec<String> = ips.into_iter().map(str::to_owned).collect();
        ips.resize(ips.len().max(2), String::new());
        let family = texts(object, "ipFamilies").get(1).and_then(|name| Family::of(name));
        if let Some(family) = family {
            plan.allocate.push(Allocation::ClusterIp { family, wanted: parse_ip_sloppy(&ips[1]), slot: 1 });
        }
        set(object, &["spec", "clusterIPs"], json!(ips));
    } else if count(old) == 2 && count(object) == 1 {
        plan.release.extend(old_ips.get(1).and_then(|ip| release_ip(ip)));
    }
}

#[cfg(test)]
mod tests;
