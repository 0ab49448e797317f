//! Admission: the plugins that change or refuse a write after authorization.
//!
//! Those that upstream's server has on by default, in its order, with NodeRestriction, as far as they concern the kinds
//! that are served; and, in front, the check that nobody hands out rights that they do not hold, which upstream has in
//! its storage. ResourceQuota stands last: what another plugin refuses is not charged. What plugins read of other
//! objects comes through one seam ([`lister`]); `hub_lister` answers it from the watch hub.
//!
//! Invariants. A refusal that rests on the absence or the state of another object rests on a fresh look at it, where
//! upstream looks again too. Nothing here is stored but what quotas have in use.
//!
//! Deliberately absent: plugins that upstream has off; webhooks and policies; the plugins of storage classes, volumes,
//! ingress classes, runtime classes and certificates, until those kinds are served; node-declared features.

mod default_toleration_seconds;
mod hub_lister;
mod limit_ranger;
pub mod lister;
mod namespace_lifecycle;
mod pod_resize;
mod pod_security;
mod pod_topology_labels;
mod priority;
mod resource_list;
mod resource_quota;
mod service_account;
mod taint_nodes_by_condition;
mod tree;

#[cfg(test)]
mod hub_lister_test;
#[cfg(test)]
mod resource_quota_test;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use howdah_store::Store;
use k8s_openapi::jiff::Timestamp;

use self::hub_lister::HubLister;
use self::lister::Lister;
use crate::authorization::authorizer::Authorizer;
use crate::hub::Hub;
use crate::registry::admission_seam::{Admission, Chain, Escalation, NodeRestriction, Rules};

pub use default_toleration_seconds::DefaultTolerationSeconds;
pub use limit_ranger::LimitRanger;
pub use namespace_lifecycle::NamespaceLifecycle;
pub use pod_resize::PodResize;
pub use pod_security::PodSecurity;
pub use pod_topology_labels::PodTopologyLabels;
pub use priority::Priority;
pub use resource_list::ResourceList;
pub use resource_quota::ResourceQuota;
pub use service_account::ServiceAccount;
pub use taint_nodes_by_condition::TaintNodesByCondition;

/// What the chain is made of.
pub struct Parts {
    /// Other objects are read from it.
    pub hub: Hub,
    /// Quotas are charged in it.
    pub store: Store,
    /// Tells who may escalate, bind, and read for others.
    pub authorizer: Arc<dyn Authorizer>,
    /// The RBAC rules in force.
    pub rules: Rules,
    /// The time of day.
    pub clock: fn() -> Timestamp,
}

/// All plugins, in order.
#[must_use]
pub fn chain(parts: Parts) -> Chain {
    let Parts { hub, store, authorizer, rules, clock } = parts;
    let lister: Arc<dyn Lister> = Arc::new(HubLister::new(hub.clone(), store, clock));
    let of = || Arc::clone(&lister);
    let plugins: Vec<Arc<dyn Admission>> = vec![
        Arc::new(Escalation::new(rules, Arc::clone(&authorizer))),
        Arc::new(NamespaceLifecycle::new(of())),
        Arc::new(LimitRanger::new(of())),
        Arc::new(ServiceAccount::new(of())),
        Arc::new(NodeRestriction::new(hub, authorizer)),
        Arc::new(TaintNodesByCondition),
        Arc::new(PodSecurity::new(of())),
        Arc::new(Priority::new(of())),
        Arc::new(DefaultTolerationSeconds),
        Arc::new(PodTopologyLabels::new(of())),
        Arc::new(PodResize::new(of())),
        Arc::new(ResourceQuota::new(of(), clock)),
    ];
    Chain::new(plugins)
}
