//! `multipart/form-data` (RFC 7578): the fields of a form, borrowed from its body.

use memchr::memmem;

/// The most characters of a boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// The most fields that are read, so that a body of nothing but boundaries stays cheap.
const MOST_FIELDS: usize = 4096;

/// Returns the boundary that a content type names; `None` if it is not that of a form in parts.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    let is_valid = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let fits = (1..=LONGEST_BOUNDARY).contains(&boundary.len());
    (fits && boundary.bytes().all(is_valid)).then_some(boundary)
}

/// Returns the value of a field; of several with this name the first.
pub fn field<'a>(body: &'a [u8], boundary: &str, name: &str) -> Option<&'a [u8]> {
    let delimiter = format!("--{boundary}").into_bytes();
    named(body, &delimiter).find_map(|(found, value)| (found == name).then_some(value))
}

/// Returns the names and values of the fields.
pub fn fields<'a>(body: &'a [u8], boundary: &str) -> Vec<(&'a str, &'a [u8])> {
    let delimiter = format!("--{boundary}").into_bytes();
    named(body, &delimiter).collect()
}

fn named<'a>(body: &'a [u8], delimiter: &[u8]) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    parts(body, delimiter).take(MOST_FIELDS).filter_map(|part| {
        let end = memmem::find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..end]).ok()?;
        let disposition = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_disposition = name.trim().eq_ignore_ascii_case("content-disposition");
            is_disposition.then_some(value)
        })?;
        let (_, parameters) = disposition.split_once(';')?;
        Some((parameter(parameters, "name")?, &part[end + 4..]))
    })
}

/// The text between the delimiters, without the line breaks around it.
fn parts<'a>(body: &'a [u8], delimiter: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    // A delimiter is at the start of a line.
    let starts =
        memmem::find_iter(body, delimiter).filter(|at| *at == 0 || body[..*at].ends_with(b"\r\n"));
    let mut from: Option<usize> = None;
    starts.filter_map(move |at| {
        let before = from.replace(at + delimiter.len());
        let part = body.get(before?..at.checked_sub(2)?)?;
        // White space may follow a delimiter (RFC 2046).
        let line = part.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        part[line..].strip_prefix(b"\r\n")
    })
}

/// A parameter of a header, without its quotes.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next)
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim_end(), &after[end..])
            }
        };
        let key = key.trim_start_matches([';', ' ', '\t']).trim_end();
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--b \r\n\
        content-type: text/plain\r\ncontent-disposition: form-data; filename=\"name=x\"; name=two\r\n\r\n2\r\n--not\r\n\r\n--b--\r\n";

    #[test]
    fn a_field_is_found_by_its_name() {
        assert_eq!(field(BODY, "b", "a"), Some(&b"one"[..]));
        assert_eq!(field(BODY, "b", "two"), Some(&b"2\r\n--not\r\n"[..]));
        assert_eq!(field(BODY, "b", "x"), None);
        assert_eq!(field(BODY, "c", "a"), None);
    }

    #[test]
    fn a_boundary_is_read_from_the_content_type() {
        for (kind, expected) in [
            ("multipart/form-data; boundary=b", Some("b")),
            (
                "Multipart/Form-Data;charset=utf-8; Boundary=\"b c\"",
                Some("b c"),
            ),
            (
                "multipart/form-data; x=\"boundary=n\"; boundary=b ",
                Some("b"),
            ),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/mixed; boundary=b", None),
            ("application/json", None),
        ] {
            assert_eq!(boundary(kind), expected, "{kind}");
        }
    }

    #[test]
    fn incomplete_parts_have_no_fields() {
        for body in [
            &b""[..],
            b"--b",
            b"--b\r\n--b--",
            b"--b--b--b",
            b"--b\r\ncontent-disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
            b"--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nx",
            b"\r\n--b\r\n\r\n\r\n--b--",
        ] {
            assert_eq!(field(body, "b", "a"), None, "{body:?}");
        }
    }
}
