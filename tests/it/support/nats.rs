//! nats-server, and a client that publishes to it and asks JetStream.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use evt::broker::Login;
use evt::broker::nats::{ConnectOptions, Connection};
use evt::dial::{AddressPolicy, Dialer};
use evt::grammar::broker::BrokerUrl;
use evt::wire::nats::{self as wire, Frame};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::server::{Server, free_port, program, wait_for_port};

/// Much longer than any test waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running nats-server with JetStream.
pub(crate) struct NatsServer {
    server: Server,
    port: u16,
    has_jetstream: bool,
    folder: tempfile::TempDir,
}

impl NatsServer {
    /// The server that all tests of a run share. They use different subjects and streams.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<NatsServer>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("")).as_ref()
    }

    /// Starts a server with more lines in its configuration. Prints a notice and returns `None` if it is not installed.
    pub(crate) fn start(config: &str) -> Option<Self> {
        Self::start_any(config, true)
    }

    pub(crate) fn start_without_jetstream() -> Option<Self> {
        Self::start_any("", false)
    }

    fn start_any(config: &str, has_jetstream: bool) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("server.conf"), config).unwrap();
        let port = free_port();
        Some(Self {
            server: run(folder.path(), port, has_jetstream)?,
            port,
            has_jetstream,
            folder,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("nats://127.0.0.1:{}/{path}", self.port)
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.server.pid()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Kills the server as a crash would.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same port, with the same data.
    pub(crate) fn restart(&mut self) {
        self.server = run(self.folder.path(), self.port, self.has_jetstream).unwrap();
    }

    pub(crate) fn client(&self) -> NatsClient {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let options = ConnectOptions {
            url: BrokerUrl::parse(&self.url("")).unwrap(),
            login: Login::default(),
            dialer: Dialer::new(AddressPolicy::Local),
            timeout: PATIENCE,
            max_message: 1 << 26,
        };
        let connection = runtime.block_on(Connection::open(&options)).unwrap();
        NatsClient {
            runtime: Arc::new(runtime),
            connection,
        }
    }
}

fn run(folder: &Path, port: u16, has_jetstream: bool) -> Option<Server> {
    let path = program(
        &["/usr/sbin/nats-server", "/usr/bin/nats-server"],
        "nats-server",
    )?;
    let mut command = Command::new(path);
    command
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .arg("-c")
        .arg(folder.join("server.conf"));
    if has_jetstream {
        command.args(["-js", "-sd"]).arg(folder.join("data"));
    }
    let server = Server::start(&command, &folder.join("log"));
    wait_for_port(port);
    Some(server)
}

/// A client whose methods block.
pub(crate) struct NatsClient {
    runtime: Arc<Runtime>,
    connection: Connection,
}

impl NatsClient {
    /// Publishes, and waits until the server has the message. Returns whether it has.
    pub(crate) fn publish(&mut self, subject: &str, payload: impl AsRef<[u8]>) -> bool {
        self.publish_all(subject, [payload])
    }

    pub(crate) fn publish_all<P: AsRef<[u8]>>(
        &mut self,
        subject: &str,
        payloads: impl IntoIterator<Item = P>,
    ) -> bool {
        for payload in payloads {
            wire::publish(self.connection.output(), subject, "", b"", payload.as_ref());
        }
        self.flush()
    }

    /// Sends these bytes of the protocol.
    pub(crate) fn send(&mut self, frames: impl AsRef<[u8]>) -> bool {
        self.connection.output().extend_from_slice(frames.as_ref());
        self.flush()
    }

    fn flush(&mut self) -> bool {
        let runtime = Arc::clone(&self.runtime);
        runtime
            .block_on(self.connection.confirm("publishing"))
            .is_ok()
    }

    /// The payload of the reply as JSON, or `None` if there is no responder or no connection.
    pub(crate) fn request(&mut self, subject: &str, request: &Value) -> Option<Value> {
        let runtime = Arc::clone(&self.runtime);
        let request = request.to_string();
        let asking = self.connection.request(subject, b"", request.as_bytes());
        let reply = runtime.block_on(asking).ok()?;
        serde_json::from_slice(&reply.payload).ok()
    }

    /// Sends a request to the API of JetStream.
    pub(crate) fn jetstream(&mut self, method: &str, request: &Value) -> Value {
        let reply = self.request(&format!("$JS.API.{method}"), request).unwrap();
        assert!(reply["error"].is_null(), "{method}: {reply}");
        reply
    }

    /// Creates a stream with these subjects.
    pub(crate) fn create_stream(&mut self, name: &str, subjects: &[&str], more: Value) {
        let mut config = json!({
            "name": name, "subjects": subjects, "storage": "file", "num_replicas": 1,
            "retention": "limits", "discard": "old", "max_consumers": -1, "max_msgs": -1, "max_bytes": -1,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        self.jetstream(&format!("STREAM.CREATE.{name}"), &config);
    }

    /// Publishes and waits until the stream has stored the message. Returns its sequence, or `None` without a connection.
    pub(crate) fn store(&mut self, subject: &str, payload: &Value) -> Option<u64> {
        self.request(subject, payload)?["seq"].as_u64()
    }

    /// Stores a message with an id, by which the stream ignores repetitions. Returns whether the stream has it.
    pub(crate) fn store_with_id(&mut self, subject: &str, id: &str, payload: &Value) -> bool {
        let mut headers = wire::start_headers();
        wire::append_header(&mut headers, "nats-msg-id", id.as_bytes());
        wire::end_headers(&mut headers);
        let runtime = Arc::clone(&self.runtime);
        let payload = payload.to_string();
        let asking = self
            .connection
            .request(subject, &headers, payload.as_bytes());
        let reply = runtime.block_on(asking).ok();
        let reply = reply.and_then(|reply| serde_json::from_slice::<Value>(&reply.payload).ok());
        reply.is_some_and(|reply| reply["seq"].is_u64())
    }

    /// The payloads that have arrived for the subscriptions made with [`Self::send`].
    pub(crate) fn received(&mut self) -> Vec<String> {
        let mut payloads = Vec::new();
        let runtime = Arc::clone(&self.runtime);
        self.connection.output().extend_from_slice(b"PING\r\n");
        runtime.block_on(async {
            loop {
                match self.connection.ready().unwrap() {
                    Some(Frame::Message(message)) => {
                        payloads.push(String::from_utf8(message.payload.to_vec()).unwrap());
                    }
                    Some(Frame::Pong) => return payloads,
                    Some(_) => {}
                    None => self.connection.fill().await.unwrap(),
                }
            }
        })
    }
}
