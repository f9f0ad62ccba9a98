//! Tables for people. They fit the width of the terminal; without one they are plain text.

use comfy_table::{Attribute, Color, ContentArrangement, Table, presets};

use super::{Style, safe};

/// One cell. Its text is escaped when the table is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Some(style),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            style: None,
        }
    }
}

/// Draws a table. Without `width`, the width of the terminal, rows are not wrapped.
pub(super) fn draw(
    headings: &[&str],
    rows: Vec<Vec<Cell>>,
    width: Option<u16>,
    colour: bool,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if colour {
        table.enforce_styling();
    }
    if let Some(width) = width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    // Tables of names and values have empty headings.
    if headings.iter().any(|heading| !heading.is_empty()) {
        let bold = |heading: &&str| {
            comfy_table::Cell::new(heading.to_uppercase()).add_attribute(Attribute::Bold)
        };
        table.set_header(headings.iter().map(bold).collect::<Vec<_>>());
    }
    for row in rows {
        table.add_row(row.into_iter().map(drawn).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

fn drawn(cell: Cell) -> comfy_table::Cell {
    let drawn = comfy_table::Cell::new(safe(&cell.text));
    match cell.style {
        None => drawn,
        Some(Style::Good) => drawn.fg(Color::DarkGreen),
        Some(Style::Bad) => drawn.fg(Color::DarkRed),
        Some(Style::Warn) => drawn.fg(Color::DarkYellow),
        Some(Style::Name) => drawn.fg(Color::DarkCyan),
        Some(Style::Dim) => drawn.add_attribute(Attribute::Dim),
        Some(Style::Strong) => drawn.add_attribute(Attribute::Bold),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec!["e_0001".into(), Cell::styled(Style::Good, "delivered")],
            vec![
                "e_0002".into(),
                "a sentence that is longer than thirty columns".into(),
            ],
        ]
    }

    #[test]
    fn a_table_without_a_terminal_has_one_plain_line_per_row() {
        assert_eq!(
            draw(&["ref", "outcome"], rows(), None, false),
            "REF     OUTCOME\ne_0001  delivered\ne_0002  a sentence that is longer than thirty columns"
        );
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let drawn = draw(&["ref", "outcome"], rows(), Some(30), false);
        assert!(
            drawn.lines().all(|line| line.chars().count() <= 30),
            "{drawn}"
        );
        assert!(drawn.lines().count() > 3, "{drawn}");
    }

    #[test]
    fn control_characters_in_a_cell_are_escaped() {
        let drawn = draw(&["name"], vec![vec!["\u{1b}[2Jx\ny".into()]], None, false);
        assert_eq!(drawn, "NAME\n\\u{1b}[2Jx\\ny");
    }
}
