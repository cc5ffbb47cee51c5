//! The colours of code: what is missing of them, and what has arrived.

use std::collections::HashMap;
use std::sync::Arc;

use egui::FontId;
use egui::text::{LayoutJob, TextFormat};

use crate::core::visible;
use crate::ui::theme::{Colors, code_color};

/// Code that is to be coloured.
#[derive(Debug)]
pub struct Wanted {
    pub key: u64,
    pub language: String,
    pub text: Arc<str>,
    /// Where its pieces end.
    pub ends: Vec<usize>,
}

/// The colours of some pieces of a code, one behind the other.
#[derive(Debug)]
pub struct Coloured {
    pub key: u64,
    pub first: usize,
    pub pieces: Vec<Vec<Run>>,
}

/// Bytes of one colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub bytes: u32,
    /// A number of [`crate::ui::theme::code_color`].
    pub tone: u8,
}

/// More code than this is coloured in its beginning only, in bytes.
const MOST_COLOURED_BYTES: usize = 4_000_000;
/// The colours of so many codes are kept.
const MOST_KEPT: usize = 400;

/// The colours that have arrived, by the code.
#[derive(Default)]
pub struct Colours {
    kept: HashMap<u64, Vec<Vec<Run>>>,
    pub wanted: Vec<Wanted>,
}

impl Colours {
    /// Notes that a code is on the screen.
    pub fn want(&mut self, key: u64, language: &str, text: &str, ends: &[usize]) {
        if language.is_empty() || self.kept.contains_key(&key) {
            return;
        }
        if self.kept.len() > MOST_KEPT {
            self.kept.clear();
        }
        self.kept.insert(key, Vec::new());
        let ends: Vec<usize> = ends.iter().copied().take_while(|end| *end <= MOST_COLOURED_BYTES).collect();
        let text = &text[..ends.last().copied().unwrap_or_default()];
        self.wanted.push(Wanted { key, language: language.to_owned(), text: text.into(), ends });
    }

    /// Takes colours; those of a code that is not kept any more are let go.
    pub fn arrived(&mut self, coloured: Coloured) {
        if let Some(pieces) = self.kept.get_mut(&coloured.key)
            && pieces.len() == coloured.first
        {
            pieces.extend(coloured.pieces);
        }
    }

    /// A piece of code with its colours, as far as they have arrived.
    pub fn job(&self, colors: &Colors, key: u64, piece: usize, text: &str, font: FontId) -> LayoutJob {
        let plain = [Run { bytes: text.len() as u32, tone: 0 }];
        let runs = self.kept.get(&key).and_then(|pieces| pieces.get(piece)).map_or(&plain[..], Vec::as_slice);
        let (mut job, mut at) = (LayoutJob::default(), 0);
        let mut append = |part: &str, tone: u8| {
            job.append(&visible(part), 0.0, TextFormat::simple(font.clone(), code_color(colors, tone)));
        };
        for Run { bytes, tone } in runs {
            let end = (at + *bytes as usize).min(text.len());
            append(text.get(at..end).unwrap_or_default(), *tone);
            at = end;
        }
        append(text.get(at..).unwrap_or_default(), 0);
        job
    }
}
