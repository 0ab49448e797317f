//! The resources as clients see them: requests over loopback, through the chain and the registry, into a private
//! Postgres. Whoever asks may do anything; who may do what is tested elsewhere.

#![cfg(test)]

mod deletion;
mod form;
mod list;
mod service;
mod subresource;
mod watch;
mod world;
mod write;
