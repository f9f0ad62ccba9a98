//! The platform in this process, on free ports, spoken to with raw bytes on a socket.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;

use bytes::Bytes;
use evt::dev::{DevError, DevOptions};
use evt::event::{Event, Meta, Outcome, Source, Transport};
use evt::running::Running;
use evt::store::{StoreError, events};
use evt::time::Timestamp;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A running platform; ends, drained, with the value.
pub(crate) struct Platform {
    runtime: tokio::runtime::Runtime,
    inner: Option<evt::dev::Platform>,
    shutdown: CancellationToken,
}

/// What came back on the socket.
#[must_use = "a reply that is not looked at proves nothing"]
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Platform {
    /// An ephemeral one.
    pub(crate) fn start() -> Self {
        Self::with(DevOptions::default()).expect("a platform on free ports")
    }

    /// One that keeps its data in a folder.
    pub(crate) fn on(folder: &Path) -> Self {
        let options = DevOptions {
            data: Some(folder.to_owned()),
            ..DevOptions::default()
        };
        Self::with(options).expect("a platform on free ports")
    }

    /// One with options of its own; ports are free ones all the same.
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
        let inner = runtime.block_on(evt::dev::Platform::start(options, shutdown.clone()))?;
        Ok(Self {
            runtime,
            inner: Some(inner),
            shutdown,
        })
    }

    fn inner(&self) -> &evt::dev::Platform {
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

    /// A request as the person who is always there.
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

    /// Creates a record and returns its BaseModel.
    pub(crate) fn create(&self, datatype: &str, data: Value) -> Value {
        let body = json!({"datatype": datatype, "isNew": true, "data": data});
        let reply = self.ask("POST", "/repository/create", &body);
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }

    /// Keeps as many events as if a bulk import had raised them, without the flows that they would start.
    pub(crate) fn raise(&self, count: usize) {
        let body = br#"{"event":"contact.updated","orgId":"my-org","timestamp":"2026-01-01T00:00:00Z","data":{}}"#;
        let event = Event {
            seq: None,
            received_at: Timestamp::now(),
            source: Source::Dev,
            transport: Transport::Bus,
            method: Method::POST,
            target: "/contact.updated".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body),
            meta: Meta {
                kind: Some("contact.updated".to_owned()),
                ..Meta::default()
            },
            verdict: None,
            outcome: Outcome::Kept,
        };
        let store = &self.inner().state().store;
        store
            .write_blocking::<_, StoreError, _>(move |tx| {
                (0..count).try_for_each(|_| events::insert(tx, &event, None).map(|_| ()))
            })
            .expect("the store takes them");
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

/// One request on a connection of its own; `headers` are whole lines.
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

/// Sends bytes as they are and reads the whole answer.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).expect("the platform listens");
    // A server that refuses early closes before it has read everything, which it may.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&String::from_utf8_lossy(&answer))
}

pub(crate) fn parse(answer: &str) -> Reply {
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
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
