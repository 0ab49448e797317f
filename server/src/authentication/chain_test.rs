//! Who comes in, with what.

use super::super::service_account::fixture::{Objects, es256, issuers, metadata, now, run};
use super::*;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

fn chain(anonymous: Anonymous) -> Chain {
    let mut objects = Objects::example();
    let data =
        [("token-id", "abcdef"), ("token-secret", "0123456789abcdef"), ("usage-bootstrap-authentication", "true")];
    let secret = Secret {
        metadata: metadata("kube-system", "bootstrap-token-abcdef"),
        type_: Some("bootstrap.kubernetes.io/token".into()),
        data: Some(data.map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).into()),
        ..Secret::default()
    };
    objects.secrets.insert("kube-system/bootstrap-token-abcdef".into(), secret);
    Chain {
        request_header: None,
        client_cas: None,
        tokens: TokenAuthenticators {
            issuers: issuers(&[&es256()]),
            objects: Arc::new(objects),
            bootstrap: true,
            cache: TokenCache::new().expect("a cache"),
        },
        anonymous,
    }
}

fn ask(chain: &Chain, path: &str, headers: &[(&str, &str)]) -> Result<Option<(String, Vec<String>)>, String> {
    let evidence = Evidence { certificates: &[], headers, path, now: now() };
    let outcome = run(chain.authenticate(&evidence)).map_err(|error| error.to_string())?;
    Ok(outcome.map(|found| (found.user.name, found.user.groups)))
}

#[test]
fn no_credentials_are_anonymous_where_that_is_allowed() {
    let nobody = Some(("system:anonymous".to_owned(), vec!["system:unauthenticated".to_owned()]));
    let only = || Anonymous::OnlyPaths(vec!["/livez".into()]);
    for (anonymous, path, expected) in [
        (Anonymous::Everywhere, "/api", nobody.clone()),
        (Anonymous::Nobody, "/livez", None),
        (only(), "/livez", nobody),
        (only(), "/livez/", None),
        (only(), "/api", None),
    ] {
        assert_eq!(ask(&chain(anonymous), path, &[]), Ok(expected), "{path}");
    }
}

#[test]
fn wrong_credentials_are_never_anonymous() {
    for value in ["Bearer wrong", "Bearer abcdef.0000000000000000"] {
        let refused = ask(&chain(Anonymous::Everywhere), "/livez", &[("Authorization", value)]);
        assert_eq!(refused, Err("invalid bearer token".into()));
    }
    // Another scheme is no credential at all.
    let basic = ask(&chain(Anonymous::Everywhere), "/", &[("Authorization", "Basic YTpi")]);
    assert_eq!(basic.map(|found| found.map(|(name, _)| name)), Ok(Some("system:anonymous".into())));
}

#[test]
fn a_good_token_joins_the_authenticated() {
    let chain = chain(Anonymous::Everywhere);
    let groups = ["system:bootstrappers", "system:authenticated"].map(str::to_owned).to_vec();
    let expected = Ok(Some(("system:bootstrap:abcdef".to_owned(), groups)));
    let header = ("Authorization", "Bearer abcdef.0123456789abcdef");
    assert_eq!(ask(&chain, "/", &[header]), expected);
    assert_eq!(ask(&chain, "/", &[header]), expected, "from the cache");
    let protocol = "base64url.bearer.authorization.k8s.io.YWJjZGVmLjAxMjM0NTY3ODlhYmNkZWY, v5.channel.k8s.io";
    let socket = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", protocol)];
    assert_eq!(ask(&chain, "/", &socket), expected);
}

#[test]
fn reviews_ask_for_audiences() {
    let chain = chain(Anonymous::Everywhere);
    let token = "abcdef.0123456789abcdef";
    let review = |token: &str, audiences: &[&str]| {
        let audiences: Vec<String> = audiences.iter().map(ToString::to_string).collect();
        run(chain.review(token, &audiences, now())).map(|found| found.audiences).map_err(|error| error.to_string())
    };
    assert_eq!(review(token, &[]), Ok(vec!["api".into()]));
    assert_eq!(review(token, &["other", "api"]), Ok(vec!["api".into()]));
    assert_eq!(review(token, &["other"]), Err("invalid bearer token".into()));
    assert_eq!(review("wrong", &[]), Err("invalid bearer token".into()));
}

#[test]
fn identity_headers_are_kept_from_handlers() {
    let chain = chain(Anonymous::Everywhere);
    for (name, owned) in
        [("x-remote-user", true), ("X-Remote-Extra-Scopes", true), ("x-remote", false), ("accept", false)]
    {
        assert_eq!(chain.owns_header(name), owned, "{name}");
    }
}
