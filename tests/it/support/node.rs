//! Scripts in `tests/interop/`, which use libraries from npm.
//!
//! They need node, npm and, for the first run, the network. Without these the tests print a notice and are skipped, or fail with
//! `EVT_TEST_REQUIRE=all`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use super::is_missing;

/// A running script, killed when it is dropped.
pub(crate) struct Node {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Node {
    /// Installs the libraries once. Prints a notice and returns false if node or a library is missing.
    pub(crate) fn is_installed() -> bool {
        static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
        !is_missing(INSTALLED.get_or_init(install))
    }

    /// Starts a script. Prints a notice and returns `None` if node or a library is missing.
    pub(crate) fn start(script: &str, args: &[&str]) -> Option<Self> {
        if !Self::is_installed() {
            return None;
        }
        let mut process = Command::new("node")
            .arg(script)
            .args(args)
            .current_dir(folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node ran a moment ago");
        Some(Self {
            stdin: process.stdin.take().expect("stdin is piped"),
            stdout: BufReader::new(process.stdout.take().expect("stdout is piped")),
            process,
        })
    }

    /// Starts a script that is a server and prints its port on the first line.
    pub(crate) fn serve(script: &str, args: &[&str]) -> Option<(Self, u16)> {
        let mut node = Self::start(script, args)?;
        let line = node.line();
        let port = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{script}: {line:?}"));
        Some((node, port))
    }

    /// Writes a line to the script's stdin.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("node reads");
    }

    /// Waits for the next line of the script's stdout and returns it with its line break.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("node writes");
        line
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}

/// Installs the packages of the lock file, which has a hash of each, unless they are installed.
fn install() -> Result<(), String> {
    for tool in ["node", "npm"] {
        let output = Command::new(tool).arg("--version").output();
        output.map_err(|_| format!("{tool} is not installed"))?;
    }
    if is_installed() {
        return Ok(());
    }
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("npm cannot install the libraries: {why}"))
}

/// Whether npm's list of installed packages, which npm writes last, has each package in the required version.
fn is_installed() -> bool {
    let read = |name: &str| -> Option<Value> {
        serde_json::from_str(&std::fs::read_to_string(folder().join(name)).ok()?).ok()
    };
    let (Some(wanted), Some(had)) = (
        read("package.json"),
        read("node_modules/.package-lock.json"),
    ) else {
        return false;
    };
    wanted["dependencies"].as_object().is_some_and(|wanted| {
        wanted.iter().all(|(name, version)| {
            had["packages"][format!("node_modules/{name}")]["version"] == *version
        })
    })
}
