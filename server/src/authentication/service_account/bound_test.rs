//! Which bound tokens are accepted, who they are, and what refuses the others.

use super::super::fixture::{NOW, Objects, delete, es256, issuers, now, rs256, run};
use super::super::jwt::sign;
use super::super::key::SigningKey;
use super::*;

fn reference(name: &str) -> Option<Reference> {
    Some(Reference { name: name.into(), uid: format!("{name}-uid") })
}

fn claims() -> Claims {
    Claims {
        aud: vec!["api".into(), "other".into()],
        exp: Some(NOW + 600),
        iat: Some(NOW),
        nbf: Some(NOW),
        iss: "https://issuer".into(),
        jti: "id".into(),
        kubernetes: KubernetesClaims {
            namespace: "ns".into(),
            pod: reference("pod"),
            node: reference("node"),
            serviceaccount: reference("sa").expect("a reference"),
            ..KubernetesClaims::default()
        },
        sub: "system:serviceaccount:ns:sa".into(),
    }
}

fn ask(key: &SigningKey, objects: &Objects, claims: &Claims, audiences: &[&str]) -> Outcome {
    let audiences: Vec<String> = audiences.iter().map(ToString::to_string).collect();
    let token = sign(key, claims).expect("a token");
    run(authenticate(&issuers(&[key]), objects, &token, &audiences, now()))
}

#[test]
fn a_good_token_tells_who_and_where() {
    for key in [es256(), rs256()] {
        let found = ask(&key, &Objects::example(), &claims(), &["api"]).expect("valid").expect("an opinion");
        assert_eq!((found.user.name.as_str(), found.user.uid.as_str()), ("system:serviceaccount:ns:sa", "sa-uid"));
        assert_eq!(found.user.groups, ["system:serviceaccounts", "system:serviceaccounts:ns"]);
        let extra: Vec<(&str, &str)> =
            found.user.extra.iter().map(|(key, values)| (key.as_str(), &*values[0])).collect();
        let expected = [
            ("authentication.kubernetes.io/credential-id", "JTI=id"),
            ("authentication.kubernetes.io/node-name", "node"),
            ("authentication.kubernetes.io/node-uid", "node-uid"),
            ("authentication.kubernetes.io/pod-name", "pod"),
            ("authentication.kubernetes.io/pod-uid", "pod-uid"),
        ];
        assert_eq!(extra, expected);
        assert_eq!((found.audiences, found.annotations), (vec!["api".to_owned()], vec![]));
    }
}

#[test]
fn claims_are_checked() {
    type Change = fn(&mut Claims);
    let cases: &[(Change, &str)] = &[
        (|c| c.exp = Some(NOW - 61), "service account token has expired"),
        (|c| c.nbf = Some(NOW + 61), "service account token is not valid yet"),
        (|c| c.iat = Some(NOW + 61), "service account token is issued in the future"),
        (
            |c| c.aud = vec!["x".into(), "y".into()],
            r#"token audiences ["x" "y"] is invalid for the target audiences ["api"]"#,
        ),
        (|c| c.kubernetes.serviceaccount.uid = "old".into(), "service account UID (sa-uid) does not match claim (old)"),
        (|c| c.kubernetes.namespace = "other".into(), r#"serviceaccounts "sa" not found"#),
        (|c| c.kubernetes.pod = reference("gone"), "service account token has been invalidated"),
        (
            |c| c.kubernetes.pod = Some(Reference { name: "pod".into(), uid: "old".into() }),
            "pod UID (pod-uid) does not match service account pod ref claim (old)",
        ),
        (|c| c.kubernetes.secret = reference("gone"), "service account token has been invalidated"),
        (
            |c| (c.kubernetes.pod, c.kubernetes.node) = (None, reference("gone")),
            "service account token has been invalidated",
        ),
    ];
    let key = es256();
    for (change, expected) in cases {
        let mut claims = claims();
        change(&mut claims);
        let error = ask(&key, &Objects::example(), &claims, &["api"]).expect_err(expected);
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn a_minute_of_leeway_is_given() {
    type Change = fn(&mut Claims);
    let changes: &[Change] = &[
        |c| c.exp = Some(NOW - 60),
        |c| c.nbf = Some(NOW + 60),
        |c| (c.exp, c.nbf, c.iat) = (None, None, None),
        // A pod's token does not end with the node it names.
        |c| c.kubernetes.node = reference("gone"),
        |c| (c.kubernetes.pod, c.kubernetes.node) = (None, None),
        |c| c.kubernetes.secret = reference("secret"),
        |c| c.iss = "https://old".into(),
    ];
    let key = es256();
    for (number, change) in changes.iter().enumerate() {
        let mut claims = claims();
        change(&mut claims);
        assert!(matches!(ask(&key, &Objects::example(), &claims, &["api"]), Ok(Some(_))), "{number}");
    }
}

#[test]
fn a_token_outlives_its_objects_deletion_by_a_minute() {
    for (seconds, valid) in [(0, true), (60, true), (61, false)] {
        let key = es256();
        let mut objects = Objects::example();
        delete(&mut objects.pods.get_mut("ns/pod").expect("the pod").metadata, seconds);
        assert_eq!(ask(&key, &objects, &claims(), &["api"]).is_ok(), valid, "pod {seconds}");
        let mut objects = Objects::example();
        delete(&mut objects.accounts.get_mut("ns/sa").expect("the account").metadata, seconds);
        assert_eq!(ask(&key, &objects, &claims(), &["api"]).is_ok(), valid, "account {seconds}");
    }
}

#[test]
fn foreign_tokens_are_no_opinion() {
    let key = es256();
    let mut claims = claims();
    claims.iss = "https://elsewhere".into();
    assert_eq!(ask(&key, &Objects::example(), &claims, &["api"]), Ok(None));
    for token in ["", "abc", "a.b.c", "a.b", "a.b.c.d", "{\"payload\":1}", "abcdef.0123456789abcdef"] {
        let outcome = run(authenticate(&issuers(&[&key]), &Objects::example(), token, &[], now()));
        assert_eq!(outcome, Ok(None), "{token}");
    }
}

#[test]
fn forged_tokens_are_refused() {
    let (key, other) = (es256(), es256());
    let objects = Objects::example();
    let refused = |token: &str, known: &SigningKey| {
        run(authenticate(&issuers(&[known]), &objects, token, &["api".into()], now())).expect_err(token).to_string()
    };
    let token = sign(&key, &claims()).expect("a token");
    assert_eq!(refused(&token, &other), "invalid signature, no keys found");

    let parts: Vec<&str> = token.split('.').collect();
    let mut greedy = claims();
    greedy.kubernetes.serviceaccount.name = "admin".into();
    let forged = sign(&other, &greedy).expect("a token");
    let forged: Vec<&str> = forged.split('.').collect();
    assert_eq!(refused(&format!("{}.{}.{}", parts[0], forged[1], parts[2]), &key), "invalid signature");
    assert_eq!(refused(&format!("{}.{}.{}", parts[0], forged[1], forged[2]), &key), "invalid signature");
    assert_eq!(refused(&format!("{}.{}.", parts[0], parts[1]), &key), "invalid signature");

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"ES256","crit":["b64"]}"#]
    {
        let token = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), parts[1], parts[2]);
        assert_eq!(refused(&token, &key), "invalid signature", "{header}");
    }
}

#[test]
fn old_keys_stay_good_and_a_late_renewal_is_told() {
    let (old, new) = (rs256(), es256());
    let mut claims = claims();
    claims.kubernetes.warnafter = Some(NOW - 5);
    let token = sign(&old, &claims).expect("a token");
    let found = run(authenticate(&issuers(&[&new, &old]), &Objects::example(), &token, &["api".into()], now()));
    let annotations = found.expect("valid").expect("an opinion").annotations;
    let text = "subject: system:serviceaccount:ns:sa, seconds after warning threshold: 5";
    assert_eq!(annotations, [("authentication.k8s.io/stale-token", text.to_owned())]);
}

#[test]
fn dates_and_audiences_are_read_in_every_form() {
    let read = |json: &str| serde_json::from_str::<Claims>(json).expect(json);
    assert_eq!(read(r#"{"aud":"a","exp":1.9}"#).aud, ["a"]);
    assert_eq!(read(r#"{"aud":["a","b"],"exp":1.9}"#).exp, Some(1));
    assert!(serde_json::to_string(&claims()).expect("json").contains("\"exp\":1750000600,"));
}
