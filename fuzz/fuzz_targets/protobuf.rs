//! Protobuf: a line with a kind's names, and a body. What has no envelope is read as the kind's bare message.

#![no_main]

use howdah_api::codec::{json, protobuf};
use howdah_api::schema::builtin;
use howdah_fuzz::check;
use howdah_fuzz::input::Input;
use howdah_fuzz::seed::{self, Form};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: seed::write(Form::Protobuf, &[""]), |data: &[u8]| {
    let mut input = Input::new(data);
    let named = input.words().kind().node;
    let body = input.rest();
    let node = match protobuf::Envelope::read(body) {
        Ok(envelope) => {
            let (group, version) = envelope.api_version.split_once('/').unwrap_or(("", envelope.api_version));
            builtin::kind(group, version, envelope.kind).unwrap_or(named)
        }
        Err(_) => named,
    };
    if !protobuf::is_supported(node) {
        return;
    }
    if let Ok(Some(object)) = protobuf::decode_object(body, |_| Some(node)) {
        check::message(&object, node);
        let _ = protobuf::encode_object(&object, node);
    }
    if let Ok(value) = protobuf::decode(body, node) {
        check::message(&value, node);
        let text = json::encode(&value, node);
        let again = json::decode(&text, node).expect("what was read can be written as JSON");
        assert_eq!(json::encode(&check::normal(again.value, node), node), text);
    }
});
