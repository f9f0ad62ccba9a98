//! The tokens of a body with its members in another order, or with its numbers in another form.

/// The most members whose every order is tried.
const MOST_PERMUTED: usize = 5;
/// The most numbers of which every choice is tried.
const MOST_NUMBERS: usize = 5;

type Tokens<'a> = Vec<&'a [u8]>;

/// A value, as the range of its tokens, and the members if it is an object.
struct Node<'a> {
    /// Name with its quotes, and value. Empty unless the value is an object.
    members: Vec<(&'a [u8], Node<'a>)>,
    items: Vec<Node<'a>>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Object,
    Array,
    Literal(&'a [u8]),
}

/// Reads the value at the start of the tokens of valid JSON, and returns the tokens after it.
fn read<'a, 't>(tokens: &'t [&'a [u8]]) -> Option<(Node<'a>, &'t [&'a [u8]])> {
    let (first, mut rest) = tokens.split_first()?;
    let mut node = Node {
        members: Vec::new(),
        items: Vec::new(),
        kind: match *first {
            b"{" => Kind::Object,
            b"[" => Kind::Array,
            literal => return Some((Node::literal(literal), rest)),
        },
    };
    loop {
        match rest.first()? {
            [b'}' | b']'] => return Some((node, &rest[1..])),
            [b','] => rest = &rest[1..],
            name if matches!(node.kind, Kind::Object) => {
                // The token after the name is the colon.
                let (value, after) = read(rest.get(2..)?)?;
                node.members.push((name, value));
                rest = after;
            }
            _ => {
                let (item, after) = read(rest)?;
                node.items.push(item);
                rest = after;
            }
        }
    }
}

impl<'a> Node<'a> {
    const fn literal(literal: &'a [u8]) -> Self {
        Self {
            members: Vec::new(),
            items: Vec::new(),
            kind: Kind::Literal(literal),
        }
    }

    fn write(&self, out: &mut Tokens<'a>) {
        match self.kind {
            Kind::Literal(literal) => out.push(literal),
            Kind::Object => {
                out.push(b"{");
                for (at, (name, value)) in self.members.iter().enumerate() {
                    if at > 0 {
                        out.push(b",");
                    }
                    out.extend([*name, b":"]);
                    value.write(out);
                }
                out.push(b"}");
            }
            Kind::Array => {
                out.push(b"[");
                for (at, item) in self.items.iter().enumerate() {
                    if at > 0 {
                        out.push(b",");
                    }
                    item.write(out);
                }
                out.push(b"]");
            }
        }
    }

    fn sort(&mut self) {
        self.members.sort_by_key(|(name, _)| *name);
        let members = self.members.iter_mut().map(|(_, value)| value);
        members.chain(self.items.iter_mut()).for_each(Self::sort);
    }
}

/// The body with its members in alphabetical order.
pub(super) fn sorted(tokens: &[&[u8]]) -> Option<(&'static str, Vec<Vec<u8>>)> {
    let (mut node, _) = read(tokens)?;
    node.sort();
    let mut sorted = Vec::with_capacity(tokens.len());
    node.write(&mut sorted);
    let changed = (sorted != tokens).then_some(sorted)?;
    let owned = changed.iter().map(|token| token.to_vec()).collect();
    Some(("with its members in alphabetical order", owned))
}

/// The body with the members of its root in every other order, if they are few.
pub(super) fn permuted<'a>(tokens: &[&'a [u8]]) -> Vec<Tokens<'a>> {
    let Some((mut root, _)) = read(tokens) else {
        return Vec::new();
    };
    let count = root.members.len();
    if count > MOST_PERMUTED {
        return Vec::new();
    }
    let mut orders = Vec::new();
    // Heap's algorithm: each step swaps two members.
    let mut counters = vec![0; count];
    let mut at = 1;
    while at < count {
        if counters[at] < at {
            let other = if at % 2 == 0 { 0 } else { counters[at] };
            root.members.swap(other, at);
            counters[at] += 1;
            at = 1;
            let mut order = Vec::with_capacity(tokens.len());
            root.write(&mut order);
            orders.push(order);
        } else {
            counters[at] = 0;
            at += 1;
        }
    }
    orders
}

/// The body with its numbers in other forms: `1.0` as `1`, `1` as `1.0`, `1e3` as `1000`.
pub(super) fn numbers(tokens: &[Vec<u8>]) -> Vec<(String, Vec<Vec<u8>>)> {
    let numbers: Vec<usize> = (0..tokens.len())
        .filter(|at| matches!(tokens[*at].first(), Some(b'-' | b'0'..=b'9')))
        .collect();
    let mut found = Vec::new();
    let mut add = |words: &str, change: &dyn Fn(&str) -> Option<String>, chosen: &[usize]| {
        let mut changed = tokens.to_vec();
        for at in chosen {
            let number = std::str::from_utf8(&tokens[*at]).ok();
            if let Some(text) = number.and_then(change) {
                changed[*at] = text.into_bytes();
            }
        }
        if changed != tokens {
            found.push((words.to_owned(), changed));
        }
    };
    add("with 1.0 written as 1", &shortest, &numbers);
    add("with 1e3 written as 1000", &plain, &numbers);
    for (digits, words) in [
        (".0", "with 1 written as 1.0"),
        (".00", "with 1 written as 1.00"),
    ] {
        let longer = |number: &str| {
            let is_whole = number
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_digit());
            is_whole.then(|| format!("{number}{digits}"))
        };
        add(words, &longer, &numbers);
        if numbers.len() > 1 && numbers.len() <= MOST_NUMBERS {
            // Not every number had them: an id is written without.
            for choice in 1_u32..(1 << numbers.len()) - 1 {
                let chosen: Vec<usize> = (0..numbers.len())
                    .filter(|bit| choice >> bit & 1 == 1)
                    .map(|bit| numbers[bit])
                    .collect();
                add(words, &longer, &chosen);
            }
        }
    }
    add(
        "with 1.5 written as 1.50",
        &|number| cents(number),
        &numbers,
    );
    found
}

/// Without zeros at the end of the fraction.
fn shortest(number: &str) -> Option<String> {
    let is_plain = number.contains('.') && !number.contains(['e', 'E']);
    let short = number.trim_end_matches('0').trim_end_matches('.');
    is_plain.then(|| short.to_owned())
}

/// Without an exponent.
fn plain(number: &str) -> Option<String> {
    if !number.contains(['e', 'E']) {
        return None;
    }
    let value: f64 = number.parse().ok()?;
    (value.abs() < 1e21).then(|| value.to_string())
}

/// With two digits after the point.
fn cents(number: &str) -> Option<String> {
    let (_, fraction) = number.split_once('.')?;
    (fraction.len() == 1).then(|| format!("{number}0"))
}
