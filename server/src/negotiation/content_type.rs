//! The `Content-Type` header.

/// The media type in a `Content-Type`, in small letters and without parameters, as Go's `mime.ParseMediaType` reads it;
/// `None` where the header is broken, in its parameters too.
#[must_use]
pub fn media_type(header: &str) -> Option<String> {
    let end = header.find(';').unwrap_or(header.len());
    let (media_type, mut rest) = header.split_at(end);
    let media_type = media_type.trim().to_ascii_lowercase();
    let is_type = match media_type.split_once('/') {
        None => is_token(&media_type),
        Some((main, sub)) => is_token(main) && is_token(sub),
    };
    if !is_type {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    loop {
        rest = rest.trim_start();
        // A last semicolon may stand alone.
        if rest.is_empty() || rest.trim() == ";" {
            return Some(media_type);
        }
        let (name, value) = rest.strip_prefix(';')?.trim_start().split_once('=')?;
        let name = name.trim_end().to_ascii_lowercase();
        rest = after_value(value.trim_start())?;
        if !is_token(&name) || names.contains(&name) {
            return None;
        }
        names.push(name);
    }
}

/// What follows a parameter's value, which is a token or stands in quotes.
fn after_value(text: &str) -> Option<&str> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|sign: char| !is_token_sign(sign)).unwrap_or(text.len());
        return (end > 0).then(|| &text[end..]);
    };
    let mut escaped = false;
    for (at, sign) in quoted.char_indices() {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(&quoted[at + 1..]),
            '\r' | '\n' => return None,
            _ => {}
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_sign)
}

fn is_token_sign(sign: char) -> bool {
    sign.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_go_reads_them() {
        let json = Some("application/json");
        let rows = [
            ("application/json", json),
            (" Application/JSON ; charset=utf-8", json),
            (r#"application/json; a="x;\"y"; b=c"#, json),
            ("application/json;", json),
            ("json", Some("json")),
            ("", None),
            (";;;", None),
            ("application/", None),
            ("application/json/x", None),
            ("application/json; charset", None),
            ("application/json; charset=", None),
            ("application/json; a=b; A=c", None),
            (r#"application/json; a="b"#, None),
            ("application/json, text/plain", None),
        ];
        for (header, expected) in rows {
            assert_eq!(media_type(header).as_deref(), expected, "{header}");
        }
    }
}
