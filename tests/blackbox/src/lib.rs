//! What the black-box suites stand on: a server of their own, started as users start it, and raw requests to it,
//! and the judgement on those who follow it.
//!
//! The suites know Howdah only as a command and a Kubernetes API. With `HOWDAH_TEST_KUBECONFIG` they run against the
//! server that the kubeconfig names, upstream's for example, and start none.

mod client;
pub mod follow;
mod kubectl;
mod server;

pub use client::{Answer, Client, Request};
pub use kubectl::Kubectl;
pub use server::{Server, kubeconfig_of_the_environment};
