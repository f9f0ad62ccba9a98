//! `/voice`: audio comes back as it went in, and a transcript says how much it was.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::payload::Payload;
use super::turn::{Answer, Complaint, Turn, name, unknown};

/// Pieces of audio after which a transcript goes on: a second of them, at 20 ms each.
const PIECES: u64 = 50;

/// The conversation of a client that has sent `start`.
#[derive(Debug)]
struct Talk {
    id: String,
    pieces: u64,
    bytes: usize,
}

impl Talk {
    fn transcript(&self, is_final: bool) -> Payload {
        let text = format!("{} pieces of audio, {} bytes", self.pieces, self.bytes);
        json!({ "sessionId": self.id, "text": text, "final": is_final }).into()
    }
}

type Talking = Arc<Mutex<Option<Talk>>>;

/// Answers one event.
pub(super) fn answer(turn: &Turn<'_>, event: &str, data: &Payload) -> Answer {
    match event {
        "start" => start(turn, data),
        "media" => media(turn, data),
        "stop" => stop(turn),
        _ => unknown(event),
    }
}

fn start(turn: &Turn<'_>, data: &Payload) -> Answer {
    let id = match name(data, &["sessionId", "callId"])? {
        Some(id) => id.to_owned(),
        None => format!("voice-{}", uuid::Uuid::now_v7().simple()),
    };
    let reply = json!({ "sessionId": id }).into();
    let talk = Talk {
        id,
        pieces: 0,
        bytes: 0,
    };
    let talking: Talking = Arc::new(Mutex::new(Some(talk)));
    turn.client().extensions.insert(talking);
    Ok(reply)
}

/// `{payload}`, as bytes or base64, or the bytes alone.
fn media(turn: &Turn<'_>, data: &Payload) -> Answer {
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
            return Err(Complaint::new("missing_field", message));
        }
    };
    with_talk(turn, |talk| {
        let talk = talk.as_mut()?;
        talk.pieces += 1;
        talk.bytes += length;
        let back = json!({ "sessionId": talk.id, "sequence": talk.pieces });
        turn.push("media", &Payload::from(back).with("payload", audio.clone()));
        if talk.pieces % PIECES == 0 {
            turn.push("transcript", &talk.transcript(false));
        }
        Some(json!({ "sequence": talk.pieces }).into())
    })
}

fn stop(turn: &Turn<'_>) -> Answer {
    with_talk(turn, |talk| {
        let talk = talk.take()?;
        turn.push("transcript", &talk.transcript(true));
        Some(json!({ "sessionId": talk.id, "pieces": talk.pieces }).into())
    })
}

fn with_talk(turn: &Turn<'_>, act: impl FnOnce(&mut Option<Talk>) -> Option<Payload>) -> Answer {
    let talking = turn.client().extensions.get::<Talking>();
    let done =
        talking.and_then(|talk| act(&mut talk.lock().unwrap_or_else(PoisonError::into_inner)));
    done.ok_or_else(|| Complaint::new("not_started", "`start` comes first"))
}
