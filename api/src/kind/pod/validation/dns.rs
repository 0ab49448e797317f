//! Names and name resolution: DNS policy and configuration, host aliases, the pod's host name.

use k8s_openapi::api::core::v1::{HostAlias, PodDNSConfig, PodSpec};
use serde_json::Value;

use super::message::dns1123_subdomain;
use crate::validation::name::is_dns1123_subdomain_with_underscore;
use crate::validation::net::is_valid_ip_for_legacy_field;
use crate::validation::{Errors, FieldError, FieldPath};

const POLICIES: [&str; 4] = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
/// libc asks no more servers than this.
const MAX_NAME_SERVERS: usize = 3;
const MAX_SEARCH_PATHS: usize = 32;
const MAX_SEARCH_LENGTH: usize = 2048;
/// What Linux takes as a host name, in bytes.
const MAX_HOSTNAME: usize = 64;

/// `spec.dnsPolicy`.
pub(super) fn dns_policy(policy: Option<&str>, path: &FieldPath<'_>) -> Option<FieldError> {
    match policy.unwrap_or_default() {
        "" => Some(FieldError::required(path, "")),
        policy if POLICIES.contains(&policy) => None,
        policy => Some(FieldError::not_supported(path, policy, &POLICIES)),
    }
}

/// `spec.dnsConfig`, which the policy `None` requires.
pub(super) fn dns_config(config: Option<&PodDNSConfig>, policy: Option<&str>, path: &FieldPath<'_>) -> Errors {
    let is_required = policy == Some("None");
    let Some(config) = config else {
        let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
        return if is_required { vec![FieldError::required(path, detail)] } else { Errors::new() };
    };
    let servers = config.nameservers.as_deref().unwrap_or_default();
    let at = path.child("nameservers");
    if is_required && servers.is_empty() {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        return vec![FieldError::required(&at, detail)];
    }
    let mut errors = Errors::new();
    if servers.len() > MAX_NAME_SERVERS {
        let detail = format!("must not have more than {MAX_NAME_SERVERS} nameservers");
        errors.push(FieldError::invalid(&at, texts(servers), detail));
    }
    for (index, server) in servers.iter().enumerate() {
        errors.extend(is_valid_ip_for_legacy_field(&at.index(index), server, &[]));
    }
    errors.extend(searches(config.searches.as_deref().unwrap_or_default(), &path.child("searches")));
    let at = path.child("options");
    for (index, option) in config.options.iter().flatten().enumerate() {
        if option.name.as_deref().unwrap_or_default().is_empty() {
            errors.push(FieldError::required(&at.index(index), "must not be empty"));
        }
    }
    errors
}

fn searches(searches: &[String], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if searches.len() > MAX_SEARCH_PATHS {
        let detail = format!("must not have more than {MAX_SEARCH_PATHS} search paths");
        errors.push(FieldError::invalid(path, texts(searches), detail));
    }
    if searches.join(" ").len() > MAX_SEARCH_LENGTH {
        let detail =
            format!("must not have more than {MAX_SEARCH_LENGTH} characters (including spaces) in the search list");
        errors.push(FieldError::invalid(path, texts(searches), detail));
    }
    for (index, search) in searches.iter().enumerate().filter(|(_, search)| *search != ".") {
        let search = search.strip_suffix('.').unwrap_or(search);
        for message in is_dns1123_subdomain_with_underscore(search) {
            errors.push(FieldError::invalid(&path.index(index), search, message));
        }
    }
    errors
}

fn texts(list: &[String]) -> Value {
    Value::from(list.to_vec())
}

/// `spec.hostAliases`.
pub(super) fn host_aliases(aliases: &[HostAlias], path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    for (index, alias) in aliases.iter().enumerate() {
        let at = path.index(index);
        errors.extend(is_valid_ip_for_legacy_field(&at.child("ip"), &alias.ip, &[]));
        let at = at.child("hostnames");
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            errors.extend(dns1123_subdomain(name, &at.index(index)));
        }
    }
    errors
}

/// `spec.hostnameOverride`. `path` is the spec's.
pub(super) fn hostname_override(spec: &PodSpec, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let Some(name) = &spec.hostname_override else { return errors };
    let at = path.child("hostnameOverride");
    if spec.set_hostname_as_fqdn == Some(true) {
        errors.push(FieldError::forbidden(&at, "may not be specified when setHostnameAsFQDN is true"));
    }
    if spec.host_network == Some(true) {
        errors.push(FieldError::forbidden(&at, "may not be specified when hostNetwork is true"));
    }
    if name.len() > MAX_HOSTNAME {
        errors.push(FieldError::too_long(&at, MAX_HOSTNAME));
    }
    errors.extend(dns1123_subdomain(name, &at));
    errors
}
