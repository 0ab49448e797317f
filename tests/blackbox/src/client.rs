//! Raw HTTP to an API server: what stock clients would never send, and every byte of what comes back.

use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The code.
    pub code: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it isn't JSON; the error shows it.
    pub fn json(&self) -> Result<serde_json::Value> {
        let text = || format!("{} answered with {:?}", self.code, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).with_context(text)
    }
}

/// A client that trusts, and is trusted by, the server of a kubeconfig.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
}

impl Client {
    /// The client of the current context.
    ///
    /// # Errors
    /// When the kubeconfig can't be read or used.
    pub async fn new(kubeconfig: &Path) -> Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig).context("reading the kubeconfig")?;
        let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
        Ok(Self { kube: kube::Client::try_from(config)? })
    }

    /// One that sends by way of `kube`.
    #[must_use]
    pub fn with(kube: kube::Client) -> Self {
        Self { kube }
    }

    /// The typed client behind it.
    #[must_use]
    pub fn kube(&self) -> kube::Client {
        self.kube.clone()
    }

    /// Sends `request` and reads the whole answer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn send(&self, request: Request) -> Result<Answer> {
        let mut builder = http::Request::builder().method(request.method.as_str()).uri(&request.path);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let sent = builder.body(kube::client::Body::from(request.body))?;
        let answer = self.kube.send(sent).await.with_context(|| format!("{} {}", request.method, request.path))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("reading the answer")?.to_bytes();
        Ok(Answer { code: head.status.as_u16(), headers: head.headers, body })
    }
}
