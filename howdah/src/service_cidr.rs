//! The range of the addresses of Services.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range that has a first address behind the network's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceCidr {
    first: IpAddr,
}

impl ServiceCidr {
    /// The first address, which is the API server's.
    pub(crate) const fn first(self) -> IpAddr {
        self.first
    }
}

impl FromStr for ServiceCidr {
    type Err = String;

    /// Reads `10.96.0.0/16`; the bits behind the prefix don't matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected ADDRESS/BITS, as in 10.96.0.0/16";
        let (address, bits) = text.split_once('/').ok_or(EXPECTED)?;
        let address: IpAddr = address.parse().map_err(|_| EXPECTED)?;
        let bits: u32 = bits.parse().map_err(|_| EXPECTED)?;
        let width = if address.is_ipv4() { u32::BITS } else { u128::BITS };
        // As upstream, at least 8 addresses and at most 2^20 of them.
        if bits > width - 3 || bits < width - 20 {
            return Err(format!("the range has to have {} to {} bits", width - 20, width - 3));
        }
        let first = match address {
            IpAddr::V4(address) => {
                let network = u32::from(address) & (u32::MAX << (width - bits));
                IpAddr::V4(Ipv4Addr::from(network + 1))
            }
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << (width - bits));
                IpAddr::V6(Ipv6Addr::from(network + 1))
            }
        };
        Ok(Self { first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_follows_the_networks_own() {
        for (text, first) in [
            ("10.96.0.0/16", Some("10.96.0.1")),
            ("10.96.3.9/16", Some("10.96.0.1")),
            ("10.96.0.8/29", Some("10.96.0.9")),
            ("fd00:1::/112", Some("fd00:1::1")),
            ("10.96.0.0/30", None),
            ("10.0.0.0/8", None),
            ("10.96.0.0", None),
            ("x/16", None),
        ] {
            let parsed = text.parse::<ServiceCidr>().ok().map(|cidr| cidr.first().to_string());
            assert_eq!(parsed.as_deref(), first, "{text}");
        }
    }
}
