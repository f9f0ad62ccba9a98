//! What the platform serves, by name, for those who ask for something else.

use axum::extract::Request;
use axum::http::StatusCode;

use super::refusal::Refusal;

/// Every route of the platform's port; a test asks each of them.
pub const ROUTES: &[(&str, &str)] = &[
    ("POST", "/profile/signin"),
    ("POST", "/profile/user/signin"),
    ("POST", "/user/signin"),
    ("POST", "/profile/customer/signin"),
    ("POST", "/profile/2fa/verify"),
    ("POST", "/profile/user/refresh"),
    ("POST", "/profile/customer/refresh"),
    ("POST", "/user/refresh"),
    ("POST", "/profile/app/key"),
    ("GET", "/profile/whoami"),
    ("POST", "/repository/find/{datatype}"),
    ("GET", "/repository/get/{datatype}/{id}"),
    ("GET", "/repository/find-any-id/{datatype}/{id}"),
    ("GET", "/repository/find-page-data/{datatype}"),
    (
        "GET",
        "/repository/find-by-attribute/{datatype}/{attribute}/{value}",
    ),
    ("POST", "/repository/search/{datatype}"),
    ("POST", "/repository/create"),
    ("PUT", "/repository/create"),
    ("POST", "/repository/create/{datatype}"),
    ("POST", "/repository/update/{id}"),
    ("POST", "/repository/update/{datatype}/{id}"),
    ("POST", "/repository/update-partial/{datatype}/{id}"),
    ("DELETE", "/repository/delete/{datatype}/{id}"),
    ("POST", "/repository/delete/{datatype}"),
    ("POST", "/repository/aggregate/{datatype}"),
    ("POST", "/crm/contact-form/json/{app}/{name}"),
    ("POST", "/crm/leads/qualify/{id}"),
    ("POST", "/crm/reservations/create"),
    ("POST", "/automation/flows/create"),
    ("GET", "/automation/flows"),
    ("GET", "/automation/flows/{id}"),
    ("PUT", "/automation/flows/{id}"),
    ("DELETE", "/automation/flows/{id}"),
    ("POST", "/automation/flows/{id}/enable"),
    ("POST", "/automation/flows/{id}/disable"),
    ("POST", "/automation/flows/{id}/execute"),
    ("GET", "/automation/executions"),
    ("GET", "/automation/executions/{id}"),
    ("POST", "/automation/executions/{id}/cancel"),
    ("POST", "/automation/executions/{id}/retry"),
    ("POST", "/automation/executions/{id}/replay"),
    ("GET", "/socket.io/"),
    ("GET", "/simple-voice/stream/{orgId}/{assistantId}"),
    ("POST", "/ai/agent/stream"),
    ("GET", "/ai/stream/{id}"),
    ("POST", "/storefront/stripe/webhook"),
    ("POST", "/storefront/paypal/webhook"),
    ("POST", "/broadcast/email/webhook"),
    ("POST", "/phone/webhook/{kind}"),
    ("POST", "/sync/social/webhook/{vendor}"),
    ("POST", "/banking/{kind}"),
    ("POST", "/connect/webhook/{vendor}"),
    ("POST", "/connect/webhook/{vendor}/{service}"),
    ("GET", "/connect/webhook/{vendor}"),
    ("POST", "/upstream/storefront/stripe/webhook"),
    ("POST", "/upstream/sync/social/webhook/{vendor}"),
    ("GET", "/_certs/{name}"),
];

/// What differs more than this is not what was meant.
const NEAR: f64 = 0.6;
const SUGGESTIONS: usize = 3;
/// Longer paths are compared no further.
const MAX_COMPARED: usize = 120;

/// Answers what no route serves.
pub(crate) async fn unknown(request: Request) -> Refusal {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let near = near(path);
    let mut message = format!("there is no route {method} {path}");
    if !near.is_empty() {
        message.push_str("; near it: ");
        message.push_str(&near.join(", "));
    }
    Refusal::new(StatusCode::NOT_FOUND, "unknown_route", message)
}

/// Answers a path that is there, asked for with another method.
pub(crate) async fn wrong_method(request: Request) -> Refusal {
    let message = format!(
        "{} does not take {}",
        request.uri().path(),
        request.method()
    );
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}

fn near(path: &str) -> Vec<String> {
    let mut scored: Vec<(f64, &(&str, &str))> = ROUTES
        .iter()
        .map(|route| (likeness(path, route.1), route))
        .filter(|(score, _)| *score >= NEAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .take(SUGGESTIONS)
        .map(|(_, (method, path))| format!("{method} {path}"))
        .collect()
}

/// How like two paths are, 0 to 1; a parameter of the route is like anything.
fn likeness(path: &str, route: &str) -> f64 {
    let path: String = path.chars().take(MAX_COMPARED).collect();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let route: Vec<&str> = route.trim_matches('/').split('/').collect();
    let longest = parts.len().max(route.len()) as f64;
    let same: f64 = parts
        .iter()
        .zip(&route)
        .map(|(part, of_route)| {
            if of_route.starts_with('{') {
                0.8
            } else {
                strsim::normalized_damerau_levenshtein(part, of_route)
            }
        })
        .sum();
    same / longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_route_finds_the_one_that_was_meant() {
        assert_eq!(
            near("/repositry/find/contact")[0],
            "POST /repository/find/{datatype}"
        );
        assert_eq!(
            near("/automation/flow/create")[0],
            "POST /automation/flows/create"
        );
        assert_eq!(near("/profile/whoami/")[0], "GET /profile/whoami");
    }

    #[test]
    fn what_is_like_nothing_gets_no_suggestion() {
        assert_eq!(near("/favicon.ico"), Vec::<String>::new());
        assert_eq!(near(&"/x".repeat(100_000)), Vec::<String>::new());
    }
}
