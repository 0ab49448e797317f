//! The front proxy: an authenticating proxy in front of the server says in headers who the user is.
//!
//! It is believed only when it proves itself with a client certificate of the front-proxy authority, whose common name
//! is one of the allowed ones. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy>.

use super::user::UserInfo;
use super::x509::{ClientCas, common_name};
use super::{Authenticated, AuthenticationError, Evidence, Outcome};

/// Which proxies are believed, and which headers they use.
#[derive(Clone)]
pub struct RequestHeader {
    /// The authorities that sign the proxies' certificates; not those of ordinary clients.
    pub authorities: ClientCas,
    /// Common names a proxy may have; any when empty.
    pub allowed_names: Vec<String>,
    /// The headers that may hold the user's name, the first with a value wins.
    pub user_headers: Vec<String>,
    /// The headers that may hold the user's uid, the first with a value wins.
    pub uid_headers: Vec<String>,
    /// The headers that hold groups, all of their values.
    pub group_headers: Vec<String>,
    /// What the headers that hold extra values begin with; the key follows, percent-encoded.
    pub extra_header_prefixes: Vec<String>,
}

impl RequestHeader {
    /// The headers that everybody uses: `X-Remote-User`, `-Uid`, `-Group` and `-Extra-…`.
    pub fn standard(authorities: ClientCas, allowed_names: Vec<String>) -> Self {
        let one = |name: &str| vec![name.to_owned()];
        Self {
            authorities,
            allowed_names,
            user_headers: one("X-Remote-User"),
            uid_headers: one("X-Remote-Uid"),
            group_headers: one("X-Remote-Group"),
            extra_header_prefixes: one("X-Remote-Extra-"),
        }
    }

    /// Recognises a user that a proxy speaks for.
    ///
    /// # Errors
    /// When there is a certificate that is not a proxy's. As ordinary clients bring certificates too, this is only
    /// fatal when nobody else recognises the request.
    pub fn authenticate(&self, evidence: &Evidence<'_>) -> Outcome {
        let Some(proxy) = evidence.certificates.first() else { return Ok(None) };
        self.authorities.verify(evidence.certificates, evidence.now)?;
        if !self.allowed_names.is_empty() {
            let name = common_name(proxy)?;
            if !self.allowed_names.contains(&name) {
                let text = format!("x509: subject with cn={name} is not in the allowed list");
                return Err(AuthenticationError(text));
            }
        }
        Ok(self.user(evidence).map(Authenticated::new))
    }

    /// Whether a header belongs to this authenticator: such headers are not passed on to anybody.
    pub fn owns(&self, header: &str) -> bool {
        let is = |name: &String| header.eq_ignore_ascii_case(name);
        self.user_headers.iter().any(is)
            || self.uid_headers.iter().any(is)
            || self.group_headers.iter().any(is)
            || self.extra_header_prefixes.iter().any(|prefix| strip_prefix(header, prefix).is_some())
    }

    fn user(&self, evidence: &Evidence<'_>) -> Option<UserInfo> {
        let first = |names: &[String]| {
            let mut values = names.iter().filter_map(|name| evidence.first(name));
            values.find(|value| !value.is_empty()).map(str::to_owned)
        };
        let mut user = UserInfo { name: first(&self.user_headers)?, ..UserInfo::default() };
        user.uid = first(&self.uid_headers).unwrap_or_default();
        for name in &self.group_headers {
            user.groups.extend(evidence.values(name).filter(|value| !value.is_empty()).map(str::to_owned));
        }
        for prefix in &self.extra_header_prefixes {
            for (name, value) in evidence.headers {
                if let Some(key) = strip_prefix(name, prefix) {
                    user.extra.entry(extra_key(key)).or_default().push((*value).to_owned());
                }
            }
        }
        Some(user)
    }
}

/// Whether a header is one that front proxies use by convention.
pub(super) fn is_standard(header: &str) -> bool {
    ["X-Remote-User", "X-Remote-Uid", "X-Remote-Group"].iter().any(|own| header.eq_ignore_ascii_case(own))
        || strip_prefix(header, "X-Remote-Extra-").is_some()
}

/// The rest of a header's name behind a prefix, in whichever case.
pub(super) fn strip_prefix<'a>(header: &'a str, prefix: &str) -> Option<&'a str> {
    let head = header.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &header[prefix.len()..])
}

/// The key that the end of a header's name stands for: lower case, then percent-decoded; as it is when the encoding
/// is broken or does not give text.
pub(super) fn extra_key(encoded: &str) -> String {
    let encoded = encoded.to_ascii_lowercase();
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit =
            |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else { return encoded };
        decoded.push(high * 16 + low);
    }
    String::from_utf8(decoded).unwrap_or(encoded)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn ask(headers: &[(&str, &str)]) -> Option<UserInfo> {
        let none = ClientCas::new(&[]).expect("no roots");
        let evidence = Evidence { certificates: &[], headers, path: "/", now: Timestamp::UNIX_EPOCH };
        RequestHeader::standard(none, vec![]).user(&evidence)
    }

    #[test]
    fn headers_become_a_user() {
        let user = ask(&[
            ("x-remote-user", "jane"),
            ("X-Remote-Uid", "u1"),
            ("X-Remote-Group", "a"),
            ("X-Remote-Group", ""),
            ("x-remote-group", "b"),
            ("X-Remote-Extra-Scopes", "s1"),
            ("X-Remote-Extra-scopes", "s2"),
            ("X-Remote-Extra-Example.org%2fRole", "r"),
            ("X-Remote-Extra-Bad%2", "kept"),
        ]);
        let user = user.expect("a user");
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("jane", "u1"));
        assert_eq!(user.groups, ["a", "b"]);
        let extra: Vec<(&str, &[String])> =
            user.extra.iter().map(|(key, values)| (key.as_str(), &values[..])).collect();
        assert_eq!(extra[0], ("bad%2", &["kept".to_owned()][..]));
        assert_eq!(extra[1], ("example.org/role", &["r".to_owned()][..]));
        assert_eq!(extra[2], ("scopes", &["s1".to_owned(), "s2".to_owned()][..]));
        assert_eq!(ask(&[("X-Remote-Group", "a"), ("X-Remote-User", "")]), None);
    }

    #[test]
    fn headers_count_for_nothing_without_a_certificate() {
        let none = ClientCas::new(&[]).expect("no roots");
        let headers = [("X-Remote-User", "jane")];
        let evidence = Evidence { certificates: &[], headers: &headers, path: "/", now: Timestamp::UNIX_EPOCH };
        let proxy = RequestHeader::standard(none, vec![]);
        assert_eq!(proxy.authenticate(&evidence), Ok(None));
        assert!(proxy.owns("x-remote-extra-anything") && proxy.owns("X-REMOTE-USER") && !proxy.owns("X-Remote"));
    }
}
