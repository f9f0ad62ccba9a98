//! Decides which addresses may be dialled. The check applies to the address that a name resolved to, not to the name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who chooses the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// A tool on the user's machine, which needs loopback and private networks.
    Local,
    /// A server that dials addresses chosen by strangers: only public addresses are allowed.
    Public,
}

/// Returns why `address` may not be dialled under `policy`, or `None` if it may.
///
/// The address where clouds offer a machine's credentials is always refused. It is never a webhook.
pub fn forbidden(address: IpAddr, policy: AddressPolicy) -> Option<&'static str> {
    let address = address.to_canonical();
    if is_metadata(address) {
        return Some("it is a cloud's metadata address");
    }
    match (policy, address) {
        (AddressPolicy::Local, _) => None,
        (AddressPolicy::Public, IpAddr::V4(v4)) => private_v4(v4),
        (AddressPolicy::Public, IpAddr::V6(v6)) => private_v6(v6),
    }
}

fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4 == Ipv4Addr::new(169, 254, 169, 254),
        // fd00:ec2::254 is the same service over IPv6.
        IpAddr::V6(v6) => {
            v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || embedded_v4(v6).is_some_and(|v4| is_metadata(v4.into()))
        }
    }
}

/// The ranges of the IANA IPv4 special-purpose registry that are not globally reachable.
fn private_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Some("it means this network"),
        (127, ..) => Some("it is a loopback address"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("it is a private address"),
        (169, 254, _) => Some("it is a link-local address"),
        (100, 64..=127, _) => Some("it is a carrier's shared address"),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) => {
            Some("it is reserved for protocols or documentation")
        }
        (198, 18..=19, _) => Some("it is reserved for benchmarks"),
        (192, 88, 99) => Some("it is a 6to4 relay"),
        (224..=255, ..) => Some("it is a multicast or reserved address"),
        _ => None,
    }
}

/// The same for IPv6, and addresses that carry an IPv4 address inside.
fn private_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded_v4(address) {
        return private_v4(inner).or(Some("it wraps an IPv4 address"));
    }
    let segments = address.segments();
    match (segments[0], segments[1]) {
        _ if address.is_loopback() => Some("it is a loopback address"),
        _ if address.is_unspecified() => Some("it means this host"),
        (0xfc00..=0xfdff, _) => Some("it is a private address"),
        (0xfe80..=0xfebf, _) => Some("it is a link-local address"),
        (0xfec0..=0xfeff, _) => Some("it is a site-local address"),
        (0xff00..=0xffff, _) => Some("it is a multicast address"),
        (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => Some("it is reserved for documentation"),
        (0x2001, 0..=0x01ff) | (0x0100, 0) | (0x5f00, _) => Some("it is reserved for protocols"),
        _ => None,
    }
}

/// 6to4 (2002::/16) and NAT64 (64:ff9b::/96, 64:ff9b:1::/48) reach the IPv4 address inside.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0x2002, high, low, ..] => Some(v4(high, low)),
        [0x64, 0xff9b, 0 | 1, .., high, low] => Some(v4(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = "127.0.0.1 127.8.8.8 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 \
        169.254.1.1 169.254.169.254 100.64.0.1 100.127.255.255 0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 \
        198.51.100.7 203.0.113.9 198.18.0.1 198.19.255.255 192.88.99.1 224.0.0.1 239.1.1.1 240.0.0.1 \
        255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 fc00::1 fd12:3456::1 \
        fe80::1 fec0::1 ff02::1 2001:db8::1 2001:0::1 2002:7f00:1:: 2002:808:808:: 64:ff9b::7f00:1 \
        64:ff9b:1::a00:1 fd00:ec2::254 100::1 3fff::1";
    const PUBLIC: &str = "8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1";
    const METADATA: &str =
        "169.254.169.254 ::ffff:169.254.169.254 fd00:ec2::254 64:ff9b::a9fe:a9fe";

    fn assert_allowed(addresses: &str, policy: AddressPolicy, is_allowed: bool) {
        for text in addresses.split_whitespace() {
            let reason = forbidden(text.parse().unwrap(), policy);
            assert_eq!(reason.is_none(), is_allowed, "{text}");
        }
    }

    #[test]
    fn the_public_policy_allows_only_public_addresses() {
        assert_allowed(PRIVATE, AddressPolicy::Public, false);
        assert_allowed(PUBLIC, AddressPolicy::Public, true);
    }

    #[test]
    fn the_local_policy_allows_everything_except_metadata() {
        let others = "127.0.0.1 10.0.0.1 ::1 fe80::1 8.8.8.8";
        assert_allowed(others, AddressPolicy::Local, true);
        assert_allowed(METADATA, AddressPolicy::Local, false);
    }
}
