//! JSON of any kind: a line with its names, and the document.

#![no_main]

use howdah_api::codec::json;
use howdah_fuzz::check;
use howdah_fuzz::input::Input;
use howdah_fuzz::seed::{self, Form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seed::write(Form::Json, &[""]), |data: &[u8]| {
    let mut input = Input::new(data);
    let node = input.words().kind().node;
    let text = input.rest();
    if let Ok(decoded) = json::decode_any(text) {
        let written = json::encode_any(&decoded.value);
        let again = json::decode_any(&written).expect("what was written is well formed");
        assert_eq!(json::encode_any(&again.value), written);
    }
    if let Ok(decoded) = json::decode(text, node) {
        check::json(decoded.value, node);
    }
});
