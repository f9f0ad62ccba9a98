//! The events: the repository's 14 and those that modules raise.

/// Where an event comes from: the repository itself, or a module that means something by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// One of the 14 that the repository emits on every change.
    System,
    /// Raised by a module when something happened in its own terms.
    Domain,
}

/// A row of [`EVENTS`].
#[derive(Clone, Copy, Debug)]
pub struct EventKind {
    /// As it is emitted: `contact.created`, `collection-update`.
    pub name: &'static str,
    pub family: Family,
    /// The module that emits it, in the platform's words.
    pub module: &'static str,
    /// When it is emitted, to follow "fires when".
    pub fires: &'static str,
    /// The datatype of the record that it carries.
    pub datatype: &'static str,
    /// That record's `data`, as a JSON object, for events that are emitted by hand.
    pub sample: &'static str,
}

const fn system(
    name: &'static str,
    fires: &'static str,
    datatype: &'static str,
    sample: &'static str,
) -> EventKind {
    EventKind {
        name,
        family: Family::System,
        module: "Repository",
        fires,
        datatype,
        sample,
    }
}

const fn domain(
    module: &'static str,
    name: &'static str,
    fires: &'static str,
    datatype: &'static str,
    sample: &'static str,
) -> EventKind {
    EventKind {
        name,
        family: Family::Domain,
        module,
        fires,
        datatype,
        sample,
    }
}

const CONTACT: &str =
    r#"{"email":"ada@example.test","firstName":"Ada","tags":["vip"],"source":"form"}"#;
const MAIL: &str = r#"{"messageId":"msg-1","campaignId":"campaign-1","email":"ada@example.test"}"#;
const USER: &str = r#"{"email":"grace@example.test","roles":["User"]}"#;
const ORG: &str = r#"{"name":"Example"}"#;
const SITE: &str = r#"{"name":"example","domain":"example.test"}"#;
const POST: &str = r#"{"title":"Hello","slug":"hello"}"#;
const ORDER: &str =
    r#"{"number":"1001","amount":49.9,"currency":"EUR","email":"ada@example.test"}"#;
const PAYMENT: &str =
    r#"{"gateway":"stripe","amount":49.9,"currency":"EUR","orderId":"order-1001"}"#;
const VISIT: &str = r#"{"url":"https://example.test/pricing","referrer":"https://example.test/"}"#;
const APPOINTMENT: &str =
    r#"{"title":"Call","startTime":"2026-04-26T09:00:00Z","email":"ada@example.test"}"#;
const TAGGED: &str = r#"{"email":"ada@example.test","tags":["vip"],"tag":"vip"}"#;
const TRANSFER: &str = r#"{"rail":"ach","amount":120.0,"currency":"USD"}"#;
const LEAD: &str = r#"{"email":"ada@example.test","score":80}"#;
const CALL: &str = r#"{"from":"+15550100","to":"+15550101","status":"ringing"}"#;
const SMS: &str = r#"{"from":"+15550100","to":"+15550101","body":"Hello"}"#;
const SOCIAL: &str = r#"{"vendor":"facebook","from":"Ada","text":"Hello"}"#;

/// Every event that the local platform knows, system events first.
///
/// The second half of a name pair (`email.open` beside `email.opened`) is one that the trigger reference says is listened to.
pub const EVENTS: &[EventKind] = &[
    system(
        "collection-create",
        "a record is created",
        "contact",
        CONTACT,
    ),
    system(
        "collection-update",
        "a record is updated",
        "contact",
        CONTACT,
    ),
    system(
        "collection-delete",
        "a record is deleted",
        "contact",
        CONTACT,
    ),
    system(
        "collection-publish",
        "a record's state becomes published",
        "post",
        POST,
    ),
    system(
        "collection-approve",
        "a record's state becomes approved",
        "post",
        POST,
    ),
    system("user-create", "a user is created", "user", USER),
    system("user-update", "a user is updated", "user", USER),
    system("user-delete", "a user is deleted", "user", USER),
    system("org-create", "an organisation is created", "org", ORG),
    system("org-update", "an organisation is updated", "org", ORG),
    system("org-delete", "an organisation is deleted", "org", ORG),
    system("site-create", "a site is created", "site", SITE),
    system("site-update", "a site is updated", "site", SITE),
    system("site-delete", "a site is deleted", "site", SITE),
    domain(
        "CRM",
        "contact.created",
        "a contact is created by API or form",
        "contact",
        CONTACT,
    ),
    domain(
        "CRM",
        "contact.imported",
        "a contact comes from an import",
        "contact",
        CONTACT,
    ),
    domain(
        "CRM",
        "contact.registered",
        "a contact signs up",
        "contact",
        CONTACT,
    ),
    domain(
        "CRM",
        "contact.tagged",
        "a contact gets a tag",
        "contact",
        TAGGED,
    ),
    domain(
        "CRM",
        "contact.tag_added",
        "a contact gets a tag",
        "contact",
        TAGGED,
    ),
    domain(
        "CRM",
        "tag.added",
        "a tag is applied to a contact",
        "contact",
        TAGGED,
    ),
    domain(
        "CRM",
        "tag.assigned",
        "a tag is assigned to a contact",
        "contact",
        TAGGED,
    ),
    domain(
        "CRM",
        "email.delivered",
        "a mail reached its mailbox",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.opened",
        "a tracked mail's pixel is loaded",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.open",
        "a tracked mail's pixel is loaded",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email_tracking.open",
        "a tracked mail's pixel is loaded",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.clicked",
        "a tracked link is hit",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.link_clicked",
        "a tracked link is hit",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email_tracking.click",
        "a tracked link is hit",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.bounced",
        "a mailbox refused a mail",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.complained",
        "a reader marked a mail as spam",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.failed",
        "a mail could not be sent",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "email.unsubscribed",
        "a reader unsubscribed",
        "email_event",
        MAIL,
    ),
    domain(
        "CRM",
        "appointment.booked",
        "a reservation is confirmed",
        "reservation",
        APPOINTMENT,
    ),
    domain(
        "CRM",
        "calendar.appointment_created",
        "an appointment enters the calendar",
        "reservation",
        APPOINTMENT,
    ),
    domain(
        "CRM",
        "booking.created",
        "a booking is made",
        "reservation",
        APPOINTMENT,
    ),
    domain(
        "CRM",
        "lead.scored",
        "a lead's score is computed",
        "lead",
        LEAD,
    ),
    domain("CRM", "lead.qualified", "a lead is qualified", "lead", LEAD),
    domain(
        "Website",
        "page.visited",
        "a tracked page is visited",
        "page_visit",
        VISIT,
    ),
    domain(
        "Website",
        "website.page_view",
        "a tracked page is viewed",
        "page_visit",
        VISIT,
    ),
    domain(
        "Website",
        "tracking.page_visit",
        "a tracked page is visited",
        "page_visit",
        VISIT,
    ),
    domain(
        "Storefront",
        "order.placed",
        "a cart becomes an order",
        "order",
        ORDER,
    ),
    domain(
        "Storefront",
        "order.paid",
        "an order's payment succeeds",
        "order",
        ORDER,
    ),
    domain(
        "Storefront",
        "payment.succeeded",
        "Stripe or PayPal reports a payment",
        "payment",
        PAYMENT,
    ),
    domain(
        "Storefront",
        "payment.failed",
        "Stripe or PayPal reports a failed payment",
        "payment",
        PAYMENT,
    ),
    domain(
        "Storefront",
        "payment.refunded",
        "PayPal reports a refund",
        "payment",
        PAYMENT,
    ),
    domain(
        "Storefront",
        "subscription.renewed",
        "Stripe reports a subscription's cycle as paid",
        "subscription",
        r#"{"gateway":"stripe","subscription":"sub_1","amount":9.0,"currency":"EUR"}"#,
    ),
    domain(
        "Chat",
        "chat-queue-notification",
        "a chat needs a human agent",
        "chat",
        r#"{"chatId":"chat-1","message":"Hello"}"#,
    ),
    domain(
        "Events",
        "event.reminder",
        "an event's reminder schedule fires",
        "event",
        r#"{"title":"Webinar","startTime":"2026-04-26T09:00:00Z"}"#,
    ),
    domain(
        "Banking",
        "transfer.initiated",
        "an ACH or RTP transfer begins",
        "transfer",
        TRANSFER,
    ),
    domain(
        "Banking",
        "transfer.settled",
        "an ACH or RTP transfer is settled",
        "transfer",
        TRANSFER,
    ),
    domain("Phone", "call.incoming", "a call comes in", "call", CALL),
    domain(
        "Phone",
        "call.missed",
        "a call was not answered",
        "call",
        CALL,
    ),
    domain(
        "Phone",
        "call.status",
        "a call's status changes",
        "call",
        CALL,
    ),
    domain(
        "Phone",
        "sms.received",
        "a text message comes in",
        "sms",
        SMS,
    ),
    domain(
        "Phone",
        "sms.status",
        "a text message's status changes",
        "sms",
        SMS,
    ),
    domain(
        "Social",
        "social.post",
        "a post appears",
        "social_event",
        SOCIAL,
    ),
    domain(
        "Social",
        "social.mention",
        "the account is mentioned",
        "social_event",
        SOCIAL,
    ),
    domain(
        "Social",
        "social.comment",
        "a comment appears",
        "social_event",
        SOCIAL,
    ),
    domain(
        "Social",
        "social.message",
        "a direct message comes in",
        "social_event",
        SOCIAL,
    ),
    domain(
        "Social",
        "social.lead",
        "a lead form is filled in",
        "social_event",
        SOCIAL,
    ),
    domain(
        "Social",
        "social.other",
        "a network reports anything else",
        "social_event",
        SOCIAL,
    ),
    domain(
        "Delivery",
        "endpoint.disabled",
        "an endpoint has failed for so long that it is no longer tried",
        "endpoint",
        r#"{"url":"http://127.0.0.1:4871/hook","reason":"failed for 5 days"}"#,
    ),
];
