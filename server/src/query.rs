//! URL queries and paths, decoded as Go's `net/url` decodes them, because upstream's answers depend on it.
//!
//! A query is a list of pairs in their order: `+` is a space, a pair with a broken escape or a semicolon is dropped, and
//! the rest of the query still counts. A path with a broken escape is an error instead: Go's server refuses the request.
//!
//! Deliberately absent: encoding, and typed options, which belong to whoever reads them.

use std::borrow::Cow;

/// A decoded query string.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes what stands behind the `?` of a URL. Never fails: what can't be decoded is left out.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let pairs = raw
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode(key, true)?, decode(value, true)?))
            })
            .collect();
        Self { pairs }
    }

    /// The first value of a key, as Go's `Values.Get` gives it; `None` where the key is absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// All values of a key, in their order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Whether a key is there, with or without a value.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A boolean parameter: absent, `0` and `false` (in any case) are false, everything else is true, the empty value
    /// too. Source: apimachinery, `Convert_Slice_string_To_bool`.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }
}

/// Decodes the percent escapes of a URL's path; `None` where one is broken.
#[must_use]
pub fn decode_path(raw: &str) -> Option<Cow<'_, str>> {
    if raw.contains('%') { decode(raw, false).map(Cow::Owned) } else { Some(Cow::Borrowed(raw)) }
}

fn decode(raw: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if plus_is_space => out.push(b' '),
            other => out.push(other),
        }
    }
    Some(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_decode_as_in_go() {
        let query = Query::parse("a=1&b=x+y%3D&a=2&&broken=%zz&semi=1;2&empty&=v");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.get("b"), Some("x y="));
        assert_eq!(query.get("broken"), None);
        assert_eq!(query.get("semi"), None);
        assert_eq!(query.get("empty"), Some(""));
        assert_eq!(query.get(""), Some("v"));
        assert!(!query.contains("c"));
    }

    #[test]
    fn flags_follow_upstream() {
        for (raw, expected) in [
            ("", false),
            ("w", true),
            ("w=", true),
            ("w=0", false),
            ("w=False", false),
            ("w=no", true),
            ("w=0&w=1", false),
        ] {
            assert_eq!(Query::parse(raw).flag("w"), expected, "{raw}");
        }
    }

    #[test]
    fn broken_paths_are_refused() {
        assert_eq!(decode_path("/a%2Fb").as_deref(), Some("/a/b"));
        assert_eq!(decode_path("/a+b").as_deref(), Some("/a+b"));
        assert_eq!(decode_path("/a%2"), None);
        assert_eq!(decode_path("/a%g0"), None);
    }
}
