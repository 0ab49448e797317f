//! The sentence that tells a client what it may not do.
//!
//! It is the message of the 403 `metav1.Status`, whose details name the group, resource and object.

use super::attributes::Attributes;
use howdah_api::go::quote;

/// The whole message of the refusal: `pods "x" is forbidden: User "u" cannot get resource …: reason`.
pub fn forbidden_message(attributes: &Attributes, reason: &str) -> String {
    let sentence = sanitize(&what_is_forbidden(attributes));
    let cause = if reason.is_empty() { sentence } else { format!("{sentence}: {reason}") };
    forbidden_resource_message(&attributes.api_group, &attributes.resource, &attributes.name, &cause)
}

/// A refusal with a cause of one's own, in the frame that every 403 has: `roles.GROUP "NAME" is forbidden: CAUSE`.
pub fn forbidden_resource_message(api_group: &str, resource: &str, name: &str, cause: &str) -> String {
    let qualified = match (api_group, resource) {
        ("", resource) => resource.to_owned(),
        (_, "") => format!(".{api_group}"),
        (group, resource) => format!("{resource}.{group}"),
    };
    match (qualified.as_str(), name) {
        ("", _) => format!("forbidden: {cause}"),
        (qualified, "") => format!("{qualified} is forbidden: {cause}"),
        (qualified, name) => format!("{qualified} {} is forbidden: {cause}", quote(name)),
    }
}

fn what_is_forbidden(attributes: &Attributes) -> String {
    let user = quote(&attributes.user.name);
    let verb = &attributes.verb;
    if !attributes.is_resource_request {
        return format!("User {user} cannot {verb} path {}", quote(&attributes.path));
    }
    let resource = match attributes.subresource.as_str() {
        "" => quote(&attributes.resource),
        subresource => quote(&format!("{}/{subresource}", attributes.resource)),
    };
    let group = quote(&attributes.api_group);
    match attributes.namespace.as_str() {
        "" => format!("User {user} cannot {verb} resource {resource} in API group {group} at the cluster scope"),
        namespace => format!(
            "User {user} cannot {verb} resource {resource} in API group {group} in the namespace {}",
            quote(namespace)
        ),
    }
}

/// Keeps what the client sent from reading as HTML.
fn sanitize(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::authentication::user::UserInfo;

    #[test]
    fn sentences_are_upstreams() {
        let user = || Arc::new(UserInfo::new("u", ["g"]));
        let cases = [
            (
                Attributes::resource(user(), "get", "", "pods").in_namespace("ns").named("p"),
                "",
                r#"pods "p" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "ns""#,
            ),
            (
                Attributes::resource(user(), "list", "apps", "deployments"),
                "",
                r#"deployments.apps is forbidden: User "u" cannot list resource "deployments" in API group "apps" at the cluster scope"#,
            ),
            (
                Attributes::resource(user(), "create", "", "pods").in_namespace("ns").named("p").on_subresource("exec"),
                "rbac: RBAC: x",
                r#"pods "p" is forbidden: User "u" cannot create resource "pods/exec" in API group "" in the namespace "ns": rbac: RBAC: x"#,
            ),
            (
                Attributes::path(Arc::new(UserInfo::new("<b>&", ["g"])), "get", "/healthz"),
                "",
                r#"forbidden: User "&lt;b&gt;&amp;" cannot get path "/healthz""#,
            ),
        ];
        for (attributes, reason, expected) in cases {
            assert_eq!(forbidden_message(&attributes, reason), expected);
        }
    }
}
