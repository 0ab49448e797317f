//! Selectors: a label selector, a field selector, and a LabelSelector as JSON, one a line.

#![no_main]

use howdah_api::resource::resources;
use howdah_api::selector::{FieldSelector, LabelSelector};
use howdah_fuzz::input::Input;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use libfuzzer_sys::fuzz_target;

fn judge(selector: &LabelSelector) {
    let text = selector.to_string();
    match LabelSelector::parse(&text) {
        Ok(again) => assert_eq!(again.to_string(), text),
        Err(error) => panic!("{error}: {text:?} was written for {selector:?}"),
    }
    for label in [None, Some(""), Some("a"), Some("1")] {
        assert!(selector.matches(|_| label) || !selector.is_empty(), "the empty selector selects everything");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let text = String::from_utf8_lossy(input.line());
    if let Ok(selector) = LabelSelector::parse(&text) {
        judge(&selector);
    }
    let text = String::from_utf8_lossy(input.line());
    if let Ok(mut selector) = FieldSelector::parse(&text) {
        let before = selector.requirements().len();
        let _ = selector.matches(|_| Some("a"));
        let _ = selector.exact("metadata.name");
        for resource in resources() {
            let _ = selector.resolve(resource);
        }
        assert_eq!(selector.requirements().len(), before, "resolving keeps every requirement");
    }
    if let Ok(object) = serde_json::from_slice::<v1::LabelSelector>(input.line())
        && let Ok(selector) = LabelSelector::from_object(&object)
    {
        judge(&selector);
    }
});
