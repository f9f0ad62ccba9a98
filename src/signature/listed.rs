//! A header that holds several things: signatures in a list, or named elements such as `t=…,v1=…`.

use super::clock::Clock;

/// The characters that separate elements if no separator is given. None of them occurs in a signature or in a timestamp.
const SEPARATORS: &[u8] = b",; \t";
/// The names that senders give to the element of the timestamp.
const STAMPS: [&str; 5] = ["t", "ts", "timestamp", "time", "st"];
/// The most elements that are read.
const MOST: usize = 64;

/// The layout of the header.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    /// The text before each signature.
    pub(super) prefix: String,
    /// The name of the element that holds a signature. Without one, every element may be a signature.
    pub(super) element: Option<String>,
    /// The name of the element that holds the timestamp. Without one, the usual names are tried.
    pub(super) stamp: Option<String>,
    pub(super) separator: Option<u8>,
}

impl Listed {
    /// The signatures as text, without their prefix.
    pub(super) fn texts<'a>(&'a self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let prefix = self.prefix.as_bytes();
        let is_separated = prefix.iter().any(|byte| self.separates(*byte));
        // Such a prefix would be taken apart with the list, so there is one signature.
        let whole = is_separated.then(|| line.strip_prefix(prefix)).flatten();
        let elements = self
            .elements(line)
            .take(if is_separated { 0 } else { MOST });
        let found = elements.filter_map(move |element| match &self.element {
            Some(name) => value(element, name)?.strip_prefix(prefix),
            None => element.strip_prefix(prefix),
        });
        // A signature of an unknown name: `h1=…`.
        let is_open = self.element.is_none() && prefix.is_empty();
        let named = is_open.then(|| self.elements(line).take(MOST));
        let named = named.into_iter().flatten().filter_map(any_value);
        whole.into_iter().chain(found).chain(named)
    }

    /// The timestamp among the elements; `None` if there is none, or if there are two different ones.
    pub(super) fn timestamp<'a>(&self, line: &'a [u8], clock: Clock) -> Option<&'a [u8]> {
        let own = self.stamp.as_deref();
        let names = own.as_ref().map_or(&STAMPS[..], std::slice::from_ref);
        names.iter().find_map(|name| {
            let elements = self.elements(line).take(MOST);
            let mut values = elements.filter_map(|element| value(element, name));
            let first = values.next()?;
            // A guess must be a time. With a given name, a value that is not one is reported as such.
            let fits = own.is_some() || clock.parse(first).is_some();
            (fits && values.all(|other| other == first)).then_some(first)
        })
    }

    fn separates(&self, byte: u8) -> bool {
        match self.separator {
            Some(separator) => byte == separator,
            None => SEPARATORS.contains(&byte),
        }
    }

    fn elements<'a>(&self, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        line.split(|byte| self.separates(*byte))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }

    /// Writes the header of a signed message.
    pub(super) fn write(&self, timestamp: &str, macs: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
        let stamp = self.stamp.as_ref();
        let mut elements: Vec<Vec<u8>> = stamp
            .map(|name| format!("{name}={timestamp}").into_bytes())
            .into_iter()
            .collect();
        for mac in macs {
            let name = self.element.as_ref().map(|name| format!("{name}="));
            let name = name.unwrap_or_default().into_bytes();
            elements.push([&name, self.prefix.as_bytes(), &mac].concat());
        }
        elements.join(&self.separator.unwrap_or(b','))
    }
}

/// The value of the element if it has this name.
fn value<'a>(element: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let rest = element.strip_prefix(name.as_bytes())?.trim_ascii_start();
    Some(unquoted(rest.strip_prefix(b"=")?.trim_ascii_start()))
}

/// The value of an element of any name. The padding of base64 is not a value.
fn any_value(element: &[u8]) -> Option<&[u8]> {
    let at = element.iter().position(|byte| *byte == b'=')?;
    let value = element[at + 1..].trim_ascii_start();
    let is_padding = value.iter().all(|byte| *byte == b'=');
    (at > 0 && !is_padding).then(|| unquoted(value))
}

fn unquoted(value: &[u8]) -> &[u8] {
    let inside = value.strip_prefix(b"\"");
    inside
        .and_then(|inside| inside.strip_suffix(b"\""))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(listed: &Listed, line: &str) -> Vec<String> {
        let texts = listed.texts(line.as_bytes());
        texts
            .map(|text| String::from_utf8(text.to_vec()).unwrap())
            .collect()
    }

    fn prefixed(prefix: &str) -> Listed {
        Listed {
            prefix: prefix.to_owned(),
            ..Listed::default()
        }
    }

    #[test]
    fn every_signature_of_a_list_is_found() {
        assert_eq!(
            texts(&prefixed("sha256="), "sha256=A,sha256=B, sha1=C"),
            ["A", "B"]
        );
        assert_eq!(texts(&prefixed("v1,"), "v1,A"), ["A"]);
        assert_eq!(texts(&prefixed(""), "A B"), ["A", "B"]);
        assert_eq!(texts(&prefixed(""), "QQ=="), ["QQ=="]);
        let named = Listed {
            element: Some("v1".to_owned()),
            ..Listed::default()
        };
        assert_eq!(texts(&named, "t=1; v1=A;v0=B, v1=\"C==\""), ["A", "C=="]);
        assert!(texts(&prefixed(""), "ts=1;h1=A").contains(&"A".to_owned()));
    }

    #[test]
    fn a_timestamp_is_found_by_its_usual_names() {
        let guess = |line: &'static str| Listed::default().timestamp(line.as_bytes(), Clock::Any);
        assert_eq!(guess("t=5,v1=A"), Some(&b"5"[..]));
        assert_eq!(guess("h1=A;ts=5000000000000"), Some(&b"5000000000000"[..]));
        assert_eq!(
            guess("t=x, timestamp=2026-04-25T10:00:00Z"),
            Some(&b"2026-04-25T10:00:00Z"[..])
        );
        assert_eq!(guess("t=5,t=5,v1=A"), Some(&b"5"[..]));
        assert_eq!(guess("t=5,t=6,v1=A"), None);
        assert_eq!(guess("v1=A"), None);
    }
}
