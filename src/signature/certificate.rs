//! Certificates that requests refer to by URL: parsed from PEM, checked against trusted roots, and stored as prepared keys.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
};
use chrono::NaiveDateTime;
use http::Uri;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

use super::{Judgement, Reason};
use crate::time::Timestamp;

/// The most documents in a cache. The oldest is removed first.
const MOST_CACHED: usize = 16;
/// How many certificates of a document are read. Chains have three or four.
const LONGEST_CHAIN: usize = 8;

/// Values by URL, the oldest first.
pub(super) struct Cache<T>(RwLock<Vec<(Box<str>, Arc<T>)>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(RwLock::new(Vec::new()))
    }
}

impl<T> Cache<T> {
    pub(super) fn get(&self, url: &str) -> Option<Arc<T>> {
        let values = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = values.iter().find(|(known, _)| **known == *url);
        found.map(|(_, value)| Arc::clone(value))
    }

    /// Replaces the value of a URL; `None` removes it.
    pub(super) fn put(&self, url: &str, value: Option<T>) {
        let mut values = self.0.write().unwrap_or_else(PoisonError::into_inner);
        values.retain(|(known, _)| **known != *url);
        if let Some(value) = value {
            if values.len() >= MOST_CACHED {
                values.remove(0);
            }
            values.push((url.into(), Arc::new(value)));
        }
    }
}

/// Seconds since the epoch, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    from: i64,
    to: i64,
}

impl Validity {
    fn holds(self, now: Timestamp) -> bool {
        (self.from..=self.to).contains(&now.secs())
    }

    fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }
}

/// A certificate chain with the key of its leaf prepared.
pub(super) struct Leaf {
    /// The leaf first.
    chain: Vec<CertificateDer<'static>>,
    pub(super) sha256: ParsedPublicKey,
    pub(super) sha1: ParsedPublicKey,
    /// When the key is valid: the period of the leaf, or of the whole chain once that was checked.
    validity: Validity,
    trust: Trust,
}

#[derive(Clone, Copy)]
enum Trust {
    /// Because of the URL it was fetched from.
    Url,
    /// Because of a chain that ends in a trusted root; the result of the last check.
    Chain(Result<(), Reason>),
}

impl Leaf {
    /// Parses a document that is trusted because of its origin.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(document)
            .take(LONGEST_CHAIN)
            .collect::<Result<_, _>>()
            .ok()?;
        let leaf = chain.first()?;
        let spki = EndEntityCert::try_from(leaf)
            .ok()?
            .subject_public_key_info();
        let key = |algorithm| ParsedPublicKey::new(algorithm, spki.as_ref()).ok();
        Some(Self {
            sha256: key(&RSA_PKCS1_2048_8192_SHA256)?,
            sha1: key(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY)?,
            // The vendor serves this certificate now, so the start of its validity is not checked.
            validity: Validity {
                from: i64::MIN,
                ..validity(leaf)?
            },
            chain,
            trust: Trust::Url,
        })
    }

    /// Parses a document that is trusted only if its chain ends in one of these roots.
    pub(super) fn read_chain(document: &[u8], anchors: &Anchors, now: Timestamp) -> Option<Self> {
        let mut leaf = Self::read(document)?;
        match anchors.check(&leaf.chain, now) {
            Ok(validity) => {
                leaf.validity = validity;
                leaf.trust = Trust::Chain(Ok(()));
            }
            Err(reason) => leaf.trust = Trust::Chain(Err(reason)),
        }
        Some(leaf)
    }

    /// Whether the key is valid now. The chain is checked again only if `now` is outside the period that was checked.
    pub(super) fn check(&self, anchors: Option<&Anchors>, now: Timestamp) -> Result<(), Reason> {
        let holds = self.validity.holds(now);
        match (self.trust, anchors) {
            // A receiver whose clock is slow must accept a certificate that the vendor already serves.
            (Trust::Url, _) if now.secs() <= self.validity.to => Ok(()),
            (Trust::Chain(Ok(())), _) if holds => Ok(()),
            (Trust::Chain(_), Some(anchors)) => anchors.check(&self.chain, now).map(|_| ()),
            (Trust::Chain(Err(reason)), None) => Err(reason),
            _ => Err(Reason::CertExpired),
        }
    }
}

/// Trusted roots.
pub(super) struct Anchors {
    anchors: Vec<TrustAnchor<'static>>,
    /// Intermediate certificates.
    others: Vec<CertificateDer<'static>>,
    /// One of the names of the leaf must end with this.
    suffix: &'static str,
}

impl Anchors {
    /// The roots that browsers trust, and those of the PEM text. `None` if the text holds no certificate.
    pub(super) fn new(pem: Option<&str>, suffix: &'static str) -> Option<Self> {
        let mut anchors = webpki_roots::TLS_SERVER_ROOTS.to_vec();
        let mut others = Vec::new();
        let given = CertificateDer::pem_slice_iter(pem.unwrap_or_default().as_bytes());
        let before = anchors.len();
        for certificate in given {
            let certificate = certificate.ok()?;
            let issued_by_another = EndEntityCert::try_from(&certificate)
                .is_ok_and(|read| read.subject() != read.issuer());
            if issued_by_another {
                others.push(certificate);
            } else {
                let anchor = webpki::anchor_from_trusted_cert(&certificate).ok()?;
                anchors.push(anchor.to_owned());
            }
        }
        let found = anchors.len() > before || !others.is_empty();
        (pem.is_none() || found).then_some(Self {
            anchors,
            others,
            suffix,
        })
    }

    /// Builds a chain from the leaf to a root, and returns its validity.
    fn check(&self, chain: &[CertificateDer<'static>], now: Timestamp) -> Result<Validity, Reason> {
        let (leaf, between) = chain.split_first().ok_or(Reason::CertUntrusted)?;
        let between: Vec<CertificateDer<'_>> =
            between.iter().chain(&self.others).cloned().collect();
        let read = EndEntityCert::try_from(leaf).map_err(reason)?;
        let seconds = u64::try_from(now.secs()).unwrap_or_default();
        let path = read
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &self.anchors,
                &between,
                UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map_err(reason)?;
        if !read
            .valid_dns_names()
            .any(|name| name.ends_with(self.suffix))
        {
            return Err(Reason::CertNameMismatch);
        }
        let of_leaf = validity(leaf).ok_or(Reason::CertUntrusted)?;
        path.intermediate_certificates()
            .try_fold(of_leaf, |sum, certificate| {
                Some(sum.and(validity(&certificate.der())?))
            })
            .ok_or(Reason::CertUntrusted)
    }
}

#[allow(clippy::needless_pass_by_value)]
fn reason(error: webpki::Error) -> Reason {
    match error {
        webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => {
            Reason::CertExpired
        }
        _ => Reason::CertUntrusted,
    }
}

/// Reads the validity of a certificate. webpki checks it, but only exposes it in errors.
fn validity(certificate: &[u8]) -> Option<Validity> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    if let (0xa0, _, after) = element(rest)? {
        rest = after;
    }
    // Skip the serial number, the algorithm and the issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (from_tag, from, after) = element(validity)?;
    let (to_tag, to, _) = element(after)?;
    Some(Validity {
        from: time(from_tag, from)?,
        to: time(to_tag, to)?,
    })
}

/// Splits off the first element of DER: its tag, its content, and the rest.
pub(crate) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// Parses `UTCTime` or `GeneralizedTime`. Certificates use one form of each.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let century = match (tag, text.len()) {
        (0x17, 13) if text < "50" => "20",
        (0x17, 13) => "19",
        (0x18, 15) => "",
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&format!("{century}{text}"), "%Y%m%d%H%M%SZ");
    Some(time.ok()?.and_utc().timestamp())
}

/// Whether a URL is on this machine, where a local platform serves its certificates.
pub(super) fn is_loopback(url: &Uri) -> bool {
    let scheme = matches!(url.scheme_str(), Some("http" | "https"));
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    scheme && (host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

/// Returns the host of an https URL that consists of a lower-case host and a plain path, as those of vendors do. Other spellings
/// of the same URL would fill the cache with copies of one certificate.
pub(super) fn https_host(text: &str) -> Option<&str> {
    let (host, path) = text.strip_prefix("https://")?.split_once('/')?;
    let is_host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_host) && path.bytes().all(is_path)).then_some(host)
}

/// The judgement if the document is missing.
#[cold]
pub(super) fn unavailable(url: &str, what: &str) -> Box<Judgement> {
    let hint = format!(
        "cert_unavailable: the {what} at {url} could not be fetched or parsed; check that this machine can reach the URL, then let the sender try again"
    );
    Judgement::refused(Reason::CertUnavailable, hint)
}

/// The judgement on a URL that the scheme does not allow.
#[cold]
pub(super) fn not_allowed(url: &str, allowed: &str) -> Box<Judgement> {
    let shown: String = url.chars().take(200).collect();
    let hint = format!(
        "cert_url_not_allowed: the certificate must be at {allowed}, but the request names `{shown}`, where anybody could have put one"
    );
    Judgement::refused(Reason::CertUrlNotAllowed, hint)
}

/// The judgement on a certificate that is not trusted.
#[cold]
pub(super) fn untrusted(reason: Reason, url: &str, suffix: &str) -> Box<Judgement> {
    let words = match reason {
        Reason::CertExpired => {
            "is expired or not valid yet; check the clock of this machine too".to_owned()
        }
        Reason::CertNameMismatch => {
            format!("is trusted, but none of its names ends with `{suffix}`")
        }
        _ => "does not lead to a trusted root; give your own root with the option `ca`".to_owned(),
    };
    let hint = format!("{}: the certificate at {url} {words}", reason.code());
    Judgement::refused(reason, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_certificate_are_parsed() {
        assert_eq!(time(0x17, b"250101000000Z"), Some(1_735_689_600));
        assert_eq!(time(0x18, b"20500101000000Z"), Some(2_524_608_000));
        assert_eq!(time(0x17, b"700101000000Z"), Some(0));
        for (tag, text) in [
            (0x17, &b"20500101000000Z"[..]),
            (0x18, b"250101000000Z"),
            (0x17, b"250101000000"),
            (0x17, b"251301000000Z"),
            (0x17, b"2501010000\xc3\xa9Z"),
        ] {
            assert_eq!(time(tag, text), None);
        }
    }

    #[test]
    fn broken_der_is_not_a_certificate() {
        for der in [
            &b""[..],
            &[0x30],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x80],
        ] {
            assert_eq!(validity(der), None);
        }
        assert!(Leaf::read(b"").is_none());
        let text = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(Leaf::read(text).is_none());
    }

    #[test]
    fn a_full_cache_removes_its_oldest_document() {
        let cache = Cache::default();
        for at in 0..=MOST_CACHED {
            cache.put(&at.to_string(), Some(at));
        }
        assert!(cache.get("0").is_none());
        assert_eq!(cache.get("16").as_deref(), Some(&16));
        cache.put("16", None);
        assert!(cache.get("16").is_none());
    }

    #[test]
    fn only_urls_of_this_machine_are_loopback() {
        let loopback = |url: &str| is_loopback(&url.parse().unwrap());
        assert!(loopback("http://127.0.0.1:80/x"));
        assert!(loopback("https://[::1]/x"));
        assert!(loopback("http://localhost/x"));
        assert!(!loopback("http://127.0.0.1.evil.test/x"));
        assert!(!loopback("http://localhost.evil.test/"));
        assert!(!loopback("http://10.0.0.1/"));
    }
}
