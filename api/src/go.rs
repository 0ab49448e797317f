//! Text as Go forms it: upstream's sentences quote with `%q` and join errors as `errors.Aggregate` does; floats and
//! base64 reach the wire in Go's form too.
//!
//! Clients and tests compare these sentences, so the quoting has to agree, escapes included.

use std::fmt::Write as _;

/// `strconv.Quote`: in double quotes, what can't be printed escaped.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || c == '\u{7f}' => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c if !is_printable(c) && u32::from(c) < 0x1_0000 => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c if !is_printable(c) => drop(write!(out, "\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list of strings as Go's `%q` writes it: `["a" "b"]`.
#[must_use]
pub fn quote_list<T: AsRef<str>>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| quote(item.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

/// Error messages joined as upstream's aggregate does: one alone stands bare, several stand in brackets, repetitions
/// are dropped. `None` when there is none.
#[must_use]
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

/// Near to `strconv.IsPrint`: control characters and odd blanks are not printable.
pub(crate) fn is_printable(c: char) -> bool {
    let format = matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff
        | 0xfff9..=0xfffb | 0xe000..=0xf8ff | 0xf_0000..);
    c == ' ' || !(c.is_control() || c.is_whitespace() || format)
}

/// `encoding/json`'s text of a float: no exponent between 1e-6 and 1e21, `1` for 1.0.
pub(crate) fn write_float(out: &mut Vec<u8>, value: f64) {
    let absolute = value.abs();
    if value != 0.0 && !(1e-6..1e21).contains(&absolute) {
        // Rust writes 1e21 and 1e-7, Go 1e+21 and 1e-07 cut to 1e-7.
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                out.extend_from_slice(format!("{mantissa}e+{exponent:0>2}").as_bytes());
            }
            _ => out.extend_from_slice(text.as_bytes()),
        }
    } else {
        out.extend_from_slice(format!("{value}").as_bytes());
    }
}

/// A text that is not base64; Display is Go's sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {at}")]
pub struct Base64Error {
    /// The offset of the first byte that does not fit.
    pub at: usize,
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `base64.StdEncoding.EncodeToString`.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().chain([0, 0].iter()).take(3).fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        for at in 0..4_usize {
            let six = usize::try_from(group >> (18 - 6 * at) & 63).expect("six bits");
            out.push(if at <= chunk.len() { char::from(ALPHABET[six]) } else { '=' });
        }
    }
    out
}

/// `base64.StdEncoding.DecodeString`: line breaks are left out, bits that padding makes useless are not looked at.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, Base64Error> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut group = 0_u32;
    let mut filled = 0_u32;
    let mut bytes = text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    while let Some((at, byte)) = bytes.next() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if filled >= 2 => {
                if filled == 2 {
                    match bytes.next() {
                        Some((_, b'=')) => {}
                        Some((at, _)) => return Err(Base64Error { at }),
                        None => return Err(Base64Error { at: text.len() }),
                    }
                }
                if let Some((at, _)) = bytes.next() {
                    return Err(Base64Error { at });
                }
                group <<= 6 * (4 - filled);
                out.extend_from_slice(&group.to_be_bytes()[1..usize::try_from(filled).unwrap_or(4)]);
                return Ok(out);
            }
            _ => return Err(Base64Error { at }),
        };
        group = group << 6 | u32::from(six);
        filled += 1;
        if filled == 4 {
            out.extend_from_slice(&group.to_be_bytes()[1..]);
            (group, filled) = (0, 0);
        }
    }
    // Go names the end of the last whole group here.
    if filled == 0 { Ok(out) } else { Err(Base64Error { at: text.len().saturating_sub(filled as usize) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, expected) in [
            (1.0, "1"),
            (0.5, "0.5"),
            (-0.0, "-0"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e300, "1.5e+300"),
        ] {
            let mut out = Vec::new();
            write_float(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn base64_is_read_and_written() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob", b"\xff\xfe\xfd"] {
            assert_eq!(decode_base64(&encode_base64(bytes)).as_deref(), Ok(bytes));
        }
        assert_eq!(encode_base64(b"\x02"), "Ag==");
        assert_eq!(decode_base64("Zm\n9v\r\n").as_deref(), Ok(&b"foo"[..]));
        for (text, at) in [("!", 0), ("Zm9v!", 4), ("Zg=", 3), ("Zg==x", 4), ("Z=", 1), ("Zm9vZ", 4)] {
            assert_eq!(decode_base64(text), Err(Base64Error { at }), "{text}");
        }
    }

    #[test]
    fn quotes_are_gos() {
        assert_eq!(quote("a\"b\\\n\u{1}é\u{2028}"), "\"a\\\"b\\\\\\n\\x01é\\u2028\"");
    }

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
