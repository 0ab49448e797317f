//! Patches: a line with a kind's names, the object that stands, and the patch. All three kinds of patch read the same
//! line.

#![no_main]

use howdah_api::codec::json;
use howdah_api::patch;
use howdah_fuzz::check;
use howdah_fuzz::input::Input;
use howdah_fuzz::seed::{self, Form};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What the server does with what a patch made.
fn read(patched: &Value, node: &howdah_api::schema::Node) {
    if let Ok(decoded) = json::decode(&json::encode_any(patched), node) {
        let _ = check::normal(decoded.value, node);
    }
}

fuzz_target!(init: seed::write(Form::JsonLines(2), &[""]), |data: &[u8]| {
    let mut input = Input::new(data);
    let node = input.words().kind().node;
    let Ok(target) = json::decode(input.line(), node) else { return };
    let target = check::normal(target.value, node);
    let bytes = input.rest();
    if let Ok(patched) = patch::json(&target, bytes) {
        read(&patched, node);
    }
    let Ok(patch) = json::decode_any(bytes) else { return };
    let patch = patch.value;
    let merged = patch::merge(&target, &patch);
    assert_eq!(patch::merge(&merged, &patch), merged, "a merge patch is idempotent");
    read(&merged, node);
    if let Ok(patched) = patch::strategic(&target, &patch, node) {
        read(&patched, node);
    }
});
