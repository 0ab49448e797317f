//! The name of an image, as far as its tag decides how it is pulled.
//!
//! The grammar is that of the distribution project's reference package: `[domain[:port]/]path[:tag][@digest]`. A name
//! that it refuses has no tag here; what is wrong with it is the node's matter. Deliberately absent: anything else that
//! a name tells (registry, repository).

/// The length that a repository's path may have.
const MAX_PATH: usize = 255;

/// Whether the image is to be pulled each time: its tag is `latest`, or it has neither tag nor digest. A name that is
/// not an image's is not.
pub(super) fn is_latest(image: &str) -> bool {
    parse(image).is_some_and(|tag| tag == Some("latest") || tag.is_none())
}

/// `Some(None)` for a valid name without tag and digest, `Some(Some(""))` for one with a digest alone.
fn parse(image: &str) -> Option<Option<&str>> {
    if image.len() == 64 && image.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None; // an identifier, not a name
    }
    let (domain, rest) = match image.split_once('/') {
        Some((first, rest)) if is_domain_like(first) => (Some(first), rest),
        _ => (None, image),
    };
    if !domain.is_none_or(is_domain) {
        return None;
    }
    let (name, digest) = match rest.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (rest, None),
    };
    let (path, tag) = match name.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (name, None),
    };
    // A name of one part on the default registry stands for one in its library.
    let implied = if domain.is_none_or(|d| matches!(d, "docker.io" | "index.docker.io")) && !path.contains('/') {
        "library/".len()
    } else {
        0
    };
    let valid = path.split('/').all(is_path_component)
        && path.len() + implied <= MAX_PATH
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    valid.then_some(match (tag, digest) {
        (None, Some(_)) => Some(""),
        (tag, _) => tag,
    })
}

fn is_domain_like(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.chars().any(|c| c.is_uppercase())
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = if domain.starts_with('[') {
        match domain.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, rest)) => match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None => return false,
            },
            None => return false,
        }
    } else {
        match domain.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (domain, None),
        }
    };
    let host_is_valid = match host.strip_prefix('[') {
        Some(address) => !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        }),
    };
    host_is_valid && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Runs of lower-case letters and digits, with `.`, `_`, `__` or hyphens between them.
fn is_path_component(part: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    is_word(*first)
        && is_word(*last)
        && bytes
            .split(|b| is_word(*b))
            .all(|separator| matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && !tag.starts_with(['.', '-'])
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_decides() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let rows = [
            ("nginx".to_owned(), true),
            ("nginx:latest".to_owned(), true),
            ("nginx:1.25".to_owned(), false),
            ("registry.example:5000/team/app".to_owned(), true),
            ("registry.example:5000/team/app:latest".to_owned(), true),
            ("registry.example:5000/team/app:v1".to_owned(), false),
            ("localhost/app".to_owned(), true),
            ("[::1]:5000/app".to_owned(), true),
            (format!("nginx@{digest}"), false),
            (format!("nginx:latest@{digest}"), true),
            ("nginx@sha256:abc".to_owned(), false),
            ("a__b/c--d".to_owned(), true),
            ("a___b".to_owned(), false),
            ("a._b".to_owned(), false),
            (String::new(), false),
            ("UPPER".to_owned(), false),
            ("UPPER/app".to_owned(), true),
            ("in valid".to_owned(), false),
            ("a".repeat(64), false),
            ("nginx:".to_owned(), false),
            ("nginx:-x".to_owned(), false),
        ];
        for (image, latest) in rows {
            assert_eq!(is_latest(&image), latest, "{image}");
        }
    }
}
