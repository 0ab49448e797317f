//! What an answer is turned into when the client asks for another kind: Table, PartialObjectMetadata and its list.
//!
//! A Table's cells are the printer's; a PartialObjectMetadata is the object's metadata as it stands in its bytes. The
//! same goes for the objects of a watch ([`stream`]), whose frames the hub makes once for all who ask alike.

use std::sync::Arc;

use bytes::Bytes;
use howdah_api::codec::json;
use howdah_api::schema::{Node, builtin};
use howdah_api::time::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::call::Call;
use super::encode::member;
use super::pipeline::tree;
use super::read::{Found, body, encoding, list_meta};
use super::route::Served;
use super::source::Current;
use crate::hub::{self, Bookmark, Encode, EncodeError, Entry, Framing};
use crate::negotiation::{Encoding, Media, Target, json_to};
use crate::printer::{
    Head, IncludeObject, Item, Options, Printer, TableVersion, event_table, list_table, object_table,
};
use crate::status::ApiError;

/// Whether answers can be turned into this in this encoding. Tables have no protobuf form.
pub(super) fn is_known(target: &Target, encoding: Encoding) -> bool {
    let version = target.group == "meta.k8s.io" && matches!(target.version.as_str(), "v1" | "v1beta1");
    version
        && match target.kind.as_str() {
            "Table" => encoding != Encoding::Protobuf,
            "PartialObjectMetadata" | "PartialObjectMetadataList" => true,
            _ => false,
        }
}

fn target<'c>(call: &'c Call<'_>) -> Option<&'c Target> {
    call.media.target.as_ref()
}

/// The schema of what the answer is turned into.
pub(super) fn node(call: &Call<'_>) -> Option<&'static Node> {
    builtin::named("meta/v1", &target(call)?.kind)
}

/// One object: `tree` is its stored form, `wire` its JSON in the request's version.
pub(super) fn object(call: &Call<'_>, tree: &Value, wire: &[u8]) -> Result<Bytes, ApiError> {
    let Some(target) = target(call) else { return Ok(Bytes::copy_from_slice(wire)) };
    match target.kind.as_str() {
        "Table" => {
            let options = options(call)?;
            let item = Item { tree, wire };
            Ok(object_table(printer(call), item, &options).into())
        }
        "PartialObjectMetadata" => Ok(partial(&target.version, metadata(wire))),
        _ => Err(not_acceptable(format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
            go_type(call.served(), &call.served().row.kind)
        ))),
    }
}

/// A list.
pub(super) fn list(call: &Call<'_>, found: &Found) -> Result<Bytes, ApiError> {
    let Some(target) = target(call) else { return Err(ApiError::Internal("no transformation".to_owned())) };
    match target.kind.as_str() {
        "Table" => table(call, found),
        "PartialObjectMetadataList" => {
            let version = &target.version;
            let node = builtin::named("meta/v1", "ListMeta").expect("the table has the type");
            let head =
                format!(r#"{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/{version}","metadata":"#);
            let mut out = head.into_bytes();
            out.extend_from_slice(&json::encode(&list_meta(found), node));
            out.extend_from_slice(br#","items":["#);
            for (index, entry) in found.entries.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(&partial(version, metadata(entry.json())));
            }
            out.extend_from_slice(b"]}");
            Ok(out.into())
        }
        _ => Err(not_acceptable(format!(
            "you requested PartialObjectMetadata, but the requested object is a list ({})",
            go_type(call.served(), &call.served().row.list_kind)
        ))),
    }
}

fn table(call: &Call<'_>, found: &Found) -> Result<Bytes, ApiError> {
    let options = options(call)?;
    let wanted = matches!(options.include, IncludeObject::Object);
    let encoding = encoding(call)?;
    let mut rows = Vec::with_capacity(found.entries.len());
    for entry in &found.entries {
        let wire = if wanted { body(entry, &encoding)? } else { Bytes::new() };
        rows.push((tree(&Current::from(&**entry))?, wire));
    }
    let revision = found.revision.to_string();
    let head = Head {
        resource_version: &revision,
        continue_token: &found.continue_token,
        remaining: found.remaining.and_then(|remaining| i64::try_from(remaining).ok()),
    };
    let items = rows.iter().map(|(tree, wire)| Item { tree, wire });
    Ok(list_table(printer(call), &head, items, &options).into())
}

fn printer(call: &Call<'_>) -> Printer {
    Printer::of(call.served().row, call.route.subresource_name())
}

fn options(call: &Call<'_>) -> Result<Options, ApiError> {
    let version = match target(call).map(|target| target.version.as_str()) {
        Some("v1beta1") => TableVersion::V1beta1,
        _ => TableVersion::V1,
    };
    Ok(Options { version, include: IncludeObject::parse(call.query.get("includeObject"))?, now: call.now })
}

/// An object's metadata in its bytes.
fn metadata(wire: &[u8]) -> &[u8] {
    member(wire, "metadata").and_then(|range| wire.get(range)).unwrap_or(b"{}")
}

fn partial(version: &str, metadata: &[u8]) -> Bytes {
    let mut out =
        format!(r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/{version}","metadata":"#).into_bytes();
    out.extend_from_slice(metadata);
    out.push(b'}');
    out.into()
}

/// 406 about a transformation that doesn't fit what is asked for.
fn not_acceptable(message: String) -> ApiError {
    let mut status = ApiError::NotAcceptable(Vec::new()).status();
    status.message = Some(message);
    ApiError::Status(Box::new(status))
}

/// Go's name of a kind's internal type.
fn go_type(served: &Served, kind: &str) -> String {
    let package = served.row.group.split('.').next().filter(|package| !package.is_empty()).unwrap_or("core");
    format!("*{package}.{kind}")
}

/// How the hub writes the objects of a watch.
pub(super) fn stream(call: &Call<'_>) -> Result<hub::Encoding, ApiError> {
    let row = call.served().row;
    let protobuf = call.media.encoding == Encoding::Protobuf;
    let Some(target) = target(call) else {
        let own = if protobuf { hub::Encoding::protobuf(row) } else { hub::Encoding::json(row) };
        return own.ok_or_else(|| ApiError::NotAcceptable(Encoding::stream_media_types()));
    };
    let version = target.version.clone();
    match target.kind.as_str() {
        "Table" => {
            let options = options(call)?;
            let include = match options.include {
                IncludeObject::None => "None",
                IncludeObject::Metadata => "Metadata",
                IncludeObject::Object => "Object",
            };
            let own = encoding(call)?;
            let encode = |first: bool| {
                let id = format!("table/{version}/{}/{}/include={include}/{first}", row.group_version(), row.plural);
                let printer = printer(call);
                let (include, own) = (options.include, own.clone());
                let (served, clock) = (call.served(), call.registry.clock);
                let rows = TableRows { printer, version: options.version, include, own, first, served, clock };
                hub::Encoding::new(&id, Framing::Json, Arc::new(rows))
            };
            Ok(encode(true).followed_by(encode(false)))
        }
        _ => {
            let (name, framing) = if protobuf { ("protobuf", Framing::Protobuf) } else { ("json", Framing::Json) };
            let id = format!("partial/{version}/{name}");
            Ok(hub::Encoding::new(&id, framing, Arc::new(Partials { version, protobuf })))
        }
    }
}

/// Objects as PartialObjectMetadata.
struct Partials {
    version: String,
    protobuf: bool,
}

impl Partials {
    fn form(&self, document: Bytes) -> Result<Bytes, EncodeError> {
        if !self.protobuf {
            return Ok(document);
        }
        let media = Media { encoding: Encoding::Protobuf, ..Media::json() };
        json_to(&media, &document, builtin::named("meta/v1", "PartialObjectMetadata")).map_err(EncodeError::new)
    }
}

impl Encode for Partials {
    fn object(&self, entry: &Entry) -> Result<Bytes, EncodeError> {
        self.form(partial(&self.version, metadata(entry.json())))
    }

    fn bookmark(&self, bookmark: &Bookmark) -> Result<Bytes, EncodeError> {
        self.form(partial(&self.version, &json::encode_any(&bookmark_metadata(bookmark))))
    }
}

fn bookmark_metadata(bookmark: &Bookmark) -> Value {
    let mut metadata = json!({ "resourceVersion": bookmark.revision.to_string() });
    if bookmark.initial_events_end {
        metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    metadata
}

/// Objects as rows of a Table.
struct TableRows {
    printer: Printer,
    version: TableVersion,
    include: IncludeObject,
    /// The objects themselves, where rows carry them.
    own: hub::Encoding,
    first: bool,
    served: &'static Served,
    /// Cells tell ages.
    clock: fn() -> Timestamp,
}

impl TableRows {
    fn row(&self, tree: &Value, wire: &[u8]) -> Bytes {
        let now = Time { seconds: (self.clock)().as_second(), nanos: 0 };
        let options = Options { version: self.version, include: self.include, now };
        event_table(self.printer, Item { tree, wire }, self.first, &options).into()
    }
}

impl Encode for TableRows {
    fn object(&self, entry: &Entry) -> Result<Bytes, EncodeError> {
        let tree: Value = serde_json::from_slice(entry.json()).map_err(EncodeError::new)?;
        let wire = match self.include {
            IncludeObject::Object => entry.body(&self.own)?,
            IncludeObject::None | IncludeObject::Metadata => Bytes::new(),
        };
        Ok(self.row(&tree, &wire))
    }

    fn bookmark(&self, bookmark: &Bookmark) -> Result<Bytes, EncodeError> {
        let row = self.served.row;
        let tree = json!({
            "kind": row.kind,
            "apiVersion": self.served.api_version(),
            "metadata": bookmark_metadata(bookmark),
        });
        let wire = json::encode_any(&tree);
        Ok(self.row(&tree, &wire))
    }
}
