//! What an address asks for: channels, patterns, a room, or streams.

use crate::broker::BrokerError;
use crate::broker::redis;
use crate::grammar::broker::BrokerUrl;
use crate::wire::emitter::{self, Room};
use crate::wire::resp::Command;

const HINT: &str = "evt tail 'redis://HOST/0?channel=A,B'     or ?pattern=a.*, ?room=R, ?stream=S";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subscription {
    PubSub {
        channels: Vec<String>,
        patterns: Vec<String>,
    },
    Room(Room),
    Streams(Vec<String>),
}

impl Subscription {
    pub(super) fn of(url: &BrokerUrl) -> Result<Self, BrokerError> {
        redis::check(url, &["channel", "pattern", "room", "key", "nsp", "stream"])?;
        let names = |parameter: &str| -> Vec<String> {
            let list = url.parameter(parameter).unwrap_or_default().split(',');
            list.filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let (channels, patterns, streams) = (names("channel"), names("pattern"), names("stream"));
        let is_pubsub = !channels.is_empty() || !patterns.is_empty();
        let room = room(url);
        let kinds = [is_pubsub, room.is_some(), !streams.is_empty()];
        let wrong = |message: &str| BrokerError::BadRequest {
            message: message.to_owned(),
            hint: HINT.to_owned(),
        };
        match kinds.iter().filter(|is_given| **is_given).count() {
            0 => {
                return Err(wrong(
                    "the address names no channel, pattern, room or stream",
                ));
            }
            1 => {}
            _ => return Err(wrong("an address is for channels, a room, or streams")),
        }
        if room.is_none() && (url.parameter("key").or(url.parameter("nsp"))).is_some() {
            return Err(wrong("`key` and `nsp` belong to a room"));
        }
        Ok(match room {
            Some(room) => Self::Room(room),
            None if is_pubsub => Self::PubSub { channels, patterns },
            None => Self::Streams(streams),
        })
    }

    /// The names of the streams; empty for pub/sub.
    pub(super) fn streams(&self) -> &[String] {
        match self {
            Self::Streams(streams) => streams,
            Self::PubSub { .. } | Self::Room(_) => &[],
        }
    }

    pub(super) fn room(&self) -> Option<&Room> {
        match self {
            Self::Room(room) => Some(room),
            Self::PubSub { .. } | Self::Streams(_) => None,
        }
    }

    /// The commands that subscribe, and how many confirmations they have together.
    pub(super) fn commands(&self) -> (Vec<Command>, usize) {
        let (channels, patterns) = match self {
            Self::PubSub { channels, patterns } => (channels.clone(), patterns.clone()),
            Self::Room(room) => (
                vec![
                    room.channel(),
                    room.shared_channel(),
                    room.platform_channel(),
                    emitter::BROADCASTS.to_owned(),
                ],
                Vec::new(),
            ),
            Self::Streams(_) => (Vec::new(), Vec::new()),
        };
        let count = channels.len() + patterns.len();
        let lists = [("SUBSCRIBE", channels), ("PSUBSCRIBE", patterns)];
        let commands = lists
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(word, names)| Command::new(word).args(names));
        (commands.collect(), count)
    }

    /// In a few words, for the notice.
    pub(super) fn described(&self) -> String {
        let list = |one: &str, many: &str, names: &[String]| match names {
            [] => None,
            [name] => Some(format!("{one} {name}")),
            names => Some(format!("{many} {}", names.join(", "))),
        };
        match self {
            Self::PubSub { channels, patterns } => {
                let parts = [
                    list("channel", "channels", channels),
                    list("pattern", "patterns", patterns),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
            Self::Room(room) => format!("room {}", room.name),
            Self::Streams(names) => list("stream", "streams", names).unwrap_or_default(),
        }
    }
}

/// The room of an address.
fn room(url: &BrokerUrl) -> Option<Room> {
    Some(Room {
        name: url.parameter("room")?.to_owned(),
        key: url.parameter("key").unwrap_or("socket.io").to_owned(),
        namespace: url.parameter("nsp").unwrap_or("/").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Option<(String, usize)> {
        let url = BrokerUrl::parse(&format!("redis://h/0?{query}")).unwrap();
        let subscription = Subscription::of(&url).ok()?;
        Some((subscription.described(), subscription.commands().1))
    }

    #[test]
    fn an_address_names_channels_a_room_or_streams() {
        for (query, described, count) in [
            ("channel=a", "channel a", 1),
            ("channel=a,b&pattern=c.*", "channels a, b, pattern c.*", 3),
            ("room=a/b", "room a/b", 4),
            ("room=a&key=k&nsp=/chat", "room a", 4),
            ("stream=s,t", "streams s, t", 0),
        ] {
            assert_eq!(of(query), Some((described.to_owned(), count)), "{query}");
        }
    }

    #[test]
    fn contradictory_addresses_are_refused() {
        for query in [
            "",
            "channel=,",
            "channel=a&stream=s",
            "room=r&pattern=p",
            "channel=a&key=k",
        ] {
            assert_eq!(of(query), None, "{query}");
        }
    }
}
