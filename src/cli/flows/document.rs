//! Flow documents: read from YAML or JSON, checked before anything is sent, secrets fetched from where they are kept.

use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::shown;
use crate::api::Client;
use crate::cli::Context;
use crate::cli::input::{InputError, Source};
use crate::error::{CliError, Exit};
use crate::explain::{Explain, Explanation};
use crate::flow::{self, DocumentError};
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::json;
use crate::ui::safe;

/// What the platform writes around a document; not part of what a person wrote.
const SURROUNDINGS: [&str; 11] = [
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
/// Files of one folder at most; more is a folder that was not meant.
const MOST_FILES: usize = 10_000;

/// Why a file is no flow.
#[derive(Debug, Error)]
pub(crate) enum DocumentFault {
    #[error("{name} is not UTF-8 text")]
    NotText { name: String },
    #[error("{name} is not YAML: {reason}")]
    Yaml { name: String, reason: String },
    #[error("{name} holds no flow")]
    Empty { name: String },
    #[error("{name} holds {found}; a flow is an object with name, trigger and actions")]
    NoObject { name: String, found: &'static str },
    #[error("cannot read the folder {name}")]
    Folder {
        name: String,
        source: std::io::Error,
    },
    #[error("the folder {name} holds no .yaml, .yml or .json file")]
    NoFiles { name: String },
    #[error("the folder {name} holds more than {limit} .yaml, .yml and .json files")]
    TooManyFiles { name: String, limit: usize },
    #[error(
        "{name} posts to {url}, which is this machine; the platform at {origin} cannot reach it"
    )]
    Loopback {
        name: String,
        url: String,
        origin: String,
    },
    #[error(
        "{name} has a `secret`, which is an addition of evt's own platform; {origin} does not sign webhooks"
    )]
    Addition { name: String, origin: String },
    #[error("`{flow}` is in {first} and in {second}")]
    SameName {
        flow: String,
        first: String,
        second: String,
    },
    #[error("cannot write the flow as YAML: {reason}")]
    Write { reason: String },
}

impl Explain for DocumentFault {
    fn explain(&self) -> Explanation {
        match self {
            Self::NotText { .. }
            | Self::Yaml { .. }
            | Self::Empty { .. }
            | Self::NoObject { .. } => Explanation::usage("bad_flow_file")
                .hint("evt flows create --on contact.created --webhook 4871/hook --dry-run -o text > flow.yaml"),
            Self::Folder { .. } | Self::NoFiles { .. } => {
                Explanation::usage("no_flow_files").hint("evt flows apply -f flows/")
            }
            Self::TooManyFiles { .. } => {
                Explanation::usage("too_many_flow_files").hint("evt flows apply -f flows/")
            }
            Self::Loopback { .. } => Explanation::usage("loopback_webhook")
                .hint("open a tunnel of your choice to that port and give its public URL to --webhook")
                .hint("evt flows create … --profile local     creates it on the platform of this machine")
                .hint("--force     creates it all the same"),
            Self::Addition { .. } => Explanation::usage("secret_is_ours")
                .hint("-H 'X-Bridge-Secret: env:NAME'     sends a secret along, which every platform can")
                .hint("--force     creates it all the same"),
            Self::SameName { .. } => {
                Explanation::usage("same_name").hint("give each flow a name of its own")
            }
            Self::Write { .. } => Explanation::failed("yaml").hint("evt flows show NAME -o json"),
        }
    }
}

/// The same mistake as in a flow that was typed, with the file that holds it.
#[derive(Debug, Error)]
#[error("the flow in {name} cannot work")]
struct InFile {
    name: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A flow's document and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    /// In messages: `` `flows/bridge.yaml` ``, `stdin`, [`FROM_FLAGS`].
    pub(super) source: String,
}

/// Where a document came from that no file holds.
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

/// Reads every flow file of a folder, in the order of their names, or the one file.
pub(super) fn read_tree(path: &Path) -> Result<Vec<Document>, CliError> {
    if !path.is_dir() {
        return read(&Source::from(path.to_owned()));
    }
    let name = format!("`{}`", path.display());
    let mut files = files_in(path).map_err(|source| DocumentFault::Folder {
        name: name.clone(),
        source,
    })?;
    if files.is_empty() {
        return Err(DocumentFault::NoFiles { name }.into());
    }
    // A part of them would be taken for all: `--prune` deletes what it does not find.
    if files.len() > MOST_FILES {
        return Err(DocumentFault::TooManyFiles {
            name,
            limit: MOST_FILES,
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

/// The flow files of a folder, and no further one once there are too many.
fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        if files.len() > MOST_FILES {
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

/// JSON says so by its name or by its first character: a YAML document may begin with a brace as well, and means the same then.
fn is_json(path: &Path, bytes: &[u8]) -> bool {
    let first = bytes.trim_ascii_start().first();
    path.extension()
        .is_some_and(|extension| extension == "json")
        || matches!(first, Some(b'{'))
}

/// Reads one or several documents: YAML documents after `---`, JSON objects one after the other.
pub(super) fn parse(bytes: &[u8], name: &str, is_json: bool) -> Result<Vec<Value>, CliError> {
    let values: Vec<Value> = if is_json {
        serde_json::Deserializer::from_slice(bytes)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|source| InputError::Json {
                name: name.to_owned(),
                source,
            })?
    } else {
        from_yaml(bytes, name)?
    };
    let values: Vec<Value> = values
        .into_iter()
        .filter(|value| !value.is_null())
        .collect();
    if values.is_empty() {
        return Err(DocumentFault::Empty {
            name: name.to_owned(),
        }
        .into());
    }
    values
        .into_iter()
        .map(|value| match value {
            Value::Object(_) => Ok(flow::document::unwrapped(&value).clone()),
            other => Err(DocumentFault::NoObject {
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

fn from_yaml(bytes: &[u8], name: &str) -> Result<Vec<Value>, DocumentFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| DocumentFault::NotText {
        name: name.to_owned(),
    })?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_saphyr::from_multiple(text).map_err(|error| {
        let reason = error.without_snippet().to_string();
        DocumentFault::Yaml {
            name: name.to_owned(),
            reason: reason.lines().next().unwrap_or_default().to_owned(),
        }
    })
}

/// A copy without what the platform writes around a document.
pub(super) fn without_surroundings(document: &Value) -> Value {
    match document {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !SURROUNDINGS.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    }
}

/// Checks a document before it is sent: that it is a flow, that its names exist, and that the platform can do what it says.
///
/// A remote platform may know more than this program: there only plain mistakes count, and `force` overrides.
pub(super) fn check(
    document: &Document,
    force: bool,
    cx: &Context,
    client: &Client,
) -> Result<(), CliError> {
    let is_remote = !client.is_loopback();
    if let Err(error) = flow::compile(&document.value)
        && !(is_remote && (force || is_beyond_us(&error)))
    {
        point_at(&error, cx);
        return Err(placed(error.into(), document));
    }
    if is_remote && !force {
        reachable(document, client)?;
    }
    Ok(())
}

/// Shows a condition with a caret below the place where it goes wrong; the error itself is lines without columns.
pub(super) fn point_at(error: &DocumentError, cx: &Context) {
    let DocumentError::Condition { source, .. } = error else {
        return;
    };
    for line in source.caret().iter().flat_map(|caret| caret.lines()) {
        cx.ui.status(&format!("  {}", safe(line)));
    }
}

fn placed(mut error: CliError, document: &Document) -> CliError {
    if document.source != FROM_FLAGS {
        error.error = Box::new(InFile {
            name: document.source.clone(),
            source: error.error,
        });
    }
    error
}

/// Whether a remote platform may well take what this program does not know.
fn is_beyond_us(error: &DocumentError) -> bool {
    matches!(
        error,
        DocumentError::NotBuilt { .. } | DocumentError::UnknownKey { .. }
    )
}

/// What a remote platform cannot do for a developer's machine.
fn reachable(document: &Document, client: &Client) -> Result<(), CliError> {
    let name = || document.source.clone();
    for config in configs(&document.value) {
        if let Some(url) = config.get("url").and_then(Value::as_str)
            && url
                .parse::<Target>()
                .is_ok_and(|target| target.is_loopback())
        {
            return Err(DocumentFault::Loopback {
                name: name(),
                url: shown::short_url(url).to_owned(),
                origin: client.origin(),
            }
            .into());
        }
        if config.get("secret").is_some_and(|secret| !secret.is_null()) {
            return Err(DocumentFault::Addition {
                name: name(),
                origin: client.origin(),
            }
            .into());
        }
    }
    Ok(())
}

/// The settings of every action and step.
fn configs(document: &Value) -> impl Iterator<Item = &Value> {
    ["actions", "steps"]
        .into_iter()
        .filter_map(|key| document.get(key).and_then(Value::as_array))
        .flatten()
        .filter_map(|action| action.get("config"))
}

/// A copy with every `env:NAME` and `file:PATH` of a secret or a header replaced by what it refers to. `cmd:` is run only where a
/// person typed it (`may_run`): a file that is applied must not run programs.
pub(super) fn resolved(value: &Value, may_run: bool, cx: &Context) -> Result<Value, CliError> {
    let mut copy = value.clone();
    for key in ["actions", "steps"] {
        for action in copy
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let Some(config) = action.get_mut("config") else {
                continue;
            };
            if let Some(secret) = config.get_mut("secret") {
                resolve(secret, may_run, cx)?;
            }
            let headers = config.get_mut("headers").and_then(Value::as_object_mut);
            for (_, header) in headers.into_iter().flatten() {
                resolve(header, may_run, cx)?;
            }
        }
    }
    Ok(copy)
}

fn resolve(value: &mut Value, may_run: bool, cx: &Context) -> Result<(), CliError> {
    let Some(text) = value.as_str().filter(|text| shown::is_reference(text)) else {
        return Ok(());
    };
    let reference: SecretRef = text.parse()?;
    if matches!(reference, SecretRef::Command(_)) && !may_run {
        return Err(CliError::new(
            Exit::Usage,
            "command_in_file",
            "a file may not name a command to run for a secret",
        )
        .hint("put the secret into a variable and write env:NAME"));
    }
    *value = Value::String(cx.secret(&reference)?.reveal().to_owned());
    Ok(())
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
    fn yaml_and_json_say_the_same() {
        let yaml = read("name: a\ntrigger:\n  type: contact.created\n").unwrap();
        let json = read(r#"{"name":"a","trigger":{"type":"contact.created"}}"#).unwrap();
        assert_eq!(yaml, json);
    }

    #[test]
    fn one_file_may_hold_several_flows() {
        assert_eq!(read("name: a\n---\nname: b\n").unwrap().len(), 2);
        assert_eq!(read("{\"name\":\"a\"}\n{\"name\":\"b\"}").unwrap().len(), 2);
    }

    #[test]
    fn a_folder_of_too_many_flows_is_refused_and_not_cut() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..=MOST_FILES {
            let name = folder.path().join(format!("{number}.json"));
            std::fs::write(name, r#"{"name":"a"}"#).unwrap();
        }
        let refused = read_tree(folder.path()).unwrap_err();
        assert_eq!(refused.code, "too_many_flow_files");
        std::fs::remove_file(folder.path().join("0.json")).unwrap();
        assert_eq!(read_tree(folder.path()).unwrap().len(), MOST_FILES);
    }

    #[test]
    fn what_the_platform_answered_can_be_given_back() {
        let model = r#"{"sk":"automation-1","datatype":"automation","data":{"name":"a"}}"#;
        assert_eq!(read(model).unwrap(), [json!({"name": "a"})]);
    }

    #[test]
    fn what_is_no_document_is_refused() {
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
    fn aliases_cannot_fill_the_memory() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let inner = format!("*a{}", level - 1);
            let list = vec![inner; 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(&bomb).is_err());
    }
}
