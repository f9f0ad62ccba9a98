//! `evt dev --smtp` with a real SMTP server: aiosmtpd (PyPI).

use std::process::Stdio;

use evt::dev::DevOptions;
use serde_json::{Value, json};

use crate::support::{LocalPlatform, Python, Running, Sandbox};

/// Prints its port, and each mail as a line of JSON. Refuses some recipients for good, and some the first time.
const SERVER: &str = r#"
import asyncio, json
from aiosmtpd.smtp import SMTP

class Handler:
    later = True

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 no such mailbox"
        if address.startswith("later") and Handler.later:
            Handler.later = False
            return "451 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "text": envelope.content.decode()}
        print(json.dumps(mail), flush=True)
        return "250 OK"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler()), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

struct Bench {
    sandbox: Sandbox,
    server: Running,
    _platform: LocalPlatform,
}

impl Bench {
    /// A platform with an SMTP server, and a flow that writes a mail to each new contact. `None` without Python.
    fn start() -> Option<Self> {
        let python = Python::install()?;
        let sandbox = Sandbox::new();
        let script = sandbox.write("server.py", SERVER);
        let mut command = python.command("python");
        command.arg(script).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = Running::start(&mut command);
        let port: Value = serde_json::from_str(&server.wait_for_stdout("port")).unwrap();
        let smtp = format!("127.0.0.1:{}", port["port"]).parse().unwrap();
        let options = DevOptions {
            smtp: Some(smtp),
            ..DevOptions::default()
        };
        let platform = LocalPlatform::start_with(&sandbox, options);
        let flow = json!({"name": "mail", "trigger": {"type": "contact.created"}, "actions": [
            {"type": "send_email", "config": {"bcc": "audit@example.com", "subject": "Hi {{contact.name}}", "body": "Hello, {{contact.name}}\n.\nBye"}}
        ]});
        let file = sandbox
            .write("flow.json", flow.to_string())
            .display()
            .to_string();
        let applied = sandbox.run(["flows", "apply", "-f", &file, "--yes"]);
        let _ = applied.expect_exit(0);
        Some(Self {
            sandbox,
            server,
            _platform: platform,
        })
    }

    fn contact(&self, email: &str, name: &str) {
        let fields = [format!("email={email}"), format!("name={name}")];
        let args = ["records", "create", "contact", &fields[0], &fields[1]];
        let _ = self.sandbox.run(args).expect_exit(0);
    }

    /// The next mail whose text or recipients contain `text`.
    fn mail(&mut self, text: &str) -> Value {
        serde_json::from_str(&self.server.wait_for_stdout(text)).unwrap()
    }

    /// The message to an address in the outbox.
    fn message(&self, to: &str) -> Value {
        let listed = ["dev", "outbox", "list", "-o", "json", "--to", to];
        self.sandbox
            .run(listed)
            .expect_exit(0)
            .json_lines()
            .remove(0)
    }
}

#[test]
fn a_mail_arrives_whole_and_its_blind_copy_is_not_in_its_headers() {
    let Some(mut bench) = Bench::start() else {
        return;
    };
    bench.contact("ada@example.com", "Ada Ü");
    let mail = bench.mail("ada@");
    assert_eq!(mail["to"], json!(["ada@example.com", "audit@example.com"]));
    let text = mail["text"].as_str().unwrap();
    let (headers, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(headers.contains("Message-ID: <1."), "{headers}");
    assert!(!headers.contains("audit@"), "{headers}");
}

#[test]
fn a_hostile_name_adds_neither_a_header_nor_a_recipient() {
    let Some(mut bench) = Bench::start() else {
        return;
    };
    bench.contact(
        "eve@example.com",
        "Eve\r\nX-Evil: 1\r\nBcc: all@example.com",
    );
    bench.contact("ada@example.com", "Ada");
    // Mails are delivered in order, so a mail to Eve would have been the first one.
    let mail = bench.mail("audit@");
    assert_eq!(mail["to"], json!(["ada@example.com", "audit@example.com"]));
    assert!(!mail["text"].as_str().unwrap().contains("X-Evil"));
}

#[test]
fn a_refused_mail_is_given_up_and_a_deferred_one_is_tried_again() {
    let Some(mut bench) = Bench::start() else {
        return;
    };
    bench.contact("refused@example.com", "Bob");
    bench.contact("later@example.com", "Ada");
    let _ = bench.mail("later@");
    let refused = bench.message("refused@");
    assert_eq!(refused["smtp"], "failed");
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("no such mailbox"),
        "{refused}"
    );
}
