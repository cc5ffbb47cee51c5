//! The search as it is on the screen: what is typed, and what has been found of it so far.

use std::path::PathBuf;

use super::model::SourceId;
use crate::core::Table;
use crate::core::search::{Hit, Mode, Search};

/// So many hits are listed; the others are counted.
pub const MOST_HITS: u64 = 10_000;

/// Where is searched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// In every open source, and in every file of an open folder.
    #[default]
    Everywhere,
    /// In one table, in the session to which it is narrowed.
    Tab { id: SourceId, table: Table, session: Option<String> },
}

/// How far the search has come.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Phase {
    /// Nothing was asked for.
    #[default]
    Idle,
    /// Something was typed, at this time of the window in seconds.
    Waiting(f64),
    Running(f64),
    Done,
    Cancelled,
}

/// A file in which is searched.
#[derive(Debug, Clone)]
pub struct File {
    pub path: PathBuf,
    pub label: String,
}

/// The hits of one table of one file, which stand together.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its place among the files.
    pub file: usize,
    pub table: Table,
    /// Rows that match, those that are not listed included.
    pub matches: u64,
}

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Group(usize),
    Hit(usize),
}

/// A hit with the file that it is in.
#[derive(Debug, Clone)]
pub struct FoundHit {
    pub file: usize,
    pub hit: Hit,
    /// The title of its session, where that has one.
    pub session: Option<String>,
}

/// The search as it is on the screen.
#[derive(Debug, Default)]
pub struct SearchView {
    pub typed: String,
    pub mode: Mode,
    pub scope: Scope,
    /// The list is open.
    pub open: bool,
    /// The box shall take the keyboard when it is drawn.
    pub focus: bool,
    /// What is in it shall be selected then, so that typing begins anew; else the cursor goes to its end.
    pub select: bool,
    pub phase: Phase,
    /// Counts the searches; answers to earlier ones are dropped.
    pub generation: u64,
    /// Why what is typed cannot be searched for.
    pub problem: Option<String>,
    /// What the hits were found by.
    pub search: Option<Search>,
    pub files: Vec<File>,
    pub files_done: usize,
    pub hits: Vec<FoundHit>,
    pub groups: Vec<Group>,
    pub lines: Vec<Line>,
    pub matches: u64,
    pub rows: u64,
    /// What could not be searched, as sentences.
    pub troubles: Vec<String>,
    /// The hit that Enter goes to.
    pub chosen: Option<usize>,
    /// The chosen one shall be scrolled to.
    pub reveal: bool,
}

impl SearchView {
    /// Begins anew; what was found stays until something is found, or nothing was.
    pub fn begin(&mut self, search: Search, files: Vec<File>, now: f64) {
        self.generation += 1;
        self.phase = Phase::Running(now);
        self.problem = None;
        self.search = Some(search);
        self.files = files;
        self.forget();
    }

    /// Drops what was found.
    pub fn forget(&mut self) {
        self.files_done = 0;
        self.hits.clear();
        self.groups.clear();
        self.lines.clear();
        (self.matches, self.rows) = (0, 0);
        self.troubles.clear();
        self.chosen = None;
    }

    /// Takes what was found in a table of a file.
    pub fn arrive(&mut self, file: usize, table: &Table, found: (Vec<FoundHit>, u64, u64)) {
        let (hits, matches, rows) = found;
        self.rows += rows;
        self.matches += matches;
        if matches == 0 {
            return;
        }
        match self.groups.last_mut().filter(|g| g.file == file && g.table == *table) {
            Some(group) => group.matches += matches,
            None => {
                self.lines.push(Line::Group(self.groups.len()));
                self.groups.push(Group { file, table: table.clone(), matches });
            }
        }
        for hit in hits {
            self.lines.push(Line::Hit(self.hits.len()));
            self.hits.push(hit);
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(_))
    }

    /// The hit after the chosen one, or before it; the first where none is chosen, round at the ends.
    pub fn neighbour(&self, by: isize) -> Option<usize> {
        let count = self.hits.len();
        if count == 0 {
            return None;
        }
        Some(match self.chosen {
            None if by < 0 => count - 1,
            None => 0,
            Some(at) => (at + count).saturating_add_signed(by) % count,
        })
    }

    /// The whole of it in one sentence.
    pub fn summary(&self) -> String {
        let number = |n: u64, one: &str, many: &str| {
            format!("{} {}", super::format::group(n), if n == 1 { one } else { many })
        };
        let rows = number(self.rows, "row", "rows");
        let mut files: Vec<usize> = self.groups.iter().map(|g| g.file).collect();
        files.dedup();
        let matches = number(self.matches, "match", "matches");
        let within = match (&self.scope, files.len()) {
            (Scope::Everywhere, n @ 1..) => format!(" in {}", number(n as u64, "source", "sources")),
            _ => String::new(),
        };
        let shown = match self.matches > self.hits.len() as u64 {
            true => format!(", the first {} are listed", super::format::group(self.hits.len() as u64)),
            false => String::new(),
        };
        match self.phase {
            Phase::Idle | Phase::Waiting(_) => String::new(),
            Phase::Running(_) if self.matches == 0 => format!("Searching… {rows}"),
            Phase::Running(_) => format!("Searching… {matches}{within}, {rows} so far"),
            Phase::Cancelled => format!("Cancelled: {matches}{within} in the {rows} that were searched"),
            Phase::Done if self.matches == 0 => format!("Nothing matches ({rows} searched)"),
            Phase::Done => format!("{matches}{within}{shown}"),
        }
    }
}
