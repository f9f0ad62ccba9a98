//! The storefront: what places and pays an order.

use serde_json::{Value, json};

use super::super::wire::Platform;
use crate::support::{LocalPlatform, Sandbox};

fn checkout(platform: &Platform, body: &Value) -> Value {
    let reply = platform.ask("POST", "/storefront/checkout", body);
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn cart() -> Value {
    json!({"email": "ada@example.com", "items": [{"name": "Tea", "price": 3.5, "quantity": 2}, {"name": "Cup", "price": 10}]})
}

fn raised(platform: &Platform, kind: &str) -> usize {
    platform
        .events()
        .iter()
        .filter(|event| *event == kind)
        .count()
}

#[test]
fn a_cart_becomes_an_order() {
    let platform = Platform::start();
    let order = checkout(&platform, &cart());
    assert_eq!(
        (&order["data"]["total"], &order["data"]["status"]),
        (&json!(17.0), &json!("placed"))
    );
    let stored = platform.create("cart", cart());
    let path = format!(
        "/storefront/cart/{}/checkout",
        stored["sk"].as_str().unwrap()
    );
    let reply = platform.ask("POST", &path, &json!({}));
    assert_eq!(reply.json()["data"]["cartId"], stored["sk"]);
    assert_eq!(platform.ask("POST", &path, &json!({})).status, 404);
    assert_eq!(raised(&platform, "order.placed"), 2);
    for bad in [
        json!({}),
        json!({"items": []}),
        json!({"items": [{"price": "1"}]}),
    ] {
        let refused = platform.ask("POST", "/storefront/checkout", &bad);
        assert!((400..500).contains(&refused.status), "{refused:?}");
    }
}

#[test]
fn settling_a_tab_pays_its_order_once() {
    let platform = Platform::start();
    let order = checkout(&platform, &cart());
    let path = format!("/storefront/tab/settle/{}", order["sk"].as_str().unwrap());
    let settled = platform
        .ask("POST", &path, &json!({"method": "cash"}))
        .json();
    assert_eq!(settled["order"]["data"]["status"], "paid");
    assert_eq!(settled["transaction"]["data"]["amount"], json!(17.0));
    let again = platform.ask("POST", &path, &json!({}));
    assert!((400..500).contains(&again.status), "{again:?}");
    assert_eq!(raised(&platform, "order.paid"), 1);
    assert_eq!(
        platform
            .ask("POST", "/storefront/tab/settle/none", &json!({}))
            .status,
        404
    );
}

#[test]
fn a_payment_of_a_vendor_pays_the_order_that_it_names() {
    let sandbox = Sandbox::new();
    let _platform = LocalPlatform::start(&sandbox);
    let _ = sandbox
        .run(["records", "create", "order", "total:=17"])
        .expect_exit(0);
    let orders = || {
        sandbox
            .run(["records", "list", "order"])
            .expect_exit(0)
            .json_lines()
    };
    let id = orders()[0]["sk"].as_str().unwrap().to_owned();
    let named = format!("data.object.metadata.orderId={id}");
    let _ = sandbox
        .run(["send", "stripe/payment_intent.succeeded", "--set", &named])
        .expect_exit(0);
    assert_eq!(orders()[0]["data"]["status"], "paid");
    let transactions = sandbox
        .run(["records", "list", "transaction"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(
        (
            &transactions[0]["data"]["orderId"],
            &transactions[0]["data"]["vendor"]
        ),
        (&json!(id), &json!("stripe"))
    );
}
