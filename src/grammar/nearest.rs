//! Suggestions for mistyped words.

/// The least Jaro-Winkler similarity (0 to 1) of a suggestion.
const SIMILAR: f64 = 0.78;

/// Returns the known word that is most similar to the typed one, if any is similar enough. Ignores letter case.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&typed, &word.to_lowercase()), word))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// The suggestion as the end of a message, if any.
pub(crate) fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |known| format!(" (did you mean `{known}`?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 3] = ["stripe", "standard-webhooks", "github"];

    #[test]
    fn a_mistyped_word_suggests_the_nearest() {
        assert_eq!(nearest("strpie", WORDS), Some("stripe"));
        assert_eq!(
            nearest("Standard-Webhook", WORDS),
            Some("standard-webhooks")
        );
    }

    #[test]
    fn a_word_without_a_similar_one_has_no_suggestion() {
        assert_eq!(nearest("zzz", WORDS), None);
        assert_eq!(nearest("", WORDS), None);
    }
}
