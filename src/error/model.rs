//! Errors of the model: grammar, conditions, signatures, topics.

use super::{CliError, Exit};
use crate::archive::ArchiveError;
use crate::catalogue::Unknown;
use crate::condition::ConditionError;
use crate::grammar::GrammarError;
use crate::grammar::change::ChangeError;
use crate::grammar::select::SelectError;
use crate::shape::ShapeError;
use crate::signature::{self, SCHEMES, SignatureError};
use crate::topic::TopicError;

impl From<GrammarError> for CliError {
    fn from(error: GrammarError) -> Self {
        Self::new(Exit::Usage, "bad_input", error)
    }
}

impl From<TopicError> for CliError {
    fn from(error: TopicError) -> Self {
        let hint = match &error {
            TopicError::EmptyToken { .. } | TopicError::BadCharacter { .. } => {
                "contact.created, contact.* or contact.>"
            }
            TopicError::PartialStar { .. } => "contact.* for every event of contacts",
            TopicError::TailNotLast { .. } => "contact.> for all that begins with contact",
            TopicError::TooLong => "> for every event",
        };
        Self::new(Exit::Usage, "bad_pattern", error).hint(hint)
    }
}

impl From<SelectError> for CliError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Pattern(error) => error.into(),
            SelectError::Condition(error) => error.into(),
            SelectError::Grammar(error) => error.into(),
            SelectError::UnknownStatus { .. } => {
                Self::new(Exit::Usage, "unknown_status", error).hint(
                    "kept, rejected, queued, delivered, failed, verified, invalid, unverified, or an answer such as 503 or 5xx",
                )
            }
            SelectError::Empty => Self::new(Exit::Usage, "empty_selection", error)
                .hint("contact.*, status=failed or data.data.amount >= 100"),
        }
    }
}

impl From<ChangeError> for CliError {
    fn from(error: ChangeError) -> Self {
        let (code, hint) = match &error {
            ChangeError::NotJson => (
                "body_not_json",
                "--edit changes a body that is not JSON".to_owned(),
            ),
            ChangeError::NotThere { path } => (
                "no_such_path",
                format!("--set-new adds what is not there: --set-new --set {path}=…"),
            ),
            ChangeError::NotAContainer { parent, .. } => (
                "no_such_path",
                format!("--set '{parent}:={{}}' makes an object of it"),
            ),
            ChangeError::BeyondTheEnd { parent, length } => (
                "no_such_path",
                format!("--set-new --set '{parent}[{length}]=…'"),
            ),
            ChangeError::NotAnIndex { parent, .. } => {
                ("no_such_path", format!("--set '{parent}[0]=…'"))
            }
        };
        Self::new(Exit::Usage, code, error).hint(hint)
    }
}

impl From<ConditionError> for CliError {
    fn from(error: ConditionError) -> Self {
        let (code, hint) = match &error {
            ConditionError::Syntax { .. } => (
                "bad_condition",
                "data.amount >= 100 && data.status in [\"lead\", \"customer\"]".to_owned(),
            ),
            ConditionError::UnknownFunction { .. } => (
                "unknown_function",
                "contains, startsWith, endsWith, matches, size, has, exists and all are the usual ones".to_owned(),
            ),
            ConditionError::UnknownVariable { .. } => (
                "unknown_variable",
                "data.… is the payload; quote text: type == \"contact.created\"".to_owned(),
            ),
            ConditionError::Regex { .. } => (
                "bad_regex",
                "data.email.matches(\"@example[.]com$\")".to_owned(),
            ),
            ConditionError::UnknownOperator { name, .. } if name.starts_with('$') => (
                "unknown_operator",
                crate::condition::mongo::OPERATORS.join(" "),
            ),
            ConditionError::UnknownOperator { .. } => (
                "unknown_operator",
                crate::catalogue::OPERATORS.join(" "),
            ),
            ConditionError::Argument { .. } | ConditionError::Shape { .. } => (
                "bad_condition",
                "{\"field\": \"contact.email\", \"operator\": \"contains\", \"value\": \"@\"}".to_owned(),
            ),
            ConditionError::TooDeep
            | ConditionError::WalksTooDeep { .. }
            | ConditionError::TooLong { .. } => {
                ("bad_condition", "split it into several conditions".to_owned())
            }
        };
        Self::new(Exit::Usage, code, error).hint(hint)
    }
}

impl From<ShapeError> for CliError {
    fn from(error: ShapeError) -> Self {
        Self::new(Exit::Usage, "bad_jq", error)
            .hint("--jq '.data', or --jq '{type, amount: .data.amount}'")
    }
}

impl From<Unknown> for CliError {
    fn from(error: Unknown) -> Self {
        let (code, hint) = match error.what {
            "event" => ("unknown_event", "evt send --list"),
            "trigger" => ("unknown_trigger", "evt flows create --help"),
            "operator" => ("unknown_operator", "evt flows create --help"),
            _ => ("unknown_action", "evt flows create --help"),
        };
        Self::new(Exit::Usage, code, error).hint(hint)
    }
}

impl From<SignatureError> for CliError {
    fn from(error: SignatureError) -> Self {
        let (code, hint) = match &error {
            SignatureError::UnknownScheme { suggestion, .. } => (
                "unknown_scheme",
                match suggestion {
                    Some(name) => format!("write the scheme as {name}"),
                    None => format!("one of {}", scheme_names()),
                },
            ),
            SignatureError::UnknownOption { scheme, .. } => {
                ("unknown_scheme_option", options_of(scheme))
            }
            SignatureError::MissingOption { scheme, option } => (
                "missing_scheme_option",
                format!("write it as {scheme}:{option}=…"),
            ),
            SignatureError::BadOption { scheme, .. } => ("bad_scheme_option", options_of(scheme)),
            SignatureError::BadSecret { .. } => (
                "bad_secret",
                "--secret env:NAME or --secret file:PATH, with the secret as the sender's settings show it".to_owned(),
            ),
            SignatureError::OneSecret { .. } => (
                "one_secret",
                "--secret REF once; standard-webhooks, svix, stripe and tiktok take several".to_owned(),
            ),
            SignatureError::BadBody { .. } => (
                "cannot_sign_body",
                "--sign none   sends it unsigned".to_owned(),
            ),
            SignatureError::NoSecret { .. } => ("no_secret", "--secret env:NAME".to_owned()),
        };
        Self::new(Exit::Usage, code, error).hint(hint)
    }
}

fn scheme_names() -> String {
    let names: Vec<&str> = SCHEMES.iter().map(|scheme| scheme.name()).collect();
    names.join(", ")
}

fn options_of(scheme: &str) -> String {
    let options = signature::find(scheme).map_or(&[][..], |scheme| scheme.options());
    if options.is_empty() {
        return format!("{scheme} takes no options");
    }
    let written: Vec<String> = options
        .iter()
        .map(|(name, meaning)| format!("{scheme}:{name}=… ({meaning})"))
        .collect();
    written.join(", ")
}

impl From<ArchiveError> for CliError {
    fn from(error: ArchiveError) -> Self {
        let code = match &error {
            ArchiveError::Json(_) => "not_an_export",
            ArchiveError::Method { .. }
            | ArchiveError::Target { .. }
            | ArchiveError::Header { .. }
            | ArchiveError::Base64(_) => "bad_export",
            ArchiveError::BodyTooLarge { .. } | ArchiveError::TooLong => "too_large",
        };
        Self::new(Exit::Usage, code, error)
            .hint("evt events export --format ndjson -f events.ndjson")
    }
}

/// The input with a caret below the place where it goes wrong, when an error of the chain knows it.
pub(crate) fn place_of(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(current) = next {
        let place = place_in(current);
        if place.is_some() {
            return place;
        }
        next = current.source();
    }
    None
}

/// Wrappers that speak with the wrapped error's own words are looked into: they are no link of the chain.
fn place_in(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<GrammarError>() {
        return error.caret();
    }
    if let Some(error) = error.downcast_ref::<ConditionError>() {
        return error.caret();
    }
    if let Some(error) = error.downcast_ref::<ShapeError>() {
        return error.caret();
    }
    match error.downcast_ref::<SelectError>()? {
        SelectError::Condition(error) => error.caret(),
        SelectError::Grammar(error) => error.caret(),
        _ => None,
    }
}
