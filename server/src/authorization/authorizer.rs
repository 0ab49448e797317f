//! The seam between the filter and the authorizers, and the union that asks them in order.
//!
//! An authorizer is a function of the request and of a snapshot that it holds: no IO, no waiting. The first one that
//! allows or denies decides; when none has an opinion the request is forbidden, and what each had to say becomes the
//! reason.

use std::sync::Arc;

use k8s_openapi::api::authorization::v1::{NonResourceRule, ResourceRule};

use super::attributes::Attributes;
use crate::authentication::user::{SYSTEM_MASTERS, UserInfo};
use howdah_api::go::aggregate;

/// What an authorizer says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed; nobody else is asked.
    Allow,
    /// Forbidden; nobody else is asked.
    Deny,
    /// The next authorizer is asked; after the last one this means forbidden.
    NoOpinion,
}

/// A decision with its grounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The decision itself.
    pub decision: Decision,
    /// The reason, in upstream's words; may be empty. It goes to the audit log, and to the client when forbidden.
    pub reason: String,
    /// What went wrong on the way; an allowance stands nevertheless.
    pub error: Option<String>,
}

impl Verdict {
    /// Allowed for `reason`.
    pub fn allow(reason: impl Into<String>) -> Self {
        Self { decision: Decision::Allow, reason: reason.into(), error: None }
    }

    /// Denied for `reason`.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self { decision: Decision::Deny, reason: reason.into(), error: None }
    }

    /// No opinion, because of `reason`.
    pub fn no_opinion(reason: impl Into<String>) -> Self {
        Self { decision: Decision::NoOpinion, reason: reason.into(), error: None }
    }

    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        self.decision == Decision::Allow
    }
}

/// What a user may do in one namespace, as `SelfSubjectRulesReview` lists it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserRules {
    /// Rules about resources.
    pub resource_rules: Vec<ResourceRule>,
    /// Rules about paths.
    pub non_resource_rules: Vec<NonResourceRule>,
    /// Whether there may be more than is listed.
    pub incomplete: bool,
    /// What went wrong while the rules were gathered, each message by itself.
    pub errors: Vec<String>,
}

impl UserRules {
    /// The text of `status.evaluationError`, when there is one.
    pub fn evaluation_error(&self) -> Option<String> {
        aggregate(&self.errors)
    }
}

/// Decides about requests.
pub trait Authorizer: Send + Sync {
    /// The decision about one request.
    fn authorize(&self, attributes: &Attributes) -> Verdict;

    /// What `user` may do in `namespace`, as far as this authorizer can list it. By default nothing, and nothing is
    /// missing.
    fn rules_for(&self, _user: &UserInfo, _namespace: &str) -> UserRules {
        UserRules::default()
    }
}

/// Allows everything to the members of `system:masters`, before anybody else is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrivilegedGroup;

impl PrivilegedGroup {
    /// The name upstream gives to this authorizer in a union.
    pub const NAME: &'static str = "kubernetes.io/system-privileged-group";
}

impl Authorizer for PrivilegedGroup {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        if attributes.user.is_in(SYSTEM_MASTERS) { Verdict::allow("") } else { Verdict::no_opinion("") }
    }
}

/// Asks several authorizers in order.
pub struct Union {
    chain: Vec<(&'static str, Arc<dyn Authorizer>)>,
}

impl Union {
    /// A union of authorizers, each with its name, which leads its part of a refusal's reason.
    pub fn new(chain: Vec<(&'static str, Arc<dyn Authorizer>)>) -> Self {
        Self { chain }
    }
}

impl Authorizer for Union {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        let mut reasons = Vec::new();
        let mut errors = Vec::new();
        for (name, authorizer) in &self.chain {
            let verdict = authorizer.authorize(attributes);
            if verdict.decision != Decision::NoOpinion {
                return verdict;
            }
            errors.extend(verdict.error);
            if !verdict.reason.is_empty() {
                reasons.push(format!("{name}: {}", verdict.reason));
            }
        }
        Verdict { decision: Decision::NoOpinion, reason: reasons.join("\n"), error: aggregate(&errors) }
    }

    fn rules_for(&self, user: &UserInfo, namespace: &str) -> UserRules {
        let mut all = UserRules::default();
        for (_, authorizer) in &self.chain {
            let rules = authorizer.rules_for(user, namespace);
            all.resource_rules.extend(rules.resource_rules);
            all.non_resource_rules.extend(rules.non_resource_rules);
            all.incomplete |= rules.incomplete;
            // Each authorizer's errors are one error to the union.
            all.errors.extend(aggregate(&rules.errors));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Verdict);

    impl Authorizer for Fixed {
        fn authorize(&self, _attributes: &Attributes) -> Verdict {
            self.0.clone()
        }
    }

    fn union(verdicts: Vec<Verdict>) -> Verdict {
        let names = ["first", "second", "third"];
        let chain = names.into_iter().zip(verdicts).map(|(name, v)| (name, Arc::new(Fixed(v)) as Arc<dyn Authorizer>));
        let user = Arc::new(UserInfo::new("u", ["g"]));
        Union::new(chain.collect()).authorize(&Attributes::resource(user, "get", "", "pods"))
    }

    #[test]
    fn the_first_opinion_decides() {
        let error = |text: &str| Verdict { error: Some(text.into()), ..Verdict::no_opinion("why") };
        let cases = [
            (vec![Verdict::no_opinion("a"), Verdict::allow("b"), Verdict::deny("c")], Verdict::allow("b")),
            (vec![Verdict::no_opinion("a"), Verdict::deny("c"), Verdict::allow("b")], Verdict::deny("c")),
            (
                vec![Verdict::no_opinion("a"), Verdict::no_opinion(""), Verdict::no_opinion("RBAC: b")],
                Verdict::no_opinion("first: a\nthird: RBAC: b"),
            ),
            (
                vec![error("x"), error("y")],
                Verdict { error: Some("[x, y]".into()), ..Verdict::no_opinion("first: why\nsecond: why") },
            ),
            (vec![], Verdict::no_opinion("")),
        ];
        for (verdicts, expected) in cases {
            assert_eq!(union(verdicts), expected);
        }
    }

    #[test]
    fn masters_may_do_anything() {
        for (groups, expected) in
            [(vec!["a", SYSTEM_MASTERS], Decision::Allow), (vec!["system:master"], Decision::NoOpinion)]
        {
            let user = Arc::new(UserInfo::new("u", groups));
            let verdict = PrivilegedGroup.authorize(&Attributes::path(user, "get", "/x"));
            assert_eq!((verdict.decision, verdict.reason.as_str()), (expected, ""));
        }
    }
}
