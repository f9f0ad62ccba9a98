//! `/community-chat`: groups, direct messages, and presence.

use serde_json::json;

use super::client::{Answer, Client, EventError, name, required, unknown};
use super::payload::Payload;
use super::session::is_name;
use crate::time::Timestamp;

/// The room of a group.
const GROUP: &str = "group";
const GROUP_NAMES: [&str; 5] = ["group", "groupId", "room", "roomId", "chatId"];

/// Handles an event. Alternative names are those of older clients.
pub(super) fn answer(client: &Client<'_>, event: &str, data: &Payload) -> Answer {
    match event {
        "join" | "join-group" | "join-room" => join(client, group_of(data)?),
        "leave" | "leave-group" | "leave-room" => leave(client, group_of(data)?),
        "message" => message(client, data),
        "typing" => typing(client, data),
        "read" => read(client, data),
        "presence" => presence(client, group_of(data)?),
        _ => unknown(event),
    }
}

/// Announces in the client's groups that it has left.
pub(super) fn left(client: &Client<'_>) {
    for group in client.rooms(GROUP) {
        announce(client, &group, "offline");
    }
}

/// Reads a group: its name, or an object with the name.
fn group_of(data: &Payload) -> Result<&str, EventError> {
    match data {
        Payload::Text(name) if is_name(name) => Ok(name),
        _ => required(data, &GROUP_NAMES),
    }
}

fn join(client: &Client<'_>, group: &str) -> Answer {
    if client.join(client.room(GROUP, group))? {
        announce(client, group, "online");
    }
    presence(client, group)
}

fn leave(client: &Client<'_>, group: &str) -> Answer {
    if client.leave(client.room(GROUP, group)) {
        announce(client, group, "offline");
    }
    Ok(json!({ "group": group }).into())
}

/// Returns the members of a group.
fn presence(client: &Client<'_>, group: &str) -> Answer {
    let members = client.members(client.room(GROUP, group));
    Ok(json!({ "group": group, "members": members }).into())
}

fn announce(client: &Client<'_>, group: &str, status: &str) {
    let body = json!({ "group": group, "status": status });
    let body = Payload::from(body).with("user", client.session.person().payload());
    client.push_to_others(vec![client.room(GROUP, group)], "presence", &body);
}

/// Sends a message to a group of the sender or to one user (`to`). The sender receives it as well.
fn message(client: &Client<'_>, data: &Payload) -> Answer {
    let id = format!("msg-{}", uuid::Uuid::now_v7().simple());
    let said = data.text(&["content", "message", "text"]);
    let files = data.get("files");
    if said.is_none() && files.is_none() {
        let message = "`content` is required, as a string";
        return Err(EventError::new("missing_field", message));
    }
    let group = name(data, &GROUP_NAMES)?;
    let to = name(data, &["to", "receiverId"])?;
    let rooms = match (group, to) {
        (Some(group), _) => vec![member_of(client, group)?],
        (None, Some(to)) => vec![
            client.room("user", to),
            client.room("user", client.session.email()),
        ],
        (None, None) => required(data, &GROUP_NAMES).map(|_| Vec::new())?,
    };
    let body = json!({
        "messageId": id, "group": group, "to": to, "content": said, "timestamp": Timestamp::now(),
    });
    let body = Payload::from(body)
        .with("from", client.session.person().payload())
        .with("files", files.cloned().unwrap_or_default());
    client.push_to(rooms, "newMessage", &body);
    Ok(json!({ "messageId": id }).into())
}

fn typing(client: &Client<'_>, data: &Payload) -> Answer {
    let group = required(data, &GROUP_NAMES)?;
    let room = member_of(client, group)?;
    let is_typing = data.get("isTyping") != Some(&Payload::Bool(false));
    let body = json!({ "group": group, "isTyping": is_typing });
    let body = Payload::from(body).with("user", client.session.person().payload());
    client.push_to_others(vec![room], "typing", &body);
    Ok(Payload::Null)
}

fn read(client: &Client<'_>, data: &Payload) -> Answer {
    let group = required(data, &GROUP_NAMES)?;
    let room = member_of(client, group)?;
    let message = required(data, &["messageId", "uid"])?;
    let body = json!({ "group": group, "messageId": message });
    let body = Payload::from(body).with("user", client.session.person().payload());
    client.push_to_others(vec![room], "read", &body);
    Ok(Payload::Null)
}

/// The room of a group, if the client is a member.
fn member_of(client: &Client<'_>, group: &str) -> Result<String, EventError> {
    let room = client.room(GROUP, group);
    if client.is_in(&room) {
        return Ok(room);
    }
    Err(EventError::new("not_a_member", "`join` the group first"))
}
