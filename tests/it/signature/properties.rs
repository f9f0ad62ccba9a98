//! Claims about every scheme and arbitrary bytes.

use evt::secret::Secret;
use evt::signature::{Options, Outgoing, Reason, Received, SCHEMES};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::hostile;
use super::party::{NOW, Party, URL, parties};

/// JSON that every scheme can sign, including those whose signature is inside the body.
fn document(text: &str) -> Vec<u8> {
    serde_json::json!({ "Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
        "Timestamp": "2026-11-19T23:59:55.000Z", "Message": text })
    .to_string()
    .into_bytes()
}

/// The parties whose signature covers the bytes of the body. SNS signs decoded members and has its own test.
fn covering(parties: &[Party]) -> impl Iterator<Item = &Party> {
    parties
        .iter()
        .filter(|party| party.scheme.facts().covers_body && party.name() != "sns")
}

/// Headers that are sent with a signature but are not signed.
const UNSIGNED: [&str; 8] = [
    "content-type",
    "x-github-delivery",
    "x-shopify-webhook-id",
    "x-amz-sns-message-type",
    "x-amz-sns-message-id",
    "x-amz-sns-topic-arn",
    "paypal-auth-version",
    "paypal-cert-url",
];

/// Whether only the case of case-insensitive parts differs: Discord's digits, and the name of the scheme in the Authorization
/// header.
fn is_same(name: &HeaderName, before: &[u8], after: &[u8]) -> bool {
    let part = match name.as_str() {
        "x-signature-ed25519" => before.len(),
        "authorization" => before.iter().position(|byte| *byte == b' ').unwrap_or(0),
        _ => 0,
    };
    before[..part].eq_ignore_ascii_case(&after[..part]) && before[part..] == after[part..]
}

fn flipped(bytes: &[u8], at: prop::sample::Index, bit: u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = at.index(changed.len());
    changed[at] ^= 1 << bit;
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_verifies(text: String, random: [u8; 32]) {
        for party in parties(&random) {
            let sent = party.send(&document(&text)).expect("a document can be signed");
            prop_assert_eq!(party.receive(&sent).reason, Reason::Ok, "{}", party.name());
        }
    }

    #[test]
    fn any_bytes_that_can_be_signed_verify(body: Vec<u8>) {
        for party in parties(&[5; 32]) {
            let Some(sent) = party.send(&body) else { continue };
            prop_assert_eq!(party.receive(&sent).reason, Reason::Ok, "{}", party.name());
        }
    }

    #[test]
    fn one_bit_changed_in_the_body_is_refused(
        body in prop::collection::vec(any::<u8>(), 1..200),
        at: prop::sample::Index,
        bit in 0..8_u8,
    ) {
        let parties = parties(&[3; 32]);
        for party in covering(&parties) {
            let mut sent = party.send(&body).expect("these sign any bytes");
            sent.body = flipped(&body, at, bit).into();
            prop_assert_ne!(party.receive(&sent).reason, Reason::Ok, "{}", party.name());
        }
    }

    #[test]
    fn one_bit_changed_in_the_message_of_a_notification_is_refused(text in "[a-z]{1,40}", at: prop::sample::Index) {
        let parties = parties(&[3; 32]);
        let sns = parties.iter().find(|party| party.name() == "sns").expect("it is in the table");
        let mut sent = sns.send(&document(&text)).expect("a document can be signed");
        // The lowest bit: a letter stays a letter, and the body JSON.
        let other = String::from_utf8(flipped(text.as_bytes(), at, 0)).expect("letters are text");
        let body = String::from_utf8(sent.body.to_vec()).expect("the body is text");
        sent.body = body.replacen(&format!(":\"{text}\""), &format!(":\"{other}\""), 1).into();
        prop_assert_eq!(sns.receive(&sent).reason, Reason::SignatureMismatch);
    }

    #[test]
    fn one_bit_changed_in_a_signed_header_is_refused(
        which: prop::sample::Index,
        at: prop::sample::Index,
        bit in 0..7_u8,
    ) {
        for party in parties(&[3; 32]) {
            let mut sent = party.send(&document("hello")).expect("a document can be signed");
            let names: Vec<HeaderName> = sent
                .headers
                .keys()
                .filter(|name| !UNSIGNED.contains(&name.as_str()))
                .cloned()
                .collect();
            if names.is_empty() {
                continue;
            }
            let name = &names[which.index(names.len())];
            let before = sent.headers[name].as_bytes().to_vec();
            let after = flipped(&before, at, bit);
            let Ok(value) = HeaderValue::from_bytes(&after) else { continue };
            if is_same(name, &before, &after) {
                continue;
            }
            sent.headers.insert(name.clone(), value);
            prop_assert_ne!(party.receive(&sent).reason, Reason::Ok, "{} {:?}", party.name(), sent.headers);
        }
    }

    #[test]
    fn one_bit_changed_in_the_key_is_refused(at: prop::sample::Index, bit in 0..7_u8) {
        for party in parties(&[3; 32]) {
            let Some(secret) = party.secrets.first() else { continue };
            let sent = party.send(&document("hello")).expect("a document can be signed");
            let before = secret.reveal().as_bytes();
            let after = flipped(before, at, bit);
            let is_hex = party.name() == "discord" && before.eq_ignore_ascii_case(&after);
            let Ok(text) = String::from_utf8(after) else { continue };
            // An invalid key is refused when the verifier is made.
            if is_hex || party.scheme.verifier(&[Secret::new(text.as_str())], &party.options).is_err() {
                continue;
            }
            // The option still has the right webhook id of PayPal.
            if party.name() == "paypal" {
                continue;
            }
            let judgement = party.receive_with(&[Secret::new(text)], &sent);
            prop_assert_ne!(judgement.reason, Reason::Ok, "{}", party.name());
        }
    }

    #[test]
    fn bytes_moved_between_timestamp_and_body_are_refused(text in "[0-9]{0,20}", at in 0..20_usize) {
        // Schemes without a separator between timestamp and body.
        for (name, header) in [
            ("discord", "x-signature-timestamp"),
            ("sendgrid", "x-twilio-email-event-webhook-timestamp"),
        ] {
            let parties = parties(&[3; 32]);
            let party = parties.iter().find(|party| party.name() == name).expect("it is in the table");
            let body = format!("{{\"a\":\"{text}\"}}");
            let mut sent = party.send(body.as_bytes()).expect("these sign any bytes");
            let (moved, rest) = body.split_at(at.clamp(1, body.len()));
            let timestamp = [sent.headers[header].as_bytes(), moved.as_bytes()].concat();
            sent.headers.insert(header, HeaderValue::from_bytes(&timestamp).expect("text is a value"));
            sent.body = rest.as_bytes().to_vec().into();
            prop_assert_eq!(party.receive(&sent).reason, Reason::MalformedTimestamp, "{}", name);
        }
    }

    #[test]
    fn digits_moved_from_the_timestamp_to_the_body_are_refused(many in 1..9_usize) {
        for (name, header) in [
            ("discord", "x-signature-timestamp"),
            ("sendgrid", "x-twilio-email-event-webhook-timestamp"),
        ] {
            let parties = parties(&[3; 32]);
            let party = parties.iter().find(|party| party.name() == name).expect("it is in the table");
            let mut sent = party.send(b"{}").expect("these sign any bytes");
            let timestamp = sent.headers[header].as_bytes().to_vec();
            let (kept, moved) = timestamp.split_at(timestamp.len() - many);
            sent.headers.insert(header, HeaderValue::from_bytes(kept).expect("digits are a value"));
            sent.body = [moved, b"{}"].concat().into();
            prop_assert_eq!(party.receive(&sent).reason, Reason::MalformedTimestamp, "{}", name);
        }
    }

    #[test]
    fn every_one_of_several_secrets_is_tried(place in 0..3_usize) {
        for party in parties(&[3; 32]) {
            let (Some(secret), Some(other)) = (party.secrets.first(), party.scheme.sample_keys(&[9; 32])) else { continue };
            let mut secrets = vec![other.verifies; 3];
            secrets[place] = secret.clone();
            let sent = party.send(&document("hello")).expect("a document can be signed");
            let judgement = party.receive_with(&secrets, &sent);
            prop_assert_eq!((judgement.reason, judgement.matched), (Reason::Ok, Some(place)), "{}", party.name());
        }
    }

    #[test]
    fn no_request_makes_a_verifier_panic_or_accept(value: Vec<u8>, url in ".*", mut body: Vec<u8>) {
        // The body always differs from the signed one.
        body.push(b'!');
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        for party in parties(&[3; 32]) {
            let sent = party.send(&document("x")).expect("a document can be signed");
            for name in sent.headers.keys() {
                let mut other = sent.clone();
                other.headers.insert(name.clone(), value.clone());
                other.url.clone_from(&url);
                other.body = body.clone().into();
                let judgement = party.receive(&other);
                prop_assert!(!judgement.is_valid() || !party.scheme.facts().covers_body, "{}", party.name());
            }
        }
    }

    #[test]
    fn a_request_of_arbitrary_bytes_is_refused(data in prop::collection::vec(any::<u8>(), 0..400)) {
        hostile::exercise(&data);
    }

    #[test]
    fn no_key_and_no_option_makes_a_scheme_panic(
        secret in ".{0,80}",
        option: prop::sample::Index,
        text in ".{0,80}",
        body: Vec<u8>,
    ) {
        for scheme in SCHEMES {
            let mut options = Options::default();
            if let Some((name, _)) = scheme.options().get(option.index(scheme.options().len().max(1))) {
                options.0.push(((*name).to_owned(), text.clone()));
            }
            let secret = Secret::new(secret.as_str());
            let (headers, body) = (HeaderMap::new(), bytes::Bytes::from(body.clone()));
            if let Ok(verifier) = scheme.verifier(std::slice::from_ref(&secret), &options) {
                let received = Received { method: "POST", url: URL, headers: &headers, body: &body };
                verifier.add_document(URL, &body, NOW);
                let judgement = verifier.verify(&received, NOW, None);
                prop_assert!(!judgement.is_valid(), "{}", scheme.name());
                verifier.handshake(&received, &judgement);
            }
            if let Ok(signer) = scheme.signer(&secret, &options) {
                let message = Outgoing { id: &text, timestamp: NOW, url: URL, headers: &headers, body: &body };
                // A body that cannot be signed is fine.
                let _ = signer.sign(&message);
            }
        }
    }
}
