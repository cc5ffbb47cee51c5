//! What is on the screen: the sources, and of each the tables as far as they have arrived.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::Command;
pub use super::export_session::SessionExport;
use super::format::Zone;
use super::live::{Live, Pacer};
use super::pulse::Pulse;
pub use super::remote::Remote;
use super::repair_view::RepairView;
use super::scroll::RowScroll;
use super::search_view::SearchView;
use super::table_view::TableView;
use super::transcript::outline::Turns;
use crate::core::conversation::Part;
use crate::core::glance::Glance;
use crate::core::vitals::Liveness;
use crate::core::{
    About, Column, Condition, Failure, Filter, Learned, Operation, Query, Row, RowKey, Size, Sort, Table,
    Transcripts,
};

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
    pub parts: Vec<Part>,
    /// So much of its text was left out, since there is so much of it.
    pub left_out_bytes: u64,
}

/// One selected row whole.
#[derive(Debug, Clone)]
pub struct Details {
    pub table: Table,
    pub columns: Vec<Column>,
    pub row: Row,
    /// Of a message: what it is made of.
    pub parts: Vec<Part>,
    /// The row as the headless commands write it.
    pub json: String,
    /// Secrets are shown as they are.
    pub revealed: bool,
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
    /// Its messages were counted; a file of lines is only looked at.
    pub counted: bool,
    pub worst: Option<crate::core::Severity>,
    /// It was looked over, and not only opened.
    pub examined: bool,
    /// Of a store of one session, whether it lives, where its signs tell.
    pub liveness: Option<Liveness>,
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
    /// The turns as the outline of a conversation lists them.
    pub turns: Turns,
    /// Whether another program writes it, and what has become of it.
    pub live: Live,
    /// The signs of life of its sessions.
    pub pulse: Pulse,
    /// The session to which the tabs are narrowed.
    pub session: Option<String>,
    pub session_title: Option<String>,
    /// How much of the examination is done, of how much; none once it is over.
    pub examined: Option<(usize, usize)>,
    pub tab: Tab,
    pub transcript: bool,
    pub native: Option<String>,
    pub glance: Remote<Glance>,
    pub details: Remote<Details>,
    pub details_for: Option<(Table, RowKey)>,
    /// What was found of the transcripts that sessions name, by session.
    pub transcripts: HashMap<String, Remote<Transcripts>>,
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
            turns: Turns::new(TableView::new(Table::Messages)),
            live: Live::default(),
            pulse: Pulse::default(),
            session: None,
            session_title: None,
            examined: None,
            tab: Tab::default(),
            transcript: false,
            native: None,
            glance: Remote::Absent,
            details: Remote::Absent,
            details_for: None,
            transcripts: HashMap::new(),
        }
    }

    /// Takes what the examination came to.
    pub fn learn(&mut self, learned: Learned) {
        let Remote::Ready(about) = &mut self.about else { return };
        learned.bring(&mut about.findings);
        if let Some(view) = self.tables.get_mut(&Table::Findings) {
            view.is_stale();
        }
        if self.details_for.as_ref().is_some_and(|(table, _)| *table == Table::Findings) {
            self.live.details.is_stale();
        }
    }

    /// What the outline lists: what the user said, in the conversation that shows.
    pub fn turns_query(&self) -> Query {
        let is = |column: &str, condition| Filter { column: column.to_owned(), condition };
        let filters = vec![
            is("role", Condition::Is("user".to_owned())),
            is("kind", Condition::IsNot("tool result".to_owned())),
        ];
        Query { session: self.session_for(&Table::Messages), filters, ..Query::all(Table::Messages) }
    }

    /// The table that the current tab shows.
    pub fn current_table(&self) -> Option<Table> {
        match self.tab {
            Tab::Overview => Some(Table::Sessions),
            Tab::Tables => self.native.clone().map(Table::Native),
            tab => tab.table(),
        }
    }

    /// The session to which a table is narrowed; none where its rows belong to no session.
    pub fn session_for(&self, table: &Table) -> Option<String> {
        let whole = matches!(table, Table::Sessions | Table::Migrations | Table::Findings | Table::Native(_))
            || self.about.shown().is_some_and(|a| a.unscoped.contains(table));
        self.session.clone().filter(|_| !whole)
    }

    /// The store has changed: what shows of it is asked for again, the rest when it shows.
    pub fn is_stale(&mut self) {
        self.tables
            .values_mut()
            .chain([&mut self.sessions, &mut self.turns.view])
            .for_each(TableView::is_stale);
        let live = &mut self.live;
        [&mut live.counts, &mut live.glance, &mut live.details].into_iter().for_each(Pacer::is_stale);
    }

    /// It is opened anew: what was asked for will not come, and is asked for again.
    pub fn opens_again(&mut self) {
        self.live = Live::default();
        self.tables
            .values_mut()
            .chain([&mut self.sessions, &mut self.turns.view])
            .for_each(TableView::opens_again);
        self.counts.retain(|_, count| !count.is_pending());
        if self.glance.is_pending() {
            self.glance = Remote::Absent;
        }
        self.is_stale();
    }

    /// The view of a table, made when it is first looked at.
    pub fn table(&mut self, table: &Table) -> &mut TableView {
        let session = self.session_for(table);
        self.tables.entry(table.clone()).or_insert_with(|| {
            let mut view = TableView::new(table.clone());
            view.query.session = session;
            if view.query.table == Table::Heartbeats {
                view.query.sort = Some(Sort { column: "last_heartbeat_at".to_owned(), descending: true });
            }
            view
        })
    }
}

/// What a step through a conversation stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Message,
    /// What a person says.
    Turn,
    ToolCall,
    Error,
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
    /// As [`Dialog::OpenPath`], for a folder with transcripts.
    TranscriptFolder {
        typed: String,
        note: Option<String>,
    },
    Export {
        format: String,
        selected_only: bool,
        typed: String,
        /// The path shall take the keyboard when it is drawn.
        fresh: bool,
    },
    ExportSession {
        export: SessionExport,
        typed: String,
        fresh: bool,
    },
    Palette {
        typed: String,
        chosen: usize,
    },
    Keys,
    /// Whether an operation's undo shall end.
    Forget {
        operation: String,
    },
    /// What became of operations that were interrupted.
    Notice {
        lines: Vec<String>,
    },
}

/// Something that was done, said for a moment, with what can be done about it.
#[derive(Debug, Clone)]
pub struct Toast {
    pub text: String,
    /// When it goes, by the window's clock in seconds.
    pub until: f64,
    /// Buttons: their texts, and what they do.
    pub next: Vec<(&'static str, Command)>,
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
    /// The turns are listed beside a conversation.
    pub outline: bool,
    pub details_tab: usize,
    pub now_ms: i64,
    /// The window's own clock, in seconds.
    pub time: f64,
    pub toast: Option<Toast>,
    pub samples: Option<PathBuf>,
    /// Something long that is going on, with how far it came.
    pub busy: Option<String>,
    /// The filter shall take the keyboard when it is drawn.
    pub focus_filter: bool,
    pub focus_sessions_filter: bool,
    pub sources_scroll: RowScroll,
    /// The source that was last brought into view in the list, and until when it is kept there.
    pub brought: Option<(SourceId, f64)>,
    pub search: SearchView,
    /// The repair that is being prepared.
    pub repair: Option<RepairView>,
    /// The operation log, of all stores.
    pub operations: Remote<Vec<Operation>>,
}

impl Screen {
    pub fn source(&self, id: SourceId) -> Option<&SourceView> {
        self.sources.iter().find(|s| s.id == id)
    }

    /// A source, or the lines of the plan that is being shown.
    pub fn source_mut(&mut self, id: SourceId) -> Option<&mut SourceView> {
        let lines = self.repair.as_mut().map(|repair| &mut repair.lines);
        self.sources.iter_mut().chain(lines).find(|s| s.id == id)
    }

    pub fn current(&self) -> Option<&SourceView> {
        self.source(self.current?)
    }

    pub fn current_mut(&mut self) -> Option<&mut SourceView> {
        self.source_mut(self.current?)
    }
}
