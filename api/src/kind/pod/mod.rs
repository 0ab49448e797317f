//! Pods: their rules.

pub(crate) mod validation;
