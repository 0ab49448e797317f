//! The modes of impersonation, in the order they are tried.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ImpersonationError, question};
use crate::authentication::service_account::NODE_NAME_KEY;
use crate::authentication::user::{
    ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS, NODE_USER_PREFIX, NODES_GROUP, SYSTEM_MASTERS, UserInfo,
    is_dns_label, is_dns_subdomain, service_account_groups, split_service_account_user_name,
};
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::Authorizer;
use howdah_api::go::quote;

const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";

/// From how many single questions on one question about everything is tried first.
const MANY: usize = 4;

/// All modes, in order.
pub(super) const MODES: [Mode; 5] =
    [Mode::AssociatedNode, Mode::ArbitraryNode, Mode::ServiceAccount, Mode::UserInfo, Mode::Legacy];

/// One way of being allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A ServiceAccount acts as the node that its pod runs on.
    AssociatedNode,
    /// Anybody acts as a node.
    ArbitraryNode,
    /// Anybody acts as a ServiceAccount.
    ServiceAccount,
    /// Anybody acts as a user that is neither.
    UserInfo,
    /// The old verb: anybody as anybody, for anything.
    Legacy,
}

type Checked<T> = Result<T, ImpersonationError>;

impl Mode {
    /// The verb of the right to impersonate; also the audit log's constraint, except for the old verb.
    fn verb(self) -> &'static str {
        match self {
            Self::AssociatedNode => "impersonate:associated-node",
            Self::ArbitraryNode => "impersonate:arbitrary-node",
            Self::ServiceAccount => "impersonate:serviceaccount",
            Self::UserInfo => "impersonate:user-info",
            Self::Legacy => "impersonate",
        }
    }

    pub(super) fn constraint(self) -> &'static str {
        if self == Self::Legacy { "" } else { self.verb() }
    }

    /// Whether the mode is for this user at all.
    pub(super) fn supports(self, wanted: &UserInfo, requester: &UserInfo) -> bool {
        let only_name = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let node = node_name(&wanted.name);
        let is_service_account = split_service_account_user_name(&wanted.name).is_some();
        match self {
            Self::AssociatedNode => {
                only_name
                    && node.is_some()
                    && split_service_account_user_name(&requester.name).is_some()
                    && requester.single_extra(NODE_NAME_KEY) == node
            }
            Self::ArbitraryNode => only_name && node.is_some(),
            Self::ServiceAccount => only_name && is_service_account,
            Self::UserInfo => node.is_none() && !is_service_account,
            Self::Legacy => true,
        }
    }

    /// Asks everything that this mode asks, and gives the user that results.
    pub(super) fn check(
        self,
        authorizer: &dyn Authorizer,
        request: &Attributes,
        wanted: &UserInfo,
    ) -> Checked<UserInfo> {
        let asker = Asker { mode: self, authorizer, requester: self.requester(&request.user) };
        if self != Self::Legacy {
            let mode = self.verb().trim_start_matches("impersonate:");
            let verb = format!("impersonate-on:{mode}:{}", request.verb);
            asker.ask(Attributes { verb, user: asker.requester.clone(), ..request.clone() })?;
        }
        let mut user = wanted.clone();
        asker.name(wanted, &mut user)?;
        if !wanted.uid.is_empty() {
            asker.ask(question(&asker.requester, self.verb(), AUTHENTICATION_GROUP, "uids", &wanted.uid))?;
        }
        asker.groups(&wanted.groups)?;
        asker.extra(&wanted.extra)?;
        if user.name == ANONYMOUS {
            user.ensure_group(ALL_UNAUTHENTICATED);
        } else if !user.is_in(ALL_UNAUTHENTICATED) {
            user.ensure_group(ALL_AUTHENTICATED);
        }
        Ok(user)
    }

    /// The requester as the authorizer sees it: for the associated node, the values of its extra are not to matter.
    fn requester(self, user: &Arc<UserInfo>) -> Arc<UserInfo> {
        if self != Self::AssociatedNode {
            return user.clone();
        }
        let keys = user.extra.keys().cloned().collect();
        let extra = BTreeMap::from([("authentication.kubernetes.io/associated-node-keys".to_owned(), keys)]);
        Arc::new(UserInfo { extra, ..user.as_ref().clone() })
    }
}

struct Asker<'a> {
    mode: Mode,
    authorizer: &'a dyn Authorizer,
    requester: Arc<UserInfo>,
}

impl Asker<'_> {
    fn is_constrained(&self) -> bool {
        self.mode != Mode::Legacy
    }

    /// Users and groups are of the core group for the old verb.
    fn question(&self, resource: &str, name: &str) -> Attributes {
        let group = if self.is_constrained() { AUTHENTICATION_GROUP } else { "" };
        question(&self.requester, self.mode.verb(), group, resource, name)
    }

    fn name(&self, wanted: &UserInfo, user: &mut UserInfo) -> Checked<()> {
        let mut question = self.question("users", &wanted.name);
        if let Some(node) = node_name(&wanted.name).filter(|_| self.is_constrained()) {
            "nodes".clone_into(&mut question.resource);
            // Whoever may act as the node it is on, may do so on every node.
            let node = if self.mode == Mode::AssociatedNode { "*" } else { node };
            node.clone_into(&mut question.name);
            user.groups = vec![NODES_GROUP.to_owned()];
        }
        if let Some((namespace, name)) = split_service_account_user_name(&wanted.name) {
            "serviceaccounts".clone_into(&mut question.resource);
            namespace.clone_into(&mut question.namespace);
            name.clone_into(&mut question.name);
            if wanted.groups.is_empty() {
                user.groups = service_account_groups(namespace);
            }
        }
        self.ask(question)
    }

    fn groups(&self, groups: &[String]) -> Checked<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let about = |name: &str| self.question("groups", name);
        if self.is_constrained() {
            if groups.iter().any(String::is_empty) {
                return refused(about(""), "impersonating the empty string group is not allowed");
            }
            if groups.iter().any(|group| group == SYSTEM_MASTERS) {
                return refused(about(SYSTEM_MASTERS), "impersonating the system:masters group is not allowed");
            }
            if groups.len() >= MANY && self.ask(about("*")).is_ok() {
                return Ok(());
            }
        }
        groups.iter().try_for_each(|group| self.ask(about(group)))
    }

    fn extra(&self, extra: &BTreeMap<String, Vec<String>>) -> Checked<()> {
        let about = |key: &str, value: &str| {
            question(&self.requester, self.mode.verb(), AUTHENTICATION_GROUP, "userextras", value).on_subresource(key)
        };
        if self.is_constrained() {
            if let Some(reason) = extra.iter().find_map(|(key, values)| invalid_extra(key, values)) {
                return refused(about("", ""), reason);
            }
            let values: usize = extra.values().map(Vec::len).sum();
            if (extra.len() >= MANY || values >= MANY) && self.ask(about("*", "*")).is_ok() {
                return Ok(());
            }
        }
        for (key, values) in extra {
            values.iter().try_for_each(|value| self.ask(about(key, value)))?;
        }
        Ok(())
    }

    fn ask(&self, attributes: Attributes) -> Checked<()> {
        let verdict = self.authorizer.authorize(&attributes);
        if verdict.is_allowed() {
            return Ok(());
        }
        let reason = match (verdict.error, verdict.reason) {
            (Some(error), reason) if !reason.is_empty() => format!("{error}: {reason}"),
            (Some(error), _) => error,
            (None, reason) => reason,
        };
        refused(attributes, reason)
    }
}

fn refused<T>(attributes: Attributes, reason: impl Into<String>) -> Checked<T> {
    Err(ImpersonationError::Forbidden { attributes: Box::new(attributes), reason: reason.into() })
}

fn invalid_extra(key: &str, values: &[String]) -> Option<String> {
    if key.is_empty() {
        return Some("impersonating the empty string key in extra is not allowed".to_owned());
    }
    let is_path = key.split_once('/').is_some_and(|(domain, path)| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:/".contains(&byte);
        is_dns_subdomain(domain) && domain.split('.').all(is_dns_label) && !path.is_empty() && path.bytes().all(plain)
    });
    if !is_path {
        let text = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return Some(format!(
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {}: {text}",
            quote(key)
        ));
    }
    if key.chars().any(char::is_uppercase) {
        return Some(format!("impersonating a non-lowercase key in extra is not allowed: {}", quote(key)));
    }
    if values.is_empty() {
        return Some("impersonating empty values in extra is not allowed".to_owned());
    }
    let empty = values.iter().any(String::is_empty);
    empty.then(|| "impersonating the empty string value in extra is not allowed".to_owned())
}

fn node_name(user_name: &str) -> Option<&str> {
    user_name.strip_prefix(NODE_USER_PREFIX).filter(|name| is_dns_subdomain(name))
}
