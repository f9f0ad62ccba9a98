//! Claims about every sample.

use std::collections::HashSet;

use http::{HeaderName, HeaderValue};

use super::*;
use crate::signature;

fn occasion(id: u128) -> Occasion<'static> {
    Occasion {
        now: Timestamp::from_secs(SEEDED),
        id: Uuid::from_u128(id),
        org: "my-org",
    }
}

fn value(name: &str, id: u128) -> Value {
    let body = find(name).unwrap().body(&occasion(id));
    serde_json::from_slice(&body).unwrap()
}

fn text(sample: &Sample, occasion: &Occasion<'_>) -> String {
    String::from_utf8(sample.body(occasion).to_vec()).unwrap()
}

#[test]
fn every_sample_has_a_unique_name_and_is_found_by_it() {
    let mut names = HashSet::new();
    for sample in all() {
        let found = find(&sample.name()).unwrap();
        assert_eq!((found.vendor, found.event), (sample.vendor, sample.event));
        let name = sample.name();
        assert!(!name.contains(char::is_whitespace), "{name}");
        assert!(names.insert(name.to_lowercase()), "{name}");
    }
}

#[test]
fn every_body_matches_its_content_type_and_has_no_placeholder_left() {
    for sample in all() {
        let (name, body) = (sample.name(), text(&sample, &Occasion::seeded(1, "my-org")));
        if sample.content_type == "application/x-www-form-urlencoded" {
            let fields: Vec<_> = body.split('&').map(|pair| pair.split_once('=')).collect();
            assert!(fields.iter().all(Option::is_some), "{name}: {body}");
        } else {
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body.is_array(), sample.vendor == "sendgrid", "{name}");
        }
        for placeholder in ["${", "#1777", "\"...\"", "<filled"] {
            assert!(!body.contains(placeholder), "{name}: {body}");
        }
        assert!(body.len() < 2048, "{name}: {} bytes", body.len());
    }
}

#[test]
fn every_header_of_a_sample_is_valid() {
    for sample in all() {
        assert!(HeaderValue::from_str(sample.content_type).is_ok());
        for (name, value) in sample.headers {
            // `from_static` panics if the name has an upper-case letter.
            let _ = HeaderName::from_static(name);
            assert!(HeaderValue::from_str(value).is_ok(), "{name}: {value}");
            assert!(!value.contains("${"), "{name}: {value}");
        }
    }
}

#[test]
fn every_scheme_of_a_sample_exists() {
    for scheme in all().filter_map(|sample| sample.scheme) {
        assert!(signature::find(scheme).is_ok(), "{scheme}");
    }
}

#[test]
fn every_description_follows_sent_when() {
    for sample in all() {
        let text = sample.description;
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    }
}

#[test]
fn every_vendor_has_its_common_events() {
    for (vendor, least) in [
        (APPENGINE, 60),
        ("stripe", 25),
        ("paypal", 10),
        ("sendgrid", 12),
        ("mailgun", 9),
        ("ses", 11),
        ("twilio", 6),
        ("meta", 6),
        ("slack", 6),
        ("discord", 3),
        ("twitch", 5),
        ("github", 12),
        ("shopify", 10),
        ("crm", 23),
        ("platform", 14),
    ] {
        let count = select(vendor).unwrap().len();
        assert!(count >= least, "{vendor}: {count}");
    }
    for vendor in &vendors::VENDORS {
        assert!(vendor.samples().count() > 0, "{}", vendor.name);
    }
}

#[test]
fn every_event_of_the_catalogue_can_be_sent() {
    for kind in catalogue::events() {
        let body = value(kind.name, 1);
        assert_eq!(body["event"], kind.name);
        assert_eq!(body["orgId"], "my-org");
        assert_eq!(body["timestamp"], "2026-04-25T10:00:00Z");
        assert_eq!(body["data"]["datatype"], kind.datatype);
        assert!(body["data"]["data"].is_object(), "{}", kind.name);
    }
}

#[test]
fn two_events_differ_and_two_of_the_same_seed_do_not() {
    // All pings of Discord are alike.
    for sample in all().filter(|sample| sample.event != "webhook.PING") {
        let of_seed = |seed| text(&sample, &Occasion::seeded(seed, "my-org"));
        assert_eq!(of_seed(7), of_seed(7), "{}", sample.name());
        // Some events, such as the removal of an app, only differ in their time.
        let later = Occasion {
            now: Timestamp::from_secs(SEEDED + 1),
            ..Occasion::seeded(8, "my-org")
        };
        assert_ne!(of_seed(7), text(&sample, &later), "{}", sample.name());
    }
}

#[test]
fn adjacent_seeds_make_different_ids() {
    let ids: Vec<u64> = (0..64)
        .map(|seed| Occasion::seeded(seed, "o").id.as_u64_pair().1)
        .collect();
    let digits: HashSet<u64> = ids.iter().map(|id| id % 9_000_000_000_000).collect();
    assert_eq!(digits.len(), 64);
}

#[test]
fn every_id_and_time_of_an_event_is_filled() {
    let body = value("stripe/payment_intent.succeeded", 0xab);
    assert_eq!(body["id"], "evt_100000000000000ab");
    assert_eq!(body["created"], SEEDED);
    assert_eq!(body["type"], "payment_intent.succeeded");
    assert_eq!(body["data"]["object"]["id"], "pi_300000000000000ab");
    assert_eq!(body["data"]["object"]["amount_received"], 2000);
    let body = value("mailgun/failed.temporary", 1);
    assert_eq!(body["event-data"]["event"], "failed");
    assert_eq!(body["event-data"]["timestamp"], 1_777_111_200.123);
    let body = value("twitch/revocation", 1);
    assert_eq!(body["event"], Value::Null);
    let body = value("platform/flow.run", 1);
    assert_eq!(
        (&body["resource"], &body["eventName"]),
        (&"flow".into(), &"run".into())
    );
    assert_eq!(body["organizationId"], "my-org");
}

#[test]
fn a_message_of_sns_holds_the_mail_event_as_a_string() {
    let body = value("ses/RenderingFailure", 1);
    let message: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
    assert_eq!(message["eventType"], "Rendering Failure");
    let sample = find("ses/SubscriptionConfirmation").unwrap();
    assert!(
        sample
            .headers
            .contains(&("x-amz-sns-message-type", "SubscriptionConfirmation"))
    );
    let body = value("ses/SubscriptionConfirmation", 1);
    assert!(body["SubscribeURL"].is_string() && body["UnsubscribeURL"].is_null());
}

#[test]
fn an_event_that_is_a_form_is_encoded_as_one() {
    let sample = find("slack/slash_command").unwrap();
    let body = text(&sample, &occasion(1));
    assert!(body.contains("&command=%2Fdeploy&text=prod&"), "{body}");
    let sample = find("twilio/message.undelivered").unwrap();
    let body = text(&sample, &occasion(1));
    assert!(body.contains("MessageStatus=undelivered"), "{body}");
    assert!(body.contains("From=%2B15005550001"), "{body}");
}

#[test]
fn a_header_names_the_event_as_the_vendor_does() {
    let header = |name: &str, header: &str| {
        let sample = find(name).unwrap();
        let found = sample.headers.iter().find(|(name, _)| *name == header);
        found.map(|(_, value)| *value)
    };
    for (name, expected) in [("push", "push"), ("pull_request.opened", "pull_request")] {
        assert_eq!(
            header(&format!("github/{name}"), "x-github-event"),
            Some(expected)
        );
    }
    assert_eq!(
        header("shopify/orders/create", "x-shopify-topic"),
        Some("orders/create")
    );
    let version = "twitch-eventsub-subscription-version";
    assert_eq!(header("twitch/stream.online", version), Some("1"));
    assert_eq!(header("twitch/channel.follow", version), Some("2"));
}

#[test]
fn aliases_and_other_case_are_accepted() {
    for (typed, name) in [
        ("facebook/page.post", "meta/page.post"),
        ("x/follow_events", "twitter/follow_events"),
        ("sns/bounce", "ses/Bounce"),
        ("googleads/lead", "google-ads/lead"),
        (
            "paypal/payment.capture.completed",
            "paypal/PAYMENT.CAPTURE.COMPLETED",
        ),
        ("appengine/contact.created", "contact.created"),
    ] {
        assert_eq!(find(typed).unwrap().name(), name);
    }
}

#[test]
fn a_mistyped_name_gets_a_suggestion() {
    let suggestion = |name| find(name).unwrap_err().suggestion;
    for (typed, expected) in [
        ("contact.creatde", "contact.created"),
        (
            "payment_intent.succeeded",
            "stripe/payment_intent.succeeded",
        ),
        ("strpie/invoice.paid", "stripe/invoice.paid"),
        ("facebook/page.pots", "meta/page.post"),
    ] {
        assert_eq!(suggestion(typed).as_deref(), Some(expected));
    }
    assert_eq!(suggestion("zzz"), None);
}

#[test]
fn a_glob_selects_by_vendor_or_by_event() {
    let names = |glob| -> Vec<String> {
        let found = select(glob).unwrap();
        found.iter().map(Sample::name).collect()
    };
    assert_eq!(names("github/issues.*").len(), 3);
    assert_eq!(names("stripe"), names("Stripe/*"));
    assert_eq!(names("facebook"), names("meta/*"));
    assert_eq!(names("appengine").len(), catalogue::events().len());
    assert_eq!(names("contact.created"), ["contact.created"]);
    let refunds = names("*refund*");
    for name in [
        "payment.refunded",
        "stripe/charge.refunded",
        "shopify/refunds/create",
    ] {
        assert!(refunds.iter().any(|found| found == name), "{name}");
    }
}

#[test]
fn a_glob_without_a_match_gets_a_suggestion() {
    let suggestion = |glob| select(glob).unwrap_err().suggestion;
    assert_eq!(suggestion("refund").as_deref(), Some("*refund*"));
    assert_eq!(suggestion("strpie").as_deref(), Some("stripe"));
    assert_eq!(suggestion("zzz"), None);
}
