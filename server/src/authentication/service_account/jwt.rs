//! JSON Web Tokens in compact form (RFC 7515, RFC 7519): three base64url parts.
//!
//! Signing and checking are the key's; this only takes the text apart and puts it together. Nothing in a token is
//! believed before its signature was checked, except the issuer, which only tells whose token it claims to be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::key::{KeyError, SigningKey, VerifyingKey};
use crate::authentication::AuthenticationError;

/// A text in the form of a JWT.
pub(super) struct Parsed<'a> {
    header: Header,
    /// What is signed: the first two parts with the dot.
    message: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize, Serialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
    /// Extensions that a reader must understand: we understand none.
    #[serde(default, skip_serializing)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Issuer {
    #[serde(default)]
    iss: String,
}

/// The issuer that a text claims, unverified; `None` when it is no JWT.
pub(super) fn claimed_issuer(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, Some(payload), Some(_), None) = (parts.next()?, parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    Some(serde_json::from_slice::<Issuer>(&payload).ok()?.iss)
}

impl<'a> Parsed<'a> {
    /// Takes a token apart; `None` when it is no JWT.
    pub(super) fn new(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header = serde_json::from_slice(&decode(header)?).ok()?;
        Some(Self { header, message: message.as_bytes(), payload: decode(payload)?, signature: decode(signature)? })
    }

    /// The payload, when one of the keys signed it. The header's key id picks the keys; without one all are tried.
    pub(super) fn verified<T: DeserializeOwned>(&self, keys: &[VerifyingKey]) -> Result<T, AuthenticationError> {
        let kid = self.header.kid.as_str();
        let mut candidates = keys.iter().filter(|key| kid.is_empty() || key.id() == kid).peekable();
        if candidates.peek().is_none() {
            return Err(AuthenticationError::new("invalid signature, no keys found"));
        }
        let signed = self.header.crit.is_none()
            && candidates
                .any(|key| key.algorithm().name() == self.header.alg && key.verifies(self.message, &self.signature));
        if !signed {
            return Err(AuthenticationError::new("invalid signature"));
        }
        serde_json::from_slice(&self.payload)
            .map_err(|error| AuthenticationError(format!("the token's claims can't be read: {error}")))
    }
}

/// A token with these claims.
///
/// # Errors
/// When it can't be signed.
pub(super) fn sign<T: Serialize>(key: &SigningKey, claims: &T) -> Result<String, KeyError> {
    let verifying = key.verifying_key();
    let header = Header { alg: verifying.algorithm().name().to_owned(), kid: verifying.id().to_owned(), crit: None };
    let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
    let (Ok(header), Ok(payload)) = (part(serde_json::to_vec(&header)), part(serde_json::to_vec(claims))) else {
        return Err(KeyError::Sign);
    };
    let message = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes())?);
    Ok(format!("{message}.{signature}"))
}
