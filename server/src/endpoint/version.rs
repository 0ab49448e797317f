//! `/version`: which Kubernetes this server speaks like, and which build it is.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::ContentType;
use serde::Serialize;

use crate::status::ApiError;

/// The answer, as `k8s.io/apimachinery/pkg/version.Info` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// `1`.
    pub major: String,
    /// The Kubernetes minor version.
    pub minor: String,
    /// `v1.37.0+howdah`, say.
    pub git_version: String,
    /// The commit built from.
    pub git_commit: String,
    /// `clean` or `dirty`.
    pub git_tree_state: String,
    /// When it was built, in RFC 3339.
    pub build_date: String,
    /// Upstream's field for its language's version.
    pub go_version: String,
    /// The compiler.
    pub compiler: String,
    /// Operating system and architecture, `linux/amd64`.
    pub platform: String,
}

impl Version {
    /// This build, speaking like Kubernetes 1.`minor`.
    #[must_use]
    pub fn of_this_build(minor: u32) -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self {
            major: "1".to_owned(),
            minor: minor.to_string(),
            git_version: format!("v1.{minor}.0+howdah.{}", env!("CARGO_PKG_VERSION")),
            git_commit: option_env!("HOWDAH_COMMIT").unwrap_or_default().to_owned(),
            git_tree_state: if option_env!("HOWDAH_COMMIT").is_some() { "clean" } else { "" }.to_owned(),
            build_date: option_env!("HOWDAH_BUILD_DATE").unwrap_or("1970-01-01T00:00:00Z").to_owned(),
            go_version: String::new(),
            compiler: "rustc".to_owned(),
            platform: format!("{}/{architecture}", std::env::consts::OS),
        }
    }

    pub(super) fn answer(&self, method: &Method) -> Result<HttpResponse, ApiError> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(ApiError::MethodNotAllowed);
        }
        let text = serde_json::to_string_pretty(self).map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(HttpResponse::Ok().insert_header(ContentType::json()).body(text))
    }
}
