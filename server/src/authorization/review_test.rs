//! What reviews ask, what answers them, and what refuses them.

use serde_json::json;

use super::*;

fn subject(spec: &serde_json::Value) -> SubjectAccessReview {
    serde_json::from_value(json!({"spec": spec, "metadata": {}})).expect("a review")
}

fn errors<T: std::fmt::Debug>(result: Result<T, ReviewError>) -> Vec<String> {
    match result.expect_err("refused") {
        ReviewError::BadRequest(text) => vec![text],
        ReviewError::Invalid(errors) => {
            errors.iter().map(|e| format!("{:?} {}: {}", e.kind, e.path, e.detail)).collect()
        }
    }
}

#[test]
fn a_review_is_a_question() {
    let review = subject(&json!({
        "user": "jane", "uid": "u", "groups": ["g"], "extra": {"k": ["v"]},
        "resourceAttributes": {"verb": "get", "group": "apps", "resource": "deployments", "subresource": "scale",
            "namespace": "ns", "name": "d", "fieldSelector": {"rawSelector": "spec.nodeName=n"},
            "labelSelector": {"requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}}
    }));
    let Question { attributes, left_out } = subject_access(&review).expect("a question");
    assert_eq!((attributes.user.name.as_str(), attributes.user.uid.as_str()), ("jane", "u"));
    assert_eq!((attributes.user.groups.as_slice(), attributes.user.extra.len()), (&["g".to_owned()][..], 1));
    assert_eq!(
        (attributes.verb.as_str(), attributes.api_version.as_str(), attributes.name.as_str()),
        ("get", "*", "d")
    );
    assert_eq!((attributes.subresource.as_str(), attributes.namespace.as_str()), ("scale", "ns"));
    let field = FieldRequirement { field: "spec.nodeName".into(), equals: true, value: "n".into() };
    assert_eq!(attributes.field_selector, Ok(vec![field]));
    let label = LabelRequirement { key: "a".into(), operator: LabelOperator::In, values: vec!["b".into()] };
    assert_eq!((attributes.label_selector, left_out), (Ok(vec![label]), vec![]));

    let review = subject(&json!({"groups": ["g"], "nonResourceAttributes": {"verb": "get", "path": "/x"}}));
    let Question { attributes, .. } = subject_access(&review).expect("a question");
    assert_eq!((attributes.path.as_str(), attributes.is_resource_request), ("/x", false));
}

#[test]
fn what_selectors_leave_out_is_told() {
    let review = subject(&json!({"user": "u", "resourceAttributes": {
        "fieldSelector": {"requirements": [
            {"key": "a", "operator": "In", "values": ["b"]}, {"key": "a", "operator": "Exists"}]},
        "labelSelector": {"rawSelector": "!!"}}}));
    let question = subject_access(&review).expect("a question");
    let status = question.answer(Verdict { error: Some("oops".into()), ..Verdict::no_opinion("why") });
    let text = "oops; spec.resourceAttributes.fieldSelector partially ignored due to parse error; \
                spec.resourceAttributes.labelSelector ignored due to parse error";
    assert_eq!(status.evaluation_error.as_deref(), Some(text));
    assert_eq!((status.allowed, status.denied, status.reason.as_deref()), (false, None, Some("why")));
    let denied = question.answer(Verdict::deny(""));
    assert_eq!((denied.allowed, denied.denied, denied.reason), (false, Some(true), None));
}

#[test]
fn wrong_reviews_are_refused_in_upstreams_words() {
    let one_of = "Invalid spec: exactly one of nonResourceAttributes or resourceAttributes must be specified";
    let nobody = "Invalid spec.user: at least one of user or group must be specified";
    assert_eq!(errors(subject_access(&subject(&json!({})))), [one_of, nobody]);
    let both = json!({"user": "u", "resourceAttributes": {}, "nonResourceAttributes": {}});
    assert_eq!(errors(subject_access(&subject(&both))), [one_of]);
    let mut named = subject(&json!({"user": "u", "resourceAttributes": {}}));
    named.metadata.name = Some("n".into());
    assert_eq!(errors(subject_access(&named)), ["Invalid metadata: must be empty"]);
    let selectors = json!({"user": "u", "resourceAttributes": {
        "fieldSelector": {"rawSelector": "a=b", "requirements": [{"key": "", "operator": "In"}]},
        "labelSelector": {}}});
    let expected = [
        "Invalid spec.resourceAttributes.fieldSelector.rawSelector: may not specified at the same time as requirements",
        "Required spec.resourceAttributes.fieldSelector.requirements[0].key: must be specified",
        "Required spec.resourceAttributes.fieldSelector.requirements[0].values: must be specified when `operator` is 'In' or 'NotIn'",
        "Required spec.resourceAttributes.labelSelector.requirements: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required",
    ];
    assert_eq!(errors(subject_access(&subject(&selectors))), expected);
}

#[test]
fn local_reviews_stay_in_their_namespace() {
    let review = |own: &str, asked: serde_json::Value| -> LocalSubjectAccessReview {
        let metadata = if own.is_empty() { json!({}) } else { json!({"namespace": own}) };
        let mut spec = asked;
        spec["user"] = json!("u");
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("a review")
    };
    let pods = |namespace: &str| json!({"resourceAttributes": {"resource": "pods", "namespace": namespace}});
    assert!(local_subject_access(&review("ns", pods("ns")), "ns").is_ok());
    assert_eq!(
        errors(local_subject_access(&review("ns", pods("other")), "ns")),
        ["Invalid spec.resourceAttributes.namespace: must match metadata.namespace"]
    );
    assert_eq!(
        errors(local_subject_access(&review("other", pods("other")), "ns")),
        ["spec.resourceAttributes.namespace must match namespace: ns"]
    );
    assert_eq!(
        errors(local_subject_access(&review("ns", json!({"nonResourceAttributes": {"path": "/"}})), "ns")),
        ["Invalid spec.nonResourceAttributes: disallowed on this kind of request"]
    );
}

#[test]
fn users_are_shown_as_they_are() {
    let mut user = UserInfo::new("jane", ["g"]);
    user.extra.insert("k".into(), vec!["v".into()]);
    let shown = serde_json::to_value(self_subject(&user, Timestamp::UNIX_EPOCH)).expect("json");
    let info = json!({"username": "jane", "groups": ["g"], "extra": {"k": ["v"]}});
    assert_eq!(shown["status"]["userInfo"], info);
    let found = Authenticated { audiences: vec!["api".into()], ..Authenticated::new(user) };
    let status = serde_json::to_value(token_status(Ok(found))).expect("json");
    assert_eq!(status, json!({"authenticated": true, "audiences": ["api"], "user": info}));
    let status = serde_json::to_value(token_status(Err(AuthenticationError::new("bad")))).expect("json");
    assert_eq!(status, json!({"error": "bad", "user": {}}));
    assert_eq!(errors(rules_namespace(Some(""))), ["no namespace on request"]);
    let review = TokenReview::default();
    assert_eq!(errors(reviewed_token(&review)), ["token is required for TokenReview in authentication"]);
}

#[test]
fn own_reviews_are_about_the_sender() {
    let review: SelfSubjectAccessReview =
        serde_json::from_value(json!({"metadata": {}, "spec": {"resourceAttributes": {"verb": "get"}}}))
            .expect("a review");
    let question = self_subject_access(&review, Arc::new(UserInfo::new("me", ["g"]))).expect("a question");
    assert_eq!(question.attributes.user.name, "me");
}
