//! Text as Go formats it: upstream's sentences quote with `%q` and join errors as `errors.Aggregate` does.
//!
//! Clients and tests compare these sentences, so the quoting has to agree, escapes included.

use std::fmt::Write as _;

/// A string as Go's `%q` writes it.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            other if is_printable(other) => quoted.push(other),
            other => write_escape(&mut quoted, other as u32),
        }
    }
    quoted.push('"');
    quoted
}

/// A list of strings as Go's `%q` writes it: `["a" "b"]`.
pub fn quote_list<T: AsRef<str>>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| quote(item.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

/// Error messages joined as upstream's aggregate does: one alone stands bare, several stand in brackets, repetitions
/// are dropped. `None` when there is none.
pub fn aggregate<T: AsRef<str>>(messages: &[T]) -> Option<String> {
    let mut distinct: Vec<&str> = Vec::new();
    for message in messages {
        if !distinct.contains(&message.as_ref()) {
            distinct.push(message.as_ref());
        }
    }
    match distinct.as_slice() {
        [] => None,
        [only] => Some((*only).to_owned()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

/// Whether Go prints the character as it is. Beyond ASCII this asks for "not a control, space or format character",
/// which agrees with Go for every letter, digit, mark, symbol and punctuation.
fn is_printable(character: char) -> bool {
    match character {
        ' '..='~' => true,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => false,
        '\u{e000}'..='\u{f8ff}' => false,
        other => !other.is_control() && !other.is_whitespace(),
    }
}

fn write_escape(quoted: &mut String, code: u32) {
    let written = match code {
        0..=0x7f => write!(quoted, "\\x{code:02x}"),
        0x80..=0xffff => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        let cases = [
            ("", r#""""#),
            ("plain", r#""plain""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("tab\tnew\nbell\x07", r#""tab\tnew\nbell\a""#),
            ("nul\0del\x7f", r#""nul\x00del\x7f""#),
            ("ünï", r#""ünï""#),
            ("\u{a0}\u{200b}", r#""\u00a0\u200b""#),
        ];
        for (text, expected) in cases {
            assert_eq!(quote(text), expected);
        }
        assert_eq!(quote_list(&["a", "b"]), r#"["a" "b"]"#);
        assert_eq!(quote_list::<&str>(&[]), "[]");
    }

    #[test]
    fn aggregates_as_upstream_does() {
        assert_eq!(aggregate::<&str>(&[]), None);
        assert_eq!(aggregate(&["a"]), Some("a".into()));
        assert_eq!(aggregate(&["a", "a"]), Some("a".into()));
        assert_eq!(aggregate(&["a", "b", "a"]), Some("[a, b]".into()));
    }
}
