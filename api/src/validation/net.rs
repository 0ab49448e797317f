//! The rules of IP addresses, CIDR blocks and domain names, which name the field themselves.
//!
//! Upstream reads addresses twice: once as its API always has (zeros in front of decimal and hexadecimal numbers are
//! skipped, IPv4-mapped IPv6 addresses taken), once strictly. Old fields are held to the strict reading too, but for
//! values that stand there already; new fields must be in canonical form.
//!
//! Facts: k8s.io/apimachinery/pkg/util/validation/ip.go, k8s.io/utils/net.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::name::{is_dns1123_label, is_dns1123_subdomain, is_qualified_name, regex_error};
use super::{Errors, FieldError, FieldPath};
use crate::go::quote;

/// An IP address as upstream's API has always read it. IPv4-mapped IPv6 addresses come as IPv4.
#[must_use]
pub fn parse_ip_sloppy(text: &str) -> Option<IpAddr> {
    match text.bytes().find(|c| matches!(c, b'.' | b':'))? {
        b'.' => parse_v4(text).map(IpAddr::V4),
        _ => parse_v6(text).map(|ip| ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
    }
}

/// A CIDR block as upstream's API has always read it.
#[must_use]
pub fn parse_cidr_sloppy(text: &str) -> Option<Cidr> {
    let (address, length) = text.split_once('/')?;
    let (bits, width) = match parse_v4(address) {
        Some(ip) => (u128::from(u32::from(ip)), 32),
        None => (u128::from(parse_v6(address)?), 128),
    };
    let (length, rest) = decimal(length)?;
    let length = u8::try_from(length).ok().filter(|length| rest.is_empty() && *length <= width)?;
    Some(Cidr { bits, width, length })
}

/// An address and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    bits: u128,
    /// 32 or 128.
    width: u8,
    length: u8,
}

impl Cidr {
    /// The address, with the bits behind the prefix; IPv4-mapped ones as IPv4.
    #[must_use]
    pub fn address(self) -> IpAddr {
        Self::ip(self.bits, self.width)
    }

    /// The first address of the block.
    #[must_use]
    pub fn network(self) -> IpAddr {
        Self::ip(self.masked(), self.width)
    }

    /// The length of the prefix, in bits of [`network`](Self::network).
    #[must_use]
    pub fn prefix_length(self) -> u8 {
        if self.width == 128 && self.network().is_ipv4() { self.length.saturating_sub(96) } else { self.length }
    }

    /// Whether the block is of IPv6 addresses.
    #[must_use]
    pub fn is_ipv6(self) -> bool {
        self.width == 128 && self.network().is_ipv6()
    }

    fn masked(self) -> u128 {
        let behind = u32::from(self.width - self.length);
        if behind >= 128 { 0 } else { self.bits >> behind << behind }
    }

    fn ip(bits: u128, width: u8) -> IpAddr {
        if width == 32 {
            let bits = u32::try_from(bits).expect("32 bits");
            return IpAddr::V4(Ipv4Addr::from(bits));
        }
        let ip = Ipv6Addr::from(bits);
        ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
    }
}

impl std::fmt::Display for Cidr {
    /// The block in canonical form.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.network(), self.prefix_length())
    }
}

/// An IP address in canonical form.
#[must_use]
pub fn is_valid_ip(path: &FieldPath<'_>, value: &str) -> Errors {
    let errors = legacy_ip(path, value);
    match parse_ip_sloppy(value) {
        Some(ip) if errors.is_empty() && ip.to_string() != value => not_canonical(path, value, &ip.to_string()),
        _ => errors,
    }
}

/// An IP address in a field that has always taken unusual forms; values in `old` stay valid.
#[must_use]
pub fn is_valid_ip_for_legacy_field(path: &FieldPath<'_>, value: &str, old: &[&str]) -> Errors {
    if old.contains(&value) { Errors::new() } else { legacy_ip(path, value) }
}

/// A CIDR block in canonical form, without bits behind its prefix.
#[must_use]
pub fn is_valid_cidr(path: &FieldPath<'_>, value: &str) -> Errors {
    let errors = legacy_cidr(path, value);
    match parse_cidr_sloppy(value) {
        Some(cidr) if errors.is_empty() && cidr.to_string() != value => not_canonical(path, value, &cidr.to_string()),
        _ => errors,
    }
}

/// A CIDR block in a field that has always taken unusual forms; values in `old` stay valid.
#[must_use]
pub fn is_valid_cidr_for_legacy_field(path: &FieldPath<'_>, value: &str, old: &[&str]) -> Errors {
    if old.contains(&value) { Errors::new() } else { legacy_cidr(path, value) }
}

/// An interface's address with its prefix, in canonical form.
#[must_use]
pub fn is_valid_interface_address(path: &FieldPath<'_>, value: &str) -> Errors {
    let Some(cidr) = parse_cidr_sloppy(value) else {
        let words = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
        return vec![FieldError::invalid(path, value, words)];
    };
    let address = cidr.address();
    let length = if address.is_ipv4() && cidr.length > 32 { cidr.length.saturating_sub(96) } else { cidr.length };
    let canonical = format!("{address}/{length}");
    if value == canonical { Errors::new() } else { not_canonical(path, value, &canonical) }
}

/// What the client is warned of, for an address that [`is_valid_ip_for_legacy_field`] took.
#[must_use]
pub fn warnings_for_ip(path: &FieldPath<'_>, value: &str) -> Vec<String> {
    let Some(ip) = parse_ip_sloppy(value) else { return Vec::new() };
    let ip = ip.to_string();
    if !is_strict(value) || is_mapped(value) {
        return vec![format!("{path}: non-standard IP address {} is invalid: use {}", quote(value), quote(&ip))];
    }
    if value.contains(':') && ip != value {
        let (value, ip) = (quote(value), quote(&ip));
        return vec![format!("{path}: IPv6 address {value} should be in RFC 5952 canonical format ({ip})")];
    }
    Vec::new()
}

/// What the client is warned of, for a block that [`is_valid_cidr_for_legacy_field`] took.
#[must_use]
pub fn warnings_for_cidr(path: &FieldPath<'_>, value: &str) -> Vec<String> {
    let Some(cidr) = parse_cidr_sloppy(value) else { return Vec::new() };
    let mut warnings = Vec::new();
    let (quoted, canonical) = (quote(value), quote(&cidr.to_string()));
    if cidr.address() != cidr.network() {
        let single = quote(&format!("{}/{}", cidr.address(), cidr.width));
        warnings.push(format!(
            "{path}: CIDR value {quoted} is ambiguous in this context (should be {canonical} or {single}?)"
        ));
    }
    let (address, length) = value.split_once('/').unwrap_or((value, ""));
    if !is_strict(address) || !is_strict_length(length) || is_mapped(address) {
        warnings.push(format!("{path}: non-standard CIDR value {quoted} is invalid: use {canonical}"));
    }
    if warnings.is_empty() && address.contains(':') && cidr.to_string() != value {
        warnings.push(format!("{path}: IPv6 CIDR value {quoted} should be in RFC 5952 canonical format ({canonical})"));
    }
    warnings
}

/// A name of at least three labels.
#[must_use]
pub fn is_fully_qualified_name(path: &FieldPath<'_>, name: &str) -> Errors {
    if name.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let wrong = is_dns1123_subdomain(name);
    if !wrong.is_empty() {
        return vec![FieldError::invalid(path, name, wrong.join(","))];
    }
    if name.split('.').count() < 3 {
        let words = "should be a domain with at least three segments separated by dots";
        return vec![FieldError::invalid(path, name, words)];
    }
    Errors::new()
}

/// A domain name of at least two labels; a dot may follow it.
#[must_use]
pub fn is_fully_qualified_domain_name(path: &FieldPath<'_>, name: &str) -> Errors {
    if name.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let wrong = is_dns1123_subdomain(name);
    if !wrong.is_empty() {
        return vec![FieldError::invalid(path, name, wrong.join(","))];
    }
    if name.split('.').count() < 2 {
        let words = "should be a domain with at least two segments separated by dots";
        return vec![FieldError::invalid(path, name, words)];
    }
    for label in name.split('.') {
        let wrong = is_dns1123_label(label);
        if !wrong.is_empty() {
            return vec![FieldError::invalid(path, label, wrong.join(","))];
        }
    }
    Errors::new()
}

/// A subdomain, `/` and a path of HTTP: `acme.io/foo`.
#[must_use]
pub fn is_domain_prefixed_path(path: &FieldPath<'_>, value: &str) -> Errors {
    if value.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let Some((host, rest)) = value.split_once('/').filter(|(host, rest)| !host.is_empty() && !rest.is_empty()) else {
        return vec![FieldError::invalid(path, value, "must be a domain-prefixed path (such as \"acme.io/foo\")")];
    };
    let mut errors: Errors =
        is_dns1123_subdomain(host).into_iter().map(|wrong| FieldError::invalid(path, host, wrong)).collect();
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&c);
    if !rest.bytes().all(allowed) {
        let words = regex_error("Invalid path", r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", &[]);
        errors.push(FieldError::invalid(path, rest, words));
    }
    errors
}

/// A label key with a prefix: `acme.io/foo`.
#[must_use]
pub fn is_domain_prefixed_key(path: &FieldPath<'_>, key: &str) -> Errors {
    if key.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let wrong = is_qualified_name(key);
    if !wrong.is_empty() {
        return wrong.into_iter().map(|wrong| FieldError::invalid(path, key, wrong)).collect();
    }
    if !key.contains('/') {
        return vec![FieldError::invalid(path, key, "must be a domain-prefixed key (such as \"acme.io/foo\")")];
    }
    Errors::new()
}

fn legacy_ip(path: &FieldPath<'_>, value: &str) -> Errors {
    if parse_ip_sloppy(value).is_none() {
        let words = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        return vec![FieldError::invalid(path, value, words)];
    }
    let mut errors = Errors::new();
    if !is_strict(value) {
        errors.push(FieldError::invalid(path, value, "must not have leading 0s"));
    } else if is_mapped(value) {
        errors.push(FieldError::invalid(path, value, "must not be an IPv4-mapped IPv6 address"));
    }
    errors
}

fn legacy_cidr(path: &FieldPath<'_>, value: &str) -> Errors {
    let Some(cidr) = parse_cidr_sloppy(value) else {
        let words = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        return vec![FieldError::invalid(path, value, words)];
    };
    let (address, length) = value.split_once('/').unwrap_or((value, ""));
    let words = if !is_strict(address) || !is_strict_length(length) {
        "must not have leading 0s in IP or prefix length"
    } else if is_mapped(address) {
        "must not have an IPv4-mapped IPv6 address"
    } else if cidr.masked() != cidr.bits {
        "must not have bits set beyond the prefix length"
    } else {
        return Errors::new();
    };
    vec![FieldError::invalid(path, value, words)]
}

fn not_canonical(path: &FieldPath<'_>, value: &str, canonical: &str) -> Errors {
    vec![FieldError::invalid(path, value, format!("must be in canonical form ({})", quote(canonical)))]
}

fn is_strict(value: &str) -> bool {
    value.parse::<IpAddr>().is_ok()
}

fn is_strict_length(length: &str) -> bool {
    length == "0" || !length.starts_with('0')
}

fn is_mapped(value: &str) -> bool {
    value.parse::<Ipv6Addr>().is_ok_and(|ip| ip.to_ipv4_mapped().is_some())
}

fn parse_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0_u8; 4];
    let mut rest = text;
    for (at, octet) in octets.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('.')?;
        }
        let (number, after) = decimal(rest)?;
        *octet = u8::try_from(number).ok()?;
        rest = after;
    }
    rest.is_empty().then(|| Ipv4Addr::from(octets))
}

/// RFC 4291's text, with any number of zeros in front of a group.
fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    let mut groups: Vec<u16> = Vec::with_capacity(8);
    let mut ellipsis = None;
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("::") {
        ellipsis = Some(0);
        rest = after;
    }
    while groups.len() < 8 && !(rest.is_empty() && ellipsis == Some(groups.len())) {
        let (group, after) = number(rest, 16)?;
        if after.starts_with('.') {
            if (ellipsis.is_none() && groups.len() != 6) || groups.len() > 6 {
                return None;
            }
            let [a, b, c, d] = parse_v4(rest)?.octets();
            groups.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
            rest = "";
            break;
        }
        groups.push(u16::try_from(group).ok()?);
        rest = after;
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix(':').filter(|rest| !rest.is_empty())?;
        if let Some(after) = rest.strip_prefix(':') {
            if ellipsis.is_some() {
                return None;
            }
            ellipsis = Some(groups.len());
            rest = after;
        }
    }
    if !rest.is_empty() {
        return None;
    }
    match ellipsis {
        Some(at) if groups.len() < 8 => {
            let zeros = 8 - groups.len();
            groups.splice(at..at, std::iter::repeat_n(0, zeros));
        }
        None if groups.len() == 8 => {}
        _ => return None,
    }
    let groups: [u16; 8] = groups.try_into().ok()?;
    Some(Ipv6Addr::from(groups))
}

fn decimal(text: &str) -> Option<(u32, &str)> {
    number(text, 10)
}

/// The number that `text` begins with, and what follows it; numbers beyond 24 bits are refused.
fn number(text: &str, radix: u32) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let mut value = 0_u32;
    for digit in digits.chars() {
        value = value * radix + digit.to_digit(radix)?;
        if value >= 0xff_ffff {
            return None;
        }
    }
    (!digits.is_empty()).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(errors: Errors) -> Vec<String> {
        errors.into_iter().map(|error| error.detail).collect()
    }

    const NO_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    const NO_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

    #[test]
    fn addresses_are_judged_in_both_ways() {
        let path = FieldPath::new("ip");
        let canonical = |form: &str| format!("must be in canonical form (\"{form}\")");
        for (value, legacy, strict) in [
            ("1.2.3.4", "", String::new()),
            ("::1", "", String::new()),
            ("2001:db8::ffff", "", String::new()),
            ("::", "", String::new()),
            ("2001:DB8::0001", "", canonical("2001:db8::1")),
            ("2a00:79e0:2:0:f1c3:e797:93c1:df80", "", String::new()),
            ("0:0:0:0:0:0:0:1", "", canonical("::1")),
            ("1.2.3.04", "must not have leading 0s", "must not have leading 0s".into()),
            ("::00001", "must not have leading 0s", "must not have leading 0s".into()),
            (
                "::ffff:1.2.3.4",
                "must not be an IPv4-mapped IPv6 address",
                "must not be an IPv4-mapped IPv6 address".into(),
            ),
            ("1.2.3.4.5", NO_IP, NO_IP.into()),
            ("1.2.3", NO_IP, NO_IP.into()),
            ("256.0.0.1", NO_IP, NO_IP.into()),
            ("1:2:3:4:5:6:7:8:9", NO_IP, NO_IP.into()),
            ("1:2:3:4:5:6:7", NO_IP, NO_IP.into()),
            ("1::2::3", NO_IP, NO_IP.into()),
            (":1:2", NO_IP, NO_IP.into()),
            ("fe80::1%eth0", NO_IP, NO_IP.into()),
            ("1:2:3:4:5:6:7:8::", NO_IP, NO_IP.into()),
            ("", NO_IP, NO_IP.into()),
        ] {
            let expected: Vec<String> = Some(legacy.to_owned()).filter(|words| !words.is_empty()).into_iter().collect();
            assert_eq!(told(is_valid_ip_for_legacy_field(&path, value, &[])), expected, "{value}");
            assert_eq!(told(is_valid_ip_for_legacy_field(&path, value, &[value])), [""; 0]);
            let expected: Vec<String> = Some(strict).filter(|words| !words.is_empty()).into_iter().collect();
            assert_eq!(told(is_valid_ip(&path, value)), expected, "{value}");
        }
    }

    #[test]
    fn blocks_are_judged_in_both_ways() {
        let path = FieldPath::new("cidr");
        let zeros = "must not have leading 0s in IP or prefix length";
        for (value, legacy) in [
            ("1.2.3.0/24", ""),
            ("0.0.0.0/0", ""),
            ("::/0", ""),
            ("2001:db8::/64", ""),
            ("1.2.3.4/24", "must not have bits set beyond the prefix length"),
            ("1.2.3.00/24", zeros),
            ("1.2.3.0/024", zeros),
            ("::ffff:1.2.3.0/120", "must not have an IPv4-mapped IPv6 address"),
            ("1.2.3.0/33", NO_CIDR),
            ("1.2.3.0", NO_CIDR),
            ("1.2.3.0/24/", NO_CIDR),
            ("::/129", NO_CIDR),
            ("1.2.3.0/-1", NO_CIDR),
        ] {
            let expected: Vec<String> = Some(legacy.to_owned()).filter(|words| !words.is_empty()).into_iter().collect();
            assert_eq!(told(is_valid_cidr_for_legacy_field(&path, value, &[])), expected, "{value}");
            assert_eq!(told(is_valid_cidr(&path, value)), expected, "{value}");
        }
        assert_eq!(told(is_valid_cidr(&path, "2001:DB8::/64")), ["must be in canonical form (\"2001:db8::/64\")"]);
        assert_eq!(parse_cidr_sloppy("::ffff:1.2.3.4/120").unwrap().to_string(), "1.2.3.0/24");
        assert_eq!(told(is_valid_interface_address(&path, "1.2.3.4/24")), [""; 0]);
        assert_eq!(
            told(is_valid_interface_address(&path, "1.2.3.04/24")),
            ["must be in canonical form (\"1.2.3.4/24\")"]
        );
        let no_address = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
        assert_eq!(told(is_valid_interface_address(&path, "1.2.3.4")), [no_address]);
    }

    #[test]
    fn unusual_forms_are_warned_of() {
        let path = FieldPath::new("x");
        for (value, expected) in [
            ("1.2.3.4", vec![]),
            ("1.2.3.04", vec![r#"x: non-standard IP address "1.2.3.04" is invalid: use "1.2.3.4""#]),
            ("::ffff:1.2.3.4", vec![r#"x: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4""#]),
            ("::0001", vec![r#"x: IPv6 address "::0001" should be in RFC 5952 canonical format ("::1")"#]),
        ] {
            assert_eq!(warnings_for_ip(&path, value), expected);
        }
        let both = [
            r#"x: CIDR value "1.2.3.04/24" is ambiguous in this context (should be "1.2.3.0/24" or "1.2.3.4/32"?)"#,
            r#"x: non-standard CIDR value "1.2.3.04/24" is invalid: use "1.2.3.0/24""#,
        ];
        assert_eq!(warnings_for_cidr(&path, "1.2.3.04/24"), both);
    }

    #[test]
    fn domains_and_paths() {
        let path = FieldPath::new("x");
        assert_eq!(told(is_fully_qualified_domain_name(&path, "a.b.")), [""; 0]);
        let two = "should be a domain with at least two segments separated by dots";
        assert_eq!(told(is_fully_qualified_domain_name(&path, "a")), [two]);
        let three = "should be a domain with at least three segments separated by dots";
        assert_eq!(told(is_fully_qualified_name(&path, "a.b")), [three]);
        assert_eq!(told(is_fully_qualified_name(&path, "a.b.c")), [""; 0]);
        assert_eq!(told(is_domain_prefixed_path(&path, "acme.io/foo/bar")), [""; 0]);
        let words = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        for value in ["acme.io", "acme.io/", "/foo"] {
            assert_eq!(told(is_domain_prefixed_path(&path, value)), [words]);
        }
        let words = r"Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')";
        assert_eq!(told(is_domain_prefixed_path(&path, "acme.io/a b")), [words]);
        let words = "must be a domain-prefixed key (such as \"acme.io/foo\")";
        assert_eq!(told(is_domain_prefixed_key(&path, "foo")), [words]);
    }
}
