//! JSON Web Tokens with HS256, the only supported algorithm.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::Timestamp;

/// Longer tokens are refused without decoding.
const MAX_TOKEN: usize = 8 * 1024;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    User,
    Customer,
    App,
    Refresh,
    /// In a magic link: is exchanged for a sign-in.
    Link,
}

/// The contents of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The principal's `sk`: `user-dev`.
    pub sub: String,
    #[serde(default)]
    pub email: String,
    pub orgid: String,
    #[serde(default)]
    pub roles: Vec<String>,
    /// What the token is for.
    pub kind: Purpose,
    /// For refresh tokens and links: the purpose of the token that they are exchanged for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Purpose>,
    /// Issued to evt itself: expires by the system's clock, however the platform's clock is set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// Seconds since the epoch (RFC 7519).
    pub iat: i64,
    pub exp: i64,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum TokenError {
    #[error("it is not a JWT")]
    Malformed,
    #[error("its algorithm is not HS256")]
    Algorithm,
    #[error("its signature is invalid")]
    Signature,
    #[error("it has expired")]
    Expired,
}

/// Signs claims.
pub(crate) fn sign(claims: &Claims, key: &hmac::Key) -> String {
    let claims = serde_json::to_vec(claims).expect("claims are strings, numbers and lists");
    let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Checks a token and returns its claims. The algorithm is fixed; a token that names another one is refused.
///
/// # Errors
/// [`TokenError::Expired`] only if the signature is valid.
pub(crate) fn verify(token: &str, key: &hmac::Key, now: Timestamp) -> Result<Claims, TokenError> {
    #[derive(Deserialize)]
    struct Head {
        alg: String,
    }
    if token.len() > MAX_TOKEN {
        return Err(TokenError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (head, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let head: Head = decode(head)?;
    if head.alg != "HS256" {
        return Err(TokenError::Algorithm);
    }
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| TokenError::Malformed)?;
    hmac::verify(key, signed.as_bytes(), &signature).map_err(|_| TokenError::Signature)?;
    let claims: Claims = decode(claims)?;
    if claims.exp <= now.secs() {
        return Err(TokenError::Expired);
    }
    Ok(claims)
}

fn decode<T: for<'a> Deserialize<'a>>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, b"a key for tests")
    }

    fn claims() -> Claims {
        Claims {
            sub: "user-dev".into(),
            email: "dev@evt.local".into(),
            orgid: "my-org".into(),
            roles: vec!["admin".into()],
            kind: Purpose::User,
            then: None,
            local: false,
            iat: 100,
            exp: 200,
        }
    }

    #[test]
    fn a_signed_token_has_its_claims() {
        let token = sign(&claims(), &key());
        assert_eq!(
            verify(&token, &key(), Timestamp::from_secs(150)),
            Ok(claims())
        );
    }

    #[test]
    fn a_token_expires_at_its_expiry_time() {
        let token = sign(&claims(), &key());
        assert_eq!(
            verify(&token, &key(), Timestamp::from_secs(200)),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_token_of_another_platform_is_refused() {
        let other = hmac::Key::new(hmac::HMAC_SHA256, b"another key");
        let token = sign(&claims(), &other);
        assert_eq!(
            verify(&token, &key(), Timestamp::from_secs(150)),
            Err(TokenError::Signature)
        );
    }

    #[test]
    fn every_changed_character_is_detected() {
        let token = sign(&claims(), &key());
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            assert!(
                verify(&forged, &key(), Timestamp::from_secs(150)).is_err(),
                "character {at} of {token}"
            );
        }
    }

    #[test]
    fn a_token_cannot_choose_the_algorithm() {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims()).unwrap());
        for head in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"RS256"}"#,
        ] {
            let signed = format!("{}.{body}", URL_SAFE_NO_PAD.encode(head));
            let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key(), signed.as_bytes()));
            for token in [format!("{signed}.{signature}"), format!("{signed}.")] {
                assert_eq!(
                    verify(&token, &key(), Timestamp::from_secs(150)),
                    Err(TokenError::Algorithm)
                );
            }
        }
    }
}
