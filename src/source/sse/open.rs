//! From a URL to an open stream: the request, redirects, and whether the answer is a stream.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::body::Body;
use super::{Cx, Form, Sse};
use crate::backoff::retry_after;
use crate::dial::{Opened, Opening, is_same_origin, resolve};
use crate::secret::shown;
use crate::source::{Notice, SourceError, authorise};
use crate::time::Timestamp;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// As many as browsers follow (WHATWG Fetch).
const REDIRECTS: usize = 20;
/// What is read of an answer that is no stream, and for how long: enough to say what is wrong.
const EXCERPT: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(2);

impl Sse {
    /// Asks for the stream, from the last event on where there is one. `None` (204): there is no more, and no reason to ask
    /// again.
    pub(super) async fn open(
        &mut self,
        cx: &mut Cx<'_>,
    ) -> Result<Option<(Form, Body)>, SourceError> {
        let person = authorise(&self.options.credentials).await?.headers;
        let id = self.events.id();
        let id_header = HeaderValue::from_bytes(id.as_bytes())
            .ok()
            .filter(|_| !id.is_empty());
        if id_header.is_none() && !id.is_empty() {
            cx.outlet.notice(Notice::Remark(
                "the last id cannot be sent in a header: it holds control characters".to_owned(),
            ));
        }
        self.resume.ask(id_header.is_some().then_some(id));
        let (url, mut opened) = self.follow_redirects(person, id_header, cx).await?;
        let target = shown(&url);
        match opened.status {
            StatusCode::OK => stream(target, opened).await.map(Some),
            StatusCode::NO_CONTENT => Ok(None),
            status => Err(SourceError::Refused {
                target,
                status,
                retry_after: opened
                    .headers
                    .get(RETRY_AFTER)
                    .and_then(|value| retry_after(value.as_bytes(), Timestamp::now())),
                body: excerpt(&mut opened).await,
            }),
        }
    }

    /// Every connection begins at the URL that was given, as the standard has it, also after a permanent redirect.
    async fn follow_redirects(
        &self,
        mut person: HeaderMap,
        id: Option<HeaderValue>,
        cx: &mut Cx<'_>,
    ) -> Result<(Uri, Opened), SourceError> {
        let mut url = self.options.url.clone();
        let mut passed = vec![url.clone()];
        loop {
            let opening = Opening {
                method: Method::GET,
                url: url.clone(),
                headers: headers(&person, id.as_ref()),
                body: Bytes::new(),
                timeout: self.options.connect_timeout,
            };
            let opened = self.dialer.open(opening).await?;
            if !matches!(opened.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((url, opened));
            }
            let next = next_url(&passed, opened.headers.get(LOCATION)).map_err(|why| {
                SourceError::Redirect {
                    target: shown(&url),
                    why,
                }
            })?;
            let is_elsewhere = !is_same_origin(&url, &next);
            if is_elsewhere {
                // Whatever a person sends is meant for the server that they named.
                person = HeaderMap::new();
            }
            cx.outlet.notice(Notice::Remark(format!(
                "{} redirects to {}{}",
                shown(&url),
                shown(&next),
                if is_elsewhere {
                    ", without the headers that were given"
                } else {
                    ""
                }
            )));
            passed.push(next.clone());
            url = next;
        }
    }
}

/// Where to go from the last of the URLs that were `passed`, or why not.
fn next_url(passed: &[Uri], location: Option<&HeaderValue>) -> Result<Uri, String> {
    let Some((url, location)) = passed.last().zip(location) else {
        return Err("without saying where".to_owned());
    };
    let next = resolve(url, location.as_bytes())
        .filter(|next| matches!(next.scheme_str(), Some("http" | "https")))
        .ok_or("to what is no http or https URL")?;
    if url.scheme_str() == Some("https") && next.scheme_str() == Some("http") {
        return Err("from https to http".to_owned());
    }
    if passed.contains(&next) {
        return Err("in a loop".to_owned());
    }
    if passed.len() > REDIRECTS {
        return Err(format!("more than {REDIRECTS} times"));
    }
    Ok(next)
}

/// No `accept-encoding`: a server that compresses holds events back until a block of them is full.
fn headers(person: &HeaderMap, id: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/event-stream, application/x-ndjson"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(id) = id {
        headers.insert(LAST_EVENT_ID, id.clone());
    }
    for name in person.keys() {
        headers.remove(name);
    }
    headers.extend(person.clone());
    headers
}

async fn stream(target: String, mut opened: Opened) -> Result<(Form, Body), SourceError> {
    let content_type = opened.headers.get(CONTENT_TYPE).cloned();
    let content_type = content_type
        .as_ref()
        .map_or("no content type".into(), |value| {
            String::from_utf8_lossy(value.as_bytes())
        });
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let form = match essence.to_ascii_lowercase().as_str() {
        "text/event-stream" => Form::Events,
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonl"
        | "application/jsonlines"
        | "application/x-jsonlines"
        | "application/stream+json" => Form::Lines,
        _ => {
            return Err(SourceError::NotAStream {
                target,
                content_type: content_type.into_owned(),
                body: excerpt(&mut opened).await,
            });
        }
    };
    match Body::new(opened) {
        Ok(body) => Ok((form, body)),
        Err(coding) => Err(SourceError::NotAStream {
            target,
            content_type: format!("{content_type} in content-encoding {coding}"),
            body: String::new(),
        }),
    }
}

async fn excerpt(opened: &mut Opened) -> String {
    let start = opened.start(EXCERPT, PATIENCE).await;
    String::from_utf8_lossy(&start).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_leaves_tls() {
        let passed = ["https://a.test/x".parse().unwrap()];
        let to = |location| next_url(&passed, Some(&HeaderValue::from_static(location)));
        assert_eq!(to("http://a.test/y").unwrap_err(), "from https to http");
        assert_eq!(to("https://b.test/y").unwrap(), "https://b.test/y");
        assert_eq!(to("//b.test/y").unwrap(), "https://b.test/y");
    }
}
