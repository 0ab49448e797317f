//! The servers under test: what the measurements know of each, and the namespace that they work in.
//!
//! A target is an [`Endpoint`], the processes whose CPU time and memory are read (where they are known), and a
//! namespace of the run's own, which is emptied and removed at the end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::connection::{Call, Endpoint, quoted};
use super::object::Kind;
use crate::process::{self, Memory};

/// How many objects one request deletes, and how many such requests there may be.
const DELETED_AT_ONCE: usize = 2_000;
const MOST_PAGES: usize = 1_000;

/// A server under test.
pub(crate) struct Target {
    /// What the report calls it.
    pub(crate) label: String,
    /// Its place among the report's columns.
    pub(crate) column: usize,
    /// Where it is reached.
    pub(crate) endpoint: Arc<Endpoint>,
    /// Its first processes; none where they are not known.
    pub(crate) pids: Vec<u32>,
    /// The namespace that the run may fill.
    pub(crate) namespace: String,
}

impl Target {
    /// Makes the namespace, and in it the ServiceAccount that Pods need where no controller makes it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn prepare(&self) -> Result<()> {
        let mut client = self.endpoint.connect().await?;
        let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}});
        client.call(Call::send(&Method::POST, "/api/v1/namespaces", &bytes(&body))).await?;
        let body = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
        let path = format!("/api/v1/namespaces/{}/serviceaccounts", self.namespace);
        let (status, answer) = client.ask(Call::send(&Method::POST, &path, &bytes(&body))).await?;
        let made = status.is_success() || status == StatusCode::CONFLICT;
        ensure!(made, "making a ServiceAccount: {status}: {}", quoted(&answer));
        Ok(())
    }

    /// Deletes the objects of `kind` in the namespace.
    ///
    /// # Errors
    /// Where the server refuses, or objects remain.
    pub(crate) async fn empty(&self, kind: Kind) -> Result<()> {
        let mut client = self.endpoint.connect().await?;
        let collection = kind.collection(&self.namespace);
        // A page at a time: a server may take longer over thousands of objects than it gives one request.
        for _ in 0..MOST_PAGES {
            let path = format!("{collection}?gracePeriodSeconds=0&limit={DELETED_AT_ONCE}");
            client.call(Call::delete(&path)).await?;
            let left = client.call(Call::get(&format!("{collection}?limit=1"))).await?;
            let left: Value = serde_json::from_slice(&left).context("reading a list")?;
            if left["items"].as_array().is_none_or(Vec::is_empty) {
                return Ok(());
            }
        }
        bail!("{collection} still has objects after they were deleted {MOST_PAGES} times")
    }

    /// Removes the namespace with all that is in it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn clean_up(&self) -> Result<()> {
        for kind in Kind::ALL {
            self.empty(kind).await?;
        }
        let mut client = self.endpoint.connect().await?;
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        client.call(Call::delete(&path)).await?;
        // Where no controller finishes the deletion it is finished here; where one does it may have been faster.
        let (status, namespace) = client.ask(Call::get(&path)).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        let mut namespace: Value = serde_json::from_slice(&namespace).context("reading a namespace")?;
        namespace["spec"]["finalizers"] = json!([]);
        let (status, answer) =
            client.ask(Call::send(&Method::PUT, &format!("{path}/finalize"), &bytes(&namespace))).await?;
        let gone = status.is_success() || matches!(status, StatusCode::NOT_FOUND | StatusCode::CONFLICT);
        ensure!(gone, "removing the namespace: {status}: {}", quoted(&answer));
        Ok(())
    }

    /// The memory of the server's processes, or `None` where they are not known.
    ///
    /// # Errors
    /// Where /proc does not tell.
    pub(crate) fn memory(&self) -> Result<Option<Memory>> {
        memory(&self.pids)
    }

    /// The CPU time of the server's processes so far, or `None` where they are not known.
    ///
    /// # Errors
    /// Where /proc does not tell.
    pub(crate) fn cpu(&self) -> Result<Option<Duration>> {
        let mut sum: Option<Duration> = None;
        for pid in &self.pids {
            *sum.get_or_insert_default() += process::cpu(*pid)?;
        }
        Ok(sum)
    }

    /// The version that the server gives of itself.
    ///
    /// # Errors
    /// Where it does not.
    pub(crate) async fn version(&self) -> Result<String> {
        let answer = self.endpoint.connect().await?.call(Call::get("/version")).await?;
        let answer: Value = serde_json::from_slice(&answer).context("reading the server's version")?;
        Ok(answer["gitVersion"].as_str().context("the server has no version")?.to_owned())
    }
}

/// The memory of these processes and all that descend from them, or `None` where there is none.
///
/// # Errors
/// Where /proc does not tell.
pub(crate) fn memory(pids: &[u32]) -> Result<Option<Memory>> {
    let mut sum: Option<Memory> = None;
    for pid in pids {
        let memory = process::memory(*pid)?;
        let sum = sum.get_or_insert_default();
        sum.pss += memory.pss;
        sum.without_files += memory.without_files;
    }
    Ok(sum)
}

/// The targets in the order of a round: each goes first in turn.
pub(crate) fn order(targets: &[Target], round: usize) -> impl Iterator<Item = &Target> {
    let first = round % targets.len().max(1);
    targets[first..].iter().chain(&targets[..first])
}

/// Waits until the processes of all targets are at rest (see [`process::settle`]).
///
/// # Errors
/// Where /proc does not tell.
pub(crate) async fn settle(targets: &[Target]) -> Result<()> {
    let pids: Vec<u32> = targets.iter().flat_map(|target| target.pids.iter().copied()).collect();
    process::settle(&pids).await
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}
