//! A secret that cannot be shown by accident.

use std::fmt;

/// Words in the names of headers, settings and keys whose values sign or authorise, in lower case.
pub const NAMES: [&str; 5] = ["token", "secret", "api-key", "apikey", "password"];

/// Returns whether a name, in lower case, says that its value is a secret.
pub fn is_named(name: &str) -> bool {
    NAMES.iter().any(|word| name.contains(word))
}

/// Text that signs or authorises. `Debug` and `Display` show a mask (`whsec_…9f2c`); only [`Secret::reveal`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The secret itself. Callers sign or authorise with it and never print, log or store it outside a 0600 file.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = self
            .0
            .find('_')
            .filter(|end| *end <= 6)
            .map_or("", |end| &self.0[..=end]);
        // Four characters tell two secrets apart; of a short one they would tell too much.
        let tail = match self.0.char_indices().rev().nth(3) {
            Some((start, _)) if self.0.len() - prefix.len() >= 16 => &self.0[start..],
            _ => "",
        };
        write!(f, "{prefix}…{tail}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_however_it_is_formatted() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La9f2c");
        assert_eq!(secret.to_string(), "whsec_…9f2c");
        assert_eq!(format!("{secret:?}"), "Secret(whsec_…9f2c)");
        assert_eq!(Secret::new("hunter2").to_string(), "…");
        assert_eq!(Secret::new("ключ_öä").to_string(), "…");
    }
}
