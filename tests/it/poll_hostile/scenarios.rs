//! The table of scenarios: one server per row, named after its difficulty. A new row is a new test.
//!
//! In each scenario, a file gets every record exactly once, whenever the poller is killed. A pipe gets every record, and each kill
//! repeats at most one page.

use std::time::Duration;

use super::data::{Change, Churn, Data, Keys};
use super::dates::{Compared, HOUR, Shape};
use super::driver::{Ends, Form, Runs, Scenario, To};
use super::faults::{Fault, Plan, RetryAfter};
use super::query::{Missing, Paging, Quirks, Sort};
use super::response::{Envelope, Style};

macro_rules! scenarios {
    ($($(#[$doc:meta])* $name:ident: $scenario:expr;)+) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                const SCENARIO: Scenario = $scenario;
                SCENARIO.run(stringify!($name));
            }
        )+
    };
}

const PLAIN: Scenario = Scenario::PLAIN;
const WILD: Scenario = Scenario {
    churn: Churn::WILD,
    ..PLAIN
};
/// Nothing changes and nothing is killed, for scenarios about the format of responses.
const CALM: Scenario = Scenario {
    churn: Churn::NONE,
    kills: 0,
    ..PLAIN
};
/// Several pages of records that share one instant.
const ONE_INSTANT: Data = Data {
    records: 400,
    instants: 1,
    ..Data::PLAIN
};
const FEW_INSTANTS: Data = Data {
    instants: 5,
    ..Data::PLAIN
};
const OBEDIENT: Quirks = Quirks::NONE;

const fn churning(mix: &'static [(Change, u32)]) -> Churn {
    Churn {
        per_request: 4,
        budget: 120,
        mix,
        ..Churn::NONE
    }
}

/// A scenario with quirks.
const fn quirky(quirks: Quirks) -> Scenario {
    Scenario { quirks, ..PLAIN }
}

/// A scenario with faults on the wire.
const fn failing(faults: &'static [Plan]) -> Scenario {
    Scenario { faults, ..PLAIN }
}

/// Every kind of change, with dates in one format. A clock with full seconds dates records up to a second back.
const fn dated(shape: Shape, compared: Compared) -> Scenario {
    Scenario {
        quirks: Quirks {
            shape,
            compared,
            ..OBEDIENT
        },
        data: Data {
            instants: 20,
            ..Data::PLAIN
        },
        lookback: "3s",
        ..WILD
    }
}

scenarios! {
    no_difficulty: CALM;
    updates_and_inserts_while_reading: PLAIN;
    everything_at_once: WILD;
    everything_at_once_and_six_kills: Scenario { kills: 6, kill_within: 8, ..WILD };
    an_empty_collection_that_fills: Scenario { data: Data { records: 0, ..Data::PLAIN }, kills: 0, ..PLAIN };
    one_record_a_page: Scenario { data: Data { records: 40, ..Data::PLAIN }, page_size: 1, ..PLAIN };
}

// Records that share a date.
scenarios! {
    ties_come_in_another_order_each_time: Scenario {
        data: FEW_INSTANTS,
        ..quirky(Quirks { sort: Sort::TiesShuffled, ..OBEDIENT })
    };
    a_tie_is_larger_than_a_page: Scenario { data: ONE_INSTANT, kills: 3, ..PLAIN };
    a_tie_is_larger_than_a_page_and_than_a_big_page: Scenario {
        data: ONE_INSTANT,
        kills: 2,
        ..quirky(Quirks { cap: 50, ..OBEDIENT })
    };
    a_large_tie_comes_in_another_order_each_time: Scenario {
        data: ONE_INSTANT,
        kills: 2,
        ..quirky(Quirks { sort: Sort::TiesShuffled, cap: 50, ..OBEDIENT })
    };
    a_large_tie_where_less_than_is_refused: Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { missing: &["$lt"], cap: 50, ..OBEDIENT })
    };
    a_large_tie_where_less_than_is_ignored: Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { missing: &["$lt"], missing_is: Missing::Ignored, cap: 50, ..OBEDIENT })
    };
    a_large_tie_where_greater_than_is_refused: Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { missing: &["$gt"], cap: 50, ..OBEDIENT })
    };
    a_large_tie_where_paging_is_ignored: Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { paging: Paging::Ignored, cap: 50, ..OBEDIENT })
    };
    bulk_updates_stamp_many_records_alike: Scenario {
        churn: churning(&[(Change::Restamp(150), 1), (Change::Update, 20)]),
        kills: 2,
        ..PLAIN
    };
    bulk_updates_in_full_seconds: Scenario {
        churn: churning(&[(Change::Restamp(150), 1), (Change::Update, 20)]),
        lookback: "3s",
        ..quirky(Quirks { shape: Shape::Seconds, cap: 50, ..OBEDIENT })
    };
}

// Clocks.
scenarios! {
    records_are_committed_late: Scenario {
        churn: churning(&[(Change::Late, 2), (Change::Update, 1)]),
        kills: 2,
        ..PLAIN
    };
    clocks_run_behind_each_other: Scenario {
        churn: churning(&[(Change::Jitter, 2), (Change::Update, 2)]),
        kills: 2,
        ..PLAIN
    };
    records_go_back_and_forth_within_an_instant: Scenario {
        churn: churning(&[(Change::BackAndForth, 1)]),
        kills: 2,
        ..PLAIN
    };
    a_record_is_from_2099: Scenario {
        data: Data { from_2099: true, records: 100, ..Data::PLAIN },
        churn: Churn::WILD,
        kills: 2,
        ..PLAIN
    };
    a_record_from_2099_comes_first: Scenario {
        data: Data { from_2099: true, ..Data::PLAIN },
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    the_deployments_clock_is_hours_ahead: Scenario { clock_offset: 5 * HOUR, ..WILD };
    the_deployments_clock_is_hours_behind: Scenario { clock_offset: -5 * HOUR, ..WILD };
    the_deployment_knows_its_dates_finer_than_it_writes_them: Scenario {
        data: Data { hidden_micros: true, ..FEW_INSTANTS },
        ..WILD
    };
    the_deployment_knows_its_dates_much_finer_than_it_writes_them: Scenario {
        data: Data { hidden_micros: true, ..FEW_INSTANTS },
        lookback: "3s",
        ..Scenario { churn: Churn::WILD, ..quirky(Quirks { shape: Shape::Seconds, ..OBEDIENT }) }
    };
}

// Formats of dates, and how the server compares them.
scenarios! {
    dates_in_seconds: dated(Shape::Seconds, Compared::AsTime);
    dates_in_milliseconds: dated(Shape::Millis, Compared::AsTime);
    dates_in_microseconds: dated(Shape::Micros, Compared::AsTime);
    dates_as_python_writes_them: dated(Shape::Python, Compared::AsTime);
    dates_with_an_offset: dated(Shape::Offset, Compared::AsTime);
    dates_without_a_zone: dated(Shape::Naive, Compared::AsTime);
    dates_as_epoch_milliseconds: dated(Shape::EpochMillis, Compared::AsTime);
    dates_as_epoch_seconds: dated(Shape::EpochSeconds, Compared::AsTime);
    dates_wrapped_in_an_object: dated(Shape::Wrapped, Compared::AsTime);
    text_dates_in_seconds: dated(Shape::Seconds, Compared::AsText);
    text_dates_in_milliseconds: dated(Shape::Millis, Compared::AsText);
    text_dates_in_microseconds: dated(Shape::Micros, Compared::AsText);
    text_dates_as_python_writes_them: dated(Shape::Python, Compared::AsText);
    text_dates_with_an_offset: dated(Shape::Offset, Compared::AsText);
    text_dates_without_a_zone: dated(Shape::Naive, Compared::AsText);
    text_dates_wrapped_in_an_object: dated(Shape::Wrapped, Compared::AsText);
    descending_dates_without_a_zone: Scenario {
        quirks: Quirks { sort: Sort::AlwaysDescending, ..dated(Shape::Naive, Compared::AsText).quirks },
        ..dated(Shape::Naive, Compared::AsText)
    };
    descending_epoch_seconds: Scenario {
        quirks: Quirks { sort: Sort::AlwaysDescending, ..dated(Shape::EpochSeconds, Compared::AsTime).quirks },
        ..dated(Shape::EpochSeconds, Compared::AsTime)
    };
    records_without_a_date_are_reported: Scenario { data: Data { undated: 12, ..Data::PLAIN }, ..PLAIN };
    records_without_a_date_are_included: Scenario {
        data: Data { undated: 12, ..Data::PLAIN },
        flags: &["--undated", "include"],
        selects: |_, _| true,
        ..PLAIN
    };
    more_records_without_a_date_than_a_page_holds: Scenario {
        data: Data { undated: 120, ..Data::PLAIN },
        flags: &["--undated", "include"],
        selects: |_, _| true,
        ..PLAIN
    };
}

// Parts of requests that the server ignores.
scenarios! {
    the_sort_is_ignored: Scenario { kills: 2, ..quirky(Quirks { sort: Sort::Ignored, ..OBEDIENT }) };
    the_sort_is_ignored_and_pages_begin_at_zero: quirky(Quirks {
        sort: Sort::Ignored,
        paging: Paging::FromZero,
        ..OBEDIENT
    });
    the_sort_is_ignored_and_pages_are_skips: Scenario {
        churn: Churn::WILD,
        ..quirky(Quirks { sort: Sort::Ignored, paging: Paging::Skip, ..OBEDIENT })
    };
    // Every page looks sorted, because all but a few records were created in the order of their dates.
    the_sort_is_ignored_and_no_page_shows_it: Scenario {
        data: Data { in_order: true, ..Data::PLAIN },
        churn: Churn::NONE,
        kills: 0,
        ..quirky(Quirks { sort: Sort::Ignored, ..OBEDIENT })
    };
    the_sort_always_descends: Scenario {
        churn: Churn::WILD,
        kills: 3,
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    the_sort_always_descends_over_large_ties: Scenario {
        data: FEW_INSTANTS,
        kills: 2,
        ..quirky(Quirks { sort: Sort::AlwaysDescending, cap: 40, ..OBEDIENT })
    };
    // A page of one instant is in every order, so it does not show that the server sorts.
    the_sort_always_descends_from_a_large_tie: Scenario {
        churn: Churn {
            per_request: 1,
            budget: 1,
            ..churning(&[(Change::Restamp(90), 1)])
        },
        kills: 0,
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    the_sort_always_descends_and_less_than_is_refused: quirky(Quirks {
        sort: Sort::AlwaysDescending,
        missing: &["$lt"],
        ..OBEDIENT
    });
    the_sort_always_descends_and_less_than_is_ignored: quirky(Quirks {
        sort: Sort::AlwaysDescending,
        missing: &["$lt"],
        missing_is: Missing::Ignored,
        ..OBEDIENT
    });
    the_sort_always_descends_and_paging_is_ignored: quirky(Quirks {
        sort: Sort::AlwaysDescending,
        paging: Paging::Ignored,
        ..OBEDIENT
    });
    the_filter_is_ignored: Scenario {
        kills: 2,
        ..quirky(Quirks { filter_ignored: true, ..OBEDIENT })
    };
    the_filter_is_ignored_and_pages_are_skips: Scenario {
        churn: Churn::WILD,
        ..quirky(Quirks { filter_ignored: true, paging: Paging::Skip, ..OBEDIENT })
    };
    the_filter_is_ignored_and_the_sort_descends: quirky(Quirks {
        filter_ignored: true,
        sort: Sort::AlwaysDescending,
        ..OBEDIENT
    });
    the_filter_and_the_sort_are_ignored: quirky(Quirks {
        filter_ignored: true,
        sort: Sort::Ignored,
        paging: Paging::FromZero,
        ..OBEDIENT
    });
    paging_is_ignored: Scenario { churn: Churn::WILD, ..quirky(Quirks { paging: Paging::Ignored, ..OBEDIENT }) };
    sort_bounds_and_paging_are_ignored: Scenario {
        ends: Ends::Refused,
        kills: 0,
        ..quirky(Quirks { sort: Sort::Ignored, filter_ignored: true, paging: Paging::Ignored, ..OBEDIENT })
    };
    sort_and_paging_are_ignored: Scenario {
        ends: Ends::Refused,
        kills: 0,
        ..quirky(Quirks { sort: Sort::Ignored, paging: Paging::Ignored, ..OBEDIENT })
    };
    bounds_and_paging_are_ignored: Scenario {
        ends: Ends::Refused,
        kills: 0,
        ..quirky(Quirks { filter_ignored: true, paging: Paging::Ignored, ..OBEDIENT })
    };
    pages_are_smaller_than_requested: Scenario { kills: 2, ..quirky(Quirks { cap: 17, ..OBEDIENT }) };
    a_larger_page_is_refused: Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { refuses_size_over: 50, ..OBEDIENT })
    };
    the_requested_page_size_is_refused: Scenario {
        page_size: 200,
        ..quirky(Quirks { refuses_size_over: 100, ..OBEDIENT })
    };
    deep_windows_are_refused: Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { deepest: 150, ..OBEDIENT })
    };
    deep_windows_are_refused_and_the_sort_descends: Scenario {
        data: FEW_INSTANTS,
        ..quirky(Quirks { deepest: 150, sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
}

// The wire.
scenarios! {
    too_many_requests_for_a_second: failing(&[Plan::at(4, TOO_MANY), Plan::at(11, TOO_MANY)]);
    too_many_requests_until_a_date: Scenario {
        clock_offset: -3 * HOUR,
        ..failing(&[Plan::at(4, Fault::TooMany(RetryAfter::Date(2)))])
    };
    too_many_requests_without_a_time: failing(&[Plan::every(5, Fault::TooMany(RetryAfter::Absent))]);
    the_first_response_is_too_many_requests: failing(&[Plan::at(1, TOO_MANY)]);
    requests_fail_with_5xx: failing(&[
        Plan::every(3, Fault::Status(503)),
        Plan::every(7, Fault::Status(500)),
        Plan::chance(0.1, Fault::Status(502)),
    ]);
    connections_are_reset: failing(&[Plan::every(4, Fault::ResetBefore), Plan::every(7, Fault::ResetMiddle)]);
    bodies_are_cut_short: failing(&[Plan::every(3, Fault::CutShort)]);
    bodies_in_chunks_are_cut_short: Scenario {
        style: Style { chunked: true, ..Style::PLAIN },
        ..failing(&[Plan::every(3, Fault::CutShort), Plan::every(7, Fault::ResetMiddle)])
    };
    json_is_cut: failing(&[Plan::every(3, Fault::CutJson)]);
    html_pages_come_with_200: failing(&[Plan::every(3, Fault::Html), Plan::at(1, Fault::Html)]);
    errors_come_with_200: failing(&[Plan::every(3, Fault::ErrorWith200), Plan::at(1, Fault::ErrorWith200)]);
    spurious_empty_pages: Scenario { churn: Churn::WILD, ..failing(&[Plan::every(3, Fault::Empty)]) };
    spurious_empty_pages_and_the_sort_is_ignored: Scenario {
        faults: &[Plan::every(4, Fault::Empty)],
        ..quirky(Quirks { sort: Sort::Ignored, ..OBEDIENT })
    };
    spurious_empty_pages_and_the_sort_descends: Scenario {
        faults: &[Plan::every(3, Fault::Empty)],
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    pages_come_twice: failing(&[Plan::every(4, Fault::Duplicate)]);
    pages_come_twice_where_the_sort_descends: Scenario {
        faults: &[Plan::every(4, Fault::Duplicate)],
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    pages_come_from_a_replica_that_is_behind: Scenario {
        // The lookback of the next run finds what the replica did not have yet.
        runs: Runs::UntilQuiet,
        churn: Churn::WILD,
        ..failing(&[Plan::every(4, Fault::Stale(25)).times(8)])
    };
    one_request_is_never_answered: Scenario {
        flags: &["--timeout", "1s"],
        ..failing(&[Plan::at(5, Fault::Silence)])
    };
    everything_fails_now_and_then: Scenario {
        churn: Churn::WILD,
        kills: 3,
        ..failing(&[
            Plan::chance(0.04, Fault::Status(503)),
            Plan::chance(0.04, Fault::ResetBefore),
            Plan::chance(0.04, Fault::ResetMiddle),
            Plan::chance(0.04, Fault::CutShort),
            Plan::chance(0.04, Fault::CutJson),
            Plan::chance(0.04, Fault::Html),
            Plan::chance(0.04, Fault::ErrorWith200),
            Plan::chance(0.04, Fault::Empty),
            Plan::chance(0.04, Fault::Duplicate),
        ])
    };
    faults_while_sort_and_filter_are_ignored: Scenario {
        kills: 2,
        faults: &[
            Plan::chance(0.1, Fault::Status(503)),
            Plan::chance(0.1, Fault::CutShort),
            Plan::chance(0.1, Fault::ErrorWith200),
            Plan::chance(0.05, Fault::Duplicate),
        ],
        ..quirky(Quirks { sort: Sort::Ignored, filter_ignored: true, cap: 30, ..OBEDIENT })
    };
}

const TOO_MANY: Fault = Fault::TooMany(RetryAfter::Seconds(1));

// Formats of responses and records.
scenarios! {
    an_array_without_an_envelope: enveloped(0);
    records_under_data: enveloped(1);
    records_under_items: enveloped(2);
    records_under_results: enveloped(3);
    records_under_records: enveloped(4);
    records_under_rows: enveloped(5);
    records_under_docs: enveloped(6);
    records_one_level_down: enveloped(7);
    neither_a_total_nor_a_next: Scenario {
        style: Style { total: false, has_next: false, ..Style::PLAIN },
        ..PLAIN
    };
    records_over_several_lines: Scenario { data: Data { pretty: true, ..Data::PLAIN }, ..PLAIN };
    a_field_that_always_changes: Scenario {
        style: Style { volatile: Some("fetched"), ..Style::PLAIN },
        flags: &["--ignore-field", "fetched"],
        ..WILD
    };
    fields_in_another_order_each_time: Scenario {
        style: Style { reordered: true, ..Style::PLAIN },
        ..WILD
    };
    keys_with_escapes: Scenario {
        data: Data { keys: Keys::Odd, ..ONE_INSTANT },
        ..quirky(Quirks { cap: 50, ..OBEDIENT })
    };
    keys_that_are_numbers: Scenario {
        data: Data { keys: Keys::Numbers, ..ONE_INSTANT },
        ..quirky(Quirks { cap: 50, ..OBEDIENT })
    };
    keys_named_id: Scenario { data: Data { key: "id", ..ONE_INSTANT }, ..PLAIN };
    keys_named_underscore_id: Scenario { data: Data { key: "_id", ..ONE_INSTANT }, ..PLAIN };
    keys_with_a_custom_name: Scenario {
        data: Data { key: "contactId", ..ONE_INSTANT },
        flags: &["--key", "contactId"],
        ..PLAIN
    };
}

/// A calm scenario with an envelope whose responses say whether more records follow.
const fn enveloped(n: usize) -> Scenario {
    Scenario {
        style: Style {
            envelope: Envelope::ALL[n],
            has_next: true,
            ..Style::PLAIN
        },
        data: Data {
            records: 120,
            ..Data::PLAIN
        },
        ..CALM
    }
}

// Output to a pipe. Without `BackAndForth`: a version that was printed but not committed before a kill may have been replaced since.
scenarios! {
    a_killed_pipe: Scenario { to: To::Pipe, kills: 4, kill_within: 8, churn: PIPED, ..PLAIN };
    a_killed_pipe_within_a_tie: Scenario { to: To::Pipe, kills: 4, kill_within: 8, data: ONE_INSTANT, ..PLAIN };
    a_killed_pipe_where_the_sort_descends: Scenario {
        to: To::Pipe,
        kills: 3,
        churn: PIPED,
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    a_killed_pipe_where_the_sort_is_ignored: Scenario {
        to: To::Pipe,
        kills: 3,
        ..quirky(Quirks { sort: Sort::Ignored, ..OBEDIENT })
    };
    a_pipe_without_a_kill: Scenario { to: To::Pipe, kills: 0, ..WILD };
    a_killed_pipe_of_envelopes: Scenario { to: To::Pipe, form: Form::Envelope, kills: 3, churn: PIPED, ..PLAIN };
    a_file_of_envelopes: Scenario { form: Form::Envelope, kills: 2, ..WILD };
    singer_messages: Scenario { to: To::Pipe, form: Form::Singer, kills: 0, ..PLAIN };
}

const PIPED: Churn = Churn {
    mix: &[
        (Change::Insert, 4),
        (Change::Update, 12),
        (Change::SoftDelete, 2),
        (Change::HardDelete, 2),
        (Change::Restamp(40), 1),
        (Change::Late, 3),
    ],
    ..Churn::WILD
};

// Options.
scenarios! {
    followed_into_a_file: Scenario { runs: Runs::Follow, kills: 3, ..WILD };
    followed_into_a_pipe: Scenario { runs: Runs::Follow, to: To::Pipe, kills: 2, churn: PIPED, ..PLAIN };
    followed_over_a_failing_wire: Scenario {
        runs: Runs::Follow,
        ..failing(&[Plan::every(5, Fault::Status(503)), Plan::every(7, Fault::Empty), Plan::every(9, Fault::CutShort)])
    };
    followed_while_the_sort_descends: Scenario {
        runs: Runs::Follow,
        churn: Churn::WILD,
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
    a_maximum_of_records_per_run: Scenario { runs: Runs::UntilQuiet, flags: &["--max", "70"], ..PLAIN };
    since_a_date: Scenario { since: Some(20 * HOUR), ..WILD };
    since_a_date_in_epoch_seconds: Scenario { since: Some(20 * HOUR), ..dated(Shape::EpochSeconds, Compared::AsTime) };
    since_a_date_where_the_filter_is_ignored: Scenario {
        since: Some(20 * HOUR),
        ..quirky(Quirks { filter_ignored: true, ..OBEDIENT })
    };
    only_records_that_match_a_query: Scenario {
        flags: &["--query", "{\"state\":\"active\"}"],
        churn: churning(&[(Change::Update, 2), (Change::SoftDelete, 1)]),
        selects: |content, _| content.at.is_some() && content.value["state"] == "active",
        ..PLAIN
    };
    only_records_that_match_a_query_within_a_tie: Scenario {
        flags: &["--query", "{\"amount\":{\"$lte\":100}}"],
        data: ONE_INSTANT,
        selects: |content, _| content.at.is_some() && content.value["amount"] == 100,
        ..quirky(Quirks { cap: 50, ..OBEDIENT })
    };
    strategy_desc: Scenario { flags: &["--strategy", "desc"], kills: 2, ..WILD };
    strategy_pages: Scenario { flags: &["--strategy", "pages"], kills: 2, ..PLAIN };
    strategy_asc: Scenario { flags: &["--strategy", "asc"], data: ONE_INSTANT, ..PLAIN };
    a_limited_rate_of_requests: Scenario { flags: &["--rate", "100/s"], ..PLAIN };
    late_commits_within_the_lookback: Scenario {
        churn: Churn {
            late_by: Duration::from_millis(1500),
            ..churning(&[(Change::Late, 1), (Change::Update, 1)])
        },
        lookback: "2s",
        kills: 2,
        ..PLAIN
    };
}
