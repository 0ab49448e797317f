//! Whether a request may go on, once it is known who sent it.
//!
//! [`Attributes`](attributes::Attributes) are the question, an [`Authorizer`](authorizer::Authorizer) answers it, and
//! a [`Union`](authorizer::Union) asks the privileged group, the Node authorizer and RBAC in upstream's order. All of
//! it works on snapshots in memory, synchronously; nothing here reads the store or a clock.

pub mod attributes;
pub mod authorizer;
pub mod bootstrap;
pub mod forbidden;
pub mod node;
pub mod rbac;
pub mod review;
