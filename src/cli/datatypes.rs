//! Datatypes that may be mistyped: what the platform has, and what is similar.
//!
//! The platform's API does not list its datatypes. The control API of `evt dev` does; for other platforms the usual names are known.

use super::Context;
use crate::control::Control;
use crate::grammar::nearest::nearest;

/// The datatypes that AppEngine documents.
const USUAL: [&str; 14] = [
    "contact",
    "lead",
    "customer",
    "order",
    "product",
    "payment",
    "appointment",
    "reservation",
    "ticket",
    "task",
    "post",
    "site",
    "user",
    "org",
];

/// Whether AppEngine documents this datatype.
pub(super) fn is_usual(datatype: &str) -> bool {
    USUAL.contains(&datatype)
}

/// The datatypes of which the local platform has records. `None` if the platform is another one, or does not answer.
pub(super) async fn existing(cx: &Context) -> Option<Vec<String>> {
    let profile = cx.profile().ok()?;
    let running = profile.local?;
    let status = Control::of(&running).get("/_evt/status").await.ok()?;
    let records = status.get("records")?.get(&profile.org)?.as_object()?;
    Some(records.keys().cloned().collect())
}

/// The most similar datatype, of those that exist and the usual ones.
pub(super) fn similar(datatype: &str, existing: &[String]) -> Option<String> {
    let names = existing.iter().map(String::as_str).chain(USUAL);
    nearest(datatype, names.filter(|name| *name != datatype)).map(str::to_owned)
}
