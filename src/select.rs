//! Selections of events, the same for every command: types, a condition, a status, a time span, a limit.

use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;
use thiserror::Error;

use crate::condition::{Absent, Condition, ConditionError, Finding, Scope};
use crate::envelope::Form;
use crate::event::{self, Event, Outcome, Verdict};
use crate::explain::{Explain, Explanation};
use crate::grammar::GrammarError;
use crate::grammar::nearest::{did_you_mean, nearest};
use crate::grammar::quantity::When;
use crate::json::Raw;
use crate::time::Timestamp;
use crate::topic::{Pattern, TopicError};

/// The variables of a condition over events (`--where`).
pub const VARIABLES: [&str; 7] = [
    "type", "system", "org", "subject", "time", "data", "headers",
];

/// A selection of events. The default selects all events.
///
/// The text form (`--expect`) is one of: type patterns (`contact.*`, `!contact.deleted`); `type=…`, `status=…` and `where=…`
/// separated by commas, where `where=` is the last one and takes the rest of the text; or a condition (`data.amount >= 100`). A path
/// alone, such as `data.paid`, is a pattern; write `where=data.paid` for a condition.
#[derive(Clone, Debug, Default)]
pub struct Select {
    pub types: Vec<TypeRule>,
    pub condition: Option<Where>,
    /// At least one of these must apply.
    pub status: Vec<Status>,
    pub since: Option<When>,
    pub until: Option<When>,
    /// Applied by the caller, because it does not depend on a single event.
    pub limit: Option<usize>,
}

/// `contact.*` includes types, `!contact.deleted` excludes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRule {
    pub pattern: Pattern,
    pub excludes: bool,
}

/// A condition over events. Clones share it.
#[derive(Clone, Debug)]
pub struct Where(Arc<Condition>);

/// The parts of an event that a selection reads: of an [`Event`], or of a message without making an [`Event`] of it.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    pub received_at: Timestamp,
    pub kind: Option<&'a str>,
    pub system: Option<&'a str>,
    pub org: Option<&'a str>,
    pub subject: Option<&'a str>,
    pub time: Option<&'a str>,
    /// `None` if the message has no headers.
    pub headers: Option<&'a HeaderMap>,
    /// The payload.
    pub data: &'a [u8],
    /// The form of the payload, if already known.
    pub form: Option<Form>,
    /// The payload is a record of the platform.
    pub is_record: bool,
    pub verdict: Option<&'a Verdict>,
    pub outcome: Outcome,
}

impl<'a> From<&'a Event> for EventView<'a> {
    fn from(event: &'a Event) -> Self {
        let meta = &event.meta;
        Self {
            received_at: event.received_at,
            kind: meta.kind.as_deref(),
            system: meta.system.as_deref(),
            org: meta.org.as_deref(),
            subject: meta.subject.as_deref(),
            time: meta.time.as_deref(),
            headers: Some(&event.headers),
            data: event.data(),
            form: None,
            is_record: event.source == event::Source::Poll,
            verdict: event.verdict.as_ref(),
            outcome: event.outcome,
        }
    }
}

impl<'a> EventView<'a> {
    fn json(&self) -> Option<Raw<'a>> {
        match self.form {
            Some(Form::Json) => std::str::from_utf8(self.data).ok().map(Raw::new),
            Some(_) => None,
            None => Raw::check(self.data),
        }
    }
}

/// The outcome of an event or of its signature check: `failed`, `verified`, `500`, `5xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A name from [`Outcome::as_str`].
    Outcome(&'static str),
    /// The signature is valid.
    Verified,
    /// The signature is invalid.
    Invalid,
    /// No signature was checked.
    Unverified,
    /// The status that the target answered, as an inclusive range.
    Answer(u16, u16),
}

/// Why a selection is invalid.
#[derive(Debug, Error)]
pub enum SelectError {
    #[error(transparent)]
    Pattern(#[from] TopicError),
    #[error(transparent)]
    Condition(#[from] ConditionError),
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    #[error("there is no status `{name}`{}", did_you_mean(*suggestion))]
    UnknownStatus {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("a selection is empty")]
    Empty,
}

impl Explain for SelectError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Pattern(error) => error.explain(),
            Self::Condition(error) => error.explain(),
            Self::Grammar(error) => error.explain(),
            Self::UnknownStatus { .. } => Explanation::usage("unknown_status").hint(
                "kept, rejected, queued, delivered, failed, verified, invalid, unverified, or a response status such as 503 or 5xx",
            ),
            Self::Empty => Explanation::usage("empty_selection")
                .hint("contact.*, status=failed or data.amount >= 100"),
        }
    }
}

impl Select {
    /// Returns whether the event is selected.
    pub fn matches(&self, event: &Event, now: Timestamp) -> bool {
        self.selects(&event.into(), now)
    }

    /// Like [`Select::matches`], for an event that is not an [`Event`]. Reads only the parts that the selection names.
    pub fn selects(&self, view: &EventView<'_>, now: Timestamp) -> bool {
        let held = |condition: &Where| condition.0.holds(&condition.scope(view), now);
        self.is_in_span(view, now)
            && self.has_type(view)
            && self.has_status(view)
            && self.condition.as_ref().is_none_or(held)
    }

    /// Like [`Select::matches`], with the reason.
    pub fn explain(&self, event: &Event, now: Timestamp) -> Finding {
        let view = EventView::from(event);
        let mut parts = Vec::new();
        if !self.types.is_empty() {
            let rules: Vec<String> = self.types.iter().map(TypeRule::to_string).collect();
            let seen = event.meta.kind.clone();
            parts.push(Finding::leaf(
                format!("type {}", rules.join(" ")),
                self.has_type(&view),
                Some(seen.unwrap_or_else(|| "unknown".to_owned())),
            ));
        }
        if !self.status.is_empty() {
            parts.push(Finding::leaf(
                "status",
                self.has_status(&view),
                Some(event.outcome.as_str().to_owned()),
            ));
        }
        if self.since.is_some() || self.until.is_some() {
            parts.push(Finding::leaf(
                "time received",
                self.is_in_span(&view, now),
                Some(event.received_at.to_string()),
            ));
        }
        if let Some(condition) = &self.condition {
            parts.push(condition.explain(event, now));
        }
        let held = parts.iter().all(|part| part.held);
        match parts.len() {
            1 => parts.remove(0),
            _ => Finding::tree("all of", held, parts),
        }
    }

    fn is_in_span(&self, view: &EventView<'_>, now: Timestamp) -> bool {
        let received = view.received_at;
        self.since.is_none_or(|since| received >= since.at(now))
            && self.until.is_none_or(|until| received < until.at(now))
    }

    /// Whether one of the including rules applies, if there are any, and none of the excluding rules.
    pub(crate) fn has_type(&self, view: &EventView<'_>) -> bool {
        let fits = |rule: &TypeRule| view.kind.is_some_and(|kind| rule.pattern.matches(kind));
        let mut including = self.types.iter().filter(|rule| !rule.excludes).peekable();
        let mut excluding = self.types.iter().filter(|rule| rule.excludes);
        (including.peek().is_none() || including.any(fits)) && !excluding.any(fits)
    }

    fn has_status(&self, view: &EventView<'_>) -> bool {
        self.status.is_empty() || self.status.iter().any(|status| status.is_of(view))
    }
}

impl Where {
    /// Returns whether the condition holds for the event. A payload that is not JSON is text.
    pub fn holds(&self, event: &Event, now: Timestamp) -> bool {
        self.0.holds(&self.scope(&event.into()), now)
    }

    /// Like [`Where::holds`], with the reason.
    pub fn explain(&self, event: &Event, now: Timestamp) -> Finding {
        self.0.explain(&self.scope(&event.into()), now)
    }

    /// The paths of the condition whose values are missing.
    pub fn absent(&self, view: &EventView<'_>) -> Vec<Absent> {
        self.0.absent(&self.scope(view))
    }

    /// The paths of the condition.
    pub fn paths(&self) -> Vec<String> {
        self.0.paths()
    }

    fn scope<'a>(&self, view: &EventView<'a>) -> Scope<'a> {
        let mut scope = Scope::new();
        if let Some(headers) = view.headers {
            scope = scope.headers("headers", headers);
        }
        for (name, value) in [
            ("type", view.kind),
            ("system", view.system),
            ("org", view.org),
            ("subject", view.subject),
        ] {
            if let Some(value) = value {
                scope = scope.text(name, value);
            }
        }
        if self.0.mentions("time") {
            scope = match view.time {
                Some(time) => scope.text("time", time),
                None => scope.text("time", view.received_at.to_string()),
            };
        }
        if !self.0.mentions("data") {
            return scope;
        }
        match (view.json(), std::str::from_utf8(view.data)) {
            (Some(data), _) => scope.payload("data", data.text(), view.is_record),
            (None, Ok(text)) => scope.text("data", text),
            (None, Err(_)) => scope,
        }
    }
}

impl FromStr for Where {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let condition = Condition::parse_cel(text)?.only(&VARIABLES)?;
        Ok(Self(Arc::new(condition)))
    }
}

impl FromStr for TypeRule {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (excludes, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Self {
            pattern: pattern.parse()?,
            excludes,
        })
    }
}

impl std::fmt::Display for TypeRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = if self.excludes { "!" } else { "" };
        write!(f, "{mark}{}", self.pattern)
    }
}

const OUTCOMES: [&str; 5] = ["kept", "rejected", "queued", "delivered", "failed"];
const STATUSES: [&str; 8] = [
    "kept",
    "rejected",
    "queued",
    "delivered",
    "failed",
    "verified",
    "invalid",
    "unverified",
];

impl Status {
    fn is_of(self, view: &EventView<'_>) -> bool {
        let verdict = view.verdict;
        match self {
            Self::Outcome(name) => view.outcome.as_str() == name,
            Self::Verified => verdict.is_some_and(|verdict| verdict.ok),
            Self::Invalid => verdict.is_some_and(|verdict| !verdict.ok),
            Self::Unverified => verdict.is_none(),
            Self::Answer(low, high) => view
                .outcome
                .status()
                .is_some_and(|status| (low..=high).contains(&status)),
        }
    }

    /// Returns whether only events with a failed delivery can have this status. The store has an index of those.
    pub fn is_failed(self) -> bool {
        self == Self::Outcome(Outcome::Failed { status: None }.as_str())
    }
}

impl FromStr for Status {
    type Err = SelectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = OUTCOMES.into_iter().find(|name| *name == text) {
            return Ok(Self::Outcome(name));
        }
        match text {
            "verified" => return Ok(Self::Verified),
            "invalid" => return Ok(Self::Invalid),
            "unverified" => return Ok(Self::Unverified),
            _ => {}
        }
        match text.as_bytes() {
            [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                let low = u16::from(class - b'0') * 100;
                Ok(Self::Answer(low, low + 99))
            }
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => {
                let code = text
                    .bytes()
                    .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
                Ok(Self::Answer(code, code))
            }
            _ => Err(SelectError::UnknownStatus {
                name: text.to_owned(),
                suggestion: nearest(text, STATUSES),
            }),
        }
    }
}

impl FromStr for Select {
    type Err = SelectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut select = Self::default();
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(SelectError::Empty);
        }
        while let Some((key, value)) = keyed(rest) {
            if key == "where" {
                select.condition = Some(value.parse()?);
                return Ok(select);
            }
            let (value, after) = value.split_once(',').unwrap_or((value, ""));
            match key {
                "type" => select.types.push(value.trim().parse()?),
                _ => select.status.push(value.trim().parse()?),
            }
            rest = after.trim();
            if rest.is_empty() {
                return Ok(select);
            }
        }
        if looks_like_patterns(rest) && !is_unfinished(rest) {
            for rule in rest.split(',') {
                select.types.push(rule.trim().parse()?);
            }
        } else {
            select.condition = Some(rest.parse()?);
        }
        Ok(select)
    }
}

/// Splits `type=…`, `status=…` or `where=…`. A CEL condition cannot begin like this, because CEL has no single `=`.
fn keyed(text: &str) -> Option<(&'static str, &str)> {
    ["type", "status", "where"].into_iter().find_map(|key| {
        let value = text.strip_prefix(key)?.strip_prefix('=')?;
        (!value.starts_with('=')).then_some((key, value))
    })
}

/// Whether text is a condition without its right side, such as `data.amount>`. In a pattern `>` is after a dot or alone.
fn is_unfinished(text: &str) -> bool {
    text.strip_suffix('>')
        .is_some_and(|rest| rest.ends_with(|last: char| last.is_alphanumeric() || last == '_'))
}

/// Whether text can be a list of patterns: no quotes, spaces, brackets or operators, and `!` only at the start of a pattern.
fn looks_like_patterns(text: &str) -> bool {
    text.split(',').all(|rule| {
        let rule = rule.trim();
        let rule = rule.strip_prefix('!').unwrap_or(rule);
        let name =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '>' | '/' | ':');
        !rule.is_empty() && rule != "true" && rule != "false" && rule.chars().all(name)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;

    use super::*;
    use crate::event::{Meta, Source, Transport};

    fn event(kind: Option<&str>) -> Event {
        Event {
            seq: None,
            received_at: now().minus(std::time::Duration::from_secs(3600)),
            source: Source::Listen,
            transport: Transport::Http,
            method: Method::POST,
            target: "/".to_owned(),
            headers: HeaderMap::from_iter([("x-a".parse().unwrap(), "1".parse().unwrap())]),
            body: Bytes::from_static(b"{\"event\":\"x\",\"data\":{\"amount\":100}}"),
            meta: Meta {
                kind: kind.map(str::to_owned),
                data: Some(20..34),
                org: Some("my-org".to_owned()),
                ..Meta::default()
            },
            verdict: Some(Verdict {
                scheme: "stripe".to_owned(),
                ok: true,
                reason: "ok".to_owned(),
                hint: None,
            }),
            outcome: Outcome::Failed { status: Some(503) },
            attempts: Vec::new(),
        }
    }

    fn now() -> Timestamp {
        "2026-04-25T10:00:00Z".parse().unwrap()
    }

    fn selects(text: &str) -> bool {
        let select: Select = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let event = event(Some("contact.created"));
        assert_eq!(
            select.matches(&event, now()),
            select.explain(&event, now()).held,
            "{text}"
        );
        select.matches(&event, now())
    }

    #[test]
    fn every_text_form_is_parsed() {
        for (text, selected) in [
            ("contact.created", true),
            ("contact.*", true),
            ("order.*", false),
            ("!contact.deleted", true),
            ("!contact.*", false),
            ("contact.*,!contact.created", false),
            ("type=contact.created", true),
            ("type=contact.*,status=failed", true),
            ("status=delivered", false),
            ("status=5xx,status=delivered", true),
            ("status=503", true),
            ("status=verified", true),
            ("status=invalid", false),
            ("status=unverified", false),
            (
                "type=contact.*,where=data.amount >= 100 && org in ['my-org', 'x']",
                true,
            ),
            ("where=data.amount", false),
            ("data.amount >= 100", true),
            ("data.amount > 100", false),
            ("type==\"contact.created\"", true),
            ("headers['x-a'] == '1' && time < '2026-04-26'", true),
            ("system == 'stripe'", false),
            ("true", true),
        ] {
            assert_eq!(selects(text), selected, "{text}");
        }
    }

    #[test]
    fn invalid_selections_are_refused() {
        for text in [
            "",
            "type=",
            "status=done",
            "where=",
            "contact.cre*",
            "dat.x == 1",
            "a..b",
            "data.amount>",
        ] {
            assert!(text.parse::<Select>().is_err(), "{text}");
        }
        let error = "data.amount>".parse::<Select>().unwrap_err();
        assert!(matches!(error, SelectError::Condition(_)), "{error}");
        let error = "status=faild".parse::<Select>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no status `faild` (did you mean `failed`?)"
        );
    }

    #[test]
    fn an_event_without_a_type_matches_unless_a_type_is_required() {
        for (rule, selected) in [(">", false), ("!contact.*", true)] {
            let select = Select {
                types: vec![rule.parse().unwrap()],
                ..Select::default()
            };
            assert_eq!(select.matches(&event(None), now()), selected, "{rule}");
        }
    }

    #[test]
    fn a_time_span_includes_its_start_and_excludes_its_end() {
        for (since, until, selected) in [
            (Some("1h"), None, true),
            (Some("59m"), None, false),
            (None, Some("1h"), false),
            (Some("2026-04-25"), Some("2026-04-26"), true),
        ] {
            let select = Select {
                since: since.map(|since| since.parse().unwrap()),
                until: until.map(|until| until.parse().unwrap()),
                ..Select::default()
            };
            assert_eq!(
                select.matches(&event(None), now()),
                selected,
                "{since:?} {until:?}"
            );
        }
    }

    #[test]
    fn an_explanation_names_the_parts_that_failed() {
        let select: Select = "type=order.*,status=failed,where=data.amount > 100"
            .parse()
            .unwrap();
        let explained = select.explain(&event(Some("contact.created")), now());
        assert_eq!(
            explained.reason(),
            "type order.* is false: it is contact.created; data.amount > 100 is false: it is 100"
        );
    }

    #[test]
    fn a_payload_that_is_not_json_is_text() {
        let mut event = event(None);
        event.meta.data = None;
        event.body = Bytes::from_static(b"a=1&b=2");
        let select: Select = "data.contains('b=2')".parse().unwrap();
        assert!(select.matches(&event, now()));
    }
}
