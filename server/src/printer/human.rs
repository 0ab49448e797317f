//! Texts that people read: ages, labels, selectors, shortened lists.
//!
//! Formats: `k8s.io/apimachinery`, `pkg/util/duration` and `pkg/labels`.

use howdah_api::time::Time;
use serde_json::{Map, Value};

use super::view::View;

const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;

/// How long before `now` a time was: `5m`, `3h20m`, `<invalid>` for what lies two seconds or more ahead.
pub(super) fn since(then: Time, now: Time) -> String {
    duration(nanos(now) - nanos(then))
}

fn nanos(time: Time) -> i128 {
    i128::from(time.seconds) * SECOND + i128::from(time.nanos)
}

/// A duration in nanoseconds with two or three significant figures.
pub(super) fn duration(length: i128) -> String {
    let seconds = length / SECOND;
    let minutes = length / MINUTE;
    let hours = length / HOUR;
    let two = |large: i128, unit: &str, small: i128, small_unit: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{small_unit}") }
    };
    if seconds < -1 {
        "<invalid>".to_owned()
    } else if seconds < 120 {
        format!("{}s", seconds.max(0))
    } else if minutes < 10 {
        two(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        two(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if hours < 24 * 8 {
        two(hours / 24, "d", hours % 24, "h")
    } else if hours < 24 * 365 * 2 {
        format!("{}d", hours / 24)
    } else if hours < 24 * 365 * 8 {
        two(hours / 24 / 365, "y", hours / 24 % 365, "d")
    } else {
        format!("{}y", hours / 24 / 365)
    }
}

/// `a=b,c=d`, ordered by key; `<none>` where there are none.
pub(super) fn labels(map: Option<&Map<String, Value>>) -> String {
    let Some(map) = map.filter(|map| !map.is_empty()) else { return "<none>".to_owned() };
    let mut pairs: Vec<_> = map.iter().map(|(key, value)| (key, value.as_str().unwrap_or_default())).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// The text of a `metav1.LabelSelector`; empty where there is none or it says nothing, `None` where it is invalid.
pub(super) fn selector(selector: View<'_>) -> Option<String> {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for (key, value) in selector.map("matchLabels").into_iter().flatten() {
        parts.push((key, format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    for expression in selector.list("matchExpressions") {
        let key = expression.text("key");
        let mut values: Vec<_> = expression.list("values").map(View::as_text).collect();
        values.sort_unstable();
        values.dedup();
        let text = match (expression.text("operator"), values.is_empty()) {
            ("In", false) => format!("{key} in ({})", values.join(",")),
            ("NotIn", false) => format!("{key} notin ({})", values.join(",")),
            ("Exists", true) => key.to_owned(),
            ("DoesNotExist", true) => format!("!{key}"),
            _ => return None,
        };
        parts.push((key, text));
    }
    parts.sort_by(|a, b| a.0.cmp(b.0));
    Some(parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(","))
}

/// The same for a cell: `<none>` where there is nothing, `<error>` where it is invalid.
pub(super) fn selector_cell(of: View<'_>) -> String {
    match selector(of) {
        None => "<error>".to_owned(),
        Some(text) if text.is_empty() => "<none>".to_owned(),
        Some(text) => text,
    }
}

/// A `metav1.LabelSelector` in the notation of Go's generated `String` method, which one printer shows.
pub(super) fn go_selector(of: View<'_>) -> String {
    let mut labels: Vec<_> = of.map("matchLabels").into_iter().flatten().collect();
    labels.sort_unstable_by_key(|(key, _)| *key);
    let mut text = String::from("&LabelSelector{MatchLabels:map[string]string{");
    for (key, value) in labels {
        text.push_str(&format!("{key}: {},", value.as_str().unwrap_or_default()));
    }
    text.push_str("},MatchExpressions:[]LabelSelectorRequirement{");
    for expression in of.list("matchExpressions") {
        let values = expression.list("values").map(View::as_text).collect::<Vec<_>>().join(" ");
        let (key, operator) = (expression.text("key"), expression.text("operator"));
        text.push_str(&format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{values}],}},"));
    }
    text.push_str("},}");
    text
}

/// The first `most` of several texts, joined by `separator`, and how many more there are.
pub(super) fn shortened(texts: &[String], most: usize, separator: &str) -> String {
    let shown = texts[..texts.len().min(most)].join(separator);
    if texts.len() > most { format!("{shown} + {} more...", texts.len() - most) } else { shown }
}

/// [`shortened`] by commas; `<unset>` where there is nothing.
pub(super) fn shortened_or_unset(texts: &[String], most: usize) -> String {
    let text = shortened(texts, most, ",");
    if text.is_empty() { "<unset>".to_owned() } else { text }
}

/// Names and images of the containers at `path`, each joined by commas.
pub(super) fn containers(of: View<'_>, path: &str) -> (String, String) {
    let join = |field: &str| of.list(path).map(|container| container.text(field)).collect::<Vec<_>>().join(",");
    (join("name"), join("image"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_as_upstream_does() {
        let rows: &[(i128, &str)] = &[
            (-2 * SECOND, "<invalid>"),
            (-SECOND - 900_000_000, "0s"),
            (-1, "0s"),
            (0, "0s"),
            (119 * SECOND, "119s"),
            (120 * SECOND, "2m"),
            (125 * SECOND, "2m5s"),
            (9 * MINUTE + 59 * SECOND, "9m59s"),
            (10 * MINUTE + 59 * SECOND, "10m"),
            (179 * MINUTE, "179m"),
            (180 * MINUTE, "3h"),
            (7 * HOUR + 59 * MINUTE, "7h59m"),
            (8 * HOUR + 59 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (48 * HOUR, "2d"),
            (49 * HOUR, "2d1h"),
            (191 * HOUR, "7d23h"),
            (192 * HOUR, "8d"),
            (24 * 729 * HOUR, "729d"),
            (24 * 730 * HOUR, "2y"),
            (24 * 731 * HOUR, "2y1d"),
            (24 * 365 * 8 * HOUR, "8y"),
        ];
        for (length, text) in rows {
            assert_eq!(duration(*length), *text, "{length}");
        }
    }
}
