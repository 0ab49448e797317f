//! What is particular to containers of Windows: credentials and names of users.

use k8s_openapi::api::core::v1::WindowsSecurityContextOptions;

use super::message::each_invalid;
use crate::validation::name::is_dns1123_subdomain;
use crate::validation::{Errors, FieldError, FieldPath};

/// The largest credential spec, in KiB.
const MAX_CREDENTIAL_SPEC_KIB: usize = 64;
/// What the domain of a user has to stay under, in bytes.
const MAX_DOMAIN: usize = 256;
/// The longest name of a user, in bytes.
const MAX_USER: usize = 104;
const USER_FORBIDDEN: &str = r#""/\:;|=,+*?<>@[]"#;
const NETBIOS_FORBIDDEN: &str = r#"\/:*?"<>|"#;

/// All that is wrong with the options, a container's or a pod's.
pub(crate) fn windows_options(options: Option<&WindowsSecurityContextOptions>, path: &FieldPath<'_>) -> Errors {
    let Some(options) = options else { return Errors::new() };
    let mut errors = Errors::new();
    if let Some(name) = options.gmsa_credential_spec_name.as_deref() {
        errors.extend(each_invalid(&path.child("gmsaCredentialSpecName"), name, is_dns1123_subdomain(name)));
    }
    if let Some(spec) = options.gmsa_credential_spec.as_deref() {
        let path = path.child("gmsaCredentialSpec");
        if spec.is_empty() {
            errors.push(FieldError::invalid(&path, spec, "gmsaCredentialSpec cannot be an empty string"));
        } else if spec.len() > MAX_CREDENTIAL_SPEC_KIB * 1024 {
            let detail = format!("gmsaCredentialSpec size must be under {MAX_CREDENTIAL_SPEC_KIB} KiB");
            errors.push(FieldError::invalid(&path, spec, detail));
        }
    }
    if let Some(name) = options.run_as_user_name.as_deref() {
        let path = path.child("runAsUserName");
        let details = run_as_user_name(name).into_iter();
        errors.extend(details.map(|detail| FieldError::invalid(&path, name, format!("runAsUserName{detail}"))));
    }
    errors
}

/// What is wrong with `user` or `DOMAIN\user`, as the rests of sentences.
fn run_as_user_name(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec![" cannot be an empty string".to_owned()];
    }
    if name.bytes().any(|byte| byte.is_ascii_control()) {
        return vec![" cannot contain control characters".to_owned()];
    }
    let (domain, user) = match name.split_once('\\') {
        Some((_, user)) if user.contains('\\') => return vec![" cannot contain more than one backslash".to_owned()],
        Some((domain, user)) => (Some(domain), user),
        None => (None, name),
    };
    let mut details = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= MAX_DOMAIN) {
        details.push(format!("'s Domain length must be under {MAX_DOMAIN} characters"));
    }
    if domain.is_some_and(|domain| !is_netbios_name(domain) && !is_dns_name(domain)) {
        details.push("'s Domain doesn't match the NetBios nor the DNS format".to_owned());
    }
    if user.is_empty() {
        details.push("'s User cannot be empty".to_owned());
    } else if user.len() > MAX_USER {
        details.push(format!("'s User length must not be longer than {MAX_USER} characters"));
    }
    if !user.is_empty() && user.chars().all(|c| c == '.' || c == ' ') {
        details.push("'s User cannot contain only periods or spaces".to_owned());
    }
    if user.contains(|c| USER_FORBIDDEN.contains(c)) {
        details.push(format!("'s User cannot contain the following characters: {USER_FORBIDDEN}"));
    }
    details
}

/// One to fifteen characters, the first of them no dot.
fn is_netbios_name(domain: &str) -> bool {
    let count = domain.chars().count();
    (1..=15).contains(&count) && !domain.starts_with('.') && !domain.contains(|c| NETBIOS_FORBIDDEN.contains(c))
}

/// Labels of letters, digits and dashes, capitals allowed.
fn is_dns_name(domain: &str) -> bool {
    domain.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}
