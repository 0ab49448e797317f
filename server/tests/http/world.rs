//! A server whose authenticator, authorizer and handler do what the paths and headers of a test say.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use howdah_server::authentication::user::UserInfo;
use howdah_server::authentication::{Authenticated, AuthenticationError, Evidence, Outcome};
use howdah_server::authorization::attributes::Attributes;
use howdah_server::authorization::authorizer::{Authorizer, Verdict};
use howdah_server::clock::system;
use howdah_server::filter::seam::{Authenticator, FlowControl, Handler, Seat};
use howdah_server::filter::{AuthorizedRequest, Chain, Metrics, Parts};
use howdah_server::listener::{self, Endpoint, Identity, Limits, Server, Tls};
use howdah_server::pki::Pki;
use howdah_server::pki::file_store::FileStore;
use howdah_server::pki::profile::{Issuer, Profile, ServerNames};
use howdah_server::status::ApiError;
use prometheus_client::registry::Registry;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Barrier;

/// Everybody is `anonymous`, or whom `x-user` names; the bearer token `wrong` is wrong.
pub(crate) struct TestAuthenticator;

impl Authenticator for TestAuthenticator {
    fn authenticate<'a>(&'a self, evidence: Evidence<'a>) -> BoxFuture<'a, Outcome> {
        let user = evidence.first("x-user").unwrap_or("anonymous");
        let outcome = match evidence.first("authorization") {
            Some("Bearer wrong") => Err(AuthenticationError::new("wrong")),
            _ => Ok(Some(Authenticated::new(UserInfo::new(user, ["testers"])))),
        };
        std::future::ready(outcome).boxed()
    }

    fn owns_header(&self, name: &str) -> bool {
        name == "x-user"
    }
}

/// Secrets and `/forbidden` are out of bounds.
pub(crate) struct TestAuthorizer;

impl Authorizer for TestAuthorizer {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        if attributes.resource == "secrets" || attributes.path == "/forbidden" {
            return Verdict::no_opinion("");
        }
        Verdict::allow("")
    }
}

/// Nobody gets a seat for `busyboxes`.
struct TestFlowControl;

impl FlowControl for TestFlowControl {
    fn admit<'a>(&'a self, attributes: &'a Attributes) -> BoxFuture<'a, Result<Seat, Duration>> {
        let busy = attributes.resource == "busyboxes";
        let admitted = if busy { Err(Duration::from_secs(3)) } else { Ok(Box::new(()) as Seat) };
        std::future::ready(admitted).boxed()
    }
}

/// Does what the path says.
#[derive(Default)]
pub(crate) struct TestHandler {
    /// Requests that are being answered or were.
    pub(crate) begun: AtomicUsize,
    /// Watches that have somebody to send to.
    pub(crate) watching: Arc<AtomicUsize>,
    /// Upgraded connections that ended in good order.
    pub(crate) echoed: Arc<AtomicUsize>,
    gathering: tokio::sync::OnceCell<Barrier>,
}

impl TestHandler {
    async fn answer(&self, request: AuthorizedRequest) -> Result<HttpResponse, ApiError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let info = Arc::clone(request.info());
        if matches!(info.subresource.as_str(), "exec" | "attach") {
            return Ok(echo(request, Arc::clone(&self.echoed)));
        }
        if info.verb == "watch" {
            let counted = Watching::new(&self.watching);
            let ticks = stream::unfold((0_u32, counted), |(count, counted)| async move {
                if count > 0 {
                    std::future::pending::<()>().await;
                }
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"{\"type\":\"BOOKMARK\"}\n")), (count + 1, counted)))
            });
            return Ok(HttpResponse::Ok().streaming(ticks));
        }
        match info.path.as_str() {
            "/ok" => Ok(HttpResponse::Ok().body("ok")),
            "/user" => Ok(HttpResponse::Ok().body(request.user().name.clone())),
            "/panic" => panic!("the handler was asked to"),
            "/sleep" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                Ok(HttpResponse::Ok().body("slept"))
            }
            "/hang" => std::future::pending().await,
            "/gather" => {
                let count = request.query().get("n").and_then(|n| n.parse().ok()).expect("a number");
                let barrier = self.gathering.get_or_init(|| async move { Barrier::new(count) }).await;
                barrier.wait().await;
                Ok(HttpResponse::Ok().body("gathered"))
            }
            "/headers" => {
                let mut names: Vec<_> = request.http().headers().keys().map(ToString::to_string).collect();
                names.sort();
                let upgrade = request.wants_upgrade().unwrap_or("none").to_owned();
                Ok(HttpResponse::Ok().body(format!("{};upgrade={upgrade}", names.join(","))))
            }
            "/peer" => {
                let certificates = request.peer().certificates().len();
                Ok(HttpResponse::Ok().body(format!("{certificates} {:?}", request.peer().transport)))
            }
            "/length" => {
                let mut payload = request.into_payload();
                let mut length = 0;
                while let Some(piece) = payload.next().await {
                    length += piece.map_err(|error| ApiError::BadRequest(error.to_string()))?.len();
                }
                Ok(HttpResponse::Ok().body(length.to_string()))
            }
            "/drip" => {
                let drops = stream::unfold((), |()| async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((Ok::<_, std::io::Error>(Bytes::from_static(b"drop")), ()))
                });
                Ok(HttpResponse::Ok().streaming(drops))
            }
            _ if info.is_resource_request => Err(ApiError::UnknownResource),
            _ => Err(ApiError::UnknownPath),
        }
    }
}

/// Counts a watch while it is there.
struct Watching(Arc<AtomicUsize>);

impl Watching {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Sends back what comes, over the upgraded connection.
fn echo(request: AuthorizedRequest, echoed: Arc<AtomicUsize>) -> HttpResponse {
    let Some(protocol) = request.wants_upgrade().map(str::to_owned) else {
        return HttpResponse::BadRequest().body("no upgrade");
    };
    let (response, upgraded) = request.upgrade(&protocol);
    tokio::task::spawn_local(async move {
        let (mut reader, mut writer) = tokio::io::split(upgraded);
        let copied = tokio::io::copy(&mut reader, &mut writer).await;
        if copied.is_ok() && writer.shutdown().await.is_ok() {
            echoed.fetch_add(1, Ordering::SeqCst);
        }
    });
    response
}

impl Handler for TestHandler {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        self.answer(request).boxed_local()
    }
}

pub(crate) fn chain(handler: Arc<dyn Handler>) -> Arc<Chain> {
    Chain::new(Parts {
        authenticator: Arc::new(TestAuthenticator),
        authorizer: Arc::new(TestAuthorizer),
        audit: None,
        flow_control: Some(Arc::new(TestFlowControl)),
        handler,
        metrics: Metrics::register(&mut Registry::default()),
        request_timeout: Duration::from_secs(30),
        clock: system,
    })
}

/// A running server and its keys.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) handler: Arc<TestHandler>,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    pub(crate) shown: Arc<Tls>,
    pub(crate) pki: Pki,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn serving_profile() -> Profile {
    Profile::serving(&ServerNames {
        server: "test".into(),
        cluster_domain: "cluster.local".into(),
        addresses: vec![],
        names: vec![],
        service_address: [10, 96, 0, 1].into(),
    })
}

pub(crate) async fn identity(pki: &Pki, profile: &Profile) -> Identity {
    let bundle = pki.bundle(profile, system()).await.expect("issued");
    Identity {
        chain: bundle.chain().expect("readable"),
        key: bundle.key().expect("readable"),
        client_authorities: pki.trusted(Issuer::Cluster, system()).await.expect("CA"),
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with_limits(Limits { workers: 2, ..Limits::default() }).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = FileStore::open(folder.path().join("keys")).expect("opened");
        let pki = Pki::open(Arc::new(store), system()).await.expect("opened");
        let shown = Tls::new(identity(&pki, &serving_profile()).await).expect("usable");
        let handler = Arc::new(TestHandler::default());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let endpoints = vec![Endpoint::Plain(any), Endpoint::Tls(any, Arc::clone(&shown))];
        let server = listener::start(endpoints, limits, chain(handler.clone())).await.expect("started");
        let (plain, tls) = (server.addresses()[0], server.addresses()[1]);
        Self { server, handler, plain, tls, shown, pki, folder }
    }
}
