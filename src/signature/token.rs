//! JSON Web Tokens in `Authorization: Bearer`: read strictly, with the algorithm pinned by the scheme and never by the token.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Judgement, Reason, diagnose, header};
use crate::time::Timestamp;

/// Longer ones are no tokens: servers bound their headers by less.
const LONGEST: usize = 16 * 1024;

/// A token whose signature nobody has looked at yet.
pub(super) struct Token<'a> {
    /// The part that is signed.
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    /// The name of the key in a set.
    pub(super) kid: Option<String>,
    payload: &'a [u8],
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    kid: Option<String>,
    /// Extensions that a reader has to understand; none is known here.
    crit: Option<IgnoredAny>,
}

/// What a token says of itself.
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
    /// Reads the token of a request; one that is signed otherwise than by `algorithm` is refused before anything else is done.
    pub(super) fn read(headers: &'a HeaderMap, algorithm: &str) -> Result<Self, Box<Judgement>> {
        let line = header::single(headers, &AUTHORIZATION)
            .map_err(|reason| Box::new(diagnose::header(reason, &AUTHORIZATION, headers)))?;
        let text = bearer(line)
            .ok_or_else(|| malformed("`Authorization` holds no `Bearer` and a token after it"))?;
        let mut parts = text.split(|byte| *byte == b'.');
        let (Some(head), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("a token has three parts with dots between them"));
        };
        let decoded = decode(head)?;
        let head: Head<'_> = serde_json::from_slice(&decoded)
            .map_err(|_| malformed("its first part is no JSON object with an `alg`"))?;
        if head.alg != algorithm {
            return Err(not_allowed(&head.alg, algorithm));
        }
        if head.crit.is_some() {
            return Err(malformed(
                "it demands extensions (`crit`) that are not known here",
            ));
        }
        Ok(Self {
            signed: &text[..text.len() - signature.len() - 1],
            signature: decode(signature)?,
            kid: head.kid,
            payload,
        })
    }

    /// The claims; they count only once the signature was found to be right.
    pub(super) fn claims(&self) -> Result<Claims, Box<Judgement>> {
        let decoded = decode(self.payload)?;
        serde_json::from_slice(&decoded).map_err(|_| {
            malformed("its second part is no JSON object with claims of the usual kinds")
        })
    }
}

/// What follows `Bearer`, however that is spelt.
fn bearer(line: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = line.split_at_checked(6)?;
    let token = token.strip_prefix(b" ")?.trim_ascii();
    let fits = scheme.eq_ignore_ascii_case(b"bearer") && token.len() <= LONGEST;
    (fits && !token.is_empty()).then_some(token)
}

fn decode(part: &[u8]) -> Result<Vec<u8>, Box<Judgement>> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| malformed("its parts are not base64url without padding"))
}

impl Claims {
    /// Refuses a token outside its time; one that ends now has ended.
    pub(super) fn time(
        &self,
        now: Timestamp,
        leeway: Duration,
        matched: Option<usize>,
    ) -> Result<(), Box<Judgement>> {
        let now = now.secs();
        let allowed = i64::try_from(leeway.as_secs()).unwrap_or(i64::MAX);
        let refused = |reason: Reason, words: String| {
            let hint = format!(
                "{}: the signature is right, but the token {words}, and {allowed} s are allowed; a clock is wrong, or an old token was sent again",
                reason.code()
            );
            Box::new(Judgement {
                matched,
                ..Judgement::refused_with(reason, hint)
            })
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
            let words = format!("counts only in {} s", nbf.saturating_sub(now));
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

    pub(super) fn issuer(&self, expected: &str) -> Result<(), Box<Judgement>> {
        match self.iss.as_deref() {
            Some(given) if given == expected => Ok(()),
            given => Err(mismatch("iss", given, expected)),
        }
    }
}

/// Whole seconds of a time that may have a fraction.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn seconds(time: f64) -> i64 {
    // The cast keeps to the bounds, and makes nothing of what is no number.
    time.floor() as i64
}

/// A header with a token, not to be shown.
pub(super) fn header_value(token: &str) -> HeaderValue {
    let mut value = header::value(format!("Bearer {token}").into_bytes());
    value.set_sensitive(true);
    value
}

/// The part of a token that is signed.
pub(super) fn unsigned(head: &serde_json::Value, claims: &serde_json::Value) -> String {
    let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(head), encode(claims))
}

/// The token with its signature.
pub(super) fn signed(mut token: String, signature: &[u8]) -> String {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

#[cold]
pub(super) fn malformed(words: &str) -> Box<Judgement> {
    let hint = format!("malformed_token: {words}");
    Box::new(Judgement::refused_with(Reason::MalformedToken, hint))
}

#[cold]
fn not_allowed(given: &str, expected: &str) -> Box<Judgement> {
    let shown: String = given.chars().take(20).collect();
    let hint = format!(
        "algorithm_not_allowed: the token says `{shown}`; only `{expected}` counts, whatever a token says"
    );
    Box::new(Judgement::refused_with(Reason::AlgorithmNotAllowed, hint))
}

/// The judgement on a claim that is another than the one expected.
#[cold]
pub(super) fn mismatch(name: &str, given: Option<&str>, expected: &str) -> Box<Judgement> {
    let given = match given {
        Some(given) => format!("is `{}`", given.chars().take(200).collect::<String>()),
        None => "is missing".to_owned(),
    };
    let hint = format!(
        "claim_mismatch: the signature is right, but `{name}` {given}, and `{expected}` is expected"
    );
    Box::new(Judgement::refused_with(Reason::ClaimMismatch, hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Reason> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        Token::read(&headers, "HS256")
            .err()
            .map(|judgement| judgement.reason)
    }

    #[test]
    fn tokens_are_read_strictly() {
        // {"alg":"HS256"}, {}, one byte.
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
    fn times_have_both_ends() {
        let claims = Claims {
            exp: Some(100.0),
            nbf: Some(50.0),
            ..Claims::default()
        };
        let reason = |now: i64, leeway: u64| {
            let leeway = Duration::from_secs(leeway);
            let judged = claims.time(Timestamp::from_secs(now), leeway, None);
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
    fn times_out_of_all_bounds_are_taken_to_the_bounds() {
        assert_eq!(seconds(1e300), i64::MAX);
        assert_eq!(seconds(f64::NAN), 0);
        assert_eq!(seconds(-0.5), -1);
    }
}
