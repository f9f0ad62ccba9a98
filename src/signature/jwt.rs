//! A JSON Web Token with a shared secret: HS256 in `Authorization: Bearer`. It proves who sends, not what.
//!
//! <https://www.rfc-editor.org/rfc/rfc7519>

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::Key;
use http::header::AUTHORIZATION;
use serde_json::json;

use super::recipe::hex_keys;
use super::token::{self, Token};
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, diagnose, mac,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "jwt-hs256";
const ALGORITHM: &str = "HS256";
const AUDIENCE: &str = "audience";
const ISSUER: &str = "issuer";
/// Seconds that a token counts.
const LIFE: i64 = 300;

pub(super) struct Jwt;

impl Scheme for Jwt {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Authorization: Bearer and a token signed with HS256; the body is not covered"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (AUDIENCE, "whom the token has to be for (`aud`)"),
            (ISSUER, "who has to have issued it (`iss`)"),
        ]
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("", random))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(JwtVerifier {
            keys: super::keys(NAME, secrets, key)?,
            secrets: secrets.to_vec(),
            audience: options.get(AUDIENCE).map(str::to_owned),
            issuer: options.get(ISSUER).map(str::to_owned),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(JwtSigner {
            key: key(secret)?,
            audience: options.get(AUDIENCE).map(str::to_owned),
            issuer: options.get(ISSUER).map(str::to_owned),
        }))
    }
}

fn key(secret: &Secret) -> Result<Key, SignatureError> {
    let text = super::not_empty(NAME, secret)?.reveal();
    Ok(mac::key(text.as_bytes()))
}

struct JwtVerifier {
    keys: Vec<Key>,
    secrets: Vec<Secret>,
    audience: Option<String>,
    issuer: Option<String>,
}

impl Verifier for JwtVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let judged = self.judge(received, now, tolerance.unwrap_or_default());
        judged.unwrap_or_else(|judgement| *judgement)
    }
}

impl JwtVerifier {
    fn judge(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        leeway: Duration,
    ) -> Result<Judgement, Box<Judgement>> {
        let token = Token::read(received.headers, ALGORITHM)?;
        let fits = |key: &Key| {
            let expected = mac::mac(key, &[token.signed]);
            verify_slices_are_equal(expected.as_ref(), &token.signature).is_ok()
        };
        let Some(matched) = self.keys.iter().position(fits) else {
            return Err(self.mismatch(fits));
        };
        let claims = token.claims()?;
        claims.time(now, leeway, Some(matched))?;
        if let Some(audience) = &self.audience {
            claims.audience(audience)?;
        }
        if let Some(issuer) = &self.issuer {
            claims.issuer(issuer)?;
        }
        Ok(Judgement::valid(matched))
    }

    #[cold]
    fn mismatch(&self, fits: impl Fn(&Key) -> bool) -> Box<Judgement> {
        let trimmed = |secret: &Secret| {
            let (text, trimmed) = (secret.reveal(), secret.reveal().trim());
            text != trimmed && fits(&mac::key(trimmed.as_bytes()))
        };
        let decoded = |secret: &Secret| {
            diagnose::decoded(secret.reveal()).is_some_and(|bytes| fits(&mac::key(&bytes)))
        };
        let hint = if self.secrets.iter().any(trimmed) {
            diagnose::WHITESPACE.to_owned()
        } else if self.secrets.iter().any(decoded) {
            "secret_not_base64_decoded: it fits when the secret's base64 is decoded; here the text is the key".to_owned()
        } else {
            format!(
                "{}: the token was signed with another secret, or changed after it was signed",
                diagnose::UNEXPLAINED
            )
        };
        Box::new(Judgement::refused_with(Reason::SignatureMismatch, hint))
    }
}

struct JwtSigner {
    key: Key,
    audience: Option<String>,
    issuer: Option<String>,
}

impl Signer for JwtSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let issued = message.timestamp.secs();
        let mut claims = json!({ "iat": issued, "exp": issued + LIFE, "jti": message.id });
        for (name, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        let token = token::unsigned(&json!({ "alg": ALGORITHM, "typ": "JWT" }), &claims);
        let signature = mac::mac(&self.key, &[token.as_bytes()]);
        let token = token::signed(token, signature.as_ref());
        Ok(vec![(AUTHORIZATION, token::header_value(&token))].into())
    }
}
