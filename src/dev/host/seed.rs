//! Initial data from a file in YAML or JSON. Existing data is left unchanged, so every start can apply the same file.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;

use super::{Host, Platforms};
use crate::bom;
use crate::explain::{Exit, Explain, Explanation};
use crate::files;
use crate::store::StoreError;

/// Maximum size of a seed file, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a seed cannot be applied.
#[derive(Debug, Error)]
pub enum SeedError {
    #[error("cannot read the seed `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the seed{} does not have the form `{{records: […], flows: […]}}`: {reason}", match .path { Some(path) => format!(" `{}`", path.display()), None => String::new() })]
    Form {
        path: Option<PathBuf>,
        reason: String,
    },
    #[error("{what} {position} of the seed cannot be created")]
    Item {
        /// The kind of item: `record`, `flow`.
        what: &'static str,
        /// Position in its list, from 1.
        position: usize,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Explain for SeedError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Read { .. } => {
                Explanation::new(Exit::NotFound, "seed_unreadable").hint("ls -l")
            }
            Self::Form { .. } | Self::Item { .. } => Explanation::usage("bad_seed").hint(
                "a seed is {records: [{datatype, data}], flows: [a flow as `evt flows show` prints it]}",
            ),
            Self::Store(error) => error.explain(),
        }
    }
}

/// What a seed created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// How many of which kind: `("records", 3)`.
    pub created: Vec<(&'static str, usize)>,
    /// Items that already existed.
    pub existing: usize,
}

/// Applies a seed file in one commit.
///
/// The member with a platform's name is its part of the file. All other members are the part of the default platform.
pub(crate) async fn apply_seed(
    host: &Host,
    platforms: &Platforms,
    path: &Path,
) -> Result<Seeded, SeedError> {
    let mut rest = read(path)?;
    let mut parts = Vec::new();
    for platform in platforms.iter().skip(1) {
        if let Some(part) = rest.remove(platform.name()) {
            parts.push((std::sync::Arc::clone(platform), part));
        }
    }
    if let Some(platform) = platforms.default_platform() {
        parts.insert(0, (std::sync::Arc::clone(platform), Value::Object(rest)));
    }
    let seeded = host.store.write(move |tx| {
        let mut seeded = Seeded::default();
        for (platform, part) in &parts {
            let own = platform.seed(tx, part)?;
            seeded.created.extend(own.created);
            seeded.existing += own.existing;
        }
        Ok(seeded)
    });
    seeded.await.map_err(|error| match error {
        SeedError::Form { path: None, reason } => SeedError::Form {
            path: Some(path.to_owned()),
            reason,
        },
        other => other,
    })
}

fn read(path: &Path) -> Result<Map<String, Value>, SeedError> {
    let failed = |source| SeedError::Read {
        path: path.to_owned(),
        source,
    };
    let file = files::open(path).map_err(failed)?;
    let mut text = String::new();
    bom::Reader::new(file)
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failed(io::ErrorKind::FileTooLarge.into()));
    }
    // JSON is YAML, but the JSON parser has better error positions and keeps long numbers exact.
    let parsed = if text.trim_start().starts_with('{') {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str(&text).map_err(|error| error.to_string())
    };
    parsed.map_err(|reason| SeedError::Form {
        path: Some(path.to_owned()),
        reason: reason.lines().next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Map<String, Value>, SeedError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.yaml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn yaml_and_json_are_read_alike() {
        let yaml = parsed("records:\n  - datatype: contact\n    data: {email: a@example.com}\n");
        let json =
            parsed(r#"{"records": [{"datatype": "contact", "data": {"email": "a@example.com"}}]}"#);
        assert_eq!(yaml.unwrap(), json.unwrap());
    }

    #[test]
    fn a_seed_is_an_object() {
        assert!(matches!(parsed("[]"), Err(SeedError::Form { .. })));
    }
}
