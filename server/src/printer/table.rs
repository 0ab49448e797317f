//! Whole Tables, as JSON.
//!
//! A Table is written straight into bytes: cells and metadata from the object's tree, whole objects (for those who ask
//! for them) as the bytes that were encoded once for everybody. Upstream: `handlers/response.go` in k8s.io/apiserver.

use howdah_api::time::Time;
use serde::Serialize;
use serde_json::Value;

use super::kind::{ListRule, Printer};
use super::storage;
use super::view::View;
use crate::status::ApiError;

/// How much of each object its row carries: the parameter `includeObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Reads the parameter; absent or empty it means [`IncludeObject::Metadata`].
    ///
    /// # Errors
    /// 400 for anything else, in upstream's words.
    pub fn parse(value: Option<&str>) -> Result<Self, ApiError> {
        match value.unwrap_or_default() {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => {
                let quoted = howdah_api::go::quote(other);
                let sentence = format!("Invalid value: {quoted}: must be 'Metadata', 'Object', 'None', or empty");
                Err(ApiError::BadRequest(format!("Unable to convert to Table as requested: includeObject: {sentence}")))
            }
        }
    }
}

/// The version of `meta.k8s.io` that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableVersion {
    /// `v1`.
    V1,
    /// `v1beta1`: the same Table by its older name.
    V1beta1,
}

impl TableVersion {
    fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// How a Table is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The Table's own version.
    pub version: TableVersion,
    /// What its rows carry.
    pub include: IncludeObject,
    /// The time that ages are counted to.
    pub now: Time,
}

/// One object.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Its stored form, with resourceVersion.
    pub tree: &'a Value,
    /// Its JSON in the version that was asked for, with apiVersion and kind. Only [`IncludeObject::Object`] needs it.
    pub wire: &'a [u8],
}

/// A list's own metadata.
#[derive(Debug, Clone, Copy, Default)]
pub struct Head<'a> {
    /// The list's revision.
    pub resource_version: &'a str,
    /// Where the next page begins; empty on the last one.
    pub continue_token: &'a str,
    /// How many objects follow this page, where that is told.
    pub remaining: Option<i64>,
}

/// A list's metadata as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    resource_version: &'a str,
    #[serde(rename = "continue", skip_serializing_if = "str::is_empty")]
    continue_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_item_count: Option<i64>,
}

/// A list as a Table.
#[must_use]
pub fn list_table<'a>(
    printer: Printer,
    head: &Head<'_>,
    items: impl IntoIterator<Item = Item<'a>>,
    options: &Options,
) -> Vec<u8> {
    let mut table = Writer::begin(printer, head, true, options);
    match printer.list_rule() {
        ListRule::Plain => items.into_iter().for_each(|item| table.row(item, None)),
        ListRule::FlowSchemas => {
            let mut items: Vec<_> = items.into_iter().collect();
            let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
            items.sort_by_cached_key(|item| {
                let precedence = item.tree.pointer("/spec/matchingPrecedence").and_then(Value::as_i64);
                (precedence.unwrap_or_default(), text(item.tree.pointer("/metadata/name")))
            });
            items.into_iter().for_each(|item| table.row(item, None));
        }
        ListRule::StorageClasses => {
            let items: Vec<_> = items.into_iter().collect();
            let kind = ("storage.k8s.io", "v1", "StorageClass");
            let views = items.iter().map(|item| View::of(item.tree, kind, options.now));
            let default = storage::default_class(views);
            items.into_iter().for_each(|item| table.row(item, default));
        }
    }
    table.end()
}

/// One object as a Table.
#[must_use]
pub fn object_table(printer: Printer, item: Item<'_>, options: &Options) -> Vec<u8> {
    event_table(printer, item, true, options)
}

/// The object of a watch's event as a Table. Only the watch's `first` one names the columns.
///
/// What ends the initial events (a bookmark annotated so) carries its metadata even if rows should carry nothing, for
/// the annotation is what the client waits for.
#[must_use]
pub fn event_table(printer: Printer, item: Item<'_>, first: bool, options: &Options) -> Vec<u8> {
    let version = item.tree.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    let head = Head { resource_version: version.unwrap_or_default(), ..Head::default() };
    let annotations = item.tree.pointer("/metadata/annotations");
    let ends = annotations.and_then(|annotations| annotations.get("k8s.io/initial-events-end"));
    let ends = ends.and_then(Value::as_str) == Some("true");
    let include = match options.include {
        IncludeObject::None if ends => IncludeObject::Metadata,
        include => include,
    };
    let mut table = Writer::begin(printer, &head, first, &Options { include, ..*options });
    table.row(item, None);
    table.end()
}

struct Writer {
    out: Vec<u8>,
    printer: Printer,
    options: Options,
    rows: usize,
}

impl Writer {
    fn begin(printer: Printer, head: &Head<'_>, columns: bool, options: &Options) -> Self {
        let mut writer = Self { out: Vec::new(), printer, options: *options, rows: 0 };
        writer.text(r#"{"kind":"Table","apiVersion":""#);
        writer.text(options.version.api_version());
        writer.text(r#"","metadata":"#);
        writer.json(&ListMeta {
            resource_version: head.resource_version,
            continue_token: head.continue_token,
            remaining_item_count: head.remaining,
        });
        writer.text(r#","columnDefinitions":"#);
        writer.json(&columns.then(|| printer.columns()));
        writer.text(r#","rows":["#);
        writer
    }

    /// `default`: the name of the object that is marked as the default one.
    fn row(&mut self, item: Item<'_>, default: Option<&str>) {
        if self.rows > 0 {
            self.text(",");
        }
        self.rows += 1;
        let mut cells = self.printer.cells(item.tree, self.options.now);
        if let (Some(default), Some(Value::String(name))) = (default, cells.first_mut())
            && name == default
        {
            name.push_str(" (default)");
        }
        self.text(r#"{"cells":"#);
        self.json(&cells);
        if let Some(conditions) = self.printer.conditions(item.tree, self.options.now) {
            self.text(r#","conditions":"#);
            self.json(&conditions);
        }
        self.text(r#","object":"#);
        match self.options.include {
            IncludeObject::None => self.text("null"),
            IncludeObject::Object => self.out.extend_from_slice(item.wire.trim_ascii_end()),
            IncludeObject::Metadata => {
                self.text(r#"{"kind":"PartialObjectMetadata","apiVersion":""#);
                self.text(self.options.version.api_version());
                self.text(r#"","metadata":"#);
                match item.tree.get("metadata") {
                    Some(metadata) => self.json(metadata),
                    None => self.text("{}"),
                }
                self.text("}");
            }
        }
        self.text("}");
    }

    fn end(mut self) -> Vec<u8> {
        self.text("]}");
        self.out
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) {
        serde_json::to_writer(&mut self.out, value).expect("trees have string keys and memory takes all bytes");
    }
}
