//! Signs with a recipe.

use aws_lc_rs::hmac::Key;
use http::HeaderName;

use super::super::{Outgoing, SignatureError, Signed, Signer, header, mac};
use super::{Claim, Format, MOST_PARTS, Recipe};

pub(super) struct RecipeSigner {
    pub(super) recipe: Recipe,
    /// One key, or several if the header can carry a list of signatures.
    pub(super) keys: Vec<Key>,
    pub(super) unsigned_id: Option<HeaderName>,
}

impl Signer for RecipeSigner {
    fn sign(&self, message: &Outgoing<'_>) -> Result<Signed, SignatureError> {
        let recipe = &self.recipe;
        let stamp = recipe.stamp.as_ref();
        let stamp_header = stamp.and_then(|stamp| stamp.header.as_ref());
        // A timestamp that the user gave as a header is sent, so it is the one to sign.
        let given = stamp_header.and_then(|name| message.headers.get(name)?.to_str().ok());
        let timestamp = match (given, stamp) {
            (Some(text), _) => text.to_owned(),
            (None, Some(stamp)) => stamp.clock.write(message.timestamp),
            (None, None) => String::new(),
        };
        let id = header::visible(message.id);
        let claim = Claim {
            line: b"",
            id: id.as_bytes(),
            timestamp: Some(timestamp.as_bytes()),
            method: "POST",
            url: message.url,
        };
        let line = self.line(&timestamp, &recipe.parts(&claim, message.body));
        let mut headers = vec![(recipe.signature.clone(), header::value(line))];
        for name in recipe.id.iter().chain(&self.unsigned_id) {
            headers.push((name.clone(), header::value(id.as_bytes())));
        }
        if let Some(name) = stamp_header {
            let timestamp = header::visible(&timestamp).into_owned();
            headers.push((name.clone(), header::value(timestamp)));
        }
        Ok(headers.into())
    }
}

impl RecipeSigner {
    /// The value of the signature's header.
    fn line(&self, timestamp: &str, parts: &[&[u8]; MOST_PARTS]) -> Vec<u8> {
        let push = |key: &Key, line: &mut Vec<u8>| {
            let tag = mac::mac(key, parts);
            self.recipe.encoding.push(tag.as_ref(), line);
        };
        let mut line = Vec::with_capacity(96);
        match &self.recipe.format {
            Format::Listed(listed) => {
                return listed.write(
                    timestamp,
                    self.keys.iter().map(|key| {
                        let mut text = Vec::new();
                        push(key, &mut text);
                        text
                    }),
                );
            }
            Format::Elements { stamp, mac, .. } => {
                line.extend_from_slice(stamp.as_bytes());
                line.extend_from_slice(timestamp.as_bytes());
                for key in &self.keys {
                    line.push(b',');
                    line.extend_from_slice(mac.as_bytes());
                    push(key, &mut line);
                }
            }
            Format::Prefixed(prefix) => {
                for key in &self.keys {
                    line.extend_from_slice(prefix.as_bytes());
                    push(key, &mut line);
                }
            }
            Format::MaybePrefixed(_) => {
                for key in &self.keys {
                    push(key, &mut line);
                }
            }
        }
        line
    }
}
