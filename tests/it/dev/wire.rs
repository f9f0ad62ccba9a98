//! A platform in this process on free ports, called with raw bytes on a socket.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;

use bytes::Bytes;
use evt::dev::{DevError, DevOptions};
use evt::event::{Event, Meta};
use evt::running::Running;
use evt::store::{StoreError, events};
use evt::time::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A running platform. Dropping it stops it and waits for open requests.
pub(crate) struct Platform {
    runtime: tokio::runtime::Runtime,
    inner: Option<evt::dev::Server>,
    shutdown: CancellationToken,
}

/// A response.
#[must_use = "an unchecked reply proves nothing"]
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Platform {
    /// An ephemeral platform.
    pub(crate) fn start() -> Self {
        Self::with(DevOptions::default()).expect("a platform on free ports")
    }

    /// A platform with its data in a folder.
    pub(crate) fn on(folder: &Path) -> Self {
        let options = DevOptions {
            data: Some(folder.to_owned()),
            ..DevOptions::default()
        };
        Self::with(options).expect("a platform on free ports")
    }

    /// A platform with these options, but on free ports.
    pub(crate) fn with(options: DevOptions) -> Result<Self, DevError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let options = DevOptions {
            port: 0,
            control_port: 0,
            ..options
        };
        let shutdown = CancellationToken::new();
        let inner = runtime.block_on(evt::dev::Server::start(options, shutdown.clone()))?;
        Ok(Self {
            runtime,
            inner: Some(inner),
            shutdown,
        })
    }

    fn inner(&self) -> &evt::dev::Server {
        self.inner.as_ref().expect("it runs until it is dropped")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.inner().addresses().platform
    }

    pub(crate) fn control(&self) -> SocketAddr {
        self.inner().addresses().control
    }

    pub(crate) fn running(&self) -> &Running {
        self.inner().running()
    }

    pub(crate) fn seeded(&self) -> Option<evt::dev::host::seed::Seeded> {
        self.inner().seeded().cloned()
    }

    /// A request as the built-in user.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.ask_as("my-org", &self.running().token, method, path, body)
    }

    /// A request in an organisation, with a token.
    pub(crate) fn ask_as(
        &self,
        org: &str,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Reply {
        let headers = format!(
            "orgid: {org}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
        );
        send(self.address(), method, path, &headers, &text(body))
    }

    /// A request to the control API, with its token.
    pub(crate) fn order(&self, method: &str, path: &str, body: &Value) -> Reply {
        let token = &self.running().control_token;
        let headers =
            format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        send(self.control(), method, path, &headers, &text(body))
    }

    /// The newest message in the outbox to an address.
    pub(crate) fn last_message(&self, to: &str) -> Value {
        let listed = self.order("GET", "/_evt/outbox?limit=1000", &Value::Null);
        let mut listed = listed.json();
        let messages = listed["messages"].as_array_mut().expect("messages");
        let is_to = |message: &Value| message["to"] == json!([to]);
        let found = messages.iter().rev().find(|message| is_to(message));
        found.expect("a message to the address").clone()
    }

    /// The code of six digits in the newest message to an address.
    pub(crate) fn code_for(&self, to: &str) -> String {
        let message = self.last_message(to);
        crate::support::code_in(message["body"].as_str().expect("a text"))
    }

    /// Creates a record and returns its BaseModel.
    pub(crate) fn create(&self, datatype: &str, data: Value) -> Value {
        let body = json!({"datatype": datatype, "isNew": true, "data": data});
        let reply = self.ask("POST", "/repository/create", &body);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }

    /// Stores this many events, without starting flows.
    pub(crate) fn raise(&self, count: usize) {
        let body = br#"{"event":"contact.updated","orgId":"my-org","timestamp":"2026-01-01T00:00:00Z","data":{}}"#;
        let meta = Meta {
            kind: Some("contact.updated".to_owned()),
            ..Meta::default()
        };
        let event = Event::raised(Bytes::from_static(body), meta, Timestamp::now());
        let store = &self.inner().host().store;
        store
            .write_blocking::<_, StoreError, _>(move |tx| {
                (0..count).try_for_each(|_| events::insert(tx, &event, None).map(|_| ()))
            })
            .expect("the store accepts them");
    }

    /// The names of the events raised so far, in order.
    pub(crate) fn events(&self) -> Vec<String> {
        let events = self
            .order("GET", "/_evt/events?limit=1000", &Value::Null)
            .json();
        let events = events["events"].as_array().cloned().expect("a list");
        let kinds = events.iter().filter_map(|event| event["type"].as_str());
        kinds.map(str::to_owned).collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(inner) = self.inner.take() {
            self.runtime.block_on(inner.stopped());
        }
    }
}

fn text(body: &Value) -> String {
    if body.is_null() {
        String::new()
    } else {
        body.to_string()
    }
}

/// Sends a request on its own connection. `headers` are complete lines.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> Reply {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    exchange(address, format!("{head}{body}").as_bytes())
}

/// Sends bytes unchanged and reads the whole response.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).expect("the platform listens");
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&String::from_utf8_lossy(&answer))
}

pub(crate) fn parse(answer: &str) -> Reply {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no response: {answer:?}"));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("no status: {answer:?}"));
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Reply {
        status,
        headers,
        body: body.to_owned(),
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Status and code word of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json()["code"].as_str().unwrap_or_default().to_owned();
        (self.status, code)
    }
}
