//! A table of a source as it is shown: its query, and what has arrived of the answer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::model::Message;
use super::scroll::RowScroll;
use crate::core::{Column, Failure, Query, Row, RowIndex, RowKey, Table};

/// How many rows a page has.
pub const PAGE_ROWS: usize = 128;
/// How many pages are kept.
const MOST_PAGES: usize = 48;

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
    /// Messages for the transcript, by row.
    pub messages: HashMap<usize, Arc<Message>>,
    /// Pages that were drawn and are not there, in the order of asking.
    pub missing: Vec<usize>,
    asked: HashSet<usize>,
    pub missing_messages: Vec<usize>,
    pub asked_messages: HashSet<usize>,
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
    pub heights: HashMap<usize, f32>,
    /// What is typed to go to a row.
    pub go_to: String,
    pub view_rows: usize,
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
            missing: Vec::new(),
            asked: HashSet::new(),
            missing_messages: Vec::new(),
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
            go_to: String::new(),
            view_rows: 0,
        }
    }

    /// Asks for other rows, or another order; what is shown stays until they arrive.
    pub fn ask(&mut self, query: Query) {
        self.query = query;
        self.generation += 1;
        self.state = IndexState::Wanted;
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
        self.messages.clear();
        self.asked_messages.clear();
        self.missing_messages.clear();
        self.heights.clear();
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
                    _ => rows.iter().find(|r| r.key == key),
                }
            }
            None => {
                if self.asked.insert(page) {
                    self.missing.push(page);
                }
                None
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
    pub fn page_arrived(&mut self, page: usize, rows: Result<Vec<Row>, Failure>, whole: bool) {
        match rows {
            Ok(_) if !whole && self.pages.contains_key(&page) => {}
            Ok(rows) => {
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

    /// The columns that are null in every row, where all rows are known.
    pub fn blank_columns(&self) -> Vec<usize> {
        let rows = match (&self.state, self.pages.get(&0)) {
            (IndexState::Complete, Some(Page { rows, whole: true, .. }))
                if !rows.is_empty() && rows.len() == self.len() =>
            {
                rows
            }
            _ => return Vec::new(),
        };
        let is_blank =
            |place: &usize| rows.iter().all(|r| r.cells.get(*place).is_none_or(|c| c.value.is_null()));
        // In which table a plan's rows are goes without saying where it is one.
        let is_plain = |place: &usize| {
            self.query.table == Table::Plan
                && self.columns[*place].name == "table"
                && rows.iter().all(|r| r.cells.get(*place) == rows[0].cells.get(*place))
        };
        (0..self.columns.len()).filter(|place| is_blank(place) || is_plain(place)).collect()
    }

    /// The message at a place for the transcript; notes that it is missing if not.
    pub fn message(&mut self, at: usize) -> Option<Arc<Message>> {
        if self.messages.contains_key(&at) {
            return self.messages.get(&at).cloned();
        }
        if self.asked_messages.insert(at) {
            self.missing_messages.push(at);
        }
        None
    }

    pub fn messages_arrived(&mut self, messages: Vec<(usize, Message)>) {
        // A bounded cache: far from the view there is nothing to keep.
        if self.messages.len() > 600 {
            let (low, high) = (self.scroll.first.saturating_sub(150), self.scroll.first + 150);
            self.messages.retain(|at, _| (low..=high).contains(at));
            self.asked_messages.retain(|at| (low..=high).contains(at));
        }
        for (at, message) in messages {
            self.heights.remove(&at);
            self.asked_messages.insert(at);
            self.messages.insert(at, Arc::new(message));
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
