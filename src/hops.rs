//! `x-evt-hops`: how many evt processes have passed an event on. Processes that send events to each other stop at a limit.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header between evt processes. The first process that sends an event sets it to 1.
pub const HEADER: HeaderName = HeaderName::from_static("x-evt-hops");
/// The largest value that a process sends. A request with a larger value is refused.
pub const MAX: u32 = 8;
/// The code of the refusal.
pub const CODE: &str = "loop_detected";
/// Why a request is refused.
pub const REASON: &str =
    "8 evt processes have passed this event on, so they probably send it to each other in a loop";

/// Returns the hops of a request: 0 without the header. If the header is repeated, the largest value counts.
pub fn of(headers: &HeaderMap) -> u32 {
    let values = headers.get_all(HEADER);
    let numbers = values.iter().filter_map(|value| {
        let text = value.to_str().ok()?.trim();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that is too large for the type is over the limit, too.
        is_number.then(|| text.parse().unwrap_or(u32::MAX))
    });
    numbers.max().unwrap_or(0)
}

/// Returns whether an event that arrived with these headers may be passed on.
pub fn may_pass_on(headers: &HeaderMap) -> bool {
    of(headers) < MAX
}

/// Sets the value for the next process, at most [`MAX`].
pub fn set(headers: &mut HeaderMap, hops: u32) {
    headers.insert(HEADER, HeaderValue::from(hops.min(MAX)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_largest_number_counts_and_other_text_is_ignored() {
        for (values, expected) in [
            (&[][..], 0),
            (&["3"], 3),
            (&[" 3 "], 3),
            (&["2", "7", "1"], 7),
            (&["", "-1", "+2", "x", "1.5"], 0),
            (&["99999999999999999999"], u32::MAX),
        ] {
            assert_eq!(of(&headers(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn an_event_is_passed_on_up_to_the_limit() {
        assert!(may_pass_on(&headers(&["7"])));
        assert!(!may_pass_on(&headers(&["8"])));
        let mut next = headers(&["1", "2"]);
        set(&mut next, 3);
        assert_eq!(next.get_all(HEADER).iter().count(), 1);
        assert_eq!(of(&next), 3);
    }
}
