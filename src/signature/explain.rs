//! Hints for errors in schemes, their options and secrets.

use super::{SCHEMES, SignatureError, find};
use crate::explain::{Explain, Explanation};

impl Explain for SignatureError {
    fn explain(&self) -> Explanation {
        let (code, hint) = match self {
            Self::UnknownScheme { suggestion, .. } => (
                "unknown_scheme",
                match suggestion {
                    Some(name) => format!("write the scheme as {name}"),
                    None => format!("one of {}", scheme_names()),
                },
            ),
            Self::UnknownOption { scheme, .. } => ("unknown_scheme_option", options_of(scheme)),
            Self::MissingOption { scheme, option } => (
                "missing_scheme_option",
                format!("write it as {scheme}:{option}=…"),
            ),
            Self::BadOption { scheme, .. } => ("bad_scheme_option", options_of(scheme)),
            Self::BadSecret { .. } => (
                "bad_secret",
                "--secret env:NAME or --secret file:PATH, with the secret as the sender's settings show it".to_owned(),
            ),
            Self::OneSecret { .. } => (
                "one_secret",
                "--secret REF once; standard-webhooks, svix, stripe and tiktok take several".to_owned(),
            ),
            Self::BadBody { .. } => (
                "cannot_sign_body",
                "--sign none   sends it unsigned".to_owned(),
            ),
            Self::NoSecret { .. } => ("no_secret", "--secret env:NAME".to_owned()),
        };
        Explanation::usage(code).hint(hint)
    }
}

fn scheme_names() -> String {
    let names: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.name()).collect();
    names.join(", ")
}

fn options_of(scheme: &str) -> String {
    let options = find(scheme).map_or(&[][..], |scheme| scheme.options());
    if options.is_empty() {
        return format!("{scheme} takes no options");
    }
    let written: Vec<String> = options
        .iter()
        .map(|(name, meaning)| format!("{scheme}:{name}=… ({meaning})"))
        .collect();
    written.join(", ")
}
