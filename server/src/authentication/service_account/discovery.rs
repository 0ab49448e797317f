//! The documents by which anybody can check ServiceAccount tokens: OpenID discovery and the JSON Web Key Set.
//!
//! Source: OpenID Connect Discovery 1.0, RFC 7517, KEP-1393.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::key::{Material, VerifyingKey};

/// Where the discovery document is served.
pub const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
/// Where the key set is served.
pub const KEY_SET_PATH: &str = "/openid/v1/jwks";
/// The content type of the key set; the discovery document is `application/json`.
pub const KEY_SET_CONTENT_TYPE: &str = "application/jwk-set+json";
/// How long either may be cached, in seconds.
pub const MAX_AGE_SECONDS: u32 = 3_600;

#[derive(Serialize)]
struct Configuration<'a> {
    issuer: &'a str,
    jwks_uri: &'a str,
    response_types_supported: [&'a str; 1],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: Vec<&'a str>,
}

#[derive(Serialize)]
struct KeySet<'a> {
    keys: Vec<Key<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    r#use: &'a str,
    kty: &'a str,
    kid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'a str>,
    alg: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
}

/// The discovery document of `issuer`, or `None` when the issuer is no `https` URL or has a query or a fragment:
/// then upstream serves none either. `key_set_url` is where clients find the key set.
pub fn configuration(issuer: &str, key_set_url: &str, keys: &[VerifyingKey]) -> Option<Vec<u8>> {
    let plain = issuer.starts_with("https://") && !issuer.contains(['?', '#']) && key_set_url.starts_with("https://");
    if !plain || keys.is_empty() {
        return None;
    }
    let mut algorithms: Vec<&str> = keys.iter().map(|key| key.algorithm().name()).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let document = Configuration {
        issuer,
        jwks_uri: key_set_url,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
    };
    serde_json::to_vec(&document).ok()
}

/// The key set.
pub fn key_set(keys: &[VerifyingKey]) -> Vec<u8> {
    let encode = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
    let keys = keys.iter().map(|key| {
        let alg = key.algorithm().name();
        let blank = Key { r#use: "sig", kty: "", kid: key.id(), crv: None, alg, x: None, y: None, n: None, e: None };
        match key.material() {
            Material::P256 { point } => {
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                Key { kty: "EC", crv: Some("P-256"), x, y, ..blank }
            }
            Material::Rsa { modulus, exponent, .. } => {
                Key { kty: "RSA", n: encode(modulus), e: encode(exponent), ..blank }
            }
        }
    });
    serde_json::to_vec(&KeySet { keys: keys.collect() }).expect("strings are JSON")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{es256, rs256};
    use super::*;

    #[test]
    fn documents_have_upstreams_form() {
        let (ec, rsa) = (es256().verifying_key().clone(), rs256().verifying_key().clone());
        let keys = [rsa.clone(), ec.clone()];
        let url = "https://example.org/openid/v1/jwks";
        let document = configuration("https://example.org", url, &keys).expect("a document");
        let expected = format!(
            "{{\"issuer\":\"https://example.org\",\"jwks_uri\":\"{url}\",\"response_types_supported\":[\"id_token\"],\
             \"subject_types_supported\":[\"public\"],\"id_token_signing_alg_values_supported\":[\"ES256\",\"RS256\"]}}"
        );
        assert_eq!(String::from_utf8(document).expect("text"), expected);
        for issuer in ["http://example.org", "https://example.org?a=b", "https://example.org#a", "issuer"] {
            assert_eq!(configuration(issuer, url, &keys), None, "{issuer}");
        }

        let text = String::from_utf8(key_set(&keys)).expect("text");
        let start = format!(
            "{{\"keys\":[{{\"use\":\"sig\",\"kty\":\"RSA\",\"kid\":\"{}\",\"alg\":\"RS256\",\"n\":\"",
            rsa.id()
        );
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains("\"e\":\"AQAB\"}"), "{text}");
        let ec_start = format!(
            "{{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"{}\",\"crv\":\"P-256\",\"alg\":\"ES256\",\"x\":\"",
            ec.id()
        );
        assert!(text.contains(&ec_start), "{text}");
    }
}
