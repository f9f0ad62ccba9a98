//! The vendors: one JSON file each, parsed when one of its events is needed. The table is in Rust, because it includes the files.
//!
//! A file has the vendor's `scheme`, `content_type`, `layout` and `headers`, the `envelope` around every event (`${object}` is the
//! event's own part), `objects` that several events share, and the `events`. The own part of an event is `with`, or the object named
//! by `like`, changed by `with`. `envelope` and `headers` of an event change those of the file. See `template` for the placeholders.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::template::{Placeholders, form, kind, merge};
use super::{Content, Occasion, Sample};

const FORM: &str = "application/x-www-form-urlencoded";

/// A row of [`VENDORS`].
#[derive(Debug)]
pub(super) struct Vendor {
    pub(super) name: &'static str,
    /// Other names that users type.
    pub(super) aliases: &'static [&'static str],
    json: &'static str,
    file: OnceLock<File<'static>>,
}

const fn vendor(
    name: &'static str,
    aliases: &'static [&'static str],
    json: &'static str,
) -> Vendor {
    Vendor {
        name,
        aliases,
        json,
        file: OnceLock::new(),
    }
}

/// In the order of `evt send --list`.
pub(super) static VENDORS: [Vendor; 23] = [
    vendor("stripe", &[], include_str!("vendors/stripe.json")),
    vendor("paypal", &[], include_str!("vendors/paypal.json")),
    vendor("sendgrid", &[], include_str!("vendors/sendgrid.json")),
    vendor("mailgun", &[], include_str!("vendors/mailgun.json")),
    vendor("ses", &["sns"], include_str!("vendors/ses.json")),
    vendor("twilio", &[], include_str!("vendors/twilio.json")),
    vendor("meta", &["facebook"], include_str!("vendors/meta.json")),
    vendor("slack", &[], include_str!("vendors/slack.json")),
    vendor("discord", &[], include_str!("vendors/discord.json")),
    vendor("twitch", &[], include_str!("vendors/twitch.json")),
    vendor("twitter", &["x"], include_str!("vendors/twitter.json")),
    vendor("linkedin", &[], include_str!("vendors/linkedin.json")),
    vendor("tiktok", &[], include_str!("vendors/tiktok.json")),
    vendor("pinterest", &[], include_str!("vendors/pinterest.json")),
    vendor("snapchat", &[], include_str!("vendors/snapchat.json")),
    vendor("reddit", &[], include_str!("vendors/reddit.json")),
    vendor(
        "google-ads",
        &["googleads"],
        include_str!("vendors/google-ads.json"),
    ),
    vendor("pubsub", &["google"], include_str!("vendors/pubsub.json")),
    vendor("github", &[], include_str!("vendors/github.json")),
    vendor("shopify", &[], include_str!("vendors/shopify.json")),
    vendor("crm", &[], include_str!("vendors/crm.json")),
    vendor("platform", &[], include_str!("vendors/platform.json")),
    vendor("outreach", &[], include_str!("vendors/outreach.json")),
];

/// A vendor's file. The parts of a body stay unparsed until the body is made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File<'a> {
    /// Absent if the vendor signs nothing.
    #[serde(default)]
    scheme: Option<&'a str>,
    content_type: &'a str,
    #[serde(default)]
    layout: Layout,
    #[serde(default, borrow)]
    headers: BTreeMap<&'a str, &'a str>,
    /// If absent, the body is the object itself.
    #[serde(default, borrow)]
    envelope: Option<&'a RawValue>,
    #[serde(default, borrow)]
    objects: BTreeMap<&'a str, &'a RawValue>,
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

/// How the vendor formats its JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Layout {
    #[default]
    Compact,
    Indented,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event<'a> {
    event: &'a str,
    /// Completes the sentence "sent when …".
    when: &'a str,
    /// Overrides that of the file.
    #[serde(default)]
    content_type: Option<&'a str>,
    #[serde(default, borrow)]
    headers: BTreeMap<&'a str, &'a str>,
    #[serde(default, borrow)]
    envelope: Option<&'a RawValue>,
    /// The name of one of the file's objects.
    #[serde(default)]
    like: Option<&'a str>,
    #[serde(default, borrow)]
    with: Option<&'a RawValue>,
    /// The file's headers and the event's own.
    #[serde(skip)]
    all_headers: Vec<(&'a str, &'a str)>,
}

/// Finds a vendor by its name or an alias.
pub(super) fn find(name: &str) -> Option<&'static Vendor> {
    VENDORS.iter().find(|vendor| {
        let mut names = std::iter::once(&vendor.name).chain(vendor.aliases);
        names.any(|known| known.eq_ignore_ascii_case(name))
    })
}

impl Vendor {
    /// The vendor's events.
    pub(super) fn samples(&'static self) -> impl Iterator<Item = Sample> {
        let file = self.file.get_or_init(|| read(self.json));
        file.events.iter().map(|event| Sample {
            event: event.event,
            vendor: self.name,
            scheme: file.scheme,
            content_type: event.content_type.unwrap_or(file.content_type),
            headers: &event.all_headers,
            description: event.when,
            content: Content::Vendor { file, event },
        })
    }
}

fn read(json: &'static str) -> File<'static> {
    let mut file: File<'static> =
        serde_json::from_str(json).expect("the test below parses every file");
    for event in &mut file.events {
        let mut headers = file.headers.clone();
        headers.extend(&event.headers);
        for value in headers.values_mut() {
            match *value {
                "${event}" => *value = event.event,
                "${kind}" => *value = kind(event.event),
                _ => {}
            }
        }
        event.all_headers = headers.into_iter().collect();
    }
    file
}

/// Makes the body.
pub(super) fn body(
    file: &File<'static>,
    event: &Event<'static>,
    content_type: &str,
    occasion: &Occasion<'_>,
) -> Bytes {
    let value = value(file, event, occasion);
    let text = match file.layout {
        _ if content_type == FORM => form(&value),
        Layout::Compact => value.to_string(),
        Layout::Indented => format!("{value:#}"),
    };
    Bytes::from(text)
}

fn value(file: &File<'static>, event: &Event<'static>, occasion: &Occasion<'_>) -> Value {
    let mut words = Placeholders {
        occasion,
        event: event.event,
        object: &Value::Null,
    };
    let object = words.fill(&object(file, event));
    words.object = &object;
    let mut envelope = match file.envelope {
        Some(envelope) => parsed(envelope),
        None => "${object}".into(),
    };
    if let Some(changes) = event.envelope {
        merge(&mut envelope, &parsed(changes));
    }
    words.fill(&envelope)
}

fn object(file: &File<'static>, event: &Event<'static>) -> Value {
    let with = event.with.map(parsed);
    let base = event.like.and_then(|name| file.objects.get(name));
    match (base, with) {
        (Some(base), Some(changes)) => {
            let mut object = parsed(base);
            merge(&mut object, &changes);
            object
        }
        (Some(base), None) => parsed(base),
        // Not merged: a `null` is meant as a value.
        (None, Some(object)) => object,
        (None, None) => Value::Object(serde_json::Map::new()),
    }
}

fn parsed(json: &RawValue) -> Value {
    serde_json::from_str(json.get()).expect("a part of parsed JSON is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_valid_and_uses_all_its_objects() {
        for vendor in &VENDORS {
            let file = read(vendor.json);
            let used: Vec<&str> = file.events.iter().filter_map(|event| event.like).collect();
            for name in &used {
                assert!(file.objects.contains_key(name), "{} {name}", vendor.name);
            }
            for name in file.objects.keys() {
                assert!(used.contains(name), "{} {name}", vendor.name);
            }
        }
    }

    #[test]
    fn a_name_or_alias_belongs_to_one_vendor() {
        for vendor in &VENDORS {
            for name in std::iter::once(&vendor.name).chain(vendor.aliases) {
                assert_eq!(find(name).map(|found| found.name), Some(vendor.name));
            }
        }
        assert!(find("acme").is_none());
    }
}
