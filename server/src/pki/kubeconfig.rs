//! Kubeconfig files: where the server is, whom to trust, who one is.
//!
//! Source: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Bundle, KeyStoreError, file_store};

/// The text of a kubeconfig with one cluster, one user and one context, as kubeadm names them.
#[must_use]
pub fn render(server: &str, authority: &Bundle, user: &str, client: &Bundle) -> String {
    // A JSON string is a YAML one.
    let text = |value: &str| serde_json::Value::from(value).to_string();
    let data = |pem: &str| STANDARD.encode(pem);
    let context = format!("{user}@kubernetes");
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: kubernetes\n  cluster:\n    server: {}\n    \
         certificate-authority-data: {}\nusers:\n- name: {}\n  user:\n    client-certificate-data: {}\n    \
         client-key-data: {}\ncontexts:\n- name: {}\n  context:\n    cluster: kubernetes\n    user: {}\n\
         current-context: {}\npreferences: {{}}\n",
        text(server),
        data(authority.certificate_pem()),
        text(user),
        data(client.certificate_pem()),
        data(client.key_pem()),
        text(&context),
        text(user),
        text(&context),
    )
}

/// Writes a kubeconfig, mode 0600, whole or not at all.
///
/// # Errors
/// When the file can't be written.
pub async fn write(path: &Path, text: String) -> Result<(), KeyStoreError> {
    let target = path.to_owned();
    let written = tokio::task::spawn_blocking(move || file_store::write_atomically(&target, text.as_bytes())).await;
    let failed = |source| KeyStoreError { action: "write the kubeconfig", name: path.display().to_string(), source };
    written.map_err(std::io::Error::other).and_then(|result| result).map_err(failed)
}
