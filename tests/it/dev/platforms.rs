//! A second, tiny platform next to AppEngine: the trait is enough to add one, without a change to the host.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use evt::dev::appengine;
use evt::dev::host::refusal::Refusal;
use evt::dev::host::seed::{SeedError, Seeded};
use evt::dev::host::settings::{Setting, is_switch};
use evt::dev::host::{DevOptions, Host, Mount, Registration, Routes};
use evt::event::{Event, Meta};
use evt::running::Access;
use evt::store::{Connection, StoreError, Tx, events};
use evt::time::Timestamp;
use futures_util::FutureExt;
use serde_json::{Value, json};

use super::wire::{Platform, send};

static TINY: Registration = Registration {
    name: "tiny",
    settings: &[Setting::new(
        "tiny.loud",
        "off",
        "on or off",
        "greet loudly",
        is_switch,
    )],
    open: |host, _| {
        let tiny: Arc<dyn evt::dev::host::Platform> = Arc::new(Tiny(Arc::clone(host)));
        async { Ok(tiny) }.boxed()
    },
};

struct Tiny(Arc<Host>);

impl evt::dev::host::Platform for Tiny {
    fn name(&self) -> &'static str {
        TINY.name
    }

    fn access(&self) -> Access {
        Access {
            url: format!("{}/tiny", self.0.url),
            org: "tiny-org".to_owned(),
            token: "tiny-token".to_owned(),
            webhook_secret: None,
        }
    }

    fn mounts(&self) -> Vec<Mount> {
        let routes = Routes::new()
            .route("POST", "/greet", greet)
            .with_state(Arc::clone(&self.0));
        let exact = Routes::new().route("GET", "/tiny-at-the-root", || async {
            Refusal::forbidden("not_here", "not here")
        });
        vec![
            Mount {
                prefix: "/tiny",
                routes,
            },
            Mount {
                prefix: "",
                routes: exact,
            },
        ]
    }

    fn control_routes(&self) -> Routes {
        Routes::new().route("GET", "/mood", || async { "good" })
    }

    fn refusal(&self, refusal: &Refusal, _: &str) -> Response {
        let text = format!("tiny says no: {}", refusal.code);
        (refusal.status, text).into_response()
    }

    fn status(&self, _: &Connection) -> Result<Value, StoreError> {
        Ok(json!({ "mood": "good" }))
    }

    fn seed(&self, _: &Tx<'_>, document: &Value) -> Result<Seeded, SeedError> {
        Ok(Seeded {
            created: vec![(
                "greetings",
                document["greetings"].as_array().map_or(0, Vec::len),
            )],
            existing: 0,
        })
    }
}

/// Raises an event in the shared log, louder with `tiny.loud`.
async fn greet(axum::extract::State(host): axum::extract::State<Arc<Host>>) -> Response {
    let text = match host.settings.is_on("tiny.loud") {
        true => "HELLO",
        false => "hello",
    };
    let meta = Meta {
        kind: Some("tiny.greeted".to_owned()),
        system: Some("tiny".to_owned()),
        ..Meta::default()
    };
    let event = Event::raised(Bytes::from_static(b"{}"), meta, Timestamp::now());
    let kept = host
        .store
        .write::<_, StoreError, _>(move |tx| events::insert(tx, &event, None))
        .await;
    kept.unwrap();
    text.into_response()
}

fn both() -> DevOptions {
    DevOptions {
        platforms: vec![&appengine::REGISTRATION, &TINY],
        ..DevOptions::default()
    }
}

fn start() -> Platform {
    Platform::with(both()).unwrap()
}

fn ask(platform: &Platform, method: &str, path: &str) -> super::wire::Reply {
    send(platform.address(), method, path, "", "")
}

#[test]
fn a_second_platform_serves_its_route_beside_appengine() {
    let platform = start();
    let reply = ask(&platform, "POST", "/tiny/greet");
    assert_eq!((reply.status, reply.body.as_str()), (200, "hello"));
    assert_eq!(reply.header("x-evt-system"), Some("tiny"));
    platform.create("contact", json!({"email": "a@example.com"}));
}

#[test]
fn its_event_is_in_the_shared_log() {
    let platform = start();
    assert_eq!(ask(&platform, "POST", "/tiny/greet").status, 200);
    assert_eq!(platform.events(), ["tiny.greeted"]);
}

#[test]
fn its_control_route_is_below_its_name() {
    let platform = start();
    let reply = platform.order("GET", "/_evt/tiny/mood", &Value::Null);
    assert_eq!(reply.body, "good");
    let short = platform.order("GET", "/_evt/mood", &Value::Null);
    assert_eq!(short.status, 404);
}

#[test]
fn appengines_control_routes_have_a_long_and_a_short_path() {
    let platform = start();
    for path in ["/_evt/appengine/agents", "/_evt/agents"] {
        let reply = platform.order("GET", path, &Value::Null);
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[test]
fn its_setting_is_listed_and_takes_effect() {
    let platform = start();
    let set = platform.order("POST", "/_evt/settings", &json!({"tiny.loud": "on"}));
    assert_eq!(set.status, 200, "{set:?}");
    assert_eq!(ask(&platform, "POST", "/tiny/greet").body, "HELLO");
    let listed = platform.order("GET", "/_evt/settings", &Value::Null).json();
    let mut rows = listed["settings"].as_array().unwrap().iter();
    assert!(rows.any(|row| row["name"] == "tiny.loud" && row["value"] == "on"));
}

#[test]
fn it_renders_its_own_refusals_and_unknown_routes() {
    let platform = start();
    let exact = ask(&platform, "GET", "/tiny-at-the-root");
    assert_eq!(
        (exact.status, exact.body.as_str()),
        (403, "tiny says no: not_here")
    );
    let unknown = ask(&platform, "GET", "/tiny/nowhere");
    assert_eq!(unknown.body, "tiny says no: unknown_route");
    // A path that merely starts with the same letters is AppEngine's.
    let other = ask(&platform, "GET", "/tinyer");
    assert_eq!(other.json()["code"], "unknown_route");
}

#[test]
fn the_status_has_a_part_for_each_platform() {
    let platform = start();
    let status = platform.order("GET", "/_evt/status", &Value::Null).json();
    assert_eq!(status["platforms"]["tiny"]["mood"], "good");
    assert_eq!(status["platforms"]["appengine"]["org"], "my-org");
    assert_eq!(status["org"], "my-org", "the default platform's facts");
    let own = platform.order("GET", "/_evt/tiny/status", &Value::Null);
    assert_eq!(own.json()["mood"], "good");
}

#[test]
fn other_commands_find_each_platform_by_name() {
    let platform = start();
    let running = platform.running();
    assert_eq!(running.platform("tiny").unwrap().token, "tiny-token");
    assert_eq!(running.platform("appengine").unwrap().token, running.token);
    let token = platform.order("GET", "/_evt/tiny/token", &Value::Null);
    assert_eq!(token.json()["token"], "tiny-token");
}

#[test]
fn each_platform_gets_its_part_of_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.json");
    let document = json!({"records": [], "tiny": {"greetings": ["hello"]}});
    std::fs::write(&seed, document.to_string()).unwrap();
    let options = DevOptions {
        seed: Some(seed),
        ..both()
    };
    let platform = Platform::with(options).unwrap();
    let created = platform.seeded().unwrap().created;
    assert_eq!(created, [("records", 0), ("flows", 0), ("greetings", 1)]);
}

#[test]
fn a_platform_runs_alone() {
    let options = DevOptions {
        platforms: vec![&TINY],
        ..DevOptions::default()
    };
    let platform = Platform::with(options).unwrap();
    assert_eq!(ask(&platform, "POST", "/tiny/greet").status, 200);
    assert_eq!(platform.running().platform("appengine"), None);
    assert_eq!(platform.running().token, "tiny-token");
}

#[test]
fn a_mistyped_route_suggests_routes_of_every_platform() {
    let platform = start();
    let reply = ask(&platform, "POST", "/tinny/greet");
    let message = reply.json()["message"].to_string();
    assert!(message.contains("POST /tiny/greet"), "{message}");
}
