use http::HeaderMap;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const DATA: &str = r#"{"amount": 40.50, "n": 12345678901234567890, "status": "lead", "vip": true, "none": null,
    "name": "Zo\u00eb", "tags": ["new", "x"], "items": [{"price": 5}, {"price": 50}], "a": {"b.c": 1}, "big": 9007199254740993}"#;

fn now() -> Timestamp {
    "2026-04-25T10:00:00Z".parse().unwrap()
}

fn scope(headers: &HeaderMap) -> Scope<'_> {
    Scope::new()
        .text("type", "contact.created")
        .json("data", DATA)
        .headers("headers", headers)
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-github-event", "push".parse().unwrap());
    headers
}

fn explain(text: &str) -> Finding {
    let headers = headers();
    let condition = Condition::parse_cel(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let explained = condition.explain(&scope(&headers), now());
    assert_eq!(
        condition.holds(&scope(&headers), now()),
        explained.held,
        "{text}"
    );
    explained
}

/// Whether any part of a condition needs the interpreter.
fn interpreted(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().any(interpreted),
        Predicate::Not(part) => interpreted(part),
        Predicate::Leaf(leaf) => matches!(leaf.question, Question::Program(_)),
    }
}

const COMMON: &[(&str, bool)] = &[
    ("type == 'contact.created'", true),
    ("'contact.created' == type", true),
    ("type.startsWith('contact.')", true),
    ("type.endsWith('.created') && type.contains('tact')", true),
    ("data.status in ['lead', 'customer']", true),
    ("data.status in ['customer']", false),
    ("data.amount >= 40.5", true),
    ("100 > data.amount", true),
    ("data.amount > 40 && data.amount < 41", true),
    ("data.amount == '40.50'", false),
    ("data.amount != '40.50'", true),
    ("data.n == 12345678901234567890u", true),
    ("data.n == 12345678901234567891u", false),
    ("data.big == 9007199254740992", false),
    ("data.vip", true),
    ("!data.vip", false),
    ("data.none == null", true),
    ("data.status != null", true),
    ("data.name == 'Zoë'", true),
    ("data.name.matches('^Z.ë$')", true),
    ("'new' in data.tags", true),
    ("'old' in data.tags", false),
    ("'status' in data", true),
    ("data.tags[1] == 'x'", true),
    ("data.items[1].price == 50", true),
    ("data.a['b.c'] == 1", true),
    ("has(data.status)", true),
    ("has(data.missing)", false),
    ("has(data.missing.deeper)", false),
    ("headers['X-GitHub-Event'] == 'push'", true),
    ("data.missing == 1", false),
    ("data.missing != 1", false),
    ("!(data.missing == 1)", true),
    ("data.missing == 1 || data.vip", true),
    ("data.status > 5 || data.vip", true),
    ("nothing == 1 || data.vip", true),
    ("true", true),
    ("data.amount > -1", true),
];

#[test]
fn common_forms_do_not_need_the_interpreter() {
    for (text, held) in COMMON {
        let condition = Condition::parse_cel(text).unwrap();
        assert!(!interpreted(&condition.predicate), "{text}");
        assert_eq!(explain(text).held, *held, "{text}");
    }
}

#[test]
fn common_forms_agree_with_the_interpreter() {
    let headers = headers();
    for (text, held) in COMMON {
        // For a missing key the interpreter returns an error, and its keys of headers are case-sensitive.
        if ["missing", "nothing", "status > 5", "headers"]
            .iter()
            .any(|part| text.contains(part))
        {
            continue;
        }
        let program = cel::Program::compile(text).unwrap();
        let program = Program::new(program.expression().clone());
        let answer = Evaluation::new(now()).ask(&program, &scope(&headers));
        assert_eq!(answer, Ok(*held), "{text}");
    }
}

#[test]
fn other_forms_use_the_interpreter() {
    for (text, held) in [
        ("data.items.exists(item, item.price > 10)", true),
        ("data.items.all(item, item.price > 10)", false),
        ("size(data.tags) == 2", true),
        ("data.amount * 2.0 > 80.0", true),
        ("data.vip ? data.amount > 1 : false", true),
        ("data.tags.map(t, t + '!') == ['new!', 'x!']", true),
        (
            "data.items.exists(item, item.missing > 10) || data.vip",
            true,
        ),
        ("data.amount + data.missing > 1", false),
        (
            "timestamp('2026-04-25T09:00:00Z') > now - duration('2h')",
            true,
        ),
        ("size(headers) == 1", true),
    ] {
        assert!(
            interpreted(&Condition::parse_cel(text).unwrap().predicate),
            "{text}"
        );
        assert_eq!(explain(text).held, held, "{text}");
    }
}

#[test]
fn an_explanation_shows_each_part_with_its_value() {
    let explained = explain(
        "data.status == \"lead\" && (data.amount >= 100 || data.missing == 1) && !data.vip",
    );
    assert_eq!(
        explained.text(),
        "✗ all of\n  ✓ data.status == \"lead\": it is \"lead\"\n  ✗ any of\n    ✗ data.amount >= 100: it is 40.50\n    \
         ✗ data.missing == 1: it is missing\n  ✗ not\n    ✓ data.vip: it is true"
    );
    assert_eq!(
        explained.reason(),
        "data.amount >= 100 is false: it is 40.50; data.missing == 1 is false: it is missing; data.vip is true: it is true"
    );
    let json = serde_json::to_string(&explained).unwrap();
    assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), explained);
}

#[test]
fn a_part_is_shown_as_in_the_source() {
    for text in [
        "size(data.tags) == 3",
        "data.items.exists( i, i.price > 100 )",
        "data.tags[1] == 'y)'",
        "has(data.missing)",
        "data.status in ['a', 'b']",
        "data.status.matches('[x(]$')",
        "headers[\"x\"] == \"y\"",
    ] {
        assert_eq!(explain(text).what, text);
        assert_eq!(explain(&format!("data.vip && {text}")).parts[1].what, text);
    }
}

#[test]
fn a_mistake_is_shown_with_its_position() {
    for (text, at) in [
        ("data.amount >=", 14),
        ("", 0),
        ("data.amount = 3", 12),
        ("a &&\n  b == 'ë' ==== 1", 18),
        ("data.x.contain('a')", 7),
    ] {
        let error = Condition::parse_cel(text).unwrap_err();
        let caret = error.caret().unwrap_or_else(|| panic!("{error:?}"));
        assert_eq!(
            caret.lines().last().unwrap().len(),
            at + 1,
            "{caret}\n{error}"
        );
    }
}

#[test]
fn unknown_names_suggest_the_nearest() {
    let error = Condition::parse_cel("data.x.startWith('a')").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no function `startWith` (did you mean `startsWith`?)"
    );
    let error = Condition::parse_cel("dat.x == 1 || now == now")
        .unwrap()
        .only(&["type", "data"])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no variable `dat` here; there are `type`, `data` (did you mean `data`?)"
    );
    let bound = Condition::parse_cel("data.items.all(item, item.n > 1)").unwrap();
    assert!(bound.only(&["data"]).is_ok());
}

#[test]
fn hostile_expressions_are_refused() {
    for text in [
        "(".repeat(10_000),
        "!".repeat(10_000),
        "a.matches('(')".to_owned(),
        format!("a == '{}'", "x".repeat(20_000)),
        "[".repeat(3_000),
        "a.b".repeat(4_000),
    ] {
        assert!(Condition::parse_cel(&text).is_err(), "{}", &text[..10]);
    }
}

#[test]
fn the_deepest_allowed_expressions_fit_the_stack() {
    for text in [
        format!("{}data.vip{}", "(".repeat(46), ")".repeat(46)),
        format!("{}data.vip", "!".repeat(46)),
        format!("data{} == 1", ".a".repeat(45)),
        format!("data.n{} > 1", " + 1".repeat(45)),
        format!(
            "{}true{}",
            "data.vip ? (".repeat(15),
            ") : false".repeat(15)
        ),
        format!("{}true", "data.vip && ".repeat(500)),
        format!("size({}1{}) == 1", "[".repeat(45), "]".repeat(45)),
    ] {
        let condition = Condition::parse_cel(&text).unwrap_or_else(|error| panic!("{error}"));
        let headers = headers();
        let _ = condition.explain(&scope(&headers), now()).text();
    }
}

#[test]
fn deep_data_is_accepted() {
    let deep = format!(
        "{{\"a\":{}{},\"b\":1}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let scope = Scope::new().json("data", &deep);
    assert!(
        Condition::parse_cel("data.b == 1")
            .unwrap()
            .holds(&scope, now())
    );
    assert!(
        !Condition::parse_cel("size(data) == 2")
            .unwrap()
            .holds(&scope, now())
    );
}

#[test]
fn a_third_nested_loop_is_refused_with_the_position() {
    let nested = |inside: &str| format!("data.a.exists(x, data.b.all(y, {inside}))");
    assert!(Condition::parse_cel(&nested("x == y")).is_ok());
    assert!(Condition::parse_cel("data.a.map(x, x).filter(y, y > 1).exists(z, z == 2)").is_ok());
    for inside in [
        "data.c.exists(z, z == y)",
        "{'k': data.c.exists(z, z == y)}['k']",
        "size(data.c.map(z, z)) > 1",
    ] {
        let text = nested(inside);
        let error = Condition::parse_cel(&text).unwrap_err();
        assert!(
            matches!(error, ConditionError::LoopsTooDeep { .. }),
            "{error}"
        );
        let caret = error.caret().unwrap();
        let at = caret.lines().last().unwrap().len() - 1;
        let (before, after) = text.split_at(at);
        assert!(before.contains("data.c") && after.contains("z,"), "{caret}");
    }
}

/// Without the budget each of these would take minutes or all memory.
#[test]
fn a_part_over_the_budget_is_false_with_a_note() {
    let numbers = vec!["1"; 200_000].join(",");
    let text = "x".repeat(1_000_000);
    let data = format!(
        r#"{{"some": [1, 2], "many": [{numbers}], "text": "{text}", "rows": [{{"n": [{numbers}]}}]}}"#
    );
    let scope = Scope::new().json("data", &data);
    let few = Scope::new().json(
        "data",
        r#"{"some": [1], "many": [1], "text": "x", "rows": [{"n": [1]}]}"#,
    );
    for text in [
        "data.many.exists(x, data.many.exists(y, x + y == 3))".to_owned(),
        "data.rows.exists(r, r.n.exists(x, r.n == [x + 1]))".to_owned(),
        format!("size([data.text]{}) == 7", ".map(x, x + x)".repeat(20)),
        "data.many.exists(x, data.text.matches('(a?b?){50}c' + ''))".to_owned(),
    ] {
        let condition = Condition::parse_cel(&text).unwrap_or_else(|error| panic!("{error}"));
        let explained = condition.explain(&scope, now());
        assert!(!explained.held, "{text}");
        assert_eq!(
            explained.note.as_deref(),
            Some("it exceeds the work limit"),
            "{text}"
        );
    }
    let condition = Condition::parse_cel("data.many.exists(x, data.many.exists(y, x + y == 2))");
    assert!(condition.unwrap().holds(&few, now()));
}

#[test]
fn the_parts_of_a_condition_share_one_budget() {
    let data = format!(r#"{{"n": 1, "list": [{}]}}"#, vec!["1"; 20_000].join(","));
    let scope = Scope::new().json("data", &data);
    let part = "data.list.all(x, x < 2)";
    assert!(Condition::parse_cel(part).unwrap().holds(&scope, now()));
    let parts = vec![part; 300].join(" && ");
    let explained = Condition::parse_cel(&parts).unwrap().explain(&scope, now());
    let refused = |part: &&Finding| part.note.as_deref() == Some("it exceeds the work limit");
    assert!(explained.parts.iter().any(|part| part.held));
    assert!(explained.parts.iter().filter(refused).count() > 200);
}

#[test]
fn a_condition_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Condition>();
}

fn operator(condition: Value) -> bool {
    let contact = r#"{"email": "ada@example.com", "score": "10", "when": "2026-04-24T10:00:00Z", "tags": ["vip"], "ms": 1777111200000, "none": null}"#;
    let scope = Scope::new()
        .json("contact", contact)
        .json("data", r#"{"status": "lead", "amount": 40.5, "vip": true}"#);
    let condition =
        Condition::parse_operators(&condition).unwrap_or_else(|error| panic!("{error}"));
    condition.holds(&scope, now())
}

#[test]
fn every_operator_with_a_value_can_hold_and_fail() {
    for (name, field, yes, no) in [
        ("equals", "contact.score", json!(10), json!(11)),
        ("equals", "vip", json!(true), json!(false)),
        ("equals", "contact.tags", json!(["vip"]), json!("vip")),
        ("not_equals", "status", json!("customer"), json!("lead")),
        ("not_equals", "missing", json!(1), json!(null)),
        (
            "contains",
            "contact.email",
            json!("@example"),
            json!("@other"),
        ),
        ("contains", "contact.tags", json!("vip"), json!("vi")),
        ("not_contains", "contact.tags", json!("old"), json!("vip")),
        ("greater_than", "data.amount", json!(40), json!(40.5)),
        (
            "greater_than",
            "contact.when",
            json!("2026-04-23"),
            json!("2026-04-25"),
        ),
        ("less_than", "contact.score", json!("11"), json!(10)),
        ("in_last", "contact.when", json!("2d"), json!("2h")),
        (
            "in_last",
            "contact.ms",
            json!("1 days"),
            json!({"value": 1, "unit": "years ago"}),
        ),
        (
            "after_date",
            "contact.when",
            json!("2026-04-24T09:59:59Z"),
            json!("2026-04-25"),
        ),
        ("after_date", "contact.when", json!("2d"), json!("1h")),
        (
            "before_date",
            "contact.when",
            json!("2026-04-25"),
            json!("2026-04-24"),
        ),
        ("between", "amount", json!([40, 41]), json!([41, 42])),
        (
            "between",
            "contact.when",
            json!({"from": "2026-04-24", "to": "2026-04-25"}),
            json!(["2026-04-25", "2026-04-26"]),
        ),
        (
            "regex_match",
            "contact.email",
            json!("^ada@"),
            json!("^bob@"),
        ),
    ] {
        assert!(
            operator(json!({"field": field, "operator": name, "value": yes})),
            "{name} {field} {yes}"
        );
        if Condition::parse_operators(&json!({"field": field, "operator": name, "value": no}))
            .is_ok()
        {
            assert!(
                !operator(json!({"field": field, "operator": name, "value": no})),
                "{name} {field} {no}"
            );
        }
    }
}

#[test]
fn a_missing_or_null_field_does_not_exist() {
    for (field, there) in [
        ("contact.email", true),
        ("status", true),
        ("contact.none", false),
        ("nothing.here", false),
    ] {
        assert_eq!(
            operator(json!({"field": field, "operator": "exists"})),
            there,
            "{field}"
        );
        assert_eq!(
            operator(json!({"field": field, "operator": "not_exists"})),
            !there,
            "{field}"
        );
    }
}

#[test]
fn in_last_accepts_a_timeframe() {
    assert!(operator(
        json!({"field": "contact.when", "operator": "in_last", "value": 2, "timeframe": "days"})
    ));
    assert!(operator(
        json!({"field": "contact.when", "operator": "in_last", "timeframe": {"value": 1, "unit": "week"}})
    ));
}

#[test]
fn all_operators_of_a_list_must_hold() {
    let email = json!({"field": "contact.email", "operator": "exists"});
    let phone = json!({"field": "contact.phone", "operator": "exists"});
    assert!(operator(json!([])));
    assert!(operator(json!([email])));
    assert!(!operator(json!([email, phone])));
}

#[test]
fn invalid_operators_and_operands_are_refused() {
    for (condition, shown) in [
        (
            json!(1),
            "a condition must be an object with `field`, `operator` and `value`, or a list of them",
        ),
        (
            json!({"field": "a"}),
            "a condition must be an object with the texts `field` and `operator`",
        ),
        (
            json!({"field": "a", "operator": "equal"}),
            "there is no operator `equal` (did you mean `equals`?)",
        ),
        (
            json!({"field": "a", "operator": "greater_than"}),
            "`greater_than` takes a `value`",
        ),
        (
            json!({"field": "a", "operator": "between", "value": 1}),
            "`between` takes two values: [low, high]",
        ),
        (
            json!({"field": "a", "operator": "regex_match", "value": "("}),
            "`(` is not a regular expression",
        ),
        (
            json!({"field": "a", "operator": "after_date", "value": "soon"}),
            "`after_date` takes a date as its `value`",
        ),
    ] {
        assert_eq!(
            Condition::parse_operators(&condition)
                .unwrap_err()
                .to_string(),
            shown
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_text_does_not_panic(text in "[a-z0-9 .()\\[\\]{}'\"!&|=<>?:,\\\\+*/%`é@#-]{0,40}") {
        if let Ok(condition) = Condition::parse_cel(&text) {
            let headers = headers();
            let explained = condition.explain(&scope(&headers), now());
            prop_assert_eq!(condition.holds(&scope(&headers), now()), explained.held);
        }
    }
}
