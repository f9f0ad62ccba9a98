//! Prints an event for people: as one line, or in full. Credentials are masked.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Style, Ui, clip, layout, safe, safe_block, safe_bytes};
use crate::attempt::{Attempt, millis};
use crate::event::{Event, Outcome};
use crate::json;
use crate::secret::{self, Secret};

/// The maximum width of the type of an event in a list, the width of its column, and the least that says something.
const TITLE: usize = 40;
const TITLE_COLUMN: usize = 28;
const SHORTEST_TITLE: usize = 12;
/// A terminal of this width has room for milliseconds.
const WIDE: usize = 100;
/// The number of characters of a signature that are shown: enough to tell two apart.
const SIGNATURE_SHOWN: usize = 8;

/// Formats an event as one line: time, reference, type, verdict, outcome, size. On a narrow terminal, the type is shortened.
pub fn line(ui: &Ui, event: &Event) -> String {
    let width = ui.width().map(usize::from);
    // Most listed events are of the same day, and people compare times.
    let mut clock = event.received_at.local_clock();
    if width.is_some_and(|width| width < WIDE) {
        clock.truncate("00:00:00".len());
    }
    let reference = event.reference().unwrap_or_else(|| "-".to_owned());
    let (verdict_style, verdict) = verdict(event);
    let (outcome_style, outcome) = outcome(event.outcome);
    let (verdict, outcome) = (format!("{verdict:<11}"), format!("{outcome:<13}"));
    let size = size(event.body.len());
    let others = [&clock, &reference, &verdict, &outcome, &size];
    let taken: usize = others.iter().map(|part| part.chars().count() + 2).sum();
    let room = width.map_or(TITLE, |width| width.saturating_sub(taken));
    let title = clip(&event.title(), room.clamp(SHORTEST_TITLE, TITLE));
    let title = format!("{title:<0$}", room.clamp(SHORTEST_TITLE, TITLE_COLUMN));
    format!(
        "{}  {reference}  {}  {}  {}  {}",
        ui.paint(Style::Dim, &clock),
        ui.paint(Style::Name, &title),
        ui.paint(verdict_style, &verdict),
        ui.paint(outcome_style, &outcome),
        ui.paint(Style::Dim, &size),
    )
}

/// Formats an event in full: facts, headers, body, attempts. Headers with credentials are masked unless `show_secrets` is set.
pub fn detail(ui: &Ui, event: &Event, show_secrets: bool) -> String {
    let mut lines = Vec::new();
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            lines.push(format!(
                "{} {}",
                ui.paint(Style::Dim, &format!("{name:<9}")),
                safe(value)
            ));
        }
    };
    let meta = &event.meta;
    fact("ref", event.reference().as_deref());
    fact("received", Some(&event.received_at.local_with_offset()));
    fact("source", Some(event.source.as_str()));
    fact("type", meta.kind.as_deref());
    fact("id", meta.id.as_deref());
    fact("system", meta.system.as_deref());
    fact("org", meta.org.as_deref());
    fact("subject", meta.subject.as_deref());
    fact("time", meta.time.as_deref());
    fact("verdict", verdict_in_words(event).as_deref());
    fact("outcome", Some(&outcome(event.outcome).1));
    fact(
        "request",
        Some(&format!("{} {}", event.method, event.target)),
    );
    lines.push(String::new());
    lines.extend(header_lines(ui, &event.headers, show_secrets));
    lines.push(String::new());
    lines.push(body(&event.body));
    for (position, attempt) in event.attempts.iter().enumerate() {
        lines.push(String::new());
        let line = format!(
            "{} {}",
            ui.paint(Style::Dim, &format!("attempt {}", position + 1)),
            attempt_line(ui, attempt)
        );
        lines.push(match ui.width() {
            Some(width) => layout::wrap_indented(&line, usize::from(width)),
            None => line,
        });
        if attempt.status.is_some() {
            lines.push(answer(ui, attempt, show_secrets));
        }
    }
    lines.join("\n")
}

/// Formats an attempt as one line: time, result, duration.
pub fn attempt_line(ui: &Ui, attempt: &Attempt) -> String {
    let style = if attempt.is_success() {
        Style::Good
    } else {
        Style::Bad
    };
    let result = match (attempt.status, &attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => safe(error),
        (None, None) => "no answer".to_owned(),
    };
    format!(
        "at {}: {} in {} ms",
        attempt.started_at.local_clock(),
        ui.paint(style, &result),
        millis(attempt.took)
    )
}

/// Formats the answer of an attempt: headers and body, escaped. Headers with credentials are masked unless `show_secrets` is set.
pub fn answer(ui: &Ui, attempt: &Attempt, show_secrets: bool) -> String {
    let mut lines = header_lines(ui, &attempt.headers, show_secrets);
    if attempt.cut.headers {
        lines.push("… (further headers are not stored)".to_owned());
    }
    if !attempt.body.is_empty() {
        lines.push(String::new());
        lines.push(body(attempt.body.trim_ascii_end()));
    }
    if attempt.cut.body {
        lines.push("… (the rest of the body is not stored)".to_owned());
    }
    lines.join("\n")
}

fn header_lines(ui: &Ui, headers: &HeaderMap, show_secrets: bool) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = match hidden_header(name.as_str(), value.as_bytes()) {
            Some(masked) if !show_secrets => masked,
            _ => safe_bytes(value.as_bytes()),
        };
        format!("{}: {value}", ui.paint(Style::Name, name.as_str()))
    };
    headers.iter().map(line).collect()
}

/// Formats and escapes a body: JSON is indented, anything else is left as it is.
pub fn body(bytes: &[u8]) -> String {
    match json::Raw::check(bytes) {
        Some(raw) => safe_block(json::pretty(raw.text()).as_bytes()),
        None => safe_block(bytes),
    }
}

/// Masks the value of a header with a credential or signature. Returns `None` for any other header. Ignores case.
pub fn hidden_header(name: &str, value: &[u8]) -> Option<String> {
    let name = name.to_ascii_lowercase();
    if name.ends_with("-signature") {
        let shown = clip(&String::from_utf8_lossy(value), SIGNATURE_SHOWN + 1);
        return Some(shown);
    }
    let authorises = matches!(
        name.as_str(),
        "authorization" | "proxy-authorization" | "cookie" | "set-cookie"
    ) || secret::is_named(&name);
    authorises.then(|| match std::str::from_utf8(value) {
        Ok(text) => safe(&Secret::new(text).to_string()),
        Err(_) => "…".to_owned(),
    })
}

/// Describes the result of the signature check in a word or two.
pub fn verdict(event: &Event) -> (Style, String) {
    match &event.verdict {
        None => (Style::Dim, "· unchecked".to_owned()),
        Some(verdict) if verdict.ok => (Style::Good, "✓ verified".to_owned()),
        Some(verdict) => (Style::Bad, format!("✗ {}", clip(&verdict.reason, 24))),
    }
}

fn verdict_in_words(event: &Event) -> Option<String> {
    let verdict = event.verdict.as_ref()?;
    let mark = if verdict.ok {
        "✓ verified"
    } else {
        "✗ not valid"
    };
    let mut words = format!("{mark} ({}", verdict.scheme);
    if !verdict.ok {
        words.push_str(": ");
        words.push_str(&verdict.reason);
    }
    words.push(')');
    if let Some(hint) = &verdict.hint {
        words.push_str("; ");
        words.push_str(hint);
    }
    Some(words)
}

/// Describes the outcome of an event in a word or two.
pub fn outcome(outcome: Outcome) -> (Style, String) {
    let style = match outcome {
        Outcome::Kept => Style::Dim,
        Outcome::Queued => Style::Warn,
        Outcome::Delivered { .. } => Style::Good,
        Outcome::Rejected | Outcome::Failed { .. } => Style::Bad,
    };
    let words = match outcome.status() {
        Some(status) => format!("{} {status}", outcome.as_str()),
        None => outcome.as_str().to_owned(),
    };
    (style, words)
}

/// Formats a number of bytes: `812 B`, `3.4 KiB`.
pub fn size(bytes: usize) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut scaled = bytes as f64;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{scaled:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;

    use super::*;
    use crate::event::{Meta, Seq, Source, Transport, Verdict};
    use crate::time::Timestamp;
    use crate::ui::Manner;

    fn event() -> Event {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert(
            "authorization",
            HeaderValue::from_static("Bearer very-secret-token-9f2c"),
        );
        headers.insert(
            "webhook-signature",
            HeaderValue::from_static("v1,K5oZfzN95Z9UVu1EsfQm"),
        );
        Event {
            seq: Some(Seq(0x7f3a)),
            received_at: Timestamp::from_millis(1_777_111_200_007),
            source: Source::Listen,
            transport: Transport::Http,
            method: Method::POST,
            target: "/hook".to_owned(),
            headers,
            body: Bytes::from_static(b"{\"a\":\"\x1b[2J\"}\n"),
            meta: Meta {
                kind: Some("contact.created".to_owned()),
                ..Meta::default()
            },
            verdict: Some(Verdict {
                scheme: "stripe".to_owned(),
                ok: false,
                reason: "signature_mismatch".to_owned(),
                hint: None,
            }),
            outcome: Outcome::Failed { status: Some(500) },
            attempts: Vec::new(),
        }
    }

    #[test]
    fn the_text_of_a_line_carries_what_its_colours_mean() {
        let shown = line(&Ui::new(Manner::default()), &event());
        assert_eq!(
            shown,
            "10:00:00.007  e_7f3a  contact.created               ✗ signature_mismatch  failed 500     13 B"
        );
    }

    #[test]
    fn a_detail_masks_credentials_and_escapes_control_characters() {
        let shown = detail(&Ui::new(Manner::default()), &event(), false);
        assert!(!shown.contains("very-secret-token"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("webhook-signature: v1,K5oZf…"), "{shown}");
        assert!(shown.contains("content-type: application/json"), "{shown}");
    }

    #[test]
    fn every_header_with_a_credential_is_masked() {
        for name in [
            "Cookie",
            "set-cookie",
            "X-Bridge-Secret",
            "x-api-key",
            "X-Gitlab-Token",
            "Proxy-Authorization",
        ] {
            let masked = hidden_header(name, b"0123456789abcdefghij").unwrap();
            assert_eq!(masked, "…ghij", "{name}");
        }
        assert_eq!(hidden_header("orgid", b"my-org"), None);
    }

    #[test]
    fn sizes_are_in_binary_units() {
        assert_eq!(size(812), "812 B");
        assert_eq!(size(3_500), "3.4 KiB");
        assert_eq!(size(5 << 20), "5.0 MiB");
    }
}
