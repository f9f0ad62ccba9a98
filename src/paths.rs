//! Where files lie: the platform's own folders, or everything under `EVT_HOME`.

use std::path::PathBuf;

/// The folders of one user. Nothing is created until something is written.
#[derive(Clone, Debug)]
pub struct Paths {
    pub config_dir: PathBuf,
    pub data_dir: PathBuf,
    pub state_dir: PathBuf,
}

impl Paths {
    /// `inbox.db`: what listen and send received and sent.
    pub fn inbox(&self) -> PathBuf {
        self.data_dir.join("inbox.db")
    }

    /// The default data folder of `evt dev`.
    pub fn platform_dir(&self) -> PathBuf {
        self.data_dir.join("dev")
    }
}
