use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn path(text: &str) -> Vec<Step> {
    text.split('.')
        .filter(|part| !part.is_empty())
        .map(|part| Step::Name(part.to_owned()))
        .collect()
}

fn at<'a>(text: &'a str, to: &str) -> Option<&'a str> {
    Raw::new(text).at(&path(to)).map(Raw::text)
}

#[test]
fn a_value_is_found_and_unchanged() {
    let text = r#" { "a": {"b\"": [1, { "c" : 10.00 }, "x\/y"]}, "n":12345678901234567890 } "#;
    assert_eq!(at(text, "n"), Some("12345678901234567890"));
    assert_eq!(at(text, "a.b\".1.c"), Some("10.00"));
    assert_eq!(at(text, "a.b\".2"), Some(r#""x\/y""#));
    assert_eq!(at(text, ""), Some(text.trim()));
    for missing in ["b", "a.b", "a.b\".3", "n.x", "a.b\".x"] {
        assert_eq!(at(text, missing), None, "{missing}");
    }
}

#[test]
fn the_last_of_several_members_with_one_name_wins() {
    assert_eq!(at(r#"{"a":1,"\u0061":2,"b":3}"#, "a"), Some("2"));
}

#[test]
fn deep_nesting_is_no_more_expensive_than_length() {
    let deep = format!(
        "{{\"a\":{}{},\"b\":1}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(is_json(deep.as_bytes()));
    assert_eq!(at(&deep, "b"), Some("1"));
    let mut out = Vec::new();
    minify(deep.as_bytes(), &mut out);
    assert_eq!(out.len(), deep.len());
}

#[test]
fn a_new_member_has_the_white_space_of_the_last_one() {
    for (before, after) in [
        ("{}", r#"{"k":1}"#),
        (r#"{"a":2}"#, r#"{"a":2,"k":1}"#),
        ("{\n  \"a\": 2\n}\n", "{\n  \"a\": 2,\n  \"k\": 1\n}\n"),
    ] {
        let mut text = before.to_owned();
        let whole = span(&text, &[]).unwrap();
        insert(&mut text, whole, &Step::Name("k".into()), "1").unwrap();
        assert_eq!(text, after);
    }
}

#[test]
fn elements_are_added_only_at_the_end_of_a_list() {
    let mut text = "[1, 2]".to_owned();
    assert_eq!(
        insert(&mut text, 0..6, &Step::Index(3), "9"),
        Err(InsertError::BeyondTheEnd { length: 2 })
    );
    insert(&mut text, 0..6, &Step::Index(2), "3").unwrap();
    assert_eq!(text, "[1, 2, 3]");
    assert_eq!(
        insert(&mut text, 0..9, &Step::Name("x".into()), "9"),
        Err(InsertError::NotAnIndex)
    );
}

#[test]
fn a_member_is_removed_with_its_comma() {
    for (before, gone, after) in [
        (r#"{"a":1, "b":2, "c":3}"#, "a", r#"{"b":2, "c":3}"#),
        (r#"{"a":1, "b":2, "c":3}"#, "b", r#"{"a":1, "c":3}"#),
        (r#"{"a":1, "b":2, "c":3}"#, "c", r#"{"a":1, "b":2}"#),
        (r#"{ "a":1 }"#, "a", "{  }"),
        ("[1, [2, 3]]", "1.0", "[1, [3]]"),
    ] {
        let mut text = before.to_owned();
        assert!(remove(&mut text, &path(gone)));
        assert_eq!(text, after);
    }
    assert!(!remove(&mut "{}".to_owned(), &path("a")));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"\\\\é.]{0,3}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every path into a value, with the value that it finds.
fn paths(value: &Value) -> Vec<(Vec<Step>, &Value)> {
    let mut found = vec![(Vec::new(), value)];
    let mut next = 0;
    while let Some((path, value)) = found.get(next).cloned() {
        let step = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<_>>();
        match value {
            Value::Array(items) => {
                found.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(i, item)| (step(Step::Index(i)), item)),
                );
            }
            Value::Object(members) => {
                found.extend(
                    members
                        .iter()
                        .map(|(k, v)| (step(Step::Name(k.clone())), v)),
                );
            }
            _ => {}
        }
        next += 1;
    }
    found
}

proptest! {
    #[test]
    fn every_path_finds_the_same_value_as_serde_json(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        // Reading a float can change its last digit, so both sides are read from the text.
        let value: Value = serde_json::from_str(&text).unwrap();
        for (path, expected) in paths(&value) {
            let found = Raw::new(&text).at(&path).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(found.text()).unwrap(), expected);
        }
    }

    #[test]
    fn minify_agrees_with_the_compact_output_of_serde_json(value in json()) {
        let mut out = Vec::new();
        minify(serde_json::to_string_pretty(&value).unwrap().as_bytes(), &mut out);
        prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&value).unwrap());
    }

    #[test]
    fn lookups_in_invalid_json_do_not_panic(text in "[\\[\\]{}\",:\\\\a1 é]{0,24}") {
        let raw = Raw::new(&text);
        let _ = (raw.kind(), raw.items().count(), raw.members().count());
        let _ = raw.at(&path("a.0"));
        minify(text.as_bytes(), &mut Vec::new());
        let _ = remove(&mut text.clone(), &path("a"));
        if let Some(whole) = span(&text, &[]) {
            let _ = insert(&mut text.clone(), whole, &Step::Name("a".into()), "1");
        }
    }

    #[test]
    fn text_is_still_json_after_a_removal(value in json(), pick in any::<prop::sample::Index>()) {
        let mut text = serde_json::to_string_pretty(&value).unwrap();
        let all = paths(&value);
        let (path, _) = &all[pick.index(all.len())];
        if !path.is_empty() {
            prop_assert!(remove(&mut text, path));
            prop_assert!(is_json(text.as_bytes()), "{}", text);
        }
    }
}
