//! Events, which are served twice: as core `v1`, which is what is stored, and as `events.k8s.io/v1`.
//!
//! Both work on the stored form; [`conversion`] leads to and from it. What is written through the newer API must be
//! a new-style event; the older one takes both. Events own nothing, so nothing depends on them.
//!
//! Facts: pkg/registry/core/event/strategy.go, pkg/apis/core/validation/events.go.

pub mod conversion;
mod validation;

use serde_json::Value;

use super::generic::{check, check_update};
use super::{Propagation, Request, Strategy};
use crate::validation::Errors;

/// Events, by the API through which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventStrategy {
    /// `v1`.
    Core,
    /// `events.k8s.io/v1`.
    New,
}

impl Strategy for EventStrategy {
    fn default(&self, _object: &mut Value) {}

    fn prepare_for_create(&self, _request: &Request<'_>, _object: &mut Value) {}

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, |event| match self {
            Self::Core => validation::legacy(event, "reportingComponent"),
            Self::New => validation::create(event),
        })
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        check_update(object, old, |new, old| match self {
            Self::Core => validation::legacy(new, "reportingComponent"),
            Self::New => validation::update(new, old),
        })
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }

    fn default_propagation(&self) -> Propagation {
        Propagation::Unsupported
    }
}
