//! The word that someone may have meant.

/// How alike two words must be, on the Jaro-Winkler scale of 0 to 1, before one is offered for the other.
const ALIKE: f64 = 0.78;

/// Returns the known word that is most like what was typed, if any is like it. Letter case does not matter.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&typed, &word.to_lowercase()), word))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 3] = ["stripe", "standard-webhooks", "github"];

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("strpie", WORDS), Some("stripe"));
        assert_eq!(
            nearest("Standard-Webhook", WORDS),
            Some("standard-webhooks")
        );
    }

    #[test]
    fn nothing_is_offered_for_a_word_that_is_like_none() {
        assert_eq!(nearest("zzz", WORDS), None);
        assert_eq!(nearest("", WORDS), None);
    }
}
