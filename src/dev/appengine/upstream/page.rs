//! The consent page: plain HTML without scripts. All texts in it are escaped.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const HEADERS: [(header::HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    ),
];

/// The page that asks whether an organisation may connect a vendor. Its form posts to the same URL; `deny` is the URL of the
/// link that refuses.
pub(super) fn consent(
    vendor: &str,
    org: &str,
    scopes: &[String],
    return_url: &str,
    deny: &str,
) -> Response {
    let scopes: String = scopes
        .iter()
        .map(|scope| format!("<li>{}</li>", escaped(scope)))
        .collect();
    let (vendor, org) = (escaped(vendor), escaped(org));
    let (return_url, deny) = (escaped(return_url), escaped(deny));
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Connect {vendor}</title>\
         <style>body{{font:16px system-ui;max-width:32rem;margin:4rem auto}}button{{font:inherit;padding:.5rem 1rem}}</style></head>\n\
         <body><h1>Connect {vendor}</h1>\n\
         <p>This local page replaces the one of {vendor}. <b>{org}</b> asks for access.</p>\n<ul>{scopes}</ul>\n\
         <p>Afterwards your browser continues at {return_url}</p>\n\
         <form method=\"post\"><button>Approve</button> <a href=\"{deny}\">Deny</a></form></body></html>\n"
    );
    (HEADERS, body).into_response()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(
            escaped("<a href='x'>&\""),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;"
        );
    }
}
