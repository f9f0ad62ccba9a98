//! Runs a command on a pseudo-terminal, to see what a person sees.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Runs a command until it ends, on a terminal of `columns`, and returns what it printed without colours.
pub(crate) fn on_terminal(mut command: Command, columns: u16) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize {
        ws_row: 50,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let open = || {
        let path = name.to_str().unwrap();
        Stdio::from(File::options().read(true).write(true).open(path).unwrap())
    };
    let mut child = command
        .env("TERM", "xterm")
        .env("NO_COLOR", "1")
        .env("EVT_NO_INPUT", "1")
        .stdin(open())
        .stdout(open())
        .stderr(open())
        .spawn()
        .unwrap();
    // The command holds the other end. Without it, reading fails once the child has ended.
    drop(command);
    let mut text = Vec::new();
    let _ = File::from(terminal).read_to_end(&mut text);
    child.wait().unwrap();
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}
