//! Fits text to the width of a terminal. Lines are broken at spaces only, and never inside a date, so that people can read and copy
//! ids, dates and URLs.

use console::measure_text_width;

/// The spaces between two columns.
pub(super) const GAP: usize = 2;

/// How a table fits a width.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The width of each column; `None` if its cells are printed below their row.
    pub(super) columns: Vec<Option<usize>>,
}

/// Lays out a table. `rows` includes the headings. A column whose words do not fit is moved below the rows, the widest first;
/// the first column always stays.
pub(super) fn layout(rows: &[Vec<&str>], width: usize) -> Layout {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column).copied());
    let natural: Vec<usize> = (0..count)
        .map(|column| cells(column).map(measure_text_width).max().unwrap_or(0))
        .collect();
    let minimum: Vec<usize> = (0..count)
        .map(|column| cells(column).map(widest_piece).max().unwrap_or(0))
        .collect();
    let mut kept: Vec<usize> = (0..count).collect();
    let gaps = |kept: &[usize]| GAP * kept.len().saturating_sub(1);
    while kept.len() > 1
        && kept.iter().map(|column| minimum[*column]).sum::<usize>() + gaps(&kept) > width
    {
        let widest = kept
            .iter()
            .skip(1)
            .copied()
            .max_by_key(|column| minimum[*column]);
        kept.retain(|column| Some(*column) != widest);
    }
    let mut columns = vec![None; count];
    let mut free = width.saturating_sub(gaps(&kept));
    free = free.saturating_sub(kept.iter().map(|column| minimum[*column]).sum());
    // Columns that need little get all they need; the others share the rest.
    kept.sort_by_key(|column| natural[*column].saturating_sub(minimum[*column]));
    for (position, column) in kept.iter().enumerate() {
        let wanted = natural[*column].saturating_sub(minimum[*column]);
        let more = wanted.min(free / (kept.len() - position));
        free -= more;
        columns[*column] = Some(minimum[*column] + more);
    }
    Layout { columns }
}

/// Breaks text into lines of at most `width` columns. A longer piece gets its own line. Lines after the first start
/// with `indent`.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let mut wrapped = String::new();
    let mut used = 0;
    for piece in pieces(text) {
        let length = measure_text_width(piece);
        if used > 0 && used + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(indent);
            // The first line's own indent is not part of `width`.
            used = indent.len().min(4);
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(piece);
        used += length;
    }
    wrapped
}

/// Like [`wrap`] for a line with leading spaces: the lines after the first are indented four spaces more.
pub(super) fn wrap_indented(line: &str, width: usize) -> String {
    let text = line.trim_start_matches(' ');
    let indent = " ".repeat(line.len() - text.len());
    let more = format!("{indent}    ");
    format!(
        "{indent}{}",
        wrap(text, width.saturating_sub(indent.len()), &more)
    )
}

fn widest_piece(text: &str) -> usize {
    pieces(text).map(measure_text_width).max().unwrap_or(0)
}

/// The parts of a text that are not broken: words, and dates with their time and offset (`2026-04-25 10:00:00 +02:00`).
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = |text: &str| text.find(' ').unwrap_or(text.len());
        let mut end = word(rest);
        let is_date = |text: &str| has_shape(text, "0000-00-00");
        for shape in ["00:00", "+00:00"] {
            let next = rest.get(end + 1..).unwrap_or_default();
            if is_date(&rest[..end]) && has_shape(next, shape) {
                end += 1 + word(next);
            }
        }
        let (piece, after) = rest.split_at(end);
        rest = after.strip_prefix(' ').unwrap_or(after);
        Some(piece)
    })
}

/// Whether a text starts with digits where `shape` has `0`, a sign where it has `+`, and its other characters.
fn has_shape(text: &str, shape: &str) -> bool {
    // Escape sequences of colours are ASCII, so a coloured date is not recognised, and may be broken at its space.
    text.len() >= shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'+' => byte == b'+' || byte == b'-',
                _ => byte == shape,
            })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_date_is_one_piece() {
        let text = "at 2026-04-25 10:00:00.000 +02:00 by contact-1";
        let found: Vec<&str> = pieces(text).collect();
        assert_eq!(
            found,
            ["at", "2026-04-25 10:00:00.000 +02:00", "by", "contact-1"]
        );
    }

    #[test]
    fn a_column_that_does_not_fit_is_printed_below_its_row() {
        let url = "https://hooks.example.com/services/T0001/B0002/abcdefghijklmnop";
        let rows = vec![vec!["name", "url", "state"], vec!["bridge", url, "enabled"]];
        assert_eq!(layout(&rows, 60).columns, [Some(6), None, Some(7)]);
        assert_eq!(layout(&rows, 100).columns, [Some(6), Some(63), Some(7)]);
    }

    #[test]
    fn free_text_is_wrapped_and_short_columns_keep_their_width() {
        let rows = vec![vec!["e_0001", "a sentence of many words that is long"]];
        assert_eq!(layout(&rows, 30).columns, [Some(6), Some(22)]);
    }

    proptest! {
        #[test]
        fn wrapping_keeps_every_word(words in prop::collection::vec("[a-z0-9/:.-]{1,90}", 1..12), width in 20usize..120) {
            let text = words.join(" ");
            let wrapped = wrap(&text, width, "  ");
            let kept: Vec<&str> = wrapped.split_whitespace().collect();
            prop_assert_eq!(kept, words.iter().map(String::as_str).collect::<Vec<_>>());
            for line in wrapped.lines() {
                prop_assert!(line.len() <= width || line.trim_start().find(' ').is_none());
            }
        }
    }
}
