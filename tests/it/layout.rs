//! What people see on terminals of 80 and 120 columns: no line is wider, and no id, date or URL is broken.

use crate::support::terminal::on_terminal;
use crate::support::{LocalPlatform, Sandbox};

const WIDTHS: [u16; 2] = [80, 120];
const FLOW: &str = "notify-the-crm-about-every-new-contact";
const URL: &str =
    "http://127.0.0.1:9/services/T0001/B0002/abcdefghijklmnopqrstuvwxyz0123456789abcdef";

/// Fails if a line that could be broken at a space is wider than the terminal, or if `text` lacks one of `whole`.
fn check(command: &[&str], text: &str, width: u16, whole: &[&str]) {
    for line in text.lines() {
        let words = line.split_whitespace().count();
        assert!(
            line.chars().count() <= usize::from(width) || words <= 2,
            "{command:?} at {width}: {line:?}\n{text}"
        );
    }
    for part in whole {
        assert!(
            text.contains(part),
            "{command:?} at {width} breaks {part}\n{text}"
        );
    }
}

fn shown(sandbox: &Sandbox, command: &[&str], whole: &[&str]) {
    for width in WIDTHS {
        let text = on_terminal(sandbox.command(command), width);
        check(command, &text, width, whole);
    }
}

#[test]
fn tables_of_the_platform_fit() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let create = [
        "flows",
        "create",
        "--on",
        "contact.created",
        "--webhook",
        URL,
        "--name",
        FLOW,
    ];
    let _ = sandbox.run(create).expect_exit(0);
    let record = [
        "records",
        "create",
        "contact",
        "email=ada.lovelace.of.the.analytical.engine@example.com",
        "note=a sentence that is long enough to be broken into several lines on a narrow terminal",
    ];
    let _ = sandbox.run(record).expect_exit(0);
    let out = sandbox.work().join("contacts.ndjson");
    let poll = ["poll", "contact", "--out", out.to_str().unwrap()];
    let _ = sandbox.run(poll).expect_exit(0);
    for (command, whole) in [
        (&["flows", "list"][..], &[FLOW][..]),
        (&["flows", "runs", FLOW], &[FLOW]),
        (&["records", "list", "contact"], &[]),
        (&["poll", "state", "list"], &["local.contact"]),
        (&["poll", "state", "show", "contact"], &["contacts.ndjson"]),
        (&["dev", "status"], &["http://127.0.0.1:"]),
        (&["dev", "routes"], &["/automation/flows/create"]),
        (&["dev", "vendors"], &["/storefront/stripe/webhook"]),
        (&["dev", "set"], &[]),
    ] {
        shown(&sandbox, command, whole);
    }
}

#[test]
fn tables_of_the_inbox_fit() {
    let sandbox = Sandbox::new();
    let send = [
        "send",
        "stripe/payment_intent.succeeded",
        "--to",
        URL,
        "--sign",
        "none",
    ];
    let _ = sandbox.run(send).expect_exit(5);
    for (command, whole) in [
        (&["events", "list"][..], &["e_0001"][..]),
        (&["events", "show", "@last"], &["e_0001"]),
        (&["queue", "list"], &[]),
    ] {
        shown(&sandbox, command, whole);
    }
}

#[test]
fn tables_without_data_fit() {
    let sandbox = Sandbox::new();
    let url = "https://appengine.with-a-long-name.example.com/and/a/path/that/is/long/as/well";
    let add = [
        "profile",
        "add",
        "production",
        "--url",
        url,
        "--org",
        "my-org",
    ];
    let _ = sandbox.run(add).expect_exit(0);
    for (command, whole) in [
        (&["profile", "list"][..], &[url][..]),
        (&["config", "show", "--all"], &["poll.page-size"]),
        (&["config", "path"], &["config.toml"]),
        (&["send", "--list"], &["stripe/payment_intent.succeeded"]),
        (&["man"], &["exit-codes"]),
        (&["doctor"], &[]),
    ] {
        shown(&sandbox, command, whole);
    }
}
