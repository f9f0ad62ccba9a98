//! Exports, sets and resets a state.

use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::json;
use tempfile::NamedTempFile;

use super::{Export, Reset, Set, find, folder, in_profile, known};
use crate::bom;
use crate::cli::Context;
use crate::cli::input::{InputError, Source};
use crate::error::{CliError, Exit};
use crate::explain::shell_word;
use crate::files;
use crate::paths::is_plain_name;
use crate::store::poll::{self, Import, ImportError, PollStateError, exact};
use crate::time::Timestamp;
use crate::ui::{Format, safe};
use crate::watermark::Micros;

/// stdout, for text that is written in pieces.
struct Stdout<'a>(&'a Context);

impl Write for Stdout<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.ui.raw(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.ui.flush()
    }
}

pub(super) fn export(args: &Export, cx: &Context) -> Result<Exit, CliError> {
    let key = find(&args.key, cx)?;
    let folder = folder(cx);
    let file = args.file.as_deref().filter(|file| file.as_os_str() != "-");
    let Some(file) = file else {
        poll::export(&folder, &key, &mut Stdout(cx))?;
        return Ok(Exit::Done);
    };
    let path = cx.env.current_dir.join(file);
    if path.exists() && !args.force {
        return Err(already_exists(file));
    }
    let unwritten = |source| PollStateError::File {
        path: file.to_owned(),
        source,
    };
    let beside = path.parent().unwrap_or(Path::new("."));
    // A temporary file that only the user can read. It gets its name when it is complete.
    let mut complete = NamedTempFile::new_in(beside).map_err(unwritten)?;
    poll::export(&folder, &key, &mut complete)?;
    complete.as_file().sync_all().map_err(unwritten)?;
    let persisted = match args.force {
        true => complete.persist(&path),
        false => complete.persist_noclobber(&path),
    };
    match persisted {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(already_exists(file));
        }
        Err(error) => return Err(unwritten(error.error).into()),
    }
    cx.ui
        .status(&format!("Wrote `{key}` to {}", file.display()));
    Ok(Exit::Done)
}

fn already_exists(file: &Path) -> CliError {
    let message = format!("`{}` already exists", file.display());
    CliError::new(Exit::Usage, "file_exists", message).hint("--force     replaces it")
}

pub(super) fn set(args: &Set, cx: &Context) -> Result<Exit, CliError> {
    let folder = folder(cx);
    let text = read(&args.file, cx)?;
    let keys = poll::list(&folder)?;
    let typed = args.key.as_str();
    let key = known(typed, &keys, cx);
    let stored = key.as_deref().and_then(|key| datatype_of(&folder, key));
    let datatypes = match (&args.datatype, stored) {
        (Some(datatype), _) => vec![datatype.clone()],
        (None, Some(datatype)) => vec![datatype],
        (None, None) => datatypes(typed, cx),
    };
    let import = parse(&text, &datatypes).map_err(|error| not_a_state(error, typed, &args.file))?;
    for note in &import.notes {
        cx.ui.warn(&safe(note));
    }
    let key = key.unwrap_or_else(|| new_key(typed, &import, cx));
    if !is_plain_name(&key) {
        let message = format!("`{key}` is not a valid name for a state");
        return Err(CliError::usage(message).hint(
            "use at most 64 letters, digits, `.`, `-` and `_`, starting with a letter or digit",
        ));
    }
    let aside = poll::set(&folder, &key, &import).map_err(|error| of_set(error, &key))?;
    if let Some(aside) = aside {
        cx.ui.warn(&format!(
            "the damaged file was moved to {}",
            aside.display()
        ));
    }
    if import.seen_left_out > 0 {
        cx.ui.warn(&format!(
            "the export leaves out {} versions; their records may be printed again",
            import.seen_left_out
        ));
    }
    let frontier = import.position.frontier.map(exact);
    match cx.ui.format() {
        Format::Json => cx
            .ui
            .json(&json!({"key": key, "datatype": import.datatype, "frontier": frontier, "versions": import.versions()}))?,
        Format::Text | Format::Raw => {
            let what = match &import.datatype {
                Some(datatype) => format!("of {}", safe(datatype)),
                None => "of the datatype".to_owned(),
            };
            let up_to = match frontier {
                Some(frontier) => format!("all records {what} up to {frontier} count as read"),
                None => format!("no record {what} counts as read yet"),
            };
            cx.ui.line(&format!("{key}: {up_to}"))?;
        }
    }
    Ok(Exit::Done)
}

fn read(source: &Source, cx: &Context) -> Result<Vec<u8>, InputError> {
    // Without the size limit of other documents: an export can be large.
    let read = if source.is_stdin() {
        let mut text = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut text);
        read.map(|_| text)
    } else {
        let mut text = Vec::new();
        files::open(&cx.env.current_dir.join(source.path()))
            .and_then(|mut file| file.read_to_end(&mut text))
            .map(|_| text)
    };
    read.and_then(bom::decode)
        .map_err(|error| InputError::Read {
            name: source.name(),
            source: error,
        })
}

/// The datatype of a state, if that can be read.
fn datatype_of(folder: &Path, key: &str) -> Option<String> {
    let fingerprint = poll::inspect(folder, key).ok()?.fingerprint?;
    Some(fingerprint.datatype)
}

/// The datatypes that the name of a new state may stand for: the whole name, or what follows the profile or the last dot.
fn datatypes(typed: &str, cx: &Context) -> Vec<String> {
    let prefix = in_profile("", cx);
    let after_profile = typed.strip_prefix(&prefix).filter(|rest| !rest.is_empty());
    let after_dot = typed.rsplit('.').next();
    let mut all: Vec<String> = Vec::new();
    for name in [after_profile, Some(typed), after_dot]
        .into_iter()
        .flatten()
    {
        if !all.iter().any(|known| known == name) {
            all.push(name.to_owned());
        }
    }
    all
}

/// Parses a state. Of a Singer state, only the bookmark of one of the datatypes is used.
fn parse(text: &[u8], datatypes: &[String]) -> Result<Import, ImportError> {
    let mut refused = None;
    for datatype in datatypes {
        match Import::parse(text, Some(datatype)) {
            Err(error @ ImportError::OtherBookmark { .. }) => {
                refused.get_or_insert(error);
            }
            parsed => return parsed,
        }
    }
    Err(refused.unwrap_or(ImportError::Unknown))
}

/// The name of a new state. A datatype stands for the state of the current profile.
fn new_key(typed: &str, import: &Import, cx: &Context) -> String {
    let in_profile = in_profile(typed, cx);
    let is_datatype = import.datatype.as_deref() == Some(typed);
    if is_datatype || import.key.as_deref() == Some(&in_profile) {
        return in_profile;
    }
    typed.to_owned()
}

fn not_a_state(error: ImportError, typed: &str, file: &Source) -> CliError {
    let path = file.path().display();
    let hint = match &error {
        ImportError::Newer { .. } => "use a newer evt".to_owned(),
        ImportError::OtherBookmark { known, .. } | ImportError::NotOneBookmark { known } => {
            let known = known.iter().find(|name| is_plain_name(name));
            let datatype = known.map_or("DATATYPE", String::as_str);
            format!("evt poll state set {typed} {path} --datatype {datatype}     uses that bookmark")
        }
        ImportError::Unfinished { .. } => {
            "let the tap finish its sync, or poll without this state".to_owned()
        }
        ImportError::NoValue { .. }
        | ImportError::Partitioned { .. }
        | ImportError::SeveralTimes { .. }
        | ImportError::NoTime { .. } => {
            "write the time as {\"bookmarks\":{\"contact\":{\"replication_key_value\":\"2026-04-25T10:00:00Z\"}}}".to_owned()
        }
        ImportError::Form(_) | ImportError::Unknown => {
            format!("evt poll state export {typed} FILE     writes a valid file")
        }
    };
    let name = file.name();
    CliError::new(Exit::Usage, "not_a_state", NotAState { name, error }).hint(hint)
}

/// A file that is not a state.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not a polling state")]
struct NotAState {
    name: String,
    #[source]
    error: ImportError,
}

fn of_set(error: PollStateError, key: &str) -> CliError {
    let is_other = matches!(error, PollStateError::OtherQuery { .. });
    let mut shown = CliError::from(error);
    if is_other {
        let reset = format!("evt poll state reset {key}     exports and deletes that state");
        shown.hints = vec![
            reset,
            "evt poll state set another-name FILE     uses another name".to_owned(),
        ];
    }
    shown
}

pub(super) fn reset(args: &Reset, cx: &Context) -> Result<Exit, CliError> {
    let key = find(&args.key, cx)?;
    let folder = folder(cx);
    let to = args.to.map(|to| to.at(Timestamp::now()));
    let (done, export, aside) = match to {
        Some(to) => {
            let to = Micros::from(to);
            let export = poll::rewind(&folder, &key, to)?;
            let done = format!(
                "{key}: records modified at {} or later are read again",
                exact(to)
            );
            (done, Some(export), None)
        }
        None => {
            let reset = poll::reset(&folder, &key)?;
            let done = format!("{key}: the next poll starts over");
            (done, reset.export, reset.aside)
        }
    };
    if cx.ui.format() == Format::Json {
        cx.ui
            .json(&json!({"key": key, "to": to, "export": export, "moved_aside": aside}))?;
    } else {
        cx.ui.line(&done)?;
    }
    if let Some(aside) = aside {
        cx.ui
            .status(&format!("The damaged file is now {}", aside.display()));
    }
    if let Some(export) = export {
        cx.ui.status(&format!(
            "To undo: evt poll state set {key} {}",
            shell_word(&export.to_string_lossy())
        ));
    }
    Ok(Exit::Done)
}
