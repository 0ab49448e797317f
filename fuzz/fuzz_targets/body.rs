//! The body of a write: a line with a kind's names, an encoding and a directive (`v1 Pod yaml Strict`), and the body.

#![no_main]

use howdah_fuzz::input::Input;
use howdah_fuzz::seed::{self, Form};
use howdah_server::negotiation::Encoding;
use howdah_server::registry::fuzzing::decoded_body;
use howdah_server::registry::option::Directive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seed::write(Form::Json, &["json Strict"]), |data: &[u8]| {
    let mut input = Input::new(data);
    let words = input.words();
    let encoding = match words.at(2) {
        "yaml" => Encoding::Yaml,
        "protobuf" => Encoding::Protobuf,
        _ => Encoding::Json,
    };
    let directive = match words.at(3) {
        "Warn" => Directive::Warn,
        "Ignore" => Directive::Ignore,
        _ => Directive::Strict,
    };
    let body = input.rest();
    let strict = decoded_body(body, encoding, words.kind(), directive);
    let lenient = decoded_body(body, encoding, words.kind(), Directive::Ignore);
    if let Ok((value, _)) = strict {
        assert_eq!(lenient.expect("what is strictly right is right").0, value);
    }
});
