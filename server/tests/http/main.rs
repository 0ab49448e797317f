//! The listener and the filter chain over real sockets: what clients see, on HTTP/1.1, HTTP/2, TLS and Unix sockets.

#![cfg(test)]

mod chain;
mod client;
mod connection;
mod document;
mod http2;
mod malformed;
mod shutdown;
mod system;
mod tls;
mod upgrade;
mod world;
