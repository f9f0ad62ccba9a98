//! Finds the receiver of a path.

use http::HeaderMap;
use serde_json::Value;

use super::Vendor;
use crate::dev::host::refusal::Refusal;

/// A prefix with the same receivers below it.
pub(super) const UPSTREAM: &str = "/upstream";

/// The contents of a receiver's path.
pub(super) struct Receiver<'a> {
    /// `None` if several vendors share the receiver.
    pub(super) vendor: Option<&'static Vendor>,
    /// The organisation, if the path contains one.
    pub(super) org: Option<&'a str>,
}

impl<'a> Receiver<'a> {
    pub(super) fn of(path: &'a str) -> Result<Self, Refusal> {
        let path = path.strip_prefix(UPSTREAM).unwrap_or(path);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (vendor, org) = match parts.as_slice() {
            ["broadcast", "email", "webhook"] => (None, None),
            ["phone", "webhook", ..] => (Some("twilio"), None),
            ["banking", ..] => (Some("banking"), None),
            ["connect", "webhook", "ses", org] => (Some("ses"), Some(*org)),
            ["storefront", vendor, "webhook"]
            | ["sync", "social", "webhook", vendor]
            | ["connect", "webhook", vendor]
            | ["connect", "webhook", vendor, _] => (Some(*vendor), None),
            _ => return Err(Refusal::not_found("there is no receiver at this path")),
        };
        let vendor = vendor.map(super::find).transpose()?;
        Ok(Self { vendor, org })
    }

    /// The vendor of a request. Vendors that share a receiver are recognised by their headers and bodies.
    pub(super) fn vendor_of(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<&'static Vendor, Refusal> {
        match self.vendor {
            Some(vendor) => Ok(vendor),
            None => match email_vendor(headers, body) {
                Some(name) => super::find(name),
                None => Err(Refusal::bad_request(
                    "unknown_vendor",
                    "neither headers nor body are those of SendGrid, Mailgun, SES or Resend; use /connect/webhook/{vendor}",
                )),
            },
        }
    }
}

fn email_vendor(headers: &HeaderMap, body: &[u8]) -> Option<&'static str> {
    let by_header = [
        ("x-twilio-email-event-webhook-signature", "sendgrid"),
        ("x-amz-sns-message-type", "ses"),
        ("svix-id", "resend"),
        ("webhook-id", "resend"),
    ];
    let known = by_header
        .into_iter()
        .find(|(header, _)| headers.contains_key(*header));
    if let Some((_, vendor)) = known {
        return Some(vendor);
    }
    match serde_json::from_slice(body).unwrap_or_default() {
        Value::Array(_) => Some("sendgrid"),
        Value::Object(body) if body.contains_key("event-data") => Some("mailgun"),
        Value::Object(body) if body.contains_key("TopicArn") => Some("ses"),
        Value::Object(_) => None,
        // The format of Mailgun's older webhooks.
        _ if body.windows(10).any(|part| part == b"signature=") => Some("mailgun"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_path_finds_its_vendor() {
        let paths = [
            ("/storefront/stripe/webhook", Some("stripe"), None),
            ("/connect/webhook/stripe", Some("stripe"), None),
            ("/connect/webhook/stripe/main", Some("stripe"), None),
            ("/upstream/storefront/stripe/webhook", Some("stripe"), None),
            ("/connect/webhook/ses/acme", Some("ses"), Some("acme")),
            (
                "/upstream/connect/webhook/ses/acme",
                Some("ses"),
                Some("acme"),
            ),
            ("/connect/webhook/twilio/status", Some("twilio"), None),
            ("/phone/webhook/voice/in", Some("twilio"), None),
            ("/sync/social/webhook/x", Some("twitter"), None),
            ("/sync/social/webhook/meta", Some("facebook"), None),
            ("/banking/transfers/settled", Some("banking"), None),
            ("/broadcast/email/webhook", None, None),
        ];
        for (path, vendor, org) in paths {
            let receiver = Receiver::of(path).unwrap();
            assert_eq!(receiver.vendor.map(|found| found.name), vendor, "{path}");
            assert_eq!(receiver.org, org, "{path}");
        }
    }

    #[test]
    fn vendors_that_share_a_receiver_are_recognised() {
        let headers = HeaderMap::new();
        let of = |body: &str| email_vendor(&headers, body.as_bytes());
        assert_eq!(of(r#"[{"event":"open"}]"#), Some("sendgrid"));
        assert_eq!(of(r#"{"event-data":{}}"#), Some("mailgun"));
        assert_eq!(of(r#"{"Type":"Notification","TopicArn":"a"}"#), Some("ses"));
        assert_eq!(of("event=opened&token=t&signature=s"), Some("mailgun"));
        assert_eq!(of("{}"), None);
        for name in ["svix-id", "webhook-id"] {
            let mut headers = HeaderMap::new();
            headers.insert(name, http::HeaderValue::from_static("msg_1"));
            assert_eq!(email_vendor(&headers, b"{}"), Some("resend"), "{name}");
        }
    }
}
