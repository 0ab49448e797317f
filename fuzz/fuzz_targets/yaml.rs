//! YAML of any kind: a line with its names, and the document.

#![no_main]

use howdah_api::codec::{json, yaml};
use howdah_fuzz::check;
use howdah_fuzz::input::Input;
use howdah_fuzz::seed::{self, Form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seed::write(Form::Yaml, &[""]), |data: &[u8]| {
    let mut input = Input::new(data);
    let node = input.words().kind().node;
    let text = input.rest();
    if let Ok(read) = yaml::to_json(text) {
        let written = yaml::encode(&read.value);
        let shown = String::from_utf8_lossy(&written);
        let again = yaml::to_json(&written).unwrap_or_else(|error| panic!("{error}: {shown}"));
        let texts = [&again.value, &read.value].map(|value| String::from_utf8(json::encode_any(value)));
        assert_eq!(texts[0], texts[1], "YAML reads back the same: {shown}");
    }
    if let Ok(decoded) = yaml::decode(text, node) {
        check::yaml(decoded.value, node);
    }
});
