//! The meanings of colours. The text always carries the same meaning.

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Success: delivered, verified.
    Good,
    /// Failure: failed, rejected.
    Bad,
    /// Needs attention: waiting, retried.
    Warn,
    /// Less important: times, sizes.
    Dim,
    /// Names and text to paste: commands, types, addresses.
    Name,
    /// A heading.
    Strong,
}

impl Style {
    /// The parameters of the terminal's "select graphic rendition" sequence (ECMA-48).
    const fn sequence(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warn => "33",
            Self::Dim => "2",
            Self::Name => "36",
            Self::Strong => "1",
        }
    }

    /// Returns `text` in this style, or unchanged if `colour` is false. The caller must have escaped the text.
    pub fn paint(self, colour: bool, text: &str) -> String {
        if colour && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", self.sequence())
        } else {
            text.to_owned()
        }
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

/// Colour settings of the environment: `NO_COLOR`, `FORCE_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, `TERM`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ColourHints {
    pub forbidden: bool,
    pub forced: bool,
}

impl Colour {
    /// Returns whether a stream is coloured.
    pub fn applies(self, hints: ColourHints, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if hints.forbidden => false,
            Self::Auto => hints.forced || is_terminal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_overrides_the_environment_and_the_environment_the_terminal() {
        let forbidden = ColourHints {
            forbidden: true,
            forced: true,
        };
        assert!(Colour::Always.applies(forbidden, false));
        assert!(!Colour::Auto.applies(forbidden, true));
        let forced = ColourHints {
            forced: true,
            ..ColourHints::default()
        };
        assert!(Colour::Auto.applies(forced, false));
        assert!(!Colour::Never.applies(forced, true));
    }
}
