//! How an opened store is read, whatever its format.

use super::repair::Offer;
use super::vitals::Pace;
use super::{Block, Column, Finding, Query, Row, RowIndex, RowKey, StoreError, Table};

/// What is known of a store as soon as it is open: no rows are read for it.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The kinds that were recognised in the file, such as `session-do`.
    pub stores: Vec<&'static str>,
    /// A name for people, where the store has one.
    pub name: Option<String>,
    /// What is wrong or worth knowing, as far as opening tells.
    pub findings: Vec<Finding>,
    /// The store's own tables.
    pub native: Vec<NativeTable>,
    /// The canonical tables that this store keeps; the others are not in its format.
    pub keeps: Vec<Table>,
    /// Of these the tables whose rows belong to no session: they are the same whichever session is chosen.
    pub unscoped: Vec<Table>,
    /// Its sessions name transcripts, in which their messages are.
    pub names_transcripts: bool,
    /// `PRAGMA user_version` of a database.
    pub user_version: Option<i64>,
    /// Facts about the file, as label and text, in the order to show them.
    pub facts: Vec<(String, String)>,
    /// Parts of the file are damaged; what could be read is shown.
    pub damaged: bool,
    /// The repairs that the store's kind has.
    pub offers: Vec<Offer>,
    /// How its sessions give signs of life; none where they give none.
    pub pace: Option<&'static Pace>,
    /// A private copy is being read, since the file could not be opened in place.
    pub copied: bool,
}

/// A table of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeTable {
    pub name: String,
    pub kind: NativeKind,
    /// The statement that made it.
    pub sql: String,
}

/// What a native table is, and so whether its rows can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeKind {
    Table,
    /// Not run: a view is a program of a stranger's.
    View,
    Virtual {
        module: String,
        /// Whether the module is built in, so that its rows can be read.
        readable: bool,
    },
    /// Kept by a virtual table for itself.
    Shadow,
}

impl NativeKind {
    pub fn is_readable(&self) -> bool {
        !matches!(self, NativeKind::View | NativeKind::Virtual { readable: false, .. })
    }
}

/// Sizes on disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    pub file_bytes: u64,
    pub wal_bytes: u64,
}

/// What has become of a store since it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing that shows.
    Same,
    /// Rows are new, changed or gone.
    Rows,
    /// Its tables too: what is known of the store was found out anew.
    Schema,
    /// The file is being written, and what is there so far cannot be read: what was read before stays. Ask again soon.
    Unsettled,
    /// Another file is in its place; the one that is open is still read.
    Replaced,
    /// The file was cut off.
    Truncated,
    /// The file is gone from its place; the one that is open is still read.
    Gone,
}

impl Change {
    /// Whether what is open is not any more, or not whole, what is in its place.
    pub fn is_loss(self) -> bool {
        matches!(self, Change::Replaced | Change::Truncated | Change::Gone)
    }
}

/// Whether a long reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Continue,
    Stop,
}

/// What of the rows is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Places in [`ReadStore::columns`]; all of them where empty.
    pub columns: Vec<usize>,
    /// The most characters (bytes, of a blob) of each cell; the whole where there is none.
    pub cut: Option<usize>,
    /// Show secrets as they are.
    pub reveal: bool,
    /// Behind the table's own columns also [`super::aside_columns`], whole.
    pub aside: bool,
}

/// A store that is open for reading. It cannot write: no method of it does, and its file handle cannot.
pub trait ReadStore: Send {
    fn about(&self) -> &About;

    /// The columns of a table; empty where the store has no such table.
    fn columns(&self, table: &Table) -> Vec<Column>;

    /// The number of rows that match.
    fn count(&self, query: &Query) -> Result<u64, StoreError>;

    /// Hands out the keys of all matching rows in their order, piece by piece.
    fn index(
        &self,
        query: &Query,
        limit: Option<u64>,
        sink: &mut dyn FnMut(RowIndex) -> Flow,
    ) -> Result<(), StoreError>;

    /// The rows of these keys, in this order; a row that is gone meanwhile is left out.
    fn rows(&self, table: &Table, keys: &[RowKey], selection: &Selection) -> Result<Vec<Row>, StoreError>;

    /// What a message says, part by part.
    fn blocks(&self, key: &RowKey) -> Result<Vec<Block>, StoreError>;
}
