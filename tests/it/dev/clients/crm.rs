//! Leads, contact forms, events of a calendar, and page visits.

use serde_json::{Value, json};

use super::super::wire::Platform;
use super::{client, read};

const USER: &str = "orgid: my-org\nauthorization: Bearer any\ncontent-type: application/json";

fn ask(platform: &Platform, line: &str, body: &Value) -> Value {
    read(platform, &format!("{line}\n{USER}"), &body.to_string())
}

fn get(platform: &Platform, path: &str) -> Value {
    read(platform, &format!("GET {path}\n{USER}"), "")
}

fn count(platform: &Platform, kind: &str) -> usize {
    let events = platform.events();
    events.iter().filter(|event| *event == kind).count()
}

#[test]
fn a_lead_is_named_split_scored_and_found() {
    let platform = Platform::start();
    let body = json!({"fullName": "Ada Lovelace", "email": "ada@example.com"});
    let lead = ask(&platform, "POST /crm/leads/detail", &body);
    assert!(lead["name"].as_str().unwrap().starts_with("LEAD"), "{lead}");
    let data = &lead["data"];
    assert_eq!(
        (&data["firstName"], &data["lastName"]),
        (&json!("Ada"), &json!("Lovelace"))
    );
    assert_eq!(
        (&data["status"], &data["source"]),
        (&json!("new"), &json!("other"))
    );
    assert!(data["score"].is_i64(), "{data}");
    assert_eq!(count(&platform, "lead.scored"), 1);
    let found =
        |query: &str| get(&platform, &format!("/crm/leads/detail?{query}"))["total"].clone();
    assert_eq!(found("search=LOVE&status=new&pageSize=5"), 1);
    assert_eq!(found("search=grace"), 0);
    assert_eq!(found("status=qualified"), 0);
    let path = format!("/crm/leads/detail/{}", lead["sk"].as_str().unwrap());
    assert_eq!(get(&platform, &path), lead);
    let notes = json!({"activities": [{"type": "note", "description": "called"}]});
    let changed = ask(&platform, &format!("POST {path}"), &notes);
    assert_eq!(changed["data"]["activities"][0]["description"], "called");
}

#[test]
fn every_verb_of_a_lead_leaves_an_activity() {
    let platform = Platform::start();
    let body = json!({"email": "ada@example.com"});
    let lead = ask(&platform, "POST /crm/leads/detail", &body);
    let sk = lead["sk"].as_str().unwrap();
    let assign = ask(
        &platform,
        &format!("POST /crm/leads/assign/{sk}"),
        &json!({"assignedTo": "bob@example.com"}),
    );
    assert_eq!(assign["data"]["assignedTo"], "bob@example.com");
    let date = json!({"date": "2026-05-01"});
    let followed = ask(&platform, &format!("POST /crm/leads/{sk}/follow-up"), &date);
    assert_eq!(followed["data"]["followUpDate"], "2026-05-01");
    for (verb, status) in [
        ("disqualify", "disqualified"),
        ("qualify", "qualified"),
        ("convert", "converted"),
    ] {
        let lead = ask(
            &platform,
            &format!("POST /crm/leads/{sk}/{verb}"),
            &json!({}),
        );
        assert_eq!(lead["data"]["status"], status);
    }
    assert_eq!(count(&platform, "lead.qualified"), 1);
    assert_eq!(count(&platform, "contact.created"), 1);
    let all = json!({"options": {"sort": {"createdate": 1}}});
    let activities = ask(&platform, "POST /repository/find/lead_activity", &all);
    let list = activities["data"].as_array().unwrap();
    let types: Vec<_> = list
        .iter()
        .map(|activity| activity["data"]["activityType"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        ["assign", "follow-up", "disqualify", "qualify", "convert"]
    );
    let first = &list[0];
    assert_eq!(
        (&first["owner"]["id"], &first["data"]["data"]["action"]),
        (&json!(sk), &json!("assign"))
    );
    assert_eq!(first["data"]["performedBy"], "dev@evt.local");
}

#[test]
fn an_html_form_is_redirected_with_its_contact() {
    let platform = Platform::start();
    let urlencoded = "email=a%40example.com&message=Hi+there&successUrl=https%3A%2F%2Fshop.example%2Fthanks%3Fa%3D1";
    let multipart = "--b\r\ncontent-disposition: form-data; name=\"email\"\r\n\r\na@example.com\r\n\
        --b\r\ncontent-disposition: form-data; name=\"message\"\r\n\r\nHi there\r\n\
        --b\r\ncontent-disposition: form-data; name=\"successUrl\"\r\n\r\nhttps://shop.example/thanks?a=1\r\n--b--\r\n";
    let forms = [
        ("application/x-www-form-urlencoded", urlencoded),
        ("multipart/form-data; boundary=b", multipart),
    ];
    for (kind, body) in forms {
        let head = format!("POST /crm/contact-form/post/site/contact\ncontent-type: {kind}");
        let reply = client(&platform, &head, body);
        assert_eq!(reply.status, 302, "{reply:?}");
        let target = reply.header("location").unwrap();
        let sk = target
            .strip_prefix("https://shop.example/thanks?a=1&ref=")
            .unwrap();
        let contact = get(&platform, &format!("/repository/get/contact/{sk}"));
        let expected =
            json!({"email": "a@example.com", "message": "Hi there", "source": "site/contact"});
        assert_eq!(contact["data"], expected);
    }
    assert_eq!(count(&platform, "contact.created"), 2);
}

#[test]
fn a_form_is_only_redirected_to_a_web_url() {
    let platform = Platform::start();
    let head =
        "POST /crm/contact-form/post/site/contact\ncontent-type: application/x-www-form-urlencoded";
    for url in ["javascript:alert(1)", "//evil.example", "http://a%0d%0ax:y"] {
        let reply = client(&platform, head, &format!("email=a&successUrl={url}"));
        assert_eq!(reply.refusal(), (400, "bad_url".into()), "{url}");
    }
    assert_eq!(count(&platform, "contact.created"), 0);
}

#[test]
fn events_of_a_calendar_are_created_and_listed() {
    let platform = Platform::start();
    let body = json!({"title": "Webinar", "startDate": "2026-04-26T09:00:00Z", "reminders": [{"value": 10, "unit": "minutes"}]});
    let event = ask(&platform, "POST /crm/events/create", &body);
    assert_eq!(
        (&event["datatype"], &event["data"]),
        (&json!("event"), &body)
    );
    let page = get(&platform, "/crm/events/get?pageSize=5");
    assert_eq!((&page["total"], &page["data"][0]), (&json!(1), &event));
    let one = get(
        &platform,
        &format!("/crm/events/get/{}", event["sk"].as_str().unwrap()),
    );
    assert_eq!(one, event);
    let refused = client(
        &platform,
        &format!("POST /crm/events/create\n{USER}"),
        r#"{"title":"x"}"#,
    );
    assert_eq!(refused.refusal(), (400, "missing_field".into()));
}

#[test]
fn a_visit_of_a_page_raises_its_event_without_a_token() {
    let platform = Platform::start();
    let head = "POST /tools/web-visit\norgid: my-org\ncontent-type: application/json";
    let visit = read(&platform, head, r#"{"url":"https://shop.example/pricing"}"#);
    assert_eq!(visit["data"]["url"], "https://shop.example/pricing");
    assert_eq!(count(&platform, "page.visited"), 1);
}
