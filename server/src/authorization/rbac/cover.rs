//! Whether some rules grant all that others grant, and what is missing when they do not.
//!
//! The rules in question are broken into atoms of one verb, one group, one resource and at most one name (or one verb
//! and one path). An atom is covered by one owner rule or not at all, so the comparison is exact, except that a
//! granted `*` is covered by a `*` only, never by an enumeration.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::rbac::v1::PolicyRule;

use super::rule::{list, path_matches};
use howdah_api::go::quote_list;

/// The atoms of `wanted` that no rule of `owned` covers.
pub fn uncovered(owned: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let atoms = wanted.iter().flat_map(break_down);
    atoms.filter(|atom| !owned.iter().any(|owner| covers(owner, atom))).collect()
}

/// The rule's atoms: one verb, one group and one resource with at most one name; or one verb and one path.
pub fn break_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let one = |item: &String| Some(vec![item.clone()]);
    let mut atoms = Vec::new();
    for group in list(&rule.api_groups) {
        for resource in list(&rule.resources) {
            for verb in &rule.verbs {
                let atom = PolicyRule {
                    api_groups: one(group),
                    resources: one(resource),
                    verbs: vec![verb.clone()],
                    ..PolicyRule::default()
                };
                let names = list(&rule.resource_names);
                atoms.extend(names.iter().map(|name| PolicyRule { resource_names: one(name), ..atom.clone() }));
                if names.is_empty() {
                    atoms.push(atom);
                }
            }
        }
    }
    for path in list(&rule.non_resource_urls) {
        for verb in &rule.verbs {
            atoms.push(PolicyRule { non_resource_urls: one(path), verbs: vec![verb.clone()], ..PolicyRule::default() });
        }
    }
    atoms
}

fn covers(owner: &PolicyRule, atom: &PolicyRule) -> bool {
    let any = |owned: &[String], wanted: &[String]| {
        owned.iter().any(|item| item == "*") || wanted.iter().all(|item| owned.contains(item))
    };
    let owned_names = list(&owner.resource_names);
    let wanted_names = list(&atom.resource_names);
    let names_covered = owned_names.is_empty()
        || (!wanted_names.is_empty() && wanted_names.iter().all(|name| owned_names.contains(name)));
    let paths_covered = list(&atom.non_resource_urls)
        .iter()
        .all(|path| list(&owner.non_resource_urls).iter().any(|pattern| path_matches(pattern, path)));
    any(&owner.verbs, &atom.verbs)
        && any(list(&owner.api_groups), list(&atom.api_groups))
        && resources_covered(list(&owner.resources), list(&atom.resources))
        && names_covered
        && paths_covered
}

fn resources_covered(owned: &[String], wanted: &[String]) -> bool {
    owned.iter().any(|item| item == "*")
        || wanted.iter().all(|resource| {
            owned.contains(resource)
                || resource.split_once('/').is_some_and(|(_, sub)| owned.contains(&format!("*/{sub}")))
        })
}

/// What is missing, for people: atoms that differ in the verb only are put together, one line a rule, sorted.
pub fn describe(missing: &[PolicyRule]) -> String {
    /// Group, resource, and name if there is one.
    type Simple<'a> = (&'a str, &'a str, Option<&'a str>);
    let mut simple: BTreeMap<Simple<'_>, PolicyRule> = BTreeMap::new();
    let mut lines = BTreeSet::new();
    for rule in missing {
        match (list(&rule.api_groups), list(&rule.resources), list(&rule.resource_names)) {
            ([group], [resource], names) if names.len() <= 1 && list(&rule.non_resource_urls).is_empty() => {
                let key = (group.as_str(), resource.as_str(), names.first().map(String::as_str));
                match simple.get_mut(&key) {
                    Some(known) => known.verbs.extend(rule.verbs.iter().cloned()),
                    None => drop(simple.insert(key, rule.clone())),
                }
            }
            _ => drop(lines.insert(describe_rule(rule))),
        }
    }
    lines.extend(simple.values().map(describe_rule));
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// One rule in short: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
pub fn describe_rule(rule: &PolicyRule) -> String {
    let parts = [
        ("APIGroups", list(&rule.api_groups)),
        ("Resources", list(&rule.resources)),
        ("NonResourceURLs", list(&rule.non_resource_urls)),
        ("ResourceNames", list(&rule.resource_names)),
        ("Verbs", rule.verbs.as_slice()),
    ];
    let parts = parts.iter().filter(|(_, items)| !items.is_empty());
    let parts: Vec<String> = parts.map(|(title, items)| format!("{title}:{}", quote_list(items))).collect();
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `verbs resources groups names`, each a comma-separated list, `-` for none, `core` for the core group; or
    /// `verbs paths` where the second word begins with a slash or a star.
    fn rule(text: &str) -> PolicyRule {
        let split = |word: &str| -> Option<Vec<String>> {
            (word != "-").then(|| word.split(',').map(|item| item.replace("core", "")).collect())
        };
        let words: Vec<&str> = text.split(' ').collect();
        let verbs = split(words[0]).unwrap_or_default();
        match words[1..] {
            [paths] => PolicyRule { verbs, non_resource_urls: split(paths), ..PolicyRule::default() },
            [resources, groups] => {
                PolicyRule { verbs, resources: split(resources), api_groups: split(groups), ..PolicyRule::default() }
            }
            [resources, groups, names] => PolicyRule {
                verbs,
                resources: split(resources),
                api_groups: split(groups),
                resource_names: split(names),
                non_resource_urls: None,
            },
            _ => panic!("a rule has two to four words"),
        }
    }

    fn missing(owned: &[&str], wanted: &[&str]) -> String {
        let rules = |texts: &[&str]| texts.iter().map(|text| rule(text)).collect::<Vec<_>>();
        describe(&uncovered(&rules(owned), &rules(wanted)))
    }

    #[test]
    fn rules_cover_rules() {
        let covered: &[(&[&str], &[&str])] = &[
            (&["get,list pods core"], &["list,get pods core"]),
            (&["get pods core", "list pods core"], &["get,list pods core"]),
            (&["* * *"], &["get,list pods,nodes/status core,apps a,b"]),
            (&["get */status core"], &["get pods/status,nodes/status core"]),
            (&["get pods core"], &["get pods core a"]),
            (&["get pods core a,b"], &["get pods core b"]),
            (&["get /a/*"], &["get /a/b,/a/*,/a/b/*"]),
            (&["* *"], &["get,post /a,*"]),
            (&["get pods core"], &["- pods core"]),
            (&[], &[]),
        ];
        for (owned, wanted) in covered {
            assert_eq!(missing(owned, wanted), "", "{owned:?} {wanted:?}");
        }
    }

    #[test]
    fn what_is_missing_is_told_in_upstreams_form() {
        let cases: &[(&[&str], &[&str], &str)] = &[
            (&[], &["get,list pods core"], r#"{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}"#),
            (&["get pods core"], &["get,list pods core"], r#"{APIGroups:[""], Resources:["pods"], Verbs:["list"]}"#),
            (&["get pods core a"], &["get pods core"], r#"{APIGroups:[""], Resources:["pods"], Verbs:["get"]}"#),
            (
                &["get pods core a"],
                &["get,list pods core a,b"],
                "{APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"a\"], Verbs:[\"list\"]}\n\
                 {APIGroups:[\"\"], Resources:[\"pods\"], ResourceNames:[\"b\"], Verbs:[\"get\" \"list\"]}",
            ),
            (&["get,list,watch pods core"], &["* pods core"], r#"{APIGroups:[""], Resources:["pods"], Verbs:["*"]}"#),
            (&["get pods core"], &["get pods/log core"], r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}"#),
            (
                &["get pods/* core"],
                &["get pods/log core"],
                r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}"#,
            ),
            (
                &["get /a"],
                &["get,post /a,/b"],
                "{NonResourceURLs:[\"/a\"], Verbs:[\"post\"]}\n{NonResourceURLs:[\"/b\"], Verbs:[\"get\"]}\n\
                 {NonResourceURLs:[\"/b\"], Verbs:[\"post\"]}",
            ),
            (
                &[],
                &["get pods,nodes core,apps"],
                "{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\"]}\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}\n\
                 {APIGroups:[\"apps\"], Resources:[\"nodes\"], Verbs:[\"get\"]}\n{APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\"]}",
            ),
        ];
        for (owned, wanted, expected) in cases {
            assert_eq!(missing(owned, wanted), *expected, "{owned:?} {wanted:?}");
        }
    }
}
