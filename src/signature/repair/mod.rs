//! Finds the body that was signed before something rewrote it: tries the forms that line breaks, compression, character sets,
//! JSON writers and form encoders make of the same content. Nothing here accepts a request.

mod form;
mod json;
mod order;
mod strings;
mod text;

/// A larger body is not parsed, so that an invalid signature stays cheap to refuse.
const LARGEST: usize = 32 * 1024;
/// A larger body is only tried with and without its last line break, and decompressed.
const LARGEST_TEXT: usize = 256 * 1024;
/// The most bytes of text that are hashed for one request.
const MOST_BYTES: usize = 1024 * 1024;

/// How many forms are tried if a signature costs one MAC, and if it costs an operation with a public key.
pub(super) const MOST_MACS: usize = 2000;
pub(super) const MOST_KEYS: usize = 160;

/// The form of the body that the signature matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    /// `the body without its trailing newline`
    pub(super) signed: String,
    advice: &'static str,
}

const REWRITTEN: &str =
    "a proxy, framework or body parser rewrote it, so pass on and verify the raw bytes";
const COMPRESSED: &str = "the sender signs before it compresses, so decompress the body, with a limit on its size, before you verify it";
const ENCODED: &str =
    "a gateway or a queue wrapped it, so undo that before you verify the signature";

impl Repair {
    fn rewritten(signed: impl Into<String>) -> Self {
        Self {
            signed: signed.into(),
            advice: REWRITTEN,
        }
    }

    /// The hint of a judgement.
    pub(super) fn hint(&self) -> String {
        let Self { signed, advice } = self;
        format!("body_changed: the signature matches {signed}; {advice}")
    }
}

/// Counts what is tried for one request.
struct Tries<F> {
    matches: F,
    /// Forms and bytes that may still be tried.
    forms: usize,
    bytes: usize,
}

impl<F: Fn(&[u8]) -> bool> Tries<F> {
    /// Whether this is the signed body. False once the request has had its share of tries.
    fn is(&mut self, body: &[u8]) -> bool {
        if self.forms == 0 || body.len() > self.bytes {
            return false;
        }
        self.forms -= 1;
        self.bytes -= body.len();
        (self.matches)(body)
    }

    fn is_over(&self) -> bool {
        self.forms == 0 || self.bytes == 0
    }
}

/// Returns the first form of the body for which `matches` returns true. At most `most` forms are tried.
pub(super) fn find(body: &[u8], most: usize, matches: impl Fn(&[u8]) -> bool) -> Option<Repair> {
    let mut tries = Tries {
        matches,
        forms: most,
        bytes: MOST_BYTES + 8 * body.len(),
    };
    text::find(body, &mut tries).or_else(|| {
        if body.len() > LARGEST {
            return None;
        }
        tries.bytes = tries.bytes.min(MOST_BYTES);
        rewritten(body, &mut tries)
    })
}

fn rewritten(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<Repair> {
    let signed = match json::is_json(body) {
        true => json::find(body, tries),
        false => form::find(body, tries),
    };
    signed.map(Repair::rewritten)
}

#[cfg(test)]
mod tests;
