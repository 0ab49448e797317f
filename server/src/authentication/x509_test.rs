//! Certificates made on the spot, good ones and bad ones.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::OffsetDateTime;

use super::*;

const START: i64 = 1_750_000_000;
const HOUR: i64 = 3_600;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
}

fn params(subject: &[(DnType, &str)], days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in subject {
        params.distinguished_name.push(kind.clone(), DnValue::Utf8String((*value).to_owned()));
    }
    params.not_before = at(START);
    params.not_after = at(START + days * 24 * HOUR);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new(name: &str, days: i64) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = Self::params(name, days);
        let certificate = params.self_signed(&key).expect("a root").der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn params(name: &str, days: i64) -> CertificateParams {
        let mut params = params(&[(DnType::CommonName, name)], days);
        params.extended_key_usages.clear();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    }

    fn intermediate(&self, name: &str, days: i64) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = Self::params(name, days);
        let certificate = params.signed_by(&key, &self.issuer).expect("an intermediate").der().clone();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn sign(&self, params: &CertificateParams) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        params.signed_by(&key, &self.issuer).expect("a certificate").der().clone()
    }
}

fn ask(roots: &[&Authority], certificates: &[CertificateDer<'static>], seconds: i64) -> Outcome {
    let roots: Vec<CertificateDer<'_>> = roots.iter().map(|root| root.certificate.clone()).collect();
    let now = Timestamp::from_second(seconds).expect("a time");
    let evidence = Evidence { certificates, headers: &[], path: "/", now };
    authenticate(&ClientCas::new(&roots).expect("roots"), &evidence)
}

fn user(outcome: Outcome) -> UserInfo {
    outcome.expect("valid credentials").expect("an opinion").user
}

#[test]
fn the_subject_is_the_user() {
    let authority = Authority::new("ca", 10);
    let subject = [
        (DnType::OrganizationName, "system:masters"),
        (DnType::CommonName, "jane"),
        (DnType::CustomDnType(vec![2, 5, 4, 10]), "devs"),
        (DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]), "u-1"),
    ];
    let certificate = authority.sign(&params(&subject, 1));
    let user = user(ask(&[&authority], std::slice::from_ref(&certificate), START + HOUR));
    assert_eq!((user.name.as_str(), user.uid.as_str()), ("jane", "u-1"));
    assert_eq!(user.groups, ["system:masters", "devs"]);
    let id = user.single_extra(CREDENTIAL_ID_KEY).expect("an id");
    assert!(id.starts_with("X509SHA256=") && id.len() == 11 + 64, "{id}");
}

#[test]
fn no_certificate_and_no_name_are_no_opinion() {
    let authority = Authority::new("ca", 10);
    assert_eq!(ask(&[&authority], &[], START), Ok(None));
    let nameless = authority.sign(&params(&[(DnType::OrganizationName, "o")], 1));
    assert_eq!(ask(&[&authority], &[nameless], START + HOUR), Ok(None));
}

#[test]
fn several_roots_and_intermediates_are_followed() {
    let (old, new) = (Authority::new("old", 10), Authority::new("new", 10));
    let middle = new.intermediate("middle", 5);
    let certificate = middle.sign(&params(&[(DnType::CommonName, "jane")], 1));
    let chain = [certificate.clone(), middle.certificate.clone()];
    assert_eq!(user(ask(&[&old, &new], &chain, START + HOUR)).name, "jane");
    assert!(ask(&[&old, &new], &[certificate], START + HOUR).is_err(), "the intermediate is missing");
    assert!(ask(&[&old], &chain, START + HOUR).is_err(), "the root is missing");
}

#[test]
fn what_is_not_valid_now_is_refused() {
    let (short, long) = (Authority::new("ca", 1), Authority::new("ca2", 10));
    let name = [(DnType::CommonName, "jane")];
    for (authority, days, seconds, valid) in [
        (&long, 2, START - 1, false),
        (&long, 2, START, true),
        (&long, 2, START + 2 * 24 * HOUR - 1, true),
        (&long, 2, START + 2 * 24 * HOUR + 1, false),
        // A certificate that outlives its root ends with it.
        (&short, 2, START + 24 * HOUR - 1, true),
        (&short, 2, START + 24 * HOUR + 1, false),
    ] {
        let certificate = authority.sign(&params(&name, days));
        assert_eq!(ask(&[authority], &[certificate], seconds).is_ok(), valid, "{days} {}", seconds - START);
    }
}

#[test]
fn usages_other_than_client_authentication_are_refused() {
    let authority = Authority::new("ca", 10);
    for (usages, valid) in [
        (vec![ExtendedKeyUsagePurpose::ServerAuth], false),
        (vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth], true),
        (vec![], true),
    ] {
        let mut params = params(&[(DnType::CommonName, "jane")], 1);
        params.extended_key_usages.clone_from(&usages);
        let certificate = authority.sign(&params);
        assert_eq!(ask(&[&authority], &[certificate], START + HOUR).is_ok(), valid, "{usages:?}");
    }
}

#[test]
fn odd_uids_are_refused() {
    let authority = Authority::new("ca", 10);
    let uid = DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 57683, 2]);
    let certificate = authority.sign(&params(&[(DnType::CommonName, "jane"), (uid, "")], 1));
    let error = ask(&[&authority], &[certificate], START + HOUR).expect_err("an empty uid");
    assert_eq!(error.to_string(), "UID cannot be an empty string");
}

#[test]
fn a_verified_chain_is_remembered_as_long_as_it_is_valid() {
    let (authority, other) = (Authority::new("ca", 10), Authority::new("other", 10));
    let middle = authority.intermediate("middle", 2);
    let certificate = middle.sign(&params(&[(DnType::CommonName, "jane")], 5));
    let chain = [certificate.clone(), middle.certificate.clone()];
    let roots = ClientCas::new(std::slice::from_ref(&authority.certificate)).expect("roots");
    let at = |seconds: i64| Timestamp::from_second(START + seconds).expect("a time");
    let remembered = || roots.verified.lock().expect("not poisoned").windows.len();
    assert!(roots.verify(&chain[..1], at(HOUR)).is_err());
    assert_eq!(remembered(), 0, "what fails is not remembered");
    assert!(roots.verify(&chain, at(HOUR)).is_ok());
    assert!(roots.clone().verify(&chain, at(2 * HOUR)).is_ok());
    assert_eq!(remembered(), 1);
    // The intermediate ends first; it ends the chain, remembered or not.
    assert!(roots.verify(&chain, at(48 * HOUR + 1)).is_err());
    assert!(roots.verify(&chain, at(-1)).is_err());
    // Another chain, or other roots, know nothing of it.
    assert!(roots.verify(&chain[..1], at(HOUR)).is_err());
    assert!(ClientCas::new(&[other.certificate]).expect("roots").verify(&chain, at(HOUR)).is_err());
}

#[test]
fn no_more_chains_than_agreed_are_remembered() {
    let mut verified = Verified::default();
    for number in 0..REMEMBERED * 2 {
        let mut digest = Digest::default();
        digest[..8].copy_from_slice(&number.to_be_bytes());
        verified.remember(digest, Window { from: 0, until: 1 });
        verified.remember(digest, Window { from: 0, until: 2 });
    }
    assert_eq!((verified.windows.len(), verified.order.len()), (REMEMBERED, REMEMBERED));
}
