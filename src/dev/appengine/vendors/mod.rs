//! Receivers of vendors' webhooks: signatures are verified with the platform's keys, and reports become domain events.
//!
//! A vendor is a row of [`VENDORS`]: its scheme, its receiver, and the function that reads its events.

mod certificates;
mod chain;
mod control;
mod email;
mod ingest;
mod keys;
mod others;
mod payments;
mod phone;
mod receive;
mod receiver;
mod report;
mod social;

use std::sync::Arc;

use super::State;
use crate::dev::host::Routes;
use crate::dev::host::refusal::Refusal;
use crate::grammar::nearest::nearest;

pub(crate) use control::routes as control_routes;
pub(super) use ingest::{SOCIAL_SYNC, ingest};
pub(crate) use keys::Vendors;
use report::{Delivery, Report};

/// A row of [`VENDORS`].
pub struct Vendor {
    pub name: &'static str,
    /// Alternative names in paths and on the command line.
    aliases: &'static [&'static str],
    /// Its signature scheme.
    pub scheme: &'static str,
    /// The path of its receiver, to configure at the vendor.
    pub path: &'static str,
    /// Requests without a signature are accepted, too.
    is_lenient: bool,
    /// Reads the reports in a delivery.
    read: fn(&Delivery<'_>) -> Vec<Report>,
}

const fn vendor(
    name: &'static str,
    aliases: &'static [&'static str],
    scheme: &'static str,
    path: &'static str,
    read: fn(&Delivery<'_>) -> Vec<Report>,
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

/// The scheme for vendors without a public signature scheme.
const SHARED: &str = "shared-secret-header";
const EMAIL: &str = "/broadcast/email/webhook";

/// All vendors, in the order in which they are listed.
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

/// The receivers. The same ones exist below `/upstream`.
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

/// The receivers, and the public certificates of vendors.
pub(crate) fn routes() -> Routes<Arc<State>> {
    let mut routes = Routes::new();
    for path in RECEIVERS {
        for path in [path.to_owned(), format!("{}{path}", receiver::UPSTREAM)] {
            routes = routes.route("POST GET", &path, receive::receive);
        }
    }
    routes.route("GET", "/_certs/{name}", control::certificate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::signature;

    #[test]
    fn every_vendor_has_a_known_scheme_and_a_receiver_at_its_path() {
        for vendor in &VENDORS {
            assert!(signature::find(vendor.scheme).is_ok(), "{}", vendor.name);
            let receiver = receiver::Receiver::of(vendor.path).unwrap();
            if vendor.path != EMAIL {
                assert_eq!(receiver.vendor.map(|found| found.name), Some(vendor.name));
            }
        }
    }

    #[test]
    fn every_raised_event_is_in_the_catalogue() {
        for (kind, datatype) in report::KINDS {
            assert_eq!(catalogue::find_event(kind).unwrap().datatype, datatype);
        }
    }
}
