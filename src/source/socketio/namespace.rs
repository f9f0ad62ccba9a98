//! The state of one namespace across connections: its session on the server, and the last event that was read.

use std::collections::{BTreeMap, VecDeque};

use crate::wire::socketio::packet::{Kind, Packet};

/// How many offsets are stored to recognize an event that is sent again.
const REMEMBERED: usize = 1024;

/// A namespace that is followed.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) state: State,
    /// The session id under which the server recovers missed events.
    pid: Option<String>,
    /// Offsets of the latest events, the newest at the back.
    seen: VecDeque<String>,
    /// Set after a recovery: the server may send events again until the first new one.
    is_comparing: bool,
    repeated: u64,
    /// A loss reported by a CONNECT response, until it is printed. The connection may break before that.
    loss: Option<SessionLoss>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// CONNECT was sent; the server has not answered yet.
    Joining,
    Joined,
    Left,
}

/// The server started a new session. Events between the two sessions may be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SessionLoss {
    /// Offset of the last event of the previous session.
    pub(super) from: Option<String>,
    pub(super) why: &'static str,
}

impl Namespace {
    /// Adds the leading slash if `name` has none.
    pub(super) fn new(name: &str) -> Self {
        let slash = if name.starts_with('/') { "" } else { "/" };
        Self {
            name: format!("{slash}{name}"),
            state: State::Joining,
            pid: None,
            seen: VecDeque::new(),
            is_comparing: false,
            repeated: 0,
            loss: None,
        }
    }

    /// Appends the packet that joins the namespace. `auth` is a JSON object; it is merged with the session id and
    /// offset, if any.
    pub(super) fn connect(&mut self, auth: Option<&str>, out: &mut String) {
        self.state = State::Joining;
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

    /// Handles the server's response. With the same session the server continues after the last offset; a new session
    /// is a [`SessionLoss`].
    pub(super) fn joined(&mut self, pid: Option<String>) {
        self.state = State::Joined;
        if self.is_comparing && pid == self.pid {
            return;
        }
        self.is_comparing = false;
        let why = match (&self.pid, self.seen.is_empty(), &pid) {
            (Some(_), false, _) => "the server no longer has the session",
            (_, _, None) => "the server does not store sessions",
            (_, _, Some(_)) => "no event with an offset had arrived yet",
        };
        self.pid = pid;
        let from = self.seen.pop_back();
        self.seen.clear();
        // A loss that has not been reported yet started before this one.
        self.loss.get_or_insert(SessionLoss { from, why });
    }

    /// Returns the loss since the last call, if any.
    pub(super) fn take_loss(&mut self) -> Option<SessionLoss> {
        self.loss.take()
    }

    /// Returns whether events carry an offset. Until CONNECT is answered, events that arrive belong to the old session.
    pub(super) fn has_session(&self) -> bool {
        self.pid.is_some()
    }

    /// Records an event's offset. Returns false if the event was handled before.
    pub(super) fn admit(&mut self, offset: &str) -> bool {
        if self.is_comparing {
            if self.seen.iter().any(|seen| seen == offset) {
                self.repeated += 1;
                return false;
            }
            self.is_comparing = self.state == State::Joining;
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

    /// The session id and the last offset. Together they let the server continue.
    pub(super) fn position(&self) -> Option<(&str, &str)> {
        Some((self.pid.as_deref()?, self.seen.back()?))
    }

    /// Returns how many events were sent again since the last call; 0 while more repetitions may follow.
    pub(super) fn take_repeated(&mut self) -> u64 {
        if self.is_comparing {
            return 0;
        }
        std::mem::take(&mut self.repeated)
    }
}

/// The positions of all namespaces as text: `{"/chat":["<pid>","<offset>"]}`. `None` if no namespace has one.
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

/// Restores what [`position`] returned. Returns false if the text has another form.
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
    fn a_session_is_resumed_after_an_event_with_an_offset() {
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
    fn an_event_repeated_after_a_recovery_is_skipped_and_counted() {
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
    fn a_new_session_reports_the_last_offset_of_the_old_one() {
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
    fn an_unreported_loss_survives_a_later_recovery() {
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
    fn the_reason_for_a_loss_depends_on_session_support() {
        let mut namespace = joined("p");
        assert!(
            !namespace
                .take_loss()
                .unwrap()
                .why
                .contains("does not store sessions")
        );
        namespace.joined(None);
        assert!(
            namespace
                .take_loss()
                .unwrap()
                .why
                .contains("does not store sessions")
        );
    }

    #[test]
    fn a_position_restores_the_state_in_another_process() {
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
    fn the_number_of_stored_offsets_is_limited() {
        let mut namespace = joined("p");
        for offset in 0..5000 {
            namespace.admit(&offset.to_string());
        }
        assert_eq!(namespace.seen.len(), REMEMBERED);
        assert_eq!(namespace.position(), Some(("p", "4999")));
    }
}
