//! Where a request may carry a bearer token: the `Authorization` header, or a WebSocket subprotocol, because browsers
//! can't set headers on WebSockets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{AuthenticationError, Evidence};

/// What the subprotocol that carries a token begins with; the token follows in base64url without padding.
pub const BEARER_PROTOCOL_PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// What the log says to a token that nobody recognises.
pub const INVALID_TOKEN: &str = "invalid bearer token";

/// The token of the `Authorization` header, if there is one of the `Bearer` scheme.
pub fn header_token<'a>(evidence: &Evidence<'a>) -> Option<&'a str> {
    let mut parts = evidence.first("Authorization")?.trim().splitn(3, ' ');
    let scheme = parts.next()?;
    let token = parts.next()?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The token among a WebSocket request's subprotocols, if there is one.
///
/// # Errors
/// When there are several, when it is not base64url of text, or when it is the only subprotocol, so that none is
/// left to agree on.
pub fn protocol_token(evidence: &Evidence<'_>) -> Result<Option<String>, AuthenticationError> {
    if !is_websocket(evidence) {
        return Ok(None);
    }
    let mut token = None;
    let mut others = 0;
    let protocols = evidence.values("Sec-WebSocket-Protocol").flat_map(|value| value.split(',')).map(str::trim);
    for protocol in protocols {
        let Some(encoded) = protocol.strip_prefix(BEARER_PROTOCOL_PREFIX) else {
            others += 1;
            continue;
        };
        if token.is_some() {
            return Err(AuthenticationError::new("multiple base64.bearer.authorization tokens specified"));
        }
        let decoded = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| AuthenticationError::new("invalid base64.bearer.authorization token encoding"))?;
        let text = String::from_utf8(decoded)
            .map_err(|_| AuthenticationError::new("invalid base64.bearer.authorization token"))?;
        token = Some(text);
    }
    match token.filter(|token| !token.is_empty()) {
        Some(_) if others == 0 => Err(AuthenticationError::new("missing additional subprotocol")),
        token => Ok(token),
    }
}

fn is_websocket(evidence: &Evidence<'_>) -> bool {
    let connection = evidence.values("Connection").any(|value| value.to_ascii_lowercase().contains("upgrade"));
    connection && evidence.first("Upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn evidence<'a>(headers: &'a [(&'a str, &'a str)]) -> Evidence<'a> {
        Evidence { certificates: &[], headers, path: "/", now: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn the_header_is_read_as_upstream_reads_it() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer abc", Some("abc")),
            ("  BEARER abc  ", Some("abc")),
            ("Bearer abc def", Some("abc")),
            ("Bearer  abc", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic abc", None),
            ("", None),
        ] {
            assert_eq!(header_token(&evidence(&[("authorization", value)])), expected, "{value:?}");
        }
        assert_eq!(header_token(&evidence(&[])), None);
    }

    #[test]
    fn the_subprotocol_is_read_as_upstream_reads_it() {
        let upgrade = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "WebSocket")];
        let ask = |protocols: &[&str]| {
            let mut headers = upgrade.to_vec();
            headers.extend(protocols.iter().map(|value| ("Sec-WebSocket-Protocol", *value)));
            protocol_token(&evidence(&headers)).map_err(|error| error.to_string())
        };
        let token = "base64url.bearer.authorization.k8s.io.dG9rZW4";
        assert_eq!(ask(&[&format!("{token}, v5.channel.k8s.io")]), Ok(Some("token".into())));
        assert_eq!(ask(&["v5.channel.k8s.io", token]), Ok(Some("token".into())));
        assert_eq!(ask(&["v5.channel.k8s.io"]), Ok(None));
        assert_eq!(ask(&[]), Ok(None));
        assert_eq!(ask(&[BEARER_PROTOCOL_PREFIX, "v5.channel.k8s.io"]), Ok(None));
        assert_eq!(ask(&[token]), Err("missing additional subprotocol".into()));
        assert_eq!(ask(&[token, token, "x"]), Err("multiple base64.bearer.authorization tokens specified".into()));
        let bad = format!("{BEARER_PROTOCOL_PREFIX}!!");
        assert_eq!(ask(&[&bad, "x"]), Err("invalid base64.bearer.authorization token encoding".into()));
        let no_text = format!("{BEARER_PROTOCOL_PREFIX}_w");
        assert_eq!(ask(&[&no_text, "x"]), Err("invalid base64.bearer.authorization token".into()));
        let headers = [("Sec-WebSocket-Protocol", token)];
        assert_eq!(protocol_token(&evidence(&headers)), Ok(None), "not a WebSocket");
    }
}
