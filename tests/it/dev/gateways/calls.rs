//! The raw stream of phone calls, with the npm package ws as the caller.

use serde_json::{Value, json};

use super::{Platform, send};
use crate::support::node::Node;

const PATH: &str = "/simple-voice/stream/my-org/agent-1";
/// 160 bytes of silence: a piece of 20 ms.
const SILENCE: &str =
    "//////////////////////////////////////////////////////////////////////////8=";

struct Caller(Node);

impl Caller {
    /// Returns `None`, after a message, if node is not available.
    fn dial(platform: &Platform) -> Option<Self> {
        let url = format!("ws://{}{PATH}", platform.address());
        let mut caller = Self(Node::start("gateway_call.mjs", &[&url])?);
        assert_eq!(caller.next()["on"], "open");
        Some(caller)
    }

    /// A caller that has sent `connected` and `start`.
    fn begin(platform: &Platform) -> Option<Self> {
        let mut caller = Self::dial(platform)?;
        caller.say(&json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" }));
        caller.say(&json!({
            "event": "start", "sequenceNumber": "1", "streamSid": "MZ1",
            "start": {
                "streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound"],
                "customParameters": { "from": "+15550100", "to": "+15550101" },
                "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
            },
        }));
        Some(caller)
    }

    fn say(&mut self, frame: &Value) {
        self.0
            .say(&json!({ "text": frame.to_string() }).to_string());
    }

    fn next(&mut self) -> Value {
        let line = self.0.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("it ended: {line:?}"))
    }

    fn frame(&mut self) -> Value {
        let message = self.next();
        assert_eq!(message["on"], "message", "{message}");
        serde_json::from_str(message["text"].as_str().unwrap()).unwrap()
    }

    /// The code of the close frame, after skipping other messages.
    fn closed(&mut self) -> Value {
        loop {
            let message = self.next();
            if message["on"] == "close" {
                return message["code"].clone();
            }
        }
    }
}

fn media(payload: &str) -> Value {
    json!({
        "event": "media", "sequenceNumber": "2", "streamSid": "MZ1",
        "media": { "track": "inbound", "chunk": "1", "timestamp": "5", "payload": payload },
    })
}

#[test]
fn audio_comes_back_on_the_same_stream() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    caller.say(&media(SILENCE));
    let back = json!({ "event": "media", "streamSid": "MZ1", "media": { "payload": SILENCE } });
    assert_eq!(caller.frame(), back);
}

#[test]
fn a_mark_follows_each_second_of_audio() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    for _ in 0..50 {
        caller.say(&media(SILENCE));
    }
    for _ in 0..50 {
        assert_eq!(caller.frame()["event"], "media");
    }
    let mark = json!({ "event": "mark", "streamSid": "MZ1", "mark": { "name": "second-1" } });
    assert_eq!(caller.frame(), mark);
}

#[test]
fn a_pressed_key_clears_the_audio() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    caller.say(&json!({ "event": "dtmf", "streamSid": "MZ1", "dtmf": { "digit": "1" } }));
    assert_eq!(
        caller.frame(),
        json!({ "event": "clear", "streamSid": "MZ1" })
    );
}

#[test]
fn a_call_is_an_event_when_it_begins_and_when_it_ends() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    caller.say(&json!({ "event": "stop", "streamSid": "MZ1", "stop": { "callSid": "CA1" } }));
    assert_eq!(caller.closed(), 1000);
    while platform.events().len() < 2 {
        std::thread::yield_now();
    }
    assert_eq!(platform.events(), ["call.incoming", "call.status"]);
}

#[test]
fn bytes_in_place_of_text_close_with_1003() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    caller.0.say(&json!({ "binary": SILENCE }).to_string());
    assert_eq!(caller.closed(), 1003);
}

#[test]
fn invalid_frames_close_with_1007() {
    let platform = Platform::start();
    for text in [
        "nonsense",
        "[]",
        "{}",
        "{\"event\":\"media\"}",
        "{\"event\":\"media\",\"media\":{\"payload\":\"not base64\"}}",
        "{\"event\":\"start\"}",
    ] {
        let Some(mut caller) = Caller::begin(&platform) else {
            return;
        };
        caller.0.say(&json!({ "text": text }).to_string());
        assert_eq!(caller.closed(), 1007, "{text}");
    }
}

#[test]
fn audio_before_the_start_closes_with_1007() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::dial(&platform) else {
        return;
    };
    caller.say(&media(SILENCE));
    assert_eq!(caller.closed(), 1007);
}

#[test]
fn a_frame_above_the_limit_closes_with_1009() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    caller.say(&media(&"A".repeat(600 * 1024)));
    assert_eq!(caller.closed(), 1009);
}

#[test]
fn a_stop_of_the_platform_closes_with_1001() {
    let platform = Platform::start();
    let Some(mut caller) = Caller::begin(&platform) else {
        return;
    };
    caller.say(&media(SILENCE));
    caller.frame();
    drop(platform);
    assert_eq!(caller.closed(), 1001);
}

#[test]
fn a_request_without_a_handshake_gets_the_reason() {
    let platform = Platform::start();
    let plain = send(platform.address(), "GET", PATH, "", "");
    assert_eq!(plain.refusal(), (400, "bad_handshake".into()));
    let old = "upgrade: websocket\r\nsec-websocket-version: 8\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let head = format!("connection: upgrade\r\n{old}");
    let answer = super::super::wire::exchange(
        platform.address(),
        format!(
            "GET {PATH} HTTP/1.1\r\nhost: {}\r\n{head}\r\n",
            platform.address()
        )
        .as_bytes(),
    );
    assert_eq!(answer.status, 426);
    assert_eq!(answer.header("sec-websocket-version"), Some("13"));
}
