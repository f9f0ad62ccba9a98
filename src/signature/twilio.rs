//! Twilio: `X-Twilio-Signature`, HMAC-SHA1 in base64 over the public URL and the form's parameters, sorted.
//!
//! Other bodies are signed by their SHA-256 in the URL's query (`bodySHA256`). With a shared key (beta) the MAC is HMAC-SHA256;
//! which of the two counts is configured and not left to the request's header.
//! <https://www.twilio.com/docs/usage/security#validating-requests>

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::hmac::{Key, Tag};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::mac::{self, Algorithm, Mac, Writing};
use super::recipe::hex_keys;
use super::{
    Judgement, KeyPair, Options, Outgoing, Reason, Received, Scheme, SignatureError, Signed,
    Signer, Verifier, asymmetric, diagnose, header, query, repair,
};
use crate::secret::Secret;
use crate::time::Timestamp;

const NAME: &str = "twilio";
const ALGORITHM: &str = "algorithm";
const KEY: &str = "key";
const BODY_HASH: &str = "bodySHA256";
static SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
static SETTINGS: HeaderName = HeaderName::from_static("x-twilio-webhooks-signature-settings");
/// Larger forms are not tried with other URLs: a wrong signature must stay cheap to refuse.
const LARGEST_TRIED: usize = 64 * 1024;

pub(super) struct Twilio;

impl Scheme for Twilio {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "X-Twilio-Signature: HMAC-SHA1 over the public URL and the form, with the auth token as the key"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                ALGORITHM,
                "HMAC_SHA1, or HMAC_SHA256 if the secret is a webhook shared key",
            ),
            (
                KEY,
                "the id of the shared key (webhooks_sharedkey_…), for signing",
            ),
        ]
    }

    fn header(&self) -> Option<&'static str> {
        Some(SIGNATURE.as_str())
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("", &random[..16]))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        options.check(self)?;
        let algorithm = algorithm(options)?;
        Ok(Box::new(TwilioVerifier {
            algorithm,
            keys: super::keys(NAME, secrets, |secret| key(algorithm, secret))?,
            secrets: secrets.to_vec(),
        }))
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        options.check(self)?;
        let algorithm = algorithm(options)?;
        let settings = (algorithm == Algorithm::Sha256).then(|| {
            let key = options.get(KEY).unwrap_or("webhooks_sharedkey_evt");
            let text = format!("key={key},algorithm=HMAC_SHA256");
            HeaderValue::from_str(&text).map_err(|_| SignatureError::BadOption {
                scheme: NAME,
                option: KEY,
                expected: "text that can stand in a header",
            })
        });
        Ok(Box::new(TwilioSigner {
            key: key(algorithm, secret)?,
            settings: settings.transpose()?,
        }))
    }
}

fn algorithm(options: &Options) -> Result<Algorithm, SignatureError> {
    match options.get(ALGORITHM) {
        None | Some("HMAC_SHA1") => Ok(Algorithm::Sha1),
        Some("HMAC_SHA256") => Ok(Algorithm::Sha256),
        Some(_) => Err(SignatureError::BadOption {
            scheme: NAME,
            option: ALGORITHM,
            expected: "HMAC_SHA1 or HMAC_SHA256",
        }),
    }
}

fn key(algorithm: Algorithm, secret: &Secret) -> Result<Key, SignatureError> {
    let text = super::not_empty(NAME, secret)?.reveal();
    Ok(algorithm.key(text.as_bytes()))
}

/// Whether the body is a form, whose parameters are signed. A hash in the URL always counts: whoever calls another body a form
/// could otherwise put it in the place of the one that was hashed.
fn is_form(headers: &HeaderMap, url: &str) -> bool {
    let is_form = !headers.contains_key(CONTENT_TYPE) || query::is_form(headers);
    is_form && query::value(url, BODY_HASH).is_none()
}

/// Parameters of a form at most; Twilio sends some dozens.
const MOST_PARAMETERS: usize = 4096;

/// A parameter of a form, decoded.
type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The form as it is signed: names in the order of their bytes, each with its value; a pair that comes twice counts once.
fn parameters(body: &[u8]) -> Vec<Pair<'_>> {
    let mut pairs: Vec<_> = query::pairs(body).take(MOST_PARAMETERS + 1).collect();
    // More than that are refused by their number, before a pair that comes twice is counted once: what is not read is not signed.
    if pairs.len() <= MOST_PARAMETERS {
        pairs.sort_unstable();
        pairs.dedup();
    }
    pairs
}

/// The URL with its port if it had none, and without if it had one: Twilio signs either.
fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    // An IPv6 address has colons of its own.
    let after = authority.rfind(']').map_or(host, |at| at.max(host));
    let authority = match authority[after..].find(':') {
        Some(at) => authority[..after + at].to_owned(),
        None => format!("{authority}:{}", standard_port(scheme)),
    };
    Some(format!("{scheme}://{authority}{path}"))
}

fn standard_port(scheme: &str) -> &'static str {
    if scheme == "http" { "80" } else { "443" }
}

struct TwilioVerifier {
    algorithm: Algorithm,
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

impl Verifier for TwilioVerifier {
    fn verify(
        &self,
        received: &Received<'_>,
        _now: Timestamp,
        _tolerance: Option<Duration>,
    ) -> Judgement {
        let line = match header::single(received.headers, &SIGNATURE) {
            Ok(line) => line,
            Err(reason) => return diagnose::header(reason, &SIGNATURE, received.headers),
        };
        let Some(given) = Writing::Base64.decode(line, self.algorithm) else {
            return self.unreadable(line);
        };
        let is_form = is_form(received.headers, received.url);
        let parameters = if is_form {
            parameters(received.body)
        } else {
            Vec::new()
        };
        if parameters.len() > MOST_PARAMETERS {
            let hint = "malformed_body: a form with more parameters than Twilio ever sends";
            return Judgement::refused_with(Reason::MalformedBody, hint);
        }
        let fits = |key: &Key, url: &str| fits(key, url, &parameters, &given);
        let matching = |url: &str| self.keys.iter().position(|key| fits(key, url));
        let matched = matching(received.url)
            .or_else(|| other_port(received.url).and_then(|url| matching(&url)));
        match matched {
            Some(matched) if is_form => Judgement::valid(matched),
            Some(matched) => body_hash(received, matched),
            None => self.mismatch(received, fits),
        }
    }
}

fn fits(key: &Key, url: &str, parameters: &[Pair<'_>], given: &Mac) -> bool {
    mac::is_equal(&signature(key, url, parameters), given)
}

/// The MAC over the URL and the parameters, names and values without anything between them.
fn signature(key: &Key, url: &str, parameters: &[Pair<'_>]) -> Tag {
    let mut parts = Vec::with_capacity(1 + 2 * parameters.len());
    parts.push(url.as_bytes());
    for (name, value) in parameters {
        parts.extend([&**name, &**value]);
    }
    mac::mac(key, &parts)
}

/// Holds a body that is no form against the hash in the URL, which is signed.
fn body_hash(received: &Received<'_>, matched: usize) -> Judgement {
    let Some(expected) = query::value(received.url, BODY_HASH) else {
        if received.body.is_empty() {
            return Judgement::valid(matched);
        }
        let hint = "body_hash_mismatch: the URL is signed, but has no bodySHA256, so that nothing vouches for the body";
        return Judgement::refused_with(Reason::BodyHashMismatch, hint);
    };
    let is_right = |body: &[u8]| expected.eq_ignore_ascii_case(&sha256(body));
    if is_right(received.body) {
        return Judgement::valid(matched);
    }
    let found = repair::find(received.body, is_right);
    let found = found
        .as_deref()
        .unwrap_or("another body, by the bodySHA256 of its URL");
    Judgement::refused_with(Reason::BodyHashMismatch, diagnose::body_changed(found))
}

fn sha256(body: &[u8]) -> String {
    let mut text = Vec::with_capacity(64);
    mac::push_hex(asymmetric::sha256(&[body]).as_ref(), &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

impl TwilioVerifier {
    /// The other algorithm's MAC is longer or shorter.
    #[cold]
    fn unreadable(&self, line: &[u8]) -> Judgement {
        let (other, name) = match self.algorithm {
            Algorithm::Sha1 => (Algorithm::Sha256, "HMAC_SHA256"),
            _ => (Algorithm::Sha1, "HMAC_SHA1"),
        };
        if Writing::Base64.decode(line, other).is_none() {
            return asymmetric::malformed("the base64 of a MAC, with its padding");
        }
        let hint = format!(
            "algorithm: the signature is as long as one of {name}; a shared key signs by HMAC_SHA256, the auth token by HMAC_SHA1 (option `algorithm`)"
        );
        Judgement::refused_with(Reason::SignatureMismatch, hint)
    }

    #[cold]
    fn mismatch(&self, received: &Received<'_>, fits: impl Fn(&Key, &str) -> bool) -> Judgement {
        let small = received.body.len() <= LARGEST_TRIED;
        let any = |url: &str| self.keys.iter().any(|key| fits(key, url));
        let found = small.then(|| urls(received).into_iter().find(|url| any(url)));
        let trimmed = |secret: &Secret| {
            let (text, trimmed) = (secret.reveal(), secret.reveal().trim());
            text != trimmed && fits(&self.algorithm.key(trimmed.as_bytes()), received.url)
        };
        let hint = if let Some(url) = found.flatten() {
            format!(
                "url_mismatch: it fits {url}, and {} was seen here; give the public URL by --public-url",
                received.url
            )
        } else if self.secrets.iter().any(trimmed) {
            diagnose::WHITESPACE.to_owned()
        } else if is_local(received.url) {
            format!(
                "url_mismatch: {} was seen here, which Twilio cannot have called: it signs the public URL, so give that one by --public-url; if it was sent on this machine, the auth token is another one",
                received.url
            )
        } else {
            format!(
                "{}: neither another form of the URL nor of the key fits; Twilio signs the public URL (--public-url), with the account's auth token",
                diagnose::UNEXPLAINED
            )
        };
        Judgement::refused_with(Reason::SignatureMismatch, hint)
    }
}

/// Whether the URL is one of this machine or of a private network.
fn is_local(url: &str) -> bool {
    let Some(host) = url.parse::<Uri>().ok().and_then(|url| {
        url.host()
            .map(|host| host.trim_matches(['[', ']']).to_owned())
    }) else {
        return false;
    };
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

/// What the public URL may have been, by the request's headers and by what proxies and frameworks change.
fn urls(received: &Received<'_>) -> Vec<String> {
    let Ok(url) = received.url.parse::<Uri>() else {
        return Vec::new();
    };
    let forwarded = |name: &str| {
        let value = received.headers.get(name)?.to_str().ok()?;
        let first = value.split(',').next()?.trim();
        (!first.is_empty()).then_some(first)
    };
    let own = url.authority().map(|authority| authority.as_str());
    let hosts = [own, forwarded(HOST.as_str()), forwarded("x-forwarded-host")];
    let port = forwarded("x-forwarded-port");
    let path = url.path();
    let other_path = match path.strip_suffix('/') {
        Some(shorter) => shorter.to_owned(),
        None => format!("{path}/"),
    };
    let query = url.query().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    let sorted = sorted(&query);
    let mut urls = Vec::new();
    for scheme in ["https", "http"] {
        for host in hosts.into_iter().flatten() {
            for path in [path, &other_path] {
                for query in [&query, &sorted] {
                    let plain = format!("{scheme}://{host}{path}{query}");
                    let with_port = port
                        .filter(|_| !host.contains(':'))
                        .map(|port| format!("{scheme}://{host}:{port}{path}{query}"));
                    urls.extend(other_port(&plain));
                    urls.extend(with_port);
                    urls.push(plain);
                }
            }
        }
    }
    // The plain forms are what a person would write.
    urls.sort_by_key(String::len);
    urls.dedup();
    urls
}

/// The query with its parameters in the order of their names.
fn sorted(query: &str) -> String {
    let Some(text) = query.strip_prefix('?') else {
        return String::new();
    };
    let mut pairs: Vec<&str> = text.split('&').collect();
    pairs.sort_unstable();
    format!("?{}", pairs.join("&"))
}

struct TwilioSigner {
    key: Key,
    settings: Option<HeaderValue>,
}

impl Signer for TwilioSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let is_form = message.body.is_empty() || is_form(message.headers, message.url);
        let url = if is_form {
            None
        } else {
            with_hash(message.url, &sha256(message.body))
        };
        let parameters = if is_form {
            parameters(message.body)
        } else {
            Vec::new()
        };
        let called = url.as_deref().unwrap_or(message.url);
        if parameters.len() > MOST_PARAMETERS {
            return Err(SignatureError::BadBody {
                scheme: NAME,
                expected: "forms of at most 4096 parameters",
            });
        }
        let tag = signature(&self.key, called, &parameters);
        let mut text = Vec::new();
        mac::push_base64(tag.as_ref(), &mut text);
        let mut headers = vec![(SIGNATURE.clone(), header::value(text))];
        if let Some(settings) = &self.settings {
            headers.push((SETTINGS.clone(), settings.clone()));
        }
        Ok(Signed {
            headers,
            body: None,
            url,
        })
    }
}

/// The URL with the body's hash in its query; `None` where it is there and right.
fn with_hash(url: &str, hash: &str) -> Option<String> {
    if query::value(url, BODY_HASH).is_some_and(|given| given.eq_ignore_ascii_case(hash)) {
        return None;
    }
    let url = url.split('#').next().unwrap_or_default();
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let is_other = |pair: &&str| pair.split('=').next() != Some(BODY_HASH) && !pair.is_empty();
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(is_other)
        .map(str::to_owned)
        .collect();
    pairs.push(format!("{BODY_HASH}={hash}"));
    Some(format!("{base}?{}", pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_added_or_taken_away() {
        let other = |url: &str| other_port(url).unwrap();
        assert_eq!(other("https://a.test/x?y#z"), "https://a.test:443/x?y#z");
        assert_eq!(other("http://a.test"), "http://a.test:80");
        assert_eq!(other("https://a.test:8443/x"), "https://a.test/x");
        assert_eq!(other("https://u:p@a.test/x"), "https://u:p@a.test:443/x");
        assert_eq!(other("http://[::1]:80/x"), "http://[::1]/x");
        assert_eq!(other("http://[::1]/x"), "http://[::1]:80/x");
        assert_eq!(other_port("/x"), None);
    }

    #[test]
    fn a_hash_is_put_into_the_query_once() {
        let url = with_hash("https://a.test/x?y=1&bodySHA256=old", "ab").unwrap();
        assert_eq!(url, "https://a.test/x?y=1&bodySHA256=ab");
        assert_eq!(with_hash(&url, "ab"), None);
        assert_eq!(with_hash("/x", "ab").unwrap(), "/x?bodySHA256=ab");
    }
}
