//! Certificate requests and trust bundles.

use super::column::{self, AGE, NAME};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

pub(super) const SIGNING_REQUEST: Kind = Kind {
    columns: &[
        NAME,
        AGE,
        column::text("SignerName", "Who is asked to sign."),
        column::text("Requestor", "Who asks."),
        column::text("RequestedDuration", "How long the certificate should be valid."),
        column::text("Condition", "Whether it is approved, denied, issued."),
    ],
    cells: |request| {
        let duration = request.maybe_int("spec.expirationSeconds");
        let duration = duration.map(|seconds| human::duration(i128::from(seconds) * 1_000_000_000));
        row![
            request.name(),
            request.age(),
            request.text_or("spec.signerName", "<none>"),
            request.text("spec.username"),
            duration.unwrap_or_else(|| "<none>".to_owned()),
            condition(request),
        ]
    },
    conditions: None,
};

pub(super) const TRUST_BUNDLE: Kind = Kind {
    columns: &[NAME, column::text("SignerName", "The signer whose certificates it trusts.")],
    cells: |bundle| row![bundle.name(), bundle.text_or("spec.signerName", "<none>")],
    conditions: None,
};

pub(super) const POD_REQUEST: Kind = Kind {
    columns: &[
        NAME,
        column::text("PodName", "The pod that the certificate is for."),
        column::text("ServiceAccountName", "The pod's service account."),
        column::text("NodeName", "The pod's node."),
        column::text("SignerName", "Who is asked to sign."),
        column::text("State", "Whether it is pending, issued, denied or failed."),
        column::text("UnverifiedUserAnnotations", "What the pod tells the signer."),
    ],
    cells: |request| {
        let mut states = request.list("status.conditions").map(|condition| condition.text("type"));
        let state = states.rfind(|kind| matches!(*kind, "Issued" | "Denied" | "Failed"));
        row![
            request.name(),
            request.text("spec.podName"),
            request.text("spec.serviceAccountName"),
            request.text("spec.nodeName"),
            request.text("spec.signerName"),
            state.unwrap_or("Pending"),
            human::labels(request.map("spec.unverifiedUserAnnotations")),
        ]
    },
    conditions: None,
};

fn condition(request: View<'_>) -> String {
    let has = |kind: &str| request.condition("status.conditions", kind).is_some();
    let mut text = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has("Failed") {
        text.push_str(",Failed");
    }
    if !request.text("status.certificate").is_empty() {
        text.push_str(",Issued");
    }
    text
}
