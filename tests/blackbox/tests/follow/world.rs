//! Where a trial takes place: a server's address, the namespaces of a run, and whether an outage is announced.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use howdah_blackbox::{Client, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;

/// The annotation that holds a write's number.
pub(crate) const NUMBER: &str = "follow.example/number";
/// What the label `side` says. Objects that last are on the first.
pub(crate) const SIDES: [&str; 3] = ["left", "middle", "right"];

/// Whether the server is away by intent, and how often it was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outage {
    pub(crate) is_on: bool,
    pub(crate) count: u64,
}

impl Outage {
    pub(crate) fn begin(&mut self) {
        *self = Self { is_on: true, count: self.count + 1 };
    }

    pub(crate) fn end(&mut self) {
        self.is_on = false;
    }
}

/// A server, and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    kubeconfig: PathBuf,
    /// The local port to go through instead of the server's own.
    port: Option<u16>,
}

impl Place {
    pub(crate) fn new(kubeconfig: &Path) -> Self {
        Self { kubeconfig: kubeconfig.to_owned(), port: None }
    }

    /// The same server through another local port.
    pub(crate) fn through(&self, port: u16) -> Self {
        Self { port: Some(port), ..self.clone() }
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// How to reach it.
    pub(crate) async fn config(&self) -> Result<kube::Config> {
        let file = Kubeconfig::read_from(&self.kubeconfig).context("reading the kubeconfig")?;
        let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        if let Some(port) = self.port {
            config.cluster_url = format!("https://127.0.0.1:{port}").parse()?;
        }
        Ok(config)
    }

    /// A client with connections of its own.
    pub(crate) async fn client(&self) -> Result<Client> {
        Ok(Client::with(kube::Client::try_from(self.config().await?)?))
    }
}

/// Makes two namespaces that no other run has, with the account that pods run as: no controller makes it here.
pub(crate) async fn namespaces(place: &Place) -> Result<[String; 2]> {
    let client = place.client().await?;
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let names = ["a", "b"].map(|half| format!("follow-{run}-{half}"));
    for name in &names {
        let accounts = format!("/api/v1/namespaces/{name}/serviceaccounts");
        let objects = [("/api/v1/namespaces".to_owned(), name.as_str()), (accounts, "default")];
        for (path, name) in objects {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let body = json!({"metadata": {"name": name}}).to_string().into();
            let answer = client.send(Request { method: "POST".to_owned(), path, headers, body }).await?;
            let text = String::from_utf8_lossy(&answer.body);
            ensure!(answer.code == 201 || answer.code == 409 && name == "default", "{name}: {} {text}", answer.code);
        }
    }
    Ok(names)
}

/// Removes what a run left. Namespaces go where a controller empties them.
pub(crate) async fn clear(place: &Place, namespaces: &[String; 2]) -> Result<()> {
    let client = place.client().await?;
    for namespace in namespaces {
        let all = ["configmaps", "pods"].map(|plural| format!("/api/v1/namespaces/{namespace}/{plural}"));
        for path in all.into_iter().chain([format!("/api/v1/namespaces/{namespace}")]) {
            let answer = client.send(Request { method: "DELETE".to_owned(), path, ..Request::default() }).await?;
            ensure!(matches!(answer.code, 200 | 202), "clearing {namespace} was answered with {}", answer.code);
        }
    }
    Ok(())
}
