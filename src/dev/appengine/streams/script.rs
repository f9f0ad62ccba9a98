//! The scripts of agents. Errors in a document have their path.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::dev::host::sse::LineEnd;
use crate::json::kind_of;
use crate::time;

/// Maximum number of agents in a document, and of loaded agents.
pub(super) const MAX_AGENTS: usize = 200;
/// Maximum number of steps of an agent, including those inside `repeat`.
const MAX_STEPS: usize = 10_000;
/// Maximum nesting of `repeat`.
const MAX_DEPTH: usize = 8;

/// Why a document is refused. `at` is a path such as `agents.support.steps[3]`.
#[derive(Debug, Error)]
pub(super) enum ScriptError {
    #[error("`{at}` must be {expected}, not {found}")]
    WrongKind {
        at: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("`{at}`: {reason}")]
    Wrong { at: String, reason: String },
    #[error("`{at}` repeats forever without a delay")]
    Spins { at: String },
    #[error("`{at}` has more than {limit} {what}")]
    TooMany {
        at: String,
        what: &'static str,
        limit: usize,
    },
}

/// How an agent answers.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) about: String,
    /// The delay before each frame.
    pub(super) pace: Duration,
    /// The value of `retry`: milliseconds that a reader waits before it reconnects.
    pub(super) retry: Option<u64>,
    pub(super) framing: Framing,
    /// Whether an `end` frame follows the last step.
    pub(super) ends: bool,
    pub(super) steps: Vec<Step>,
}

/// How frames are written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Framing {
    #[serde(deserialize_with = "line_end")]
    pub(super) line_end: LineEnd,
    /// Start every response with a byte order mark.
    pub(super) bom: bool,
    /// Write JSON over several `data` lines.
    pub(super) pretty: bool,
    /// Send this many bytes at a time.
    pub(super) piece: Option<NonZeroUsize>,
    /// Whether frames have ids. Without ids a reader cannot resume.
    pub(super) ids: bool,
}

impl Default for Framing {
    fn default() -> Self {
        Self {
            line_end: LineEnd::Lf,
            bom: false,
            pretty: false,
            piece: None,
            ids: true,
        }
    }
}

#[derive(Debug)]
pub(super) enum Step {
    Say(String),
    /// `None` means forever.
    Delay(Option<Duration>),
    Tool(Tool),
    Error(String),
    Event(CustomEvent),
    Comment(String),
    Retry(u64),
    Raw(String),
    /// The part of a frame that is sent before the connection breaks.
    Cut(String),
    /// `None` means forever.
    Repeat(Option<u64>, Vec<Step>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tool {
    pub(super) name: String,
    #[serde(default)]
    pub(super) input: Value,
    #[serde(default)]
    pub(super) result: Value,
}

/// A frame that the author defines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomEvent {
    pub(super) event: Option<String>,
    pub(super) id: Option<String>,
    /// A string is sent as it is, any other value as JSON.
    #[serde(default)]
    pub(super) data: Value,
}

/// A step in a document: an object with one key.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    Say(String),
    Delay(String),
    Tool(Tool),
    Error(String),
    Event(CustomEvent),
    Comment(String),
    Retry(u64),
    Raw(String),
    Cut(Option<String>),
    Repeat(WrittenRepeat),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRepeat {
    times: Value,
    steps: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScript {
    #[serde(default)]
    about: String,
    pace: Option<String>,
    retry: Option<u64>,
    #[serde(default)]
    framing: Framing,
    end: Option<bool>,
    steps: Vec<Value>,
}

pub(super) type Agents = BTreeMap<String, Arc<Script>>;

/// The built-in agents.
pub(super) fn built_in() -> &'static Agents {
    static AGENTS: LazyLock<Agents> = LazyLock::new(|| {
        let document: Value = serde_saphyr::from_str(include_str!("agents.yaml"))
            .expect("a test reads the built-in agents");
        let fields = document.as_object().cloned().unwrap_or_default();
        read(fields).expect("a test reads the built-in agents")
    });
    &AGENTS
}

/// Reads `{agents: {id: {steps: […], …}, …}}`.
///
/// # Errors
/// [`ScriptError`] for anything malformed, unknown or too large: nothing is ignored.
pub(super) fn read(mut document: Map<String, Value>) -> Result<Agents, ScriptError> {
    let agents = document.remove("agents").unwrap_or_default();
    if let Some(other) = document.keys().next() {
        let reason = "the document must have one key, `agents`".to_owned();
        let at = other.clone();
        return Err(ScriptError::Wrong { at, reason });
    }
    let Value::Object(agents) = agents else {
        return Err(ScriptError::WrongKind {
            at: "agents".to_owned(),
            expected: "an object of agents by their ids",
            found: kind_of(&agents),
        });
    };
    if agents.len() > MAX_AGENTS {
        return Err(ScriptError::TooMany {
            at: "agents".to_owned(),
            what: "agents",
            limit: MAX_AGENTS,
        });
    }
    let read = agents.into_iter().map(|(id, agent)| {
        let at = format!("agents.{id}");
        Ok((id, Arc::new(script(agent, at)?)))
    });
    read.collect()
}

fn script(value: Value, at: String) -> Result<Script, ScriptError> {
    let written: WrittenScript = typed(value, &at)?;
    let pace = match written.pace {
        Some(text) => span(&text, &format!("{at}.pace"))?,
        None => Duration::ZERO,
    };
    let place = format!("{at}.steps");
    let mut budget = MAX_STEPS;
    let steps = steps(written.steps, &place, 0, &mut budget)?;
    check_rest(&steps, !pace.is_zero(), &place)?;
    Ok(Script {
        about: written.about,
        pace,
        retry: written.retry,
        framing: written.framing,
        ends: written
            .end
            .unwrap_or(!matches!(steps.last(), Some(Step::Error(_)))),
        steps,
    })
}

fn steps(
    values: Vec<Value>,
    at: &str,
    depth: usize,
    budget: &mut usize,
) -> Result<Vec<Step>, ScriptError> {
    let too_many = |what, limit| ScriptError::TooMany {
        at: at.to_owned(),
        what,
        limit,
    };
    if depth > MAX_DEPTH {
        return Err(too_many("nested repeats", MAX_DEPTH));
    }
    *budget = budget
        .checked_sub(values.len())
        .ok_or_else(|| too_many("steps", MAX_STEPS))?;
    let numbered = values.into_iter().enumerate();
    numbered
        .map(|(index, value)| step(value, format!("{at}[{index}]"), depth, budget))
        .collect()
}

fn step(value: Value, at: String, depth: usize, budget: &mut usize) -> Result<Step, ScriptError> {
    Ok(match typed(value, &at)? {
        Written::Say(text) => Step::Say(text),
        Written::Delay(text) if text == "forever" => Step::Delay(None),
        Written::Delay(text) => Step::Delay(Some(span(&text, &at)?)),
        Written::Tool(tool) => Step::Tool(tool),
        Written::Error(text) => Step::Error(text),
        Written::Event(event) => Step::Event(event),
        Written::Comment(text) => Step::Comment(text),
        Written::Retry(millis) => Step::Retry(millis),
        Written::Raw(text) => Step::Raw(text),
        Written::Cut(partial) => Step::Cut(partial.unwrap_or_default()),
        Written::Repeat(repeat) => {
            let times = match &repeat.times {
                Value::String(word) if word == "forever" => None,
                Value::Number(times) if times.is_u64() => times.as_u64(),
                other => {
                    let reason = format!("`times` accepts a number or `forever`, not {other}");
                    return Err(ScriptError::Wrong { at, reason });
                }
            };
            let inner = steps(
                repeat.steps,
                &format!("{at}.repeat.steps"),
                depth + 1,
                budget,
            )?;
            Step::Repeat(times, inner)
        }
    })
}

/// Refuses a loop that would occupy its thread forever.
fn check_rest(steps: &[Step], is_paced: bool, at: &str) -> Result<(), ScriptError> {
    for (index, step) in steps.iter().enumerate() {
        if let Step::Repeat(times, inner) = step {
            let at = format!("{at}[{index}]");
            if times.is_none() && !rests(inner, is_paced) {
                return Err(ScriptError::Spins { at });
            }
            check_rest(inner, is_paced, &format!("{at}.repeat.steps"))?;
        }
    }
    Ok(())
}

fn rests(steps: &[Step], is_paced: bool) -> bool {
    steps.iter().any(|step| match step {
        Step::Delay(delay) => delay.is_none_or(|delay| !delay.is_zero()),
        Step::Repeat(times, inner) => *times != Some(0) && rests(inner, is_paced),
        Step::Say(_) | Step::Tool(_) | Step::Error(_) | Step::Event(_) => is_paced,
        Step::Comment(_) | Step::Retry(_) | Step::Raw(_) | Step::Cut(_) => false,
    })
}

fn typed<T: serde::de::DeserializeOwned>(value: Value, at: &str) -> Result<T, ScriptError> {
    serde_json::from_value(value).map_err(|error| ScriptError::Wrong {
        at: at.to_owned(),
        reason: error.to_string(),
    })
}

fn span(text: &str, at: &str) -> Result<Duration, ScriptError> {
    time::duration(text).ok_or_else(|| ScriptError::Wrong {
        at: at.to_owned(),
        reason: format!("`{text}` is not a time; write `20ms`, `2s` or `forever`"),
    })
}

fn line_end<'de, D: Deserializer<'de>>(from: D) -> Result<LineEnd, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Lf,
        Cr,
        CrLf,
        Mixed,
    }
    Ok(match Word::deserialize(from)? {
        Word::Lf => LineEnd::Lf,
        Word::Cr => LineEnd::Cr,
        Word::CrLf => LineEnd::CrLf,
        Word::Mixed => LineEnd::Mixed,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(agent: Value) -> String {
        let document = json!({ "agents": { "a": agent } });
        let fields = document.as_object().unwrap().clone();
        read(fields).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_agents_can_be_read() {
        let names: Vec<&str> = built_in().keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "assistant",
                "cut",
                "endless",
                "error",
                "malformed",
                "odd",
                "silent",
                "slow",
                "tools"
            ]
        );
    }

    #[test]
    fn an_error_has_its_path() {
        for (agent, told) in [
            (json!(7), "`agents.a`: invalid type"),
            (json!({}), "`agents.a`: missing field `steps`"),
            (
                json!({"steps": [], "pcae": "1ms"}),
                "unknown field `pcae`, expected one of",
            ),
            (
                json!({"steps": [{"say": "x"}, {"sya": "x"}]}),
                "`agents.a.steps[1]`: unknown variant `sya`, expected one of `say`",
            ),
            (
                json!({"steps": [{"repeat": {"times": 2, "steps": [{"delay": "2 days"}]}}]}),
                "`agents.a.steps[0].repeat.steps[0]`: `2 days` is not a time",
            ),
            (
                json!({"steps": [{"repeat": {"times": -1, "steps": []}}]}),
                "`agents.a.steps[0]`: `times` accepts a number or `forever`, not -1",
            ),
        ] {
            let error = refused(agent);
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_loop_without_a_delay_is_refused() {
        let spinning = json!({"repeat": {"times": "forever", "steps": [{"say": "x"}]}});
        assert!(refused(json!({"steps": [spinning]})).contains("without a delay"));
    }

    #[test]
    fn steps_and_nesting_are_limited() {
        let many = vec![json!({"say": "x"}); MAX_STEPS + 1];
        assert!(refused(json!({"steps": many})).contains("more than 10000 steps"));
        let mut step = json!({"say": "x"});
        for _ in 0..20 {
            step = json!({"repeat": {"times": 1, "steps": [step]}});
        }
        assert!(refused(json!({"steps": [step]})).contains("more than 8 nested repeats"));
    }
}
