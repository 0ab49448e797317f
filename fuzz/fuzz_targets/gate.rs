//! The gate in front of the HTTP/1 parser: a line with the length of pieces, and what comes over the connection. How it is
//! cut makes no difference.

#![no_main]

use howdah_fuzz::input::Input;
use howdah_server::listener::fuzzing::pass;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let length = input.words().at(0).parse::<usize>().unwrap_or(7).clamp(1, 4096);
    let bytes = input.rest();
    let whole = pass([bytes]);
    assert_eq!(pass(bytes.chunks(1)), whole, "byte by byte");
    assert_eq!(pass(bytes.chunks(length)), whole, "in pieces of {length}");
});
