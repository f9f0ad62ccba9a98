//! JSON Web Tokens in `Authorization: Bearer`. They are read strictly: the scheme fixes the algorithm, never the token.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Judgement, Reason, Timing, header};

/// The longest token, in bytes. Servers limit their headers to less.
const LONGEST: usize = 16 * 1024;
/// Longer than the lifetime of any token that evt makes, see [`super::Facts::outdated_after`].
pub(super) const OUTDATED_AFTER: Duration = Duration::from_secs(2 * 60 * 60);

/// A token whose signature has not been checked yet.
pub(super) struct Token<'a> {
    /// The signed part.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    /// The name of the key in a key set.
    pub(super) kid: Option<String>,
    payload: &'a [u8],
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    kid: Option<String>,
    /// Extensions that a reader must understand. None are supported.
    crit: Option<IgnoredAny>,
}

/// The claims of a token.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    pub(super) iss: Option<String>,
    pub(super) aud: Audience,
    pub(super) exp: Option<f64>,
    pub(super) nbf: Option<f64>,
    pub(super) iat: Option<f64>,
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

impl<'a> Token<'a> {
    /// Reads the token of a request. A token with another algorithm is refused before anything else is read.
    pub(super) fn read(headers: &'a HeaderMap, algorithm: &str) -> Result<Self, Box<Judgement>> {
        let line = header::single(headers, &AUTHORIZATION)?;
        let text = bearer(line).ok_or_else(|| {
            malformed("the Authorization header must have the form `Bearer TOKEN`")
        })?;
        let mut parts = text.split(|byte| *byte == b'.');
        let (Some(head), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("a token has three parts, separated by dots"));
        };
        let decoded = decode(head)?;
        let head: Head<'_> = serde_json::from_slice(&decoded)
            .map_err(|_| malformed("the first part must be a JSON object with `alg`"))?;
        if head.alg != algorithm {
            return Err(not_allowed(&head.alg, algorithm));
        }
        if head.crit.is_some() {
            return Err(malformed("it requires unsupported extensions (`crit`)"));
        }
        Ok(Self {
            signed: &text[..text.len() - signature.len() - 1],
            signature: decode(signature)?,
            kid: head.kid,
            payload,
        })
    }

    /// Returns the claims. Call it only after the signature was verified.
    pub(super) fn claims(&self) -> Result<Claims, Box<Judgement>> {
        let decoded = decode(self.payload)?;
        serde_json::from_slice(&decoded).map_err(|_| {
            malformed("the second part must be a JSON object with claims of the registered types")
        })
    }
}

/// The text after `Bearer`, in any case.
fn bearer(line: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = line.split_at_checked(6)?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    let is_token = scheme.eq_ignore_ascii_case(b"Bearer") && token.len() <= LONGEST;
    (is_token && !token.is_empty()).then_some(token)
}

fn decode(part: &[u8]) -> Result<Vec<u8>, Box<Judgement>> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| malformed("its parts must be base64url without padding"))
}

impl Claims {
    /// Refuses a token outside its lifetime. A token is expired from the second of its `exp` on.
    pub(super) fn time(
        &self,
        timing: Timing,
        matched: Option<usize>,
    ) -> Result<(), Box<Judgement>> {
        let now = timing.now.secs();
        let leeway = timing.tolerance.unwrap_or_default().as_secs();
        let allowed = i64::try_from(leeway).unwrap_or(i64::MAX);
        let refused = |reason: Reason, words: String| {
            let hint = format!(
                "{}: the signature matches, but the token {words}, and the tolerance is {allowed} s; compare the clocks of both machines, or suspect an old token that was sent again",
                reason.code()
            );
            let mut judgement = Judgement::refused(reason, hint);
            judgement.matched = matched;
            judgement
        };
        if let Some(exp) = self.exp.map(seconds)
            && now >= exp.saturating_add(allowed)
        {
            let words = format!("expired {} s ago", now.saturating_sub(exp));
            return Err(refused(Reason::TokenExpired, words));
        }
        if let Some(nbf) = self.nbf.map(seconds)
            && nbf > now.saturating_add(allowed)
        {
            let words = format!("becomes valid in {} s", nbf.saturating_sub(now));
            return Err(refused(Reason::TokenNotYetValid, words));
        }
        Ok(())
    }

    pub(super) fn audience(&self, expected: &str) -> Result<(), Box<Judgement>> {
        let given = match &self.aud {
            Audience::One(one) if one == expected => return Ok(()),
            Audience::Several(all) if all.iter().any(|one| one == expected) => return Ok(()),
            Audience::None => None,
            Audience::One(one) => Some(one.clone()),
            Audience::Several(all) => Some(all.join(", ")),
        };
        Err(mismatch("aud", given.as_deref(), expected))
    }

    /// The issuer must be one of these.
    pub(super) fn issuer(&self, expected: &[&str]) -> Result<(), Box<Judgement>> {
        match self.iss.as_deref() {
            Some(given) if expected.contains(&given) => Ok(()),
            given => Err(mismatch("iss", given, expected[0])),
        }
    }
}

/// Rounds a time down to whole seconds.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn seconds(time: f64) -> i64 {
    // The cast saturates, and turns NaN into zero.
    time.floor() as i64
}

/// A header's value that logs must not show.
pub(super) fn header_value(token: &str) -> HeaderValue {
    let mut value = header::value(format!("Bearer {token}"));
    value.set_sensitive(true);
    value
}

/// The signed part of a token.
pub(super) fn unsigned(head: &serde_json::Value, claims: &serde_json::Value) -> String {
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(head), encode(claims))
}

/// Appends the signature.
pub(super) fn signed(mut token: String, signature: &[u8]) -> String {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

#[cold]
pub(super) fn malformed(words: &str) -> Box<Judgement> {
    Judgement::refused(Reason::MalformedToken, format!("malformed_token: {words}"))
}

#[cold]
fn not_allowed(given: &str, expected: &str) -> Box<Judgement> {
    let shown: String = given.chars().take(20).collect();
    let hint = format!(
        "algorithm_not_allowed: the token names the algorithm `{shown}`, but only `{expected}` is accepted; the token does not choose it"
    );
    Judgement::refused(Reason::AlgorithmNotAllowed, hint)
}

/// The judgement on a claim with an unexpected value.
#[cold]
pub(super) fn mismatch(name: &str, given: Option<&str>, expected: &str) -> Box<Judgement> {
    let given = match given {
        Some(given) => format!("is `{}`", given.chars().take(200).collect::<String>()),
        None => "is missing".to_owned(),
    };
    let hint = format!(
        "claim_mismatch: the signature matches, but `{name}` {given}; expected `{expected}`"
    );
    Judgement::refused(Reason::ClaimMismatch, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn read(line: &str) -> Option<Reason> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        Token::read(&headers, "HS256")
            .err()
            .map(|judgement| judgement.reason)
    }

    #[test]
    fn tokens_are_read_strictly() {
        // The parts of this token are {"alg":"HS256"}, {} and a signature of one byte.
        assert_eq!(read("Bearer eyJhbGciOiJIUzI1NiJ9.e30.AA"), None);
        assert_eq!(read("bEARER  eyJhbGciOiJIUzI1NiJ9.e30.AA "), None);
        for line in [
            "Basic eyJhbGciOiJIUzI1NiJ9.e30.AA",
            "Bearer",
            "Bearer ",
            "Bearer ...",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AA.AA",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AA==",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.+/",
            "Bearer eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYiJdfQ.e30.AA",
        ] {
            assert_eq!(read(line), Some(Reason::MalformedToken), "{line}");
        }
    }

    #[test]
    fn a_token_is_valid_between_nbf_and_exp() {
        let claims = Claims {
            exp: Some(100.0),
            nbf: Some(50.0),
            ..Claims::default()
        };
        let reason = |now: i64, leeway: u64| {
            let timing = Timing {
                now: Timestamp::from_secs(now),
                tolerance: Some(Duration::from_secs(leeway)),
            };
            let judged = claims.time(timing, None);
            judged.err().map(|judgement| judgement.reason)
        };
        assert_eq!(reason(99, 0), None);
        assert_eq!(reason(100, 0), Some(Reason::TokenExpired));
        assert_eq!(reason(109, 10), None);
        assert_eq!(reason(50, 0), None);
        assert_eq!(reason(49, 0), Some(Reason::TokenNotYetValid));
        assert_eq!(reason(40, 10), None);
    }

    #[test]
    fn a_time_out_of_range_saturates() {
        assert_eq!(seconds(1e300), i64::MAX);
        assert_eq!(seconds(f64::NAN), 0);
        assert_eq!(seconds(-0.5), -1);
    }
}
