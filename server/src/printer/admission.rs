//! Webhook configurations, admission policies and their bindings; API services.

use super::column::{self, AGE, Column, NAME};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

const PARAM_KIND: Column = column::text("ParamKind", "The kind of the policy's parameters.");

pub(super) const WEBHOOKS: Kind = Kind {
    columns: &[NAME, column::integer("Webhooks", "How many webhooks it registers."), AGE],
    cells: |of| row![of.name(), of.count("webhooks"), of.age()],
    conditions: None,
};

pub(super) const VALIDATING_POLICY: Kind = Kind {
    columns: &[NAME, column::integer("Validations", "How many rules it has."), PARAM_KIND, AGE],
    cells: |policy| row![policy.name(), policy.count("spec.validations"), param_kind(policy), policy.age()],
    conditions: None,
};

pub(super) const MUTATING_POLICY: Kind = Kind {
    columns: &[NAME, column::integer("Mutations", "How many mutations it has."), PARAM_KIND, AGE],
    cells: |policy| row![policy.name(), policy.count("spec.mutations"), param_kind(policy), policy.age()],
    conditions: None,
};

pub(super) const POLICY_BINDING: Kind = Kind {
    columns: &[
        NAME,
        column::text("PolicyName", "The policy that is bound."),
        column::text("ParamRef", "The parameters that the policy is given."),
        AGE,
    ],
    cells: |binding| row![binding.name(), binding.text("spec.policyName"), param_ref(binding), binding.age()],
    conditions: None,
};

pub(super) const API_SERVICE: Kind = Kind {
    columns: &[
        NAME,
        column::text("Service", "The service that serves it; Local for this server."),
        column::text("Available", "Whether it is being served."),
        AGE,
    ],
    cells: |api| {
        let service = api.at("spec.service");
        let service = if service.is_some() {
            format!("{}/{}", service.text("namespace"), service.text("name"))
        } else {
            "Local".to_owned()
        };
        let available = api.condition("status.conditions", "Available").map_or_else(
            || "Unknown".to_owned(),
            |condition| match (condition.text("status"), condition.text("reason")) {
                (status @ "True", _) | (status, "") => status.to_owned(),
                (status, reason) => format!("{status} ({reason})"),
            },
        );
        row![api.name(), service, available, api.age()]
    },
    conditions: None,
};

fn param_kind(policy: View<'_>) -> String {
    let kind = policy.at("spec.paramKind");
    if kind.is_some() { format!("{}/{}", kind.text("apiVersion"), kind.text("kind")) } else { "<unset>".to_owned() }
}

/// `namespace/name`, or the selector in Go's own notation, which upstream shows here.
fn param_ref(binding: View<'_>) -> String {
    let of = binding.at("spec.paramRef");
    let name = of.text("name");
    if !name.is_empty() {
        return format!("{}/{name}", of.text_or("namespace", "*"));
    }
    let selector = of.at("selector");
    if selector.is_some() { human::go_selector(selector) } else { "<unset>".to_owned() }
}
