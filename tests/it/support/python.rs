//! Programs from PyPI, in a virtual environment in `tests/singer/`.
//!
//! They need python3 with venv and pip and, for the first run, the network. Without these the tests print a notice and are
//! skipped, or fail with `EVT_TEST_REQUIRE=all`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::is_missing;

/// The virtual environment, installed.
#[derive(Clone, Copy)]
pub(crate) struct Python;

impl Python {
    /// Installs the programs once. Prints a notice and returns `None` if Python or the network is missing.
    pub(crate) fn install() -> Option<Self> {
        static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
        (!is_missing(INSTALLED.get_or_init(install))).then_some(Self)
    }

    /// The command for an installed program.
    pub(crate) fn command(self, name: &str) -> Command {
        Command::new(programs().join(name))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/singer")
}

fn programs() -> PathBuf {
    let name = if cfg!(windows) { "Scripts" } else { "bin" };
    folder().join(".venv").join(name)
}

/// Installs the packages of `requirements.txt`, unless the copy of that file in the environment shows that they are installed.
fn install() -> Result<(), String> {
    let (environment, wanted) = (folder().join(".venv"), folder().join("requirements.txt"));
    let wanted_text = std::fs::read_to_string(&wanted).map_err(|error| error.to_string())?;
    let mark = environment.join("installed.txt");
    if std::fs::read_to_string(&mark).is_ok_and(|had| had == wanted_text) {
        return Ok(());
    }
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut venv = Command::new(python);
    venv.args(["-m", "venv", "--clear"]).arg(&environment);
    run(&mut venv, "python3 cannot make a virtual environment")?;
    let mut pip = Command::new(programs().join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--no-deps", "-r"])
        .arg(&wanted);
    run(&mut pip, "pip cannot install the Singer target")?;
    std::fs::write(&mark, wanted_text).map_err(|error| error.to_string())
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|_| "python3 is not installed".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    Err(format!("{what}: {}", printed.trim()))
}
