//! Reads flow documents from YAML and JSON.

use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::cli::input::{InputError, Source};
use crate::error::CliError;
use crate::explain::{Explain, Explanation};
use crate::flow;
use crate::json;

/// Fields that the platform adds to a document.
const PLATFORM_FIELDS: [&str; 11] = [
    "id",
    "flowId",
    "automationId",
    "orgId",
    "orgid",
    "version",
    "createdAt",
    "updatedAt",
    "createdBy",
    "createdate",
    "modifydate",
];
/// Flow files in one folder. More is probably the wrong folder.
const MAX_FILES: usize = 10_000;

/// Why a flow document is refused.
#[derive(Debug, Error)]
pub(crate) enum FlowFileError {
    #[error("{name} is not UTF-8 text")]
    NotText { name: String },
    #[error("{name} is not YAML: {reason}")]
    Yaml { name: String, reason: String },
    #[error("{name} contains no flow")]
    Empty { name: String },
    #[error("{name} contains {found}; a flow is an object with name, trigger and actions")]
    NotAnObject { name: String, found: &'static str },
    #[error("cannot read the folder {name}")]
    Folder {
        name: String,
        source: std::io::Error,
    },
    #[error("the folder {name} contains no .yaml, .yml or .json file")]
    NoFiles { name: String },
    #[error("the folder {name} contains more than {limit} .yaml, .yml and .json files")]
    TooManyFiles { name: String, limit: usize },
    #[error("{name} sends to {url} on this machine, which the platform at {origin} cannot reach")]
    Loopback {
        name: String,
        url: String,
        origin: String,
    },
    #[error(
        "{name} has a `secret`, which only `evt dev` supports; {origin} does not sign webhooks"
    )]
    SecretNotSupported { name: String, origin: String },
    #[error("the flow `{flow}` is in both {first} and {second}")]
    SameName {
        flow: String,
        first: String,
        second: String,
    },
    #[error("cannot write the flow as YAML: {reason}")]
    Write { reason: String },
}

/// Writes a valid file to start with.
const EXAMPLE: &str =
    "evt flows create --on contact.created --webhook 4871/hook --dry-run -o text > flow.yaml";

impl Explain for FlowFileError {
    fn explain(&self) -> Explanation {
        match self {
            Self::NotText { .. }
            | Self::Yaml { .. }
            | Self::Empty { .. }
            | Self::NotAnObject { .. } => Explanation::usage("bad_flow_file")
                .hint(EXAMPLE),
            Self::Folder { .. } | Self::NoFiles { .. } => {
                Explanation::usage("no_flow_files").hint("evt flows apply -f flows/")
            }
            Self::TooManyFiles { .. } => {
                Explanation::usage("too_many_flow_files").hint("evt flows apply -f flows/")
            }
            Self::Loopback { .. } => Explanation::usage("loopback_webhook")
                .hint("open a tunnel to that port and use its public URL with --webhook")
                .hint("evt flows create … --profile local     creates the flow on the local platform")
                .hint("--force     creates it anyway"),
            Self::SecretNotSupported { .. } => Explanation::usage("secret_is_ours")
                .hint("-H 'X-Bridge-Secret: env:NAME'     sends a secret in a header, which works on every platform")
                .hint("--force     creates it anyway"),
            Self::SameName { .. } => {
                Explanation::usage("same_name").hint("give each flow a unique name")
            }
            Self::Write { .. } => Explanation::failed("yaml").hint("evt flows show NAME -o json"),
        }
    }
}

/// A flow's document and its source.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    /// The source as messages name it: `` `flows/bridge.yaml` ``, `stdin`, or [`FROM_FLAGS`].
    pub(super) source: String,
}

/// The source of a document that was made from flags.
pub(super) const FROM_FLAGS: &str = "the flow";

impl Document {
    pub(super) fn name(&self) -> &str {
        self.value
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Reads all documents of a file, or of stdin.
pub(super) fn read(source: &Source) -> Result<Vec<Document>, CliError> {
    let name = source.name();
    let bytes = source.read()?;
    let documents = parse(&bytes, &name, is_json(source.path(), &bytes))?;
    Ok(documents
        .into_iter()
        .map(|value| Document {
            value,
            source: name.clone(),
        })
        .collect())
}

/// Reads a file, or all flow files of a folder in the order of their names.
pub(super) fn read_tree(path: &Path) -> Result<Vec<Document>, CliError> {
    if !path.is_dir() {
        return read(&Source::from(path.to_owned()));
    }
    let name = format!("`{}`", path.display());
    let mut files = files_in(path).map_err(|source| FlowFileError::Folder {
        name: name.clone(),
        source,
    })?;
    if files.is_empty() {
        return Err(FlowFileError::NoFiles { name }.into());
    }
    // Reading only some of the files would make `--prune` delete the flows of the others.
    if files.len() > MAX_FILES {
        return Err(FlowFileError::TooManyFiles {
            name,
            limit: MAX_FILES,
        }
        .into());
    }
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(read(&Source::from(file))?);
    }
    Ok(all)
}

/// Lists the flow files of a folder. Stops when there are too many.
fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        if files.len() > MAX_FILES {
            break;
        }
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// Detects JSON by the file extension or a leading brace.
fn is_json(path: &Path, bytes: &[u8]) -> bool {
    let first = bytes.trim_ascii_start().first();
    path.extension()
        .is_some_and(|extension| extension == "json")
        || matches!(first, Some(b'{'))
}

/// Parses one or more documents: YAML separated by `---`, or consecutive JSON objects.
pub(super) fn parse(bytes: &[u8], name: &str, is_json: bool) -> Result<Vec<Value>, CliError> {
    let values: Vec<Value> = if is_json {
        serde_json::Deserializer::from_slice(bytes)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|source| {
                let error = InputError::Json {
                    name: name.to_owned(),
                    source,
                };
                let mut error = CliError::from(error);
                error.hints = vec![EXAMPLE.to_owned()];
                error
            })?
    } else {
        from_yaml(bytes, name)?
    };
    let values: Vec<Value> = values
        .into_iter()
        .filter(|value| !value.is_null())
        .collect();
    if values.is_empty() {
        return Err(FlowFileError::Empty {
            name: name.to_owned(),
        }
        .into());
    }
    values
        .into_iter()
        .map(|value| match value {
            Value::Object(_) => Ok(flow_of(&value)),
            other => Err(FlowFileError::NotAnObject {
                name: name.to_owned(),
                found: if other.is_null() {
                    "nothing"
                } else {
                    json::kind_of(&other)
                },
            }
            .into()),
        })
        .collect()
}

/// The flow in a document, which may be a record as `evt flows show -o json` prints it. A record has the name twice; the outer one
/// counts, because it is the one that people edit first.
fn flow_of(document: &Value) -> Value {
    let mut flow = flow::document::unwrapped(document).clone();
    if let (Some(Value::String(name)), Value::Object(members)) = (document.get("name"), &mut flow) {
        members.insert("name".to_owned(), name.as_str().into());
    }
    flow
}

fn from_yaml(bytes: &[u8], name: &str) -> Result<Vec<Value>, FlowFileError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FlowFileError::NotText {
        name: name.to_owned(),
    })?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_saphyr::from_multiple(text).map_err(|error| {
        let reason = error.without_snippet().to_string();
        FlowFileError::Yaml {
            name: name.to_owned(),
            reason: reason.lines().next().unwrap_or_default().to_owned(),
        }
    })
}

/// Returns a copy without the fields that the platform adds.
pub(super) fn without_platform_fields(document: &Value) -> Value {
    match document {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !PLATFORM_FIELDS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Vec<Value>, CliError> {
        parse(
            text.as_bytes(),
            "stdin",
            is_json(Path::new("-"), text.as_bytes()),
        )
    }

    #[test]
    fn yaml_and_json_are_equivalent() {
        let yaml = read("name: a\ntrigger:\n  type: contact.created\n").unwrap();
        let json = read(r#"{"name":"a","trigger":{"type":"contact.created"}}"#).unwrap();
        assert_eq!(yaml, json);
    }

    #[test]
    fn one_file_may_contain_several_flows() {
        assert_eq!(read("name: a\n---\nname: b\n").unwrap().len(), 2);
        assert_eq!(read("{\"name\":\"a\"}\n{\"name\":\"b\"}").unwrap().len(), 2);
    }

    #[test]
    fn a_folder_with_too_many_flows_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..=MAX_FILES {
            let name = folder.path().join(format!("{number}.json"));
            std::fs::write(name, r#"{"name":"a"}"#).unwrap();
        }
        let refused = read_tree(folder.path()).unwrap_err();
        assert_eq!(refused.code, "too_many_flow_files");
        std::fs::remove_file(folder.path().join("0.json")).unwrap();
        assert_eq!(read_tree(folder.path()).unwrap().len(), MAX_FILES);
    }

    #[test]
    fn a_flow_in_the_platforms_own_form_is_accepted() {
        let renamed =
            r#"{"sk":"automation-1","datatype":"automation","name":"b","data":{"name":"a"}}"#;
        assert_eq!(read(renamed).unwrap(), [json!({"name": "b"})]);
        let model = r#"{"sk":"automation-1","datatype":"automation","data":{"name":"a"}}"#;
        assert_eq!(read(model).unwrap(), [json!({"name": "a"})]);
    }

    #[test]
    fn an_invalid_document_is_refused() {
        for text in [
            "",
            "---\n",
            "just words",
            "- a\n- b",
            "a: [",
            "{\"a\":",
            "a: &x [*x]",
            "\u{0}",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn yaml_aliases_cannot_exhaust_memory() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let inner = format!("*a{}", level - 1);
            let list = vec![inner; 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(&bomb).is_err());
    }
}
