//! Legacy tokens and their Secrets.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::json;

use super::super::fixture::{Objects, delete, es256, issuers, now, run};
use super::super::jwt::sign;
use super::super::key::SigningKey;
use super::*;

fn token(key: &SigningKey, change: &[(&str, &str)]) -> String {
    let mut claims = json!({
        "iss": LEGACY_ISSUER,
        "sub": "system:serviceaccount:ns:sa",
        "kubernetes.io/serviceaccount/namespace": "ns",
        "kubernetes.io/serviceaccount/secret.name": "secret",
        "kubernetes.io/serviceaccount/service-account.name": "sa",
        "kubernetes.io/serviceaccount/service-account.uid": "sa-uid",
    });
    for (name, value) in change {
        claims[*name] = json!(value);
    }
    sign(key, &claims).expect("a token")
}

fn objects(token: &str) -> Objects {
    let mut objects = Objects::example();
    let secret = objects.secrets.get_mut("ns/secret").expect("the secret");
    secret.data = Some([("token".to_owned(), ByteString(token.as_bytes().to_vec()))].into());
    objects
}

fn ask(key: &SigningKey, objects: &Objects, token: &str) -> Outcome {
    run(authenticate(&issuers(&[key]), objects, token, &["api".into()], now()))
}

#[test]
fn a_token_that_its_secret_holds_is_accepted() {
    let key = es256();
    let token = token(&key, &[]);
    let mut objects = objects(&token);
    let found = ask(&key, &objects, &token).expect("valid").expect("an opinion");
    assert_eq!((found.user.name.as_str(), found.user.uid.as_str()), ("system:serviceaccount:ns:sa", "sa-uid"));
    assert_eq!((found.user.extra.len(), found.audiences), (0, vec!["api".to_owned()]));
    assert_eq!(found.annotations[1], (MANUAL_ANNOTATION, "secret".to_owned()));
    assert_eq!(found.warnings, [""; 0]);

    let reference = ObjectReference { name: Some("secret".into()), ..ObjectReference::default() };
    objects.accounts.get_mut("ns/sa").expect("the account").secrets = Some(vec![reference]);
    let found = ask(&key, &objects, &token).expect("valid").expect("an opinion");
    assert_eq!(found.annotations[1], (GENERATED_ANNOTATION, "secret".to_owned()));
    assert_eq!(found.warnings.len(), 1);
}

#[test]
fn claims_and_objects_are_checked() {
    let key = es256();
    let private = "kubernetes.io/serviceaccount/";
    for (name, value, expected) in [
        ("sub".to_owned(), "", "sub claim is missing"),
        ("sub".to_owned(), "system:serviceaccount:ns:other", "sub claim is invalid"),
        (format!("{private}namespace"), "", "namespace claim is missing"),
        (format!("{private}secret.name"), "", "secretName claim is missing"),
        (format!("{private}service-account.name"), "", "serviceAccountName claim is missing"),
        (format!("{private}service-account.uid"), "", "serviceAccountUID claim is missing"),
        (format!("{private}service-account.uid"), "x", "ServiceAccount UID (sa-uid) does not match claim (x)"),
        (format!("{private}secret.name"), "gone", "Token has been invalidated"),
    ] {
        let token = token(&key, &[(&name, value)]);
        assert_eq!(ask(&key, &objects(&token), &token).expect_err(expected).to_string(), expected);
    }
    let token = token(&key, &[]);
    assert_eq!(
        ask(&key, &objects("another"), &token).expect_err("other").to_string(),
        "Token does not match server's copy"
    );
    let mut deleted = objects(&token);
    delete(&mut deleted.secrets.get_mut("ns/secret").expect("the secret").metadata, 0);
    assert_eq!(ask(&key, &deleted, &token).expect_err("deleted").to_string(), "Token has been invalidated");
    let mut invalid = objects(&token);
    let metadata = &mut invalid.secrets.get_mut("ns/secret").expect("the secret").metadata;
    metadata.labels = Some([(INVALID_SINCE_LABEL.to_owned(), "2026-01-01".to_owned())].into());
    assert!(ask(&key, &invalid, &token).expect_err("invalid").to_string().contains("has been marked invalid"));
}
