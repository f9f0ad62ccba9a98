//! Records each message with its time and exact bytes, in the format of `evt events import` and `replay`.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Stop;
use crate::archive::ndjson;
use crate::event::Event;
use crate::files;

/// A file to which complete lines are appended.
pub(super) struct Recording {
    path: PathBuf,
    file: File,
    /// Lines of the current piece.
    lines: Vec<u8>,
}

impl Recording {
    pub(super) fn open(path: &Path) -> Result<Self, Stop> {
        match files::private_lines(path) {
            Ok(file) => Ok(Self {
                path: path.to_owned(),
                file,
                lines: Vec::new(),
            }),
            Err(source) => Err(Stop::Record {
                path: path.to_owned(),
                source,
                at_once: true,
            }),
        }
    }

    pub(super) fn add(&mut self, event: &Event) {
        ndjson::write(event, &mut self.lines);
    }

    /// Appends the added lines. If that fails, a partially written line is removed.
    pub(super) fn write(&mut self) -> Result<(), Stop> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let result = self.append();
        self.lines.clear();
        result.map_err(|source| Stop::Record {
            path: self.path.clone(),
            source,
            at_once: false,
        })
    }

    fn append(&mut self) -> io::Result<()> {
        // A pipe or a device cannot be truncated.
        let before = self.file.metadata().ok().filter(|meta| meta.is_file());
        let result = self.file.write_all(&self.lines);
        if let (Err(_), Some(before)) = (&result, before) {
            let _ = self.file.set_len(before.len());
        }
        result
    }
}
