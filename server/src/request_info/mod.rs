//! What a request is about, read from its method, path and query alone.
//!
//! A pure function, [`RequestInfo::parse`], that agrees with upstream's `RequestInfoFactory`
//! (k8s.io/apiserver/pkg/endpoints/request) to the letter, oddities included: authorization rests on it, so a path that
//! the two read differently is a hole. It knows neither kinds nor routes: `/api/v1/nonsense` is a resource request.
//!
//! Invariants: the path is decoded before it is split (`%2F` separates); `namespaces/x` names both the namespace and
//! the object; a list, watch or deletecollection restricted by `metadata.name` is a request for that name.

mod attributes;
pub(crate) mod selector;
#[cfg(test)]
mod tests;

use crate::query::{Query, decode_path};

/// The two prefixes of resource paths; behind the first there is no group.
const CORE_PREFIX: &str = "api";
const GROUPS_PREFIX: &str = "apis";

/// What one request asks for. Fields that do not apply are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether this is about a resource; otherwise only `path` and `verb` mean something.
    pub is_resource_request: bool,
    /// The decoded path.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, `proxy`, or empty for a
    /// method without a verb; for paths that are no resource, the lower-case method.
    pub verb: String,
    /// `api` or `apis`.
    pub api_prefix: String,
    /// The API group; empty for the core group.
    pub api_group: String,
    /// The API version.
    pub api_version: String,
    /// The namespace; empty for cluster-wide requests.
    pub namespace: String,
    /// The plural resource name.
    pub resource: String,
    /// The subresource.
    pub subresource: String,
    /// The object's name, from the path or from a field selector on `metadata.name`.
    pub name: String,
    /// The path's parts, from the resource on.
    pub parts: Vec<String>,
    /// The raw field selector, for list, watch and deletecollection.
    pub field_selector: String,
    /// The raw label selector, likewise.
    pub label_selector: String,
}

/// Why a request can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestInfoError {
    /// A percent escape in the path is broken: the HTTP layer's error, 400.
    #[error("the path has a broken escape")]
    BrokenEscape,
    /// `/api/v1/watch` and nothing behind it. Upstream answers 500.
    #[error("unable to determine kind and namespace from url, {0}")]
    NothingBehindSpecialVerb(String),
}

impl RequestInfo {
    /// Reads a request.
    ///
    /// `raw_path` and `raw_query` are as they stand in the request line, without the `?`.
    ///
    /// # Errors
    /// When the path can't be decoded, or ends behind `watch` or `proxy`.
    pub fn parse(method: &str, raw_path: &str, raw_query: &str) -> Result<Self, RequestInfoError> {
        let path = decode_path(raw_path).ok_or(RequestInfoError::BrokenEscape)?.into_owned();
        let mut info = Self { verb: method.to_lowercase(), ..Self::default() };
        let filled = info.read_path(method, &path, raw_path, raw_query);
        info.path = path;
        filled.map(|()| info)
    }

    fn read_path(&mut self, method: &str, path: &str, raw: &str, raw_query: &str) -> Result<(), RequestInfoError> {
        let trimmed = path.trim_matches('/');
        let parts: Vec<&str> = if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').collect() };
        let mut rest = match parts.as_slice() {
            [CORE_PREFIX, version, rest @ ..] if !rest.is_empty() => {
                CORE_PREFIX.clone_into(&mut self.api_prefix);
                (*version).clone_into(&mut self.api_version);
                rest
            }
            [GROUPS_PREFIX, group, version, rest @ ..] if !rest.is_empty() => {
                GROUPS_PREFIX.clone_into(&mut self.api_prefix);
                (*group).clone_into(&mut self.api_group);
                (*version).clone_into(&mut self.api_version);
                rest
            }
            // Three parts are enough for upstream to note the prefix, though this is no resource.
            [GROUPS_PREFIX, _, _] => {
                GROUPS_PREFIX.clone_into(&mut self.api_prefix);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.is_resource_request = true;

        if let [special @ ("proxy" | "watch"), behind @ ..] = rest {
            if behind.is_empty() {
                let url = if raw_query.is_empty() { raw.to_owned() } else { format!("{raw}?{raw_query}") };
                return Err(RequestInfoError::NothingBehindSpecialVerb(url));
            }
            (*special).clone_into(&mut self.verb);
            rest = behind;
        } else {
            verb_of(method).clone_into(&mut self.verb);
        }

        if let ["namespaces", namespace, behind @ ..] = rest {
            (*namespace).clone_into(&mut self.namespace);
            if !matches!(behind, [] | ["status" | "finalize", ..]) {
                rest = behind;
            }
        }

        self.parts = rest.iter().map(|part| (*part).to_owned()).collect();
        if let [_, _, subresource, ..] = rest
            && self.verb != "proxy"
        {
            (*subresource).clone_into(&mut self.subresource);
        }
        if let [_, name, ..] = rest {
            (*name).clone_into(&mut self.name);
        }
        if let [resource, ..] = rest {
            (*resource).clone_into(&mut self.resource);
        }
        self.read_query(raw_query);
        Ok(())
    }

    /// Tells get from list and watch, delete from deletecollection, and notes the selectors.
    fn read_query(&mut self, raw_query: &str) {
        let query = Query::parse(raw_query);
        if self.name.is_empty() && self.verb == "get" {
            (if query.flag("watch") { "watch" } else { "list" }).clone_into(&mut self.verb);
            if let Some(name) = selector::single_name(&query) {
                self.name = name;
            }
        }
        if self.name.is_empty() && self.verb == "delete" {
            "deletecollection".clone_into(&mut self.verb);
        }
        if matches!(self.verb.as_str(), "list" | "watch" | "deletecollection") {
            query.get("fieldSelector").unwrap_or_default().clone_into(&mut self.field_selector);
            query.get("labelSelector").unwrap_or_default().clone_into(&mut self.label_selector);
        }
    }

    /// Whether the request may take as long as it likes: watches, proxying, exec, attach, port-forward and logs.
    ///
    /// Such a request has no deadline and does not count against flow control.
    #[must_use]
    pub fn is_long_running(&self) -> bool {
        if self.is_resource_request {
            matches!(self.verb.as_str(), "watch" | "proxy")
                || matches!(self.subresource.as_str(), "attach" | "exec" | "proxy" | "log" | "portforward")
        } else {
            self.path.starts_with("/debug/pprof/")
        }
    }
}

fn verb_of(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}
