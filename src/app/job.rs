//! What workers shall do, and what they did.

use std::path::PathBuf;

use super::searcher::Searched;
use crate::core::glance::Glance;
use crate::core::{
    About, Change, Column, Failure, Learned, Operation, Query, Row, RowIndex, RowKey, Severity, Size, Table,
    Transcripts,
};
use crate::ui::live::Watched;
use crate::ui::model::{Details, Member, Message, SourceId, Stop};
use crate::ui::repair_view::{Field, Planned};
use crate::ui::table_view::Neighbours;
use crate::ui::transcript::Coloured;

/// Which list of the window an answer is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum List {
    /// The sessions on the left.
    Sidebar,
    /// The outline of a conversation.
    Turns,
    Table(Table),
}

/// What a worker shall do with its store.
#[derive(Debug, Clone)]
pub enum Job {
    Index {
        list: List,
        generation: u64,
        query: Query,
    },
    /// What was added to an index behind its newest row.
    Ahead {
        list: List,
        generation: u64,
        query: Query,
        newest: RowKey,
    },
    Rows {
        list: List,
        generation: u64,
        table: Table,
        page: usize,
        keys: Vec<RowKey>,
        columns: Vec<usize>,
    },
    Messages {
        generation: u64,
        near: Neighbours,
    },
    Details {
        table: Table,
        key: RowKey,
        /// Of a message: those around it.
        near: Neighbours,
        reveal: bool,
    },
    Count {
        table: Table,
    },
    /// To find out what has become of the store, and read again what must be.
    Refresh {
        /// Also what opening tells, which is otherwise found out anew once in a while.
        whole: bool,
    },
    /// What the overview draws.
    Glance,
    /// The newest signs of life, so many sessions' at most.
    Pulse {
        most: usize,
    },
    /// What there is of the transcript that a session names; looked for in a folder that was chosen too, from now on.
    Transcripts {
        session: Option<String>,
        chosen: Option<PathBuf>,
    },
    /// The ids of sessions, by their rows.
    SessionIds {
        keys: Vec<RowKey>,
    },
    /// The row of a table that people know by this name.
    Find {
        table: Table,
        name: String,
    },
    /// What the other thread's examination came to: both list the same.
    Learn(Learned),
    /// Leaves what is still to be examined.
    StopExamining,
    /// The first of these messages that a step stops at.
    Seek {
        generation: u64,
        keys: Vec<RowKey>,
        stop: Stop,
    },
    /// Rows as text for the clipboard.
    Copy {
        table: Table,
        keys: Vec<RowKey>,
    },
    /// Rows to a file: the chosen ones, or all of the query.
    Export {
        path: PathBuf,
        format: String,
        query: Query,
        keys: Option<Vec<RowKey>>,
    },
}

/// What a worker did.
#[derive(Debug)]
pub enum Done {
    Opened(Result<(About, Size), Failure>),
    /// What has become of the store, where it is something; what is known of it then.
    Refreshed {
        change: Result<Change, Failure>,
        about: Box<About>,
        size: Size,
    },
    /// It is a folder, which is looked through rather than opened.
    IsFolder,
    /// A piece of an index, with the columns of its table.
    Index {
        list: List,
        generation: u64,
        piece: Result<RowIndex, Failure>,
        columns: Vec<Column>,
        first: bool,
        last: bool,
    },
    /// What was added to an index; none where that cannot be told.
    Ahead {
        list: List,
        generation: u64,
        piece: Option<RowIndex>,
    },
    /// A page of rows; not `whole` where only some of the columns were read.
    Rows {
        list: List,
        generation: u64,
        page: usize,
        rows: Result<Vec<Row>, Failure>,
        whole: bool,
    },
    Messages {
        generation: u64,
        messages: Vec<Message>,
    },
    Details {
        table: Table,
        key: RowKey,
        details: Result<Option<Details>, Failure>,
    },
    Count {
        table: Table,
        count: Result<u64, Failure>,
    },
    /// What is counted so far; `last` where that is all.
    Glance {
        glance: Result<Glance, Failure>,
        last: bool,
    },
    /// Heartbeats with what stands aside of them, which took so long to read.
    Pulse {
        rows: Result<Vec<Row>, Failure>,
        took_ms: i64,
    },
    /// What was found of the transcript that a session names.
    Transcripts {
        session: String,
        found: Result<Transcripts, Failure>,
    },
    SessionIds(Vec<String>),
    /// Where a row is; none where there is none of that name.
    Found {
        table: Table,
        row: Option<RowKey>,
    },
    /// A store of the folder was looked over.
    MemberExamined {
        path: PathBuf,
        worst: Option<Severity>,
    },
    /// Of the examination so much is done, of so much.
    Examined((usize, usize)),
    /// What the examination came to.
    Learned(Learned),
    Copied {
        text: String,
        rows: usize,
    },
    Exported(Result<(PathBuf, u64), String>),
    /// Where a step through a conversation ended.
    Sought {
        generation: u64,
        key: Option<RowKey>,
        stop: Stop,
    },
    /// So many messages of a session are written.
    Exporting {
        done: u64,
        of: u64,
    },
    SessionExported {
        to: Option<PathBuf>,
        exported: super::session_export::Exported,
    },
    /// A repair was planned.
    Planned(Result<Box<Planned>, Failure>),
    /// So many changes of it are made.
    Applying(u64),
    /// Where it failed, with the operation that was begun, if one was.
    Applied(Result<Box<Applied>, (Failure, Option<String>)>),
    /// A folder was looked through a little further.
    Walked {
        folders_seen: usize,
        member: Option<Member>,
    },
    WalkEnded,
    /// Files came or went in a folder.
    FolderChanged,
    /// All stores of a folder in which files came or went.
    WalkedAgain(Vec<Member>),
}

/// What came of a repair.
#[derive(Debug)]
pub struct Applied {
    pub operation: Operation,
    /// What was done, as `Deleted 12 sessions`.
    pub words: String,
    /// Rows that were left alone: key, and how they had changed; the first of them.
    pub left: Vec<(String, String)>,
    /// Where an import put its file aside.
    pub moved_to: Option<PathBuf>,
}

/// Something that happened in the background.
#[derive(Debug)]
pub enum Event {
    Source {
        id: SourceId,
        done: Done,
    },
    /// The operation log, as it is now; or why it cannot be read.
    Operations(Result<Vec<Operation>, Failure>),
    /// What a search did; its generation tells whether it is still wanted.
    Searched {
        generation: u64,
        searched: Searched,
    },
    /// Colours of code that shows.
    Coloured(Coloured),
    /// How a source's file is watched.
    Watched {
        id: SourceId,
        how: Watched,
    },
    /// What became of operations that were interrupted.
    Settled(Vec<String>),
    /// A path was chosen for a field of the repair; none where no dialog service runs.
    Chosen {
        field: Field,
        path: Option<PathBuf>,
    },
    /// A folder with transcripts was chosen; none where no dialog service runs.
    TranscriptsChosen(Option<PathBuf>),
    /// A file dialog was closed; none where no dialog service runs.
    Picked {
        paths: Option<Vec<PathBuf>>,
        folder: bool,
    },
}
