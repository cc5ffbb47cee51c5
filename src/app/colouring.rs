//! The thread that finds the colours of code, so that no frame waits for them.

use std::io::Cursor;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use syntect::highlighting::{HighlightIterator, HighlightState, Highlighter, Theme, ThemeSet};
use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};

use super::App;
use super::job::Event;
use super::worker::Outbox;
use crate::ui::theme::code_tones;
use crate::ui::transcript::{Coloured, Run, Wanted};

/// What was found is told so often.
const TELLS_EVERY: Duration = Duration::from_millis(15);
/// A longer line is left without colours: grammars are made for lines that people write.
const LONGEST_LINE: usize = 4_000;

/// The thread; it ends when this is dropped.
pub struct Colourist {
    wanted: Sender<Wanted>,
}

impl Colourist {
    pub fn start(outbox: Outbox) -> Self {
        let (wanted, incoming) = channel();
        thread::spawn(move || run(&incoming, &outbox));
        Self { wanted }
    }
}

impl App {
    /// Has the colours found that are missing on the screen.
    pub(super) fn colour(&mut self) {
        let wanted = self.typeset.wanted();
        if wanted.is_empty() {
            return;
        }
        let colourist = self.colourist.get_or_insert_with(|| Colourist::start(self.outbox.clone()));
        for wanted in wanted {
            // The thread ends only with this.
            let _ = colourist.wanted.send(wanted);
        }
    }
}

/// The newest wish first, since that is what shows; the others go on afterwards.
fn run(incoming: &Receiver<Wanted>, outbox: &Outbox) {
    let grammars = SyntaxSet::load_defaults_newlines();
    let Ok(theme) = ThemeSet::load_from_reader(&mut Cursor::new(code_tones())) else { return };
    let mut works: Vec<Work<'_>> = Vec::new();
    loop {
        let next = if works.is_empty() { incoming.recv().ok() } else { None };
        match next.map_or_else(|| incoming.try_recv(), Ok) {
            Ok(wanted) => works.extend(Work::new(wanted, &grammars, &theme)),
            Err(TryRecvError::Empty) => {
                let Some(work) = works.last_mut() else { continue };
                let coloured = work.some(&grammars, Instant::now() + TELLS_EVERY);
                if work.is_done() {
                    works.pop();
                }
                if !coloured.pieces.is_empty() {
                    outbox.send(Event::Coloured(coloured));
                }
            }
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

/// A code that is being coloured, from its first line on.
struct Work<'a> {
    wanted: Wanted,
    theme: Highlighter<'a>,
    parse: ParseState,
    colours: HighlightState,
    at: usize,
    /// Of the piece that is not whole yet, or of those behind it.
    runs: Vec<Run>,
    told: usize,
}

impl<'a> Work<'a> {
    /// None where the language is not known.
    fn new(wanted: Wanted, grammars: &SyntaxSet, theme: &'a Theme) -> Option<Self> {
        let grammar = grammar(grammars, &wanted.language)?;
        let theme = Highlighter::new(theme);
        let colours = HighlightState::new(&theme, ScopeStack::new());
        let parse = ParseState::new(grammar);
        Some(Self { wanted, theme, parse, colours, at: 0, runs: Vec::new(), told: 0 })
    }

    fn is_done(&self) -> bool {
        self.at >= self.wanted.text.len()
    }

    /// Colours until then, and gives the pieces that are whole.
    fn some(&mut self, grammars: &SyntaxSet, until: Instant) -> Coloured {
        let (first, mut pieces) = (self.told, Vec::new());
        while !self.is_done() && Instant::now() < until {
            let rest = &self.wanted.text[self.at..];
            let line = rest.split_inclusive('\n').next().unwrap_or(rest);
            let length = line.len();
            self.runs.extend(line_of(line, grammars, &self.theme, &mut self.parse, &mut self.colours));
            self.at += length;
            while let Some(end) = self.wanted.ends.get(self.told).filter(|end| **end <= self.at) {
                let start = self.told.checked_sub(1).map_or(0, |before| self.wanted.ends[before]);
                pieces.push(split(&mut self.runs, end - start));
                self.told += 1;
            }
        }
        Coloured { key: self.wanted.key, first, pieces }
    }
}

/// The runs of a line; plain where the grammar fails on it.
fn line_of(
    line: &str,
    grammars: &SyntaxSet,
    theme: &Highlighter<'_>,
    parse: &mut ParseState,
    colours: &mut HighlightState,
) -> Vec<Run> {
    let plain = |bytes: usize| vec![Run { bytes: bytes as u32, tone: 0 }];
    if line.len() > LONGEST_LINE {
        return plain(line.len());
    }
    let Ok(changes) = parse.parse_line(line, grammars) else { return plain(line.len()) };
    let mut runs: Vec<Run> = Vec::new();
    for (style, text) in HighlightIterator::new(colours, &changes, line, theme) {
        // The theme has numbers in the place of colours.
        let (bytes, tone) = (text.len() as u32, style.foreground.r);
        match runs.last_mut() {
            Some(last) if last.tone == tone => last.bytes += bytes,
            _ => runs.push(Run { bytes, tone }),
        }
    }
    runs
}

/// Takes so many bytes off the beginning.
fn split(runs: &mut Vec<Run>, bytes: usize) -> Vec<Run> {
    let mut left = bytes as u32;
    let mut at = 0;
    while left > 0 && at < runs.len() && runs[at].bytes <= left {
        left -= runs[at].bytes;
        at += 1;
    }
    let mut taken: Vec<Run> = runs.drain(..at).collect();
    if left > 0
        && let Some(run) = runs.first_mut()
    {
        run.bytes -= left;
        taken.push(Run { bytes: left, tone: run.tone });
    }
    taken
}

/// The grammar of a language by the name that people give it.
fn grammar<'a>(grammars: &'a SyntaxSet, language: &str) -> Option<&'a SyntaxReference> {
    let lower = language.to_lowercase();
    // The nearest relatives of those that have no grammar of their own here.
    let name = match lower.as_str() {
        "shell" | "console" | "shellsession" | "zsh" | "fish" | "terminal" => "sh",
        "ts" | "typescript" | "tsx" | "jsx" | "mjs" | "cjs" => "js",
        "jsonc" | "json5" | "jsonl" | "ndjson" => "json",
        "golang" => "go",
        "toml" | "ini" | "dotenv" => "properties",
        "svelte" | "vue" => "html",
        "c++" | "hpp" | "cxx" => "cpp",
        name => name,
    };
    let grammar = grammars.find_syntax_by_token(name).or_else(|| grammars.find_syntax_by_name(language))?;
    Some(grammar).filter(|grammar| grammar.name != grammars.find_syntax_plain_text().name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coloured(language: &str, text: &str, ends: Vec<usize>) -> Option<Vec<Vec<Run>>> {
        let grammars = SyntaxSet::load_defaults_newlines();
        let theme = ThemeSet::load_from_reader(&mut Cursor::new(code_tones())).expect("a theme");
        let wanted = Wanted { key: 1, language: language.into(), text: text.into(), ends };
        let mut work = Work::new(wanted, &grammars, &theme)?;
        let mut pieces = Vec::new();
        while !work.is_done() {
            pieces.extend(work.some(&grammars, Instant::now() + TELLS_EVERY).pieces);
        }
        Some(pieces)
    }

    #[test]
    fn pieces_are_coloured_to_their_last_byte_wherever_they_are_cut() {
        let text = "let a = \"ü\"; // é\nfn b() {}\n";
        for end in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let pieces = coloured("rust", text, vec![end, text.len()]).expect("Rust is known");
            let bytes = |piece: &Vec<Run>| piece.iter().map(|run| run.bytes as usize).sum::<usize>();
            assert_eq!(pieces.iter().map(bytes).collect::<Vec<_>>(), [end, text.len() - end]);
        }
        let whole = coloured("rs", text, vec![text.len()]).expect("Rust is known");
        let tones: std::collections::HashSet<u8> = whole[0].iter().map(|run| run.tone).collect();
        assert!(tones.len() >= 4, "{whole:?}");
    }

    #[test]
    fn a_language_that_is_not_known_has_no_colours_and_neither_has_a_line_without_end() {
        assert_eq!(coloured("no-such", "a", vec![1]), None);
        assert_eq!(coloured("text", "a", vec![1]), None);
        let long = format!("let a = {};\n", "1 + ".repeat(2000));
        let pieces = coloured("js", &long, vec![long.len()]).expect("it is known");
        assert_eq!(pieces, [[Run { bytes: long.len() as u32, tone: 0 }]]);
    }
}
