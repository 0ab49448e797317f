//! The rules of a pod's spec.

mod claim_spec;
mod cloud_volume;
pub(crate) mod container;
pub(crate) mod context;
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
pub(crate) mod port;
mod probe;
mod projected;
mod projected_certificate;
pub(crate) mod resource;
mod resource_name;
mod restart_policy;
pub(crate) mod security_context;
mod signer_name;
pub(crate) mod volume;
mod volume_file;
mod volume_mount;
mod volume_source;
pub(crate) mod windows_options;

#[cfg(test)]
mod tests;
