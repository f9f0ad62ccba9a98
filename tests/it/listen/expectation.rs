//! `evt listen --expect X -- CMD`: the command must succeed and the event must arrive.

use super::*;
use crate::support::Output;

/// Runs a shell script next to a listener. `$EVT` is the binary.
fn beside(args: &[&str], script: &str) -> (Sandbox, Output) {
    let sandbox = Sandbox::new().with("EVT", env!("CARGO_BIN_EXE_evt"));
    let start = ["listen", "--port", "0", "-o", "json"];
    let command = ["--", "sh", "-c", script];
    let all: Vec<&str> = start.iter().chain(args).chain(&command).copied().collect();
    let output = sandbox.run(all);
    (sandbox, output)
}

const SEND: &str = "\"$EVT\" send contact.created --sign none --to \"$EVT_LISTEN_URL\" >&2";

#[test]
fn the_commands_failure_is_the_exit_code_even_if_the_event_arrived() {
    let (_sandbox, output) = beside(&["--expect", "contact.*"], &format!("{SEND}; exit 3"));
    assert_eq!(output.exit, Some(3), "{output}");
    let (_sandbox, output) = beside(&["--expect", "contact.*"], "exit 3");
    assert_eq!(output.exit, Some(3), "{output}");
}

#[test]
fn the_command_continues_after_the_event() {
    let script = format!("{SEND}; sleep 0.3; touch done");
    let (sandbox, output) = beside(&["--expect", "contact.*"], &script);
    assert_eq!(output.exit, Some(0), "{output}");
    assert!(sandbox.work().join("done").exists(), "{output}");
}

#[test]
fn a_command_that_succeeds_without_the_event_exits_with_9_and_what_came() {
    let args = ["--expect", "order.paid", "--for", "2s"];
    let (_sandbox, output) = beside(&args, SEND);
    assert_eq!(output.exit, Some(9), "{output}");
    let notice = output.notice("goal_not_met");
    assert_eq!(
        (&notice["wanted"], &notice["counted"]),
        (&1.into(), &0.into())
    );
    let other = &notice["others"][0];
    assert_eq!(
        (&other["type"], &other["count"]),
        (&"contact.created".into(), &1.into())
    );
    assert!(
        other["why"].as_str().unwrap().contains("order.paid"),
        "{notice}"
    );
}

#[test]
fn a_command_that_is_still_running_at_the_end_of_for_exits_with_9() {
    let args = ["--expect", "contact.*", "--for", "1s"];
    let (_sandbox, output) = beside(&args, &format!("{SEND}; exec sleep 60"));
    assert_eq!(output.exit, Some(9), "{output}");
}

#[test]
fn what_came_is_explained_in_text_and_bounded() {
    let sandbox = Sandbox::new();
    let args = [
        "listen",
        "--port",
        "0",
        "--expect",
        "where=data.amount > 100",
        "--for",
        "2s",
        "-o",
        "text",
    ];
    let mut listener = sandbox.spawn(args);
    let ready = listener.wait_for_stderr("Listening on");
    let address = ready
        .rsplit("http://")
        .next()
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    for index in 0..14 {
        let body = format!("{{\"type\":\"order.n{index:02}\",\"amount\":5}}");
        let _ = post(address, &[], &body);
    }
    let output = listener.finish().expect_exit(9);
    assert!(output.stderr.contains("received 0 of 1 events"), "{output}");
    assert!(
        output.stderr.contains("1 x order.n00: data.amount > 100"),
        "{output}"
    );
    assert!(output.stderr.contains("4 events of more types"), "{output}");
}

/// The form that README shows for CI, next to whatever runs on this machine.
#[test]
fn an_ephemeral_platform_a_listener_and_a_test_run_together() {
    let sandbox = Sandbox::new().with("EVT", env!("CARGO_BIN_EXE_evt"));
    let test = "\"$EVT\" flows create --on contact.created --webhook \"$EVT_LISTEN_URL/hook\" >&2 && \
                \"$EVT\" records create contact email=ada@example.test >&2";
    let listen = [
        "listen",
        "--port",
        "0",
        "--expect",
        "contact.created",
        "--",
        "sh",
        "-c",
    ];
    let dev = [
        "dev",
        "--ephemeral",
        "--port",
        "0",
        "--console-port",
        "0",
        "--",
        env!("CARGO_BIN_EXE_evt"),
    ];
    for (script, exit) in [(test.to_owned(), 0), (format!("{test}; exit 4"), 4)] {
        let args = dev.iter().chain(&listen).copied().chain([script.as_str()]);
        let output = sandbox.run(args);
        assert_eq!(output.exit, Some(exit), "{output}");
    }
}
