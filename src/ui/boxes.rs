//! Boxes for diagrams, drawn with Unicode or with ASCII.

use console::measure_text_width;

use super::{Cell, Ui, layout, safe};

/// The characters of a diagram.
#[derive(Debug)]
pub struct Glyphs {
    pub line: &'static str,
    pub down: &'static str,
    pub up: &'static str,
    pub end: &'static str,
    pub branch: &'static str,
    pub merge: &'static str,
    horizontal: &'static str,
    corners: [&'static str; 4],
}

const UNICODE: Glyphs = Glyphs {
    line: "│",
    down: "▼",
    up: "↑",
    end: "■",
    branch: "├─",
    merge: "├───┘",
    horizontal: "─",
    corners: ["┌", "┐", "└", "┘"],
};
const ASCII: Glyphs = Glyphs {
    line: "|",
    down: "v",
    up: "^",
    end: "*",
    branch: "+-",
    merge: "+---+",
    horizontal: "-",
    corners: ["+", "+", "+", "+"],
};

impl Ui {
    /// The characters that the terminal can show.
    pub fn glyphs(&self) -> &'static Glyphs {
        match self.manner.unicode {
            true => &UNICODE,
            false => &ASCII,
        }
    }

    /// Draws a box of at most `width` columns and returns its lines. The text is escaped, and wrapped between words; a word that
    /// is wider than the box is broken.
    pub fn boxed(&self, cells: &[Cell], width: usize) -> Vec<String> {
        let glyphs = self.glyphs();
        let room = width.saturating_sub(4).max(1);
        let mut lines = Vec::new();
        for cell in cells {
            let pieces = fitted(&cell.text, room).into_iter();
            lines.extend(pieces.map(|text| (text, cell.style)));
        }
        let used = lines.iter().map(|(text, _)| measure_text_width(text));
        let used = used.max().unwrap_or(0);
        let [top_left, top_right, bottom_left, bottom_right] = glyphs.corners;
        let edge = glyphs.horizontal.repeat(used + 2);
        let mut drawn = vec![format!("{top_left}{edge}{top_right}")];
        for (text, style) in lines {
            let padding = " ".repeat(used - measure_text_width(&text));
            let text = match style {
                Some(style) => self.paint(style, &text),
                None => text,
            };
            drawn.push(format!("{0} {text}{padding} {0}", glyphs.line));
        }
        drawn.push(format!("{bottom_left}{edge}{bottom_right}"));
        drawn
    }
}

/// Escapes text and breaks it into lines of at most `room` columns: between words, and within a word that is wider.
pub fn fitted(text: &str, room: usize) -> Vec<String> {
    let wrapped = layout::wrap(&safe(text), room, "");
    wrapped
        .lines()
        .flat_map(|line| broken(line, room))
        .collect()
}

/// Breaks a line into pieces of at most `room` columns.
fn broken(line: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    let mut buffer = [0; 4];
    for character in line.chars() {
        let columns = measure_text_width(character.encode_utf8(&mut buffer));
        if used + columns > room && used > 0 {
            pieces.push(String::new());
            used = 0;
        }
        used += columns;
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Manner;

    fn ui(unicode: bool) -> Ui {
        Ui::new(Manner {
            unicode,
            ..Manner::default()
        })
    }

    #[test]
    fn a_box_is_as_wide_as_its_text() {
        let cells = [Cell::from("1 add_tag"), Cell::from("new")];
        let drawn = ui(true).boxed(&cells, 40).join("\n");
        assert_eq!(
            drawn,
            "┌───────────┐\n│ 1 add_tag │\n│ new       │\n└───────────┘"
        );
        let drawn = ui(false).boxed(&cells[1..], 40).join("\n");
        assert_eq!(drawn, "+-----+\n| new |\n+-----+");
    }

    #[test]
    fn no_line_is_wider_than_the_box() {
        let cells = [
            Cell::from("日本語のとても長い名前です and words"),
            Cell::from("x".repeat(50)),
            Cell::from("a\u{1b}[2J\nb"),
        ];
        for line in ui(true).boxed(&cells, 20) {
            assert!(measure_text_width(&line) <= 20, "{line}");
            assert!(!line.contains('\u{1b}'), "{line}");
        }
    }
}
