//! The format of `createdate` and `modifydate`, in responses and in the bounds of queries.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::super::find::FindError;
use super::rules::{NoSuchValue, of_name};
use crate::time::Timestamp;

/// The fields that are dates.
const FIELDS: [&str; 2] = ["createdate", "modifydate"];
/// The offset from UTC in [`Dates::Offset`], in seconds.
const EAST: i32 = 2 * 3600;

/// A date format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dates {
    /// `2026-04-25T10:00:00.007Z`, AppEngine's own format. Bounds may have any format.
    #[default]
    IsoMillis,
    /// `2026-04-25T10:00:00Z`
    IsoSeconds,
    /// `2026-04-25T10:00:00.007000Z`
    IsoMicros,
    /// `2026-04-25T12:00:00.007+02:00`
    Offset,
    /// `2026-04-25T10:00:00.007`, in UTC without a marker.
    Naive,
    /// `1777111200007`
    EpochMillis,
    /// `1777111200`
    EpochSeconds,
    /// `{"$date":"2026-04-25T10:00:00.007Z"}`
    Mongo,
}

impl FromStr for Dates {
    type Err = NoSuchValue;

    fn from_str(text: &str) -> Result<Self, NoSuchValue> {
        let names = [
            ("iso-ms", Self::IsoMillis),
            ("iso-s", Self::IsoSeconds),
            ("iso-us", Self::IsoMicros),
            ("offset", Self::Offset),
            ("naive", Self::Naive),
            ("epoch-ms", Self::EpochMillis),
            ("epoch-s", Self::EpochSeconds),
            ("mongo", Self::Mongo),
        ];
        of_name(&names, text)
    }
}

impl Dates {
    /// The resolution in milliseconds.
    pub(super) fn unit(self) -> i64 {
        match self {
            Self::IsoSeconds | Self::EpochSeconds => 1000,
            _ => 1,
        }
    }

    /// Writes a date, rounded down to the resolution of the format.
    fn write(self, at: Timestamp) -> Value {
        let date = DateTime::<Utc>::from_timestamp_millis(at.millis()).unwrap_or_default();
        match self {
            Self::IsoMillis => at.to_string().into(),
            Self::IsoSeconds => date.to_rfc3339_opts(SecondsFormat::Secs, true).into(),
            Self::IsoMicros => date.to_rfc3339_opts(SecondsFormat::Micros, true).into(),
            Self::Offset => match FixedOffset::east_opt(EAST) {
                Some(east) => date
                    .with_timezone(&east)
                    .to_rfc3339_opts(SecondsFormat::Millis, false)
                    .into(),
                None => at.to_string().into(),
            },
            Self::Naive => date.format("%Y-%m-%dT%H:%M:%S%.3f").to_string().into(),
            Self::EpochMillis => at.millis().into(),
            Self::EpochSeconds => at.secs().into(),
            Self::Mongo => json!({ "$date": at }),
        }
    }

    /// The first and the last millisecond that a date stands for. The last is before the first if the date is between two
    /// milliseconds. `None` if the date does not have this format.
    fn read(self, value: &Value) -> Option<(i64, i64)> {
        let whole = |millis: i64| (millis, millis.saturating_add(self.unit() - 1));
        let text = match (self, value) {
            (Self::EpochMillis, value) => return value.as_i64().map(whole),
            (Self::EpochSeconds, value) => {
                return value.as_i64().map(|secs| whole(secs.saturating_mul(1000)));
            }
            (Self::Mongo, Value::Object(fields)) if fields.len() == 1 => {
                fields.get("$date")?.as_str()?
            }
            (Self::Mongo, _) => return None,
            (_, value) => value.as_str()?,
        };
        let is_utc = text.ends_with('Z');
        let date = match (self, text.len(), is_utc) {
            (Self::Naive, 23, false) => DateTime::parse_from_rfc3339(&format!("{text}Z")),
            (Self::IsoSeconds, 20, true)
            | (Self::IsoMicros, 27, true)
            | (Self::Offset, 29, false)
            | (Self::Mongo, 24, true) => DateTime::parse_from_rfc3339(text),
            _ => return None,
        };
        let micros = date.ok()?.timestamp_micros();
        let last = micros.div_euclid(1000);
        let (first, last) = (last + i64::from(micros.rem_euclid(1000) > 0), last);
        Some((first, last.saturating_add(self.unit() - 1)))
    }

    /// Rewrites the dates of a record in this format.
    pub(super) fn rewrite(self, body: &str) -> String {
        let Ok(Value::Object(mut record)) = serde_json::from_str(body) else {
            return body.to_owned();
        };
        for field in FIELDS {
            if let Some(date) = record.get_mut(field)
                && let Some(at) = date.as_str().and_then(|text| text.parse().ok())
            {
                *date = self.write(at);
            }
        }
        Value::Object(record).to_string()
    }

    /// Translates bounds of this format in a query into those of the store. A bound of another format matches nothing, as
    /// when text is compared with a number; `None` if therefore the query matches nothing.
    ///
    /// # Errors
    /// [`FindError::DateOperator`] for operators that are neither bounds nor `$exists`.
    pub(super) fn understand(self, query: Value) -> Result<Option<Value>, FindError> {
        match query {
            Value::Object(clause) if self != Self::IsoMillis => {
                Ok(self.clause(clause)?.map(Value::Object))
            }
            query => Ok(Some(query)),
        }
    }

    fn clause(self, clause: Map<String, Value>) -> Result<Option<Map<String, Value>>, FindError> {
        let mut understood = Map::new();
        for (name, value) in clause {
            let value = match (name.as_str(), value) {
                ("$and" | "$or" | "$nor", Value::Array(clauses)) => {
                    let asked = clauses.len();
                    let clauses = self.clauses(clauses)?;
                    match name.as_str() {
                        "$and" if clauses.len() < asked => return Ok(None),
                        "$or" if clauses.is_empty() && asked > 0 => return Ok(None),
                        "$nor" if clauses.is_empty() && asked > 0 => continue,
                        _ => Value::Array(clauses),
                    }
                }
                (field, value) if FIELDS.contains(&field) => match self.condition(field, value)? {
                    Some(condition) => condition,
                    None => return Ok(None),
                },
                (_, value) => value,
            };
            understood.insert(name, value);
        }
        Ok(Some(understood))
    }

    /// The clauses that may match.
    fn clauses(self, clauses: Vec<Value>) -> Result<Vec<Value>, FindError> {
        let understood = clauses.into_iter().map(|clause| self.understand(clause));
        understood.filter_map(Result::transpose).collect()
    }

    fn condition(self, field: &str, condition: Value) -> Result<Option<Value>, FindError> {
        if condition.is_null() {
            return Ok(Some(condition));
        }
        if let Some((first, last)) = self.read(&condition) {
            let (first, last) = (stored(first), stored(last));
            return Ok(Some(json!({ "$gte": first, "$lte": last })));
        }
        let Value::Object(operators) = condition else {
            return Ok(None);
        };
        let mut understood = Map::new();
        for (operator, value) in operators {
            let date = self.read(&value);
            match (operator.as_str(), date) {
                ("$exists", _) => {
                    understood.insert(operator, value);
                }
                ("$gte" | "$lt", Some((first, _))) => tighten(&mut understood, &operator, first),
                ("$gt" | "$lte", Some((_, last))) => tighten(&mut understood, &operator, last),
                ("$eq", Some((first, last))) => {
                    tighten(&mut understood, "$gte", first);
                    tighten(&mut understood, "$lte", last);
                }
                ("$gte" | "$lt" | "$gt" | "$lte" | "$eq", None) => return Ok(None),
                // A date of another format that is an object.
                ("$date", _) => return Ok(None),
                _ => {
                    return Err(FindError::DateOperator {
                        field: field.to_owned(),
                        operator,
                    });
                }
            }
        }
        Ok(Some(Value::Object(understood)))
    }
}

/// Adds a bound, or keeps the narrower of two. Comparing text is enough because all texts have one format.
fn tighten(operators: &mut Map<String, Value>, operator: &str, millis: i64) {
    let bound = stored(millis);
    let is_lower = operator.starts_with("$g");
    let is_wider = |there: &Value| {
        there
            .as_str()
            .is_some_and(|there| (there > &*bound) == is_lower)
    };
    if !operators.get(operator).is_some_and(is_wider) {
        operators.insert(operator.to_owned(), bound.into());
    }
}

/// The format of the store.
fn stored(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 8] = [
        "iso-ms", "iso-s", "iso-us", "offset", "naive", "epoch-ms", "epoch-s", "mongo",
    ];

    fn shape(name: &str) -> Dates {
        name.parse().unwrap()
    }

    fn understood(name: &str, query: Value) -> Option<Value> {
        shape(name).understand(query).unwrap()
    }

    #[test]
    fn every_format_is_written_as_documented() {
        let at = Timestamp::from_millis(1_777_111_200_007);
        let expected = [
            json!("2026-04-25T10:00:00.007Z"),
            json!("2026-04-25T10:00:00Z"),
            json!("2026-04-25T10:00:00.007000Z"),
            json!("2026-04-25T12:00:00.007+02:00"),
            json!("2026-04-25T10:00:00.007"),
            json!(1_777_111_200_007_i64),
            json!(1_777_111_200),
            json!({"$date": "2026-04-25T10:00:00.007Z"}),
        ];
        for (name, expected) in NAMES.into_iter().zip(expected) {
            assert_eq!(shape(name).write(at), expected, "{name}");
        }
    }

    #[test]
    fn a_format_reads_only_its_own_dates() {
        let at = Timestamp::from_millis(1_777_111_200_000);
        for writer in &NAMES[1..] {
            let date = shape(writer).write(at);
            for reader in &NAMES[1..] {
                let first = shape(reader).read(&date).map(|(first, _)| first);
                // Seconds and milliseconds are both numbers, so each is read as the other.
                if date.is_number() && reader.starts_with("epoch") {
                    continue;
                }
                let expected = (writer == reader).then_some(at.millis());
                assert_eq!(first, expected, "{reader} reads {date}");
            }
        }
    }

    #[test]
    fn a_bound_in_seconds_includes_the_whole_second() {
        let bound = |operator: &str| {
            let query = json!({"modifydate": {operator: 1_777_111_200}});
            understood("epoch-s", query).unwrap()["modifydate"].clone()
        };
        let (first, last) = ("2026-04-25T10:00:00.000Z", "2026-04-25T10:00:00.999Z");
        assert_eq!(bound("$gte"), json!({"$gte": first}));
        assert_eq!(bound("$gt"), json!({"$gt": last}));
        assert_eq!(bound("$lte"), json!({"$lte": last}));
        assert_eq!(bound("$lt"), json!({"$lt": first}));
        assert_eq!(bound("$eq"), json!({"$gte": first, "$lte": last}));
    }

    #[test]
    fn a_bound_between_two_milliseconds_separates_them() {
        let query = json!({"modifydate": {
            "$gte": "2026-04-25T10:00:00.007500Z", "$lt": "2026-04-25T10:00:00.009500Z",
        }});
        let expected = json!({"modifydate": {
            "$gte": "2026-04-25T10:00:00.008Z", "$lt": "2026-04-25T10:00:00.010Z",
        }});
        assert_eq!(understood("iso-us", query), Some(expected));
    }

    #[test]
    fn a_bound_of_another_format_matches_nothing_at_any_depth() {
        let text = json!({"createdate": {"$gte": "2026-04-25T10:00:00.000Z"}});
        assert_eq!(understood("epoch-ms", text.clone()), None);
        assert_eq!(understood("naive", json!({"$and": [{}, text]})), None);
        assert_eq!(understood("offset", json!({"$or": [text]})), None);
        let other = json!({"data.n": 1});
        assert_eq!(
            understood("mongo", json!({"$or": [text, other]})),
            Some(json!({"$or": [other]}))
        );
        assert_eq!(
            understood("iso-s", json!({"$nor": [text]})),
            Some(json!({}))
        );
        assert_eq!(understood("iso-ms", text.clone()), Some(text));
    }

    #[test]
    fn the_narrower_of_two_bounds_applies() {
        let query = json!({"modifydate": {"$gte": 2000, "$lte": 5000, "$eq": 3000}});
        let expected = json!({"modifydate": {
            "$gte": "1970-01-01T00:00:03.000Z", "$lte": "1970-01-01T00:00:03.000Z",
        }});
        assert_eq!(understood("epoch-ms", query), Some(expected));
    }

    #[test]
    fn operators_other_than_bounds_are_refused() {
        let undated = json!({"modifydate": {"$exists": false}});
        assert_eq!(understood("naive", undated.clone()), Some(undated));
        let error = shape("naive").understand(json!({"modifydate": {"$in": []}}));
        assert!(matches!(error, Err(FindError::DateOperator { .. })));
    }

    #[test]
    fn only_the_dates_of_a_record_change() {
        let body = r#"{"sk":"a","data":{"modifydate":"2026-04-25T10:00:00.007Z"},"modifydate":"2026-04-25T10:00:00.007Z","author":"x"}"#;
        let expected = r#"{"sk":"a","data":{"modifydate":"2026-04-25T10:00:00.007Z"},"modifydate":1777111200007,"author":"x"}"#;
        assert_eq!(shape("epoch-ms").rewrite(body), expected);
    }
}
