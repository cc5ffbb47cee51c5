//! Text as it reads: without the marks of Markdown, and on one line.

/// Writes text as it reads, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub struct Flat(Vec<u8>);

/// A link's address is not longer than this.
const MOST_ADDRESS: usize = 2_000;

impl Flat {
    /// The text without emphasis, marks of code and links' addresses, every run of space as one.
    ///
    /// It is no parser of Markdown: it is asked only where a text of several words was not found as it is written.
    pub fn of(&mut self, text: &[u8]) -> &[u8] {
        let out = &mut self.0;
        out.clear();
        let mut at = 0;
        while let Some(byte) = text.get(at).copied() {
            at += 1;
            match byte {
                b'*' | b'`' | b'[' => {}
                b'_' if !within_word(text, at - 1) => {}
                b']' => at += address(&text[at..]),
                _ if byte.is_ascii_whitespace() => {
                    if out.last() != Some(&b' ') {
                        out.push(b' ');
                    }
                }
                _ => out.push(byte),
            }
        }
        out
    }
}

fn within_word(text: &[u8], at: usize) -> bool {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at)).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
    };
    is_letter(at.checked_sub(1)) && is_letter(Some(at + 1))
}

/// How long the address in brackets at the beginning is, its brackets included.
fn address(text: &[u8]) -> usize {
    if text.first() != Some(&b'(') {
        return 0;
    }
    let end = memchr::memchr3(b')', b'\n', b' ', &text[..text.len().min(MOST_ADDRESS)]);
    end.filter(|end| text[*end] == b')').map_or(0, |end| end + 1)
}
