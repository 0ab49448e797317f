//! The parts of a kubeconfig that name a server and how to be believed by it.
//!
//! Read is the current context: the server, its certificate authority (or that none is asked for), and a client
//! certificate or a bearer token. Deliberately absent: credential plugins and proxies, which are refused rather than
//! passed over.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A server and the credentials for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kubeconfig {
    /// The server's URL, without a slash at its end.
    pub(crate) server: String,
    /// The name that the server's certificate has to bear, if not the URL's host.
    pub(crate) server_name: Option<String>,
    /// Whom the server's certificate has to come from.
    pub(crate) trust: Trust,
    /// The client's certificates and key, PEM.
    pub(crate) certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// The client's bearer token.
    pub(crate) token: Option<String>,
}

/// Whom a server's certificate has to come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The certificate authorities of this PEM.
    Authority(Vec<u8>),
    /// Anybody.
    Anybody,
}

impl Kubeconfig {
    /// Reads the file.
    ///
    /// # Errors
    /// Where it can't be read, names no server, or needs what is not done here.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let dir = file.parent().unwrap_or(Path::new("."));
        Self::parse(&text, dir).with_context(|| format!("{} can't be used", file.display()))
    }

    /// Reads a kubeconfig's text; relative paths in it start from `dir`.
    fn parse(text: &[u8], dir: &Path) -> Result<Self> {
        let config = howdah_api::codec::yaml::to_json(text)?.value;
        let current = string(&config, "current-context").context("there is no current-context")?;
        let context = named(&config, "contexts", "context", current)?;
        let name = |key| string(context, key).with_context(|| format!("the context {current} names no {key}"));
        let cluster = named(&config, "clusters", "cluster", name("cluster")?)?;
        let user = named(&config, "users", "user", name("user")?)?;
        for (from, key) in [(cluster, "proxy-url"), (user, "exec"), (user, "auth-provider"), (user, "as")] {
            ensure!(from.get(key).is_none_or(Value::is_null), "{key} is not supported");
        }
        let server = string(cluster, "server").context("the cluster has no server")?;
        let trust = match data(cluster, "certificate-authority", dir)? {
            _ if cluster.get("insecure-skip-tls-verify") == Some(&Value::Bool(true)) => Trust::Anybody,
            Some(pem) => Trust::Authority(pem),
            None if server.starts_with("http://") => Trust::Anybody,
            None => bail!("the cluster has no certificate-authority"),
        };
        let certificate = match (data(user, "client-certificate", dir)?, data(user, "client-key", dir)?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => bail!("the user has a certificate or a key, but not both"),
        };
        let token = match (string(user, "token"), string(user, "tokenFile")) {
            (Some(token), _) => Some(token.to_owned()),
            (None, Some(file)) => Some(fs::read_to_string(dir.join(file)).context("reading the token")?.trim().into()),
            (None, None) => None,
        };
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            server_name: string(cluster, "tls-server-name").map(str::to_owned),
            trust,
            certificate,
            token,
        })
    }
}

fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// What the entry called `name` of `list` holds below `key`.
fn named<'a>(config: &'a Value, list: &str, key: &str, name: &str) -> Result<&'a Value> {
    let entries = config.get(list).and_then(Value::as_array).with_context(|| format!("there are no {list}"))?;
    let entry = entries.iter().find(|entry| string(entry, "name") == Some(name));
    entry.and_then(|entry| entry.get(key)).with_context(|| format!("{list} has no {name}"))
}

/// The bytes that `key` names a file of, or that `key`-data holds in base64; the latter wins, as in kubectl.
fn data(value: &Value, key: &str, dir: &Path) -> Result<Option<Vec<u8>>> {
    if let Some(text) = string(value, &format!("{key}-data")) {
        return Ok(Some(STANDARD.decode(text).with_context(|| format!("{key}-data is not base64"))?));
    }
    let Some(file) = string(value, key) else { return Ok(None) };
    let file: PathBuf = dir.join(file);
    Ok(Some(fs::read(&file).with_context(|| format!("reading {}", file.display()))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(cluster: &str, user: &str) -> Result<Kubeconfig> {
        let text = format!(
            "clusters: [{{name: other, cluster: {{server: 'https://x'}}}}, {{name: c, cluster: {{{cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\n\
             contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\ncurrent-context: here\n"
        );
        Kubeconfig::parse(text.as_bytes(), Path::new("/nowhere"))
    }

    #[test]
    fn the_current_context_is_read() {
        let config = parse("server: 'https://h:1/', certificate-authority-data: YQ==", "token: t").expect("readable");
        let expected = Kubeconfig {
            server: "https://h:1".into(),
            server_name: None,
            trust: Trust::Authority(b"a".to_vec()),
            certificate: None,
            token: Some("t".into()),
        };
        assert_eq!(config, expected);
        let user = "client-certificate-data: Yg==, client-key-data: Yw==";
        let config = parse("server: 'https://h', insecure-skip-tls-verify: true", user).expect("readable");
        assert_eq!((config.trust, config.certificate), (Trust::Anybody, Some((b"b".to_vec(), b"c".to_vec()))));
    }

    #[test]
    fn what_is_not_done_is_refused() {
        let good = "server: 'https://h', insecure-skip-tls-verify: true";
        for (cluster, user, expected) in [
            ("server: 'https://h'", "token: t", "the cluster has no certificate-authority"),
            ("insecure-skip-tls-verify: true", "token: t", "the cluster has no server"),
            (good, "exec: {command: login}", "exec is not supported"),
            (good, "client-key-data: Yw==", "the user has a certificate or a key, but not both"),
            ("server: 'https://h', certificate-authority-data: '?'", "", "certificate-authority-data is not base64"),
            ("server: 'https://h', certificate-authority: ca.crt", "", "reading /nowhere/ca.crt"),
        ] {
            assert_eq!(parse(cluster, user).expect_err(expected).to_string(), expected);
        }
    }
}
