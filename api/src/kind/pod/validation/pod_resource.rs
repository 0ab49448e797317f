//! Resources that a pod has as a whole, and claims of resources.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodResourceClaim, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::super::resource_sum::{Half, aggregate, is_huge_page, parse};
use super::annotation::MIRROR;
use super::context::ClaimNames;
use super::leniency::Leniency;
use super::message::{dns1123_label, dns1123_subdomain};
use super::resource::pod_resource_requirements;
use crate::validation::{Errors, FieldError, FieldPath};

/// `spec.resources`. `path` is the spec's.
pub(super) fn pod_resources(
    spec: &PodSpec,
    claims: &ClaimNames<'_>,
    leniency: Leniency,
    path: &FieldPath<'_>,
) -> Errors {
    let Some(resources) = &spec.resources else { return Errors::new() };
    let path = path.child("resources");
    if spec.os.as_ref().is_some_and(|os| os.name == "windows") {
        return vec![FieldError::forbidden(&path, "may not be set for a windows pod")];
    }
    let mut errors = Errors::new();
    if resources.claims.is_some() {
        let detail = "claims may not be set for Resources at pod-level";
        errors.push(FieldError::forbidden(&path.child("claims"), detail));
    }
    errors.extend(pod_resource_requirements(resources, claims, leniency, &path));
    errors.extend(consistency(spec, &path));
    errors
}

/// What the pod has must do for its containers.
fn consistency(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let Some(resources) = &spec.resources else { return errors };
    let requests = parse(resources.requests.as_ref());
    let limits = parse(resources.limits.as_ref());
    let at = path.child("requests");
    for (name, sum) in aggregate(spec, Half::Requests) {
        if let Some(request) = requests.get(&name).filter(|request| sum > **request) {
            let detail = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.push(FieldError::invalid(&at.key(&name), request.to_string(), detail));
        }
    }
    let at = path.child("limits");
    for (name, sum) in aggregate(spec, Half::Limits).into_iter().filter(|(name, _)| is_huge_page(name)) {
        if let Some(limit) = limits.get(&name).filter(|limit| sum > **limit) {
            let detail = format!("must be greater than or equal to aggregate container limits of {sum}");
            errors.push(FieldError::invalid(&at.key(&name), limit.to_string(), detail));
        }
    }
    let at = path.child("containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let own = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
        for (name, limit) in parse(own) {
            if let Some(most) = limits.get(&name).filter(|most| limit > **most) {
                let detail = format!("must be less than or equal to pod limits of {most}");
                let at = at.index(index);
                let at = at.key(&name);
                errors.push(FieldError::invalid(&at.child("limits"), limit.to_string(), detail));
            }
        }
    }
    errors
}

/// `spec.resourceClaims`. `meta` is a pod's; templates have none here.
pub(super) fn resource_claims(claims: &[PodResourceClaim], meta: Option<&ObjectMeta>, path: &FieldPath<'_>) -> Errors {
    let is_static = meta.and_then(|meta| meta.annotations.as_ref()).is_some_and(|all| all.contains_key(MIRROR));
    let mut errors = Errors::new();
    let mut seen = BTreeSet::new();
    for (index, claim) in claims.iter().enumerate() {
        if is_static {
            errors.push(FieldError::forbidden(&FieldPath::new(""), "static pods do not support resource claims"));
        } else {
            errors.extend(resource_claim(claim, &mut seen, &path.index(index)));
        }
    }
    errors
}

fn resource_claim<'a>(claim: &'a PodResourceClaim, seen: &mut BTreeSet<&'a str>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let at = path.child("name");
    let name = claim.name.as_str();
    if name.is_empty() {
        errors.push(FieldError::required(&at, ""));
    } else if seen.contains(name) {
        errors.push(FieldError::duplicate(&at, name));
    } else {
        errors.extend(dns1123_label(name, &at));
        seen.insert(name);
    }
    let sources = [
        ("resourceClaimName", claim.resource_claim_name.as_deref()),
        ("resourceClaimTemplateName", claim.resource_claim_template_name.as_deref()),
    ];
    let detail = match sources {
        [(_, Some(_)), (_, Some(_))] => {
            Some("at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified")
        }
        [(_, None), (_, None)] => Some("must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"),
        _ => None,
    };
    if let Some(detail) = detail {
        // Upstream shows the names that its own fields have.
        let value = json!({
            "Name": name,
            "ResourceClaimName": claim.resource_claim_name,
            "ResourceClaimTemplateName": claim.resource_claim_template_name,
        });
        errors.push(FieldError::invalid(path, value, detail));
    }
    for (field, name) in sources {
        let Some(name) = name else { continue };
        errors.extend(dns1123_subdomain(name, &path.child(field)));
    }
    errors
}
