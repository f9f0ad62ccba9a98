//! `evt generate all DIR`, hidden: completions, manual pages and docs/commands.md, the same wherever they are made.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

use super::super::{Context, completions};
use super::{pages, render};
use crate::error::{CliError, Exit};

/// What each shell looks for.
const COMPLETIONS: [(Shell, &str); 5] = [
    (Shell::Bash, "evt.bash"),
    (Shell::Zsh, "_evt"),
    (Shell::Fish, "evt.fish"),
    (Shell::PowerShell, "_evt.ps1"),
    (Shell::Elvish, "evt.elv"),
];

/// Write what is made of the commands
#[derive(Debug, clap::Args)]
#[command(hide = true, after_help = "Example:\n  evt generate all .")]
pub(crate) struct GenerateArgs {
    /// What to write
    what: What,
    /// Where: completions/, man/ and docs/ are made in it
    folder: PathBuf,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    All,
}

/// Writes the files. Pages of commands that are no more are removed.
pub(super) fn run(args: &GenerateArgs, cx: &Context) -> Result<Exit, CliError> {
    let What::All = args.what;
    let folder = cx.env.current_dir.join(&args.folder);
    let (completions, man, docs) = (
        folder.join("completions"),
        folder.join("man"),
        folder.join("docs"),
    );
    for made in [&completions, &man, &docs] {
        std::fs::create_dir_all(made)?;
    }
    for (shell, name) in COMPLETIONS {
        std::fs::write(completions.join(name), completions::generate(shell))?;
    }
    remove_pages(&man)?;
    let pages = pages();
    let mut reference = String::from(
        "# Commands\n\nMade by `evt generate all .` from the commands themselves; changes here are lost.\n",
    );
    for page in &pages {
        let name = format!("{}.{}", page.name, page.section);
        std::fs::write(man.join(name), render::roff(page))?;
        reference.push('\n');
        reference.push_str(&render::markdown(page));
    }
    std::fs::write(docs.join("commands.md"), reference)?;
    cx.ui.status(&format!(
        "wrote completions, {} pages and docs/commands.md",
        pages.len()
    ));
    Ok(Exit::Done)
}

fn remove_pages(man: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(man)? {
        let path = entry?.path();
        let is_page = path.extension().is_some_and(|end| end == "1" || end == "7");
        let is_ours = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("evt"));
        if is_page && is_ours {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
