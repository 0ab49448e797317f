//! Keys as PEM, their ids, and what they sign.

use super::super::fixture::rs256;
use super::*;

/// Made for these tests; it protects nothing.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgWi4Zk5zuF8B6jxj7\n\
wv4lAqyxriyY3XnMiOi4ob5WanmhRANCAAT9oyaAueDaKRtgLMUKObsZFdm6oEJY\n\
CGrwSlX1IbKIF2I9rTtGn/h9sXq7uV2rHcs/WFThe/hQqhbSwhhtdLJq\n\
-----END PRIVATE KEY-----\n\
";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/aMmgLng2ikbYCzFCjm7GRXZuqBC\n\
WAhq8EpV9SGyiBdiPa07Rp/4fbF6u7ldqx3LP1hU4Xv4UKoW0sIYbXSyag==\n\
-----END PUBLIC KEY-----\n\
";

#[test]
fn ids_are_those_of_other_tools() {
    // openssl pkey -pubout -outform DER | openssl dgst -sha256 -binary, in base64url.
    let key = SigningKey::from_pem(PRIVATE.as_bytes()).expect("a key");
    assert_eq!(key.verifying_key().id(), "zNlhK_f29Myxo2Xb9KBu9NOZBmC-BJxKTjCPPdj54Xk");
    assert_eq!(key.verifying_key().algorithm(), Algorithm::Es256);
    assert_eq!(rs256().verifying_key().id(), "rICbmAvcHHKqMnB_8ZBF5dtnk-UzUhn3ClrN19I6eZU");
    assert_eq!(rs256().verifying_key().algorithm(), Algorithm::Rs256);
    let both = VerifyingKey::all_from_pem(format!("{PUBLIC}{PRIVATE}").as_bytes()).expect("keys");
    assert_eq!(both, [key.verifying_key().clone(), key.verifying_key().clone()]);
}

#[test]
fn a_key_verifies_its_own_signatures_only() {
    let ec = SigningKey::from_pem(PRIVATE.as_bytes()).expect("a key");
    for (key, other) in [(&ec, &rs256()), (&rs256(), &ec)] {
        let signature = key.sign(b"message").expect("a signature");
        assert!(key.verifying_key().verifies(b"message", &signature));
        assert!(!key.verifying_key().verifies(b"massage", &signature));
        assert!(!key.verifying_key().verifies(b"message", &signature[1..]));
        assert!(!other.verifying_key().verifies(b"message", &signature));
    }
    assert!(!format!("{ec:?}").contains("pair"), "a key is never printed");
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(SigningKey::from_pem(text.as_bytes()), Err(KeyError::NoPem)), "{text}");
        assert!(matches!(VerifyingKey::all_from_pem(text.as_bytes()), Err(KeyError::NoPem)), "{text}");
    }
    let broken = PRIVATE.replace("MIGH", "MIGI");
    assert!(matches!(SigningKey::from_pem(broken.as_bytes()), Err(KeyError::Unsupported)));
    let mut der = rsa_spki(&[1, 2, 3]);
    assert!(VerifyingKey::from_spki(&der).is_err());
    der.push(0);
    assert!(VerifyingKey::from_spki(&der).is_err());
}
