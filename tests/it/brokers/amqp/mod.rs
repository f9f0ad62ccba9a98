//! RabbitMQ.

mod interop;
mod losses;

use lapin::{BasicProperties, ExchangeKind};
use serde_json::Value;

use crate::support::rabbitmq::RabbitMq;
use crate::support::{Output, Sandbox};

/// The records of a command's stdout.
fn records(output: &Output) -> Vec<Value> {
    let lines = output.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn data(records: &[Value]) -> Vec<&Value> {
    records.iter().map(|record| &record["data"]).collect()
}

#[test]
fn an_exchange_is_followed_with_a_queue_of_its_own() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    admin.exchange("follow.orders", ExchangeKind::Topic);
    let sandbox = Sandbox::new();
    let source = rabbit.url("/?exchange=follow.orders&key=order.*");
    let mut tail = sandbox.spawn(["tail", &source, "--count", "1", "-o", "json"]);
    tail.wait_for_stderr("at most once");
    admin.publish("follow.orders", "other", r#"{"n":1}"#);
    let properties = BasicProperties::default()
        .with_message_id("m1".into())
        .with_type("order.created".into())
        .with_content_type("application/json".into());
    admin.publish_with("follow.orders", "order.eu", r#"{"n":2}"#, properties);
    let output = tail.finish().expect_exit(0);
    let record = &records(&output)[0];
    for (member, expected) in [
        ("transport", "amqp"),
        ("type", "order.created"),
        ("id", "m1"),
        ("channel", "order.eu"),
    ] {
        assert_eq!(record[member], expected, "{record}");
    }
    assert_eq!(record["data"]["n"], 2);
    assert_eq!(record["headers"]["amqp-exchange"], "follow.orders");
    assert_eq!(record["headers"]["content-type"], "application/json");
}

#[test]
fn a_headers_exchange_is_followed_by_headers() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    admin.exchange("follow.headers", ExchangeKind::Headers);
    let sandbox = Sandbox::new();
    let source = rabbit.url("/?exchange=follow.headers&header.region=eu&header.kind=new&match=any");
    let mut tail = sandbox.spawn(["tail", &source, "--count", "1", "-o", "json"]);
    tail.wait_for_stderr("at most once");
    let target = rabbit.url("/?exchange=follow.headers");
    for (region, exit) in [("us", 7), ("eu", 0)] {
        let header = format!("region: {region}");
        let sent = sandbox.run(["send", "contact.created", "--to", &target, "-H", &header]);
        let _ = sent.expect_exit(exit);
    }
    let output = tail.finish().expect_exit(0);
    assert_eq!(records(&output)[0]["headers"]["region"], "eu");
}

#[test]
fn a_consumed_queue_loses_exactly_the_messages_that_were_printed() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    for kind in ["classic", "quorum"] {
        let queue = format!("consume.{kind}");
        admin.queue(&queue, kind);
        for n in 1..=5 {
            admin.publish("", &queue, &n.to_string());
        }
        let sandbox = Sandbox::new();
        let source = rabbit.url(&format!("/?queue={queue}"));
        let consumed = sandbox.run(["tail", &source, "--queue", "--count", "3", "-o", "json"]);
        let consumed = consumed.expect_exit(0);
        assert_eq!(data(&records(&consumed)), [1, 2, 3], "{kind}");
        assert!(
            consumed.stderr.contains("other consumers of queue"),
            "{}",
            consumed.stderr
        );
        let rest = sandbox
            .run(["tail", &source, "--peek", "-o", "json"])
            .expect_exit(0);
        assert_eq!(data(&records(&rest)), [4, 5], "{kind}");
    }
}

#[test]
fn a_peek_returns_the_messages_and_shows_that_they_were_delivered_before() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    admin.queue("peek", "classic");
    admin.publish("", "peek", "1");
    admin.publish("", "peek", "2");
    let sandbox = Sandbox::new();
    let source = rabbit.url("/?queue=peek");
    let peek = || {
        sandbox
            .run(["tail", &source, "--peek", "-o", "json"])
            .expect_exit(0)
    };
    let (first, second) = (records(&peek()), records(&peek()));
    assert_eq!(data(&first), data(&second));
    assert_eq!(first[0]["headers"]["amqp-redelivered"], Value::Null);
    assert_eq!(second[0]["headers"]["amqp-redelivered"], "true");
}

#[test]
fn a_declared_queue_collects_what_the_default_exchange_drops() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let queue = rabbit.url("/?queue=webhook.contact.created");
    let sent = sandbox.run(["send", "contact.created", "--to", &queue]);
    let unroutable = sent.expect_exit(7);
    assert!(
        unroutable
            .stderr
            .contains("there is no queue `webhook.contact.created`"),
        "{}",
        unroutable.stderr
    );
    assert!(
        unroutable.stderr.contains("--declare"),
        "{}",
        unroutable.stderr
    );
    let mut tail = sandbox.spawn(["tail", &queue, "--declare", "--count", "1", "-o", "json"]);
    tail.wait_for_stderr("at most once");
    let _ = sandbox
        .run(["send", "contact.created", "--to", &queue])
        .expect_exit(0);
    let output = tail.finish().expect_exit(0);
    assert_eq!(records(&output)[0]["type"], "contact.created");
    let exists = rabbit.admin();
    exists.queue("declare.taken", "classic");
    let taken = rabbit.url("/?queue=declare.taken");
    let refused = sandbox.run(["tail", &taken, "--declare"]).expect_exit(6);
    assert!(refused.stderr.contains("it exists"), "{}", refused.stderr);
}

#[test]
fn an_ambiguous_address_is_refused_with_commands_to_paste() {
    let sandbox = Sandbox::new();
    for (address, hints) in [
        ("amqp://127.0.0.1/?queue=q", &["--peek", "--queue"][..]),
        (
            "amqp://127.0.0.1/?exchange=&key=q",
            &["?queue=q' --declare", "?queue=q' --queue"],
        ),
        ("amqp://127.0.0.1/?exchnge=e", &["`exchange`"]),
        ("amqp://127.0.0.1/?exchange=amq.direct", &["key=KEY"]),
        ("amqp://127.0.0.1/", &["?stream=NAME"]),
    ] {
        let output = sandbox.run(["tail", address]).expect_exit(2);
        for hint in hints {
            assert!(output.stderr.contains(hint), "{address}: {}", output.stderr);
        }
    }
}

#[test]
fn what_does_not_exist_is_exit_3() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    for (rest, flag, missing) in [
        (
            "/?exchange=absent",
            "--no-reconnect",
            "no exchange `absent`",
        ),
        ("/?queue=absent", "--peek", "no queue `absent`"),
        (
            "/absent?exchange=amq.topic",
            "--no-reconnect",
            "no vhost `absent`",
        ),
    ] {
        let output = sandbox
            .run(["tail", &rabbit.url(rest), flag])
            .expect_exit(3);
        assert!(output.stderr.contains(missing), "{rest}: {}", output.stderr);
    }
    let target = rabbit.url("/?exchange=absent&key=k");
    let output = sandbox
        .run(["send", "contact.created", "--to", &target])
        .expect_exit(3);
    assert!(
        output.stderr.contains("no exchange `absent`"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_is_not_allowed_is_exit_4() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    for (user, password, rest) in [
        ("guest", "wrong", "/?exchange=amq.topic"),
        ("reader", "reader", "/?exchange=amq.topic"),
        ("reader", "reader", "/shop?exchange=amq.topic"),
    ] {
        let sandbox = Sandbox::new().with("PASSWORD", password);
        let source = rabbit.url(rest);
        let login = ["--user", user, "--password", "env:PASSWORD"];
        let tail = sandbox.run([&["tail", source.as_str()], &login[..]].concat());
        let tail = tail.expect_exit(4);
        assert!(tail.stderr.contains("refused"), "{}", tail.stderr);
        let send = sandbox.run(
            [
                &["send", "contact.created", "--to", source.as_str()],
                &login[..],
            ]
            .concat(),
        );
        let _ = send.expect_exit(4);
    }
}

#[test]
fn a_stream_is_resumed_at_its_offset() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    admin.queue("stream.orders", "stream");
    for n in 0..6 {
        admin.publish("", "stream.orders", &n.to_string());
    }
    let sandbox = Sandbox::new();
    let source = rabbit.url("/?stream=stream.orders");
    let tail = |more: &[&str]| {
        let args = [
            &["tail", source.as_str(), "-o", "json", "--count", "2"],
            more,
        ]
        .concat();
        records(&sandbox.run(args).expect_exit(0))
    };
    assert_eq!(data(&tail(&["--start", "first", "--resume", "o"])), [0, 1]);
    assert_eq!(data(&tail(&["--resume", "o"])), [2, 3]);
    assert_eq!(data(&tail(&["--start", "4"])), [4, 5]);
    assert_eq!(data(&tail(&["--since", "1h"])), [0, 1]);
}

#[test]
fn a_usual_queue_that_is_named_as_a_stream_keeps_its_messages() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    admin.queue("stream.not", "classic");
    admin.publish("", "stream.not", "1");
    let sandbox = Sandbox::new();
    let stream = rabbit.url("/?stream=stream.not");
    let output = sandbox
        .run(["tail", &stream, "--start", "first"])
        .expect_exit(6);
    assert!(
        output.stderr.contains("queue type rabbit_classic_queue"),
        "{}",
        output.stderr
    );
    let queue = rabbit.url("/?queue=stream.not");
    let output = sandbox
        .run(["tail", &queue, "--peek", "-o", "json"])
        .expect_exit(0);
    assert_eq!(data(&records(&output)), [1]);
}

#[test]
fn a_full_queue_rejects_a_message_with_exit_7() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    rabbit.admin().queue_for("full", 1);
    let sandbox = Sandbox::new();
    let target = rabbit.url("/?queue=full");
    let _ = sandbox
        .run(["send", "contact.created", "--to", &target])
        .expect_exit(0);
    let output = sandbox
        .run(["send", "contact.created", "--to", &target])
        .expect_exit(7);
    assert!(
        output.stderr.contains("rejected_by_broker"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_message_is_unroutable_until_a_queue_is_bound() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let admin = rabbit.admin();
    admin.exchange("unbound", ExchangeKind::Topic);
    let sandbox = Sandbox::new();
    let target = rabbit.url("/?exchange=unbound&key=order.eu");
    let send = || sandbox.run(["send", "contact.created", "--to", &target]);
    let refused = send().expect_exit(7);
    assert!(refused.stderr.contains("unroutable"), "{}", refused.stderr);
    admin.queue("bound", "classic");
    admin.bind("bound", "unbound", "order.*");
    let _ = send().expect_exit(0);
    assert_eq!(admin.waiting("bound"), 1);
}
