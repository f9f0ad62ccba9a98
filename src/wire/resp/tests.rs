use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1024;

fn whole(input: &[u8]) -> Value<'_> {
    let (value, length) = decode(input, LIMIT).unwrap().unwrap();
    assert_eq!(length, input.len());
    value
}

#[test]
fn each_type_is_read() {
    let text = |text: &'static str| Value::Text(text.as_bytes());
    for (input, value) in [
        ("+OK\r\n", text("OK")),
        ("$2\r\nhi\r\n", text("hi")),
        ("$0\r\n\r\n", text("")),
        ("=6\r\ntxt:hi\r\n", text("hi")),
        (",1.5\r\n", text("1.5")),
        ("(123456789012345678901\r\n", text("123456789012345678901")),
        ("-ERR no\r\n", Value::Error(b"ERR no")),
        ("!6\r\nERR no\r\n", Value::Error(b"ERR no")),
        (":-7\r\n", Value::Integer(-7)),
        ("#t\r\n", Value::Integer(1)),
        ("#f\r\n", Value::Integer(0)),
        ("$-1\r\n", Value::Null),
        ("*-1\r\n", Value::Null),
        ("_\r\n", Value::Null),
        (
            "*2\r\n:1\r\n+a\r\n",
            Value::List(vec![Value::Integer(1), text("a")]),
        ),
        ("~1\r\n:1\r\n", Value::List(vec![Value::Integer(1)])),
        (
            "%1\r\n+k\r\n:1\r\n",
            Value::List(vec![text("k"), Value::Integer(1)]),
        ),
        (">1\r\n+a\r\n", Value::Push(vec![text("a")])),
        ("|1\r\n+k\r\n+v\r\n:1\r\n", Value::Integer(1)),
    ] {
        assert_eq!(whole(input.as_bytes()), value, "{input:?}");
    }
}

#[test]
fn each_prefix_of_a_value_needs_more_input() {
    let input = b"*3\r\n$7\r\nmessage\r\n%1\r\n+k\r\n:1\r\n$3\r\n\r\n!\r\n";
    for length in 0..input.len() {
        assert_eq!(decode(&input[..length], LIMIT), Ok(None), "{length}");
    }
    assert!(matches!(whole(input), Value::List(items) if items.len() == 3));
}

#[test]
fn invalid_input_is_an_error() {
    for input in [
        &b"x"[..],
        b":1x\r\n",
        b"+a\rb",
        b"$1\r\nab\r\n",
        b"$-2\r\n",
        b"$?\r\n",
        b"*2000000\r\n",
        b"%9223372036854775807\r\n",
        b"*99999999999999999999\r\n",
    ] {
        assert!(
            matches!(decode(input, LIMIT), Err(Malformed::Syntax(_))),
            "{}",
            String::from_utf8_lossy(input)
        );
    }
    let nested = b"*1\r\n".repeat(1000);
    assert!(decode(&nested, LIMIT).is_err());
    assert_eq!(
        decode(b"$1025\r\n", LIMIT),
        Err(Malformed::TooLarge { limit: LIMIT })
    );
    let line = vec![b'+'; MAX_LINE + 2];
    assert!(decode(&line, LIMIT).is_err());
}

#[test]
fn a_list_can_be_opened_without_its_elements() {
    for (input, opening, length) in [
        ("*3\r\n", Opening::List(3), 4),
        ("%3\r\n", Opening::List(6), 4),
        ("*-1\r\n", Opening::Null, 5),
        ("_\r\n", Opening::Null, 3),
        ("-ERR\r\n", Opening::Scalar, 0),
    ] {
        assert_eq!(
            open(input.as_bytes()),
            Ok(Some((opening, length))),
            "{input}"
        );
    }
    assert_eq!(open(b"*3\r"), Ok(None));
}

#[test]
fn a_member_of_a_map_is_found() {
    let map = whole(b"%2\r\n+a\r\n:1\r\n+b\r\n$1\r\n2\r\n");
    assert_eq!(map.member("b").and_then(Value::integer), Some(2));
    assert_eq!(map.member("c"), None);
}

#[test]
fn a_command_is_shown_as_redis_cli_reads_it() {
    let command = Command::new("PUBLISH")
        .arg("a b")
        .arg("{\"n\":1}\n\u{1}")
        .arg(b"\xff")
        .arg("");
    assert_eq!(
        command.to_string(),
        r#"PUBLISH "a b" "{\"n\":1}\n\x01" "\xff" """#
    );
}

proptest! {
    #[test]
    fn a_command_is_read_as_its_arguments(arguments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8)) {
        let command = Command(arguments.clone());
        let mut written = Vec::new();
        command.write(&mut written);
        let expected = arguments.iter().map(|argument| Value::Text(argument)).collect();
        prop_assert_eq!(whole(&written), Value::List(expected));
    }

    #[test]
    fn any_input_is_handled(input in prop::collection::vec(prop_oneof![
        prop::sample::select(&b"$*%~>|:-+_#,(=!0123456789\r\n"[..]),
        any::<u8>(),
    ], 0..200)) {
        if let Ok(Some((_, length))) = decode(&input, LIMIT) {
            prop_assert!(length <= input.len());
        }
        let _ = open(&input);
    }
}
