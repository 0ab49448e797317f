//! The API server: from the socket to the store and back.
//!
//! [`listener`] takes connections, speaks TLS, HTTP/1.1 and HTTP/2, and hands every request to one place:
//! [`filter::Chain`]. The chain works out what is asked ([`request_info`]), who asks ([`authentication`]) and whether
//! they may ([`authorization`]), and only then calls the handler, with a [`filter::AuthorizedRequest`] that nothing
//! else can make. Behind it are the resources ([`registry`], with [`admission`], on top of the store and the watch
//! [`hub`]), [`discovery`], [`openapi`], and health, version and metrics ([`endpoint`]). [`status`] turns every failure
//! into upstream's answer, [`pki`] makes and renews the certificates that all of this rests on, and [`assembly`] puts a
//! whole server together.
//!
//! Invariant: the listener serves a chain and nothing else, so no handler can be reached around authentication and
//! authorization.

pub mod admission;
pub mod assembly;
pub mod authentication;
pub mod authorization;
pub mod clock;
pub mod discovery;
pub mod endpoint;
pub mod filter;
pub mod hub;
pub mod listener;
pub mod negotiation;
pub mod openapi;
pub mod pki;
pub mod printer;
pub mod query;
pub mod registry;
pub mod request_info;
pub mod status;
