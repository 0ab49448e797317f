//! What a scalar means: YAML 1.1's rules as upstream's library has them.

use serde_json::{Number, Value};

/// What a scalar resolves to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond int64.
    Uint(u64),
    Float(f64),
    /// The merge key `<<`.
    Merge,
    Text,
}

/// Resolves a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Resolved {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        "<<" => return Resolved::Merge,
        _ => {}
    }
    match text.as_bytes() {
        [b'.', ..] => float(&without_underscores(text)),
        [b'+' | b'-' | b'0'..=b'9', ..] if is_timestamp(text) => Resolved::Text,
        [b'+' | b'-' | b'0'..=b'9', ..] => number(&text.replace('_', "")),
        _ => Resolved::Text,
    }
}

/// Go reads underscores between digits of a float.
fn without_underscores(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let between = |at: usize| at > 0 && is_digit(at - 1) && is_digit(at + 1);
    text.char_indices().filter(|(at, c)| *c != '_' || !between(*at)).map(|(_, c)| c).collect()
}

fn number(text: &str) -> Resolved {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    // No second sign; from_str_radix would take one.
    if digits.starts_with(|c: char| c.is_ascii_alphanumeric())
        && let Ok(value) = u64::from_str_radix(digits, radix)
    {
        let signed = i128::from(value) * if negative { -1 } else { 1 };
        return match i64::try_from(signed) {
            Ok(value) => Resolved::Int(value),
            Err(_) if !negative && !text.starts_with('+') => Resolved::Uint(value),
            Err(_) => float(text),
        };
    }
    float(text)
}

/// A float in YAML's form: digits, a point, digits, an exponent; no names and no hexadecimal.
fn float(text: &str) -> Resolved {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_float = all_digits(whole) && all_digits(fraction) && all_digits(exponent) && !exponent.is_empty();
    if !is_float || whole.is_empty() && fraction.is_empty() {
        return Resolved::Text;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Resolved::Float(value),
        _ => Resolved::Text,
    }
}

/// A date or a time, which stays text: `2006-1-2`, with `T`, `t` or a blank and a time behind it.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 5 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && {
        // Nothing else that begins so is a number either.
        bytes[5].is_ascii_digit()
    }
}

/// Whether a text would not be read as text when it stands plain.
pub(super) fn is_special(text: &str) -> bool {
    if resolve(text) != Resolved::Text {
        return true;
    }
    is_timestamp_strict(text) || is_base60(text)
}

/// What upstream's writer takes for a date or time, and quotes.
fn is_timestamp_strict(text: &str) -> bool {
    if !is_timestamp(text) {
        return false;
    }
    let mut rest = &text[5..];
    let mut part = |least: u32, most: u32| {
        let length = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let value: Option<u32> = rest[..length].parse().ok();
        rest = &rest[length..];
        value.is_some_and(|value| (least..=most).contains(&value))
    };
    if !part(1, 12) {
        return false;
    }
    let Some(after) = rest.strip_prefix('-') else { return false };
    let day = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
    if !matches!(after[..day].parse::<u32>(), Ok(1..=31)) {
        return false;
    }
    let rest = &after[day..];
    match rest.strip_prefix(['T', 't']) {
        Some(time) => is_clock(time, true),
        None => rest.is_empty() || rest.strip_prefix(' ').is_some_and(|time| is_clock(time, false)),
    }
}

fn is_clock(text: &str, zoned: bool) -> bool {
    let mut rest = text;
    for (at, most) in [23, 59, 59].into_iter().enumerate() {
        if at > 0 {
            let Some(after) = rest.strip_prefix(':') else { return false };
            rest = after;
        }
        let length = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
        if !rest[..length].parse::<u32>().is_ok_and(|value| value <= most) {
            return false;
        }
        rest = &rest[length..];
    }
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    match (zoned, rest.as_bytes()) {
        (false, []) | (true, [b'Z']) => true,
        (true, [b'+' | b'-', h1, h2, b':', m1, m2]) => [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A number in base 60 (`1:30`), which YAML 1.1 has and nobody wants.
fn is_base60(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.split(':');
    let first = parts.next().unwrap_or_default();
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !is_number(first) {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixty = |text: &str| match text.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [ten, digit] => matches!(ten, b'0'..=b'5') && digit.is_ascii_digit(),
        _ => false,
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    sixty(last) && is_number(fraction) && middle.iter().all(|part| sixty(part))
}

/// The JSON value of a float: Go writes whole floats without a point, so that they come back as integers.
pub(super) fn float_value(value: f64) -> Option<Value> {
    let mut text = Vec::new();
    crate::go::write_float(&mut text, value);
    let text = String::from_utf8(text).ok()?;
    let integer = text.parse::<i64>().map(Value::from);
    integer.ok().or_else(|| Number::from_f64(value).map(Value::Number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_they_mean_upstream() {
        use Resolved::{Bool, Float, Int, Null, Text, Uint};
        let rows = [
            ("yes", Bool(true)),
            ("No", Bool(false)),
            ("on", Bool(true)),
            ("OFF", Bool(false)),
            ("y", Bool(true)),
            ("n", Bool(false)),
            ("yEs", Text),
            ("~", Null),
            ("", Null),
            ("null", Null),
            ("0777", Int(511)),
            ("0o17", Int(15)),
            ("0x1F", Int(31)),
            ("-0b11", Int(-3)),
            ("1_000", Int(1000)),
            ("08", Float(8.0)),
            ("+12", Int(12)),
            ("--1", Text),
            ("-9223372036854775808", Int(i64::MIN)),
            ("18446744073709551615", Uint(u64::MAX)),
            ("1e3", Float(1000.0)),
            (".5", Float(0.5)),
            ("1.", Float(1.0)),
            ("1.2.3", Text),
            ("1e", Text),
            (".", Text),
            ("2020-01-01", Text),
            ("12:30", Text),
            ("nan", Text),
            ("infinity", Text),
        ];
        for (text, expected) in rows {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
    }

    #[test]
    fn texts_that_look_like_something_else_are_special() {
        for text in ["true", "1", "0x1", "1e3", "null", "", "2020-01-01", "2020-1-2T3:4:5Z", "1:30", "-1:59:00.5", "<<"]
        {
            assert!(is_special(text), "{text:?}");
        }
        for text in ["hello", "1.2.3", "v1", "2020-13-01", "1:99", "10.0.0.1", "a:b", "2020-01-01x"] {
            assert!(!is_special(text), "{text:?}");
        }
    }
}
