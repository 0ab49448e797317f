//! YAML as upstream's tools print it.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::resolve::is_special;
use crate::go::write_float;

/// The longest key that stands before its colon on one line.
const MAX_SIMPLE_KEY: usize = 128;

/// Writes a tree as YAML. Canonical JSON and this differ in the order of keys: here all are sorted, digits by number.
#[must_use]
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = String::with_capacity(2048);
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut out, map, 0),
        Value::Array(list) if !list.is_empty() => sequence(&mut out, list, 0),
        value => {
            scalar(&mut out, value, 2, false);
            out.push('\n');
        }
    }
    out.into_bytes()
}

/// The entries of a mapping, of which the first stands where the text ends and the others at `indent`.
fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize) {
    let mut entries: Vec<_> = map.iter().collect();
    sort(&mut entries);
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            spaces(out, indent);
        }
        let is_simple = !(key.len() > MAX_SIMPLE_KEY || key.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']));
        if !is_simple {
            out.push_str("? ");
            text(out, key, indent + 2, false);
            out.push('\n');
            spaces(out, indent);
        } else {
            text(out, key, indent + 2, true);
        }
        out.push(':');
        match value {
            // Behind `?`, a collection begins on the line of the colon.
            Value::Object(map) if !map.is_empty() && !is_simple => {
                out.push(' ');
                mapping(out, map, indent + 2);
            }
            Value::Array(list) if !list.is_empty() && !is_simple => {
                out.push(' ');
                sequence(out, list, indent + 2);
            }
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                spaces(out, indent + 2);
                mapping(out, map, indent + 2);
            }
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                spaces(out, indent);
                sequence(out, list, indent);
            }
            value => {
                out.push(' ');
                scalar(out, value, indent + 2, false);
                out.push('\n');
            }
        }
    }
}

fn sequence(out: &mut String, list: &[Value], indent: usize) {
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            spaces(out, indent);
        }
        out.push_str("- ");
        match value {
            Value::Object(map) if !map.is_empty() => mapping(out, map, indent + 2),
            Value::Array(list) if !list.is_empty() => sequence(out, list, indent + 2),
            value => {
                scalar(out, value, indent + 2, false);
                out.push('\n');
            }
        }
    }
}

fn spaces(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n(' ', count));
}

fn scalar(out: &mut String, value: &Value, indent: usize, is_key: bool) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(value) => text(out, value, indent, is_key),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// Go's `%g` of a float, the shortest digits: an exponent from 1e+06 and below 1e-4, of two digits at least.
fn number_text(number: &Number) -> String {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    // What JSON writes without a point or an exponent is an integer for YAML's writer, if it fits.
    let mut json = Vec::new();
    write_float(&mut json, value);
    let json = String::from_utf8_lossy(&json).into_owned();
    if json.parse::<i64>().is_ok() || json.parse::<u64>().is_ok() {
        return json;
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(-4..6) => format!("{value}"),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => json,
    }
}

/// A string in the lightest style that keeps it a string.
fn text(out: &mut String, value: &str, indent: usize, is_key: bool) {
    let shape = Shape::of(value);
    if value.contains('\n') && shape.block && !is_key {
        return literal(out, value, indent);
    }
    if value.contains('\n') || is_special(value) {
        return double_quoted(out, value);
    }
    if shape.plain {
        out.push_str(value);
    } else if shape.single {
        out.push('\'');
        out.push_str(&value.replace('\'', "''"));
        out.push('\'');
    } else {
        double_quoted(out, value);
    }
}

/// Which styles a text allows.
struct Shape {
    plain: bool,
    single: bool,
    block: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut space_break, mut break_space) = (false, false, false);
        let mut before = '\n';
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let blank_follows = chars.peek().is_none_or(|(_, next)| matches!(next, ' ' | '\t' | '\r' | '\n'));
            indicator |= match c {
                '#' => at == 0 || matches!(before, ' ' | '\t' | '\n'),
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => at == 0,
                '?' | '-' => at == 0 && blank_follows,
                ':' => blank_follows,
                _ => false,
            };
            special |= !is_printable(c);
            space_break |= before == ' ' && c == '\n';
            break_space |= at > 0 && before == '\n' && c == ' ';
            before = c;
        }
        let leading = matches!(bytes.first(), Some(b' ' | b'\n'));
        let trailing = matches!(bytes.last(), Some(b' ' | b'\n'));
        let single = !special && !space_break && !break_space;
        Self {
            plain: single && !indicator && !leading && !trailing && !text.contains('\n') && !text.is_empty(),
            single,
            block: !special && !space_break && !text.ends_with(' ') && !text.is_empty(),
        }
    }
}

/// What the emitter writes as it is: no control characters, no tabs, nothing beyond the basic plane, no odd breaks.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

fn literal(out: &mut String, value: &str, indent: usize) {
    out.push('|');
    if value.starts_with([' ', '\n']) {
        out.push('2');
    }
    match value.strip_suffix('\n') {
        None => out.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => out.push('+'),
        Some(_) => {}
    }
    let body = value.strip_suffix('\n').unwrap_or(value);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            spaces(out, indent);
            out.push_str(line);
        }
    }
}

fn double_quoted(out: &mut String, value: &str) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xff => drop(write!(out, "\\x{:02X}", u32::from(c))),
            c if u32::from(c) <= 0xffff => drop(write!(out, "\\u{:04X}", u32::from(c))),
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
}

/// Sorts entries by [`compare`], which is no total order (`0b` < `1b` < `02` < `0b`): the library's sort might panic.
/// Short lists are sorted as upstream sorts them, by insertion, so that such keys come out in the same order.
fn sort<T>(entries: &mut Vec<(&String, T)>) {
    if entries.len() <= 12 {
        for end in 1..entries.len() {
            let mut at = end;
            while at > 0 && compare(entries[at].0, entries[at - 1].0) == Ordering::Less {
                entries.swap(at, at - 1);
                at -= 1;
            }
        }
        return;
    }
    let mut right = entries.split_off(entries.len() / 2);
    sort(entries);
    sort(&mut right);
    let mut left = std::mem::take(entries).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let from = if compare(b.0, a.0) == Ordering::Less { &mut right } else { &mut left };
        entries.extend(from.next());
    }
    entries.extend(left);
    entries.extend(right);
}

/// The order of keys: as in a list that people sort, digits by number, letters behind everything else.
fn compare(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len().cmp(&b.len()) };
    match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
        (true, true) => return a[at].cmp(&b[at]),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Digits that stand before the difference make a zero count.
    let inside = (a[at] == '0' || b[at] == '0')
        && a[..at].iter().rev().take_while(|c| c.is_ascii_digit()).any(|digit| *digit != '0');
    let number = |chars: &[char]| {
        let digits = chars[at..].iter().take_while(|c| c.is_ascii_digit());
        let start = (i64::from(inside), 0);
        digits.fold(start, |(value, length), digit| {
            let digit = i64::from(digit.to_digit(10).unwrap_or(0));
            (value.wrapping_mul(10).wrapping_add(digit), length + 1)
        })
    };
    number(&a).cmp(&number(&b)).then_with(|| a[at].cmp(&b[at]))
}
