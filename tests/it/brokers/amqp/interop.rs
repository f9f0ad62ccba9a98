//! The official client of npm.

use serde_json::{Value, json};

use super::records;
use crate::support::rabbitmq::RabbitMq;
use crate::support::{Node, Sandbox};

#[test]
fn amqplib_consumes_what_evt_publishes() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    rabbit.admin().queue("npm.in", "classic");
    let url = rabbit.url("");
    let Some(mut client) = Node::start("amqp_client.mjs", &["consume", &url, "npm.in", "1"]) else {
        return;
    };
    let sandbox = Sandbox::new();
    let target = rabbit.url("/?queue=npm.in");
    let sent = sandbox.run(["send", "contact.created", "--to", &target, "-o", "json"]);
    let receipt = records(&sent.expect_exit(0)).remove(0);
    let message: Value = serde_json::from_str(&client.line()).unwrap();
    assert_eq!(message["messageId"], receipt["id"]);
    assert_eq!(message["type"], "contact.created");
    assert_eq!(message["contentType"], "application/json");
    let body: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["event"], "contact.created");
}

#[test]
fn evt_follows_what_amqplib_publishes() {
    let Some(rabbit) = RabbitMq::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let source = rabbit.url("/?exchange=amq.topic&key=npm.*");
    let mut tail = sandbox.spawn(["tail", &source, "--count", "20", "-o", "json"]);
    tail.wait_for_stderr("at most once");
    let args = ["publish", &rabbit.url(""), "amq.topic", "npm.out", "20"];
    let Some(mut client) = Node::start("amqp_client.mjs", &args) else {
        return;
    };
    assert_eq!(client.line(), "{\"published\":true}\n");
    let records = records(&tail.finish().expect_exit(0));
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record["data"], json!({ "n": n }));
        assert_eq!(record["id"], format!("js-{n}"));
        assert_eq!(record["headers"]["n"], n.to_string());
    }
    assert_eq!(records.len(), 20);
}
