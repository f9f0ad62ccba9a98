//! What is lost, and what is not, when RabbitMQ or `evt` is killed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{data, records};
use crate::support::Sandbox;
use crate::support::rabbitmq::{Admin, RabbitMq};

/// Messages between two kills.
const BETWEEN: u64 = 30;

fn publish(admin: &Admin, queue: &str, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        admin.publish("", queue, &n.to_string());
    }
}

fn numbers(records: &[Value]) -> Vec<u64> {
    let data = data(records).into_iter();
    data.map(|data| data.as_u64().unwrap()).collect()
}

#[test]
fn a_durable_queue_loses_no_confirmed_message_when_rabbitmq_is_killed() {
    let Some(mut rabbit) = RabbitMq::start("") else {
        return;
    };
    let sandbox = Sandbox::new();
    let source = rabbit.url("/?queue=durable");
    let last = 3 * BETWEEN;
    let expect = format!("data == {last}");
    let args = [
        "tail", &source, "--queue", "--expect", &expect, "-o", "json",
    ];
    let mut tail = sandbox.spawn(args);
    tail.wait_for_stderr("at least once");
    for part in 0..3 {
        let admin = rabbit.admin();
        publish(&admin, "durable", part * BETWEEN + 1..=(part + 1) * BETWEEN);
        if part < 2 {
            rabbit.kill();
            rabbit.restart();
        }
    }
    let output = tail.finish().expect_exit(0);
    let printed: BTreeSet<u64> = numbers(&records(&output)).into_iter().collect();
    assert_eq!(printed, (1..=last).collect());
    assert!(!output.stderr.contains("\"gap\""), "{}", output.stderr);
}

#[test]
fn a_queue_of_its_own_is_lost_with_the_connection_and_reported_as_a_gap() {
    let Some(mut rabbit) = RabbitMq::start("") else {
        return;
    };
    let sandbox = Sandbox::new();
    // It exists at every start.
    let source = rabbit.url("/?exchange=amq.topic");
    let args = ["tail", &source, "--expect", "data == 2", "-o", "json"];
    let mut tail = sandbox.spawn(args);
    tail.wait_for_stderr("at most once");
    rabbit.admin().publish("amq.topic", "a", "1");
    tail.wait_for_stdout("\"data\":1");
    rabbit.kill();
    rabbit.restart();
    tail.wait_for_stderr("\"gap\"");
    rabbit.admin().publish("amq.topic", "a", "2");
    let output = tail.finish().expect_exit(0);
    assert_eq!(numbers(&records(&output)), [1, 2]);
    let gap = output.notice("gap");
    assert_eq!(gap["lost"], "unknown");
    assert!(gap["since"].as_str() < gap["until"].as_str(), "{gap}");
}

#[test]
fn messages_that_a_killed_tail_has_not_acknowledged_return_to_the_queue() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let admin = rabbit.admin();
    admin.queue("killed", "classic");
    publish(&admin, "killed", 1..=200);
    let source = rabbit.url("/?queue=killed");
    let file = sandbox.work().join("printed.ndjson");
    let mut first = sandbox.command(["tail", &source, "--queue", "-o", "json"]);
    let printed = std::fs::File::create(&file).unwrap();
    let mut first = first.stdout(printed).spawn().unwrap();
    let read = || {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        numbers(&lines.collect::<Vec<Value>>())
    };
    while read().is_empty() {
        std::thread::yield_now();
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let mut seen: BTreeSet<u64> = read().into_iter().collect();
    // Something is left to wait for, although the first may have read everything.
    publish(&admin, "killed", 201..=201);
    let args = [
        "tail",
        &source,
        "--queue",
        "--expect",
        "data == 201",
        "-o",
        "json",
    ];
    let rest = sandbox.run(args).expect_exit(0);
    seen.extend(numbers(&records(&rest)));
    assert_eq!(seen, (1..=201).collect());
    assert_eq!(admin.waiting("killed"), 0);
}

#[test]
fn a_deleted_queue_ends_the_stream_with_exit_3() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let admin = rabbit.admin();
    admin.queue("deleted", "classic");
    let mut tail = sandbox.spawn(["tail", &rabbit.url("/?queue=deleted"), "--queue"]);
    tail.wait_for_stderr("at least once");
    admin.delete_queue("deleted");
    let output = tail.finish().expect_exit(3);
    assert!(
        output.stderr.contains("cancelled the consumer"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("no queue `deleted`"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_forwarded_message_keeps_its_id_until_rabbitmq_accepts_it() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let admin = rabbit.admin();
    admin.queue("forward.from", "classic");
    publish(&admin, "forward.from", 1..=3);
    let source = rabbit.url("/?queue=forward.from");
    let target = rabbit.url("/?queue=forward.to");
    // The target does not exist yet, so the messages stay in the queue of deliveries.
    let args = [
        "tail",
        &source,
        "--queue",
        "--count",
        "3",
        "--forward",
        &target,
    ];
    let output = sandbox.run(args).expect_exit(0);
    assert!(
        output.stderr.contains("still to be delivered"),
        "{}",
        output.stderr
    );
    admin.queue("forward.to", "classic");
    let _ = sandbox.run(["queue", "retry", "--all", "--yes"]);
    let args = [
        "tail",
        &source,
        "--queue",
        "--for",
        "2s",
        "--forward",
        &target,
    ];
    let _ = sandbox.run(args).expect_exit(0);
    let peek = ["tail", &target, "--peek", "-o", "json"];
    let arrived = records(&sandbox.run(peek).expect_exit(0));
    let mut delivered = numbers(&arrived);
    delivered.sort_unstable();
    assert_eq!(delivered, [1, 2, 3]);
    let ids: BTreeSet<&str> = arrived
        .iter()
        .filter_map(|record| record["id"].as_str())
        .collect();
    assert_eq!(ids.len(), 3, "{arrived:?}");
}
