//! ResourceQuota's sentences, and that quotas are charged exactly, whoever writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::resource_quota::ResourceQuota;
use super::testing::{Ask, Objects, message};
use crate::status::ApiError;

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn plugin(objects: &Arc<Objects>) -> ResourceQuota {
    ResourceQuota::new(objects.clone(), epoch)
}

fn quota(hard: Value, used: Value) -> Arc<Objects> {
    let mut spec = json!({});
    spec["hard"] = hard;
    Arc::new(Objects::default().with_quota("q", spec, used))
}

fn pod(name: &str, requests: Value) -> Ask {
    let mut pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "a"}]}});
    pod["spec"]["containers"][0]["resources"]["requests"] = requests;
    Ask::create("pods", pod)
}

#[tokio::test]
async fn sentences() {
    let map = |name: &str| Ask::create("configmaps", json!({"metadata": {"name": name}}));
    let rows = [
        (json!({"pods": "1"}), json!({"pods": "0"}), pod("p", json!({})), None),
        (
            json!({"pods": "1"}),
            json!({"pods": "1"}),
            pod("p", json!({})),
            Some(r#"pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"#),
        ),
        (
            json!({"requests.cpu": "1", "requests.memory": "1Gi", "pods": "9"}),
            json!({"requests.cpu": "750m", "requests.memory": "512Mi", "pods": "1"}),
            pod("p", json!({"cpu": "500m", "memory": "1Gi"})),
            Some(
                r#"pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=500m,requests.memory=1Gi, used: requests.cpu=750m,requests.memory=512Mi, limited: requests.cpu=1,requests.memory=1Gi"#,
            ),
        ),
        (
            json!({"limits.cpu": "1", "memory": "1"}),
            json!({"limits.cpu": "0", "memory": "0"}),
            pod("p", json!({})),
            Some(r#"pods "p" is forbidden: failed quota: q: must specify limits.cpu for: a; memory for: a"#),
        ),
        (
            json!({"pods": "1", "count/pods": "1"}),
            json!({"pods": "0"}),
            pod("p", json!({})),
            Some(r#"pods "p" is forbidden: status unknown for quota: q, resources: count/pods,pods"#),
        ),
        (
            json!({"requests.cpu": "1"}),
            json!({"requests.cpu": "0"}),
            pod("p", json!({"cpu": "-1"})),
            Some(r#"pods "p" is forbidden: quota usage is negative for resource(s): cpu,requests.cpu"#),
        ),
        (
            json!({"count/configmaps": "1"}),
            json!({"count/configmaps": "1"}),
            map("c"),
            Some(
                r#"configmaps "c" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1"#,
            ),
        ),
        (json!({"configmaps": "1"}), json!({"configmaps": "0"}), map("c"), None),
        (json!({"pods": "0"}), json!({"pods": "0"}), map("c"), None),
        (json!({"configmaps": "0"}), json!({"configmaps": "0"}), map("c").within(""), None),
        (json!({"configmaps": "0"}), json!({"configmaps": "0"}), Ask::update("configmaps", json!({}), json!({})), None),
        (json!({"configmaps": "0"}), json!({"configmaps": "0"}), Ask::delete("configmaps", json!({})), None),
        (
            json!({"count/namespaces": "0"}),
            json!({"count/namespaces": "0"}),
            Ask::create("namespaces", json!({})),
            None,
        ),
    ];
    for (hard, used, ask, expected) in rows {
        let objects = quota(hard.clone(), used);
        assert_eq!(message(ask.validate(&plugin(&objects)).await).as_deref(), expected, "{hard}");
    }
}

#[tokio::test]
async fn scopes_choose_the_quota() {
    let scoped = |name: &str, scope: &str, objects: Objects| {
        objects.with_quota(name, json!({"hard": {"pods": "5"}, "scopes": [scope]}), json!({"pods": "0"}))
    };
    let objects = scoped("best", "BestEffort", Objects::default());
    let objects = Arc::new(scoped("other", "NotBestEffort", objects));
    let plugin = plugin(&objects);
    pod("p", json!({})).validate(&plugin).await.unwrap();
    pod("q", json!({"cpu": "1"})).validate(&plugin).await.unwrap();
    pod("r", json!({"cpu": "1"})).validate(&plugin).await.unwrap();
    assert_eq!((objects.used("best"), objects.used("other")), (json!({"pods": "1"}), json!({"pods": "2"})));
}

#[tokio::test]
async fn what_is_admitted_is_charged_and_dry_runs_are_not() {
    let objects = quota(json!({"pods": "2", "requests.cpu": "2"}), json!({"pods": "0", "requests.cpu": "0"}));
    let plugin = plugin(&objects);
    pod("p", json!({"cpu": "500m"})).dry().validate(&plugin).await.unwrap();
    assert_eq!(objects.used("q"), json!({"pods": "0", "requests.cpu": "0"}));
    pod("p", json!({"cpu": "500m"})).validate(&plugin).await.unwrap();
    assert_eq!(objects.used("q"), json!({"pods": "1", "requests.cpu": "500m"}));
    assert!(pod("q", json!({"cpu": "2"})).dry().validate(&plugin).await.is_err());
}

#[tokio::test]
async fn updates_are_charged_the_increase() {
    let sized = |cpu: &str| json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": cpu}}}]}});
    let objects = quota(json!({"requests.cpu": "4"}), json!({"requests.cpu": "3"}));
    let plugin = plugin(&objects);
    Ask::update("pods", sized("2"), sized("1")).on("resize").validate(&plugin).await.unwrap();
    assert_eq!(objects.used("q"), json!({"requests.cpu": "4"}));
    Ask::update("pods", sized("1"), sized("2")).on("resize").validate(&plugin).await.unwrap();
    assert_eq!(objects.used("q"), json!({"requests.cpu": "4"}), "credits are the quota controller's");
    let refused = Ask::update("pods", sized("3"), sized("2")).on("resize").validate(&plugin).await;
    assert_eq!(
        message(refused).unwrap(),
        r#"pods "p" is forbidden: exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4"#
    );
    Ask::update("pods", sized("9"), sized("1")).validate(&plugin).await.unwrap();
}

#[tokio::test]
async fn writers_that_coincide_get_no_more_than_there_is() {
    let objects = quota(json!({"pods": "10"}), json!({"pods": "0"}));
    let plugin = plugin(&objects);
    let asks: Vec<Ask> = (0..50).map(|number| pod(&format!("p{number}"), json!({}))).collect();
    let outcomes = join_all(asks.iter().map(|ask| ask.validate(&plugin))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
    assert_eq!(objects.used("q"), json!({"pods": "10"}));
    assert!(objects.charges.load(Ordering::SeqCst) < 10, "those that wait are charged together");
}

#[tokio::test]
async fn two_servers_never_admit_more_than_there_is() {
    let objects = quota(json!({"pods": "10"}), json!({"pods": "0"}));
    let servers = [plugin(&objects), plugin(&objects)];
    let asks: Vec<Ask> = (0..50).map(|number| pod(&format!("p{number}"), json!({}))).collect();
    let outcomes = join_all(asks.iter().enumerate().map(|(number, ask)| ask.validate(&servers[number % 2]))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10);
    assert_eq!(objects.used("q"), json!({"pods": "10"}));
}

#[tokio::test]
async fn overtaken_charges_are_judged_anew() {
    let objects = quota(json!({"pods": "1"}), json!({"pods": "0"}));
    objects.rivals.store(5, Ordering::SeqCst);
    pod("p", json!({})).validate(&plugin(&objects)).await.unwrap();
    assert_eq!(objects.used("q"), json!({"pods": "1"}));
}

#[tokio::test]
async fn what_this_process_knows_may_be_old() {
    // Another writer took the last one.
    let objects = quota(json!({"pods": "1"}), json!({"pods": "0"}));
    objects.set_used(0, json!({"pods": "1"}));
    assert!(pod("p", json!({})).validate(&plugin(&objects)).await.is_err());
    assert_eq!(objects.used("q"), json!({"pods": "1"}));
    // The quota controller gave one back.
    let objects = quota(json!({"pods": "1"}), json!({"pods": "1"}));
    objects.set_used(0, json!({"pods": "0"}));
    pod("p", json!({})).validate(&plugin(&objects)).await.unwrap();
    assert_eq!(objects.used("q"), json!({"pods": "1"}));
}

#[tokio::test]
async fn judgement_has_a_deadline() {
    let objects = quota(json!({"pods": "1"}), json!({"pods": "0"}));
    objects.rivals.store(usize::MAX, Ordering::SeqCst);
    let plugin = ResourceQuota::with_patience(objects.clone(), epoch, Duration::from_millis(20));
    let outcome = pod("p", json!({})).validate(&plugin).await;
    assert_eq!(outcome, Err(ApiError::Internal("resource quota evaluation timed out".to_owned())));
}

#[tokio::test]
async fn several_quotas_are_charged_together_or_not_at_all() {
    let objects = Objects::default().with_quota("a", json!({"hard": {"pods": "5"}}), json!({"pods": "0"})).with_quota(
        "b",
        json!({"hard": {"count/pods": "1"}}),
        json!({"count/pods": "0"}),
    );
    let objects = Arc::new(objects);
    let plugin = plugin(&objects);
    pod("p", json!({})).validate(&plugin).await.unwrap();
    assert!(pod("q", json!({})).validate(&plugin).await.is_err());
    assert_eq!((objects.used("a"), objects.used("b")), (json!({"pods": "1"}), json!({"count/pods": "1"})));
    assert_eq!(objects.charges.load(Ordering::SeqCst), 1);
}
