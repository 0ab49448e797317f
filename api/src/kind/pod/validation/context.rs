//! What the rules of containers need to know of the pod around them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PodSpec, Volume};

use super::leniency::Leniency;

/// The pod's valid volumes by name.
pub(crate) type Volumes<'a> = BTreeMap<&'a str, &'a Volume>;

/// The names of the pod's resource claims.
pub(crate) type ClaimNames<'a> = BTreeSet<&'a str>;

/// The pod around a container.
#[derive(Debug)]
pub(crate) struct PodContext<'a> {
    /// What its volume mounts may name.
    pub(crate) volumes: Volumes<'a>,
    /// What its resource claims may name.
    pub(crate) claims: ClaimNames<'a>,
    /// `terminationGracePeriodSeconds`.
    pub(crate) grace_period: Option<i64>,
    /// The pod's `restartPolicy`; empty when absent.
    pub(crate) restart_policy: &'a str,
    /// `os.name`.
    pub(crate) os: Option<&'a str>,
    /// Whether the pod shares the host's user namespace, as it does unless it says otherwise.
    pub(crate) host_users: bool,
    /// What an update may leave as it was.
    pub(crate) leniency: Leniency,
}

impl<'a> PodContext<'a> {
    /// The context of the containers of `spec`, whose valid volumes are `volumes`.
    pub(crate) fn new(spec: &'a PodSpec, volumes: Volumes<'a>, leniency: Leniency) -> Self {
        Self {
            volumes,
            claims: claim_names(spec),
            grace_period: spec.termination_grace_period_seconds,
            restart_policy: spec.restart_policy.as_deref().unwrap_or_default(),
            os: spec.os.as_ref().map(|os| os.name.as_str()),
            host_users: spec.host_users.unwrap_or(true),
            leniency,
        }
    }
}

/// The names of the pod's resource claims, without the empty ones.
pub(crate) fn claim_names(spec: &PodSpec) -> ClaimNames<'_> {
    let claims = spec.resource_claims.as_deref().unwrap_or_default();
    claims.iter().map(|claim| claim.name.as_str()).filter(|name| !name.is_empty()).collect()
}
