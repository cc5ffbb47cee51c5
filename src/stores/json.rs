//! JSON documents that may be broken: the entries of the outermost object or array, each as it is written.
//!
//! No tree is made of the document, so neither its size nor its nesting matters, and numbers stay as they are.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub use super::encoding::Encoding;
use super::encoding::{Bad, from_utf16};
use crate::core::{Finding, plural};

/// The text of a document, made fit to parse, and what had to be done to it.
#[derive(Debug)]
pub struct Text<'a> {
    /// As long as the file's own from its mark on, unless `encoding` is UTF-16 or there were bad bytes.
    text: Cow<'a, [u8]>,
    bytes: &'a [u8],
    pub encoding: Encoding,
    /// Escapes of half a surrogate pair, which are read as U+FFFD.
    pub lone_surrogates: usize,
    /// Places where the bytes are no UTF-8, which are read as U+FFFD.
    pub bad: Bad,
}

/// What an object or array holds directly, and what is wrong with its text.
#[derive(Debug, Default)]
pub struct Entries<'a> {
    /// In order, duplicates too. The items of an array have no key.
    pub entries: Vec<(Option<Cow<'a, str>>, &'a RawValue)>,
    pub is_array: bool,
    pub fault: Option<Fault>,
    /// The entry in which the text breaks off: its key and the text of its value.
    pub broken: Option<(Cow<'a, str>, &'a [u8])>,
}

/// Where a text stops being JSON: an offset in the text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It ends too early.
    Truncated(usize),
    /// Something follows the end of the document.
    Trailing(usize),
    /// It is no JSON from there on.
    Invalid(usize, String),
}

/// A place in a file, as people look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub byte: usize,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {} (line {}, column {})", self.byte, self.line, self.column)
    }
}

impl<'a> Text<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        let encoding = Encoding::of(bytes);
        let mut text = match encoding {
            Encoding::Utf8 => Cow::Borrowed(bytes),
            Encoding::Marked => Cow::Borrowed(&bytes[3..]),
            Encoding::Utf16 { big, mark } => Cow::Owned(from_utf16(&bytes[mark..], big).into_bytes()),
        };
        let bad = Bad::of(&text);
        if bad.places > 0 {
            text = Cow::Owned(String::from_utf8_lossy(&text).into_owned().into_bytes());
        }
        let lone = lone_surrogates(&text);
        for at in &lone {
            text.to_mut()[at + 2..at + 6].copy_from_slice(b"fffd");
        }
        Self { text, bytes, encoding, lone_surrogates: lone.len(), bad }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The place in the file of an offset in the text.
    pub fn place(&self, offset: usize) -> Place {
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let byte = match self.encoding {
            Encoding::Utf16 { mark, .. } => mark + 2 * String::from_utf8_lossy(before).encode_utf16().count(),
            Encoding::Marked => 3 + self.original(before.len(), &self.bytes[3..]),
            Encoding::Utf8 => self.original(before.len(), self.bytes),
        };
        Place {
            byte,
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
        }
    }

    /// An offset before bad bytes were replaced by three-byte characters.
    fn original(&self, offset: usize, bytes: &[u8]) -> usize {
        if self.bad.places == 0 {
            return offset;
        }
        let (mut read, mut original) = (0, 0);
        for chunk in bytes.utf8_chunks() {
            if read + chunk.valid().len() >= offset {
                // Within a replacement, it is the place behind it.
                return original + offset.saturating_sub(read);
            }
            read += chunk.valid().len() + 3;
            original += chunk.valid().len() + chunk.invalid().len();
        }
        original
    }
}

/// Reads the entries of an object, or the items of an array, up to where its text breaks.
///
/// None where it is neither.
pub fn read_entries(text: &[u8]) -> Option<Entries<'_>> {
    let start = text.iter().position(|b| !b.is_ascii_whitespace())?;
    let is_array = match text[start] {
        b'{' => false,
        b'[' => true,
        _ => return None,
    };
    let mut found = Entries { is_array, ..Entries::default() };
    let mut parser = serde_json::Deserializer::from_slice(text);
    let read = match is_array {
        true => parser.deserialize_seq(Reader(&mut found)),
        false => parser.deserialize_map(Reader(&mut found)),
    };
    found.fault = match read {
        Ok(()) => parser.end().err().map(|e| Fault::Trailing(offset(text, &e))),
        Err(error) if error.is_eof() => Some(Fault::Truncated(text.len())),
        Err(error) => {
            // Without the place, which is said on its own.
            let said = error.to_string();
            let said = said.split(" at line ").next().unwrap_or_default().to_owned();
            Some(Fault::Invalid(offset(text, &error), said))
        }
    };
    if !is_array && !matches!(found.fault, None | Some(Fault::Trailing(_))) {
        let end = found.entries.last().map_or(start, |(_, raw)| end_of(raw, text));
        found.broken = entry_at(&text[end..]);
    }
    Some(found)
}

/// What is shown of a document that is broken, in words for its findings.
#[derive(Debug)]
pub struct Shown<'a> {
    /// What stands before the break: `5 entries before it are`.
    pub before: String,
    /// In what the text breaks off.
    pub within: Option<String>,
    /// The program that reads such documents.
    pub reader: &'a str,
}

/// Says what is wrong with a text.
pub fn faults(text: &Text<'_>, fault: Option<&Fault>, shown: &Shown<'_>) -> Vec<Finding> {
    let Shown { before, within, reader } = shown;
    let within = within.as_ref().map(|what| format!(", within {what}")).unwrap_or_default();
    let mut findings = Vec::new();
    findings.extend(fault.map(|fault| {
        match fault {
            Fault::Truncated(at) => {
                let place = text.place(*at);
                Finding::error("json-truncated", format!("The file breaks off at {place}{within}")).suggest(
                    format!("{before} shown. Restore the file from a backup; {reader} reads none of it."),
                )
            }
            Fault::Trailing(at) => Finding::error(
                "json-trailing-bytes",
                format!("The document ends, and something follows it at {}", text.place(*at)),
            )
            .suggest(format!(
                "All of the document is shown. Delete what follows; {reader} reads none of the file."
            )),
            Fault::Invalid(at, what) => Finding::error(
                "json-invalid",
                format!("The file is no JSON from {} on{within}: {what}", text.place(*at)),
            )
            .suggest(format!("{before} shown. Correct the text there; {reader} reads none of it.")),
        }
    }));
    let again = format!(
        "All of it is shown. Save the file as UTF-8 without a byte-order mark; {reader} reads none of it."
    );
    match text.encoding {
        Encoding::Utf8 => {}
        Encoding::Marked => findings.push(
            Finding::error(
                "json-bom",
                "The file begins with a byte-order mark, which readers of JSON reject",
            )
            .suggest(again.clone()),
        ),
        Encoding::Utf16 { .. } => {}
    }
    findings.extend(text.encoding.utf16_words().map(|(name, first)| {
        let message = format!("The file is {name}, and JSON is read as UTF-8, which byte {first} is none of");
        Finding::error("json-utf-16", message).suggest(again)
    }));
    if text.lone_surrogates > 0 {
        let what = plural(text.lone_surrogates, "escape is", "escapes are");
        findings.push(
            Finding::warning(
                "json-lone-surrogate",
                format!("{what} half a character, such as \\ud83d alone"),
            )
            .suggest(format!("Each is shown as U+FFFD; {reader} reads the file all the same.")),
        );
    }
    findings.extend(bad_places(text));
    findings
}

fn bad_places(text: &Text<'_>) -> Option<Finding> {
    let Bad { places, first, likely } = text.bad;
    let what = match places {
        0 => return None,
        1 => "1 place has bytes that are not UTF-8, at".to_owned(),
        _ => format!("{places} places have bytes that are not UTF-8, the first at"),
    };
    let place = text.place(first);
    let finding = |message| Finding::warning("json-bad-utf-8", message);
    Some(match likely {
        Some(name) => finding(format!("{what} {place}: the file seems to be written in {name}")).suggest(
            format!("Each is shown as U+FFFD. Open it as {name} in an editor, and save it as UTF-8."),
        ),
        None => finding(format!("{what} {place}"))
            .suggest("Each is shown as U+FFFD. Correct the text there, or restore the file from a backup."),
    })
}

/// How deep arrays and objects are nested.
pub fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Collects entries as they are parsed, so that they are there when the text breaks off.
struct Reader<'r, 'de>(&'r mut Entries<'de>);

impl<'de> Visitor<'de> for Reader<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            self.0.entries.push((Some(key), raw));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(raw) = items.next_element::<&'de RawValue>()? {
            self.0.entries.push((None, raw));
        }
        Ok(())
    }
}

/// A key, borrowed from the text where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// Where the text of a value ends within the text that it was read from.
fn end_of(raw: &RawValue, text: &[u8]) -> usize {
    let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    (start + raw.get().len()).min(text.len())
}

/// The key of the entry that begins behind a `{` or `,`, and the text of its value.
fn entry_at(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let skip = |text: &[u8], mark: &[u8]| {
        text.iter().take_while(|b| b.is_ascii_whitespace() || mark.contains(b)).count()
    };
    let text = &text[skip(text, b"{,")..];
    let mut keys = serde_json::Deserializer::from_slice(text).into_iter::<Key<'_>>();
    let Key(key) = keys.next()?.ok()?;
    let rest = &text[keys.byte_offset()..];
    Some((key, &rest[skip(rest, b":")..]))
}

/// The offset of an error, which says line and column.
fn offset(text: &[u8], error: &serde_json::Error) -> usize {
    let start = match error.line() {
        0 | 1 => 0,
        line => memchr::memchr_iter(b'\n', text).nth(line - 2).map_or(0, |at| at + 1),
    };
    (start + error.column().saturating_sub(1)).min(text.len())
}

/// The offsets of escapes such as `\ud83d` that lack their other half.
fn lone_surrogates(text: &[u8]) -> Vec<usize> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut lone = Vec::new();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', text.get(at..).unwrap_or_default()) {
        let here = at + found;
        at = here + 2;
        match unit(here) {
            Some(0xd800..=0xdbff) if matches!(unit(here + 6), Some(0xdc00..=0xdfff)) => at = here + 12,
            Some(0xd800..=0xdfff) => lone.push(here),
            _ => {}
        }
    }
    lone
}
