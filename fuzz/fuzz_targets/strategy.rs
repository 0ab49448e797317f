//! Strategies: a line with a resource's group, version and kind and a subresource, then an object and what stood before
//! (the same object where that is absent). They go the way of a create and of an update.

#![no_main]

use howdah_api::kind::Request;
use howdah_api::tree;
use howdah_api::validation::Errors;
use howdah_fuzz::input::Input;
use howdah_fuzz::object::{NOW, Row};
use howdah_fuzz::seed::{self, Form};
use libfuzzer_sys::fuzz_target;

/// An object that was decoded along its schema can be viewed as its type.
fn judge(errors: &Errors) {
    for error in errors.iter().map(ToString::to_string) {
        assert!(!error.contains("the object can't be read as its type"), "{error}");
    }
}

fuzz_target!(init: seed::write(Form::Json, &["", "status"]), |data: &[u8]| {
    let mut input = Input::new(data);
    let words = input.words();
    let row = Row::of(&words);
    let strategy = row.strategy;
    let Some(object) = row.complete(input.line()) else { return };
    let mut again = object.clone();
    strategy.default(&mut again);
    tree::normalise(&mut again, row.node);
    assert_eq!(again, object, "defaults are idempotent");
    let old = row.complete(input.line()).unwrap_or_else(|| object.clone());

    let request = Request { subresource: "", now: NOW };
    let mut created = object.clone();
    strategy.prepare_for_create(&request, &mut created);
    let errors = strategy.validate(&request, &created);
    judge(&errors);
    let _ = strategy.warnings(&request, &created, None);
    if errors.is_empty() {
        strategy.canonicalise(&mut created);
    }
    for requested in [None, Some(0), Some(-1), Some(i64::MAX)] {
        let _ = strategy.grace_period(&object, requested);
    }

    let subresource = row.resource.subresource(words.at(2)).map_or("", |found| &*found.name);
    let request = Request { subresource, now: NOW };
    let mut updated = object;
    strategy.prepare_for_update(&request, &mut updated, &old);
    let errors = strategy.validate_update(&request, &updated, &old);
    judge(&errors);
    let _ = strategy.warnings(&request, &updated, Some(&old));
    if errors.is_empty() {
        strategy.canonicalise(&mut updated);
    }
});
