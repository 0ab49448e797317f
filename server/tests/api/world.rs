//! A server with a store of its own, and a client that says exactly what a test wants said.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_server::authentication::user::UserInfo;
use howdah_server::authentication::{Authenticated, Evidence, Outcome};
use howdah_server::authorization::attributes::Attributes;
use howdah_server::authorization::authorizer::{Authorizer, Verdict};
use howdah_server::clock::system;
use howdah_server::filter::seam::Authenticator;
use howdah_server::filter::{Chain, Metrics, Parts};
use howdah_server::hub::Hub;
use howdah_server::listener::{self, Endpoint, Limits, Server};
use howdah_server::registry::allocation::ServiceRanges;
use howdah_server::registry::{self, admission_seam};
use howdah_store::{PrivatePostgres, PrivatePostgresOptions, Store, StoreOptions};
use prometheus_client::registry::Registry;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No wait of a test is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Everybody is `tester`.
struct Anybody;

impl Authenticator for Anybody {
    fn authenticate<'a>(&'a self, _evidence: Evidence<'a>) -> BoxFuture<'a, Outcome> {
        std::future::ready(Ok(Some(Authenticated::new(UserInfo::new("tester", ["testers"]))))).boxed()
    }
}

/// Everybody may do anything.
struct Anything;

impl Authorizer for Anything {
    fn authorize(&self, _attributes: &Attributes) -> Verdict {
        Verdict::allow("")
    }
}

/// A Postgres that does not outlive a test that failed.
struct Postgres(Option<PrivatePostgres>);

impl Drop for Postgres {
    fn drop(&mut self) {
        let pid = self.0.as_ref().and_then(PrivatePostgres::pid).and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            // It may have gone already.
            let _gone = kill_process(pid, Signal::QUIT);
        }
    }
}

/// A running server.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    _server: Server,
    _postgres: Postgres,
    _directory: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        open_to_others(directory.path());
        let postgres = PrivatePostgres::start(PrivatePostgresOptions::new(directory.path())).await.expect("started");
        let database = postgres.database();
        let postgres = Postgres(Some(postgres));
        let store = Store::open(StoreOptions::new(database)).await.expect("opened");
        let hub = Hub::start(store.clone(), &mut Registry::default());
        let handler = registry::Registry::new(registry::Parts {
            store,
            hub,
            admission: Arc::new(admission_seam::Chain::default()),
            authorizer: Arc::new(Anything),
            tokens: None,
            reviewers: None,
            services: ServiceRanges::default(),
            clock: system,
        });
        let chain = Chain::new(Parts {
            authenticator: Arc::new(Anybody),
            authorizer: Arc::new(Anything),
            audit: None,
            flow_control: None,
            handler: Arc::new(handler),
            metrics: Metrics::register(&mut Registry::default()),
            request_timeout: Duration::from_secs(30),
            clock: system,
        });
        let endpoints = vec![Endpoint::Plain(SocketAddr::from(([127, 0, 0, 1], 0)))];
        let limits = Limits { workers: 1, ..Limits::default() };
        let server = listener::start(endpoints, limits, chain).await.expect("listening");
        let address = server.addresses()[0];
        Self { address, _server: server, _postgres: postgres, _directory: directory }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        let length = body.len();
        let head =
            format!("{request} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(body).await.expect("sent");
        let mut read = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("in time").expect("read");
        Answer::parse(&read)
    }

    /// Sends JSON, or a patch where the method is PATCH, and reads JSON.
    pub(crate) async fn ask(&self, request: &str, body: &Value) -> (u16, Value) {
        let kind = if request.starts_with("PATCH") { "application/merge-patch+json" } else { "application/json" };
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).expect("JSON") };
        let headers = format!("Content-Type: {kind}\r\nUser-Agent: tester/1\r\n");
        let answer = self.send(request, &headers, &bytes).await;
        (answer.code, answer.json())
    }

    /// The same, for answers that are expected to have this code.
    pub(crate) async fn expect(&self, code: u16, request: &str, body: &Value) -> Value {
        let (found, answer) = self.ask(request, body).await;
        assert_eq!(found, code, "{request}: {answer}");
        answer
    }

    /// The message of a refusal with this code.
    pub(crate) async fn refused(&self, code: u16, request: &str, body: &Value) -> String {
        let answer = self.expect(code, request, body).await;
        assert_eq!((answer["kind"].as_str(), answer["status"].as_str()), (Some("Status"), Some("Failure")), "{answer}");
        answer["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// Lets the user that Postgres runs as get into the directory.
fn open_to_others(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("opened");
}

impl Answer {
    fn parse(read: &[u8]) -> Self {
        let end = read.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(read[..end + 2].to_vec()).expect("text");
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        let mut answer = Self { code, head, body: read[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = dechunk(&answer.body);
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&body[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(length) = length.filter(|length| *length > 0 && end + 2 + length + 2 <= body.len()) else { break };
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
    whole
}
