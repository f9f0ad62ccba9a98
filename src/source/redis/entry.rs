//! Entries of streams as messages.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::track::Id;
use crate::json;
use crate::wire::msgpack::write_base64;
use crate::wire::resp::Value;

/// An entry of a stream.
pub(super) struct Entry<'a, 'v> {
    pub(super) id: Id,
    /// Names and values in turn; `None` if the entry was deleted after a consumer group had delivered it.
    pub(super) fields: Option<&'v [[Value<'a>; 2]]>,
}

impl<'a, 'v> Entry<'a, 'v> {
    pub(super) fn of(value: &'v Value<'a>) -> Option<Self> {
        let [id, fields] = value.items()? else {
            return None;
        };
        Some(Self {
            id: Id::parse(id.text()?)?,
            fields: fields.items().map(|fields| fields.as_chunks::<2>().0),
        })
    }
}

/// What the fields of an entry say.
pub(super) struct Content<'a> {
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) headers: Option<HeaderMap>,
    pub(super) data: &'a [u8],
}

/// Reads the fields of an entry.
///
/// The name is the field `type`, otherwise `event`, which BullMQ uses. A field `data` or `payload` that contains JSON is the data if
/// there are no other fields than these and `id`, which becomes a header. Otherwise the data is an object of all fields but the
/// name, with strings as values; it is written to `out`.
pub(super) fn content<'a>(fields: &[[Value<'a>; 2]], out: &'a mut Vec<u8>) -> Content<'a> {
    let field = |name: &str| -> Option<&'a [u8]> {
        let mut fields = fields.iter();
        fields.find(|[key, _]| key.bytes() == Some(name.as_bytes()))?[1].bytes()
    };
    let key = ["type", "event"]
        .into_iter()
        .find(|key| field(key).is_some());
    let name = key.and_then(field).map(String::from_utf8_lossy);
    let payload = ["data", "payload"].into_iter().find_map(|key| {
        let data = field(key).filter(|data| json::is_json(data))?;
        let known = [Some(key), Some("id"), Some("type"), Some("event")];
        let is_only = fields.iter().all(|[name, _]| known.contains(&name.text()));
        is_only.then_some(data)
    });
    if let Some(data) = payload {
        let id = field("id").and_then(|id| HeaderValue::from_bytes(id).ok());
        return Content {
            name,
            headers: id.map(|id| HeaderMap::from_iter([(HeaderName::from_static("id"), id)])),
            data,
        };
    }
    write_object(fields, key, out);
    Content {
        name,
        headers: None,
        data: out,
    }
}

fn write_object(fields: &[[Value<'_>; 2]], left_out: Option<&str>, out: &mut Vec<u8>) {
    out.push(b'{');
    for [name, value] in fields {
        if name.text().is_some() && name.text() == left_out {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        let name = String::from_utf8_lossy(name.bytes().unwrap_or_default());
        write_text(&name, out);
        out.push(b':');
        let bytes = value.bytes().unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => write_text(text, out),
            Err(_) => write_base64(bytes, out),
        }
    }
    out.push(b'}');
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing text to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&'static str, &'static [u8])]) -> (Option<String>, String, Option<String>) {
        let fields: Vec<[Value<'_>; 2]> = fields
            .iter()
            .map(|(name, value)| [Value::Text(name.as_bytes()), Value::Text(value)])
            .collect();
        let mut out = Vec::new();
        let content = content(&fields, &mut out);
        let id = content
            .headers
            .as_ref()
            .and_then(|headers| headers.get("id"));
        let id = id.map(|id| id.to_str().unwrap().to_owned());
        let data = String::from_utf8(content.data.to_vec()).unwrap();
        (content.name.map(Cow::into_owned), data, id)
    }

    #[test]
    fn fields_become_a_name_and_data() {
        let some = |text: &str| Some(text.to_owned());
        for (fields, name, data, id) in [
            (
                &[("a", &b"1"[..]), ("b", b"x\"")][..],
                None,
                r#"{"a":"1","b":"x\""}"#,
                None,
            ),
            (
                &[("id", b"m1"), ("type", b"t"), ("data", b"{\"n\":1.0}")],
                some("t"),
                r#"{"n":1.0}"#,
                some("m1"),
            ),
            (&[("payload", b"[1]")], None, "[1]", None),
            (&[("data", b"text")], None, r#"{"data":"text"}"#, None),
            (
                &[("data", b"1"), ("other", b"2")],
                None,
                r#"{"data":"1","other":"2"}"#,
                None,
            ),
            (
                &[
                    ("event", b"failed"),
                    ("jobId", b"7"),
                    ("failedReason", b"no"),
                    ("prev", b"active"),
                ],
                some("failed"),
                r#"{"jobId":"7","failedReason":"no","prev":"active"}"#,
                None,
            ),
            (&[("a", b"\xff")], None, r#"{"a":{"base64":"/w=="}}"#, None),
        ] {
            assert_eq!(read(fields), (name, data.to_owned(), id), "{data}");
        }
    }

    #[test]
    fn a_deleted_entry_has_no_fields() {
        let value = Value::List(vec![Value::Text(b"5-1"), Value::Null]);
        let entry = Entry::of(&value).unwrap();
        assert_eq!(entry.id.to_string(), "5-1");
        assert!(entry.fields.is_none());
    }
}
