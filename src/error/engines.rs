//! Errors of the engines: delivery, flows, the platform, the listener, samples.

use super::{CliError, Exit};
use crate::deliver::queue::QueueError;
use crate::dev::DevError;
use crate::dev::appengine::seed::SeedError;
use crate::flow::{DocumentError, FlowError};
use crate::listen::ListenError;
use crate::sample::{NoneFits, UnknownSample};

impl From<UnknownSample> for CliError {
    fn from(error: UnknownSample) -> Self {
        let vendor = crate::sample::vendor(&error.name);
        let hint = match (vendor, &error.suggestion) {
            (Some(vendor), _) => format!("evt send --list {vendor}"),
            (None, Some(name)) => format!("evt send {name}"),
            (None, None) => "evt send --list".to_owned(),
        };
        // The same exit as for any other word that means nothing.
        Self::new(Exit::Usage, "unknown_event", error).hint(hint)
    }
}

impl From<NoneFits> for CliError {
    fn from(error: NoneFits) -> Self {
        let hint = match &error.suggestion {
            Some(glob) => format!("evt send --list '{glob}'"),
            None => "evt send --list".to_owned(),
        };
        Self::new(Exit::NotFound, "no_such_event", error).hint(hint)
    }
}

impl From<QueueError> for CliError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NothingSelected => {
                Self::new(Exit::Usage, "nothing_selected", error).hint("evt queue retry --dead")
            }
            QueueError::BadRate { .. } => {
                Self::new(Exit::Usage, "bad_rate", error).hint("evt queue retry --dead --rate 10/s")
            }
            QueueError::Condition(condition) => condition.into(),
            QueueError::Store(store) => store.into(),
        }
    }
}

impl From<DevError> for CliError {
    fn from(error: DevError) -> Self {
        match error {
            DevError::PortTaken {
                flag, ref occupant, ..
            } => {
                let hint = match flag {
                    "--port" => "evt dev --port 0     takes free ports for everything",
                    _ => "evt dev --console-port 0",
                };
                let by_evt = occupant.as_ref().is_some_and(|who| who.is_platform);
                let error = Self::new(Exit::Failed, "port_taken", error).hint(hint);
                if by_evt {
                    return error.hint("evt dev stop         ends the other one");
                }
                error
            }
            DevError::Bind { .. } => {
                Self::new(Exit::Failed, "cannot_listen", error).hint("evt dev --port 0")
            }
            DevError::DataInUse { .. } => Self::new(Exit::Failed, "data_in_use", error)
                .hint("evt dev stop")
                .hint("evt dev --data ./another-folder --port 0"),
            DevError::DataFolder { .. } => Self::new(Exit::Failed, "data_folder", error)
                .hint("evt dev --data ./a-folder-of-yours"),
            DevError::Running { .. } => {
                Self::new(Exit::Failed, "running_file", error).hint("evt doctor")
            }
            DevError::Seed(error) => error.into(),
            DevError::Store(error) => error.into(),
        }
    }
}

impl From<SeedError> for CliError {
    fn from(error: SeedError) -> Self {
        match error {
            SeedError::Read { .. } => {
                Self::new(Exit::NotFound, "seed_unreadable", error).hint("ls -l")
            }
            SeedError::Form { .. } | SeedError::Record { .. } | SeedError::Flow { .. } => {
                Self::new(Exit::Usage, "bad_seed", error)
                    .hint("a seed is {records: [{datatype, data}], flows: [a flow as `evt flows show` prints it]}")
            }
            SeedError::Store(error) => error.into(),
        }
    }
}

impl From<FlowError> for CliError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Document(error) => error.into(),
            FlowError::NoSuchFlow { .. } => {
                Self::new(Exit::NotFound, "no_such_flow", error).hint("evt flows list")
            }
            FlowError::NameTaken { .. } => {
                Self::new(Exit::Usage, "name_taken", error).hint("evt flows apply -f FILE")
            }
            FlowError::NoSuchRun { .. } => {
                Self::new(Exit::NotFound, "no_such_run", error).hint("evt flows runs")
            }
            FlowError::WrongState { .. } => {
                Self::new(Exit::Refused, "wrong_state", error).hint("evt flows runs")
            }
            FlowError::Gone { .. } => {
                Self::new(Exit::NotFound, "gone", error).hint("evt flows runs")
            }
            FlowError::Store(error) => error.into(),
        }
    }
}

impl From<DocumentError> for CliError {
    fn from(error: DocumentError) -> Self {
        let code = match &error {
            DocumentError::Missing { .. }
            | DocumentError::Both { .. }
            | DocumentError::WrongKind { .. }
            | DocumentError::BadValue { .. }
            | DocumentError::NoSuchStep { .. }
            | DocumentError::SameStep { .. }
            | DocumentError::TooMany { .. } => "bad_flow",
            DocumentError::UnknownName { .. } | DocumentError::UnknownKey { .. } => "unknown_name",
            DocumentError::NotBuilt { .. } => "not_built",
            DocumentError::Placeholder { .. } => "bad_placeholder",
            DocumentError::Condition { .. } => "bad_condition",
            DocumentError::Secret { .. } => "bad_secret",
        };
        Self::new(Exit::Usage, code, error).hint("evt flows create --help")
    }
}

impl From<ListenError> for CliError {
    fn from(error: ListenError) -> Self {
        match &error {
            ListenError::PortTaken { .. } => Self::new(Exit::Failed, "port_taken", error)
                .hint("evt listen --port 0     takes a free port"),
            ListenError::Bind { .. } => {
                Self::new(Exit::Failed, "cannot_listen", error).hint("evt listen --port 0")
            }
        }
    }
}
