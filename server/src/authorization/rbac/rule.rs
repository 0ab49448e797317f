//! Whether one rule allows one request.

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::authorization::attributes::Attributes;

const ALL: &str = "*";

/// Whether `rule` allows the request.
pub fn allows(rule: &PolicyRule, attributes: &Attributes) -> bool {
    if !verb_matches(rule, &attributes.verb) {
        return false;
    }
    if attributes.is_resource_request {
        one_of_or_all(list(&rule.api_groups), &attributes.api_group)
            && resource_matches(list(&rule.resources), &attributes.resource, &attributes.subresource)
            && name_matches(list(&rule.resource_names), &attributes.name)
    } else {
        list(&rule.non_resource_urls).iter().any(|pattern| path_matches(pattern, &attributes.path))
    }
}

/// An optional list's items; absent and empty are the same to RBAC.
pub(super) fn list(items: &Option<Vec<String>>) -> &[String] {
    items.as_deref().unwrap_or_default()
}

/// Whether the pattern of a `nonResourceURLs` entry covers `path`: equal, or a prefix when it ends in `*`.
pub(super) fn path_matches(pattern: &str, path: &str) -> bool {
    pattern == path || (pattern.ends_with('*') && path.starts_with(pattern.trim_end_matches('*')))
}

fn verb_matches(rule: &PolicyRule, verb: &str) -> bool {
    one_of_or_all(&rule.verbs, verb)
}

fn one_of_or_all(allowed: &[String], wanted: &str) -> bool {
    allowed.iter().any(|entry| entry == ALL || entry == wanted)
}

/// `*` is everything, subresources included; `pods` is not `pods/log`; `*/scale` is the subresource of any resource;
/// `pods/*` means nothing.
fn resource_matches(allowed: &[String], resource: &str, subresource: &str) -> bool {
    allowed.iter().any(|entry| {
        if entry == ALL {
            return true;
        }
        match entry.split_once('/') {
            None => subresource.is_empty() && entry == resource,
            // A resource may itself be written with its subresource, as `selfsubjectaccessreviews` clients do.
            Some(_) if subresource.is_empty() => entry == resource,
            Some((entry_resource, entry_subresource)) => {
                entry_subresource == subresource && (entry_resource == ALL || entry_resource == resource)
            }
        }
    })
}

fn name_matches(allowed: &[String], name: &str) -> bool {
    allowed.is_empty() || allowed.iter().any(|entry| entry == name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::authentication::user::UserInfo;

    fn strings(items: &[&str]) -> Option<Vec<String>> {
        (!items.is_empty()).then(|| items.iter().map(ToString::to_string).collect())
    }

    fn resource_rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> PolicyRule {
        PolicyRule {
            verbs: strings(verbs).unwrap_or_default(),
            api_groups: strings(groups),
            resources: strings(resources),
            resource_names: strings(names),
            non_resource_urls: None,
        }
    }

    #[test]
    fn resource_rules() {
        // verbs, groups, resources, names | verb, group, resource, subresource, name | allowed
        type Row = (&'static [&'static str], &'static [&'static str], &'static [&'static str], &'static [&'static str]);
        type Request = (&'static str, &'static str, &'static str, &'static str, &'static str);
        let cases: &[(Row, Request, bool)] = &[
            ((&["get"], &[""], &["pods"], &[]), ("get", "", "pods", "", "p"), true),
            ((&["get"], &[""], &["pods"], &[]), ("list", "", "pods", "", ""), false),
            ((&["*"], &[""], &["pods"], &[]), ("list", "", "pods", "", ""), true),
            ((&["get"], &[""], &["pods"], &[]), ("get", "apps", "pods", "", "p"), false),
            ((&["get"], &["*"], &["pods"], &[]), ("get", "apps", "pods", "", "p"), true),
            ((&["get"], &[], &["pods"], &[]), ("get", "", "pods", "", "p"), false),
            ((&["get"], &[""], &["pods"], &[]), ("get", "", "pods", "log", "p"), false),
            ((&["get"], &[""], &["pods/log"], &[]), ("get", "", "pods", "log", "p"), true),
            ((&["get"], &[""], &["pods/log"], &[]), ("get", "", "pods", "", "p"), false),
            ((&["get"], &[""], &["pods/*"], &[]), ("get", "", "pods", "log", "p"), false),
            ((&["get"], &[""], &["*"], &[]), ("get", "", "pods", "log", "p"), true),
            ((&["get"], &["*"], &["*/scale"], &[]), ("get", "apps", "deployments", "scale", "d"), true),
            ((&["get"], &["*"], &["*/scale"], &[]), ("get", "apps", "deployments", "status", "d"), false),
            ((&["get"], &["*"], &["*/scale"], &[]), ("get", "apps", "deployments", "", "d"), false),
            ((&["get"], &["*"], &["*/*"], &[]), ("get", "apps", "deployments", "scale", "d"), false),
            ((&["get"], &[""], &["pods"], &["p", "q"]), ("get", "", "pods", "", "q"), true),
            ((&["get"], &[""], &["pods"], &["p", "q"]), ("get", "", "pods", "", "r"), false),
            ((&["list"], &[""], &["pods"], &["p"]), ("list", "", "pods", "", ""), false),
            ((&["get"], &[""], &["pods"], &["*"]), ("get", "", "pods", "", "p"), false),
            // Services may be named with a scheme and a port; the name is compared as it is.
            ((&["get"], &[""], &["services/proxy"], &["a"]), ("get", "", "services", "proxy", "http:a:80"), false),
        ];
        for ((verbs, groups, resources, names), (verb, group, resource, subresource, name), expected) in cases {
            let user = Arc::new(UserInfo::default());
            let attributes = Attributes::resource(user, verb, group, resource).on_subresource(subresource).named(name);
            let rule = resource_rule(verbs, groups, resources, names);
            assert_eq!(allows(&rule, &attributes), *expected, "{rule:?} {attributes:?}");
        }
    }

    #[test]
    fn path_rules() {
        let cases = [
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/", false),
            ("/healthz/*", "/healthz/ping", true),
            ("/healthz/*", "/healthz/", true),
            ("/healthz/*", "/healthz", false),
            ("/healthz*", "/healthzz", true),
            ("/a**", "/abc", true),
            ("*", "/anything/at/all", true),
            ("/*/x", "/a/x", false),
        ];
        for (pattern, path, expected) in cases {
            let rule = PolicyRule {
                verbs: vec!["get".into()],
                non_resource_urls: strings(&[pattern]),
                ..PolicyRule::default()
            };
            let user = Arc::new(UserInfo::default());
            assert_eq!(allows(&rule, &Attributes::path(user.clone(), "get", path)), expected, "{pattern} {path}");
            assert!(!allows(&rule, &Attributes::path(user.clone(), "post", path)));
            assert!(!allows(&rule, &Attributes::resource(user, "get", "", path)));
        }
    }
}
