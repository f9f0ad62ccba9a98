//! One file of settings: read with the line of every key, changed with its comments kept.

use std::path::{Path, PathBuf};

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::{ConfigError, Origin, PROFILES, suggest};
use crate::files::replace_private_file;
use crate::paths::is_plain_name;
use crate::secret;

/// A file of settings is written by people; more than this was not.
const MAX_FILE: u64 = 1 << 20;
/// What a profile may say in a file.
const PROFILE_KEYS: [&str; 3] = ["url", "org", "token"];

/// Whose settings a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    /// `evt.toml`, which is committed and shared.
    Project,
}

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    pub kind: Kind,
    keys: Vec<Key>,
}

/// A value in a file, with the dotted path of its key.
#[derive(Clone, Debug)]
struct Key {
    path: Vec<String>,
    line: usize,
    value: Option<Vec<String>>,
}

impl File {
    /// Reads and parses a file.
    pub fn read(path: &Path, kind: Kind) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, kind, &text)
    }

    /// [`File::read`]; `None` where there is no such file.
    pub fn read_if_there(path: &Path, kind: Kind) -> Result<Option<Self>, ConfigError> {
        match Self::read(path, kind) {
            Err(ConfigError::Read { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    fn parse(path: &Path, kind: Kind, text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text).map_err(|error| syntax(path, text, &error))?;
        let mut keys = Vec::new();
        collect(document.as_table(), text, &mut Vec::new(), &mut keys);
        Ok(Self {
            path: path.to_owned(),
            kind,
            keys,
        })
    }

    /// The dotted keys that the file sets.
    pub fn keys(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.path.join(".")).collect()
    }

    /// The names of the profiles that the file has.
    pub(super) fn profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for key in &self.keys {
            if let [table, name, ..] = key.path.as_slice()
                && table == PROFILES
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    pub(super) fn get(&self, key: &str) -> Option<(Vec<String>, Origin)> {
        let found = self.keys.iter().find(|found| found.path.join(".") == key)?;
        Some((found.value.clone()?, self.origin(found)))
    }

    /// A value of a profile, whose name may hold dots.
    pub(super) fn profile_value(&self, name: &str, key: &str) -> Option<(String, Origin)> {
        let found = self
            .keys
            .iter()
            .find(|found| found.path == [PROFILES, name, key])?;
        let value = found.value.as_ref()?.first()?.clone();
        Some((value, self.origin(found)))
    }

    fn origin(&self, key: &Key) -> Origin {
        Origin::File {
            path: self.path.clone(),
            line: key.line,
        }
    }

    pub(super) fn check(&self, known: &[String]) -> Result<(), ConfigError> {
        for key in &self.keys {
            let dotted = key.path.join(".");
            let at = (self.path.clone(), key.line);
            if let Some(suggestion) = unknown(&key.path, &dotted, known) {
                return Err(ConfigError::UnknownKey {
                    path: at.0,
                    line: at.1,
                    key: dotted,
                    suggestion,
                });
            }
            let Some(values) = &key.value else {
                return Err(ConfigError::WrongType {
                    path: at.0,
                    line: at.1,
                    key: dotted,
                    expected: "text, a number, true or false, or a list of those",
                });
            };
            let path: Vec<&str> = key.path.iter().map(String::as_str).collect();
            if self.kind == Kind::Project && shares_a_secret(&path, values) {
                return Err(ConfigError::SecretInProject {
                    path: at.0,
                    line: at.1,
                    key: dotted,
                });
            }
        }
        Ok(())
    }
}

/// `None` for a key that is known, else what may have been meant.
fn unknown(path: &[String], dotted: &str, known: &[String]) -> Option<Option<String>> {
    if let [table, name, key] = path
        && table == PROFILES
    {
        if is_plain_name(name) && PROFILE_KEYS.contains(&key.as_str()) {
            return None;
        }
        let near = suggest(key, PROFILE_KEYS);
        return Some(near.map(|key| format!("{PROFILES}.{name}.{key}")));
    }
    if known.iter().any(|known| known == dotted) {
        return None;
    }
    // A flag is often remembered without the table of its command.
    let near = suggest(dotted, known.iter().map(String::as_str));
    let same_flag = || {
        known
            .iter()
            .find(|known| known.rsplit('.').next() == Some(dotted))
            .cloned()
    };
    Some(near.or_else(same_flag))
}

/// Whether a project's file would give a secret away, or fetch one by running a command that came with the project.
pub fn shares_a_secret(path: &[&str], values: &[String]) -> bool {
    let last = path.last().copied().unwrap_or_default();
    if path.first() == Some(&PROFILES) {
        return last == "token";
    }
    secret::is_named(last) && values.iter().any(|value| !value.starts_with("env:"))
}

fn collect(table: &dyn TableLike, text: &str, above: &mut Vec<String>, keys: &mut Vec<Key>) {
    for (name, item) in table.iter() {
        above.push(name.to_owned());
        if let Some(inner) = item.as_table_like() {
            collect(inner, text, above, keys);
        } else {
            let start = table
                .get_key_value(name)
                .and_then(|(key, _)| key.span())
                .or_else(|| item.span())
                .map_or(0, |span| span.start);
            keys.push(Key {
                path: above.clone(),
                line: line_of(text, start),
                value: texts(item),
            });
        }
        above.pop();
    }
}

/// The values of a key as text; `None` for what no setting is (a time, a nested list).
fn texts(item: &Item) -> Option<Vec<String>> {
    match item.as_value()? {
        Value::Array(array) => array.iter().map(text_of).collect(),
        value => text_of(value).map(|text| vec![text]),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) => Some(number.value().to_string()),
        Value::Boolean(truth) => Some(truth.value().to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MAX_FILE {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            "it is larger than 1 MiB",
        ));
    }
    Ok(text)
}

fn syntax(path: &Path, text: &str, error: &toml_edit::TomlError) -> ConfigError {
    ConfigError::Syntax {
        path: path.to_owned(),
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', ", "),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// Sets a key of a file (made if there is none), its comments and order kept. Text that is a number or a truth is written as one.
pub fn set(path: &Path, key: &[&str], value: &str) -> Result<(), ConfigError> {
    let mut document = editable(path)?;
    let (last, tables) = key.split_last().expect("a key has at least one part");
    let mut table = document.as_table_mut();
    for name in tables {
        let inner = table.entry(name).or_insert_with(|| {
            let mut made = Table::new();
            // `[profile.prod]` needs no empty `[profile]` above it.
            made.set_implicit(true);
            Item::Table(made)
        });
        table = inner.as_table_mut().ok_or_else(|| ConfigError::WrongType {
            path: path.to_owned(),
            line: 1,
            key: (*name).to_owned(),
            expected: "a table written as [NAME]",
        })?;
    }
    let mut value = typed(value);
    match table.get_mut(last).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(last, Item::Value(value));
        }
    }
    write(path, &document)
}

/// Removes a key, or a whole table, and returns whether it was there.
pub fn unset(path: &Path, key: &[&str]) -> Result<bool, ConfigError> {
    let mut document = editable(path)?;
    let (last, tables) = key.split_last().expect("a key has at least one part");
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for name in tables {
        match table.get_mut(name).and_then(Item::as_table_like_mut) {
            Some(inner) => table = inner,
            None => return Ok(false),
        }
    }
    let was_there = table.remove(last).is_some();
    if was_there {
        write(path, &document)?;
    }
    Ok(was_there)
}

fn editable(path: &Path) -> Result<DocumentMut, ConfigError> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => {
            return Err(ConfigError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    text.parse().map_err(|error| syntax(path, &text, &error))
}

fn write(path: &Path, document: &DocumentMut) -> Result<(), ConfigError> {
    replace_private_file(path, document.to_string().as_bytes()).map_err(|source| {
        ConfigError::Write {
            path: path.to_owned(),
            source,
        }
    })
}

fn typed(text: &str) -> Value {
    if let Ok(truth) = text.parse::<bool>() {
        return truth.into();
    }
    match text.parse::<i64>() {
        // `007` and `+1` are texts that a number would change.
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known() -> Vec<String> {
        ["default_profile", "listen.port", "listen.secret"]
            .map(str::to_owned)
            .to_vec()
    }

    fn parsed(kind: Kind, text: &str) -> File {
        File::parse(Path::new("evt.toml"), kind, text).unwrap()
    }

    #[test]
    fn a_value_knows_its_file_and_line() {
        let file = parsed(Kind::User, "# mine\n\n[listen]\nport = 5000\n");
        let (values, origin) = file.get("listen.port").unwrap();
        assert_eq!(values, ["5000"]);
        assert_eq!(origin.to_string(), "evt.toml:4");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
        let file = parsed(Kind::User, "[listen]\nport = 1\nsecrte = \"x\"\n");
        let Err(ConfigError::UnknownKey {
            line, suggestion, ..
        }) = file.check(&known())
        else {
            panic!("the key is accepted");
        };
        assert_eq!((line, suggestion.as_deref()), (3, Some("listen.secret")));
        let flag_alone = parsed(Kind::User, "port = 1");
        assert!(matches!(
            flag_alone.check(&known()),
            Err(ConfigError::UnknownKey { suggestion: Some(near), .. }) if near == "listen.port"
        ));
    }

    #[test]
    fn a_project_file_holds_no_secret() {
        for text in [
            "[listen]\nsecret = \"whsec_abc\"",
            "[listen]\nsecret = \"cmd:curl evil\"",
            "[profile.prod]\nurl = \"https://a.test\"\ntoken = \"env:T\"",
        ] {
            let checked = parsed(Kind::Project, text).check(&known());
            assert!(
                matches!(checked, Err(ConfigError::SecretInProject { .. })),
                "{text}"
            );
            assert!(parsed(Kind::User, text).check(&known()).is_ok(), "{text}");
        }
        let by_variable = parsed(Kind::Project, "[listen]\nsecret = \"env:WHSEC\"");
        assert!(by_variable.check(&known()).is_ok());
    }

    #[test]
    fn a_mistake_in_the_syntax_names_its_line() {
        let error = File::parse(Path::new("evt.toml"), Kind::User, "a = 1\nb = \n").unwrap_err();
        assert!(
            matches!(error, ConfigError::Syntax { line: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn comments_survive_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "# mine\n[listen] # here\nport = 1 # old\n").unwrap();
        set(&path, &["listen", "port"], "5000").unwrap();
        set(&path, &["default_profile"], "prod").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "default_profile = \"prod\"\n# mine\n[listen] # here\nport = 5000 # old\n"
        );
        assert!(unset(&path, &["listen", "port"]).unwrap());
        assert!(!unset(&path, &["listen", "port"]).unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("# mine"), "{text}");
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_again(value in any::<String>(), name in "[a-z][a-z0-9.]{0,10}[a-z0-9]") {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("config.toml");
            set(&path, &[PROFILES, &name, "url"], &value).unwrap();
            let file = File::read(&path, Kind::User).unwrap();
            prop_assert_eq!(file.profile_value(&name, "url").map(|found| found.0), Some(value));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            let _ = File::parse(Path::new("evt.toml"), Kind::User, &text);
        }
    }
}
