//! The envelope of a page: the member of a response that holds the records.

use std::str::FromStr;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::find::Page;
use super::rules::{NoSuchValue, of_name};

/// The object around the records of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// An object with the records under this key.
    Key(&'static str),
    /// Only the records, as a list.
    List,
    /// `{"data":{"items":[…],…}}`
    Nested,
}

/// AppEngine's own envelope.
impl Default for Envelope {
    fn default() -> Self {
        Self::Key("data")
    }
}

impl FromStr for Envelope {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        let key = |key| (key, Self::Key(key));
        let keys = ["data", "items", "results", "records", "rows", "docs"].map(key);
        let others = [("list", Self::List), ("nested", Self::Nested)];
        of_name(&keys, text).or_else(|_| of_name(&others, text))
    }
}

/// A page in its envelope.
pub(super) struct Enveloped<'a> {
    pub(super) envelope: Envelope,
    pub(super) page: &'a Page,
}

impl Serialize for Enveloped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.envelope {
            Envelope::Key(key) => Keyed(key, self.page).serialize(serializer),
            Envelope::List => self.page.data.serialize(serializer),
            Envelope::Nested => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("data", &Keyed("items", self.page))?;
                map.end()
            }
        }
    }
}

struct Keyed<'a>(&'static str, &'a Page);

impl Serialize for Keyed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(key, page) = self;
        let mut map = serializer.serialize_map(Some(6))?;
        map.serialize_entry(key, &page.data)?;
        map.serialize_entry("total", &page.total)?;
        map.serialize_entry("hasNext", &page.has_next)?;
        map.serialize_entry("page", &page.page)?;
        map.serialize_entry("pageSize", &page.page_size)?;
        map.serialize_entry("totalPages", &page.total_pages)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn page() -> Page {
        Page {
            data: vec![RawValue::from_string(r#"{"n":1}"#.to_owned()).unwrap()],
            total: 1,
            has_next: false,
            page: 1,
            page_size: 50,
            total_pages: 1,
        }
    }

    fn written(name: &str) -> String {
        let (envelope, page) = (name.parse().unwrap(), page());
        let page = &page;
        serde_json::to_string(&Enveloped { envelope, page }).unwrap()
    }

    #[test]
    fn the_default_envelope_does_not_change_the_page() {
        assert_eq!(written("data"), serde_json::to_string(&page()).unwrap());
    }

    #[test]
    fn records_are_in_the_member_of_the_envelope() {
        let rest = r#""total":1,"hasNext":false,"page":1,"pageSize":50,"totalPages":1}"#;
        assert_eq!(written("rows"), format!(r#"{{"rows":[{{"n":1}}],{rest}"#));
        assert_eq!(
            written("nested"),
            format!(r#"{{"data":{{"items":[{{"n":1}}],{rest}}}"#)
        );
        assert_eq!(written("list"), r#"[{"n":1}]"#);
    }
}
