//! Names of signers of certificates: `example.com/signer`.

use super::message::required;
use crate::go::quote;
use crate::validation::name::{DNS_LABEL_MAX_LENGTH, DNS_SUBDOMAIN_MAX_LENGTH, is_dns1123_label, is_dns1123_subdomain};
use crate::validation::{Errors, FieldError, FieldPath};

/// Domain, slash, and a namespace's and an object's name with a dot between.
const MAX_LENGTH: usize = DNS_SUBDOMAIN_MAX_LENGTH + 1 + DNS_SUBDOMAIN_MAX_LENGTH + DNS_LABEL_MAX_LENGTH + 1;

/// Whether Kubernetes keeps the name for itself.
pub(crate) fn is_kubernetes_signer_name(name: &str) -> bool {
    let host = name.split_once('/').map_or(name, |(host, _)| host);
    host == "kubernetes.io" || host.ends_with(".kubernetes.io")
}

/// All that is wrong with the name of a signer.
pub(crate) fn signer_name(name: &str, path: &FieldPath<'_>) -> Errors {
    if let Some(missing) = required(name, path) {
        return vec![missing];
    }
    let Some((domain, rest)) = name.split_once('/').filter(|(_, rest)| !rest.contains('/')) else {
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return vec![FieldError::invalid(path, name, detail)];
    };
    let mut errors = Errors::new();
    if domain.len() > DNS_SUBDOMAIN_MAX_LENGTH {
        errors.push(FieldError::too_long(path, DNS_SUBDOMAIN_MAX_LENGTH));
    }
    errors.extend(first_wrong_label(domain, is_dns1123_label, path));
    if !domain.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(path, domain, detail));
    }
    errors.extend(first_wrong_label(rest, is_dns1123_subdomain, path));
    if name.len() > MAX_LENGTH {
        errors.push(FieldError::too_long(path, MAX_LENGTH));
    }
    errors
}

/// What is wrong with the first label of `segment` that breaks `rule`.
fn first_wrong_label(segment: &str, rule: fn(&str) -> Vec<String>, path: &FieldPath<'_>) -> Errors {
    let wrong = segment.split('.').map(|label| (label, rule(label))).find(|(_, messages)| !messages.is_empty());
    let Some((label, messages)) = wrong else { return Errors::new() };
    let invalid = |message| FieldError::invalid(path, segment, format!("validating label {}: {message}", quote(label)));
    messages.into_iter().map(invalid).collect()
}
