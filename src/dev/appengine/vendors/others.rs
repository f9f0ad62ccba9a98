//! Banking, whose transfers are domain events, and vendors without domain events, whose requests are only stored.

use super::payments::number;
use super::report::{Delivery, Report, first};

/// There is no common format of banks: `event`, `type`, `status` or the last segment of the path has the status of a transfer.
pub(super) fn banking(delivery: &Delivery<'_>) -> Vec<Report> {
    let root = &delivery.body;
    let event = first(
        root,
        &["/event", "/type", "/event_type", "/status", "/data/status"],
    );
    let event = event.unwrap_or_else(|| {
        let last = delivery.path.rsplit('/').next();
        last.unwrap_or_default().to_owned()
    });
    let word = event.to_ascii_lowercase();
    let is = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    let kind = if is(&["settled", "completed", "posted"]) {
        Some("transfer.settled")
    } else if is(&["initiated", "created", "pending"]) {
        Some("transfer.initiated")
    } else {
        None
    };
    let amount = first(root, &["/amount", "/data/amount"]).map(|amount| number(&amount));
    let transfer = ["/transferId", "/transfer_id", "/data/id", "/id"];
    let report = Report::new(event, first(root, &["/eventId", "/event_id", "/id"]))
        .raises(kind)
        .about(first(root, &transfer))
        .with("rail", first(root, &["/rail", "/data/rail"]))
        .with("amount", amount)
        .with("currency", first(root, &["/currency", "/data/currency"]))
        .with("status", first(root, &["/status", "/data/status"]));
    vec![report]
}

pub(super) fn github(delivery: &Delivery<'_>) -> Vec<Report> {
    let event = delivery.header("x-github-event").unwrap_or_default();
    vec![Report::new(event, delivery.header("x-github-delivery"))]
}

pub(super) fn shopify(delivery: &Delivery<'_>) -> Vec<Report> {
    let of = |name: &str| {
        let older = delivery.header(&format!("x-shopify-{name}"));
        older.or_else(|| delivery.header(&format!("shopify-{name}")))
    };
    vec![Report::new(
        of("topic").unwrap_or_default(),
        of("webhook-id"),
    )]
}

pub(super) fn pubsub(delivery: &Delivery<'_>) -> Vec<Report> {
    let id = ["/message/messageId", "/message/message_id"];
    vec![Report::new("push", first(&delivery.body, &id))]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::read;
    use super::*;

    #[test]
    fn a_transfer_is_initiated_and_settled() {
        let kind = |body| read("banking", banking, body).remove(0).kind;
        assert_eq!(
            kind(json!({"event": "transfer.initiated"})),
            Some("transfer.initiated")
        );
        assert_eq!(
            kind(json!({"type": "ACH", "event": "transfer_settled"})),
            Some("transfer.settled")
        );
        assert_eq!(
            kind(json!({"status": "PENDING"})),
            Some("transfer.initiated")
        );
        assert_eq!(kind(json!({"status": "returned"})), None);
    }
}
