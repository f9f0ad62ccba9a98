//! The events that the platform raises.

use serde_json::{Value, json};

use super::wire::Platform;

#[test]
fn all_fourteen_system_events_are_raised() {
    let platform = Platform::start();
    for datatype in ["contact", "user", "org", "site"] {
        let record = platform.create(datatype, json!({}));
        let sk = record["sk"].as_str().unwrap();
        for state in ["approved", "published"] {
            let path = format!("/repository/update-partial/{datatype}/{sk}");
            let reply = platform.ask("POST", &path, &json!({"state": state}));
            assert_eq!(reply.status, 200);
        }
        let reply = platform.ask(
            "DELETE",
            &format!("/repository/delete/{datatype}/{sk}"),
            &Value::Null,
        );
        assert_eq!(reply.status, 200);
    }
    let raised = platform.events();
    let families = ["collection", "user", "org", "site"];
    let mut expected: Vec<String> = families
        .iter()
        .flat_map(|family| ["create", "update", "delete"].map(|verb| format!("{family}-{verb}")))
        .collect();
    expected.extend([
        "collection-publish".to_owned(),
        "collection-approve".to_owned(),
    ]);
    assert_eq!(expected.len(), 14);
    for kind in expected {
        assert!(raised.contains(&kind), "{kind} of {raised:?}");
    }
}

#[test]
fn domain_events_are_raised_by_their_causes() {
    let platform = Platform::start();
    let contact = platform.create("contact", json!({"tags": []}));
    let sk = contact["sk"].as_str().unwrap();
    let post = |path: &str, body: Value| {
        let reply = platform.ask("POST", path, &body);
        assert!(reply.status < 300, "{path}: {reply:?}");
        reply.json()
    };
    post(
        &format!("/repository/update-partial/contact/{sk}"),
        json!({"data.tags": ["vip"]}),
    );
    platform.create("order", json!({"amount": 10}));
    let lead = platform.create("lead", json!({"score": 80}));
    let qualified = post(
        &format!("/crm/leads/qualify/{}", lead["sk"].as_str().unwrap()),
        json!({}),
    );
    assert_eq!(qualified["data"]["status"], "qualified");
    post(
        "/crm/reservations/create",
        json!({"data": {"date": "2026-05-01"}}),
    );
    post(
        "/crm/contact-form/json/site/newsletter",
        json!({"email": "f@example.com"}),
    );
    let raised = platform.events();
    for kind in [
        "contact.created",
        "tag.added",
        "order.placed",
        "lead.qualified",
        "appointment.booked",
    ] {
        assert!(
            raised.iter().any(|raised| raised == kind),
            "{kind} of {raised:?}"
        );
    }
    assert_eq!(
        raised
            .iter()
            .filter(|kind| *kind == "contact.created")
            .count(),
        2
    );
}

#[test]
fn every_event_can_be_emitted() {
    let platform = Platform::start();
    let known: Vec<&str> = evt::catalogue::events()
        .iter()
        .map(|kind| kind.name)
        .collect();
    for event in &known {
        let reply = platform.order("POST", "/_evt/emit", &json!({"event": event}));
        assert_eq!(reply.status, 200, "{event}: {reply:?}");
    }
    assert_eq!(platform.events(), known);
}

#[test]
fn an_unknown_event_is_refused_with_the_nearest() {
    let platform = Platform::start();
    let reply = platform.order("POST", "/_evt/emit", &json!({"event": "contact.creatd"}));
    assert_eq!(reply.refusal(), (400, "unknown_event".into()));
    assert!(
        reply.json()["message"]
            .as_str()
            .unwrap()
            .contains("contact.created")
    );
}

#[test]
fn a_throwing_listener_fails_the_request_after_the_record_is_written() {
    let platform = Platform::start();
    let set = platform.order(
        "POST",
        "/_evt/settings",
        &json!({"listener.throw": "contact.created"}),
    );
    assert_eq!(set.status, 200);
    let body = json!({"datatype": "contact", "isNew": true, "data": {}});
    let reply = platform.ask("POST", "/repository/create", &body);
    assert_eq!(reply.refusal(), (500, "listener_threw".into()));
    let found = platform.ask("POST", "/repository/find/contact", &json!({}));
    assert_eq!(found.json()["total"], 1);
    platform.create("lead", json!({}));
}

#[test]
fn a_refused_write_raises_nothing() {
    let platform = Platform::start();
    let record = platform.create("contact", json!({}));
    let before = platform.events();
    let path = format!(
        "/repository/update-partial/contact/{}",
        record["sk"].as_str().unwrap()
    );
    let reply = platform.ask("POST", &path, &json!({"version": 9}));
    assert_eq!(reply.status, 400);
    assert_eq!(platform.events(), before);
}
