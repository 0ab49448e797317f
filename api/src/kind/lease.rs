//! Leases. The fields of coordinated leader election (`strategy`, `preferredHolder`) are behind a gate that upstream
//! has off.
//!
//! Facts: pkg/registry/coordination/lease/strategy.go, pkg/apis/coordination/validation.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use serde_json::Value;

use super::generic::{at, check, check_update, remove};
use super::{Request, Strategy};
use crate::validation::meta::{generic_object_meta, generic_object_meta_update, name_is_dns_subdomain};
use crate::validation::name::is_qualified_name;
use crate::validation::{Errors, FieldError, FieldPath};

const GATED: [&str; 2] = ["strategy", "preferredHolder"];

/// Leases.
#[derive(Debug)]
pub struct LeaseStrategy;

impl Strategy for LeaseStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        GATED.iter().for_each(|field| remove(object, &["spec", field]));
    }

    fn prepare_for_update(&self, _request: &Request<'_>, object: &mut Value, old: &Value) {
        let unused = GATED.iter().filter(|field| at(old, &["spec", field]).is_none());
        unused.for_each(|field| remove(object, &["spec", field]));
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |lease: &Lease| {
            let mut errors =
                generic_object_meta(&lease.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
            errors.extend(lease.spec.as_ref().map(spec).unwrap_or_default());
            errors
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new: &Lease, old: &Lease| {
            let mut errors = generic_object_meta_update(&new.metadata, &old.metadata, &FieldPath::new("metadata"));
            errors.extend(new.spec.as_ref().map(spec).unwrap_or_default());
            errors
        })
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn allows_unconditional_update(&self) -> bool {
        false
    }
}

fn spec(spec: &LeaseSpec) -> Errors {
    let path = FieldPath::new("spec");
    let mut errors = Errors::new();
    if let Some(seconds) = spec.lease_duration_seconds.filter(|seconds| *seconds <= 0) {
        errors.push(FieldError::invalid(&path.child("leaseDurationSeconds"), seconds, "must be greater than 0"));
    }
    if let Some(count) = spec.lease_transitions.filter(|count| *count < 0) {
        let words = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(&path.child("leaseTransitions"), count, words));
    }
    if let Some(strategy) = &spec.strategy {
        errors.extend(coordinated_strategy(strategy, &path.child("strategy")));
    }
    let named = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    if named(&spec.preferred_holder) && !named(&spec.strategy) {
        let words = "may only be specified if `strategy` is defined";
        errors.push(FieldError::forbidden(&path.child("preferredHolder"), words));
    }
    errors
}

/// How the holder of a lease is chosen. The field that errors name is one below `path`, as upstream has it.
fn coordinated_strategy(strategy: &str, path: &FieldPath<'_>) -> Errors {
    let path = path.child("strategy");
    if strategy.contains('/') {
        let wrong = is_qualified_name(strategy).into_iter();
        return wrong.map(|wrong| FieldError::invalid(&path, strategy, wrong)).collect();
    }
    let known = ["OldestEmulationVersion"];
    if known.contains(&strategy) {
        return Errors::new();
    }
    vec![FieldError::not_supported(&path, strategy, &known)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::kind::testing::{create_errors, of, request, update_errors};

    #[test]
    fn wrong_leases_are_refused() {
        let meta = json!({"name": "a", "namespace": "b"});
        let object = json!({"metadata": meta, "spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}});
        let expected = [
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
            "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
        ];
        assert_eq!(create_errors("coordination.k8s.io", "leases", object.clone()), expected);
        assert_eq!(update_errors("coordination.k8s.io", "leases", "", object, json!({"metadata": meta})), expected);
    }

    #[test]
    fn coordinated_election_is_off_but_where_it_stands_already() {
        let mut object = json!({"spec": {"strategy": "x", "preferredHolder": "y", "holderIdentity": "z"}});
        let lease = of("coordination.k8s.io", "leases");
        let old = object.clone();
        lease.prepare_for_update(&request(""), &mut object, &old);
        assert_eq!(object, old);
        lease.prepare_for_create(&request(""), &mut object);
        assert_eq!(object, json!({"spec": {"holderIdentity": "z"}}));
        let meta = json!({"name": "a", "namespace": "b"});
        let old = json!({"metadata": meta, "spec": {"strategy": "x", "preferredHolder": "y"}});
        let errors = update_errors("coordination.k8s.io", "leases", "", old.clone(), old);
        let words = "supported values: \"OldestEmulationVersion\"";
        assert_eq!(errors, [format!("spec.strategy.strategy: Unsupported value: \"x\": {words}")]);
        let old = json!({"metadata": meta, "spec": {"preferredHolder": "y"}});
        let errors = update_errors("coordination.k8s.io", "leases", "", old.clone(), old);
        assert_eq!(errors, ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"]);
    }
}
