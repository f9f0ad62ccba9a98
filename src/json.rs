//! Borrowed looks into JSON text, and edits of it that leave every other byte as it was.

/// Returns whether `text` is one JSON value with nothing but white space around it.
pub fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(text).is_ok()
}

/// Appends valid JSON `text` without the white space between its tokens; every other byte stays as it is.
pub fn minify(text: &[u8], out: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for &byte in text {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}
