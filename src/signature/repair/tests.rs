use std::io::Write;

use super::*;

fn found(received: &str, signed: &str) -> Option<String> {
    found_bytes(received.as_bytes(), signed.as_bytes())
}

fn found_bytes(received: &[u8], signed: &[u8]) -> Option<String> {
    find(received, MOST_MACS, |body| body == signed).map(|repair| repair.signed)
}

#[test]
fn an_added_or_removed_newline_is_found() {
    assert!(found("{}\n", "{}").is_some());
    assert!(found("{}\r\n", "{}").is_some());
    assert!(found("a=1", "a=1\n").is_some());
    assert!(found("a=1", "a=1\r\n").is_some());
}

#[test]
fn every_layout_is_found_from_every_other() {
    let layouts = [
        r#"{"a":[1,2.50,{}],"b":"x: y, {z}","c":[]}"#,
        r#"{"a": [1, 2.50, {}], "b": "x: y, {z}", "c": []}"#,
        "{\n  \"a\": [\n    1,\n    2.50,\n    {}\n  ],\n  \"b\": \"x: y, {z}\",\n  \"c\": []\n}",
        "{\r\n  \"a\": [\r\n    1,\r\n    2.50,\r\n    {}\r\n  ],\r\n  \"b\": \"x: y, {z}\",\r\n  \"c\": []\r\n}",
        "{\n\t\"a\": [\n\t\t1,\n\t\t2.50,\n\t\t{}\n\t],\n\t\"b\": \"x: y, {z}\",\n\t\"c\": []\n}\n",
    ];
    for received in layouts {
        for signed in layouts {
            if received != signed {
                assert!(found(received, signed).is_some(), "{received} {signed}");
            }
        }
    }
}

#[test]
fn added_and_removed_escapes_are_found() {
    let plain = r#"{"u":"https://a.test/ë🚀","q":"\"\\ \u0007"}"#;
    let escaped = r#"{"u":"https:\/\/a.test\/\u00eb\ud83d\ude80","q":"\"\\ \u0007"}"#;
    assert!(
        found(plain, escaped)
            .unwrap()
            .contains("with escaped slashes")
    );
    assert!(found(escaped, plain).unwrap().contains("unescaped"));
}

#[test]
fn the_escapes_of_every_writer_are_found() {
    let plain = r#"{"q":"a&b <c> 'd' \"e\" +f=g ` /h ë😀"}"#;
    for (signed, writer) in [
        (
            r#"{"q":"a\u0026b \u003cc\u003e 'd' \"e\" +f=g ` /h ë😀"}"#,
            "Go",
        ),
        (
            r#"{"q":"a\u0026b \u003cc\u003e \u0027d\u0027 \"e\" +f\u003dg ` /h ë😀"}"#,
            "Gson",
        ),
        (
            r#"{"q":"a\u0026b \u003Cc\u003E \u0027d\u0027 \u0022e\u0022 \u002Bf=g \u0060 /h \u00EB\uD83D\uDE00"}"#,
            "System.Text.Json",
        ),
        (
            r#"{"q":"a\u0026b \u003cc\u003e \u0027d\u0027 \u0022e\u0022 +f=g ` /h ë😀"}"#,
            "Newtonsoft",
        ),
        (
            r#"{"q":"a\u0026b \u003Cc\u003E \u0027d\u0027 \u0022e\u0022 +f=g ` \/h \u00eb\ud83d\ude00"}"#,
            "PHP",
        ),
        (
            r#"{"q":"a&b <c> 'd' \"e\" +f=g ` /h \u00eb\ud83d\ude00"}"#,
            "",
        ),
        (
            r#"{"q":"a&b <c> 'd' \"e\" +f=g ` /h \u00EB\uD83D\uDE00"}"#,
            "upper-case",
        ),
    ] {
        let words = found(plain, signed).unwrap_or_else(|| panic!("{signed}"));
        assert!(words.contains(writer), "{words}");
        assert!(
            found(signed, plain).unwrap().contains("unescaped"),
            "{signed}"
        );
    }
}

#[test]
fn half_a_surrogate_pair_stays_as_it_is() {
    let spaced = r#"{"a": "\ud83d x \udE80\ud83d"}"#;
    assert!(found(spaced, &spaced.replace("\": ", "\":")).is_some());
}

#[test]
fn an_event_on_each_line_is_found() {
    let words = found(
        r#"[{"e":1},{"e":[1,2]}]"#,
        "[{\"e\":1},\r\n{\"e\":[1,2]}]\r\n",
    );
    assert!(words.unwrap().contains("CRLF after each event"));
}

#[test]
fn members_in_another_order_are_found() {
    let words = found(
        r#"{"b":{"d":1,"c":2},"a":[{"z":1,"y":2}],"x":0,"e":0,"f":0,"g":0}"#,
        r#"{"a": [{"y": 2, "z": 1}], "b": {"c": 2, "d": 1}, "e": 0, "f": 0, "g": 0, "x": 0}"#,
    );
    assert!(words.unwrap().contains("alphabetical order"));
    let words = found(
        r#"{"a":1,"b":2,"c":{"x":1},"d":4,"e":5}"#,
        r#"{"d":4,"b":2,"e":5,"c":{"x":1},"a":1}"#,
    );
    assert!(words.unwrap().contains("another order"));
}

#[test]
fn numbers_in_another_form_are_found() {
    for (received, signed) in [
        (r#"{"a":1}"#, r#"{"a":1.0}"#),
        (r#"{"a":1.0}"#, r#"{"a":1}"#),
        (r#"{"id":7,"a":10}"#, r#"{"id":7,"a":10.00}"#),
        (r#"{"a":1.50}"#, r#"{"a": 1.5}"#),
        (r#"{"a":1.5}"#, r#"{"a":1.50}"#),
        (r#"{"a":1E3}"#, r#"{"a":1000}"#),
    ] {
        let words = found(received, signed).unwrap_or_else(|| panic!("{received} {signed}"));
        assert!(words.contains("written as"), "{words}");
    }
}

#[test]
fn a_compressed_body_is_decompressed() {
    let plain = br#"{"u":"https://a.test/"}"#;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(plain).unwrap();
    let zlib = zlib.finish().unwrap();
    for (received, name) in [(&gzip, "gzip"), (&zlib, "deflate")] {
        let words = found_bytes(received, plain).unwrap();
        assert!(words.ends_with(name), "{words}");
        let escaped = br#"{"u":"https:\/\/a.test\/"}"#;
        assert!(
            found_bytes(received, escaped)
                .unwrap()
                .contains("escaped slashes")
        );
    }
    let repair = find(&gzip, MOST_MACS, |body| body == plain).unwrap();
    assert!(repair.hint().contains("decompress"));
}

#[test]
fn a_compressed_body_that_is_too_large_is_not_decompressed_to_its_end() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![b'0'; 3 * 1024 * 1024]).unwrap();
    let gzip = gzip.finish().unwrap();
    let longest = std::cell::Cell::new(0);
    let repair = find(&gzip, MOST_MACS, |body| {
        longest.set(longest.get().max(body.len()));
        false
    });
    assert_eq!(repair, None);
    assert!(longest.get() < 1024 * 1024);
}

#[test]
fn another_character_set_is_found() {
    let latin = b"name=Zo\xeb";
    assert!(
        found_bytes("name=Zoë".as_bytes(), latin)
            .unwrap()
            .contains("in Latin-1")
    );
    assert!(
        found_bytes(latin, "name=Zoë".as_bytes())
            .unwrap()
            .contains("in UTF-8")
    );
    assert!(
        found("name=ZoÃ«", "name=Zoë")
            .unwrap()
            .contains("encoded again")
    );
    assert!(
        found("name=Zoë", "name=ZoÃ«")
            .unwrap()
            .contains("encoded again")
    );
}

#[test]
fn changes_around_the_body_and_of_its_lines_are_found() {
    for (received, signed) in [
        (" {}\n\n", "{}"),
        ("\u{feff}{}", "{}"),
        ("{}", "\u{feff}{}"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("a\nb", "a\r\nb"),
        ("eyJhIjoxfQ==", "{\"a\":1}"),
        (r#""{\"a\":1}""#, "{\"a\":1}"),
    ] {
        assert!(found(received, signed).is_some(), "{received:?} {signed:?}");
    }
}

#[test]
fn a_form_of_another_encoder_is_found() {
    let browser = "From=%2B1555&Body=a+%26+b%27%7E*&e=%C3%AB";
    for signed in [
        "From=%2B1555&Body=a+%26+b%27~%2A&e=%C3%AB",
        "From=%2B1555&Body=a%20%26%20b'~*&e=%C3%AB",
        "From=%2b1555&Body=a+%26+b%27%7e*&e=%c3%ab",
        "Body=a%20%26%20b%27~%2A&From=%2B1555&e=%C3%AB",
    ] {
        assert!(
            found(browser, signed).unwrap().contains("the same form"),
            "{signed}"
        );
        assert!(
            found(signed, browser).is_some_and(|words| words.contains("browser"))
                || signed.starts_with("Body"),
            "{signed}"
        );
    }
}

#[test]
fn a_body_with_other_content_is_not_found() {
    assert_eq!(found(r#"{"a":1}"#, r#"{"a":1.5}"#), None);
    assert_eq!(found(r#"{"a":1}"#, r#"{"a":2}"#), None);
    assert_eq!(found("not json", "nor this"), None);
    assert_eq!(found("a=1", "a=2"), None);
}

#[test]
fn the_number_of_tries_is_bounded() {
    let members: Vec<String> = (0..400)
        .map(|n| format!("\"/ë<{n}\":[{n},1.0,1e3]"))
        .collect();
    let body = format!("{{{}}}", members.join(","));
    for most in [MOST_KEYS, MOST_MACS] {
        let (count, bytes) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let repair = find(body.as_bytes(), most, |body| {
            count.set(count.get() + 1);
            bytes.set(bytes.get() + body.len());
            false
        });
        assert_eq!(repair, None);
        assert!(
            count.get() <= most && bytes.get() <= 2 * MOST_BYTES,
            "{count:?} {bytes:?}"
        );
    }
}
