//! Where to send: `3000`, `:3000/path`, `host:port`, a URL, `unix:/path`.

use std::fmt;
use std::str::FromStr;

use super::GrammarError;

/// An HTTP target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An absolute `http://` or `https://` URL.
    Url(http::Uri),
    /// A Unix socket; requests keep their own path.
    Unix(std::path::PathBuf),
}

impl FromStr for Target {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Url).map_err(|_| GrammarError {
            input: text.to_owned(),
            expected: "a target",
            at: None,
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
