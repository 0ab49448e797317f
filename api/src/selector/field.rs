//! Field selectors: `spec.nodeName=a,status.phase!=Running`.

use super::SelectorError;
use crate::go::quote;
use crate::resource::Resource;

/// What fields have to be, all of it. The default selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
}

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldRequirement {
    /// The field's label.
    pub field: String,
    /// Whether the field has to equal the value, or must not.
    pub equals: bool,
    /// The value.
    pub value: String,
}

impl FieldSelector {
    /// Reads a selector's text. Which fields can be selected by is not known here.
    ///
    /// # Errors
    /// [`SelectorError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut terms = terms(text);
        terms.sort_unstable();
        let requirements = terms.into_iter().filter(|term| !term.is_empty()).map(|term| requirement(text, term));
        Ok(Self { requirements: requirements.collect::<Result<_, _>>()? })
    }

    /// Checks the labels against what `resource` can be selected by, and replaces old names.
    ///
    /// # Errors
    /// [`SelectorError`] naming the first label that can't be selected by.
    pub fn resolve(&mut self, resource: &Resource) -> Result<(), SelectorError> {
        // Upstream's kinds without fields of their own share a conversion that takes both, namespaced or not.
        let own = resource.selectable.iter().any(|field| !field.label.starts_with("metadata."));
        for requirement in &mut self.requirements {
            let label = requirement.field.as_str();
            if let Some(known) = resource.selectable.iter().find(|field| field.label == label) {
                requirement.field = known.field.clone().into_owned();
            } else if own || label != "metadata.namespace" {
                return Err(SelectorError(unknown(resource, label, own)));
            }
        }
        Ok(())
    }

    /// Whether everything is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// What has to be fulfilled.
    #[must_use]
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// Whether the fields that `field` looks up fulfil the selector; an absent field is the empty text.
    #[must_use]
    pub fn matches<'a>(&self, field: impl Fn(&str) -> Option<&'a str>) -> bool {
        let met = |one: &FieldRequirement| (field(&one.field).unwrap_or_default() == one.value) == one.equals;
        self.requirements.iter().all(met)
    }

    /// The value that `field` has to equal, where one is asked for.
    #[must_use]
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.requirements.iter().find(|one| one.equals && one.field == field).map(|one| one.value.as_str())
    }
}

fn unknown(resource: &Resource, label: &str, own: bool) -> String {
    match &*resource.kind {
        _ if !own => {
            let name = quote(label);
            format!(r#"{name} is not a known field selector: only "metadata.name", "metadata.namespace""#)
        }
        "Job" => format!("field label {} not supported for Job", quote(label)),
        "ResourceSlice" => {
            let version = resource.group_version();
            format!("field label not supported for {version}, Kind=ResourceSlice: {label}")
        }
        _ => format!("field label not supported: {label}"),
    }
}

/// Splits at commas that are not escaped.
fn terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

/// Splits at the first operator; the field's name knows no escapes.
fn requirement(text: &str, term: &str) -> Result<FieldRequirement, SelectorError> {
    let refused = || SelectorError(format!("invalid selector: '{text}'; can't understand '{term}'"));
    let first = term.char_indices().map(|(at, _)| at).find(|at| {
        let rest = &term[*at..];
        rest.starts_with("!=") || rest.starts_with('=')
    });
    let (field, rest) = term.split_at(first.ok_or_else(refused)?);
    let (equals, value) = match rest.strip_prefix("!=") {
        Some(value) => (false, value),
        None => (true, rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')).ok_or_else(refused)?),
    };
    Ok(FieldRequirement { field: field.to_owned(), equals, value: unescape(value)? })
}

/// Undoes `\\`, `\,` and `\=`.
fn unescape(value: &str) -> Result<String, SelectorError> {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(next @ ('\\' | ',' | '=')) => out.push(next),
                next => {
                    let next = next.map(String::from).unwrap_or_default();
                    return Err(SelectorError(format!("invalid field selector: invalid escape sequence: \\{next}")));
                }
            },
            bare @ (',' | '=') => {
                let code = u32::from(bare);
                return Err(SelectorError(format!("invalid field selector: unescaped character in value: {code}")));
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::by_plural;

    #[test]
    fn reads() {
        let show = |text| {
            let selector = FieldSelector::parse(text).unwrap();
            let terms: Vec<String> = selector
                .requirements()
                .iter()
                .map(|one| format!("{}{}{}", one.field, if one.equals { "=" } else { "!=" }, one.value))
                .collect();
            terms.join(" ")
        };
        assert_eq!(show(""), "");
        assert_eq!(show("e==f,a=b,,c!=d"), "a=b c!=d e=f");
        assert_eq!(show(r"a=b\,c\=d\\e"), r"a=b,c=d\e");
        assert_eq!(show("a="), "a=");
    }

    #[test]
    fn refuses_in_upstreams_words() {
        let rows = [
            ("a", "invalid selector: 'a'; can't understand 'a'"),
            ("b=c,a", "invalid selector: 'b=c,a'; can't understand 'a'"),
            ("a=b=c", "invalid field selector: unescaped character in value: 61"),
            (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
            (r"a=\", r"invalid field selector: invalid escape sequence: \"),
        ];
        for (text, sentence) in rows {
            assert_eq!(FieldSelector::parse(text).unwrap_err().to_string(), sentence, "{text}");
        }
    }

    #[test]
    fn knows_what_resources_are_selected_by() {
        let resolve = |group, plural, text| {
            let mut selector = FieldSelector::parse(text).unwrap();
            selector.resolve(by_plural(group, "v1", plural).unwrap()).map(|()| selector)
        };
        let pods = resolve("", "pods", "spec.host=n,status.phase!=Failed").unwrap();
        assert_eq!(pods.exact("spec.nodeName"), Some("n"));
        assert!(pods.matches(|field| (field == "spec.nodeName").then_some("n")));
        assert!(!pods.matches(|_| None));
        let error = |group, plural, text| resolve(group, plural, text).unwrap_err().to_string();
        assert_eq!(error("", "pods", "spec.foo=1"), "field label not supported: spec.foo");
        assert_eq!(
            error("", "configmaps", "data=1"),
            r#""data" is not a known field selector: only "metadata.name", "metadata.namespace""#
        );
        assert_eq!(error("batch", "jobs", "x=1"), r#"field label "x" not supported for Job"#);
        assert!(resolve("rbac.authorization.k8s.io", "clusterroles", "metadata.namespace=").is_ok());
    }
}
