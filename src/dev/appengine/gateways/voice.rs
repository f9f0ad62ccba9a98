//! `/voice`: sends audio back unchanged, with a transcript that counts it.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::client::{Answer, Client, EventError, name, unknown};
use super::payload::Payload;

/// A transcript follows this many pieces of audio, which is a second at 20 ms each.
const PIECES: u64 = 50;

/// A client's audio session, from `start` to `stop`.
#[derive(Debug)]
struct VoiceSession {
    id: String,
    pieces: u64,
    bytes: usize,
}

impl VoiceSession {
    fn transcript(&self, is_final: bool) -> Payload {
        let text = format!("{} pieces of audio, {} bytes", self.pieces, self.bytes);
        json!({ "sessionId": self.id, "text": text, "final": is_final }).into()
    }
}

type SharedSession = Arc<Mutex<Option<VoiceSession>>>;

/// Handles an event.
pub(super) fn answer(client: &Client<'_>, event: &str, data: &Payload) -> Answer {
    match event {
        "start" => start(client, data),
        "media" => media(client, data),
        "stop" => stop(client),
        _ => unknown(event),
    }
}

fn start(client: &Client<'_>, data: &Payload) -> Answer {
    let id = match name(data, &["sessionId", "callId"])? {
        Some(id) => id.to_owned(),
        None => format!("voice-{}", uuid::Uuid::now_v7().simple()),
    };
    let reply = json!({ "sessionId": id }).into();
    let session = VoiceSession {
        id,
        pieces: 0,
        bytes: 0,
    };
    let shared: SharedSession = Arc::new(Mutex::new(Some(session)));
    client.socket().extensions.insert(shared);
    Ok(reply)
}

/// Handles a piece of audio: `{payload}` with bytes or base64, or the bytes themselves.
fn media(client: &Client<'_>, data: &Payload) -> Answer {
    let audio = match data {
        Payload::Bytes(_) => data,
        _ => data
            .get("payload")
            .or_else(|| data.get("chunk"))
            .unwrap_or(&Payload::Null),
    };
    let length = match audio {
        Payload::Bytes(bytes) => bytes.len(),
        Payload::Text(text) => text.len() / 4 * 3,
        _ => {
            let message = "`payload` is required, as bytes or as base64";
            return Err(EventError::new("missing_field", message));
        }
    };
    with_session(client, |session| {
        let session = session.as_mut()?;
        session.pieces += 1;
        session.bytes += length;
        let back = json!({ "sessionId": session.id, "sequence": session.pieces });
        client.push("media", &Payload::from(back).with("payload", audio.clone()));
        if session.pieces % PIECES == 0 {
            client.push("transcript", &session.transcript(false));
        }
        Some(json!({ "sequence": session.pieces }).into())
    })
}

fn stop(client: &Client<'_>) -> Answer {
    with_session(client, |session| {
        let session = session.take()?;
        client.push("transcript", &session.transcript(true));
        Some(json!({ "sessionId": session.id, "pieces": session.pieces }).into())
    })
}

fn with_session(
    client: &Client<'_>,
    act: impl FnOnce(&mut Option<VoiceSession>) -> Option<Payload>,
) -> Answer {
    let shared = client.socket().extensions.get::<SharedSession>();
    let done =
        shared.and_then(|session| act(&mut session.lock().unwrap_or_else(PoisonError::into_inner)));
    done.ok_or_else(|| EventError::new("not_started", "`start` must be sent first"))
}
