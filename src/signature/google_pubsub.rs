//! Google Pub/Sub's push with authentication: a token of Google's in `Authorization: Bearer`, RS256 by a key of Google's set.
//!
//! The body is not covered. Any customer of Google's can get a token for any audience: the email says whose it is.
//! <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asymmetric::RsaSigner;
use super::token::{self, Claims, Token};
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, certificate, diagnose,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "google-pubsub-jwt";
const ALGORITHM: &str = "RS256";
const AUDIENCE: &str = "audience";
const EMAIL: &str = "email";
const KEYS: &str = "jwks";
const KEYS_URL: &str = "jwks-url";
const KID: &str = "kid";
const CERTS: &str = "certs";
const GOOGLE: &str = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// Whoever pushes.
const ANY: &str = "any";
/// Seconds after which a set is fetched again: keys are withdrawn.
const STALE: i64 = 6 * 3600;
/// How far clocks may differ, as in Google's own libraries.
const LEEWAY: Duration = Duration::from_secs(300);
/// Seconds that a token may count at most.
const LONGEST_LIFE: i64 = 24 * 60 * 60;
/// Seconds that a token of ours counts.
const LIFE: i64 = 3600;
/// Keys of a set that are read.
const MOST_KEYS: usize = 16;
/// Seconds before a set is fetched again for a key that it does not hold.
const PATIENCE: i64 = 60;

pub(super) struct GooglePubSub;

impl Scheme for GooglePubSub {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Authorization: Bearer and a token of Google's (RS256); needs audience and email; the body is not covered"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (AUDIENCE, "whom the token has to be for (`aud`)"),
            (
                EMAIL,
                "the service account that pushes; `any` takes any customer's token for the audience",
            ),
            (KEYS, "the key set's JSON text, instead of fetching it"),
            (KEYS_URL, "where the key set is, if not at Google's"),
            (KID, "the key's name in the set, for signing"),
            (
                CERTS,
                "`loopback` allows a jwks-url of this machine, by http too",
            ),
        ]
    }

    fn covers_body(&self) -> bool {
        false
    }

    fn sample_keys(&self, _random: &[u8; 32]) -> Option<KeyPair> {
        None
    }

    fn verifier(
        &self,
        _secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let fixed = options.get(KEYS).map(|text| {
            read(text.as_bytes()).ok_or(SignatureError::BadOption {
                scheme: NAME,
                option: KEYS,
                expected: "a key set (JSON with `keys`, RSA)",
            })
        });
        let fixed = fixed.transpose()?;
        let url = options.get(KEYS_URL).unwrap_or(GOOGLE);
        let loopback = super::certs_on_loopback(NAME, options)?;
        let allowed = url.parse().is_ok_and(|url: http::Uri| {
            (url.scheme_str() == Some("https") && url.host().is_some())
                || (loopback && certificate::is_loopback(&url))
        });
        if !allowed {
            return Err(SignatureError::BadOption {
                scheme: NAME,
                option: KEYS_URL,
                expected: "an https URL (with certs=loopback also http on this machine)",
            });
        }
        Ok(Box::new(PubSubVerifier {
            audience: needed(options, AUDIENCE)?.to_owned(),
            email: Some(needed(options, EMAIL)?)
                .filter(|email| *email != ANY)
                .map(str::to_owned),
            is_fixed: fixed.is_some(),
            url: url.to_owned(),
            keys: RwLock::new(fixed.map(|keys| Known { keys, at: 0 })),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        Ok(Box::new(PubSubSigner {
            audience: needed(options, AUDIENCE)?.to_owned(),
            email: options
                .get(EMAIL)
                .filter(|email| *email != ANY)
                .map(str::to_owned),
            kid: needed(options, KID)?.to_owned(),
            key: RsaSigner::new(NAME, secret)?,
        }))
    }
}

fn needed<'a>(options: &'a Options, option: &'static str) -> Result<&'a str, SignatureError> {
    options.get(option).ok_or(SignatureError::MissingOption {
        scheme: NAME,
        option,
    })
}

/// A key of a set, prepared.
struct Named {
    kid: String,
    key: ParsedPublicKey,
}

/// A key set, and when it was fetched.
struct Known {
    keys: Arc<[Named]>,
    at: i64,
}

/// Reads a key set. Keys of other kinds are passed over; a set without a key that can be used is none.
fn read(document: &[u8]) -> Option<Arc<[Named]>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    #[derive(Deserialize)]
    struct Jwk {
        kty: String,
        kid: String,
        n: String,
        e: String,
        r#use: Option<String>,
        alg: Option<String>,
    }
    let set: Set = serde_json::from_slice(document).ok()?;
    let prepare = |value: &Value| {
        let jwk = Jwk::deserialize(value).ok()?;
        let fits = jwk.kty == "RSA"
            && jwk.r#use.is_none_or(|usage| usage == "sig")
            && jwk.alg.is_none_or(|alg| alg == ALGORITHM);
        let components = RsaPublicKeyComponents {
            n: URL_SAFE_NO_PAD.decode(&jwk.n).ok()?,
            e: URL_SAFE_NO_PAD.decode(&jwk.e).ok()?,
        };
        let key = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        let key = key.ok().filter(|_| fits)?;
        Some(Named { kid: jwk.kid, key })
    };
    let keys: Arc<[Named]> = set
        .keys
        .iter()
        .filter_map(prepare)
        .take(MOST_KEYS)
        .collect();
    (!keys.is_empty()).then_some(keys)
}

struct PubSubVerifier {
    audience: String,
    email: Option<String>,
    /// Whether the set was given: then nothing is fetched.
    is_fixed: bool,
    url: String,
    keys: RwLock<Option<Known>>,
}

impl Verifier for PubSubVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        tolerance: Option<Duration>,
    ) -> Judgement {
        let judged = self.judge(received, now, tolerance.unwrap_or(LEEWAY));
        judged.unwrap_or_else(|judgement| *judgement)
    }

    fn wants(&self, received: &Received<'_>, now: Timestamp) -> Option<String> {
        let token = Token::read(received.headers, ALGORITHM).ok()?;
        let kid = token.kid?;
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = !self.is_fixed
            && known.as_ref().is_none_or(|known| {
                let age = now.secs().abs_diff(known.at);
                let is_unknown = known.keys.iter().all(|named| named.kid != kid);
                age >= STALE.unsigned_abs() || (is_unknown && age >= PATIENCE.unsigned_abs())
            });
        is_wanted.then(|| self.url.clone())
    }

    fn learn(&self, url: &str, document: &[u8], now: Timestamp) {
        if url == self.url && !self.is_fixed {
            let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            // What cannot be read is some other server's answer; the keys that were good stay.
            if let Some(keys) = read(document) {
                let at = now.secs();
                *known = Some(Known { keys, at });
            }
        }
    }
}

impl PubSubVerifier {
    fn judge(
        &self,
        received: &Received<'_>,
        now: Timestamp,
        leeway: Duration,
    ) -> Result<Judgement, Box<Judgement>> {
        let token = Token::read(received.headers, ALGORITHM)?;
        let Some(kid) = &token.kid else {
            return Err(token::malformed("it does not name its key (`kid`)"));
        };
        let keys = {
            let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            known.as_ref().map(|known| Arc::clone(&known.keys))
        };
        let keys = keys.ok_or_else(|| Box::new(certificate::unavailable(&self.url, "key set")))?;
        let Some(named) = keys.iter().find(|named| named.kid == *kid) else {
            return Err(unknown(kid, &self.url));
        };
        if named
            .key
            .verify_sig(token.signed, &token.signature)
            .is_err()
        {
            let hint = format!(
                "{}: the token names a key of the set, but that did not sign it; it was forged, or changed on its way",
                diagnose::UNEXPLAINED
            );
            let judgement = Judgement::refused_with(Reason::SignatureMismatch, hint);
            return Err(Box::new(judgement));
        }
        let claims = token.claims()?;
        time(&claims, now, leeway)?;
        self.claims(&claims)?;
        Ok(Judgement::valid(0))
    }

    fn claims(&self, claims: &Claims) -> Result<(), Box<Judgement>> {
        if !claims
            .iss
            .as_deref()
            .is_some_and(|iss| ISSUERS.contains(&iss))
        {
            return Err(token::mismatch("iss", claims.iss.as_deref(), ISSUERS[0]));
        }
        claims.audience(&self.audience)?;
        let email = claims.email.as_deref();
        if let Some(expected) = &self.email
            && email != Some(expected)
        {
            return Err(token::mismatch("email", email, expected));
        }
        if claims.email_verified != Some(true) {
            let given = claims.email_verified.map(|verified| verified.to_string());
            return Err(token::mismatch("email_verified", given.as_deref(), "true"));
        }
        Ok(())
    }
}

/// Google's tokens have to say when they were made and when they end.
fn time(claims: &Claims, now: Timestamp, leeway: Duration) -> Result<(), Box<Judgement>> {
    let (Some(iat), Some(exp)) = (
        claims.iat.map(token::seconds),
        claims.exp.map(token::seconds),
    ) else {
        return Err(token::malformed(
            "it does not say when it was made and when it ends (`iat`, `exp`)",
        ));
    };
    if exp.saturating_sub(iat) > LONGEST_LIFE {
        let life = exp.saturating_sub(iat).to_string();
        let most = format!("{LONGEST_LIFE} s or less");
        return Err(token::mismatch("exp - iat", Some(&life), &most));
    }
    let times = Claims {
        exp: claims.exp,
        // A token counts from when it was made.
        nbf: Some(
            claims
                .nbf
                .unwrap_or(f64::MIN)
                .max(claims.iat.unwrap_or(f64::MIN)),
        ),
        ..Claims::default()
    };
    times.time(now, leeway, Some(0))
}

#[cold]
fn unknown(kid: &str, url: &str) -> Box<Judgement> {
    let shown: String = kid.chars().take(80).collect();
    let hint = format!(
        "unknown_key: the token is signed by the key `{shown}`, which is not in the key set ({url}); it is no token of Google's, or the set given is old"
    );
    Box::new(Judgement::refused_with(Reason::UnknownKey, hint))
}

struct PubSubSigner {
    audience: String,
    email: Option<String>,
    kid: String,
    key: RsaSigner,
}

impl Signer for PubSubSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let issued = message.timestamp.secs();
        let mut claims = json!({ "aud": self.audience, "sub": "evt" });
        if let Some(email) = &self.email {
            claims["email"] = json!(email);
            claims["email_verified"] = json!(true);
        }
        claims["iat"] = json!(issued);
        claims["exp"] = json!(issued + LIFE);
        claims["iss"] = json!(ISSUERS[0]);
        let head = json!({ "alg": ALGORITHM, "kid": self.kid, "typ": "JWT" });
        let token = token::unsigned(&head, &claims);
        let signature = self.key.sign(NAME, token.as_bytes())?;
        let token = token::signed(token, &signature);
        Ok(vec![(AUTHORIZATION, token::header_value(&token))].into())
    }
}
