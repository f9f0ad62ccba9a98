//! The requests of every case, judged by the scheme's own verifier: valid ones are valid, wrong ones are refused for the right reason.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::grammar::target::Target;
use crate::secret::Secret;
use crate::signature::Reason::{
    self, DuplicateHeader, MissingHeader, SecretMismatch, SignatureMismatch, TimestampTooNew,
    TimestampTooOld,
};
use crate::signature::{self, Options, Received, SchemeSpec, Verifier};

const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);
const BODY: &[u8] = br#"{"event":"contact.created","data":{"n":1}}"#;
const URL: &str = "http://127.0.0.1:4871/hook";

/// Whether a header occurs twice with two values.
fn has_two(call: &Call) -> bool {
    call.headers.keys().any(|name| {
        let values: Vec<_> = call.headers.get_all(name).iter().collect();
        values.len() == 2 && values[0] != values[1]
    })
}

/// A message of a scheme, and the secret that verifies it.
fn message(scheme: &str, options: &str, body: &'static [u8]) -> (Message, Secret) {
    let scheme = signature::find(scheme).unwrap();
    let options = match options {
        "" => Options::default(),
        text => format!("x:{text}").parse::<SchemeSpec>().unwrap().options,
    };
    let keys = scheme.sample_keys(&[5; 32]).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    let mut message = Message {
        target: Target::Url(http::Uri::from_static(URL)),
        url: URL.to_owned(),
        path: None,
        headers,
        body: Bytes::from_static(body),
        signing: Some(Signing::new(scheme, options, &[keys.signs]).unwrap()),
        timeout: Duration::from_secs(1),
    };
    message.adopt_url().unwrap();
    (message, keys.verifies)
}

fn bench(message: &Message) -> Bench<'_> {
    let signing = message.signing.as_ref().unwrap();
    Bench::new(message, signing, NOW, [7; 32]).unwrap()
}

fn received<'a>(call: &'a Call, url: &'a str) -> Received<'a> {
    Received {
        method: call.method.as_str(),
        url,
        headers: &call.headers,
        body: &call.body,
    }
}

fn verifier(message: &Message, verifies: &Secret) -> Box<dyn Verifier> {
    let signing = message.signing.as_ref().unwrap();
    let secrets = std::slice::from_ref(verifies);
    signing.scheme.verifier(secrets, &signing.options).unwrap()
}

fn judged(message: &Message, verifies: &Secret, call: &Call) -> Reason {
    let url = call.target.to_string();
    let verifier = verifier(message, verifies);
    verifier.verify(&received(call, &url), NOW, None).reason
}

fn case(name: &str) -> Case {
    *CASES.iter().find(|case| case.name == name).unwrap()
}

/// The verifier's reason for the request of a case, or why the case is skipped.
fn reason(scheme: &str, name: &str) -> Result<Reason, String> {
    let (message, verifies) = message(scheme, "", BODY);
    match case(name).requests(&bench(&message)) {
        Ok((calls, _)) => Ok(judged(&message, &verifies, &calls[0])),
        Err(Skip(reason)) => Err(reason),
    }
}

#[test]
fn a_request_is_valid_exactly_if_its_case_expects_acceptance() {
    for scheme in signature::SCHEMES {
        if scheme.sample_keys(&[5; 32]).is_none() {
            continue;
        }
        let options = match scheme.name() {
            "hmac" => "header=X-Sig",
            "google-pubsub-jwt" => "audience=a",
            _ => "",
        };
        let (message, verifies) = message(scheme.name(), options, BODY);
        let bench = bench(&message);
        let mut made = 0;
        for case in CASES {
            let Ok((calls, expect)) = case.requests(&bench) else {
                continue;
            };
            made += 1;
            let wanted = match (case.group, expect) {
                (_, Expect::Either) | (Group::Accepts, _) => true,
                // Readers disagree about two headers.
                (_, Expect::Any) => {
                    assert!(calls.iter().all(has_two), "{} {}", scheme.name(), case.name);
                    continue;
                }
                (Group::Behaves, _) => case.name != "a GET without signature",
                _ => false,
            };
            for call in calls {
                let reason = judged(&message, &verifies, &call);
                let names = (scheme.name(), case.name, reason);
                assert_eq!(reason == Reason::Ok, wanted, "{names:?}");
            }
        }
        assert!(made > 9, "{}: {made}", scheme.name());
    }
}

#[test]
fn a_wrong_request_is_refused_for_the_reason_that_its_case_names() {
    for (scheme, cases) in [
        (
            "standard-webhooks",
            &[
                ("a changed body", SignatureMismatch),
                ("a changed signature", SignatureMismatch),
                ("signed an hour ago", TimestampTooOld),
                ("signed an hour ahead", TimestampTooNew),
                ("no signature header", MissingHeader),
                ("no timestamp header", MissingHeader),
                ("no id header", MissingHeader),
                ("another key", SignatureMismatch),
                ("another vendor's scheme", MissingHeader),
                ("no signature at all", MissingHeader),
            ][..],
        ),
        (
            "stripe",
            &[
                ("a changed body", SignatureMismatch),
                ("signed an hour ago", TimestampTooOld),
                ("a wrong header first", DuplicateHeader),
                ("a wrong header second", DuplicateHeader),
                ("another key", SignatureMismatch),
            ],
        ),
        (
            "github",
            &[
                ("a changed body", SignatureMismatch),
                ("a wrong header second", DuplicateHeader),
                ("another vendor's scheme", MissingHeader),
            ],
        ),
        (
            "shared-secret-header",
            &[
                ("a changed signature", SecretMismatch),
                ("another key", SecretMismatch),
                ("an empty signature", MissingHeader),
            ],
        ),
    ] {
        for (name, expected) in cases {
            assert_eq!(reason(scheme, name), Ok(*expected), "{scheme} {name}");
        }
    }
}

#[test]
fn a_case_that_a_scheme_cannot_express_is_skipped_with_a_reason() {
    for (scheme, name, expected) in [
        ("github", "signed an hour ago", "signs no timestamp"),
        ("github", "no id header", "has no such header"),
        ("github", "a second signature", "sends one signature"),
        ("stripe", "no timestamp header", "has no such header"),
        (
            "shared-secret-header",
            "a changed body",
            "the body is not signed",
        ),
        (
            "standard-webhooks",
            "a wrong header first",
            "the header may be repeated",
        ),
    ] {
        let found = reason(scheme, name).unwrap_err();
        assert_eq!(found, expected, "{scheme} {name}");
    }
}

#[test]
fn an_endpoint_may_accept_what_the_schemes_own_verifier_accepts() {
    let expect = |scheme, name| {
        let (message, _) = message(scheme, "", BODY);
        let (_, expect) = case(name).requests(&bench(&message)).unwrap();
        matches!(expect, Expect::Either)
    };
    assert!(expect("stripe", "signed an hour ahead"));
    assert!(expect("mailgun", "signed an hour ago"));
    assert!(!expect("standard-webhooks", "signed an hour ahead"));
}

#[test]
fn an_extended_body_keeps_its_content() {
    let (message, _) = message("stripe", "", BODY);
    let bench = bench(&message);
    let body = |name: &str| {
        let (calls, _) = case(name).requests(&bench).unwrap();
        calls[0].body.clone()
    };
    let unicode: serde_json::Value = serde_json::from_slice(&body("non-ASCII letters")).unwrap();
    assert_eq!(unicode["evt_check"], "Zoë Zoë 🚀 🚀 / /");
    let large = body("a body of 1 MiB");
    assert!(large.len() >= 1024 * 1024);
    assert!(serde_json::from_slice::<serde_json::Value>(&large).is_ok());
    let unknown: serde_json::Value =
        serde_json::from_slice(&body("an unknown event type")).unwrap();
    assert_eq!(unknown["event"], "evt.check.unknown");
    assert_eq!(unknown["data"]["n"], 1);
}

#[test]
fn no_two_cases_have_the_same_name() {
    let probes = signature::SCHEMES
        .iter()
        .flat_map(|scheme| scheme.facts().probes);
    let probes = probes.map(|probe| probe.name);
    let mut names: Vec<&str> = CASES.iter().map(|case| case.name).chain(probes).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// The answer of an endpoint that answers like `evt listen`.
fn answered(message: &Message, verifies: &Secret, call: &Call) -> Answer {
    let url = call.target.to_string();
    let received = received(call, &url);
    let verifier = verifier(message, verifies);
    let judgement = verifier.verify(&received, NOW, None);
    let handshake = verifier.handshake(&received, &judgement).unwrap();
    answer(handshake.status, handshake.body)
}

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    Answer {
        status: http::StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into(),
        truncated: false,
        took: Duration::from_millis(3),
    }
}

#[test]
fn every_probe_expects_the_answer_of_its_own_scheme() {
    for (scheme, options, name, right) in [
        (
            "meta",
            "verify-token=to ken",
            "meta: verification",
            Verdict::Passes,
        ),
        (
            "meta",
            "verify-token=t",
            "meta: a wrong token",
            Verdict::Refuses,
        ),
        ("twitter", "", "twitter: CRC", Verdict::Passes),
        ("slack", "", "slack: url_verification", Verdict::Passes),
        ("twitch", "", "twitch: callback", Verdict::Passes),
        ("discord", "", "discord: PING", Verdict::Passes),
        ("discord", "", "discord: a forged PING", Verdict::Refuses),
        ("linkedin", "", "linkedin: challenge", Verdict::Passes),
    ] {
        let (message, verifies) = message(scheme, options, BODY);
        let bench = bench(&message);
        let probes = message.signing.as_ref().unwrap().scheme.facts().probes;
        let probe = probes.iter().find(|probe| probe.name == name).unwrap();
        let case = Case::of_probe(probe);
        let (calls, expect) = case.requests(&bench).unwrap();
        let verdict = |answer| judge::judge(case, expect, &bench, &[Ok(answer)], None).verdict;
        let reply = answered(&message, &verifies, &calls[0]);
        assert_eq!(verdict(reply), right, "{name}");
        let careless = match right {
            Verdict::Refuses => Verdict::Leaks,
            _ => Verdict::Fails,
        };
        assert_eq!(verdict(answer(200, "ok")), careless, "{name}");
    }
}

/// The verdict on answers with these statuses. `refusal` is the answer to the valid request.
fn verdict(name: &str, statuses: &[u16], refusal: Option<u16>) -> (Verdict, Option<String>) {
    let (message, _) = message("stripe", "", BODY);
    let case = case(name);
    let results: Vec<_> = statuses
        .iter()
        .map(|status| Ok(answer(*status, "")))
        .collect();
    let refusal = refusal.map(|status| http::StatusCode::from_u16(status).unwrap());
    let finding = judge::judge(case, case.expect, &bench(&message), &results, refusal);
    (finding.verdict, finding.hint)
}

#[test]
fn a_status_is_judged_by_what_its_case_expects() {
    use Verdict::{Fails, Leaks, Passes, Refuses};
    for (name, statuses, expected) in [
        ("a valid request", &[204][..], Passes),
        ("a valid request", &[302], Fails),
        ("a valid request", &[401], Fails),
        ("an empty body", &[400], Passes),
        ("an empty body", &[500], Fails),
        ("an empty body", &[501], Fails),
        ("a GET without signature", &[501], Passes),
        ("a GET without signature", &[405], Passes),
        ("a GET without signature", &[500], Fails),
        ("a wrong header first", &[200], Passes),
        ("a wrong header second", &[401], Passes),
        ("a wrong header second", &[302], Passes),
        ("a wrong header first", &[500], Fails),
        ("a body of 1 MiB", &[413], Passes),
        ("a body of 1 MiB", &[400], Fails),
        ("a changed body", &[200], Leaks),
        ("a changed body", &[401], Refuses),
        ("a changed body", &[302], Fails),
        ("a changed body", &[429], Fails),
        ("a changed body", &[500], Fails),
        ("the same request twice", &[200, 200], Passes),
        ("the same request twice", &[200, 409], Passes),
        ("the same request twice", &[200, 500], Fails),
        ("the same request twice", &[401, 401], Fails),
    ] {
        let (found, _) = verdict(name, statuses, None);
        assert_eq!(found, expected, "{name} {statuses:?}");
    }
    let (_, hint) = verdict("a valid request", &[501], None);
    assert!(hint.unwrap().contains("check the path and the method"));
}

#[test]
fn refusals_by_an_endpoint_that_refuses_everything_prove_nothing() {
    for (name, status, refusal, expected) in [
        ("a changed body", 401, 401, Verdict::Skipped),
        ("a wrong header first", 401, 401, Verdict::Skipped),
        ("a second valid request", 401, 401, Verdict::Fails),
        ("a second valid request", 404, 404, Verdict::Skipped),
        ("an empty body", 501, 501, Verdict::Skipped),
        ("a changed body", 501, 501, Verdict::Skipped),
        ("a changed body", 200, 404, Verdict::Leaks),
        ("a changed body", 500, 405, Verdict::Fails),
        ("a GET without signature", 405, 405, Verdict::Passes),
    ] {
        let (found, hint) = verdict(name, &[status], Some(refusal));
        assert_eq!(found, expected, "{name} {status}");
        if found == Verdict::Skipped {
            assert!(hint.unwrap().contains("proves nothing"), "{name} {status}");
        }
    }
}

#[test]
fn a_member_is_added_if_the_body_has_an_object() {
    let body = |body: &'static [u8]| {
        let (message, _) = message("sendgrid", "", body);
        let made = case("non-ASCII letters").requests(&bench(&message));
        made.map(|(calls, _)| calls[0].body.clone())
    };
    let list = body(br#"[1, {"event": "delivered"}, {"event": "open"}]"#).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list[1]["evt_check"], "Zoë Zoë 🚀 🚀 / /");
    assert_eq!(list[2].get("evt_check"), None);
    for without_object in [&b"[1, 2]"[..], b"\"text\"", b"text"] {
        let reason = Skip::because("the body cannot hold another member");
        assert_eq!(body(without_object).unwrap_err(), reason);
    }
}

#[test]
fn a_long_reason_for_a_skip_is_truncated() {
    let Skip(reason) = Skip::because("ß".repeat(99));
    assert_eq!(reason.chars().count(), LONGEST_REASON);
    let Skip(reason) = Skip::because("ß".repeat(LONGEST_REASON));
    assert_eq!(reason, "ß".repeat(LONGEST_REASON));
}

#[test]
fn a_hint_says_whether_the_repetition_was_noticed() {
    let hint = |statuses| verdict("the same request twice", statuses, None).1.unwrap();
    assert!(hint(&[200, 409]).contains("recognised"));
    assert!(hint(&[200, 200]).contains("it is unknown whether it acted twice"));
}
