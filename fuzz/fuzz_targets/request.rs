//! What is read of a request before its body, one thing a line: method, path, query, Accept, Content-Type, and a body that
//! may be options.

#![no_main]

use std::sync::{Arc, LazyLock};

use actix_web::http::Method;
use howdah_api::KeyPrefix;
use howdah_api::selector::{FieldSelector, LabelSelector};
use howdah_fuzz::input::Input;
use howdah_server::authentication::user::UserInfo;
use howdah_server::negotiation::{Encoding, accept, indent};
use howdah_server::query::Query;
use howdah_server::registry::fuzzing::reencoded_token;
use howdah_server::registry::option::{DeleteOptions, ListOptions, WriteOptions};
use howdah_server::registry::route::Route;
use howdah_server::request_info::RequestInfo;
use libfuzzer_sys::fuzz_target;

static USER: LazyLock<Arc<UserInfo>> = LazyLock::new(|| Arc::new(UserInfo::new("u", ["g"])));

/// Authorization reads selectors by a parser of its own, which has to agree with the one that selects.
fn selectors(info: &RequestInfo) {
    let attributes = info.attributes(Arc::clone(&USER));
    let (labels, fields) = (LabelSelector::parse(&info.label_selector), FieldSelector::parse(&info.field_selector));
    assert_eq!(attributes.label_selector.is_ok(), labels.is_ok(), "{:?}", info.label_selector);
    assert_eq!(attributes.field_selector.is_ok(), fields.is_ok(), "{:?}", info.field_selector);
    if let (Ok(seen), Ok(selected)) = (&attributes.field_selector, &fields) {
        let seen: Vec<_> = seen.iter().map(|one| (&one.field, one.equals, &one.value)).collect();
        let selected: Vec<_> = selected.requirements().iter().map(|one| (&one.field, one.equals, &one.value)).collect();
        assert_eq!(seen, selected, "{:?}", info.field_selector);
    }
}

fn options(query: &Query, info: &RequestInfo, encoding: Encoding, body: &[u8]) {
    let _ = (WriteOptions::create(query), WriteOptions::update(query), DeleteOptions::read(query, encoding, body));
    let _ = (WriteOptions::patch(query, true), WriteOptions::patch(query, false));
    if let Ok(method) = "GET".parse::<Method>()
        && let Ok(route) = Route::find(info, &method)
    {
        let _ = ListOptions::read(query, route.served.row, info.verb == "watch", route.name);
    }
    let token = query.get("continue").unwrap_or_default();
    for prefix in [KeyPrefix::new("", "pods", None), KeyPrefix::new("", "pods", Some("default"))] {
        let prefix = prefix.expect("a prefix");
        if let Some(written) = reencoded_token(token, &prefix) {
            assert_eq!(reencoded_token(&written, &prefix).as_ref(), Some(&written), "{token:?}");
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let mut line = || String::from_utf8_lossy(input.line()).into_owned();
    let (method, path, query, accepted, content_type) = (line(), line(), line(), line(), line());
    let body = input.rest();

    let encoding = Encoding::of_media_type(&content_type).unwrap_or(Encoding::Json);
    let _ = accept(Some(&accepted), |_, target| target.is_none());
    if let Some(media) = accept(Some(&accepted), |_, _| true) {
        assert!(Encoding::ALL.contains(&media.encoding));
    }
    let _ = indent(body);
    if let Ok(info) = RequestInfo::parse(&method, &path, &query) {
        selectors(&info);
        if let Ok(method) = method.parse::<Method>() {
            let _ = Route::find(&info, &method);
        }
        let _ = info.is_long_running();
        options(&Query::parse(&query), &info, encoding, body);
    }
});
