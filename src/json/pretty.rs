//! Indented JSON for display. Every token keeps its text, including digits and escapes.

/// Indents valid JSON by two spaces per level.
pub fn pretty(text: &str) -> String {
    let mut tokens = Vec::with_capacity(text.len());
    super::minify(text.as_bytes(), &mut tokens);
    let tokens = String::from_utf8(tokens).unwrap_or_else(|_| text.to_owned());
    let mut out = String::with_capacity(tokens.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut previous = ' ';
    let mut rest = tokens.chars().peekable();
    while let Some(token) = rest.next() {
        if in_string {
            out.push(token);
            in_string = escaped || token != '"';
            escaped = !escaped && token == '\\';
            continue;
        }
        match token {
            '{' | '[' => {
                depth += 1;
                out.push(token);
                if !matches!(rest.peek(), Some('}' | ']')) {
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !matches!(previous, '{' | '[') {
                    new_line(&mut out, depth);
                }
                out.push(token);
            }
            ',' => {
                out.push(token);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = token == '"';
                out.push(token);
            }
        }
        previous = token;
    }
    out
}

/// Deeper levels are not indented further: otherwise the output would grow with the square of the depth.
const DEEPEST: usize = 40;

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth.min(DEEPEST) {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_unchanged() {
        let text = r#"{"a":{},"b": [ ],"c":[1.00,"x,{}\"\u00e9"],"d":12345678901234567890}"#;
        let indented = "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    1.00,\n    \"x,{}\\\"\\u00e9\"\n  ],\n  \"d\": 12345678901234567890\n}";
        assert_eq!(pretty(text), indented);
    }

    #[test]
    fn output_grows_linearly_with_depth() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(pretty(&deep).len() < deep.len() * 100);
    }
}
