//! Lists: every pod of a namespace, as JSON and as protobuf, in one answer and in pages.
//!
//! The time is until the last byte has been read; the objects in the answers are counted afterwards.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use prost::Message;

use super::{memory_metrics, record_memory, with_memory};
use crate::api::connection::{Call, Client, JSON, PROTOBUF};
use crate::api::load::Population;
use crate::api::object::{self, Kind};
use crate::api::settings::Settings;
use crate::api::target::{Target, order, settle};
use crate::report::mebibytes;
use crate::result::{Goal, Metric, Results, Unit};

/// The page that upstream's clients ask for.
const PAGE: usize = 500;
/// In what part of the baseline's time a list is promised.
const LIST_GOAL: f64 = 0.1;

/// An encoding, and what figures call it.
const ENCODINGS: [(&str, &str); 2] = [("JSON", JSON), ("protobuf", PROTOBUF)];

/// What a list came to.
struct Listed {
    elapsed: Duration,
    objects: usize,
    bytes: usize,
}

/// The figures of this part, in the report's order.
pub(crate) fn metrics(settings: &Settings) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let shapes = || ENCODINGS.into_iter().flat_map(|(encoding, _)| [(encoding, false), (encoding, true)]);
    for (encoding, paged) in shapes() {
        let label = format!("{} pods, {encoding}, {} (ms)", settings.listed, manner(paged));
        let metric = Metric::new("Lists", name(encoding, paged, "time"), label, Unit::Milliseconds);
        metrics.push(metric.with(Goal::RatioAtMost(LIST_GOAL)));
    }
    for (encoding, paged) in shapes() {
        let label = format!("{} pods, {encoding}, {} (MiB)", settings.listed, manner(paged));
        metrics.push(Metric::new("Lists", name(encoding, paged, "size"), label, Unit::Mebibytes));
    }
    metrics.extend(memory_metrics("lists_peak", "at most, during the lists"));
    metrics.extend(memory_metrics("lists", &format!("after the lists, with {} pods", settings.listed)));
    metrics
}

fn name(encoding: &str, paged: bool, what: &str) -> String {
    format!("list_{}{}_{what}", encoding.to_lowercase(), if paged { "_paged" } else { "" })
}

fn manner(paged: bool) -> String {
    if paged { format!("in pages of {PAGE}") } else { "at once".to_owned() }
}

/// Runs this part.
pub(crate) async fn run(targets: &[Target], settings: &Settings, results: &mut Results) -> Result<()> {
    for target in targets {
        eprintln!("{}: creating {} pods", target.label, settings.listed);
        Population::fill(target, Kind::Pod, settings.listed, settings.connections).await?;
    }
    for repetition in 0..settings.repetitions {
        for target in order(targets, repetition) {
            let (listed, memory) = with_memory(target, measure(targets, target, settings)).await?;
            for (encoding, paged, listed) in listed {
                let milliseconds = listed.elapsed.as_secs_f64() * 1e3;
                results.record(&name(encoding, paged, "time"), target.column, milliseconds)?;
                let bytes = mebibytes(listed.bytes.try_into().unwrap_or(u64::MAX));
                results.record(&name(encoding, paged, "size"), target.column, bytes)?;
            }
            record_memory(results, target, "lists_peak", memory)?;
        }
        eprintln!("lists, repetition {} of {} done", repetition + 1, settings.repetitions);
    }
    settle(targets).await?;
    for target in targets {
        record_memory(results, target, "lists", target.memory()?)?;
        target.empty(Kind::Pod).await?;
    }
    Ok(())
}

async fn measure(
    targets: &[Target],
    target: &Target,
    settings: &Settings,
) -> Result<Vec<(&'static str, bool, Listed)>> {
    let mut client = target.endpoint.connect().await?;
    let mut measured = Vec::new();
    for (encoding, accept) in ENCODINGS {
        for paged in [false, true] {
            settle(targets).await?;
            let listed = list(&mut client, &Kind::Pod.collection(&target.namespace), accept, paged).await?;
            let what = || format!("a list of {} pods as {encoding}, {}", settings.listed, manner(paged));
            ensure!(listed.objects == settings.listed, "{} returned {}", what(), listed.objects);
            measured.push((encoding, paged, listed));
        }
    }
    Ok(measured)
}

async fn list(client: &mut Client, collection: &str, accept: &'static str, paged: bool) -> Result<Listed> {
    let mut path = if paged { format!("{collection}?limit={PAGE}") } else { collection.to_owned() };
    let mut answers = Vec::new();
    let begin = Instant::now();
    loop {
        let answer = client.call(Call { accept, ..Call::get(&path) }).await?;
        let next = if paged { next_page(&answer, accept)? } else { None };
        answers.push(answer);
        let Some(token) = next else { break };
        path = format!("{collection}?limit={PAGE}&continue={token}");
    }
    let elapsed = begin.elapsed();
    Ok(Listed {
        elapsed,
        objects: answers.iter().map(|answer| object::count(answer)).sum(),
        bytes: answers.iter().map(Bytes::len).sum(),
    })
}

/// The token of the next page, fit for a query, or `None` behind the last.
fn next_page(answer: &Bytes, accept: &str) -> Result<Option<String>> {
    let token = if accept == PROTOBUF {
        let envelope = answer.strip_prefix(b"k8s\0").context("a list is not in upstream's protobuf encoding")?;
        let list = List::decode(Envelope::decode(envelope).context("reading a list")?.raw.as_slice());
        list.context("reading a list")?.metadata.map(|metadata| metadata.next).filter(|token| !token.is_empty())
    } else {
        object::next_page(answer).map(str::to_owned)
    };
    Ok(token.map(|token| query(&token)))
}

/// The text as a value in a query (RFC 3986, section 3.4).
fn query(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            query.push(byte.into());
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
        query
    })
}

/// `k8s.io.apimachinery.pkg.runtime.Unknown`: what stands around every object.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

/// What all lists have in common.
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ListMeta>,
}

/// `k8s.io.apimachinery.pkg.apis.meta.v1.ListMeta`, in so far as it is read.
#[derive(Clone, PartialEq, Message)]
struct ListMeta {
    #[prost(string, tag = "3")]
    next: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_both_encodings() {
        let json = Bytes::from_static(br#"{"metadata":{"continue":"a=/"},"items":[]}"#);
        assert_eq!(next_page(&json, JSON).expect("a list"), Some("a%3D%2F".to_owned()));
        let list = List { metadata: Some(ListMeta { next: "b+".into() }) };
        let envelope = Envelope { raw: list.encode_to_vec() };
        let protobuf = Bytes::from([b"k8s\0".as_slice(), &envelope.encode_to_vec()].concat());
        assert_eq!(next_page(&protobuf, PROTOBUF).expect("a list"), Some("b%2B".to_owned()));
        let last = Envelope { raw: List::default().encode_to_vec() };
        let last = Bytes::from([b"k8s\0".as_slice(), &last.encode_to_vec()].concat());
        assert_eq!(next_page(&last, PROTOBUF).expect("a list"), None);
        assert!(next_page(&json, PROTOBUF).is_err());
    }
}
