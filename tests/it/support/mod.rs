//! Helpers for the tests: a sandbox for the binary, servers, and programs from npm and PyPI.

pub(crate) mod absent;
pub(crate) mod app;
pub(crate) mod http;
#[cfg(feature = "nats")]
pub(crate) mod nats;
pub(crate) mod node;
pub(crate) mod platform;
pub(crate) mod python;
#[cfg(feature = "amqp")]
pub(crate) mod rabbitmq;
pub(crate) mod raw;
pub(crate) mod recorder;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod rust_source;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod sse_server;
pub(crate) mod table;
#[cfg(target_os = "linux")]
pub(crate) mod terminal;

pub(crate) use absent::Absent;
pub(crate) use app::{Answer, App};
pub(crate) use node::Node;
pub(crate) use platform::LocalPlatform;
pub(crate) use python::Python;
pub(crate) use recorder::Recorder;
pub(crate) use sandbox::{Output, Running, Sandbox};
pub(crate) use sse_server::{SseServer, Step};
pub(crate) use table::Table;

/// Whether other programs could not be installed. Prints the reason, or panics with `EVT_TEST_REQUIRE=all`.
fn is_missing(installed: &Result<(), String>) -> bool {
    let Err(why) = installed else {
        return false;
    };
    let is_required = std::env::var("EVT_TEST_REQUIRE").is_ok_and(|what| what == "all");
    assert!(!is_required, "{why}");
    eprintln!("skipped: {why}");
    true
}

/// The code of six digits in a message.
pub(crate) fn code_in(message: &str) -> String {
    let mut words = message.split(|c: char| !c.is_ascii_digit());
    let code = words.find(|word| word.len() == 6);
    code.expect("a code of six digits").to_owned()
}
