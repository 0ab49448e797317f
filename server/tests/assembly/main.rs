//! Whole API servers on one private Postgres, used over TLS with nothing but what they wrote for their users.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on has failed")]

mod client;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use howdah_server::assembly::{ApiServer, Options, StartError};
use howdah_server::clock::system;
use howdah_server::listener::Limits;
use howdah_server::registry::allocation::ServiceRanges;
use howdah_store::{PrivatePostgres, PrivatePostgresOptions, Store, StoreOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use client::{Client, PATIENCE};

/// A server with a data directory and a store of its own.
struct Running {
    server: ApiServer,
    store: Store,
    address: SocketAddr,
    _dir: TempDir,
}

fn options(dir: &TempDir, name: &str, advertised: IpAddr) -> Options {
    Options {
        data_dir: dir.path().to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        advertised,
        services: ServiceRanges::default(),
        cluster_domain: "cluster.local".to_owned(),
        name: name.to_owned(),
        limits: Limits { workers: 2, ..Limits::default() },
        clock: system,
    }
}

impl Running {
    async fn start(postgres: &PrivatePostgres, name: &str, last: u8) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(postgres.database())).await.unwrap();
        let server = ApiServer::start(options(&dir, name, [192, 0, 2, last].into()), store.clone()).await.unwrap();
        let address = server.address().unwrap();
        Self { server, store, address, _dir: dir }
    }

    async fn admin(&self) -> Client {
        Client::of(self.server.kubeconfig(), self.address).await
    }

    async fn stop(self) {
        assert!(self.server.shut_down(PATIENCE).await);
        self.store.close().await;
    }
}

fn config_map(name: &str, value: &str) -> Value {
    json!({
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": {"app": "test"}},
        "data": {"key": value},
    })
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_are_one_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(dir.path())).await.unwrap();
    let (a, b) = tokio::join!(Running::start(&postgres, "a", 10), Running::start(&postgres, "b", 11));
    let deadline = Instant::now() + PATIENCE;
    assert_eq!(tokio::join!(a.server.ready(deadline), b.server.ready(deadline)), (true, true));
    let (on_a, on_b) = tokio::join!(a.admin(), b.admin());

    health_and_documents(&on_a).await;
    first_objects(&on_b).await;
    objects_and_watches(&on_a, &on_b).await;
    identities(&a, &b, &on_a).await;

    // Who goes takes itself out, and its watches end.
    let mut watch = on_a.watch("/api/v1/configmaps?watch=true").await;
    a.stop().await;
    while watch.next().await.is_some() {}
    let endpoints = on_b.get("/api/v1/namespaces/default/endpoints/kubernetes").await;
    assert_eq!(endpoints["subsets"][0]["addresses"], json!([{"ip": "192.0.2.11"}]));
    b.stop().await;

    // Another one finds everything as it was, and the old kubeconfig's authority is still the cluster's.
    let c = Running::start(&postgres, "c", 12).await;
    assert!(c.server.ready(Instant::now() + PATIENCE).await);
    assert_eq!(names(&c.admin().await.get("/api/v1/namespaces/default/configmaps").await), ["kept"]);
    c.stop().await;
    postgres.stop().await.unwrap();
}

async fn health_and_documents(on_a: &Client) {
    let (code, report) = on_a.text("GET", "/readyz?verbose", None).await;
    assert_eq!(code, 200, "{report}");
    for check in [
        "ping",
        "log",
        "etcd",
        "etcd-readiness",
        "informer-sync",
        "poststarthook/start-system-namespaces-controller",
        "poststarthook/rbac/bootstrap-roles",
        "poststarthook/scheduling/bootstrap-system-priority-classes",
        "poststarthook/bootstrap-controller",
        "shutdown",
    ] {
        assert!(report.contains(&format!("[+]{check} ok\n")), "{check} in {report}");
    }
    assert_eq!(on_a.get("/version").await["minor"], "37");
    let core = on_a.get("/api/v1").await;
    let resources: Vec<_> = core["resources"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert!(resources.contains(&json!("configmaps")) && resources.contains(&json!("pods/status")), "{resources:?}");
    assert!(on_a.get("/openapi/v3").await["paths"]["api/v1"].is_object());
    let (code, metrics) = on_a.text("GET", "/metrics", None).await;
    assert_eq!(code, 200);
    assert!(metrics.contains("apiserver_watch_cache_initializations_total"), "{metrics}");
}

async fn first_objects(on_b: &Client) {
    let namespaces = on_b.get("/api/v1/namespaces").await;
    assert_eq!(names(&namespaces), ["default", "kube-node-lease", "kube-public", "kube-system"]);
    assert_eq!(namespaces["items"][0]["status"]["phase"], "Active");
    let service = on_b.get("/api/v1/namespaces/default/services/kubernetes").await;
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
    // Both servers are there once each of them has seen the other.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let endpoints = on_b.get("/api/v1/namespaces/default/endpoints/kubernetes").await;
        if endpoints["subsets"][0]["addresses"] == json!([{"ip": "192.0.2.10"}, {"ip": "192.0.2.11"}]) {
            break;
        }
        assert!(Instant::now() < deadline, "{endpoints}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let slices = on_b.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices").await;
    assert_eq!(names(&slices), ["kubernetes"]);
    let classes = on_b.get("/apis/scheduling.k8s.io/v1/priorityclasses").await;
    assert_eq!(names(&classes), ["system-cluster-critical", "system-node-critical"]);
    let trust = on_b.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication").await;
    assert!(trust["data"]["client-ca-file"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let roles = on_b.get("/apis/rbac.authorization.k8s.io/v1/clusterroles").await;
    assert!(names(&roles).contains(&"cluster-admin") && names(&roles).contains(&"system:node"));
}

async fn objects_and_watches(on_a: &Client, on_b: &Client) {
    const ALL: &str = "/api/v1/namespaces/default/configmaps";
    let (code, kept) = on_a.json("POST", ALL, Some(&config_map("kept", "1"))).await;
    assert_eq!(code, 201, "{kept}");
    assert_eq!(on_b.get(&format!("{ALL}/kept")).await, kept);
    let (code, status) = on_b.json("POST", ALL, Some(&config_map("kept", "2"))).await;
    assert_eq!((code, &status["reason"]), (409, &json!("AlreadyExists")), "{status}");

    let list = on_b.get(&format!("{ALL}?labelSelector=app%3Dtest")).await;
    assert_eq!(names(&list), ["kept"]);
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut all = on_b.watch(&format!("{ALL}?watch=true&resourceVersion={revision}")).await;
    let mut selected =
        on_b.watch(&format!("{ALL}?watch=true&resourceVersion={revision}&labelSelector=app%3Dtest")).await;
    let (code, mut object) = on_a.json("POST", ALL, Some(&config_map("passing", "1"))).await;
    assert_eq!(code, 201);
    object["metadata"]["labels"]["app"] = json!("other");
    let (code, changed) = on_a.json("PUT", &format!("{ALL}/passing"), Some(&object)).await;
    assert_eq!(code, 200, "{changed}");
    let (code, _) = on_b.json("DELETE", &format!("{ALL}/passing"), None).await;
    assert_eq!(code, 200);
    let (mut seen, mut seen_selected) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let event = all.next().await.unwrap();
        seen.push((event["type"].clone(), event["object"]["metadata"]["labels"]["app"].clone()));
    }
    for _ in 0..2 {
        let event = selected.next().await.unwrap();
        assert!(event["object"]["metadata"]["resourceVersion"].as_str() > Some(revision));
        seen_selected.push((event["type"].clone(), event["object"]["metadata"]["labels"]["app"].clone()));
    }
    let told = |kind: &str, label: &str| (json!(kind), json!(label));
    assert_eq!(seen, [told("ADDED", "test"), told("MODIFIED", "other"), told("DELETED", "other")]);
    assert_eq!(seen_selected, [told("ADDED", "test"), told("DELETED", "test")]);
    let (code, _) = on_a.json("GET", &format!("{ALL}/passing"), None).await;
    assert_eq!(code, 404);
}

async fn identities(a: &Running, b: &Running, on_a: &Client) {
    let nobody = Client::without_certificate(a.server.kubeconfig(), a.address, None).await;
    assert_eq!(nobody.text("GET", "/livez", None).await, (200, "ok".to_owned()));
    let (code, status) = nobody.json("GET", "/api/v1/namespaces", None).await;
    assert_eq!(code, 403);
    let message = r#"namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope"#;
    assert_eq!(status["message"], message);

    // A token of one server is good for the other, and its holder may do nothing yet.
    let account = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "robot"}});
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    assert_eq!(on_a.json("POST", accounts, Some(&account)).await.0, 201);
    let request = json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"audiences": []}});
    let (code, issued) = on_a.json("POST", &format!("{accounts}/robot/token"), Some(&request)).await;
    assert_eq!(code, 201, "{issued}");
    let token = issued["status"]["token"].as_str().unwrap();
    let robot = Client::without_certificate(b.server.kubeconfig(), b.address, Some(token)).await;
    let review = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"});
    let (code, review) = robot.json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", Some(&review)).await;
    assert_eq!(code, 201, "{review}");
    assert_eq!(review["status"]["userInfo"]["username"], "system:serviceaccount:default:robot");
    assert_eq!(robot.json("GET", "/api/v1/namespaces/default/secrets", None).await.0, 403);
    let wrong = Client::without_certificate(b.server.kubeconfig(), b.address, Some("wrong")).await;
    assert_eq!(wrong.json("GET", "/api/v1/namespaces", None).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loopback_address_is_told_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(dir.path())).await.unwrap();
    let store = Store::open(StoreOptions::new(postgres.database())).await.unwrap();
    let started = ApiServer::start(options(&dir, "a", [127, 0, 0, 1].into()), store.clone()).await;
    assert!(matches!(started.map(|_| ()), Err(StartError::Advertised(_))));
    store.close().await;
    postgres.stop().await.unwrap();
}
