//! Sets of HTTP statuses: `2xx`, `200`, `4xx,503`, `200-204`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::GrammarError;

const EXPECTED: &str = "a list of statuses: 2xx, 200, 200-204, or several separated by commas";

/// A set of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses {
    written: String,
    ranges: Vec<RangeInclusive<u16>>,
}

impl Statuses {
    pub fn contains(&self, status: u16) -> bool {
        self.ranges.iter().any(|range| range.contains(&status))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Statuses {
    type Err = GrammarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut at = 0;
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let wrong = || GrammarError {
                at: Some(at),
                ..GrammarError::new(text, EXPECTED)
            };
            ranges.push(range(part.trim()).ok_or_else(wrong)?);
            at += part.chars().count() + 1;
        }
        Ok(Self {
            written: text.to_owned(),
            ranges,
        })
    }
}

fn range(part: &str) -> Option<RangeInclusive<u16>> {
    if let Some(class) = part.strip_suffix("xx").or_else(|| part.strip_suffix("XX")) {
        let first = status(&format!("{class}00"))?;
        return Some(first..=first + 99);
    }
    match part.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (status(first)?, status(last)?);
            (first <= last).then_some(first..=last)
        }
        None => status(part).map(|status| status..=status),
    }
}

fn status(text: &str) -> Option<u16> {
    let is_number = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let status: u16 = text.parse().ok().filter(|_| is_number)?;
    (100..=599).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_ranges_and_single_statuses_can_be_combined() {
        let statuses: Statuses = "2xx, 404,500-503".parse().unwrap();
        for inside in [200, 299, 404, 500, 503] {
            assert!(statuses.contains(inside), "{inside}");
        }
        for outside in [199, 300, 403, 405, 504] {
            assert!(!statuses.contains(outside), "{outside}");
        }
    }

    #[test]
    fn an_invalid_status_is_refused_with_the_position() {
        let cases = [
            ("", 0),
            ("2x", 0),
            ("200,", 4),
            ("9xx", 0),
            ("2xx,+20", 4),
            ("503-500", 0),
        ];
        for (text, at) in cases {
            let error = text.parse::<Statuses>().unwrap_err();
            assert_eq!(error.at, Some(at), "{text}");
        }
    }
}
