//! What is asked for which headers, who results, and the words of the refusals.

use std::sync::Mutex;

use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::authorization::authorizer::Verdict;

/// Allows what its list names and keeps what it was asked.
struct Listed {
    allowed: Vec<&'static str>,
    asked: Mutex<Vec<String>>,
}

impl Authorizer for Listed {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        let Attributes { verb, api_group, resource, subresource, namespace, name, .. } = attributes;
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
        let text = format!("{verb} {resource}{sub}.{api_group} {place}{name}");
        let allowed = self.allowed.iter().any(|allowed| *allowed == text || text.starts_with(&format!("{allowed} ")));
        self.asked.lock().expect("one thread").push(text);
        if allowed { Verdict::allow("") } else { Verdict::no_opinion("") }
    }
}

fn evidence<'a>(headers: &'a [(&'a str, &'a str)]) -> Evidence<'a> {
    Evidence { certificates: &[], headers, path: "/", now: Timestamp::UNIX_EPOCH }
}

fn ask(
    allowed: &[&'static str],
    requester: UserInfo,
    headers: &[(&str, &str)],
) -> (Result<Impersonated, String>, Vec<String>) {
    let authorizer = Listed { allowed: allowed.to_vec(), asked: Mutex::default() };
    let attributes = Attributes::resource(Arc::new(requester), "list", "", "pods").in_namespace("ns");
    let wanted = wanted_user(&evidence(headers)).expect("good headers").expect("a user");
    let result = impersonate(&authorizer, &attributes, &wanted).map_err(|error| error.to_string());
    (result, authorizer.asked.into_inner().expect("one thread"))
}

fn requester() -> UserInfo {
    UserInfo::new("me", ["system:authenticated"])
}

fn user(result: Result<Impersonated, String>) -> (String, Vec<String>, &'static str) {
    let Impersonated { user, constraint } = result.expect("allowed");
    (user.name, user.groups, constraint)
}

#[test]
fn headers_are_read() {
    assert_eq!(wanted_user(&evidence(&[("X", "y")])), Ok(None));
    let headers = [
        ("impersonate-user", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "u"),
        ("Impersonate-Extra-Acme.com%2fproject", "p"),
    ];
    let wanted = wanted_user(&evidence(&headers)).expect("good headers").expect("a user");
    let expected = UserInfo {
        uid: "u".into(),
        extra: [("acme.com/project".to_owned(), vec!["p".to_owned()])].into(),
        ..UserInfo::new("jane", ["a", "b"])
    };
    assert_eq!(wanted, expected);
    assert!(headers.iter().all(|(name, _)| owns(name)) && !owns("Impersonate"));
    let refused = wanted_user(&evidence(&[("Impersonate-Group", "a"), ("Impersonate-Group", "b")]));
    let text = r#"requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"a", "b"}, Extra:map[string][]string(nil)} without impersonating a user name"#;
    assert_eq!(refused, Err(ImpersonationError::BadRequest(text.into())));
}

#[test]
fn the_old_verb_asks_for_each_part() {
    let headers = [
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Uid", "u"),
        ("Impersonate-Extra-Acme.com%2fproject", "p"),
    ];
    let allowed = [
        "impersonate users. jane",
        "impersonate uids.authentication.k8s.io u",
        "impersonate groups. a",
        "impersonate userextras/acme.com/project.authentication.k8s.io p",
    ];
    let (result, asked) = ask(&allowed, requester(), &headers);
    assert_eq!(asked[0], "impersonate-on:user-info:list pods. ns/", "the constrained mode is tried first");
    assert_eq!(asked[1..], allowed);
    let groups = ["a", "system:authenticated"].map(str::to_owned).to_vec();
    assert_eq!(user(result), ("jane".into(), groups, ""));
}

#[test]
fn groups_follow_from_the_name() {
    let all = ["impersonate users.", "impersonate serviceaccounts.", "impersonate groups."];
    let sa = "system:serviceaccount:ns:sa";
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("jane", &[], &["system:authenticated"]),
        ("jane", &["system:unauthenticated"], &["system:unauthenticated"]),
        ("system:anonymous", &[], &["system:unauthenticated"]),
        ("system:anonymous", &["g"], &["g", "system:unauthenticated"]),
        (sa, &[], &["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"]),
        (sa, &["g"], &["g", "system:authenticated"]),
        ("system:node:n", &[], &["system:authenticated"]),
        ("jane", &["system:masters"], &["system:masters", "system:authenticated"]),
    ];
    for (name, groups, expected) in cases {
        let mut headers = vec![("Impersonate-User", *name)];
        headers.extend(groups.iter().map(|group| ("Impersonate-Group", *group)));
        let (name, groups, constraint) = user(ask(&all, requester(), &headers).0);
        assert_eq!((groups, constraint), (expected.iter().map(ToString::to_string).collect(), ""), "{name}");
    }
}

#[test]
fn constrained_modes_need_both_rights() {
    let node = [("Impersonate-User", "system:node:n")];
    let on = "impersonate-on:arbitrary-node:list pods. ns/";
    let as_node = "impersonate:arbitrary-node nodes.authentication.k8s.io n";
    let (result, asked) = ask(&[on, as_node], requester(), &node);
    let groups = ["system:nodes", "system:authenticated"].map(str::to_owned).to_vec();
    assert_eq!(user(result), ("system:node:n".into(), groups, "impersonate:arbitrary-node"));
    assert_eq!(asked, [on, as_node]);

    let (result, asked) = ask(&[on], requester(), &node);
    let refused = "nodes.authentication.k8s.io \"n\" is forbidden: User \"me\" cannot impersonate:arbitrary-node resource \
                   \"nodes\" in API group \"authentication.k8s.io\" at the cluster scope";
    assert_eq!(result, Err(refused.into()));
    assert_eq!(asked[2], "impersonate users. system:node:n", "the old verb knows no nodes");

    let refused = "pods is forbidden: User \"me\" cannot impersonate-on:user-info:list resource \"pods\" in API group \
                   \"\" in the namespace \"ns\"";
    assert_eq!(ask(&[], requester(), &[("Impersonate-User", "jane")]).0, Err(refused.into()));
}

#[test]
fn a_service_account_may_act_as_its_own_node() {
    let mut agent = UserInfo::new("system:serviceaccount:ns:agent", ["system:serviceaccounts"]);
    agent.extra.insert("authentication.kubernetes.io/node-name".into(), vec!["n".into()]);
    let allowed =
        ["impersonate-on:associated-node:list pods. ns/", "impersonate:associated-node nodes.authentication.k8s.io *"];
    let (result, asked) = ask(&allowed, agent.clone(), &[("Impersonate-User", "system:node:n")]);
    assert_eq!(user(result).2, "impersonate:associated-node");
    assert_eq!(asked, allowed);
    let (result, asked) = ask(&allowed, agent, &[("Impersonate-User", "system:node:other")]);
    assert!(result.is_err() && asked[0].starts_with("impersonate-on:arbitrary-node:"), "{asked:?}");
}

#[test]
fn constrained_modes_refuse_what_is_too_strong() {
    let on = "impersonate-on:user-info:list";
    let all = ["impersonate:user-info users.authentication.k8s.io", on, "impersonate-on:user-info:list pods."];
    let refusal =
        |header: (&str, &str)| ask(&all, requester(), &[("Impersonate-User", "jane"), header]).0.expect_err("refused");
    let cases = [
        (("Impersonate-Group", "system:masters"), "impersonating the system:masters group is not allowed"),
        (("Impersonate-Group", ""), "impersonating the empty string group is not allowed"),
        (
            ("Impersonate-Extra-scopes", "a"),
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: \"scopes\": must be a \
             domain-prefixed path (such as \"acme.io/foo\")",
        ),
        (("Impersonate-Extra-", "a"), "impersonating the empty string key in extra is not allowed"),
        (("Impersonate-Extra-a.io%2fb", ""), "impersonating the empty string value in extra is not allowed"),
    ];
    for (header, expected) in cases {
        let refused = refusal(header);
        assert!(refused.ends_with(expected), "{refused}");
    }
}

#[test]
fn many_groups_are_asked_for_at_once_first() {
    let names = ["a", "b", "c", "d"];
    let mut headers = vec![("Impersonate-User", "jane")];
    headers.extend(names.map(|name| ("Impersonate-Group", name)));
    let allowed = [
        "impersonate-on:user-info:list pods.",
        "impersonate:user-info users.authentication.k8s.io",
        "impersonate:user-info groups.authentication.k8s.io *",
    ];
    let (result, asked) = ask(&allowed, requester(), &headers);
    assert_eq!((user(result).2, asked.len()), ("impersonate:user-info", 3));
}
