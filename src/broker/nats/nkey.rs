//! Keys of NATS: seeds, the signature of the server's nonce, and files with credentials (a JWT and a seed).
//!
//! Source: nkeys `README.md` and `crc16.go`. A seed in text form is base32 of two bytes with both kinds, 32 bytes of the
//! Ed25519 seed, and a checksum.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::Secret;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// The kind of a seed (`S`), and that of a user (`U`), as the five high bits of a byte.
const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

/// A user's key, with the JWT of a credentials file.
pub(super) struct Key {
    pair: Ed25519KeyPair,
    pub(super) jwt: Option<String>,
}

impl Key {
    /// Reads a seed (`SUA…`), or the text of a credentials file. `None` if it is neither.
    pub(super) fn parse(text: &Secret) -> Option<Self> {
        let text = text.reveal().trim();
        match block(text, "USER NKEY SEED") {
            Some(seed) => Some(Self {
                jwt: Some(block(text, "NATS USER JWT")?.to_owned()),
                pair: pair(seed)?,
            }),
            None => Some(Self {
                jwt: None,
                pair: pair(text)?,
            }),
        }
    }

    /// The user's public key: `U…`.
    pub(super) fn public(&self) -> String {
        let mut bytes = vec![USER];
        bytes.extend_from_slice(self.pair.public_key().as_ref());
        bytes.extend_from_slice(&crc16(&bytes).to_le_bytes());
        encode(&bytes)
    }

    /// The signature in base64url.
    pub(super) fn sign(&self, nonce: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(nonce.as_bytes()))
    }
}

/// The line between `-----BEGIN NAME-----` and `------END NAME------`.
fn block<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("BEGIN {name}"))?;
    let line = rest.lines().nth(1)?.trim();
    (!line.is_empty()).then_some(line)
}

fn pair(seed: &str) -> Option<Ed25519KeyPair> {
    let bytes = decode(seed)?;
    let (body, checksum) = bytes.split_last_chunk::<2>()?;
    let is_user =
        body.len() == 34 && body[0] & 0xf8 == SEED && (body[0] << 5 | body[1] >> 3) == USER;
    let is_whole = crc16(body) == u16::from_le_bytes(*checksum);
    if !is_user || !is_whole {
        return None;
    }
    Ed25519KeyPair::from_seed_unchecked(&body[2..]).ok()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == byte)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn encode(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut count) = (String::new(), 0_u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(char::from(ALPHABET[(bits >> count & 31) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - count) & 31) as usize]));
    }
    text
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            crc << 1 ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The user of nats.rs's `tests/configs/nkey.conf` and `TestUser.creds`.
    const SEED_TEXT: &str = "SUACH75SWCM5D2JMJM6EKLR2WDARVGZT4QC6LX3AGHSWOMVAKERABBBRWM";
    const PUBLIC: &str = "UAFHG6FUD2UU4SDFVAFUL5LDFO2XM4WYM76UNXTPJYJK7EEMYRBHT2VE";
    const CREDS: &str = "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.sig\n------END NATS USER JWT------\n\n\
        -----BEGIN USER NKEY SEED-----\nSUACH75SWCM5D2JMJM6EKLR2WDARVGZT4QC6LX3AGHSWOMVAKERABBBRWM\n\
        ------END USER NKEY SEED------\n";

    fn key(text: &str) -> Option<Key> {
        Key::parse(&Secret::new(text))
    }

    #[test]
    fn a_checksum_is_that_of_xmodem() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn a_seed_has_the_public_key_of_the_servers_configuration() {
        let key = key(SEED_TEXT).unwrap();
        assert_eq!(key.public(), PUBLIC);
        assert_eq!(key.jwt, None);
    }

    #[test]
    fn a_credentials_file_has_a_jwt_and_a_seed() {
        let key = key(CREDS).unwrap();
        assert_eq!(key.public(), PUBLIC);
        assert_eq!(key.jwt.as_deref(), Some("eyJ0.eyJq.sig"));
    }

    #[test]
    fn other_text_is_not_a_key() {
        let mistyped = SEED_TEXT.replace("CH75", "CH57");
        for text in [
            "",
            "secret",
            PUBLIC,
            &mistyped,
            &SEED_TEXT[..40],
            // The seed of an account, of nkeys' own tests.
            "SAAPN4W3EG6KCJGUQTKTJ5GSB5NHK5CHAJL4DBGFUM3HHROI4XUEP4OBK4",
            "-----BEGIN USER NKEY SEED-----\n",
        ] {
            assert!(key(text).is_none(), "{text}");
        }
    }
}
