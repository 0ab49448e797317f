//! The rules of a Service's addresses: `clusterIP`, `clusterIPs`, `ipFamilies`, `ipFamilyPolicy`, alone and on update.
//!
//! They stand apart because allocation checks them too, before it infers what the client left out. Facts: upstream's
//! `ValidateServiceClusterIPsRelatedFields` and its neighbours in `pkg/apis/core/validation`.

use serde_json::Value;

use super::spec::{NONE, kind, texts};
use crate::kind::generic::{at, text};
use crate::validation::net::{is_valid_ip_for_legacy_field, parse_ip_sloppy};
use crate::validation::{Errors, FieldError, FieldPath};

pub(super) const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];
const POLICIES: [&str; 3] = ["PreferDualStack", "RequireDualStack", "SingleStack"];

/// Whether the text is an IPv6 address, IPv4-mapped ones excluded.
pub(super) fn is_ipv6(ip: &str) -> bool {
    parse_ip_sloppy(ip).is_some_and(|ip| ip.is_ipv6())
}

/// Whether the Service asks for no address.
pub(super) fn is_headless(service: &Value) -> bool {
    texts(service, "clusterIPs") == [NONE]
}

/// The value of a field of the spec as an error shows it: null where there is none.
fn shown(service: &Value, field: &str) -> Value {
    at(service, &["spec", field]).cloned().unwrap_or(Value::Null)
}

/// What is wrong with the addresses and families as they stand.
pub(super) fn validate(service: &Value, old: Option<&Value>) -> Errors {
    if kind(service) == "ExternalName" {
        return Errors::new();
    }
    let mut errors = Errors::new();
    let spec = FieldPath::new("spec");
    let (ips_path, families_path, policy_path) =
        (spec.child("clusterIPs"), spec.child("ipFamilies"), spec.child("ipFamilyPolicy"));
    let ips = texts(service, "clusterIPs");
    let families = texts(service, "ipFamilies");
    let ips_invalid = |detail: &str| FieldError::invalid(&ips_path, shown(service, "clusterIPs"), detail);

    match (text(service, &["spec", "clusterIP"]), ips.first()) {
        ("", None) => {}
        ("", Some(_)) => errors.push(ips_invalid("must be empty when `clusterIP` is not specified")),
        (_, None) => errors.push(FieldError::required(&ips_path, "")),
        (ip, Some(first)) if ip != *first => errors.push(ips_invalid("first value must match `clusterIP`")),
        _ => {}
    }
    for (at, family) in families.iter().enumerate() {
        if !FAMILIES.contains(family) {
            errors.push(FieldError::not_supported(&families_path.index(at), *family, &FAMILIES));
        }
        if families[..at].contains(family) {
            errors.push(FieldError::duplicate(&families_path.index(at), *family));
        }
    }
    if let Some(policy) = at(service, &["spec", "ipFamilyPolicy"]).and_then(Value::as_str)
        && !POLICIES.contains(&policy)
    {
        errors.push(FieldError::not_supported(&policy_path, policy, &POLICIES));
    }

    let existing = old.map(|old| texts(old, "clusterIPs")).unwrap_or_default();
    let mut has_invalid = false;
    for (at, ip) in ips.iter().enumerate() {
        if at == 0 && *ip == NONE {
            if ips.len() > 1 {
                has_invalid = true;
                errors.push(ips_invalid("'None' must be the first and only value"));
            }
            continue;
        }
        let found = is_valid_ip_for_legacy_field(&ips_path.index(at), ip, &existing);
        has_invalid |= !found.is_empty();
        errors.extend(found);
    }
    if ips.len() > 2 {
        errors.push(ips_invalid("may only hold up to 2 values"));
    }
    if has_invalid {
        return errors;
    }
    if ips.len() > 1 {
        // A text that is no address can stand here only because it stood in the old object.
        if let Some(bad) = ips.iter().find(|ip| parse_ip_sloppy(ip).is_none()) {
            let detail = format!("failed to check for dual stack with error:invalid IP address: {bad}");
            errors.push(FieldError::internal(&ips_path, detail));
        }
        let sixes = ips.iter().filter(|ip| is_ipv6(ip)).count();
        if sixes == 0 || sixes == ips.len() {
            errors.push(ips_invalid("may specify no more than one IP for each IP family"));
        }
    }
    if !is_headless(service) {
        for (at, (ip, family)) in ips.iter().zip(&families).enumerate() {
            let is_wrong = match *family {
                "IPv4" => is_ipv6(ip),
                "IPv6" => !is_ipv6(ip),
                _ => false,
            };
            if is_wrong {
                let detail = format!("expected an {family} value as indicated by `ipFamilies[{at}]`");
                errors.push(FieldError::invalid(&ips_path.index(at), *ip, detail));
            }
        }
    }
    errors
}

/// What is wrong with a change of the addresses: the first stays, the second comes and goes.
pub(super) fn validate_update(service: &Value, old: &Value) -> Errors {
    let mut errors = Errors::new();
    if kind(service) == "ExternalName" || kind(old) == "ExternalName" || (is_headless(service) && is_headless(old)) {
        return errors;
    }
    let spec = FieldPath::new("spec");
    let path = spec.child("clusterIPs");
    let (before, after) = (texts(old, "clusterIPs"), texts(service, "clusterIPs"));
    let mut invalid = |at: usize, detail: &str| {
        errors.push(FieldError::invalid(&path.index(at), shown(service, "clusterIPs"), detail));
    };
    if before.len() == after.len() {
        for at in (0..before.len()).filter(|at| before[*at] != after[*at]) {
            invalid(at, "may not change once set");
        }
        return errors;
    }
    if after.is_empty() {
        invalid(0, "primary clusterIP can not be unset");
    } else if before.first().is_some_and(|before| *before != after[0]) {
        invalid(0, "may not change once set");
    }
    if before.len() > after.len() && after.len() == 1 && text(service, &["spec", "ipFamilyPolicy"]) != "SingleStack" {
        let detail = "must be set to 'SingleStack' when releasing the secondary clusterIP";
        errors.push(FieldError::invalid(&spec.child("ipFamilyPolicy"), shown(service, "ipFamilyPolicy"), detail));
    }
    errors
}

/// What is wrong with a change of the families.
pub(super) fn validate_families_update(service: &Value, old: &Value) -> Errors {
    let mut errors = Errors::new();
    if kind(service) == "ExternalName" || kind(old) == "ExternalName" || is_headless(service) || is_headless(old) {
        return errors;
    }
    let spec = FieldPath::new("spec");
    let families_path = spec.child("ipFamilies");
    let path = families_path.index(0);
    let (before, after) = (texts(old, "ipFamilies"), texts(service, "ipFamilies"));
    let mut invalid = |value: Value, detail: &str| errors.push(FieldError::invalid(&path, value, detail));
    if before.len() == after.len() {
        for _ in before.iter().zip(&after).filter(|(before, after)| before != after) {
            invalid(shown(service, "ipFamilies"), "may not change once set");
        }
        return errors;
    }
    // Upstream looks at the addresses here, and shows them in the next sentence.
    if before.len() > after.len() && texts(service, "clusterIPs").is_empty() {
        invalid(shown(service, "ipFamilies"), "primary ipFamily can not be unset");
    }
    if let (Some(before), Some(after)) = (before.first(), after.first())
        && before != after
    {
        invalid(shown(service, "clusterIPs"), "may not change once set");
    }
    if before.len() > after.len() && after.len() == 1 && text(service, &["spec", "ipFamilyPolicy"]) != "SingleStack" {
        let detail = "must be set to 'SingleStack' when releasing the secondary ipFamily";
        errors.push(FieldError::invalid(&spec.child("ipFamilyPolicy"), shown(service, "ipFamilyPolicy"), detail));
    }
    errors
}
