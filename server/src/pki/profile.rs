//! Which certificates there are, and what each of them says.
//!
//! Names and groups are upstream's, because its roles and bindings rest on them; the administrator's is what kubeadm
//! gives since 1.29.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer {
    /// The cluster's authority: servers, components, nodes, people.
    Cluster,
    /// The authority of front proxies, whose word about users is taken.
    FrontProxy,
}

impl Issuer {
    pub(super) fn entry(self) -> &'static str {
        match self {
            Self::Cluster => "cluster-ca",
            Self::FrontProxy => "front-proxy-ca",
        }
    }

    pub(super) fn common_name(self) -> &'static str {
        match self {
            Self::Cluster => "kubernetes",
            Self::FrontProxy => "front-proxy-ca",
        }
    }
}

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// Proves a client's identity.
    Client,
    /// Proves a server's names and addresses.
    Server {
        /// DNS names.
        names: BTreeSet<String>,
        /// IP addresses.
        addresses: BTreeSet<IpAddr>,
    },
}

/// What one certificate says, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The entry in the key store.
    pub entry: String,
    /// Who signs it.
    pub issuer: Issuer,
    /// The subject's common name: for a client, the user.
    pub common_name: String,
    /// The subject's organizations: for a client, its groups.
    pub organizations: Vec<String>,
    /// What it is for.
    pub usage: Usage,
}

/// Where an API server is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerNames {
    /// The server's own name: each server of a cluster has a certificate of its own.
    pub server: String,
    /// The cluster's DNS domain, such as `cluster.local`.
    pub cluster_domain: String,
    /// The node's addresses and names, and what clients are told to connect to.
    pub addresses: Vec<IpAddr>,
    /// Further DNS names.
    pub names: Vec<String>,
    /// The first address of the service range, which is the API's inside the cluster.
    pub service_address: IpAddr,
}

impl Profile {
    fn client(entry: &str, common_name: &str, organizations: &[&str]) -> Self {
        Self {
            entry: entry.to_owned(),
            issuer: Issuer::Cluster,
            common_name: common_name.to_owned(),
            organizations: organizations.iter().map(|name| (*name).to_owned()).collect(),
            usage: Usage::Client,
        }
    }

    /// An API server's serving certificate.
    #[must_use]
    pub fn serving(names: &ServerNames) -> Self {
        let service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(str::to_owned);
        let full = format!("kubernetes.default.svc.{}", names.cluster_domain);
        let own = [full, "localhost".to_owned(), names.server.clone()];
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), names.service_address];
        Self {
            entry: format!("serving-{}", names.server),
            issuer: Issuer::Cluster,
            common_name: "kube-apiserver".to_owned(),
            organizations: Vec::new(),
            usage: Usage::Server {
                names: service.into_iter().chain(own).chain(names.names.iter().cloned()).collect(),
                addresses: loopback.into_iter().chain(names.addresses.iter().copied()).collect(),
            },
        }
    }

    /// The kubelet's serving certificate on a node.
    #[must_use]
    pub fn kubelet_serving(node: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            entry: format!("kubelet-serving-{node}"),
            issuer: Issuer::Cluster,
            common_name: format!("system:node:{node}"),
            organizations: vec!["system:nodes".to_owned()],
            usage: Usage::Server {
                names: BTreeSet::from([node.to_owned()]),
                addresses: addresses.into_iter().collect(),
            },
        }
    }

    /// The administrator's; a binding makes the group cluster-admin, so it can be taken back.
    #[must_use]
    pub fn admin() -> Self {
        Self::client("admin", "kubernetes-admin", &["kubeadm:cluster-admins"])
    }

    /// The scheduler's.
    #[must_use]
    pub fn scheduler() -> Self {
        Self::client("scheduler", "system:kube-scheduler", &[])
    }

    /// The controller manager's; each controller goes on as a ServiceAccount of its own.
    #[must_use]
    pub fn controller_manager() -> Self {
        Self::client("controller-manager", "system:kube-controller-manager", &[])
    }

    /// A node agent's, for which the Node authorizer answers.
    #[must_use]
    pub fn node(name: &str) -> Self {
        Self::client(&format!("node-{name}"), &format!("system:node:{name}"), &["system:nodes"])
    }

    /// The API server's when it calls kubelets.
    #[must_use]
    pub fn kubelet_client() -> Self {
        Self::client("kubelet-client", "kube-apiserver-kubelet-client", &[])
    }

    /// The API server's when it passes requests on to extension servers.
    #[must_use]
    pub fn front_proxy_client() -> Self {
        Self { issuer: Issuer::FrontProxy, ..Self::client("front-proxy-client", "front-proxy-client", &[]) }
    }
}
