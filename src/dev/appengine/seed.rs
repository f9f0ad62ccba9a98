//! First data from a file: records and flows, in YAML or JSON. What is there already is left alone, so a start can be repeated.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::State;
use super::model::Draft;
use crate::explain::{Exit, Explain, Explanation};
use crate::flow::{Cause, FlowError, RecordError};
use crate::store::{StoreError, records};

/// Bytes of a seed file; more is a database, not a seed.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a seed cannot be planted.
#[derive(Debug, Error)]
pub enum SeedError {
    #[error("cannot read the seed `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the seed `{}` is not of the form `{{records: […], flows: […]}}`: {reason}", path.display())]
    Form { path: PathBuf, reason: String },
    #[error("record {position} of the seed cannot be created")]
    Record {
        position: usize,
        source: RecordError,
    },
    #[error("flow {position} of the seed cannot be created")]
    Flow { position: usize, source: FlowError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for SeedError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Read { .. } => {
                Explanation::new(Exit::NotFound, "seed_unreadable").hint("ls -l")
            }
            Self::Form { .. } | Self::Record { .. } | Self::Flow { .. } => {
                Explanation::usage("bad_seed").hint(
                    "a seed is {records: [{datatype, data}], flows: [a flow as `evt flows show` prints it]}",
                )
            }
            Self::Store(error) => error.explain(),
        }
    }
}

/// What a seed came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    pub records: usize,
    pub flows: usize,
    /// Records and flows that were there already.
    pub kept: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    #[serde(default)]
    records: Vec<SeedRecord>,
    #[serde(default)]
    flows: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedRecord {
    datatype: String,
    sk: Option<String>,
    name: Option<String>,
    state: Option<String>,
    #[serde(default)]
    data: Map<String, Value>,
    author: Option<String>,
    owner: Option<String>,
}

/// Creates the seed's records, then its flows (which therefore hear nothing of the records), in one commit.
pub(crate) async fn plant(state: &State, path: &Path) -> Result<Planted, SeedError> {
    let seed = read(path)?;
    let repository = std::sync::Arc::clone(&state.repository);
    let flows = std::sync::Arc::clone(&state.flows);
    let org = state.org.clone();
    state
        .store
        .write(move |tx| {
            let mut planted = Planted::default();
            for (index, record) in seed.records.into_iter().enumerate() {
                let draft = draft(record);
                let sk = draft.sk.as_deref().unwrap_or_default();
                if records::body(tx, &org, &draft.datatype, sk)?.is_some() {
                    planted.kept += 1;
                    continue;
                }
                let position = index + 1;
                repository
                    .add(tx, &org, draft, &Cause::default())
                    .map_err(|source| SeedError::Record { position, source })?;
                planted.records += 1;
            }
            for (index, document) in seed.flows.iter().enumerate() {
                match flows.create(tx, &org, document) {
                    Ok(_) => planted.flows += 1,
                    Err(FlowError::NameTaken { .. }) => planted.kept += 1,
                    Err(source) => {
                        let position = index + 1;
                        return Err(SeedError::Flow { position, source });
                    }
                }
            }
            Ok(planted)
        })
        .await
}

fn read(path: &Path) -> Result<Seed, SeedError> {
    let failed = |source| SeedError::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    // JSON is YAML, but its own reader says better where it goes wrong, and knows long numbers.
    let parsed = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str(&text).map_err(|error| error.to_string())
    };
    parsed.map_err(|reason| SeedError::Form {
        path: path.to_owned(),
        reason: reason.lines().next().unwrap_or_default().to_owned(),
    })
}

/// A record without an id gets one that its content gives, the same at every start.
fn draft(record: SeedRecord) -> Draft {
    let sk = record.sk.unwrap_or_else(|| {
        let content = Value::Object(record.data.clone()).to_string();
        let digest = digest::digest(&digest::SHA256, content.as_bytes());
        let short: String = digest.as_ref()[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}-{short}", record.datatype)
    });
    Draft {
        datatype: record.datatype,
        sk: Some(sk),
        name: record.name,
        state: record.state,
        data: record.data,
        author: record.author,
        owner: record.owner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Seed, SeedError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.yaml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let yaml =
            parsed("records:\n  - datatype: contact\n    data: {email: a@example.com}\n").unwrap();
        let json =
            parsed(r#"{"records": [{"datatype": "contact", "data": {"email": "a@example.com"}}]}"#);
        let ids = [yaml, json.unwrap()].map(|mut seed| draft(seed.records.remove(0)).sk);
        assert_eq!(ids[0], ids[1]);
    }

    #[test]
    fn a_word_that_a_seed_does_not_know_is_an_error() {
        for text in [
            "record: []",
            "records: [{datatype: x, dta: {}}]",
            "[]",
            "{\"records\": 1}",
        ] {
            assert!(
                matches!(parsed(text), Err(SeedError::Form { .. })),
                "{text}"
            );
        }
    }
}
