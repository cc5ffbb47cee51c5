//! The text inside JSON, as it reads once its escapes are resolved.

use std::ops::Range;

use super::Matcher;

/// How deep JSON may be kept as a string in JSON.
const MOST_LEVELS: usize = 4;

/// Resolves the escapes of JSON in a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Decoder {
    text: Vec<u8>,
    next: Vec<u8>,
}

impl Decoder {
    /// Hands out the text of a JSON value once its escapes are resolved, and of JSON kept as a string in it likewise,
    /// until `each` has found what it wants; says whether it has.
    ///
    /// The names of the outermost value's fields, and of those in it, are left out unless `names`.
    /// Nothing is handed out for what is not JSON by its beginning, or has no escapes. It need not be whole or sound.
    pub fn any(&mut self, value: &[u8], names: bool, mut each: impl FnMut(&[u8]) -> bool) -> bool {
        if !begins_like_json(value) {
            return false;
        }
        if names {
            if !resolve(value, &mut self.text) {
                return false;
            }
        } else {
            without_names(value, &mut self.next);
            if !resolve(&self.next, &mut self.text) {
                return false;
            }
        }
        for _ in 1..MOST_LEVELS {
            if each(&self.text) {
                return true;
            }
            if !resolve(&self.text, &mut self.next) {
                return false;
            }
            std::mem::swap(&mut self.text, &mut self.next);
        }
        each(&self.text)
    }
}

/// Whether a match in a text lies elsewhere than in the names of fields alone, where the text is JSON.
pub fn is_in_value(text: &[u8], matcher: &Matcher) -> bool {
    if !begins_like_json(text) {
        return true;
    }
    let (mut names, mut from) = (Names { text, at: 0 }, 0);
    let mut name = names.next();
    while let Some(found) = matcher.find_at(text, from) {
        while name.as_ref().is_some_and(|name| name.end < found.end) {
            name = names.next();
        }
        match &name {
            Some(name) if name.contains(&found.start) => from = name.end,
            _ => return true,
        }
    }
    false
}

fn without_names(text: &[u8], into: &mut Vec<u8>) {
    into.clear();
    let mut at = 0;
    for name in (Names { text, at: 0 }) {
        into.extend_from_slice(&text[at..name.start]);
        at = name.end;
    }
    into.extend_from_slice(&text[at..]);
}

/// Where the names of fields stand in JSON, without their quotes; it need not be whole or sound.
struct Names<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Names<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let start = self.at + memchr::memchr(b'"', self.text.get(self.at..)?)? + 1;
            let mut end = start;
            loop {
                end += memchr::memchr2(b'"', b'\\', self.text.get(end..)?)?;
                if self.text[end] == b'"' {
                    break;
                }
                // What is escaped ends no string.
                end += 2;
            }
            self.at = end + 1;
            let behind = self.text[self.at..].iter().find(|b| !b.is_ascii_whitespace());
            if behind == Some(&b':') {
                return Some(start..end);
            }
        }
    }
}

fn begins_like_json(value: &[u8]) -> bool {
    value.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'[' | b'"'))
}

/// Writes a text with its escapes resolved; says whether it had any.
fn resolve(text: &[u8], into: &mut Vec<u8>) -> bool {
    into.clear();
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        into.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let (length, c) = match rest.get(1) {
            Some(b'n') => (2, '\n'),
            Some(b't') => (2, '\t'),
            Some(b'r') => (2, '\r'),
            Some(b'b') => (2, '\u{8}'),
            Some(b'f') => (2, '\u{c}'),
            Some(c @ (b'"' | b'\\' | b'/')) => (2, char::from(*c)),
            Some(b'u') => unicode(rest),
            // No escape of JSON's: a backslash like any other.
            _ => (1, '\\'),
        };
        into.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[length..];
    }
    into.extend_from_slice(rest);
    into.len() != text.len()
}

/// The length and the character of `\uXXXX`, or of two of them that make one; half of such a pair is none.
fn unicode(text: &[u8]) -> (usize, char) {
    let code = |text: &[u8]| {
        let digits = text.strip_prefix(b"\\u")?.get(..4)?;
        let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let Some(first) = code(text) else { return (1, '\\') };
    if let (0xd800..0xdc00, Some(second @ 0xdc00..0xe000)) = (first, text.get(6..).and_then(code)) {
        let both = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (12, char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    (6, char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
}
