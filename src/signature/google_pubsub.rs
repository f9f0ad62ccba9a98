//! Google Pub/Sub with authenticated push: a token in `Authorization: Bearer`, RS256 with a key of Google's key set.
//!
//! The body is not covered. Every Google customer can get a token for any audience, so the email must be checked too.
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
use super::options::CERTS;
use super::token::{self, Claims, Token};
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, Reason, Received,
    Scheme, SignatureError, Signed, Signer, Timing, Verifier, certificate,
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
const GOOGLE: &str = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// The value of `email` that accepts every account.
const ANY: &str = "any";
/// Seconds after which the set is fetched again, because keys are withdrawn.
const STALE: i64 = 6 * 3600;
/// The default tolerance, as in Google's own libraries.
const LEEWAY: Duration = Duration::from_secs(300);
/// The longest accepted lifetime of a token, in seconds.
const LONGEST_LIFE: i64 = 24 * 60 * 60;
/// Lifetime of a token that evt makes, in seconds.
const LIFE: i64 = 3600;
/// How many keys of a set are read.
const MOST_KEYS: usize = 16;
/// Seconds before the set is fetched again for an unknown key.
const PATIENCE: i64 = 60;

static FACTS: Facts = Facts {
    verifies_with_secret: false,
    options: &[
        (AUDIENCE, "the required audience of the token (`aud`)"),
        (
            EMAIL,
            "the service account that pushes; `any` accepts the token of every Google customer for the audience",
        ),
        (KEYS, "the JSON of the key set, instead of fetching it"),
        (KEYS_URL, "the URL of the key set (default Google's)"),
        (KID, "the name of the key in the set, for signing"),
        CERTS,
    ],
    covers_body: false,
    outdated_after: token::OUTDATED_AFTER,
    keys: Some("verify with Google's key set and sign with a private key in PEM"),
    ..Facts::new(
        NAME,
        "Authorization: Bearer and a token of Google (RS256); needs audience and email; the body is not covered",
    )
};

pub(super) struct GooglePubSub;

impl Scheme for GooglePubSub {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, _random: &[u8; 32]) -> Option<KeyPair> {
        None
    }

    fn new_verifier(&self, _secrets: &[Secret], options: &Options) -> NewVerifier {
        let fixed = options.get(KEYS).map(|text| {
            read(text.as_bytes()).ok_or(SignatureError::BadOption {
                scheme: NAME,
                option: KEYS,
                expected: "a key set (JSON with `keys`, RSA)",
            })
        });
        let fixed = fixed.transpose()?;
        let url = options.get(KEYS_URL).unwrap_or(GOOGLE);
        let loopback = options.allows_loopback(NAME)?;
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
            audience: options.required(NAME, AUDIENCE)?.to_owned(),
            email: Some(options.required(NAME, EMAIL)?)
                .filter(|email| *email != ANY)
                .map(str::to_owned),
            is_fixed: fixed.is_some(),
            url: url.to_owned(),
            keys: RwLock::new(fixed.map(|keys| Known { keys, at: 0 })),
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], options: &Options) -> NewSigner {
        Ok(Box::new(PubSubSigner {
            audience: options.required(NAME, AUDIENCE)?.to_owned(),
            email: options
                .get(EMAIL)
                .filter(|email| *email != ANY)
                .map(str::to_owned),
            kid: options.required(NAME, KID)?.to_owned(),
            key: RsaSigner::new(NAME, secret)?,
        }))
    }
}

/// A prepared key of a set.
struct Named {
    kid: String,
    key: ParsedPublicKey,
}

/// A key set, and when it was fetched.
struct Known {
    keys: Arc<[Named]>,
    at: i64,
}

/// Parses a key set. Keys of other types are skipped. Returns `None` if no key is usable.
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
        let is_usable = jwk.kty == "RSA"
            && jwk.r#use.is_none_or(|usage| usage == "sig")
            && jwk.alg.is_none_or(|alg| alg == ALGORITHM);
        let components = RsaPublicKeyComponents {
            n: URL_SAFE_NO_PAD.decode(&jwk.n).ok()?,
            e: URL_SAFE_NO_PAD.decode(&jwk.e).ok()?,
        };
        let key = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        let key = key.ok().filter(|_| is_usable)?;
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
    /// Whether the user gave the set. Then it is never fetched.
    is_fixed: bool,
    url: String,
    keys: RwLock<Option<Known>>,
}

impl Verifier for PubSubVerifier {
    fn judge(&self, received: &Received<'_>, timing: Timing) -> Judged {
        let token = Token::read(received.headers, ALGORITHM)?;
        let Some(kid) = &token.kid else {
            return Err(token::malformed("it does not name its key (`kid`)"));
        };
        let keys = {
            let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            known.as_ref().map(|known| Arc::clone(&known.keys))
        };
        let keys = keys.ok_or_else(|| certificate::unavailable(&self.url, "key set"))?;
        let Some(named) = keys.iter().find(|named| named.kid == *kid) else {
            return Err(unknown(kid, &self.url));
        };
        if named
            .key
            .verify_sig(token.signed, &token.signature)
            .is_err()
        {
            let hint = "unexplained: the key that the token names did not sign it; the token was forged, or changed on its way";
            return Err(Judgement::refused(Reason::SignatureMismatch, hint));
        }
        let claims = token.claims()?;
        check_time(&claims, timing.or(LEEWAY))?;
        self.check(&claims)?;
        Ok(Judgement::valid(0))
    }

    fn missing_document(&self, received: &Received<'_>, now: Timestamp) -> Option<String> {
        let token = Token::read(received.headers, ALGORITHM).ok()?;
        let kid = token.kid?;
        let known = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let is_missing = !self.is_fixed
            && known.as_ref().is_none_or(|known| {
                let age = now.secs().abs_diff(known.at);
                let is_unknown = known.keys.iter().all(|named| named.kid != kid);
                age >= STALE.unsigned_abs() || (is_unknown && age >= PATIENCE.unsigned_abs())
            });
        is_missing.then(|| self.url.clone())
    }

    fn add_document(&self, url: &str, document: &[u8], now: Timestamp) {
        if url == self.url && !self.is_fixed {
            let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            // An unreadable document, such as an error page, does not replace the known keys.
            if let Some(keys) = read(document) {
                let at = now.secs();
                *known = Some(Known { keys, at });
            }
        }
    }
}

impl PubSubVerifier {
    fn check(&self, claims: &Claims) -> Result<(), Box<Judgement>> {
        claims.issuer(&ISSUERS)?;
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

/// Checks the lifetime. Tokens of Google must have `iat` and `exp`.
fn check_time(claims: &Claims, timing: Timing) -> Result<(), Box<Judgement>> {
    let (Some(iat), Some(exp)) = (
        claims.iat.map(token::seconds),
        claims.exp.map(token::seconds),
    ) else {
        return Err(token::malformed(
            "it lacks the time of issue or expiry (`iat`, `exp`)",
        ));
    };
    if exp.saturating_sub(iat) > LONGEST_LIFE {
        let life = exp.saturating_sub(iat).to_string();
        let most = format!("{LONGEST_LIFE} s or less");
        return Err(token::mismatch("exp - iat", Some(&life), &most));
    }
    let times = Claims {
        exp: claims.exp,
        // A token is not valid before it was issued.
        nbf: Some(
            claims
                .nbf
                .unwrap_or(f64::MIN)
                .max(claims.iat.unwrap_or(f64::MIN)),
        ),
        ..Claims::default()
    };
    times.time(timing, Some(0))
}

#[cold]
fn unknown(kid: &str, url: &str) -> Box<Judgement> {
    let shown: String = kid.chars().take(80).collect();
    let hint = format!(
        "unknown_key: the token names the key `{shown}`, which is not in the key set ({url}); the token is not from Google, or the option `jwks` is outdated"
    );
    Judgement::refused(Reason::UnknownKey, hint)
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
