//! Field and label selectors as far as the request info needs them: their syntax, and the name they ask for.
//!
//! Both parsers read upstream's grammar (apimachinery, `fields.ParseSelector` and `labels.Parse`) into the
//! requirements that authorizers see. Which fields a kind lets one select by is not known here.

use crate::authentication::user::is_dns_subdomain;
use crate::authorization::attributes::{FieldRequirement, LabelOperator, LabelRequirement};
use crate::query::Query;

/// The object's name that a list's or watch's options ask for, when they ask for exactly one.
///
/// As upstream decodes all options at once, one that can't be read (a number, a selector) hides the name.
pub(super) fn single_name(query: &Query) -> Option<String> {
    let numbers_are_read = ["timeoutSeconds", "limit"]
        .into_iter()
        .all(|key| query.get(key).is_none_or(|value| value.is_empty() || value.parse::<i64>().is_ok()));
    let fields = parse_fields(query.get("fieldSelector")?)?;
    if !numbers_are_read || query.get("labelSelector").is_some_and(|raw| parse_labels(raw).is_none()) {
        return None;
    }
    let name = fields.into_iter().find(|term| term.equals && term.field == "metadata.name")?.value;
    is_path_segment(&name).then_some(name)
}

/// Whether a name can stand in a path: upstream's `path.IsValidPathSegmentName`.
fn is_path_segment(name: &str) -> bool {
    name != "." && name != ".." && !name.contains(['/', '%'])
}

/// Reads a field selector; `None` when it is none. The empty selector has no requirements.
pub(crate) fn parse_fields(raw: &str) -> Option<Vec<FieldRequirement>> {
    split_terms(raw).into_iter().filter(|term| !term.is_empty()).map(parse_field).collect()
}

/// Splits at commas that are not escaped.
fn split_terms(raw: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, character) in raw.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&raw[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&raw[start..]);
    terms
}

fn parse_field(term: &str) -> Option<FieldRequirement> {
    let at = term.char_indices().map(|(at, _)| at).find(|at| {
        let rest = &term[*at..];
        rest.starts_with("!=") || rest.starts_with('=')
    })?;
    let (field, rest) = term.split_at(at);
    let (equals, value) = match rest.strip_prefix("!=") {
        Some(value) => (false, value),
        None => (true, rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?),
    };
    Some(FieldRequirement { field: field.to_owned(), equals, value: unescape(value)? })
}

/// Undoes `\\`, `\,` and `\=`; any other escape, and a bare comma or equals sign, makes the value invalid.
fn unescape(value: &str) -> Option<String> {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push(characters.next().filter(|next| matches!(next, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            other => out.push(other),
        }
    }
    Some(out)
}

/// Reads a label selector; `None` when it is none. `Gt` and `Lt` are read, and left out of the result.
pub(crate) fn parse_labels(raw: &str) -> Option<Vec<LabelRequirement>> {
    let tokens = lex(raw);
    let mut rest = tokens.as_slice();
    let mut requirements = Vec::new();
    if rest.is_empty() {
        return Some(requirements);
    }
    loop {
        let (requirement, behind) = parse_requirement(rest)?;
        requirements.extend(requirement);
        match behind {
            [] => return Some(requirements),
            [",", behind @ ..] if !behind.is_empty() => rest = behind,
            _ => return None,
        }
    }
}

type Parsed<'a, 'b> = (Option<LabelRequirement>, &'b [&'a str]);

fn parse_requirement<'a, 'b>(tokens: &'b [&'a str]) -> Option<Parsed<'a, 'b>> {
    let requirement = |key: &str, operator, values: Vec<&str>| {
        let values_are_valid = values.iter().all(|value| is_label_value(value));
        let made = || LabelRequirement {
            key: key.to_owned(),
            operator,
            values: values.into_iter().map(str::to_owned).collect(),
        };
        (is_label_key(key) && values_are_valid).then(made)
    };
    match tokens {
        ["!", key, rest @ ..] => Some((Some(requirement(key, LabelOperator::DoesNotExist, vec![])?), rest)),
        [key] => Some((Some(requirement(key, LabelOperator::Exists, vec![])?), &[])),
        [key, ",", ..] => Some((Some(requirement(key, LabelOperator::Exists, vec![])?), &tokens[1..])),
        [key, operator @ ("=" | "==" | "!="), rest @ ..] => {
            let (value, rest) = match rest {
                [] | [",", ..] => ("", rest),
                [value, rest @ ..] if !is_special(value) => (*value, rest),
                _ => return None,
            };
            let operator = if *operator == "!=" { LabelOperator::NotIn } else { LabelOperator::In };
            Some((Some(requirement(key, operator, vec![value])?), rest))
        }
        [key, ">" | "<", value, rest @ ..] => {
            (is_label_key(key) && value.parse::<i64>().is_ok()).then_some((None, rest))
        }
        [key, operator @ ("in" | "notin"), "(", rest @ ..] => {
            let (values, rest) = parse_values(rest)?;
            let operator = if *operator == "in" { LabelOperator::In } else { LabelOperator::NotIn };
            Some((Some(requirement(key, operator, values)?), rest))
        }
        _ => None,
    }
}

/// Reads `a,b,)`, where an empty place is the empty value.
fn parse_values<'a, 'b>(mut tokens: &'b [&'a str]) -> Option<(Vec<&'a str>, &'b [&'a str])> {
    let mut values = Vec::new();
    loop {
        tokens = match tokens {
            [value, rest @ ..] if !is_special(value) => {
                values.push(*value);
                rest
            }
            [")" | ",", ..] => {
                values.push("");
                tokens
            }
            _ => return None,
        };
        tokens = match tokens {
            [")", rest @ ..] => return Some((values, rest)),
            [",", rest @ ..] => rest,
            _ => return None,
        };
    }
}

fn is_special(token: &str) -> bool {
    matches!(token, "(" | ")" | "," | "!" | "=" | "==" | "!=" | "<" | ">")
}

fn lex(raw: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = raw.trim_start();
    while !rest.is_empty() {
        let two = ["==", "!="].into_iter().find(|two| rest.starts_with(two));
        let is_sign = |character: char| "()!,=<>".contains(character);
        let length = match two {
            Some(two) => two.len(),
            None if rest.starts_with(is_sign) => 1,
            None => rest.find(|character: char| is_sign(character) || character.is_whitespace()).unwrap_or(rest.len()),
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(token);
        rest = behind.trim_start();
    }
    tokens
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_none_or(u8::is_ascii_alphanumeric)
        && bytes.last().is_none_or(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let show = |raw| {
            parse_fields(raw).map(|terms| {
                terms
                    .iter()
                    .map(|t| format!("{}{}{}", t.field, if t.equals { "=" } else { "!=" }, t.value))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(show(""), Some(vec![]));
        assert_eq!(show("a=b,c!=d,e==f"), Some(vec!["a=b".into(), "c!=d".into(), "e=f".into()]));
        assert_eq!(show(r"a=b\,c\=d\\e"), Some(vec![r"a=b,c=d\e".into()]));
        assert_eq!(show("a="), Some(vec!["a=".into()]));
        assert_eq!(show("a"), None);
        assert_eq!(show("a=b=c"), None);
        assert_eq!(show(r"a=\x"), None);
    }

    #[test]
    fn labels() {
        for good in [
            "",
            "a",
            "!a",
            "a=b",
            "a==b",
            "a!=b",
            "a=",
            "a in (x,y)",
            "a notin (x, )",
            "a,b=c,!d",
            "x.io/a>5",
            "a in ()",
        ] {
            assert!(parse_labels(good).is_some(), "{good}");
        }
        for bad in [",", "a,", "a=b=c", "a in x", "a in (x", "!", "a b", "=b", "a>x", "-a", "a=!b", "x/y/z"] {
            assert!(parse_labels(bad).is_none(), "{bad}");
        }
        let parsed = parse_labels("env in (a,b),!gone").expect("valid");
        assert_eq!(parsed[0].values, ["a", "b"]);
        assert_eq!(parsed[1].operator, LabelOperator::DoesNotExist);
    }
}
