//! Seeds that are made when a target starts, into its corpus: samples of every kind, and upstream's fixtures where the
//! machine has them.
//!
//! `HOWDAH_FUZZ_CORPUS` names the corpus; without it nothing is made. `HOWDAH_ORACLE` names the folder that holds
//! `api-fixtures/`, which are upstream's and not part of this project.

use std::path::{Path, PathBuf};

use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::builtin::Kind;
use serde_json::Value;

use crate::input::{header, kinds};
use crate::sample;

/// Longer seeds are left out: they are cut by the longest input, and slow.
const MAX_BYTES: usize = 16 << 10;
/// How deep the samples' structs go.
const DEPTHS: [usize; 2] = [3, 5];

/// The forms of the documents in a seed.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A document as JSON in one line.
    Json,
    /// A document as YAML.
    Yaml,
    /// A message with its envelope.
    Protobuf,
    /// So many lines with the same document as JSON.
    JsonLines(usize),
}

impl Form {
    fn write(self, object: &Value, kind: &Kind) -> Option<Vec<u8>> {
        match self {
            Self::Json => Some(json::encode(object, kind.node)),
            Self::Yaml => Some(yaml::encode(object)),
            Self::Protobuf => protobuf::encode_object(object, kind.node).ok(),
            Self::JsonLines(count) => Some(vec![json::encode(object, kind.node); count].join(&b'\n')),
        }
    }
}

/// Writes seeds of all kinds; `more` are the further words of their first lines, each of which makes a seed.
///
/// # Panics
/// When the corpus can't be written: a run without seeds would find little and say nothing.
pub fn write(form: Form, more: &[&str]) {
    let Some(corpus) = std::env::var_os("HOWDAH_FUZZ_CORPUS").map(PathBuf::from) else { return };
    let fixtures = std::env::var_os("HOWDAH_ORACLE").map(|folder| PathBuf::from(folder).join("api-fixtures"));
    for kind in kinds() {
        let samples = DEPTHS.map(|depth| (format!("sample-{depth}"), named(sample::value(kind.node, depth), kind)));
        let fixture = fixtures.as_deref().and_then(|folder| fixture(folder, kind));
        let seeds = samples.into_iter().chain(fixture.map(|fixture| ("fixture".to_owned(), fixture)));
        for (source, object) in seeds {
            let Some(document) = form.write(&object, kind).filter(|document| document.len() <= MAX_BYTES) else {
                continue;
            };
            for (index, more) in more.iter().enumerate() {
                let text = [header(kind, more).as_bytes(), b"\n", &document].concat();
                let name = format!("{source}-{index}-{}.{}.{}", kind.group, kind.version, kind.kind);
                std::fs::write(corpus.join(name), text).expect("the corpus is a folder that can be written");
            }
        }
    }
}

/// The object with its kind's names.
fn named(mut object: Value, kind: &Kind) -> Value {
    if let Value::Object(map) = &mut object
        && map.contains_key("apiVersion")
    {
        let names = header(kind, "");
        map.insert("apiVersion".to_owned(), names.split(' ').next().unwrap_or_default().into());
        map.insert("kind".to_owned(), kind.kind.into());
    }
    object
}

fn fixture(folder: &Path, kind: &Kind) -> Option<Value> {
    let group = if kind.group.is_empty() { "core" } else { kind.group };
    let text = std::fs::read(folder.join(format!("{group}.{}.{}.json", kind.version, kind.kind))).ok()?;
    json::decode(&text, kind.node).ok().map(|decoded| decoded.value)
}
