//! Binary packets: a text that announces attachments, the attachments, and the placeholders in the text that refer to
//! them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::PacketError;
use super::packet::Packet;

/// Collects the attachments that a packet announced.
#[derive(Debug)]
pub struct Assembler {
    pending: Option<Binary>,
    limit: usize,
}

/// A binary packet with its attachments.
#[derive(Debug)]
pub struct Binary {
    text: String,
    announced: usize,
    bytes: usize,
    pub attachments: Vec<Vec<u8>>,
}

impl Binary {
    /// The packet. Its payload contains placeholders, which [`fill`] replaces.
    ///
    /// # Errors
    /// None in practice: the text has been parsed before.
    pub fn packet(&self) -> Result<Packet<'_>, PacketError> {
        Packet::parse(&self.text)
    }
}

impl Assembler {
    /// `limit` is the maximum size of one packet in bytes, attachments included.
    pub fn new(limit: usize) -> Self {
        Self {
            pending: None,
            limit,
        }
    }

    /// Handles a packet: returns it if it is complete, and `None` if attachments follow.
    ///
    /// # Errors
    /// The text is not a packet, or an attachment was expected.
    pub fn text<'a>(&mut self, text: &'a str) -> Result<Option<Packet<'a>>, PacketError> {
        if self.pending.is_some() {
            return Err(PacketError::TextForAttachment);
        }
        let packet = Packet::parse(text)?;
        if packet.attachments == 0 {
            return Ok(Some(packet));
        }
        let limit = self.limit;
        if text.len() > limit {
            return Err(PacketError::TooLarge { limit });
        }
        self.pending = Some(Binary {
            text: text.to_owned(),
            announced: packet.attachments,
            bytes: text.len(),
            attachments: Vec::new(),
        });
        Ok(None)
    }

    /// Handles an attachment: returns the packet after its last attachment.
    ///
    /// # Errors
    /// No attachment was expected, or together they exceed the limit.
    pub fn attachment(&mut self, bytes: Vec<u8>) -> Result<Option<Binary>, PacketError> {
        let limit = self.limit;
        let mut pending = self
            .pending
            .take()
            .ok_or(PacketError::UnexpectedAttachment)?;
        pending.bytes += bytes.len();
        if pending.bytes > limit {
            return Err(PacketError::TooLarge { limit });
        }
        pending.attachments.push(bytes);
        if pending.attachments.len() == pending.announced {
            return Ok(Some(pending));
        }
        self.pending = Some(pending);
        Ok(None)
    }
}

/// Appends the JSON `text` and replaces each `{"_placeholder":true,"num":n}`, at any depth, with `{"base64":"…"}`. All
/// other bytes stay unchanged. Runs in one pass at any depth.
///
/// # Errors
/// [`PacketError::Placeholder`]: there is no such attachment. [`PacketError::TooLarge`]: repeated placeholders expand
/// to more than `limit` bytes.
pub fn fill(
    text: &str,
    attachments: &[Vec<u8>],
    limit: usize,
    out: &mut String,
) -> Result<(), PacketError> {
    let bytes = text.as_bytes();
    let (mut at, mut kept, mut filled) = (0, 0, 0);
    while let Some(step) = memchr::memchr2(b'"', b'{', &bytes[at..]) {
        at += step;
        if bytes[at] == b'"' {
            at = string_end(bytes, at).unwrap_or(bytes.len());
            continue;
        }
        let Some((end, number)) = placeholder(text, at) else {
            at += 1;
            continue;
        };
        let attachment = number
            .parse()
            .ok()
            .and_then(|number: usize| attachments.get(number))
            .ok_or(PacketError::Placeholder)?;
        filled += attachment.len();
        if filled > limit {
            return Err(PacketError::TooLarge { limit });
        }
        out.push_str(&text[kept..at]);
        out.push_str("{\"base64\":\"");
        STANDARD.encode_string(attachment, out);
        out.push_str("\"}");
        (at, kept) = (end, end);
    }
    out.push_str(&text[kept..]);
    Ok(())
}

/// Returns the end of the placeholder that starts at `start`, and its number. Stops at the first member that is a
/// container, so that no byte is read more than twice.
fn placeholder(text: &str, start: usize) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    let mut is_marked = false;
    let mut number = "";
    loop {
        let key = scalar(bytes, spaces(bytes, at))?;
        let colon = spaces(bytes, key.end);
        let value = scalar(bytes, spaces(bytes, colon + 1))?;
        let close = spaces(bytes, value.end);
        match (&bytes[key], &bytes[value.clone()]) {
            (b"\"_placeholder\"", b"true") => is_marked = true,
            (b"\"num\"", _) => number = text.get(value)?,
            _ => {}
        }
        at = close + 1;
        match bytes.get(close)? {
            b',' => {}
            b'}' => return is_marked.then_some((at, number)),
            _ => return None,
        }
    }
}

/// Returns the string, number or keyword that starts at `start`.
fn scalar(bytes: &[u8], start: usize) -> Option<std::ops::Range<usize>> {
    let end = match bytes.get(start)? {
        b'"' => string_end(bytes, start)?,
        b'{' | b'[' => return None,
        _ => {
            let is_end =
                |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'}' | b']');
            let length = bytes[start..].iter().position(is_end)?;
            start + length
        }
    };
    Some(start..end)
}

fn spaces(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
    start + length.count()
}

/// Returns the index after the closing quote of the string that starts at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, attachments: &[&[u8]]) -> Result<String, PacketError> {
        let attachments: Vec<Vec<u8>> = attachments.iter().map(|bytes| bytes.to_vec()).collect();
        let mut out = String::new();
        fill(text, &attachments, 100, &mut out).map(|()| out)
    }

    #[test]
    fn placeholders_are_replaced_at_any_depth_and_nothing_else() {
        for (text, result) in [
            (r#"{"_placeholder":true,"num":0}"#, r#"{"base64":"AQID"}"#),
            (
                r#"[ {"a":[{"b" : { "num" : 1 , "_placeholder" : true } }]}, 1.0 ]"#,
                r#"[ {"a":[{"b" : {"base64":"BA=="} }]}, 1.0 ]"#,
            ),
            (
                r#"["{\"_placeholder\":true,\"num\":0}",{"_placeholder":false,"num":7},{}]"#,
                r#"["{\"_placeholder\":true,\"num\":0}",{"_placeholder":false,"num":7},{}]"#,
            ),
            (
                r#"{"\"_placeholder":true,"x":{"_placeholder":true,"num":0}}"#,
                r#"{"\"_placeholder":true,"x":{"base64":"AQID"}}"#,
            ),
        ] {
            assert_eq!(filled(text, &[&[1, 2, 3], &[4]]).unwrap(), result, "{text}");
        }
    }

    #[test]
    fn a_placeholder_without_its_attachment_is_an_error() {
        for number in ["1", "-1", "0.5", "\"0\"", "99999999999999999999"] {
            let text = format!(r#"{{"_placeholder":true,"num":{number}}}"#);
            assert_eq!(
                filled(&text, &[b"x"]),
                Err(PacketError::Placeholder),
                "{text}"
            );
        }
    }

    #[test]
    fn a_repeated_placeholder_cannot_exceed_the_limit() {
        let one = r#"{"_placeholder":true,"num":0}"#;
        let many = format!("[{}]", vec![one; 20].join(","));
        assert_eq!(
            filled(&many, &[b"0123456789"]),
            Err(PacketError::TooLarge { limit: 100 })
        );
    }

    #[test]
    fn deep_nesting_is_scanned_once() {
        let depth = 200_000;
        let text = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(filled(&text, &[]).unwrap(), text);
    }

    #[test]
    fn a_packet_is_complete_after_its_last_attachment() {
        let mut assembler = Assembler::new(100);
        let text = r#"52-/a,["n",{"_placeholder":true,"num":1}]"#;
        assert_eq!(assembler.text(text), Ok(None));
        assert!(assembler.attachment(vec![1]).unwrap().is_none());
        let binary = assembler.attachment(vec![2]).unwrap().unwrap();
        assert_eq!(binary.attachments, [[1], [2]]);
        assert_eq!(binary.packet().unwrap().namespace, "/a");
        assert!(assembler.text("2[\"next\"]").unwrap().is_some());
    }

    #[test]
    fn unexpected_packets_are_errors() {
        let mut assembler = Assembler::new(100);
        let stray = assembler.attachment(vec![1]).unwrap_err();
        assert_eq!(stray, PacketError::UnexpectedAttachment);
        assert_eq!(assembler.text("51-[\"n\"]"), Ok(None));
        let text = assembler.text("2[\"n\"]").unwrap_err();
        assert_eq!(text, PacketError::TextForAttachment);
        let large = assembler.attachment(vec![0; 100]).unwrap_err();
        assert_eq!(large, PacketError::TooLarge { limit: 100 });
    }

    proptest! {
        #[test]
        fn a_packet_is_held_within_the_limit(
            packets in proptest::collection::vec(prop_oneof![
                Just(None), (0_usize..2000).prop_map(Some), Just(Some(0)), Just(Some(1)),
            ], 0..400),
            announced in 1_usize..1000,
            limit in 0_usize..3000,
        ) {
            let mut assembler = Assembler::new(limit);
            for packet in packets {
                let taken = match packet {
                    None => assembler.text(&format!("5{announced}-[\"n\"]")).map(drop),
                    Some(size) => assembler.attachment(vec![0; size]).map(drop),
                };
                if taken.is_err() {
                    // The source closes the connection.
                    assembler = Assembler::new(limit);
                }
                if let Some(pending) = &assembler.pending {
                    let held: usize = pending.attachments.iter().map(Vec::capacity).sum();
                    prop_assert!(held + pending.text.len() <= limit);
                    prop_assert!(pending.attachments.len() < announced);
                }
            }
        }

        #[test]
        fn any_text_is_filled_or_an_error(text in r#"[\[\]{}:,"\\ a_0-9é]{0,60}|.{0,60}"#) {
            let _ = filled(&text, &[b"x"]);
        }

        #[test]
        fn text_without_placeholders_stays_as_it_is(text in r#"[\[\]{}:,"\\ a-c0-9é]{0,60}"#) {
            prop_assert_eq!(filled(&text, &[]).unwrap(), text);
        }
    }
}
