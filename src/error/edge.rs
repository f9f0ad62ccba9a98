//! Errors of the edge: the environment, paths, settings, questions to a person, the runtime.

use super::{CliError, Exit};
use crate::cli::{
    ChildError, DemoError, DocumentFault, EditError, EventsError, InputError, RuntimeError,
};
use crate::config::ConfigError;
use crate::env::SecretError;
use crate::paths::NoHome;
use crate::ui::PromptError;

impl From<NoHome> for CliError {
    fn from(error: NoHome) -> Self {
        Self::new(Exit::Usage, "no_home", error).hint("export EVT_HOME=/path/to/a/folder")
    }
}

impl From<RuntimeError> for CliError {
    fn from(error: RuntimeError) -> Self {
        match &error {
            RuntimeError::Start(_) => Self::new(Exit::Failed, "runtime", error).hint("evt doctor"),
            RuntimeError::Fault => Self::new(Exit::Failed, "fault", error)
                .hint("report it with the line above and the command that you ran"),
        }
    }
}

impl From<ChildError> for CliError {
    fn from(error: ChildError) -> Self {
        match &error {
            ChildError::NotFound { program, .. } => {
                let hint = format!("command -v {program}");
                Self::new(Exit::NotFound, "command_not_found", error).hint(hint)
            }
            ChildError::Start { program, .. } => {
                let hint = format!("ls -l \"$(command -v {program})\"");
                Self::new(Exit::Failed, "command_failed", error).hint(hint)
            }
            ChildError::Wait { .. } => {
                Self::new(Exit::Failed, "command_lost", error).hint("evt doctor")
            }
        }
    }
}

impl From<SecretError> for CliError {
    fn from(error: SecretError) -> Self {
        match &error {
            SecretError::Unset { name } => {
                let hint = format!("export {name}=…");
                Self::new(Exit::Usage, "secret_unset", error).hint(hint)
            }
            SecretError::Read { .. } => Self::new(Exit::Usage, "secret_unreadable", error)
                .hint("evt man grammar      has the forms of a secret reference"),
            SecretError::Empty { .. } | SecretError::NotText { .. } => {
                Self::new(Exit::Usage, "secret_unusable", error)
                    .hint("give the secret alone, as one line of text")
            }
            SecretError::Command { .. } => Self::new(Exit::Usage, "secret_command", error)
                .hint("run the command by itself and see what it says"),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let meant = |suggestion: &Option<String>, before: &str, otherwise: &str| match suggestion {
            Some(word) => format!("{before}{word}"),
            None => otherwise.to_owned(),
        };
        let (exit, code, hint) = match &error {
            ConfigError::Read { .. } => {
                (Exit::Usage, "settings_unreadable", "evt config path".to_owned())
            }
            ConfigError::Write { .. } => (Exit::Failed, "settings_unwritable", "evt doctor".to_owned()),
            ConfigError::Syntax { path, .. } => {
                (Exit::Usage, "settings_syntax", format!("mend {}", path.display()))
            }
            ConfigError::UnknownKey { suggestion, .. } => {
                let hint = meant(suggestion, "write it as ", "evt config show --all");
                (Exit::Usage, "unknown_setting", hint)
            }
            ConfigError::NoSuchKey { suggestion, .. } => {
                let hint = meant(suggestion, "evt config get ", "evt config show --all");
                (Exit::Usage, "unknown_setting", hint)
            }
            ConfigError::WrongType { .. } => {
                (Exit::Usage, "setting_type", "evt man files        shows an example".to_owned())
            }
            ConfigError::SecretInProject { .. } | ConfigError::SecretForProject { .. } => (
                Exit::Usage,
                "secret_in_project",
                "keep it in your own file (evt config path), or name a variable: \"env:NAME\"".to_owned(),
            ),
            ConfigError::BadName { .. } => (
                Exit::Usage,
                "bad_name",
                "a name has letters, digits, `.`, `_` and `-`, at most 64, and begins with a letter or digit".to_owned(),
            ),
            ConfigError::UnknownProfile { suggestion, .. } => {
                (Exit::Usage, "unknown_profile", meant(suggestion, "evt --profile ", "evt profile list"))
            }
            ConfigError::Incomplete { name, missing } => (
                Exit::Usage,
                "profile_incomplete",
                format!("evt profile add {name} --{missing} …"),
            ),
            ConfigError::LocalIsFixed => {
                (Exit::Usage, "profile_fixed", "choose another name".to_owned())
            }
            ConfigError::NotRunning => (Exit::Unreachable, "not_running", "start one: evt dev".to_owned()),
            ConfigError::Running(_) => (Exit::Failed, "running_file", "evt doctor".to_owned()),
        };
        Self::new(exit, code, error).hint(hint)
    }
}

impl From<PromptError> for CliError {
    fn from(error: PromptError) -> Self {
        match &error {
            PromptError::NotAsked { flag, .. } => {
                let hint = format!("give it with {flag}");
                Self::new(Exit::Usage, "not_asked", error).hint(hint)
            }
            PromptError::Cancelled(_) => Self::new(Exit::Interrupted, "cancelled", error),
        }
    }
}

impl From<InputError> for CliError {
    fn from(error: InputError) -> Self {
        match &error {
            InputError::Read { .. } => Self::new(Exit::Usage, "unreadable_input", error)
                .hint("ls -l     shows what is there"),
            InputError::TooLarge { .. } => {
                Self::new(Exit::Usage, "input_too_large", error).hint("split it into several files")
            }
            InputError::Json { .. } | InputError::NoObject { .. } => {
                Self::new(Exit::Usage, "bad_input", error).hint(
                    "echo '{\"email\":\"ada@example.com\"}' | evt records create contact -f -",
                )
            }
            InputError::Yaml { .. } => Self::new(Exit::Usage, "bad_input", error)
                .hint("indent with spaces, and quote text that holds `: ` or begins with { or ["),
            InputError::Empty { .. } => Self::new(Exit::Usage, "empty_input", error)
                .hint("echo '{\"email\":\"ada@example.com\"}' | evt records create contact -f -"),
            InputError::Conflict { path } => {
                let hint = format!("give {path} once");
                Self::new(Exit::Usage, "field_conflict", error).hint(hint)
            }
        }
    }
}

impl From<DemoError> for CliError {
    fn from(error: DemoError) -> Self {
        match &error {
            DemoError::Home(_) => Self::new(Exit::Failed, "no_temporary_folder", error)
                .hint("TMPDIR=/path/to/a/folder evt demo"),
            DemoError::Start { .. } => {
                Self::new(Exit::Failed, "demo_start", error).hint("evt doctor")
            }
            DemoError::Port(_) => Self::new(Exit::Failed, "no_free_port", error).hint("evt doctor"),
            DemoError::Ended { .. } | DemoError::TooSlow { .. } | DemoError::Unexpected { .. } => {
                Self::new(Exit::Failed, "demo_step", error)
                    .hint("evt demo --keep     keeps the tour's home, to look into")
            }
        }
    }
}

impl From<DocumentFault> for CliError {
    fn from(error: DocumentFault) -> Self {
        match &error {
            DocumentFault::NotText { .. }
            | DocumentFault::Yaml { .. }
            | DocumentFault::Empty { .. }
            | DocumentFault::NoObject { .. } => Self::new(Exit::Usage, "bad_flow_file", error)
                .hint("evt flows create --on contact.created --webhook 4871/hook --dry-run -o text > flow.yaml"),
            DocumentFault::Folder { .. } | DocumentFault::NoFiles { .. } => {
                Self::new(Exit::Usage, "no_flow_files", error).hint("evt flows apply -f flows/")
            }
            DocumentFault::TooManyFiles { .. } => {
                Self::new(Exit::Usage, "too_many_flow_files", error)
                    .hint("evt flows apply -f flows/")
            }
            DocumentFault::Loopback { .. } => Self::new(Exit::Usage, "loopback_webhook", error)
                .hint("open a tunnel of your choice to that port and give its public URL to --webhook")
                .hint("evt flows create … --profile local     creates it on the platform of this machine")
                .hint("--force     creates it all the same"),
            DocumentFault::Addition { .. } => Self::new(Exit::Usage, "secret_is_ours", error)
                .hint("-H 'X-Bridge-Secret: env:NAME'     sends a secret along, which every platform can")
                .hint("--force     creates it all the same"),
            DocumentFault::SameName { .. } => Self::new(Exit::Usage, "same_name", error)
                .hint("give each flow a name of its own"),
            DocumentFault::Write { .. } => {
                Self::new(Exit::Failed, "yaml", error).hint("evt flows show NAME -o json")
            }
        }
    }
}

impl From<EditError> for CliError {
    fn from(error: EditError) -> Self {
        match &error {
            EditError::File(_) => Self::new(Exit::Failed, "edit_file", error).hint("evt doctor"),
            EditError::Start { .. } | EditError::Ended { .. } => {
                Self::new(Exit::Usage, "editor", error).hint("export EDITOR=nano")
            }
        }
    }
}

impl From<EventsError> for CliError {
    fn from(error: EventsError) -> Self {
        let (exit, code, hint) = match &error {
            EventsError::NoSuchEvent { .. } => (
                Exit::NotFound,
                "no_such_event",
                "evt events list".to_owned(),
            ),
            EventsError::NoSuchFile { .. } => (
                Exit::NotFound,
                "no_such_file",
                "evt events list     names the events that are kept".to_owned(),
            ),
            EventsError::NothingSelected => (
                Exit::NotFound,
                "nothing_selected",
                "evt events list --limit 0".to_owned(),
            ),
            EventsError::NotOne { .. } => (Exit::Usage, "not_one", "evt events list".to_owned()),
            EventsError::FileTooLarge { name } => (
                Exit::Usage,
                "too_large",
                format!("evt events import {name}"),
            ),
            EventsError::SecretsElsewhere => (
                Exit::Usage,
                "secrets_elsewhere",
                "evt events export @last     writes headers as they came".to_owned(),
            ),
            EventsError::NotForTerminals => (
                Exit::Usage,
                "not_for_terminals",
                "evt events show @last -o raw > body.bin".to_owned(),
            ),
            EventsError::NoScheme { .. } => (
                Exit::Usage,
                "no_scheme",
                "name the scheme, such as stripe, and its --secret env:NAME".to_owned(),
            ),
            EventsError::SecretNotGiven { reference } => (
                Exit::Usage,
                "no_secret",
                format!("evt events verify {reference} --secret env:NAME"),
            ),
            EventsError::NoneDelivered { target, source, .. } => {
                let first = match source {
                    Some(_) => "start your app",
                    None => "see why your app refused it",
                };
                let hint = format!("{first}, then: evt events replay @failed --to {target}");
                (Exit::Undelivered, "undelivered", hint)
            }
            EventsError::SomeFailed { target, .. } => (
                Exit::Partly,
                "partly_delivered",
                format!("evt events replay @failed --to {target}"),
            ),
            EventsError::NothingTaken { .. } => (
                Exit::Usage,
                "not_an_export",
                "evt events export --format ndjson -f events.ndjson".to_owned(),
            ),
            EventsError::SomeRefused { .. } => (
                Exit::Partly,
                "partly_imported",
                "mend the lines named above and import those alone".to_owned(),
            ),
            EventsError::Write { .. } => (
                Exit::Failed,
                "cannot_write",
                "evt events export > events.ndjson".to_owned(),
            ),
        };
        Self::new(exit, code, error).hint(hint)
    }
}
