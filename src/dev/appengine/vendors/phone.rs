//! Twilio: calls and text messages.

use super::report::{Delivery, Report};

/// Repeats are recognised by the signed parameters, because the header `I-Twilio-Idempotency-Token` is not signed.
pub(super) fn twilio(delivery: &Delivery<'_>) -> Vec<Report> {
    let field = |name: &str| delivery.text(&format!("/{name}"));
    let (from, to) = (field("From"), field("To"));
    if let Some(recording) = field("RecordingSid") {
        // A recording raises no event: its call continues, or the end of the call has been reported already.
        let status = field("RecordingStatus").unwrap_or_default();
        let id = format!("{recording}:{status}");
        return vec![Report::new("recording", Some(id)).about(Some(recording))];
    }
    let report = match (
        field("CallSid"),
        field("MessageSid").or_else(|| field("SmsSid")),
    ) {
        (Some(call), _) => {
            let status = field("CallStatus").unwrap_or_default();
            let is_outbound = field("Direction").is_some_and(|way| way.starts_with("outbound"));
            let is_callback = field("CallbackSource").is_some();
            let kind = match status.as_str() {
                "ringing" if !is_callback && !is_outbound => "call.incoming",
                _ => "call.status",
            };
            let number = field("SequenceNumber").unwrap_or_default();
            let id = format!("{call}:{kind}:{status}:{number}");
            Report::new(kind, Some(id))
                .raises(kind)
                .about(Some(call))
                .with("status", Some(status))
                .with("duration", field("CallDuration"))
        }
        (None, Some(message)) => {
            let status = field("MessageStatus").or_else(|| field("SmsStatus"));
            let status = status.unwrap_or_else(|| "received".to_owned());
            let kind = match status.as_str() {
                "received" => "sms.received",
                _ => "sms.status",
            };
            let id = format!("{message}:{status}");
            Report::new(kind, Some(id))
                .raises(kind)
                .about(Some(message))
                .with("status", Some(status))
                .with("body", field("Body"))
                .with("errorCode", field("ErrorCode"))
        }
        (None, None) => Report::new("unknown", None),
    };
    vec![report.with("from", from).with("to", to)]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::report::read;
    use super::*;

    #[test]
    fn calls_and_messages_differ_from_their_statuses() {
        let bodies: [(Value, Option<&str>); 6] = [
            (
                json!({"CallSid": "C", "CallStatus": "ringing", "Direction": "inbound"}),
                Some("call.incoming"),
            ),
            (
                json!({"CallSid": "C", "CallStatus": "ringing", "Direction": "outbound-api"}),
                Some("call.status"),
            ),
            (
                json!({"CallSid": "C", "CallStatus": "completed"}),
                Some("call.status"),
            ),
            (
                json!({"MessageSid": "S", "SmsStatus": "received", "Body": "Hi"}),
                Some("sms.received"),
            ),
            (
                json!({"MessageSid": "S", "MessageStatus": "undelivered", "SmsStatus": "undelivered"}),
                Some("sms.status"),
            ),
            (json!({"other": "1"}), None),
        ];
        for (body, kind) in bodies {
            assert_eq!(
                read("twilio", twilio, body.clone()).remove(0).kind,
                kind,
                "{body}"
            );
        }
    }
}
