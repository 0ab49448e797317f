//! Ranges: how they are read, what is inside, which one is chosen.

use std::collections::HashSet;

use super::*;

fn addresses(text: &str) -> AddressRange {
    text.parse().unwrap()
}

fn ports(text: &str) -> PortRange {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn ranges_are_split_as_upstream_splits_them() {
    // (block, how many addresses, how many of them are kept for static requests)
    let rows = [
        ("10.96.0.0/12", (1 << 20) - 2, 256),
        ("10.96.0.0/16", 65_534, 256),
        ("10.96.0.0/20", 4094, 256),
        ("10.96.0.0/21", 2046, 128),
        ("10.96.0.0/24", 254, 16),
        ("10.96.0.0/27", 30, 16),
        ("10.96.0.0/28", 14, 0),
        ("10.96.0.0/29", 6, 0),
        ("10.96.0.0/31", 0, 0),
        ("10.96.0.0/32", 0, 0),
        ("fd00::/64", (1 << 64) - 1, 256),
        ("fd00::/112", 65_535, 256),
        ("fd00::/124", 15, 0),
    ];
    for (block, count, lower) in rows {
        let bands = addresses(block).bands();
        assert_eq!((bands.count, bands.lower), (count, lower), "{block}");
    }
    let rows = [
        ("30000-32767", 2768, 86),
        ("30000-30015", 16, 0),
        ("30000-30016", 17, 16),
        ("30000-30127", 128, 16),
        ("1-65535", 65_535, 128),
        ("80", 1, 0),
    ];
    for (range, count, lower) in rows {
        let bands = ports(range).bands();
        assert_eq!((bands.count, bands.lower), (count, lower), "{range}");
    }
}

#[test]
fn the_ends_of_a_block_are_nobodys() {
    let rows = [
        (
            "10.96.0.0/16",
            vec!["10.96.0.1", "10.96.255.254"],
            vec!["10.96.0.0", "10.96.255.255", "10.97.0.1", "::a60:1"],
        ),
        ("fd00::/112", vec!["fd00::1", "fd00::ffff"], vec!["fd00::", "fd00::1:0", "10.96.0.1"]),
        ("10.96.0.7/32", vec![], vec!["10.96.0.6", "10.96.0.7", "10.96.0.8"]),
        ("255.255.255.248/29", vec!["255.255.255.254"], vec!["255.255.255.255", "255.255.255.248"]),
    ];
    for (block, inside, outside) in rows {
        let range = addresses(block);
        inside.iter().for_each(|text| assert!(range.contains(ip(text)), "{block} {text}"));
        outside.iter().for_each(|text| assert!(!range.contains(ip(text)), "{block} {text}"));
    }
    let range = ports("30000-32767");
    assert!([30_000, 32_767].into_iter().all(|port| range.contains(port)));
    assert!([29_999, 32_768, 0].into_iter().all(|port| !range.contains(port)));
}

#[test]
fn the_upper_band_goes_first() {
    let range = addresses("10.96.0.0/27");
    let last = |length: u128| length - 1;
    let none = |_: IpAddr| false;
    assert_eq!(range.choose(none, |_| 0), Some(ip("10.96.0.17")));
    assert_eq!(range.choose(none, last), Some(ip("10.96.0.30")));
    // From a taken one on to the next free one, round the end of the band.
    let taken = HashSet::from([ip("10.96.0.30"), ip("10.96.0.17")]);
    assert_eq!(range.choose(|ip| taken.contains(&ip), last), Some(ip("10.96.0.18")));
    // The lower band when nothing is left above, in the order of choice, until all are gone.
    let mut taken = HashSet::new();
    while let Some(ip) = range.choose(|ip| taken.contains(&ip), |_| 0) {
        assert!(taken.insert(ip), "{ip} came twice");
        assert_eq!(taken.len() <= 14, number(ip) > number(range.network()) + 16, "{ip}");
    }
    assert_eq!(taken.len(), 30);
    assert_eq!(addresses("10.96.0.0/31").choose(none, |_| 0), None);

    let range = ports("30000-30016");
    assert_eq!(range.choose(|_| false, |_| 0), Some(30_016));
    assert_eq!(range.choose(|port| port == 30_016, last), Some(30_015));
    assert_eq!(range.choose(|_| true, |_| 0), None);
    assert_eq!(addresses("fd00::/64").choose(|_| false, last), Some(ip("fd00::ffff:ffff:ffff:ffff")));
}

#[test]
fn ranges_are_read_and_written() {
    for (text, canonical) in [("10.96.0.9/16", "10.96.0.0/16"), ("FD00:0::/112", "fd00::/112")] {
        assert_eq!(addresses(text).to_string(), canonical);
    }
    for (text, canonical) in [("30000-32767", "30000-32767"), ("30000+10", "30000-30010"), ("80", "80-80")] {
        assert_eq!(ports(text).to_string(), canonical);
    }
    for text in ["", "10.96.0.0", "10.96.0.0/33", "x/8"] {
        assert_eq!(text.parse::<AddressRange>(), Err(RangeError::Cidr { text: text.to_owned() }));
    }
    assert_eq!("fd00::/63".parse::<AddressRange>(), Err(RangeError::TooLarge { length: 63 }));
    for text in ["", "a-b", "5-4", "0-9", "1-65536", "65535+1", "1-2+3", "-5"] {
        assert_eq!(text.parse::<PortRange>(), Err(RangeError::Ports { text: text.to_owned() }), "{text}");
    }
}

#[test]
fn a_cluster_has_one_range_a_family() {
    let (four, six, nodes) = (addresses("10.96.0.0/16"), addresses("fd00::/112"), ports("30000-32767"));
    let both = ServiceRanges::new(vec![six, four], nodes).unwrap();
    assert_eq!(both.families(), [Family::IPv6, Family::IPv4]);
    assert_eq!(both.addresses(Family::IPv4), Some(&four));
    let default = ServiceRanges::default();
    assert_eq!((default.families(), default.node_ports()), (&[Family::IPv4][..], nodes));
    assert_eq!((default.addresses(Family::IPv4), default.addresses(Family::IPv6)), (Some(&four), None));
    assert_eq!((default.api_server(), both.api_server()), (ip("10.96.0.1"), ip("fd00::1")));
    assert_eq!(ServiceRanges::new(vec![addresses("10.96.0.8/29")], nodes).unwrap().api_server(), ip("10.96.0.9"));
    assert_eq!(ServiceRanges::new(vec![addresses("10.96.0.0/30")], nodes), Err(RangeError::TooSmall));
    assert_eq!(ServiceRanges::new(vec![four, four], nodes), Err(RangeError::SameFamily));
    assert_eq!(ServiceRanges::new(vec![], nodes), Err(RangeError::Count { count: 0 }));
    assert_eq!(ServiceRanges::new(vec![four, six, six], nodes), Err(RangeError::Count { count: 3 }));
}
