//! socket.io-client in a process of its own.

use serde_json::{Value, json};

use super::Platform;
use crate::support::node::Node;

/// One connection of socket.io-client, with all its namespaces.
pub(super) struct Client {
    node: Node,
    /// What has been told and not been asked for yet.
    told: Vec<Value>,
}

impl Client {
    /// `None`: node cannot be had here, which has been said.
    pub(super) fn of(platform: &Platform) -> Option<Self> {
        Self::with(platform, &json!({ "transports": ["websocket"] }))
    }

    pub(super) fn with(platform: &Platform, options: &Value) -> Option<Self> {
        let url = format!("http://{}", platform.address());
        let node = Node::start("gateway_client.mjs", &[&url, &options.to_string()])?;
        let told = Vec::new();
        Some(Self { node, told })
    }

    pub(super) fn order(&mut self, order: &Value) {
        self.node.say(&order.to_string());
    }

    /// Asks for a namespace as the person of a token, and waits until the platform says who that is.
    pub(super) fn enter(&mut self, ns: &str, platform: &Platform) -> Value {
        self.enter_as(
            ns,
            &json!({ "token": platform.running().token, "orgId": "my-org" }),
        )
    }

    pub(super) fn enter_as(&mut self, ns: &str, auth: &Value) -> Value {
        self.order(&json!({ "do": "connect", "ns": ns, "auth": auth }));
        self.event(ns, "authenticate")
    }

    pub(super) fn emit(&mut self, ns: &str, event: &str, data: &Value) {
        self.order(&json!({ "do": "emit", "ns": ns, "event": event, "data": data }));
    }

    /// Emits, and waits for the acknowledgement.
    pub(super) fn ask(&mut self, ns: &str, event: &str, data: &Value) -> Value {
        self.order(&json!({ "do": "emit", "ns": ns, "event": event, "data": data, "ack": true }));
        let is_reply =
            |told: &Value| told["on"] == "ack" && told["ns"] == ns && told["event"] == event;
        self.until(is_reply)["reply"].clone()
    }

    /// The data of the next event of this name.
    pub(super) fn event(&mut self, ns: &str, event: &str) -> Value {
        let is_it =
            |told: &Value| told["on"] == "event" && told["ns"] == ns && told["event"] == event;
        self.until(is_it)["args"][0].clone()
    }

    /// The next thing of this kind that happens to a namespace.
    pub(super) fn happens(&mut self, ns: &str, what: &str) -> Value {
        self.until(|told| told["on"] == what && told["ns"] == ns)
    }

    /// The next thing of this kind that happens to the connection.
    pub(super) fn transport(&mut self, what: &str) -> Value {
        self.until(|told| told["on"] == what)
    }

    /// Takes the first thing told that is meant; the others stay for later.
    fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.told.iter().position(&is_meant) {
            return self.told.remove(at);
        }
        loop {
            let line = self.node.line();
            let told: Value = serde_json::from_str(&line)
                .unwrap_or_else(|_| panic!("it ended; it had told {:?}", self.told));
            if is_meant(&told) {
                return told;
            }
            self.told.push(told);
        }
    }
}
