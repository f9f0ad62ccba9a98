//! Parses `--verify SCHEME --secret REF…`. Both are repeatable; each secret belongs to the scheme before it.

use clap::{ArgAction, ArgMatches, FromArgMatches};

use crate::grammar::secret_ref::SecretRef;
use crate::signature::SchemeSpec;

/// Each `--verify` with the `--secret`s after it, in command-line order.
#[derive(Debug, Default)]
pub(super) struct VerifyArgs {
    pub(super) schemes: Vec<(SchemeSpec, Vec<SecretRef>)>,
    /// Secrets before any `--verify`.
    pub(super) stray: Vec<SecretRef>,
}

impl clap::Args for VerifyArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
            .arg(
                clap::Arg::new("verify")
                    .long("verify")
                    .value_name("SCHEME[:key=value,…]")
                    .value_parser(|text: &str| text.parse::<SchemeSpec>())
                    .action(ArgAction::Append)
                    .help_heading("Verifying")
                    .help("Verify signatures of this scheme (repeatable, one must match); see `evt man signatures`"),
            )
            .arg(
                clap::Arg::new("secret")
                    .long("secret")
                    .value_name("REF")
                    .value_parser(|text: &str| text.parse::<SecretRef>())
                    .action(ArgAction::Append)
                    .help_heading("Verifying")
                    .help("Secret for the --verify before it: text, env:NAME, file:PATH, cmd:… or - (repeatable for rotation)"),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for VerifyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        let schemes = matches
            .get_many::<SchemeSpec>("verify")
            .unwrap_or_default()
            .cloned();
        let scheme_positions = matches.indices_of("verify").unwrap_or_default();
        let mut positions: Vec<(usize, usize)> = Vec::new();
        for (scheme, position) in schemes.zip(scheme_positions) {
            positions.push((position, args.schemes.len()));
            args.schemes.push((scheme, Vec::new()));
        }
        let secrets = matches
            .get_many::<SecretRef>("secret")
            .unwrap_or_default()
            .cloned();
        for (secret, position) in secrets.zip(matches.indices_of("secret").unwrap_or_default()) {
            match positions
                .iter()
                .rev()
                .find(|(scheme, _)| *scheme < position)
            {
                Some((_, owner)) => args.schemes[*owner].1.push(secret),
                None => args.stray.push(secret),
            }
        }
        // With a single scheme, all secrets belong to it: also those before it and those from the environment.
        if let [(_, secrets)] = args.schemes.as_mut_slice() {
            secrets.append(&mut args.stray);
        }
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
