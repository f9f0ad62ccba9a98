//! What a person is told of a stream, on stderr: sentences, or JSON lines for scripts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::event::Transport;
use crate::shape::ShapeFault;
use crate::source::{Gap, Notice};
use crate::time::Timestamp;
use crate::ui::{Ui, safe, size};

/// What may come in a flood is said once in so long, and counted in between.
const FLOOD: Duration = Duration::from_secs(1);

/// Says what a source wants a person to know.
pub(super) struct Teller {
    ui: Arc<Ui>,
    pub(super) transport: Transport,
    malformed: Flood,
    not_shaped: Flood,
}

/// Something of which only some is said.
#[derive(Default)]
struct Flood {
    said: Option<Instant>,
    unsaid: u64,
    bytes: u64,
}

impl Flood {
    /// Whether to say this one; how many were not said before it.
    fn admits(&mut self, now: Instant, bytes: u64) -> Option<u64> {
        if self.said.is_some_and(|said| now - said < FLOOD) {
            self.unsaid += 1;
            self.bytes += bytes;
            return None;
        }
        self.said = Some(now);
        self.bytes = 0;
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Teller {
    pub(super) fn new(ui: Arc<Ui>, transport: Transport) -> Self {
        Self {
            ui,
            transport,
            malformed: Flood::default(),
            not_shaped: Flood::default(),
        }
    }

    pub(super) fn tell(&mut self, notice: &Notice) {
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
                let lost = match self.transport {
                    Transport::Poll => "No page came",
                    _ => "The connection was lost",
                };
                let text = format!("{lost}: {}. Trying again in {seconds:.1} s.", safe(why));
                self.ui.notice("retrying", facts, &text);
            }
            Notice::Gap(gap) => self.ui.alert("gap", gap_facts(gap), &gap_text(gap)),
            Notice::Malformed { bytes, why } => self.malformed(*bytes, why),
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
        let text = format!("Left out {size}: {}.{}", safe(why), and_more(before));
        self.ui.alert("malformed", facts, &text);
    }

    /// The expression failed on one message, which is not printed.
    pub(super) fn not_shaped(&mut self, seq: u64, fault: &ShapeFault) {
        if let Some(before) = self.not_shaped.admits(Instant::now(), 0) {
            let fault = safe(&fault.to_string());
            self.ui.warn(&format!(
                "--jq failed on event {seq}: {fault}{}",
                and_more(before)
            ));
        }
    }

    /// A field that the condition asks for and none of `came` events had.
    pub(super) fn absent(&self, part: &str, came: u64) {
        let facts = json!({ "condition": part, "events": came });
        let what = match self.transport {
            Transport::Poll => "records",
            _ => "events",
        };
        let text = format!(
            "Nothing matched: what `{}` looks for was in none of {came} {what}. Is the field's name right?",
            safe(part)
        );
        self.ui.notice("never_there", facts, &text);
    }

    /// Deliveries that outlive the stream.
    pub(super) fn waiting(&self, waiting: u64) {
        if waiting > 0 {
            let facts = json!({ "deliveries": waiting });
            let deliveries = if waiting == 1 {
                "delivery is"
            } else {
                "deliveries are"
            };
            let text = format!(
                "{waiting} {deliveries} still to be made, by the next call: evt queue list"
            );
            self.ui.notice("waiting", facts, &text);
        }
    }

    /// Says what the floods have left unsaid.
    pub(super) fn finish(&mut self) {
        let Flood { unsaid, bytes, .. } = self.malformed;
        if unsaid > 0 {
            let facts = json!({ "type": "malformed", "bytes": bytes, "unsaid": unsaid });
            let text = format!("Left out {unsaid} more malformed messages.");
            self.ui.alert("malformed", facts, &text);
        }
        if self.not_shaped.unsaid > 0 {
            let unsaid = self.not_shaped.unsaid;
            self.ui
                .warn(&format!("--jq failed on {unsaid} more events"));
        }
    }
}

fn and_more(before: u64) -> String {
    match before {
        0 => String::new(),
        before => format!(" (and on {before} before it)"),
    }
}

/// A quiet stream is open: that is what the last sign of life says.
pub(super) fn quiet(ui: &Ui, message: Duration, sign: Duration) {
    let facts = json!({ "quiet_s": message.as_secs(), "sign_of_life_s": sign.as_secs() });
    let sign = match sign.as_secs() {
        _ if sign >= message => "the connection is open".to_owned(),
        seconds => format!("the last sign of life came {seconds} s ago"),
    };
    let text = format!("Quiet for {} s; {sign}.", message.as_secs());
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
        Some(1) => "Gap: 1 event is lost".to_owned(),
        Some(lost) => format!("Gap: {lost} events are lost"),
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
    fn a_gap_tells_all_it_knows_and_that_it_does_not_know_the_rest() {
        let gap = Gap {
            from: Some("41".to_owned()),
            to: None,
            reason: "the connection broke off".to_owned(),
            lost: None,
            since: Timestamp::from_millis(1_777_111_200_000),
            until: Timestamp::from_millis(1_777_111_201_500),
        };
        assert_eq!(
            gap_facts(&gap).to_string(),
            r#"{"type":"gap","from":"41","to":null,"reason":"the connection broke off","lost":"unknown","since":"2026-04-25T10:00:00.000Z","until":"2026-04-25T10:00:01.500Z"}"#
        );
        assert_eq!(
            gap_text(&gap),
            "Gap: events may have been missed between 2026-04-25T10:00:00.000Z and 2026-04-25T10:00:01.500Z, from 41 (the connection broke off)."
        );
        let exact = Gap {
            lost: Some(7),
            ..gap
        };
        assert_eq!(gap_facts(&exact)["lost"], 7);
    }

    #[test]
    fn a_flood_is_said_once_a_second_and_counted_in_between() {
        let mut flood = Flood::default();
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(flood.admits(at(0), 5), Some(0));
        assert_eq!(flood.admits(at(1), 5), None);
        assert_eq!(flood.admits(at(999), 5), None);
        assert_eq!((flood.unsaid, flood.bytes), (2, 10));
        assert_eq!(flood.admits(at(1000), 5), Some(2));
        assert_eq!(flood.unsaid, 0);
    }
}
