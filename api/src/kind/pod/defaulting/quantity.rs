//! Quantities of resource lists are kept to a thousandth: finer ones are rounded up, away from zero.

use serde_json::Value;

use super::super::access::{Object, object};
use crate::quantity::canonical;

/// Rounds the quantities of `limits` and `requests`.
pub(super) fn round_up_requirements(resources: &mut Object) {
    round_up_list(resources, "limits");
    round_up_list(resources, "requests");
}

/// Rounds the quantities of the resource list at `key`.
pub(super) fn round_up_list(of: &mut Object, key: &str) {
    for value in object(of, key).into_iter().flat_map(Object::values_mut) {
        if let Some(rounded) = value.as_str().and_then(round_up) {
            *value = Value::String(rounded);
        }
    }
}

/// The quantity in thousandths, if it is finer than that.
fn round_up(text: &str) -> Option<String> {
    let text = canonical(text).ok()?;
    let (digits, per_milli, unit) =
        [("n", 1_000_000, "m"), ("u", 1000, "m"), ("e-9", 1_000_000, "e-3"), ("e-6", 1000, "e-3")]
            .into_iter()
            .find_map(|(suffix, per_milli, unit)| Some((text.strip_suffix(suffix)?, per_milli, unit)))?;
    let digits: i128 = digits.parse().ok()?;
    let milli = (digits.abs() + per_milli - 1) / per_milli * digits.signum();
    canonical(&format!("{milli}{unit}")).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousandth_is_the_finest() {
        let rows = [
            ("1n", Some("1m")),
            ("1500u", Some("2m")),
            ("999999u", Some("1")),
            ("-1n", Some("-1m")),
            ("1e-6", Some("1e-3")),
            ("1m", None),
            ("0.5", None),
            ("1Gi", None),
            ("0", None),
            ("x", None),
        ];
        for (text, rounded) in rows {
            assert_eq!(round_up(text).as_deref(), rounded, "{text}");
        }
    }
}
