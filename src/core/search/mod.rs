//! Searching: what a person types, the matcher that is prepared of it, and what a hit shows.
//!
//! No SQL is made of it: a scan hands bytes to the [`Matcher`], and rows to the filters.

mod decode;
mod filter;
mod flat;
mod hit;
mod matcher;
mod rare;
mod snippet;

pub use decode::{Decoder, is_in_value};
pub use filter::{Facts, Filter, Has, Is};
pub use flat::Flat;
pub use hit::Hit;
pub use matcher::Matcher;
pub use snippet::{Snippet, marks, snippet};

/// How the text of a search is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mode {
    /// Upper and lower case differ.
    pub case: bool,
    /// The text is a regular expression.
    pub regex: bool,
}

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    /// None where only the filters choose.
    pub matcher: Option<Matcher>,
    pub filters: Vec<Filter>,
}

/// Why what was typed cannot be searched for: one sentence, with what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SearchError(pub(crate) String);

impl Search {
    /// Reads what a person types: a text, and among it filters such as `role:assistant` or `-has:tool`.
    ///
    /// A text that stands in double quotes as a whole is meant without them, also where it looks like a filter. None
    /// where nothing is typed.
    ///
    /// # Errors
    /// For a filter's value that means nothing, and for a regular expression that is broken or too large.
    pub fn parse(typed: &str, mode: Mode) -> Result<Option<Search>, SearchError> {
        let (mut filters, mut text, mut rest) = (Vec::new(), String::new(), typed);
        while !rest.is_empty() {
            let (word, after) = split(rest);
            match Filter::parse(word.trim()) {
                Some(filter) => {
                    filters.push(filter?);
                    // One space is left of those around it.
                    text.truncate(text.trim_end().len());
                    text.push(' ');
                }
                None => text.push_str(word),
            }
            rest = after;
        }
        let matcher = match unquoted(text.trim()) {
            "" => None,
            text => Some(Matcher::new(text, mode)?),
        };
        Ok((matcher.is_some() || !filters.is_empty()).then_some(Search { matcher, filters }))
    }

    /// Whether a row of which that is known passes all filters that ask for no more.
    pub fn passes(&self, facts: &Facts<'_>) -> bool {
        filter::pass(&self.filters, facts)
    }
}

/// The first word with the space behind it, and what follows. In quotes, space belongs to the word.
fn split(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        if ended && !c.is_whitespace() {
            return text.split_at(at);
        }
        // A quote that never ends is a character like any other.
        if c == '"' && !ended {
            quoted = !quoted && text[at + 1..].contains('"');
        }
        ended |= c.is_whitespace() && !quoted && !text[..at].trim().is_empty();
    }
    (text, "")
}

fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inner.filter(|inner| !inner.is_empty() && !inner.contains('"')).unwrap_or(text)
}
