//! Schemes, secrets and options that cannot be used.

use thiserror::Error;

use super::{Facts, SCHEMES, find};
use crate::explain::{Explain, Explanation};

/// A scheme, secret or option that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    #[error("unknown signature scheme `{name}`")]
    UnknownScheme {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("scheme `{scheme}` has no option `{option}`")]
    UnknownOption {
        scheme: &'static str,
        option: String,
    },
    #[error("scheme `{scheme}` needs the option `{option}`")]
    MissingOption {
        scheme: &'static str,
        option: &'static str,
    },
    #[error("option `{option}` of scheme `{scheme}` must be {expected}")]
    BadOption {
        scheme: &'static str,
        option: &'static str,
        expected: &'static str,
    },
    #[error("the secret for `{scheme}` must be {expected}")]
    BadSecret {
        scheme: &'static str,
        expected: &'static str,
    },
    #[error("scheme `{scheme}` needs a secret")]
    NoSecret { scheme: &'static str },
    #[error(
        "scheme `{scheme}` verifies with a document that the vendor publishes, not with a secret"
    )]
    UnneededSecret { scheme: &'static str },
    #[error("scheme `{scheme}` puts one signature into a request, but several secrets are given")]
    OneSecret { scheme: &'static str },
    #[error("scheme `{scheme}` can only sign {expected}")]
    BadBody {
        scheme: &'static str,
        expected: &'static str,
    },
}

impl Explain for SignatureError {
    fn explain(&self) -> Explanation {
        let (code, hint) = match self {
            Self::UnknownScheme { suggestion, .. } => (
                "unknown_scheme",
                match suggestion {
                    Some(name) => format!("write the scheme as {name}"),
                    None => format!("one of {}", names(|_| true)),
                },
            ),
            Self::UnknownOption { scheme, .. } => ("unknown_scheme_option", all_options(scheme)),
            Self::MissingOption { scheme, option } => (
                "missing_scheme_option",
                format!("write it as {scheme}:{option}=…"),
            ),
            Self::BadOption { scheme, .. } => ("bad_scheme_option", all_options(scheme)),
            Self::BadSecret { .. } => (
                "bad_secret",
                "--secret env:NAME or --secret file:PATH, with nothing around the secret"
                    .to_owned(),
            ),
            Self::OneSecret { .. } => (
                "one_secret",
                format!(
                    "--secret REF once; {} accept several",
                    names(|facts| facts.several_secrets)
                ),
            ),
            Self::BadBody { .. } => (
                "cannot_sign_body",
                "--sign none   sends the event unsigned".to_owned(),
            ),
            Self::UnneededSecret { scheme } => (
                "unneeded_secret",
                match options_of(scheme) {
                    Some(options) => format!("leave --secret out; to check more: {options}"),
                    None => "leave --secret out".to_owned(),
                },
            ),
            Self::NoSecret { .. } => ("no_secret", "--secret env:NAME".to_owned()),
        };
        Explanation::usage(code).hint(hint)
    }
}

/// The names of the schemes with these facts, separated by commas.
fn names(wanted: impl Fn(&Facts) -> bool) -> String {
    let facts = SCHEMES.iter().map(|scheme| scheme.facts());
    let names: Vec<&str> = facts
        .filter(|facts| wanted(facts))
        .map(|facts| facts.name)
        .collect();
    names.join(", ")
}

fn all_options(scheme: &str) -> String {
    options_of(scheme).unwrap_or_else(|| format!("{scheme} takes no options"))
}

/// The options of a scheme, each with its meaning; `None` if it has none.
fn options_of(scheme: &str) -> Option<String> {
    let options = find(scheme).map_or(&[][..], |scheme| scheme.options());
    let written: Vec<String> = options
        .iter()
        .map(|(name, meaning)| format!("{scheme}:{name}=… ({meaning})"))
        .collect();
    (!written.is_empty()).then(|| written.join(", "))
}
