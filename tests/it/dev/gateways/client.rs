//! socket.io-client in a separate process.

use serde_json::{Value, json};

use super::Platform;
use crate::support::node::Node;

/// A connection of socket.io-client, with all its namespaces.
pub(crate) struct Client {
    node: Node,
    /// Received messages that no test has requested yet.
    received: Vec<Value>,
}

impl Client {
    /// Returns `None`, after a message, if node is not available.
    pub(crate) fn of(platform: &Platform) -> Option<Self> {
        Self::with(platform, &json!({ "transports": ["websocket"] }))
    }

    pub(crate) fn with(platform: &Platform, options: &Value) -> Option<Self> {
        let url = format!("http://{}", platform.address());
        let node = Node::start("gateway_client.mjs", &[&url, &options.to_string()])?;
        let received = Vec::new();
        Some(Self { node, received })
    }

    pub(crate) fn order(&mut self, order: &Value) {
        self.node.say(&order.to_string());
    }

    /// Joins a namespace with the developer's token, and waits for `authenticate`.
    pub(crate) fn enter(&mut self, ns: &str, platform: &Platform) -> Value {
        self.enter_as(
            ns,
            &json!({ "token": platform.running().token, "orgId": "my-org" }),
        )
    }

    pub(crate) fn enter_as(&mut self, ns: &str, auth: &Value) -> Value {
        self.order(&json!({ "do": "connect", "ns": ns, "auth": auth }));
        self.event(ns, "authenticate")
    }

    pub(crate) fn emit(&mut self, ns: &str, event: &str, data: &Value) {
        self.order(&json!({ "do": "emit", "ns": ns, "event": event, "data": data }));
    }

    /// Emits, and waits for the acknowledgement.
    pub(crate) fn ask(&mut self, ns: &str, event: &str, data: &Value) -> Value {
        self.order(&json!({ "do": "emit", "ns": ns, "event": event, "data": data, "ack": true }));
        let is_reply = |message: &Value| {
            message["on"] == "ack" && message["ns"] == ns && message["event"] == event
        };
        self.until(is_reply)["reply"].clone()
    }

    /// The data of the next event of this name.
    pub(crate) fn event(&mut self, ns: &str, event: &str) -> Value {
        let is_it = |message: &Value| {
            message["on"] == "event" && message["ns"] == ns && message["event"] == event
        };
        self.until(is_it)["args"][0].clone()
    }

    /// The next message of this type for a namespace.
    pub(crate) fn happens(&mut self, ns: &str, what: &str) -> Value {
        self.until(|message| message["on"] == what && message["ns"] == ns)
    }

    /// The next message of this type for the connection.
    pub(crate) fn transport(&mut self, what: &str) -> Value {
        self.until(|message| message["on"] == what)
    }

    /// Removes the first message for which `is_meant` holds. The others stay.
    fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.received.iter().position(&is_meant) {
            return self.received.remove(at);
        }
        loop {
            let line = self.node.line();
            let message: Value = serde_json::from_str(&line)
                .unwrap_or_else(|_| panic!("it ended after {:?}", self.received));
            if is_meant(&message) {
                return message;
            }
            self.received.push(message);
        }
    }
}
