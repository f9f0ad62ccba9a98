//! A JSON Web Token with a shared secret: HS256 in `Authorization: Bearer`. It proves who sent a request, not what it says.
//! <https://www.rfc-editor.org/rfc/rfc7519>

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::Key;
use http::header::AUTHORIZATION;
use serde_json::json;

use super::token::{self, Token};
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Reason, Received,
    Scheme, SignatureError, Signed, Signer, Timing, Verifier, diagnose, mac,
};
use crate::secret::Secret;

const NAME: &str = "jwt-hs256";
const ALGORITHM: &str = "HS256";
const AUDIENCE: &str = "audience";
const ISSUER: &str = "issuer";
/// Lifetime of a token that evt makes, in seconds.
const LIFE: i64 = 300;

static FACTS: Facts = Facts {
    options: &[
        (AUDIENCE, "the required audience of the token (`aud`)"),
        (ISSUER, "the required issuer of the token (`iss`)"),
    ],
    covers_body: false,
    outdated_after: token::OUTDATED_AFTER,
    ..Facts::new(
        NAME,
        "Authorization: Bearer and a token signed with HS256; the body is not covered",
    )
};

pub(super) struct Jwt;

impl Scheme for Jwt {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(KeyPair::hex("", random))
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        Ok(Box::new(JwtVerifier {
            keys: super::keys(NAME, secrets, key)?,
            secrets: secrets.to_vec(),
            options: options.clone(),
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], options: &Options) -> NewSigner {
        Ok(Box::new(JwtSigner {
            key: key(secret)?,
            options: options.clone(),
        }))
    }
}

fn key(secret: &Secret) -> Result<Key, SignatureError> {
    Ok(mac::key(super::text_of(NAME, secret)?.as_bytes()))
}

struct JwtVerifier {
    keys: Vec<Key>,
    secrets: Vec<Secret>,
    options: Options,
}

impl Verifier for JwtVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let token = Token::read(received.headers, ALGORITHM)?;
        let matches = |key: &Key| {
            let expected = mac::mac(key, &[token.signed]);
            verify_slices_are_equal(expected.as_ref(), &token.signature).is_ok()
        };
        let Some(matched) = self.keys.iter().position(matches) else {
            return Err(self.mismatch(matches));
        };
        let claims = token.claims()?;
        claims.time(timing, Some(matched))?;
        if let Some(audience) = self.options.get(AUDIENCE) {
            claims.audience(audience)?;
        }
        if let Some(issuer) = self.options.get(ISSUER) {
            claims.issuer(&[issuer])?;
        }
        Ok(Judgement::valid(matched))
    }
}

impl JwtVerifier {
    #[cold]
    fn mismatch(&self, matches: impl Fn(&Key) -> bool) -> Box<Judgement> {
        let matches = |bytes: &[u8]| matches(&mac::key(bytes));
        let is_trimmed = diagnose::matches_trimmed(&self.secrets, |text| matches(text.as_bytes()));
        let is_decoded = || {
            let mut secrets = self.secrets.iter();
            secrets.any(|secret| {
                diagnose::decoded(secret.reveal()).is_some_and(|bytes| matches(&bytes))
            })
        };
        let hint = if is_trimmed {
            diagnose::WHITESPACE
        } else if is_decoded() {
            "secret_not_base64_decoded: the sender used the decoded base64 of the secret as its key, but this scheme's key is the text; sign with the text of the secret"
        } else {
            "unexplained: the token was signed with another secret, or changed after it was signed; set the same secret on both sides"
        };
        Judgement::refused(Reason::SignatureMismatch, hint)
    }
}

struct JwtSigner {
    key: Key,
    options: Options,
}

impl Signer for JwtSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let issued = message.timestamp.secs();
        let mut claims = json!({ "iat": issued, "exp": issued + LIFE, "jti": message.id });
        for (name, option) in [("iss", ISSUER), ("aud", AUDIENCE)] {
            if let Some(value) = self.options.get(option) {
                claims[name] = json!(value);
            }
        }
        let token = token::unsigned(&json!({ "alg": ALGORITHM, "typ": "JWT" }), &claims);
        let signature = mac::mac(&self.key, &[token.as_bytes()]);
        let token = token::signed(token, signature.as_ref());
        Ok(vec![(AUTHORIZATION, token::header_value(&token))].into())
    }
}
