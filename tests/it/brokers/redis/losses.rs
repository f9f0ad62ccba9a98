//! Lost connections, slow readers and memory.

use std::process::Stdio;

use super::*;
use crate::support::sandbox::stderr_json;

/// The gaps in the notices of a command.
fn gaps(stderr: &str) -> Vec<Value> {
    stderr_json(stderr)
        .filter(|line| line["notice"] == "gap")
        .collect()
}

#[test]
fn a_killed_server_is_a_gap_in_a_channel() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let (sandbox, url) = (Sandbox::new(), redis.url("channel=a"));
    let mut running = follow(&sandbox, &url, &[]);
    let mut client = redis.client();
    for n in 0..100 {
        client.must(&["PUBLISH", "a", &n.to_string()]);
    }
    running.wait_for_stdout("\"data\":99");
    redis.kill();
    running.wait_for_stderr("\"retrying\"");
    redis.restart();
    running.wait_for_stderr("\"gap\"");
    redis.client().must(&["PUBLISH", "a", "100"]);
    running.wait_for_stdout("\"data\":100");
    running.interrupt();
    let output = running.finish().expect_exit(0);
    assert_eq!(output.json_lines().len(), 101);
    let gaps = gaps(&output.stderr);
    assert_eq!(
        (gaps.len(), &gaps[0]["lost"]),
        (1, &json!("unknown")),
        "{output}"
    );
}

#[test]
fn nothing_is_lost_in_a_stream_when_the_server_is_killed_while_entries_flow() {
    let Some(redis) = durable() else { return };
    let (sandbox, url) = (Sandbox::new(), redis.url("stream=s"));
    let mut running = follow(&sandbox, &url, &["--start", "first"]);
    let mut stored = Vec::new();
    for round in 0..3 {
        let mut client = redis.client();
        let kill_at = 200 + 50 * round;
        for n in 0..1000 {
            if n == kill_at {
                redis.kill();
            }
            let number = format!("{round}-{n}");
            match client.try_ask(&["XADD", "s", "*", "n", &number]) {
                Some(answer) if !answer.starts_with('-') => stored.push(number),
                _ => break,
            }
        }
        redis.restart();
    }
    let mut client = redis.client();
    client.must(&["XADD", "s", "*", "n", "end"]);
    running.wait_for_stdout("\"n\":\"end\"");
    running.interrupt();
    let output = running.finish().expect_exit(0);
    let read: Vec<String> = output
        .json_lines()
        .iter()
        .map(|record| record["data"]["n"].as_str().unwrap().to_owned())
        .collect();
    let missing: Vec<&String> = stored
        .iter()
        .filter(|number| !read.contains(number))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
    let mut once = read.clone();
    once.dedup();
    assert_eq!(once, read, "no entry is printed twice");
    assert_eq!(gaps(&output.stderr), Vec::<Value>::new());
}

#[test]
fn a_restart_without_stored_data_is_a_gap_in_a_stream() {
    let Some(redis) = Redis::start(&[]) else {
        return;
    };
    let (sandbox, url) = (Sandbox::new(), redis.url("stream=s"));
    let mut running = follow(&sandbox, &url, &["--start", "first"]);
    redis.client().must(&["XADD", "s", "*", "n", "1"]);
    running.wait_for_stdout("\"n\":\"1\"");
    redis.kill();
    redis.restart();
    running.wait_for_stderr("\"gap\"");
    redis.client().must(&["XADD", "s", "*", "n", "2"]);
    running.wait_for_stdout("\"n\":\"2\"");
}

/// Peak memory of a process in KiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_flood_with_a_stalled_reader_takes_little_memory_and_loses_nothing() {
    const MESSAGES: usize = 200_000;
    let limit = ["--client-output-buffer-limit", "pubsub 0 0 0"];
    let Some(redis) = Redis::start(&limit) else {
        return;
    };
    let sandbox = Sandbox::new();
    let count = MESSAGES.to_string();
    let url = redis.url("channel=a");
    let mut command = sandbox.command(["-o", "json", "tail", &url, "--count", &count]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    redis
        .client()
        .wait_until(&["PUBSUB", "NUMSUB", "a"], |answer| answer == "a 1");
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(200));
    redis
        .client()
        .pipeline(&vec![vec!["PUBLISH", "a", &body]; MESSAGES]);
    let stalled = peak(child.id());
    let stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let lines = std::io::BufRead::lines(stdout).count();
    assert!(child.wait().unwrap().success());
    assert_eq!(lines, MESSAGES);
    assert!(stalled < 60_000, "{stalled} KiB");
}

#[test]
fn a_reader_that_the_server_cuts_off_is_called_too_slow() {
    let limit = ["--client-output-buffer-limit", "pubsub 1mb 1mb 1"];
    let Some(redis) = Redis::start(&limit) else {
        return;
    };
    let sandbox = Sandbox::new();
    let url = redis.url("channel=a");
    let mut child = sandbox
        .command(["-o", "json", "tail", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut client = redis.client();
    client.wait_until(&["PUBSUB", "NUMSUB", "a"], |answer| answer == "a 1");
    let body = "x".repeat(10_000);
    // The reader stalls, and the server's buffer fills.
    let mut published = 0;
    while client.must(&["PUBLISH", "a", &body]) == "1" {
        published += 1;
        assert!(published < 100_000, "the server does not cut it off");
    }
    let mut stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut seen = Vec::new();
    for line in std::io::BufRead::lines(stderr) {
        let line = line.unwrap();
        let is_gap = line.contains("\"gap\"");
        seen.push(line);
        if is_gap {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let gap = seen.last().unwrap();
    assert!(gap.contains("too slow"), "{seen:?}");
}
