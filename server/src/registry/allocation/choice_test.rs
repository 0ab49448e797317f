//! Choices, real and pretended, as tables.

use std::net::IpAddr;

use howdah_api::kind::service::allocation::Family;

use super::*;

fn ranges() -> ServiceRanges {
    let addresses = ["10.96.0.0/16", "fd00::/112"].map(|text| text.parse().unwrap());
    ServiceRanges::new(addresses.to_vec(), "30000-32767".parse().unwrap()).unwrap()
}

fn small() -> ServiceRanges {
    ServiceRanges::new(vec!["10.0.0.0/29".parse().unwrap()], "30000-30001".parse().unwrap()).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn four(wanted: Option<&str>) -> Allocation {
    Allocation::ClusterIp { family: Family::IPv4, wanted: wanted.map(ip), slot: 0 }
}

fn six(wanted: Option<&str>) -> Allocation {
    Allocation::ClusterIp { family: Family::IPv6, wanted: wanted.map(ip), slot: 1 }
}

fn port(wanted: Option<u16>) -> Allocation {
    Allocation::NodePort { wanted, ports: vec![0] }
}

fn check(wanted: Option<u16>) -> Allocation {
    Allocation::HealthCheckNodePort { wanted }
}

fn plan(allocate: Vec<Allocation>) -> Plan {
    Plan { allocate, release: Vec::new() }
}

fn ips<const N: usize>(texts: [&str; N]) -> HashSet<Unit> {
    texts.into_iter().map(|text| Unit::Address(ip(text))).collect()
}

fn ports<const N: usize>(numbers: [u16; N]) -> HashSet<Unit> {
    numbers.into_iter().map(Unit::Port).collect()
}

fn none() -> HashSet<Unit> {
    HashSet::new()
}

/// Each grant, or the refusal's sentence; always the first of what could be chosen at random.
fn said(outcome: Result<Vec<Grant>, Miss>) -> Result<Vec<String>, (usize, String)> {
    match outcome {
        Ok(grants) => Ok(grants
            .into_iter()
            .map(|grant| match grant {
                Grant::Ip(ip) => ip.to_string(),
                Grant::Port(port) => port.to_string(),
            })
            .collect()),
        Err(Miss::Refused(index, refusal)) => Err((index, refusal.to_string())),
        Err(Miss::Exhausted(index, sort)) => Err((index, format!("{sort:?} exhausted"))),
    }
}

fn words<const N: usize>(texts: [&str; N]) -> Result<Vec<String>, (usize, String)> {
    Ok(texts.map(str::to_owned).to_vec())
}

fn refused(index: usize, text: &str) -> Result<Vec<String>, (usize, String)> {
    Err((index, text.to_owned()))
}

#[test]
fn allocations_are_chosen_in_order() {
    let no_range = "the provided network does not match the current range";
    let no_port = "provided port is not in the valid range. The range of valid ports is 30000-32767";
    let rows = [
        (vec![], none(), none(), words([])),
        (vec![four(None), six(None)], none(), none(), words(["10.96.1.1", "fd00::101"])),
        (vec![four(None)], none(), ips(["10.96.1.1", "10.96.1.2"]), words(["10.96.1.3"])),
        (vec![four(Some("10.96.0.1"))], none(), none(), words(["10.96.0.1"])),
        // What was taken when last seen may be free by now.
        (vec![four(Some("10.96.0.1"))], none(), ips(["10.96.0.1"]), words(["10.96.0.1"])),
        (vec![four(Some("10.96.0.1"))], ips(["10.96.0.1"]), none(), refused(0, "provided IP is already allocated")),
        (vec![four(None), six(Some("fd00::9"))], none(), none(), words(["10.96.1.1", "fd00::9"])),
        (vec![four(Some("10.97.0.1"))], none(), none(), refused(0, no_range)),
        (vec![four(Some("10.96.0.0"))], none(), none(), refused(0, no_range)),
        (vec![four(Some("10.96.255.255"))], none(), none(), refused(0, no_range)),
        (vec![four(Some("fd00::1"))], none(), none(), refused(0, no_range)),
        (vec![port(None), port(None), check(None)], none(), none(), words(["30086", "30087", "30088"])),
        // Random choices leave alone what is asked for by name further on.
        (vec![port(None), port(Some(30086))], none(), none(), words(["30087", "30086"])),
        (vec![port(Some(30000)), check(Some(30000))], none(), none(), refused(1, "provided port is already allocated")),
        (vec![port(Some(30000))], ports([30000]), none(), refused(0, "provided port is already allocated")),
        (vec![port(Some(80))], none(), none(), refused(0, no_port)),
        (vec![check(Some(80))], none(), none(), refused(0, no_port)),
    ];
    for (allocate, held, taken, expected) in rows {
        let plan = plan(allocate);
        let outcome = choose(&ranges(), &plan, &held, &taken, |_| 0);
        assert_eq!(said(outcome), expected, "{plan:?}");
    }
}

#[test]
fn ranges_run_out() {
    let rows = [
        (vec![four(None)], ips(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.6"]), words(["10.0.0.5"])),
        (
            vec![four(None)],
            ips(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]),
            refused(0, "Address exhausted"),
        ),
        (vec![four(None), port(None)], ports([30000, 30001]), refused(1, "Port exhausted")),
        (vec![port(None), port(None), port(None)], none(), refused(2, "Port exhausted")),
        (vec![port(None), check(Some(30000)), check(None)], none(), refused(2, "Port exhausted")),
        // There is no such family.
        (vec![six(None)], none(), refused(0, "range is full")),
    ];
    for (allocate, taken, expected) in rows {
        let plan = plan(allocate);
        assert_eq!(said(choose(&small(), &plan, &none(), &taken, |_| 0)), expected, "{plan:?}");
    }
    // What the Service is about to release is still its own.
    let release = vec![Release::NodePort(30000)];
    let plan = Plan { allocate: vec![port(None)], release };
    assert_eq!(said(choose(&small(), &plan, &none(), &none(), |_| 0)), words(["30001"]));
}

#[test]
fn dry_runs_are_answered_with_made_up_numbers() {
    let out = "the provided IP (10.97.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16";
    let rows = [
        (vec![four(None), six(None)], none(), words(["10.96.0.0", "fd00::"])),
        (vec![four(Some("10.96.0.1"))], ips(["10.96.0.1"]), words(["10.96.0.1"])),
        (vec![four(Some("10.97.0.1"))], none(), refused(0, out)),
        (vec![port(None), port(None), check(None)], none(), words(["32769", "32770", "32771"])),
        (vec![port(Some(30000)), port(None)], none(), words(["30000", "30001"])),
        (vec![port(Some(80))], none(), words(["80"])),
        (vec![port(Some(30000))], ports([30000]), refused(0, "provided port is already allocated")),
        (vec![port(Some(30000)), check(Some(30000))], none(), refused(1, "provided port is already allocated")),
    ];
    for (allocate, held, expected) in rows {
        let plan = plan(allocate);
        assert_eq!(said(pretend(&ranges(), &plan, &held)), expected, "{plan:?}");
    }
}
