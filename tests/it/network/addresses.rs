//! Addresses that are not dialled by default, because clouds offer credentials there.

use super::servers::Proxy;
use crate::support::{App, Sandbox, SseServer, Step};

/// Every form of such an address that a URL may contain.
const FORBIDDEN: [&str; 20] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.23",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[fd00:c1::a9fe:a9fe]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:aa02]",
    "[::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::a9fe:a9fe]",
    "[::ffff:100.100.100.200]",
];

#[test]
fn a_forbidden_address_is_refused_directly_and_through_a_proxy() {
    let app = App::start();
    let proxy = Proxy::to(app.address());
    for proxied in [false, true] {
        for host in FORBIDDEN {
            let mut sandbox = Sandbox::new();
            if proxied {
                sandbox = sandbox.with("ALL_PROXY", proxy.url());
            }
            let to = format!("http://{host}/latest");
            let output = sandbox
                .run(["send", "contact.created", "--to", &to])
                .expect_exit(2);
            assert!(
                output.stderr.contains("address_forbidden"),
                "{host} {output}"
            );
        }
    }
    assert_eq!(proxy.seen(), Vec::<String>::new());
}

#[test]
fn the_api_refuses_a_forbidden_address() {
    for host in ["169.254.169.254", "[fd00:ec2::254]", "0xa9fea9fe"] {
        let url = format!("http://{host}");
        let words = [
            "records", "list", "contact", "--url", &url, "--org", "o", "--token", "t",
        ];
        let output = Sandbox::new().run(words).expect_exit(2);
        assert!(
            output.stderr.contains("address_forbidden"),
            "{host} {output}"
        );
    }
}

#[test]
fn a_redirect_to_a_forbidden_address_is_not_followed() {
    for host in [
        "169.254.169.254",
        "[::ffff:a9fe:a9fe]",
        "2852039166",
        "100.100.100.200",
    ] {
        let location = format!("location: http://{host}/latest");
        let server = SseServer::start(vec![vec![Step::answer(302, &location, "")]]);
        let output = Sandbox::new()
            .run(["tail", &server.url("/")])
            .expect_exit(2);
        assert!(
            output.stderr.contains("address_forbidden"),
            "{host} {output}"
        );
    }
}

#[test]
fn the_user_can_allow_one_address() {
    let app = App::start();
    let proxy = Proxy::to(app.address());
    let sandbox = Sandbox::new().with("HTTP_PROXY", proxy.url());
    let to = "http://169.254.10.5/hook";
    let words = ["send", "contact.created", "--to", to];
    let output = sandbox.run(words).expect_exit(2);
    assert!(
        output.stderr.contains("--allow-address 169.254.10.5"),
        "{output}"
    );
    let mut allowed = words.to_vec();
    allowed.extend(["--allow-address", "169.254.10.5"]);
    let _ = sandbox.run(allowed.clone()).expect_exit(0);
    assert_eq!(proxy.seen(), ["POST http://169.254.10.5/hook"]);
    allowed[5] = "169.254.10.6";
    let _ = sandbox.run(allowed).expect_exit(2);
}
