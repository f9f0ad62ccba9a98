//! Bodies for `evt send`: AppEngine's events, made from the catalogue, and one JSON file for each event of other senders.
//!
//! A body is made anew at each call: what tells one event from the next (ids, times) is fresh, all else is as in its file.

mod files;

use bytes::Bytes;
use serde_json::{Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::catalogue::{self, EventKind};
use crate::grammar::nearest::nearest;
use crate::signature::PLATFORM_SCHEME;
use crate::time::Timestamp;

/// The vendor of the catalogue's events; their names stand without it, too.
pub const APPENGINE: &str = "appengine";
/// An event that can be sent.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The sender's own name of it: `payment_intent.succeeded`.
    pub event: &'static str,
    /// `stripe`, `github`, `appengine`, …
    pub vendor: &'static str,
    /// The scheme in which the vendor signs; `None` where it signs nothing.
    pub scheme: Option<&'static str>,
    pub content_type: &'static str,
    /// Headers that the vendor sends along, without those of the signature.
    pub headers: &'static [(&'static str, &'static str)],
    /// When the vendor sends it.
    pub description: &'static str,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Catalogue(&'static EventKind),
    File {
        json: &'static str,
        fresh: &'static [(&'static str, Fresh)],
        layout: Layout,
    },
}

/// A field of the file's top level that is new in each body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fresh {
    /// An id with this before it.
    Id(&'static str),
    /// An id of decimal digits, as text.
    Digits,
    /// Now, in seconds since the epoch.
    Seconds,
    /// Now, in RFC 3339.
    Time,
}

/// How the vendor lays out its JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Compact,
    Indented,
}

/// What makes one body differ from the next.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    pub now: Timestamp,
    pub id: Uuid,
    /// The organisation that AppEngine's events name.
    pub org: &'a str,
}

/// There is no such event.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no sample event `{name}`")]
pub struct UnknownSample {
    pub name: String,
    pub suggestion: Option<String>,
}

/// Every sample, in the order of `evt send --list`: AppEngine's events, then the vendors'.
pub fn all() -> impl Iterator<Item = Sample> {
    let platform = catalogue::EVENTS.iter().map(|kind| Sample {
        event: kind.name,
        vendor: APPENGINE,
        scheme: Some(PLATFORM_SCHEME),
        content_type: "application/json",
        headers: &[],
        description: kind.fires,
        content: Content::Catalogue(kind),
    });
    platform.chain(files::FILES.iter().copied())
}

/// Finds a sample by name: `contact.created`, `appengine/contact.created`, `stripe/payment_intent.succeeded`.
///
/// # Errors
/// [`UnknownSample`], with the name that may have been meant.
pub fn find(name: &str) -> Result<Sample, UnknownSample> {
    let wanted = name.strip_prefix("appengine/").unwrap_or(name);
    if let Some(sample) = all().find(|sample| sample.is_named(wanted)) {
        return Ok(sample);
    }
    // A vendor's event may be meant by someone who types it without its vendor.
    let forms: Vec<(String, Sample)> = all()
        .flat_map(|sample| [(sample.name(), sample), (sample.event.to_owned(), sample)])
        .collect();
    let suggestion = nearest(wanted, forms.iter().map(|(form, _)| form.as_str()))
        .and_then(|meant| forms.iter().find(|(form, _)| form == meant))
        .map(|(_, sample)| sample.name());
    Err(UnknownSample {
        name: name.to_owned(),
        suggestion,
    })
}

impl Sample {
    /// The name to type: `stripe/payment_intent.succeeded`, `contact.created`.
    pub fn name(&self) -> String {
        if self.vendor == APPENGINE {
            self.event.to_owned()
        } else {
            format!("{}/{}", self.vendor, self.event)
        }
    }

    fn is_named(&self, name: &str) -> bool {
        if self.vendor == APPENGINE {
            return self.event == name;
        }
        name.split_once('/') == Some((self.vendor, self.event))
    }

    /// The body to send.
    ///
    /// Fresh in AppEngine's events: `timestamp`, and the record's `data.sk`. Fresh in Stripe's: `id` and `created`. In the
    /// others: the id and the time of the envelope, where there is one.
    pub fn body(&self, occasion: &Occasion<'_>) -> Bytes {
        match self.content {
            Content::Catalogue(kind) => platform_body(kind, occasion),
            Content::File {
                json,
                fresh,
                layout,
            } => file_body(json, fresh, layout, occasion),
        }
    }
}

fn platform_body(kind: &EventKind, occasion: &Occasion<'_>) -> Bytes {
    let data: Value =
        serde_json::from_str(kind.sample).expect("the catalogue's samples are JSON: tested there");
    let body = json!({
        "event": kind.name,
        "orgId": occasion.org,
        "timestamp": rfc3339(occasion.now),
        "data": {
            "sk": format!("{}-{}", kind.datatype, short(occasion.id)),
            "datatype": kind.datatype,
            "data": data,
        },
    });
    Bytes::from(body.to_string())
}

fn file_body(
    json: &str,
    fresh: &[(&str, Fresh)],
    layout: Layout,
    occasion: &Occasion<'_>,
) -> Bytes {
    let mut body: Value = serde_json::from_str(json).expect("sample files are JSON: tested below");
    for (field, kind) in fresh {
        body[*field] = kind.value(occasion);
    }
    match layout {
        Layout::Compact => Bytes::from(body.to_string()),
        Layout::Indented => Bytes::from(format!("{body:#}")),
    }
}

impl Fresh {
    fn value(self, occasion: &Occasion<'_>) -> Value {
        match self {
            Self::Id(prefix) => format!("{prefix}{}", short(occasion.id)).into(),
            Self::Digits => (occasion.id.as_u64_pair().1 >> 4).to_string().into(),
            Self::Seconds => occasion.now.secs().into(),
            Self::Time => rfc3339(occasion.now).into(),
        }
    }
}

/// Whole seconds: the form of the platform's own envelopes.
fn rfc3339(now: Timestamp) -> String {
    let text = Timestamp::from_secs(now.secs()).to_string();
    text.replace(".000Z", "Z")
}

/// The random half of the id: enough to tell events apart, short enough to read.
fn short(id: Uuid) -> String {
    format!("{:016x}", id.as_u64_pair().1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature;

    fn occasion(id: u128) -> Occasion<'static> {
        Occasion {
            now: Timestamp::from_secs(1_777_111_200),
            id: Uuid::from_u128(id),
            org: "my-org",
        }
    }

    fn value(name: &str, id: u128) -> Value {
        let body = find(name).unwrap().body(&occasion(id));
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn every_sample_is_found_by_its_name_and_has_a_json_body() {
        for sample in all() {
            let found = find(&sample.name()).unwrap();
            assert_eq!((found.vendor, found.event), (sample.vendor, sample.event));
            let body: Value = serde_json::from_slice(&found.body(&occasion(1))).unwrap();
            assert!(body.is_object(), "{}", sample.name());
        }
    }

    #[test]
    fn every_scheme_of_a_sample_exists() {
        for scheme in all().filter_map(|sample| sample.scheme) {
            assert!(signature::find(scheme).is_ok(), "{scheme}");
        }
    }

    #[test]
    fn every_event_of_the_catalogue_can_be_sent() {
        for kind in catalogue::EVENTS {
            let body = value(kind.name, 1);
            assert_eq!(body["event"], kind.name);
            assert_eq!(body["orgId"], "my-org");
            assert_eq!(body["timestamp"], "2026-04-25T10:00:00Z");
            assert_eq!(body["data"]["datatype"], kind.datatype);
            assert!(body["data"]["data"].is_object(), "{}", kind.name);
        }
    }

    #[test]
    fn every_file_is_what_is_sent_but_for_what_is_fresh() {
        for sample in files::FILES {
            let Content::File { json, fresh, .. } = sample.content else {
                panic!("{} is no file", sample.event);
            };
            let mut kept: Value = serde_json::from_str(json).unwrap();
            let mut sent: Value = serde_json::from_slice(&sample.body(&occasion(1))).unwrap();
            for (field, _) in fresh {
                assert_ne!(kept[*field], Value::Null, "{} has no {field}", sample.event);
                assert_eq!(kept[*field].is_string(), sent[*field].is_string());
                kept[*field].take();
                sent[*field].take();
            }
            assert_eq!(kept, sent);
        }
    }

    #[test]
    fn ids_are_new_in_each_body() {
        let name = "stripe/payment_intent.succeeded";
        assert_ne!(value(name, 1)["id"], value(name, 2)["id"]);
        assert_ne!(
            value("contact.created", 1)["data"]["sk"],
            value("contact.created", 2)["data"]["sk"]
        );
    }

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        let suggestion = |name| find(name).unwrap_err().suggestion;
        assert_eq!(
            suggestion("contact.creatde").as_deref(),
            Some("contact.created")
        );
        assert_eq!(
            suggestion("payment_intent.succeeded").as_deref(),
            Some("stripe/payment_intent.succeeded")
        );
        assert_eq!(suggestion("zzz"), None);
    }
}
