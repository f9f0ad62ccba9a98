//! One namespace over all connections: its session on the server, and how far it was read.

use std::collections::{BTreeMap, VecDeque};

use crate::wire::socketio::packet::{Kind, Packet};

/// Offsets that are remembered to know an event that comes again.
const REMEMBERED: usize = 1024;

/// A namespace that is followed.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) state: State,
    /// The session that the server keeps for those who come back.
    pid: Option<String>,
    /// Offsets of the events that were handed on last, the newest at the back.
    seen: VecDeque<String>,
    /// After a recovery: events may come again, until one is new.
    is_comparing: bool,
    repeated: u64,
    /// What an answer to a CONNECT said was lost, until a person is told: the connection may break off before that.
    loss: Option<Loss>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A CONNECT is on its way.
    Asked,
    Joined,
    Left,
}

/// The server began a new session: nobody knows what came between it and the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// The last offset of the session before.
    pub(super) from: Option<String>,
    pub(super) why: &'static str,
}

impl Namespace {
    /// With its leading slash, which may be left out.
    pub(super) fn new(name: &str) -> Self {
        let slash = if name.starts_with('/') { "" } else { "/" };
        Self {
            name: format!("{slash}{name}"),
            state: State::Asked,
            pid: None,
            seen: VecDeque::new(),
            is_comparing: false,
            repeated: 0,
            loss: None,
        }
    }

    /// Appends the packet that joins it: `auth` is a JSON object, and goes with the session where there is one.
    pub(super) fn connect(&mut self, auth: Option<&str>, out: &mut String) {
        self.state = State::Asked;
        self.is_comparing = self.position().is_some();
        let own = match self.position() {
            Some((pid, offset)) => {
                format!("\"pid\":{},\"offset\":{}", json(pid), json(offset))
            }
            None => String::new(),
        };
        let given = auth.unwrap_or_default().trim();
        let given = given
            .strip_prefix('{')
            .and_then(|auth| auth.strip_suffix('}'));
        let given = given.unwrap_or_default().trim();
        let comma = if own.is_empty() || given.is_empty() {
            ""
        } else {
            ","
        };
        let payload = match own.len() + given.len() {
            0 => String::new(),
            _ => format!("{{{own}{comma}{given}}}"),
        };
        let mut packet = Packet::new(Kind::Connect, &self.name);
        packet.payload = &payload;
        packet.write(out);
    }

    /// The server's answer: with the same session it goes on after the last offset, with another one there is a [`Loss`].
    pub(super) fn joined(&mut self, pid: Option<String>) {
        self.state = State::Joined;
        if self.is_comparing && pid == self.pid {
            return;
        }
        self.is_comparing = false;
        let why = match (&self.pid, self.seen.is_empty(), &pid) {
            (Some(_), false, _) => "the server no longer has the session",
            (_, _, None) => "the server keeps no sessions",
            (_, _, Some(_)) => "no event had come yet that the server could go on from",
        };
        self.pid = pid;
        let from = self.seen.pop_back();
        self.seen.clear();
        // One that was not told yet began before this one.
        self.loss.get_or_insert(Loss { from, why });
    }

    /// What was lost since this was asked.
    pub(super) fn take_loss(&mut self) -> Option<Loss> {
        self.loss.take()
    }

    /// Whether events carry an offset. While the answer to a CONNECT is awaited, those that come are of the old session.
    pub(super) fn has_session(&self) -> bool {
        self.pid.is_some()
    }

    /// Takes note of an event's offset. False: it was handed on before.
    pub(super) fn admit(&mut self, offset: &str) -> bool {
        if self.is_comparing {
            if self.seen.iter().any(|seen| seen == offset) {
                self.repeated += 1;
                return false;
            }
            self.is_comparing = self.state == State::Asked;
        }
        let mut newest = match self.seen.len() {
            REMEMBERED => self.seen.pop_front().unwrap_or_default(),
            _ => String::new(),
        };
        newest.clear();
        newest.push_str(offset);
        self.seen.push_back(newest);
        true
    }

    /// The session and the last offset, which together let the server go on.
    pub(super) fn position(&self) -> Option<(&str, &str)> {
        Some((self.pid.as_deref()?, self.seen.back()?))
    }

    /// How many events came again since this was asked; 0 while more may.
    pub(super) fn take_repeated(&mut self) -> u64 {
        if self.is_comparing {
            return 0;
        }
        std::mem::take(&mut self.repeated)
    }
}

/// Where namespaces stand, as text: `{"/chat":["<pid>","<offset>"]}`. `None`: nowhere that a server could go on from.
pub(super) fn position(namespaces: &[Namespace]) -> Option<String> {
    let places: BTreeMap<&str, (&str, &str)> = namespaces
        .iter()
        .filter_map(|namespace| Some((namespace.name.as_str(), namespace.position()?)))
        .collect();
    if places.is_empty() {
        return None;
    }
    serde_json::to_string(&places).ok()
}

/// Puts namespaces where [`position`] said. False: the text is none of its kind.
pub(super) fn resume(namespaces: &mut [Namespace], position: &str) -> bool {
    let Ok(places) = serde_json::from_str::<BTreeMap<String, (String, String)>>(position) else {
        return false;
    };
    for namespace in namespaces {
        if let Some((pid, offset)) = places.get(&namespace.name) {
            namespace.pid = Some(pid.clone());
            namespace.seen = VecDeque::from([offset.clone()]);
        }
    }
    true
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(pid: &str) -> Namespace {
        let mut namespace = Namespace::new("chat");
        namespace.connect(None, &mut String::new());
        namespace.joined(Some(pid.to_owned()));
        namespace
    }

    fn connect(namespace: &mut Namespace, auth: Option<&str>) -> String {
        let mut out = String::new();
        namespace.connect(auth, &mut out);
        out
    }

    #[test]
    fn a_session_is_asked_for_again_once_an_event_had_an_offset() {
        let mut namespace = joined("p");
        assert_eq!(connect(&mut namespace, None), "0/chat,");
        assert!(namespace.admit("o1"));
        assert_eq!(
            connect(&mut namespace, Some("{ }")),
            r#"0/chat,{"pid":"p","offset":"o1"}"#
        );
        assert_eq!(
            connect(&mut namespace, Some(r#"{"token": "t"}"#)),
            r#"0/chat,{"pid":"p","offset":"o1","token": "t"}"#
        );
        let mut namespace = Namespace::new("/");
        assert_eq!(connect(&mut namespace, Some(r#"{"a":1}"#)), r#"0{"a":1}"#);
    }

    #[test]
    fn an_event_that_comes_again_after_a_recovery_is_left_out_and_counted() {
        let mut namespace = joined("p");
        assert!(namespace.admit("o1"));
        assert!(namespace.admit("o2"));
        connect(&mut namespace, None);
        assert!(!namespace.admit("o2"));
        assert!(namespace.admit("o3"));
        assert!(!namespace.admit("o1"));
        assert_eq!(namespace.take_repeated(), 0);
        namespace.take_loss();
        namespace.joined(Some("p".to_owned()));
        assert_eq!(namespace.take_loss(), None);
        assert!(!namespace.admit("o3"));
        assert!(namespace.admit("o4"));
        assert_eq!(namespace.take_repeated(), 3);
        assert_eq!(namespace.position(), Some(("p", "o4")));
    }

    #[test]
    fn a_new_session_tells_where_the_old_one_ended() {
        let mut namespace = joined("p");
        namespace.admit("o1");
        connect(&mut namespace, None);
        namespace.take_loss();
        namespace.joined(Some("q".to_owned()));
        let loss = namespace.take_loss().unwrap();
        assert_eq!(loss.from.as_deref(), Some("o1"));
        assert_eq!(namespace.position(), None);
    }

    #[test]
    fn a_loss_that_was_not_told_outlives_a_later_recovery() {
        let mut namespace = joined("p");
        namespace.take_loss();
        namespace.admit("o1");
        connect(&mut namespace, None);
        namespace.joined(Some("q".to_owned()));
        namespace.admit("o9");
        connect(&mut namespace, None);
        namespace.joined(Some("q".to_owned()));
        let loss = namespace.take_loss().unwrap();
        assert_eq!(loss.from.as_deref(), Some("o1"));
    }

    #[test]
    fn a_namespace_that_is_joined_for_the_first_time_is_not_taken_for_one_without_sessions() {
        let mut namespace = joined("p");
        assert!(!namespace.take_loss().unwrap().why.contains("no sessions"));
        namespace.joined(None);
        assert!(namespace.take_loss().unwrap().why.contains("no sessions"));
    }

    #[test]
    fn a_position_puts_another_process_where_this_one_was() {
        let mut first = joined("p\"");
        first.admit("o1");
        let text = position(std::slice::from_ref(&first)).unwrap();
        let mut others = [Namespace::new("/chat"), Namespace::new("/other")];
        assert!(resume(&mut others, &text));
        assert_eq!(others[0].position(), Some(("p\"", "o1")));
        assert_eq!(others[1].position(), None);
        assert!(!resume(&mut others, "o1"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut namespace = joined("p");
        for offset in 0..5000 {
            namespace.admit(&offset.to_string());
        }
        assert_eq!(namespace.seen.len(), REMEMBERED);
        assert_eq!(namespace.position(), Some(("p", "4999")));
    }
}
