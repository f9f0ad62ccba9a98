//! The steps of a document and their links. Unlike [`super::compile`], it accepts steps that only another platform supports.

use serde_json::Value;

use super::document::{MAX_ENTRIES, unwrapped};
use super::reader::{DocumentError, Node};
use super::step::{Graph, Next};

/// A step as it is in the document.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a> {
    pub value: &'a Value,
    /// The index of the step after it; `None` if the run ends.
    pub next: Option<usize>,
    /// The step after a condition step whose condition does not hold. `None` for other steps.
    pub otherwise: Option<Option<usize>>,
}

/// Returns the steps of a document, or of a BaseModel that contains one.
///
/// # Errors
/// [`DocumentError`] if the steps are not a list of objects, two have the same id, or a link names no step.
pub fn outline(document: &Value) -> Result<Vec<Outline<'_>>, DocumentError> {
    let root = Node::root(unwrapped(document));
    let list = match root.any(&["actions", "steps"]) {
        Some(list) => list,
        None => root.need("actions")?,
    };
    let nodes = list.items(MAX_ENTRIES)?;
    let graph = Graph::of(&nodes, |node, index| {
        node.fields()?;
        match node.get("id") {
            Some(id) => Ok(id.text()?.to_owned()),
            None => Ok(format!("step-{}", index + 1)),
        }
    })?;
    let step = |(index, node): (usize, &Node<'_>)| {
        let kind = node.value["type"].as_str();
        let following = Some(index + 1).filter(|next| *next < nodes.len());
        let index_of = |next| match next {
            Next::Following => following,
            Next::Step(index) => Some(index),
            Next::End => None,
        };
        let otherwise = match kind {
            Some("condition") => Some(index_of(graph.otherwise(node)?)),
            _ => None,
        };
        let next = match kind {
            Some("end") => None,
            _ => index_of(graph.next_of(node)?),
        };
        Ok((next, otherwise))
    };
    let links: Vec<_> = nodes
        .iter()
        .enumerate()
        .map(step)
        .collect::<Result<_, _>>()?;
    let values = list.value.as_array().into_iter().flatten();
    Ok(values
        .zip(links)
        .map(|(value, (next, otherwise))| Outline {
            value,
            next,
            otherwise,
        })
        .collect())
}
