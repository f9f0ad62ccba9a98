//! Describes an exchange for the store: when, how long, and what the target answered.

use std::error::Error;

use super::{Answer, DialError};
use crate::attempt::Attempt;
use crate::time::Timestamp;

/// The attempt that ended with `result`. The headers of an answer are moved into it; its body stays.
pub fn attempt(started_at: Timestamp, result: &mut Result<Answer, DialError>) -> Attempt {
    match result {
        Ok(answer) => Attempt::answered(
            started_at,
            answer.took,
            answer.status,
            std::mem::take(&mut answer.headers),
            &answer.body,
            answer.truncated,
        ),
        Err(error) => {
            let took = Timestamp::now().since(started_at);
            Attempt::failed(started_at, took, &with_causes(error))
        }
    }
}

/// An error and its causes on one line.
fn with_causes(error: &DialError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        let more = current.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = current.source();
    }
    text
}
