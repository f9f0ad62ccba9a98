//! Resolves redirects.

use http::Uri;

/// Resolves a `Location` against the requested URL (RFC 3986, 5.2), without its fragment. Spaces and non-ASCII bytes
/// are percent-encoded, as in browsers. `None` if the result is not a URL with a host, or contains a user and password.
pub fn resolve(base: &Uri, location: &[u8]) -> Option<Uri> {
    let location = encoded(location.trim_ascii())?;
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let text = if has_scheme(location) {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else {
        let base_path = base.path();
        let (path, query) = match location.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (location, None),
        };
        let query = if location.is_empty() {
            base.query()
        } else {
            query
        };
        let path = if path.is_empty() {
            base_path.to_owned()
        } else if path.starts_with('/') {
            without_dots(path)
        } else {
            let folder = base_path.rfind('/').map_or("/", |end| &base_path[..=end]);
            without_dots(&format!("{folder}{path}"))
        };
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        format!("{scheme}://{authority}{path}{query}")
    };
    let url: Uri = text.parse().ok()?;
    let host = url.authority()?;
    (url.scheme().is_some() && !host.as_str().contains('@')).then_some(url)
}

/// Whether two URLs have the same scheme, host and port (RFC 6454).
pub fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |url: &Uri| {
        url.port_u16().or(match url.scheme_str() {
            Some("http" | "ws") => Some(80),
            Some("https" | "wss") => Some(443),
            _ => None,
        })
    };
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

fn encoded(location: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(location.len());
    for byte in location {
        match byte {
            b'!'..=b'~' => text.push(char::from(*byte)),
            b' ' | 0x80.. => text.push_str(&format!("%{byte:02X}")),
            _ => return None,
        }
    }
    Some(text)
}

fn has_scheme(location: &str) -> bool {
    let scheme = location
        .find([':', '/', '?'])
        .filter(|end| location[*end..].starts_with(':'))
        .map(|end| &location[..end]);
    scheme.is_some_and(|scheme| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Removes dot segments (RFC 3986, 5.2.4) from a path that starts with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // A path that ends in a dot segment is a folder.
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_resolved_by_rfc_3986() {
        let base: Uri = "http://a:81/b/c/d;p?q".parse().unwrap();
        for (location, expected) in [
            ("g", "http://a:81/b/c/g"),
            ("./g", "http://a:81/b/c/g"),
            ("g/", "http://a:81/b/c/g/"),
            ("/g", "http://a:81/g"),
            ("//g", "http://g/"),
            ("?y", "http://a:81/b/c/d;p?y"),
            ("g?y", "http://a:81/b/c/g?y"),
            ("g?y/./x", "http://a:81/b/c/g?y/./x"),
            ("g#s", "http://a:81/b/c/g"),
            ("", "http://a:81/b/c/d;p?q"),
            (".", "http://a:81/b/c/"),
            ("..", "http://a:81/b/"),
            ("../g", "http://a:81/b/g"),
            ("../../../g", "http://a:81/g"),
            ("/./g/../h", "http://a:81/h"),
            ("https://B.test/x", "https://b.test/x"),
            ("HTTP://b.test", "http://b.test/"),
            (" /x y ", "http://a:81/x%20y"),
            ("/\u{fc}", "http://a:81/%C3%BC"),
            ("a:b/../c", ""),
            ("http:g", ""),
            ("http://", ""),
            ("https://u:p@b.test/", ""),
            ("mailto:a@b.test", ""),
            ("/a\u{1}b", ""),
        ] {
            let found = resolve(&base, location.as_bytes());
            let found = found.map(|url| url.to_string().to_ascii_lowercase());
            let expected = (!expected.is_empty()).then(|| expected.to_ascii_lowercase());
            assert_eq!(found, expected, "{location}");
        }
    }

    #[test]
    fn an_origin_consists_of_scheme_host_and_port() {
        for (one, other, same) in [
            ("http://a/x", "http://A:80/y", true),
            ("https://a", "https://a:443", true),
            ("http://a", "https://a", false),
            ("http://a", "http://a:81", false),
            ("http://a", "http://b", false),
        ] {
            let [one, other]: [Uri; 2] = [one, other].map(|url| url.parse().unwrap());
            assert_eq!(is_same_origin(&one, &other), same, "{one} {other}");
        }
    }
}
