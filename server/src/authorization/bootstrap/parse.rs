//! The grammar of the policy files.
//!
//! A line without indentation begins an object; indented lines belong to it. Lists are joined by commas, `core` is
//! the group without a name, `#` begins a comment line.
//!
//! ```text
//! ClusterRole NAME | Role NAMESPACE/NAME
//!   part-of SHORT                      labelled so that the aggregated role SHORT gathers it
//!   gathers SHORT                      aggregates the roles labelled `part-of SHORT`
//!   allow VERBS on RESOURCES in GROUPS [named NAMES]
//!   allow VERBS at PATHS
//! ClusterRoleBinding NAME of ClusterRole NAME | RoleBinding NAMESPACE/NAME of Role NAME
//!   to User NAME | to Group NAME | to ServiceAccount NAMESPACE/NAME
//! ```

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use super::{AGGREGATE_TO_LABEL_PREFIX, BOOTSTRAPPING_LABEL, BootstrapPolicy};
use crate::authorization::rbac::{AUTO_UPDATE_ANNOTATION, RBAC_GROUP};

/// A line that the grammar does not know.
#[derive(Debug, thiserror::Error)]
#[error("line {number} of the policy is not understood: {line:?}")]
pub(super) struct LineError {
    number: usize,
    line: String,
}

/// The policy as far as it has been read.
#[derive(Default)]
pub(super) struct Policy {
    done: BootstrapPolicy,
    current: Option<Object>,
}

enum Object {
    ClusterRole(ClusterRole),
    Role(Role),
    ClusterRoleBinding(ClusterRoleBinding),
    RoleBinding(RoleBinding),
}

impl Policy {
    /// Reads one file's objects.
    pub(super) fn read(&mut self, text: &str) -> Result<(), LineError> {
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let understood = match line.strip_prefix("  ") {
                None => begin(line).map(|object| self.begin(object)),
                Some(detail) => self.current.as_mut().and_then(|object| add(object, detail)),
            };
            understood.ok_or_else(|| LineError { number: index + 1, line: line.to_owned() })?;
        }
        Ok(())
    }

    /// What has been read.
    pub(super) fn finish(mut self) -> BootstrapPolicy {
        self.put_away();
        self.done
    }

    fn begin(&mut self, object: Object) {
        self.put_away();
        self.current = Some(object);
    }

    fn put_away(&mut self) {
        match self.current.take() {
            Some(Object::ClusterRole(role)) => self.done.cluster_roles.push(role),
            Some(Object::Role(role)) => self.done.roles.push(role),
            Some(Object::ClusterRoleBinding(binding)) => self.done.cluster_role_bindings.push(binding),
            Some(Object::RoleBinding(binding)) => self.done.role_bindings.push(binding),
            None => {}
        }
    }
}

fn begin(line: &str) -> Option<Object> {
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words[..] {
        ["ClusterRole", name] => {
            Object::ClusterRole(ClusterRole { metadata: metadata(None, name), ..Default::default() })
        }
        ["Role", name] => {
            let (namespace, name) = name.split_once('/')?;
            Object::Role(Role { metadata: metadata(Some(namespace), name), rules: None })
        }
        ["ClusterRoleBinding", name, "of", kind, role] => Object::ClusterRoleBinding(ClusterRoleBinding {
            metadata: metadata(None, name),
            role_ref: role_ref(kind, role),
            subjects: None,
        }),
        ["RoleBinding", name, "of", kind, role] => {
            let (namespace, name) = name.split_once('/')?;
            Object::RoleBinding(RoleBinding {
                metadata: metadata(Some(namespace), name),
                role_ref: role_ref(kind, role),
                subjects: None,
            })
        }
        _ => return None,
    })
}

fn add(object: &mut Object, detail: &str) -> Option<()> {
    let words: Vec<&str> = detail.split(' ').collect();
    match (object, &words[..]) {
        (Object::ClusterRole(role), ["part-of", short]) => {
            let labels = role.metadata.labels.get_or_insert_default();
            labels.insert(format!("{AGGREGATE_TO_LABEL_PREFIX}{short}"), "true".to_owned());
        }
        (Object::ClusterRole(role), ["gathers", short]) => {
            let labels = BTreeMap::from([(format!("{AGGREGATE_TO_LABEL_PREFIX}{short}"), "true".to_owned())]);
            let selector = LabelSelector { match_labels: Some(labels), match_expressions: None };
            let aggregation = role.aggregation_rule.get_or_insert_default();
            aggregation.cluster_role_selectors.get_or_insert_default().push(selector);
        }
        (Object::ClusterRole(ClusterRole { rules, .. }) | Object::Role(Role { rules, .. }), ["allow", words @ ..]) => {
            rules.get_or_insert_default().push(rule(words)?);
        }
        (
            Object::ClusterRoleBinding(ClusterRoleBinding { subjects, .. })
            | Object::RoleBinding(RoleBinding { subjects, .. }),
            ["to", kind, name],
        ) => subjects.get_or_insert_default().push(subject(kind, name)?),
        _ => return None,
    }
    Some(())
}

fn rule(words: &[&str]) -> Option<PolicyRule> {
    let (verbs, rest) = words.split_first()?;
    let mut rule = PolicyRule { verbs: list(verbs), ..PolicyRule::default() };
    match rest {
        ["at", paths] => rule.non_resource_urls = Some(list(paths)),
        ["on", resources, "in", groups, names @ ..] => {
            rule.resources = Some(list(resources));
            rule.api_groups = Some(
                list(groups).into_iter().map(|group| if group == "core" { String::new() } else { group }).collect(),
            );
            match names {
                [] => {}
                ["named", names] => rule.resource_names = Some(list(names)),
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(rule)
}

fn subject(kind: &str, name: &str) -> Option<Subject> {
    Some(match kind {
        "User" | "Group" => Subject {
            api_group: Some(RBAC_GROUP.to_owned()),
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: None,
        },
        "ServiceAccount" => {
            let (namespace, name) = name.split_once('/')?;
            Subject {
                api_group: None,
                kind: kind.to_owned(),
                name: name.to_owned(),
                namespace: Some(namespace.to_owned()),
            }
        }
        _ => return None,
    })
}

fn list(words: &str) -> Vec<String> {
    words.split(',').map(str::to_owned).collect()
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: Some(RBAC_GROUP.to_owned()), kind: kind.to_owned(), name: name.to_owned() }
}

fn metadata(namespace: Option<&str>, name: &str) -> ObjectMeta {
    let (label, value) = BOOTSTRAPPING_LABEL;
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        annotations: Some(BTreeMap::from([(AUTO_UPDATE_ANNOTATION.to_owned(), "true".to_owned())])),
        labels: Some(BTreeMap::from([(label.to_owned(), value.to_owned())])),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_outside_the_grammar_are_refused() {
        for text in [
            "Thing x",
            "Role x",
            "  allow get on pods in core",
            "ClusterRole x\n  allow get",
            "ClusterRole x\n  allow get on pods in core for a",
            "ClusterRole x\n  to User u",
            "ClusterRoleBinding x of ClusterRole y\n  to ServiceAccount a",
            "ClusterRoleBinding x of ClusterRole y\n  to Robot a",
            "Role a/b\n  gathers c",
        ] {
            let error = Policy::default().read(text).expect_err(text);
            assert_eq!(error.number, text.lines().count(), "{text}");
        }
    }
}
