//! The machine: ports, clock.

use std::net::{Ipv4Addr, TcpListener};

use super::super::Context;
use super::super::context::LISTEN_PORT;
use super::Finding;
use crate::dev::{CONTROL_PORT, PORT};
use crate::occupant;
use crate::running::Running;
use crate::time::Timestamp;

/// The default ports: command, flag, port, purpose.
const PORTS: [(&str, &str, u16, &str); 3] = [
    ("dev", "port", PORT, "evt dev"),
    ("listen", "port", LISTEN_PORT, "evt listen"),
    ("dev", "console-port", CONTROL_PORT, "control of evt dev"),
];
/// 2026-01-01: evt did not exist before, so an earlier time is wrong.
const EARLIEST: Timestamp = Timestamp::from_secs(1_767_225_600);
/// 2100-01-01: a later time is wrong, too.
const LATEST: Timestamp = Timestamp::from_secs(4_102_444_800);

pub(super) fn check(cx: &Context) -> Vec<Finding> {
    let running = Running::find(&cx.paths.state_dir).ok().flatten();
    let mut findings: Vec<Finding> = PORTS
        .iter()
        .map(|(command, flag, default, what)| {
            let number = cx.port(command, flag, *default);
            port(number, format!("port {number} ({what})"), running.as_ref())
        })
        .collect();
    findings.push(clock(Timestamp::now()));
    findings
}

fn port(number: u16, what: String, running: Option<&Running>) -> Finding {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
        return Finding::ok(what, "free");
    }
    let ours = running.is_some_and(|running| {
        let end = format!(":{number}");
        running.url.ends_with(&end) || running.control_url.ends_with(&end)
    });
    if ours {
        return Finding::ok(what, "used by the running evt dev");
    }
    match occupant::of_port(number) {
        // Another evt: a listener, or a platform with another EVT_HOME.
        Some(occupant) if occupant.name == "evt" => {
            Finding::ok(what, format!("used by {occupant}"))
        }
        Some(occupant) => Finding::warn(
            what,
            format!("used by {occupant}"),
            "`evt dev --port 0` and `evt listen --port 0` choose a free one",
        ),
        None => Finding::warn(
            what,
            "used by another program",
            "`evt dev --port 0` and `evt listen --port 0` choose a free one",
        ),
    }
}

fn clock(now: Timestamp) -> Finding {
    if now < EARLIEST || now > LATEST {
        let found =
            format!("the clock shows {now}: signatures with a timestamp cannot be verified");
        return Finding::fail("clock", found, "set the clock");
    }
    Finding::ok("clock", now.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn an_unset_clock_fails() {
        assert_eq!(clock(Timestamp::from_secs(0)).state, State::Fail);
        assert_eq!(clock(Timestamp::from_secs(1_780_000_000)).state, State::Ok);
    }

    #[test]
    fn a_port_in_use_is_a_warning() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = listener.local_addr().unwrap().port();
        assert_eq!(port(number, "port".to_owned(), None).state, State::Warn);
    }
}
