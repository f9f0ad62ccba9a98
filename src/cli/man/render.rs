//! Renders a page for a terminal, for man(1) or for docs/commands.md.

use std::fmt::Write;

use super::page::{Block, Page};

/// Renders a page as text of at most `width` columns. `heading` styles a heading.
pub(super) fn text(page: &Page, width: usize, heading: impl Fn(&str) -> String) -> String {
    let mut out = format!(
        "{}\n    {} - {}\n",
        heading("NAME"),
        page.name,
        page.summary
    );
    for part in &page.parts {
        let title = match part.heading.starts_with("evt ") {
            true => part.heading.clone(),
            false => part.heading.to_uppercase(),
        };
        out.push('\n');
        out.push_str(&heading(&title));
        out.push('\n');
        for (position, block) in part.blocks.iter().enumerate() {
            if position > 0 {
                out.push('\n');
            }
            text_block(&mut out, block, width);
        }
    }
    out
}

fn text_block(out: &mut String, block: &Block, width: usize) {
    match block {
        Block::Text(text) => wrap(out, text, 4, width),
        Block::Code(lines) => {
            for line in lines {
                out.push_str("    ");
                out.push_str(line);
                out.push('\n');
            }
        }
        Block::Items(items) => {
            for (term, meaning) in items {
                out.push_str("    ");
                out.push_str(term);
                out.push('\n');
                wrap(out, meaning, 8, width);
            }
        }
    }
}

/// Wraps words to lines of at most `width` columns, indented by `indent` spaces. The result ends with a line ending.
pub(in crate::cli) fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut out = String::new();
    wrap(&mut out, text, indent, width);
    out
}

fn wrap(out: &mut String, text: &str, indent: usize, width: usize) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

/// Renders a page as roff with the man macros (groff_man(7)).
pub(super) fn roff(page: &Page) -> String {
    let mut out = String::new();
    let version = env!("CARGO_PKG_VERSION");
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        ".TH {} {} \"\" \"evt {version}\" \"evt manual\"",
        page.name.to_uppercase(),
        page.section
    );
    let _ = writeln!(
        out,
        ".SH NAME\n{} \\- {}",
        escaped(&page.name),
        escaped(&page.summary)
    );
    for part in &page.parts {
        let _ = writeln!(out, ".SH \"{}\"", escaped(&part.heading).to_uppercase());
        for block in &part.blocks {
            roff_block(&mut out, block);
        }
    }
    out
}

fn roff_block(out: &mut String, block: &Block) {
    match block {
        Block::Text(text) => {
            let _ = writeln!(out, ".PP\n{}", escaped(text));
        }
        Block::Code(lines) => {
            out.push_str(".PP\n.nf\n");
            for line in lines {
                let _ = writeln!(out, "{}", escaped(line));
            }
            out.push_str(".fi\n");
        }
        Block::Items(items) => {
            for (term, meaning) in items {
                let _ = writeln!(out, ".TP\n\\fB{}\\fR\n{}", escaped(term), escaped(meaning));
            }
        }
    }
}

/// Escapes text for roff: no line starts like a request, and `-` is a minus sign that can be copied.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

/// Renders a page as a chapter of docs/commands.md.
pub(super) fn markdown(page: &Page) -> String {
    let mut out = format!(
        "## {}\n\n{}.\n",
        page.name,
        page.summary.trim_end_matches('.')
    );
    for part in &page.parts {
        let _ = write!(out, "\n### {}\n", part.heading);
        for block in &part.blocks {
            out.push('\n');
            match block {
                Block::Text(text) => {
                    let _ = writeln!(out, "{}", text.replace('<', "\\<"));
                }
                Block::Code(lines) => {
                    let _ = writeln!(out, "```\n{}\n```", lines.join("\n"));
                }
                Block::Items(items) => {
                    for (term, meaning) in items {
                        let _ = writeln!(out, "* `{term}`: {}", meaning.replace('<', "\\<"));
                    }
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::page::Part;
    use super::*;

    fn page() -> Page {
        Page {
            name: "evt-x".to_owned(),
            section: 1,
            summary: "Do a thing".to_owned(),
            parts: vec![
                Part::new(
                    "Description",
                    vec![Block::Text("one two three four five".to_owned())],
                ),
                Part::new(
                    "Examples",
                    vec![Block::Code(vec![".evt \\x --port 1".to_owned()])],
                ),
                Part::new(
                    "Options",
                    vec![Block::Items(vec![(
                        "--port".to_owned(),
                        "Listen here.".to_owned(),
                    )])],
                ),
            ],
        }
    }

    #[test]
    fn a_page_on_a_terminal_is_wrapped_and_indented() {
        assert_eq!(
            text(&page(), 16, str::to_owned),
            "NAME\n    evt-x - Do a thing\n\nDESCRIPTION\n    one two\n    three four\n    five\n\nEXAMPLES\n    .evt \\x --port 1\n\nOPTIONS\n    --port\n        Listen\n        here.\n"
        );
    }

    #[test]
    fn a_line_of_code_is_not_a_roff_request() {
        let roff = roff(&page());
        assert!(roff.contains("\n\\&.evt \\ex \\-\\-port 1\n"), "{roff}");
        assert!(
            roff.contains("\n.TP\n\\fB\\-\\-port\\fR\nListen here.\n"),
            "{roff}"
        );
    }
}
