//! Disruption budgets, role bindings, leases.

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

pub(super) const DISRUPTION_BUDGET: Kind = Kind {
    columns: &[
        NAME,
        column::text("Min Available", "How many pods have to stay available."),
        column::text("Max Unavailable", "How many pods may be unavailable."),
        column::integer("Allowed Disruptions", "How many pods may be disrupted now."),
        AGE,
    ],
    cells: |budget| {
        let bound = |path: &str| if budget.has(path) { budget.int_or_text(path) } else { "N/A".to_owned() };
        row![
            budget.name(),
            bound("spec.minAvailable"),
            bound("spec.maxUnavailable"),
            budget.int("status.disruptionsAllowed"),
            budget.age(),
        ]
    },
    conditions: None,
};

pub(super) const ROLE_BINDING: Kind = Kind {
    columns: &[
        NAME,
        column::text("Role", "The role that is granted."),
        AGE,
        column::wide("Users", "The users who have it."),
        column::wide("Groups", "The groups that have it."),
        column::wide("ServiceAccounts", "The service accounts that have it."),
    ],
    cells: |binding| {
        let role = binding.at("roleRef");
        let of = |kind: &str, text: fn(View<'_>) -> String| {
            let subjects = binding.list("subjects").filter(|subject| subject.text("kind") == kind);
            subjects.map(text).collect::<Vec<_>>().join(", ")
        };
        let name = |subject: View<'_>| subject.text("name").to_owned();
        row![
            binding.name(),
            format!("{}/{}", role.text("kind"), role.text("name")),
            binding.age(),
            of("User", name),
            of("Group", name),
            of("ServiceAccount", |subject| format!("{}/{}", subject.text("namespace"), subject.text("name"))),
        ]
    },
    conditions: None,
};

pub(super) const LEASE: Kind = Kind {
    columns: &[NAME, column::text("Holder", "Who holds the lease."), AGE],
    cells: |lease| row![lease.name(), lease.text("spec.holderIdentity"), lease.age()],
    conditions: None,
};

pub(super) const LEASE_CANDIDATE: Kind = Kind {
    columns: &[
        NAME,
        column::text("LeaseName", "The lease that it stands for."),
        column::text("BinaryVersion", "The candidate's version."),
        column::text("EmulationVersion", "The version that the candidate behaves like."),
        AGE,
    ],
    cells: |candidate| {
        row![
            candidate.name(),
            candidate.text("spec.leaseName"),
            candidate.text("spec.binaryVersion"),
            candidate.text("spec.emulationVersion"),
            candidate.age(),
        ]
    },
    conditions: None,
};
