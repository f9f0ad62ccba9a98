//! The only module that writes to the terminal. stdout carries the result of a command, stderr everything else.

mod boxes;
mod event;
#[cfg(unix)]
mod hidden;
mod layout;
mod out;
mod progress;
mod prompt;
mod reader;
mod safe;
mod style;
mod table;

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::explain::{Exit, Explain, Explanation};
use crate::json;

pub use boxes::{Glyphs, fitted};
pub use event::{answer, attempt_line, body, detail, hidden_header, line, outcome, size, verdict};
pub use progress::Progress;
pub use prompt::PromptError;
pub use safe::{Safe, clip, controls_a_terminal, safe, safe_block, safe_bytes};
pub use style::{Colour, ColourHints, Style};
pub use table::Cell;

/// The narrowest terminal that text is fitted to, in columns.
const NARROWEST: u16 = 20;

/// The format of stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Tables and lines for people.
    Text,
    /// One JSON object per line.
    Json,
    /// Bodies exactly as they were received.
    Raw,
}

/// How one invocation prints. `cli` derives it from flags, variables and terminals.
#[derive(Clone, Debug)]
pub struct Manner {
    pub format: Format,
    /// `-o json` was given: notices and errors are JSON lines, too.
    pub explicit_json: bool,
    pub quiet: bool,
    pub verbose: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub colour: Colour,
    pub colour_hints: ColourHints,
    /// Questions can be asked: a user is at a terminal and allows it.
    pub may_ask: bool,
    /// Diagrams may use characters beyond ASCII.
    pub unicode: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            format: Format::Text,
            explicit_json: false,
            quiet: false,
            verbose: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            colour: Colour::Never,
            colour_hints: ColourHints::default(),
            may_ask: false,
            unicode: false,
        }
    }
}

/// The output of one invocation. All methods take `&self`, so it can be shared.
pub struct Ui {
    manner: Manner,
    out: out::Out,
    bar: Arc<Mutex<Option<indicatif::ProgressBar>>>,
    /// The last output on stdout did not end with a line ending.
    is_within_line: AtomicBool,
}

/// An error to print. Its texts may come from outside: [`Ui::problem`] escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What failed.
    pub message: String,
    /// The input, and below it a caret at the position of the mistake.
    pub place: Option<String>,
    /// The causes, the root cause last.
    pub why: Vec<String>,
    pub hints: Vec<String>,
    pub code: &'static str,
    pub exit: u8,
}

/// Bytes that would control the terminal to which stdout is connected. In a file they are harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes contain control characters, which a terminal would execute")]
pub struct NotForATerminal;

impl Explain for io::Error {
    fn explain(&self) -> Explanation {
        if self
            .get_ref()
            .is_some_and(|inner| inner.is::<NotForATerminal>())
        {
            return Explanation::usage("not_for_a_terminal")
                .hint("write it to a file: … -o raw > FILE");
        }
        match self.kind() {
            io::ErrorKind::BrokenPipe => Explanation::new(Exit::Done, "closed_pipe"),
            io::ErrorKind::StorageFull => Explanation::failed("disk_full")
                .hint("free some space; evt doctor says how much there is"),
            _ => Explanation::failed("io"),
        }
    }
}

impl Ui {
    pub fn new(manner: Manner) -> Self {
        Self {
            manner,
            out: out::Out::stdout(),
            bar: Arc::default(),
            is_within_line: AtomicBool::new(false),
        }
    }

    /// Writes stdout to `writer`, for tests and benchmarks.
    pub fn to(manner: Manner, writer: Box<dyn io::Write + Send>) -> Self {
        Self {
            manner,
            out: out::Out::to(writer),
            bar: Arc::default(),
            is_within_line: AtomicBool::new(false),
        }
    }

    /// A copy with the same stderr that writes stdout to `writer`. It prints JSON instead of text, because `writer` is not a terminal.
    pub fn beside(&self, writer: Box<dyn io::Write + Send>) -> Self {
        let mut manner = Manner {
            stdout_is_terminal: false,
            ..self.manner.clone()
        };
        if manner.format == Format::Text {
            manner.format = Format::Json;
        }
        Self {
            bar: Arc::clone(&self.bar),
            ..Self::to(manner, writer)
        }
    }

    pub fn format(&self) -> Format {
        self.manner.format
    }

    /// Returns whether JSON was requested with a flag, and not chosen because stdout is not a terminal.
    pub fn explicit_json(&self) -> bool {
        self.manner.explicit_json
    }

    pub fn is_quiet(&self) -> bool {
        self.manner.quiet
    }

    pub fn is_verbose(&self) -> bool {
        self.manner.verbose
    }

    pub fn stdout_is_terminal(&self) -> bool {
        self.manner.stdout_is_terminal
    }

    /// The width of the terminal in columns, or `None` if stdout is not a terminal.
    pub fn width(&self) -> Option<u16> {
        self.manner
            .stdout_is_terminal
            .then(terminal_width)
            .flatten()
    }

    /// Styles `text` if stdout is coloured. The caller must have escaped the text.
    pub fn paint(&self, style: Style, text: &str) -> String {
        style.paint(self.colours_stdout(), text)
    }

    pub(crate) fn colours_stdout(&self) -> bool {
        self.manner
            .colour
            .applies(self.manner.colour_hints, self.manner.stdout_is_terminal)
    }

    fn colours_stderr(&self) -> bool {
        self.manner
            .colour
            .applies(self.manner.colour_hints, self.manner.stderr_is_terminal)
    }

    /// Prints a line of text to stdout. The caller must have escaped text from outside ([`safe`]).
    ///
    /// # Errors
    /// The error of an earlier write: stdout is written in the background, in order.
    pub fn line(&self, text: &str) -> io::Result<()> {
        self.write(&[text.as_bytes(), b"\n"])
    }

    /// Prints a line of stdout like [`Ui::line`], broken between words if stdout is a terminal that is narrower.
    pub fn wrapped_line(&self, text: &str) -> io::Result<()> {
        match self.width() {
            Some(width) => self.line(&layout::wrap_indented(text, usize::from(width))),
            None => self.line(text),
        }
    }

    /// Prints one JSON object as a line of stdout. On a terminal, control characters are escaped.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        self.json_bytes(&serde_json::to_vec(value)?)
    }

    /// Prints serialised JSON as a line of stdout. Characters that control a terminal or reorder text are escaped, also in a file
    /// or pipe, because its content may be shown on a terminal later. Suits many events per second.
    pub fn json_bytes(&self, json: &[u8]) -> io::Result<()> {
        if self.manner.stdout_is_terminal && controls_a_terminal(json) {
            return self.line(&json_for_a_terminal(json));
        }
        self.write(&[&json::without_hidden(json), b"\n"])
    }

    /// Writes bytes to stdout unchanged, and flushes.
    ///
    /// # Errors
    /// An [`io::Error`] with [`NotForATerminal`] if stdout is a terminal and the bytes would control it.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        if self.manner.stdout_is_terminal && controls_a_terminal(bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NotForATerminal));
        }
        self.write(&[bytes])?;
        self.out.flush()
    }

    /// Queues many lines for stdout without waiting, and empties `lines`. Returns `false`, with `lines` unchanged, if the
    /// queue (about 256 KiB) has no room. If stdout is a terminal, the caller must have escaped the lines.
    ///
    /// # Errors
    /// The error of an earlier write: stdout is written in the background, in order.
    pub fn offer(&self, lines: &mut Vec<u8>) -> io::Result<bool> {
        self.out.offer(lines)
    }

    /// Waits until [`Ui::offer`] accepts `bytes` bytes or fails. Cancel safe.
    pub async fn room(&self, bytes: usize) {
        self.out.room(bytes).await;
    }

    /// The number of bytes that were queued or written since the start, to pass to [`Ui::written`].
    pub fn handed_over(&self) -> u64 {
        self.out.handed_over()
    }

    /// Waits until `bytes` bytes have been written since the start. Returns `false` if that can no longer happen. Cancel safe.
    pub async fn written(&self, bytes: u64) -> bool {
        self.out.reached(bytes).await
    }

    /// Waits until the reader of stdout has closed it, without writing. Never returns if the system cannot report that. Cancel safe.
    pub async fn stdout_closed(&self) {
        if self.out.is_stdout() {
            reader::closed().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Discards the queued bytes and returns their number, so that the process need not wait for a reader that has stopped.
    pub fn abandon(&self) -> u64 {
        self.out.abandon()
    }

    /// Records whether the output on stdout ends in the middle of a line, as growing text does. The next notice on the same
    /// terminal then starts with a line break.
    pub fn set_within_line(&self, is_within_line: bool) {
        self.is_within_line.store(is_within_line, Ordering::Relaxed);
    }

    /// Returns whether stdout and stderr have the same destination: a terminal, or the file or pipe of `2>&1`.
    fn is_same_destination(&self) -> bool {
        let terminal = self.manner.stdout_is_terminal && self.manner.stderr_is_terminal;
        terminal || (self.out.is_stdout() && reader::is_stderr())
    }

    /// The line break before a message on stderr that would otherwise continue a line of stdout.
    fn line_break(&self) -> &'static str {
        match self.is_same_destination() && self.is_within_line.swap(false, Ordering::Relaxed) {
            true => "\n",
            false => "",
        }
    }

    /// Prints a table to stdout. For the text format only: callers print JSON themselves.
    pub fn table<C: Into<Cell>>(&self, headings: &[&str], rows: Vec<Vec<C>>) -> io::Result<()> {
        let rows = rows
            .into_iter()
            .map(|row| row.into_iter().map(Into::into).collect())
            .collect();
        let drawn = table::draw(headings, rows, self.width(), self.colours_stdout());
        self.line(&drawn)
    }

    /// Waits until everything queued for stdout has been written.
    pub fn flush(&self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what is queued. Call this last.
    pub fn close(&self) -> io::Result<()> {
        self.out.close()
    }

    /// Prints a message for the user to stderr, except with `--quiet` or an explicit `-o json`.
    pub fn status(&self, text: &str) {
        if !self.manner.quiet && !self.manner.explicit_json {
            self.stderr(&self.wrapped(text));
        }
    }

    /// Prints an event that scripts may wait for: with an explicit `-o json` a JSON line on stderr (`{"notice":"ready",…}`),
    /// otherwise `text`. With `--quiet` only `ready` is printed, and only as JSON.
    ///
    /// `facts` is an object; its members follow the name.
    pub fn notice(&self, name: &str, facts: serde_json::Value, text: &str) {
        // Scripts wait for `ready` even if they ignore everything else.
        if !self.manner.quiet || (self.manner.explicit_json && name == "ready") {
            self.alert(name, facts, text);
        }
    }

    /// Prints a notice about lost data, even with `--quiet`. See [`Ui::notice`].
    pub fn alert(&self, name: &str, facts: serde_json::Value, text: &str) {
        if !self.manner.explicit_json {
            return self.stderr(&self.wrapped(text));
        }
        let mut notice = serde_json::Map::new();
        notice.insert("notice".to_owned(), name.into());
        if let serde_json::Value::Object(facts) = facts {
            notice.extend(facts);
        }
        self.stderr(&json_line(&serde_json::Value::Object(notice)));
    }

    /// Prints a warning, even with `--quiet`. The command continues.
    pub fn warn(&self, text: &str) {
        if self.manner.explicit_json {
            let warning = serde_json::json!({ "notice": "warning", "message": text });
            return self.stderr(&json_line(&warning));
        }
        let label = Style::Warn.paint(self.colours_stderr(), "warning:");
        self.stderr(&self.wrapped(&format!("{label} {text}")));
    }

    /// Breaks long sentences for a terminal. Indented lines are left as they are, because they hold commands to paste.
    fn wrapped(&self, text: &str) -> String {
        // stdout may be a file or a pipe.
        let size = console::Term::stderr().size_checked();
        let width = size
            .map(|(_, columns)| columns)
            .filter(|width| self.manner.stderr_is_terminal && *width >= NARROWEST);
        let Some(width) = width else {
            return text.to_owned();
        };
        let lines = text.split('\n').map(|line| match line.starts_with(' ') {
            true => line.to_owned(),
            false => layout::wrap(line, usize::from(width), "  "),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Prints the error that ended the command to stderr: an object with an explicit `-o json`, otherwise several lines.
    pub fn problem(&self, problem: &Problem) {
        let shown = if self.manner.explicit_json {
            json_line(&problem.to_json())
        } else {
            problem.to_text(self.colours_stderr())
        };
        self.stderr(&shown);
    }

    fn write(&self, parts: &[&[u8]]) -> io::Result<()> {
        let bar = self.shown_bar();
        match bar {
            Some(bar) if self.manner.stdout_is_terminal => bar.suspend(|| {
                self.out.write(parts)?;
                self.out.flush()
            }),
            _ => self.out.write(parts),
        }
    }

    fn stderr(&self, text: &str) {
        if self.is_same_destination() {
            // Keeps the order of output on the same screen. The next write to stdout reports an error of this flush.
            let _ = self.out.flush();
        }
        let line_break = self.line_break();
        // A closed stderr (`2>&1 | head`) does not end the command: its result is on stdout or on the disk.
        let print = || drop(writeln!(std::io::stderr(), "{line_break}{text}"));
        match self.shown_bar() {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

/// The width of the terminal. Some terminals without a window report none, or zero columns.
fn terminal_width() -> Option<u16> {
    let width = comfy_table::Table::new().width();
    width.filter(|width| *width >= NARROWEST)
}

impl Problem {
    fn to_json(&self) -> serde_json::Value {
        let mut error = serde_json::Map::new();
        error.insert("code".to_owned(), self.code.into());
        error.insert("message".to_owned(), self.message.as_str().into());
        if !self.why.is_empty() {
            error.insert("why".to_owned(), self.why.join(": ").into());
        }
        if let Some(hint) = self.hints.first() {
            error.insert("hint".to_owned(), hint.as_str().into());
        }
        error.insert("exit".to_owned(), self.exit.into());
        serde_json::json!({ "error": error })
    }

    fn to_text(&self, colour: bool) -> String {
        let mut text = format!(
            "{} {}",
            Style::Bad.paint(colour, "error:"),
            safe(&self.message)
        );
        for line in self.place.iter().flat_map(|place| place.lines()) {
            text.push_str("\n       ");
            text.push_str(&safe(line));
        }
        let mut add = |label: &str, rest: &str| {
            text.push_str("\n  ");
            text.push_str(&Style::Dim.paint(colour, label));
            text.push_str(&safe(rest));
        };
        if !self.why.is_empty() {
            add("why  ", &self.why.join(": "));
        }
        for hint in &self.hints {
            add("try  ", hint);
        }
        add("code ", &format!("{} (exit {})", self.code, self.exit));
        text
    }
}

/// Prints panics as one line. The default prints source paths and suggests a backtrace.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|at| format!(" ({}:{})", at.file(), at.line()))
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        let text = safe(message);
        let _ = writeln!(
            std::io::stderr(),
            "error: internal error of evt: {text}{place}"
        );
    }));
}

/// Escapes the control characters of JSON in place, from byte `start` on. The JSON values stay the same.
pub fn escape_json(lines: &mut Vec<u8>, start: usize) {
    if controls_a_terminal(&lines[start..]) {
        let escaped = json_for_a_terminal(&lines[start..]);
        lines.truncate(start);
        lines.extend_from_slice(escaped.as_bytes());
    }
}

fn json_line(value: &serde_json::Value) -> String {
    json_for_a_terminal(value.to_string().as_bytes())
}

/// Escapes characters that control a terminal as `\uXXXX`. The JSON values stay the same.
fn json_for_a_terminal(json: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(json.len());
    for character in String::from_utf8_lossy(json).chars() {
        if controls_a_terminal(character.encode_utf8(&mut [0; 4]).as_bytes()) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Problem {
        Problem {
            place: None,
            message: "cannot reach http://127.0.0.1:3000".to_owned(),
            why: vec!["connection refused".to_owned(), "os error 111".to_owned()],
            hints: vec!["start your app, then: evt events replay @failed --to 3000".to_owned()],
            code: "target_refused",
            exit: 5,
        }
    }

    #[test]
    fn on_one_screen_a_notice_does_not_follow_half_a_line() {
        let ui = |stdout_is_terminal, stderr_is_terminal| {
            let manner = Manner {
                stdout_is_terminal,
                stderr_is_terminal,
                ..Manner::default()
            };
            let ui = Ui::to(manner, Box::new(io::sink()));
            ui.set_within_line(true);
            ui
        };
        let screen = ui(true, true);
        assert_eq!([screen.line_break(), screen.line_break()], ["\n", ""]);
        assert_eq!(ui(true, false).line_break(), "");
        assert_eq!(ui(false, true).line_break(), "");
    }

    #[test]
    fn an_error_has_four_parts() {
        assert_eq!(
            refused().to_text(false),
            "error: cannot reach http://127.0.0.1:3000\n  why  connection refused: os error 111\n  \
             try  start your app, then: evt events replay @failed --to 3000\n  code target_refused (exit 5)"
        );
    }

    #[test]
    fn an_error_is_an_object_for_scripts() {
        assert_eq!(
            refused().to_json().to_string(),
            r#"{"error":{"code":"target_refused","message":"cannot reach http://127.0.0.1:3000","why":"connection refused: os error 111","hint":"start your app, then: evt events replay @failed --to 3000","exit":5}}"#
        );
    }

    #[test]
    fn bytes_that_would_steer_the_terminal_are_refused() {
        let ui = Ui::new(Manner {
            stdout_is_terminal: true,
            ..Manner::default()
        });
        let error = ui.raw(b"\x1b]0;owned\x07").unwrap_err();
        assert!(
            error
                .get_ref()
                .is_some_and(|inner| inner.is::<NotForATerminal>())
        );
    }

    #[test]
    fn an_error_cannot_steer_the_terminal() {
        let problem = Problem {
            message: "no flow `\u{1b}[2J`".to_owned(),
            ..refused()
        };
        assert!(!problem.to_text(false).contains('\u{1b}'));
    }

    #[test]
    fn json_stays_the_same_json_when_it_is_made_safe() {
        let value = serde_json::json!({ "a": "x\u{9b}y\u{202e}\u{1d173}" });
        let shown = json_line(&value);
        assert!(!controls_a_terminal(shown.as_bytes()));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, value);
    }
}
