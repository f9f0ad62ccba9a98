//! Any HMAC scheme, described by options: for senders that have no scheme here, and for those whose vendor documents none.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;

use super::clock::{Clock, Window};
use super::mac::{Algorithm, Encoding};
use super::recipe::{Format, MOST_PARTS, Part, Recipe, Stamp};
use super::{Facts, KeyPair, NewSigner, NewVerifier, Options, Scheme, SignatureError};
use crate::secret::Secret;

const NAME: &str = "hmac";
const TOLERANCE: Duration = Duration::from_secs(300);

static FACTS: Facts = Facts {
    options: &[
        (
            "header",
            "the header that holds the signature (default X-Signature)",
        ),
        ("algorithm", "sha256 (default), sha1 or sha512"),
        ("encoding", "hex (default) or base64"),
        (
            "prefix",
            "the text before the signature in the header, such as sha256=",
        ),
        (
            "template",
            "the signed message: text with {id}, {timestamp} and {body} (default {body})",
        ),
        (
            "timestamp-header",
            "the header of {timestamp} (default X-Timestamp)",
        ),
        ("id-header", "the header of {id} (default X-Id)"),
    ],
    ..Facts::new(
        NAME,
        "any HMAC: header, algorithm, encoding, prefix and template are options",
    )
};

pub(super) struct Hmac;

impl Scheme for Hmac {
    fn facts(&self) -> &'static Facts {
        &FACTS
    }

    fn sample_keys(&self, random: &[u8; 32]) -> Option<KeyPair> {
        Some(KeyPair::hex("", random))
    }

    fn new_verifier(&self, secrets: &[Secret], options: &Options) -> NewVerifier {
        recipe(options)?.verifier(secrets, options, None)
    }

    fn new_signer(&self, secret: &Secret, more: &[Secret], options: &Options) -> NewSigner {
        recipe(options)?.signer(secret, more, None)
    }
}

fn recipe(options: &Options) -> Result<Recipe, SignatureError> {
    let message = parts(options.get("template").unwrap_or("{body}"))?;
    let header_of = |part: Part, option, default| {
        let is_signed = message.contains(&part);
        is_signed
            .then(|| header(options, option, default))
            .transpose()
    };
    let id = header_of(Part::Id, "id-header", "X-Id")?;
    let stamp = header_of(Part::Timestamp, "timestamp-header", "X-Timestamp")?;
    Ok(Recipe {
        facts: &FACTS,
        signature: header(options, "header", "X-Signature")?,
        other_signature: None,
        format: Format::Prefixed(Cow::Owned(prefix(options)?)),
        algorithm: algorithm(options)?,
        encoding: encoding(options)?,
        id,
        stamp: stamp.map(|header| Stamp {
            header: Some(header),
            clock: Clock::Seconds,
            window: Window::Both,
            tolerance: TOLERANCE,
        }),
        message: Cow::Owned(message),
    })
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
    default: &str,
) -> Result<HeaderName, SignatureError> {
    let name = options.get(option).unwrap_or(default);
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

fn encoding(options: &Options) -> Result<Encoding, SignatureError> {
    match options.get("encoding") {
        None | Some("hex") => Ok(Encoding::Hex),
        Some("base64") => Ok(Encoding::Base64),
        Some(_) => Err(bad("encoding", "hex or base64")),
    }
}

/// Splits `{id}.{timestamp}.{body}` into its parts.
fn parts(template: &str) -> Result<Vec<Part>, SignatureError> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (part, length) = match rest.split_once('{') {
            Some(("", after)) => {
                let (name, _) = after
                    .split_once('}')
                    .ok_or(bad("template", "a text in which every `{` has its `}`"))?;
                let part = match name {
                    "id" => Part::Id,
                    "timestamp" => Part::Timestamp,
                    "body" => Part::Body,
                    _ => return Err(bad("template", "{id}, {timestamp}, {body} and text")),
                };
                (part, name.len() + 2)
            }
            Some((text, _)) => (Part::Text(Cow::Owned(text.to_owned())), text.len()),
            None => (Part::Text(Cow::Owned(rest.to_owned())), rest.len()),
        };
        parts.push(part);
        rest = &rest[length..];
    }
    // A signature that does not cover the body proves nothing about it.
    if !parts.contains(&Part::Body) || parts.len() > MOST_PARTS {
        return Err(bad(
            "template",
            "at most eight parts, and {body} must be one of them",
        ));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_split_into_its_parts() {
        assert_eq!(
            parts("v1:{timestamp}.{body}").unwrap(),
            [
                Part::text("v1:"),
                Part::Timestamp,
                Part::text("."),
                Part::Body
            ]
        );
    }

    #[test]
    fn an_invalid_template_is_refused() {
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
