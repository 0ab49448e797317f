//! What the fuzzers see of the listener's inside. Compiled for them alone.

use bytes::BytesMut;

use super::gate::Gate;

/// Feeds pieces to a gate: what the parser behind it gets, the protocol that is upgraded to, and whether the gate is
/// closed or everything passes.
#[must_use]
pub fn pass<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<u8>, Option<String>, [bool; 2]) {
    let (mut gate, mut input, mut output) = (Gate::default(), BytesMut::new(), BytesMut::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        gate.feed(&mut input, &mut output);
    }
    (output.to_vec(), gate.upgrade().map(str::to_owned), [gate.is_closed(), gate.is_raw()])
}
