//! Hints for a demo that cannot continue.

use super::DemoError;
use crate::explain::{Explain, Explanation};

impl Explain for DemoError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Home(_) => {
                Explanation::failed("no_temporary_folder").hint("TMPDIR=/path/to/a/folder evt demo")
            }
            Self::Start { .. } => Explanation::failed("demo_start").hint("evt doctor"),
            Self::Port(_) => Explanation::failed("no_free_port").hint("evt doctor"),
            Self::Ended { .. } | Self::TooSlow { .. } | Self::Unexpected { .. } => {
                Explanation::failed("demo_step")
                    .hint("evt demo --keep     keeps the tour's home, to look into")
            }
        }
    }
}
