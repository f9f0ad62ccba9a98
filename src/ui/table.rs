//! Tables for people. They fit the width of the terminal; without one they are plain text.

use comfy_table::{Attribute, Color, Table, presets};

use super::layout::{self, GAP, Layout};
use super::{Style, safe};

/// One cell. Its text is escaped when the table is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub(super) text: String,
    pub(super) style: Option<Style>,
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

/// Draws a table. If it does not fit `width`, the width of the terminal, cells are wrapped between words, and columns whose words do
/// not fit are printed below their rows. No word is broken.
pub(super) fn draw(
    headings: &[&str],
    rows: Vec<Vec<Cell>>,
    width: Option<u16>,
    colour: bool,
) -> String {
    let headings: Vec<Cell> = headings
        .iter()
        .map(|heading| Cell::from(heading.to_uppercase()))
        .collect();
    let rows: Vec<Vec<Cell>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(escaped).collect())
        .collect();
    let Some(width) = width else {
        return lines(&headings, &rows, colour).join("\n");
    };
    let texts: Vec<Vec<&str>> = std::iter::once(&headings)
        .chain(&rows)
        .map(|row| row.iter().map(|cell| cell.text.as_str()).collect())
        .collect();
    let layout = layout::layout(&texts, usize::from(width));
    let fitted = |row: &Vec<Cell>| -> Vec<Cell> {
        let with_width = row.iter().zip(&layout.columns);
        with_width
            .filter_map(|(cell, width)| {
                Some(Cell {
                    text: layout::wrap(&cell.text, (*width)?, ""),
                    style: cell.style,
                })
            })
            .collect()
    };
    let narrow: Vec<Vec<Cell>> = rows.iter().map(fitted).collect();
    let drawn = lines(&fitted(&headings), &narrow, colour);
    if layout.columns.iter().all(Option::is_some) {
        return drawn.join("\n");
    }
    let width = usize::from(width);
    with_moved(&headings, &rows, &narrow, &layout, drawn, width, colour)
}

/// Inserts the cells of the columns that do not fit below their rows.
fn with_moved(
    headings: &[Cell],
    rows: &[Vec<Cell>],
    narrow: &[Vec<Cell>],
    layout: &Layout,
    drawn: Vec<String>,
    width: usize,
    colour: bool,
) -> String {
    let mut drawn = drawn.into_iter();
    let mut all = Vec::new();
    if has_headings(headings) {
        all.extend(drawn.next());
    }
    for (row, narrow) in rows.iter().zip(narrow) {
        let height = narrow.iter().map(|cell| cell.text.lines().count());
        all.extend(drawn.by_ref().take(height.max().unwrap_or(1).max(1)));
        let moved = row.iter().enumerate().filter(|(column, cell)| {
            matches!(layout.columns.get(*column), Some(None)) && !cell.text.is_empty()
        });
        for (column, cell) in moved {
            let heading = headings.get(column).map_or("", |heading| &heading.text);
            let label = match heading {
                "" => String::new(),
                heading => Style::Dim.paint(colour, &heading.to_lowercase()) + "  ",
            };
            let text = layout::wrap(&cell.text, width.saturating_sub(8), "        ");
            let text = match cell.style {
                Some(style) => style.paint(colour, &text),
                None => text,
            };
            all.push(format!("    {label}{text}"));
        }
    }
    all.join("\n")
}

/// Tables of names and values have empty headings.
fn has_headings(headings: &[Cell]) -> bool {
    headings.iter().any(|heading| !heading.text.is_empty())
}

fn lines(headings: &[Cell], rows: &[Vec<Cell>], colour: bool) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if colour {
        table.enforce_styling();
    }
    if has_headings(headings) {
        let bold =
            |heading: &Cell| comfy_table::Cell::new(&heading.text).add_attribute(Attribute::Bold);
        table.set_header(headings.iter().map(bold).collect::<Vec<_>>());
    }
    for row in rows {
        table.add_row(row.iter().map(drawn).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    let text = table.trim_fmt();
    text.lines().map(str::to_owned).collect()
}

fn escaped(cell: Cell) -> Cell {
    Cell {
        text: safe(&cell.text),
        ..cell
    }
}

fn drawn(cell: &Cell) -> comfy_table::Cell {
    let drawn = comfy_table::Cell::new(&cell.text);
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
