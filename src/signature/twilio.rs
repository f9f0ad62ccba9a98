//! Twilio: `X-Twilio-Signature`, HMAC-SHA1 in base64 over the public URL and the form's parameters, sorted.
//!
//! For any other body, the URL's query holds its SHA-256 (`bodySHA256`). With a shared key (beta) the MAC is HMAC-SHA256. The user
//! configures which of the two is accepted; the header of the request does not choose.
//! <https://www.twilio.com/docs/usage/security#validating-requests>

use aws_lc_rs::hmac::{Key, Tag};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::borrow::Cow;
use std::net::IpAddr;

use super::mac::{self, Algorithm, Encoding};
use super::recipe::path_of;
use super::{
    Facts, Judged, Judgement, KeyPair, NewSigner, NewVerifier, Options, Outgoing, PublicUrl,
    Reason, Received, Scheme, SignatureError, Signed, Signer, Timing, Verifier, asymmetric,
    diagnose, header, query, repair,
};
use crate::secret::Secret;

const NAME: &str = "twilio";
const ALGORITHM: &str = "algorithm";
const KEY: &str = "key";
const URL: &str = "url";
pub(super) const BODY_HASH: &str = "bodySHA256";
const HEADER: &str = "x-twilio-signature";
static SIGNATURE: HeaderName = HeaderName::from_static(HEADER);
static SETTINGS: HeaderName = HeaderName::from_static("x-twilio-webhooks-signature-settings");
/// A larger form is not tried with other URLs, so that an invalid signature stays cheap to refuse.
const LARGEST_TRIED: usize = 64 * 1024;

static FACTS: Facts = Facts {
    options: &[
        (
            ALGORITHM,
            "HMAC_SHA1, or HMAC_SHA256 if the secret is a webhook shared key",
        ),
        (
            KEY,
            "the id of the shared key (webhooks_sharedkey_…), for signing",
        ),
        (
            URL,
            "the URL that is configured with Twilio, if the request arrives under another one; --public-url does the same for all schemes",
        ),
    ],
    header: Some(HEADER),
    ..Facts::new(
        NAME,
        "X-Twilio-Signature: HMAC-SHA1 over the public URL and the form; the key is the auth token",
    )
};

pub(super) struct Twilio;

impl Scheme for Twilio {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(KeyPair::hex("", &random[..16]))
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        let algorithm = algorithm(options)?;
        let url = options.get(URL).map(|url| {
            url.parse().map_err(|_| SignatureError::BadOption {
                scheme: NAME,
                option: URL,
                expected: "a URL, such as https://hooks.example.com/sms",
            })
        });
        Ok(Box::new(TwilioVerifier {
            url: url.transpose()?,
            algorithm,
            keys: super::keys(NAME, secrets, |secret| key(algorithm, secret))?,
            secrets: secrets.to_vec(),
        }))
    }

    fn new_signer(&self, secret: &Secret, _more: &[Secret], options: &Options) -> NewSigner {
        let algorithm = algorithm(options)?;
        let settings = (algorithm == Algorithm::Sha256).then(|| {
            let key = options.get(KEY).unwrap_or("webhooks_sharedkey_evt");
            let text = format!("key={key},algorithm=HMAC_SHA256");
            HeaderValue::from_str(&text).map_err(|_| SignatureError::BadOption {
                scheme: NAME,
                option: KEY,
                expected: "text that a header can hold",
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
    Ok(algorithm.key(super::text_of(NAME, secret)?.as_bytes()))
}

/// Whether the body is a form, whose parameters are signed. If the URL has a hash, the body is never a form: otherwise an
/// attacker could label another body as a form and avoid the hash.
fn is_form(headers: &HeaderMap, url: &str) -> bool {
    let is_form = !headers.contains_key(CONTENT_TYPE) || query::is_form(headers);
    is_form && query::value(url, BODY_HASH).is_none()
}

/// The most parameters of a form. Twilio sends a few dozen.
const MOST_PARAMETERS: usize = 4096;

/// A decoded parameter of a form.
type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The signed form: parameters sorted by the bytes of their names, without duplicates.
fn parameters(body: &[u8]) -> Vec<Pair<'_>> {
    let mut pairs: Vec<_> = query::pairs(body).take(MOST_PARAMETERS + 1).collect();
    // A longer form is refused, so it must not become shorter here: parameters that are not read are not signed.
    if pairs.len() <= MOST_PARAMETERS {
        pairs.sort_unstable();
        pairs.dedup();
    }
    pairs
}

/// Adds the default port to a URL without one, or removes the port: Twilio signs either form.
fn other_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    // The colons of an IPv6 address are not before a port.
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
    /// The URL that Twilio calls, if it is an option.
    url: Option<PublicUrl>,
    algorithm: Algorithm,
    keys: Vec<Key>,
    secrets: Vec<Secret>,
}

impl Verifier for TwilioVerifier {
    fn judge(&self, received: &Received<'_>, _timing: Timing) -> Judged {
        let Some(url) = &self.url else {
            return self.judge_url(received);
        };
        self.judge_url(&Received {
            url: &url.of(path_of(received.url)),
            ..*received
        })
    }
}

impl TwilioVerifier {
    fn judge_url(&self, received: &Received<'_>) -> Judged {
        let line = header::single(received.headers, &SIGNATURE)?;
        let given = Encoding::Base64
            .decode(line, self.algorithm)
            .ok_or_else(|| self.unreadable(line))?;
        let is_form = is_form(received.headers, received.url);
        let parameters = if is_form {
            parameters(received.body)
        } else {
            Vec::new()
        };
        if parameters.len() > MOST_PARAMETERS {
            let hint = "malformed_body: the form has more parameters than Twilio ever sends";
            return Err(Judgement::refused(Reason::MalformedBody, hint));
        }
        let matches =
            |key: &Key, url: &str| mac::is_equal(&signature(key, url, &parameters), &given);
        let matching = |url: &str| self.keys.iter().position(|key| matches(key, url));
        let matched = matching(received.url)
            .or_else(|| other_port(received.url).and_then(|url| matching(&url)));
        match matched {
            Some(matched) if is_form => Ok(Judgement::valid(matched)),
            Some(matched) => body_hash(received, matched),
            None => Err(self.mismatch(received, matches)),
        }
    }
}

/// The MAC over the URL and the parameters: names and values without separators.
fn signature(key: &Key, url: &str, parameters: &[Pair<'_>]) -> Tag {
    let mut parts = Vec::with_capacity(1 + 2 * parameters.len());
    parts.push(url.as_bytes());
    for (name, value) in parameters {
        parts.extend([&**name, &**value]);
    }
    mac::mac(key, &parts)
}

/// Checks a body that is not a form against the hash in the URL. The URL is signed.
fn body_hash(received: &Received<'_>, matched: usize) -> Judged {
    let Some(expected) = query::value(received.url, BODY_HASH) else {
        if received.body.is_empty() {
            return Ok(Judgement::valid(matched));
        }
        let hint = "body_hash_mismatch: the URL is signed but has no bodySHA256, so nothing covers the body; verify with the URL that Twilio called, including its query";
        return Err(Judgement::refused(Reason::BodyHashMismatch, hint));
    };
    let is_signed = |body: &[u8]| expected.eq_ignore_ascii_case(&sha256(body));
    if is_signed(received.body) {
        return Ok(Judgement::valid(matched));
    }
    let hint = match repair::find(received.body, repair::MOST_MACS, is_signed) {
        Some(repair) => repair.hint(),
        None => diagnose::body_changed("another body, whose hash is the bodySHA256 of the URL"),
    };
    Err(Judgement::refused(Reason::BodyHashMismatch, hint))
}

fn sha256(body: &[u8]) -> String {
    mac::hex(asymmetric::sha256(&[body]).as_ref())
}

impl TwilioVerifier {
    /// Recognises a MAC of the other algorithm by its length.
    #[cold]
    fn unreadable(&self, line: &[u8]) -> Box<Judgement> {
        let (other, name) = match self.algorithm {
            Algorithm::Sha1 => (Algorithm::Sha256, "HMAC_SHA256"),
            _ => (Algorithm::Sha1, "HMAC_SHA1"),
        };
        if Encoding::Base64.decode(line, other).is_none() {
            return asymmetric::malformed("the padded base64 of a MAC");
        }
        let hint = format!(
            "algorithm: the signature has the length of {name}; set the option `algorithm` to HMAC_SHA256 for a shared key, and to HMAC_SHA1 for the auth token"
        );
        Judgement::refused(Reason::SignatureMismatch, hint)
    }

    #[cold]
    fn mismatch(
        &self,
        received: &Received<'_>,
        matches: impl Fn(&Key, &str) -> bool,
    ) -> Box<Judgement> {
        let url = received.url;
        let is_small = received.body.len() <= LARGEST_TRIED;
        let any = |url: &str| self.keys.iter().any(|key| matches(key, url));
        let found = is_small.then(|| urls(received).into_iter().find(|url| any(url)));
        let with_text = |text: &str| matches(&self.algorithm.key(text.as_bytes()), url);
        let hint = if let Some(signed) = found.flatten() {
            // The path that a listener sees is added to an origin.
            let origin = signed.strip_suffix(path_of(url)).unwrap_or(&signed);
            format!(
                "url_mismatch: the signature matches {signed}, but the request arrived as {url}; add --public-url '{origin}'"
            )
        } else if diagnose::matches_trimmed(&self.secrets, with_text) {
            diagnose::WHITESPACE.to_owned()
        } else if is_local(url) {
            format!(
                "url_mismatch: the request arrived as {url}, which Twilio cannot call; it signs the public URL, so give that whole URL with --public-url (if this machine sent the request, check the auth token)"
            )
        } else {
            "unexplained: no other form of the URL or of the key matches; check that --public-url is the URL that Twilio calls, and that the secret is the auth token of this account".to_owned()
        };
        Judgement::refused(Reason::SignatureMismatch, hint)
    }
}

/// Whether the URL is on this machine or in a private network.
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

/// Candidates for the public URL: from the request's headers, and with the changes that proxies and frameworks make.
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
    // The shortest form is the one that users write.
    urls.sort_by_key(String::len);
    urls.dedup();
    urls
}

/// Sorts the parameters of the query by name.
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
        let mut headers = vec![(SIGNATURE.clone(), header::value(mac::base64(tag.as_ref())))];
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

/// Puts the hash of the body into the query. `None` if the right hash is there already.
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
    fn a_port_is_added_or_removed() {
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
    fn the_query_gets_one_hash() {
        let url = with_hash("https://a.test/x?y=1&bodySHA256=old", "ab").unwrap();
        assert_eq!(url, "https://a.test/x?y=1&bodySHA256=ab");
        assert_eq!(with_hash(&url, "ab"), None);
        assert_eq!(with_hash("/x", "ab").unwrap(), "/x?bodySHA256=ab");
    }
}
