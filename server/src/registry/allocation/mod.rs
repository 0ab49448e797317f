//! What Services take of what the cluster has only once: cluster addresses, node ports, health checks' node ports.
//!
//! What a Service needs and sets free is planned by [`howdah_api::kind::service::allocation`], which is pure; here plans
//! are performed. Each address and each port that somebody has is a key of its own in the store ([`unit`]), below a
//! group that the API does not serve. [`Claims`] chooses what is free ([`range`]), writes it into the Service, and hands
//! the pipeline the writes of those keys, which go into the transaction that writes the Service itself.
//!
//! Invariants. A unit's key stands exactly while a stored Service has the unit: both are written and deleted in one
//! transaction, so there is nothing to repair and nothing leaks when a server dies. Of any number of servers that choose
//! the same unit, one creates its key; the others' transactions meet a conflict, and they choose anew. A choice that is
//! not stored (a refused, unchanged or dry-run write) leaves no trace. A range is called full only on a list of what is
//! taken. A key that another owner has is never deleted.
//!
//! Dynamic choices are made at random, outside the band that is kept for static requests first (KEP-3070 for addresses,
//! KEP-3668 for ports). What is guessed is not looked up before: a guess that fails costs one more turn, and after
//! [`claims::GUESSES`] lost ones the next choice is made on a list.
//!
//! Deliberately absent: ServiceCIDR objects (the ranges are the server's options) and IPAddress objects, which upstream
//! keeps for every cluster address. An address' key is named as its IPAddress object would be and holds the same owner,
//! so the objects can become the keys: [`unit::Unit::key`] and [`unit::Unit::payload`] are the only places that say what
//! is stored.

mod choice;
mod claims;
mod range;
mod unit;

pub(super) use claims::Claims;
pub(crate) use claims::with_units;
pub use range::{AddressRange, PortRange, RangeError, ServiceRanges};
