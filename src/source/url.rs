//! URLs of streams: shown without secrets, compared by origin, joined with a redirect's `Location`.

use http::{StatusCode, Uri};

/// Redirects that are followed before a server is taken to lead in circles, as curl's `--max-redirs` is commonly set.
pub(super) const MAX_REDIRECTS: usize = 10;

/// Whether an answer points elsewhere and may be followed with a GET.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The URL for messages: a query is only hinted at, because tokens travel there.
pub(super) fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or_default();
    let authority = url.authority().map_or("", |authority| {
        let authority = authority.as_str();
        authority.rsplit('@').next().unwrap_or(authority)
    });
    let query = url.query().map_or("", |_| "?…");
    format!("{scheme}://{authority}{}{query}", url.path())
}

/// Whether two URLs have scheme, host and port in common: credentials for one may be sent to the other.
pub(super) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let origin = |url: &Uri| {
        let is_secure = matches!(url.scheme_str(), Some("https" | "wss"));
        let port = url.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let host = url.host().unwrap_or_default().to_ascii_lowercase();
        (is_secure, host, port)
    };
    origin(one) == origin(other)
}

/// Where a `Location` leads from `base` (RFC 3986, 5.2), without its fragment. `None`: it is no reference to a URL.
pub(super) fn join(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str()?;
    let is_scheme = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if let Some((before, _)) = location.split_once("://")
        && is_scheme(before)
    {
        return location.parse().ok();
    }
    if location.starts_with("//") {
        return format!("{scheme}:{location}").parse().ok();
    }
    let (path, query) = match location.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (location, None),
    };
    let (path, query) = match path {
        "" => (base.path().to_owned(), query.or(base.query())),
        path if path.starts_with('/') => (without_dots(path), query),
        path => {
            let folder = base.path().rfind('/').map_or("/", |at| &base.path()[..=at]);
            (without_dots(&format!("{folder}{path}")), query)
        }
    };
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    format!("{scheme}://{}{path}{query}", base.authority()?)
        .parse()
        .ok()
}

/// RFC 3986, 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            part => {
                kept.push(part);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_location_is_joined_as_rfc_3986_says() {
        let base = uri("ws://a.test:8/b/c/d?q");
        for (location, joined) in [
            ("wss://other.test/x", "wss://other.test/x"),
            ("http://a.test", "http://a.test/"),
            ("//other.test/x?y", "ws://other.test/x?y"),
            ("/x/y", "ws://a.test:8/x/y"),
            ("/x/./y/../z", "ws://a.test:8/x/z"),
            ("x", "ws://a.test:8/b/c/x"),
            ("./x#part", "ws://a.test:8/b/c/x"),
            ("../x?y=/..", "ws://a.test:8/b/x?y=/.."),
            ("../../../x", "ws://a.test:8/x"),
            ("..", "ws://a.test:8/b/"),
            ("?y", "ws://a.test:8/b/c/d?y"),
            ("x?to=http://x", "ws://a.test:8/b/c/x?to=http://x"),
            ("?to=http://x", "ws://a.test:8/b/c/d?to=http://x"),
            ("", "ws://a.test:8/b/c/d?q"),
        ] {
            assert_eq!(join(&base, location), Some(uri(joined)), "{location}");
        }
        for junk in ["http://", "/a b", "//"] {
            assert_eq!(join(&base, junk), None, "{junk}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let home = uri("ws://a.test/x");
        for (other, is_same) in [
            ("ws://A.test:80/y?z", true),
            ("http://a.test", true),
            ("wss://a.test", false),
            ("ws://a.test:81", false),
            ("ws://b.test", false),
        ] {
            assert_eq!(is_same_origin(&home, &uri(other)), is_same, "{other}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        let shown = shown(&uri("wss://a.test:9/path?token=secret"));
        assert_eq!(shown, "wss://a.test:9/path?…");
    }
}
