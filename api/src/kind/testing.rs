//! For tests of strategies: an object's way through its strategy, as the pipeline takes it, and what is found on it.

use serde_json::Value;

use super::{Request, Strategy, declared_default, generic, strategy};
use crate::resource::{self, Resource};
use crate::time::Time;
use crate::tree;

/// The resource's row in its group's first version that has it.
pub(crate) fn row(group: &str, plural: &str) -> &'static Resource {
    let mut rows = resource::resources().iter().filter(|row| row.group == group && row.plural == plural);
    rows.next().unwrap_or_else(|| unreachable!("no resource {group}/{plural}"))
}

/// The resource's strategy.
pub(crate) fn of(group: &str, plural: &str) -> &'static dyn Strategy {
    strategy(group, plural).unwrap_or_else(|| unreachable!("no strategy for {group}/{plural}"))
}

/// A request for a subresource, or for the object itself.
pub(crate) fn request(subresource: &str) -> Request<'_> {
    Request { subresource, now: Time { seconds: 1_700_000_000, nanos: 0 } }
}

/// `object` in the stored version, in normal form and with all defaults.
pub(crate) fn complete(group: &str, plural: &str, mut object: Value) -> Value {
    let row = row(group, plural);
    object["apiVersion"] = row.storage.to_string().into();
    object["kind"] = row.kind.clone().into_owned().into();
    let node = generic::schema(&object).expect("stored forms have a schema");
    tree::normalise(&mut object, node);
    declared_default::apply(&mut object, node);
    of(group, plural).default(&mut object);
    tree::normalise(&mut object, node);
    object
}

/// What is wrong with `object` as a new one.
pub(crate) fn create_errors(group: &str, plural: &str, object: Value) -> Vec<String> {
    let mut object = complete(group, plural, object);
    of(group, plural).prepare_for_create(&request(""), &mut object);
    sentences(&of(group, plural).validate(&request(""), &object))
}

/// What is wrong with `object` as an update of `old`; metadata that the pipeline would fill in is taken from `old`.
pub(crate) fn update_errors(group: &str, plural: &str, subresource: &str, object: Value, old: Value) -> Vec<String> {
    let old = complete(group, plural, old);
    let mut object = complete(group, plural, object);
    of(group, plural).prepare_for_update(&request(subresource), &mut object, &old);
    if generic::text(&object, &["metadata", "resourceVersion"]).is_empty() {
        generic::set(&mut object, &["metadata", "resourceVersion"], "1".into());
    }
    sentences(&of(group, plural).validate_update(&request(subresource), &object, &old))
}

fn sentences(errors: &crate::validation::Errors) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}
