//! Networks: ranges of addresses, and which addresses this server never
//! connects to on behalf of somebody else.
//!
//! An address that somebody names could be one that only this server reaches:
//! its own machine, its network, the metadata of its cloud. What is not in the
//! public internet is refused, unless the operator has allowed it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses, as in `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an address or a range such as 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        match prefix.unwrap_or(bits) {
            prefix if prefix <= bits => Ok(Network { address, prefix }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether the range has this address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                range.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                range.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// Whether the operator has allowed an address. One that is written as IPv6 and
/// leads to an IPv4 address counts as that one too.
#[must_use]
pub fn is_allowed(address: IpAddr, allowed: &[Network]) -> bool {
    let inner = match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map(IpAddr::V4),
        IpAddr::V4(_) => None,
    };
    allowed.iter().any(|network| network.contains(address) || inner.is_some_and(|inner| network.contains(inner)))
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the registry of special purposes (RFC 6890 and what came after).
fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [(u32, u32); 15] = [
        (range(0, 0, 0, 0), 8),       // this network
        (range(10, 0, 0, 0), 8),      // private
        (range(100, 64, 0, 0), 10),   // behind the NAT of a carrier
        (range(127, 0, 0, 0), 8),     // this machine
        (range(169, 254, 0, 0), 16),  // link-local, and the metadata of clouds
        (range(172, 16, 0, 0), 12),   // private
        (range(192, 0, 0, 0), 24),    // protocols
        (range(192, 0, 2, 0), 24),    // documentation
        (range(192, 88, 99, 0), 24),  // relays of 6to4
        (range(192, 168, 0, 0), 16),  // private
        (range(198, 18, 0, 0), 15),   // benchmarks
        (range(198, 51, 100, 0), 24), // documentation
        (range(203, 0, 113, 0), 24),  // documentation
        (range(224, 0, 0, 0), 4),     // multicast
        (range(240, 0, 0, 0), 4),     // reserved, broadcast
    ];
    let bits = address.to_bits();
    !SPECIAL.iter().any(|(range, prefix)| (bits ^ range) >> (32 - prefix) == 0)
}

const fn range(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

/// Only what is given out for the internet (2000::/3), and of that nothing that
/// leads elsewhere: a tunnel, or an IPv4 address that is written as IPv6.
fn is_public_v6(address: Ipv6Addr) -> bool {
    const NAT64: u128 = 0x0064_ff9b << 96;
    let bits = address.to_bits();
    let begins = |range: u128, prefix: u32| (bits ^ range) >> (128 - prefix) == 0;
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    if begins(NAT64, 96) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    begins(0x2000 << 112, 3)
        && !begins(0x2001 << 112, 23) // protocols, Teredo and benchmarks among them
        && !begins(0x2001_0db8 << 96, 32) // documentation
        && !begins(0x2002 << 112, 16) // 6to4
        && !begins(0x3fff << 112, 20) // documentation
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_has_the_addresses_that_begin_like_it() {
        let has = |network: &str, address: &str| network.parse::<Network>().unwrap().contains(ip(address));
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("127.0.0.1", "127.0.0.1") && !has("127.0.0.1", "127.0.0.2"));
        assert!(has("0.0.0.0/0", "8.8.8.8") && !has("0.0.0.0/0", "::1"));
        assert!(has("fd00::/8", "fdff::1") && !has("fd00::/8", "fe00::1"));
        assert!(has("::/0", "2001:db8::1"));
        for wrong in ["", "10.0.0.0/33", "::/129", "host", "10.0.0.0/x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_in_the_public_internet_is_told() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(ip(address)), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(ip(address)), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_in_every_way_it_is_written() {
        let allowed: [Network; 2] = ["10.1.0.0/16".parse().unwrap(), "::1".parse().unwrap()];
        assert!(is_allowed(ip("10.1.2.3"), &allowed) && !is_allowed(ip("10.2.0.1"), &allowed));
        assert!(is_allowed(ip("::1"), &allowed) && is_allowed(ip("::ffff:10.1.2.3"), &allowed));
        assert!(!is_allowed(ip("127.0.0.1"), &allowed) && !is_allowed(ip("::ffff:10.2.0.1"), &allowed));
    }

    proptest! {
        #[test]
        fn an_address_is_public_however_it_is_written(bits: u32) {
            let plain = Ipv4Addr::from_bits(bits);
            let public = is_public(plain.into());
            prop_assert_eq!(is_public(plain.to_ipv6_mapped().into()), public);
            let nat64 = Ipv6Addr::from_bits((0x0064_ff9b_u128 << 96) | u128::from(bits));
            prop_assert_eq!(is_public(nat64.into()), public);
            prop_assert!(!is_public(Ipv6Addr::from_bits(u128::from(bits)).into()), "IPv4-compatible");
            let six_to_four = Ipv6Addr::from_bits((0x2002_u128 << 112) | (u128::from(bits) << 80));
            prop_assert!(!is_public(six_to_four.into()));
        }

        #[test]
        fn the_standard_library_calls_nothing_public_special(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_multicast()
                || address.is_unspecified();
            prop_assert!(!(special && is_public(address.into())));
        }

        #[test]
        fn no_public_address_begins_as_one_that_is_kept_apart(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let special = address.is_loopback() || address.is_unspecified() || address.is_multicast()
                || address.is_unique_local() || address.is_unicast_link_local();
            prop_assert!(!(special && is_public(address.into())));
        }
    }
}
