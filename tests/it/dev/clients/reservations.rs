//! Reservations: what can be booked, and bookings without a token.

use serde_json::{Value, json};

use super::super::wire::Platform;
use super::{client, read};

/// 2030-01-07 is a Monday.
const MONDAY: &str = r#"{"reservationDefinitionId":"reservation_definition-default","serviceDate":"2030-01-07","serviceName":"Consultation"}"#;

fn book(platform: &Platform, time: &str) -> super::Reply {
    let body = json!({"serviceName": "Consultation", "serviceDate": "2030-01-07", "startTime": time, "email": "ada@example.com"});
    let head = "POST /crm/reservations/create
        orgid: my-org
        content-type: application/json";
    client(platform, head, &body.to_string())
}

fn slots(platform: &Platform) -> Value {
    let head = "POST /crm/reservations/slots
        orgid: my-org
        content-type: application/json";
    read(platform, head, MONDAY)
}

#[test]
fn definitions_are_paged() {
    let platform = Platform::start();
    let head = "GET /crm/reservations/definitions?page=1&pageSize=10\norgid: my-org";
    let page = read(&platform, head, "");
    assert_eq!(page["total"], 1);
    assert_eq!(
        page["data"][0]["data"]["services"][0]["name"],
        "Consultation"
    );
    let own = json!({"name": "Salon", "services": [{"name": "Cut", "duration": 30}], "hours": {}});
    platform.create("reservation_definition", own);
    let page = read(&platform, head, "");
    assert_eq!(page["data"][0]["data"]["name"], "Salon");
}

#[test]
fn slots_have_times_and_free_spots() {
    let platform = Platform::start();
    let found = slots(&platform);
    assert_eq!(found["service"]["name"], "Consultation");
    assert_eq!(found["slots"].as_array().unwrap().len(), 8);
    assert_eq!(
        found["slots"][0],
        json!({"startTime": "2030-01-07T09:00:00", "endTime": "2030-01-07T10:00:00", "spotsAvailable": 1, "businessTimezone": "UTC"})
    );
    let booked = book(&platform, "2030-01-07T09:00:00");
    assert_eq!(booked.status, 201, "{booked:?}");
    assert_eq!(slots(&platform)["slots"][0]["spotsAvailable"], 0);
}

#[test]
fn a_closed_day_is_refused_with_a_sentence() {
    let platform = Platform::start();
    let head = "POST /crm/reservations/slots
        orgid: my-org
        content-type: application/json";
    let closed = client(&platform, head, &MONDAY.replace("01-07", "01-06"));
    assert_eq!(closed.status, 400);
    assert_eq!(
        closed.json()["error"],
        "Consultation is closed on Sunday, 2030-01-06"
    );
    for body in [r#"{"serviceDate":"soon"}"#, "{}"] {
        assert_eq!(client(&platform, head, body).status, 400, "{body}");
    }
    let unknown = client(&platform, head, &MONDAY.replace("Consultation", "Massage"));
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_booking_answers_its_number_and_can_be_read_and_cancelled_with_it() {
    let platform = Platform::start();
    let booked = book(&platform, "09:00").json();
    let number = booked["name"].as_str().unwrap();
    assert!(platform.events().contains(&"appointment.booked".to_owned()));
    let all = read(
        &platform,
        "GET /crm/reservations/by-email/ada@example.com\norgid: my-org",
        "",
    );
    assert_eq!(all["data"][0]["name"], number);
    let one = format!("GET /crm/reservations/by-email/ADA@example.com/{number}\norgid: my-org");
    assert_eq!(read(&platform, &one, "")["sk"], booked["sk"]);
    let other = format!("GET /crm/reservations/by-email/eve@example.com/{number}\norgid: my-org");
    assert_eq!(client(&platform, &other, "").status, 404);
    let cancel = format!("DELETE /crm/reservations/cancel/ada@example.com/{number}\norgid: my-org");
    assert_eq!(read(&platform, &cancel, "")["state"], "cancelled");
    assert_eq!(slots(&platform)["slots"][0]["spotsAvailable"], 1);
}

#[test]
fn a_slot_is_not_booked_twice_or_outside_the_hours() {
    let platform = Platform::start();
    assert_eq!(book(&platform, "10:00").status, 201);
    for (time, expected) in [
        ("10:00", "fully booked"),
        ("08:00", "closed"),
        ("17:00", "closed"),
    ] {
        let refused = book(&platform, time);
        assert!(
            refused.status >= 400 && refused.body.contains(expected),
            "{refused:?}"
        );
    }
}
