//! Between the version of a request and the one that is stored, for the kinds where they differ.
//!
//! So far that is the Event: events.k8s.io has other names for the core group's members. A row whose versions have one
//! structure only changes its apiVersion, which is written when the object is.

use serde_json::{Map, Value};

use super::route::Served;

/// An Event's members in the core group and in events.k8s.io.
const EVENT: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// From the request's version to the stored one.
#[must_use]
pub fn to_stored(served: &Served, object: Value) -> Value {
    if is_event(served) { rename(object, |(stored, own)| (own, stored)) } else { object }
}

/// From the stored version to the request's.
#[must_use]
pub fn to_served(served: &Served, object: Value) -> Value {
    if is_event(served) { rename(object, |(stored, own)| (stored, own)) } else { object }
}

fn is_event(served: &Served) -> bool {
    served.row.group == "events.k8s.io"
}

fn rename(object: Value, pair: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) -> Value {
    let Value::Object(members) = object else { return object };
    let renamed = members.into_iter().map(|(name, value)| {
        let new = EVENT.iter().map(|names| pair(*names)).find(|(from, _)| *from == name);
        (new.map_or(name, |(_, to)| to.to_owned()), value)
    });
    Value::Object(renamed.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use howdah_api::resource;
    use serde_json::json;

    use super::*;

    #[test]
    fn events_change_their_names_there_and_back() {
        let row = resource::by_plural("events.k8s.io", "v1", "events").unwrap();
        assert_eq!(row.storage.to_string(), "v1");
        let pairs = EVENT.map(|names| names);
        let core = json!({"involvedObject":{"name":"p"},"message":"m","count":3,"type":"Normal"});
        let new = rename(core.clone(), |(stored, own)| (stored, own));
        assert_eq!(new, json!({"regarding":{"name":"p"},"note":"m","deprecatedCount":3,"type":"Normal"}));
        assert_eq!(rename(new, |(stored, own)| (own, stored)), core);
        assert_eq!(pairs.len(), 7);
    }
}
