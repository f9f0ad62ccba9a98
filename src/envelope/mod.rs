//! Envelopes: the formats in which events arrive, one file each. They read [`Meta`] from body and headers and change neither.

pub mod appengine;
mod cloudevents;
mod plain;
mod root;

use std::borrow::Cow;
use std::ops::Range;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::event::Meta;
use root::Root;

/// A row of [`ENVELOPES`].
pub struct Envelope {
    /// The name of the format. For the format of one system, it is also the event's `system`.
    pub name: &'static str,
    read: for<'a> fn(&Input<'a>) -> Option<BorrowedMeta<'a>>,
}

/// Body and headers. The body is parsed once for all formats.
struct Input<'a> {
    headers: &'a HeaderMap,
    body: &'a [u8],
    /// The members of the root object that any format reads, if the body is JSON.
    root: Option<Root<'a>>,
}

/// [`Meta`] borrowed from body and headers.
#[derive(Clone, Debug, Default)]
pub struct BorrowedMeta<'a> {
    pub kind: Option<Cow<'a, str>>,
    pub id: Option<Cow<'a, str>>,
    pub system: Option<&'static str>,
    pub org: Option<Cow<'a, str>>,
    pub subject: Option<Cow<'a, str>>,
    pub time: Option<Cow<'a, str>>,
    pub data: Option<Range<usize>>,
    pub form: Form,
}

/// The form of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One JSON value, optionally with white space around it.
    Json,
    /// UTF-8, but not JSON.
    Text,
    #[default]
    Binary,
}

/// Every format, the most specific first. The last one accepts everything.
pub const ENVELOPES: &[Envelope] = &[
    Envelope {
        name: "cloudevents",
        read: cloudevents::read,
    },
    Envelope {
        name: "appengine",
        read: appengine::read,
    },
    Envelope {
        name: "plain",
        read: plain::read,
    },
];

/// Reads the facts about an event from body and headers. Never fails: an unknown format is read as `plain`.
pub fn detect(headers: &HeaderMap, body: &[u8]) -> Meta {
    peek(headers, body).into_meta()
}

/// Like [`detect`], but borrows: one pass over the body, and only strings with escapes are allocated.
pub fn peek<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> BorrowedMeta<'a> {
    let (root, form) = match std::str::from_utf8(body) {
        Ok(text) => match Root::read(text) {
            Some(root) => (Some(root), Form::Json),
            None => (None, Form::Text),
        },
        Err(_) => (None, Form::Binary),
    };
    let input = Input {
        headers,
        body,
        root,
    };
    let found = ENVELOPES
        .iter()
        .find_map(|envelope| (envelope.read)(&input))
        .unwrap_or_default();
    BorrowedMeta { form, ..found }
}

impl BorrowedMeta<'_> {
    /// Returns the payload: the part of `body` inside the envelope, or all of it.
    pub fn data<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        let part = self.data.clone().and_then(|range| body.get(range));
        part.unwrap_or(body)
    }

    pub fn into_meta(self) -> Meta {
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Meta {
            kind: owned(self.kind),
            id: owned(self.id),
            system: self.system.map(str::to_owned),
            org: owned(self.org),
            subject: owned(self.subject),
            time: owned(self.time),
            data: self.data,
        }
    }
}

impl<'a> Input<'a> {
    /// Returns a header as text, if it is printable.
    fn header(&self, name: &str) -> Option<Cow<'a, str>> {
        // Fast path: messages of streams have no headers.
        if self.headers.is_empty() {
            return None;
        }
        self.headers.get(name)?.to_str().ok().map(Cow::Borrowed)
    }

    /// Returns the bytes of a header.
    fn header_text(&self, name: &str) -> Option<&'a [u8]> {
        if self.headers.is_empty() {
            return None;
        }
        Some(self.headers.get(name)?.as_bytes())
    }

    fn has_content_type(&self, kind: &str) -> bool {
        let given = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let given = given.split(';').next().unwrap_or_default().trim();
        given.eq_ignore_ascii_case(kind)
    }

    /// Returns the id that the sender keeps when it repeats the delivery.
    fn delivery_id(&self) -> Option<Cow<'a, str>> {
        ["webhook-id", "svix-id", "x-github-delivery"]
            .into_iter()
            .find_map(|name| self.header(name))
    }

    /// Returns the range of a slice of the body.
    fn range_of(&self, part: &str) -> Option<Range<usize>> {
        let start = (part.as_ptr() as usize).checked_sub(self.body.as_ptr() as usize)?;
        (start + part.len() <= self.body.len()).then(|| start..start + part.len())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    fn data<'a>(meta: &Meta, body: &'a [u8]) -> &'a str {
        std::str::from_utf8(&body[meta.data.clone().unwrap()]).unwrap()
    }

    #[test]
    fn a_webhook_body_of_the_platform_is_recognised() {
        let body =
            br#" {"event":"contact.created","orgId":"my-org","timestamp":"2026-04-25T10:00:00Z",
            "data":{ "sk":"contact-abc","datatype":"contact","data":{"amount":10.00}} }"#;
        let meta = detect(&headers(&[("webhook-id", "msg_1")]), body);
        assert_eq!(meta.kind.as_deref(), Some("contact.created"));
        assert_eq!(meta.system.as_deref(), Some("appengine"));
        assert_eq!(meta.org.as_deref(), Some("my-org"));
        assert_eq!(meta.subject.as_deref(), Some("contact-abc"));
        assert_eq!(meta.time.as_deref(), Some("2026-04-25T10:00:00Z"));
        assert_eq!(meta.id.as_deref(), Some("msg_1"));
        assert_eq!(
            data(&meta, body),
            r#"{ "sk":"contact-abc","datatype":"contact","data":{"amount":10.00}}"#
        );
    }

    #[test]
    fn an_encoded_webhook_body_is_read_back() {
        let body = appengine::encode(
            "tag.added",
            "my \"org\"",
            "2026-04-25T10:00:00.000Z",
            "{\"sk\":\"contact-1\"}",
        );
        let meta = detect(&HeaderMap::new(), &body);
        assert_eq!(
            (meta.kind.as_deref(), meta.org.as_deref()),
            (Some("tag.added"), Some("my \"org\""))
        );
        assert_eq!(data(&meta, &body), "{\"sk\":\"contact-1\"}");
    }

    #[test]
    fn a_structured_cloud_event_is_recognised() {
        let body = br#"{"specversion":"1.0","type":"com.example.made","source":"/shop","id":"A-1","subject":"cart/7",
            "time":"2026-04-25T10:00:00Z","data":{"n":1}}"#;
        let meta = detect(
            &headers(&[(
                "content-type",
                "application/cloudevents+json; charset=utf-8",
            )]),
            body,
        );
        assert_eq!(meta.kind.as_deref(), Some("com.example.made"));
        assert_eq!(meta.system.as_deref(), Some("cloudevents"));
        assert_eq!(
            (meta.id.as_deref(), meta.subject.as_deref()),
            (Some("A-1"), Some("cart/7"))
        );
        assert_eq!(data(&meta, body), r#"{"n":1}"#);
    }

    #[test]
    fn a_binary_cloud_event_is_recognised_by_its_headers() {
        let binary = headers(&[
            ("ce-specversion", "1.0"),
            ("ce-type", "com.example.made"),
            ("ce-id", "Euro%20%E2%82%AC"),
            ("ce-source", "/shop"),
        ]);
        let meta = detect(&binary, b"\xff\x00");
        assert_eq!(meta.kind.as_deref(), Some("com.example.made"));
        assert_eq!(meta.id.as_deref(), Some("Euro €"));
        assert_eq!(meta.data, None);
    }

    #[test]
    fn attributes_in_headers_are_unquoted_and_decoded() {
        for (value, expected) in [
            ("a%20b", "a b"),
            ("\"a b\"", "a b"),
            ("\"a\\\"b\\\\%25\"", "a\"b\\%"),
            ("gr\u{f6}\u{df}e %E2%82%AC", "gr\u{f6}\u{df}e \u{20ac}"),
            ("100%", "100%"),
            ("\"", "\""),
            ("\"\"", ""),
        ] {
            let mut binary = headers(&[("ce-specversion", "1.0"), ("ce-type", "t")]);
            binary.insert(
                "ce-subject",
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
            let meta = detect(&binary, b"{}");
            assert_eq!(meta.subject.as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_type_in_raw_utf8_makes_a_cloud_event() {
        let mut binary = headers(&[("ce-specversion", "1.0")]);
        let kind = HeaderValue::from_bytes("bestellung.größe".as_bytes()).unwrap();
        binary.insert("ce-type", kind);
        let meta = detect(&binary, b"{}");
        assert_eq!(meta.kind.as_deref(), Some("bestellung.größe"));
        binary.insert("ce-type", HeaderValue::from_bytes(b"gr\xf6").unwrap());
        assert_eq!(detect(&binary, b"{}").system, None);
    }

    #[test]
    fn a_batch_has_what_all_its_events_share() {
        let batch = headers(&[(
            "content-type",
            "application/cloudevents-batch+json; charset=utf-8",
        )]);
        let meta = |body: &str| detect(&batch, body.as_bytes());
        let one = meta(r#"[{"specversion":"1.0","type":"a.b","id":"1","subject":"s"}]"#);
        assert_eq!(
            (one.kind.as_deref(), one.id.as_deref()),
            (Some("a.b"), Some("1"))
        );
        let same = meta(r#"[{"type":"a.b","id":"1"},{"type":"a.b","id":"2"}]"#);
        assert_eq!((same.kind.as_deref(), same.id), (Some("a.b"), None));
        assert_eq!(same.system.as_deref(), Some("cloudevents"));
        let mixed = meta(r#"[{"type":"a.b"},{"type":"c"}]"#);
        assert_eq!(
            (mixed.kind, mixed.system.as_deref()),
            (None, Some("cloudevents"))
        );
        for body in ["[]", "[1]", "{}", "[{\"type\":1}]"] {
            assert_eq!(meta(body).system, None, "{body}");
        }
    }

    #[test]
    fn plain_json_has_its_type_and_id_read() {
        for (body, kind, id) in [
            (
                r#"{"type":"payment_intent.succeeded","id":"evt_1"}"#,
                Some("payment_intent.succeeded"),
                Some("evt_1"),
            ),
            (r#"{"event":"a.b","id":7}"#, Some("a.b"), Some("7")),
            (r#"{"eventName":"x"}"#, Some("x"), None),
            (r#"{"type":{"nested":true}}"#, None, None),
            (r#"[{"type":"in a list"}]"#, None, None),
            ("event=a.b", None, None),
        ] {
            let meta = detect(&HeaderMap::new(), body.as_bytes());
            assert_eq!(
                (meta.kind.as_deref(), meta.id.as_deref()),
                (kind, id),
                "{body}"
            );
        }
    }

    #[test]
    fn the_type_is_read_from_the_header_of_a_vendor() {
        let github = headers(&[("x-github-event", "push"), ("x-github-delivery", "d-1")]);
        let meta = detect(&github, b"{\"zen\":\"x\"}");
        assert_eq!(
            (meta.kind.as_deref(), meta.id.as_deref()),
            (Some("push"), Some("d-1"))
        );
    }

    #[test]
    fn hostile_bodies_are_read_as_plain() {
        let deep = "[".repeat(100_000);
        let deep_member = format!(
            "{{\"event\":{}1{}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let twice = r#"{"event":"a","event":"b","orgId":"o","data":1,"data":2}"#;
        for body in [
            "",
            "{",
            "{}",
            "null",
            "\u{0}",
            &deep,
            &deep_member,
            twice,
            "{\"event\":\"\\ud800\"}",
        ] {
            let meta = detect(&HeaderMap::new(), body.as_bytes());
            assert!(meta.data.is_none_or(|range| range.end <= body.len()));
        }
    }
}
