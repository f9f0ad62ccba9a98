//! Receivers of vendors' webhooks: who sent is checked with the platform's own keys, and what they say becomes domain events.
//!
//! A vendor is a row of [`VENDORS`]: its scheme, its receiver, and what reads its events.

mod certificates;
mod chain;
mod control;
mod email;
mod keys;
mod others;
mod payments;
mod phone;
mod place;
mod receive;
mod said;
mod social;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::State;
use crate::dev::host::refusal::Refusal;
use crate::grammar::nearest::nearest;

pub(crate) use control::routes as control_routes;
pub use control::{Facts, facts};
pub(crate) use keys::Vendors;
use said::{Delivery, Said};

/// A row of [`VENDORS`].
pub struct Vendor {
    pub name: &'static str,
    /// Other names for it in paths and on the command line.
    aliases: &'static [&'static str],
    /// The scheme in which it signs.
    pub scheme: &'static str,
    /// Its receiver: the one to configure at the vendor.
    pub path: &'static str,
    /// Requests that are not signed at all are taken, too.
    is_lenient: bool,
    /// Reads what a delivery says.
    read: fn(&Delivery<'_>) -> Vec<Said>,
}

const fn vendor(
    name: &'static str,
    aliases: &'static [&'static str],
    scheme: &'static str,
    path: &'static str,
    read: fn(&Delivery<'_>) -> Vec<Said>,
) -> Vendor {
    Vendor {
        name,
        aliases,
        scheme,
        path,
        is_lenient: false,
        read,
    }
}

/// For vendors that have no public way to sign.
const SHARED: &str = "shared-secret-header";
const EMAIL: &str = "/broadcast/email/webhook";

/// Every vendor, in the order in which they are shown.
pub static VENDORS: [Vendor; 23] = [
    vendor(
        "stripe",
        &[],
        "stripe",
        "/storefront/stripe/webhook",
        payments::stripe,
    ),
    vendor(
        "paypal",
        &[],
        "paypal",
        "/storefront/paypal/webhook",
        payments::paypal,
    ),
    vendor("sendgrid", &[], "sendgrid", EMAIL, email::sendgrid),
    vendor("mailgun", &[], "mailgun", EMAIL, email::mailgun),
    vendor("ses", &["sns"], "sns", EMAIL, email::ses),
    vendor(
        "resend",
        &[],
        "svix",
        "/connect/webhook/resend",
        email::resend,
    ),
    vendor(
        "twilio",
        &[],
        "twilio",
        "/phone/webhook/twilio",
        phone::twilio,
    ),
    vendor(
        "facebook",
        &["meta", "whatsapp"],
        "meta",
        "/sync/social/webhook/facebook",
        social::meta,
    ),
    vendor(
        "instagram",
        &[],
        "meta",
        "/sync/social/webhook/instagram",
        social::meta,
    ),
    vendor(
        "slack",
        &[],
        "slack",
        "/sync/social/webhook/slack",
        social::slack,
    ),
    vendor(
        "discord",
        &[],
        "discord",
        "/sync/social/webhook/discord",
        social::discord,
    ),
    vendor(
        "twitch",
        &[],
        "twitch",
        "/sync/social/webhook/twitch",
        social::twitch,
    ),
    vendor(
        "twitter",
        &["x"],
        "twitter",
        "/sync/social/webhook/twitter",
        social::twitter,
    ),
    vendor(
        "linkedin",
        &[],
        "linkedin",
        "/sync/social/webhook/linkedin",
        social::linkedin,
    ),
    vendor(
        "tiktok",
        &[],
        "tiktok",
        "/sync/social/webhook/tiktok",
        social::tiktok,
    ),
    vendor(
        "pinterest",
        &[],
        SHARED,
        "/sync/social/webhook/pinterest",
        social::lead_form,
    ),
    vendor(
        "snapchat",
        &[],
        SHARED,
        "/sync/social/webhook/snapchat",
        social::lead_form,
    ),
    vendor(
        "reddit",
        &[],
        SHARED,
        "/sync/social/webhook/reddit",
        social::reddit,
    ),
    vendor(
        "google-ads",
        &["googleads"],
        "google-ads-lead",
        "/sync/social/webhook/google-ads",
        social::lead_form,
    ),
    vendor(
        "github",
        &[],
        "github",
        "/connect/webhook/github",
        others::github,
    ),
    vendor(
        "shopify",
        &[],
        "shopify",
        "/connect/webhook/shopify",
        others::shopify,
    ),
    vendor(
        "pubsub",
        &["google", "google-pubsub"],
        "google-pubsub-jwt",
        "/connect/webhook/pubsub",
        others::pubsub,
    ),
    Vendor {
        is_lenient: true,
        ..vendor("banking", &[], SHARED, "/banking/webhook", others::banking)
    },
];

/// Finds a vendor by its name or an alias.
pub(crate) fn find(name: &str) -> Result<&'static Vendor, Refusal> {
    let name = name.to_ascii_lowercase();
    let is_it = |vendor: &&Vendor| vendor.name == name || vendor.aliases.contains(&name.as_str());
    VENDORS.iter().find(is_it).ok_or_else(|| {
        let mut message = format!("there is no vendor `{name}`");
        if let Some(meant) = nearest(&name, VENDORS.iter().map(|vendor| vendor.name)) {
            message.push_str(&format!("; did you mean `{meant}`?"));
        }
        Refusal::not_found(message)
    })
}

/// The receivers; those under `/upstream` are the same ones.
const RECEIVERS: [&str; 8] = [
    "/storefront/stripe/webhook",
    "/storefront/paypal/webhook",
    EMAIL,
    "/phone/webhook/{*rest}",
    "/sync/social/webhook/{vendor}",
    "/banking/{*rest}",
    "/connect/webhook/{vendor}",
    "/connect/webhook/{vendor}/{service}",
];

/// The receivers, and the certificates of those who sign by certificate.
pub(crate) fn routes() -> Router<Arc<State>> {
    let mut router = Router::new();
    for path in RECEIVERS {
        let take = || get(receive::receive).post(receive::receive);
        router = router
            .route(path, take())
            .route(&format!("{}{path}", place::UPSTREAM), take());
    }
    router.route("/_certs/{name}", get(control::certificate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::signature;

    #[test]
    fn every_vendor_signs_by_a_scheme_that_there_is_and_is_received_at_its_path() {
        for vendor in &VENDORS {
            assert!(signature::find(vendor.scheme).is_ok(), "{}", vendor.name);
            let place = place::Place::of(vendor.path).unwrap();
            if vendor.path != EMAIL {
                assert_eq!(place.vendor.map(|found| found.name), Some(vendor.name));
            }
        }
    }

    #[test]
    fn every_event_that_is_raised_is_in_the_catalogue() {
        for (kind, datatype) in said::KINDS {
            assert_eq!(catalogue::find_event(kind).unwrap().datatype, datatype);
        }
    }
}
