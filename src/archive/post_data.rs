//! The body of a request in a HAR: its text, or the fields of a form.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::ArchiveError;
use crate::multipart;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData {
    text: Option<String>,
    mime_type: Option<String>,
    /// The fields of a form. Some recorders write them without `text`.
    params: Option<Vec<Param>>,
    /// Some proxies write `encoding`, although the format has it only for responses.
    #[serde(rename = "_encoding", alias = "encoding")]
    encoding: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Param {
    name: String,
    value: Option<String>,
    file_name: Option<String>,
    content_type: Option<String>,
}

impl PostData {
    /// Returns the body: the text, or the form with the same fields if there is none.
    pub(super) fn body(self, headers: &HeaderMap) -> Result<Vec<u8>, ArchiveError> {
        let params = self.params.unwrap_or_default();
        let text = self.text.unwrap_or_default();
        if !text.is_empty() || params.is_empty() {
            return decoded(&text, self.encoding.as_deref());
        }
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.or(self.mime_type.as_deref()).unwrap_or_default();
        match multipart::boundary(kind) {
            Some(boundary) => in_parts(&params, boundary),
            None if is_urlencoded(kind) => Ok(urlencoded(&params)),
            None => Err(ArchiveError::NoBody),
        }
    }
}

/// The characters that browsers escape in a form (URL Standard, `application/x-www-form-urlencoded`).
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'*')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

fn is_urlencoded(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn urlencoded(params: &[Param]) -> Vec<u8> {
    let encoded = |text: &str| {
        utf8_percent_encode(text, FORM)
            .to_string()
            .replace("%20", "+")
    };
    let pairs = params.iter().map(|param| {
        let value = param.value.as_deref().unwrap_or_default();
        format!("{}={}", encoded(&param.name), encoded(value))
    });
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

/// Writes the parts in the order of the log. The content of a file is usually missing there, and then the body is unknown.
fn in_parts(params: &[Param], boundary: &str) -> Result<Vec<u8>, ArchiveError> {
    let quoted = |text: &str| {
        let text = text.replace('"', "%22").replace('\r', "%0D");
        text.replace('\n', "%0A")
    };
    let mut body = String::new();
    for param in params {
        let value = param.value.as_deref().ok_or(ArchiveError::NoBody)?;
        body.push_str(&format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"",
            quoted(&param.name)
        ));
        if let Some(file) = &param.file_name {
            body.push_str(&format!("; filename=\"{}\"", quoted(file)));
        }
        if let Some(kind) = &param.content_type {
            let kind: String = kind.chars().filter(|letter| !letter.is_control()).collect();
            body.push_str(&format!("\r\ncontent-type: {kind}"));
        }
        body.push_str(&format!("\r\n\r\n{value}\r\n"));
    }
    body.push_str(&format!("--{boundary}--\r\n"));
    Ok(body.into_bytes())
}

/// The bytes of a text, which may be base64.
pub(super) fn decoded(text: &str, encoding: Option<&str>) -> Result<Vec<u8>, ArchiveError> {
    Ok(match encoding {
        Some("base64") => STANDARD.decode(text)?,
        _ => text.as_bytes().to_vec(),
    })
}
