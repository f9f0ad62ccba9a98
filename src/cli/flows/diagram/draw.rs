//! Draws a flow with boxes. The run goes down; each branch of a condition is indented until the branches meet.

use std::collections::VecDeque;

use super::chart::{Chart, Step};
use crate::ui::{Cell, Glyphs, Style, Ui, fitted};

/// The narrowest box of a branch. A branch with less room is drawn below.
const NARROWEST: usize = 28;

/// The lines of the diagram of a flow, of at most `width` columns.
pub(super) fn lines(chart: &Chart, ui: &Ui, width: usize) -> Vec<String> {
    let mut drawing = Drawing {
        chart,
        ui,
        glyphs: ui.glyphs(),
        width,
        lines: Vec::new(),
        is_drawn: vec![false; chart.steps.len()],
        joins: Vec::new(),
        below: VecDeque::new(),
    };
    drawing.start();
    drawing.run(Some(0), None, "", true);
    while let Some(index) = drawing.below.pop_front() {
        if !drawing.is_drawn[index] {
            drawing.lines.push(String::new());
            drawing.run(Some(index), None, "", false);
        }
    }
    drawing.never_reached();
    drawing.lines
}

struct Drawing<'a> {
    chart: &'a Chart,
    ui: &'a Ui,
    glyphs: &'static Glyphs,
    width: usize,
    lines: Vec<String>,
    is_drawn: Vec<bool>,
    /// Steps at which branches meet that are being drawn.
    joins: Vec<usize>,
    /// Steps whose branch has no room for a box.
    below: VecDeque<usize>,
}

impl Drawing<'_> {
    /// Name and triggers.
    fn start(&mut self) {
        for line in fitted(&self.chart.name, self.width) {
            self.lines.push(self.ui.paint(Style::Strong, &line));
        }
        for note in &self.chart.notes {
            self.lines.push(self.ui.paint(Style::Dim, note));
        }
        let mut cells = Vec::new();
        for (position, trigger) in self.chart.triggers.iter().enumerate() {
            let mut lines = trigger.iter();
            let or = if position > 0 { "or " } else { "" };
            cells.extend(
                lines
                    .next()
                    .map(|kind| Cell::styled(Style::Name, format!("{or}{kind}"))),
            );
            cells.extend(lines.map(|line| Cell::from(format!("  {line}"))));
        }
        if cells.is_empty() {
            cells.push(Cell::styled(Style::Dim, "no trigger, runs by hand"));
        }
        cells.extend(
            self.chart
                .conditions
                .iter()
                .map(|line| Cell::from(line.as_str())),
        );
        self.lines.extend(self.ui.boxed(&cells, self.width));
    }

    /// Draws steps until the run ends, or `stop`, at which branches meet. Returns whether it is reached.
    fn run(&mut self, from: Option<usize>, stop: Option<usize>, indent: &str, arrow: bool) -> bool {
        let mut at = from;
        let mut arrow = arrow;
        loop {
            let glyphs = self.glyphs;
            let Some(index) = at else {
                self.push(indent, &format!("  {} end", glyphs.end));
                return false;
            };
            if at == stop {
                return true;
            }
            if self.is_drawn[index] {
                self.push(indent, &format!("  {} step {}", glyphs.up, index + 1));
                return false;
            }
            if self.joins.contains(&index) || self.below.contains(&index) {
                self.push(indent, &format!("  {} step {}", glyphs.down, index + 1));
                return false;
            }
            if arrow {
                self.push(indent, &format!("  {}", glyphs.down));
            }
            arrow = true;
            let step = &self.chart.steps[index];
            self.is_drawn[index] = true;
            self.step(step, index, indent);
            if step.kind == "end" {
                return false;
            }
            if let Some([event, limit]) = &step.ends {
                self.label(indent, &format!("on {event}"));
                self.label(indent, &format!("or after {limit} without it"));
            }
            at = match step.otherwise {
                None => step.next,
                Some(otherwise) => self.branches(step.next, otherwise, indent),
            };
        }
    }

    fn step(&mut self, step: &Step, index: usize, indent: &str) {
        if step.kind == "end" {
            let end = format!("  {} {} end", self.glyphs.end, index + 1);
            self.push(indent, &end);
            return;
        }
        let mut cells = vec![Cell::styled(Style::Name, title(step, index))];
        cells.extend(
            step.facts
                .iter()
                .map(|fact| Cell::from(format!("  {fact}"))),
        );
        for line in self.ui.boxed(&cells, self.room(indent)) {
            self.push(indent, &line);
        }
    }

    /// Draws the branches of a condition and returns the step at which the drawing continues without indent: the one at which the
    /// branches meet, or else the longer branch.
    fn branches(&mut self, yes: Option<usize>, no: Option<usize>, indent: &str) -> Option<usize> {
        let trunk = self.meeting(yes, no).unwrap_or_else(|| {
            match self.reach(yes, None).len() > self.reach(no, None).len() {
                true => yes,
                false => no,
            }
        });
        self.joins.extend(trunk);
        let sides = [("true", yes), ("false", no)];
        let glyphs = self.glyphs;
        let inner = format!("{indent}  {} ", glyphs.line);
        let room = self.room(&inner);
        for (label, target) in sides.into_iter().filter(|(_, target)| *target != trunk) {
            let label = format!("  {} {}", glyphs.branch, self.ui.paint(Style::Dim, label));
            match target {
                Some(index) if room < NARROWEST && !self.is_drawn[index] => {
                    self.push(
                        indent,
                        &format!("{label}  {} step {}", glyphs.down, index + 1),
                    );
                    self.below.push_back(index);
                }
                _ => {
                    self.push(indent, &label);
                    if self.run(target, trunk, &inner, false) {
                        self.push(indent, &format!("  {}", glyphs.merge));
                    }
                }
            }
        }
        for (label, _) in sides.into_iter().filter(|(_, target)| *target == trunk) {
            self.label(indent, label);
        }
        self.joins.truncate(self.joins.len() - trunk.iter().len());
        trunk
    }

    /// The first step that every way from both branches to the end of the run passes.
    fn meeting(&self, yes: Option<usize>, no: Option<usize>) -> Option<Option<usize>> {
        let (from_yes, from_no) = (self.reach(yes, None), self.reach(no, None));
        let common = from_yes.iter().filter(|index| from_no.contains(index));
        let avoids = |index: usize| {
            let ways = [self.reach(yes, Some(index)), self.reach(no, Some(index))];
            let ends = |step: &usize| self.chart.steps[*step].ends_run();
            yes.is_none() || no.is_none() || ways.iter().flatten().any(ends)
        };
        let mut common = common.copied();
        common.find(|index| !avoids(*index)).map(Some)
    }

    /// The steps that are reached from a step and not drawn yet, the nearest first. `without` is left out.
    fn reach(&self, from: Option<usize>, without: Option<usize>) -> Vec<usize> {
        let mut seen = self.is_drawn.clone();
        let mut reached = Vec::new();
        let mut open: VecDeque<usize> = from.into_iter().collect();
        while let Some(index) = open.pop_front() {
            if Some(index) != without && !std::mem::replace(&mut seen[index], true) {
                reached.push(index);
                open.extend(self.chart.steps[index].targets());
            }
        }
        reached
    }

    fn never_reached(&mut self) {
        let reached = self.chart.reached();
        let steps = self.chart.steps.iter().enumerate();
        let lost = steps.filter(|(index, _)| !reached[*index]);
        let lost = lost.flat_map(|(index, step)| fitted(&title(step, index), self.width - 2));
        let lost: Vec<String> = lost.map(|line| format!("  {line}")).collect();
        if !lost.is_empty() {
            self.lines.push(String::new());
            self.lines.push(self.ui.paint(Style::Warn, "never reached"));
            self.lines.extend(lost);
        }
    }

    /// A label next to the line that leads to the next step.
    fn label(&mut self, indent: &str, text: &str) {
        let line = self.glyphs.line;
        for text in fitted(text, self.room(indent).saturating_sub(4)) {
            self.push(
                indent,
                &format!("  {line} {}", self.ui.paint(Style::Dim, &text)),
            );
        }
    }

    fn room(&self, indent: &str) -> usize {
        // Every character of an indent is one column wide.
        self.width.saturating_sub(indent.chars().count())
    }

    fn push(&mut self, indent: &str, line: &str) {
        self.lines.push(format!("{indent}{line}"));
    }
}

/// `2 send_webhook  Tell the bridge`
pub(super) fn title(step: &Step, index: usize) -> String {
    let name = step
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!("  {name}"));
    format!("{} {}{name}", index + 1, step.kind)
}
