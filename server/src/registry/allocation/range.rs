//! The ranges of cluster addresses and node ports, and the choice of a free one. Pure: randomness is passed in.
//!
//! Facts: upstream's `pkg/registry/core/service/{ipallocator,portallocator}`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use howdah_api::kind::service::allocation::Family;
use howdah_api::validation::net::{Cidr, parse_cidr_sloppy};

/// Why a range can't be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// No CIDR block.
    #[error("{text:?} is not a CIDR block, such as 10.96.0.0/16")]
    Cidr {
        /// The text as given.
        text: String,
    },
    /// More addresses than upstream takes.
    #[error("shortest allowed prefix length for service CIDR is 64, got {length}")]
    TooLarge {
        /// The length of the IPv6 prefix.
        length: u8,
    },
    /// No range of ports.
    #[error("{text:?} is not a range of ports between 1 and 65535, such as 30000-32767")]
    Ports {
        /// The text as given.
        text: String,
    },
    /// No range of addresses, or more than two.
    #[error("there must be one or two service CIDRs, got {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// Fewer addresses than upstream takes for the range that has the API server's own Service.
    #[error("the service cluster IP range must be at least 8 IP addresses")]
    TooSmall,
    /// Two ranges of one family.
    #[error("the two service CIDRs must be of different IP families")]
    SameFamily,
}

/// What Services are given, by the server's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRanges {
    addresses: Vec<AddressRange>,
    families: Vec<Family>,
    node_ports: PortRange,
}

impl ServiceRanges {
    /// `addresses` are the ranges of one or two families, that of Services which don't ask for a family first.
    ///
    /// # Errors
    /// [`RangeError::Count`], [`RangeError::SameFamily`] and [`RangeError::TooSmall`].
    pub fn new(addresses: Vec<AddressRange>, node_ports: PortRange) -> Result<Self, RangeError> {
        let families: Vec<Family> = addresses.iter().map(|range| range.family()).collect();
        match families[..] {
            [_] => {}
            [first, second] if first != second => {}
            [_, _] => return Err(RangeError::SameFamily),
            _ => return Err(RangeError::Count { count: families.len() }),
        }
        if addresses[0].bands().count < 6 {
            return Err(RangeError::TooSmall);
        }
        Ok(Self { addresses, families, node_ports })
    }

    /// The address of the API server's own Service, `default/kubernetes`.
    #[must_use]
    pub fn api_server(&self) -> IpAddr {
        let range = self.addresses[0];
        address(range.bands().first, range.0.is_ipv6())
    }

    /// The families of the cluster's Services, the default one first.
    #[must_use]
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The range of this family's addresses.
    #[must_use]
    pub fn addresses(&self, family: Family) -> Option<&AddressRange> {
        self.addresses.iter().find(|range| range.family() == family)
    }

    /// The range of node ports.
    #[must_use]
    pub fn node_ports(&self) -> PortRange {
        self.node_ports
    }
}

impl Default for ServiceRanges {
    /// 10.96.0.0/16 and 30000-32767.
    fn default() -> Self {
        let addresses = "10.96.0.0/16".parse().expect("it is a CIDR block");
        let node_ports = PortRange { first: 30_000, last: 32_767 };
        Self::new(vec![addresses], node_ports).expect("it is one range")
    }
}

/// A range of cluster addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange(Cidr);

impl AddressRange {
    /// The family.
    #[must_use]
    pub fn family(&self) -> Family {
        if self.0.is_ipv6() { Family::IPv6 } else { Family::IPv4 }
    }

    /// The network's own address, which no Service gets.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }

    /// Whether a Service can get the address: it is neither outside, nor the network's own, nor IPv4's broadcast.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let bands = self.bands();
        let (own, at) = (matches!(ip, IpAddr::V6(_)) == self.0.is_ipv6(), number(ip));
        own && at >= bands.first && at - bands.first < bands.count
    }

    /// A free address: from a random one on the first that is not taken, in the upper band, then in that of static
    /// requests. `taken` are the addresses that are not free; `random` gives a number below its argument.
    #[must_use]
    pub fn choose(&self, taken: impl Fn(IpAddr) -> bool, random: impl FnMut(u128) -> u128) -> Option<IpAddr> {
        let is_ipv6 = self.0.is_ipv6();
        self.bands().choose(|at| taken(address(at, is_ipv6)), random).map(|at| address(at, is_ipv6))
    }

    fn bands(&self) -> Bands {
        let width = if self.0.is_ipv6() { 128 } else { 32 };
        // A /64 at most, or an IPv4 block.
        let size = 1_u128 << (width - u32::from(self.0.prefix_length()));
        let unusable = if self.0.is_ipv6() { 1 } else { 2 };
        Bands {
            first: number(self.network()) + 1,
            count: size.saturating_sub(unusable),
            lower: if size <= 16 { 0 } else { (size / 16).clamp(16, 256) },
        }
    }
}

impl FromStr for AddressRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let cidr = parse_cidr_sloppy(text).ok_or_else(|| RangeError::Cidr { text: text.to_owned() })?;
        match cidr.prefix_length() {
            length if cidr.is_ipv6() && length < 64 => Err(RangeError::TooLarge { length }),
            _ => Ok(Self(cidr)),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A range of node ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Whether the port is inside.
    #[must_use]
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// A free port, chosen as [`AddressRange::choose`] chooses addresses.
    #[must_use]
    pub fn choose(self, taken: impl Fn(u16) -> bool, random: impl FnMut(u128) -> u128) -> Option<u16> {
        let port = |at: u128| u16::try_from(at).expect("a number inside a range of ports is a port");
        self.bands().choose(|at| taken(port(at)), random).map(port)
    }

    fn bands(self) -> Bands {
        let count = u128::from(self.last - self.first) + 1;
        let lower = if count <= 16 { 0 } else { (count / 32).clamp(16, 128) };
        Bands { first: self.first.into(), count, lower }
    }
}

impl FromStr for PortRange {
    type Err = RangeError;

    /// `30000-32767`, `30000+2767` or a single port.
    fn from_str(text: &str) -> Result<Self, RangeError> {
        let port = |text: &str| text.parse::<u16>().ok();
        let ends = match (text.split_once('-'), text.split_once('+')) {
            (Some((first, last)), None) => port(first).zip(port(last)),
            (None, Some((first, more))) => {
                port(first).zip(port(more)).and_then(|(first, more)| Some((first, first.checked_add(more)?)))
            }
            _ => port(text).map(|port| (port, port)),
        };
        match ends {
            Some((first, last)) if first > 0 && first <= last => Ok(Self { first, last }),
            _ => Err(RangeError::Ports { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// `count` numbers from `first` on, of which the `lower` ones are kept for static requests as long as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bands {
    first: u128,
    count: u128,
    lower: u128,
}

impl Bands {
    fn choose(self, taken: impl Fn(u128) -> bool, mut random: impl FnMut(u128) -> u128) -> Option<u128> {
        let Self { first, count, lower } = self;
        [(lower, count), (0, lower.min(count))].into_iter().filter(|(from, to)| from < to).find_map(|(from, to)| {
            let length = to - from;
            let start = random(length);
            // It ends at the first free number, so it takes no more steps than numbers are taken.
            (0..length).map(|step| first + from + (start + step) % length).find(|at| !taken(*at))
        })
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}

fn address(number: u128, is_ipv6: bool) -> IpAddr {
    if is_ipv6 {
        return Ipv6Addr::from(number).into();
    }
    Ipv4Addr::from(u32::try_from(number).expect("a number inside a range of IPv4 addresses has 32 bits")).into()
}

#[cfg(test)]
#[path = "range_test.rs"]
mod tests;
