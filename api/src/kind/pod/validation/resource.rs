//! What containers and pods ask for and may use: amounts of resources, and claims.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ResourceClaim, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;

use super::context::ClaimNames;
use super::leniency::Leniency;
use super::message::dns1123_label;
use crate::quantity::Quantity;
use crate::validation::resource_name::{
    container_resource_name, is_huge_pages, is_overcommit_allowed, resource_name, resource_quantity_value,
};
use crate::validation::{Errors, FieldError, FieldPath};

const HUGE_PAGES: &str = "hugepages-";
/// What a pod as a whole may ask for, in the order of the sentence.
const OF_PODS: [&str; 3] = ["cpu", HUGE_PAGES, "memory"];

type Amounts = BTreeMap<String, QuantityText>;

/// The number. Objects whose quantities are none don't come as far as validation; zero would be said of them.
pub(crate) fn parsed(quantity: &QuantityText) -> Quantity {
    Quantity::parse(&quantity.0).unwrap_or_default()
}

/// All that is wrong with the resources of a container, or with a pod's overhead, given as limits.
pub(crate) fn container_resource_requirements(
    requirements: &ResourceRequirements,
    claims: &ClaimNames<'_>,
    leniency: Leniency,
    path: &FieldPath<'_>,
) -> Errors {
    resource_requirements(requirements, container_resource_name, claims, leniency, path)
}

/// All that is wrong with the resources of a pod as a whole, taken by themselves.
pub(crate) fn pod_resource_requirements(
    requirements: &ResourceRequirements,
    claims: &ClaimNames<'_>,
    leniency: Leniency,
    path: &FieldPath<'_>,
) -> Errors {
    resource_requirements(requirements, pod_resource_name, claims, leniency, path)
}

fn resource_requirements(
    requirements: &ResourceRequirements,
    name_rule: fn(&str, &FieldPath<'_>) -> Errors,
    claims: &ClaimNames<'_>,
    leniency: Leniency,
    path: &FieldPath<'_>,
) -> Errors {
    let none = Amounts::new();
    let limits = requirements.limits.as_ref().unwrap_or(&none);
    let requests = requirements.requests.as_ref().unwrap_or(&none);
    let (limits_path, requests_path) = (path.child("limits"), path.child("requests"));
    let mut errors = Errors::new();
    for (name, text) in limits {
        let (path, amount) = (limits_path.key(name), parsed(text));
        errors.extend(name_rule(name, &path));
        errors.extend(resource_quantity_value(name, amount, &path));
        errors.extend(huge_page_amount(name, text, leniency, &path));
    }
    for (name, text) in requests {
        let (path, amount) = (requests_path.key(name), parsed(text));
        errors.extend(name_rule(name, &path));
        errors.extend(resource_quantity_value(name, amount, &path));
        errors.extend(request_within_limit(name, amount, limits.get(name), &requests_path, &limits_path));
        errors.extend(huge_page_amount(name, text, leniency, &path));
    }
    let any = |rule: fn(&str) -> bool| limits.keys().chain(requests.keys()).any(|name| rule(name));
    if any(is_huge_pages) && !any(|name| name == "cpu" || name == "memory") {
        errors.push(FieldError::forbidden(path, "HugePages require cpu or memory"));
    }
    let wanted = requirements.claims.as_deref().unwrap_or_default();
    errors.extend(resource_claims(wanted, claims, &path.child("claims")));
    errors
}

/// All that is wrong with the name of a resource of a pod as a whole.
fn pod_resource_name(name: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = resource_name(name, path);
    if errors.is_empty() && !OF_PODS.contains(&name) && !is_huge_pages(name) {
        errors.push(FieldError::not_supported(path, name, &OF_PODS));
    }
    errors
}

fn request_within_limit(
    name: &str,
    request: Quantity,
    limit: Option<&QuantityText>,
    path: &FieldPath<'_>,
    limits_path: &FieldPath<'_>,
) -> Option<FieldError> {
    let overcommits = is_overcommit_allowed(name);
    let Some(limit) = limit.map(parsed) else {
        let detail = "Limit must be set for non overcommitable resources";
        return (!overcommits).then(|| FieldError::required(limits_path, detail));
    };
    let relation = if !overcommits && request != limit {
        "equal to"
    } else if request > limit {
        "less than or equal to"
    } else {
        return None;
    };
    let detail = format!("must be {relation} {name} limit of {limit}");
    Some(FieldError::invalid(path, request.to_string(), detail))
}

/// Whether the resource is huge pages and the amount isn't a whole number of them.
pub(super) fn is_indivisible_huge_page(name: &str, amount: &QuantityText) -> bool {
    let Some(size) = name.strip_prefix(HUGE_PAGES) else { return false };
    match Quantity::parse(size) {
        Ok(size) if size.is_positive() && size.milli_value() % 1000 == 0 => {
            // Positive sizes are 1 at least, as whole numbers are rounded up.
            parsed(amount).value() % size.value() != 0
        }
        _ => true,
    }
}

fn huge_page_amount(name: &str, text: &QuantityText, leniency: Leniency, path: &FieldPath<'_>) -> Option<FieldError> {
    if leniency.indivisible_huge_pages || !is_indivisible_huge_page(name, text) {
        return None;
    }
    let amount = parsed(text).to_string();
    let detail = format!("{amount} is not positive integer multiple of {name}");
    Some(FieldError::invalid(path, amount, detail))
}

/// The claims that a container uses have to be the pod's, and none may be used twice.
fn resource_claims(wanted: &[ResourceClaim], claims: &ClaimNames<'_>, path: &FieldPath<'_>) -> Errors {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, claim) in wanted.iter().enumerate() {
        let path = path.index(at);
        let name = claim.name.as_str();
        if name.is_empty() {
            errors.push(FieldError::required(&path, ""));
            continue;
        }
        let request = claim.request.as_deref().unwrap_or_default();
        if seen.contains(name) {
            errors.push(FieldError::duplicate(&path, name));
        } else if request.is_empty() {
            // The whole claim: each of its requests that is used already is one overlap.
            let parts = seen.iter().filter(|key| key.split_once('/').is_some_and(|(claim, _)| claim == name));
            errors.extend(parts.map(|_| FieldError::duplicate(&path, name)));
            seen.insert(name.to_owned());
        } else {
            errors.extend(dns1123_label(request, &path.child("request")));
            let key = format!("{name}/{request}");
            if seen.contains(&key) {
                errors.push(FieldError::duplicate(&path, key));
            } else {
                seen.insert(key);
            }
        }
        if !claims.contains(name) {
            errors.push(unknown_claim(name, claims, &path));
        }
    }
    errors
}

fn unknown_claim(name: &str, claims: &ClaimNames<'_>, path: &FieldPath<'_>) -> FieldError {
    let mut error = FieldError::not_found(path, name);
    error.detail = "must be one of the names in pod.spec.resourceClaims".to_owned();
    if claims.is_empty() {
        error.detail.push_str(" which is empty");
    } else {
        let names: Vec<&str> = claims.iter().copied().collect();
        error.detail.push_str(": ");
        error.detail.push_str(&names.join(", "));
    }
    error
}
