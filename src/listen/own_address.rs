//! Finds targets that are the listener's own address: it would forward every event to itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use http::Uri;

use super::Forward;
use crate::grammar::target::Target;

/// How long a name may take to resolve. A name that takes longer is not checked; the hop count still stops a loop.
const LOOKUP: Duration = Duration::from_secs(2);

/// Returns the first target that is the listener itself, which is bound to `own` and reached from outside at `public`.
pub(super) async fn find<'a>(
    forward: &'a Forward,
    own: SocketAddr,
    public: &[Uri],
) -> Option<&'a Target> {
    for target in forward.targets() {
        let Target::Url(url) = target else { continue };
        if public.iter().any(|public| is_same_server(url, public))
            || port(url) == own.port() && resolves_to(url, own.ip()).await
        {
            return Some(target);
        }
    }
    None
}

fn port(url: &Uri) -> u16 {
    let is_secure = url.scheme_str() == Some("https");
    url.port_u16().unwrap_or(if is_secure { 443 } else { 80 })
}

/// Whether both URLs have the same host and port. Tunnels answer both on 80 and on 443.
fn is_same_server(one: &Uri, other: &Uri) -> bool {
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    let port = |url: &Uri| match port(url) {
        80 | 443 => None,
        port => Some(port),
    };
    host(one) == host(other) && port(one) == port(other)
}

async fn resolves_to(url: &Uri, own: IpAddr) -> bool {
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_same(address, own);
    }
    let lookup = tokio::net::lookup_host((host, port(url)));
    match tokio::time::timeout(LOOKUP, lookup).await {
        Ok(Ok(mut addresses)) => addresses.any(|address| is_same(address.ip(), own)),
        _ => false,
    }
}

/// Whether a connection to `target` reaches a listener that is bound to `own`.
fn is_same(target: IpAddr, own: IpAddr) -> bool {
    let (target, own) = (target.to_canonical(), own.to_canonical());
    let loopback = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    // 0.0.0.0 as a target is this machine. Targets on loopback are dialled at 127.0.0.1 and at ::1.
    let is_loopback = |address: IpAddr| loopback.contains(&address) || address.is_unspecified();
    target == own
        || is_loopback(target) && is_loopback(own)
        || own.is_unspecified() && is_of_this_machine(target)
}

/// Only an address of this machine can be bound.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_own(target: &str, own: &str, public_url: Option<&str>) -> bool {
        let forward = Forward {
            routes: Vec::new(),
            target: Some(target.parse().unwrap()),
            ..Forward::default()
        };
        let public: Vec<Uri> = public_url
            .map(|url| url.parse().unwrap())
            .into_iter()
            .collect();
        find(&forward, own.parse().unwrap(), &public)
            .await
            .is_some()
    }

    #[tokio::test]
    async fn every_form_of_the_own_address_is_found() {
        for target in [
            "4871",
            ":4871/hook",
            "localhost:4871",
            "LOCALHOST:4871",
            "127.0.0.1:4871/x",
            "http://[::1]:4871/",
            "http://0.0.0.0:4871",
            "http://[::]:4871",
            "http://[::ffff:127.0.0.1]:4871",
            "https://localhost:4871",
        ] {
            assert!(is_own(target, "127.0.0.1:4871", None).await, "{target}");
            assert!(is_own(target, "0.0.0.0:4871", None).await, "{target}");
        }
        assert!(is_own("127.0.0.9:4871", "0.0.0.0:4871", None).await);
    }

    #[tokio::test]
    async fn other_addresses_are_not() {
        for target in [
            "4872",
            "127.0.0.2:4871",
            "192.0.2.1:4871",
            "unix:/a",
            "http://localhost/",
        ] {
            assert!(!is_own(target, "127.0.0.1:4871", None).await, "{target}");
        }
        assert!(!is_own("192.0.2.1:4871", "0.0.0.0:4871", None).await);
    }

    #[tokio::test]
    async fn the_server_of_the_public_url_is_the_listener() {
        let public = Some("https://Hooks.example.test/in");
        for target in [
            "https://hooks.example.test",
            "http://hooks.example.test/other",
        ] {
            assert!(is_own(target, "127.0.0.1:4871", public).await, "{target}");
        }
        for target in [
            "https://hooks.example.test:8443",
            "https://other.example.test",
        ] {
            assert!(!is_own(target, "127.0.0.1:4871", public).await, "{target}");
        }
    }
}
