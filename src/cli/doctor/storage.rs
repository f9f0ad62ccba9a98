//! Files: folders and their permissions, settings, databases, disk space.

use std::path::{Path, PathBuf};

use super::super::{Context, settings};
use super::Finding;
use crate::config::Credentials;
use crate::running::DEFAULT_NAME;
use crate::store::check::examine;

/// Below this, warn: WAL files and the events of a day may need as much.
const LOW_SPACE: u64 = 1 << 30;
/// Below this, fail: the next commits may fail.
const NO_SPACE: u64 = 50 << 20;

pub(super) fn check(cx: &Context) -> Vec<Finding> {
    let paths = &cx.paths;
    let mut findings = vec![
        folder("config folder", &paths.config_dir),
        folder("data folder", &paths.data_dir),
        folder("state folder", &paths.state_dir),
        config(cx),
        credentials(cx),
        space(&paths.data_dir),
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
    findings.push(database("inbox", &paths.inbox()));
    findings.push(database("platform data", &platform_database(cx)));
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

#[cfg(unix)]
fn space(folder: &Path) -> Finding {
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
    match free {
        free if free < NO_SPACE => Finding::fail(WHAT, found, "evt events prune --keep 1d"),
        free if free < LOW_SPACE => Finding::warn(WHAT, found, "evt events prune --keep 7d"),
        _ => Finding::ok(WHAT, found),
    }
}

#[cfg(not(unix))]
fn space(_folder: &Path) -> Finding {
    let _ = (LOW_SPACE, NO_SPACE);
    Finding::ok("disk space", "not checked on this system")
}
