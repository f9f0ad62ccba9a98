//! Reports when brokers become ready, cannot be reached, or end, while `evt dev` runs.

use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cli::Context;
use crate::dev::Server;
use crate::dev::host::brokers::{Broker, BrokerState};
use crate::grammar::broker::BrokerUrl;
use crate::ui::safe;

/// Reports the changes of all brokers until `stop`.
pub(super) fn report(server: &Server, cx: &Arc<Context>, stop: &CancellationToken) {
    for index in 0..server.host().brokers.all().len() {
        let (brokers, cx, stop) = (server.host().brokers.clone(), Arc::clone(cx), stop.clone());
        tokio::spawn(async move {
            let broker = &brokers.all()[index];
            let mut changes = broker.changes();
            // The watcher may have seen the first change already.
            changes.mark_changed();
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = changes.changed() => if changed.is_err() { return },
                }
                let state = changes.borrow_and_update().clone();
                show(broker, &state, &cx);
            }
        });
    }
}

fn show(broker: &Broker, state: &BrokerState, cx: &Context) {
    let name = broker.kind.name();
    let url = BrokerUrl::parse_with_login(&broker.url).map(|url| url.to_string());
    let url = url.unwrap_or_default();
    match state {
        BrokerState::Starting => {}
        BrokerState::Ready => {
            let facts = json!({ "broker": name, "state": "ready", "url": url });
            cx.ui.notice(
                "broker",
                facts,
                &format!("{name} is ready at {}", safe(&url)),
            );
        }
        BrokerState::Unreachable { why } | BrokerState::Ended { why } => {
            cx.ui.warn(&format!("{name} cannot be used: {}", safe(why)));
        }
    }
}
