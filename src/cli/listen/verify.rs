//! `--verify SCHEME --secret REF…`, repeated: each secret belongs to the scheme before it.

use clap::{ArgAction, ArgMatches, FromArgMatches};

use crate::grammar::secret_ref::SecretRef;
use crate::signature::SchemeSpec;

/// `--verify` and the `--secret`s that follow it, in the order in which they were given.
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
                    .help("Check signatures of this scheme (repeatable; any one may match); see `evt man signatures`"),
            )
            .arg(
                clap::Arg::new("secret")
                    .long("secret")
                    .value_name("REF")
                    .value_parser(|text: &str| text.parse::<SecretRef>())
                    .action(ArgAction::Append)
                    .help_heading("Verifying")
                    .help("Secret of the --verify before it: text, env:NAME, file:PATH, cmd:… or - (repeatable, for rotation)"),
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
        let scheme_places = matches.indices_of("verify").unwrap_or_default();
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (scheme, place) in schemes.zip(scheme_places) {
            places.push((place, args.schemes.len()));
            args.schemes.push((scheme, Vec::new()));
        }
        let secrets = matches
            .get_many::<SecretRef>("secret")
            .unwrap_or_default()
            .cloned();
        for (secret, place) in secrets.zip(matches.indices_of("secret").unwrap_or_default()) {
            match places.iter().rev().find(|(scheme, _)| *scheme < place) {
                Some((_, owner)) => args.schemes[*owner].1.push(secret),
                None => args.stray.push(secret),
            }
        }
        // Given before the one scheme there is, or from the environment, a secret can mean only that one.
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
