//! Runs a command on a pseudo-terminal, to see what a person sees.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// Runs a command until it ends, on a terminal of `columns`, and returns what it printed without colours.
pub(crate) fn on_terminal(mut command: Command, columns: u16) -> String {
    command.env("EVT_NO_INPUT", "1");
    Session::start(command, columns).finish().0
}

/// Runs a command on a terminal of `columns`, types each answer when its question has been printed, and returns everything that
/// was printed.
pub(crate) fn converse(command: Command, columns: u16, answers: &[(&str, &str)]) -> String {
    let mut session = Session::start(command, columns);
    for (question, answer) in answers {
        session.wait_for(question);
        let seen = session.unanswered();
        let end = seen.find(question).unwrap_or_default() + question.len();
        session.answered += end;
        session.terminal.write_all(answer.as_bytes()).unwrap();
    }
    session.answered = 0;
    session.finish().0
}

/// A command that runs on a terminal and asks questions.
pub(crate) struct Session {
    terminal: File,
    child: Child,
    seen: Vec<u8>,
    /// The part of `seen` before the last answer.
    answered: usize,
}

impl Session {
    /// Starts a command on a terminal of `columns`.
    pub(crate) fn start(mut command: Command, columns: u16) -> Self {
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
        let child = command
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        // The command holds the other end. Without it, reading fails once the child has ended.
        drop(command);
        Self {
            terminal: File::from(terminal),
            child,
            seen: Vec::new(),
            answered: 0,
        }
    }

    fn unanswered(&self) -> String {
        String::from_utf8_lossy(&self.seen[self.answered..]).into_owned()
    }

    /// Reads until `text` has been printed since the last answer.
    ///
    /// # Panics
    /// If the command ends without it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let seen = self.unanswered();
            if seen.contains(text) {
                return seen;
            }
            match self.terminal.read(&mut buffer) {
                Ok(count) if count > 0 => self.seen.extend_from_slice(&buffer[..count]),
                _ => panic!("the command ended without {text:?}:\n{seen}"),
            }
        }
    }

    /// Types a line.
    pub(crate) fn answer(&mut self, text: &str) {
        self.answered = self.seen.len();
        self.terminal
            .write_all(format!("{text}\r").as_bytes())
            .unwrap();
    }

    /// Types a line that is not shown. What is typed before the command has switched the echo off would be discarded.
    pub(crate) fn answer_secretly(&mut self, text: &str) {
        let is_shown = |terminal: &File| {
            let modes = tcgetattr(terminal).unwrap().local_modes;
            modes.contains(LocalModes::ECHO)
        };
        while is_shown(&self.terminal) {
            std::thread::yield_now();
        }
        self.answer(text);
    }

    /// Waits for the end of the command. Returns what it printed since the last answer, and its exit code.
    pub(crate) fn finish(mut self) -> (String, Option<i32>) {
        let _ = self.terminal.read_to_end(&mut self.seen);
        let status = self.child.wait().unwrap();
        (self.unanswered().replace("\r\n", "\n"), status.code())
    }
}
