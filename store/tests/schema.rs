//! Opening and the schema: migrations under a lock, a newer database refused, the views for people.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::time::Duration;

use bytes::Bytes;
use howdah_api::Key;
use howdah_store::{
    Database, Deadline, OpenError, Operation, Payload, PrivatePostgres, PrivatePostgresOptions, Store, StoreOptions,
    Write,
};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;

/// A private Postgres of the test's own, and a way to it beside the store.
struct Fixture {
    dir: TempDir,
    postgres: PrivatePostgres,
}

impl Fixture {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(dir.path())).await.unwrap();
        Self { dir, postgres }
    }

    async fn open(&self) -> Result<Store, OpenError> {
        Store::open(StoreOptions::new(self.postgres.database())).await
    }

    async fn sql(&self, user: &str) -> PgConnection {
        let socket = self.dir.path().join("postgres");
        let options = PgConnectOptions::new_without_pgpass().socket(socket).username(user).database("howdah");
        PgConnection::connect_with(&options).await.unwrap()
    }

    async fn stop(self) {
        self.postgres.stop().await.unwrap();
    }
}

fn create(group: &str, resource: &str, name: &str, json: &'static str) -> Write {
    let at = json.find(r#""u""#).unwrap() + 3;
    let payload = Payload::new(Bytes::from_static(json.as_bytes()), at).unwrap();
    Write { key: Key::new(group, resource, Some("default"), name).unwrap(), operation: Operation::Create(payload) }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_open_an_empty_database_together_all_find_it_migrated() {
    let fixture = Fixture::start().await;
    let (a, b, c) = tokio::join!(fixture.open(), fixture.open(), fixture.open());
    let stores = [a.unwrap(), b.unwrap(), c.unwrap()];
    for (number, store) in stores.iter().enumerate() {
        let written = create("", "configmaps", &format!("n{number}"), r#"{"metadata":{"uid":"u"}}"#);
        store.write(written, soon()).await.unwrap();
    }
    let mut sql = fixture.sql("howdah").await;
    let applied = sqlx::query("SELECT version, success FROM howdah.migrations ORDER BY version");
    let applied = applied.fetch_all(&mut sql).await.unwrap();
    let applied: Vec<(i64, bool)> = applied.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(applied, [(1, true), (2, true), (3, true)]);
    for store in stores {
        store.close().await;
    }
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let fixture = Fixture::start().await;
    fixture.open().await.unwrap().close().await;
    let mut sql = fixture.sql("howdah").await;
    let newer = "INSERT INTO howdah.migrations (version, description, success, checksum, execution_time)
                 VALUES (4711, 'of the future', true, '', 0)";
    sqlx::query(newer).execute(&mut sql).await.unwrap();
    let replicas = "SELECT count(*) FROM howdah.replicas";
    let before: i64 = sqlx::query_scalar(replicas).fetch_one(&mut sql).await.unwrap();
    let refused = fixture.open().await.unwrap_err();
    assert!(matches!(refused, OpenError::NewerDatabase { migration: 4711 }), "{refused:?}");
    assert!(refused.to_string().contains("newer Howdah"), "{refused}");
    let after: i64 = sqlx::query_scalar(replicas).fetch_one(&mut sql).await.unwrap();
    assert_eq!(before, after, "a refused server must not enter itself");
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_or_says_no_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let url =
        |user: &str, socket: &std::path::Path| format!("postgres://{user}@localhost/howdah?host={}", socket.display());
    let mut options = StoreOptions::new(Database::from_url(&url("howdah", dir.path())).unwrap());
    options.open_timeout = Duration::from_millis(300);
    let away = Store::open(options).await.unwrap_err();
    assert!(matches!(away, OpenError::Unreachable { .. }), "{away:?}");

    let fixture = Fixture::start().await;
    let database = Database::from_url(&url("nobody_known", &fixture.dir.path().join("postgres"))).unwrap();
    let refused = Store::open(StoreOptions::new(database)).await.unwrap_err();
    assert!(matches!(refused, OpenError::Refused { .. }), "{refused:?}");
    fixture.stop().await;

    assert!(matches!(Database::from_url("mysql://x"), Err(OpenError::Address { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_show_objects_and_history_without_secrets() {
    const SECRET: &str = r#"{"kind":"Secret","metadata":{"name":"s","uid":"u","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hidden-too"}},"data":{"k":"hidden"}}"#;
    let fixture = Fixture::start().await;
    let store = fixture.open().await.unwrap();
    let map =
        create("", "configmaps", "m", r#"{"kind":"ConfigMap","metadata":{"name":"m","uid":"u"},"data":{"k":"shown"}}"#);
    let map = store.write(map, soon()).await.unwrap();
    store.write(create("", "secrets", "s", SECRET), soon()).await.unwrap();
    store.write(create("apps", "deployments", "d", r#"{"metadata":{"name":"d","uid":"u"}}"#), soon()).await.unwrap();
    let delete = Write { key: map.key, operation: Operation::Delete { expected: map.revision } };
    store.write(delete, soon()).await.unwrap();
    let own = r#"{"metadata":{"name":"ca","uid":"u"},"pem":"hidden-key"}"#;
    store.write(create("howdah", "keys", "ca", own), soon()).await.unwrap();

    let mut sql = fixture.sql("howdah").await;
    let objects = "SELECT concat_ws('/', api_group, resource, namespace, name) FROM k8s.objects ORDER BY 1";
    let objects: Vec<String> = sqlx::query_scalar(objects).fetch_all(&mut sql).await.unwrap();
    assert_eq!(objects, ["/secrets/default/s", "apps/deployments/default/d", "howdah/keys/default/ca"]);
    let history =
        "SELECT revision, previous_revision, change, object->'data'->>'k', now() - changed_at < interval '1 minute'
                   FROM k8s.history WHERE name = 'm' ORDER BY revision";
    let history = sqlx::query(history).fetch_all(&mut sql).await.unwrap();
    type Line = (i64, Option<i64>, String, String, bool);
    let history: Vec<Line> = history.iter().map(|r| (r.get(0), r.get(1), r.get(2), r.get(3), r.get(4))).collect();
    let line = |revision, previous, change: &str| (revision, previous, change.to_owned(), "shown".to_owned(), true);
    assert_eq!(history, [line(1, None, "created"), line(4, Some(1), "deleted")]);
    let shown = "SELECT string_agg(object::text, ' ') FROM (SELECT object FROM k8s.objects UNION ALL SELECT object FROM k8s.history) o";
    let shown: String = sqlx::query_scalar(shown).fetch_one(&mut sql).await.unwrap();
    assert!(shown.contains("Secret") && !shown.contains("hidden"), "{shown}");

    let may =
        "SELECT has_schema_privilege('public', 'k8s', 'USAGE') OR has_schema_privilege('public', 'howdah', 'USAGE')";
    let may: bool = sqlx::query_scalar(may).fetch_one(&mut sql).await.unwrap();
    assert!(!may, "everybody may look");
    store.close().await;
    fixture.stop().await;
}
