//! The rules of an aggregated ClusterRole: those of the ClusterRoles that its selectors match.
//!
//! Selectors are taken in their order, the roles each matches in the order of their names, and a rule that is there
//! already is not added again. The controller writes the result when it differs from what stands.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::rule::list;
use howdah_api::go::quote;

/// What the rules of `role` should be, given all ClusterRoles; `None` when it is not aggregated.
///
/// # Errors
/// When a selector has an operator that is unknown, or values that do not fit its operator.
pub fn aggregated_rules<'a>(
    role: &ClusterRole,
    all: impl IntoIterator<Item = &'a ClusterRole>,
) -> Result<Option<Vec<PolicyRule>>, String> {
    let Some(aggregation) = &role.aggregation_rule else { return Ok(None) };
    let mut others: Vec<&ClusterRole> = all.into_iter().filter(|o| o.metadata.name != role.metadata.name).collect();
    others.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in aggregation.cluster_role_selectors.iter().flatten() {
        for other in &others {
            if !matches(selector, other.metadata.labels.as_ref())? {
                continue;
            }
            for rule in other.rules.iter().flatten() {
                if !rules.iter().any(|known| same(known, rule)) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Ok(Some(rules))
}

/// Whether two rules say the same, absent and empty lists being the same; order matters.
pub fn same(a: &PolicyRule, b: &PolicyRule) -> bool {
    let lists = |rule: &PolicyRule| {
        [&rule.api_groups, &rule.non_resource_urls, &rule.resource_names, &rule.resources].map(|l| list(l).to_vec())
    };
    a.verbs == b.verbs && lists(a) == lists(b)
}

/// Whether two rule lists say the same.
pub fn same_all(a: &[PolicyRule], b: &[PolicyRule]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

/// Whether `labels` satisfy the selector; an empty selector is satisfied by anything.
fn matches(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> Result<bool, String> {
    let value_of = |key: &str| labels.and_then(|labels| labels.get(key));
    let mut all = selector.match_labels.iter().flatten().all(|(key, value)| value_of(key) == Some(value));
    for requirement in selector.match_expressions.iter().flatten() {
        let value = value_of(&requirement.key);
        let values = requirement.values.as_deref().unwrap_or_default();
        let listed = value.is_some_and(|value| values.contains(value));
        all &= match (requirement.operator.as_str(), values.is_empty()) {
            ("In", false) => listed,
            ("NotIn", false) => !listed,
            ("Exists", true) => value.is_some(),
            ("DoesNotExist", true) => value.is_none(),
            ("In" | "NotIn", true) => return Err("for 'in', 'notin' operators, values set can't be empty".into()),
            ("Exists" | "DoesNotExist", false) => {
                return Err("values set must be empty for exists and does not exist".into());
            }
            (other, _) => return Err(format!("{} is not a valid label selector operator", quote(other))),
        };
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::AggregationRule;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelectorRequirement, ObjectMeta};

    use super::*;

    fn role(name: &str, label: &str, verbs: &[&str]) -> ClusterRole {
        let labels = (!label.is_empty()).then(|| BTreeMap::from([(label.to_owned(), "true".to_owned())]));
        let rule = |verb: &&str| PolicyRule { verbs: vec![(*verb).to_owned()], ..PolicyRule::default() };
        ClusterRole {
            metadata: ObjectMeta { name: Some(name.to_owned()), labels, ..ObjectMeta::default() },
            rules: Some(verbs.iter().map(rule).collect()),
            aggregation_rule: None,
        }
    }

    fn aggregated(selectors: Vec<LabelSelector>) -> ClusterRole {
        let rule = AggregationRule { cluster_role_selectors: Some(selectors) };
        ClusterRole { aggregation_rule: Some(rule), ..role("whole", "x", &["own"]) }
    }

    fn selector(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        let values = (!values.is_empty()).then(|| values.iter().map(ToString::to_string).collect());
        let requirement = LabelSelectorRequirement { key: key.into(), operator: operator.into(), values };
        LabelSelector { match_expressions: Some(vec![requirement]), match_labels: None }
    }

    fn verbs(selectors: Vec<LabelSelector>) -> Result<Vec<String>, String> {
        let whole = aggregated(selectors);
        let all = [role("c", "x", &["3", "1"]), role("b", "", &["2"]), role("a", "x", &["1", "2"]), whole.clone()];
        let rules = aggregated_rules(&whole, &all)?.expect("an aggregated role");
        Ok(rules.into_iter().flat_map(|rule| rule.verbs).collect())
    }

    #[test]
    fn rules_are_gathered_in_order_and_once() {
        let labelled = LabelSelector {
            match_labels: Some(BTreeMap::from([("x".to_owned(), "true".to_owned())])),
            match_expressions: None,
        };
        let strings = |items: &[&str]| Ok(items.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(verbs(vec![]), strings(&[]));
        assert_eq!(verbs(vec![labelled.clone()]), strings(&["1", "2", "3"]));
        assert_eq!(verbs(vec![LabelSelector::default()]), strings(&["1", "2", "3"]));
        assert_eq!(verbs(vec![selector("x", "DoesNotExist", &[]), labelled]), strings(&["2", "1", "3"]));
        assert_eq!(verbs(vec![selector("x", "In", &["true"])]), strings(&["1", "2", "3"]));
        assert_eq!(verbs(vec![selector("x", "NotIn", &["true"])]), strings(&["2"]));
        assert_eq!(verbs(vec![selector("x", "Exists", &[])]), strings(&["1", "2", "3"]));
        assert_eq!(
            verbs(vec![selector("x", "Near", &[])]),
            Err(r#""Near" is not a valid label selector operator"#.into())
        );
        assert!(verbs(vec![selector("x", "In", &[])]).is_err());
        assert_eq!(aggregated_rules(&role("plain", "", &[]), []), Ok(None));
    }
}
