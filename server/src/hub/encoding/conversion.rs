//! From the stored version to a served one, where that is no more than other names.
//!
//! Deliberately absent: versions whose structure differs (HorizontalPodAutoscaler v1, resource.k8s.io/v1beta1 and the
//! alpha versions); they are the business of whoever converts requests in them, and come as encodings of their own.

use howdah_api::resource::Resource;
use serde_json::{Map, Value};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// The version is the stored one.
    None,
    /// The same members under another apiVersion.
    Version,
    /// The core Event as the one of events.k8s.io.
    Event,
}

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

/// Versions with another structure than the stored one.
const OTHERS: [(&str, &str, &str); 8] = [
    ("autoscaling", "v1", "horizontalpodautoscalers"),
    ("coordination.k8s.io", "v1alpha2", "leasecandidates"),
    ("resource.k8s.io", "v1beta1", "deviceclasses"),
    ("resource.k8s.io", "v1beta1", "resourceclaims"),
    ("resource.k8s.io", "v1beta1", "resourceclaimtemplates"),
    ("resource.k8s.io", "v1beta1", "resourceslices"),
    ("scheduling.k8s.io", "v1alpha3", "podgroups"),
    ("scheduling.k8s.io", "v1alpha3", "workloads"),
];

impl Conversion {
    /// What brings the stored version into `resource`'s.
    pub(super) fn to(resource: &Resource) -> Option<Self> {
        if resource.group_version() == resource.storage {
            return Some(Self::None);
        }
        if resource.group == "events.k8s.io" {
            return Some(Self::Event);
        }
        let own = (&*resource.group, &*resource.version, &*resource.plural);
        (resource.group == resource.storage.group && !OTHERS.contains(&own)).then_some(Self::Version)
    }

    pub(super) fn apply(self, tree: &mut Value, resource: &Resource) {
        let Value::Object(members) = tree else { return };
        if self == Self::Event {
            *members = std::mem::take(members).into_iter().map(rename).collect::<Map<_, _>>();
        }
        if self != Self::None {
            members.insert("apiVersion".to_owned(), Value::from(resource.group_version().to_string()));
        }
    }
}

fn rename((member, value): (String, Value)) -> (String, Value) {
    let to = EVENT.iter().find(|(core, _)| *core == member).map(|(_, to)| (*to).to_owned());
    (to.unwrap_or(member), value)
}
