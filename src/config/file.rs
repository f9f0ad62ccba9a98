//! One settings file: reading it with the line of every key, and editing it without losing comments.

use std::path::{Path, PathBuf};

use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::profile::PROFILE_KEYS;
use super::settings::{self, Refusal, Source};
use super::{ConfigError, DEFAULT_PROFILE, Location, Origin, PROFILES, suggest};
use crate::files::{self, replace_private_file};
use crate::paths::is_plain_name;

/// People write settings files by hand, so a larger one is a mistake.
const MAX_FILE: u64 = 1 << 20;

/// Who wrote a file, and so what it can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user's own file.
    User,
    /// `evt.toml`, which comes with the code of a project.
    Project,
}

/// The content of a settings file.
#[derive(Clone, Debug)]
pub struct File {
    pub path: PathBuf,
    pub kind: Kind,
    keys: Vec<Key>,
}

/// A key of a file with its value.
#[derive(Clone, Debug)]
struct Key {
    /// The parts between the dots.
    path: Vec<String>,
    line: usize,
    /// `None` if the type is not one that settings have, such as a date.
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

    /// Reads and parses a file, or returns `None` if it does not exist.
    pub fn read_if_there(path: &Path, kind: Kind) -> Result<Option<Self>, ConfigError> {
        match Self::read(path, kind) {
            Err(ConfigError::Read { source, .. }) if files::is_missing(&source) => Ok(None),
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

    /// Returns whether the file sets nothing.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The names of the profiles that the file defines.
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

    /// The paths of all keys whose value is `true`.
    pub(super) fn true_keys(&self) -> impl Iterator<Item = &[String]> {
        self.keys
            .iter()
            .filter(|key| {
                key.value
                    .as_deref()
                    .is_some_and(|values| values == ["true"])
            })
            .map(|key| key.path.as_slice())
    }

    /// Checks every key against the allow-list.
    ///
    /// `may_name` returns whether a project's file can name a profile.
    pub(super) fn check(
        &self,
        may_name: impl Fn(&str) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        for key in &self.keys {
            let location = Location(Some((self.path.clone(), key.line)));
            let path: Vec<&str> = key.path.iter().map(String::as_str).collect();
            check_key(self.kind, &path, key.value.as_deref(), &location)?;
            if self.kind == Kind::Project
                && path == [DEFAULT_PROFILE]
                && let Some([name]) = key.value.as_deref()
            {
                may_name(name).map_err(|error| error.at(location))?;
            }
        }
        Ok(())
    }
}

/// Checks that a file of this kind can hold a key with these values. The name of a profile is not checked.
pub fn check_key(
    kind: Kind,
    path: &[&str],
    values: Option<&[String]>,
    location: &Location,
) -> Result<(), ConfigError> {
    // A quoted key may hold the dots itself: `"poll.exec" = …`.
    let key = path.join(".");
    let refused = |reason| ConfigError::Refused {
        location: location.clone(),
        key: key.clone(),
        reason,
    };
    let is_profile = path.first() == Some(&PROFILES) && path.len() > 1;
    if is_profile && kind == Kind::Project {
        return Err(refused(Refusal::ForeignProfile));
    }
    let is_known_profile =
        matches!(path, [PROFILES, name, key] if is_plain_name(name) && PROFILE_KEYS.contains(key));
    let setting = settings::find(&key);
    if setting.is_none() && !is_known_profile {
        return Err(ConfigError::UnknownKey {
            location: location.clone(),
            suggestion: meant(path, &key),
            key,
        });
    }
    let expected = match values {
        Some([_]) => None,
        Some(_) if key != DEFAULT_PROFILE && setting.is_some() => None,
        Some(_) => Some("a single value"),
        None => Some("text, a number, true or false, or a list of those"),
    };
    if let Some(expected) = expected {
        return Err(ConfigError::WrongType {
            location: location.clone(),
            key,
            expected,
        });
    }
    let source = match kind {
        Kind::User => Source::User,
        Kind::Project => Source::Project,
    };
    let (Some(setting), Some(values)) = (setting, values) else {
        return Ok(());
    };
    if values.is_empty() {
        return setting.check(source, "").map_err(refused);
    }
    let mut checked = values.iter().map(|value| setting.check(source, value));
    checked.try_for_each(|result| result.map_err(refused))
}

/// The key that an unknown one was probably meant to be.
fn meant(path: &[&str], key: &str) -> Option<String> {
    if let [PROFILES, name, last] = path {
        let near = suggest(last, PROFILE_KEYS)?;
        return Some(format!("{PROFILES}.{name}.{near}"));
    }
    // Users often omit the table of the command.
    let same_flag = || {
        settings::file_keys()
            .find(|known| known.rsplit('.').next() == Some(key))
            .map(str::to_owned)
    };
    suggest(key, settings::file_keys()).or_else(same_flag)
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

/// The values of a key as text, or `None` for a type that no setting has (a date, a nested list).
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

pub(super) fn read_text(path: &Path) -> std::io::Result<String> {
    let text = String::from_utf8(files::read(path, MAX_FILE)?)
        .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not text"))?;
    // Editors on Windows write a byte order mark.
    Ok(text
        .strip_prefix('\u{feff}')
        .map(str::to_owned)
        .unwrap_or(text))
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

/// Sets a key of a file and keeps its comments and order. Creates the file if it does not exist.
///
/// Text that reads as an integer or a boolean is written as one.
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
            location: Location(Some((path.to_owned(), 1))),
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

/// Removes a key or a whole table. Returns whether it existed.
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
        // `007` and `+1` would be changed by writing them as numbers.
        Ok(number) if number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    fn checked(kind: Kind, text: &str) -> Result<(), ConfigError> {
        parsed(kind, text).check(|_| Ok(()))
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_a_suggestion() {
        for (text, line, near) in [
            ("[listen]\nport = 1\nsecrte = \"x\"\n", 3, "listen.secret"),
            ("max-body = 1", 1, "listen.max-body"),
            ("[profile.prod]\ntokne = \"x\"\n", 2, "profile.prod.token"),
        ] {
            let Err(ConfigError::UnknownKey {
                location: Location(Some((_, at))),
                suggestion,
                ..
            }) = checked(Kind::User, text)
            else {
                panic!("{text} is accepted");
            };
            assert_eq!((at, suggestion.as_deref()), (line, Some(near)), "{text}");
        }
    }

    #[test]
    fn a_project_file_holds_no_dangerous_key_however_it_is_written() {
        for text in [
            "[poll]\nexec = \"x\"",
            "poll.exec = \"x\"",
            "poll = { exec = \"x\" }",
            "\"poll.exec\" = \"x\"",
            "[poll]\nexec = []",
            "[poll]\nexec = [\"x\"]",
            "[poll]\n\"\\u0065xec\" = \"x\"",
            "[tail]\nheader = [\"X: env:AWS_SECRET\"]",
            "[listen]\nsecret = \"env:WHSEC\"",
            "[profile.local]\nurl = \"https://evil.test\"",
            "profile = { local = { url = \"https://evil.test\" } }",
            "\"profile.local.url\" = \"https://evil.test\"",
            "poll.forward = [\"3000\", \"https://evil.test\"]",
            "default_profile = [\"local\", \"prod\"]",
            "[[poll]]\nexec = \"x\"",
        ] {
            assert!(checked(Kind::Project, text).is_err(), "{text}");
        }
        for text in [
            "[poll]\nexec = \"x\"",
            "[listen]\nsecret = \"env:WHSEC\"",
            "[profile.prod]\nurl = \"https://a.test\"\ntoken = \"env:T\"",
        ] {
            assert!(checked(Kind::User, text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        let error = File::parse(Path::new("evt.toml"), Kind::User, "a = 1\nb = \n").unwrap_err();
        assert!(
            matches!(error, ConfigError::Syntax { line: 2, .. }),
            "{error}"
        );
    }

    #[test]
    fn comments_are_preserved() {
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
        fn a_value_is_read_as_it_was_set(value in any::<String>(), name in "[a-z][a-z0-9.]{0,10}[a-z0-9]") {
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
