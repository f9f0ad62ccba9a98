//! The storefront as far as it raises events: a cart becomes an order, a tab is settled, a payment pays an order.
//!
//! The events are those of the platform's documentation; the paths are evt's own, because no public client uses any.

use std::sync::Arc;

use axum::extract::{Path, State as FromState};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::State;
use super::auth::Caller;
use super::model::Draft;
use super::repository::{Edit, Repository};
use crate::dev::host::Routes;
use crate::dev::host::refusal::{Refusal, answer};
use crate::dev::host::request::JsonObject;
use crate::flow::{Cause, NewEvent, RecordError, RecordStore};
use crate::store::Tx;

const ORDER: &str = "order";
/// Items of a cart at most.
const MAX_ITEMS: usize = 1_000;

pub(super) fn routes() -> Routes<Arc<State>> {
    Routes::new()
        .route("POST", "/storefront/checkout", checkout)
        .route("POST", "/storefront/cart/checkout", checkout)
        .route("POST", "/storefront/cart/{id}/checkout", checkout_cart)
        .route("POST", "/storefront/tab/settle/{id}", settle)
        .route("POST", "/storefront/tabs/{id}/settle", settle)
}

async fn checkout(
    state: FromState<Arc<State>>,
    caller: Caller,
    body: JsonObject,
) -> Result<Response, Refusal> {
    order_of(&state, caller, None, body.0).await
}

async fn checkout_cart(
    state: FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Response, Refusal> {
    order_of(&state, caller, Some(id), body.0).await
}

/// Creates the order of a cart, which raises `order.placed`. The cart is a record of datatype `cart`, or the body itself.
async fn order_of(
    state: &State,
    caller: Caller,
    cart: Option<String>,
    mut body: Map<String, Value>,
) -> Result<Response, Refusal> {
    let named = body.shift_remove("cartId");
    let cart = cart.or_else(|| named.as_ref().and_then(Value::as_str).map(str::to_owned));
    let email = caller.principal.email.clone();
    let order = state
        .change(move |repository, tx| {
            let mut data = Map::new();
            if let Some(id) = &cart {
                let cart =
                    repository.remove(tx, &caller.org, Some("cart"), id, &Cause::default())?;
                if let Value::Object(fields) = &cart["data"] {
                    data.extend(fields.clone());
                }
                data.insert("cartId".to_owned(), cart["sk"].clone());
            }
            data.extend(body);
            let total = total(&data)?;
            data.entry("total").or_insert_with(|| total.into());
            data.entry("status").or_insert_with(|| "placed".into());
            let draft = Draft {
                datatype: ORDER.to_owned(),
                data,
                author: Some(email),
                ..Draft::default()
            };
            repository.add(tx, &caller.org, draft, &Cause::default())
        })
        .await?;
    Ok(answer(StatusCode::CREATED, &order))
}

/// The sum of `price` times `quantity`, rounded to cents.
fn total(cart: &Map<String, Value>) -> Result<f64, RecordError> {
    let refused = |reason: &str| RecordError::Refused {
        reason: reason.to_owned(),
    };
    let items = match cart.get("items") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => {
            return Err(refused(
                "a cart needs `items`: a list of {name, price, quantity}",
            ));
        }
    };
    if items.len() > MAX_ITEMS {
        return Err(refused("a cart has at most 1000 items"));
    }
    let prices = items.iter().map(|item| {
        let number = |name: &str, default: f64| item.get(name).map_or(Some(default), Value::as_f64);
        Some(number("price", 0.0)? * number("quantity", 1.0)?)
    });
    let sum = prices.sum::<Option<f64>>();
    let sum = sum.ok_or_else(|| refused("`price` and `quantity` of an item are numbers"))?;
    Ok((sum * 100.0).round() / 100.0)
}

/// Pays an order or tab: `{order, transaction}`, and `order.paid`.
async fn settle(
    FromState(state): FromState<Arc<State>>,
    caller: Caller,
    Path(id): Path<String>,
    JsonObject(body): JsonObject,
) -> Result<Response, Refusal> {
    let settled = state
        .change(move |repository, tx| {
            let method = body
                .get("method")
                .or_else(|| body.get("paymentMethod"))
                .cloned();
            let payment = Payment {
                amount: body.get("amount").cloned(),
                method,
                vendor: None,
            };
            let (order, transaction) =
                pay(repository, tx, &caller.org, &id, payment, &Cause::default())?;
            Ok(json!({"order": order, "transaction": transaction}))
        })
        .await?;
    Ok(answer(StatusCode::OK, &settled))
}

/// How an order was paid.
struct Payment {
    /// The order's total if `None`.
    amount: Option<Value>,
    method: Option<Value>,
    vendor: Option<Value>,
}

/// Marks an order as paid, stores the transaction, and raises `order.paid`.
fn pay(
    repository: &Repository,
    tx: &Tx<'_>,
    org: &str,
    id: &str,
    payment: Payment,
    cause: &Cause,
) -> Result<(Value, Value), RecordError> {
    let before = repository.get(tx, org, ORDER, id)?;
    let before = before.ok_or_else(|| RecordError::NotFound {
        datatype: ORDER.to_owned(),
        id: id.to_owned(),
    })?;
    if before["data"]["status"] == "paid" {
        return Err(RecordError::Refused {
            reason: format!("the order `{id}` is already paid"),
        });
    }
    let amount = payment
        .amount
        .unwrap_or_else(|| before["data"]["total"].clone());
    let mut data = json!({"orderId": before["sk"], "amount": amount, "status": "succeeded"});
    for (name, value) in [("method", payment.method), ("vendor", payment.vendor)] {
        if let Some(value) = value {
            data[name] = value;
        }
    }
    let draft = Draft {
        datatype: "transaction".to_owned(),
        data: data.as_object().cloned().unwrap_or_default(),
        ..Draft::default()
    };
    let transaction = repository.add(tx, org, draft, cause)?;
    let sk = before["sk"].as_str().unwrap_or_default();
    let changes = json!({"data.status": "paid", "data.transactionId": transaction["sk"]});
    let edit = Edit::Partial(changes.as_object().cloned().unwrap_or_default());
    let order = repository.edit(tx, org, Some(ORDER), sk, edit, cause)?;
    let mut paid = order.clone();
    paid["orderId"] = order["sk"].clone();
    paid["amount"] = transaction["data"]["amount"].clone();
    let event = NewEvent {
        org: org.to_owned(),
        kind: "order.paid".to_owned(),
        data: paid,
        before: None,
        cause: cause.clone(),
    };
    repository.emit(tx, event)?;
    Ok((order, transaction))
}

/// Pays the order that a vendor's payment names, if the platform has it and it is not paid. Returns whether it did.
pub(super) fn paid_by_vendor(
    repository: &Repository,
    tx: &Tx<'_>,
    org: &str,
    payment: &Value,
    cause: &Cause,
) -> Result<bool, RecordError> {
    let fields = &payment["data"];
    let Some(id) = fields["orderId"].as_str() else {
        return Ok(false);
    };
    let payment = Payment {
        amount: Some(fields["amount"].clone()).filter(|amount| !amount.is_null()),
        method: None,
        vendor: Some(fields["vendor"].clone()),
    };
    match pay(repository, tx, org, id, payment, cause) {
        Ok(_) => Ok(true),
        Err(RecordError::NotFound { .. } | RecordError::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
