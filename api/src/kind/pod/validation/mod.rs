//! The rules of pods.
//!
//! - [`pod`]: a new pod or a template, on the whole; `spec` has the order in which a spec's parts are looked at.
//! - [`update`], [`status`], [`resize`]: what each subresource may change.
//! - [`container`], [`init_container`], [`ephemeral_container`], [`volume`]: the parts, with what they are made of.
//! - [`options`] and [`leniency`]: what an update may keep wrong, because the old object had it.
//!
//! Rules read typed views, and give errors in upstream's order and words. What upstream's feature gates of v1.37 decide
//! is decided here once and for all.

mod affinity;
mod allocated;
pub(crate) mod annotation;
pub(crate) mod claim_spec;
mod cloud_volume;
pub(crate) mod container;
mod container_state;
pub(crate) mod context;
mod dns;
mod downward_api;
pub(crate) mod env;
pub(crate) mod ephemeral_container;
mod handler;
pub(crate) mod init_container;
pub(crate) mod leniency;
mod lifecycle;
mod local_path;
mod message;
mod network_volume;
mod one_of;
pub(crate) mod options;
mod os;
pub(crate) mod pod;
mod pod_resource;
mod pod_security;
pub(crate) mod port;
mod probe;
mod projected;
mod projected_certificate;
pub(crate) mod resize;
pub(crate) mod resource;
mod restart_policy;
pub(crate) mod security_context;
mod selector;
mod signer_name;
mod spec;
pub(crate) mod status;
mod sysctl;
mod toleration;
mod topology_spread;
pub(crate) mod update;
pub(crate) mod volume;
mod volume_file;
mod volume_mount;
mod volume_source;
pub(crate) mod windows_options;

#[cfg(test)]
mod tests;
