//! What is on the screen: the sources, and of each the tables as far as they have arrived.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::format::Zone;
use super::scroll::RowScroll;
use crate::core::{About, Block, Column, Failure, Query, Row, RowIndex, RowKey, Size, Table};

/// Something that is asked for in the background; what was there stays until the new arrives.
#[derive(Debug, Clone, Default)]
pub enum Remote<T> {
    #[default]
    Absent,
    Pending {
        previous: Option<T>,
    },
    Ready(T),
    Failed {
        failure: Failure,
        previous: Option<T>,
    },
}

impl<T> Remote<T> {
    /// What there is to show, new or old.
    pub fn shown(&self) -> Option<&T> {
        match self {
            Remote::Absent => None,
            Remote::Ready(value) => Some(value),
            Remote::Pending { previous } | Remote::Failed { previous, .. } => previous.as_ref(),
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Remote::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    pub fn is_absent(&self) -> bool {
        matches!(self, Remote::Absent)
    }

    pub fn is_pending(&self) -> bool {
        matches!(self, Remote::Pending { .. })
    }

    /// Asks anew, keeping what there is.
    pub fn ask(&mut self) {
        let previous = match std::mem::take(self) {
            Remote::Ready(value) => Some(value),
            Remote::Pending { previous } | Remote::Failed { previous, .. } => previous,
            Remote::Absent => None,
        };
        *self = Remote::Pending { previous };
    }

    pub fn arrive(&mut self, result: Result<T, Failure>) {
        *self = match result {
            Ok(value) => Remote::Ready(value),
            Err(failure) => {
                let previous = match std::mem::take(self) {
                    Remote::Ready(value) => Some(value),
                    Remote::Pending { previous } | Remote::Failed { previous, .. } => previous,
                    Remote::Absent => None,
                };
                Remote::Failed { failure, previous }
            }
        };
    }
}

/// Names an open source for as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// The tabs in the middle, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tab {
    #[default]
    Overview,
    Messages,
    Tasks,
    Heartbeats,
    State,
    Migrations,
    Findings,
    Tables,
    Operations,
}

impl Tab {
    pub const ALL: [Tab; 9] = [
        Tab::Overview,
        Tab::Messages,
        Tab::Tasks,
        Tab::Heartbeats,
        Tab::State,
        Tab::Migrations,
        Tab::Findings,
        Tab::Tables,
        Tab::Operations,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Messages => "Messages",
            Tab::Tasks => "Tasks",
            Tab::Heartbeats => "Heartbeats",
            Tab::State => "State",
            Tab::Migrations => "Migrations",
            Tab::Findings => "Findings",
            Tab::Tables => "Tables",
            Tab::Operations => "Operations",
        }
    }

    /// The canonical table that the tab shows.
    pub fn table(self) -> Option<Table> {
        match self {
            Tab::Messages => Some(Table::Messages),
            Tab::Tasks => Some(Table::Tasks),
            Tab::Heartbeats => Some(Table::Heartbeats),
            Tab::State => Some(Table::State),
            Tab::Migrations => Some(Table::Migrations),
            Tab::Findings => Some(Table::Findings),
            Tab::Overview | Tab::Tables | Tab::Operations => None,
        }
    }
}

/// A message as the transcript shows it.
#[derive(Debug, Clone)]
pub struct Message {
    pub key: RowKey,
    pub id: String,
    pub role: String,
    pub created_at_ms: Option<i64>,
    pub blocks: Vec<Block>,
    /// Some of its text was left out, since there is so much of it.
    pub cut: bool,
}

/// One selected row whole.
#[derive(Debug, Clone)]
pub struct Details {
    pub table: Table,
    pub columns: Vec<Column>,
    pub row: Row,
    /// Of a message: what it is made of.
    pub blocks: Vec<Block>,
    /// Secrets are shown as they are.
    pub revealed: bool,
}

/// How many rows a page has.
pub const PAGE_ROWS: usize = 128;
/// How many pages are kept.
const MOST_PAGES: usize = 48;

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
    pages: HashMap<usize, (u64, Vec<Row>)>,
    /// Messages for the transcript, by row.
    pub messages: HashMap<usize, Message>,
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
    pub fn index_arrived(&mut self, piece: RowIndex, first: bool, last: bool) {
        if first {
            self.index = Some(piece);
            self.forget_rows();
            self.scroll = self.follow_focus();
        } else if let Some(index) = &mut self.index {
            // The last page so far was read as far as the rows went.
            let unfinished = index.len() / PAGE_ROWS;
            self.pages.remove(&unfinished);
            self.asked.remove(&unfinished);
            index.append(piece);
        }
        self.state = if last { IndexState::Complete } else { IndexState::Growing };
    }

    /// The row that had the focus keeps it, wherever it went, if it is near; else the view starts at the top.
    fn follow_focus(&mut self) -> RowScroll {
        let found = self.focus.take().and_then(|(_, key)| {
            let at = self.index.as_ref()?.position(&key)?;
            Some((at, key))
        });
        let scroll = match &found {
            Some((at, _)) => RowScroll { first: at.saturating_sub(self.view_rows / 2), offset: 0.0 },
            None => RowScroll::default(),
        };
        self.anchor = found.as_ref().map(|(at, _)| *at);
        self.focus = found;
        scroll
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
            Some((used, rows)) => {
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
                self.pages.insert(page, (self.clock, rows));
                self.page_failure = None;
            }
            // Another try comes with the next drawing of a cancelled page.
            Err(failure) if failure.cancelled => {
                self.asked.remove(&page);
            }
            Err(failure) => self.page_failure = Some(failure),
        }
        while self.pages.len() > MOST_PAGES {
            let Some(oldest) = self.pages.iter().min_by_key(|(_, (used, _))| *used).map(|(p, _)| *p) else {
                break;
            };
            self.pages.remove(&oldest);
            self.asked.remove(&oldest);
        }
    }

    /// The message at a place for the transcript; notes that it is missing if not.
    pub fn message(&mut self, at: usize) -> Option<&Message> {
        if self.messages.contains_key(&at) {
            return self.messages.get(&at);
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
            self.messages.insert(at, message);
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

/// How the columns of a kind of table are shown, in every source alike.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Layout {
    pub widths: BTreeMap<String, f32>,
    pub hidden: Vec<String>,
}

/// One file of a folder, as a walk found it.
#[derive(Debug, Clone)]
pub struct Member {
    pub path: PathBuf,
    pub name: String,
    pub stores: Vec<&'static str>,
    /// Sessions by id and title, the first of them.
    pub sessions: u64,
    pub messages: u64,
    pub worst: Option<crate::core::Severity>,
    pub size: Size,
    pub failure: Option<Failure>,
    /// The source that it became when it was opened.
    pub opened: Option<SourceId>,
}

/// What a walk through a folder has found so far.
#[derive(Debug, Default)]
pub struct Folder {
    pub members: Vec<Member>,
    pub folders_seen: usize,
    pub done: bool,
}

/// A file or folder that the user opened.
#[derive(Debug)]
pub struct SourceView {
    pub id: SourceId,
    pub path: PathBuf,
    pub label: String,
    pub about: Remote<About>,
    pub size: Size,
    pub folder: Option<Folder>,
    /// The folder that it is a member of.
    pub parent: Option<SourceId>,
    pub expanded: bool,
    pub tables: HashMap<Table, TableView>,
    pub counts: HashMap<Table, Remote<u64>>,
    /// The sessions as the panel on the left lists them.
    pub sessions: TableView,
    /// The session to which the tabs are narrowed.
    pub session: Option<String>,
    pub session_title: Option<String>,
    pub tab: Tab,
    pub transcript: bool,
    pub native: Option<String>,
    pub details: Remote<Details>,
    pub details_for: Option<(Table, RowKey)>,
}

impl SourceView {
    pub fn new(id: SourceId, path: PathBuf, label: String) -> Self {
        Self {
            id,
            path,
            label,
            about: Remote::Absent,
            size: Size::default(),
            folder: None,
            parent: None,
            expanded: true,
            tables: HashMap::new(),
            counts: HashMap::new(),
            sessions: TableView::new(Table::Sessions),
            session: None,
            session_title: None,
            tab: Tab::default(),
            transcript: false,
            native: None,
            details: Remote::Absent,
            details_for: None,
        }
    }

    /// The table that the current tab shows.
    pub fn current_table(&self) -> Option<Table> {
        match self.tab {
            Tab::Overview => Some(Table::Sessions),
            Tab::Tables => self.native.clone().map(Table::Native),
            tab => tab.table(),
        }
    }

    /// The view of a table, made when it is first looked at.
    pub fn table(&mut self, table: &Table) -> &mut TableView {
        let session = self.session.clone().filter(|_| *table != Table::Sessions && *table != Table::Findings);
        self.tables.entry(table.clone()).or_insert_with(|| {
            let mut view = TableView::new(table.clone());
            view.query.session = session;
            view
        })
    }
}

/// A question that takes the whole window.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// Where no file dialog runs, a path is typed.
    OpenPath {
        typed: String,
        folder: bool,
        note: Option<String>,
    },
    Export {
        format: String,
        selected_only: bool,
        typed: String,
    },
    Palette {
        typed: String,
        chosen: usize,
    },
    Keys,
}

/// All that the views draw.
#[derive(Debug, Default)]
pub struct Screen {
    pub sources: Vec<SourceView>,
    pub current: Option<SourceId>,
    pub dialog: Option<Dialog>,
    pub recent: Vec<PathBuf>,
    pub sessions_filter: String,
    pub layouts: BTreeMap<String, Layout>,
    pub zone: Zone,
    pub details_open: bool,
    pub details_tab: usize,
    pub now_ms: i64,
    pub toast: Option<(String, f64)>,
    pub samples: Option<PathBuf>,
    /// Something long that is going on, with how far it came.
    pub busy: Option<String>,
    /// The filter shall take the keyboard when it is drawn.
    pub focus_filter: bool,
    pub focus_sessions_filter: bool,
    pub sources_scroll: RowScroll,
}

impl Screen {
    pub fn source(&self, id: SourceId) -> Option<&SourceView> {
        self.sources.iter().find(|s| s.id == id)
    }

    pub fn source_mut(&mut self, id: SourceId) -> Option<&mut SourceView> {
        self.sources.iter_mut().find(|s| s.id == id)
    }

    pub fn current(&self) -> Option<&SourceView> {
        self.source(self.current?)
    }

    pub fn current_mut(&mut self) -> Option<&mut SourceView> {
        self.source_mut(self.current?)
    }
}
