//! Shows what led to a webhook of the running platform. The platform is asked, because its events are not in the inbox.

use serde_json::Value;
use tokio::runtime::Handle;

use crate::cli::Context;
use crate::control::Control;
use crate::error::CliError;
use crate::event::Event;
use crate::ui::{Style, safe};

/// Prints the causes of an event that a flow of the running platform delivered. Prints nothing for other events.
pub(super) fn show(event: &Event, cx: &Context) -> Result<(), CliError> {
    let (Some(run), Ok(Some(running))) = (run_of(event), cx.running()) else {
        return Ok(());
    };
    let control = Control::of(&running);
    // The event may be from another platform, or from before a reset: then the platform does not know the run.
    let Ok(chain) = Handle::current().block_on(control.get(&format!("/_evt/chain/{run}"))) else {
        return Ok(());
    };
    cx.ui.line("")?;
    for (index, line) in lines(&chain).into_iter().enumerate() {
        let label = if index == 0 { "caused by" } else { "" };
        let label = cx.ui.paint(Style::Dim, &format!("{label:<9}"));
        cx.ui.line(&format!("{label} {}", safe(&line)))?;
    }
    Ok(())
}

/// Reads the run's id from the delivery's headers.
pub(super) fn run_of(event: &Event) -> Option<String> {
    let text = |name: &str| event.headers.get(name)?.to_str().ok();
    let is_valid = |run: &str| run.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let by_key =
        text("idempotency-key").and_then(|key| key.strip_prefix("exec-")?.split('.').next());
    let by_id = || text("webhook-id")?.strip_prefix("msg_")?.split('_').next();
    let run = by_key.or_else(by_id).filter(|run| is_valid(run))?;
    Some(format!("exec-{run}"))
}

fn lines(chain: &Value) -> Vec<String> {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<String> = chain["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| {
            let name = text(event, "type");
            let reference = text(event, "ref");
            // Only vendors' webhooks arrive over HTTP. The platform raised all other events.
            if event["transport"] != "http" {
                return format!("{name}  {reference}");
            }
            let verdict = match event["verified"].as_bool() {
                Some(true) => "✓ verified",
                Some(false) => "✗ not valid",
                None => "· unchecked",
            };
            let id = event["id"].as_str().map(|id| format!(" {id}"));
            let system = text(event, "system");
            format!(
                "{system} {name}{}  {verdict}  {reference}",
                id.unwrap_or_default()
            )
        })
        .collect();
    let (flow, run, status) = (
        text(chain, "flow"),
        text(chain, "run"),
        text(chain, "status"),
    );
    lines.push(format!("flow {flow}  {status}  ({run})"));
    for (depth, line) in lines.iter_mut().enumerate().skip(1) {
        *line = format!("{}└ {line}", "  ".repeat(depth - 1));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chain_starts_at_the_first_cause_and_ends_at_the_run() {
        let chain = json!({
            "run": "exec-1", "flow": "paid", "status": "completed",
            "events": [
                {"ref": "p_0001", "type": "payment_intent.succeeded", "id": "evt_1", "system": "stripe", "transport": "http", "verified": true},
                {"ref": "p_0002", "type": "payment.succeeded", "transport": "bus"},
            ],
        });
        let expected = [
            "stripe payment_intent.succeeded evt_1  ✓ verified  p_0001",
            "└ payment.succeeded  p_0002",
            "  └ flow paid  completed  (exec-1)",
        ];
        assert_eq!(lines(&chain), expected);
    }
}
