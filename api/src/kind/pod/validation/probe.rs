//! The probes of a container.

use k8s_openapi::api::core::v1::{Container, Probe};

use super::handler::handler;
use crate::validation::meta::non_negative;
use crate::validation::{Errors, FieldError, FieldPath};

/// All that is wrong with the container's probes; `path` is the container's.
pub(super) fn probes(container: &Container, grace_period: Option<i64>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(liveness) = &container.liveness_probe {
        let path = path.child("livenessProbe");
        errors.extend(probe(liveness, grace_period, &path));
        errors.extend(one_success(liveness, &path));
    }
    if let Some(readiness) = &container.readiness_probe {
        let path = path.child("readinessProbe");
        errors.extend(probe(readiness, grace_period, &path));
        if let Some(seconds) = readiness.termination_grace_period_seconds {
            let path = path.child("terminationGracePeriodSeconds");
            errors.push(FieldError::invalid(&path, seconds, "must not be set for readinessProbes"));
        }
    }
    if let Some(startup) = &container.startup_probe {
        let path = path.child("startupProbe");
        errors.extend(probe(startup, grace_period, &path));
        errors.extend(one_success(startup, &path));
    }
    errors
}

fn probe(probe: &Probe, grace_period: Option<i64>, path: &FieldPath<'_>) -> Errors {
    let mut errors = handler(probe, grace_period, path);
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, number) in numbers {
        errors.extend(non_negative(i64::from(number.unwrap_or_default()), &path.child(field)));
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|seconds| *seconds <= 0) {
        let path = path.child("terminationGracePeriodSeconds");
        errors.push(FieldError::invalid(&path, seconds, "must be greater than 0"));
    }
    errors
}

/// Probes that kill a container may not ask for more than one success.
fn one_success(probe: &Probe, path: &FieldPath<'_>) -> Option<FieldError> {
    let threshold = probe.success_threshold.unwrap_or_default();
    (threshold != 1).then(|| FieldError::invalid(&path.child("successThreshold"), threshold, "must be 1"))
}
