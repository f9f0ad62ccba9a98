//! `evt events prune`.

use super::*;

#[test]
fn prune_deletes_old_events_after_confirmation() {
    let sandbox = Sandbox::new();
    import(&sandbox, &[line("old.one", "kept", "{}")]);
    let app = App::start();
    let to = app.url("/");
    let _ = sandbox
        .run(["send", "contact.created", "--sign", "none", "--to", &to])
        .expect_exit(0);
    let keep = ["events", "prune", "--keep", "1d"];
    let output = sandbox.run(keep).expect_exit(2);
    assert!(output.stderr.contains("--yes"), "{output}");
    let output = sandbox
        .run(keep.into_iter().chain(["--dry-run"]))
        .expect_exit(0);
    assert_eq!(output.json_lines()[0]["would_remove"], 1);
    let output = sandbox
        .run(keep.into_iter().chain(["--yes"]))
        .expect_exit(0);
    assert_eq!(output.json_lines()[0]["removed"], 1);
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0002"]
    );
}

#[test]
fn prune_to_a_size_deletes_the_oldest_events() {
    let sandbox = Sandbox::new();
    let body = "x".repeat(10_000);
    let lines: Vec<String> = (0..5).map(|_| line("a.b", "kept", &body)).collect();
    import(&sandbox, &lines);
    let _ = sandbox
        .run(["events", "prune", "--max-size", "25KB", "--yes"])
        .expect_exit(0);
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0004", "e_0005"]
    );
}

#[test]
fn prune_does_not_delete_events_that_deliveries_need() {
    let sandbox = Sandbox::new();
    let absent = Absent::new();
    let to = absent.address().to_string();
    let mut listener = sandbox.spawn(["listen", &to, "--port", "0", "--retry=9", "-o", "json"]);
    let address = listener.wait_until_ready();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"POST /hook HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
        .unwrap();
    listener.wait_for_stdout("e_0001");
    let output = sandbox
        .run(["events", "prune", "--all", "--yes"])
        .expect_exit(0);
    let report = &output.json_lines()[0];
    assert_eq!(
        (
            &report["needed"],
            report.get("removed").or(report.get("would_remove"))
        ),
        (&1.into(), Some(&0.into()))
    );
    assert_eq!(
        refs(&sandbox.run(["events", "list"]).expect_exit(0)),
        ["e_0001"]
    );
}
