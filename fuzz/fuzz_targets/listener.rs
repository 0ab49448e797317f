//! The whole listener over a Unix socket: a line with the length of pieces, and what a client sends before it ends its side.
//!
//! Every connection has to end by itself then, whatever was sent, and the next one is served. The chain lets everybody
//! do everything; the handler reads the body and answers with its length, or echoes over an upgraded connection.

#![no_main]

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

use actix_web::HttpResponse;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use futures_util::{FutureExt as _, StreamExt as _};
use howdah_fuzz::input::Input;
use howdah_server::authentication::user::UserInfo;
use howdah_server::authentication::{Authenticated, Evidence, Outcome};
use howdah_server::authorization::attributes::Attributes;
use howdah_server::authorization::authorizer::{Authorizer, Verdict};
use howdah_server::clock::system;
use howdah_server::filter::seam::{Authenticator, Handler};
use howdah_server::filter::{AuthorizedRequest, Chain, Metrics, Parts};
use howdah_server::listener::{self, Endpoint, Limits};
use howdah_server::status::ApiError;
use libfuzzer_sys::fuzz_target;
use prometheus_client::registry::Registry;

/// How long a connection may take to end; the listener's own waits are shorter.
const PATIENCE: Duration = Duration::from_secs(8);
/// After so many inputs a plain request has to be answered.
const INTERVAL: usize = 64;

struct Anybody;

impl Authenticator for Anybody {
    fn authenticate<'a>(&'a self, _evidence: Evidence<'a>) -> BoxFuture<'a, Outcome> {
        std::future::ready(Ok(Some(Authenticated::new(UserInfo::new("anybody", ["all"]))))).boxed()
    }
}

struct Anything;

impl Authorizer for Anything {
    fn authorize(&self, _attributes: &Attributes) -> Verdict {
        Verdict::allow("")
    }
}

struct Counting;

impl Handler for Counting {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        async move {
            if let Some(protocol) = request.wants_upgrade().map(str::to_owned) {
                let (response, upgraded) = request.upgrade(&protocol);
                tokio::task::spawn_local(async move {
                    let (mut reader, mut writer) = tokio::io::split(upgraded);
                    let _ended = tokio::io::copy(&mut reader, &mut writer).await.is_ok();
                });
                return Ok(response);
            }
            let (mut payload, mut length) = (request.into_payload(), 0);
            while let Some(piece) = payload.next().await {
                length += piece.map_err(|error| ApiError::BadRequest(error.to_string()))?.len();
            }
            Ok(HttpResponse::Ok().body(length.to_string()))
        }
        .boxed_local()
    }
}

/// The socket of a listener that runs as long as the process.
static SOCKET: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let socket = folder.join("private/socket");
    let (started, is_started) = mpsc::sync_channel(1);
    let path = socket.clone();
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let chain = Chain::new(Parts {
                authenticator: Arc::new(Anybody),
                authorizer: Arc::new(Anything),
                audit: None,
                flow_control: None,
                handler: Arc::new(Counting),
                metrics: Metrics::register(&mut Registry::default()),
                request_timeout: Duration::from_secs(2),
                clock: system,
            });
            let limits = Limits {
                workers: 1,
                handshake: Duration::from_millis(500),
                head: Duration::from_millis(500),
                keep_alive: Duration::from_millis(500),
                ..Limits::default()
            };
            let server = listener::start(vec![Endpoint::Unix(path)], limits, chain).await.expect("started");
            started.send(()).expect("somebody waits");
            std::future::pending::<()>().await;
            drop(server);
        });
    };
    std::thread::Builder::new().name("listener".to_owned()).spawn(serve).expect("a thread");
    is_started.recv_timeout(PATIENCE).expect("it starts");
    socket
});

static RUN: AtomicUsize = AtomicUsize::new(0);

/// Sends the pieces, ends that side, and reads to the end.
fn exchange<'p>(socket: &Path, pieces: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream.set_write_timeout(Some(PATIENCE)).expect("set");
    for piece in pieces {
        // The server may hang up while there is more to be sent.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let _hung_up = stream.shutdown(Shutdown::Write).is_err();
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        let waited = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        assert!(!waited, "the connection does not end");
    }
    answer
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let length = input.words().at(0).parse::<usize>().unwrap_or(4096).clamp(16, 4096);
    let answer = exchange(&SOCKET, input.rest().chunks(length));
    if answer.starts_with(b"H") {
        assert!(answer.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(&answer));
    }
    if RUN.fetch_add(1, Ordering::Relaxed) % INTERVAL == 0 {
        let plain = b"GET /ok HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let answer = exchange(&SOCKET, std::iter::once(&plain[..]));
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{:?}", String::from_utf8_lossy(&answer));
    }
});
