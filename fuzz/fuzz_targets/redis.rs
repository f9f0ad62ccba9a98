//! Gives arbitrary bytes to the codecs of Redis: values of the protocol, and frames of room emitters.

#![no_main]

use evt::wire::emitter::{Room, read_frame, read_message};
use evt::wire::resp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(Some((_, length))) = resp::decode(data, 1 << 16) {
        assert!(length <= data.len());
    }
    let _ = resp::open(data);
    let room = Room {
        key: "socket.io".to_owned(),
        namespace: "/".to_owned(),
        name: "r".to_owned(),
    };
    let mut out = Vec::new();
    read_frame(data, &room, &mut out);
    assert!(out.is_empty() || evt::json::is_json(&out));
    out.clear();
    read_message(data, "r", &mut out);
    assert!(out.is_empty() || evt::json::is_json(&out));
});
