//! What led to a delivery of the running platform, asked of the platform itself: its store is another than the inbox.

use serde_json::Value;
use tokio::runtime::Handle;

use crate::cli::Context;
use crate::control::Control;
use crate::error::CliError;
use crate::event::Event;
use crate::ui::{Style, safe};

/// Prints the chain under an event that a flow of the running platform delivered; prints nothing for any other.
pub(super) fn show(event: &Event, cx: &Context) -> Result<(), CliError> {
    let (Some(run), Ok(Some(running))) = (run_of(event), cx.running()) else {
        return Ok(());
    };
    let asked = Control::of(&running);
    // An event of another platform, or of one that has been reset, has no chain here.
    let Ok(chain) = Handle::current().block_on(asked.get(&format!("/_evt/chain/{run}"))) else {
        return Ok(());
    };
    cx.ui.line("")?;
    for (place, line) in lines(&chain).into_iter().enumerate() {
        let label = if place == 0 { "because" } else { "" };
        let label = cx.ui.paint(Style::Dim, &format!("{label:<9}"));
        cx.ui.line(&format!("{label} {}", safe(&line)))?;
    }
    Ok(())
}

/// The run that a delivery names in its headers.
fn run_of(event: &Event) -> Option<String> {
    let text = |name: &str| event.headers.get(name)?.to_str().ok();
    let is_plain = |run: &str| run.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let by_key =
        text("idempotency-key").and_then(|key| key.strip_prefix("exec-")?.split('.').next());
    let by_id = || text("webhook-id")?.strip_prefix("msg_")?.split('_').next();
    let run = by_key.or_else(by_id).filter(|run| is_plain(run))?;
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
            // What came over HTTP is a vendor's request; all else the platform raised itself.
            if event["transport"] != "http" {
                return name;
            }
            let verdict = match event["verified"].as_bool() {
                Some(true) => "✓ verified",
                Some(false) => "✗ not valid",
                None => "· unchecked",
            };
            let id = event["id"].as_str().map(|id| format!(" {id}"));
            // Without the platform's references: this inbox gives the same numbers to other events.
            let system = text(event, "system");
            format!("{system} {name}{}  {verdict}", id.unwrap_or_default())
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
    fn a_chain_goes_from_the_first_cause_to_the_run() {
        let chain = json!({
            "run": "exec-1", "flow": "paid", "status": "completed",
            "events": [
                {"ref": "e_0001", "type": "payment_intent.succeeded", "id": "evt_1", "system": "stripe", "transport": "http", "verified": true},
                {"ref": "e_0002", "type": "payment.succeeded", "transport": "bus"},
            ],
        });
        let expected = [
            "stripe payment_intent.succeeded evt_1  ✓ verified",
            "└ payment.succeeded",
            "  └ flow paid  completed  (exec-1)",
        ];
        assert_eq!(lines(&chain), expected);
    }
}
