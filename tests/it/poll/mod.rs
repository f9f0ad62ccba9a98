//! `evt poll` against the platform of `evt dev`, and against a table whose rows the test writes.

mod chaos;
mod conditions;
mod content;
mod endings;
mod formats;
mod forward;
mod out;
mod selection;
mod sweeps;

use evt::dev::DevOptions;
use serde_json::{Value, json};

use crate::support::raw::{Reply, exchange};
use crate::support::{LocalPlatform, Output, Sandbox, Table};

/// A home folder with a platform.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    platform: LocalPlatform,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(DevOptions::default())
    }

    fn with(options: DevOptions) -> Self {
        let sandbox = Sandbox::new();
        let platform = LocalPlatform::start_with(&sandbox, options);
        Self { sandbox, platform }
    }

    /// Contacts with these emails, in this order.
    fn with_contacts(emails: &[&str]) -> Self {
        let bench = Self::new();
        for email in emails {
            bench.create("contact", &json!({ "email": email }));
        }
        bench
    }

    /// Creates a record and returns it.
    pub(crate) fn create(&self, datatype: &str, data: &Value) -> Value {
        let body = json!({"datatype": datatype, "isNew": true, "data": data});
        let reply = self.ask("POST", "/repository/create", &body);
        assert_eq!(reply.status, 201, "{reply:?}");
        serde_json::from_str(&reply.body).expect("a record is JSON")
    }

    /// Changes fields of a contact's data.
    pub(crate) fn update(&self, record: &Value, data: &Value) {
        let target = format!("/repository/update-partial/contact/{}", sk(record));
        let reply = self.ask("POST", &target, &json!({ "data": data }));
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    fn delete(&self, record: &Value) {
        let target = format!("/repository/delete/contact/{}", sk(record));
        let reply = self.ask("DELETE", &target, &Value::Null);
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> Reply {
        let running = &self.platform.running;
        send(&running.url, &running.token, method, target, body)
    }

    /// Resets all faults, then sets these.
    fn chaos(&self, switches: &Value) {
        let running = &self.platform.running;
        let (url, token) = (&running.control_url, &running.control_token);
        for (method, body) in [("DELETE", &Value::Null), ("PUT", switches)] {
            let reply = send(url, token, method, "/_evt/chaos", body);
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    }

    /// Polls contacts.
    pub(crate) fn poll(&self, args: &[&str]) -> Output {
        poll(&self.sandbox, args)
    }
}

fn send(url: &str, token: &str, method: &str, target: &str, body: &Value) -> Reply {
    let address = url.trim_start_matches("http://");
    let address = address.parse().expect("an address");
    let authorization = format!("Bearer {token}");
    let headers = [
        ("orgid", "my-org"),
        ("authorization", &authorization),
        ("content-type", "application/json"),
    ];
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let reply = exchange(address, method, target, &headers, body.as_bytes());
    reply.expect("the platform answers")
}

pub(crate) fn poll(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.run(["poll", "contact"].iter().chain(args))
}

fn sk(record: &Value) -> &str {
    record["sk"].as_str().expect("a record has a key")
}

/// The emails of the records on stdout.
fn emails(output: &Output) -> Vec<String> {
    let email = |record: Value| record["data"]["email"].as_str().map(str::to_owned);
    output.json_lines().into_iter().filter_map(email).collect()
}

/// A row of a table, changed at this time on 2026-04-25.
pub(crate) fn row(key: &str, time: &str, rest: &str) -> String {
    format!("{{\"sk\":\"{key}\",\"modifydate\":\"2026-04-25T{time}Z\"{rest}}}")
}

/// A table with these rows, one second apart.
pub(crate) fn table(keys: &[&str]) -> Table {
    let table = Table::start(&[]);
    for (second, key) in keys.iter().enumerate() {
        table.put(&row(key, &format!("10:00:{second:02}.000"), ""));
    }
    table
}

/// The keys of the records on stdout.
pub(crate) fn keys(output: &Output) -> Vec<String> {
    let lines = output.json_lines();
    lines.iter().map(|record| sk(record).to_owned()).collect()
}

/// The notice or object `name` among the JSON lines of stderr.
fn notice(output: &Output, name: &str) -> Value {
    let lines = output
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = lines.filter(|line| line["notice"] == name || line[name].is_object());
    let line = found.next();
    line.unwrap_or_else(|| panic!("no `{name}`: {output}"))
}
