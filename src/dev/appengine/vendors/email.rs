//! Email vendors: the status of an email, as the same events for all vendors.

use serde_json::Value;

use super::report::{Delivery, Report, first, text};

pub(super) fn sendgrid(delivery: &Delivery<'_>) -> Vec<Report> {
    let elements = match &delivery.body {
        Value::Array(elements) => elements.as_slice(),
        other => std::slice::from_ref(other),
    };
    elements.iter().map(sendgrid_event).collect()
}

fn sendgrid_event(element: &Value) -> Report {
    let event = text(element, "/event").unwrap_or_default();
    let kind = match event.as_str() {
        "delivered" => Some("email.delivered"),
        "open" => Some("email.opened"),
        "click" => Some("email.clicked"),
        // A block is a temporary refusal of the server: the mailbox exists.
        "bounce" if element["type"] == "blocked" => Some("email.failed"),
        "bounce" => Some("email.bounced"),
        "dropped" => Some("email.failed"),
        "spamreport" => Some("email.complained"),
        "unsubscribe" | "group_unsubscribe" => Some("email.unsubscribed"),
        _ => None,
    };
    Report::new(event, text(element, "/sg_event_id"))
        .raises(kind)
        .with("messageId", first(element, &["/sg_message_id", "/smtp-id"]))
        .with(
            "campaignId",
            first(element, &["/marketing_campaign_id", "/singlesend_id"]),
        )
        .with("email", text(element, "/email"))
        .with("url", text(element, "/url"))
        .with("reason", text(element, "/reason"))
}

pub(super) fn mailgun(delivery: &Delivery<'_>) -> Vec<Report> {
    // Older webhooks are forms with the same fields at the root.
    let data = delivery.body.get("event-data").unwrap_or(&delivery.body);
    let event = text(data, "/event").unwrap_or_default();
    let kind = match event.as_str() {
        "delivered" => Some("email.delivered"),
        "opened" => Some("email.opened"),
        "clicked" => Some("email.clicked"),
        "failed" if data["severity"] == "permanent" => Some("email.bounced"),
        "failed" | "rejected" => Some("email.failed"),
        "complained" => Some("email.complained"),
        "unsubscribed" => Some("email.unsubscribed"),
        _ => None,
    };
    let Some(token) = mailgun_token(&delivery.body) else {
        return vec![Report::new(event, text(data, "/id"))];
    };
    let reason = ["/delivery-status/message", "/reason"];
    let report = Report::new(event, text(data, "/id"))
        .with_signature_id(Some(token))
        .raises(kind)
        .with(
            "messageId",
            first(data, &["/message/headers/message-id", "/message-id"]),
        )
        .with("campaignId", text(data, "/campaigns/0/id"))
        .with("email", text(data, "/recipient"))
        .with("url", text(data, "/url"))
        .with("reason", first(data, &reason));
    vec![report]
}

/// The id of a Mailgun signature, which is accepted once.
///
/// Mailgun does not sign the event, so anyone who has seen a signature could send another event with it. Timestamp and token
/// are signed as one text that could be split at another position, so the id consists of both.
fn mailgun_token(body: &Value) -> Option<String> {
    let signed = body
        .get("signature")
        .filter(|signature| signature.is_object())
        .unwrap_or(body);
    // Only strings and integers: a fraction or a very long number would be written differently than it was signed.
    let token = signed["token"].as_str()?;
    let timestamp = &signed["timestamp"];
    let number = timestamp.as_u64().map(|seconds| seconds.to_string());
    let timestamp = number.or_else(|| timestamp.as_str().map(str::to_owned))?;
    Some(format!("mailgun-token:{timestamp}{token}"))
}

/// SES sends through SNS: the event is JSON text inside the notification.
pub(super) fn ses(delivery: &Delivery<'_>) -> Vec<Report> {
    let message = delivery.text("/Message").unwrap_or_default();
    let message: Value = serde_json::from_str(&message).unwrap_or_default();
    let event = first(&message, &["/notificationType", "/eventType"]);
    let event = event.or_else(|| delivery.text("/Type")).unwrap_or_default();
    let kind = match event.as_str() {
        "Delivery" => Some("email.delivered"),
        "Open" => Some("email.opened"),
        "Click" => Some("email.clicked"),
        "Bounce" if message["bounce"]["bounceType"] == "Transient" => Some("email.failed"),
        "Bounce" => Some("email.bounced"),
        "Complaint" => Some("email.complained"),
        "Reject" | "Rendering Failure" => Some("email.failed"),
        "Subscription" => Some("email.unsubscribed"),
        _ => None,
    };
    let reason = [
        "/complaint/complaintFeedbackType",
        "/reject/reason",
        "/failure/errorMessage",
    ];
    let report = Report::new(event, delivery.text("/MessageId"))
        .raises(kind)
        .with("messageId", text(&message, "/mail/messageId"))
        .with(
            "campaignId",
            first(
                &message,
                &[
                    "/mail/tags/campaign/0",
                    "/mail/tags/ses:configuration-set/0",
                ],
            ),
        )
        .with("url", text(&message, "/click/link"))
        .with("reason", first(&message, &reason));
    let recipients = [
        "/bounce/bouncedRecipients",
        "/complaint/complainedRecipients",
        "/delivery/recipients",
    ];
    let recipients = recipients
        .iter()
        .find_map(|list| message.pointer(list)?.as_array());
    match recipients {
        Some(recipients) if !recipients.is_empty() => {
            let all = recipients.iter().enumerate();
            all.map(|(at, recipient)| to_one(&report, at, recipient))
                .collect()
        }
        _ => vec![report.with("email", text(&message, "/mail/destination/0"))],
    }
}

/// Adds a recipient of a notification: an address, or an object with one.
fn to_one(report: &Report, at: usize, recipient: &Value) -> Report {
    let report = report.clone();
    let id = report.id.as_ref().map(|id| format!("{id}:{at}"));
    Report { id, ..report }
        .with("email", first(recipient, &["", "/emailAddress"]))
        .with("reason", text(recipient, "/diagnosticCode"))
}

pub(super) fn resend(delivery: &Delivery<'_>) -> Vec<Report> {
    let event = delivery.text("/type").unwrap_or_default();
    let kind = match event.as_str() {
        "email.delivered" => Some("email.delivered"),
        "email.opened" => Some("email.opened"),
        "email.clicked" => Some("email.clicked"),
        "email.bounced" => Some("email.bounced"),
        "email.complained" => Some("email.complained"),
        "email.failed" => Some("email.failed"),
        _ => None,
    };
    let reason = ["/data/bounce/message", "/data/failed/reason"];
    // The same order in which the signature scheme tries the names.
    let id = delivery.header("svix-id");
    let report = Report::new(event, id.or_else(|| delivery.header("webhook-id")))
        .raises(kind)
        .with("messageId", delivery.text("/data/email_id"))
        .with("email", delivery.text("/data/to/0"))
        .with("url", delivery.text("/data/click/link"))
        .with("reason", first(&delivery.body, &reason));
    vec![report]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::read;
    use super::*;

    #[test]
    fn a_batch_has_one_report_for_each_element() {
        let body = json!([
            {"event": "processed", "sg_event_id": "1"},
            {"event": "delivered", "sg_event_id": "2", "email": "ada@example.test"},
            {"event": "bounce", "type": "blocked", "sg_event_id": "3"},
        ]);
        let report = read("sendgrid", sendgrid, body);
        let kinds: Vec<_> = report.iter().map(|report| report.kind).collect();
        assert_eq!(kinds, [None, Some("email.delivered"), Some("email.failed")]);
        assert_eq!(report[1].fields["email"], json!("ada@example.test"));
    }

    #[test]
    fn the_event_inside_an_sns_notification_is_read() {
        let message = json!({
            "notificationType": "Bounce",
            "mail": {"messageId": "m"},
            "bounce": {"bounceType": "Permanent", "bouncedRecipients": [
                {"emailAddress": "ada@example.test", "diagnosticCode": "550"},
                {"emailAddress": "bob@example.test"},
            ]},
        });
        let body =
            json!({"Type": "Notification", "MessageId": "n", "Message": message.to_string()});
        let report = read("ses", ses, body);
        let reports: Vec<_> = report
            .iter()
            .map(|report| {
                (
                    report.kind,
                    report.id.as_deref(),
                    report.fields["email"].as_str(),
                )
            })
            .collect();
        let bounced = Some("email.bounced");
        assert_eq!(
            reports,
            [
                (bounced, Some("n:0"), Some("ada@example.test")),
                (bounced, Some("n:1"), Some("bob@example.test")),
            ]
        );
        assert_eq!(report[0].fields["reason"], json!("550"));
        assert_eq!(report[1].fields.get("reason"), None);
    }

    #[test]
    fn only_a_permanent_failure_is_a_bounce() {
        let kind = |severity: &str| {
            let body = json!({
                "signature": {"timestamp": "1", "token": "t"},
                "event-data": {"event": "failed", "severity": severity, "id": "1"},
            });
            read("mailgun", mailgun, body).remove(0).kind
        };
        assert_eq!(kind("permanent"), Some("email.bounced"));
        assert_eq!(kind("temporary"), Some("email.failed"));
    }

    #[test]
    fn a_signature_is_accepted_once_for_any_split() {
        let token = |timestamp: Value, token: &str| {
            let body = json!({
                "signature": {"timestamp": timestamp, "token": token},
                "event-data": {"event": "opened", "id": "1"},
            });
            read("mailgun", mailgun, body).remove(0).token
        };
        let expected = Some("mailgun-token:170ab".to_owned());
        assert_eq!(token(json!("17"), "0ab"), expected);
        assert_eq!(token(json!("170"), "ab"), expected);
        assert_eq!(token(json!(170), "ab"), expected);
        let long: Value = serde_json::from_str("170000000000000000000000").unwrap();
        assert_eq!(token(long, "ab"), None);
    }
}
