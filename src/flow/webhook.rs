//! The `send_webhook` step: compiles its settings, and makes delivery jobs from them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use super::placeholder::{Template, TooLarge};
use super::reader::{DocumentError, Node};
use super::step;
use crate::backoff::Retry;
use crate::event::Seq;
use crate::grammar::target::Target;
use crate::hops;
use crate::secret::{self, Secret};
use crate::signature;
use crate::store::jobs::{JobBody, NewJob};
use crate::time::Timestamp;

/// Default timeout: the Standard Webhooks specification recommends 15 to 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Headers that one webhook can configure.
const MAX_HEADERS: usize = 64;
/// Headers that the HTTP client sets. A flow that sets them would send broken requests.
const FRAMING: &str =
    "connection content-length keep-alive proxy-connection te trailer transfer-encoding upgrade";

/// A compiled `send_webhook`.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: Template,
    method: Method,
    headers: Vec<(HeaderName, Template)>,
    /// Replaces the event as body.
    body: Option<Template>,
    timeout: Duration,
    secret: Option<Secret>,
    retry: Retry,
}

/// The run and step that send a webhook.
pub(super) struct Sender<'a> {
    pub(super) run: &'a str,
    pub(super) step: &'a str,
    /// Index of the step in the flow.
    pub(super) index: usize,
    /// Index in the run's log. The delivery's result is written to this entry.
    pub(super) entry: u32,
    /// How many times the run has completed this step before.
    pub(super) visit: u32,
    pub(super) event: Option<Seq>,
    /// How many events led to that event.
    pub(super) depth: u32,
    /// The platform's secret, used if the step has none.
    pub(super) secret: Option<&'a Secret>,
    /// Sends only what the flow configures.
    pub(super) is_bare: bool,
    /// The platform's `user-agent`.
    pub(super) user_agent: &'static str,
    pub(super) now: Timestamp,
}

impl Webhook {
    pub(super) fn compile(config: &Node<'_>, logic: Option<Retry>) -> Result<Self, DocumentError> {
        let url = config.need("url")?;
        let template = step::template(&url)?;
        if let Template::Constant(Value::String(text)) = &template {
            parse_target(text).map_err(|_| url.bad("an http or https URL"))?;
        } else {
            url.text()?;
        }
        let retry = match (config.get("retry"), logic) {
            (Some(retry), _) => retry_of(&retry)?,
            (None, Some(logic)) => logic,
            (None, None) => Retry::dev(),
        };
        Ok(Self {
            url: template,
            method: method(config)?,
            headers: headers(config)?,
            body: config
                .get("body")
                .map(|node| step::template(&node))
                .transpose()?,
            timeout: config
                .get("timeout")
                .map_or(Ok(TIMEOUT), |node| node.duration())?,
            secret: config.get("secret").map(|node| secret(&node)).transpose()?,
            retry,
        })
    }

    /// Whether the request contains no placeholder.
    pub(super) fn is_constant(&self) -> bool {
        self.url.is_constant()
            && self.headers.iter().all(|(_, value)| value.is_constant())
            && self.body.as_ref().is_none_or(Template::is_constant)
    }

    /// Returns the delivery job, and the input that the run's log shows.
    ///
    /// # Errors
    /// A message if placeholders result in an invalid URL or header, or in too much.
    pub(super) fn job(
        &self,
        sender: &Sender<'_>,
        variables: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<(NewJob, Value), String> {
        let url = self.url.render_text(variables, warnings)?;
        parse_target(&url)?;
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 3);
        for (name, value) in &self.headers {
            let text = value.render_text(variables, warnings)?;
            let value = HeaderValue::from_str(&text)
                .map_err(|_| format!("the value of header `{name}` contains control characters"))?;
            headers.append(name, value);
        }
        if !headers.contains_key(header::CONTENT_TYPE) {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        // Not a flow's own choice: otherwise a webhook to the platform itself would never end. A delivery without it has one hop.
        headers.remove(hops::HEADER);
        if !sender.is_bare || sender.depth > 0 {
            hops::set(&mut headers, sender.depth + 1);
        }
        let body = self.render_body(variables, warnings)?;
        let input = json!({"url": url, "method": self.method.as_str()});
        let mut job = NewJob {
            queue: "deliveries",
            run_at: sender.now,
            retry: self.retry.clone(),
            message_id: None,
            secret: None,
            method: self.method.clone(),
            url,
            path: None,
            headers,
            body,
            timeout: self.timeout,
            step: Some((sender.run.to_owned(), sender.entry)),
            event: sender.event,
        };
        if !sender.is_bare {
            add_platform_headers(&mut job, sender);
        }
        // A step's own secret signs even with `is_bare`.
        if let Some(secret) = self.secret.as_ref().or(sender.secret) {
            job.message_id.get_or_insert_with(|| message_id(sender));
            job.secret = Some(secret.clone());
        }
        Ok((job, input))
    }

    fn render_body(
        &self,
        variables: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<JobBody, TooLarge> {
        if self.method == Method::GET {
            return Ok(JobBody::Bytes(Bytes::new()));
        }
        let Some(body) = &self.body else {
            return Ok(JobBody::OfEvent);
        };
        Ok(JobBody::Bytes(match body.render(variables, warnings)? {
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }))
    }
}

fn add_platform_headers(job: &mut NewJob, sender: &Sender<'_>) {
    job.message_id = Some(message_id(sender));
    let key = match sender.visit {
        0 => format!("{}.{}", sender.run, sender.step),
        // In a loop each execution of the step is a separate message.
        visit => format!("{}.{}.{}", sender.run, sender.step, visit + 1),
    };
    for (name, value) in [("user-agent", sender.user_agent), ("idempotency-key", &key)] {
        let name = HeaderName::from_static(name);
        if !job.headers.contains_key(&name)
            && let Ok(value) = HeaderValue::from_str(value)
        {
            job.headers.insert(name, value);
        }
    }
}

/// The message id, which stays the same over all retries. It contains no dots, because dots separate the signed parts.
fn message_id(sender: &Sender<'_>) -> String {
    let run = sender.run.trim_start_matches("exec-");
    let step = sender.index + 1;
    match sender.visit {
        0 => format!("msg_{run}_{step}"),
        visit => format!("msg_{run}_{step}_{}", visit + 1),
    }
}

/// Accepts http and https URLs only. Anyone with access to the API can create a flow, so `unix:` targets are refused.
fn parse_target(url: &str) -> Result<(), String> {
    let is_http = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    match url.parse::<Target>() {
        Ok(_) if is_http => Ok(()),
        _ => Err(format!(
            "`{}` is not an http or https URL",
            secret::masked_url(&url.chars().take(200).collect::<String>())
        )),
    }
}

fn method(config: &Node<'_>) -> Result<Method, DocumentError> {
    let Some(node) = config.get("method") else {
        return Ok(Method::POST);
    };
    match node.text()?.to_ascii_uppercase().as_str() {
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        "GET" => Ok(Method::GET),
        _ => Err(node.bad("POST, PUT, PATCH, DELETE or GET")),
    }
}

fn headers(config: &Node<'_>) -> Result<Vec<(HeaderName, Template)>, DocumentError> {
    let Some(node) = config.get("headers") else {
        return Ok(Vec::new());
    };
    let fields = node.fields()?;
    if fields.len() > MAX_HEADERS {
        return Err(DocumentError::TooMany {
            at: node.at,
            found: fields.len(),
            limit: MAX_HEADERS,
        });
    }
    fields
        .iter()
        .map(|(name, value)| {
            let value = Node {
                value,
                at: format!("{}.{name}", node.at),
            };
            let name = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .filter(|name| FRAMING.split(' ').all(|framing| name.as_str() != framing))
                .ok_or_else(|| DocumentError::BadValue {
                    at: node.at.clone(),
                    expected: "headers that a webhook can set",
                    value: name.chars().take(120).collect(),
                })?;
            let text = value.text()?;
            if !text.contains("{{") && HeaderValue::from_str(text).is_err() {
                return Err(value.bad("a header value without control characters"));
            }
            Ok((name, step::template(&value)?))
        })
        .collect()
}

fn secret(node: &Node<'_>) -> Result<Secret, DocumentError> {
    let text = node.text()?;
    if text.is_empty() || text.len() > 1024 {
        return Err(DocumentError::BadValue {
            at: node.at.clone(),
            expected: "a secret of 1 to 1024 bytes",
            value: "…".to_owned(),
        });
    }
    let secret = Secret::new(text);
    // An invalid secret is reported now, not at the first delivery.
    signature::find(signature::PLATFORM_SCHEME)
        .and_then(|scheme| scheme.signer(&secret, &signature::Options::default()))
        .map_err(|source| DocumentError::Secret {
            at: node.at.clone(),
            source,
        })?;
    Ok(secret)
}

/// Reads `retry`: a number of retries, the name of a policy, or an object as in `retryLogic`.
fn retry_of(node: &Node<'_>) -> Result<Retry, DocumentError> {
    const EXPECTED: &str = "retries from 0 to 20, or `dev`, `standard`, `bullmq`, `none`";
    match node.value {
        Value::Number(_) => Ok(Retry::dev_times(node.count(20, EXPECTED)?)),
        Value::String(name) => match name.as_str() {
            "dev" => Ok(Retry::dev()),
            "standard" => Ok(Retry::standard()),
            "bullmq" => Ok(Retry::bullmq(Duration::from_secs(1), 5, 0)),
            "none" => Ok(Retry::none()),
            _ => Err(node.bad(EXPECTED)),
        },
        _ => step::retry_logic(node),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_url_must_be_http_or_https() {
        for url in ["http://127.0.0.1:4871/hook", "HTTPS://bridge.example.com"] {
            assert_eq!(parse_target(url), Ok(()), "{url}");
        }
        for url in [
            "unix:/var/run/docker.sock",
            "UNIX:/x",
            "4871",
            "ftp://a",
            "",
        ] {
            assert!(parse_target(url).is_err(), "{url}");
        }
    }
}
