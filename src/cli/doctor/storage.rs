//! Files: folders and their permissions, settings, databases, disk space.

use std::path::{Path, PathBuf};

use super::super::{Context, retention as limits, settings};
use super::Finding;
use crate::config::Credentials;
use crate::running::DEFAULT_NAME;
use crate::store::Kind;
use crate::store::check::examine;

/// Below this, warn: WAL files and the events of a day may need as much.
const LOW_SPACE: u64 = 1 << 30;
/// Below this, fail: the next commits may fail.
const NO_SPACE: u64 = 50 << 20;
/// Deleting data frees a useful part of the disk if the database is larger than this.
const WORTH_DELETING: u64 = 4 << 20;

pub(super) fn check(cx: &Context) -> Vec<Finding> {
    let paths = &cx.paths;
    let mut findings = vec![
        folder("config folder", &paths.config_dir),
        folder("data folder", &paths.data_dir),
        folder("state folder", &paths.state_dir),
        config(cx),
        credentials(cx),
    ];
    if let Some(reason) = &paths.temporary {
        let found = format!(
            "{reason}: data and state are in {} and can be deleted at any time",
            paths.data_dir.display()
        );
        findings.push(Finding::fail(
            "home",
            found,
            "export EVT_HOME=/path/to/a/folder",
        ));
    }
    let databases = [
        (Kind::Inbox, paths.inbox()),
        (Kind::Platform, platform_database(cx)),
    ];
    findings.push(space(&paths.data_dir, &databases));
    for (kind, path) in &databases {
        findings.push(database(what(*kind), path));
        findings.push(retention(cx, *kind, path));
    }
    findings
}

/// The database of the running platform, or the default one.
fn platform_database(cx: &Context) -> PathBuf {
    let running = crate::running::Running::find(&cx.paths.state_dir)
        .ok()
        .flatten();
    running
        .and_then(|running| running.data)
        .unwrap_or_else(|| cx.paths.platform_dir(DEFAULT_NAME))
        .join("platform.db")
}

fn folder(what: &'static str, path: &Path) -> Finding {
    let shown = path.display();
    let facts = match std::fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Finding::ok(what, format!("{shown} (created when needed)"));
        }
        Err(error) => {
            return Finding::fail(
                what,
                format!("{shown}: {error}"),
                "export EVT_HOME=/path/to/a/folder",
            );
        }
    };
    if !facts.is_dir() {
        return Finding::fail(
            what,
            format!("{shown} is not a folder"),
            format!("rm {shown}"),
        );
    }
    match open_to_others(&facts) {
        true => Finding::warn(
            what,
            format!("{shown} can be read by other users"),
            format!("chmod 700 {shown}"),
        ),
        false => Finding::ok(what, shown.to_string()),
    }
}

#[cfg(unix)]
fn open_to_others(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    facts.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn open_to_others(_facts: &std::fs::Metadata) -> bool {
    false
}

fn config(cx: &Context) -> Finding {
    const WHAT: &str = "settings";
    let explicit = cx.globals.config.as_deref();
    let checked = settings::load(&cx.env, explicit).and_then(|config| {
        let name = config.default_profile().0;
        if !cx.is_local(&name) {
            config.entry(&name)?;
        }
        Ok(config)
    });
    match checked {
        Ok(config) if config.files().is_empty() => Finding::ok(WHAT, "no file: the defaults apply"),
        Ok(config) => {
            let files: Vec<_> = config
                .files()
                .iter()
                .map(|file| file.path.display().to_string())
                .collect();
            Finding::ok(WHAT, files.join(", "))
        }
        Err(error) => {
            let found = error.to_string();
            let error = crate::error::CliError::from(error);
            let hint = error.hints.into_iter().next();
            Finding::fail(
                WHAT,
                found,
                hint.unwrap_or_else(|| "evt config path".to_owned()),
            )
        }
    }
}

fn credentials(cx: &Context) -> Finding {
    const WHAT: &str = "credentials";
    let path = cx.paths.credentials_file();
    let shown = path.display();
    match std::fs::metadata(&path) {
        Err(_) => return Finding::ok(WHAT, "none stored"),
        Ok(facts) if open_to_others(&facts) => {
            return Finding::fail(
                WHAT,
                format!("{shown} can be read by other users"),
                format!("chmod 600 {shown}"),
            );
        }
        Ok(_) => {}
    }
    match Credentials::load(&path) {
        Ok(_) => Finding::ok(WHAT, shown.to_string()),
        Err(error) => Finding::fail(
            WHAT,
            error.to_string(),
            format!("rm {shown} && evt profile login"),
        ),
    }
}

fn database(what: &'static str, path: &Path) -> Finding {
    let shown = path.display();
    if !path.exists() {
        return Finding::ok(what, format!("{shown} (created when needed)"));
    }
    let aside = || format!("mv {shown} {shown}.damaged");
    match examine(path) {
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            Finding::fail(what, format!("{error}{cause}"), aside())
        }
        Ok(health) if health.version > health.known => Finding::fail(
            what,
            format!(
                "{shown} was written by a newer evt (schema {}, this one knows {})",
                health.version, health.known
            ),
            "use the newer evt",
        ),
        Ok(health) => match health.faults.first() {
            Some(fault) => Finding::fail(what, format!("{shown} is damaged: {fault}"), aside()),
            None => Finding::ok(
                what,
                format!("{shown} is intact (schema {})", health.version),
            ),
        },
    }
}

const fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Inbox => "inbox",
        Kind::Platform => "platform data",
    }
}

/// What is deleted by itself, and whether that is enough.
fn retention(cx: &Context, kind: Kind, path: &Path) -> Finding {
    let (what, name, finished) = match kind {
        Kind::Inbox => ("inbox retention", "inbox", "finished events"),
        Kind::Platform => (
            "platform retention",
            "platform",
            "finished events, runs and deliveries",
        ),
    };
    let limits = match limits::of(cx, kind) {
        Ok(limits) => limits,
        Err(error) => {
            let fix = format!("evt config unset retention.{name}.days");
            let fix = error.hints.first().cloned().unwrap_or(fix);
            return Finding::fail(what, error.error.to_string(), fix);
        }
    };
    let deleted = match limits::in_words(limits) {
        Some(words) => format!("deletes {finished} {words}"),
        None => "deletes nothing (off)".to_owned(),
    };
    let size = file_size(path);
    // A database that is written now may be a little larger for a minute.
    if limits.size.is_some_and(|most| size > most + most / 4) {
        let (rest, advice) = match kind {
            Kind::Inbox => ("undelivered events", "evt events list --status failed"),
            Kind::Platform => ("records and undelivered events", "evt queue list --dev"),
        };
        let found = format!("{deleted}; the file has {} MiB, with {rest}", size >> 20);
        return Finding::warn(what, found, advice);
    }
    Finding::ok(what, deleted)
}

fn file_size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

#[cfg(unix)]
fn space(folder: &Path, databases: &[(Kind, PathBuf)]) -> Finding {
    const WHAT: &str = "disk space";
    let there = folder
        .ancestors()
        .find(|above| above.exists())
        .unwrap_or(Path::new("/"));
    let free = match rustix::fs::statvfs(there) {
        Ok(facts) => facts.f_bavail.saturating_mul(facts.f_frsize),
        Err(error) => return Finding::warn(WHAT, format!("cannot read: {error}"), "df -h"),
    };
    let found = format!("{} MiB free for {}", free >> 20, folder.display());
    if free >= LOW_SPACE {
        return Finding::ok(WHAT, found);
    }
    let fix = what_frees_space(databases);
    match free {
        free if free < NO_SPACE => Finding::fail(WHAT, found, fix),
        _ => Finding::warn(WHAT, found, fix),
    }
}

/// The command that frees the most space. If evt uses little of the disk, that is another program's.
#[cfg(unix)]
fn what_frees_space(databases: &[(Kind, PathBuf)]) -> &'static str {
    let largest = databases
        .iter()
        .map(|(kind, path)| (file_size(path), *kind))
        .max_by_key(|(size, _)| *size);
    match largest {
        Some((size, Kind::Inbox)) if size >= WORTH_DELETING => "evt events prune --keep 1d",
        Some((size, Kind::Platform)) if size >= WORTH_DELETING => "evt dev reset",
        _ => "df -h     evt uses little of this disk",
    }
}

#[cfg(not(unix))]
fn space(_folder: &Path, _databases: &[(Kind, PathBuf)]) -> Finding {
    let _ = (LOW_SPACE, NO_SPACE, WORTH_DELETING);
    Finding::ok("disk space", "not checked on this system")
}
