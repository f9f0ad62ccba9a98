use serde_json::json;

use super::*;

fn matches(filter: Value, record: &Value) -> bool {
    Filter::parse(&filter).unwrap().matches(record)
}

fn record() -> Value {
    json!({
        "sk": "contact-1",
        "modifydate": "2026-04-25T10:00:00.000Z",
        "data": {
            "email": "Ada@Example.com", "score": 10, "price": 10.0, "big": 12_345_678_901_234_567_890_u64,
            "tags": ["vip", "new"], "none": null,
            "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 5}], "grid": [[1, 2], [3]]
        }
    })
}

#[test]
fn every_operator_can_hold_and_fail() {
    let record = record();
    for (filter, yes) in [
        (json!({}), true),
        (json!({"sk": "contact-1"}), true),
        (json!({"sk": "contact-2"}), false),
        (json!({"data.score": {"$eq": 10.0}}), true),
        (json!({"data.score": {"$ne": 10}}), false),
        (json!({"data.missing": {"$ne": 10}}), true),
        (json!({"data.score": {"$gt": 9, "$lt": 11}}), true),
        (json!({"data.score": {"$gt": 10}}), false),
        (json!({"data.score": {"$gte": 10, "$lte": 10}}), true),
        (json!({"data.score": {"$lt": 10}}), false),
        (json!({"data.score": {"$gt": "9"}}), false),
        (
            json!({"data.big": {"$gt": 12_345_678_901_234_567_889_u64}}),
            true,
        ),
        (json!({"data.score": {"$in": [1, 10]}}), true),
        (json!({"data.score": {"$in": []}}), false),
        (json!({"data.missing": {"$in": [null]}}), true),
        (json!({"data.tags": {"$nin": ["old"]}}), true),
        (json!({"data.tags": {"$nin": ["vip"]}}), false),
        (json!({"data.none": {"$exists": true}}), true),
        (json!({"data.missing": {"$exists": true}}), false),
        (json!({"data.missing": {"$exists": false}}), true),
        (json!({"data.missing": null}), true),
        (json!({"data.none": null}), true),
        (
            json!({"data.email": {"$regex": "^ada@", "$options": "i"}}),
            true,
        ),
        (json!({"data.email": {"$regex": "^ada@"}}), false),
        (
            json!({"$and": [{"sk": "contact-1"}, {"data.score": 10}]}),
            true,
        ),
        (json!({"$or": [{"sk": "x"}, {"data.score": 10}]}), true),
        (json!({"$or": [{"sk": "x"}, {"data.score": 11}]}), false),
        (json!({"$nor": [{"sk": "x"}, {"data.score": 11}]}), true),
        (json!({"data.score": {"$not": {"$gt": 5}}}), false),
        (json!({"data.missing": {"$not": {"$gt": 5}}}), true),
        (
            json!({"data.items": {"$elemMatch": {"sku": "b", "n": {"$gt": 4}}}}),
            true,
        ),
        (
            json!({"data.items": {"$elemMatch": {"sku": "a", "n": {"$gt": 4}}}}),
            false,
        ),
        (json!({"data.grid": {"$elemMatch": {"$size": 1}}}), true),
        (json!({"data.tags": {"$elemMatch": {"$eq": "vip"}}}), true),
        (json!({"data.tags": {"$all": ["new", "vip"]}}), true),
        (json!({"data.tags": {"$all": ["new", "old"]}}), false),
        (json!({"data.tags": {"$size": 2}}), true),
        (json!({"data.tags": {"$size": 1}}), false),
    ] {
        assert_eq!(matches(filter.clone(), &record), yes, "{filter}");
    }
}

#[test]
fn a_path_continues_in_each_element_of_a_list() {
    let record = record();
    for (filter, yes) in [
        (json!({"data.tags": "vip"}), true),
        (json!({"data.tags": ["vip", "new"]}), true),
        (json!({"data.items.sku": "b"}), true),
        (json!({"data.items.0.sku": "b"}), false),
        (json!({"data.items.1.sku": "b"}), true),
        (json!({"data.items.n": {"$gt": 9}}), false),
    ] {
        assert_eq!(matches(filter.clone(), &record), yes, "{filter}");
    }
}

#[test]
fn iso_texts_are_compared_as_times() {
    let record = record();
    for (filter, yes) in [
        (
            json!({"modifydate": {"$gte": "2026-04-25T12:00:00+02:00"}}),
            true,
        ),
        (
            json!({"modifydate": {"$gt": "2026-04-25T12:00:00+02:00"}}),
            false,
        ),
        (json!({"modifydate": "2026-04-25T10:00:00Z"}), true),
        (json!({"modifydate": {"$lt": "2026-04-26"}}), true),
    ] {
        assert_eq!(matches(filter.clone(), &record), yes, "{filter}");
    }
}

#[test]
fn an_unknown_operator_suggests_the_nearest() {
    for (filter, shown) in [
        (
            json!({"a": {"$gtt": 1}}),
            "there is no operator `$gtt` (did you mean `$gt`?)",
        ),
        (
            json!({"$an": []}),
            "there is no operator `$an` (did you mean `$and`?)",
        ),
        (
            json!({"a": {"$where": "x"}}),
            "there is no operator `$where`",
        ),
        (json!({"a": {"b": 1, "$gt": 1}}), "there is no operator `b`"),
    ] {
        assert_eq!(Filter::parse(&filter).unwrap_err().to_string(), shown);
    }
}

#[test]
fn invalid_operands_are_refused() {
    for filter in [
        json!([]),
        json!("x"),
        json!({"$or": []}),
        json!({"$or": [1]}),
        json!({"a": {"$in": 1}}),
        json!({"a": {"$size": -1}}),
        json!({"a": {"$exists": "yes"}}),
        json!({"a": {"$regex": "("}}),
        json!({"a": {"$regex": 1}}),
        json!({"a": {"$regex": "a", "$options": "g"}}),
        json!({"a": {"$not": 1}}),
        json!({"a": {"$elemMatch": 1}}),
    ] {
        assert!(Filter::parse(&filter).is_err(), "{filter}");
    }
}

#[test]
fn a_deeply_nested_filter_is_refused() {
    let mut filter = json!({"a": 1});
    for _ in 0..100 {
        filter = json!({"$and": [filter]});
    }
    assert!(matches!(
        Filter::parse(&filter),
        Err(ConditionError::TooDeep)
    ));
}

#[test]
fn a_path_of_numbers_enters_each_list_once() {
    let (mut record, mut depth) = (json!({"end": 1}), 0);
    while depth < 50 {
        record = json!({"0": [record]});
        depth += 1;
    }
    let path = |names: usize| vec!["0"; names].join(".");
    assert!(!matches(json!({path(75): 1}), &record));
    assert!(matches(json!({format!("{}.end", path(75)): 1}), &record));
}

#[test]
fn nested_element_matches_are_bounded() {
    let mut record = json!(1);
    for _ in 0..60 {
        record = json!([[record.clone()], {"0": [[record]]}]);
        if record.to_string().len() > 100_000 {
            break;
        }
    }
    let mut filter = json!({"0": {"$elemMatch": {"x": 1}}});
    for _ in 0..50 {
        filter = json!({"$or": [filter.clone(), {"0": {"$elemMatch": filter}}]});
        if filter.to_string().len() > 300_000 {
            break;
        }
    }
    let filter = Filter::parse(&filter).unwrap();
    let budget = Budget::new(budget::FILTER);
    assert!(!filter.selects(&record, &budget));
    assert!(budget.is_spent());
    assert!(!filter.matches(&record));
}

#[test]
fn a_negated_test_over_the_budget_does_not_hold() {
    let tags: Vec<u32> = (0..1_000).collect();
    let others: Vec<u32> = (1_000..4_000).collect();
    let record = json!({"tags": tags});
    assert!(matches(json!({"tags": {"$nin": others[..9]}}), &record));
    assert!(!matches(json!({"tags": {"$nin": others}}), &record));
}
