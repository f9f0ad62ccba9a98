//! Fields of a JSON body, for schemes whose signature stands inside it. All other bytes stay as they are.

use crate::json::{self, Raw, Step};

/// The body with this member of its root object, in the place of the one that is there or after the last. `None` where the
/// body is no JSON object. `value` is JSON.
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
    fn a_field_is_put_and_nothing_else_changes() {
        let put =
            |body: &str| put(body.as_bytes(), "k", "1").map(|b| String::from_utf8(b).unwrap());
        assert_eq!(put(r#"{"a": 1.0}"#).unwrap(), r#"{"a": 1.0,"k": 1}"#);
        assert_eq!(put(r#" {"k":{"x":2},"a":3}"#).unwrap(), r#" {"k":1,"a":3}"#);
        assert_eq!(put("{}").unwrap(), r#"{"k":1}"#);
        assert_eq!(put("[]"), None);
        assert_eq!(put("k"), None);
    }
}
