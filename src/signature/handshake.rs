//! Handshakes: requests by which a vendor checks that an endpoint belongs to its customer. A listener answers them, and
//! `evt send --check` sends them.

use http::{HeaderName, HeaderValue};

use super::Options;
use crate::secret::Secret;

/// The answer to a vendor's handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The vendor's name for it: `url_verification`, `CRC`.
    pub name: &'static str,
    /// False if the endpoint must not confirm the request: wrong token, invalid signature.
    pub accepted: bool,
    pub status: u16,
    /// Empty if the answer has no body.
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// A URL to fetch as confirmation. The scheme has checked its host.
    pub confirm: Option<String>,
    /// What the user can do if the handshake was not accepted or not confirmed.
    pub hint: Option<String>,
}

impl Handshake {
    /// Status 200 with this body.
    pub(super) fn answer(
        name: &'static str,
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            name,
            accepted: true,
            status: 200,
            content_type,
            body: body.into(),
            confirm: None,
            hint: None,
        }
    }

    /// A refusal without a body.
    pub(super) fn refused(name: &'static str, status: u16, hint: impl Into<String>) -> Self {
        Self {
            accepted: false,
            status,
            hint: Some(hint.into()),
            ..Self::answer(name, "", "")
        }
    }
}

/// One handshake that `evt send --check` tries on an endpoint.
#[derive(Debug)]
pub struct Probe {
    /// The name of the check case: `meta: verification`.
    pub name: &'static str,
    /// What the right answer proves about the endpoint.
    pub proves: &'static str,
    /// What to change in the endpoint if its answer is wrong.
    pub fix: &'static str,
    /// Makes the request, or says why the probe is skipped.
    pub request: fn(&Challenge<'_>) -> Result<ProbeRequest, &'static str>,
    pub expect: Reply,
}

/// What a probe is made from.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// Random digits of this run. Digits, because some vendors send a number.
    pub text: &'a str,
    pub secret: &'a Secret,
    pub options: &'a Options,
    /// The body of the event that `--check` sends.
    pub event: &'a [u8],
}

/// The request of a probe.
#[derive(Debug)]
pub enum ProbeRequest {
    /// An unsigned GET with this query.
    Get { query: String },
    /// A signed POST.
    Post {
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Vec<u8>,
    },
    /// A POST whose signature was changed afterwards.
    Forged { body: Vec<u8> },
}

/// The answer that the vendor accepts.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// 2xx, and the function returns true for the status and the body.
    Checked(fn(&Challenge<'_>, u16, &[u8]) -> bool),
    /// 4xx.
    Refused,
    /// Exactly this status.
    Status(u16),
}

impl Reply {
    /// The challenge and nothing else.
    pub(super) const ECHO: Self =
        Self::Checked(|challenge, _, body| body.trim_ascii() == challenge.text.as_bytes());
}
