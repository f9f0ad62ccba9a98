//! A recording: each message with its time and exact bytes, as `evt events import` and `replay` read it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Stop;
use crate::archive::ndjson;
use crate::event::Event;
use crate::files;

/// A file that whole lines are appended to.
pub(super) struct Recording {
    path: PathBuf,
    file: File,
    /// Of the piece that is being taken.
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

    /// Appends what was added. On a full disk a line that was begun is taken back.
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
        // A pipe or a device has no length to go back to.
        let before = self.file.metadata().ok().filter(|meta| meta.is_file());
        let result = self.file.write_all(&self.lines);
        if let (Err(_), Some(before)) = (&result, before) {
            let _ = self.file.set_len(before.len());
        }
        result
    }
}
