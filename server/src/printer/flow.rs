//! Flow control: schemas and priority levels.

use serde_json::Value;

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::row;
use super::view::View;

pub(super) const FLOW_SCHEMA: Kind = Kind {
    columns: &[
        NAME,
        column::text("PriorityLevel", "The priority level of its requests."),
        column::text("MatchingPrecedence", "Its place in the order in which schemas are tried."),
        column::text("DistinguisherMethod", "What tells its flows apart."),
        AGE,
        column::text("MissingPL", "Whether its priority level is missing."),
    ],
    cells: |schema| {
        let method = schema.at("spec.distinguisherMethod");
        let dangling = schema.condition("status.conditions", "Dangling");
        row![
            schema.name(),
            schema.text("spec.priorityLevelConfiguration.name"),
            schema.int("spec.matchingPrecedence"),
            if method.is_some() { method.text("type") } else { "<none>" },
            schema.age(),
            dangling.map_or("?", |condition| condition.text("status")),
        ]
    },
    conditions: None,
};

pub(super) const PRIORITY_LEVEL: Kind = Kind {
    columns: &[
        NAME,
        column::text("Type", "Whether the level is limited."),
        column::text("NominalConcurrencyShares", "Its share of the seats."),
        column::text("Queues", "How many queues it has."),
        column::text("HandSize", "How many queues a flow is dealt."),
        column::text("QueueLengthLimit", "How many requests may wait in a queue."),
        AGE,
    ],
    cells: |level| {
        let limited = level.at("spec.limited");
        let queuing = limited.at("limitResponse.queuing");
        let number = |of: View<'_>, field: &str| {
            if of.is_some() { Value::from(of.int(field)) } else { Value::from("<none>") }
        };
        row![
            level.name(),
            level.text("spec.type"),
            number(limited, "nominalConcurrencyShares"),
            number(queuing, "queues"),
            number(queuing, "handSize"),
            number(queuing, "queueLengthLimit"),
            level.age(),
        ]
    },
    conditions: None,
};
