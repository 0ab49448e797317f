//! A whole API server, put together from its parts.
//!
//! [`ApiServer::start`] flow: keys from the database → hub over the store → what authentication and authorization look
//! objects up in → registry, discovery, documents and endpoints behind the filter chain → listener (TLS, and a
//! Unix socket for what runs on the same machine) → kubeconfigs for those who are to use it → hooks that bring about what
//! every cluster begins with ([`bootstrap`]). [`ApiServer::ready`] waits until `/readyz` would say yes.
//!
//! Invariants. Any number of servers run on one database: keys live there, and everything that is brought about is
//! brought about by compare-and-swap. Nobody is `system:masters`: the administrator's group is bound by an object, and
//! the bootstrap writes to the store itself. Endpoints of `default/kubernetes` are never loopback addresses.
//!
//! Deliberately absent: audit and flow control (their seams are empty), and the renewal of authorities while a server
//! runs.

mod bootstrap;
mod handler;
mod health;
mod key_store;
mod node_graph;
mod object_getter;
mod rbac;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use howdah_store::Store;
use k8s_openapi::jiff::Timestamp;
use prometheus_client::registry::Registry as MetricsRegistry;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use bootstrap::BootstrapError;
pub use key_store::DatabaseKeyStore;

use self::bootstrap::{Facts, Hooks};
use self::handler::{Joined, TokenDocuments};
use self::health::Mark;
use self::object_getter::Objects;
use self::rbac::Rbac;
use crate::admission;
use crate::authentication::request_header::RequestHeader;
use crate::authentication::service_account::ObjectGetter;
use crate::authentication::service_account::bound::Issuers;
use crate::authentication::service_account::issue::Issuer as TokenIssuer;
use crate::authentication::service_account::key::{KeyError, SigningKey, VerifyingKey};
use crate::authentication::token_cache::{NoRandomness, TokenCache};
use crate::authentication::user::UserInfo;
use crate::authentication::x509::{ClientCas, RootError};
use crate::authentication::{self, Anonymous, TokenAuthenticators};
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::{Authorizer, PrivilegedGroup, Union};
use crate::authorization::node::NodeAuthorizer;
use crate::discovery::{self, Discovery};
use crate::endpoint::SystemEndpoints;
use crate::endpoint::metrics::MetricsEndpoint;
use crate::endpoint::version::Version;
use crate::filter::{Chain, Metrics, Parts, REQUEST_TIMEOUT};
use crate::hub::Hub;
use crate::listener::{self, Endpoint, Limits, ListenError, Server, Tls, TlsError};
use crate::openapi::OpenApi;
use crate::pki::profile::{Issuer, Profile, ServerNames};
use crate::pki::{Bundle, KeyStoreError, Pki, PkiError, kubeconfig, renewal};
use crate::registry::allocation::ServiceRanges;
use crate::registry::{self, Registry, Reviewers, Tokens, route};

/// The version of Kubernetes that is spoken: 1.37.
const MINOR: u32 = 37;
/// The name of RBAC in refusals, upstream's.
const RBAC_NAME: &str = "RBAC";
/// Where the administrator's kubeconfig lies in the data directory.
pub const ADMIN_KUBECONFIG: &str = "admin.kubeconfig";

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where kubeconfigs and the socket are written.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address at which others find this server; not a loopback address.
    pub advertised: IpAddr,
    /// What Services are given; the first address is the API server's.
    pub services: ServiceRanges,
    /// The cluster's DNS domain.
    pub cluster_domain: String,
    /// This server's name, which its certificate is kept under: no two servers of a cluster share it.
    pub name: String,
    /// What bounds the listener.
    pub limits: Limits,
    /// The time of day.
    pub clock: fn() -> Timestamp,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address for others is one that others can't reach.
    #[error("{0} can't be told to others: it is a loopback or an unspecified address")]
    Advertised(IpAddr),
    /// The keys can't be made or read.
    #[error("the cluster's keys can't be had")]
    Pki(#[source] PkiError),
    /// A ServiceAccount key can't be used.
    #[error("a key for ServiceAccount tokens can't be used")]
    TokenKey(#[source] KeyError),
    /// An authority can't be used.
    #[error("an authority's certificate can't be used")]
    Authority(#[source] RootError),
    /// The serving certificate can't be used.
    #[error("the serving certificate can't be used")]
    Tls(#[source] TlsError),
    /// There is no randomness.
    #[error("the system gives no random bytes")]
    Randomness(#[source] NoRandomness),
    /// The listener can't start.
    #[error("the listener can't start")]
    Listen(#[source] ListenError),
    /// A kubeconfig can't be written.
    #[error("a kubeconfig can't be written")]
    Kubeconfig(#[source] KeyStoreError),
}

/// A running API server.
pub struct ApiServer {
    server: Server,
    hub: Hub,
    store: Store,
    rbac: Arc<Rbac>,
    hooks: Vec<Mark>,
    running: Mark,
    facts: Facts,
    clock: fn() -> Timestamp,
    kubeconfig: PathBuf,
    /// End when the server goes.
    tasks: JoinSet<()>,
}

impl ApiServer {
    /// Starts a server on an open store. Needs a tokio runtime with several threads, or one that is not kept busy.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn start(options: Options, store: Store) -> Result<Self, StartError> {
        let Options { data_dir, listen, advertised, services, cluster_domain, name, limits, clock } = options;
        let service_address = services.api_server();
        if advertised.is_loopback() || advertised.is_unspecified() {
            return Err(StartError::Advertised(advertised));
        }
        let mut metrics = MetricsRegistry::default();
        store.register_metrics(&mut metrics);
        let hub = Hub::start(store.clone(), &mut metrics);
        // Begun before keys are made, so that both are under way at once.
        let rbac = Rbac::start(&hub);
        let mut tasks = JoinSet::new();
        let graph = node_graph::follow(&hub, &mut tasks);

        let pki = Pki::open(Arc::new(DatabaseKeyStore::new(store.clone())), clock()).await.map_err(StartError::Pki)?;
        let addresses = vec![listen.ip(), advertised].into_iter().filter(|address| !address.is_unspecified()).collect();
        let profile = Profile::serving(&ServerNames {
            server: name,
            cluster_domain: cluster_domain.clone(),
            addresses,
            names: Vec::new(),
            service_address,
        });
        let (served, identity) = renewal::identity(&pki, &profile, clock()).await.map_err(StartError::Pki)?;
        let tls = Tls::new(identity).map_err(StartError::Tls)?;

        let issuer = format!("https://kubernetes.default.svc.{cluster_domain}");
        let objects: Arc<dyn ObjectGetter> = Arc::new(Objects::new(&hub, store.clone()));
        let (keys, signing) = token_keys(&pki).await?;
        let issuers = Issuers { names: vec![issuer.clone()], keys, api_audiences: vec![issuer.clone()] };
        let documents = TokenDocuments::new(
            &issuer,
            &format!("https://{}", SocketAddr::new(advertised, listen.port())),
            &issuers.keys,
        );
        let authenticators = Arc::new(authenticators(&pki, issuers, Arc::clone(&objects), clock).await?);
        let authorizer: Arc<dyn Authorizer> = Arc::new(Union::new(vec![
            (PrivilegedGroup::NAME, Arc::new(PrivilegedGroup)),
            (NodeAuthorizer::NAME, Arc::new(NodeAuthorizer::new(graph))),
            (RBAC_NAME, Arc::clone(&rbac) as Arc<dyn Authorizer>),
        ]));
        let (hooks, running) = (Hooks::new(), Mark::new("shutdown", "process is shutting down"));
        running.set(true);
        let (livez, readyz) = health::endpoints(&store, &rbac, &hooks.marks(), &running);
        let resources = served_resources();
        let tokens = TokenIssuer {
            name: issuer.clone(),
            key: Arc::new(signing),
            api_audiences: vec![issuer],
            max_expiration_seconds: None,
            extends: true,
        };
        let rules = Arc::clone(&rbac);
        let admission = admission::chain(admission::Parts {
            hub: hub.clone(),
            store: store.clone(),
            authorizer: Arc::clone(&authorizer),
            rules: Arc::new(move || rules.snapshot()),
            clock,
        });
        let registry = Registry::new(registry::Parts {
            store: store.clone(),
            hub: hub.clone(),
            admission: Arc::new(admission),
            authorizer: Arc::clone(&authorizer),
            tokens: Some(Tokens { issuer: Arc::new(tokens), objects }),
            reviewers: Some(Reviewers { authenticators: Arc::clone(&authenticators) }),
            services,
            clock,
        });
        let request_metrics = Metrics::register(&mut metrics);
        let handler = Joined {
            registry,
            discovery: Discovery::new(&resources, &SocketAddr::new(advertised, listen.port()).to_string()),
            openapi: Arc::new(OpenApi::new(&resources)),
            tokens: documents,
            system: SystemEndpoints {
                livez,
                readyz,
                version: Version::of_this_build(MINOR),
                metrics: MetricsEndpoint::new(Arc::new(metrics)),
            },
        };
        let chain = Chain::new(Parts {
            authenticator: authenticators,
            authorizer,
            audit: None,
            flow_control: None,
            handler: Arc::new(handler),
            metrics: request_metrics,
            request_timeout: REQUEST_TIMEOUT,
            clock,
        });
        let endpoints =
            vec![Endpoint::Tls(listen, Arc::clone(&tls)), Endpoint::Unix(data_dir.join("run").join("api.sock"))];
        let server = listener::start(endpoints, limits, chain).await.map_err(StartError::Listen)?;
        tasks.spawn(renewal::keep_serving(pki.clone(), profile, tls, served, clock));

        let bound = server.addresses().first().copied().unwrap_or(listen);
        let kubeconfig = write_kubeconfigs(&pki, &data_dir, bound, clock).await?;
        let ca = |bundle: Bundle| bundle.certificate_pem().to_owned();
        let facts = Facts {
            advertised,
            port: bound.port(),
            service_address,
            client_ca: pki.authority(Issuer::Cluster, clock()).await.map(ca).map_err(StartError::Pki)?,
            front_proxy_ca: pki.authority(Issuer::FrontProxy, clock()).await.map(ca).map_err(StartError::Pki)?,
        };
        hooks.start(&store, clock, &facts, &mut tasks);
        let hooks = hooks.marks();
        Ok(Self { server, hub, store, rbac, hooks, running, facts, clock, kubeconfig, tasks })
    }

    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.addresses().first().copied()
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The watch hub.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Waits until everything that `/readyz` looks at is well and the administrator has their rights; false where the
    /// deadline passes before.
    pub async fn ready(&self, deadline: Instant) -> bool {
        for hook in &self.hooks {
            if !hook.wait(deadline).await {
                return false;
            }
        }
        // The hooks have written; the authorizer must have read.
        let Profile { common_name, organizations, .. } = Profile::admin();
        let administrator = Arc::new(UserInfo::new(common_name, organizations));
        let attributes = Attributes::path(administrator, "get", "/readyz");
        self.rbac.wait_for(|rules| rules.authorize(&attributes).is_allowed(), deadline).await
    }

    /// Stops: leaves the endpoints, ends watches, lets requests finish for `grace` at most. The store stays open.
    /// Returns whether everything finished by itself.
    pub async fn shut_down(self, grace: Duration) -> bool {
        let Self { server, hub, store, facts, clock, running, mut tasks, .. } = self;
        running.set(false);
        tasks.shutdown().await;
        bootstrap::leave(&store, clock, &facts).await;
        let in_time = server.shut_down(grace).await;
        hub.stop();
        in_time
    }
}

/// The keys by which tokens are checked, and the one that signs.
async fn token_keys(pki: &Pki) -> Result<(Vec<VerifyingKey>, SigningKey), StartError> {
    let stored = pki.signing_keys().await.map_err(StartError::Pki)?;
    let mut keys = Vec::new();
    for key in &stored {
        keys.push(SigningKey::from_pem(key.pem().as_bytes()).map_err(StartError::TokenKey)?);
    }
    let verifying = keys.iter().map(|key| key.verifying_key().clone()).collect();
    let signing = keys.into_iter().next().expect("the key store gives one key at least");
    Ok((verifying, signing))
}

async fn authenticators(
    pki: &Pki,
    issuers: Issuers,
    objects: Arc<dyn ObjectGetter>,
    clock: fn() -> Timestamp,
) -> Result<authentication::Chain, StartError> {
    let mut authorities = Vec::new();
    for issuer in [Issuer::FrontProxy, Issuer::Cluster] {
        let trusted = pki.trusted(issuer, clock()).await.map_err(StartError::Pki)?;
        authorities.push(ClientCas::new(&trusted).map_err(StartError::Authority)?);
    }
    let client_cas = authorities.pop();
    let front_proxy = authorities.pop();
    let allowed = vec!["front-proxy-client".to_owned()];
    let cache = TokenCache::new().map_err(StartError::Randomness)?;
    Ok(authentication::Chain {
        request_header: front_proxy.map(|authority| RequestHeader::standard(authority, allowed)),
        client_cas,
        tokens: TokenAuthenticators { issuers, objects, bootstrap: true, cache },
        anonymous: Anonymous::default(),
    })
}

/// What discovery tells of: what the registry serves.
fn served_resources() -> discovery::Served {
    discovery::Served::built_in(|row, subresource| {
        route::by_plural(&row.group, &row.version, &row.plural)
            .is_some_and(|served| subresource.is_empty() || served.serves(subresource))
    })
}

/// Writes the kubeconfigs of the administrator and of Howdah's own components; gives the administrator's path.
async fn write_kubeconfigs(
    pki: &Pki,
    data_dir: &Path,
    bound: SocketAddr,
    clock: fn() -> Timestamp,
) -> Result<PathBuf, StartError> {
    // Whoever listens everywhere is found here as well.
    let mut address = bound;
    if address.ip().is_unspecified() {
        address.set_ip(if bound.is_ipv6() {
            IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
        } else {
            IpAddr::from([127, 0, 0, 1])
        });
    }
    let server = format!("https://{address}");
    let authority = pki.authority(Issuer::Cluster, clock()).await.map_err(StartError::Pki)?;
    let profiles = [
        (ADMIN_KUBECONFIG, Profile::admin()),
        ("scheduler.kubeconfig", Profile::scheduler()),
        ("controller-manager.kubeconfig", Profile::controller_manager()),
    ];
    for (file, profile) in profiles {
        let bundle = pki.bundle(&profile, clock()).await.map_err(StartError::Pki)?;
        let text = kubeconfig::render(&server, &authority, &profile.common_name, &bundle);
        kubeconfig::write(&data_dir.join(file), text).await.map_err(StartError::Kubeconfig)?;
    }
    Ok(data_dir.join(ADMIN_KUBECONFIG))
}
