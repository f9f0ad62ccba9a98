use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn form(text: &str) -> String {
    without(text, &[])
}

fn without(text: &str, ignore: &[&str]) -> String {
    let ignore: Vec<String> = ignore.iter().map(ToString::to_string).collect();
    let mut out = b"before".to_vec();
    canonical(text, &ignore, &mut out);
    let out = String::from_utf8(out).unwrap();
    out.strip_prefix("before").unwrap().to_owned()
}

#[test]
fn equal_values_have_one_form() {
    for (text, expected) in [
        (
            r#" { "b" : [ 1 , {"z":null,"a":true} ] , "a" : { } } "#,
            r#"{"a":{},"b":[1,{"a":true,"z":null}]}"#,
        ),
        (r#""\u0061\/\u00e9\uD83D\uDE00""#, "\"a/é😀\""),
        (
            r#""\u000a\u0022\u005c\u0008\u000C\u001F\u007f""#,
            "\"\\n\\\"\\\\\\b\\f\\u001f\u{7f}\"",
        ),
        (r#"{"a":1,"\u0061":2,"A":[],"a":3}"#, r#"{"A":[],"a":3}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        ("[1.0, 1, -0, 1e2, 1E+2]", "[1.0,1,-0,1e2,1E+2]"),
        ("[]", "[]"),
        ("[ ]", "[]"),
        (" 12 ", "12"),
    ] {
        assert_eq!(form(text), expected, "{text}");
    }
}

#[test]
fn a_lone_surrogate_keeps_its_escape() {
    let text = r#"["\uD800","\ud800\u0041","\udc00\ud800","\ud800\ud83d\ude00"]"#;
    let expected = r#"["\ud800","\ud800A","\udc00\ud800","\ud800😀"]"#;
    assert_eq!(form(text), expected);
}

#[test]
fn names_are_sorted_by_their_unescaped_bytes() {
    let text = r#"{"é":1,"b":2,"a\"":3,"a!":4,"a":5,"a\u0000":6,"":7,"eight bytes, then b":8,"eight bytes, then a":9,"a#":10}"#;
    let expected = r#"{"":7,"a":5,"a\u0000":6,"a!":4,"a\"":3,"a#":10,"b":2,"eight bytes, then a":9,"eight bytes, then b":8,"é":1}"#;
    assert_eq!(form(text), expected);
}

#[test]
fn ignored_members_are_left_out_at_every_depth() {
    let text = r#"{"z":1,"seen":2,"data":{"lastSeen":3,"b":4,"a":{"seen":5}},"data.lastSeen":6,"tags":[{"seen":7,"n":8}]}"#;
    for (ignore, expected) in [
        (
            &["seen", "z"][..],
            r#"{"data":{"a":{"seen":5},"b":4,"lastSeen":3},"data.lastSeen":6,"tags":[{"n":8,"seen":7}]}"#,
        ),
        (
            &["data.lastSeen", "data.a.seen", "tags.seen", "nothing", ""],
            r#"{"data":{"a":{},"b":4},"seen":2,"tags":[{"n":8}],"z":1}"#,
        ),
        (&["data", "tags", "data.lastSeen"], r#"{"seen":2,"z":1}"#),
    ] {
        assert_eq!(without(text, ignore), expected, "{ignore:?}");
    }
    assert_eq!(without(r#"{"se\u0065n":1}"#, &["seen"]), "{}");
    assert_eq!(
        without(r#"{"a":1,"seen":1,"seen":2}"#, &["seen"]),
        r#"{"a":1}"#
    );
}

#[test]
fn deep_nesting_is_accepted_and_loses_nothing() {
    for (open, close) in [("[", "]"), ("{ \"b\":1,\"a\":", "}")] {
        let deep = format!("{}0 {}", open.repeat(100_000), close.repeat(100_000));
        let found = form(&deep);
        let mut minified = Vec::new();
        minify(deep.as_bytes(), &mut minified);
        assert_eq!(found.len(), minified.len());
        assert!(super::super::is_json(found.as_bytes()));
        assert_eq!(form(&found), found);
    }
}

#[test]
fn invalid_json_is_only_minified() {
    for text in [
        "",
        " ",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "[1 2]",
        "[,]",
        "[1,]",
        "[1]]",
        "{\"a\" 1}",
        "{\"b\":1,\"a\":\"\\u00\"}",
        "\"\\",
        "\"\\x\"",
        "\"\\ud800\\u\"",
        "\"a",
        "1 2",
        "{1:2}",
    ] {
        let mut minified = Vec::new();
        minify(text.as_bytes(), &mut minified);
        assert_eq!(form(text).as_bytes(), minified, "{text}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"\\\\é.\n😀]{0,3}|long name [a-c]{0,2}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Writes a value in a random one of its equivalent forms.
fn write_randomly(value: &Value, dice: &mut impl FnMut(usize) -> usize, out: &mut String) {
    let space = |dice: &mut dyn FnMut(usize) -> usize, out: &mut String| {
        out.push_str(["", "", " ", "\n\t", "\r\n  "][dice(5)]);
    };
    space(dice, out);
    match value {
        Value::String(text) => write_text(text, dice, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_randomly(item, dice, out);
            }
            space(dice, out);
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for index in 1..members.len() {
                members.swap(index, dice(index + 1));
            }
            out.push('{');
            for (index, (name, member)) in members.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                space(dice, out);
                if dice(8) == 0 {
                    write_text(name, dice, out);
                    out.push_str(":[\"replaced by the next\"] ,");
                }
                write_text(name, dice, out);
                space(dice, out);
                out.push(':');
                write_randomly(member, dice, out);
            }
            space(dice, out);
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
    space(dice, out);
}

fn write_text(text: &str, dice: &mut impl FnMut(usize) -> usize, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match (dice(4), char) {
            (0, '/') => out.push_str("\\/"),
            (0 | 1, _) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.push_str(&match dice(2) {
                        0 => format!("\\u{unit:04x}"),
                        _ => format!("\\u{unit:04X}"),
                    });
                }
            }
            _ => {
                let quoted = serde_json::to_string(&char).unwrap();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
    out.push('"');
}

fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut random = fastrand::Rng::with_seed(seed);
    move |sides| random.usize(..sides)
}

/// The canonical form by definition, made with serde_json.
fn reference(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(sorted).collect(),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| name.as_bytes());
                let members = members.into_iter();
                Value::Object(
                    members
                        .map(|(name, it)| (name.clone(), sorted(it)))
                        .collect(),
                )
            }
            plain => plain.clone(),
        }
    }
    sorted(value).to_string()
}

proptest! {
    #[test]
    fn every_equivalent_text_has_the_same_form(value in json(), seed in any::<u64>()) {
        let mut text = String::new();
        write_randomly(&value, &mut dice(seed), &mut text);
        prop_assert_eq!(form(&text), reference(&value), "{}", text);
    }

    #[test]
    fn different_values_have_different_forms(a in json(), b in json()) {
        prop_assert_eq!(form(&a.to_string()) == form(&b.to_string()), a == b);
    }

    #[test]
    fn a_changed_leaf_changes_the_form(value in json(), other in json()) {
        let with = |it: &Value| serde_json::json!({ "z": [1, { "y": it, "a": 0 }], "b": {} }).to_string();
        prop_assert_eq!(form(&with(&value)) == form(&with(&other)), value == other);
    }

    #[test]
    fn the_form_of_a_form_is_itself(value in json()) {
        let once = form(&value.to_string());
        prop_assert_eq!(&form(&once), &once);
    }

    #[test]
    fn arbitrary_text_does_not_panic(text in "[\\[\\]{}\",:\\\\au0d8 é\n]{0,32}", ignore in "[a.\"]{0,3}") {
        let _ = without(&text, &[&ignore]);
    }
}
