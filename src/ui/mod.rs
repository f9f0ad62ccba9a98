//! The only room that writes to the terminal: stdout carries what was asked for, stderr everything else.

mod event;
mod out;
mod progress;
mod prompt;
mod reader;
mod safe;
mod style;
mod table;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::explain::{Exit, Explain, Explanation};

pub use event::{body, detail, hidden_header, line, outcome, size, verdict};
pub use progress::Progress;
pub use prompt::PromptError;
pub use safe::{Safe, clip, safe, safe_block, safe_bytes, steers_a_terminal};
pub use style::{Colour, ColourHints, Style};
pub use table::Cell;

/// What stdout carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: tables and lines.
    Text,
    /// One object a line.
    Json,
    /// Bodies as they came, byte for byte.
    Raw,
}

/// How one invocation speaks; decided at the edge from flags, variables and terminals.
#[derive(Clone, Debug)]
pub struct Manner {
    pub format: Format,
    /// `-o json` was asked for by name: notices and errors are JSON lines too.
    pub explicit_json: bool,
    pub quiet: bool,
    pub verbose: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub colour: Colour,
    pub colour_hints: ColourHints,
    /// A person sits there and may be asked.
    pub may_ask: bool,
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
        }
    }
}

/// The terminal of one invocation. Shared by reference; every method takes `&self`.
pub struct Ui {
    manner: Manner,
    out: out::Out,
    bar: Arc<Mutex<Option<indicatif::ProgressBar>>>,
    /// What stdout was given last did not end its line.
    is_within_line: AtomicBool,
}

/// An error as it is shown: every text is safe to show only after [`Ui::problem`] made it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What failed.
    pub message: String,
    /// The input and a caret below the place where it goes wrong, on two lines.
    pub place: Option<String>,
    /// The causes, from the nearest to the root.
    pub why: Vec<String>,
    pub hints: Vec<String>,
    pub code: &'static str,
    pub exit: u8,
}

/// Bytes that would steer the terminal that stdout is; in a file they do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes hold control characters, which a terminal would obey")]
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

    /// One whose stdout is `writer`: for tests and measurements.
    pub fn to(manner: Manner, writer: Box<dyn io::Write + Send>) -> Self {
        Self {
            manner,
            out: out::Out::to(writer),
            bar: Arc::default(),
            is_within_line: AtomicBool::new(false),
        }
    }

    /// The same stderr with `writer` in place of stdout, which is no terminal then: what would be text is JSON there.
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

    /// Whether JSON was asked for by name, not only because stdout is no terminal.
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

    /// Columns of the terminal that stdout is; `None` where it is none.
    pub fn width(&self) -> Option<u16> {
        self.manner
            .stdout_is_terminal
            .then(|| comfy_table::Table::new().width())
            .flatten()
    }

    /// `text` in a style, where stdout shows colours. The caller has made the text safe.
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

    /// A line of text on stdout. The caller has made payload text safe ([`safe`]).
    ///
    /// # Errors
    /// That of an earlier write: stdout is written in the background, in order.
    pub fn line(&self, text: &str) -> io::Result<()> {
        self.write(&[text.as_bytes(), b"\n"])
    }

    /// One JSON object on a line of stdout. On a terminal its text cannot steer it.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        self.json_bytes(&serde_json::to_vec(value)?)
    }

    /// JSON that is already written, on a line of stdout: the way for many events a second.
    pub fn json_bytes(&self, json: &[u8]) -> io::Result<()> {
        if self.manner.stdout_is_terminal && steers_a_terminal(json) {
            return self.line(&json_for_a_terminal(json));
        }
        self.write(&[json, b"\n"])
    }

    /// Bytes on stdout, as they are; written when this returns.
    ///
    /// # Errors
    /// An [`io::Error`] around [`NotForATerminal`] where stdout is a terminal and the bytes would steer it.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        if self.manner.stdout_is_terminal && steers_a_terminal(bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, NotForATerminal));
        }
        self.write(&[bytes])?;
        self.out.flush()
    }

    /// Hands many lines to stdout at once and never waits; what was handed over is gone from `lines`. `Ok(false)`: there is no
    /// room (about 256 KiB may wait), and `lines` is as it was. On a terminal the caller has made them safe.
    ///
    /// # Errors
    /// That of an earlier write: stdout is written in the background, in order.
    pub fn offer(&self, lines: &mut Vec<u8>) -> io::Result<bool> {
        self.out.offer(lines)
    }

    /// Waits until [`Ui::offer`] takes so many bytes, or has an error to tell. Cancel safe.
    pub async fn room(&self, bytes: usize) {
        self.out.room(bytes).await;
    }

    /// Bytes handed over to stdout so far, written or not: what [`Ui::written`] waits for.
    pub fn handed_over(&self) -> u64 {
        self.out.handed_over()
    }

    /// Waits until so many bytes have been written since the start; `false` if they never will be. Cancel safe.
    pub async fn written(&self, bytes: u64) -> bool {
        self.out.reached(bytes).await
    }

    /// Ends when the reader of stdout has closed it, without writing; never where that cannot be known. Cancel safe.
    pub async fn stdout_closed(&self) {
        if self.out.is_stdout() {
            reader::gone().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Gives up what has not been written yet, and returns how many bytes that is: nobody is to wait any longer for a reader
    /// that has stopped.
    pub fn abandon(&self) -> u64 {
        self.out.abandon()
    }

    /// Tells whether what is given to stdout ends within a line, as text that grows does: on a terminal the next notice then
    /// begins a line of its own.
    pub fn stands_within_line(&self, is_within_line: bool) {
        self.is_within_line.store(is_within_line, Ordering::Relaxed);
    }

    /// Whether both streams go to one place: a terminal, or the file or pipe of `2>&1`.
    fn is_one_screen(&self) -> bool {
        let terminal = self.manner.stdout_is_terminal && self.manner.stderr_is_terminal;
        terminal || (self.out.is_stdout() && reader::is_stderr_too())
    }

    /// What keeps a sentence on stderr from following half a line of stdout on the same screen.
    fn line_break(&self) -> &'static str {
        match self.is_one_screen() && self.is_within_line.swap(false, Ordering::Relaxed) {
            true => "\n",
            false => "",
        }
    }

    /// A table on stdout: headings, then rows. For the text format only; callers print JSON themselves.
    pub fn table<C: Into<Cell>>(&self, headings: &[&str], rows: Vec<Vec<C>>) -> io::Result<()> {
        let rows = rows
            .into_iter()
            .map(|row| row.into_iter().map(Into::into).collect())
            .collect();
        let drawn = table::draw(headings, rows, self.width(), self.colours_stdout());
        self.line(&drawn)
    }

    /// Waits until stdout has what was written so far.
    pub fn flush(&self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what waits; the last thing a process does.
    pub fn close(&self) -> io::Result<()> {
        self.out.close()
    }

    /// A sentence for the person, on stderr, unless `--quiet`.
    pub fn status(&self, text: &str) {
        if !self.manner.quiet && !self.manner.explicit_json {
            self.stderr(text);
        }
    }

    /// A fact that scripts wait for: with an explicit `-o json` a JSON line on stderr (`{"notice":"ready",…}`), else the sentence.
    /// Neither with `--quiet`, except `ready` in JSON.
    ///
    /// `facts` is an object, whose members follow the name.
    pub fn notice(&self, name: &str, facts: serde_json::Value, text: &str) {
        // `ready` is waited for, whoever wants to hear nothing else.
        if !self.manner.quiet || (self.manner.explicit_json && name == "ready") {
            self.alert(name, facts, text);
        }
    }

    /// [`Ui::notice`] of a loss: shown even with `--quiet`.
    pub fn alert(&self, name: &str, facts: serde_json::Value, text: &str) {
        if !self.manner.explicit_json {
            return self.stderr(text);
        }
        let mut notice = serde_json::Map::new();
        notice.insert("notice".to_owned(), name.into());
        if let serde_json::Value::Object(facts) = facts {
            notice.extend(facts);
        }
        self.stderr(&json_line(&serde_json::Value::Object(notice)));
    }

    /// Something is not as it should be and the work goes on; shown even with `--quiet`.
    pub fn warn(&self, text: &str) {
        if self.manner.explicit_json {
            let warning = serde_json::json!({ "notice": "warning", "message": text });
            return self.stderr(&json_line(&warning));
        }
        let label = Style::Warn.paint(self.colours_stderr(), "warning:");
        self.stderr(&format!("{label} {text}"));
    }

    /// What ended the command, on stderr: an object with an explicit `-o json`, else the four lines of an error.
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

    #[expect(clippy::print_stderr, reason = "this is the room that prints")]
    fn stderr(&self, text: &str) {
        if self.is_one_screen() {
            // Both go to one screen: what was said first is seen first. A broken stdout is told to whoever writes there next.
            let _ = self.out.flush();
        }
        let line_break = self.line_break();
        match self.shown_bar() {
            Some(bar) => bar.suspend(|| eprintln!("{line_break}{text}")),
            None => eprintln!("{line_break}{text}"),
        }
    }
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

/// Panics reach the person as one line; the default would print source paths and ask for a backtrace.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(|at| format!(" ({}:{})", at.file(), at.line()))
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        #[expect(clippy::print_stderr, reason = "this is the room that prints")]
        {
            eprintln!(
                "error: evt met a fault of its own: {}{place}",
                safe(message)
            );
        }
    }));
}

/// JSON on its way to a terminal, made safe in place from byte `start` on: the same JSON, without what would steer it.
pub fn tame_json(lines: &mut Vec<u8>, start: usize) {
    if steers_a_terminal(&lines[start..]) {
        let tame = json_for_a_terminal(&lines[start..]);
        lines.truncate(start);
        lines.extend_from_slice(tame.as_bytes());
    }
}

fn json_line(value: &serde_json::Value) -> String {
    json_for_a_terminal(value.to_string().as_bytes())
}

/// JSON whose strings hold characters that steer terminals: the same JSON, with them as `\uXXXX`.
fn json_for_a_terminal(json: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(json.len());
    for character in String::from_utf8_lossy(json).chars() {
        if steers_a_terminal(character.encode_utf8(&mut [0; 4]).as_bytes()) {
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
            ui.stands_within_line(true);
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
        assert!(!steers_a_terminal(shown.as_bytes()));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, value);
    }
}
