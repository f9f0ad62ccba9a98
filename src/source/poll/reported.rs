//! Errors that a server reports next to a list of records. Such a list may be only a part of the records, or empty.
//!
//! Names are compared without regard to case, `_` and `-`: `timed_out`, `timedOut`.

use std::ops::Range;

use serde_json::Value;

use crate::json::{Kind, Raw};

/// Members that describe an error if they are not empty.
const ERRORS: [&str; 7] = [
    "error",
    "errors",
    "exception",
    "exceptions",
    "fault",
    "faults",
    "failures",
];
/// Members that hold an HTTP status.
const STATUSES: [&str; 4] = ["statuscode", "status", "httpstatus", "httpstatuscode"];
/// Words of a status that mean a failure.
const FAILED: [&str; 8] = [
    "error",
    "fail",
    "failed",
    "failure",
    "timeout",
    "partial",
    "incomplete",
    "unavailable",
];
/// Members that are true or not zero if records may be missing.
const ALARMS: [&str; 13] = [
    "timedout",
    "partial",
    "ispartial",
    "partialresults",
    "partialsuccess",
    "incomplete",
    "isincomplete",
    "incompleteresults",
    "terminatedearly",
    "isrunning",
    "haserror",
    "haserrors",
    "iserror",
];
/// Members that are false or zero if the request failed.
const SUCCESSES: [&str; 6] = [
    "success",
    "ok",
    "succeeded",
    "successful",
    "issuccess",
    "issuccessful",
];
/// Counters of the parts of a search, and which of their counters mean that records may be missing.
const PARTS: [(&str, &[&str]); 2] = [
    ("shards", &["failed"]),
    ("clusters", &["failed", "partial", "skipped"]),
];
/// Members that hold some of the above.
const HEADERS: [&str; 5] = ["meta", "metadata", "responseheader", "header", "head"];
/// Members that explain an error, the best one first.
const WORDS: [&str; 9] = [
    "message",
    "errordescription",
    "errormessage",
    "detail",
    "reason",
    "description",
    "title",
    "msg",
    "faultstring",
];
/// Maximum length of a member's name in quotes. No longer one matters.
const MAX_NAME: usize = 40;
/// Maximum number of characters of an explanation.
const MAX_WORDS: usize = 200;
/// Maximum length of an error that is parsed for its explanation.
const MAX_PARSED: usize = 64 * 1024;

/// The members of an object: ranges of their names and values in the text.
pub(super) type MemberRanges = [(Range<usize>, Range<usize>)];

/// The error that a response reports next to its list of records, with the server's own words. `path` leads to the list.
pub(super) fn error_beside_list(
    text: &str,
    members: &MemberRanges,
    path: &[String],
) -> Option<String> {
    let root: Vec<Named<'_>> = members
        .iter()
        .filter_map(|(key, value)| Named::new(text, key, value))
        .collect();
    let parent = path.first().filter(|_| path.len() > 1);
    let objects = root.iter().filter(|member| {
        let is_parent = parent.is_some_and(|parent| member.shown == *parent);
        (is_parent || HEADERS.contains(&member.name.as_str()))
            && member.value.kind() == Some(Kind::Object)
    });
    let mut inside = objects.map(|member| members_of(member.value));
    inside
        .find_map(|members| error_in(&members))
        .or_else(|| error_in(&root))
}

/// A member of an object.
struct Named<'a> {
    /// Without case, `_` and `-`.
    name: String,
    shown: String,
    value: Raw<'a>,
}

impl<'a> Named<'a> {
    /// `None` if the name is longer than any that matters.
    fn new(text: &'a str, key: &Range<usize>, value: &Range<usize>) -> Option<Self> {
        let shown = Raw::new(text.get(key.clone()).filter(|key| key.len() <= MAX_NAME)?).plain();
        Some(Self {
            name: plain(&shown),
            shown: shown.into_owned(),
            value: Raw::new(&text[value.clone()]),
        })
    }
}

fn members_of(object: Raw<'_>) -> Vec<Named<'_>> {
    let text = object.text();
    object
        .members()
        .filter_map(|member| Named::new(text, &member.key, &member.value))
        .collect()
}

/// A name without case, `_` and `-`.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| *c != '_' && *c != '-');
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

fn error_in(members: &[Named<'_>]) -> Option<String> {
    let Named { name, shown, value } = members
        .iter()
        .find(|member| is_error(&member.name, member.value))?;
    let own = ERRORS
        .contains(&name.as_str())
        .then(|| words(*value))
        .flatten();
    let beside = || {
        let explains = |wanted: &&str| {
            let member = members.iter().find(|member| member.name == **wanted)?;
            words(member.value)
        };
        WORDS.iter().find_map(explains)
    };
    Some(match own.or_else(beside) {
        Some(words) => format!("`{shown}`: {words}"),
        None => {
            let value: String = value.text().chars().take(MAX_WORDS).collect();
            format!("`{shown}` is {value}")
        }
    })
}

fn is_error(name: &str, value: Raw<'_>) -> bool {
    if ERRORS.contains(&name) {
        return is_filled(value);
    }
    if STATUSES.contains(&name) {
        return is_failed(value, f64::INFINITY);
    }
    // Platforms also use `code` for other numbers.
    if name == "code" {
        return is_failed(value, 600.0);
    }
    if ALARMS.contains(&name) {
        return truth(value) == Some(true);
    }
    if SUCCESSES.contains(&name) {
        return truth(value) == Some(false);
    }
    let Some((_, counters)) = PARTS.iter().find(|(part, _)| *part == name) else {
        return false;
    };
    members_of(value)
        .iter()
        .any(|counter| counters.contains(&counter.name.as_str()) && is_filled(counter.value))
}

/// Whether an error is described: not null, false, zero or empty.
fn is_filled(value: Raw<'_>) -> bool {
    match value.kind() {
        Some(Kind::Array) => value.items().any(is_filled),
        Some(Kind::Object) => value.members().next().is_some(),
        Some(Kind::String) => !value.plain().trim().is_empty(),
        _ => truth(value) == Some(true),
    }
}

/// Whether a status is an HTTP error, or a word for a failure.
fn is_failed(value: Raw<'_>, before: f64) -> bool {
    let text = value.plain();
    match text.trim().parse::<f64>() {
        Ok(number) => number >= 400.0 && number < before,
        Err(_) => FAILED.contains(&plain(text.trim()).as_str()),
    }
}

/// True or false, also as a number or in quotes.
fn truth(value: Raw<'_>) -> Option<bool> {
    let text = value.plain();
    match text.as_ref() {
        "true" => Some(true),
        "false" => Some(false),
        number => number.parse::<f64>().ok().map(|number| number != 0.0),
    }
}

/// The explanation in an error.
fn words(error: Raw<'_>) -> Option<String> {
    if error.text().len() > MAX_PARSED {
        return None;
    }
    let error: Value = serde_json::from_str(error.text()).ok()?;
    let found = words_in(&error)?;
    Some(found.chars().take(MAX_WORDS).collect())
}

fn words_in(error: &Value) -> Option<String> {
    match error {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.trim().to_owned()),
        Value::Array(list) => list.iter().find_map(words_in),
        Value::Object(members) => {
            let named = |wanted: &&str| {
                let mut members = members.iter();
                members.find_map(|(name, value)| (plain(name) == *wanted).then_some(value))
            };
            let explained = WORDS.iter().filter_map(named).find_map(words_in);
            explained.or_else(|| Some(error.to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn reads(text: &str, path: &[&str]) -> Option<String> {
        let mut members = Vec::new();
        assert!(json::check(text, |member| members.push((member.key, member.value))));
        let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
        error_beside_list(text, &members, &path)
    }

    fn beside(members: &str) -> Option<String> {
        reads(&format!("{{\"data\":[],{members}}}"), &["data"])
    }

    #[test]
    fn an_error_beside_a_list_is_found_with_the_servers_words() {
        for (members, expected) in [
            (r#""error":"index is down""#, "`error`: index is down"),
            (r#""error":true,"message":"busy""#, "`error`: busy"),
            (r#""error":true"#, "`error` is true"),
            (r#""error":{"code":17,"message":"busy"}"#, "`error`: busy"),
            (r#""error":{"code":17}"#, "`error`: {\"code\":17}"),
            (
                r#""errors":[{"message":"shard 3 failed","path":["contacts"]}]"#,
                "`errors`: shard 3 failed",
            ),
            (
                r#""errors":[{"status":"503","title":"Unavailable","detail":"try later"}]"#,
                "`errors`: try later",
            ),
            (r#""errors":["first","second"]"#, "`errors`: first"),
            (
                r#""statusCode":503,"message":"Service Unavailable""#,
                "`statusCode`: Service Unavailable",
            ),
            (r#""statusCode":"503""#, "`statusCode` is \"503\""),
            (r#""status_code":400"#, "`status_code` is 400"),
            (r#""status":500"#, "`status` is 500"),
            (r#""status":"error","message":"no""#, "`status`: no"),
            (r#""status":"FAILED""#, "`status` is \"FAILED\""),
            (r#""code":504,"msg":"gateway""#, "`code`: gateway"),
            (r#""timed_out":true"#, "`timed_out` is true"),
            (r#""timedOut":true"#, "`timedOut` is true"),
            (
                r#""_shards":{"total":5,"successful":4,"failed":1}"#,
                "`_shards` is {\"total\":5,\"successful\":4,\"failed\":1}",
            ),
            (
                r#""_clusters":{"skipped":1}"#,
                "`_clusters` is {\"skipped\":1}",
            ),
            (r#""success":false"#, "`success` is false"),
            (r#""success":"false""#, "`success` is \"false\""),
            (r#""ok":false,"description":"gone""#, "`ok`: gone"),
            (r#""ok":0,"errmsg":"x""#, "`ok` is 0"),
            (r#""partial":true"#, "`partial` is true"),
            (r#""partialResults":1"#, "`partialResults` is 1"),
            (
                r#""incomplete_results":true"#,
                "`incomplete_results` is true",
            ),
            (r#""is_running":true"#, "`is_running` is true"),
            (r#""hasErrors":true"#, "`hasErrors` is true"),
            (r#""fault":{"faultstring":"quota"}"#, "`fault`: quota"),
            (
                r#""meta":{"code":503,"error_message":"slow"}"#,
                "`code`: slow",
            ),
            (
                r#""responseHeader":{"partialResults":true}"#,
                "`partialResults` is true",
            ),
        ] {
            assert_eq!(beside(members).as_deref(), Some(expected), "{members}");
        }
    }

    #[test]
    fn empty_error_members_and_other_members_are_no_errors() {
        for members in [
            r#""error":null"#,
            r#""error":false"#,
            r#""error":"""#,
            r#""error":" ""#,
            r#""error":{}"#,
            r#""error":0"#,
            r#""errors":[]"#,
            r#""errors":[null]"#,
            r#""errors":null"#,
            r#""errors":0"#,
            r#""statusCode":200"#,
            r#""statusCode":null"#,
            r#""status":"ok""#,
            r#""status":"success""#,
            r#""status":0"#,
            r#""code":0"#,
            r#""code":20000"#,
            r#""timed_out":false"#,
            r#""_shards":{"total":5,"successful":5,"skipped":2,"failed":0}"#,
            r#""_shards":{"total":5,"failed":0,"failures":[]}"#,
            r#""success":true"#,
            r#""success":null"#,
            r#""ok":1"#,
            r#""partial":false"#,
            r#""total":500,"page":404"#,
            r#""message":"3 records""#,
            r#""meta":{"status":200,"errors":[]}"#,
            r#""other":{"error":"of something else"}"#,
        ] {
            assert_eq!(beside(members), None, "{members}");
        }
    }

    #[test]
    fn an_error_next_to_a_nested_list_is_found() {
        let text = r#"{"status":"ok","result":{"data":[],"error":"cut"}}"#;
        assert_eq!(
            reads(text, &["result", "data"]).as_deref(),
            Some("`error`: cut")
        );
        assert_eq!(reads(r#"[{"error":"a record's own"}]"#, &[]), None);
        assert_eq!(
            reads(r#"{"data":[{"error":"a record's own"}]}"#, &["data"]),
            None
        );
    }

    #[test]
    fn the_servers_words_are_bounded() {
        let long = format!("\"error\":\"{}\"", "x".repeat(1000));
        assert_eq!(beside(&long).map(|words| words.len()), Some(9 + 200));
        let huge = format!("\"error\":[\"{}\"]", "x".repeat(100_000));
        assert!(beside(&huge).is_some_and(|words| words.len() < 300));
        let named = format!("\"errors\":{{\"{}\":1}}", "x".repeat(1000));
        assert!(beside(&named).is_some_and(|words| words.len() < 300));
    }
}
