//! Proxies and certificates: the flags of every command that connects, and the variables.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Args as _, Command, FromArgMatches};

use crate::dial::{
    AddressPolicy, DialError, Network, NetworkOptions, Proxies, Proxy, TlsOptions, TlsSetupError,
    TlsVariables, read_certificates, read_key,
};
use crate::env::Env;
use crate::error::CliError;
use crate::ui::Ui;

/// The commands that connect to others; a group stands for all its commands.
const COMMANDS: [&[&str]; 12] = [
    &["dev"],
    &["listen"],
    &["tail"],
    &["poll"],
    &["send"],
    &["events", "replay"],
    &["events", "verify"],
    &["records"],
    &["flows"],
    &["profile", "login"],
    &["profile", "whoami"],
    &["doctor"],
];

// The flags. They have no settings: a file must not weaken a connection. (clap would print a docstring as the help of the command.)
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Network")]
#[group(id = "network")]
pub(super) struct Args {
    /// Connect through this proxy, or `none`, instead of those in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY
    #[arg(id = "network-proxy", long = "proxy", value_name = "URL")]
    proxy: Option<String>,
    /// Accept the certificates in this file, and those that they issued, in addition to the system's (repeatable)
    #[arg(id = "network-ca", long = "ca", value_name = "FILE")]
    ca: Vec<PathBuf>,
    /// Client certificate, in PEM
    #[arg(id = "network-cert", long = "cert", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Key of the client certificate, if --cert does not contain it
    #[arg(
        id = "network-key",
        long = "key",
        visible_alias = "cert-key",
        value_name = "FILE",
        requires = "network-cert"
    )]
    key: Option<PathBuf>,
    /// Accept every certificate: an attacker on the network can read and change all data
    #[arg(id = "network-insecure", long = "insecure")]
    insecure: bool,
    /// Connect to this address although clouds offer credentials there (repeatable)
    #[arg(id = "network-address", long = "allow-address", value_name = "ADDRESS")]
    allow_address: Vec<IpAddr>,
}

/// Adds the flags to the commands that connect.
pub(super) fn with_flags(root: Command) -> Command {
    COMMANDS.into_iter().fold(root, at)
}

fn at(command: Command, path: &[&'static str]) -> Command {
    match path {
        [name, rest @ ..] => command.mut_subcommand(name, |sub| at(sub, rest)),
        [] if command.has_subcommands() && command.is_subcommand_required_set() => {
            command.mut_subcommands(|sub| at(sub, &[]))
        }
        [] => {
            // `evt poll --key` names the state.
            let is_taken = command
                .get_arguments()
                .any(|arg| arg.get_long() == Some("key"));
            let command = Args::augment_args(command);
            // The name of this flag in Stripe's command line.
            let command = match command.get_name() {
                "listen" => command.mut_arg("network-insecure", |arg| arg.alias("skip-verify")),
                _ => command,
            };
            match is_taken {
                true => command.mut_arg("network-key", |arg| {
                    arg.long("cert-key")
                        .visible_alias(clap::builder::Resettable::Reset)
                }),
                false => command,
            }
        }
    }
}

impl Args {
    /// The flags of the command that runs.
    fn of(matches: &ArgMatches) -> Self {
        let mut matches = matches;
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        match matches.try_contains_id("network-insecure") {
            Ok(_) => Self::from_arg_matches(matches).unwrap_or_default(),
            // The command does not have them.
            Err(_) => Self::default(),
        }
    }

    fn tls(&self, env: &Env) -> Result<TlsOptions, TlsSetupError> {
        let at = |path: &Path| env.current_dir.join(path);
        let mut extra = Vec::new();
        for path in &self.ca {
            extra.extend(read_certificates(&at(path), "--ca")?);
        }
        let client = match &self.cert {
            Some(path) => {
                let chain = read_certificates(&at(path), "--cert")?;
                let key = match &self.key {
                    Some(key) => read_key(&at(key), "--key")?,
                    None => read_key(&at(path), "--cert")?,
                };
                Some((chain, key))
            }
            None => None,
        };
        Ok(TlsOptions {
            extra,
            client,
            insecure: self.insecure,
            variables: variables(env),
        })
    }
}

/// The proxies of the variables.
pub(super) fn proxies(env: &Env) -> Proxies {
    Proxies::of_variables(|name| env.get(name))
}

/// `SSL_CERT_FILE` and `SSL_CERT_DIR`.
pub(super) fn variables(env: &Env) -> TlsVariables {
    let folders = env.get("SSL_CERT_DIR").map(std::env::split_paths);
    TlsVariables {
        file: env.get("SSL_CERT_FILE").map(PathBuf::from),
        folders: folders
            .into_iter()
            .flatten()
            .filter(|folder| !folder.as_os_str().is_empty())
            .collect(),
    }
}

/// The network of a command: its flags, and the variables.
pub(super) fn of(matches: &ArgMatches, env: &Env, ui: &Ui) -> Result<Network, CliError> {
    let args = Args::of(matches);
    let tls = args.tls(env)?;
    if args.insecure {
        ui.warn(
            "--insecure: certificates are not checked. An attacker on the network can read and change all data, also tokens.",
        );
    }
    let proxies = proxies(env);
    let proxies = match args.proxy.as_deref() {
        Some("none") => proxies.replaced_by(None),
        // clap's errors would contain the URL, and so its password.
        Some(url) => {
            let proxy = Proxy::parse(url, "--proxy").map_err(DialError::BadProxy)?;
            proxies.replaced_by(Some(proxy))
        }
        None => proxies,
    };
    Ok(Network::new(NetworkOptions {
        policy: AddressPolicy::Local,
        allowed: args.allow_address,
        proxies,
        tls,
    })?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn matches(args: &[&str]) -> Result<ArgMatches, clap::Error> {
        let words = ["evt"].iter().chain(args);
        with_flags(Cli::command()).try_get_matches_from(words)
    }

    #[test]
    fn every_command_that_connects_has_the_flags() {
        for words in [
            &["dev"][..],
            &["listen"],
            &["tail", "sse://a.test"],
            &["poll", "contact"],
            &["send", "a.b"],
            &["events", "replay", "@last"],
            &["events", "verify", "@last"],
            &["records", "list", "contact"],
            &["flows", "list"],
            &["flows", "runs"],
            &["profile", "login"],
            &["profile", "whoami"],
            &["doctor"],
        ] {
            let more = [
                "--proxy",
                "p.test",
                "--ca",
                "f",
                "--cert",
                "f",
                "--cert-key",
                "f",
            ];
            let all: Vec<&str> = words
                .iter()
                .copied()
                .chain(more)
                .chain(["--insecure", "--allow-address", "169.254.169.254"])
                .collect();
            let args = Args::of(&matches(&all).unwrap_or_else(|error| panic!("{error}")));
            assert!(args.insecure && args.key.is_some(), "{words:?}");
        }
    }

    #[test]
    fn a_key_requires_a_certificate() {
        assert!(matches(&["send", "a.b", "--key", "f"]).is_err());
        assert!(matches(&["poll", "contact", "--key", "f"]).is_ok());
    }
}
