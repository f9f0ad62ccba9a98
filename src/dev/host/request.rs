//! Request bodies as JSON, within limits. Anything else is refused.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use serde_json::{Map, Value};

use super::refusal::{Lints, Refusal};
use crate::json::kind_of;
use crate::serve::{self, BodyError, BodyLimits};

/// A request's body as a JSON object. A missing body counts as an empty object.
pub struct JsonObject(pub Map<String, Value>);

/// A request's body as any JSON value. A missing body counts as `null`.
pub struct JsonBody(pub Value);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let JsonBody(value) = JsonBody::from_request(request, state).await?;
        match value {
            Value::Object(object) => Ok(Self(object)),
            Value::Null => Ok(Self(Map::new())),
            other => Err(Refusal::bad_request(
                "bad_body",
                format!("the body must be a JSON object, not {}", kind_of(&other)),
            )),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let bytes = serve::read_body(body, &BodyLimits::default()).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Value::Null));
        }
        let is_json = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        if !is_json && let Some(lints) = parts.extensions.get::<Lints>() {
            lints.add("content-type is not application/json: this platform reads the body as JSON anyway, the real one does not");
        }
        parse(&bytes).map(Self)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let code = match &error {
            BodyError::TooLarge { .. } => "body_too_large",
            BodyError::TooSlow => "body_too_slow",
            BodyError::TooManyPieces => "body_in_crumbs",
            BodyError::Broken(_) => "broken_body",
        };
        Self::new(error.status(), code, error.to_string())
    }
}

fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.to_string().starts_with("recursion limit exceeded") {
            return Refusal::bad_request(
                "too_deep",
                "the body is nested more than 127 levels deep",
            );
        }
        Refusal::bad_request(
            "bad_json",
            format!("the body is not JSON: {error}").replace(
                &format!(" at line {line} column {column}"),
                &format!(" (line {line}, column {column})"),
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_invalid_json_has_its_position() {
        let refusal = parse(b"{\"a\": }").unwrap_err();
        assert_eq!(refusal.code, "bad_json");
        assert!(refusal.message.contains("line 1, column 7"), "{refusal:?}");
    }

    #[test]
    fn a_hundred_thousand_levels_are_refused_without_a_stack_overflow() {
        let deep = "[".repeat(100_000);
        assert_eq!(parse(deep.as_bytes()).unwrap_err().code, "too_deep");
    }
}
