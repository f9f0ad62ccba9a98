//! Reports their positions to the customers who wait in the queue: at every change of the queue, and periodically.

use std::sync::Arc;

use serde_json::json;

use super::super::State;
use super::chat::CHAT;
use super::client;
use super::payload::Payload;

/// `{chatId, position, ahead, message}`: the place of a chat in the queue. `position` counts from 1.
pub(super) fn place(chat: &str, position: usize) -> Payload {
    let ahead = position.saturating_sub(1);
    let message = match ahead {
        0 => "You are next.".to_owned(),
        1 => "1 customer is ahead of you.".to_owned(),
        _ => format!("{ahead} customers are ahead of you."),
    };
    json!({ "chatId": chat, "position": position, "ahead": ahead, "message": message }).into()
}

/// Sends the positions now, and starts the periodic reports if they are not running.
pub(super) fn report(state: &Arc<State>) {
    send(state);
    let must_start = {
        let mut chats = state.gateways.chats();
        let is_needed = !chats.is_reporting && !chats.positions().is_empty();
        chats.is_reporting |= is_needed;
        is_needed
    };
    if must_start {
        tokio::spawn(repeat(Arc::clone(state)));
    }
}

/// Sends the positions periodically until the queue is empty.
async fn repeat(state: Arc<State>) {
    let stop = state.host.shutdown.clone();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(state.settings.queue_update()) => {}
        }
        {
            let mut chats = state.gateways.chats();
            if chats.positions().is_empty() {
                chats.is_reporting = false;
                return;
            }
        }
        send(&state);
    }
}

/// Sends `queue-update` to the members of each waiting chat.
fn send(state: &State) {
    let Some(hub) = state.gateways.running() else {
        return;
    };
    let positions = state.gateways.chats().positions();
    for (org, chat, position) in positions {
        let Some(all) = hub.io.of("/chat") else {
            return;
        };
        let room = client::room(&org, CHAT, &chat);
        let clients = all.within(room).sockets();
        client::send(clients, "queue-update", &place(&chat, position));
    }
}
