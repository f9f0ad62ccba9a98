//! Requests single records by key.

use super::halt::Halt;
use super::page::Page;
use super::request::Request;
use super::run::Run;
use crate::json::{Kind, Raw};

/// Requests the record with this key, in any notation; `None` once enough responses were empty.
pub(super) async fn find(run: &mut Run<'_>, key: &[u8]) -> Result<Option<Page>, Halt> {
    let text = String::from_utf8_lossy(key).into_owned();
    // Keys are stored as text. In the record, such a key may be a number or an object.
    let is_bare = matches!(
        Raw::check(key).and_then(Raw::kind),
        Some(Kind::Number | Kind::Object)
    );
    for literal in [Some(quoted(&text)), is_bare.then_some(text)] {
        let Some(literal) = literal else { continue };
        let request = Request {
            only: Some(literal),
            ..run.server.request()
        };
        let page = run.next_page(&request, |page| page.has_only(key)).await?;
        if page.is_some() {
            return Ok(page);
        }
    }
    Ok(None)
}

/// Text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}
