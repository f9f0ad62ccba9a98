//! Routes, registered once: the router and the list for 404 suggestions, `evt dev routes` and tests come from the same calls.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, any, on};
use serde::Serialize;

use super::refusal::Refusal;

/// Paths less similar than this are not suggested.
const NEAR: f64 = 0.6;
const SUGGESTIONS: usize = 3;
/// Only this many characters of a requested path are compared.
const MAX_COMPARED: usize = 120;

/// A path with the methods that it accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    pub methods: Vec<&'static str>,
    /// Parameters in braces: `/repository/find/{datatype}`.
    pub path: String,
}

/// A router that knows its routes.
pub struct Routes<S = ()> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    #[expect(clippy::new_without_default, reason = "no caller needs a default")]
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            list: Vec::new(),
        }
    }

    /// Registers a handler. `methods` are separated by spaces: `"POST PUT"`.
    ///
    /// # Panics
    /// If a method is unknown or the route exists already: both are errors in the table, which every start reveals.
    #[must_use]
    pub fn route<H, T>(mut self, methods: &'static str, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = methods
            .split(' ')
            .map(|name| {
                let method = Method::from_bytes(name.as_bytes()).expect("a method's name");
                MethodFilter::try_from(method).expect("a method that axum routes")
            })
            .reduce(MethodFilter::or)
            .expect("at least one method");
        self.router = self.router.route(path, on(filter, handler));
        self.add(methods, path);
        self
    }

    /// Registers a handler for all methods. The list shows those that clients use.
    #[must_use]
    pub fn any<H, T>(mut self, listed: &'static str, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.router = self.router.route(path, any(handler));
        self.add(listed, path);
        self
    }

    fn add(&mut self, methods: &'static str, path: &str) {
        let path = path.replace("{*", "{");
        let methods = methods.split(' ');
        match self.list.iter_mut().find(|route| route.path == path) {
            Some(route) => route.methods.extend(methods),
            None => self.list.push(Route {
                methods: methods.collect(),
                path,
            }),
        }
    }

    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let mut list = self.list;
        list.extend(other.list);
        Self {
            router: self.router.merge(other.router),
            list,
        }
    }

    /// Gives the handlers their state.
    pub fn with_state(self, state: S) -> Routes {
        Routes {
            router: self.router.with_state(state),
            list: self.list,
        }
    }
}

impl Routes {
    /// The same routes below a prefix, which may be empty.
    #[must_use]
    pub(crate) fn below(self, prefix: &str) -> Self {
        if prefix.is_empty() {
            return self;
        }
        let path = |route: Route| Route {
            path: format!("{prefix}{}", route.path),
            ..route
        };
        Self {
            router: Router::new().nest(prefix, self.router),
            list: self.list.into_iter().map(path).collect(),
        }
    }

    /// The router and its list.
    pub(crate) fn into_parts(self) -> (Router, Vec<Route>) {
        (self.router, self.list)
    }
}

/// Answers requests that no route serves with the most similar routes.
pub(crate) async fn unknown(routes: Arc<[Route]>, request: Request) -> Refusal {
    let (method, path) = (request.method().as_str(), request.uri().path());
    let near = near(&routes, method, path);
    let mut message = format!("there is no route {method} {path}");
    if !near.is_empty() {
        message.push_str("; similar: ");
        message.push_str(&near.join(", "));
    }
    Refusal::new(StatusCode::NOT_FOUND, "unknown_route", message)
}

/// Answers requests for an existing path with a method that it does not accept.
pub(crate) async fn wrong_method(request: Request) -> Refusal {
    let message = format!(
        "{} does not accept {}",
        request.uri().path(),
        request.method()
    );
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
    )
}

fn near(routes: &[Route], method: &str, path: &str) -> Vec<String> {
    let path: String = path.chars().take(MAX_COMPARED).collect();
    let mut scored: Vec<(f64, &Route)> = routes
        .iter()
        .map(|route| (similarity(&path, &route.path), route))
        .filter(|(score, _)| *score >= NEAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .take(SUGGESTIONS)
        .map(|(_, route)| {
            let same = route.methods.iter().find(|own| **own == method);
            let method = same.unwrap_or(&route.methods[0]);
            format!("{method} {}", route.path)
        })
        .collect()
}

/// How similar a path is to a route, from 0 to 1. A parameter of the route is similar to any segment.
fn similarity(path: &str, route: &str) -> f64 {
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

    async fn handler() {}

    fn routes() -> Vec<Route> {
        let routes: Routes = Routes::new()
            .route("POST", "/repository/find/{datatype}", handler)
            .route("GET", "/automation/flows/{id}", handler)
            .route("PUT DELETE", "/automation/flows/{id}", handler)
            .route("POST", "/automation/flows/create", handler)
            .route("GET", "/files/{*path}", handler);
        routes.below("").into_parts().1
    }

    #[test]
    fn a_path_is_listed_once_with_all_its_methods() {
        let list = routes();
        let flow = list.iter().find(|r| r.path == "/automation/flows/{id}");
        assert_eq!(flow.unwrap().methods, ["GET", "PUT", "DELETE"]);
        assert_eq!(list.last().unwrap().path, "/files/{path}");
    }

    #[test]
    fn a_mistyped_route_suggests_the_nearest() {
        let near = |method, path| near(&routes(), method, path)[0].clone();
        assert_eq!(
            near("POST", "/repositry/find/contact"),
            "POST /repository/find/{datatype}"
        );
        assert_eq!(
            near("POST", "/automation/flow/create"),
            "POST /automation/flows/create"
        );
        assert_eq!(
            near("DELETE", "/automation/flow/x"),
            "DELETE /automation/flows/{id}"
        );
    }

    #[test]
    fn a_path_that_resembles_no_route_gets_no_suggestion() {
        let none = Vec::<String>::new();
        assert_eq!(near(&routes(), "GET", "/favicon.ico"), none);
        assert_eq!(near(&routes(), "GET", &"/x".repeat(100_000)), none);
    }
}
