//! What a TokenRequest gives.

use k8s_openapi::api::authentication::v1::TokenRequestSpec;

use super::super::bound::{Issuers, authenticate};
use super::super::fixture::{NOW, Objects, es256, issuers, now, run};
use super::*;

fn issuer() -> Issuer {
    Issuer {
        name: "https://issuer".into(),
        key: Arc::new(es256()),
        api_audiences: vec!["api".into()],
        max_expiration_seconds: None,
        extends: true,
    }
}

fn request(seconds: Option<i64>, audiences: &[&str], bound: Option<(&str, &str, &str)>) -> TokenRequest {
    let bound_object_ref = bound.map(|(kind, name, uid)| BoundObjectReference {
        api_version: Some("v1".into()),
        kind: Some(kind.into()),
        name: Some(name.into()),
        uid: (!uid.is_empty()).then(|| uid.into()),
    });
    let audiences = Some(audiences.iter().map(ToString::to_string).collect());
    let spec = TokenRequestSpec { audiences, bound_object_ref, expiration_seconds: seconds, ..Default::default() };
    TokenRequest { metadata: ObjectMeta::default(), spec: Some(spec), status: None }
}

fn ask(issuer: &Issuer, request: TokenRequest) -> Result<Issued, IssueError> {
    let objects = Objects::example();
    run(issue(issuer, &objects, &objects.accounts["ns/sa"], request, now()))
}

fn token(issued: &Issued) -> &str {
    issued.request.status.as_ref().and_then(|status| status.token.as_deref()).expect("a token")
}

fn claims(issuer: &Issuer, issued: &Issued) -> Claims {
    let Issuers { keys, .. } = issuers(&[&issuer.key]);
    jwt::Parsed::new(token(issued)).expect("a token").verified(&keys).expect("our signature")
}

#[test]
fn defaults_are_filled_in() {
    let issuer = issuer();
    let issued = ask(&issuer, request(None, &[], None)).expect("a token");
    let claims = claims(&issuer, &issued);
    assert_eq!((claims.aud.as_slice(), claims.exp, claims.nbf), (&["api".to_owned()][..], Some(NOW + 3600), Some(NOW)));
    assert_eq!(claims.sub, "system:serviceaccount:ns:sa");
    assert_eq!(issued.credential_id, format!("JTI={}", claims.jti));
    let metadata = &issued.request.metadata;
    assert_eq!((metadata.name.as_deref(), metadata.uid.as_deref()), (Some("sa"), Some("sa-uid")));
    assert_eq!(issued.request.spec.as_ref().and_then(|spec| spec.expiration_seconds), Some(3600));
    let objects = Objects::example();
    let found = run(authenticate(&issuers(&[&issuer.key]), &objects, token(&issued), &["api".into()], now()));
    assert!(matches!(found, Ok(Some(_))));
}

#[test]
fn only_a_pods_default_token_for_the_api_server_is_extended() {
    let pod = Some(("Pod", "pod", "pod-uid"));
    for (seconds, audiences, bound, extends, life, warns) in [
        (3607, &[][..], pod, true, EXTENSION_SECONDS, true),
        (3607, &["api"], pod, true, EXTENSION_SECONDS, true),
        (3607, &["api", "x"], pod, true, 3607, false),
        (3607, &[], None, true, 3607, false),
        (3600, &[], pod, true, 3600, false),
        (3607, &[], pod, false, 3607, false),
    ] {
        let issuer = Issuer { extends, ..issuer() };
        let issued = ask(&issuer, request(Some(seconds), audiences, bound)).expect("a token");
        let claims = claims(&issuer, &issued);
        assert_eq!(claims.exp, Some(NOW + life), "{seconds} {audiences:?}");
        assert_eq!(claims.kubernetes.warnafter, warns.then_some(NOW + 3607));
        let expires = issued.request.status.and_then(|status| status.expiration_timestamp).expect("a time");
        assert_eq!(expires.0.as_second(), NOW + seconds, "the client is told what it asked for");
    }
}

#[test]
fn bound_objects_are_named_with_their_uids() {
    let issuer = issuer();
    let reference = |name: &str| Some(Reference { name: name.into(), uid: format!("{name}-uid") });
    for (kind, name, expected) in [
        ("Pod", "pod", [reference("pod"), reference("node"), None]),
        ("Node", "node", [None, reference("node"), None]),
        ("Secret", "secret", [None, None, reference("secret")]),
    ] {
        let issued = ask(&issuer, request(Some(600), &[], Some((kind, name, "")))).expect("a token");
        let KubernetesClaims { pod, node, secret, .. } = claims(&issuer, &issued).kubernetes;
        assert_eq!([pod, node, secret], expected);
    }
}

#[test]
fn wrong_requests_are_refused_in_upstreams_words() {
    let invalid = |value: i64, detail| {
        IssueError::Invalid(vec![InvalidField { path: "spec.expirationSeconds", value: value.to_string(), detail }])
    };
    let big = (1_i64 << 32) + 1;
    let wrong_account =
        "cannot bind token for serviceaccount \"sa\" to pod running with different serviceaccount name.";
    let cases = [
        (request(Some(599), &[], None), invalid(599, "may not specify a duration less than 10 minutes")),
        (request(Some(big), &[], None), invalid(big, "may not specify a duration larger than 2^32 seconds")),
        (
            request(None, &[], Some(("ConfigMap", "c", ""))),
            IssueError::BadRequest("cannot bind token to object of type /v1, Kind=ConfigMap".into()),
        ),
        (request(None, &[], Some(("Pod", "gone", ""))), IssueError::NotFound { resource: "pods", name: "gone".into() }),
        (
            request(None, &[], Some(("Pod", "pod", "old"))),
            IssueError::Conflict {
                group: "",
                kind: "Pod",
                name: "pod".into(),
                detail: "the UID in the bound object reference (old) does not match the UID in record. The object \
                         might have been deleted and then recreated"
                    .into(),
            },
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(ask(&issuer(), request), Err(expected));
    }
    let mut objects = Objects::example();
    objects.pods.get_mut("ns/pod").and_then(|pod| pod.spec.as_mut()).expect("a pod").service_account_name = None;
    let request = request(None, &[], Some(("Pod", "pod", "")));
    let refused = run(issue(&issuer(), &objects, &objects.accounts["ns/sa"], request, now()));
    assert_eq!(refused, Err(IssueError::BadRequest(wrong_account.into())));
}

#[test]
fn a_limit_shortens_and_warns() {
    let issuer = Issuer { max_expiration_seconds: Some(1200), ..issuer() };
    let issued = ask(&issuer, request(Some(3600), &[], None)).expect("a token");
    assert_eq!(issued.warnings, ["requested expiration of 3600 seconds shortened to 1200 seconds"]);
    assert_eq!(claims(&issuer, &issued).exp, Some(NOW + 1200));
}
