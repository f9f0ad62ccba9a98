//! Redirects to URLs that a request names: only to http and https.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::dev::host::refusal::Refusal;

/// Refuses what is not an http or https URL.
pub(super) fn web_url(text: &str) -> Result<String, Refusal> {
    let is_web = text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    });
    // `Uri` accepts no spaces and control characters, but it drops a fragment, which `with_parameters` keeps.
    if is_web && HeaderValue::from_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    Err(Refusal::bad_request(
        "bad_url",
        format!("`{text}` is not an http or https URL"),
    ))
}

/// Adds parameters to the query of a URL. Values are plain words.
pub(super) fn with_parameters(url: &str, added: &[(&str, &str)]) -> String {
    let (base, fragment) = match url.split_once('#') {
        Some((base, fragment)) => (base, Some(fragment)),
        None => (url, None),
    };
    let mut url = base.to_owned();
    for (name, value) in added {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&format!("{name}={value}"));
    }
    if let Some(fragment) = fragment {
        url.push('#');
        url.push_str(fragment);
    }
    url
}

/// A redirect that a client follows with GET.
pub(super) fn redirect(url: &str) -> Result<Response, Refusal> {
    let target = HeaderValue::from_str(url).map_err(|_| {
        Refusal::bad_request(
            "bad_url",
            "the URL has characters that a header cannot have",
        )
    })?;
    Ok((StatusCode::FOUND, [(header::LOCATION, target)]).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_urls_are_redirected_to() {
        for url in [
            "https://shop.example/thanks",
            "http://localhost:3000/?a=1#b",
        ] {
            assert!(web_url(url).is_ok(), "{url}");
        }
        for url in [
            "javascript:alert(1)",
            "/thanks",
            "//evil.example",
            "file:///etc",
            "http://",
            "http://a\r\nx: y",
        ] {
            assert!(web_url(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn parameters_are_added_before_the_fragment() {
        let url = |url| with_parameters(url, &[("ref", "contact-1")]);
        assert_eq!(url("http://a/x"), "http://a/x?ref=contact-1");
        assert_eq!(url("http://a/x?b=1#c"), "http://a/x?b=1&ref=contact-1#c");
    }
}
