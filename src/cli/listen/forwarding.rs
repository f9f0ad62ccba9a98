//! The flags that say which events are forwarded, where, and how. Some are those of Stripe's and Hookdeck's command lines.

use std::str::FromStr;

use clap::Args;
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};

use crate::backoff::Retry;
use crate::cli::Context;
use crate::error::CliError;
use crate::grammar::GrammarError;
use crate::grammar::header_line::HeaderLine;
use crate::grammar::quantity::Span;
use crate::grammar::target::Target;
use crate::listen::{Forward, Route};
use crate::select::{Select, TypeRule, Where};

#[derive(Debug, Args)]
pub(super) struct ForwardArgs {
    /// Where to forward requests: 3000, :3000/path, host:port, a URL or unix:/path
    target: Option<Target>,
    /// Hookdeck's name of a sender. `evt` accepts requests of all senders.
    #[arg(value_name = "SOURCE", hide = true, requires = "target")]
    source: Option<String>,
    /// The same as TARGET
    #[arg(
        long,
        value_name = "TARGET",
        conflicts_with = "target",
        help_heading = "Forwarding"
    )]
    forward_to: Option<Target>,
    /// Forward to this path of the target instead of the path of each request
    #[arg(
        long,
        value_name = "PATH",
        alias = "cli-path",
        help_heading = "Forwarding"
    )]
    path: Option<String>,
    /// Forward matching requests elsewhere: '/path/*=TARGET' or 'contact.*=TARGET' (repeatable, first match wins)
    #[arg(long, value_name = "GLOB=TARGET", help_heading = "Forwarding")]
    pub(super) route: Vec<Route>,
    /// Add or replace a header of forwarded requests (repeatable)
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        alias = "headers",
        help_heading = "Forwarding"
    )]
    header: Vec<HeaderLines>,
    /// Answer 202 as soon as the event is stored, and deliver it with N retries [default: 5, within half a minute]
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "5", help_heading = "Forwarding")]
    pub(super) retry: Option<u32>,
    /// How long to wait for the target's response
    #[arg(
        long,
        value_name = "SPAN",
        default_value = "30s",
        help_heading = "Forwarding"
    )]
    timeout: Span,

    /// Select events of a type: contact.*, !contact.deleted (repeatable); others are only stored
    #[arg(
        long = "type",
        value_name = "PATTERN",
        allow_hyphen_values = true,
        help_heading = "Selecting"
    )]
    types: Vec<TypeRule>,
    /// Select events of these types, separated by commas; `charge.*` includes charge.dispute.created
    #[arg(
        short = 'e',
        long,
        value_name = "TYPES",
        value_delimiter = ',',
        help_heading = "Selecting"
    )]
    events: Vec<EventName>,
    /// Select events that meet a condition; others are only stored
    #[arg(long = "where", value_name = "CONDITION", help_heading = "Selecting")]
    condition: Option<Where>,
}

/// One `-H`: a header, or several separated by commas as Stripe's command line writes them.
#[derive(Clone, Debug)]
struct HeaderLines(Vec<HeaderLine>);

impl FromStr for HeaderLines {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A comma begins another header only if a name and a colon follow. Values may contain commas.
        let mut lines: Vec<String> = Vec::new();
        for part in text.split(',') {
            match lines.last_mut() {
                Some(line) if !starts_with_name(part) => {
                    line.push(',');
                    line.push_str(part);
                }
                _ => lines.push(part.trim_start().to_owned()),
            }
        }
        let lines: Result<_, _> = lines.iter().map(|line| line.parse()).collect();
        Ok(Self(lines?))
    }
}

fn starts_with_name(text: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.trim_start()
        .split_once(':')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_name_byte))
}

/// A type of `--events`. A `*` at the end stands for any rest, as nothing but a prefix is left to choose.
#[derive(Clone, Debug)]
struct EventName(TypeRule);

impl FromStr for EventName {
    type Err = <TypeRule as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        match text.strip_suffix('*') {
            Some(start) if start.is_empty() || start.ends_with('.') => {
                format!("{start}>").parse().map(Self)
            }
            _ => text.parse().map(Self),
        }
    }
}

impl ForwardArgs {
    /// Where events go that match no route.
    pub(super) fn target(&self) -> Option<Target> {
        let target = self.target.as_ref().or(self.forward_to.as_ref())?;
        Some(match (target, &self.path) {
            (Target::Url(url), Some(path)) => Target::Url(with_path(url, path)),
            _ => target.clone(),
        })
    }

    pub(super) fn forwards(&self) -> bool {
        self.target.is_some() || self.forward_to.is_some() || !self.route.is_empty()
    }

    pub(super) fn forward(&self, cx: &Context) -> Result<Option<Forward>, CliError> {
        if let Some(source) = &self.source {
            cx.ui.status(&format!(
                "Requests of all senders are accepted; `{}` selects nothing.",
                crate::ui::safe(source)
            ));
        }
        if !self.forwards() {
            let flag = if self.retry.is_some() {
                "--retry"
            } else if self.path.is_some() {
                "--path"
            } else if !self.header.is_empty() {
                "--header"
            } else {
                return Ok(None);
            };
            return Err(CliError::usage(format!("{flag} requires a target"))
                .hint(format!("evt listen 3000     with {flag}")));
        }
        let target = self.target();
        if self.path.is_some() && !matches!(target, Some(Target::Url(_))) {
            return Err(
                CliError::usage("--path requires a target that is a port, host or URL")
                    .hint("evt listen 3000 --path /hook"),
            );
        }
        let mut headers = HeaderMap::new();
        for line in self.header.iter().flat_map(|lines| &lines.0) {
            headers.insert(line.name.clone(), line.value.clone());
        }
        Ok(Some(Forward {
            routes: self.route.clone(),
            target,
            headers,
            timeout: self.timeout.into(),
            retry: self.retry.map(Retry::dev_times),
        }))
    }

    /// Which events are printed, forwarded and counted. `None` for all.
    pub(super) fn select(&self) -> Option<Select> {
        let events = self.events.iter().map(|name| &name.0);
        let select = Select {
            types: self.types.iter().chain(events).cloned().collect(),
            condition: self.condition.clone(),
            ..Select::default()
        };
        (!select.types.is_empty() || select.condition.is_some()).then_some(select)
    }
}

/// The URL with another path. The query of each request is added unless the path has one.
fn with_path(url: &Uri, path: &str) -> Uri {
    let path = match path.strip_prefix('/') {
        Some(_) => path.to_owned(),
        None => format!("/{path}"),
    };
    let mut parts = url.clone().into_parts();
    parts.path_and_query = path.parse::<PathAndQuery>().ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_begins_another_header_only_before_a_name() {
        for (text, expected) in [
            ("X-A: 1", &["x-a=1"][..]),
            ("Key1:Value1, Key2:Value2", &["key1=Value1", "key2=Value2"]),
            (
                "Accept: text/html, */*;q=0.1",
                &["accept=text/html, */*;q=0.1"],
            ),
            ("X-A: a,b,X-B: c", &["x-a=a,b", "x-b=c"]),
        ] {
            let lines: HeaderLines = text.parse().unwrap();
            let found: Vec<String> = lines
                .0
                .iter()
                .map(|line| format!("{}={}", line.name, line.value.to_str().unwrap()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
        assert!("Authorization Bearer x".parse::<HeaderLines>().is_err());
    }

    #[test]
    fn a_star_at_the_end_of_an_event_stands_for_any_rest() {
        for (text, name, expected) in [
            ("charge.*", "charge.dispute.created", true),
            ("charge.*", "charge.failed", true),
            ("charge.*", "charges.failed", false),
            ("*", "anything", true),
            (
                " payment_intent.succeeded",
                "payment_intent.succeeded",
                true,
            ),
        ] {
            let rule: EventName = text.parse().unwrap();
            assert_eq!(rule.0.pattern.matches(name), expected, "{text} {name}");
        }
    }
}
