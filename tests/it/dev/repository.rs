//! Records: changing, finding, sorting, paging, and AppEngine's quirks.

use evt::dev::DevOptions;
use serde_json::{Value, json};

use super::wire::Platform;

fn find(platform: &Platform, body: Value) -> Value {
    let reply = platform.ask("POST", "/repository/find/contact", &body);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn names(page: &Value) -> Vec<String> {
    let records = page["data"].as_array().unwrap();
    let names = records
        .iter()
        .filter_map(|record| record["data"]["n"].as_str());
    names.map(str::to_owned).collect()
}

/// A platform with contacts of these names, created in this order.
fn with_contacts(all: &[&str]) -> Platform {
    let platform = Platform::start();
    for name in all {
        platform.create("contact", json!({"n": name}));
    }
    platform
}

#[test]
fn a_record_has_the_keys_of_a_basemodel_in_order() {
    let platform = Platform::start();
    let record = platform.create("contact", json!({"email": "a@example.com"}));
    let keys: Vec<_> = record.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "pk",
        "sk",
        "datatype",
        "data",
        "version",
        "state",
        "createdate",
        "modifydate",
        "author",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (&record["pk"], &record["version"], &record["state"]),
        (&json!("my-org"), &json!(1), &json!("new"))
    );
    assert!(record["sk"].as_str().unwrap().starts_with("contact-"));
}

#[test]
fn a_record_is_created_changed_read_and_deleted() {
    let platform = Platform::start();
    let record = platform.create("contact", json!({"email": "a@example.com", "keep": true}));
    let sk = record["sk"].as_str().unwrap();
    let partial = json!({"data.address.city": "Wien", "state": "approved"});
    let path = format!("/repository/update-partial/contact/{sk}");
    let changed = platform.ask("POST", &path, &partial).json();
    assert_eq!(
        changed["data"],
        json!({"email": "a@example.com", "keep": true, "address": {"city": "Wien"}})
    );
    assert_eq!(
        (&changed["version"], &changed["state"]),
        (&json!(2), &json!("approved"))
    );
    let whole = json!({"data": {"email": "b@example.com"}});
    let replaced = platform
        .ask("POST", &format!("/repository/update/{sk}"), &whole)
        .json();
    assert_eq!(
        (&replaced["data"], &replaced["version"]),
        (&json!({"email": "b@example.com"}), &json!(3))
    );
    let path = format!("/repository/get/contact/{sk}");
    assert_eq!(platform.ask("GET", &path, &Value::Null).json(), replaced);
    let deleted = platform.ask(
        "DELETE",
        &format!("/repository/delete/contact/{sk}"),
        &Value::Null,
    );
    assert_eq!(deleted.json()["sk"], record["sk"]);
    assert_eq!(
        platform.ask("GET", &path, &Value::Null).refusal(),
        (404, "not_found".into())
    );
}

#[test]
fn create_is_served_at_all_its_paths() {
    let platform = Platform::start();
    let of = |n: i32| json!({"isNew": true, "data": {"n": n}});
    let mut body = of(1);
    body["datatype"] = "contact".into();
    assert_eq!(platform.ask("PUT", "/repository/create", &body).status, 200);
    assert_eq!(
        platform
            .ask("POST", "/repository/create/contact", &of(2))
            .status,
        201
    );
    assert_eq!(
        platform
            .ask("PUT", "/repository/create/contact", &of(3))
            .status,
        200
    );
    assert_eq!(find(&platform, json!({}))["total"], 3);
}

#[test]
fn a_create_without_isnew_is_refused() {
    let platform = Platform::start();
    for is_new in [json!(null), json!(false), json!("true")] {
        let body = json!({"datatype": "contact", "isNew": is_new, "data": {}});
        let reply = platform.ask("POST", "/repository/create", &body);
        assert_eq!(reply.refusal(), (400, "not_new".into()));
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with("Not a new contact, please use update or set the new property")
        );
    }
}

#[test]
fn an_exact_repeat_of_the_last_create_gets_an_empty_response() {
    let platform = Platform::start();
    let body = json!({"datatype": "contact", "isNew": true, "data": {"n": "a"}});
    assert_eq!(
        platform.ask("POST", "/repository/create", &body).status,
        201
    );
    let repeat = platform.ask("POST", "/repository/create", &body);
    assert_eq!((repeat.status, repeat.body.as_str()), (200, ""));
    assert_eq!(find(&platform, json!({}))["total"], 1);
    let off = platform.order("POST", "/_evt/settings", &json!({"create.repeat": "off"}));
    assert_eq!(off.status, 200);
    assert_eq!(
        platform.ask("POST", "/repository/create", &body).status,
        201
    );
}

#[test]
fn an_existing_id_is_not_overwritten() {
    let platform = Platform::start();
    let body =
        |n: i32| json!({"datatype": "contact", "sk": "contact-a", "isNew": true, "data": {"n": n}});
    assert_eq!(
        platform.ask("POST", "/repository/create", &body(1)).status,
        201
    );
    let refused = platform.ask("POST", "/repository/create", &body(2));
    assert_eq!(refused.refusal().0, 400);
    let record = platform.ask("GET", "/repository/get/contact/contact-a", &Value::Null);
    assert_eq!(record.json()["data"]["n"], 1);
}

#[test]
fn a_record_is_found_by_every_form_of_its_id() {
    let platform = Platform::start();
    let body = json!({"datatype": "contact", "sk": "contact-abc", "isNew": true, "data": {}});
    assert_eq!(
        platform.ask("POST", "/repository/create", &body).status,
        201
    );
    let paths = [
        "/repository/get/contact/contact-abc",
        "/repository/get/contact/abc",
        "/repository/get/contact/my-org/contact/abc",
        "/repository/get/contact/my-org%2Fcontact%2Fabc",
        "/repository/find-any-id/contact/abc?en=true",
        "/repository/find-any-id/lead/contact-abc?en=true",
    ];
    for path in paths {
        let reply = platform.ask("GET", path, &Value::Null);
        assert_eq!(reply.json()["sk"], "contact-abc", "{path}");
    }
}

#[test]
fn both_ways_to_sort_give_the_same_order() {
    let platform = with_contacts(&["b", "c", "a"]);
    let sorted = |options: Value| names(&find(&platform, json!({"options": options})));
    assert_eq!(sorted(json!({"sort": {"data.n": 1}})), ["a", "b", "c"]);
    assert_eq!(
        sorted(json!({"sort": "data.n", "sortType": "asc"})),
        ["a", "b", "c"]
    );
    assert_eq!(
        sorted(json!({"sort": "data.n", "sortType": 1})),
        ["a", "b", "c"]
    );
    assert_eq!(sorted(json!({"sort": {"data.n": -1}})), ["c", "b", "a"]);
    assert_eq!(
        sorted(json!({"sort": "data.n", "sortType": "desc"})),
        ["c", "b", "a"]
    );
    assert_eq!(sorted(json!({"sort": {"modifydate": 1}})), ["b", "c", "a"]);
    assert_eq!(sorted(json!({})), ["a", "c", "b"]);
}

#[test]
fn an_invalid_sort_is_refused() {
    let platform = Platform::start();
    for sort in [
        json!({"data.n": 2}),
        json!({"data.n": "up"}),
        json!(["data.n"]),
        json!(true),
    ] {
        let body = json!({"options": {"sort": sort}});
        let reply = platform.ask("POST", "/repository/find/contact", &body);
        assert_eq!(reply.refusal(), (400, "bad_option".into()), "{body}");
    }
}

#[test]
fn pages_contain_every_record_once_for_each_sort() {
    let all = ["a", "b", "c", "d", "e", "f", "g"];
    let platform = with_contacts(&all);
    for sort in [json!({"modifydate": 1}), json!({"data.n": 1})] {
        let mut seen = Vec::new();
        for page in 1.. {
            let options = json!({"sort": sort, "pageSize": 3, "page": page});
            let found = find(&platform, json!({"options": options}));
            assert_eq!(
                (&found["total"], &found["totalPages"]),
                (&json!(7), &json!(3))
            );
            seen.extend(names(&found));
            if found["hasNext"] == json!(false) {
                break;
            }
        }
        assert_eq!(seen, all, "{sort}");
    }
}

#[test]
fn a_page_has_fifty_records_by_default_and_at_most_the_cap() {
    let options = DevOptions {
        page_cap: 60,
        ..DevOptions::default()
    };
    let platform = Platform::with(options).unwrap();
    for n in 0..61 {
        platform.create("contact", json!({"n": n.to_string()}));
    }
    assert_eq!(names(&find(&platform, json!({}))).len(), 50);
    let body = json!({"options": {"pageSize": 1000}});
    let reply = platform.ask("POST", "/repository/find/contact", &body);
    assert_eq!(
        (names(&reply.json()).len(), &reply.json()["pageSize"]),
        (60, &json!(60))
    );
    assert!(reply.header("x-evt-lint").unwrap().contains("cap"));
}

#[test]
fn the_watermark_query_includes_its_boundary() {
    let platform = with_contacts(&["a", "b", "c"]);
    let all = find(&platform, json!({"options": {"sort": {"modifydate": 1}}}));
    let second = &all["data"][1]["modifydate"];
    let from = |operator: &str| {
        let query = json!({"modifydate": {operator: second}});
        names(&find(
            &platform,
            json!({"query": query, "options": {"sort": {"modifydate": 1}}}),
        ))
    };
    assert_eq!(from("$gte"), ["b", "c"]);
    assert_eq!(from("$gt"), ["c"]);
    assert_eq!(from("$lt"), ["a"]);
    assert_eq!(from("$lte"), ["a", "b"]);
}

#[test]
fn a_query_selects_by_fields_of_the_record() {
    let platform = with_contacts(&["a", "b", "c", "d"]);
    let query = json!({"$or": [{"data.n": {"$in": ["a", "c"]}}, {"data.n": {"$regex": "^d"}}]});
    let found = find(
        &platform,
        json!({"query": query, "options": {"sort": {"modifydate": 1}}}),
    );
    assert_eq!(
        (names(&found), &found["total"]),
        (vec!["a".into(), "c".into(), "d".into()], &json!(3))
    );
}

#[test]
fn an_unknown_operator_is_refused() {
    let platform = Platform::start();
    let body = json!({"query": {"data.n": {"$near": 1}}});
    let reply = platform.ask("POST", "/repository/find/contact", &body);
    assert_eq!(reply.refusal(), (400, "bad_query".into()));
    let bad_time = json!({"query": {"modifydate": {"$gte": "yesterday"}}});
    let reply = platform.ask("POST", "/repository/find/contact", &bad_time);
    assert_eq!(reply.refusal(), (400, "bad_time".into()));
}

#[test]
fn keys_other_than_query_and_options_are_ignored_with_a_lint() {
    let platform = with_contacts(&["a", "b"]);
    let body = json!({"filter": {"data.n": "a"}});
    let reply = platform.ask("POST", "/repository/find/contact", &body);
    assert_eq!(reply.json()["total"], 2);
    assert!(
        reply
            .header("x-evt-lint")
            .unwrap()
            .contains("`filter` is ignored")
    );
}

#[test]
fn the_other_ways_to_find_return_pages_as_well() {
    let platform = with_contacts(&["ada", "bob", "adam"]);
    let get = |path: &str| platform.ask("GET", path, &Value::Null).json();
    let page = get("/repository/find-page-data/contact?p=2&ps=2&s=data.n&st=asc");
    assert_eq!(
        (names(&page), &page["page"]),
        (vec!["bob".to_owned()], &json!(2))
    );
    let found = get("/repository/find-by-attribute/contact/n/ADA");
    assert_eq!(names(&found), ["ada"]);
    let keyword = json!({"keyword": "ada", "pageSize": 1});
    let found = platform
        .ask("POST", "/repository/search/contact", &keyword)
        .json();
    assert_eq!(
        (&found["total"], &found["pageSize"]),
        (&json!(2), &json!(1))
    );
}

#[test]
fn many_records_are_deleted_at_once_and_missing_ones_listed() {
    let platform = Platform::start();
    let sk = platform.create("contact", json!({}))["sk"].clone();
    let reply = platform.ask("POST", "/repository/delete/contact", &json!([sk, "none"]));
    assert_eq!(
        reply.json(),
        json!({"deletedCount": 1, "deleted": [sk], "notFound": ["none"]})
    );
}
