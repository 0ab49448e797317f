//! Label selectors: their requirements, and which labels fulfil them.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1;

use super::SelectorError;
use super::label_parser::Parser;
use crate::go::{aggregate, quote};
use crate::validation::name::{is_qualified_name, is_valid_label_value};
use crate::validation::{Errors, FieldError, FieldPath};

/// What labels have to fulfil, all of it. The default selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<LabelRequirement>,
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRequirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: LabelOperator,
    /// What it is compared with, in order; empty for the operators of existence.
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabelOperator {
    /// It is one of the values.
    In,
    /// It is absent or none of the values.
    NotIn,
    /// It is the value: `=`.
    Equals,
    /// It is the value: `==`.
    DoubleEquals,
    /// It is absent or not the value.
    NotEquals,
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
    /// It is a number above the value.
    GreaterThan,
    /// It is a number below the value.
    LessThan,
}

impl LabelSelector {
    /// Reads a selector's text: `a=b,c in (d,e),!f`.
    ///
    /// # Errors
    /// [`SelectorError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Parser::new(text).selector().map(Self::of)
    }

    /// The selector that an object carries; an empty one selects everything.
    ///
    /// # Errors
    /// [`SelectorError`] where an operator, a key or a value is not valid.
    pub fn from_object(selector: &v1::LabelSelector) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        for (key, value) in selector.match_labels.iter().flatten() {
            requirements.push(LabelRequirement::checked(key, LabelOperator::Equals, vec![value.clone()])?);
        }
        for expression in selector.match_expressions.iter().flatten() {
            let operator = match expression.operator.as_str() {
                "In" => LabelOperator::In,
                "NotIn" => LabelOperator::NotIn,
                "Exists" => LabelOperator::Exists,
                "DoesNotExist" => LabelOperator::DoesNotExist,
                other => return Err(SelectorError(format!("{} is not a valid label selector operator", quote(other)))),
            };
            let values = expression.values.clone().unwrap_or_default();
            requirements.push(LabelRequirement::checked(&expression.key, operator, values)?);
        }
        Ok(Self::of(requirements))
    }

    fn of(mut requirements: Vec<LabelRequirement>) -> Self {
        requirements.sort_by(|one, other| one.key.cmp(&other.key));
        Self { requirements }
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// What has to be fulfilled, ordered by key.
    #[must_use]
    pub fn requirements(&self) -> &[LabelRequirement] {
        &self.requirements
    }

    /// Whether the labels that `label` looks up fulfil the selector.
    #[must_use]
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.is_met_by(label(&requirement.key)))
    }
}

impl LabelRequirement {
    /// A valid requirement.
    pub(super) fn checked(key: &str, operator: LabelOperator, mut values: Vec<String>) -> Result<Self, SelectorError> {
        let (key_path, values_path) = (FieldPath::new("key"), FieldPath::new("values"));
        let mut errors: Errors = check_key(key, &key_path).into_iter().collect();
        let refused = |detail: &str| FieldError::invalid(&values_path, values.clone(), detail);
        match operator {
            LabelOperator::In | LabelOperator::NotIn if values.is_empty() => {
                errors.push(refused("for 'in', 'notin' operators, values set can't be empty"));
            }
            LabelOperator::Equals | LabelOperator::DoubleEquals | LabelOperator::NotEquals if values.len() != 1 => {
                errors.push(refused("exact-match compatibility requires one single value"));
            }
            LabelOperator::Exists | LabelOperator::DoesNotExist if !values.is_empty() => {
                errors.push(refused("values set must be empty for exists and does not exist"));
            }
            LabelOperator::GreaterThan | LabelOperator::LessThan => {
                if values.len() != 1 {
                    errors.push(refused("for 'Gt', 'Lt' operators, exactly one value is required"));
                }
                for (at, value) in values.iter().enumerate().filter(|(_, value)| value.parse::<i64>().is_err()) {
                    let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                    errors.push(FieldError::invalid(&values_path.index(at), value.as_str(), detail));
                }
            }
            _ => {}
        }
        for (at, value) in values.iter().enumerate() {
            let sentences = is_valid_label_value(value);
            if !sentences.is_empty() {
                let at = values_path.index(at);
                errors.push(FieldError::invalid(&at.key(key), value.as_str(), sentences.join("; ")));
            }
        }
        let sentences: Vec<String> = errors.iter().map(FieldError::to_string).collect();
        match aggregate(&sentences) {
            Some(sentences) => Err(SelectorError(sentences)),
            None => {
                values.sort_unstable();
                Ok(Self { key: key.to_owned(), operator, values })
            }
        }
    }

    fn is_met_by(&self, label: Option<&str>) -> bool {
        let listed = |label: &str| self.values.iter().any(|value| value == label);
        match self.operator {
            LabelOperator::In | LabelOperator::Equals | LabelOperator::DoubleEquals => label.is_some_and(listed),
            LabelOperator::NotIn | LabelOperator::NotEquals => !label.is_some_and(listed),
            LabelOperator::Exists => label.is_some(),
            LabelOperator::DoesNotExist => label.is_none(),
            LabelOperator::GreaterThan => self.numbers(label).is_some_and(|(label, bound)| label > bound),
            LabelOperator::LessThan => self.numbers(label).is_some_and(|(label, bound)| label < bound),
        }
    }

    fn numbers(&self, label: Option<&str>) -> Option<(i64, i64)> {
        Some((label?.parse().ok()?, self.values.first()?.parse().ok()?))
    }
}

/// What is wrong with a label's key.
pub(super) fn check_key(key: &str, path: &FieldPath<'_>) -> Option<FieldError> {
    let sentences = is_qualified_name(key);
    (!sentences.is_empty()).then(|| FieldError::invalid(path, key, sentences.join("; ")))
}

impl fmt::Display for LabelSelector {
    /// The text that parses to the same selector: `a=b,c in (d,e)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, requirement) in self.requirements.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for LabelRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            LabelOperator::In => write!(f, "{key} in ({values})"),
            LabelOperator::NotIn => write!(f, "{key} notin ({values})"),
            LabelOperator::Equals => write!(f, "{key}={values}"),
            LabelOperator::DoubleEquals => write!(f, "{key}=={values}"),
            LabelOperator::NotEquals => write!(f, "{key}!={values}"),
            LabelOperator::Exists => f.write_str(key),
            LabelOperator::DoesNotExist => write!(f, "!{key}"),
            LabelOperator::GreaterThan => write!(f, "{key}>{values}"),
            LabelOperator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(key: &str) -> Option<&'static str> {
        match key {
            "app" => Some("web"),
            "rank" => Some("7"),
            "x.io/empty" => Some(""),
            _ => None,
        }
    }

    #[test]
    fn selects() {
        let rows = [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app==web,rank", true),
            ("app!=web", false),
            ("gone!=web", true),
            ("app in (a,web)", true),
            ("app notin (a)", true),
            ("gone notin (a)", true),
            ("gone in (a)", false),
            ("rank>6", true),
            ("rank>7", false),
            ("rank<8,app", true),
            ("app>1", false),
            ("x.io/empty=", true),
            ("x.io/empty in ()", true),
            ("gone=", false),
            ("!gone", true),
        ];
        for (text, expected) in rows {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(labels), expected, "{text}");
        }
    }

    #[test]
    fn reads_what_objects_carry() {
        let selector = v1::LabelSelector {
            match_labels: Some([("b".to_owned(), "c".to_owned())].into()),
            match_expressions: Some(vec![v1::LabelSelectorRequirement {
                key: "a".into(),
                operator: "In".into(),
                values: Some(vec!["z".into(), "y".into()]),
            }]),
        };
        assert_eq!(LabelSelector::from_object(&selector).unwrap().to_string(), "a in (y,z),b=c");
        let expression = |operator: &str| v1::LabelSelector {
            match_labels: None,
            match_expressions: Some(vec![v1::LabelSelectorRequirement {
                key: "a".into(),
                operator: operator.into(),
                values: None,
            }]),
        };
        let error = |operator: &str| LabelSelector::from_object(&expression(operator)).unwrap_err().to_string();
        assert_eq!(error("Within"), r#""Within" is not a valid label selector operator"#);
        assert_eq!(error("In"), "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
    }
}
