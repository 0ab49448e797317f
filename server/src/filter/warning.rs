//! Warnings to the client: `Warning: 299 - "text"`, as RFC 7234 section 5.5 has it and client-go reads it.

use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// All the texts of an answer together have at most so many bytes; upstream then cuts them.
const MAX_BYTES: usize = 4 * 1024;
/// Where there are too many, each text keeps so many characters.
const MAX_CHARS: usize = 256;

/// Appends one warning. What can't stand in a header is left out.
pub fn append(headers: &mut HeaderMap, text: &str) {
    if let Ok(value) = HeaderValue::try_from(header_text(text)) {
        headers.append(header::WARNING, value);
    }
}

/// Appends all of an answer's warnings, each once, within upstream's bounds.
pub fn append_all(headers: &mut HeaderMap, texts: &[String]) {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !text.is_empty() && !seen.contains(&text.as_str()) {
            seen.push(text);
        }
    }
    let cut = seen.iter().map(|text| text.len()).sum::<usize>() > MAX_BYTES;
    let mut left = MAX_BYTES;
    for text in seen {
        let end = if cut { text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at) } else { text.len() };
        let text = &text[..end];
        let Some(rest) = left.checked_sub(text.len()) else { return };
        left = rest;
        append(headers, text);
    }
}

/// The text as a quoted string: control characters are blanks.
fn header_text(text: &str) -> String {
    let mut out = String::from("299 - \"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            character if character.is_control() => out.push(' '),
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_cut_and_told_once() {
        assert_eq!(header_text("a \"b\"\n\\"), r#"299 - "a \"b\" \\""#);
        let mut headers = HeaderMap::new();
        append_all(&mut headers, &["x".into(), String::new(), "x".into(), "y".into()]);
        assert_eq!(headers.get_all(header::WARNING).count(), 2);
        let many: Vec<String> = (0..40).map(|index| format!("{index:0>300}")).collect();
        let mut headers = HeaderMap::new();
        append_all(&mut headers, &many);
        assert_eq!(headers.get_all(header::WARNING).count(), MAX_BYTES / MAX_CHARS);
    }
}
