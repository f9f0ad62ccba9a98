//! Difficult cases of polling: the effect of each setting on the responses of `find`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::wire::{Platform, Reply};

/// A platform with these settings and then this many contacts.
fn with(switches: Value, contacts: usize) -> Platform {
    let platform = Platform::start();
    set(&platform, &switches);
    for n in 0..contacts {
        platform.create("contact", json!({ "n": n }));
    }
    platform
}

fn set(platform: &Platform, switches: &Value) {
    let reply = platform.order("PUT", "/_evt/chaos", switches);
    assert_eq!(reply.status, 200, "{reply:?}");
}

fn ask(platform: &Platform, body: &Value) -> Reply {
    platform.ask("POST", "/repository/find/contact", body)
}

/// The records of a find in the default envelope.
fn find(platform: &Platform, body: &Value) -> Vec<Value> {
    let reply = ask(platform, body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["data"].as_array().unwrap().clone()
}

fn ascending() -> Value {
    json!({"options": {"sort": {"modifydate": 1, "sk": 1}}})
}

fn numbers(records: &[Value]) -> Vec<i64> {
    let numbers = records
        .iter()
        .map(|record| record["data"]["n"].as_i64().unwrap());
    numbers.collect()
}

fn chaos(reply: &Reply) -> &str {
    reply.header("x-evt-chaos").unwrap_or_default()
}

fn statuses(platform: &Platform, finds: usize) -> Vec<u16> {
    let status = |_| ask(platform, &json!({})).status;
    (0..finds).map(status).collect()
}

#[test]
fn defaults_change_and_mark_nothing() {
    let platform = with(json!({}), 2);
    let reply = ask(&platform, &ascending());
    assert_eq!((reply.status, chaos(&reply)), (200, ""));
}

#[test]
fn settings_are_shown_changed_and_reset_together() {
    let platform = Platform::start();
    let usual = platform.order("GET", "/_evt/chaos", &Value::Null).json();
    let expected = json!({
        "ties": 1, "skew": 0, "late": 0, "touch": 0, "page_cap": 0, "window": 0, "ignore": "none", "order": "stable",
        "dates": "iso-ms", "envelope": "data", "429": 0, "retry_after": "1s", "retry_after_form": "seconds", "5xx": 0,
        "html": 0, "error": 0, "duplicate": 0, "empty": 0, "cut": 0,
    });
    assert_eq!(usual, expected);
    let some = json!({"ties": 50, "ignore": ["sort", "paging"], "poll.429": "7"});
    let changed = platform.order("POST", "/_evt/chaos", &some).json();
    assert_eq!(
        (&changed["ties"], &changed["ignore"], &changed["429"]),
        (&json!(50), &json!("sort,paging"), &json!(7))
    );
    set(&platform, &json!({"ties": null}));
    let settings = platform.order("GET", "/_evt/settings", &Value::Null).json();
    let value = |name: &str| {
        let rows = settings["settings"].as_array().unwrap().iter();
        let row = rows.into_iter().find(|row| row["name"] == name).unwrap();
        row["value"].clone()
    };
    assert_eq!(
        (value("poll.ties"), value("poll.429")),
        (json!("1"), json!("7"))
    );
    let back = platform.order("DELETE", "/_evt/chaos", &Value::Null).json();
    assert_eq!(back, usual);
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest() {
    let platform = Platform::start();
    let reply = platform.order(
        "PUT",
        "/_evt/chaos",
        &json!({"touch": 1, "envelop": "rows"}),
    );
    assert_eq!(reply.refusal(), (400, "unknown_setting".into()));
    assert!(reply.body.contains("did you mean `poll.envelope`?"));
    let reply = platform.order("PUT", "/_evt/chaos", &json!({"dates": "roman"}));
    assert_eq!(reply.refusal(), (400, "bad_setting".into()));
    let kept = platform.order("GET", "/_evt/chaos", &Value::Null).json();
    assert_eq!(kept["touch"], 0);
}

#[test]
fn settings_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    set(&Platform::on(folder.path()), &json!({"429": 1}));
    assert_eq!(statuses(&Platform::on(folder.path()), 2), [429, 429]);
}

#[test]
fn consecutive_writes_share_a_timestamp() {
    let platform = with(json!({"ties": 3}), 6);
    let records = find(&platform, &ascending());
    let dates: Vec<_> = records.iter().map(|record| &record["modifydate"]).collect();
    assert!(dates[0] == dates[1] && dates[1] == dates[2], "{dates:?}");
    assert!(dates[3] == dates[4] && dates[4] == dates[5], "{dates:?}");
    assert_ne!(dates[2], dates[3]);
}

#[test]
fn skew_makes_timestamps_out_of_order() {
    let platform = with(json!({"skew": "60m"}), 20);
    let order = numbers(&find(&platform, &ascending()));
    assert_ne!(order, (0..20).collect::<Vec<_>>());
    assert_eq!(order.iter().collect::<HashSet<_>>().len(), 20);
}

#[test]
fn every_second_write_appears_late_with_its_own_date() {
    let platform = with(json!({"late": "1440m"}), 4);
    assert_eq!(numbers(&find(&platform, &ascending())), [0, 2]);
    assert_eq!(chaos(&ask(&platform, &json!({}))), "late");
    assert_eq!(ask(&platform, &json!({})).json()["total"], 2);
    let platform = with(json!({"late": "200ms"}), 4);
    while find(&platform, &ascending()).len() < 4 {
        std::thread::yield_now();
    }
    assert_eq!(numbers(&find(&platform, &ascending())), [0, 1, 2, 3]);
}

#[test]
fn a_late_update_shows_the_previous_version_until_then() {
    let platform = with(json!({"late": "1440m"}), 1);
    let before = find(&platform, &json!({}));
    let sk = before[0]["sk"].as_str().unwrap();
    let path = format!("/repository/update-partial/contact/{sk}");
    let changed = platform.ask("POST", &path, &json!({"data.n": 7})).json();
    assert_eq!(changed["version"], 2);
    assert_eq!(find(&platform, &json!({})), before);
    let from = json!({"query": {"modifydate": {"$gte": changed["modifydate"]}}});
    assert_eq!(find(&platform, &from), Vec::<Value>::new());
    set(&platform, &json!({"late": 0}));
    assert_eq!(find(&platform, &from), [changed]);
}

#[test]
fn records_are_updated_after_each_find_without_events() {
    let platform = with(json!({"touch": 2}), 5);
    let events = platform.events();
    let first = find(&platform, &ascending());
    assert!(first.iter().all(|record| record["version"] == 1));
    let second = find(&platform, &ascending());
    let touched: Vec<_> = second
        .iter()
        .filter(|record| record["version"] == 2)
        .collect();
    assert_eq!(touched.len(), 2);
    let last = first[4]["modifydate"].as_str().unwrap();
    assert!(
        touched
            .iter()
            .all(|record| record["modifydate"].as_str().unwrap() > last)
    );
    assert_eq!(platform.events(), events);
    assert_eq!(chaos(&ask(&platform, &json!({}))), "touch");
}

#[test]
fn pages_have_at_most_the_maximum_size() {
    let platform = with(json!({"page_cap": 2}), 5);
    let reply = ask(&platform, &json!({"options": {"pageSize": 100}}));
    let page = reply.json();
    assert_eq!(
        (page["data"].as_array().unwrap().len(), chaos(&reply)),
        (2, "page_cap")
    );
    assert_eq!((&page["pageSize"], &page["total"]), (&json!(2), &json!(5)));
}

#[test]
fn a_page_beyond_the_window_is_refused() {
    let platform = with(json!({"window": 4}), 6);
    let page = |page: i32| {
        ask(
            &platform,
            &json!({"options": {"pageSize": 2, "page": page}}),
        )
    };
    assert_eq!(
        (
            page(2).status,
            page(2).json()["data"].as_array().unwrap().len()
        ),
        (200, 2)
    );
    let refused = page(3);
    assert_eq!(refused.refusal(), (400, "window_exceeded".into()));
    assert_eq!(chaos(&refused), "window");
}

#[test]
fn ignored_parts_of_a_request_have_no_effect() {
    let body = json!({
        "query": {"data.n": {"$gte": 2}}, "options": {"sort": {"modifydate": -1}, "page": 2, "pageSize": 1},
    });
    let platform = with(json!({}), 4);
    let found = |ignore: &str| {
        set(&platform, &json!({ "ignore": ignore }));
        numbers(&find(&platform, &body))
    };
    assert_eq!(found("none"), [2]);
    assert_eq!(found("paging"), [3]);
    assert_eq!(found("filter"), [2]);
    // Ids increase, so the order by id starts with the oldest.
    assert_eq!(found("sort"), [3]);
    assert_eq!(found("sort,filter,paging"), [0]);
    assert_eq!(chaos(&ask(&platform, &body)), "ignore");
    assert_eq!(ask(&platform, &body).json()["total"], 4);
}

#[test]
fn records_with_one_timestamp_change_their_order() {
    let platform = with(json!({"ties": 6, "order": "shuffled"}), 7);
    let orders: HashSet<_> = (0..6)
        .map(|_| numbers(&find(&platform, &ascending())))
        .collect();
    assert!(orders.len() > 1);
    for order in orders {
        assert_eq!(order[6], 6, "a record without a tie keeps its position");
        assert_eq!(order.into_iter().collect::<HashSet<_>>().len(), 7);
    }
    let by_id = json!({"options": {"sort": {"sk": 1}}});
    assert_eq!(
        numbers(&find(&platform, &by_id)),
        (0..7).collect::<Vec<_>>()
    );
}

#[test]
fn a_bound_must_have_the_format_of_the_dates() {
    let shapes = [
        ("iso-s", json!("2001-01-01T00:00:00Z")),
        ("iso-us", json!("2001-01-01T00:00:00.000000Z")),
        ("offset", json!("2001-01-01T02:00:00.000+02:00")),
        ("naive", json!("2001-01-01T00:00:00.000")),
        ("epoch-ms", json!(978_307_200_000_i64)),
        ("epoch-s", json!(978_307_200)),
        ("mongo", json!({"$date": "2001-01-01T00:00:00.000Z"})),
    ];
    let platform = with(json!({}), 2);
    for (name, bound) in &shapes {
        set(&platform, &json!({ "dates": name }));
        let from = |bound: &Value| json!({"query": {"modifydate": {"$gte": bound}}});
        let found = find(&platform, &from(bound));
        assert_eq!(found.len(), 2, "{name}");
        // A date of any response is a valid bound of the next request.
        assert!(
            !find(&platform, &from(&found[0]["modifydate"])).is_empty(),
            "{name}"
        );
        assert_ne!(found[0]["modifydate"], found[0]["sk"]);
        let other = json!("2001-01-01T00:00:00.000Z");
        assert_eq!(
            find(&platform, &from(&other)),
            Vec::<Value>::new(),
            "{name}"
        );
        assert_eq!(chaos(&ask(&platform, &from(bound))), "dates");
    }
}

#[test]
fn records_within_a_second_are_ordered_by_the_next_key() {
    let platform = with(json!({"dates": "epoch-s", "ties": 1}), 12);
    let found = find(
        &platform,
        &json!({"options": {"sort": {"modifydate": -1, "sk": 1}}}),
    );
    let key = |record: &Value| {
        (
            -record["modifydate"].as_i64().unwrap(),
            record["sk"].as_str().unwrap().to_owned(),
        )
    };
    assert!(found.is_sorted_by_key(key), "{found:?}");
}

#[test]
fn records_are_in_the_member_of_the_envelope() {
    let platform = with(json!({}), 2);
    let places = [
        ("items", "/items"),
        ("docs", "/docs"),
        ("list", ""),
        ("nested", "/data/items"),
    ];
    for (name, place) in places {
        set(&platform, &json!({ "envelope": name }));
        let reply = ask(&platform, &json!({}));
        let records = reply.json().pointer(place).cloned().unwrap();
        assert_eq!(records.as_array().unwrap().len(), 2, "{name}");
        assert_eq!(chaos(&reply), "envelope");
    }
}

#[test]
fn every_nth_find_is_refused_with_retry_after() {
    let platform = with(json!({"429": 2, "retry_after": "90s"}), 1);
    assert_eq!(statuses(&platform, 5), [200, 429, 200, 429, 200]);
    let refused = ask(&platform, &json!({}));
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    assert_eq!(
        (refused.header("retry-after"), chaos(&refused)),
        (Some("90"), "429")
    );
    set(&platform, &json!({"429": 1, "retry_after_form": "date"}));
    let refused = ask(&platform, &json!({}));
    assert!(refused.header("retry-after").unwrap().ends_with(" GMT"));
}

#[test]
fn every_nth_find_fails_with_503_or_500() {
    let platform = with(json!({"5xx": 1}), 1);
    assert_eq!(statuses(&platform, 3), [503, 500, 503]);
    assert_eq!(chaos(&ask(&platform, &json!({}))), "5xx");
}

#[test]
fn a_response_with_200_may_not_be_a_page() {
    let platform = with(json!({"html": 1}), 1);
    let page = ask(&platform, &json!({}));
    assert_eq!((page.status, chaos(&page)), (200, "html"));
    assert!(
        page.header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    set(&platform, &json!({"html": 0, "error": 1}));
    let error = ask(&platform, &json!({}));
    assert_eq!((error.status, chaos(&error)), (200, "error"));
    assert!(error.json()["error"].is_string());
}

#[test]
fn a_page_may_repeat_the_previous_one() {
    let platform = with(json!({"duplicate": 2}), 4);
    let page = |page: i32| {
        ask(
            &platform,
            &json!({"options": {"pageSize": 2, "page": page}}),
        )
    };
    let (first, second, third) = (page(1), page(2), page(2));
    assert_eq!((chaos(&second), &second.body), ("duplicate", &first.body));
    assert_eq!(
        (chaos(&third), third.json()["page"].clone()),
        ("", json!(2))
    );
    let lead = platform.ask("POST", "/repository/find/lead", &json!({}));
    assert_eq!(
        lead.json()["total"],
        0,
        "a page of contacts is not repeated for leads"
    );
}

#[test]
fn a_page_may_be_empty_without_reason() {
    let platform = with(json!({"empty": 2}), 3);
    assert_eq!(find(&platform, &json!({})).len(), 3);
    let empty = ask(&platform, &json!({}));
    assert_eq!(
        (&empty.json()["data"], chaos(&empty)),
        (&json!([]), "empty")
    );
    assert_eq!(find(&platform, &json!({})).len(), 3);
}

#[test]
fn a_page_may_be_cut_with_or_without_its_connection() {
    let platform = with(json!({"cut": 1}), 3);
    let promised = |reply: &Reply| reply.header("content-length").unwrap().parse().unwrap();
    let broken = ask(&platform, &json!({}));
    assert_eq!((broken.status, chaos(&broken)), (200, "cut"));
    let length: usize = promised(&broken);
    assert!((1..length).contains(&broken.body.len()), "{broken:?}");
    let cut = ask(&platform, &json!({}));
    assert_eq!(promised(&cut), cut.body.len());
    assert!(serde_json::from_str::<Value>(&cut.body).is_err());
}

#[test]
fn faults_that_are_due_together_alternate() {
    let platform = with(json!({"429": 2, "5xx": 2}), 1);
    assert_eq!(statuses(&platform, 5), [200, 429, 503, 429, 500]);
}

#[test]
fn other_routes_are_not_affected() {
    let faults =
        json!({"429": 1, "dates": "epoch-s", "envelope": "list", "ignore": "sort,filter,paging"});
    let platform = with(faults, 2);
    let page = platform.ask(
        "GET",
        "/repository/find-page-data/contact?ps=1",
        &Value::Null,
    );
    assert_eq!(
        (page.status, page.json()["data"].as_array().unwrap().len()),
        (200, 1)
    );
    let sk = page.json()["data"][0]["sk"].as_str().unwrap().to_owned();
    let one = platform.ask(
        "GET",
        &format!("/repository/get/contact/{sk}"),
        &Value::Null,
    );
    assert!(one.json()["modifydate"].is_string());
}

#[test]
fn a_response_has_the_identity_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let id = |platform: &Platform, path: &str| {
        let reply = platform.ask("GET", path, &Value::Null);
        reply.header("x-evt-platform").map(str::to_owned)
    };
    let first = {
        let platform = Platform::on(folder.path());
        let id_of = id(&platform, "/profile/whoami");
        assert_eq!(id(&platform, "/nowhere"), id_of, "refusals have it, too");
        id_of
    };
    assert_eq!(first.as_ref().map(String::len), Some(36));
    let platform = Platform::on(folder.path());
    assert_eq!(id(&platform, "/nowhere"), first);
    let reset = platform.order("POST", "/_evt/reset", &json!({}));
    assert_eq!(reset.status, 200);
    let renewed = id(&platform, "/nowhere");
    assert!(renewed.is_some() && renewed != first);
    drop(platform);
    assert_eq!(id(&Platform::on(folder.path()), "/nowhere"), renewed);
    assert_ne!(id(&Platform::start(), "/nowhere"), renewed);
}
