//! A vendor's request on its way: judged by its raw bytes, answered where it only asks, kept, and raised in one commit.

use std::sync::Arc;

use axum::extract::{Request, State as FromState};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;

use super::super::State;
use super::super::auth::checked_org;
use super::Vendor;
use super::keys::Ready;
use super::place::Place;
use super::said::{Delivery, Said, content_type};
use crate::dev::host::refusal::{Lints, Refusal, answer};
use crate::documents::Documents;
use crate::event::{Event, Meta, Outcome, Seq, Source, Transport, Verdict};
use crate::flow::{Cause, NewEvent};
use crate::grammar::target::Target;
use crate::serve::{self, BodyLimits};
use crate::signature::{Handshake, Judgement, Reason, Received};
use crate::store::{StoreError, Tx, events, seen};
use crate::time::Timestamp;

const RAISED: HeaderName = HeaderName::from_static("x-evt-raised");

/// A vendor's request, whole.
struct Incoming {
    vendor: &'static Vendor,
    org: String,
    parts: Parts,
    body: Bytes,
    received_at: Timestamp,
}

/// Every receiver, by every method that vendors use.
pub(super) async fn receive(
    FromState(state): FromState<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let body = serve::read_body(body, &BodyLimits::default()).await?;
    let place = Place::of(parts.uri.path())?;
    let vendor = place.vendor_of(&parts.headers, &body)?;
    let org = match place.org {
        Some(org) => checked_org(org.as_bytes())?,
        None => state.org.clone(),
    };
    let ready = state.vendors.ready(&state.store, vendor).await?;
    let incoming = Incoming {
        vendor,
        org,
        parts,
        body,
        received_at: Timestamp::now(),
    };
    let (judgement, handshake) = judge(&ready, &incoming);
    if let Some(handshake) = handshake {
        return shake(&state, &incoming, judgement, handshake).await;
    }
    if is_idle(&incoming) {
        return Err(Refusal::bad_request(
            "no_challenge",
            format!(
                "{} asks nothing with this GET; its events come by POST",
                vendor.name
            ),
        ));
    }
    if vendor.is_lenient && judgement.reason == Reason::MissingHeader {
        return take(state, incoming, None).await;
    }
    let hint = judgement.hint.clone();
    let (is_valid, code) = (judgement.is_valid(), judgement.reason.code());
    let verdict = judgement.verdict(vendor.scheme);
    if is_valid {
        return take(state, incoming, Some(verdict)).await;
    }
    let event = incoming.event(None, Some(verdict), Outcome::Rejected);
    keep(&state, event).await?;
    Err(Refusal::unauthorized(code, "Invalid webhook signature").with_hint(hint))
}

/// A GET that says nothing: Twilio alone can be told to send its events so.
fn is_idle(incoming: &Incoming) -> bool {
    incoming.parts.method == Method::GET
        && (incoming.vendor.name != "twilio" || incoming.parts.uri.query().is_none())
}

/// Judges a request under each URL that its sender may have called.
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
    // What a request refers to is published by this platform itself, or not known here.
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

/// The URL that was called here, and the public ones that proxies name.
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
    /// The request as it is kept.
    fn event(&self, said: Option<&Said>, verdict: Option<Verdict>, outcome: Outcome) -> Event {
        let kind = said.map(|said| said.event.clone());
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
                id: said.and_then(|said| said.id.clone()),
                system: Some(self.vendor.name.to_owned()),
                org: Some(self.org.clone()),
                subject: said.and_then(|said| said.about.clone()),
                time: None,
                data: None,
            },
            verdict,
            outcome,
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

/// Keeps a request that raises nothing.
async fn keep(state: &State, event: Event) -> Result<Seq, Refusal> {
    let kept = state
        .store
        .write::<_, StoreError, _>(move |tx| events::insert(tx, &event, None));
    Ok(kept.await?)
}

/// Answers a vendor that asks whether this is its customer's endpoint.
async fn shake(
    state: &Arc<State>,
    incoming: &Incoming,
    judgement: Judgement,
    handshake: Handshake,
) -> Result<Response, Refusal> {
    let said = Said::new(handshake.name, None);
    let outcome = if handshake.accepted {
        Outcome::Kept
    } else {
        Outcome::Rejected
    };
    // Handshakes by GET are not signed.
    let verdict = judgement
        .is_valid()
        .then(|| judgement.verdict(incoming.vendor.scheme));
    keep(state, incoming.event(Some(&said), verdict, outcome)).await?;
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

/// Confirms a subscription on this machine; a development platform calls nobody else by itself.
fn confirm(url: String) {
    let Ok(target) = url.parse::<Target>() else {
        return;
    };
    if !target.is_loopback() || matches!(target, Target::Unix(_)) {
        tracing::warn!(%url, "A subscription waits to be confirmed: open this URL.");
        return;
    }
    tokio::spawn(async move {
        match Documents::default().get(&url).await {
            Ok(_) => tracing::info!(%url, "Confirmed a subscription."),
            Err(error) => tracing::warn!(%error, %url, "A subscription could not be confirmed."),
        }
    });
}

/// What came of a delivery.
struct Taken {
    seq: Seq,
    raised: Vec<&'static str>,
    repeated: usize,
}

/// Keeps a request and raises what it says, in one commit.
async fn take(
    state: Arc<State>,
    incoming: Incoming,
    verdict: Option<Verdict>,
) -> Result<Response, Refusal> {
    let delivery = match incoming.read() {
        Ok(delivery) => delivery,
        Err(refusal) => {
            let event = incoming.event(None, verdict, Outcome::Kept);
            keep(&state, event).await?;
            return Err(refusal);
        }
    };
    let said = (incoming.vendor.read)(&delivery);
    let ending = Ending::of(&delivery);
    let lints = incoming.parts.extensions.get::<Lints>().cloned();
    let event = incoming.event(said.first(), verdict, Outcome::Kept);
    let (vendor, org) = (incoming.vendor.name, incoming.org.clone());
    let taken = state
        .change(move |repository, tx| {
            let seq = events::insert(tx, &event, None)?;
            let mut taken = Taken {
                seq,
                raised: Vec::new(),
                repeated: 0,
            };
            for said in &said {
                if !is_new(tx, &org, vendor, said)? {
                    taken.repeated += 1;
                    continue;
                }
                let Some(kind) = said.kind else {
                    continue;
                };
                let raised = NewEvent {
                    org: org.clone(),
                    kind: kind.to_owned(),
                    data: said.record(vendor, kind),
                    before: None,
                    cause: Cause {
                        event: Some(seq),
                        // No step of a flow lies between: this is where a chain begins.
                        depth: 0,
                    },
                };
                repository.emit(tx, raised)?;
                taken.raised.push(kind);
            }
            Ok(taken)
        })
        .await?;
    if taken.repeated > 0
        && let Some(lints) = lints
    {
        lints.add(format!(
            "{vendor} delivered this before: nothing is raised again for {} of its events",
            taken.repeated
        ));
    }
    Ok(ending.answer(&taken))
}

/// Notes what tells this from all else that the vendor says; `false` where it came before.
fn is_new(tx: &Tx<'_>, org: &str, vendor: &str, said: &Said) -> Result<bool, StoreError> {
    // The token goes first: where it is used up, nothing in the body is to be believed, its id neither.
    for id in [&said.token, &said.id].into_iter().flatten() {
        if !seen::note(tx, org, vendor, id)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a vendor wants to hear.
enum Ending {
    /// The platform's own words.
    Processed,
    /// Slack shows what a command is answered.
    Silence,
    /// Discord: a command is answered later.
    Deferred,
    NoContent,
}

impl Ending {
    fn of(delivery: &Delivery<'_>) -> Self {
        match delivery.vendor {
            "slack" if delivery.body.get("command").is_some() => Self::Silence,
            "discord" if delivery.body.get("event").is_some() => Self::NoContent,
            "discord" => Self::Deferred,
            _ => Self::Processed,
        }
    }

    fn answer(self, taken: &Taken) -> Response {
        let mut response = match self {
            Self::Processed => {
                let data = json!({ "id": taken.seq.to_string(), "status": "processed" });
                let body = json!({
                    "success": true,
                    "message": "Webhook processed successfully",
                    "data": data,
                });
                answer(StatusCode::OK, &body)
            }
            Self::Silence => StatusCode::OK.into_response(),
            Self::Deferred => answer(StatusCode::OK, &json!({ "type": 5 })),
            Self::NoContent => StatusCode::NO_CONTENT.into_response(),
        };
        let raised = if taken.raised.is_empty() {
            "none".to_owned()
        } else {
            taken.raised.join(", ")
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
    fn proxies_tell_the_url_that_was_called() {
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
    fn twilio_alone_says_something_by_get() {
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
        assert!(is_idle(&incoming("stripe", "/x?a=1")));
        assert!(is_idle(&incoming("twilio", "/x")));
        assert!(!is_idle(&incoming("twilio", "/x?CallSid=C")));
    }
}
