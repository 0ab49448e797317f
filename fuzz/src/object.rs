//! An object's way through its kind's strategy, as the server's pipeline takes it.

use std::sync::LazyLock;

use howdah_api::codec::json;
use howdah_api::kind::{Strategy, declared_default, strategy};
use howdah_api::resource::{Resource, resources};
use howdah_api::schema::{Node, builtin};
use howdah_api::time::Time;
use howdah_api::tree;
use serde_json::Value;

use crate::input::Words;

/// A resource with a strategy.
pub struct Row {
    /// Its row in the resource table.
    pub resource: &'static Resource,
    /// Its strategy.
    pub strategy: &'static dyn Strategy,
    /// The schema of its stored form.
    pub node: &'static Node,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let row = |resource: &'static Resource| {
        let strategy = strategy(&resource.group, &resource.plural)?;
        let node = builtin::kind(&resource.storage.group, &resource.storage.version, &resource.kind)?;
        Some(Row { resource, strategy, node })
    };
    resources().iter().filter_map(row).collect()
});

/// A time that requests are made at.
pub const NOW: Time = Time { seconds: 1_790_000_000, nanos: 0 };

/// All resources with a strategy.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

impl Row {
    /// The row that an input's first line names (`apps/v1 Deployment`), or one that it happens to hit.
    #[must_use]
    pub fn of(words: &Words) -> &'static Self {
        words.pick(rows(), |row| {
            let (group, version) = words.at(0).split_once('/').unwrap_or(("", words.at(0)));
            let resource = row.resource;
            (&*resource.group, &*resource.version, &*resource.kind) == (group, version, words.at(1))
        })
    }

    /// The object in normal form and with all defaults; `None` where the text can't be read.
    #[must_use]
    pub fn complete(&self, text: &[u8]) -> Option<Value> {
        let mut object = json::decode(text, self.node).ok()?.value;
        if !object.is_object() {
            return None;
        }
        object["apiVersion"] = self.resource.storage.to_string().into();
        object["kind"] = self.resource.kind.clone().into_owned().into();
        tree::normalise(&mut object, self.node);
        declared_default::apply(&mut object, self.node);
        self.strategy.default(&mut object);
        tree::normalise(&mut object, self.node);
        Some(object)
    }
}
