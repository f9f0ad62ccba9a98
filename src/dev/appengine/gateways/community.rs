//! `/community-chat`: groups, direct messages, and who is there.

use serde_json::json;

use super::payload::Payload;
use super::session::is_name;
use super::turn::{Answer, Complaint, Turn, name, required, unknown};
use crate::time::Timestamp;

/// The room of a group.
const GROUP: &str = "group";
const GROUP_NAMES: [&str; 5] = ["group", "groupId", "room", "roomId", "chatId"];

/// Answers one event. The names after the first are those of older clients.
pub(super) fn answer(turn: &Turn<'_>, event: &str, data: &Payload) -> Answer {
    match event {
        "join" | "join-group" | "join-room" => join(turn, group_of(data)?),
        "leave" | "leave-group" | "leave-room" => leave(turn, group_of(data)?),
        "message" => message(turn, data),
        "typing" => typing(turn, data),
        "read" => read(turn, data),
        "presence" => presence(turn, group_of(data)?),
        _ => unknown(event),
    }
}

/// Tells the groups of a client that it has left.
pub(super) fn left(turn: &Turn<'_>) {
    for group in turn.rooms(GROUP) {
        announce(turn, &group, "offline");
    }
}

/// A group: its name alone, or in an object.
fn group_of(data: &Payload) -> Result<&str, Complaint> {
    match data {
        Payload::Text(name) if is_name(name) => Ok(name),
        _ => required(data, &GROUP_NAMES),
    }
}

fn join(turn: &Turn<'_>, group: &str) -> Answer {
    if turn.join(turn.room(GROUP, group))? {
        announce(turn, group, "online");
    }
    presence(turn, group)
}

fn leave(turn: &Turn<'_>, group: &str) -> Answer {
    if turn.leave(turn.room(GROUP, group)) {
        announce(turn, group, "offline");
    }
    Ok(json!({ "group": group }).into())
}

/// Who is in a group.
fn presence(turn: &Turn<'_>, group: &str) -> Answer {
    let members = turn.members(turn.room(GROUP, group));
    Ok(json!({ "group": group, "members": members }).into())
}

fn announce(turn: &Turn<'_>, group: &str, status: &str) {
    let body = json!({ "group": group, "status": status });
    let body = Payload::from(body).with("user", turn.session.person().payload());
    turn.push_to_others(vec![turn.room(GROUP, group)], "presence", &body);
}

/// To a group whose member the sender is, or to one person (`to`): everyone there gets it, the sender too.
fn message(turn: &Turn<'_>, data: &Payload) -> Answer {
    let id = format!("msg-{}", uuid::Uuid::now_v7().simple());
    let said = data.text(&["content", "message", "text"]);
    let files = data.get("files");
    if said.is_none() && files.is_none() {
        let message = "`content` is required, as a string";
        return Err(Complaint::new("missing_field", message));
    }
    let group = name(data, &GROUP_NAMES)?;
    let to = name(data, &["to", "receiverId"])?;
    let rooms = match (group, to) {
        (Some(group), _) => vec![member_of(turn, group)?],
        (None, Some(to)) => vec![
            turn.room("user", to),
            turn.room("user", turn.session.email()),
        ],
        (None, None) => required(data, &GROUP_NAMES).map(|_| Vec::new())?,
    };
    let body = json!({
        "messageId": id, "group": group, "to": to, "content": said, "timestamp": Timestamp::now(),
    });
    let body = Payload::from(body)
        .with("from", turn.session.person().payload())
        .with("files", files.cloned().unwrap_or_default());
    turn.push_to(rooms, "newMessage", &body);
    Ok(json!({ "messageId": id }).into())
}

fn typing(turn: &Turn<'_>, data: &Payload) -> Answer {
    let group = required(data, &GROUP_NAMES)?;
    let room = member_of(turn, group)?;
    let is_typing = data.get("isTyping") != Some(&Payload::Bool(false));
    let body = json!({ "group": group, "isTyping": is_typing });
    let body = Payload::from(body).with("user", turn.session.person().payload());
    turn.push_to_others(vec![room], "typing", &body);
    Ok(Payload::Null)
}

fn read(turn: &Turn<'_>, data: &Payload) -> Answer {
    let group = required(data, &GROUP_NAMES)?;
    let room = member_of(turn, group)?;
    let message = required(data, &["messageId", "uid"])?;
    let body = json!({ "group": group, "messageId": message });
    let body = Payload::from(body).with("user", turn.session.person().payload());
    turn.push_to_others(vec![room], "read", &body);
    Ok(Payload::Null)
}

/// The room of a group that the client is in.
fn member_of(turn: &Turn<'_>, group: &str) -> Result<String, Complaint> {
    let room = turn.room(GROUP, group);
    if turn.is_in(&room) {
        return Ok(room);
    }
    Err(Complaint::new("not_a_member", "`join` the group first"))
}
