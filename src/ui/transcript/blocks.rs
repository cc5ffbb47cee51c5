//! A text as the blocks that it is set in: Markdown, and code between fences.

use std::ops::Range;

/// A part of a text that is set on its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Markdown, and the places of what its links refer to, wherever in the text that is said.
    Markdown { text: Range<usize>, references: String },
    /// What stands between fences, and the language that the first one names; not `whole` where the last one is missing.
    Code { text: Range<usize>, language: String, whole: bool },
}

/// So many definitions of references are carried from block to block.
const MOST_REFERENCES: usize = 50;

/// A fence of code at the start of a line: its sign, how often that stands there, and what is behind it.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let sign = line.chars().next().filter(|sign| matches!(sign, '`' | '~'))?;
    let behind = line.trim_start_matches(sign);
    let count = line.len() - behind.len();
    let behind = behind.trim();
    let is_code = count >= 3 && !(sign == '`' && behind.contains('`'));
    is_code.then_some((sign, count, behind))
}

/// The blocks of a text. Fences that are indented, as in a list, are left to Markdown.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut references = String::new();
    let mut open: Option<(char, usize, String)> = None;
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        match (&open, fence(line)) {
            (Some((sign, count, language)), Some((closing, signs, "")))
                if closing == *sign && signs >= *count =>
            {
                blocks.push(Block::Code { text: start..at, language: language.clone(), whole: true });
                open = None;
                start = next;
            }
            (None, Some((sign, count, behind))) => {
                blocks.push(Block::Markdown { text: start..at, references: String::new() });
                // `rust,ignore` and `rust title="x"` are Rust.
                let word = behind.split([' ', ',', '{', '\t']).next().unwrap_or_default();
                open = Some((sign, count, word.to_owned()));
                start = next;
            }
            (None, None) if is_reference(line) && references.lines().count() < MOST_REFERENCES => {
                references.push_str(line.trim_end());
                references.push('\n');
            }
            _ => {}
        }
        at = next;
    }
    blocks.push(match open {
        Some((.., language)) => Block::Code { text: start..at, language, whole: false },
        None => Block::Markdown { text: start..at, references: String::new() },
    });
    blocks.retain(|block| match block {
        Block::Markdown { text: range, .. } => !text[range.clone()].trim().is_empty(),
        Block::Code { .. } => true,
    });
    if blocks.len() > 1 {
        for block in &mut blocks {
            if let Block::Markdown { references: own, .. } = block {
                own.clone_from(&references);
            }
        }
    }
    blocks
}

/// Whether a line says what a link of that name refers to.
fn is_reference(line: &str) -> bool {
    line.starts_with('[') && !line.starts_with("[^") && line.contains("]: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let say = |block: &Block| match block {
            Block::Markdown { text: range, references } => format!("{}|{references}", &text[range.clone()]),
            Block::Code { text: range, language, whole } => {
                format!("{language}:{} {}", if *whole { "" } else { " cut off:" }, &text[range.clone()])
            }
        };
        blocks(text).iter().map(say).collect()
    }

    #[test]
    fn code_between_fences_stands_on_its_own() {
        assert_eq!(said("a\n```rust,ignore\nlet a;\n```\nb"), ["a\n|", "rust: let a;\n", "b|"]);
        assert_eq!(said("~~~~\n```\n~~~\n~~~~\n"), [": ```\n~~~\n"]);
        // What is not closed, or is cut off, is code to its end.
        assert_eq!(said("```\na\n```` b"), [": cut off: a\n```` b"]);
        assert_eq!(said(""), [""; 0]);
    }

    #[test]
    fn what_only_looks_like_a_fence_is_markdown() {
        for text in ["``` is `three`", "- a\n  ```\n  b\n  ```\n", "> ```\n> a\n", "    ```\n"] {
            assert_eq!(said(text), [format!("{text}|")]);
        }
    }

    #[test]
    fn a_link_finds_what_it_refers_to_behind_code() {
        let text = "see [a]\n```\nx\n```\n[a]: https://a.example\n";
        assert_eq!(said(text)[0], "see [a]\n|[a]: https://a.example\n");
    }
}
