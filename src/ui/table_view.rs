//! A table of a source as it is shown: its query, and what has arrived of the answer.

mod refresh;

pub use refresh::Mark;
use refresh::Refresh;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::model::Message;
use super::scroll::RowScroll;
use crate::core::conversation::REACH;
use crate::core::{Column, Failure, Query, Row, RowIndex, RowKey, Table};

/// How many rows a page has.
pub const PAGE_ROWS: usize = 128;
/// How many pages are kept.
const MOST_PAGES: usize = 48;

/// How many messages of a transcript are kept.
const MOST_MESSAGES: usize = 600;
/// How many messages' heights are kept.
const MOST_HEIGHTS: usize = 200_000;

/// Messages to be read, and which messages stand around them.
#[derive(Debug, Clone)]
pub struct Neighbours {
    pub keys: Vec<RowKey>,
    /// Places in `keys`.
    pub wanted: Range<usize>,
    /// To their end, however long they are.
    pub whole: bool,
}

/// Which parts of a transcript are unfolded: those that were clicked since the last time that all were set alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Folds {
    /// Counts how often all were set alike.
    pub round: u32,
    pub open: bool,
}

/// Rows that were read together.
#[derive(Debug)]
struct Page {
    /// When it was last drawn, by the view's own count.
    used: u64,
    rows: Vec<Row>,
    /// Every column of them was read.
    whole: bool,
}

/// How far the answer to a query has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexState {
    /// To be asked for.
    Wanted,
    Asked,
    /// The first rows are there; more are coming.
    Growing,
    Complete,
    Failed(Failure),
}

/// A table of a source as it is shown: its query, and what has arrived of it.
#[derive(Debug)]
pub struct TableView {
    pub query: Query,
    pub columns: Vec<Column>,
    /// The rows as they are shown: those of the query, or, until they arrive, those of the one before.
    pub index: Option<RowIndex>,
    pub state: IndexState,
    /// Counts the queries; answers to earlier ones are dropped.
    pub generation: u64,
    pages: HashMap<usize, Page>,
    /// Messages for the transcript; what was read before shows until it is read again.
    messages: HashMap<RowKey, Arc<Message>>,
    /// The messages that are shown to their end, however long they are.
    whole: HashSet<RowKey>,
    /// Pages that were drawn and are not there, in the order of asking.
    pub missing: Vec<usize>,
    asked: HashSet<usize>,
    missing_messages: Vec<usize>,
    /// The columns of which some row had a value.
    filled: HashSet<usize>,
    asked_messages: HashSet<RowKey>,
    clock: u64,
    pub scroll: RowScroll,
    /// The rows that are chosen, by key.
    pub selected: HashSet<RowKey>,
    /// The row that the keyboard moves, and from which a range is chosen.
    pub focus: Option<(usize, RowKey)>,
    pub anchor: Option<usize>,
    /// The row that had the focus, while a new index is looked through for it.
    seeking: Option<RowKey>,
    /// The row that is sought shall be at the top rather than in the middle: messages of a transcript are high.
    to_top: bool,
    /// What is typed in each column's filter.
    pub typed: BTreeMap<String, String>,
    pub filter_open: Option<String>,
    pub page_failure: Option<Failure>,
    /// Heights of the transcript's messages, as they were last drawn.
    pub heights: HashMap<RowKey, f32>,
    /// Which parts of the transcript are unfolded.
    pub folds: Folds,
    /// What is typed to go to a row.
    pub go_to: String,
    pub view_rows: usize,
    /// The newest row is kept in view as rows arrive.
    pub follow: bool,
    /// The greatest generation that was given to a query.
    generations: u64,
    pub refresh: Refresh,
}

impl TableView {
    pub fn new(table: Table) -> Self {
        Self {
            query: Query::all(table),
            columns: Vec::new(),
            index: None,
            state: IndexState::Wanted,
            generation: 0,
            pages: HashMap::new(),
            messages: HashMap::new(),
            whole: HashSet::new(),
            missing: Vec::new(),
            asked: HashSet::new(),
            missing_messages: Vec::new(),
            filled: HashSet::new(),
            asked_messages: HashSet::new(),
            clock: 0,
            scroll: RowScroll::default(),
            selected: HashSet::new(),
            focus: None,
            anchor: None,
            seeking: None,
            to_top: false,
            typed: BTreeMap::new(),
            filter_open: None,
            page_failure: None,
            heights: HashMap::new(),
            folds: Folds::default(),
            go_to: String::new(),
            view_rows: 0,
            follow: false,
            generations: 0,
            refresh: Refresh::default(),
        }
    }

    /// Asks for other rows, or another order; what is shown stays until they arrive.
    pub fn ask(&mut self, query: Query) {
        self.query = query;
        self.generation = self.next_generation();
        self.forget_refresh();
        self.state = IndexState::Wanted;
    }

    fn next_generation(&mut self) -> u64 {
        self.generations += 1;
        self.generations
    }

    pub fn len(&self) -> usize {
        self.index.as_ref().map_or(0, RowIndex::len)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn key(&self, at: usize) -> Option<RowKey> {
        self.index.as_ref()?.get(at)
    }

    /// Takes a piece of a new index; the first one replaces what was shown.
    ///
    /// The row that had the focus keeps it, wherever it went; the view starts at the top where it is gone.
    pub fn index_arrived(&mut self, piece: RowIndex, first: bool, last: bool) {
        if first {
            self.seeking = self.focus.take().map(|(_, key)| key);
            self.anchor = None;
            self.index = None;
            self.forget_rows();
            self.scroll = RowScroll::default();
        }
        let before = self.len();
        if let Some(key) = &self.seeking
            && let Some(at) = piece.position(key)
        {
            let at = before + at;
            self.scroll_to(at);
            self.anchor = Some(at);
            self.focus = self.seeking.take().map(|key| (at, key));
        }
        // The last page so far was read as far as the rows went.
        let unfinished = before / PAGE_ROWS;
        self.pages.remove(&unfinished);
        self.asked.remove(&unfinished);
        self.index.get_or_insert_default().append(piece);
        self.state = if last { IndexState::Complete } else { IndexState::Growing };
    }

    /// Chooses a row and goes to it, now or when it arrives.
    pub fn seek(&mut self, key: RowKey, to_top: bool) {
        // Who goes somewhere does not want to be taken to the end again.
        self.follow = false;
        self.selected = std::iter::once(key.clone()).collect();
        self.to_top = to_top;
        let place = self.index.as_ref().and_then(|index| index.position(&key));
        match (place, &self.state) {
            // Of another query's rows, which still show.
            (_, IndexState::Wanted | IndexState::Asked) => self.focus = Some((0, key)),
            (Some(at), _) => {
                self.scroll_to(at);
                self.anchor = Some(at);
                self.focus = Some((at, key));
            }
            (None, _) => {
                self.focus = None;
                self.seeking = Some(key);
            }
        }
    }

    fn scroll_to(&mut self, at: usize) {
        let above = if self.to_top { 0 } else { self.view_rows / 2 };
        self.scroll = RowScroll { first: at.saturating_sub(above), offset: 0.0 };
    }

    fn forget_rows(&mut self) {
        self.pages.clear();
        self.asked.clear();
        self.missing.clear();
        self.asked_messages.clear();
        self.missing_messages.clear();
        self.page_failure = None;
    }

    /// The row at a place, if it has arrived; notes that it is missing if not.
    pub fn row(&mut self, at: usize) -> Option<&Row> {
        let page = at / PAGE_ROWS;
        self.clock += 1;
        let clock = self.clock;
        let key = self.key(at)?;
        match self.pages.get_mut(&page) {
            Some(Page { used, rows, .. }) => {
                *used = clock;
                let near = at % PAGE_ROWS;
                // A row that is gone meanwhile shifts those behind it: they are found by key.
                match rows.get(near) {
                    Some(row) if row.key == key => rows.get(near),
                    _ => rows.iter().find(|r| r.key == key).or_else(|| self.refresh.row(&key)),
                }
            }
            None => {
                if self.asked.insert(page) {
                    self.missing.push(page);
                }
                self.refresh.row(&key)
            }
        }
    }

    /// Asks for the rows on the screen once more; what is shown stays until they arrive.
    pub fn read_again(&mut self) {
        let shown = self.scroll.first / PAGE_ROWS..=(self.scroll.first + self.view_rows) / PAGE_ROWS;
        self.pages.retain(|page, _| shown.contains(page));
        self.asked = self.pages.keys().copied().collect();
        self.missing = self.pages.keys().copied().collect();
    }

    /// A page was not read after all, since newer ones were wanted more; it may be asked for again.
    pub fn page_dropped(&mut self, page: usize) {
        self.asked.remove(&page);
    }

    /// Takes a page; one of which only some columns were read does not replace a whole one.
    pub fn page_arrived(&mut self, page: usize, rows: Result<Vec<Row>, Failure>, whole: bool, time: f64) {
        match rows {
            Ok(rows) if !whole && (self.pages.contains_key(&page) || self.are_kept(&rows)) => {}
            Ok(rows) => {
                if whole {
                    self.mark_changed(&rows, time);
                    let cells = rows.iter().flat_map(|row| row.cells.iter().enumerate());
                    self.filled.extend(cells.filter(|(_, cell)| !cell.value.is_null()).map(|(at, _)| at));
                }
                self.clock += 1;
                self.pages.insert(page, Page { used: self.clock, rows, whole });
                self.page_failure = None;
            }
            // Another try comes with the next drawing of a cancelled page.
            Err(failure) if failure.cancelled => {
                self.asked.remove(&page);
            }
            Err(failure) => self.page_failure = Some(failure),
        }
        while self.pages.len() > MOST_PAGES {
            let Some(oldest) = self.pages.iter().min_by_key(|(_, page)| page.used).map(|(p, _)| *p) else {
                break;
            };
            self.pages.remove(&oldest);
            self.asked.remove(&oldest);
        }
    }

    /// The columns that were null in every row so far; one that once was not stays, so that none comes and goes.
    pub fn blank_columns(&self) -> Vec<usize> {
        if self.filled.is_empty() {
            return Vec::new();
        }
        // In which table a plan's rows are goes without saying where it is one.
        let rows = match (&self.state, self.pages.get(&0)) {
            (IndexState::Complete, Some(Page { rows, .. })) if rows.len() == self.len() => rows.as_slice(),
            _ => &[],
        };
        let is_plain = |place: &usize| {
            self.query.table == Table::Plan
                && self.columns[*place].name == "table"
                && rows.first().is_some_and(|first| {
                    rows.iter().all(|row| row.cells.get(*place) == first.cells.get(*place))
                })
        };
        let is_blank = |place: &usize| !self.filled.contains(place);
        (0..self.columns.len()).filter(|place| is_blank(place) || is_plain(place)).collect()
    }

    /// The message at a place for the transcript; notes that it is missing if not.
    pub fn message(&mut self, at: usize) -> Option<Arc<Message>> {
        let key = self.key(at)?;
        let message = self.messages.get(&key).cloned();
        if self.asked_messages.insert(key) {
            self.missing_messages.push(at);
        }
        message
    }

    /// Asks for a message once more, to its end.
    pub fn show_whole(&mut self, at: usize) {
        if let Some(key) = self.key(at) {
            self.whole.insert(key);
            self.missing_messages.push(at);
        }
    }

    /// Takes what is to be read for the transcript: neighbours with those around them.
    pub fn missing_messages(&mut self) -> Vec<Neighbours> {
        let mut missing = std::mem::take(&mut self.missing_messages);
        missing.sort_unstable();
        missing.dedup();
        let is_whole = |at: &usize| self.key(*at).is_some_and(|key| self.whole.contains(&key));
        let together = |a: &usize, b: &usize| a + 1 == *b && is_whole(a) == is_whole(b);
        missing
            .chunk_by(together)
            .map(|run| {
                let whole = run.first().is_some_and(is_whole);
                self.neighbours(run[0]..run[0] + run.len(), whole)
            })
            .collect()
    }

    /// Messages with those around them, as far as their calls and results may be.
    pub fn neighbours(&self, wanted: Range<usize>, whole: bool) -> Neighbours {
        let start = wanted.start.saturating_sub(REACH);
        let keys = (start..wanted.end + REACH).map_while(|at| self.key(at)).collect();
        Neighbours { keys, wanted: wanted.start - start..wanted.end - start, whole }
    }

    pub fn messages_arrived(&mut self, messages: Vec<Message>) {
        // A bounded cache: far from the view there is nothing to keep.
        if self.messages.len() > MOST_MESSAGES {
            let first = self.scroll.first;
            let near: HashSet<RowKey> =
                (first.saturating_sub(150)..first + 150).map_while(|at| self.key(at)).collect();
            self.messages.retain(|key, _| near.contains(key));
            self.asked_messages.retain(|key| near.contains(key));
        }
        if self.heights.len() > MOST_HEIGHTS {
            self.heights.clear();
        }
        for message in messages {
            self.asked_messages.insert(message.key.clone());
            self.messages.insert(message.key.clone(), Arc::new(message));
        }
    }

    /// A row with those around it, where it has the focus; else alone.
    pub fn around(&self, key: &RowKey) -> Neighbours {
        let at = self.focus.as_ref().filter(|(at, k)| k == key && self.key(*at).as_ref() == Some(k));
        match at {
            Some((at, _)) => self.neighbours(*at..at + 1, true),
            None => Neighbours { keys: vec![key.clone()], wanted: 0..1, whole: true },
        }
    }

    /// The keys that are chosen, in the order of the table.
    pub fn chosen(&self) -> Vec<RowKey> {
        let Some(index) = &self.index else { return Vec::new() };
        if self.selected.len() <= 1 {
            return self.selected.iter().cloned().collect();
        }
        (0..index.len()).filter_map(|i| index.get(i)).filter(|k| self.selected.contains(k)).collect()
    }
}
