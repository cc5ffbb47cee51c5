//! Rows as an aligned table of text, for people.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::core::export::{heads, shown};
use crate::core::{Column, ColumnKind, Row, visible};

/// How many rows are looked at before the widths are settled.
const FIRST_ROWS: usize = 200;
/// No column is wider than this.
const MOST_WIDTH: usize = 60;
/// No column is made narrower than this to have them all on a line.
const LEAST_WIDTH: usize = 6;
/// The width of a line where the output is no terminal.
const NO_TERMINAL: usize = 160;

/// A table whose columns are as wide as its first rows ask for, cut to the terminal's width.
///
/// Columns in which the first rows hold nothing are left out.
pub struct TextTable {
    heads: Vec<(String, ColumnKind)>,
    columns: Vec<Column>,
    files: bool,
    waiting: Vec<Vec<String>>,
    /// The width of each column, 0 where it is left out; none until they are settled.
    widths: Option<Vec<usize>>,
    line: usize,
    /// A column that is left out had something in a later row.
    left_out: bool,
}

impl TextTable {
    pub fn new(columns: &[Column], files: bool) -> Self {
        let own = heads(columns).into_iter().zip(columns.iter().map(|c| c.kind));
        let text = |name: &str| (name.to_owned(), ColumnKind::Text);
        let heads = files.then(|| text("file")).into_iter().chain(own).chain([text("row")]).collect();
        let line = terminal_size::terminal_size().map_or(NO_TERMINAL, |(width, _)| usize::from(width.0));
        Self {
            heads,
            columns: columns.to_vec(),
            files,
            waiting: Vec::new(),
            widths: None,
            line: line.max(40),
            left_out: false,
        }
    }

    pub fn row(&mut self, file: &str, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        let mut cells = Vec::with_capacity(self.heads.len());
        cells.extend(self.files.then(|| one_line(file)));
        cells.extend(self.columns.iter().zip(&row.cells).map(|(c, cell)| {
            let text = one_line(&shown(c, &cell.value));
            if cell.cut_from_bytes.is_some() { text + "…" } else { text }
        }));
        cells.push(one_line(&row.key.to_string()));
        if self.widths.is_some() {
            return self.print(&cells, out);
        }
        self.waiting.push(cells);
        if self.waiting.len() == FIRST_ROWS { self.settle(out) } else { Ok(()) }
    }

    /// Prints what still waits; says whether a column was left out though it held something.
    pub fn foot(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        if self.widths.is_none() {
            self.settle(out)?;
        }
        Ok(self.left_out)
    }

    fn settle(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.widths = Some(self.widths_for(&waiting));
        let names: Vec<String> = self.heads.iter().map(|(name, _)| one_line(name)).collect();
        self.print(&names, out)?;
        let rules: Vec<String> = self.widths.iter().flatten().map(|w| "─".repeat(*w)).collect();
        self.print(&rules, out)?;
        self.left_out = false;
        waiting.iter().try_for_each(|cells| self.print(cells, out))
    }

    fn widths_for(&self, rows: &[Vec<String>]) -> Vec<usize> {
        let widest = |i: usize| {
            let cells = rows.iter().filter_map(|cells| cells.get(i));
            cells.map(|c| c.width()).max().unwrap_or_default()
        };
        let wanted: Vec<usize> = (0..self.heads.len())
            .map(|i| match widest(i) {
                // Nothing in it; but of a table without rows every column is named.
                0 if !rows.is_empty() => 0,
                width => width.max(one_line(&self.heads[i].0).width()).min(MOST_WIDTH),
            })
            .collect();
        let gaps = 2 * wanted.iter().filter(|w| **w > 0).count().saturating_sub(1);
        let fits = |cap: usize| wanted.iter().map(|w| (*w).min(cap)).sum::<usize>() + gaps <= self.line;
        let cap = (LEAST_WIDTH..=MOST_WIDTH).rev().find(|cap| fits(*cap)).unwrap_or(LEAST_WIDTH);
        wanted.into_iter().map(|w| w.min(cap)).collect()
    }

    fn print(&mut self, cells: &[String], out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), (_, kind)) in cells.iter().zip(self.widths.iter().flatten()).zip(&self.heads) {
            if *width == 0 {
                self.left_out |= !cell.is_empty();
                continue;
            }
            if !line.is_empty() {
                line.push_str("  ");
            }
            let text = fit(cell, *width);
            let space = " ".repeat(width.saturating_sub(text.width()));
            match kind {
                ColumnKind::Number => line.extend([space.as_str(), text.as_str()]),
                _ => line.extend([text.as_str(), space.as_str()]),
            }
        }
        writeln!(out, "{}", fit(line.trim_end(), self.line))
    }
}

/// Text on one line, with nothing hidden in it.
pub fn one_line(text: &str) -> String {
    visible(text).replace('\n', "⏎").replace('\t', " ")
}

/// The beginning of a text that takes at most this many places, with an ellipsis where it was cut.
fn fit(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let (mut out, mut width) = (String::new(), 0);
    for c in text.chars() {
        width += c.width().unwrap_or_default();
        if width >= most {
            break;
        }
        out.push(c);
    }
    out + "…"
}
