//! The repository.

use serde_json::{Value, json};

use super::super::wire::Platform;
use super::{client, read};

const USER: &str = "orgid: my-org\nauthorization: Bearer any\ncontent-type: application/json";

/// A request of a client that must succeed.
fn ask(platform: &Platform, line: &str, body: &Value) -> Value {
    read(platform, &format!("{line}\n{USER}"), &body.to_string())
}

fn sk(record: &Value) -> &str {
    record["sk"].as_str().unwrap()
}

#[test]
fn partial_updates_have_paths_from_the_root_of_the_record() {
    let platform = Platform::start();
    let record = platform.create("contact", json!({"email": "a@example.com"}));
    let head = format!(
        "POST /repository/update-partial/contact/{}\n{USER}",
        sk(&record)
    );
    let body = r#"{"data.phone":"+15550100","email":"b@example.com"}"#;
    let reply = client(&platform, &head, body);
    let expected = json!({"email": "a@example.com", "phone": "+15550100"});
    assert_eq!(reply.json()["data"], expected);
    let lint = reply.header("x-evt-lint").unwrap();
    assert!(lint.contains("`data.email`"), "{lint}");
}

#[test]
fn an_owner_is_an_object() {
    let platform = Platform::start();
    let owner =
        json!({"id": "user-1", "email": "a@example.com", "name": "Ada", "datatype": "user"});
    let body = json!({"datatype": "task", "isNew": true, "data": {}, "owner": owner});
    let record = ask(&platform, "PUT /repository/create", &body);
    assert_eq!(record["owner"], owner);
    let path = format!("POST /repository/update-partial/task/{}", sk(&record));
    let record = ask(&platform, &path, &json!({"owner.name": "Ada L."}));
    assert_eq!(record["owner"]["name"], "Ada L.");
    let record = ask(&platform, &path, &json!({"owner": "b@example.com"}));
    assert_eq!(record["owner"], json!({"email": "b@example.com"}));
}

#[test]
fn publish_and_approve_raise_their_events() {
    let platform = Platform::start();
    let record = platform.create("post", json!({}));
    let verbs = [
        ("approve", "approved"),
        ("publish", "published"),
        ("unpublish", "draft"),
        ("reject", "rejected"),
    ];
    for (verb, state) in verbs {
        let line = format!("POST /repository/{verb}");
        let body = json!({"datatype": "post", "id": record["sk"]});
        assert_eq!(ask(&platform, &line, &body)["state"], state);
    }
    let events = platform.events();
    for kind in ["collection-approve", "collection-publish"] {
        let raised = events.iter().filter(|event| *event == kind);
        assert_eq!(raised.count(), 1, "{kind}: {events:?}");
    }
    let many = json!({"datatype": "post", "ids": [record["sk"]]});
    let answer = ask(&platform, "POST /repository/publish", &many);
    assert_eq!(answer["data"][0]["state"], "published");
}

#[test]
fn a_path_with_a_datatype_creates_without_isnew() {
    let platform = Platform::start();
    for (line, n) in [("POST", 1), ("PUT", 2)] {
        let line = format!("{line} /repository/create/contact");
        let record = ask(&platform, &line, &json!({"data": {"n": n}}));
        assert!(sk(&record).starts_with("contact-"));
    }
    let head = format!("POST /repository/create/contact\n{USER}");
    let refused = client(&platform, &head, r#"{"isNew":false,"data":{}}"#);
    assert_eq!(refused.refusal(), (400, "not_new".into()));
}

#[test]
fn a_pipeline_groups_records() {
    let platform = Platform::start();
    for (city, amount) in [("Wien", 10), ("Graz", 5), ("Wien", 30), ("Linz", 99)] {
        platform.create("order", json!({"city": city, "amount": amount}));
    }
    let pipeline = json!([
        {"$match": {"data.city": {"$ne": "Linz"}}},
        {"$group": {"_id": "$data.city", "total": {"$sum": "$data.amount"}}},
        {"$sort": {"total": -1}},
    ]);
    let answer = ask(&platform, "POST /repository/aggregate/order", &pipeline);
    let expected = json!([{"_id": "Wien", "total": 40}, {"_id": "Graz", "total": 5}]);
    assert_eq!(answer["data"], expected);
    let wrapped = json!({"pipeline": pipeline});
    let again = ask(&platform, "POST /repository/aggregate/order", &wrapped);
    assert_eq!(again, answer);
    let head = format!("POST /repository/aggregate/order\n{USER}");
    let refused = client(&platform, &head, r#"[{"$gruop":{"_id":null}}]"#);
    assert_eq!(refused.refusal(), (400, "bad_pipeline".into()));
    assert!(
        refused.body.contains("did you mean `$group`?"),
        "{refused:?}"
    );
}

#[test]
fn an_update_may_have_its_id_in_the_body() {
    let platform = Platform::start();
    let record = platform.create("contact", json!({"n": 1}));
    let body = json!({"datatype": "contact", "sk": record["sk"], "data": {"n": 2}});
    let changed = ask(&platform, "POST /repository/update", &body);
    assert_eq!(
        (&changed["data"]["n"], &changed["version"]),
        (&json!(2), &json!(2))
    );
}

#[test]
fn a_search_may_have_its_keyword_in_the_query() {
    let platform = Platform::start();
    for n in ["ada", "adam", "grace"] {
        platform.create("contact", json!({"n": n}));
    }
    let line = "GET /repository/search/contact?keyword=ada&pageSize=1";
    let page = read(&platform, &format!("{line}\n{USER}"), "");
    assert_eq!((&page["total"], &page["pageSize"]), (&json!(2), &json!(1)));
}

#[test]
fn a_record_is_deleted_by_its_id_alone() {
    let platform = Platform::start();
    let record = platform.create("contact", json!({}));
    let head = format!("DELETE /repository/delete/{}\n{USER}", sk(&record));
    assert_eq!(read(&platform, &head, "")["sk"], record["sk"]);
    assert_eq!(client(&platform, &head, "").status, 404);
}
