//! Sample events for `evt send`: those of AppEngine, made from the catalogue, and those of other vendors, from one JSON file each.
//!
//! Every call makes a body with new ids and times; the rest is as in its file. The same [`Occasion`] makes the same bytes.

mod template;
mod vendors;

use bytes::Bytes;
use serde_json::{Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::catalogue::{self, EventKind};
use crate::explain::{Exit, Explain, Explanation, shell_quoted};
use crate::grammar::glob;
use crate::grammar::nearest::nearest;
use crate::signature::PLATFORM_SCHEME;
use crate::time::Timestamp;

/// The vendor of the catalogue's events. Its name may be left out.
pub const APPENGINE: &str = "appengine";

/// The time of a seeded event, in seconds since the epoch: 2026-04-25T10:00:00Z.
const SEEDED: i64 = 1_777_111_200;

/// A sample event.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The vendor's name for it: `payment_intent.succeeded`.
    pub event: &'static str,
    /// `stripe`, `github`, `appengine`, …
    pub vendor: &'static str,
    /// The vendor's signature scheme. `None` if it signs nothing.
    pub scheme: Option<&'static str>,
    pub content_type: &'static str,
    /// The vendor's headers, without those of the signature.
    pub headers: &'static [(&'static str, &'static str)],
    /// When the vendor sends it.
    pub description: &'static str,
    content: Content,
}

#[derive(Clone, Copy, Debug)]
enum Content {
    Catalogue(&'static EventKind),
    Vendor {
        file: &'static vendors::File<'static>,
        event: &'static vendors::Event<'static>,
    },
}

/// The values that differ from one event to the next.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    pub now: Timestamp,
    pub id: Uuid,
    /// The organisation that AppEngine's events name.
    pub org: &'a str,
}

impl<'a> Occasion<'a> {
    /// Returns the same occasion for the same seed, on every day.
    pub fn seeded(seed: u64, org: &'a str) -> Self {
        let (first, state) = split_mix(seed);
        let (second, _) = split_mix(state);
        let bytes = (u128::from(first) << 64) | u128::from(second);
        Self {
            now: Timestamp::from_secs(SEEDED),
            id: uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid(),
            org,
        }
    }
}

/// SplitMix64: returns a pseudo-random number and the next state.
fn split_mix(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31), state)
}

/// The sample does not exist.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown sample event `{name}`")]
pub struct UnknownSample {
    pub name: String,
    pub suggestion: Option<String>,
}

impl Explain for UnknownSample {
    fn explain(&self) -> Explanation {
        let hint = match (vendor(&self.name), &self.suggestion) {
            (Some(vendor), _) => format!("evt send --list {vendor}"),
            (None, Some(name)) => format!("evt send {name}"),
            (None, None) => "evt send --list".to_owned(),
        };
        Explanation::usage("unknown_event").hint(hint)
    }
}

/// No sample matches the pattern.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no sample event matches `{glob}`")]
pub struct NoMatch {
    pub glob: String,
    /// A glob that matches some samples.
    pub suggestion: Option<String>,
}

impl Explain for NoMatch {
    fn explain(&self) -> Explanation {
        let hint = match &self.suggestion {
            Some(glob) => format!("evt send --list {}", shell_quoted(glob)),
            None => "evt send --list".to_owned(),
        };
        Explanation::new(Exit::NotFound, "no_such_event").hint(hint)
    }
}

/// Every sample, in the order of `evt send --list`: AppEngine's events, then the vendors'.
pub fn all() -> impl Iterator<Item = Sample> {
    platform().chain(vendors::VENDORS.iter().flat_map(vendors::Vendor::samples))
}

fn platform() -> impl Iterator<Item = Sample> {
    catalogue::events().iter().map(|kind| Sample {
        event: kind.name,
        vendor: APPENGINE,
        scheme: Some(PLATFORM_SCHEME),
        content_type: "application/json",
        headers: &[],
        description: kind.fires,
        content: Content::Catalogue(kind),
    })
}

/// Finds a sample by name: `contact.created`, `appengine/contact.created`, `stripe/payment_intent.succeeded`, or with an alias of
/// the vendor, such as `facebook/page.post`. Case does not matter.
///
/// # Errors
/// [`UnknownSample`], with the most similar name.
pub fn find(name: &str) -> Result<Sample, UnknownSample> {
    // Only the file of this vendor is parsed.
    let vendor = name
        .split_once('/')
        .and_then(|(vendor, event)| Some((vendors::find(vendor)?, event)));
    let found = match vendor {
        Some((vendor, event)) => vendor.samples().find(|sample| sample.is_called(event)),
        None => {
            let event = name.strip_prefix("appengine/").unwrap_or(name);
            platform().find(|sample| sample.is_called(event))
        }
    };
    let wanted = match vendor {
        Some((vendor, event)) => format!("{}/{event}", vendor.name),
        None => name.to_owned(),
    };
    found.ok_or_else(|| UnknownSample {
        name: name.to_owned(),
        suggestion: suggestion(&wanted),
    })
}

fn suggestion(wanted: &str) -> Option<String> {
    // The user may have left out the vendor.
    let forms: Vec<(String, Sample)> = all()
        .flat_map(|sample| [(sample.name(), sample), (sample.event.to_owned(), sample)])
        .collect();
    nearest(wanted, forms.iter().map(|(form, _)| form.as_str()))
        .and_then(|nearest| forms.iter().find(|(form, _)| form == nearest))
        .map(|(_, sample)| sample.name())
}

/// Returns the vendor with this name or alias.
pub fn vendor(name: &str) -> Option<&'static str> {
    vendors::find(name).map(|vendor| vendor.name)
}

/// Returns the samples of a vendor (`stripe`), or those that match a glob (`stripe/invoice.*`, `*refund*`). The glob may leave out
/// the vendor. Case does not matter.
///
/// # Errors
/// [`NoMatch`], with a glob that matches some samples.
pub fn select(pattern: &str) -> Result<Vec<Sample>, NoMatch> {
    let found = matching(pattern);
    if !found.is_empty() {
        return Ok(found);
    }
    let inside = format!("*{}*", pattern.trim_matches('*'));
    let suggestion = if matching(&inside).is_empty() {
        let vendors = vendors::VENDORS.iter().map(|vendor| vendor.name);
        nearest(pattern, vendors.chain([APPENGINE]))
            .map(str::to_owned)
            .or_else(|| suggestion(pattern))
    } else {
        Some(inside)
    };
    Err(NoMatch {
        glob: pattern.to_owned(),
        suggestion,
    })
}

fn matching(pattern: &str) -> Vec<Sample> {
    let (vendor, rest) = pattern.split_once('/').unwrap_or((pattern, "*"));
    let vendor = match vendors::find(vendor) {
        Some(vendor) => vendor.name,
        None => vendor,
    };
    let of_vendor = format!("{vendor}/{rest}").to_lowercase();
    let of_any = pattern.to_lowercase();
    let matches = |sample: &Sample| {
        let event = sample.event.to_lowercase();
        glob::matches(&of_vendor, &format!("{}/{event}", sample.vendor))
            || glob::matches(&of_any, &event)
    };
    all().filter(matches).collect()
}

impl Sample {
    /// The name that users type: `stripe/payment_intent.succeeded`, `contact.created`.
    pub fn name(&self) -> String {
        if self.vendor == APPENGINE {
            self.event.to_owned()
        } else {
            format!("{}/{}", self.vendor, self.event)
        }
    }

    fn is_called(&self, event: &str) -> bool {
        self.event.eq_ignore_ascii_case(event)
    }

    /// Returns the body, the same for the same occasion.
    ///
    /// In AppEngine's events, `timestamp` and the record's `data.sk` depend on the occasion. In those of vendors, every `${…}` of
    /// the file does: all times, and all ids by which a receiver recognises the event.
    pub fn body(&self, occasion: &Occasion<'_>) -> Bytes {
        match self.content {
            Content::Catalogue(kind) => platform_body(kind, occasion),
            Content::Vendor { file, event } => {
                vendors::body(file, event, self.content_type, occasion)
            }
        }
    }
}

fn platform_body(kind: &EventKind, occasion: &Occasion<'_>) -> Bytes {
    let data: Value = serde_json::from_str(kind.sample())
        .expect("the catalogue's samples are JSON: tested there");
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

/// A time in whole seconds, as in the platform's own events.
fn rfc3339(now: Timestamp) -> String {
    let text = Timestamp::from_secs(now.secs()).to_string();
    text.replace(".000Z", "Z")
}

/// The random half of the id: long enough to be unique, short enough to read.
fn short(id: Uuid) -> String {
    format!("{:016x}", id.as_u64_pair().1)
}

#[cfg(test)]
mod tests;
