use super::*;
use crate::time::Timestamp;
use chrono::{DateTime, FixedOffset, SecondsFormat, TimeZone, Utc};
use proptest::prelude::*;

fn read(literal: &str) -> Option<i64> {
    Dates::read(json::Raw::new(literal)).map(Micros::get)
}

fn dates_of<'a>(literals: impl IntoIterator<Item = &'a str>) -> Dates {
    let mut dates = Dates::default();
    for literal in literals {
        dates.learn(json::Raw::new(literal));
    }
    dates
}

/// Microseconds of a time in UTC.
fn at(time: &str) -> Micros {
    Micros::new(
        DateTime::parse_from_rfc3339(time)
            .unwrap()
            .timestamp_micros(),
    )
}

/// 2026-04-25T10:00:00.123456Z
const AT: i64 = 1_777_111_200_123_456;

/// That instant in each format, and the format's precision.
const SHAPES: &[(&str, i64)] = &[
    (r#""2026-04-25T10:00:00Z""#, 1_000_000),
    (r#""2026-04-25T10:00:00z""#, 1_000_000),
    (r#""2026-04-25T10:00:00.123Z""#, 1000),
    (r#""2026-04-25T10:00:00,123Z""#, 1000),
    (r#""2026-04-25T10:00:00.123456Z""#, 1),
    (r#""2026-04-25T10:00:00.123456000Z""#, 1),
    (r#""2026-04-25t10:00:00.123456z""#, 1),
    (r#""2026-04-25 10:00:00.123456""#, 1),
    (r#""2026-04-25T10:00:00""#, 1_000_000),
    (r#""2026-04-25T10:00Z""#, 60_000_000),
    (r#""2026-04-25T12:00:00.123+02:00""#, 1000),
    (r#""2026-04-25T12:00:00.123+0200""#, 1000),
    (r#""2026-04-25 12:00:00.123456+02""#, 1),
    (r#""2026-04-25T10:00:00.123456+00:00""#, 1),
    (r#""2026-04-25T04:15:00.123-05:45""#, 1000),
    ("1777111200", 1_000_000),
    ("1777111200123", 1000),
    ("1777111200123456", 1),
    ("1777111200123456000", 1),
    ("1777111200.123", 1000),
    ("1777111200.123456", 1),
    ("1777111200123.456", 1),
    (r#""1777111200""#, 1_000_000),
    (r#""1777111200123""#, 1000),
    (r#""1777111200.123456""#, 1),
    (r#"{"$date":"2026-04-25T10:00:00.123Z"}"#, 1000),
    (r#"{"$date":1777111200123}"#, 1000),
    (r#"{"$date":{"$numberLong":"1777111200123"}}"#, 1000),
    (r#"{"$numberLong":"1777111200123"}"#, 1000),
    (r#"{"$numberLong":"1777111200"}"#, 1_000_000),
];

#[test]
fn every_format_is_read_rounded_down_and_written_back() {
    for (literal, unit) in SHAPES {
        let floor = AT - AT % unit;
        assert_eq!(read(literal), Some(floor), "{literal}");
        let mut dates = Dates::default();
        assert!(dates.learn(json::Raw::new(literal)), "{literal}");
        assert!(!dates.learn(json::Raw::new(literal)), "{literal}");
        assert_eq!(dates.write(Micros::new(AT)), *literal);
        assert_eq!(dates.floor(Micros::new(AT)), Micros::new(floor));
        assert_eq!(
            i64::try_from(dates.unit().as_micros()),
            Ok(*unit),
            "{literal}"
        );
        let stored = serde_json::to_string(&dates).unwrap();
        assert_eq!(serde_json::from_str::<Dates>(&stored).unwrap(), dates);
    }
}

#[test]
fn other_notations_of_an_instant_are_read() {
    for (literal, expected) in [
        (r#""2026-04-25""#, "2026-04-25T00:00:00Z"),
        (
            r#""2026-04-25T10:00:00.1234567Z""#,
            "2026-04-25T10:00:00.123456Z",
        ),
        (
            r#""2026-04-25T10:00:00.999999999Z""#,
            "2026-04-25T10:00:00.999999Z",
        ),
        (r#""2026-04-25T00:30:00+0100""#, "2026-04-24T23:30:00Z"),
        (
            r#""2026\u002d04-25T10:00:00\u005a""#,
            "2026-04-25T10:00:00Z",
        ),
        (r#""2016-12-31T23:59:60Z""#, "2016-12-31T23:59:59.999999Z"),
        (r#""2016-12-31T23:59:60.5Z""#, "2016-12-31T23:59:59.999999Z"),
        (r#""2024-02-29T00:00:00Z""#, "2024-02-29T00:00:00Z"),
        (r#""2000-02-29""#, "2000-02-29T00:00:00Z"),
        (r#""0001-01-01T00:00:00Z""#, "0001-01-01T00:00:00Z"),
        (
            r#""9999-12-31T23:59:59.999999Z""#,
            "9999-12-31T23:59:59.999999Z",
        ),
        ("0", "1970-01-01T00:00:00Z"),
        ("-1", "1969-12-31T23:59:59Z"),
        ("-1.5", "1969-12-31T23:59:58.5Z"),
        ("-0.0000001", "1969-12-31T23:59:59.999999Z"),
        ("-1777111200123", "1913-09-08T13:59:59.877Z"),
        ("1.777111200123e9", "2026-04-25T10:00:00.123Z"),
        ("1.777111200123E+12", "2026-04-25T10:00:00.123Z"),
        ("17771112001230e-1", "2026-04-25T10:00:00.123Z"),
        (
            "1777111200.1239999999999999999999999999999999999",
            "2026-04-25T10:00:00.123999Z",
        ),
        ("99999999999", "5138-11-16T09:46:39Z"),
        ("100000000000", "1973-03-03T09:46:40Z"),
        ("100000000000000", "1973-03-03T09:46:40Z"),
        ("100000000000000000", "1973-03-03T09:46:40Z"),
        (r#"{"$date":0}"#, "1970-01-01T00:00:00Z"),
        (r#"{"$date":1777111200}"#, "1970-01-21T13:38:31.2Z"),
        (
            r#"{ "$date" : "2026-04-25T12:00:00+02:00" }"#,
            "2026-04-25T10:00:00Z",
        ),
        (
            r#"{"$date":{"$numberLong":"-1"}}"#,
            "1969-12-31T23:59:59.999Z",
        ),
    ] {
        assert_eq!(read(literal), Some(at(expected).get()), "{literal}");
    }
}

#[test]
fn other_values_are_not_dates_and_change_nothing() {
    for literal in [
        "null",
        "true",
        "[]",
        "{}",
        r#""""#,
        r#"" ""#,
        r#""soon""#,
        r#""2026""x"#,
        r#"[1777111200]"#,
        "",
        r#""2026-13-01""#,
        r#""2026-00-01""#,
        r#""2026-02-30""#,
        r#""2026-02-29""#,
        r#""1900-02-29""#,
        r#""2026-04-31""#,
        r#""2026-04-00""#,
        r#""0000-01-01""#,
        r#""2026-4-5""#,
        r#""2026-04-25T""#,
        r#""2026-04-25Z""#,
        r#""2026-04-25T24:00:00Z""#,
        r#""2026-04-25T10:60:00Z""#,
        r#""2026-04-25T10:00:61Z""#,
        r#""2026-04-25T10:00:00.Z""#,
        r#""2026-04-25T10:00:00.1234567890Z""#,
        r#""2026-04-25T10:00:00+24:00""#,
        r#""2026-04-25T10:00:00+02:60""#,
        r#""2026-04-25T10:00:00+2""#,
        r#""2026-04-25T10:00:00*02:00""#,
        r#""2026-04-25T10:00:00Z ""#,
        r#""2026-04-25_10:00:00Z""#,
        r#""2026-04-25T10:00:""#,
        r#""20é6-04-25""#,
        r#""1e""#,
        r#""1.""#,
        r#"".5""#,
        r#""--1""#,
        r#""+1""#,
        r#""-""#,
        "-",
        "1e999999999999",
        "1e99",
        "99999999999999999999999999999",
        r#"{"$date":null}"#,
        r#"{"$date":{"$date":1}}"#,
        r#"{"$date":[]}"#,
        r#"{"$numberLong":1}"#,
        r#"{"$numberLong":"x"}"#,
        r#"{"$oid":"1"}"#,
        "NaN",
        "-Infinity",
    ] {
        assert_eq!(read(literal), None, "{literal}");
        let mut dates = Dates::default();
        assert!(!dates.learn(json::Raw::new(literal)), "{literal}");
        assert_eq!(dates, Dates::default());
    }
}

#[test]
fn before_the_first_date_a_bound_has_the_default_format() {
    let dates = Dates::default();
    assert_eq!(dates.unit(), Duration::from_millis(1));
    assert_eq!(
        dates.write(at("2026-04-25T00:00:00Z")),
        r#""2026-04-25T00:00:00Z""#
    );
    assert_eq!(
        dates.write(Micros::new(AT)),
        r#""2026-04-25T10:00:00.123Z""#
    );
}

/// Dates from a server, an instant, and the bound for it.
#[test]
fn a_bound_is_the_smallest_of_the_forms_seen() {
    for (sent, time, bound) in [
        // Text with a fraction sorts before a `Z`, so the bound has zeros.
        (
            &["2026-04-25T00:00:00.123Z"][..],
            "2026-04-25T00:00:00Z",
            "2026-04-25T00:00:00.000Z",
        ),
        (
            &[
                "2026-04-25T00:00:00Z",
                "2026-04-25T00:00:00.5Z",
                "2026-04-25T00:00:00.123456Z",
            ],
            "2026-04-25T00:00:01Z",
            "2026-04-25T00:00:01.000000Z",
        ),
        // It sorts after an offset and after the end of the text, so the bound omits what the server may omit.
        (
            &[
                "2026-04-25T00:00:00+00:00",
                "2026-04-25T00:00:00.123456+00:00",
            ],
            "2026-04-25T00:00:01Z",
            "2026-04-25T00:00:01+00:00",
        ),
        (
            &[
                "2026-04-25T00:00:00+00:00",
                "2026-04-25T00:00:00.123456+00:00",
            ],
            "2026-04-25T00:00:01.5Z",
            "2026-04-25T00:00:01.500000+00:00",
        ),
        (
            &["2026-04-25T00:00:00", "2026-04-25T00:00:00.123456"],
            "2026-04-25T00:00:01Z",
            "2026-04-25T00:00:01",
        ),
        (
            &["2026-04-25T00:00:00.123456+00:00"],
            "2026-04-25T00:00:01Z",
            "2026-04-25T00:00:01.000000+00:00",
        ),
        (
            &["2026-04-25T00:00:00.12+00", "2026-04-25T00:00:00.123+00"],
            "2026-04-25T00:00:01.5Z",
            "2026-04-25T00:00:01.5+00",
        ),
        (
            &["2026-04-25T00:00:00,123-05:00", "2026-04-25T00:00:00-05:00"],
            "2026-04-25T05:00:01Z",
            "2026-04-25T00:00:01,000-05:00",
        ),
        (
            &["2026-04-25T10:00", "2026-04-25T10:00:01.5"],
            "2026-04-25T10:00:00Z",
            "2026-04-25T10:00",
        ),
        // The westernmost zone gives the smallest text.
        (
            &["2026-04-25T00:00:00+02:00", "2026-01-25T00:00:00+01:00"],
            "2026-04-25T10:00:00Z",
            "2026-04-25T11:00:00+01:00",
        ),
        (
            &["2026-04-25T00:00:00Z", "2026-01-25T00:00:00+00:00"],
            "2026-04-25T10:00:00Z",
            "2026-04-25T10:00:00+00:00",
        ),
        (
            &["2026-04-25T00:00:00Z", "2026-01-25 00:00:00Z"],
            "2026-04-25T10:00:00Z",
            "2026-04-25 10:00:00Z",
        ),
        (&["2026-04-25"], "2026-04-25T10:00:00Z", "2026-04-25"),
        // A server that writes seconds gets seconds.
        (
            &["2026-04-25T00:00:00Z"],
            "2026-04-25T10:00:00.999Z",
            "2026-04-25T10:00:00Z",
        ),
    ] {
        let literals: Vec<String> = sent.iter().map(|date| format!("\"{date}\"")).collect();
        let dates = dates_of(literals.iter().map(String::as_str));
        assert_eq!(dates.write(at(time)), format!("\"{bound}\""), "{sent:?}");
    }
}

#[test]
fn the_unit_never_gets_coarser_and_bounds_are_exact_to_it() {
    let mut dates = Dates::default();
    for (literal, unit) in [
        (r#""2026-04-25""#, DAY),
        (r#""2026-04-25T10:00:00Z""#, SECOND),
        (r#""2026-04-25T10:00:00.1Z""#, 1000),
        ("1777111200", 1000),
        (r#""2026-04-25T10:00:00.1234Z""#, 1),
        (r#""2026-04-25T10:00:00Z""#, 1),
    ] {
        dates.learn(json::Raw::new(literal));
        assert_eq!(
            dates.unit(),
            Duration::from_micros(unit.unsigned_abs()),
            "{literal}"
        );
        let at = Micros::new(AT);
        assert_eq!(read(&dates.write(at)), Some(dates.floor(at).get()));
        assert_ne!(dates.write(at), dates.write(at + dates.unit()), "{literal}");
    }
}

#[test]
fn only_many_dates_of_another_kind_change_the_format() {
    let (text, number) = (
        json::Raw::new(r#""2026-04-25T10:00:00.123Z""#),
        json::Raw::new("1777111200123"),
    );
    let mut dates = Dates::default();
    for raw in [text, text, number, text] {
        dates.learn(raw);
    }
    assert_eq!(dates.write(Micros::new(AT)), text.text());
    assert_eq!((0..40).filter(|_| dates.learn(number)).count(), 1);
    assert_eq!(dates.write(Micros::new(AT)), number.text());
}

#[test]
fn alternatives_differ_and_keep_their_format() {
    let mut shown = dates_of([r#""2026-04-25T10:00:00.123Z""#]);
    let asked = |dates: &Dates| -> Vec<String> {
        let alternatives = dates.alternatives().into_iter();
        alternatives.map(|it| it.write(Micros::new(AT))).collect()
    };
    assert_eq!(
        asked(&shown),
        [
            r#"{"$date":"2026-04-25T10:00:00.123Z"}"#,
            "1777111200123",
            "1777111200.123",
            r#"{"$date":{"$numberLong":"1777111200123"}}"#,
        ]
    );
    for (literal, _) in SHAPES {
        let dates = dates_of([*literal]);
        assert!(
            !asked(&dates).contains(&dates.write(Micros::new(AT))),
            "{literal}"
        );
    }
    shown = shown.alternatives().swap_remove(0);
    for _ in 0..40 {
        shown.learn(json::Raw::new(r#""2026-04-25T10:00:00.5+02:00""#));
    }
    assert_eq!(
        shown.write(at("2026-04-25T00:00:00Z")),
        r#"{"$date":"2026-04-25T00:00:00.000Z"}"#
    );
}

#[test]
fn the_earliest_and_latest_instants_are_written_as_valid_json() {
    for (literal, _) in SHAPES {
        let dates = dates_of([*literal]);
        for instant in [
            Micros::MIN,
            Micros::MAX,
            Micros::MIN + Duration::from_micros(1),
            Micros::default(),
        ] {
            for dates in dates.alternatives().iter().chain([&dates]) {
                assert!(json::is_json(dates.write(instant).as_bytes()), "{literal}");
            }
        }
    }
    let dates = dates_of([r#""2026-04-25T10:00:00.123Z""#]);
    assert_eq!(dates.write(Micros::MIN), r#""0001-01-01T00:00:00.000Z""#);
    assert_eq!(dates.write(Micros::MAX), r#""9999-12-31T23:59:59.999Z""#);
}

#[test]
fn unknown_members_are_ignored_and_damaged_values_do_not_panic() {
    let dates: Dates = serde_json::from_str(r#"{"unit":1000,"since":"tomorrow"}"#).unwrap();
    assert_eq!(dates.unit(), Duration::from_millis(1));
    for damaged in [
        r#"{"unit":0,"levels":65535,"signs":255,"offset":-32768,"notations":255}"#,
        r#"{"unit":-7,"levels":32768,"offset":32767,"notations":1,"votes":255}"#,
        r#"{"unit":7,"levels":1,"offset":61,"notations":16,"kind":{"wrap":"plain","content":"zoned"}}"#,
        r#"{"unit":86400000000,"levels":61440,"kind":{"wrap":"long","content":{"number":"nanos"}}}"#,
    ] {
        let mut dates: Dates = serde_json::from_str(damaged).unwrap();
        for instant in [Micros::MIN, Micros::MAX, Micros::new(AT)] {
            assert!(json::is_json(dates.write(instant).as_bytes()), "{damaged}");
        }
        dates.learn(json::Raw::new("1777111200"));
        dates.write(Micros::new(AT));
    }
}

/// How a server writes dates as text.
#[derive(Clone, Debug)]
struct TextServer {
    between: char,
    mark: char,
    zone: &'static str,
    offset: i64,
    /// Minimum and maximum number of fractional digits.
    digits: (usize, usize),
    /// Writes either the minimum or the maximum number of digits, as Python does.
    is_all_or_least: bool,
}

impl TextServer {
    fn write(&self, at: i64) -> String {
        let local = at + self.offset * MINUTE;
        let time = Utc.timestamp_micros(local).unwrap();
        let digits = format!("{:06}000", local.rem_euclid(SECOND));
        let digits = &digits[..self.digits.1];
        let needed = digits.trim_end_matches('0').len();
        let digits = match needed {
            needed if needed <= self.digits.0 => &digits[..self.digits.0],
            _ if self.is_all_or_least => digits,
            needed => &digits[..needed],
        };
        let mark = if digits.is_empty() {
            String::new()
        } else {
            self.mark.to_string()
        };
        let (date, of_day) = (time.format("%Y-%m-%d"), time.format("%H:%M:%S"));
        format!(
            "\"{date}{}{of_day}{mark}{digits}{}\"",
            self.between, self.zone
        )
    }
}

fn text_server() -> impl Strategy<Value = TextServer> {
    let zone = prop::sample::select(vec![
        ("Z", 0),
        ("z", 0),
        ("", 0),
        ("+00:00", 0),
        ("+00", 0),
        ("+0530", 330),
        ("-05:00", -300),
        ("+02", 120),
    ]);
    let digits = (0_usize..=9, 0_usize..=9).prop_map(|(a, b)| (a.min(b), a.max(b)));
    (
        prop::sample::select(vec!['T', 't', ' ']),
        prop::sample::select(vec!['.', ',']),
        zone,
        digits,
        any::<bool>(),
    )
        .prop_map(
            |(between, mark, (zone, offset), digits, is_all_or_least)| TextServer {
                between,
                mark,
                zone,
                offset,
                digits,
                is_all_or_least,
            },
        )
}

/// Instants close to each other, many of them on whole seconds or tenths.
fn instants() -> impl Strategy<Value = Vec<i64>> {
    let instant = (
        0_i64..3,
        prop_oneof![
            Just(1),
            Just(10),
            Just(1000),
            Just(100_000),
            Just(1_000_000)
        ],
        0..SECOND,
    )
        .prop_map(|(second, grain, micros)| {
            1_777_111_200_000_000 + second * SECOND + micros / grain * grain
        });
    prop::collection::vec(instant, 2..8)
}

proptest! {
    #[test]
    fn no_record_at_or_after_a_bound_is_before_it_as_time_or_as_text(
        server in text_server(), instants in instants()
    ) {
        let rows: Vec<String> = instants.iter().map(|at| server.write(*at)).collect();
        let dates = dates_of(rows.iter().map(String::as_str));
        for at in instants.iter().flat_map(|at| [*at, at - 1, at + 1, at - at % 1000, at - at % SECOND]) {
            let bound = dates.write(Micros::new(at));
            prop_assert_eq!(read(&bound), Some(dates.floor(Micros::new(at)).get()));
            prop_assert!(read(&bound) <= Some(at));
            for row in rows.iter().filter(|row| read(row) >= Some(at)) {
                // Compared without the quotes, because a server compares the texts inside them.
                let (bound, row) = (bound.trim_matches('"'), row.trim_matches('"'));
                prop_assert!(bound <= row, "{bound} <= {row}");
            }
        }
    }

    #[test]
    fn a_bound_at_a_known_record_matches_it(server in text_server(), instants in instants()) {
        let mut dates = Dates::default();
        for at in instants {
            let row = server.write(at);
            dates.learn(json::Raw::new(&row));
            let at = read(&row).unwrap();
            let bound = dates.write(Micros::new(at));
            prop_assert_eq!(read(&bound), Some(at));
            prop_assert!(bound.trim_matches('"') <= row.trim_matches('"'), "{bound} <= {row}");
        }
    }

    #[test]
    fn the_bound_of_a_number_is_not_above_it(micros in -4_000_000_000_000_000_i64..4_000_000_000_000_000, shape in prop::sample::select(SHAPES)) {
        let dates = dates_of([shape.0]);
        let at = Micros::new(micros);
        // Near the limits between units, a bound is still a number in the same unit.
        if micros.abs() >= 100_000_000_000_000 && !shape.0.contains('T') {
            prop_assert_eq!(read(&dates.write(at)), Some(dates.floor(at).get()), "{}", dates.write(at));
        }
        prop_assert!(dates.floor(at) <= at);
    }

    #[test]
    fn a_date_is_read_as_chrono_reads_it(
        seconds in -62_135_596_800_i64..253_402_300_800, nanos in 0_u32..1_000_000_000, offset in -1439_i32..1440, digits in 0_usize..4
    ) {
        let offset = FixedOffset::east_opt(offset * 60).unwrap();
        let time = DateTime::<Utc>::from_timestamp(seconds, nanos).unwrap().with_timezone(&offset);
        let digits = [SecondsFormat::Secs, SecondsFormat::Millis, SecondsFormat::Micros, SecondsFormat::Nanos][digits];
        let text = time.to_rfc3339_opts(digits, nanos.is_multiple_of(2));
        let expected = DateTime::parse_from_rfc3339(&text).ok().map(|it| it.timestamp_micros());
        if !text.starts_with("0000") && !text.starts_with(['+', '-']) {
            prop_assert_eq!(read(&format!("\"{text}\"")), expected, "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_without_panic_and_gives_valid_bounds(text in "[\"{}$:,\\[\\]0-9TZ+.eE \\\\é-]{0,32}|\\PC{0,12}", number in "-?[0-9]{0,40}(\\.[0-9]{0,40})?([eE][+-]?[0-9]{0,12})?") {
        for literal in [text.clone(), number.clone(), format!("\"{text}\""), format!("\"{number}\""), format!("{{\"$date\":{text}}}"), format!("{{\"$date\":{number}}}")] {
            let mut dates = Dates::default();
            let raw = json::Raw::new(&literal);
            prop_assert_eq!(dates.learn(raw), Dates::read(raw).is_some());
            prop_assert!(json::is_json(dates.write(Micros::new(AT)).as_bytes()));
            prop_assert_eq!(&serde_json::from_str::<Dates>(&serde_json::to_string(&dates).unwrap()).unwrap(), &dates);
        }
    }

    #[test]
    fn a_fractional_number_of_seconds_is_read_to_the_microsecond(seconds in -90_000_000_000_f64..90_000_000_000_f64) {
        let text = format!("{seconds:?}");
        let found = read(&text).unwrap();
        prop_assert!((found as f64 - seconds * 1e6).abs() <= 16.0, "{} {}", text, found);
    }
}

#[test]
fn a_timestamp_is_read_back() {
    let text = format!("\"{}\"", Timestamp::from_millis(AT / 1000));
    assert_eq!(read(&text), Some(AT / 1000 * 1000));
}
