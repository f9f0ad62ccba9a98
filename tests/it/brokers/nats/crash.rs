//! A server that is killed while messages flow.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use evt::time::Timestamp;
use serde_json::{Value, json};

use super::{NatsServer, notices, tail};
use crate::support::nats::NatsClient;
use crate::support::{Output, Sandbox};

/// Longer than any of these tests.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many times the server is killed.
const KILLS: usize = 3;
/// Messages between kills, at least.
const BETWEEN: u64 = 200;

/// Kills the server and starts it again while `publish` runs, which gets the number of the next message and returns whether
/// the server has it. Returns the messages that the server has, with the times at which they were sent.
fn publish_and_kill(
    server: &mut NatsServer,
    mut publish: impl FnMut(&NatsServer, u64) -> bool,
) -> Vec<(u64, Timestamp)> {
    let mut sent = Vec::new();
    let mut number = 0;
    for kill in 0..=KILLS {
        let end = number + BETWEEN;
        while number < end {
            number += 1;
            let now = Timestamp::now();
            if publish(server, number) {
                sent.push((number, now));
            }
        }
        if kill < KILLS {
            server.kill();
            server.restart();
        }
    }
    sent
}

fn printed(output: &Output) -> Vec<u64> {
    let lines = output.json_lines();
    lines
        .iter()
        .map(|line| line["data"]["n"].as_u64().unwrap())
        .collect()
}

#[test]
fn every_loss_without_a_stream_is_inside_a_gap() {
    let Some(mut server) = NatsServer::start("") else {
        return;
    };
    let sandbox = Sandbox::new();
    let url = server.url("flow");
    let mut tail = tail(&sandbox, &url, &["--expect", "data.n < 0"]);
    let mut client = server.client();
    let sent = publish_and_kill(&mut server, |server, n| {
        let has = client.publish("flow", json!({ "n": n }).to_string());
        if !has {
            client = server.client();
        }
        has
    });
    // The last message arrives once the tail is connected again.
    let started = Instant::now();
    while !tail.has_ended() {
        assert!(started.elapsed() < PATIENCE, "the tail is not connected");
        client.publish("flow", json!({ "n": -1 }).to_string());
    }
    let output = tail.finish().expect_exit(0);
    let arrived: BTreeSet<i64> = output
        .json_lines()
        .iter()
        .map(|line| line["data"]["n"].as_i64().unwrap())
        .collect();
    let gaps: Vec<(Timestamp, Timestamp)> = notices(&output, "gap").iter().map(span).collect();
    assert!(!gaps.is_empty(), "{output}");
    let lost = sent
        .iter()
        .filter(|(n, _)| !arrived.contains(&i64::try_from(*n).unwrap()));
    let mut count = 0;
    for (n, at) in lost {
        count += 1;
        let is_inside = gaps.iter().any(|(since, until)| since <= at && at <= until);
        assert!(
            is_inside,
            "message {n} of {at} is lost, and the gaps are {gaps:?}"
        );
    }
    assert!(count < sent.len(), "{output}");
}

fn span(gap: &Value) -> (Timestamp, Timestamp) {
    let time = |name: &str| gap[name].as_str().unwrap().parse().unwrap();
    (time("since"), time("until"))
}

/// Stores a message, again until the server has it. Its id makes the stream ignore repetitions.
fn store(client: &mut Option<NatsClient>, server: &NatsServer, subject: &str, n: u64) -> bool {
    loop {
        let connected = client.get_or_insert_with(|| server.client());
        if connected.store_with_id(subject, &n.to_string(), &json!({ "n": n })) {
            return true;
        }
        *client = None;
    }
}

#[test]
fn a_stream_loses_nothing_and_repeats_nothing() {
    let Some(mut server) = NatsServer::start("") else {
        return;
    };
    let sandbox = Sandbox::new();
    server.client().create_stream("FLOW", &["flow"], json!({}));
    let total = BETWEEN * (KILLS as u64 + 1);
    let count = total.to_string();
    let tail = tail(
        &sandbox,
        &server.url("flow?stream=FLOW"),
        &["--count", &count, "--for", "60s"],
    );
    let mut client = None;
    publish_and_kill(&mut server, |server, n| {
        store(&mut client, server, "flow", n)
    });
    let output = tail.finish().expect_exit(0);
    assert_eq!(printed(&output), (1..=total).collect::<Vec<_>>());
    assert_eq!(notices(&output, "gap").len(), 0, "{output}");
}

#[test]
fn a_durable_consumer_loses_nothing_although_reader_and_server_are_killed() {
    let Some(mut server) = NatsServer::start("") else {
        return;
    };
    let sandbox = Sandbox::new();
    let mut client = Some(server.client());
    let stream = client.as_mut().unwrap();
    stream.create_stream("FLOW", &["flow"], json!({}));
    // Messages that a killed reader has not acknowledged are delivered again after a second.
    let config =
        json!({ "durable_name": "d", "ack_policy": "explicit", "ack_wait": 1_000_000_000_u64 });
    let request = json!({ "stream_name": "FLOW", "config": config });
    stream.jetstream("CONSUMER.DURABLE.CREATE.FLOW.d", &request);
    let url = server.url("flow");
    let start = || sandbox.spawn(["tail", &url, "-o", "json", "--durable", "d", "--reconnect"]);
    let mut arrived = BTreeSet::new();
    let mut reader = Some(start());
    publish_and_kill(&mut server, |server, n| {
        let has = store(&mut client, server, "flow", n);
        if n % BETWEEN == BETWEEN / 2 {
            arrived.extend(
                reader
                    .take()
                    .unwrap()
                    .killed()
                    .stdout
                    .lines()
                    .filter_map(number),
            );
            reader = Some(start());
        }
        has
    });
    let mut client = client.unwrap();
    let started = Instant::now();
    loop {
        let info = client.jetstream("CONSUMER.INFO.FLOW.d", &json!({}));
        if info["num_pending"] == 0 && info["num_ack_pending"] == 0 {
            break;
        }
        if started.elapsed() > PATIENCE {
            panic!("not acknowledged: {info}: {}", reader.unwrap().killed());
        }
    }
    let reader = reader.unwrap();
    reader.interrupt();
    arrived.extend(reader.finish().stdout.lines().filter_map(number));
    let total = BETWEEN * (KILLS as u64 + 1);
    assert_eq!(arrived, (1..=total).collect::<BTreeSet<_>>());
}

/// The number in a printed record. The last line of a killed process may be incomplete.
fn number(line: &str) -> Option<u64> {
    let record: Value = serde_json::from_str(line).ok()?;
    record["data"]["n"].as_u64()
}
