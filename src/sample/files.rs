//! The vendors' events: one JSON file each, and how it is sent.

use super::{Content, Fresh, Layout, Sample};

const JSON: &str = "application/json";

const STRIPE_FRESH: &[(&str, Fresh)] = &[("id", Fresh::Id("evt_1")), ("created", Fresh::Seconds)];
const CRM_FRESH: &[(&str, Fresh)] = &[("timestamp", Fresh::Seconds)];

const fn stripe(event: &'static str, description: &'static str, json: &'static str) -> Sample {
    Sample {
        event,
        vendor: "stripe",
        scheme: Some("stripe"),
        content_type: "application/json; charset=utf-8",
        headers: &[],
        description,
        content: Content::File {
            json,
            fresh: STRIPE_FRESH,
            layout: Layout::Indented,
        },
    }
}

const fn github(
    event: &'static str,
    headers: &'static [(&'static str, &'static str)],
    description: &'static str,
    json: &'static str,
) -> Sample {
    Sample {
        event,
        vendor: "github",
        scheme: Some("github"),
        content_type: JSON,
        headers,
        description,
        content: Content::File {
            json,
            fresh: &[],
            layout: Layout::Compact,
        },
    }
}

const fn unsigned(
    vendor: &'static str,
    event: &'static str,
    description: &'static str,
    json: &'static str,
    fresh: &'static [(&'static str, Fresh)],
) -> Sample {
    Sample {
        event,
        vendor,
        scheme: None,
        content_type: JSON,
        headers: &[],
        description,
        content: Content::File {
            json,
            fresh,
            layout: Layout::Compact,
        },
    }
}

/// The rows, by vendor.
pub(super) const FILES: &[Sample] = &[
    stripe(
        "payment_intent.succeeded",
        "a payment went through",
        include_str!("stripe/payment_intent.succeeded.json"),
    ),
    stripe(
        "payment_intent.payment_failed",
        "a card was declined",
        include_str!("stripe/payment_intent.payment_failed.json"),
    ),
    stripe(
        "invoice.paid",
        "an invoice of a subscription is paid",
        include_str!("stripe/invoice.paid.json"),
    ),
    stripe(
        "customer.subscription.updated",
        "a subscription changes",
        include_str!("stripe/customer.subscription.updated.json"),
    ),
    stripe(
        "charge.refunded",
        "a charge is paid back",
        include_str!("stripe/charge.refunded.json"),
    ),
    stripe(
        "checkout.session.completed",
        "a customer finishes a checkout",
        include_str!("stripe/checkout.session.completed.json"),
    ),
    github(
        "ping",
        &[("x-github-event", "ping")],
        "a webhook is set up",
        include_str!("github/ping.json"),
    ),
    github(
        "push",
        &[("x-github-event", "push")],
        "commits are pushed",
        include_str!("github/push.json"),
    ),
    unsigned(
        "crm",
        "blog_post.updated",
        "a blog post is changed",
        include_str!("crm/blog_post.updated.json"),
        CRM_FRESH,
    ),
    unsigned(
        "crm",
        "chat.message.deleted",
        "a chat message is deleted",
        include_str!("crm/chat.message.deleted.json"),
        CRM_FRESH,
    ),
    unsigned(
        "platform",
        "conversation.message_posted",
        "a message is posted in a conversation",
        include_str!("platform/conversation.message_posted.json"),
        &[("id", Fresh::Id("evt-")), ("timestamp", Fresh::Time)],
    ),
    unsigned(
        "outreach",
        "inquiry.submitted",
        "an inquiry is submitted (its body names the type 200_SALES)",
        include_str!("outreach/inquiry.submitted.json"),
        &[("id", Fresh::Digits), ("createdAt", Fresh::Time)],
    ),
];
