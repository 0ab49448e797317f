//! The plugins over a hub and a private Postgres: what the maps of the other tests stand for.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use howdah_store::{Deadline, Operation, PrivatePostgres, PrivatePostgresOptions, Store, StoreOptions, Write};
use prometheus_client::registry::Registry;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::hub_lister::HubLister;
use super::lister::{Age, Charge, Charged, Lister};
use super::resource_list::parse;
use super::testing::{Ask, message};
use super::tree::text;
use super::{LimitRanger, NamespaceLifecycle, ResourceQuota, ServiceAccount};
use crate::clock::system;
use crate::hub::Hub;
use crate::registry::payload;
use crate::registry::route::by_plural;

/// A Postgres that does not outlive a test that failed.
struct Postgres(PrivatePostgres);

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = self.0.pid().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It may have gone already.
            let _gone = kill_process(pid, Signal::QUIT);
        }
    }
}

struct World {
    store: Store,
    _postgres: Postgres,
    _directory: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // A Postgres that root starts runs as somebody else.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(directory.path())).await.unwrap();
        let store = Store::open(StoreOptions::new(postgres.database())).await.unwrap();
        Self { store, _postgres: Postgres(postgres), _directory: directory }
    }

    /// A server's view, with a hub of its own.
    fn lister(&self) -> Arc<HubLister> {
        Arc::new(HubLister::new(Hub::start(self.store.clone(), &mut Registry::default()), self.store.clone(), system))
    }

    async fn put(&self, plural: &str, object: Value) {
        let served = by_plural("", "v1", plural).unwrap();
        let at = (text(&object, &["metadata", "namespace"]), text(&object, &["metadata", "name"]));
        let key = served.key(at.0, at.1).unwrap();
        let operation = match self.store.get(&key).await.unwrap() {
            Some(before) => Operation::Update { expected: before.revision, payload: payload(served, object).unwrap() },
            None => Operation::Create(payload(served, object).unwrap()),
        };
        self.store.write(Write { key, operation }, Deadline::after(Duration::from_secs(30))).await.unwrap();
    }

    async fn get(&self, plural: &str, name: &str) -> Value {
        let key = by_plural("", "v1", plural).unwrap().key("ns", name).unwrap();
        serde_json::from_slice(&self.store.get(&key).await.unwrap().unwrap().wire).unwrap()
    }
}

fn namespace(phase: &str) -> Value {
    json!({"metadata": {"name": "ns", "uid": "1", "labels": {"a": "b"}}, "status": {"phase": phase}})
}

fn quota(pods: &str, used: &str) -> Value {
    let fields = json!({"f:spec": {"f:hard": {".": {}, "f:pods": {}}}});
    let managed = json!([{"manager": "m", "operation": "Update", "apiVersion": "v1", "time": "2020-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": fields}]);
    json!({"metadata": {"name": "q", "namespace": "ns", "uid": "2", "managedFields": managed},
        "spec": {"hard": {"pods": pods}}, "status": {"hard": {"pods": pods}, "used": {"pods": used}}})
}

fn pod(name: &str) -> Ask {
    Ask::create("pods", json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "a"}]}}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_just_written_is_seen() {
    let world = World::start().await;
    let lister = world.lister();
    let lifecycle = NamespaceLifecycle::new(lister.clone());
    assert_eq!(message(pod("p").admit(&lifecycle).await.map(|_| ())).unwrap(), r#"namespaces "ns" not found"#);
    world.put("namespaces", namespace("Active")).await;
    pod("p").admit(&lifecycle).await.unwrap();
    let seen = lister.namespace("ns", Age::Newest).await.unwrap().unwrap();
    assert_eq!((seen.is_terminating, seen.labels.get("a").map(String::as_str)), (false, Some("b")));

    world.put("namespaces", namespace("Terminating")).await;
    assert!(lister.namespace("ns", Age::Newest).await.unwrap().unwrap().is_terminating);
    assert!(pod("p").admit(&lifecycle).await.is_err());

    let limits = json!({"metadata": {"name": "l", "namespace": "ns", "uid": "3"},
        "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}});
    world.put("limitranges", limits).await;
    lister.quotas("ns", Age::Newest).await.unwrap();
    let limited = pod("p").admit(&LimitRanger::new(lister)).await.unwrap();
    assert_eq!(limited["spec"]["containers"][0]["resources"], json!({"limits": {"cpu": "1"}}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_account_of_a_new_namespace_is_waited_for() {
    let world = World::start().await;
    let plugin = ServiceAccount::new(world.lister());
    let account = json!({"metadata": {"name": "default", "namespace": "ns", "uid": "4"}});
    let ask = pod("p");
    // Whether it comes before the plugin looks or while it waits: it is found.
    let (admitted, ()) = tokio::join!(ask.admit(&plugin), world.put("serviceaccounts", account));
    assert_eq!(admitted.unwrap()["spec"]["serviceAccountName"], "default");
    let missing =
        Ask::create("pods", json!({"metadata": {"name": "p"}, "spec": {}})).within("other").admit(&plugin).await;
    assert_eq!(
        message(missing.map(|_| ())).unwrap(),
        r#"pods "p" is forbidden: error looking up service account other/default: serviceaccount "default" not found"#
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quotas_are_charged_exactly_by_several_servers() {
    let world = World::start().await;
    world.put("resourcequotas", quota("10", "0")).await;
    let servers = [world.lister(), world.lister()].map(|lister| ResourceQuota::new(lister, system));
    let asks: Vec<Ask> = (0..40).map(|number| pod(&format!("p{number}"))).collect();
    let outcomes = join_all(asks.iter().enumerate().map(|(number, ask)| ask.validate(&servers[number % 2]))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10, "{outcomes:?}");
    let refusal = outcomes.into_iter().find(Result::is_err).unwrap();
    let refusal = message(refusal).unwrap();
    assert!(refusal.ends_with("exceeded quota: q, requested: pods=1, used: pods=10, limited: pods=10"), "{refusal}");

    let charged = world.get("resourcequotas", "q").await;
    assert_eq!(charged["status"], json!({"hard": {"pods": "10"}, "used": {"pods": "10"}}));
    let owners = charged["metadata"]["managedFields"].as_array().unwrap();
    let own = owners.iter().find(|entry| entry["manager"] == "kube-apiserver").unwrap();
    assert_eq!(
        (&own["subresource"], &own["operation"], &own["fieldsV1"]),
        (&json!("status"), &json!("Update"), &json!({"f:status": {"f:used": {"f:pods": {}}}}))
    );
    assert!(owners.iter().any(|entry| entry["manager"] == "m"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_is_refused_where_the_quota_has_changed() {
    let world = World::start().await;
    world.put("resourcequotas", quota("10", "0")).await;
    let lister = world.lister();
    let seen = lister.quotas("ns", Age::Newest).await.unwrap().remove(0);
    let charge = |used: &str| Charge { quota: seen.clone(), used: parse(&json!({"pods": used})) };
    let Charged::At(revision) = lister.charge(vec![charge("1")]).await.unwrap() else {
        unreachable!("nobody else writes")
    };
    assert!(revision > seen.revision);
    assert_eq!(lister.charge(vec![charge("2")]).await.unwrap(), Charged::Overtaken);
    let now = lister.quotas("ns", Age::AtLeast(revision)).await.unwrap().remove(0);
    assert_eq!((now.revision, &now.object["status"]["used"]), (revision, &json!({"pods": "1"})));
}
