//! What AppEngine's own clients send, as bytes, and the fields that they read from the answers.

mod chat;
mod crm;
mod repository;
mod reservations;
mod signin;
mod storefront;
mod upstream;

use serde_json::Value;

use super::wire::{Platform, Reply, exchange};

/// Sends a request exactly as a client writes it, and returns the response.
///
/// `head` is the request line and the headers, one per line, without `host`, `content-length` and `connection`; these are added. A
/// line may be indented. `body` is sent unchanged.
pub(super) fn client(platform: &Platform, head: &str, body: &str) -> Reply {
    let mut lines = head.trim().lines().map(str::trim);
    let first = lines.next().expect("a request line");
    let mut request = format!(
        "{first} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
        platform.address()
    );
    for line in lines {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    exchange(platform.address(), request.as_bytes())
}

/// Like [`client`], for a request that must succeed. Returns the JSON of the answer.
pub(super) fn read(platform: &Platform, head: &str, body: &str) -> Value {
    let reply = client(platform, head, body);
    assert!((200..300).contains(&reply.status), "{head}: {reply:?}");
    reply.json()
}
