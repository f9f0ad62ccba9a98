//! The environment of the process: variables, terminals, the current folder. Captured once and passed to the commands.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::bom;
use crate::explain::{Explain, Explanation};
use crate::files;
use crate::grammar::secret_ref::SecretRef;
use crate::secret::Secret;
use crate::ui::ColourHints;

/// The maximum size of a secret in bytes. Larger content is a mistake.
const MAX_SECRET: u64 = 64 * 1024;

/// The environment of one invocation.
#[derive(Clone, Debug)]
pub struct Env {
    /// Variables whose name and value are valid UTF-8.
    pub variables: BTreeMap<String, String>,
    pub current_dir: PathBuf,
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
}

/// Why a secret reference cannot be resolved.
#[derive(Debug, Error)]
pub enum SecretError {
    #[error("the variable `{name}` is not set")]
    Unset { name: String },
    #[error("cannot read the secret from {origin}")]
    Read {
        origin: String,
        source: std::io::Error,
    },
    #[error("the secret from {origin} is empty")]
    Empty { origin: String },
    #[error("the secret from {origin} is longer than 64 KiB or not text")]
    NotText { origin: String },
    #[error("the command `{command}` for a secret failed: {status}")]
    Command {
        command: String,
        status: std::process::ExitStatus,
    },
}

impl Explain for SecretError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Unset { name } => {
                Explanation::usage("secret_unset").hint(format!("export {name}=…"))
            }
            Self::Read { .. } => Explanation::usage("secret_unreadable")
                .hint("evt man grammar      has the forms of a secret reference"),
            Self::Empty { .. } | Self::NotText { .. } => Explanation::usage("secret_unusable")
                .hint("give the secret alone, as one line of text"),
            Self::Command { .. } => Explanation::usage("secret_command")
                .hint("run the command by itself and see what it says"),
        }
    }
}

impl Env {
    /// Reads the process's environment.
    pub fn capture() -> Self {
        Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            current_dir: std::env::current_dir().unwrap_or_default(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// The value of a variable, or `None` if it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The colour settings of the environment (no-color.org, force-color.org, bixense.com/clicolors).
    pub fn colour_hints(&self) -> ColourHints {
        let is_on = |name| self.get(name).is_some_and(|value| value != "0");
        let forced = is_on("FORCE_COLOR") || is_on("CLICOLOR_FORCE");
        let dumb = self.get("TERM") == Some("dumb") || self.get("CLICOLOR") == Some("0");
        ColourHints {
            forbidden: self.get("NO_COLOR").is_some() || (dumb && !forced),
            forced,
        }
    }

    /// Returns whether a terminal shows characters beyond ASCII: its locale is UTF-8, and it is not dumb. Windows has no such locale.
    pub fn shows_unicode(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| self.get(name));
        let is_utf8 = locale.map_or(cfg!(windows), |locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        is_utf8 && self.get("TERM") != Some("dumb")
    }

    /// Resolves a secret reference: reads the variable, the file or stdin, or runs the command in a shell.
    ///
    /// Removes one line ending after the secret, because editors and `echo` add it.
    pub fn secret(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let (origin, bytes) = match reference {
            SecretRef::Literal(secret) => return Ok(secret.clone()),
            SecretRef::Env(name) => {
                let value = self
                    .get(name)
                    .ok_or_else(|| SecretError::Unset { name: name.clone() })?;
                return Ok(Secret::new(bom::strip(value)));
            }
            SecretRef::File(path) => {
                let origin = format!("`{}`", path.display());
                (origin, read_file(&self.current_dir.join(path)))
            }
            SecretRef::Stdin => (
                "stdin".to_owned(),
                read_bounded(&mut std::io::stdin().lock()),
            ),
            SecretRef::Command(command) => {
                (format!("the command `{command}`"), Ok(output_of(command)?))
            }
        };
        let bytes = bytes.map_err(|source| SecretError::Read {
            origin: origin.clone(),
            source,
        })?;
        text_of(bytes, origin)
    }
}

fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    read_bounded(&mut files::open(path)?)
}

fn read_bounded(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_SECRET + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the stdout of a command. The command shares stdin and stderr with evt, so that a password manager can ask the user.
fn output_of(command: &str) -> Result<Vec<u8>, SecretError> {
    let (shell, flag) = if cfg!(windows) {
        ("cmd", "/C")
    } else {
        ("sh", "-c")
    };
    let failed = |source| SecretError::Read {
        origin: format!("the command `{command}`"),
        source,
    };
    let mut child = Command::new(shell)
        .args([flag, command])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut stdout = child.stdout.take().expect("stdout was piped above");
    let bytes = read_bounded(&mut stdout).map_err(failed)?;
    // Do not wait for a command that never stops writing.
    drop(stdout);
    let status = child.wait().map_err(failed)?;
    if !status.success() && bytes.len() as u64 <= MAX_SECRET {
        return Err(SecretError::Command {
            command: command.to_owned(),
            status,
        });
    }
    Ok(bytes)
}

fn text_of(bytes: Vec<u8>, origin: String) -> Result<Secret, SecretError> {
    let Some(mut text) = bom::decode(bytes)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
    else {
        return Err(SecretError::NotText { origin });
    };
    if text.len() as u64 > MAX_SECRET {
        return Err(SecretError::NotText { origin });
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err(SecretError::Empty { origin });
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env {
            variables: variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            current_dir: PathBuf::from("/"),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
        }
    }

    #[test]
    fn a_secret_is_read_from_its_variable() {
        let env = env(&[("WHSEC", "abc")]);
        let secret = env.secret(&SecretRef::Env("WHSEC".to_owned())).unwrap();
        assert_eq!(secret.reveal(), "abc");
        let error = env.secret(&SecretRef::Env("OTHER".to_owned()));
        assert!(matches!(error, Err(SecretError::Unset { name }) if name == "OTHER"));
    }

    #[test]
    fn one_line_ending_after_a_secret_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "abc\n\r\n").unwrap();
        let secret = env(&[]).secret(&SecretRef::File(path)).unwrap();
        assert_eq!(secret.reveal(), "abc\n");
    }

    #[test]
    fn the_byte_order_mark_of_a_file_is_not_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for bytes in [&b"\xef\xbb\xbfk\r\n"[..], b"\xff\xfek\0\r\0\n\0"] {
            std::fs::write(&path, bytes).unwrap();
            let secret = env(&[]).secret(&SecretRef::File(path.clone())).unwrap();
            assert_eq!(secret.reveal(), "k");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_read_from_a_command_whose_failure_is_reported() {
        let env = env(&[]);
        let printed = env.secret(&SecretRef::Command("printf abc".to_owned()));
        assert_eq!(printed.unwrap().reveal(), "abc");
        let failed = env.secret(&SecretRef::Command("exit 3".to_owned()));
        assert!(matches!(failed, Err(SecretError::Command { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_never_stops_printing_is_stopped() {
        let endless = env(&[]).secret(&SecretRef::Command("yes".to_owned()));
        assert!(matches!(endless, Err(SecretError::NotText { .. })));
    }

    #[test]
    fn only_a_terminal_with_a_utf8_locale_shows_unicode() {
        let shows = |variables: &[(&str, &str)]| env(variables).shows_unicode();
        assert!(shows(&[("LANG", "en_US.UTF-8")]));
        assert!(shows(&[("LANG", "C"), ("LC_CTYPE", "C.utf8")]));
        assert!(!shows(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")]));
        assert!(!shows(&[("LANG", "en_US.UTF-8"), ("TERM", "dumb")]));
        assert_eq!(shows(&[]), cfg!(windows));
    }

    #[test]
    fn no_color_overrides_force_color_and_force_color_a_dumb_terminal() {
        assert!(
            env(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")])
                .colour_hints()
                .forbidden
        );
        let hints = env(&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")]).colour_hints();
        assert!(hints.forced && !hints.forbidden);
        assert!(!env(&[("FORCE_COLOR", "0")]).colour_hints().forced);
    }
}
