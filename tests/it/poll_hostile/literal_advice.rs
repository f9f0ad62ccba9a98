//! The platform's own advice on polling, taken literally. It loses records, and the oracle must detect that.

use serde_json::{Value, json};

use super::data::{Change, Churn, Data};
use super::driver::{Scenario, seed_of};
use super::oracle::{Expectation, Verdict};
use super::query::{Quirks, Sort};
use super::response::Style;
use super::server::{ORGANISATION, TOKEN};
use crate::support::raw::exchange;

const PAGE_SIZE: usize = 50;

/// Follows the platform's advice "Track the highest `modifydate` you have seen and use it as the next watermark" literally: reads newest first, page by page, until a page
/// is short; twice while the collection changes, and once after the last change.
fn read_literally(scenario: Scenario, name: &str) -> Verdict {
    let server = scenario.serve(seed_of(name));
    let token = format!("Bearer {TOKEN}");
    let headers = [("authorization", token.as_str()), ("orgid", ORGANISATION)];
    let mut watermark = scenario.quirks.shape.write(0);
    let mut lines = Vec::new();
    for run in 0..3 {
        if run == 2 {
            server.paused().collection.model.stop_changing();
        }
        let from = watermark.clone();
        for page in 1.. {
            let body = json!({
                "query": {"modifydate": {"$gte": from}},
                "options": {"sort": {"modifydate": -1}, "pageSize": PAGE_SIZE, "page": page},
            });
            let target = "/repository/find/contact";
            let reply = exchange(
                server.address(),
                "POST",
                target,
                &headers,
                body.to_string().as_bytes(),
            );
            let answer: Value =
                serde_json::from_str(&reply.expect("an answer").body).expect("JSON");
            let records = answer["data"].as_array().expect("a list");
            for record in records {
                lines.push(record.to_string());
                let date = &record["modifydate"];
                if date.as_str() > watermark.as_str() {
                    watermark = date.clone();
                }
            }
            if records.len() < PAGE_SIZE {
                break;
            }
        }
    }
    // A parsed record has another notation, which does not matter here.
    let expectation = Expectation {
        reordered: true,
        ..Expectation::ALL_DATED
    };
    let server = server.paused();
    server.collection.verify(&expectation, &lines)
}

#[test]
fn without_changes_the_advice_only_repeats_the_boundary() {
    let scenario = Scenario {
        churn: Churn::NONE,
        ..Scenario::PLAIN
    };
    let verdict = read_literally(scenario, "calm");
    assert_eq!(verdict.lost.len(), 0, "{verdict}");
    assert!(
        !verdict.repeated.is_empty(),
        "each run repeats the record at the watermark: {verdict}"
    );
}

#[test]
fn with_any_difficulty_the_advice_loses_records() {
    let calm = Scenario {
        churn: Churn::NONE,
        ..Scenario::PLAIN
    };
    let deletes = Churn {
        mix: &[(Change::HardDelete, 1)],
        per_request: 5,
        budget: 100,
        ..Churn::NONE
    };
    let shuffled = Quirks {
        sort: Sort::TiesShuffled,
        ..Quirks::NONE
    };
    for (name, scenario) in [
        (
            "a page cap",
            Scenario {
                quirks: Quirks {
                    cap: 20,
                    ..Quirks::NONE
                },
                ..calm
            },
        ),
        (
            "ties",
            Scenario {
                data: Data {
                    instants: 3,
                    ..Data::PLAIN
                },
                quirks: shuffled,
                ..calm
            },
        ),
        (
            "a record from 2099",
            Scenario {
                data: Data {
                    from_2099: true,
                    ..Data::PLAIN
                },
                ..Scenario::PLAIN
            },
        ),
        (
            "hard deletes",
            Scenario {
                churn: deletes,
                style: Style::PLAIN,
                ..calm
            },
        ),
        (
            "every kind of change",
            Scenario {
                churn: Churn::WILD,
                ..Scenario::PLAIN
            },
        ),
    ] {
        let verdict = read_literally(scenario, name);
        let wrong = verdict.lost.len() + verdict.stale.len();
        assert!(wrong > 0, "{name}: {verdict}");
    }
}
