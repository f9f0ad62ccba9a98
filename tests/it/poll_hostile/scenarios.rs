//! The table of scenarios: one server per row, named after its difficulty. A new row is a new test.
//!
//! In each scenario, a file gets every record exactly once, whenever the poller is killed. A pipe gets every record, and each kill
//! repeats at most one page.

use std::time::Duration;

use super::data::{Change, Churn, Data, Keys};
use super::dates::{Compared, HOUR, Micros, Shape};
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

/// The first responses of each process are the last one of the process before, which was killed.
const fn cached(replays: usize, scenario: Scenario) -> Scenario {
    Scenario {
        replays,
        kills: 5,
        kill_within: 9,
        ..scenario
    }
}

const EXCLUDES: Quirks = Quirks {
    gte_excludes: true,
    ..OBEDIENT
};

// Outdated responses, after a kill and otherwise.
scenarios! {
    a_cached_response_after_each_kill: cached(1, PLAIN);
    a_cached_response_after_each_kill_and_nothing_changes: cached(1, Scenario { churn: Churn::NONE, ..PLAIN });
    two_cached_responses_after_each_kill: cached(2, WILD);
    many_cached_responses_after_each_kill: cached(12, PLAIN);
    a_cached_response_after_each_kill_within_ties: cached(1, Scenario { data: FEW_INSTANTS, ..PLAIN });
    a_cached_response_after_each_kill_within_a_large_tie: cached(1, Scenario {
        data: ONE_INSTANT,
        ..quirky(Quirks { cap: 50, ..OBEDIENT })
    });
    a_cached_response_after_each_kill_where_less_than_is_refused: cached(1, quirky(Quirks {
        missing: &["$lt"],
        ..OBEDIENT
    }));
    a_cached_response_after_each_kill_where_less_than_is_ignored: cached(1, quirky(Quirks {
        missing: &["$lt"],
        missing_is: Missing::Ignored,
        ..OBEDIENT
    }));
    a_cached_response_after_each_kill_where_the_sort_descends: cached(1, quirky(Quirks {
        sort: Sort::AlwaysDescending,
        ..OBEDIENT
    }));
    a_cached_response_after_each_kill_with_strategy_desc: cached(1, Scenario { flags: &["--strategy", "desc"], ..PLAIN });
    a_cached_response_after_each_kill_with_strategy_pages: cached(1, Scenario { flags: &["--strategy", "pages"], ..PLAIN });
    a_cached_response_after_each_kill_of_a_pipe: cached(1, Scenario { to: To::Pipe, churn: PIPED, ..PLAIN });
    a_cached_response_after_each_kill_on_text_dates: cached(1, Scenario {
        churn: Churn::MILD,
        ..dated(Shape::Seconds, Compared::AsText)
    });
    a_cached_response_after_each_kill_and_pages_come_twice: cached(1, failing(&[Plan::every(5, Fault::Duplicate)]));
    // The next page was requested before the process ended within a page.
    a_cached_response_after_each_maximum: Scenario {
        runs: Runs::UntilQuiet,
        flags: &["--max", "30"],
        replays: 1,
        ..CALM
    };
    a_cached_response_after_each_maximum_while_everything_changes: Scenario {
        runs: Runs::UntilQuiet,
        flags: &["--max", "30"],
        replays: 1,
        kills: 2,
        ..WILD
    };
    a_cached_response_after_each_maximum_within_a_large_tie: Scenario {
        data: ONE_INSTANT,
        quirks: Quirks { cap: 50, ..OBEDIENT },
        runs: Runs::UntilQuiet,
        flags: &["--max", "70"],
        replays: 1,
        ..CALM
    };
    a_cached_response_after_each_maximum_where_less_than_is_refused: Scenario {
        quirks: Quirks { missing: &["$lt"], ..OBEDIENT },
        runs: Runs::UntilQuiet,
        flags: &["--max", "30"],
        replays: 1,
        ..CALM
    };
    a_replica_is_behind_and_the_poller_is_killed: Scenario {
        runs: Runs::UntilQuiet,
        kills: 4,
        ..failing(&[Plan::every(3, Fault::Stale(40)).times(12)])
    };
}

// Bounds that exclude what they should include, and the other way round.
scenarios! {
    the_lower_bound_is_excluded: Scenario { kills: 4, ..quirky(EXCLUDES) };
    the_lower_bound_is_excluded_while_everything_changes: Scenario { kills: 3, churn: Churn::WILD, ..quirky(EXCLUDES) };
    the_lower_bound_is_excluded_between_ties: Scenario { data: FEW_INSTANTS, kills: 3, ..quirky(EXCLUDES) };
    the_lower_bound_is_excluded_from_a_large_tie: Scenario {
        data: ONE_INSTANT,
        kills: 3,
        ..quirky(Quirks { cap: 50, ..EXCLUDES })
    };
    the_lower_bound_is_excluded_from_dates_in_seconds: Scenario {
        quirks: Quirks { shape: Shape::Seconds, ..EXCLUDES },
        kills: 2,
        ..dated(Shape::Seconds, Compared::AsTime)
    };
    the_lower_bound_is_excluded_from_text_dates: Scenario {
        quirks: Quirks { shape: Shape::Millis, compared: Compared::AsText, ..EXCLUDES },
        kills: 2,
        ..dated(Shape::Millis, Compared::AsText)
    };
    the_lower_bound_is_excluded_from_epoch_seconds: Scenario {
        quirks: Quirks { shape: Shape::EpochSeconds, ..EXCLUDES },
        kills: 2,
        ..dated(Shape::EpochSeconds, Compared::AsTime)
    };
    the_lower_bound_is_excluded_and_the_sort_descends: Scenario {
        kills: 2,
        ..quirky(Quirks { sort: Sort::AlwaysDescending, ..EXCLUDES })
    };
    the_lower_bound_is_excluded_with_strategy_desc: Scenario {
        flags: &["--strategy", "desc"],
        kills: 2,
        ..quirky(EXCLUDES)
    };
    the_lower_bound_is_excluded_with_strategy_pages: Scenario {
        flags: &["--strategy", "pages"],
        kills: 2,
        ..quirky(EXCLUDES)
    };
    the_lower_bound_is_excluded_and_responses_are_cached: cached(1, quirky(EXCLUDES));
    the_upper_bound_is_included: Scenario {
        data: FEW_INSTANTS,
        kills: 2,
        ..quirky(Quirks { lt_includes: true, cap: 40, ..OBEDIENT })
    };
    the_upper_bound_is_included_and_the_sort_descends: Scenario {
        kills: 2,
        ..quirky(Quirks { lt_includes: true, sort: Sort::AlwaysDescending, ..OBEDIENT })
    };
}

/// Every third response is a part of the records with these members beside it, or nothing.
macro_rules! reported {
    ($($name:ident: $members:expr;)+) => {
        scenarios! {
            $($name: Scenario {
                kills: 2,
                ..failing(&[
                    Plan::at(1, Fault::None($members)),
                    Plan::every(3, Fault::Half($members)),
                    Plan::every(7, Fault::None($members)),
                ])
            };)+
        }
    };
}

// Errors beside a list.
reported! {
    an_error_beside_half_of_the_records: r#""error":{"code":"E17","message":"the index is not complete"}"#;
    errors_of_graphql_beside_half_of_the_records: r#""errors":[{"message":"shard 3 did not answer","path":["data"]}]"#;
    errors_of_json_api_beside_half_of_the_records: r#""errors":[{"status":"503","title":"Unavailable"}],"meta":{}"#;
    a_status_code_beside_half_of_the_records: r#""statusCode":503,"message":"Service Unavailable""#;
    a_status_beside_half_of_the_records: r#""status":"error","message":"try again""#;
    a_timeout_of_elasticsearch_beside_half_of_the_records: r#""took":30000,"timed_out":true"#;
    failed_shards_beside_half_of_the_records: r#""timed_out":false,"_shards":{"total":5,"successful":4,"failed":1}"#;
    no_success_beside_half_of_the_records: r#""success":false"#;
    not_ok_beside_half_of_the_records: r#""ok":false"#;
    partial_results_beside_half_of_the_records: r#""partial":true"#;
}

scenarios! {
    partial_content_with_206: Scenario { kills: 2, ..failing(&[Plan::every(3, Fault::HalfWithStatus(206))]) };
    partial_content_with_207: Scenario { kills: 2, ..failing(&[Plan::every(3, Fault::HalfWithStatus(207))]) };
}

/// Before this request, the server's clock steps.
const fn stepping(clock_steps: &'static [(usize, Micros)]) -> Scenario {
    Scenario {
        clock_steps,
        kills: 3,
        ..PLAIN
    }
}

// The server's clock steps.
scenarios! {
    the_clock_goes_back_an_hour: stepping(&[(25, -HOUR)]);
    the_clock_goes_back_an_hour_while_everything_changes: Scenario { churn: Churn::WILD, ..stepping(&[(25, -HOUR)]) };
    the_clock_goes_back_and_forth: stepping(&[(20, -HOUR), (40, HOUR), (60, -2 * HOUR)]);
    the_clock_goes_ahead_a_day_and_back: stepping(&[(10, 24 * HOUR), (35, -24 * HOUR)]);
    the_clock_goes_back_during_the_first_scan: Scenario { kills: 0, ..stepping(&[(8, -HOUR)]) };
    the_clock_goes_back_and_the_sort_descends: Scenario {
        quirks: Quirks { sort: Sort::AlwaysDescending, ..OBEDIENT },
        ..stepping(&[(30, -HOUR)])
    };
    the_clock_goes_back_over_dates_in_seconds: Scenario {
        clock_steps: &[(25, -HOUR)],
        kills: 2,
        churn: Churn::MILD,
        ..dated(Shape::Seconds, Compared::AsTime)
    };
    the_clock_goes_back_while_the_poller_follows: Scenario { runs: Runs::Follow, ..stepping(&[(40, -HOUR)]) };
    single_responses_have_a_wrong_date: Scenario {
        kills: 3,
        ..failing(&[
            Plan::every(5, Fault::Date(-3600)),
            Plan::every(7, Fault::Date(86_400)),
            Plan::at(1, Fault::Date(1_000_000_000)),
        ])
    };
    the_first_date_is_far_ahead_and_a_record_is_from_2099: Scenario {
        data: Data { from_2099: true, ..Data::PLAIN },
        kills: 3,
        // A wrong clock allows the frontier to move to the record's date. The next scan moves it back.
        clock_steps: &[(1_000_000, 0)],
        ..failing(&[Plan::at(1, Fault::Date(100 * 365 * 86_400)), Plan::at(2, Fault::Date(100 * 365 * 86_400))])
    };
}

// Extreme values.
scenarios! {
    totals_that_no_server_can_have: Scenario {
        kills: 2,
        ..failing(&[
            Plan::every(2, Fault::With("\"total\":18446744073709551615")),
            Plan::every(3, Fault::With("\"total\":-1")),
            Plan::every(5, Fault::With("\"total\":1e400")),
            Plan::every(7, Fault::With("\"total\":99999999999999999999999")),
        ])
    };
    dates_of_the_server_from_year_1_to_9999: Scenario {
        kills: 2,
        ..failing(&[
            Plan::every(4, Fault::Date(249_000_000_000)),
            Plan::every(5, Fault::Date(-63_000_000_000)),
            Plan::every(6, Fault::Date(-1_700_000_000)),
        ])
    };
    a_wait_that_is_negative: failing(&[Plan::every(6, Fault::TooMany(RetryAfter::Text("-30")))]);
    a_wait_that_is_no_number: failing(&[Plan::every(6, Fault::TooMany(RetryAfter::Text("a moment")))]);
    a_wait_until_the_year_1: failing(&[Plan::every(6, Fault::TooMany(RetryAfter::Text("Mon, 01 Jan 0001 00:00:00 GMT")))]);
}

// Content that is not plain JSON in UTF-8, and dates with names.
scenarios! {
    responses_are_compressed: Scenario {
        kills: 2,
        ..failing(&[
            Plan::every(2, Fault::Gzip { with_header: true }),
            Plan::every(3, Fault::Gzip { with_header: false }),
        ])
    };
    responses_begin_with_a_byte_order_mark: Scenario { kills: 2, ..failing(&[Plan::every(2, Fault::ByteOrderMark)]) };
    responses_are_in_latin_1_now_and_then: Scenario { kills: 2, ..failing(&[Plan::every(4, Fault::Latin1)]) };
    responses_are_compressed_cached_and_partial: cached(1, failing(&[
        Plan::every(3, Fault::Gzip { with_header: true }),
        Plan::every(4, Fault::Half("\"partial\":true")),
    ]));
    dates_with_names_of_months: Scenario { kills: 2, ..dated(Shape::Rfc2822, Compared::AsTime) };
    dates_with_names_of_months_and_a_lower_bound_that_is_excluded: Scenario {
        quirks: Quirks { shape: Shape::Rfc2822, ..EXCLUDES },
        kills: 2,
        ..dated(Shape::Rfc2822, Compared::AsTime)
    };
}
