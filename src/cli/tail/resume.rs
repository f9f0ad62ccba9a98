//! The command that continues where this one ended.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use crate::cli::{Context, parse};
use crate::grammar::secret_ref::SecretRef;
use crate::secret;
use crate::send::wire::quoted;

/// Arguments for the subject and the position, which the new command states itself.
const REPLACED: [&str; 7] = [
    "source",
    "stream",
    "agent",
    "last_event_id",
    "resume",
    "start",
    "since",
];

/// The original command line with the text form of the stream, and with `position` (`--last-event-id 42`, `--resume orders`)
/// instead of the old position.
///
/// Secrets on the command line are replaced by `…`.
pub(super) fn command(stream: &str, position: &[&str], cx: &Context) -> String {
    let mut words = vec!["evt".to_owned(), "tail".to_owned()];
    let typed = cx.matches.subcommand_matches("tail");
    let by_flag =
        |typed: &ArgMatches| typed.value_source("gateway") == Some(ValueSource::CommandLine);
    if !typed.is_some_and(by_flag) {
        words.push(quoted_where_needed(stream));
    }
    if let Some(typed) = typed {
        let tree = parse::tree();
        let tail = tree.find_subcommand("tail");
        let arguments = tail.into_iter().flat_map(|tail| tail.get_arguments());
        for argument in arguments.chain(tree.get_arguments()) {
            let id = argument.get_id().as_str();
            let is_typed = typed.try_contains_id(id).is_ok()
                && typed.value_source(id) == Some(ValueSource::CommandLine);
            if is_typed && !REPLACED.contains(&id) {
                repeat(argument, typed, &mut words);
            }
        }
    }
    words.extend(position.iter().map(|word| quoted_where_needed(word)));
    words.join(" ")
}

fn repeat(argument: &Arg, typed: &ArgMatches, words: &mut Vec<String>) {
    let Some(long) = argument.get_long() else {
        return;
    };
    let flag = format!("--{long}");
    if !matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        return words.push(flag);
    }
    for value in typed
        .get_raw(argument.get_id().as_str())
        .into_iter()
        .flatten()
    {
        let value = shown(long, &value.to_string_lossy());
        if argument.is_require_equals_set() {
            words.push(format!("{flag}={value}"));
        } else {
            words.push(flag.clone());
            words.push(value);
        }
    }
}

fn shown(long: &str, value: &str) -> String {
    let is_literal = |text: &str| matches!(text.trim().parse(), Ok(SecretRef::Literal(_)) | Err(_));
    match value.split_once(':') {
        Some((name, rest)) if long == "header" && is_authorising(name) && is_literal(rest) => {
            quoted(&format!("{name}: …"))
        }
        _ if matches!(long, "auth" | "secret" | "token") && is_literal(value) => "…".to_owned(),
        _ => quoted_where_needed(value),
    }
}

fn is_authorising(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    secret::is_named(&name) || name.contains("auth") || name == "cookie"
}

pub(super) fn quoted_where_needed(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    quoted(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_repeated_but_a_reference_is() {
        assert_eq!(shown("auth", r#"{"token":"t0p"}"#), "…");
        assert_eq!(shown("auth", "env:AUTH"), "env:AUTH");
        assert_eq!(
            shown("header", "Authorization: Bearer t0p"),
            "'Authorization: …'"
        );
        assert_eq!(shown("header", "X-Token: env:T"), "'X-Token: env:T'");
        assert_eq!(shown("header", "X-Trace: 7"), "'X-Trace: 7'");
    }

    #[test]
    fn shell_characters_are_quoted() {
        assert_eq!(shown("type", "order.*"), "'order.*'");
        assert_eq!(shown("count", "3"), "3");
        assert_eq!(shown("expect", "it's"), r"'it'\''s'");
    }
}
