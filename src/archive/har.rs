//! HAR 1.2, the log format of browsers and proxies (<http://www.softwareishard.com/blog/har-12-spec/>).
//!
//! Members whose names begin with `_` are evt's. The format allows such members, and other readers ignore them.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::post_data::{PostData, decoded};
use super::{ArchiveError, MAX_TEXT};
use crate::attempt::{Attempt, millis};
use crate::envelope;
use crate::event::{Event, Outcome, Source, Transport, Verdict};
use crate::time::Timestamp;

/// The text before the first entry.
pub fn begin() -> Vec<u8> {
    let creator = json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") });
    format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[\n").into_bytes()
}

/// The text after the last entry.
pub const END: &[u8] = b"\n]}}\n";

/// Appends one entry. The caller writes the commas between entries.
pub fn write(event: &Event, out: &mut Vec<u8>) {
    let took = answer(event).map_or(0.0, |answer| millis(answer.took));
    let entry = json!({
        "startedDateTime": event.received_at,
        "time": took,
        "request": request(event),
        "response": response(event),
        "cache": {},
        "timings": { "send": 0, "wait": took, "receive": 0 },
        "_evt": EvtMembers::of(event),
    });
    serde_json::to_writer(out, &entry).expect("writing text to memory cannot fail");
}

fn request(event: &Event) -> serde_json::Value {
    let headers: Vec<_> = event
        .headers
        .iter()
        .map(|(name, value)| pair(name.as_str(), value.as_bytes()))
        .collect();
    let query = event.target.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<_> = query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let mut request = json!({
        "method": event.method.as_str(),
        "url": event.url(),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers,
        "queryString": query,
        "headersSize": -1,
        "bodySize": event.body.len(),
    });
    if !event.body.is_empty() {
        request["postData"] = post_data(event);
    }
    request
}

fn post_data(event: &Event) -> serde_json::Value {
    let kind = event.headers.get(CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("application/octet-stream");
    match std::str::from_utf8(&event.body) {
        Ok(text) => json!({ "mimeType": kind, "text": text }),
        Err(_) => {
            json!({ "mimeType": kind, "text": STANDARD.encode(&event.body), "_encoding": "base64" })
        }
    }
}

/// The last answer of the target, if there was one.
fn answer(event: &Event) -> Option<&Attempt> {
    let last = event.attempts.last()?;
    last.status.is_some().then_some(last)
}

fn response(event: &Event) -> serde_json::Value {
    let answer = answer(event);
    let status = answer.and_then(|answer| answer.status);
    let status = status.or(event.outcome.status()).unwrap_or(0);
    let text = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("");
    let headers: Vec<_> = answer
        .into_iter()
        .flat_map(|answer| &answer.headers)
        .map(|(name, value)| pair(name.as_str(), value.as_bytes()))
        .collect();
    json!({
        "status": status,
        "statusText": text,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers,
        "content": answer.map_or_else(|| json!({ "size": 0, "mimeType": "x-unknown" }), content),
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": answer.map_or(-1, |answer| answer.body.len() as i64),
    })
}

fn content(answer: &Attempt) -> serde_json::Value {
    let kind = answer.headers.get(CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("x-unknown");
    let mut content = json!({ "size": answer.body.len(), "mimeType": kind });
    match std::str::from_utf8(&answer.body) {
        Ok(text) => content["text"] = text.into(),
        Err(_) => {
            content["text"] = STANDARD.encode(&answer.body).into();
            content["encoding"] = "base64".into();
        }
    }
    content
}

fn pair(name: &str, value: &[u8]) -> serde_json::Value {
    match std::str::from_utf8(value) {
        Ok(value) => json!({ "name": name, "value": value }),
        Err(_) => json!({ "name": name, "value": STANDARD.encode(value), "_encoding": "base64" }),
    }
}

/// The parts of an event that HAR does not have.
#[derive(Deserialize, Serialize)]
struct EvtMembers {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    /// The attempt whose answer is the entry's `response`.
    #[serde(rename = "answeredAt", skip_serializing_if = "Option::is_none")]
    answered_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cut: Vec<String>,
}

impl EvtMembers {
    fn of(event: &Event) -> Self {
        Self {
            kind: event.meta.kind.clone(),
            outcome: event.outcome.as_str().to_owned(),
            verdict: event.verdict.clone(),
            answered_at: answer(event).map(|answer| answer.started_at),
            cut: answer(event).map_or_else(Vec::new, cut),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Timestamp,
    /// Milliseconds.
    #[serde(default)]
    time: f64,
    request: Request,
    response: Option<Response>,
    #[serde(rename = "_evt")]
    ours: Option<EvtMembers>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Response {
    status: Option<i64>,
    #[serde(default)]
    headers: Vec<Pair>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    text: String,
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
    #[serde(rename = "_encoding")]
    encoding: Option<String>,
}

/// Whether text with this start is a HAR log.
pub fn is_log(start: &[u8]) -> bool {
    let inside = start.trim_ascii_start().strip_prefix(b"{");
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"\"log\""))
}

/// Reads a log and calls `visit` for each entry, in order. Only one entry is in memory at a time.
///
/// # Errors
/// If the text is not HAR, or if `visit` returns an error. An entry that is not an event is passed to `visit` as an error.
pub fn read<E>(
    from: impl Read,
    visit: &mut dyn FnMut(Result<Event, ArchiveError>) -> Result<(), E>,
) -> Result<(), E>
where
    E: From<ArchiveError>,
{
    let budget = std::rc::Rc::new(std::cell::Cell::new(MAX_TEXT));
    let mut stopped = None;
    let entries = Entries {
        visit: &mut |entry: &RawValue| {
            budget.set(MAX_TEXT);
            visit(event(entry)).map_err(|error| stopped = Some(error))
        },
    };
    let reader = Bounded {
        from,
        budget: std::rc::Rc::clone(&budget),
    };
    let mut deserializer = serde_json::Deserializer::from_reader(io::BufReader::new(reader));
    let result = Member("log", Member("entries", entries)).deserialize(&mut deserializer);
    match (stopped, result) {
        (Some(error), _) => Err(error),
        (None, Err(_)) if budget.get() == 0 => Err(ArchiveError::TooLong.into()),
        (None, Err(error)) => Err(ArchiveError::Json(error).into()),
        (None, Ok(())) => Ok(()),
    }
}

fn event(text: &RawValue) -> Result<Event, ArchiveError> {
    let mut entry: Entry = serde_json::from_str(text.get())?;
    let attempts = attempt(&mut entry).into_iter().collect();
    let request = entry.request;
    let mut headers = HeaderMap::with_capacity(request.headers.len().min(100));
    for pair in &request.headers {
        // HTTP/2 logs name parts of the request line as headers (`:path`).
        if pair.name.starts_with(':') {
            continue;
        }
        let value = decoded(&pair.value, pair.encoding.as_deref())?;
        super::header(&mut headers, &pair.name, &value)?;
    }
    let body = match request.post_data {
        Some(data) => super::body(data.body(&headers)?)?,
        None => bytes::Bytes::new(),
    };
    let mut meta = envelope::detect(&headers, &body);
    let status = entry
        .response
        .and_then(|response| u16::try_from(response.status?).ok())
        .filter(|status| *status > 0);
    let (outcome, verdict) = match entry.ours {
        Some(ours) => {
            if ours.kind.is_some() {
                meta.kind = ours.kind;
            }
            let outcome = super::outcome(Some(&ours.outcome), status);
            (outcome, ours.verdict)
        }
        None => (Outcome::Kept, None),
    };
    Ok(Event {
        seq: None,
        received_at: entry.started_date_time,
        source: Source::Import,
        transport: Transport::Http,
        method: super::method(&request.method)?,
        target: target_of(&request.url)?,
        headers,
        body,
        meta,
        verdict,
        outcome,
        attempts,
    })
}

/// The answer of an entry; `None` if the request was not answered, or if its content is not valid.
fn attempt(entry: &mut Entry) -> Option<Arc<Attempt>> {
    let response = entry.response.as_mut()?;
    let status = u16::try_from(response.status?).ok()?;
    let status = StatusCode::from_u16(status).ok()?;
    let mut headers = HeaderMap::new();
    for pair in &response.headers {
        // HTTP/2 logs name the status as a header (`:status`). Other invalid headers say nothing about the event, either.
        if let Ok(value) = decoded(&pair.value, pair.encoding.as_deref()) {
            let _ = super::header(&mut headers, &pair.name, &value);
        }
    }
    let content = response.content.take();
    let body = content.map_or(Ok(Vec::new()), |content| {
        decoded(&content.text, content.encoding.as_deref())
    });
    let ours = entry.ours.as_ref();
    let is_cut = |part: &str| ours.is_some_and(|ours| ours.cut.iter().any(|name| name == part));
    let started_at = ours.and_then(|ours| ours.answered_at);
    let mut attempt = Attempt::answered(
        started_at.unwrap_or(entry.started_date_time),
        super::duration(entry.time),
        status,
        headers,
        &body.ok()?,
        is_cut("body"),
    );
    attempt.cut.headers |= is_cut("headers");
    Some(Arc::new(attempt))
}

fn cut(answer: &Attempt) -> Vec<String> {
    answer.cut.parts().map(str::to_owned).collect()
}

/// The path and query of a URL, unchanged.
fn target_of(url: &str) -> Result<String, ArchiveError> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest
        .find(['/', '?'])
        .map_or("/", |start| &rest[start..])
        .split('#')
        .next()
        .unwrap_or("/");
    if path.starts_with('?') {
        return super::target(&format!("/{path}"));
    }
    super::target(path)
}

/// A reader that fails when an entry exceeds the budget. The budget is reset after each entry.
struct Bounded<R> {
    from: R,
    budget: std::rc::Rc<std::cell::Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.budget.get();
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let length = buffer.len().min(left);
        let read = self.from.read(&mut buffer[..length])?;
        self.budget.set(left - read);
        Ok(read)
    }
}

/// Reads one member of an object with the seed, and ignores the others.
struct Member<S>(&'static str, S);

impl<'de, S: DeserializeSeed<'de, Value = ()>> DeserializeSeed<'de> for Member<S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de, Value = ()>> Visitor<'de> for Member<S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with `{}`", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seed = Some(self.1);
        while let Some(name) = map.next_key::<String>()? {
            match seed.take_if(|_| name == self.0) {
                Some(seed) => map.next_value_seed(seed)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match seed {
            None => Ok(()),
            Some(_) => Err(A::Error::missing_field(self.0)),
        }
    }
}

type Visit<'a> = dyn FnMut(&RawValue) -> Result<(), ()> + 'a;

struct Entries<'a> {
    visit: &'a mut Visit<'a>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(entry) = seq.next_element::<Box<RawValue>>()? {
            (self.visit)(&entry).map_err(|()| A::Error::custom("stopped"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{UNUSUAL, assert_same, event as sample};
    use super::*;
    use crate::multipart;

    fn log(events: &[Event]) -> Vec<u8> {
        let mut text = begin();
        for (position, event) in events.iter().enumerate() {
            if position > 0 {
                text.extend_from_slice(b",\n");
            }
            write(event, &mut text);
        }
        text.extend_from_slice(END);
        text
    }

    fn entries(text: &[u8]) -> Result<Vec<Result<Event, String>>, ArchiveError> {
        let mut found = Vec::new();
        read::<ArchiveError>(text, &mut |entry| {
            found.push(entry.map_err(|error| error.to_string()));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn events_are_read_back_byte_for_byte() {
        let written = [sample(UNUSUAL), sample(b""), sample(b"\xff\x00")];
        let found = entries(&log(&written)).unwrap();
        assert_eq!(found.len(), written.len());
        for (found, written) in found.iter().zip(&written) {
            assert_same(found.as_ref().unwrap(), written);
        }
    }

    #[test]
    fn an_entry_has_the_required_members() {
        let log: serde_json::Value = serde_json::from_slice(&log(&[sample(b"{}")])).unwrap();
        let entry = &log["log"]["entries"][0];
        for (part, names) in [
            (
                "/request",
                &[
                    "method",
                    "url",
                    "httpVersion",
                    "cookies",
                    "headers",
                    "queryString",
                    "headersSize",
                    "bodySize",
                ][..],
            ),
            (
                "/response",
                &[
                    "status",
                    "statusText",
                    "httpVersion",
                    "cookies",
                    "headers",
                    "content",
                    "redirectURL",
                    "headersSize",
                    "bodySize",
                ],
            ),
            ("/response/content", &["size", "mimeType"]),
            ("/timings", &["send", "wait", "receive"]),
            ("/request/postData", &["mimeType", "text"]),
            ("", &["startedDateTime", "time", "cache"]),
        ] {
            for name in names {
                assert!(
                    entry.pointer(&format!("{part}/{name}")).is_some(),
                    "{part}/{name}"
                );
            }
        }
        assert_eq!(
            entry["request"]["url"],
            "http://127.0.0.1:4871/hook?a=1&b=%20x"
        );
        assert_eq!(
            entry["request"]["queryString"][1],
            json!({ "name": "b", "value": "%20x" })
        );
    }

    #[test]
    fn a_browsers_log_is_read() {
        let text = br#"{"log":{"version":"1.2","pages":[{"id":"x"}],"entries":[{"startedDateTime":"2026-04-25T12:00:00.000+02:00",
            "request":{"method":"POST","url":"https://a.test?x=1#top","httpVersion":"h2","headers":[{"name":":path","value":"/"},
            {"name":"X-A","value":"1"}],"postData":{"mimeType":"text/plain","text":"hi","params":[]}},"response":{"status":200}}],"comment":""}}"#;
        let found = entries(text).unwrap();
        let event = found[0].as_ref().unwrap();
        assert_eq!(
            (event.target.as_str(), &event.body[..]),
            ("/?x=1", &b"hi"[..])
        );
        assert_eq!(event.headers.len(), 1);
        assert_eq!(event.received_at.to_string(), "2026-04-25T10:00:00.000Z");
        assert_eq!(event.outcome, Outcome::Kept);
    }

    /// The body of an entry with this `postData` and content type.
    fn body_of(post_data: &serde_json::Value, kind: &str) -> Result<Vec<u8>, String> {
        let log = json!({"log": {"entries": [{
            "startedDateTime": "2026-04-25T10:00:00Z",
            "request": {
                "method": "POST", "url": "http://a/", "postData": post_data,
                "headers": [{"name": "Content-Type", "value": kind}],
            },
        }]}});
        let entry = entries(log.to_string().as_bytes()).unwrap().remove(0);
        entry.map(|event| event.body.to_vec())
    }

    #[test]
    fn a_form_without_text_is_made_from_its_fields() {
        let params = json!([{"name": "From", "value": "+1555"}, {"name": "B", "value": "a & b*\u{eb}"}, {"name": "c"}]);
        for data in [
            json!({"params": params}),
            json!({"params": params, "text": ""}),
        ] {
            let body = body_of(&data, "application/x-www-form-urlencoded; charset=utf-8");
            assert_eq!(body.unwrap(), b"From=%2B1555&B=a+%26+b*%C3%AB&c=");
        }
    }

    #[test]
    fn a_form_in_parts_is_made_from_its_fields() {
        let kind = "multipart/form-data; boundary=xyz";
        let params = json!([{"name": "a\"b", "value": "1"}, {"name": "f", "value": "2", "fileName": "x.txt", "contentType": "text/plain"}]);
        let body = body_of(&json!({ "params": params }), kind).unwrap();
        assert_eq!(multipart::field(&body, "xyz", "a%22b"), Some(&b"1"[..]));
        assert_eq!(multipart::field(&body, "xyz", "f"), Some(&b"2"[..]));
    }

    #[test]
    fn an_entry_with_an_unknown_body_is_not_imported() {
        let file = json!({"params": [{"name": "f", "fileName": "x.bin"}]});
        assert!(body_of(&file, "multipart/form-data; boundary=xyz").is_err());
        let other = json!({"params": [{"name": "a", "value": "1"}]});
        assert!(body_of(&other, "application/json").is_err());
        assert_eq!(body_of(&json!({"params": []}), "text/plain").unwrap(), b"");
    }

    #[test]
    fn an_invalid_entry_does_not_stop_the_others() {
        let good = serde_json::to_string(&json!({
            "startedDateTime": "2026-04-25T10:00:00Z", "request": { "method": "GET", "url": "http://a/" },
        }))
        .unwrap();
        let text = format!(r#"{{"log":{{"entries":[{good},{{"request":5}},{good}]}}}}"#);
        let found = entries(text.as_bytes()).unwrap();
        let fine: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(fine, [true, false, true]);
    }

    #[test]
    fn text_other_than_har_is_an_error() {
        for text in [
            &b""[..],
            b"[]",
            b"{}",
            b"{\"log\":{}}",
            b"{\"log\":{\"entries\":[{}",
            b"{\"log\":5}",
        ] {
            assert!(entries(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
