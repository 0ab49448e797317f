//! Between the version of a request and the one that is stored, for the kinds where they differ.
//!
//! So far that is the Event: events.k8s.io has other names for the core group's members. A row whose versions have one
//! structure only changes its apiVersion, which is written when the object is.

use howdah_api::kind::event::conversion;
use serde_json::Value;

use super::route::Served;

/// From the request's version to the stored one.
#[must_use]
pub(super) fn to_stored(served: &Served, object: Value) -> Value {
    if is_event(served) { conversion::to_core(object) } else { object }
}

/// From the stored version to the request's.
#[must_use]
pub(super) fn to_served(served: &Served, object: Value) -> Value {
    if is_event(served) { conversion::to_new(object) } else { object }
}

fn is_event(served: &Served) -> bool {
    served.row.group == "events.k8s.io"
}
