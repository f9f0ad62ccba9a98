//! Shows a page in the user's pager.

use std::io::Write;

use crate::cli::Context;
use crate::cli::child::Child;
use crate::error::CliError;

/// The variables that name a pager, the first one first.
const VARIABLES: [&str; 3] = ["EVT_PAGER", "MANPAGER", "PAGER"];
/// Quits if the page fits the screen, shows colours, and leaves the page on the screen.
const DEFAULT: &str = "less -FRX";

/// Prints a page: in a pager if stdin and stdout are terminals, otherwise directly.
pub(super) async fn show(page: &str, cx: &Context) -> Result<(), CliError> {
    let is_interactive = cx.env.stdin_is_terminal && cx.ui.stdout_is_terminal();
    if cfg!(unix) && is_interactive && in_pager(page, cx).await? {
        return Ok(());
    }
    cx.ui.line(page)?;
    Ok(())
}

/// Returns whether a pager has shown the page. The variables hold shell commands, as for man(1) and git.
async fn in_pager(page: &str, cx: &Context) -> Result<bool, CliError> {
    let named = VARIABLES.iter().find_map(|name| cx.env.get(name));
    let pager = named.map(str::trim).unwrap_or(DEFAULT);
    if pager == "cat" {
        return Ok(false);
    }
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(page.as_bytes())?;
    file.write_all(b"\n")?;
    file.flush()?;
    // The path is an argument, so the shell does not interpret it.
    let script = format!("{pager} <\"$0\"");
    let path = file.path().display().to_string();
    let command = ["sh".to_owned(), "-c".to_owned(), script, path];
    let exit = Child::start(&command, &[], cx)?.wait().await?;
    // The shell did not find the pager.
    Ok(exit != 127)
}
