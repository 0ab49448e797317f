//! Everything that is parsed from one text: quantities, times, durations, keys, names, addresses, base64.

#![no_main]

use std::collections::BTreeMap;

use howdah_api::quantity::{Quantity, canonical};
use howdah_api::time::{Layout, Time, format_duration, parse_duration};
use howdah_api::validation::FieldPath;
use howdah_api::validation::{label, meta, name, net, resource_name};
use howdah_api::{Key, go};
use howdah_fuzz::input::Input;
use libfuzzer_sys::fuzz_target;

fn quantities(text: &str, other: &str) {
    if let Ok(first) = canonical(text) {
        assert_eq!(canonical(&first).as_deref(), Ok(&*first), "canonical text is its own: {text:?}");
    }
    let (Ok(one), Ok(other)) = (Quantity::parse(text), Quantity::parse(other)) else { return };
    let again = Quantity::parse(&one.to_string()).unwrap_or_else(|error| panic!("{error}: {text:?} became {one}"));
    assert_eq!(again, one, "{text:?}");
    let kept = canonical(text).expect("it is a quantity");
    assert_eq!(Quantity::parse(&kept), Ok(one), "{text:?}");
    assert_eq!(one.cmp(&other).reverse(), other.cmp(&one));
    assert_eq!(one == other, one.cmp(&other).is_eq());
    let _ = (one + other, one - other, one.value(), one.milli_value(), one.times(3), one.rounded(-3));
    let _ = (one.is_multiple_of(-3), one.is_negative(), one.is_positive());
}

fn times(text: &str) {
    for layout in [Layout::Seconds, Layout::Micros] {
        if let Ok(time) = Time::parse(text, layout) {
            let written = time.format(layout);
            let again = Time::parse(&written, layout).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            assert_eq!(again.format(layout), written, "{text:?}");
        }
    }
    if let Some(nanos) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(nanos)), Some(nanos), "{text:?}");
    }
}

fn names(text: &str) {
    let path = FieldPath::new("a");
    let rules = [
        name::is_dns1123_label,
        name::is_dns1123_subdomain,
        name::is_dns1123_subdomain_caseless,
        name::is_dns1123_subdomain_with_underscore,
        name::is_dns1035_label,
        name::is_wildcard_dns1123_subdomain,
        name::is_qualified_name,
        name::is_prefixed_label_key,
        name::is_valid_label_value,
        name::is_config_map_key,
        name::is_env_var_name,
        name::is_relaxed_env_var_name,
        name::is_cidentifier,
        name::is_http_header_name,
        name::is_valid_port_name,
        name::is_valid_percent,
        name::is_valid_condition_reason,
        name::is_valid_path_segment_name,
        name::is_valid_path_segment_prefix,
    ];
    for rule in rules {
        let _ = rule(text);
    }
    let _ = label::labels(&BTreeMap::from([(text.to_owned(), text.to_owned())]), &path);
    let _ = meta::finalizer_name(text, &path);
    let _ = meta::field_manager(text, &path);
    let _ = resource_name::resource_name(text, &path);
    let _ = resource_name::container_resource_name(text, &path);
    let _ = resource_name::quota_resource_name(text, &path);
    let _ = (go::quote(text), go::quote_list(&[text]));
}

fn addresses(text: &str) {
    let path = FieldPath::new("a");
    let rules = [
        net::is_valid_ip,
        net::is_valid_cidr,
        net::is_valid_interface_address,
        net::is_fully_qualified_name,
        net::is_fully_qualified_domain_name,
        net::is_domain_prefixed_path,
        net::is_domain_prefixed_key,
    ];
    for rule in rules {
        let _ = rule(&path, text);
    }
    let _ = (net::warnings_for_ip(&path, text), net::warnings_for_cidr(&path, text));
    let _ = net::is_valid_ip_for_legacy_field(&path, text, &[]);
    let _ = net::is_valid_cidr_for_legacy_field(&path, text, &[]);
    if let Some(cidr) = net::parse_cidr_sloppy(text) {
        assert_eq!(cidr.is_ipv6(), cidr.network().is_ipv6());
        assert!(cidr.prefix_length() <= if cidr.is_ipv6() { 128 } else { 32 });
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let (one, other) = (String::from_utf8_lossy(input.line()), String::from_utf8_lossy(input.line()));
    quantities(&one, &other);
    times(&one);
    names(&one);
    addresses(&one);
    if let Ok(key) = Key::parse(&one) {
        assert_eq!(key.as_str(), one);
    }
});
