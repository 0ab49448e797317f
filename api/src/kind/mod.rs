//! What is particular to each kind: one [`Strategy`] a resource, its defaults and its rules.
//!
//! The server has one pipeline for all resources and asks the strategy at fixed places (in this order): decode →
//! normalise → [`declared_default::apply`] → [`default`](Strategy::default) → admission → [`prepare_for_create`](Strategy::prepare_for_create) or
//! [`prepare_for_update`](Strategy::prepare_for_update) → [`validate`](Strategy::validate) or
//! [`validate_update`](Strategy::validate_update) → [`canonicalise`](Strategy::canonicalise) → store.
//!
//! Strategies are pure and synchronous: no clock (`now` comes with the [`Request`]), no randomness, no look at other
//! objects. They get lossless trees in normal form, read typed views of them where that is clearer, and write by path.
//! Facts: upstream's `pkg/registry/*/strategy.go`, `pkg/apis/*/{defaults,validation}`.

mod access;
pub mod declared_default;
pub mod generic;
mod int_or_percent;
#[cfg(test)]
mod test_rows;
mod workload_template;

pub mod cluster_role;
pub mod cluster_role_binding;
pub mod config_map;
pub mod controller_revision;
pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod endpoint_slice;
pub mod endpoints;
pub mod event;
pub mod job;
pub mod lease;
pub mod limit_range;
pub mod namespace;
pub mod node;
pub mod pod;
pub mod pod_template;
pub mod priority_class;
pub mod replica_set;
pub mod resource_quota;
pub mod role;
pub mod role_binding;
pub mod scale;
pub mod secret;
pub mod service;
pub mod service_account;
pub mod stateful_set;

#[cfg(test)]
pub(crate) mod testing;

use serde_json::Value;

use crate::time::Time;
use crate::validation::Errors;

/// What a strategy may know of the request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The subresource that is written: `status`, `scale`, `resize`; empty for the object itself.
    pub subresource: &'a str,
    /// The time of day.
    pub now: Time,
}

/// What is particular to one resource. Trees are in the version that is stored.
pub trait Strategy: Sync {
    /// Fills in what upstream's `SetDefaults_*` fill in. Idempotent. Runs on everything that is decoded, so it must not
    /// rely on valid content.
    fn default(&self, object: &mut Value);

    /// Removes what a creator may not set (status, for most) and sets what the server does (`metadata.generation`).
    fn prepare_for_create(&self, request: &Request<'_>, object: &mut Value);

    /// Puts back what this subresource may not change, and counts `metadata.generation` up where the spec changed.
    fn prepare_for_update(&self, request: &Request<'_>, object: &mut Value, old: &Value);

    /// All that is wrong with a new object.
    fn validate(&self, request: &Request<'_>, object: &Value) -> Errors;

    /// All that is wrong with an update.
    fn validate_update(&self, request: &Request<'_>, object: &Value, old: &Value) -> Errors;

    /// Brings a valid object into its one form (sorted sets, dropped duplicates).
    fn canonicalise(&self, _object: &mut Value) {}

    /// What the client is warned of, on create (`old` is `None`) and update.
    fn warnings(&self, _request: &Request<'_>, _object: &Value, _old: Option<&Value>) -> Vec<String> {
        Vec::new()
    }

    /// Whether a PUT to a name that doesn't exist creates it.
    fn allows_create_on_update(&self) -> bool {
        false
    }

    /// Whether a PUT without a resourceVersion overwrites whatever stands.
    fn allows_unconditional_update(&self) -> bool {
        true
    }

    /// The seconds that the object stays before it is deleted, for a delete that asks for `requested` seconds; `None`
    /// where objects of this kind are deleted at once. Upstream's `CheckGracefulDelete`.
    fn grace_period(&self, _object: &Value, _requested: Option<i64>) -> Option<i64> {
        None
    }

    /// What dependents become where a delete says nothing: upstream's `DefaultGarbageCollectionPolicy`.
    fn default_propagation(&self) -> Propagation {
        Propagation::Background
    }

    /// The paths (dotted, from the root) that server-side apply gives nobody ownership of for this subresource, since
    /// the strategy puts them back: upstream's `GetResetFields`.
    fn reset_fields(&self, _subresource: &str) -> &'static [&'static str] {
        &[]
    }
}

/// What becomes of a deleted object's dependents where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They stay.
    Orphan,
    /// Objects of this kind own nothing: what a delete asks for is not listened to.
    Unsupported,
}

/// The strategy of a resource as it was requested. It works on the stored form, which may be another group's: only
/// `events.k8s.io` and `events` have strategies of their own for one stored form.
#[must_use]
pub fn strategy(group: &str, plural: &str) -> Option<&'static dyn Strategy> {
    // One row a resource, in the resource table's order.
    Some(match (group, plural) {
        ("", "configmaps") => &config_map::ConfigMapStrategy,
        ("", "endpoints") => &endpoints::EndpointsStrategy,
        ("", "events") => &event::EventStrategy::Core,
        ("", "limitranges") => &limit_range::LimitRangeStrategy,
        ("", "namespaces") => &namespace::NamespaceStrategy,
        ("", "nodes") => &node::NodeStrategy,
        ("", "pods") => &pod::PodStrategy,
        ("", "podtemplates") => &pod_template::PodTemplateStrategy,
        ("", "resourcequotas") => &resource_quota::ResourceQuotaStrategy,
        ("", "secrets") => &secret::SecretStrategy,
        ("", "serviceaccounts") => &service_account::ServiceAccountStrategy,
        ("", "services") => &service::ServiceStrategy,
        ("apps", "controllerrevisions") => &controller_revision::ControllerRevisionStrategy,
        ("apps", "daemonsets") => &daemon_set::DaemonSetStrategy,
        ("apps", "deployments") => &deployment::DeploymentStrategy,
        ("apps", "replicasets") => &replica_set::ReplicaSetStrategy,
        ("apps", "statefulsets") => &stateful_set::StatefulSetStrategy,
        ("batch", "cronjobs") => &cron_job::CronJobStrategy,
        ("batch", "jobs") => &job::JobStrategy,
        ("coordination.k8s.io", "leases") => &lease::LeaseStrategy,
        ("discovery.k8s.io", "endpointslices") => &endpoint_slice::EndpointSliceStrategy,
        ("events.k8s.io", "events") => &event::EventStrategy::New,
        ("rbac.authorization.k8s.io", "clusterrolebindings") => &cluster_role_binding::ClusterRoleBindingStrategy,
        ("rbac.authorization.k8s.io", "clusterroles") => &cluster_role::ClusterRoleStrategy,
        ("rbac.authorization.k8s.io", "rolebindings") => &role_binding::RoleBindingStrategy,
        ("rbac.authorization.k8s.io", "roles") => &role::RoleStrategy,
        ("scheduling.k8s.io", "priorityclasses") => &priority_class::PriorityClassStrategy,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::testing::{complete, create_errors, request, update_errors};
    use super::*;
    use crate::resource;
    use crate::tree;

    /// What each kind needs besides a name.
    fn minimal(plural: &str) -> Value {
        match plural {
            "events" => json!({
                "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "type": "Normal",
                "eventTime": "2026-01-02T03:04:05.000000Z", "reportingComponent": "c", "reportingInstance": "i",
                "action": "Testing", "reason": "Tested",
            }),
            "pods" => json!({"spec": {"containers": [{"name": "c", "image": "i"}]}}),
            "podtemplates" => json!({"template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}),
            "services" => {
                json!({"spec": {"ports": [{"port": 80}], "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]}})
            }
            "controllerrevisions" => json!({"data": {}, "revision": 1}),
            "daemonsets" | "deployments" | "replicasets" | "statefulsets" => json!({"spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
            }}),
            "jobs" => json!({"spec": {"template": minimal_job_template()}}),
            "cronjobs" => json!({"spec": {
                "schedule": "* * * * *", "jobTemplate": {"spec": {"template": minimal_job_template()}},
            }}),
            "endpointslices" => json!({"addressType": "IPv4"}),
            "rolebindings" | "clusterrolebindings" => json!({"roleRef": {"kind": "ClusterRole", "name": "r"}}),
            _ => json!({}),
        }
    }

    fn minimal_job_template() -> Value {
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}})
    }

    #[test]
    fn every_strategy_takes_what_is_minimal() {
        let mut found = 0;
        for row in resource::resources() {
            let Some(strategy) = strategy(&row.group, &row.plural) else { continue };
            found += 1;
            let mut object = minimal(&row.plural);
            object["metadata"] = json!({"name": "a", "uid": "u"});
            if row.namespaced {
                object["metadata"]["namespace"] = "default".into();
            }
            let object = complete(&row.group, &row.plural, object);
            let node = generic::schema(&object).unwrap();

            let mut again = object.clone();
            strategy.default(&mut again);
            tree::normalise(&mut again, node);
            assert_eq!(again, object, "defaults of {} are idempotent", row.plural);

            assert_eq!(create_errors(&row.group, &row.plural, object.clone()), [""; 0], "{}", row.plural);
            let mut prepared = object.clone();
            strategy.prepare_for_create(&request(""), &mut prepared);
            let mut normal = prepared.clone();
            tree::normalise(&mut normal, node);
            assert_eq!(prepared, normal, "a prepared object of {} is in normal form", row.plural);
            strategy.canonicalise(&mut prepared);
            assert_eq!(update_errors(&row.group, &row.plural, "", prepared.clone(), prepared.clone()), [""; 0]);
            for subresource in &row.subresources {
                let errors =
                    update_errors(&row.group, &row.plural, &subresource.name, prepared.clone(), prepared.clone());
                assert_eq!(errors, [""; 0], "{}/{}", row.plural, subresource.name);
            }
            for name in ["", "status"] {
                for path in strategy.reset_fields(name) {
                    let first = path.split('.').next().unwrap_or_default();
                    assert!(node.child(first).is_some(), "{} has no {first}", row.plural);
                }
            }
        }
        assert!(found >= 11, "{found}");
    }
}
