//! Measures conditions (the predicate tree and the interpreter with the same expression), patterns (one by one and in the matcher)
//! and lookups in a body. Prints nanoseconds per event; run with `cargo bench --bench condition`.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use evt::condition::{Condition, Scope, mongo};
use evt::topic::{Matcher, Pattern};
use evt::{envelope, json, time::Timestamp};
use http::HeaderMap;

const BODY: &str = r#"{"event":"contact.created","orgId":"my-org","timestamp":"2026-04-25T10:00:00Z","data":{"sk":"contact-abc","datatype":"contact","version":1,"createdate":"2026-04-25T10:00:00.000Z","modifydate":"2026-04-25T10:00:00.000Z","data":{"email":"ada@example.com","firstName":"Ada","status":"lead","tags":["new","vip"],"amount":140.50,"address":{"city":"London","country":"GB"},"notes":"nothing of note"}}}"#;

/// Pairs of equivalent expressions: one with common forms, one that needs the interpreter.
const PAIRS: [(&str, &str, &str); 3] = [
    (
        "one comparison",
        "data.data.amount >= 100.0",
        "data.data.amount + 0.0 >= 100.0",
    ),
    (
        "four clauses",
        "type == 'contact.created' && data.data.status == 'lead' && data.data.amount >= 100.0 && 'vip' in data.data.tags",
        "(type + '') == 'contact.created' && (data.data.status + '') == 'lead' && (data.data.amount + 0.0) >= 100.0 && data.data.tags.exists(t, t == 'vip')",
    ),
    (
        "a missing key",
        "data.data.missing == 1",
        "data.data.missing + 0 == 1",
    ),
];

fn main() {
    let now = Timestamp::from_secs(1_777_111_200);
    let meta = envelope::detect(&HeaderMap::new(), BODY.as_bytes());
    let data = &BODY[meta.data.expect("the body has data")];
    let scope = Scope::new()
        .text("type", "contact.created")
        .json("data", data);
    for (name, common, free) in PAIRS {
        let common = Condition::parse_cel(common).expect("the condition is valid");
        let free = Condition::parse_cel(free).expect("the condition is valid");
        assert_eq!(common.holds(&scope, now), free.holds(&scope, now), "{name}");
        let predicate = measure(|| common.holds(black_box(&scope), now));
        let interpreter = measure(|| free.holds(black_box(&scope), now));
        println!(
            "condition, {name}: predicate {predicate} ns, interpreter {interpreter} ns, {:.0} times",
            interpreter as f64 / predicate as f64
        );
    }
    let text = PAIRS[1].1;
    report("condition, compiled", || {
        Condition::parse_cel(black_box(text)).is_ok()
    });
    report("envelope, detected", || {
        envelope::detect(&HeaderMap::new(), black_box(BODY.as_bytes()))
    });
    report("json, checked", || {
        json::is_json(black_box(BODY.as_bytes()))
    });
    report("json, minified", || {
        let mut out = Vec::with_capacity(BODY.len());
        json::minify(black_box(BODY.as_bytes()), &mut out);
        out
    });
    filters();
    topics();
}

fn filters() {
    let record: serde_json::Value = serde_json::from_str(BODY).expect("the body is JSON");
    let filter = serde_json::json!({"data.modifydate": {"$gte": "2026-04-25T09:00:00Z"}, "data.data.status": {"$in": ["lead", "new"]}});
    let filter = mongo::Filter::parse(&filter).expect("the filter is valid");
    report("mongo, two fields", || filter.matches(black_box(&record)));
}

fn topics() {
    let patterns: Vec<Pattern> = (0..10_000)
        .map(|n| match n % 3 {
            0 => format!("kind{n}.created"),
            1 => format!("kind{n}.*"),
            _ => format!("*.event{n}.>"),
        })
        .map(|text| text.parse().expect("the pattern is valid"))
        .collect();
    let mut matcher = Matcher::new();
    for (n, pattern) in patterns.iter().enumerate() {
        matcher.insert(pattern, n);
    }
    let name = "kind9000.created";
    report("topic, 10,000 patterns in the matcher", || {
        matcher.find(black_box(name)).len()
    });
    report("topic, 10,000 patterns one by one", || {
        patterns
            .iter()
            .filter(|pattern| pattern.matches(black_box(name)))
            .count()
    });
}

fn report<T>(name: &str, run: impl FnMut() -> T) {
    println!("{name}: {} ns", measure(run));
}

/// Nanoseconds of one run: the best of five rounds of about 100 ms.
fn measure<T>(mut run: impl FnMut() -> T) -> u64 {
    let mut times = 1_u32;
    while round(times, &mut run) < Duration::from_millis(100) {
        times = times.saturating_mul(2);
    }
    let best = (0..5).map(|_| round(times, &mut run)).min();
    let nanos = best.unwrap_or_default().as_nanos() / u128::from(times);
    u64::try_from(nanos).unwrap_or(u64::MAX).max(1)
}

fn round<T>(times: u32, run: &mut impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        black_box(run());
    }
    started.elapsed()
}
