//! What a hit shows: one line, with the match in it.

use std::borrow::Cow;
use std::ops::Range;

use super::Matcher;
use crate::core::text::{broken_text, visible};

/// How many characters stand before the match, and from its beginning on.
const BEFORE: usize = 60;
const BEHIND: usize = 180;
/// No more matches are marked in one line.
const MOST_MARKS: usize = 32;

/// One line of text around a match, hidden characters made visible.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snippet {
    pub text: String,
    /// Where in it the matches are, in bytes.
    pub marks: Vec<Range<usize>>,
}

/// The line around the first match in a text; its beginning where there is none.
pub fn snippet(text: &[u8], matcher: Option<&Matcher>) -> Snippet {
    let first = matcher.and_then(|m| m.find_at(text, 0)).unwrap_or(0..0);
    // Of an endless line only what is near is looked at: a character has at most four bytes.
    let low = boundary(text, first.start.saturating_sub(4 * BEFORE));
    let high = boundary(text, (first.start + 4 * BEHIND).min(text.len()));
    let start = nth_back(&text[low..first.start], BEFORE);
    let (start, end) = (low + start, first.start + nth(&text[first.start..high], BEHIND));
    let mut out = Snippet::default();
    if start > 0 && !text[..start].iter().all(u8::is_ascii_whitespace) {
        out.text.push('…');
    }
    let mut at = start;
    for range in near(matcher, text, start..end) {
        push(&mut out.text, &text[at..range.start]);
        let mark = out.text.len();
        push(&mut out.text, &text[range.clone()]);
        out.marks.push(mark..out.text.len());
        at = range.end;
    }
    push(&mut out.text, &text[at..end]);
    if end < text.len() && !text[end..].iter().all(u8::is_ascii_whitespace) {
        out.text.push('…');
    }
    out
}

/// Where a matcher finds something in a text that is shown, in bytes.
pub fn marks(matcher: &Matcher, shown: &str, most: usize) -> Vec<Range<usize>> {
    let on_characters = |r: &Range<usize>| shown.is_char_boundary(r.start) && shown.is_char_boundary(r.end);
    matcher.ranges(shown.as_bytes(), most).into_iter().filter(on_characters).collect()
}

/// The matches within a part of the text, cut to it.
fn near(matcher: Option<&Matcher>, text: &[u8], part: Range<usize>) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), part.start);
    while let Some(range) = matcher.and_then(|m| m.find_at(text, from)) {
        if range.start >= part.end || found.len() == MOST_MARKS {
            break;
        }
        from = range.end.max(range.start + 1);
        let range = range.start..range.end.min(part.end);
        if !range.is_empty() {
            found.push(range);
        }
    }
    found
}

/// Writes bytes on one line.
fn push(out: &mut String, bytes: &[u8]) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(broken_text(bytes)),
    };
    for c in visible(&text).chars() {
        match c.is_whitespace() {
            true if out.ends_with(' ') => {}
            true => out.push(' '),
            false => out.push(c),
        }
    }
}

/// The nearest place at or before this one that is not within a character.
fn boundary(text: &[u8], at: usize) -> usize {
    let within = |at: &usize| text.get(*at).is_some_and(|b| b & 0xc0 == 0x80);
    (at.saturating_sub(3)..=at).rev().find(|at| !within(at)).unwrap_or(at)
}

/// Where the last so many characters begin.
fn nth_back(text: &[u8], count: usize) -> usize {
    let starts = text.iter().enumerate().rev().filter(|(_, b)| **b & 0xc0 != 0x80);
    starts.map(|(at, _)| at).take(count).last().unwrap_or(text.len())
}

/// Where the first so many characters end.
fn nth(text: &[u8], count: usize) -> usize {
    let mut starts = text.iter().enumerate().filter(|(_, b)| **b & 0xc0 != 0x80).map(|(at, _)| at);
    starts.nth(count).unwrap_or(text.len())
}
