//! Addresses of clients: who is trusted to name one, and which ones count as
//! one client for a rate limit.

use std::net::{IpAddr, Ipv6Addr};

pub use polity_ops::network::Network;

/// The address of the client: that of the peer, unless the peer is a trusted
/// proxy. Then it is the last address in `X-Forwarded-For` that no trusted
/// proxy has: what stands before it could be made up by the client, and be no text at all.
pub fn client<'a>(peer: IpAddr, trusted: &[Network], forwarded: impl DoubleEndedIterator<Item = &'a [u8]>) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let mut hops = forwarded.flat_map(|header| header.split(|byte| *byte == b',')).rev();
    while is_trusted(client) {
        let hop = hops.next().and_then(|hop| str::from_utf8(hop).ok()?.trim().parse::<IpAddr>().ok());
        let Some(hop) = hop else { break };
        client = hop.to_canonical();
    }
    client
}

/// What a rate limit counts as one client: an IPv4 address, or the /64 that a
/// single IPv6 customer has for himself.
#[must_use]
pub fn rate_key(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_trusted_proxy_may_name_the_client() {
        let trusted: [Network; 2] = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let client =
            |peer: &str, headers: &[&str]| client(ip(peer), &trusted, headers.iter().map(|value| value.as_bytes()));
        assert_eq!(client("192.0.2.1", &["203.0.113.9"]), ip("192.0.2.1"), "not trusted");
        assert_eq!(client("10.1.1.1", &["203.0.113.9"]), ip("203.0.113.9"));
        assert_eq!(client("::1", &["1.1.1.1, 203.0.113.9", "10.2.2.2"]), ip("203.0.113.9"), "1.1.1.1 is made up");
        assert_eq!(client("10.1.1.1", &[]), ip("10.1.1.1"));
        assert_eq!(client("10.1.1.1", &["garbage, 10.2.2.2"]), ip("10.2.2.2"));
        assert_eq!(client("::ffff:10.1.1.1", &["203.0.113.9"]), ip("203.0.113.9"), "mapped addresses are IPv4");
    }

    #[test]
    fn what_a_client_sends_before_the_address_of_a_proxy_cannot_hide_it() {
        let trusted: [Network; 1] = ["10.0.0.0/8".parse().unwrap()];
        for header in [&b"\xff, 203.0.113.9"[..], b"\xc3\xa9,203.0.113.9", b"\t, ,203.0.113.9, 10.2.2.2"] {
            let client = client(ip("10.1.1.1"), &trusted, [header].into_iter());
            assert_eq!(client, ip("203.0.113.9"), "{header:?}");
        }
    }

    #[test]
    fn an_ipv6_customer_counts_once() {
        assert_eq!(rate_key(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(rate_key(ip("2001:db8:1:2::1")), rate_key(ip("2001:db8:1:2:ffff::")));
        assert_ne!(rate_key(ip("2001:db8:1:2::1")), rate_key(ip("2001:db8:1:3::1")));
        assert_eq!(rate_key(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
        assert_eq!(rate_key(ip("192.0.2.1")), ip("192.0.2.1"));
    }
}
