//! Notices about a stream on stderr: sentences, or JSON lines for scripts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::condition::Absent;
use crate::event::{Source, Transport};
use crate::shape::ShapeFault;
use crate::source::{Gap, Notice};
use crate::time::Timestamp;
use crate::ui::{Ui, safe, size};

/// Frequent notices are printed once per interval and counted in between.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints the notices of a source.
pub(super) struct Notices {
    ui: Arc<Ui>,
    source: Source,
    pub(super) transport: Transport,
    malformed: RateLimit,
    not_shaped: RateLimit,
}

/// Limits how often a notice is printed.
#[derive(Default)]
struct RateLimit {
    shown: Option<Instant>,
    /// How many were suppressed since then, and their size.
    suppressed: u64,
    bytes: u64,
}

impl RateLimit {
    /// Decides whether to print a notice now. Returns how many were suppressed since the last printed one, or `None` to suppress this one too.
    fn admits(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        if self.shown.is_some_and(|shown| now - shown < INTERVAL) {
            self.suppressed += 1;
            self.bytes += bytes;
            return None;
        }
        self.shown = Some(now);
        self.bytes = 0;
        Some(std::mem::take(&mut self.suppressed))
    }
}

impl Notices {
    pub(super) fn new(ui: Arc<Ui>, source: Source, transport: Transport) -> Self {
        Self {
            ui,
            source,
            transport,
            malformed: RateLimit::default(),
            not_shaped: RateLimit::default(),
        }
    }

    pub(super) fn show(&mut self, notice: &Notice) {
        match notice {
            Notice::Connected { .. } => self.connected(notice),
            Notice::Retrying {
                why,
                delay,
                attempt,
            } => {
                let seconds = delay.as_secs_f64();
                let facts =
                    json!({ "why": why, "in_ms": delay.as_millis() as u64, "attempt": attempt });
                let failed = match self.source {
                    Source::Poll => "The request failed",
                    _ => "The connection was lost",
                };
                let text = format!("{failed}: {}. Trying again in {seconds:.1} s.", safe(why));
                self.ui.notice("retrying", facts, &text);
            }
            Notice::Gap(gap) => self.ui.alert("gap", gap_facts(gap), &gap_text(gap)),
            Notice::Malformed { bytes, why, .. } => self.malformed(*bytes, why),
            Notice::Waiting { until, why } => {
                let wait = until.since(Timestamp::now());
                let facts = json!({ "until": until, "in_ms": wait.as_millis() as u64, "why": why });
                let seconds = wait.as_secs_f64();
                let text = format!("Waiting {seconds:.1} s, until {until}: {}.", safe(why));
                self.ui.notice("throttled", facts, &text);
            }
            Notice::Remark(text) => {
                self.ui
                    .notice("remark", json!({ "message": text }), &safe(text));
            }
        }
    }

    fn connected(&self, notice: &Notice) {
        let Notice::Connected {
            target,
            subscribed,
            guarantee,
            reconnects,
        } = notice
        else {
            return;
        };
        let facts = json!({
            "transport": self.transport.as_str(), "target": target, "subscribed": subscribed,
            "guarantee": guarantee.as_str(), "reconnects": reconnects,
        });
        let again = if *reconnects > 0 { " again" } else { "" };
        let subscribed = match subscribed.as_str() {
            "" => String::new(),
            subscribed => format!(", {}", safe(subscribed)),
        };
        let text = format!(
            "Connected{again} to {} ({}{subscribed}; {}).",
            safe(target),
            self.transport.as_str(),
            guarantee.as_str()
        );
        self.ui.notice("connected", facts, &text);
    }

    fn malformed(&mut self, bytes: u64, why: &str) {
        let Some(before) = self.malformed.admits(Instant::now(), bytes) else {
            return;
        };
        let facts = json!({ "type": "malformed", "bytes": bytes, "why": why, "unsaid": before });
        let size = size(usize::try_from(bytes).unwrap_or(usize::MAX));
        let text = format!("Skipped {size}: {}.{}", safe(why), and_more(before));
        self.ui.alert("malformed", facts, &text);
    }

    /// Reports that the jq expression failed for a message, which is not printed.
    pub(super) fn not_shaped(&mut self, seq: u64, error: &ShapeFault) {
        if let Some(before) = self.not_shaped.admits(Instant::now(), 0) {
            let error = safe(&error.to_string());
            self.ui.warn(&format!(
                "--jq failed for event {seq}: {error}{}",
                and_more(before)
            ));
        }
    }

    /// Reports a path of the condition that none of `received` messages had.
    pub(super) fn absent(&self, absent: &Absent, received: u64) {
        let Absent {
            part,
            path,
            similar,
        } = absent;
        let facts =
            json!({ "condition": part, "path": path, "similar": similar, "events": received });
        let messages = match self.source {
            Source::Poll => "record",
            _ => "event",
        };
        let number = match received {
            1 => format!("the only {messages} does not have"),
            received => format!("none of {received} {messages}s has"),
        };
        let similar = match similar {
            Some(similar) => format!("; did you mean `{}`?", safe(similar)),
            None => ".".to_owned(),
        };
        let path = safe(path);
        let text = format!(
            "Nothing matched: {number} `{path}`{similar} If that is right, write has({path}) && … in the condition."
        );
        self.ui.notice("never_there", facts, &text);
    }

    /// Reports deliveries that are still in the queue.
    pub(super) fn waiting(&self, waiting: u64) {
        if waiting > 0 {
            let facts = json!({ "deliveries": waiting });
            let deliveries = if waiting == 1 {
                "delivery is"
            } else {
                "deliveries are"
            };
            let text =
                format!("{waiting} {deliveries} still queued for the next run: evt queue list");
            self.ui.notice("waiting", facts, &text);
        }
    }

    /// Reports how many notices were suppressed.
    pub(super) fn finish(&mut self) {
        let RateLimit {
            suppressed, bytes, ..
        } = self.malformed;
        if suppressed > 0 {
            let facts = json!({ "type": "malformed", "bytes": bytes, "unsaid": suppressed });
            let text = format!("Skipped {suppressed} more malformed messages.");
            self.ui.alert("malformed", facts, &text);
        }
        let suppressed = self.not_shaped.suppressed;
        if suppressed > 0 {
            let text = format!("--jq failed for {suppressed} more events");
            self.ui.warn(&text);
        }
    }
}

fn and_more(before: u64) -> String {
    match before {
        0 => String::new(),
        before => format!(" (and for {before} before it)"),
    }
}

/// Reports that no message has arrived for a time, and when the last sign of life was.
pub(super) fn quiet(ui: &Ui, message: Duration, sign: Duration) {
    let facts = json!({ "quiet_s": message.as_secs(), "sign_of_life_s": sign.as_secs() });
    let sign = match sign.as_secs() {
        _ if sign >= message => "the connection is open".to_owned(),
        seconds => format!("the last sign of life was {seconds} s ago"),
    };
    let text = format!("No message for {} s; {sign}.", message.as_secs());
    ui.notice("quiet", facts, &text);
}

fn gap_facts(gap: &Gap) -> Value {
    json!({
        "type": "gap", "from": gap.from, "to": gap.to, "reason": gap.reason,
        "lost": gap.lost.map_or_else(|| Value::from("unknown"), Value::from),
        "since": gap.since, "until": gap.until,
    })
}

fn gap_text(gap: &Gap) -> String {
    let mut text = match gap.lost {
        Some(1) => "Gap: 1 event was lost".to_owned(),
        Some(lost) => format!("Gap: {lost} events were lost"),
        None => "Gap: events may have been missed".to_owned(),
    };
    text.push_str(&format!(" between {} and {}", gap.since, gap.until));
    for (word, position) in [("from", &gap.from), ("to", &gap.to)] {
        if let Some(position) = position {
            text.push_str(&format!(", {word} {}", safe(position)));
        }
    }
    text.push_str(&format!(" ({}).", safe(&gap.reason)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_gap_states_known_facts_and_marks_unknown_ones() {
        let gap = Gap {
            from: Some("41".to_owned()),
            to: None,
            reason: "the connection was closed".to_owned(),
            lost: None,
            since: Timestamp::from_millis(1_777_111_200_000),
            until: Timestamp::from_millis(1_777_111_201_500),
        };
        assert_eq!(
            gap_facts(&gap).to_string(),
            r#"{"type":"gap","from":"41","to":null,"reason":"the connection was closed","lost":"unknown","since":"2026-04-25T10:00:00.000Z","until":"2026-04-25T10:00:01.500Z"}"#
        );
        assert_eq!(
            gap_text(&gap),
            "Gap: events may have been missed between 2026-04-25T10:00:00.000Z and 2026-04-25T10:00:01.500Z, from 41 (the connection was closed)."
        );
        let exact = Gap {
            lost: Some(7),
            ..gap
        };
        assert_eq!(gap_facts(&exact)["lost"], 7);
    }

    #[test]
    fn frequent_notices_are_shown_once_per_second_and_counted() {
        let mut limit = RateLimit::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(limit.admits(at(0), 5), Some(0));
        assert_eq!(limit.admits(at(1), 5), None);
        assert_eq!(limit.admits(at(999), 5), None);
        assert_eq!((limit.suppressed, limit.bytes), (2, 10));
        assert_eq!(limit.admits(at(1000), 5), Some(2));
        assert_eq!(limit.suppressed, 0);
    }
}
