//! Progress of long operations: count, rate and remaining time. Shown on stderr if it is a terminal.

use std::sync::PoisonError;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Ui;

/// The progress display of one operation. Dropping it clears the display.
pub struct Progress<'a> {
    ui: &'a Ui,
    bar: Option<ProgressBar>,
}

impl Ui {
    /// Shows the progress of an operation; with `total` also the remaining time. Only one can be shown at a time.
    pub fn progress(&self, what: &'static str, total: Option<u64>) -> Progress<'_> {
        let manner = &self.manner;
        let shown = manner.stderr_is_terminal && !manner.quiet && !manner.explicit_json;
        let bar = shown.then(|| bar(what, total));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = bar.clone();
        Progress { ui: self, bar }
    }

    /// Shows an operation that describes its progress in its own words ([`Progress::set_text`]). Only one can be shown at a time.
    pub fn activity(&self) -> Progress<'_> {
        let progress = self.progress("", None);
        if let Some(bar) = &progress.bar {
            let style = ProgressStyle::with_template("{spinner} {msg}");
            bar.set_style(style.expect("the template is valid"));
        }
        progress
    }

    pub(super) fn shown_bar(&self) -> Option<ProgressBar> {
        self.bar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Progress<'_> {
    /// Counts `n` more as done.
    pub fn add(&self, n: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(n);
        }
    }

    /// Sets the text of [`Ui::activity`].
    pub fn set_text(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        *self.ui.bar.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn bar(what: &'static str, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} {wide_bar} {human_pos} of {human_len} · {per_sec} · {eta} left",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{spinner} {msg} {human_pos} · {per_sec} · {elapsed}",
        ),
    };
    let style = ProgressStyle::with_template(template).expect("the templates above are valid");
    bar.set_style(style);
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
