//! Who a request comes from, and the well-known names of users and groups.
//!
//! Pure data: the authenticators make it, impersonation replaces it, the authorizers read it.
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/>.

use std::collections::BTreeMap;

/// The group whose members may do anything, whatever RBAC says.
pub const SYSTEM_MASTERS: &str = "system:masters";
/// The group of node agents; with [`NODE_USER_PREFIX`] it makes a node's identity.
pub const NODES_GROUP: &str = "system:nodes";
/// The group of everybody without credentials.
pub const ALL_UNAUTHENTICATED: &str = "system:unauthenticated";
/// The group of everybody whose credentials were accepted.
pub const ALL_AUTHENTICATED: &str = "system:authenticated";
/// The user of a request without credentials.
pub const ANONYMOUS: &str = "system:anonymous";
/// What a node's user name begins with; the node's name follows.
pub const NODE_USER_PREFIX: &str = "system:node:";
/// The group of every ServiceAccount.
pub const ALL_SERVICE_ACCOUNTS: &str = "system:serviceaccounts";
/// The group of the users that bootstrap tokens stand for.
pub const BOOTSTRAPPERS: &str = "system:bootstrappers";
/// The extra key that names the credential itself: `JTI=…` for tokens, `X509SHA256=…` for certificates.
pub const CREDENTIAL_ID_KEY: &str = "authentication.kubernetes.io/credential-id";

const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";
const SERVICE_ACCOUNTS_GROUP_PREFIX: &str = "system:serviceaccounts:";

/// The identity behind a request, as `SelfSubjectReview` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The user's name; unique among the users alive at one time.
    pub name: String,
    /// Tells apart users who bore the same name at different times; often empty.
    pub uid: String,
    /// The groups, in the authenticator's order.
    pub groups: Vec<String>,
    /// What else the authenticator knows, by domain-prefixed key.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// A user of this name and in these groups, without uid and extra.
    pub fn new(name: impl Into<String>, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: name.into(), groups: groups.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Whether the user is in `group`.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// Adds `group`, unless the user is in it already.
    pub fn ensure_group(&mut self, group: &str) {
        if !self.is_in(group) {
            self.groups.push(group.to_owned());
        }
    }

    /// The value of `key` when it has exactly one.
    pub fn single_extra(&self, key: &str) -> Option<&str> {
        match self.extra.get(key).map(Vec::as_slice) {
            Some([value]) => Some(value),
            _ => None,
        }
    }

    /// The name of the node that this user is: `system:node:NAME` in the group `system:nodes`.
    ///
    /// `None` for anybody else. The name may be empty, when the user calls itself a node and does not say which;
    /// the Node authorizer and NodeRestriction refuse such a user, rather than passing it on.
    pub fn node_name(&self) -> Option<&str> {
        let name = self.name.strip_prefix(NODE_USER_PREFIX)?;
        self.is_in(NODES_GROUP).then_some(name)
    }
}

/// The user name of a ServiceAccount.
pub fn service_account_user_name(namespace: &str, name: &str) -> String {
    format!("{SERVICE_ACCOUNT_PREFIX}{namespace}:{name}")
}

/// The groups every ServiceAccount of `namespace` is in; `system:authenticated` is added by the one who authenticates.
pub fn service_account_groups(namespace: &str) -> Vec<String> {
    vec![ALL_SERVICE_ACCOUNTS.to_owned(), format!("{SERVICE_ACCOUNTS_GROUP_PREFIX}{namespace}")]
}

/// Namespace and name of the ServiceAccount that a user name stands for.
///
/// `None` unless both parts are there and are what a namespace (a DNS label) and a ServiceAccount (a DNS subdomain)
/// may be called.
pub fn split_service_account_user_name(user_name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user_name.strip_prefix(SERVICE_ACCOUNT_PREFIX)?.split_once(':')?;
    (is_dns_label(namespace) && is_dns_subdomain(name)).then_some((namespace, name))
}

/// Whether `name` is an RFC 1123 label of at most 63 bytes.
pub fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_lower_alphanumeric_with_dashes(name)
}

/// Whether `name` is an RFC 1123 subdomain: labels joined by dots, at most 253 bytes in all.
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_lower_alphanumeric_with_dashes)
}

fn is_lower_alphanumeric_with_dashes(part: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_account_names_split_only_when_both_parts_are_valid() {
        let cases = [
            ("system:serviceaccount:ns:sa", Some(("ns", "sa"))),
            ("system:serviceaccount:ns:a.b-c", Some(("ns", "a.b-c"))),
            ("system:serviceaccount:ns", None),
            ("system:serviceaccount:ns:", None),
            ("system:serviceaccount::sa", None),
            ("system:serviceaccount:ns:sa:x", None),
            ("system:serviceaccount:n.s:sa", None),
            ("system:serviceaccount:ns:Sa", None),
            ("serviceaccount:ns:sa", None),
            ("system:node:a", None),
        ];
        for (user_name, expected) in cases {
            assert_eq!(split_service_account_user_name(user_name), expected, "{user_name}");
        }
        assert_eq!(service_account_user_name("ns", "sa"), "system:serviceaccount:ns:sa");
        assert_eq!(service_account_groups("ns"), ["system:serviceaccounts", "system:serviceaccounts:ns"]);
    }

    #[test]
    fn a_node_needs_the_name_and_the_group() {
        assert_eq!(UserInfo::new("system:node:a", [NODES_GROUP]).node_name(), Some("a"));
        assert_eq!(UserInfo::new("system:node:", [NODES_GROUP]).node_name(), Some(""));
        assert_eq!(UserInfo::new("system:node:a", ["other"]).node_name(), None);
        assert_eq!(UserInfo::new("a", [NODES_GROUP]).node_name(), None);
    }

    #[test]
    fn a_single_extra_is_neither_absent_nor_plural() {
        let mut user = UserInfo::new("a", [""; 0]);
        assert_eq!(user.single_extra("k"), None);
        user.extra.insert("k".into(), vec!["v".into()]);
        assert_eq!(user.single_extra("k"), Some("v"));
        user.extra.insert("k".into(), vec!["v".into(), "w".into()]);
        assert_eq!(user.single_extra("k"), None);
    }
}
