use proptest::prelude::*;

use super::*;
use crate::json::is_json;

fn packet(kind: Kind, namespace: &str) -> Packet<'_> {
    Packet::new(kind, namespace)
}

#[test]
fn the_packets_of_the_specification_are_parsed_and_written() {
    let event = packet(Kind::Event, "/");
    let binary = packet(Kind::BinaryEvent, "/");
    for (text, expected) in [
        ("0", packet(Kind::Connect, "/")),
        (
            r#"0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
            Packet {
                payload: r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
                ..packet(Kind::Connect, "/admin")
            },
        ),
        ("1/admin,", packet(Kind::Disconnect, "/admin")),
        (
            r#"2["foo"]"#,
            Packet {
                payload: r#"["foo"]"#,
                ..event
            },
        ),
        (
            r#"2/admin,456["project:delete",123]"#,
            Packet {
                id: Some(456),
                payload: r#"["project:delete",123]"#,
                ..packet(Kind::Event, "/admin")
            },
        ),
        (
            "3/admin,456[]",
            Packet {
                id: Some(456),
                payload: "[]",
                ..packet(Kind::Ack, "/admin")
            },
        ),
        (
            r#"4/admin,{"message":"Not authorized"}"#,
            Packet {
                payload: r#"{"message":"Not authorized"}"#,
                ..packet(Kind::ConnectError, "/admin")
            },
        ),
        (
            r#"51-["hello",{"_placeholder":true,"num":0}]"#,
            Packet {
                attachments: 1,
                payload: r#"["hello",{"_placeholder":true,"num":0}]"#,
                ..binary
            },
        ),
        (
            r#"61-/admin,456[{"_placeholder":true,"num":0}]"#,
            Packet {
                attachments: 1,
                id: Some(456),
                payload: r#"[{"_placeholder":true,"num":0}]"#,
                ..packet(Kind::BinaryAck, "/admin")
            },
        ),
    ] {
        assert_eq!(Packet::parse(text), Ok(expected), "{text}");
        let mut written = String::new();
        expected.write(&mut written);
        assert_eq!(written, text);
    }
}

#[test]
fn packets_that_the_reference_decoder_refuses_are_refused() {
    for (text, error) in [
        ("", PacketError::UnknownType),
        ("7", PacketError::UnknownType),
        ("é", PacketError::UnknownType),
        ("5[\"a\"]", PacketError::Attachments),
        ("5-[\"a\"]", PacketError::Attachments),
        ("50-[\"a\"]", PacketError::Attachments),
        ("51.5-[\"a\"]", PacketError::Attachments),
        ("5+1-[\"a\"]", PacketError::Attachments),
        (
            "51001-[\"a\"]",
            PacketError::TooManyAttachments { limit: 1000 },
        ),
        ("299999999999999999999[]", PacketError::Payload),
    ] {
        assert_eq!(Packet::parse(text), Err(error), "{text}");
    }
    for payload in [
        "",
        "{}",
        "[]",
        "[null]",
        "[{}]",
        "[\"a\"",
        "[\"a\"]x",
        "\"a\"",
        "[\"a\",]",
        "[\"a\",01]",
    ] {
        assert_eq!(
            Event::parse(payload),
            Err(PacketError::Payload),
            "{payload}"
        );
    }
}

#[test]
fn arguments_are_unchanged() {
    let mut scratch = String::new();
    for (payload, name, data) in [
        ("[\"a\"]", "a", "[]"),
        ("[\"a\",1,2]", "a", "[1,2]"),
        ("[\"a\",[1,2]]", "a", "[[1,2]]"),
        (
            "[ \"a\" , {\"n\": 12345678901234567890} ]",
            "a",
            "{\"n\": 12345678901234567890}",
        ),
        (
            "[\"a\",1.0,  -0,\"\\u00e9\\/\"]",
            "a",
            "[1.0,  -0,\"\\u00e9\\/\"]",
        ),
        ("[\"\\u00e9 \\\"q\\\"\",[]]", "é \"q\"", "[[]]"),
        ("[7,null]", "7", "null"),
    ] {
        let event = Event::parse(payload).unwrap();
        assert_eq!(event.name(), name);
        assert_eq!(event.data(&mut scratch), data);
    }
}

#[test]
fn the_offset_is_the_last_string_argument() {
    let mut scratch = String::new();
    for (payload, offset, data) in [
        ("[\"a\",\"OyZ3.1\"]", Some("OyZ3.1"), "[]"),
        (
            "[\"a\",{\"x\":1},\"1700000000000-0\"]",
            Some("1700000000000-0"),
            "{\"x\":1}",
        ),
        ("[\"a\",1 , 2,\"o\"]", Some("o"), "[1 , 2]"),
        ("[\"a\"]", None, "[]"),
        ("[\"a\",1]", None, "1"),
        // A volatile event has no offset, and a sentence is not an offset.
        ("[\"a\",\"hello world\"]", None, "\"hello world\""),
        ("[\"a\",\"\"]", None, "\"\""),
    ] {
        let mut event = Event::parse(payload).unwrap();
        assert_eq!(event.take_offset(), offset, "{payload}");
        assert_eq!(event.data(&mut scratch), data, "{payload}");
    }
}

#[test]
fn an_event_is_written_without_its_offset() {
    let mut event = Event::parse("[\"a\", 1,2 ,\"off\"]").unwrap();
    event.take_offset();
    let mut out = String::new();
    event.write(&mut out);
    assert_eq!(out, "[\"a\",1,2]");
}

#[test]
fn a_refusal_because_of_credentials_is_recognized() {
    for (payload, is_auth) in [
        (r#"{"message":"Not authorized"}"#, true),
        (r#"{"message":"no","data":{"code":401}}"#, true),
        (r#"{"message":"no","data":{"code":"E_FORBIDDEN"}}"#, true),
        (r#"{"message":"jwt expired"}"#, true),
        (r#""Unauthorized""#, true),
        (r#"{"message":"Invalid namespace"}"#, false),
        (r#"{"message":"room is full","data":{"code":409}}"#, false),
    ] {
        let refusal = Refusal::parse(payload).unwrap();
        assert_eq!(refusal.is_auth(), is_auth, "{payload}");
    }
    let refusal = Refusal::parse(r#"{"message":"no","data":{"n": 1.0}}"#).unwrap();
    assert_eq!(refusal.data.as_deref(), Some(r#"{"n": 1.0}"#));
    assert_eq!(Refusal::parse("nope"), Err(PacketError::Payload));
}

#[test]
fn a_response_without_a_session_id_is_refused() {
    let joined = Joined::parse(r#"{"sid":"a","pid":"b"}"#).unwrap();
    assert_eq!(joined.pid.as_deref(), Some("b"));
    assert_eq!(Joined::parse(r#"{"sid":"a"}"#).unwrap().pid, None);
    assert_eq!(Joined::parse(""), Err(PacketError::Payload));
    assert_eq!(Joined::parse("{}"), Err(PacketError::Payload));
}

proptest! {
    #[test]
    fn any_text_is_a_packet_or_an_error(text in r#"[0-7]{0,2}-?(/[a-z]{0,3},?)?[0-9]{0,3}[\[\]{}",:a0 \\]{0,20}|.{0,40}"#) {
        if let Ok(packet) = Packet::parse(&text) {
            if let Ok(mut event) = Event::parse(packet.payload) {
                let _ = (event.name(), event.take_offset());
                prop_assert!(is_json(event.data(&mut String::new()).as_bytes()));
            }
            let _ = (Joined::parse(packet.payload), Refusal::parse(packet.payload));
        }
    }

    #[test]
    fn packets_come_back_as_they_were_written(
        kind in 0..7_usize, attachments in 1..=MAX_ATTACHMENTS,
        namespace in "/|/[a-z/?=]{1,8}", id in prop::option::of(any::<u64>()), payload in "|\\[\"[a-z,/]{0,5}\"\\]",
    ) {
        let kind = Kind::ALL[kind];
        let attachments = if kind.is_binary() { attachments } else { 0 };
        let packet = Packet { kind, attachments, namespace: &namespace, id, payload: &payload };
        let mut text = String::new();
        packet.write(&mut text);
        prop_assert_eq!(Packet::parse(&text), Ok(packet));
    }
}
