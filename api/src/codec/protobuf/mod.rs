//! Protobuf: upstream's messages to the tree and back, driven by the numbers in the schema tree.
//!
//! A request's or an answer's body is an [`Envelope`]: four bytes of magic, then `runtime.Unknown` with apiVersion,
//! kind and the message. [`decode`] and [`encode`] work on the message alone, in which a kind carries neither
//! apiVersion nor kind; [`decode_object`] and [`encode_object`] do both steps.
//!
//! Emission follows the generator that upstream uses (gogo-protobuf): members ordered by number, what Go holds by
//! value written even when it is zero, maps ordered by key, lists of numbers not packed. So the bytes equal upstream's.
//! Reading takes what any encoder may send: any order, packed lists, messages in pieces, unknown members.
//!
//! Some types have messages of their own shape: `IntOrString` {type 1, int 2, string 3}, `Quantity` {string 1}, times
//! {seconds 1, nanos 2}, raw JSON {raw 1}, `JSONSchemaPropsOrBool` and its like, and named lists, which are wrapped.
//!
//! What is read is [normalised](crate::tree::normalise): protobuf can't tell an empty list from an absent one, and what
//! Go writes always appears with its zero value. Custom resources and `Table` have no protobuf form ([`is_supported`]).

mod decode;
mod encode;
mod envelope;
mod error;
mod wire;

pub use decode::decode;
pub use encode::encode;
pub use envelope::{Envelope, MAGIC, decode_object, encode_object, encode_watch_event};
pub use error::{ProtobufError, WireError};

use crate::schema::Node;

/// Whether the kind has a protobuf form: whether its struct has members with a number.
#[must_use]
pub fn is_supported(node: &Node) -> bool {
    node.as_struct().is_some_and(|of| !of.members.is_empty())
}
