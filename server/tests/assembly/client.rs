//! A client that has nothing but a kubeconfig, or not even that.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// No wait of a test is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One HTTP/2 connection.
pub(crate) struct Client {
    requests: h2::client::SendRequest<Bytes>,
    bearer: Option<String>,
}

/// A watch's events.
pub(crate) struct Events {
    body: h2::RecvStream,
    read: Vec<u8>,
}

impl Client {
    /// As the kubeconfig says.
    pub(crate) async fn of(kubeconfig: &Path, address: SocketAddr) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let (chain, key) = (pem(&text, "client-certificate-data"), pem(&text, "client-key-data"));
        let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
        Self::connect(&text, address, Some((chain, key)), None).await
    }

    /// Without a certificate, perhaps with a token.
    pub(crate) async fn without_certificate(kubeconfig: &Path, address: SocketAddr, bearer: Option<&str>) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        Self::connect(&text, address, None, bearer).await
    }

    async fn connect(
        kubeconfig: &str,
        address: SocketAddr,
        own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        bearer: Option<&str>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(&pem(kubeconfig, "certificate-authority-data")) {
            roots.add(authority.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match own {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::from(address.ip());
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { requests, bearer: bearer.map(str::to_owned) }
    }

    async fn begin(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, h2::RecvStream) {
        let mut requests = timeout(PATIENCE, self.requests.clone().ready()).await.unwrap().unwrap();
        let mut request = http::Request::builder().method(method).uri(format!("https://localhost{path}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        if let Some(token) = &self.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (response, mut sender) = requests.send_request(request.body(()).unwrap(), body.is_none()).unwrap();
        if let Some(body) = body {
            sender.send_data(Bytes::from(body.to_string()), true).unwrap();
        }
        let response = timeout(PATIENCE, response).await.unwrap().unwrap();
        (response.status().as_u16(), response.into_body())
    }

    /// A request and its whole answer.
    pub(crate) async fn text(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let (code, body) = self.begin(method, path, body).await;
        let mut events = Events { body, read: Vec::new() };
        while events.more().await {}
        (code, String::from_utf8(events.read).unwrap())
    }

    /// A request whose answer is JSON.
    pub(crate) async fn json(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (code, text) = self.text(method, path, body).await;
        (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{method} {path}: {code} {text}")))
    }

    /// What is at a path, which has to be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (code, value) = self.json("GET", path, None).await;
        assert_eq!(code, 200, "{path}: {value}");
        value
    }

    /// Begins a watch.
    pub(crate) async fn watch(&self, path: &str) -> Events {
        let (code, body) = self.begin("GET", path, None).await;
        assert_eq!(code, 200, "{path}");
        Events { body, read: Vec::new() }
    }
}

impl Events {
    async fn more(&mut self) -> bool {
        let Some(piece) = timeout(PATIENCE, self.body.data()).await.expect("in time") else { return false };
        let Ok(piece) = piece else { return false };
        self.body.flow_control().release_capacity(piece.len()).unwrap();
        self.read.extend_from_slice(&piece);
        true
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            if !self.more().await {
                return None;
            }
        }
    }
}

fn pem(kubeconfig: &str, member: &str) -> Vec<u8> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix(member)?.strip_prefix(": ")).unwrap();
    STANDARD.decode(line).unwrap()
}
