//! Every case's request, judged by the scheme's own verifier: the good ones are good, the bad ones bad for the right reason.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::grammar::target::Target;
use crate::signature::Reason::{
    self, DuplicateHeader, MissingHeader, SecretMismatch, SignatureMismatch, TimestampTooNew,
    TimestampTooOld,
};
use crate::signature::{self, Received};

const NOW: Timestamp = Timestamp::from_secs(1_795_132_800);
const BODY: &[u8] = br#"{"event":"contact.created","data":{"n":1}}"#;
const URL: &str = "http://127.0.0.1:4871/hook";

/// Whether a header stands there twice, with two values.
fn has_two(call: &Call) -> bool {
    call.headers.keys().any(|name| {
        let values: Vec<_> = call.headers.get_all(name).iter().collect();
        values.len() == 2 && values[0] != values[1]
    })
}

fn subject(scheme: &str, options: &str, body: &'static [u8]) -> (Subject, Secret) {
    let scheme = signature::find(scheme).unwrap();
    let options = match options {
        "" => Options::default(),
        text => {
            format!("x:{text}")
                .parse::<crate::signature::SchemeSpec>()
                .unwrap()
                .options
        }
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
        signer: Some(scheme.signer(&keys.signs, &options).unwrap()),
        timeout: Duration::from_secs(1),
    };
    message.adopt_url().unwrap();
    let subject = Subject {
        message,
        scheme,
        options,
        secret: keys.signs,
    };
    (subject, keys.verifies)
}

fn judged(subject: &Subject, verifies: &Secret, call: &Call) -> Reason {
    let received = Received {
        method: call.method.as_str(),
        url: &call.target.to_string(),
        headers: &call.headers,
        body: &call.body,
    };
    let verifier = subject
        .scheme
        .verifier(std::slice::from_ref(verifies), &subject.options)
        .unwrap();
    verifier.verify(&received, NOW, None).reason
}

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).unwrap()
}

/// What the verifier says of a case's request; the reason of the skip where there is none.
fn reason(scheme: &str, name: &str) -> Result<Reason, String> {
    let (subject, verifies) = subject(scheme, "", BODY);
    let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
    match case(name).requests(&bench) {
        Ok((calls, _)) => Ok(judged(&subject, &verifies, &calls[0])),
        Err(Skip::Because(reason)) => Err(reason),
        Err(Skip::Foreign) => Err("foreign".to_owned()),
    }
}

#[test]
fn what_must_be_accepted_is_signed_right_and_what_must_be_refused_is_not() {
    for scheme in signature::SCHEMES {
        if scheme.sample_keys(&[5; 32]).is_none() {
            continue;
        }
        let options = match scheme.name() {
            "hmac" => "header=X-Sig",
            "google-pubsub-jwt" => "audience=a",
            _ => "",
        };
        let (subject, verifies) = subject(scheme.name(), options, BODY);
        let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
        let mut made = 0;
        for case in CASES.iter().filter(|case| case.group != Group::Handshake) {
            let Ok((calls, expect)) = case.requests(&bench) else {
                continue;
            };
            made += 1;
            let wanted = match (case.group, expect) {
                (_, Expect::Either) | (Group::Accepts, _) => true,
                // What readers of two headers make of them differs.
                (_, Expect::Whatever) => {
                    assert!(calls.iter().all(has_two), "{} {}", scheme.name(), case.name);
                    continue;
                }
                (Group::Behaves, _) => case.name != "a GET without signature",
                _ => false,
            };
            for call in calls {
                let reason = judged(&subject, &verifies, &call);
                let names = (scheme.name(), case.name, reason);
                assert_eq!(reason == Reason::Ok, wanted, "{names:?}");
            }
        }
        assert!(made > 9, "{}: {made}", scheme.name());
    }
}

#[test]
fn a_bad_request_is_bad_for_the_reason_that_its_case_names() {
    for (scheme, name, expected) in [
        ("standard-webhooks", "a changed body", SignatureMismatch),
        (
            "standard-webhooks",
            "a changed signature",
            SignatureMismatch,
        ),
        ("standard-webhooks", "signed an hour ago", TimestampTooOld),
        ("standard-webhooks", "signed in an hour", TimestampTooNew),
        ("standard-webhooks", "no signature header", MissingHeader),
        ("standard-webhooks", "no timestamp header", MissingHeader),
        ("standard-webhooks", "no id header", MissingHeader),
        ("standard-webhooks", "another key", SignatureMismatch),
        (
            "standard-webhooks",
            "another vendor's scheme",
            MissingHeader,
        ),
        ("standard-webhooks", "nothing signed", MissingHeader),
        ("stripe", "a changed body", SignatureMismatch),
        ("stripe", "signed an hour ago", TimestampTooOld),
        ("stripe", "a wrong header first", DuplicateHeader),
        ("stripe", "a wrong header second", DuplicateHeader),
        ("stripe", "another key", SignatureMismatch),
        ("github", "a changed body", SignatureMismatch),
        ("github", "a wrong header second", DuplicateHeader),
        ("github", "another vendor's scheme", MissingHeader),
        (
            "shared-secret-header",
            "a changed signature",
            SecretMismatch,
        ),
        ("shared-secret-header", "another key", SecretMismatch),
        ("shared-secret-header", "an empty signature", SecretMismatch),
    ] {
        assert_eq!(reason(scheme, name), Ok(expected), "{scheme} {name}");
    }
}

#[test]
fn what_a_scheme_cannot_express_is_skipped_and_says_why() {
    for (scheme, name, expected) in [
        ("github", "signed an hour ago", "signs no timestamp"),
        ("github", "no id header", "has no such header"),
        ("github", "a second signature", "sends one signature"),
        ("stripe", "no timestamp header", "has no such header"),
        (
            "shared-secret-header",
            "a changed body",
            "body is not signed",
        ),
        ("github", "meta: verification", "foreign"),
    ] {
        let found = reason(scheme, name).unwrap_err();
        assert_eq!(found, expected, "{scheme} {name}");
    }
}

#[test]
fn what_the_schemes_own_verifier_accepts_nobody_has_to_refuse() {
    let expect = |scheme, name| {
        let (subject, _) = subject(scheme, "", BODY);
        let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
        let (_, expect) = case(name).requests(&bench).unwrap();
        matches!(expect, Expect::Either)
    };
    assert!(expect("stripe", "signed in an hour"));
    assert!(expect("mailgun", "signed an hour ago"));
    assert!(!expect("standard-webhooks", "signed in an hour"));
}

#[test]
fn bodies_that_grow_are_still_what_they_were() {
    let (subject, _) = subject("stripe", "", BODY);
    let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
    let body = |name: &str| {
        let (calls, _) = case(name).requests(&bench).unwrap();
        calls[0].body.clone()
    };
    let unicode: serde_json::Value = serde_json::from_slice(&body("letters beyond ASCII")).unwrap();
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
fn no_two_cases_have_one_name() {
    let mut names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len());
}

/// What an endpoint answers that answers like our own listener.
fn answered(subject: &Subject, verifies: &Secret, call: &Call) -> Answer {
    let received = Received {
        method: call.method.as_str(),
        url: &call.target.to_string(),
        headers: &call.headers,
        body: &call.body,
    };
    let verifier = subject
        .scheme
        .verifier(std::slice::from_ref(verifies), &subject.options)
        .unwrap();
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
fn each_handshake_is_answered_by_its_scheme_as_its_case_expects() {
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
        let (subject, verifies) = subject(scheme, options, BODY);
        let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
        let case = case(name);
        let (calls, expect) = case.requests(&bench).unwrap();
        let verdict = |answer| judge::judge(case, expect, &bench, &[Ok(answer)], None).verdict;
        let reply = answered(&subject, &verifies, &calls[0]);
        assert_eq!(verdict(reply), right, "{name}");
        let careless = match right {
            Verdict::Refuses => Verdict::Leaks,
            _ => Verdict::Fails,
        };
        assert_eq!(verdict(answer(200, "ok")), careless, "{name}");
    }
}

/// The verdict on answers of these statuses.
fn verdict(name: &str, statuses: &[u16], good: Option<u16>) -> (Verdict, Option<String>) {
    let (subject, _) = subject("stripe", "", BODY);
    let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
    let case = case(name);
    let results: Vec<_> = statuses
        .iter()
        .map(|status| Ok(answer(*status, "")))
        .collect();
    let good = good.map(|status| http::StatusCode::from_u16(status).unwrap());
    let finding = judge::judge(case, case.expect, &bench, &results, good);
    (finding.verdict, finding.hint)
}

#[test]
fn a_status_is_judged_by_what_its_case_expects() {
    use Verdict::{Fails, Leaks, Passes, Refuses};
    for (name, statuses, expected) in [
        ("a good one", &[204][..], Passes),
        ("a good one", &[302], Fails),
        ("a good one", &[401], Fails),
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
        ("the same one twice", &[200, 200], Passes),
        ("the same one twice", &[200, 409], Passes),
        ("the same one twice", &[200, 500], Fails),
        ("the same one twice", &[401, 401], Fails),
    ] {
        let (found, _) = verdict(name, statuses, None);
        assert_eq!(found, expected, "{name} {statuses:?}");
    }
    let (_, hint) = verdict("a good one", &[501], None);
    assert!(hint.unwrap().contains("are path and method right?"));
}

#[test]
fn refusals_of_an_endpoint_that_refuses_everything_prove_nothing() {
    for (name, status, good, expected) in [
        ("a changed body", 401, 401, Verdict::Skipped),
        ("a wrong header first", 401, 401, Verdict::Skipped),
        ("another good one", 401, 401, Verdict::Fails),
        ("another good one", 404, 404, Verdict::Skipped),
        ("an empty body", 501, 501, Verdict::Skipped),
        ("a changed body", 501, 501, Verdict::Skipped),
        ("a changed body", 200, 404, Verdict::Leaks),
        ("a changed body", 500, 405, Verdict::Fails),
        ("a GET without signature", 405, 405, Verdict::Passes),
    ] {
        let (found, hint) = verdict(name, &[status], Some(good));
        assert_eq!(found, expected, "{name} {status}");
        if found == Verdict::Skipped {
            assert!(hint.unwrap().contains("proves nothing"), "{name} {status}");
        }
    }
}

#[test]
fn a_body_takes_more_where_it_has_a_place_for_it() {
    let body = |body: &'static [u8]| {
        let (subject, _) = subject("sendgrid", "", body);
        let bench = Bench::new(&subject, NOW, [7; 32]).unwrap();
        let made = case("letters beyond ASCII").requests(&bench);
        made.map(|(calls, _)| calls[0].body.clone())
    };
    let list = body(br#"[1, {"event": "delivered"}, {"event": "open"}]"#).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    assert_eq!(list[1]["evt_check"], "Zoë Zoë 🚀 🚀 / /");
    assert_eq!(list[2].get("evt_check"), None);
    for nowhere in [&b"[1, 2]"[..], b"\"text\"", b"text"] {
        let reason = Skip::because("the body takes no further field");
        assert_eq!(body(nowhere).unwrap_err(), reason);
    }
}

#[test]
fn no_reason_of_a_skip_is_longer_than_its_column() {
    let Skip::Because(reason) = Skip::because("ß".repeat(99)) else {
        panic!("foreign");
    };
    assert_eq!(reason.chars().count(), REASON);
    let Skip::Because(reason) = Skip::because("ß".repeat(REASON)) else {
        panic!("foreign");
    };
    assert_eq!(reason, "ß".repeat(REASON));
}

#[test]
fn whether_a_second_delivery_was_noticed_is_told() {
    let hint = |statuses| verdict("the same one twice", statuses, None).1.unwrap();
    assert!(hint(&[200, 409]).contains("noticed"));
    assert!(hint(&[200, 200]).contains("cannot be seen"));
}
