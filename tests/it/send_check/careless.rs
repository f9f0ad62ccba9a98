//! Endpoints that each make one mistake, and the right one: `--check` finds the mistake, and its advice names the fix.

use std::io::{BufReader, Write};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{check, summary, verdict};
use crate::support::http::{Request, Server, read_request, response};

const SECRET: &str = "It's a Secret to Everybody";

/// An endpoint that answers 200 to what `accepts` returns true for, and 401 to the rest.
fn endpoint(accepts: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        let mut stream = stream;
        while let Some(request) = read_request(&mut reader) {
            let status = if accepts(&request) { 200 } else { 401 };
            if stream.write_all(&response(status, &[], "")).is_err() {
                return;
            }
        }
    })
}

fn mac(secret: &[u8], body: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, body).as_ref().to_vec()
}

/// The signature that the endpoint expects in its header.
fn expected(body: &[u8]) -> String {
    let digits = mac(SECRET.as_bytes(), body);
    let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

fn given(request: &Request) -> &str {
    request.header("x-hub-signature-256").unwrap_or_default()
}

fn is_right(request: &Request) -> bool {
    given(request) == expected(&request.body)
}

fn checked(server: &Server) -> (i32, Vec<Value>) {
    let output = check("github", SECRET, &server.url("/hook"), &[]);
    (output.exit.unwrap_or(-1), output.json_lines())
}

/// The advice for a case.
fn hint<'a>(rows: &'a [Value], case: &str) -> &'a str {
    let row = rows.iter().find(|row| row["case"] == case);
    row.and_then(|row| row["hint"].as_str()).unwrap_or_default()
}

#[test]
fn the_right_endpoint_passes() {
    let (exit, rows) = checked(&endpoint(is_right));
    assert_eq!(exit, 0, "{rows:#?}");
    let summary = summary(&rows);
    assert_eq!(
        (&summary["leaks"], &summary["failed"]),
        (&0.into(), &0.into())
    );
}

type Accepts = fn(&Request) -> bool;

#[test]
fn every_mistake_is_found_and_its_fix_is_named() {
    let mistakes: [(&str, &str, Accepts); 8] = [
        ("a shortened signature", "not a prefix", |request| {
            let given = given(request);
            !given.is_empty() && expected(&request.body).starts_with(given)
        }),
        ("a changed signature end", "all bytes", |request| {
            let (given, expected) = (given(request), expected(&request.body));
            given.len() == expected.len() && given[..40] == expected[..40]
        }),
        ("an empty key", "not set or empty", |request| {
            let empty: String = mac(b"", &request.body)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            is_right(request) || given(request) == format!("sha256={empty}")
        }),
        ("an empty key", "not set or empty", |request| {
            let unset: String = mac(b"undefined", &request.body)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            is_right(request) || given(request) == format!("sha256={unset}")
        }),
        ("a change behind 4 kB", "every byte", |request| {
            is_right(request) || is_signed_before_change(request)
        }),
        ("another content type", "content type", |request| {
            let is_json = request.header("content-type") == Some("application/json");
            !is_json && !given(request).is_empty() || is_right(request)
        }),
        ("white space added later", "trim", |request| {
            given(request) == expected(request.body.trim_ascii())
        }),
        ("spaces around the body", "trim", |request| {
            given(request) == expected(request.body.trim_ascii())
        }),
    ];
    for (case, fix, accepts) in mistakes {
        let (exit, rows) = checked(&endpoint(accepts));
        assert_eq!(exit, 8, "{case}: {rows:#?}");
        let found = verdict(&rows, case);
        assert!(matches!(found, "leaks" | "fails"), "{case}: {found}");
        assert!(
            hint(&rows, case).contains(fix),
            "{case}: {}",
            hint(&rows, case)
        );
    }
}

/// Whether the signature fits the body up to its first kilobyte. The change replaces the last `x` of a long run, so the signed
/// body can be restored.
fn is_signed_before_change(request: &Request) -> bool {
    let text = String::from_utf8_lossy(&request.body);
    given(request) == expected(text.replace("xxxy", "xxxx").as_bytes())
}

/// The parts of the token in the Authorization header: header, claims, and the signed text with its signature.
fn token(request: &Request) -> Option<(Value, Value, bool)> {
    let token = request.header("authorization")?.strip_prefix("Bearer ")?;
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let is_signed = URL_SAFE_NO_PAD
        .decode(signature)
        .is_ok_and(|given| given == mac(SECRET.as_bytes(), signed.as_bytes()));
    Some((json(head)?, json(claims)?, is_signed))
}

fn is_current(claims: &Value) -> bool {
    let now = std::time::SystemTime::now();
    let now = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("the clock is after 1970");
    let now = i64::try_from(now.as_secs()).expect("the clock is before the year 5000");
    claims["exp"].as_i64().is_some_and(|end| end > now)
        && claims["nbf"]
            .as_i64()
            .or(claims["iat"].as_i64())
            .is_none_or(|start| start <= now + 60)
}

const AUDIENCE: &str = "https://hooks.example.test/";

fn checked_token(
    accepts: impl Fn(&Value, &Value, bool) -> bool + Send + Sync + 'static,
) -> (i32, Vec<Value>) {
    let server = endpoint(move |request| {
        token(request).is_some_and(|(head, claims, is_signed)| {
            is_current(&claims) && accepts(&head, &claims, is_signed)
        })
    });
    let scheme = format!("jwt-hs256:audience={AUDIENCE}");
    let output = check(&scheme, SECRET, &server.url("/hook"), &[]);
    (output.exit.unwrap_or(-1), output.json_lines())
}

#[test]
fn a_receiver_that_checks_the_whole_token_passes() {
    let (exit, rows) = checked_token(|head, claims, is_signed| {
        head["alg"] == "HS256" && is_signed && claims["aud"] == AUDIENCE
    });
    assert_eq!(exit, 0, "{rows:#?}");
    for case in ["an unsigned token", "another audience"] {
        assert_eq!(verdict(&rows, case), "refuses");
    }
}

#[test]
fn an_unsigned_token_and_another_audience_are_found() {
    let (exit, rows) = checked_token(|head, claims, is_signed| {
        (head["alg"] == "none" || is_signed) && claims["aud"] == AUDIENCE
    });
    assert_eq!((exit, verdict(&rows, "an unsigned token")), (8, "leaks"));
    assert!(hint(&rows, "an unsigned token").contains("algorithm"));
    let (exit, rows) = checked_token(|head, _, is_signed| head["alg"] == "HS256" && is_signed);
    assert_eq!((exit, verdict(&rows, "another audience")), (8, "leaks"));
    assert!(hint(&rows, "another audience").contains("audience"));
}

#[test]
fn alike_answers_of_many_requests_share_a_number() {
    let server = endpoint(is_right);
    let output = check("github", SECRET, &server.url("/hook"), &["-o", "text"]);
    let output = output.expect_exit(0);
    assert!(output.stdout.contains("4 × 401"), "{output}");
}
