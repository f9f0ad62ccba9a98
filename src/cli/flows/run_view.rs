//! Formats a run: its steps, the attempts of each delivery, and the conditions that did not hold.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::shown::short_url;
use crate::api::flows::Run;
use crate::cli::Context;
use crate::condition::Finding;
use crate::error::CliError;
use crate::time::Timestamp;
use crate::ui::{Format, Style, clip, safe};

/// Characters of a response body that are shown.
const MAX_BODY: usize = 100;
/// Lines of an explanation that are shown.
const MAX_LINES: usize = 100;

/// Prints the run: as several lines of text, or as one JSON object.
pub(super) fn print(cx: &Context, run: &Run) -> Result<(), CliError> {
    if cx.ui.format() != Format::Text {
        return Ok(cx.ui.json(run.value())?);
    }
    let paint = |style: Style, text: &str| cx.ui.paint(style, text);
    let view = View {
        value: run.value(),
        is_verbose: cx.ui.is_verbose(),
        paint: &paint,
    };
    for line in view.lines(run) {
        cx.ui.wrapped_line(&line)?;
    }
    Ok(())
}

/// The run and its steps in one line. Changes whenever the run makes progress.
pub(super) fn one_line(run: &Run) -> String {
    let steps: Vec<String> = steps(run.value())
        .map(|step| {
            let attempts = list(step, "attempts").count();
            let suffix = match attempts {
                0 => String::new(),
                1 => " (1 attempt)".to_owned(),
                many => format!(" ({many} attempts)"),
            };
            format!("{} {}{suffix}", text(step, "stepId"), text(step, "status"))
        })
        .collect();
    safe(&format!(
        "{} {}: {}",
        run.id(),
        run.status(),
        steps.join(", ")
    ))
}

struct View<'a> {
    value: &'a Value,
    is_verbose: bool,
    paint: &'a dyn Fn(Style, &str) -> String,
}

impl View<'_> {
    fn lines(&self, run: &Run) -> Vec<String> {
        let mut lines = vec![self.head(run)];
        // The reason of a failed step is printed below the step.
        let step_failed = steps(self.value).any(|step| step.get("error").is_some());
        if let Some(reason) = self.value.get("reason").and_then(Value::as_str)
            && !step_failed
        {
            lines.push(format!("  {}", (self.paint)(Style::Warn, &safe(reason))));
        }
        if let Some(explain) = self.value.get("explain") {
            let explanation = explanation(explain);
            // The reason already contains an explanation of one line.
            if self.value.get("reason").is_none() || explanation.lines().nth(1).is_some() {
                push_indented(&explanation, 2, &mut lines);
            }
        }
        for step in steps(self.value) {
            self.step(step, &mut lines);
        }
        if let (true, Some(context)) = (self.is_verbose, self.value.get("context")) {
            lines.push(format!("  context {}", safe(&context.to_string())));
        }
        lines
    }

    fn head(&self, run: &Run) -> String {
        let flow = match text(self.value, "flowName") {
            "" => run.flow_id(),
            name => name,
        };
        let mut parts = vec![
            (self.paint)(Style::Name, &safe(run.id())),
            (self.paint)(colour(run.status()), &safe(run.status())),
            safe(flow),
            (self.paint)(Style::Dim, &safe(&started_at(self.value))),
        ];
        // A run that was skipped or blocked has no duration.
        if steps(self.value).next().is_some() {
            parts.extend(took(self.value).map(|took| (self.paint)(Style::Dim, &took)));
        }
        parts.join("  ")
    }

    fn step(&self, step: &Value, lines: &mut Vec<String>) {
        let status = text(step, "status");
        let mut parts = vec![
            safe(text(step, "stepId")),
            safe(text(step, "type")),
            (self.paint)(colour(status), &safe(status)),
        ];
        if let Some(url) = step.pointer("/input/url").and_then(Value::as_str) {
            let method = step.pointer("/input/method").and_then(Value::as_str);
            parts.push(safe(&format!(
                "{} {}",
                method.unwrap_or("POST"),
                short_url(url)
            )));
        }
        if status == "waiting"
            && let Ok(until) = text(step, "until").parse::<Timestamp>()
        {
            parts.push(format!("until {}", until.local()));
        }
        if let Some(to) = step.pointer("/output/to").and_then(Value::as_array) {
            let to: Vec<&str> = to.iter().filter_map(Value::as_str).collect();
            parts.push(safe(&format!("to {}", to.join(", "))));
        }
        if let Some(record) = step.pointer("/output/sk").and_then(Value::as_str) {
            parts.push(safe(record));
        }
        if let Some(count) = step.pointer("/output/count") {
            parts.push(safe(&format!("{count} records")));
        }
        parts.extend(took(step).map(|took| (self.paint)(Style::Dim, &took)));
        lines.push(format!("  {}", parts.join("  ")));
        for attempt in list(step, "attempts") {
            lines.push(format!("    {}", self.attempt(attempt)));
            if self.is_verbose {
                lines.extend(
                    list(attempt, "headers")
                        .filter_map(Value::as_str)
                        .map(|header| {
                            format!("        {}", (self.paint)(Style::Dim, &safe(header)))
                        }),
                );
            }
        }
        if let Some(error) = step.get("error").and_then(Value::as_str) {
            lines.push(format!("    {}", (self.paint)(Style::Bad, &safe(error))));
        }
        for warning in list(step, "warnings").filter_map(Value::as_str) {
            lines.push(format!("    {}", (self.paint)(Style::Warn, &safe(warning))));
        }
        if let Some(explain) = step.get("explain") {
            push_indented(&explanation(explain), 4, lines);
        }
    }

    /// `attempt 1  200  8 ms  body: ok`
    fn attempt(&self, attempt: &Value) -> String {
        let number = attempt.get("n").and_then(Value::as_u64).unwrap_or_default();
        let mut parts = vec![format!("attempt {number}")];
        match attempt.get("status").and_then(Value::as_u64) {
            Some(status) => {
                let style = if (200..300).contains(&status) {
                    Style::Good
                } else {
                    Style::Bad
                };
                parts.push((self.paint)(style, &status.to_string()));
            }
            // With a status, the error only repeats it.
            None => match text(attempt, "error") {
                "" => parts.push((self.paint)(Style::Bad, "no response")),
                error => parts.push((self.paint)(Style::Bad, &clip(error, MAX_BODY))),
            },
        }
        if let Some(millis) = attempt.get("took_ms").and_then(Value::as_u64) {
            let took = duration(Duration::from_millis(millis));
            parts.push((self.paint)(Style::Dim, &took));
        }
        let body = text(attempt, "body").trim_end();
        if !body.is_empty() {
            parts.push(format!("body: {}", clip(body, MAX_BODY)));
        }
        parts.join("  ")
    }
}

/// Formats an explanation: conditions with the values that they saw, or the events of a loop.
fn explanation(explain: &Value) -> String {
    if let Ok(tree) = Finding::deserialize(explain) {
        return tree.text();
    }
    let mut lines = vec!["events that led here, newest first:".to_owned()];
    for event in list(explain, "chain") {
        let parts = ["event", "type", "subject"].map(|key| text(event, key));
        lines.push(format!("  {}", parts.join("  ").trim_end()));
    }
    match lines.len() {
        1 => explain.to_string(),
        _ => lines.join("\n"),
    }
}

fn push_indented(text: &str, indent: usize, lines: &mut Vec<String>) {
    let shown = text.lines().take(MAX_LINES);
    lines.extend(shown.map(|line| format!("{:indent$}{}", "", safe(line))));
}

fn steps(run: &Value) -> impl Iterator<Item = &Value> {
    list(run, "steps")
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn colour(status: &str) -> Style {
    match status {
        "completed" => Style::Good,
        "failed" => Style::Bad,
        "pending" | "running" | "blocked" => Style::Warn,
        _ => Style::Dim,
    }
}

/// The local time of the run's start: `2026-04-25 10:00:00`.
fn started_at(run: &Value) -> String {
    let time = text(run, "startedAt");
    time.parse()
        .map_or_else(|_| time.to_owned(), Timestamp::local)
}

/// The duration of a run or step that has ended.
fn took(value: &Value) -> Option<String> {
    let time = |key| text(value, key).parse::<Timestamp>().ok();
    let (started, ended) = (time("startedAt")?, time("completedAt")?);
    Some(duration(ended.since(started)))
}

fn duration(took: Duration) -> String {
    match took.as_millis() {
        millis @ ..1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(value: Value) -> Vec<String> {
        let run = Run::from(value.clone());
        let plain = |_: Style, text: &str| text.to_owned();
        let view = View {
            value: &value,
            is_verbose: false,
            paint: &plain,
        };
        view.lines(&run)
    }

    #[test]
    fn each_attempt_has_a_line() {
        let run = json!({
            "id": "exec-1", "flowName": "bridge", "status": "completed",
            "startedAt": "2026-04-25T10:00:00.000Z", "completedAt": "2026-04-25T10:00:02.500Z",
            "steps": [{
                "stepId": "s1", "type": "send_webhook", "status": "completed",
                "input": {"url": "http://127.0.0.1:1/hook", "method": "POST"},
                "attempts": [
                    {"n": 1, "took_ms": 3, "error": "connection refused", "headers": [], "body": ""},
                    {"n": 2, "took_ms": 8, "status": 200, "headers": [], "body": "ok\u{1b}[31m"},
                ],
            }],
        });
        assert_eq!(
            lines(run),
            [
                "exec-1  completed  bridge  2026-04-25 10:00:00  2.5 s",
                "  s1  send_webhook  completed  POST 127.0.0.1:1/hook",
                "    attempt 1  connection refused  3 ms",
                "    attempt 2  200  8 ms  body: ok\\u{1b}[31m",
            ]
        );
    }

    #[test]
    fn a_run_that_did_not_start_shows_the_reason() {
        let run = json!({
            "id": "exec-1", "automationId": "automation-1", "status": "skipped",
            "reason": "a condition did not hold",
            "explain": {"held": false, "what": "all of", "parts": [
                {"held": false, "what": "data.status == \"lead\"", "seen": "\"new\""},
            ]},
            "steps": [],
        });
        let lines = lines(run);
        assert_eq!(lines[1], "  a condition did not hold");
        assert!(
            lines[3].contains("data.status") && lines[3].contains("new"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_blocked_run_lists_the_events_of_the_loop() {
        let chain = json!({"chain": [{"event": "e_1", "type": "contact.created"}]});
        let lines = lines(json!({"id": "exec-1", "explain": chain}));
        assert_eq!(
            lines[1..],
            [
                "  events that led here, newest first:",
                "    e_1  contact.created"
            ]
        );
    }
}
