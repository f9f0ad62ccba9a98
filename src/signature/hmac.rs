//! Any HMAC scheme, described by options: for senders that have no scheme of their own here, and for those that publish none.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::clock::{Clock, Window};
use super::mac::{Algorithm, Writing};
use super::recipe::{Carries, MOST_PARTS, Part, Recipe, Shared, Stamp, alone, hex_keys};
use super::{KeyPair, Options, Scheme, SignatureError, Signer, Verifier};
use crate::secret::Secret;

const NAME: &str = "hmac";
const SUMMARY: &str = "any HMAC: header, algorithm, encoding, prefix and template as options";
const TOLERANCE: Duration = Duration::from_secs(300);

pub(super) struct Hmac;

const OPTIONS: &[(&str, &str)] = &[
    (
        "header",
        "the header that holds the signature; X-Signature if not given",
    ),
    ("algorithm", "sha256 (if not given), sha1 or sha512"),
    ("encoding", "hex (if not given) or base64"),
    (
        "prefix",
        "what stands before the signature in the header, such as sha256=",
    ),
    (
        "template",
        "what is signed: text with {id}, {timestamp} and {body}; {body} if not given",
    ),
    (
        "timestamp-header",
        "the header of {timestamp}; X-Timestamp if not given",
    ),
    ("id-header", "the header of {id}; X-Id if not given"),
];

impl Scheme for Hmac {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        SUMMARY
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        OPTIONS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(hex_keys("", random))
    }

    fn verifier(
        &self,
        secrets: &[Secret],
        options: &Options,
    ) -> Result<Box<dyn Verifier>, SignatureError> {
        recipe(options)?.verifier(secrets, options)
    }

    fn signer(
        &self,
        secret: &Secret,
        options: &Options,
    ) -> Result<Box<dyn Signer>, SignatureError> {
        recipe(options)?.signer(std::slice::from_ref(secret))
    }
}

fn recipe(options: &Options) -> Result<Shared, SignatureError> {
    options.check(&Hmac)?;
    let text = |name: &str, usual: &'static str| options.get(name).unwrap_or(usual).to_owned();
    let message = parts(&text("template", "{body}"))?;
    let named = |part: &Part| message.contains(part);
    let id = named(&Part::Id)
        .then(|| header(options, "id-header", "X-Id"))
        .transpose()?;
    let stamp = named(&Part::Timestamp)
        .then(|| header(options, "timestamp-header", "X-Timestamp"))
        .transpose()?;
    Ok(Shared::Made(Arc::new(Recipe {
        name: NAME,
        summary: SUMMARY,
        signature: Cow::Owned(vec![header(options, "header", "X-Signature")?]),
        carries: Carries::After(Cow::Owned(prefix(options)?)),
        algorithm: algorithm(options)?,
        writing: writing(options)?,
        id: id.map(Cow::Owned),
        stamp: stamp.map(|header| Stamp {
            header: Some(Cow::Owned(header)),
            clock: Clock::Seconds,
            window: Window::Both,
            tolerance: TOLERANCE,
        }),
        message: Cow::Owned(message),
        sample: ("", 32),
        along: alone,
        handshake: None,
        options: OPTIONS,
    })))
}

const fn bad(option: &'static str, expected: &'static str) -> SignatureError {
    SignatureError::BadOption {
        scheme: NAME,
        option,
        expected,
    }
}

fn header(
    options: &Options,
    option: &'static str,
    usual: &str,
) -> Result<HeaderName, SignatureError> {
    let name = options.get(option).unwrap_or(usual);
    name.parse()
        .map_err(|_| bad(option, "the name of a header"))
}

fn prefix(options: &Options) -> Result<String, SignatureError> {
    let prefix = options.get("prefix").unwrap_or_default();
    let is_visible = prefix
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_visible
        .then(|| prefix.to_owned())
        .ok_or(bad("prefix", "visible ASCII"))
}

fn algorithm(options: &Options) -> Result<Algorithm, SignatureError> {
    match options.get("algorithm") {
        None | Some("sha256") => Ok(Algorithm::Sha256),
        Some("sha1") => Ok(Algorithm::Sha1),
        Some("sha512") => Ok(Algorithm::Sha512),
        Some(_) => Err(bad("algorithm", "sha1, sha256 or sha512")),
    }
}

fn writing(options: &Options) -> Result<Writing, SignatureError> {
    match options.get("encoding") {
        None | Some("hex") => Ok(Writing::Hex),
        Some("base64") => Ok(Writing::Base64),
        Some(_) => Err(bad("encoding", "hex or base64")),
    }
}

/// `{id}.{timestamp}.{body}` in pieces.
fn parts(template: &str) -> Result<Vec<Part>, SignatureError> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (part, length) = match rest.split_once('{') {
            Some(("", after)) => {
                let (name, _) = after
                    .split_once('}')
                    .ok_or(bad("template", "closed: a `{` has no `}`"))?;
                let part = match name {
                    "id" => Part::Id,
                    "timestamp" => Part::Timestamp,
                    "body" => Part::Body,
                    _ => {
                        return Err(bad(
                            "template",
                            "made of {id}, {timestamp}, {body} and text",
                        ));
                    }
                };
                (part, name.len() + 2)
            }
            Some((text, _)) => (Part::Text(Cow::Owned(text.to_owned())), text.len()),
            None => (Part::Text(Cow::Owned(rest.to_owned())), rest.len()),
        };
        parts.push(part);
        rest = &rest[length..];
    }
    // A signature without the body would say nothing of it, and one without any part nothing at all.
    if !parts.contains(&Part::Body) || parts.len() > MOST_PARTS {
        return Err(bad(
            "template",
            "at most eight pieces with {body} among them",
        ));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_falls_into_its_pieces() {
        let text = |text: &str| Part::Text(Cow::Owned(text.to_owned()));
        assert_eq!(
            parts("v1:{timestamp}.{body}").unwrap(),
            [text("v1:"), Part::Timestamp, text("."), Part::Body]
        );
    }

    #[test]
    fn a_template_that_cannot_be_meant_is_refused() {
        for template in [
            "",
            "{timestamp}",
            "{body",
            "{bodies}",
            "{body}{id}.{id}.{id}.{id}.{id}",
        ] {
            assert!(parts(template).is_err(), "{template}");
        }
    }
}
