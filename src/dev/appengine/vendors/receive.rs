//! Receives a vendor's request: verifies its raw bytes, answers handshakes, and stores it with its events in one commit.

use std::sync::Arc;

use axum::extract::{Request, State as FromState};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::State;
use super::super::auth::checked_org;
use super::super::storefront;
use super::Vendor;
use super::ingest;
use super::keys::Ready;
use super::receiver::Receiver;
use super::report::{Delivery, Report, content_type};
use crate::dev::host::refusal::{Lints, Refusal, answer};
use crate::documents::Documents;
use crate::event::{Event, Meta, Outcome, PlatformRef, Seq, Source, Transport, Verdict};
use crate::flow::{Cause, NewEvent};
use crate::grammar::target::Target;
use crate::serve::{self, BodyLimits};
use crate::signature::{Handshake, Judgement, Reason, Received};
use crate::store::{StoreError, Tx, events, seen};
use crate::time::Timestamp;

const RAISED: HeaderName = HeaderName::from_static("x-evt-raised");

/// A vendor's complete request.
struct Incoming {
    vendor: &'static Vendor,
    org: String,
    parts: Parts,
    body: Bytes,
    received_at: Timestamp,
}

/// The handler of all receivers.
pub(super) async fn receive(
    FromState(state): FromState<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let body = serve::read_body(body, &BodyLimits::default()).await?;
    let receiver = Receiver::of(parts.uri.path())?;
    let vendor = receiver.vendor_of(&parts.headers, &body)?;
    let org = match receiver.org {
        Some(org) => checked_org(org.as_bytes())?,
        None => state.org.clone(),
    };
    let ready = state.vendors.ready(&state.host.store, &org, vendor).await?;
    let incoming = Incoming {
        vendor,
        org,
        parts,
        body,
        received_at: Timestamp::now(),
    };
    let (judgement, handshake) = judge(&ready, &incoming);
    if let Some(handshake) = handshake {
        return answer_handshake(&state, &incoming, judgement, handshake).await;
    }
    if is_without_event(&incoming) {
        return Err(Refusal::bad_request(
            "no_challenge",
            format!(
                "this GET is not a handshake of {}; send events by POST",
                vendor.name
            ),
        ));
    }
    if vendor.is_lenient && judgement.reason == Reason::MissingHeader {
        return accept(state, incoming, None).await;
    }
    let hint = judgement.hint.clone();
    let (is_valid, code) = (judgement.is_valid(), judgement.reason.code());
    let verdict = judgement.verdict(vendor.scheme);
    if is_valid {
        return accept(state, incoming, Some(verdict)).await;
    }
    let event = incoming.event(None, Some(verdict), Outcome::Rejected);
    store(&state, event).await?;
    Err(Refusal::unauthorized(code, "Invalid webhook signature").with_hint(hint))
}

/// Whether this is a GET without an event. Only Twilio can be configured to send events by GET.
fn is_without_event(incoming: &Incoming) -> bool {
    incoming.parts.method == Method::GET
        && (incoming.vendor.name != "twilio" || incoming.parts.uri.query().is_none())
}

/// Verifies a request for each URL that its sender may have called.
fn judge(ready: &Ready, incoming: &Incoming) -> (Judgement, Option<Handshake>) {
    let (parts, now) = (&incoming.parts, incoming.received_at);
    let received = |url| Received {
        method: parts.method.as_str(),
        url,
        headers: &parts.headers,
        body: &incoming.body,
    };
    let urls = urls(parts);
    let first = received(&urls[0]);
    // Only documents that this platform publishes are known; others are not fetched.
    if let Some(wanted) = ready.verifier.missing_document(&first, now) {
        let name = wanted.rsplit('/').next().unwrap_or_default();
        if let Some(document) = ready.key.document(name) {
            ready
                .verifier
                .add_document(&wanted, document.as_bytes(), now);
        }
    }
    let mut judgement = ready.verifier.verify(&first, now, None);
    for url in &urls[1..] {
        if judgement.is_valid() {
            break;
        }
        let other = ready.verifier.verify(&received(url), now, None);
        if other.is_valid() {
            judgement = other;
        }
    }
    let handshake = ready.verifier.handshake(&first, &judgement);
    (judgement, handshake)
}

/// The called URL, and the public URLs in the headers of proxies.
fn urls(parts: &Parts) -> Vec<String> {
    let text = |name: &str| parts.headers.get(name)?.to_str().ok();
    let first = |text: &str| text.split(',').next().unwrap_or_default().trim().to_owned();
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let host = text("host").unwrap_or("127.0.0.1");
    let mut urls = vec![format!("http://{host}{target}")];
    let forwarded = (text("x-forwarded-proto"), text("x-forwarded-host"));
    if forwarded != (None, None) {
        let proto = forwarded.0.map_or_else(|| "http".to_owned(), first);
        let name = forwarded.1.map_or_else(|| host.to_owned(), first);
        urls.push(format!("{proto}://{name}{target}"));
        if let Some(port) = text("x-forwarded-port") {
            let bare = name
                .rsplit_once(':')
                .map_or(name.as_str(), |(bare, _)| bare);
            urls.push(format!("{proto}://{bare}:{}{target}", first(port)));
        }
    }
    urls
}

impl Incoming {
    /// The request as an event for the log.
    fn event(&self, report: Option<&Report>, verdict: Option<Verdict>, outcome: Outcome) -> Event {
        let kind = report.map(|report| report.event.clone());
        Event {
            seq: None,
            received_at: self.received_at,
            source: Source::Dev,
            transport: Transport::Http,
            method: self.parts.method.clone(),
            target: self.parts.uri.to_string(),
            headers: self.parts.headers.clone(),
            body: self.body.clone(),
            meta: Meta {
                kind: kind.filter(|kind| !kind.is_empty()),
                id: report.and_then(|report| report.id.clone()),
                system: Some(self.vendor.name.to_owned()),
                org: Some(self.org.clone()),
                subject: report.and_then(|report| report.about.clone()),
                time: None,
                data: None,
            },
            verdict,
            outcome,
            attempts: Vec::new(),
        }
    }

    fn read(&self) -> Result<Delivery<'_>, Refusal> {
        let headers = &self.parts.headers;
        let query = self.parts.uri.query().unwrap_or_default();
        let body = Delivery::parse(&content_type(headers), &self.body, query)
            .map_err(|why| Refusal::bad_request("bad_json", why))?;
        Ok(Delivery {
            vendor: self.vendor.name,
            path: self.parts.uri.path(),
            headers,
            body,
        })
    }
}

/// Stores a request without raising an event.
async fn store(state: &State, event: Event) -> Result<Seq, Refusal> {
    let kept = state
        .host
        .store
        .write::<_, StoreError, _>(move |tx| events::insert(tx, &event, None));
    Ok(kept.await?)
}

/// Answers a handshake, by which a vendor verifies its customer's endpoint.
async fn answer_handshake(
    state: &Arc<State>,
    incoming: &Incoming,
    judgement: Judgement,
    handshake: Handshake,
) -> Result<Response, Refusal> {
    let report = Report::new(handshake.name, None);
    let outcome = if handshake.accepted {
        Outcome::Kept
    } else {
        Outcome::Rejected
    };
    // GET handshakes are not signed.
    let verdict = judgement
        .is_valid()
        .then(|| judgement.verdict(incoming.vendor.scheme));
    store(state, incoming.event(Some(&report), verdict, outcome)).await?;
    let status = StatusCode::from_u16(handshake.status).unwrap_or(StatusCode::OK);
    if !handshake.accepted {
        let message = format!("the {} is not confirmed", handshake.name);
        return Err(Refusal::new(status, "handshake_refused", message).with_hint(handshake.hint));
    }
    match (handshake.confirm, handshake.hint) {
        (Some(url), _) => confirm(url),
        (None, Some(hint)) => tracing::warn!(%hint, "This {} is not confirmed.", handshake.name),
        (None, None) => {}
    }
    let mut response = (status, handshake.body).into_response();
    let content_type = HeaderValue::from_static(handshake.content_type);
    response.headers_mut().remove(header::CONTENT_TYPE);
    if !content_type.is_empty() {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    Ok(response)
}

/// Confirms a subscription on this machine. A local platform calls no other host by itself.
fn confirm(url: String) {
    let Ok(target) = url.parse::<Target>() else {
        return;
    };
    if !target.is_loopback() || matches!(target, Target::Unix(_)) {
        tracing::warn!(%url, "Open this URL to confirm a subscription.");
        return;
    }
    tokio::spawn(async move {
        match Documents::default().get(&url).await {
            Ok(_) => tracing::info!(%url, "Confirmed a subscription."),
            Err(error) => tracing::warn!(%error, %url, "Cannot confirm a subscription."),
        }
    });
}

/// The result of an accepted delivery.
struct Accepted {
    seq: Seq,
    raised: Vec<&'static str>,
    repeated: usize,
    /// Events that wait because the queue `social-sync` is paused.
    held: usize,
}

/// Stores a request and raises its events, in one commit.
async fn accept(
    state: Arc<State>,
    incoming: Incoming,
    verdict: Option<Verdict>,
) -> Result<Response, Refusal> {
    let delivery = match incoming.read() {
        Ok(delivery) => delivery,
        Err(refusal) => {
            let event = incoming.event(None, verdict, Outcome::Kept);
            store(&state, event).await?;
            return Err(refusal);
        }
    };
    let reports = (incoming.vendor.read)(&delivery);
    let reply = Reply::of(&delivery);
    let lints = incoming.parts.extensions.get::<Lints>().cloned();
    let event = incoming.event(reports.first(), verdict, Outcome::Kept);
    let (vendor, org) = (incoming.vendor.name, incoming.org.clone());
    let accepted = state
        .change(move |repository, tx| {
            let seq = events::insert(tx, &event, None)?;
            let mut accepted = Accepted {
                seq,
                raised: Vec::new(),
                repeated: 0,
                held: 0,
            };
            for report in &reports {
                if !is_new(tx, &org, vendor, report)? {
                    accepted.repeated += 1;
                    continue;
                }
                let Some(kind) = report.kind else {
                    continue;
                };
                let record = report.record(vendor, kind);
                if ingest::hold(tx, &org, kind, &record, seq)? {
                    accepted.held += 1;
                    continue;
                }
                let raised = repository.emit(tx, domain_event(&org, kind, record.clone(), seq))?;
                accepted.raised.push(kind);
                let cause = Cause {
                    event: Some(raised),
                    depth: 1,
                };
                if kind == "payment.succeeded"
                    && storefront::paid_by_vendor(repository, tx, &org, &record, &cause)?
                {
                    accepted.raised.push("order.paid");
                }
            }
            Ok(accepted)
        })
        .await?;
    if let Some(lints) = &lints
        && accepted.held > 0
    {
        lints.add("the queue `social-sync` is paused: the events of this request are raised after `evt queue resume social-sync`");
    }
    if accepted.repeated > 0
        && let Some(lints) = lints
    {
        lints.add(format!(
            "{vendor} delivered this before: {} of its events are not raised again",
            accepted.repeated
        ));
    }
    Ok(reply.response(&accepted))
}

/// The domain event of a report; the stored request is its cause.
pub(super) fn domain_event(
    org: &str,
    kind: &str,
    record: Value,
    request: impl Into<Option<Seq>>,
) -> NewEvent {
    NewEvent {
        org: org.to_owned(),
        kind: kind.to_owned(),
        data: record,
        before: None,
        cause: Cause {
            event: request.into(),
            // No flow step precedes the request. If other processes passed it on, the repository sets their number.
            depth: 0,
        },
    }
}

/// Records the ids of a report. Returns `false` if it was received before.
fn is_new(tx: &Tx<'_>, org: &str, vendor: &str, report: &Report) -> Result<bool, StoreError> {
    // The token first: if it has been used, the body may be forged, including the id.
    for id in [&report.token, &report.id].into_iter().flatten() {
        if !seen::note(tx, org, vendor, id)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The response that a vendor expects.
enum Reply {
    /// AppEngine's usual response.
    Processed,
    /// Slack would show a body to the user of the command.
    Empty,
    /// Tells Discord that the answer to a command follows later.
    Deferred,
    NoContent,
}

impl Reply {
    fn of(delivery: &Delivery<'_>) -> Self {
        match delivery.vendor {
            "slack" if delivery.body.get("command").is_some() => Self::Empty,
            "discord" if delivery.body.get("event").is_some() => Self::NoContent,
            "discord" => Self::Deferred,
            _ => Self::Processed,
        }
    }

    fn response(self, accepted: &Accepted) -> Response {
        let mut response = match self {
            Self::Processed => {
                let data =
                    json!({ "id": PlatformRef(accepted.seq).to_string(), "status": "processed" });
                let body = json!({
                    "success": true,
                    "message": "Webhook processed successfully",
                    "data": data,
                });
                answer(StatusCode::OK, &body)
            }
            Self::Empty => StatusCode::OK.into_response(),
            Self::Deferred => answer(StatusCode::OK, &json!({ "type": 5 })),
            Self::NoContent => StatusCode::NO_CONTENT.into_response(),
        };
        let raised = if accepted.raised.is_empty() {
            "none".to_owned()
        } else {
            accepted.raised.join(", ")
        };
        if let Ok(raised) = HeaderValue::from_str(&raised) {
            response.headers_mut().insert(RAISED, raised);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    #[test]
    fn forwarded_headers_give_the_public_url() {
        let request = axum::http::Request::builder()
            .uri("/phone/webhook/sms?a=1")
            .header("host", "127.0.0.1:4870")
            .header("x-forwarded-proto", "https, http")
            .header("x-forwarded-host", "hooks.example.test")
            .header("x-forwarded-port", "8443");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let expected = [
            "http://127.0.0.1:4870/phone/webhook/sms?a=1",
            "https://hooks.example.test/phone/webhook/sms?a=1",
            "https://hooks.example.test:8443/phone/webhook/sms?a=1",
        ];
        assert_eq!(urls(&parts), expected);
    }

    #[test]
    fn only_twilio_sends_events_by_get() {
        let incoming = |vendor, uri: &str| {
            let request = axum::http::Request::builder().uri(uri);
            Incoming {
                vendor: find(vendor).unwrap(),
                org: "o".to_owned(),
                parts: request.body(()).unwrap().into_parts().0,
                body: Bytes::new(),
                received_at: Timestamp::now(),
            }
        };
        assert!(is_without_event(&incoming("stripe", "/x?a=1")));
        assert!(is_without_event(&incoming("twilio", "/x")));
        assert!(!is_without_event(&incoming("twilio", "/x?CallSid=C")));
    }
}
