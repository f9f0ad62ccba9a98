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
/// The addresses where clouds offer a machine's credentials are always refused, in every form that reaches them. They are
/// never a webhook.
pub fn forbidden(address: IpAddr, policy: AddressPolicy) -> Option<&'static str> {
    let address = address.to_canonical();
    if let Some(reason) = metadata(address) {
        return Some(reason);
    }
    match (policy, address) {
        (AddressPolicy::Local, _) => None,
        (AddressPolicy::Public, IpAddr::V4(v4)) => private_v4(v4),
        (AddressPolicy::Public, IpAddr::V6(v6)) => private_v6(v6),
    }
}

/// The address that a host is written as, also in the forms that the system's resolver accepts: `2852039166`,
/// `0xa9.0xfe.43518`, `0251.0376.0251.0376` (inet_aton(3)). `None` for a name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let host = bare(host);
    match host.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical()),
        Err(_) => number_v4(host).map(IpAddr::V4),
    }
}

/// A host without the brackets of an IPv6 address and without the dot at the end of a name.
pub(super) fn bare(host: &str) -> &str {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether a host is this machine, without asking a resolver.
pub(super) fn is_this_machine(host: &str) -> bool {
    if let Some(address) = literal(host) {
        return address.is_loopback() || address.is_unspecified();
    }
    let name = bare(host);
    let suffix = ".localhost";
    let start = name.len().saturating_sub(suffix.len());
    name.eq_ignore_ascii_case("localhost")
        || name
            .get(start..)
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

fn number_v4(host: &str) -> Option<Ipv4Addr> {
    let mut value: u64 = 0;
    let parts: Vec<&str> = host.split('.').collect();
    let (last, first) = parts.split_last().filter(|_| parts.len() <= 4)?;
    for part in first {
        value = (value << 8) | number(part).filter(|byte| *byte <= 0xff)?;
    }
    let bits = 32 - 8 * first.len();
    let rest = number(last).filter(|rest| *rest < (1 << bits))?;
    u32::try_from((value << bits) | rest)
        .ok()
        .map(Ipv4Addr::from)
}

/// A number in decimal, octal (`017`) or hexadecimal (`0x1f`).
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain
        .then(|| u64::from_str_radix(digits, radix).ok())
        .flatten()
}

const METADATA: &str = "it is a cloud's metadata address";

/// The addresses from which a machine in a cloud gets its credentials.
fn metadata(address: IpAddr) -> Option<&'static str> {
    let v6 = match address {
        IpAddr::V4(v4) => return metadata_v4(v4),
        IpAddr::V6(v6) => v6,
    };
    let is_metadata = match v6.segments() {
        // AWS (instances, containers), Google, Oracle, Linode, Scaleway, OpenStack.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] | [0xfd00, 0xc1, ..] => true,
        [0xfd00, 0xa9fe, 0xa9fe, ..] => true,
        [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42] => true,
        [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe] => true,
        _ => false,
    };
    if is_metadata {
        return Some(METADATA);
    }
    embedded_v4(v6).into_iter().flatten().find_map(metadata_v4)
}

fn metadata_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [169, 254, 169, 254]
        // Containers of AWS.
        | [169, 254, 170, _]
        // Alibaba, Oracle, Azure.
        | [100, 100, 100, 200]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => Some(METADATA),
        [169, 254, ..] => Some("it is a link-local address, where clouds offer credentials"),
        _ => None,
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
    if let Some(inner) = embedded_v4(address).into_iter().flatten().next() {
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

/// The IPv4 addresses that an IPv6 address may reach: as 6to4 (RFC 3056), NAT64 (RFC 6052, RFC 8215: two forms), Teredo (RFC
/// 4380), ISATAP (RFC 5214), IPv4-translated (RFC 2765), and IPv4-compatible.
fn embedded_v4(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0x2002, high, low, ..] => [v4(high, low), None],
        [0x64, 0xff9b, 1, third, fourth, fifth, high, low] => {
            // After 48 bits: two bytes, a byte that is zero, two bytes.
            let split = v4(third, ((fourth & 0xff) << 8) | (fifth >> 8));
            [v4(high, low), split]
        }
        [0x64, 0xff9b, 0, .., high, low] => [v4(high, low), None],
        [0x2001, 0, server_high, server_low, .., high, low] => {
            [v4(!high, !low), v4(server_high, server_low)]
        }
        [0, 0, 0, 0, 0xffff, 0, high, low] => [v4(high, low), None],
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => [v4(high, low), None],
        [.., 0 | 0x200, 0x5efe, high, low] => [v4(high, low), None],
        _ => [None, None],
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
    const METADATA: &str = "169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.23 169.254.42.42 \
        169.254.1.1 100.100.100.200 192.0.0.192 168.63.129.16 ::ffff:169.254.169.254 ::169.254.169.254 \
        ::ffff:0:169.254.169.254 ::ffff:100.100.100.200 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 \
        fd00:c1::a9fe:a9fe fd00:42::42 fd00:a9fe:a9fe::1 fe80::a9fe:a9fe 64:ff9b::a9fe:a9fe \
        64:ff9b::6464:64c8 64:ff9b:1::a9fe:a9fe 64:ff9b:1:a9fe:a9:fe00:: 64:ff9b::c000:c0 2002:a9fe:a9fe:: \
        2002:a9fe:aa02::1 2002:6464:64c8:: 2001:0:a9fe:a9fe:: 2001::5601:5601 fe80::5efe:a9fe:a9fe \
        2001:db8::200:5efe:a9fe:aa02";
    const ELSEWHERE: &str = "127.0.0.1 10.0.0.1 192.168.1.1 100.64.0.1 ::1 fe80::1 fd12::1 8.8.8.8 169.253.1.1 169.255.1.1 \
        100.100.100.201 192.0.0.193 168.63.129.17 64:ff9b::808:808 2002:808:808::";

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
        assert_allowed(ELSEWHERE, AddressPolicy::Local, true);
        assert_allowed(METADATA, AddressPolicy::Local, false);
        assert_allowed(METADATA, AddressPolicy::Public, false);
    }

    #[test]
    fn a_number_is_an_address_as_in_inet_aton() {
        for (host, expected) in [
            ("2852039166", Some("169.254.169.254")),
            ("0xa9fea9fe", Some("169.254.169.254")),
            ("0XA9.254.0xa9fe", Some("169.254.169.254")),
            ("025177524776", Some("169.254.169.254")),
            ("0251.0376.0251.0376", Some("169.254.169.254")),
            ("169.254.43518", Some("169.254.169.254")),
            ("169.16689662", Some("169.254.169.254")),
            ("169.254.169.254.", Some("169.254.169.254")),
            ("[::ffff:a9fe:a9fe]", Some("169.254.169.254")),
            ("127.1", Some("127.0.0.1")),
            ("0", Some("0.0.0.0")),
            ("256.1.1.1", None),
            ("1.2.3.4.5", None),
            ("4294967296", None),
            ("08.1.1.1", None),
            ("0x", None),
            ("1..1", None),
            ("+1", None),
            ("", None),
            ("a.test", None),
        ] {
            let expected = expected.map(|text| text.parse::<IpAddr>().unwrap());
            assert_eq!(literal(host), expected, "{host}");
        }
    }

    #[test]
    fn this_machine_has_many_names() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("app.localhost", true),
            ("127.0.0.1", true),
            ("127.1", true),
            ("0x7f000001", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", true),
            ("localhost.test", false),
            ("notlocalhost", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(host), expected, "{host}");
        }
    }
}
