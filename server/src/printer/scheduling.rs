//! Priority classes and pod groups.

use super::column::{self, AGE, Column, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

const POLICY: Column = column::text("Policy", "How the group's pods are scheduled.");
const WORKLOAD: Column = column::text("Workload", "The workload that the group belongs to.");

pub(super) const PRIORITY_CLASS: Kind = Kind {
    columns: &[
        NAME,
        column::integer("Value", "The priority; more is more important."),
        column::boolean("Global-Default", "Whether pods without a class have it."),
        AGE,
        column::text("PreemptionPolicy", "Whether its pods may preempt others."),
    ],
    cells: |class| {
        row![class.name(), class.int("value"), class.flag("globalDefault"), class.age(), class.text("preemptionPolicy"),]
    },
    conditions: None,
};

pub(super) const POD_GROUP: Kind = Kind {
    columns: &[NAME, POLICY, WORKLOAD, column::text("Status", "Whether the group is scheduled."), AGE],
    cells: |group| row![group.name(), policy(group), workload(group), status(group), group.age()],
    conditions: None,
};

pub(super) const COMPOSITE_POD_GROUP: Kind = Kind {
    columns: &[NAME, POLICY, WORKLOAD, AGE],
    cells: |group| row![group.name(), policy(group), workload(group), group.age()],
    conditions: None,
};

fn policy(group: View<'_>) -> &'static str {
    if group.has("spec.schedulingPolicy.gang") { "Gang" } else { "Basic" }
}

fn workload(group: View<'_>) -> &str {
    let reference = group.at("spec.workloadRef");
    if reference.is_some() { reference.text("workloadName") } else { "<none>" }
}

fn status(group: View<'_>) -> &str {
    if let Some(target) = group.condition("status.conditions", "DisruptionTarget") {
        return target.text("reason");
    }
    match group.condition("status.conditions", "PodGroupInitiallyScheduled") {
        Some(scheduled) if scheduled.text("status") == "True" => "Scheduled",
        Some(_) => "Unschedulable",
        None => "Pending",
    }
}
