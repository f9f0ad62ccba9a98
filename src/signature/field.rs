//! Members of a JSON body, for schemes whose signature is in the body.

use crate::json::{self, Raw, Step};

/// Sets a member of the root object: replaces it, or adds it after the last one. Every other byte stays as it is. `value` is
/// JSON. Returns `None` if the body is not a JSON object.
pub(super) fn put(body: &[u8], name: &str, value: &str) -> Option<Vec<u8>> {
    let raw = Raw::check(body)?;
    let mut text = std::str::from_utf8(body).ok()?.to_owned();
    let step = Step::Name(name.to_owned());
    match json::span(&text, std::slice::from_ref(&step)) {
        Some(at) => text.replace_range(at, value),
        None => {
            let start = text.find(raw.text())?;
            json::insert(&mut text, start..start + raw.text().len(), &step, value).ok()?;
        }
    }
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_set_and_nothing_else_changes() {
        let put =
            |body: &str| put(body.as_bytes(), "k", "1").map(|b| String::from_utf8(b).unwrap());
        assert_eq!(put(r#"{"a": 1.0}"#).unwrap(), r#"{"a": 1.0,"k": 1}"#);
        assert_eq!(
            put(r#"{"a": "x", "k": "old", "b": 1}"#).unwrap(),
            r#"{"a": "x", "k": 1, "b": 1}"#
        );
        assert_eq!(put(r#" {"k":{"x":2},"a":3}"#).unwrap(), r#" {"k":1,"a":3}"#);
        assert_eq!(put("{}").unwrap(), r#"{"k":1}"#);
        assert_eq!(put("[]"), None);
        assert_eq!(put("k"), None);
    }
}
