//! Small kinds of the core group, and what has only name and age.

use serde_json::Value;

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

pub(super) const NAME_AND_AGE: Kind =
    Kind { columns: &[NAME, AGE], cells: |object| row![object.name(), object.age()], conditions: None };

pub(super) const SERVICE_ACCOUNT: Kind = NAME_AND_AGE;

pub(super) const NAMESPACE: Kind = Kind {
    columns: &[NAME, column::text("Status", "Whether the namespace is in use or on its way out."), AGE],
    cells: |namespace| row![namespace.name(), namespace.text("status.phase"), namespace.age()],
    conditions: None,
};

pub(super) const CONFIG_MAP: Kind = Kind {
    columns: &[NAME, column::text("Data", "How many entries it has."), AGE],
    cells: |map| row![map.name(), map.count("data") + map.count("binaryData"), map.age()],
    conditions: None,
};

pub(super) const SECRET: Kind = Kind {
    columns: &[
        NAME,
        column::text("Type", "What the secret is for."),
        column::text("Data", "How many entries it has."),
        AGE,
    ],
    cells: |secret| row![secret.name(), secret.text("type"), secret.count("data"), secret.age()],
    conditions: None,
};

pub(super) const COMPONENT_STATUS: Kind = Kind {
    columns: &[
        NAME,
        column::text("Status", "Whether the component is healthy."),
        column::text("Message", "What the component's check said."),
        column::text("Error", "What the component's check failed with."),
    ],
    cells: |component| match component.condition("conditions", "Healthy") {
        Some(healthy) => {
            let status = if healthy.text("status") == "True" { "Healthy" } else { "Unhealthy" };
            row![component.name(), status, healthy.text("message"), healthy.text("error")]
        }
        None => row![component.name(), "Unknown", "", ""],
    },
    conditions: None,
};

pub(super) const RESOURCE_QUOTA: Kind = Kind {
    columns: &[
        NAME,
        column::text("Request", "Used and allowed amounts of what is requested or counted."),
        column::text("Limit", "Used and allowed amounts of what is limited."),
        AGE,
    ],
    cells: resource_quota,
    conditions: None,
};

fn resource_quota(quota: View<'_>) -> Vec<Value> {
    let (used, hard) = (quota.at("status.used"), quota.at("status.hard"));
    let mut names: Vec<&String> = quota.map("status.hard").into_iter().flat_map(|hard| hard.keys()).collect();
    names.sort_unstable();
    let amount = |of: View<'_>, name: &str| {
        let text = of.key(name).as_text();
        if text.is_empty() { "0".to_owned() } else { text.to_owned() }
    };
    let (limits, requests): (Vec<&String>, Vec<&String>) =
        names.into_iter().partition(|name| name.starts_with("limits."));
    let cell = |names: Vec<&String>| {
        let parts = names.iter().map(|name| format!("{name}: {}/{}", amount(used, name), amount(hard, name)));
        parts.collect::<Vec<_>>().join(", ")
    };
    row![quota.name(), cell(requests), cell(limits), quota.age()]
}
