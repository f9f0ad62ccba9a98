//! The same form, as other encoders write it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::super::query;
use super::Tries;

/// The most fields of a form that is written again.
const MOST_FIELDS: usize = 200;

/// How an encoder writes a form.
struct Encoder {
    words: &'static str,
    escaped: &'static AsciiSet,
    space: &'static str,
    is_lower: bool,
}

const BROWSER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');
const PHP: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');
const UNRESERVED: &AsciiSet = &PHP.remove(b'~');
const COMPONENT: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');
const DOTNET: &AsciiSet = &PHP.remove(b'!').remove(b'*').remove(b'(').remove(b')');

const ENCODERS: [Encoder; 8] = [
    Encoder {
        words: "encoded as a browser does",
        escaped: BROWSER,
        space: "+",
        is_lower: false,
    },
    Encoder {
        words: "encoded with + for a space, as Python and Go do",
        escaped: UNRESERVED,
        space: "+",
        is_lower: false,
    },
    Encoder {
        words: "encoded with + for a space, as PHP does",
        escaped: PHP,
        space: "+",
        is_lower: false,
    },
    Encoder {
        words: "encoded with %20 for a space",
        escaped: UNRESERVED,
        space: "%20",
        is_lower: false,
    },
    Encoder {
        words: "encoded as JavaScript's encodeURIComponent does",
        escaped: COMPONENT,
        space: "%20",
        is_lower: false,
    },
    Encoder {
        words: "encoded with lower-case escapes, as .NET does",
        escaped: DOTNET,
        space: "+",
        is_lower: true,
    },
    Encoder {
        words: "encoded with lower-case escapes",
        escaped: BROWSER,
        space: "+",
        is_lower: true,
    },
    Encoder {
        words: "encoded with lower-case escapes and %20 for a space",
        escaped: UNRESERVED,
        space: "%20",
        is_lower: true,
    },
];

pub(super) fn find(body: &[u8], tries: &mut Tries<impl Fn(&[u8]) -> bool>) -> Option<String> {
    if !body.contains(&b'=') {
        return None;
    }
    let mut pairs: Vec<_> = query::pairs(body).take(MOST_FIELDS + 1).collect();
    if pairs.len() > MOST_FIELDS {
        return None;
    }
    for order in ["", ", with its fields in alphabetical order"] {
        if !order.is_empty() {
            pairs.sort();
        }
        for encoder in &ENCODERS {
            let fields: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{}={}", encoder.write(name), encoder.write(value)))
                .collect();
            if tries.is(fields.join("&").as_bytes()) {
                return Some(format!("the same form {}{order}", encoder.words));
            }
        }
    }
    None
}

impl Encoder {
    fn write(&self, text: &[u8]) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        for piece in percent_encode(text, self.escaped) {
            match piece {
                "%20" => out.push_str(self.space),
                _ if self.is_lower && piece.starts_with('%') => {
                    out.push_str(&piece.to_ascii_lowercase());
                }
                _ => out.push_str(piece),
            }
        }
        out
    }
}
