//! A built-in kind's own forms: JSON and protobuf, in the stored version or another.

use bytes::Bytes;
use howdah_api::codec::protobuf;
use howdah_api::resource::Resource;
use howdah_api::schema::{Node, builtin};
use serde_json::Value;

use super::conversion::Conversion;
use super::{Bookmark, Encode, EncodeError, Framing, bookmark};
use crate::hub::entry::Entry;

/// Writes the objects of one resource in one of its versions.
pub(super) struct Served {
    resource: Resource,
    node: Option<&'static Node>,
    framing: Framing,
    conversion: Conversion,
}

impl Served {
    /// The form of `resource`'s version; `None` where the stored one can't be brought into it here.
    pub(super) fn new(resource: &Resource, framing: Framing) -> Option<Self> {
        let node = builtin::kind(&resource.group, &resource.version, &resource.kind);
        let conversion = Conversion::to(resource)?;
        Some(Self { resource: resource.clone(), node, framing, conversion })
    }

    pub(super) fn has_protobuf(&self) -> bool {
        self.node.is_some_and(protobuf::is_supported)
    }
}

impl Encode for Served {
    fn object(&self, entry: &Entry) -> Result<Bytes, EncodeError> {
        let mut tree: Value = serde_json::from_slice(entry.json()).map_err(EncodeError::new)?;
        self.conversion.apply(&mut tree, &self.resource);
        bookmark::body(&tree, self.node, self.framing)
    }

    fn bookmark(&self, of: &Bookmark) -> Result<Bytes, EncodeError> {
        bookmark::body(&bookmark::bookmark(&self.resource, self.node, of), self.node, self.framing)
    }
}
