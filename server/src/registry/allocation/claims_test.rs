//! Plans performed on a store: by several servers at once, until nothing is left, with what deletes and changes free.
//!
//! [`Server`] does with claims what the pipeline does, without the rest of it.

use std::time::Duration;

use futures_util::future::join_all;
use howdah_api::kind::Strategy as _;
use howdah_api::kind::service::ServiceStrategy;
use howdah_store::{Deadline, PrivatePostgres, PrivatePostgresOptions, StoreOptions, WriteError};
use serde_json::json;

use super::*;
use crate::registry::allocation::{AddressRange, PortRange};

/// A database of one test's own.
struct Fixture {
    _directory: tempfile::TempDir,
    postgres: Option<PrivatePostgres>,
}

impl Drop for Fixture {
    /// Postgres does not outlive a test that failed.
    fn drop(&mut self) {
        let pid = self.postgres.as_ref().and_then(PrivatePostgres::pid).and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // It may have gone already.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
    }
}

/// One of the servers on a database.
#[derive(Clone)]
struct Server {
    store: Store,
    ranges: ServiceRanges,
}

impl Fixture {
    async fn start() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        // Postgres runs as another user.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(directory.path())).await.unwrap();
        Self { _directory: directory, postgres: Some(postgres) }
    }

    async fn server(&self, addresses: &str, ports: &str) -> Server {
        let addresses: Vec<AddressRange> = addresses.split(',').map(|text| text.parse().unwrap()).collect();
        let ranges = ServiceRanges::new(addresses, ports.parse::<PortRange>().unwrap()).unwrap();
        let database = self.postgres.as_ref().unwrap().database();
        Server { store: Store::open(StoreOptions::new(database)).await.unwrap(), ranges }
    }

    async fn stop(mut self) {
        self.postgres.take().unwrap().stop().await.unwrap();
    }
}

fn service(name: &str, spec: Value) -> Value {
    let mut object = json!({"metadata": {"namespace": "ns", "name": name, "uid": format!("uid-{name}")}});
    object["spec"] = spec;
    ServiceStrategy.default(&mut object);
    object
}

fn node_port(name: &str) -> Value {
    service(name, json!({"type": "NodePort", "ports": [{"port": 80}]}))
}

fn payload(object: &Value) -> howdah_store::Payload {
    let head = format!(r#"{{"metadata":{{"uid":{}"#, object["metadata"]["uid"]);
    let json = format!(r#"{head}}},"object":{object}}}"#);
    howdah_store::Payload::new(json.into(), head.len()).unwrap()
}

/// The object itself, as the server stores it.
fn bare_payload(object: &Value) -> howdah_store::Payload {
    let json = object.to_string();
    let at = json.find(r#"","uid":""#).unwrap() + 1;
    howdah_store::Payload::new(json.into(), at).unwrap()
}

fn patience() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

fn key(object: &Value) -> Key {
    Key::new("", "services", Some("ns"), meta(object).name()).unwrap()
}

impl Server {
    fn claims(&self) -> Claims<'_> {
        Claims::of_service(&self.ranges, &self.store, true, false)
    }

    /// The Service as stored, or why it was refused.
    async fn create(&self, object: Value) -> Result<Value, String> {
        let mut claims = self.claims();
        loop {
            let mut turn = object.clone();
            claims.create(&mut turn).await.map_err(|error| said(&error))?;
            let write = Write { key: key(&turn), operation: Operation::Create(payload(&turn)) };
            match self.store.transact(claims.transaction(write), patience()).await {
                Ok(_) => return Ok(turn),
                Err(WriteError::Conflict { key, .. }) if claims.lost(&key) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Changes the spec of what stands.
    async fn update(&self, old: &Value, spec: Value) -> Result<Value, String> {
        let mut claims = self.claims();
        loop {
            let mut object = service(meta(old).name(), spec.clone());
            claims.update(&mut object, old).await.map_err(|error| said(&error))?;
            let operation = Operation::Update { expected: self.revision(old).await, payload: payload(&object) };
            let writes = claims.transaction(Write { key: key(old), operation });
            match self.store.transact(writes, patience()).await {
                Ok(_) => return Ok(object),
                Err(WriteError::Conflict { key, .. }) if claims.lost(&key) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    async fn delete(&self, object: &Value) {
        let mut claims = self.claims();
        claims.removal(|| Ok(object.clone())).await.unwrap();
        let operation = Operation::Delete { expected: self.revision(object).await };
        self.store.transact(claims.transaction(Write { key: key(object), operation }), patience()).await.unwrap();
    }

    async fn revision(&self, object: &Value) -> Revision {
        self.store.get(&key(object)).await.unwrap().unwrap().revision
    }

    /// The names of the keys of a sort, in their order.
    async fn names(&self, sort: Sort) -> Vec<String> {
        let list = List { prefix: sort.prefix(), at: At::Newest, after: None, limit: None };
        let page = self.store.list(list).await.unwrap();
        let name = |key: &Key| key.as_str().rsplit('/').next().unwrap().to_owned();
        page.objects.iter().map(|object| name(&object.key)).collect()
    }
}

fn said(error: &ApiError) -> String {
    error.status().message.unwrap_or_default()
}

fn strings(values: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    let mut strings: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    strings.sort();
    strings
}

fn ips(object: &Value) -> Vec<&str> {
    let ips = object["spec"]["clusterIPs"].as_array();
    ips.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn ports(object: &Value) -> Vec<i64> {
    let ports = object["spec"]["ports"].as_array();
    ports.into_iter().flatten().filter_map(|port| port["nodePort"].as_i64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_create_at_once_never_share_a_unit() {
    let fixture = Fixture::start().await;
    // Exactly as many as are asked for, of which the last are found by lists alone.
    let (here, there) =
        tokio::join!(fixture.server("10.0.0.0/26", "30000-30061"), fixture.server("10.0.0.0/26", "30000-30061"));
    let creates = (0..64).map(|number| {
        let server = if number % 2 == 0 { here.clone() } else { there.clone() };
        tokio::spawn(async move { server.create(node_port(&format!("s{number}"))).await })
    });
    let outcomes: Vec<_> = join_all(creates).await.into_iter().map(Result::unwrap).collect();
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let made: Vec<Value> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!((made.len(), refused.len()), (62, 2), "{refused:?}");
    for refusal in refused {
        let text = refusal.unwrap_err();
        let full = "Internal error occurred: failed to allocate a serviceIP for Service \"s";
        assert!(text.starts_with(full) && text.ends_with("\": range is full"), "{text}");
    }
    let all = strings((1..=62).map(|host| format!("10.0.0.{host}")));
    assert_eq!(strings(made.iter().flat_map(|object| ips(object))), all);
    assert_eq!(strings(here.names(Sort::Address).await), all);
    let all = strings(30_000..=30_061);
    assert_eq!(strings(made.iter().flat_map(ports)), all);
    assert_eq!(strings(there.names(Sort::Port).await), all);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_range_fills_up_and_empties() {
    let fixture = Fixture::start().await;
    let server = fixture.server("10.0.0.0/29", "30000-30001").await;
    let mut made = Vec::new();
    for number in 0..6 {
        made.push(server.create(service(&format!("s{number}"), json!({"ports": [{"port": 80}]}))).await.unwrap());
    }
    let full = "Internal error occurred: failed to allocate a serviceIP for Service \"more\": range is full";
    assert_eq!(server.create(service("more", json!({}))).await, Err(full.to_owned()));
    let taken = ips(&made[3])[0].to_owned();
    let again = server.create(service("more", json!({"clusterIP": taken}))).await;
    let refusal = format!(
        "Service \"more\" is invalid: spec.clusterIPs: Invalid value: [\"{taken}\"]: failed to allocate IP {taken}: \
         provided IP is already allocated"
    );
    assert_eq!(again, Err(refusal));
    // A name that is taken is no allocation that is lost.
    let twice = server.create(service("s0", json!({"clusterIP": "None"}))).await.unwrap_err();
    assert!(twice.starts_with("core/services/ns/s0 stands at revision "), "{twice}");

    server.delete(&made[3]).await;
    let more = server.create(service("more", json!({}))).await.unwrap();
    assert_eq!(ips(&more), [taken.as_str()]);
    made[3] = more;
    for object in &made {
        server.delete(object).await;
    }
    assert_eq!(server.names(Sort::Address).await, [""; 0]);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_take_and_free() {
    let fixture = Fixture::start().await;
    let server = fixture.server("10.0.0.0/28,fd00::/120", "30000-30001").await;
    let ported = |ports: Value| json!({"type": "NodePort", "ports": ports});
    let one = server.create(service("a", ported(json!([{"name": "x", "port": 80, "nodePort": 30000}])))).await.unwrap();
    let kept = ips(&one)[0].to_owned();
    assert_eq!(
        (server.names(Sort::Address).await, server.names(Sort::Port).await),
        (vec![kept.clone()], vec!["30000".to_owned()])
    );

    // One more port, then none is left, and what was refused took nothing.
    let two = json!([{"name": "x", "port": 80}, {"name": "y", "port": 81}]);
    let two = server.update(&one, ported(two)).await.unwrap();
    assert_eq!((ports(&two), ips(&two)), (vec![30_000, 30_001], vec![kept.as_str()]));
    let three = json!([{"name": "x", "port": 80}, {"name": "y", "port": 81}, {"name": "z", "port": 82}]);
    let refusal = server.update(&two, ported(three)).await;
    assert_eq!(refusal, Err("Internal error occurred: failed to allocate a nodePort: range is full".to_owned()));
    let other = server.create(node_port("b")).await;
    assert_eq!(other, Err("Internal error occurred: failed to allocate a nodePort: range is full".to_owned()));
    assert_eq!(server.names(Sort::Address).await, [kept.as_str()]);

    // What stays the same is not written at all.
    let before = server.store.revision().await.unwrap();
    let mut claims = server.claims();
    let mut same = two.clone();
    claims.update(&mut same, &two).await.unwrap();
    assert_eq!(same, two);
    let write = Write { key: key(&two), operation: Operation::Check { expected: server.revision(&two).await } };
    assert_eq!(claims.transaction(write).len(), 1);
    assert_eq!(server.store.revision().await.unwrap(), before);

    // A second family, a type without node ports, a type without addresses.
    let dual = json!({"type": "ClusterIP", "ipFamilyPolicy": "RequireDualStack", "ports": [{"name": "x", "port": 80}]});
    let dual = server.update(&two, dual).await.unwrap();
    assert_eq!((ips(&dual)[0], ips(&dual).len(), server.names(Sort::Port).await), (kept.as_str(), 2, vec![]));
    assert_eq!(strings(server.names(Sort::Address).await), strings(ips(&dual)));
    let named = server.update(&dual, json!({"type": "ExternalName", "externalName": "example.com"})).await.unwrap();
    assert_eq!((server.names(Sort::Address).await, ips(&named)), (vec![], vec![]));

    // Health checks take from the same range, and go with the Service.
    let local = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]});
    let local = server.create(service("c", local)).await.unwrap();
    let mut both = ports(&local);
    both.extend(local["spec"]["healthCheckNodePort"].as_i64());
    both.sort_unstable();
    assert_eq!(both, [30_000, 30_001]);
    server.delete(&local).await;
    assert_eq!(server.names(Sort::Port).await, [""; 0]);
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_without_its_service_nor_freed_by_another() {
    let fixture = Fixture::start().await;
    let server = fixture.server("10.0.0.0/28", "30000-30001").await;
    let stands = server.create(node_port("a")).await.unwrap();
    let (ip, port) = (ips(&stands)[0].to_owned(), ports(&stands)[0]);

    // A transaction whose Service can't be written leaves nothing behind.
    let mut claims = server.claims();
    let mut twin = node_port("a");
    claims.create(&mut twin).await.unwrap();
    let writes = claims.transaction(Write { key: key(&twin), operation: Operation::Create(payload(&twin)) });
    assert_eq!(writes.len(), 3);
    let outcome = server.store.transact(writes, patience()).await;
    let Err(WriteError::Conflict { key: lost, .. }) = outcome else { panic!("{outcome:?}") };
    // The Service's own key is named, though the port may have been lost as well.
    assert_eq!((lost.clone(), claims.lost(&lost)), (key(&twin), false));
    // A transaction that was never sent leaves nothing either.
    claims.create(&mut node_port("b")).await.unwrap();
    assert_eq!(
        (server.names(Sort::Address).await, server.names(Sort::Port).await),
        (vec![ip.clone()], vec![port.to_string()])
    );

    // What names another's units sets none of them free.
    let mut thief = stands.clone();
    thief["metadata"]["uid"] = json!("another");
    let mut claims = server.claims();
    claims.removal(|| Ok(thief)).await.unwrap();
    let write = Write { key: key(&stands), operation: Operation::Check { expected: Revision::ZERO } };
    assert_eq!(claims.transaction(write).len(), 1);

    // A status has nothing to allocate, but may be what a Service's deletion waits for.
    let mut claims = Claims::of_service(&server.ranges, &server.store, false, false);
    claims.update(&mut service("a", json!({})), &stands).await.unwrap();
    assert!(claims.0.as_ref().unwrap().writes.is_empty());
    claims.removal(|| Ok(stands.clone())).await.unwrap();
    assert_eq!(claims.0.as_ref().unwrap().writes.len(), 2);

    // What the server writes itself takes what it names, or is not written; ports that share a number share a key.
    let shared =
        json!([{"port": 53, "protocol": "UDP", "nodePort": 30000}, {"port": 53, "protocol": "TCP", "nodePort": 30000}]);
    let own =
        |ip: &str| service("own", json!({"type": "NodePort", "clusterIP": ip, "clusterIPs": [ip], "ports": shared}));
    server.delete(&stands).await;
    let write = |object: &Value| Write { key: key(object), operation: Operation::Create(bare_payload(object)) };
    let made = own("10.0.0.1");
    server.store.transact(with_units(write(&made)), patience()).await.unwrap();
    assert_eq!(
        (server.names(Sort::Address).await, server.names(Sort::Port).await),
        (vec!["10.0.0.1".to_owned()], vec!["30000".to_owned()])
    );
    let taken = server.create(service("d", json!({"clusterIP": "10.0.0.1"}))).await.unwrap_err();
    assert!(taken.ends_with("failed to allocate IP 10.0.0.1: provided IP is already allocated"), "{taken}");
    server.delete(&made).await;
    assert_eq!((server.names(Sort::Address).await, server.names(Sort::Port).await), (vec![], vec![]));
    let other = Write { key: Key::new("", "servicesx", Some("ns"), "x").unwrap(), ..write(&made) };
    assert_eq!(with_units(other).len(), 1);

    // A dry run answers and takes nothing.
    let mut claims = Claims::of_service(&server.ranges, &server.store, true, true);
    let mut dry = node_port("c");
    claims.create(&mut dry).await.unwrap();
    assert_eq!((ips(&dry), ports(&dry)), (vec!["10.0.0.0"], vec![32_769]));
    assert!(claims.0.as_ref().unwrap().writes.is_empty());
    fixture.stop().await;
}
