//! Any HMAC scheme, described by options: for senders that have no scheme here, and for those whose vendor documents none.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderName;

use super::clock::{Clock, Window};
use super::diagnose::KeyForm;
use super::listed::Listed;
use super::mac::{Algorithm, Encoding};
use super::recipe::{Format, KeyRule, MOST_PARTS, Part, Recipe, Stamp};
use super::{Facts, KeyPair, NewSigner, NewVerifier, Options, Scheme, SignatureError};
use crate::secret::Secret;

const NAME: &str = "hmac";
const TOLERANCE: Duration = Duration::from_secs(300);

static FACTS: Facts = Facts {
    options: &[
        (
            "header",
            "the header that holds the signature, or a list of signatures (default X-Signature)",
        ),
        ("algorithm", "sha256 (default), sha1, sha384 or sha512"),
        (
            "encoding",
            "hex, hex-upper, base64, base64-unpadded, base64url or base64url-padded (by default any is accepted and hex is sent)",
        ),
        (
            "prefix",
            "the text before each signature in the header, such as sha256=",
        ),
        (
            "element",
            "the name of the element that holds a signature: v1 for t=…,v1=…",
        ),
        (
            "separator",
            "what separates the elements of the header: comma, semicolon or space (by default any, and a comma is sent)",
        ),
        (
            "template",
            "the signed message: text with {id}, {timestamp}, {method}, {url}, {path} and {body} (default {body})",
        ),
        (
            "timestamp-header",
            "the header of {timestamp} (by default X-Timestamp or, if the request does not have it, the element t, ts or timestamp of the signature's header)",
        ),
        (
            "timestamp-element",
            "the name of the element that holds {timestamp}, in the signature's header",
        ),
        (
            "timestamp-format",
            "s, ms or rfc3339 (by default any is accepted and seconds are sent)",
        ),
        ("id-header", "the header of {id} (default X-Id)"),
        (
            "key",
            "how the secret becomes the key: text (default), base64 or hex",
        ),
        (
            "key-prefix",
            "text before the secret that is not part of the key, such as whsec_",
        ),
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
    let listed = Listed {
        prefix: prefix(options)?,
        element: element(options, "element")?,
        stamp: element(options, "timestamp-element")?,
        separator: separator(options)?,
    };
    let id = message
        .contains(&Part::Id)
        .then(|| header(options, "id-header", "X-Id"));
    let stamp = message
        .contains(&Part::Timestamp)
        .then(|| stamp(options, &listed));
    Ok(Recipe {
        facts: &FACTS,
        signature: header(options, "header", "X-Signature")?,
        other_signature: None,
        format: Format::Listed(listed),
        key: key(options)?,
        algorithm: algorithm(options)?,
        encoding: encoding(options)?,
        id: id.transpose()?,
        stamp: stamp.transpose()?,
        message: Cow::Owned(message),
    })
}

/// Where the timestamp is: where the options say, otherwise in its usual header or among the elements.
fn stamp(options: &Options, listed: &Listed) -> Result<Stamp, SignatureError> {
    let header = match &listed.stamp {
        Some(_) => None,
        None => Some(header(options, "timestamp-header", "X-Timestamp")?),
    };
    Ok(Stamp {
        header,
        is_guessed: options.get("timestamp-header").is_none(),
        clock: match options.get("timestamp-format") {
            None => Clock::Any,
            Some("s") => Clock::Seconds,
            Some("ms") => Clock::Milliseconds,
            Some("rfc3339") => Clock::Rfc3339,
            Some(_) => return Err(bad("timestamp-format", "s, ms or rfc3339")),
        },
        window: Window::Both,
        tolerance: TOLERANCE,
    })
}

/// The name of an element of the header.
fn element(options: &Options, option: &'static str) -> Result<Option<String>, SignatureError> {
    let is_name = |name: &&str| {
        let mut bytes = name.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match options.get(option) {
        None => Ok(None),
        Some(name) => Some(name)
            .filter(is_name)
            .map(|name| Some(name.to_owned()))
            .ok_or(bad(option, "the name before the `=` of an element")),
    }
}

fn separator(options: &Options) -> Result<Option<u8>, SignatureError> {
    match options.get("separator") {
        None => Ok(None),
        Some("comma" | ",") => Ok(Some(b',')),
        Some("semicolon" | ";") => Ok(Some(b';')),
        Some("space") => Ok(Some(b' ')),
        Some(_) => Err(bad("separator", "comma, semicolon or space")),
    }
}

fn key(options: &Options) -> Result<KeyRule, SignatureError> {
    Ok(KeyRule {
        form: match options.get("key") {
            None | Some("text") => KeyForm::Text,
            Some("base64") => KeyForm::Base64,
            Some("hex") => KeyForm::Hex,
            Some(_) => return Err(bad("key", "text, base64 or hex")),
        },
        prefix: Cow::Owned(options.get("key-prefix").unwrap_or_default().to_owned()),
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
        Some("sha384") => Ok(Algorithm::Sha384),
        Some("sha512") => Ok(Algorithm::Sha512),
        Some(_) => Err(bad("algorithm", "sha1, sha256, sha384 or sha512")),
    }
}

fn encoding(options: &Options) -> Result<Encoding, SignatureError> {
    match options.get("encoding") {
        None => Ok(Encoding::Any),
        Some("hex") => Ok(Encoding::Hex),
        Some("hex-upper") => Ok(Encoding::HexUpper),
        Some("base64") => Ok(Encoding::Base64),
        Some("base64-unpadded") => Ok(Encoding::Base64Bare),
        Some("base64url") => Ok(Encoding::Base64Url),
        Some("base64url-padded") => Ok(Encoding::Base64UrlPadded),
        Some(_) => Err(bad(
            "encoding",
            "hex, hex-upper, base64, base64-unpadded, base64url or base64url-padded",
        )),
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
                    "method" => Part::Method,
                    "url" => Part::Url,
                    "path" => Part::Path,
                    "body" => Part::Body,
                    _ => {
                        return Err(bad(
                            "template",
                            "{id}, {timestamp}, {method}, {url}, {path}, {body} and text",
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
