//! Stripe and PayPal. A payment raises one event, even if the vendor reports it in several.

use serde_json::Value;

use super::report::{Delivery, Report, first, text};

/// Currencies without a smaller unit, whose amounts Stripe sends in whole units.
const WHOLE: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];

pub(super) fn stripe(delivery: &Delivery<'_>) -> Vec<Report> {
    let event = delivery.text("/type").unwrap_or_default();
    let empty = Value::Null;
    let object = delivery.body.pointer("/data/object").unwrap_or(&empty);
    let kind = match event.as_str() {
        "payment_intent.succeeded" => Some("payment.succeeded"),
        "payment_intent.payment_failed" => Some("payment.failed"),
        "checkout.session.completed" => Some("order.placed"),
        // Any other invoice has a payment intent, which raises the event.
        "invoice.paid" if object["billing_reason"] == "subscription_cycle" => {
            Some("subscription.renewed")
        }
        _ => None,
    };
    let currency = text(object, "/currency").map(|currency| currency.to_ascii_uppercase());
    let amounts = ["amount_received", "amount_paid", "amount_total", "amount"];
    let amount = amounts
        .iter()
        .filter_map(|field| object[*field].as_i64())
        .find(|amount| *amount != 0);
    let amount = amount.map(|minor| major(minor, currency.as_deref()));
    let email = [
        "/receipt_email",
        "/customer_email",
        "/customer_details/email",
        "/charges/data/0/billing_details/email",
    ];
    let report = Report::new(event, delivery.text("/id"))
        .raises(kind)
        .about(text(object, "/id"))
        .with("gateway", Some("stripe"))
        .with("amount", amount)
        .with("currency", currency)
        .with("email", first(object, &email))
        .with("customer", text(object, "/customer"))
        .with(
            "orderId",
            first(object, &["/metadata/orderId", "/client_reference_id"]),
        )
        .with("status", text(object, "/status"))
        .with("reason", text(object, "/last_payment_error/message"));
    vec![report]
}

/// Converts an amount: Stripe counts the smallest unit of a currency.
fn major(minor: i64, currency: Option<&str>) -> Value {
    if currency.is_some_and(|currency| WHOLE.contains(&currency)) {
        return minor.into();
    }
    if minor % 100 == 0 {
        (minor / 100).into()
    } else {
        (minor as f64 / 100.0).into()
    }
}

pub(super) fn paypal(delivery: &Delivery<'_>) -> Vec<Report> {
    let event = delivery.text("/event_type").unwrap_or_default();
    let kind = match event.as_str() {
        "PAYMENT.CAPTURE.COMPLETED" => Some("payment.succeeded"),
        "PAYMENT.CAPTURE.DENIED" => Some("payment.failed"),
        "PAYMENT.CAPTURE.REFUNDED" => Some("payment.refunded"),
        "CHECKOUT.ORDER.COMPLETED" => Some("order.placed"),
        _ => None,
    };
    let empty = Value::Null;
    let resource = delivery.body.get("resource").unwrap_or(&empty);
    let amount = ["/amount", "/purchase_units/0/amount"]
        .iter()
        .find_map(|pointer| resource.pointer(pointer));
    let value = amount.and_then(|amount| text(amount, "/value"));
    let value = value.map(|value| number(&value));
    let order = [
        "/custom_id",
        "/purchase_units/0/reference_id",
        "/invoice_id",
    ];
    let report = Report::new(event, delivery.text("/id"))
        .raises(kind)
        .about(text(resource, "/id"))
        .with("gateway", Some("paypal"))
        .with("amount", value)
        .with(
            "currency",
            amount.and_then(|amount| text(amount, "/currency_code")),
        )
        .with("email", text(resource, "/payer/email_address"))
        .with("orderId", first(resource, &order))
        .with("status", text(resource, "/status"))
        .with("reason", text(resource, "/note_to_payer"));
    vec![report]
}

/// Converts a decimal to a number. Other text stays unchanged.
pub(super) fn number(text: &str) -> Value {
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => (number as i64).into(),
        Ok(number) if number.is_finite() => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::report::read;
    use super::*;

    fn of_stripe(event: &str, object: Value) -> Report {
        let body = json!({"id": "evt_1", "type": event, "data": {"object": object}});
        read("stripe", stripe, body).remove(0)
    }

    #[test]
    fn amounts_are_in_the_main_unit_of_the_currency() {
        let amount = |minor: i64, currency: &str| {
            let object = json!({"id": "pi_1", "amount": minor, "currency": currency});
            let report = of_stripe("payment_intent.succeeded", object);
            (
                report.fields["amount"].clone(),
                report.fields["currency"].clone(),
            )
        };
        assert_eq!(amount(2000, "usd"), (json!(20), json!("USD")));
        assert_eq!(amount(4990, "eur"), (json!(49.9), json!("EUR")));
        assert_eq!(amount(500, "jpy"), (json!(500), json!("JPY")));
    }

    #[test]
    fn one_payment_raises_one_event() {
        let kinds = [
            (
                "payment_intent.succeeded",
                json!({}),
                Some("payment.succeeded"),
            ),
            (
                "payment_intent.payment_failed",
                json!({}),
                Some("payment.failed"),
            ),
            (
                "checkout.session.completed",
                json!({}),
                Some("order.placed"),
            ),
            (
                "invoice.paid",
                json!({"billing_reason": "subscription_cycle"}),
                Some("subscription.renewed"),
            ),
            (
                "invoice.paid",
                json!({"billing_reason": "subscription_create"}),
                None,
            ),
            ("charge.succeeded", json!({}), None),
            ("charge.refunded", json!({}), None),
            ("customer.subscription.updated", json!({}), None),
        ];
        for (event, object, kind) in kinds {
            assert_eq!(of_stripe(event, object).kind, kind, "{event}");
        }
    }

    #[test]
    fn a_capture_has_its_order_and_amount() {
        let body = json!({
            "id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED",
            "resource": {"id": "3C", "custom_id": "ord-1", "amount": {"currency_code": "USD", "value": "10.50"}},
        });
        let report = read("paypal", paypal, body).remove(0);
        assert_eq!(report.kind, Some("payment.succeeded"));
        assert_eq!(report.about.as_deref(), Some("3C"));
        assert_eq!(report.fields["amount"], json!(10.5));
        assert_eq!(report.fields["orderId"], json!("ord-1"));
    }
}
