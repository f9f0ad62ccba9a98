use proptest::prelude::*;

use super::*;

/// An owned [`Item`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Event(String, Option<String>, Vec<u8>),
    Retry(u64),
    Skipped(What, u64),
}

fn found(item: Item<'_>) -> Found {
    match item {
        Item::Event(event) => Found::Event(
            event.name.unwrap_or_default().to_owned(),
            event.id.filter(|_| event.has_own_id).map(str::to_owned),
            event.data.to_vec(),
        ),
        Item::Retry(wait) => Found::Retry(u64::try_from(wait.as_millis()).unwrap()),
        Item::Skipped(skipped) => Found::Skipped(skipped.what, skipped.bytes),
    }
}

fn read(parser: &mut Parser, pieces: &[&[u8]]) -> Vec<Found> {
    let mut items = Vec::new();
    for piece in pieces {
        let flow = parser.feed(piece, |item| {
            items.push(found(item));
            ControlFlow::<()>::Continue(())
        });
        assert!(flow.is_continue());
    }
    items
}

/// The items of one response in one piece.
fn items(input: impl AsRef<[u8]>) -> Vec<Found> {
    read(&mut Parser::new(1000, String::new()), &[input.as_ref()])
}

/// An event with neither name nor id.
fn event(data: impl AsRef<[u8]>) -> Found {
    Found::Event(String::new(), None, data.as_ref().to_vec())
}

fn id_after(input: &str) -> String {
    let mut parser = Parser::new(1000, "before".to_owned());
    read(&mut parser, &[input.as_bytes()]);
    parser.id().to_owned()
}

#[test]
fn the_examples_of_the_standard_are_parsed() {
    assert_eq!(
        items("data: YHOO\ndata: +2\ndata: 10\n\n"),
        [event("YHOO\n+2\n10")]
    );
    assert_eq!(
        items(
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
        ),
        [
            Found::Event(String::new(), Some("1".to_owned()), b"first event".to_vec()),
            event("second event"),
            event(" third event"),
        ]
    );
    assert_eq!(
        items("data\n\ndata\ndata\n\ndata:"),
        [event(""), event("\n")]
    );
    assert_eq!(
        items("data:test\n\ndata: test\n\n"),
        [event("test"), event("test")]
    );
}

#[test]
fn one_byte_order_mark_is_removed_from_the_response() {
    assert_eq!(items(b"\xEF\xBB\xBFdata: 1\n\n"), [event("1")]);
    assert_eq!(items(b"\xEF\xBB\xBF\xEF\xBB\xBFdata: 1\n\n"), []);
    assert_eq!(items(b"data: 1\n\n\xEF\xBB\xBFdata: 2\n\n"), [event("1")]);
}

#[test]
fn a_partial_byte_order_mark_is_part_of_the_line() {
    let mut parser = Parser::new(1000, String::new());
    let pieces: [&[u8]; 3] = [b"\xEF", b"\xBB", b"data: 1\n\ndata: 2\n\n"];
    assert_eq!(read(&mut parser, &pieces), [event("2")]);
}

#[test]
fn each_response_may_have_a_byte_order_mark() {
    let mut parser = Parser::new(1000, String::new());
    let response: &[u8] = b"\xEF\xBB\xBFdata: 1\n\n";
    assert_eq!(read(&mut parser, &[response]), [event("1")]);
    parser.restart();
    assert_eq!(read(&mut parser, &[response]), [event("1")]);
}

#[test]
fn lines_end_with_cr_lf_or_both() {
    for input in [
        "data: 1\n\ndata: 2\n\n",
        "data: 1\r\rdata: 2\r\r",
        "data: 1\r\n\r\ndata: 2\r\n\r\n",
        "data: 1\n\rdata: 2\r\n\n",
    ] {
        assert_eq!(items(input), [event("1"), event("2")], "{input:?}");
    }
}

#[test]
fn a_line_ending_split_over_pieces_is_one_line_ending() {
    let mut parser = Parser::new(1000, String::new());
    let pieces: [&[u8]; 5] = [b"data: 1\r", b"", b"\ndata: 2\r", b"\n\r", b"\n"];
    assert_eq!(read(&mut parser, &pieces), [event("1\n2")]);
}

#[test]
fn an_event_that_ends_with_cr_does_not_wait_for_the_next_byte() {
    assert_eq!(items("data: 1\r\r"), [event("1")]);
}

#[test]
fn comments_and_unknown_fields_are_ignored() {
    let input = ":\n: ping\n\n:data: no\nfoo: 1\nData: no\n data: no\ndata : no\ndata: 1\n\n";
    assert_eq!(items(input), [event("1")]);
}

#[test]
fn a_block_without_data_only_sets_id_and_retry() {
    assert_eq!(items("event: a\nid: 7\nretry: 5\n\n"), [Found::Retry(5)]);
    assert_eq!(id_after("id: 7\n\n"), "7");
}

#[test]
fn a_name_without_data_does_not_apply_to_the_next_event() {
    assert_eq!(items("event: a\n\ndata: 1\n\n"), [event("1")]);
}

#[test]
fn an_empty_name_is_ignored_and_the_last_name_wins() {
    assert_eq!(items("event: a\nevent:\ndata: 1\n\n"), [event("1")]);
    assert_eq!(
        items("event: a\nevent: b\ndata: 1\n\n"),
        [Found::Event("b".to_owned(), None, b"1".to_vec())]
    );
}

#[test]
fn retry_consists_of_digits() {
    for (value, expected) in [
        ("retry: 0", Some(0)),
        ("retry:250", Some(250)),
        ("retry: 007", Some(7)),
        ("retry: 99999999999999999999999999", Some(u64::MAX)),
        ("retry", None),
        ("retry:", None),
        ("retry: ", None),
        ("retry: +5", None),
        ("retry: -5", None),
        ("retry: 5 ", None),
        ("retry:  5", None),
        ("retry: 5.0", None),
        ("retry: 5e3", None),
        ("retry: ٣", None),
    ] {
        let expected: Vec<Found> = expected.into_iter().map(Found::Retry).collect();
        assert_eq!(items(format!("{value}\n")), expected, "{value}");
    }
}

#[test]
fn an_id_applies_until_another_or_an_empty_one() {
    for (input, expected) in [
        ("id: 1\ndata: a\n\ndata: b\n\n", "1"),
        ("id: 1\nid: 2\ndata: a\n\n", "2"),
        ("id: 1\ndata: a\n\nid\ndata: b\n\n", ""),
        ("id: 1\ndata: a\n\nid:\n\n", ""),
        ("id: \u{fc}\u{20ac}\n\n", "\u{fc}\u{20ac}"),
        ("id:  1\n\n", " 1"),
    ] {
        assert_eq!(id_after(input), expected, "{input:?}");
    }
}

#[test]
fn an_id_with_nul_is_ignored() {
    assert_eq!(id_after("id: 1\nid: 2\0\ndata: a\n\n"), "1");
    assert_eq!(id_after("id: \0\n\n"), "before");
}

#[test]
fn an_event_without_an_id_has_none() {
    let with_id = Found::Event(String::new(), Some("1".to_owned()), b"a".to_vec());
    assert_eq!(
        items("id: 1\ndata: a\n\ndata: b\n\n"),
        [with_id, event("b")]
    );
}

#[test]
fn an_unfinished_block_and_its_id_are_discarded() {
    let mut parser = Parser::new(1000, String::new());
    let first = b"id: 1\ndata: a\n\nid: 2\nevent: lost\ndata: b\n";
    assert_eq!(read(&mut parser, &[first]).len(), 1);
    parser.restart();
    assert_eq!(parser.id(), "1");
    assert_eq!(read(&mut parser, &[b"data: c\n\n"]), [event("c")]);
    assert_eq!(parser.id(), "1");
}

#[test]
fn the_id_of_the_previous_connection_survives_events_without_an_id() {
    assert_eq!(id_after("data: a\n\n"), "before");
}

#[test]
fn invalid_utf_8_is_replaced_in_names_and_ids_but_not_in_data() {
    let mut parser = Parser::new(1000, String::new());
    let input: &[u8] = b"event: a\xFF\nid: \xC3\ndata: \xFF\0\xC3\n\n";
    assert_eq!(
        read(&mut parser, &[input]),
        [Found::Event(
            "a\u{fffd}".to_owned(),
            Some("\u{fffd}".to_owned()),
            b"\xFF\0\xC3".to_vec()
        )]
    );
    assert_eq!(parser.id(), "\u{fffd}");
}

#[test]
fn data_in_one_line_is_borrowed_from_the_piece() {
    let piece = b"event: a\ndata: 12345\n\n".as_slice();
    let mut borrowed = false;
    let flow = Parser::new(1000, String::new()).feed(piece, |item| {
        if let Item::Event(event) = item {
            borrowed = piece.as_ptr_range().contains(&event.data.as_ptr());
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(flow.is_continue() && borrowed);
}

#[test]
fn a_break_ends_the_piece() {
    let mut count = 0;
    let flow = Parser::new(1000, String::new()).feed(b"data: 1\n\ndata: 2\n\n", |_| {
        count += 1;
        ControlFlow::Break(())
    });
    assert_eq!((flow, count), (ControlFlow::Break(()), 1));
}

#[test]
fn data_over_the_limit_is_skipped_and_its_id_counts() {
    let mut parser = Parser::new(10, String::new());
    let input: [&[u8]; 3] = [
        b"data: 0123456789\n\ndata: 0123\ndata: 56789\n\n",
        b"id: 9\ndata: 0123\ndata: 567890\n\ndata: 01234567890\n\n",
        b"data: 1\n\n",
    ];
    assert_eq!(
        read(&mut parser, &input),
        [
            event("0123456789"),
            event("0123\n56789"),
            Found::Skipped(What::Event, 11),
            Found::Skipped(What::Event, 11),
            event("1"),
        ]
    );
    assert_eq!(parser.id(), "9");
}

#[test]
fn an_endless_line_is_counted_in_constant_memory() {
    let mut parser = Parser::new(1000, String::new());
    let part = [b'x'; 997];
    assert_eq!(read(&mut parser, &[b"data: 1\ndata: "]), []);
    for _ in 0..10_000 {
        assert_eq!(read(&mut parser, &[&part]), []);
    }
    assert!(
        parser.line.bytes.capacity() <= 4096,
        "{}",
        parser.line.bytes.capacity()
    );
    assert_eq!(
        parser.skipped().map(|skipped| skipped.bytes),
        Some(9_970_006)
    );
    assert_eq!(
        read(&mut parser, &[b"\ndata: 2\n\ndata: 3\n\n"]),
        [
            Found::Skipped(What::Event, 9_970_006 + 2 + 1 + 1),
            event("3")
        ]
    );
}

#[test]
fn a_long_comment_or_unknown_field_is_ignored_and_the_event_is_complete() {
    let long = [b'x'; 50];
    for field in [":", "unknown: ", "", "retry: 1"] {
        let mut parser = Parser::new(10, String::new());
        let pieces = [b"data: 1\n", field.as_bytes(), &long, b"\ndata: 2\n\n"];
        assert_eq!(read(&mut parser, &pieces), [event("1\n2")], "{field}");
    }
}

#[test]
fn an_event_with_a_long_name_or_id_is_skipped() {
    let long = [b'x'; 50];
    for (field, bytes) in [("event:", 1 + 1 + 56 + 1 + 1), ("id:", 1 + 1 + 53 + 1 + 1)] {
        let mut parser = Parser::new(10, String::new());
        let pieces = [
            b"data: 1\n",
            field.as_bytes(),
            &long,
            b"\ndata: 2\n\ndata: 3\n\n",
        ];
        let expected = [Found::Skipped(What::Event, bytes), event("3")];
        assert_eq!(read(&mut parser, &pieces), expected, "{field}");
    }
}

#[test]
fn line_ends_count_towards_the_limit() {
    for (lines, is_event) in [(11, true), (12, false), (100_000, false)] {
        for line in ["data\n", "data:\n", "data: \r\n"] {
            let input = format!("{}\n", line.repeat(lines));
            let mut parser = Parser::new(10, String::new());
            let expected = match is_event {
                true => event("\n".repeat(lines - 1)),
                false => Found::Skipped(What::Event, lines as u64 - 1),
            };
            assert_eq!(
                read(&mut parser, &[input.as_bytes()]),
                [expected],
                "{lines}"
            );
        }
    }
}

#[test]
fn an_event_without_an_id_has_the_last_one_of_the_stream() {
    let mut ids = Vec::new();
    let input = b"data: a\n\nid: 7\n\ndata: b\n\nid: 8\ndata: c\n\ndata: d\n\nid\ndata: e\n\n";
    let flow = Parser::new(1000, String::new()).feed(input, |item| {
        if let Item::Event(event) = item {
            ids.push((event.id.map(str::to_owned), event.has_own_id));
        }
        ControlFlow::<()>::Continue(())
    });
    assert!(flow.is_continue());
    let id = |id: &str| Some(id.to_owned());
    let expected = [
        (None, false),
        (id("7"), false),
        (id("8"), true),
        (id("8"), false),
        (None, false),
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_line_of_four_mebibytes_is_complete_for_any_piece_size() {
    let mut parser = Parser::new(8 << 20, String::new());
    let long = vec![b'x'; 4 << 20];
    let mut input = b"data: ".to_vec();
    input.extend_from_slice(&long);
    input.extend_from_slice(b"\n\n");
    let pieces: Vec<&[u8]> = input.chunks(60_000).collect();
    assert_eq!(read(&mut parser, &pieces), [event(&long)]);
    assert!(
        parser.data.capacity() <= 1 << 20,
        "{}",
        parser.data.capacity()
    );
}

/// A direct implementation of the standard's algorithm, for a complete response and without limits.
fn by_the_letter(input: &[u8]) -> (Vec<Found>, String) {
    let text = input.strip_prefix(BOM).unwrap_or(input);
    let mut lines = vec![Vec::new()];
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                lines.push(Vec::new());
            }
            b'\n' => lines.push(Vec::new()),
            other => lines.last_mut().unwrap().push(other),
        }
    }
    lines.pop();
    let (mut out, mut id) = (Vec::new(), String::new());
    let (mut name, mut data, mut own) = (String::new(), Vec::new(), None);
    for line in lines {
        if line.is_empty() {
            if let Some(new) = &own {
                id.clone_from(new);
            }
            let own = own.take().filter(|id: &String| !id.is_empty());
            if data.pop().is_some() {
                out.push(Found::Event(
                    std::mem::take(&mut name),
                    own,
                    std::mem::take(&mut data),
                ));
            }
            name.clear();
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (&line[..], &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let text = String::from_utf8_lossy(value).into_owned();
        match field {
            b"data" => {
                data.extend_from_slice(value);
                data.push(b'\n');
            }
            b"event" => name = text,
            b"id" if !value.contains(&0) => own = Some(text),
            b"retry" => out.extend(
                text.parse()
                    .ok()
                    .filter(|_| !text.starts_with('+'))
                    .map(Found::Retry),
            ),
            _ => {}
        }
    }
    (out, id)
}

/// Bytes of fields, and arbitrary bytes.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"data".to_vec()),
        Just(b"data: ".to_vec()),
        Just(b"event:".to_vec()),
        Just(b"id: ".to_vec()),
        Just(b"retry:".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b":".to_vec()),
        Just(b" ".to_vec()),
        Just(BOM.to_vec()),
        Just(BOM[..2].to_vec()),
        Just(b"12".to_vec()),
        Just(vec![0]),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

/// What the parser holds, in bytes.
fn held(parser: &Parser) -> usize {
    let texts = [&parser.name, &parser.next_id, &parser.id].map(String::capacity);
    parser.line.bytes.capacity() + parser.data.capacity() + texts.iter().sum::<usize>()
}

proptest! {
    #[test]
    fn memory_is_a_small_multiple_of_the_limit(input in stream(), limit in 0_usize..2000, size in 1_usize..5000) {
        let mut parser = Parser::new(limit, String::new());
        // Each input is repeated, so that it is much larger than the limit.
        let input = input.repeat(20_000 / input.len().max(1));
        for piece in input.chunks(size) {
            let mut largest = 0;
            let _ = parser.feed(piece, |item| {
                if let Item::Event(event) = item {
                    largest = largest.max(event.data.len());
                }
                ControlFlow::<()>::Continue(())
            });
            prop_assert!(largest <= limit);
            // A byte that is not UTF-8 is replaced by three, and buffers grow by doubling.
            prop_assert!(held(&parser) <= 24 * limit + 512, "{} bytes", held(&parser));
        }
    }

    #[test]
    fn a_response_reads_as_the_standard_s_text(input in stream()) {
        let mut parser = Parser::new(100_000, String::new());
        let found = read(&mut parser, &[&input]);
        prop_assert_eq!((found, parser.id().to_owned()), by_the_letter(&input));
    }

    #[test]
    fn any_split_gives_the_same_events(input in stream(), cuts in proptest::collection::vec(0_usize..300, 0..6), limit in 0_usize..40) {
        let mut whole = Parser::new(limit, String::new());
        let expected = read(&mut whole, &[&input]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let split: Vec<&[u8]> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        for pieces in [split, bytes] {
            let mut parser = Parser::new(limit, String::new());
            prop_assert_eq!(&read(&mut parser, &pieces), &expected);
            prop_assert_eq!(parser.id(), whole.id());
        }
    }
}
