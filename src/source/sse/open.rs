//! Opens a stream: sends the request, follows redirects, and checks that the response is a stream.

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
/// The limit of browsers (WHATWG Fetch).
const REDIRECTS: usize = 20;
/// How much is read of a response that is not a stream, and for how long. The excerpt is shown in the error.
const EXCERPT: usize = 2048;
const PATIENCE: Duration = Duration::from_secs(2);

impl Sse {
    /// Requests the stream, resuming after the last event if there is one. `None` (204): the stream is finished.
    pub(super) async fn open(
        &mut self,
        cx: &mut Cx<'_>,
    ) -> Result<Option<(Form, Body)>, SourceError> {
        let user_headers = authorise(&self.options.credentials).await?.headers;
        let id = self.events.id();
        let id_header = HeaderValue::from_bytes(id.as_bytes())
            .ok()
            .filter(|_| !id.is_empty());
        if id_header.is_none() && !id.is_empty() {
            cx.outlet.notice(Notice::Remark(
                "the last id cannot be sent in a header: it contains control characters".to_owned(),
            ));
        }
        self.resume.ask(id_header.is_some().then_some(id));
        let (url, mut opened) = self.follow_redirects(user_headers, id_header, cx).await?;
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

    /// Each connection starts at the original URL, even after a permanent redirect, as the standard requires.
    async fn follow_redirects(
        &self,
        mut user_headers: HeaderMap,
        id: Option<HeaderValue>,
        cx: &mut Cx<'_>,
    ) -> Result<(Uri, Opened), SourceError> {
        let mut url = self.options.url.clone();
        let mut visited = vec![url.clone()];
        loop {
            let opening = Opening {
                method: Method::GET,
                url: url.clone(),
                headers: headers(&user_headers, id.as_ref()),
                body: Bytes::new(),
                timeout: self.options.connect_timeout,
            };
            let opened = self.dialer.open(opening).await?;
            if !matches!(opened.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((url, opened));
            }
            let next = next_url(&visited, opened.headers.get(LOCATION)).map_err(|why| {
                SourceError::Redirect {
                    target: shown(&url),
                    why,
                }
            })?;
            let is_elsewhere = !is_same_origin(&url, &next);
            if is_elsewhere {
                // The user's headers are meant for the server that the user named.
                user_headers = HeaderMap::new();
            }
            cx.outlet.notice(Notice::Remark(format!(
                "{} redirects to {}{}",
                shown(&url),
                shown(&next),
                if is_elsewhere {
                    ", without the headers that you gave"
                } else {
                    ""
                }
            )));
            visited.push(next.clone());
            url = next;
        }
    }
}

/// Returns the URL to visit after the last of the `visited` ones, or why the redirect is not followed.
fn next_url(visited: &[Uri], location: Option<&HeaderValue>) -> Result<Uri, String> {
    let Some((url, location)) = visited.last().zip(location) else {
        return Err("without a location".to_owned());
    };
    let next = resolve(url, location.as_bytes())
        .filter(|next| matches!(next.scheme_str(), Some("http" | "https")))
        .ok_or("to a URL that is not http or https")?;
    if url.scheme_str() == Some("https") && next.scheme_str() == Some("http") {
        return Err("from https to http".to_owned());
    }
    if visited.contains(&next) {
        return Err("in a loop".to_owned());
    }
    if visited.len() > REDIRECTS {
        return Err(format!("more than {REDIRECTS} times"));
    }
    Ok(next)
}

/// Sends no `accept-encoding`, because a server that compresses delays events until a block is full.
fn headers(user_headers: &HeaderMap, id: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/event-stream, application/x-ndjson"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(id) = id {
        headers.insert(LAST_EVENT_ID, id.clone());
    }
    for name in user_headers.keys() {
        headers.remove(name);
    }
    headers.extend(user_headers.clone());
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
        let visited = ["https://a.test/x".parse().unwrap()];
        let to = |location| next_url(&visited, Some(&HeaderValue::from_static(location)));
        assert_eq!(to("http://a.test/y").unwrap_err(), "from https to http");
        assert_eq!(to("https://b.test/y").unwrap(), "https://b.test/y");
        assert_eq!(to("//b.test/y").unwrap(), "https://b.test/y");
    }
}
