//! The taints that a pod tolerates.

use k8s_openapi::api::core::v1::Toleration;

use super::options::Options;
use crate::validation::label::label_name;
use crate::validation::name::is_valid_label_value;
use crate::validation::{Errors, FieldError, FieldPath};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// All tolerations of a spec.
pub(crate) fn tolerations(tolerations: &[Toleration], options: &Options, path: &FieldPath<'_>) -> Errors {
    tolerations.iter().enumerate().flat_map(|(index, one)| toleration(one, options, &path.index(index))).collect()
}

fn toleration(one: &Toleration, options: &Options, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let key = one.key.as_deref().unwrap_or_default();
    let operator = one.operator.as_deref().unwrap_or_default();
    let value = one.value.as_deref().unwrap_or_default();
    let effect = one.effect.as_deref().unwrap_or_default();
    let at_operator = path.child("operator");
    if !key.is_empty() {
        errors.extend(label_name(key, &path.child("key")));
    } else if operator != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.push(FieldError::invalid(&at_operator, operator, detail));
    }
    if one.toleration_seconds.is_some() && effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(FieldError::invalid(&path.child("effect"), effect, detail));
    }
    match operator {
        "Equal" | "" => {
            let messages = is_valid_label_value(value);
            if !messages.is_empty() {
                errors.push(FieldError::invalid(&at_operator, value, messages.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            errors.push(FieldError::invalid(&at_operator, value, detail));
        }
        "Exists" => {}
        "Lt" | "Gt" if options.comparing_tolerations => errors.extend(number(value, &path.child("value"))),
        "Lt" | "Gt" => {
            errors.push(FieldError::not_supported(&at_operator, operator, &["Equal", "Exists", "Lt", "Gt"]));
        }
        _ => errors.push(FieldError::not_supported(&at_operator, operator, &["Equal", "Exists"])),
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        errors.push(FieldError::not_supported(&path.child("effect"), effect, &EFFECTS));
    }
    errors
}

/// A whole number of 64 bits without superfluous zeros.
fn number(value: &str, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_decimal = value == "0"
        || (digits.bytes().all(|b| b.is_ascii_digit()) && digits.bytes().next().is_some_and(|b| b != b'0'));
    if !is_decimal {
        let detail = match value {
            "" => "must be non-empty",
            _ => "must be a valid decimal integer in canonical form",
        };
        errors.push(FieldError::invalid(path, value, detail));
    }
    if value.parse::<i64>().is_err() {
        let is_number = {
            let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        };
        let why = if is_number { "value out of range" } else { "invalid syntax" };
        let detail = format!("strconv.ParseInt: parsing {}: {why}", crate::go::quote(value));
        errors.push(FieldError::invalid(path, value, detail));
    }
    errors
}
