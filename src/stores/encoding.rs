//! How a text is written in bytes, where it is meant to be UTF-8 and may not be.

/// How a text is written in bytes, by how it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    /// UTF-8 behind a byte-order mark.
    Marked,
    /// UTF-16 that begins after so many bytes of a byte-order mark.
    Utf16 {
        big: bool,
        mark: usize,
    },
}

impl Encoding {
    /// Of a document that begins with a brace or bracket, after white space at most.
    pub fn of(bytes: &[u8]) -> Self {
        let opens = |b: &u8| matches!(b, b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n');
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => Self::Marked,
            [0xff, 0xfe, ..] => Self::Utf16 { big: false, mark: 2 },
            [0xfe, 0xff, ..] => Self::Utf16 { big: true, mark: 2 },
            [first, 0, ..] if opens(first) => Self::Utf16 { big: false, mark: 0 },
            [0, first, ..] if opens(first) => Self::Utf16 { big: true, mark: 0 },
            _ => Self::Utf8,
        }
    }

    /// What it is called, where it is UTF-16, and the first byte of the file that is none of a JSON text.
    pub fn utf16_words(self) -> Option<(String, usize)> {
        let Self::Utf16 { big, mark } = self else { return None };
        let order = if big { "big-endian" } else { "little-endian" };
        let with = if mark > 0 { "with" } else { "without" };
        // The mark itself, or the half of the first character that is zero.
        let first = usize::from(mark == 0 && !big);
        Some((format!("UTF-16 ({order}, {with} a byte-order mark)"), first))
    }
}

/// The text of UTF-16; half a pair of surrogates is read as U+FFFD.
pub fn from_utf16(bytes: &[u8], big: bool) -> String {
    let unit = |pair: &[u8]| match big {
        true => u16::from_be_bytes([pair[0], pair[1]]),
        false => u16::from_le_bytes([pair[0], pair[1]]),
    };
    char::decode_utf16(bytes.chunks_exact(2).map(unit)).map(|c| c.unwrap_or('\u{fffd}')).collect()
}

/// The places of a text that are no UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bad {
    pub places: usize,
    /// The offset of the first.
    pub first: usize,
    /// The one-byte encoding that all of the text may be written in.
    pub likely: Option<&'static str>,
}

impl Bad {
    /// Looks a text through; a character that its end cuts off is no bad place.
    pub fn of(text: &[u8]) -> Self {
        let mut found = Self::default();
        let (mut rest, mut mixed) = (text, false);
        while let Err(error) = std::str::from_utf8(rest) {
            let (valid, end) = (error.valid_up_to(), error.error_len());
            mixed |= !rest[..valid].is_ascii();
            let Some(length) = end else { break };
            if found.places == 0 {
                found.first = valid;
            }
            found.places += 1;
            rest = &rest[valid + length..];
        }
        mixed |= std::str::from_utf8(rest).is_ok_and(|rest| !rest.is_ascii());
        if found.places > 0 && !mixed {
            found.likely = one_byte(text);
        }
        found
    }
}

/// Latin-1, or Windows-1252, which has characters where Latin-1 has control codes; none where a byte is neither's.
///
/// FF and FE are taken for none of a text: both are rare letters, and what damage and UTF-16 leave.
fn one_byte(text: &[u8]) -> Option<&'static str> {
    let mut name = "Latin-1";
    for byte in text {
        match byte {
            0xfe | 0xff | 0x81 | 0x8d | 0x8f | 0x90 | 0x9d | 0 => return None,
            0x80..=0x9f => name = "Windows-1252",
            _ => {}
        }
    }
    Some(name)
}

/// Why a file that no adapter takes is none that is known, as far as its bytes tell.
pub fn unknown(bytes: &[u8]) -> String {
    let none = "none of the documents that are known";
    if let Some((name, first)) = Encoding::of(bytes).utf16_words() {
        return format!("it seems to be {name}, whose byte {first} is no UTF-8 text, and {none}");
    }
    let bad = Bad::of(bytes);
    let control = bytes.iter().any(|b| b.is_ascii_control() && !b.is_ascii_whitespace());
    match bad.likely.filter(|_| !control) {
        Some(name) => format!("it seems to be {name}, whose byte {} is no UTF-8, and {none}", bad.first),
        None if std::str::from_utf8(bytes).is_ok() => format!("its text is {none}"),
        None => "it is neither a SQLite database nor text; it may be encrypted or compressed".to_owned(),
    }
}
