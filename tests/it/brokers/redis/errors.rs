//! What cannot be followed, with exit codes and hints.

use super::*;
use crate::support::{Absent, Output};

fn fail(url: &str, more: &[&str], exit: i32) -> Output {
    let mut words = vec!["tail", url];
    words.extend(more);
    Sandbox::new().run(words).expect_exit(exit)
}

#[test]
fn an_absent_server_is_exit_5() {
    let absent = Absent::new();
    let url = format!("redis://{}/0?channel=a", absent.address());
    let output = fail(&url, &[], 5);
    assert!(
        output.stderr.contains(&absent.address().to_string()),
        "{output}"
    );
}

#[test]
fn credentials_are_exit_4_and_are_never_shown() {
    let Some(redis) = Redis::start(&["--requirepass", "s3cret"]) else {
        return;
    };
    let url = redis.url("channel=a");
    let output = fail(&url, &[], 4);
    assert!(output.stderr.contains("--user NAME --password"), "{output}");
    let output = fail(&url, &["--user", "default", "--password", "wr0ng"], 4);
    assert!(
        output.stderr.contains("WRONGPASS") && !output.stderr.contains("wr0ng"),
        "{output}"
    );
    let sandbox = Sandbox::new();
    let login = ["--user", "default", "--password", "s3cret", "--count", "1"];
    let running = follow(&sandbox, &url, &login);
    let mut client = redis.client();
    client.must(&["AUTH", "s3cret"]);
    client.must(&["PUBLISH", "a", "1"]);
    let _ = finished(running);
    // The password alone, from the environment.
    let known = format!("redis://:s3cret@127.0.0.1:{}", redis.port);
    let sandbox = Sandbox::new().with("EVT_REDIS_URL", known);
    let running = follow(&sandbox, "redis:///?channel=a", &["--count", "1"]);
    client.must(&["PUBLISH", "a", "1"]);
    let output = running.finish().expect_exit(0);
    assert!(!output.stderr.contains("s3cret"), "{output}");
}

#[test]
fn a_user_without_permission_is_exit_4() {
    let Some(redis) = shared() else { return };
    let user = unique("user");
    let rules = [
        "ACL",
        "SETUSER",
        &user,
        "on",
        ">pw",
        "+@all",
        "-xread",
        "resetchannels",
        "&ok*",
        "~*",
    ];
    redis.client().must(&rules);
    let login = ["--user", &user, "--password", "pw"];
    let output = fail(&redis.url("channel=other"), &login, 4);
    assert!(output.stderr.contains("NOPERM"), "{output}");
    let _ = fail(&redis.url("stream=s"), &login, 4);
    let sandbox = Sandbox::new();
    let running = follow(
        &sandbox,
        &redis.url("channel=ok1"),
        &[&login[..], &["--count", "1"]].concat(),
    );
    redis.client().must(&["PUBLISH", "ok1", "1"]);
    let _ = finished(running);
}

#[test]
fn a_key_of_another_type_is_exit_6() {
    let Some(redis) = shared() else { return };
    let key = unique("string");
    redis.client().must(&["SET", &key, "1"]);
    let output = fail(&redis.url(&format!("stream={key}")), &[], 6);
    assert!(
        output.stderr.contains("another type than a stream"),
        "{output}"
    );
}

#[test]
fn a_missing_group_or_database_is_exit_3() {
    let Some(redis) = shared() else { return };
    let url = redis.url(&format!("stream={}", unique("missing")));
    let output = fail(&url, &["--group", "g"], 3);
    assert!(output.stderr.contains("--create-group"), "{output}");
    let url = format!("redis://127.0.0.1:{}/99?channel=a", redis.port);
    let output = fail(&url, &[], 3);
    assert!(output.stderr.contains("database 99"), "{output}");
}

#[test]
fn wrong_addresses_and_flags_are_exit_2() {
    for (query, more) in [
        ("", &[][..]),
        ("chanel=a", &[]),
        ("channel=a&stream=s", &[]),
        ("channel=a", &["--start", "first"]),
        ("channel=a", &["--group", "g"]),
        ("stream=s", &["--start", "x"]),
        ("stream=s", &["--group", "g", "--start", "first"]),
        ("stream=s", &["-H", "a: b"]),
    ] {
        let _ = fail(&format!("redis://127.0.0.1:1/0?{query}"), more, 2);
    }
}

#[test]
fn another_protocol_is_exit_6() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/0?channel=a", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // The client closes first.
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    let output = fail(&url, &[], 6);
    assert!(output.stderr.contains("protocol"), "{output}");
}
