//! The families of a Service's addresses and their policy: inferred where the client left them open, refused where they
//! don't fit each other or the cluster.

use serde_json::{Value, json};

use super::Family;
use crate::kind::access::is_same;
use crate::kind::generic::{at, list, restore, set, text};
use crate::kind::service::cluster_ip;
use crate::kind::service::spec::{NONE, kind, texts};
use crate::validation::{Errors, FieldError, FieldPath};

const IPS: [&str; 2] = ["spec", "clusterIPs"];
const FAMILIES: [&str; 2] = ["spec", "ipFamilies"];
const POLICY: [&str; 2] = ["spec", "ipFamilyPolicy"];

/// Whether an update leaves a PreferDualStack Service alone: it isn't moved to what the cluster has become meanwhile.
pub(super) fn is_settled(object: &Value, old: &Value) -> bool {
    let prefers = |service: &Value| matches!(text(service, &POLICY), "" | "PreferDualStack");
    kind(object) == kind(old)
        && matches!(kind(object), "ClusterIP" | "NodePort" | "LoadBalancer")
        && text(object, &POLICY) == "PreferDualStack"
        && prefers(old)
        && is_same(object, old, &IPS)
        && is_same(object, old, &FAMILIES)
}

/// Settles `ipFamilies` and `ipFamilyPolicy`.
pub(super) fn fill_families(object: &mut Value, old: Option<&Value>, cluster: &[Family]) -> Result<(), Errors> {
    if kind(object) == "ExternalName" || old.is_some_and(|old| is_settled(object, old)) {
        return Ok(());
    }
    let is_bare = text(object, &["spec", "clusterIP"]) == NONE && !has_selector(object);
    if at(object, &POLICY).is_none() {
        match old.filter(|old| at(old, &POLICY).is_some()) {
            Some(old) => restore(object, old, &POLICY),
            None => set(object, &POLICY, json!(if is_bare { "RequireDualStack" } else { "SingleStack" })),
        }
    }
    none_wrong(cluster_ip::validate(object, old))?;
    none_wrong(against_policy(object, old))?;
    none_wrong(infer_from_ips(object, cluster))?;

    let is_single = text(object, &POLICY) == "SingleStack";
    let default = cluster.first().copied().unwrap_or(Family::IPv4);
    let mut families: Vec<String> = texts(object, "ipFamilies").into_iter().map(str::to_owned).collect();
    if !is_bare {
        none_wrong(against_cluster(object, cluster))?;
    }
    if families.is_empty() {
        families.push(default.name().to_owned());
    }
    // A headless Service without selector has both families on any cluster: its endpoints are the client's.
    if families.len() == 1 && !is_single && (is_bare || cluster.len() == 2) {
        families.extend(Family::of(&families[0]).map(|family| family.other().name().to_owned()));
    }
    set(object, &FAMILIES, json!(families));
    Ok(())
}

fn none_wrong(errors: Errors) -> Result<(), Errors> {
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn has_selector(object: &Value) -> bool {
    at(object, &["spec", "selector"]).and_then(Value::as_object).is_some_and(|selector| !selector.is_empty())
}

/// Releases what a change to SingleStack releases; refuses what the policy doesn't allow.
fn against_policy(object: &mut Value, old: Option<&Value>) -> Errors {
    let mut errors = Errors::new();
    let spec = FieldPath::new("spec");
    let path = spec.child("ipFamilyPolicy");
    let is_single = text(object, &POLICY) == "SingleStack";
    if let Some(old) = old {
        for (field, what) in [(IPS, "secondary cluster IP"), (FAMILIES, "secondary IP family")] {
            let (before, after) = (list(old, &field).len(), list(object, &field).len());
            if is_single {
                if is_same(object, old, &field) && after > 1 {
                    let first = list(object, &field)[..1].to_vec();
                    set(object, &field, Value::Array(first));
                }
            } else if after != 0 && after < before {
                let detail = format!("must be 'SingleStack' to release the {what}");
                errors.push(FieldError::invalid(&path, text(object, &POLICY), detail));
            }
        }
    }
    for (field, what) in [(IPS, "cluster IPs"), (FAMILIES, "IP families")] {
        if is_single && list(object, &field).len() == 2 {
            let detail = format!("must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified");
            errors.push(FieldError::invalid(&path, "SingleStack", detail));
        }
    }
    errors
}

/// Addresses tell their families.
fn infer_from_ips(object: &mut Value, cluster: &[Family]) -> Errors {
    let mut errors = Errors::new();
    let spec = FieldPath::new("spec");
    let path = spec.child("clusterIPs");
    let ips = texts(object, "clusterIPs");
    let mut families: Vec<&str> = texts(object, "ipFamilies");
    for (at, ip) in ips.iter().enumerate().take_while(|(_, ip)| **ip != NONE) {
        if at < families.len() {
            continue;
        }
        let family = Family::of_ip(ip);
        if cluster.contains(&family) {
            families.push(family.name());
        } else {
            let detail = format!("{} is not configured on this cluster", family.name());
            errors.push(FieldError::invalid(&path.index(at), json!(ips), detail));
        }
    }
    if !families.is_empty() {
        let families = json!(families);
        set(object, &FAMILIES, families);
    }
    errors
}

fn against_cluster(object: &Value, cluster: &[Family]) -> Errors {
    let mut errors = Errors::new();
    let spec = FieldPath::new("spec");
    if text(object, &POLICY) == "RequireDualStack" && cluster.len() < 2 {
        let detail = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid(&spec.child("ipFamilyPolicy"), "RequireDualStack", detail));
    }
    let path = spec.child("ipFamilies");
    for (at, name) in texts(object, "ipFamilies").into_iter().enumerate() {
        if Family::of(name).is_none_or(|family| !cluster.contains(&family)) {
            errors.push(FieldError::invalid(&path.index(at), name, "not configured on this cluster"));
        }
    }
    errors
}
