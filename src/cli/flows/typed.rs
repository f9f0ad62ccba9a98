//! The `evt flows create` command that makes the same flow as given [`Args`].

use super::actions::Action;
use super::create::Args;
use crate::explain::shell_word;
use crate::grammar::secret_ref::SecretRef;

/// The command, to paste into a shell. `globals` are flags before `flows`.
pub(super) fn command(args: &Args, globals: &[String]) -> String {
    let words = ["evt".to_owned()]
        .into_iter()
        .chain(globals.iter().cloned());
    let words = words
        .chain(["flows", "create"].map(str::to_owned))
        .chain(flags(args));
    let words: Vec<String> = words.map(|word| shell_word(&word)).collect();
    words.join(" ")
}

/// The flags. Literal secrets are masked.
fn flags(args: &Args) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |flag: &str, value: &str| match value.starts_with('-') {
        true => words.push(format!("{flag}={value}")),
        false => words.extend([flag.to_owned(), value.to_owned()]),
    };
    let steps = &args.steps;
    for on in &args.on {
        add("--on", on);
    }
    let after = steps.after.map(|after| after.to_string());
    let single = [
        ("--every", &steps.every),
        ("--at", &steps.at),
        ("--tz", &steps.tz),
        ("--when", &args.when),
        ("--after", &after),
    ];
    for (flag, value) in single {
        if let Some(value) = value {
            add(flag, value);
        }
    }
    for action in &args.actions.0 {
        match action {
            Action::Webhook(target) => add("--webhook", target),
            Action::Notify(notice) => add("--notify", &notice.to_string()),
            Action::Call(number) => add("--call", number),
        }
    }
    for header in &args.headers {
        add("-H", &header.shown());
    }
    let secret = args.secret.as_ref().map(SecretRef::to_string);
    for (flag, value) in [
        ("--secret", &secret),
        ("--subject", &steps.subject),
        ("--body", &steps.body),
        ("--name", &args.name),
    ] {
        if let Some(value) = value {
            add(flag, value);
        }
    }
    let switches = [
        ("--manual", steps.manual),
        ("--disabled", args.disabled),
        ("--force", args.force),
    ];
    words.extend(
        switches
            .into_iter()
            .filter(|(_, on)| *on)
            .map(|(flag, _)| flag.to_owned()),
    );
    words
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches};

    use super::*;
    use crate::cli::flows::create::from_flags;

    fn parse(words: &[String]) -> Args {
        let command = Args::augment_args(clap::Command::new("create").no_binary_name(true));
        let matches = command.try_get_matches_from(words).unwrap();
        Args::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_flags_make_the_same_document() {
        for line in [
            "--on|contact.created|--webhook|4871/hook|--when|data.a == 'it''s'|--disabled",
            "--every|0 9 * * MON|--tz|Europe/Berlin|--call|+1|--notify|email:a@b.de|--webhook|4871|--subject|S|--body=-x",
            "--at|2030-01-01|--notify|sms|--after|3d|--name|n|--force",
            "--manual|--webhook|4871|-H|X-A: env:S|--secret|env:T",
        ] {
            let words: Vec<String> = line.split('|').map(str::to_owned).collect();
            let args = parse(&words);
            let again = parse(&flags(&args));
            assert_eq!(
                from_flags(&again).unwrap(),
                from_flags(&args).unwrap(),
                "{line}"
            );
        }
    }

    #[test]
    fn words_are_quoted_and_literal_secrets_are_masked() {
        let words = [
            "--on",
            "order.*",
            "--webhook",
            "4871",
            "-H",
            "X-Secret: hunter2",
            "-H",
            "X-A: env:S",
        ];
        let args = parse(&words.map(str::to_owned));
        assert_eq!(
            command(&args, &["-p".to_owned(), "work".to_owned()]),
            "evt -p work flows create --on 'order.*' --webhook 4871 -H 'X-Secret: …' -H 'X-A: env:S'"
        );
    }
}
