//! A text or a pattern, prepared to be looked for in a million rows.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

use super::{Mode, SearchError, rare};

/// What a compiled pattern and its cache may take, in bytes: a pattern from a stranger must not fill the memory.
const MOST_PATTERN_BYTES: usize = 2 << 20;

/// A text or a pattern, prepared to be looked for in a million rows. It never copies what it looks through.
///
/// Bytes that are not UTF-8 match nothing, and what is around them is found all the same.
#[derive(Debug, Clone)]
pub struct Matcher {
    engine: Engine,
    /// A run of ASCII letters and digits of a text; whatever the text is found in has it too.
    run: Option<Folded>,
    /// Of a text of several words: the same with one space between them, for texts as they read.
    words: Option<Box<Matcher>>,
    /// Was made of words with more than one space between them.
    loose: bool,
}

#[derive(Debug, Clone)]
enum Engine {
    Exact(Box<memmem::Finder<'static>>),
    /// ASCII letters in either case.
    Folded(Folded),
    /// Also a text with other letters in any case: the pattern engine folds those (simple case folding of Unicode).
    Pattern(Regex),
}

/// A text in ASCII, found by its rarest byte.
#[derive(Debug, Clone)]
struct Folded {
    /// In lower case.
    needle: Vec<u8>,
    /// The place of its rarest byte, and that byte in both cases.
    rare: usize,
    bytes: [u8; 2],
}

impl Matcher {
    /// Prepares a text, or a regular expression; `text` is not empty.
    ///
    /// # Errors
    /// Where the expression is broken, or would take too much memory.
    pub fn new(text: &str, mode: Mode) -> Result<Matcher, SearchError> {
        let engine = match mode {
            Mode { regex: true, case } => Engine::Pattern(pattern(text, case)?),
            Mode { case: true, .. } => {
                Engine::Exact(Box::new(memmem::Finder::new(text.as_bytes()).into_owned()))
            }
            // A long s and the sign for kelvin are forms of `s` and `k`; nobody who types those means these.
            _ if text.is_ascii() => Engine::Folded(Folded::new(text.as_bytes())),
            _ => Engine::Pattern(pattern(&regex::escape(text), false)?),
        };
        let run = run_of(text, mode).filter(|_| !mode.regex);
        let words = match text.split_whitespace().collect::<Vec<_>>().join(" ") {
            _ if mode.regex || !text.trim().contains(char::is_whitespace) => None,
            same if same == text => Some(Box::new(Matcher {
                engine: engine.clone(),
                run: run.clone(),
                words: None,
                loose: false,
            })),
            words => Some(Box::new(Matcher { words: None, loose: true, ..Matcher::new(&words, mode)? })),
        };
        Ok(Matcher { engine, run, words, loose: false })
    }

    /// Whether a text has what every text has that matches, as it is written or as it reads; it costs little to ask.
    pub fn may_match(&self, text: &[u8]) -> bool {
        self.run.as_ref().is_none_or(|run| run.find(text).is_some())
    }

    /// What finds the words in a text as it reads, where that may be found though the text as it is written is not:
    /// across the marks of Markdown and the ends of lines. The text is one that may match.
    pub fn of_words(&self, text: &[u8]) -> Option<&Matcher> {
        static TWO_SPACES: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("  "));
        let words = self.words.as_deref()?;
        let has_marks = || {
            memchr::memchr3(b'*', b'`', b'_', text).is_some()
                || memchr::memchr3(b'[', b'\n', b'\t', text).is_some()
                || TWO_SPACES.find(text).is_some()
        };
        (words.loose || has_marks()).then_some(words)
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Exact(finder) => finder.find(text).is_some(),
            Engine::Folded(folded) => folded.find(text).is_some(),
            Engine::Pattern(regex) => self.may_match(text) && regex.is_match(text),
        }
    }

    /// Whether a text that does not match could do so once the escapes of JSON in it are resolved; `may_match` tells
    /// what [`Matcher::may_match`] says of it as it is written.
    pub fn may_be_escaped(&self, text: &[u8], may_match: bool) -> bool {
        static NUMBERED: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("\\u00"));
        let Some(escape) = memchr::memchr(b'\\', text) else { return false };
        // Letters and digits of ASCII are escaped by their numbers alone, which nobody does, but may.
        may_match || NUMBERED.find(&text[escape..]).is_some()
    }

    /// The first match at or behind a place.
    pub fn find_at(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let behind = text.get(from..)?;
        match &self.engine {
            Engine::Exact(finder) => {
                finder.find(behind).map(|at| from + at..from + at + finder.needle().len())
            }
            Engine::Folded(folded) => {
                folded.find(behind).map(|at| from + at..from + at + folded.needle.len())
            }
            Engine::Pattern(regex) => regex.find_at(text, from).map(|m| m.range()),
        }
    }

    /// The first matches, at most so many, none of them empty.
    pub fn ranges(&self, text: &[u8], most: usize) -> Vec<Range<usize>> {
        let (mut found, mut from) = (Vec::new(), 0);
        while found.len() < most
            && let Some(range) = self.find_at(text, from)
        {
            from = range.end.max(range.start + usize::from(range.is_empty()));
            if !range.is_empty() {
                found.push(range);
            }
        }
        found
    }
}

/// The run of ASCII letters and digits with the rarest byte, where it is long enough to be worth looking for.
///
/// Where case is folded as Unicode does, `k` and `s` have other forms, and end a run.
fn run_of(text: &str, mode: Mode) -> Option<Folded> {
    let folds = !mode.case && !text.is_ascii();
    let ends = |c: char| !c.is_ascii_alphanumeric() || (folds && matches!(c, 'k' | 'K' | 's' | 'S'));
    let runs = text.split(ends).map(str::as_bytes).filter(|run| run.len() >= 2);
    let frequency = |run: &&[u8]| rare::frequency(run[rare::rarest(run)]);
    runs.min_by_key(|run| (frequency(run), usize::MAX - run.len())).map(Folded::new)
}

/// Compiles a pattern; `^` and `$` are a line's ends.
fn pattern(text: &str, case: bool) -> Result<Regex, SearchError> {
    RegexBuilder::new(text)
        .case_insensitive(!case)
        .multi_line(true)
        .size_limit(MOST_PATTERN_BYTES)
        .dfa_size_limit(MOST_PATTERN_BYTES)
        .build()
        .map_err(|error| {
            SearchError(match error {
                regex::Error::CompiledTooBig(_) => {
                    "The regular expression is too large: write fewer or smaller repetitions".to_owned()
                }
                error => {
                    // The first lines draw where it is; the last one says what.
                    let said = error.to_string();
                    let last = said.lines().last().unwrap_or_default();
                    let what = last.strip_prefix("error: ").unwrap_or(last);
                    format!("The regular expression is broken: {what}")
                }
            })
        })
}

impl Folded {
    fn new(needle: &[u8]) -> Self {
        let needle = needle.to_ascii_lowercase();
        let rare = rare::rarest(&needle);
        let byte = needle.get(rare).copied().unwrap_or_default();
        Self { bytes: [byte, byte.to_ascii_uppercase()], needle, rare }
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        let at = |place: usize| {
            let start = place.checked_sub(self.rare)?;
            let found = text.get(start..start + self.needle.len())?;
            found.eq_ignore_ascii_case(&self.needle).then_some(start)
        };
        let [lower, upper] = self.bytes;
        if lower == upper {
            memchr::memchr_iter(lower, text).find_map(at)
        } else {
            memchr::memchr2_iter(lower, upper, text).find_map(at)
        }
    }
}
