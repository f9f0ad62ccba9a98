//! What cannot be followed: exit codes and hints.

use std::net::TcpListener;

use super::{NatsServer, run};
use crate::support::server::free_port;
use crate::support::{App, Sandbox};

const USERS: &str = r#"authorization { users: [
    { user: reader, password: s3cret, permissions: { subscribe: ["open.>", "_INBOX.>"], publish: ["$JS.API.>"] } }
] }"#;

#[test]
fn a_wrong_password_and_a_forbidden_subject_are_exit_4() {
    let Some(server) = NatsServer::start(USERS) else {
        return;
    };
    let sandbox = Sandbox::new().with("GOOD", "s3cret").with("BAD", "wr0ng");
    let as_user = |password: &'static str| ["--user", "reader", "--password", password];
    for (path, flags, says) in [
        ("open.a", &[][..], "the login without credentials"),
        ("open.a", &as_user("env:BAD"), "the login of user reader"),
        ("closed.a", &as_user("env:GOOD"), "subscribing to closed.a"),
    ] {
        let output = run(&sandbox, &server.url(path), flags).expect_exit(4);
        let message = output.error()["message"].to_string();
        assert!(message.contains(says), "{output}");
        assert!(!output.stderr.contains("wr0ng"), "{output}");
    }
    let output = run(
        &sandbox,
        &server.url("open.a"),
        &[&as_user("env:GOOD")[..], &["--for", "1s"]].concat(),
    );
    let _ = output.expect_exit(0);
}

#[test]
fn a_closed_port_is_exit_5() {
    let sandbox = Sandbox::new();
    let port = free_port();
    let output = run(&sandbox, &format!("nats://127.0.0.1:{port}/a"), &[]).expect_exit(5);
    assert!(
        output.stderr.contains("start the broker at 127.0.0.1"),
        "{output}"
    );
}

#[test]
fn another_kind_of_server_is_exit_6() {
    let app = App::start();
    let sandbox = Sandbox::new();
    // It waits for a request, so it is silent.
    let output = run(
        &sandbox,
        &format!("nats://{}/a", app.address()),
        &["--timeout", "1s"],
    );
    let _ = output.expect_exit(5);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"220 smtp ready\r\n");
        }
    });
    let output = run(&sandbox, &format!("nats://{address}/a"), &[]).expect_exit(6);
    assert!(output.stderr.contains("220 smtp ready"), "{output}");
}

#[test]
fn a_missing_stream_is_exit_3_and_explained() {
    let Some(server) = NatsServer::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    server
        .client()
        .create_stream("KNOWN", &["known.>"], serde_json::json!({}));
    let output = run(&sandbox, &server.url("known.a?stream=OTHER"), &[]).expect_exit(3);
    assert!(
        output.stderr.contains("KNOWN"),
        "its streams are listed: {output}"
    );
    for flags in [
        &["--resume", "x"][..],
        &["--start", "first"],
        &["--durable", "d"],
    ] {
        let output = run(&sandbox, &server.url("not.stored"), flags).expect_exit(3);
        assert!(
            output
                .stderr
                .contains("without one NATS stores no messages"),
            "{output}"
        );
        assert!(output.stderr.contains("nats stream add"), "{output}");
    }
}

#[test]
fn a_server_without_jetstream_is_exit_3() {
    let Some(server) = NatsServer::start_without_jetstream() else {
        return;
    };
    let sandbox = Sandbox::new();
    let output = run(&sandbox, &server.url("a?stream=S"), &[]).expect_exit(3);
    assert!(output.stderr.contains("no JetStream"), "{output}");
}

#[test]
fn a_wrong_address_is_exit_2() {
    let sandbox = Sandbox::new();
    for (url, flags) in [
        ("nats://127.0.0.1", &[][..]),
        ("nats://127.0.0.1/a..b", &[]),
        ("nats://127.0.0.1/a.>.b", &[]),
        ("nats://127.0.0.1/a?group=g", &[]),
        ("nats://127.0.0.1/a?stream=a.b", &[]),
        ("nats://127.0.0.1/a?queue=g", &["--start", "first"]),
        ("nats://127.0.0.1/a?stream=S", &["--durable", "a.b"]),
        ("nats://127.0.0.1/a", &["--ping", "5s"]),
        ("nats://127.0.0.1/a", &["-H", "a: b"]),
    ] {
        let output = run(&sandbox, url, flags).expect_exit(2);
        assert!(output.error()["hint"].is_string(), "{url}: {output}");
    }
}

#[test]
fn a_seed_logs_in_and_another_one_does_not() {
    const SEED: &str = "SUACH75SWCM5D2JMJM6EKLR2WDARVGZT4QC6LX3AGHSWOMVAKERABBBRWM";
    const PUBLIC: &str = "UAFHG6FUD2UU4SDFVAFUL5LDFO2XM4WYM76UNXTPJYJK7EEMYRBHT2VE";
    // Of nats.rs's documentation.
    const OTHER: &str = "SUANQDPB2RUOE4ETUA26CNX7FUKE5ZZKFCQIIW63OX225F2CO7UEXTM7ZY";
    let config = format!("authorization {{ users: [ {{ nkey: {PUBLIC} }} ] }}");
    let Some(server) = NatsServer::start(&config) else {
        return;
    };
    let sandbox = Sandbox::new()
        .with("SEED", SEED)
        .with("OTHER", OTHER)
        .with("TEXT", "t0p");
    for (reference, exit) in [("env:SEED", 0), ("env:OTHER", 4), ("env:TEXT", 2)] {
        let flags = ["--nkey", reference];
        let output = run(
            &sandbox,
            &server.url("a"),
            &[&flags[..], &["--for", "1s"]].concat(),
        );
        let output = output.expect_exit(exit);
        assert!(!output.stderr.contains("t0p"), "{output}");
        let to = server.url("a");
        let sent = sandbox.run([&["send", "contact.created", "--to", &to][..], &flags].concat());
        let _ = sent.expect_exit(exit);
    }
}

#[test]
fn a_token_logs_in() {
    let Some(server) = NatsServer::start("authorization { token: t0p }") else {
        return;
    };
    let sandbox = Sandbox::new().with("TOKEN", "t0p");
    let output = run(
        &sandbox,
        &server.url("a"),
        &["--token", "env:TOKEN", "--for", "1s"],
    );
    let _ = output.expect_exit(0);
    let port = server.port();
    let sandbox = Sandbox::new().with("EVT_NATS_URL", format!("nats://t0p@127.0.0.1:{port}"));
    let _ = run(&sandbox, "nats:///a", &["--for", "1s"]).expect_exit(0);
    let _ = run(&sandbox, &server.url("a"), &["--for", "1s"]).expect_exit(0);
}
