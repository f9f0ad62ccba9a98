//! The only room that writes to the terminal: stdout carries what was asked for, stderr everything else.

use std::io::{self, Write};

use serde::Serialize;

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

/// The terminal of one invocation. Shared by reference; every method takes `&self`.
pub struct Ui {
    format: Format,
    quiet: bool,
    verbose: bool,
}

#[expect(clippy::print_stderr, reason = "this is the room that prints")]
impl Ui {
    pub fn new(format: Format, quiet: bool, verbose: bool) -> Self {
        Self {
            format,
            quiet,
            verbose,
        }
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A line of text on stdout. The caller has made payload text safe ([`safe`]).
    pub fn line(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")
    }

    /// One JSON object on a line of stdout.
    pub fn json(&self, value: &impl Serialize) -> io::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, value)?;
        out.write_all(b"\n")
    }

    /// Bytes on stdout, as they are; flushed.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// A sentence for the person, on stderr, unless `--quiet`.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            eprintln!("{text}");
        }
    }

    /// A fact that scripts wait for: with an explicit `-o json` a JSON line on stderr (`{"notice":"ready",…}`), else the sentence.
    pub fn notice(&self, name: &str, facts: serde_json::Value, text: &str) {
        let _ = (name, facts);
        self.status(text);
    }

    /// Something is not as it should be and the work goes on; shown even with `--quiet`.
    pub fn warn(&self, text: &str) {
        eprintln!("warning: {text}");
    }

    /// A table on stdout: headings, then rows of safe text. For the text format only; callers print JSON themselves.
    pub fn table(&self, headings: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
        let _ = headings;
        for row in rows {
            self.line(&row.join("  "))?;
        }
        Ok(())
    }
}

/// Makes text fit for a terminal: control, bidirectional-override and invisible line-breaking characters become visible escapes.
pub fn safe(text: &str) -> String {
    text.escape_debug().to_string()
}
