//! `rows`: the rows of one table, of a file or of every file of a folder.

mod merge;
mod pages;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::format::TextTable;
use super::members::{Member, members};
use super::{Status, finish, say, source};
use crate::core::export::{Format, Sheet};
use crate::core::{Column, Query, ReadStore, Row, Selection, Sort, StoreError, Table, table_columns};
use crate::stores::Places;
use crate::stores::sqlite::SqliteStore;

/// What `rows` was asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A file or a folder
    path: PathBuf,
    /// sessions, messages, tasks, heartbeats, state, migrations, findings, or native:NAME for a table of the store's own
    table: String,
    /// Only the rows of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only rows in which some column contains this text, whatever its case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// The column to sort by; `:desc` behind it turns the order round
    #[arg(long, value_name = "COLUMN[:desc]")]
    sort: Option<String>,
    /// The most rows to print
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// How many rows to leave out first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    #[arg(long, value_enum, default_value_t = Shape::Table)]
    format: Shape,
    #[command(flatten)]
    looking: source::Looking,
}

/// How the rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Aligned columns, cut to the terminal's width
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Jsonl,
    Csv,
    /// A Markdown table
    Md,
}

/// How long `rows PATH findings` looks for damage, as `inspect` does.
pub const CHECK: Duration = Duration::from_secs(2);

/// How much of a cell is read for the aligned table, in bytes.
const TABLE_CUT: usize = 512;

/// Prints the rows, as they come.
pub fn run(arguments: &Arguments) -> Status {
    let query = match query(arguments) {
        Ok(query) => query,
        Err(message) => {
            say(&message);
            return Status::USAGE;
        }
    };
    let members = match members(&arguments.path) {
        Ok(found) => found.files,
        Err(error) => return source::complain(&error, &arguments.path),
    };
    let mut task = Task::new(query, arguments, members);
    if task.readable.is_empty() {
        if task.status == Status::DONE {
            say(&format!(
                "There is no store in this folder: {}. Open a folder that holds one.",
                arguments.path.display()
            ));
            task.status = Status::FAILED;
        }
        return task.status;
    }
    if let Err(message) = task.settle_columns() {
        say(&message);
        return Status::USAGE;
    }
    let stdout = io::stdout().lock();
    let mut out = BufWriter::with_capacity(1 << 16, stdout);
    let written = task.print(&mut out).and_then(|()| out.flush());
    // Nothing more to write: a second attempt on drop would only fail again.
    let _ = out.into_parts();
    task.complain();
    finish(written, task.status)
}

/// The query, checked as far as it can be without a file.
fn query(arguments: &Arguments) -> Result<Query, String> {
    let table = Table::parse(&arguments.table).ok_or_else(|| {
        format!(
            "There is no table {}. The tables are {}, and native:NAME for one of the store's own.",
            arguments.table,
            canonical().join(", ")
        )
    })?;
    let sort = arguments.sort.as_deref().map(|text| {
        let (column, descending) = match text.strip_suffix(":desc") {
            Some(column) => (column, true),
            None => (text.strip_suffix(":asc").unwrap_or(text), false),
        };
        Sort { column: column.to_owned(), descending }
    });
    if !matches!(table, Table::Native(_)) {
        has_column(table_columns(&table), sort.as_ref(), &table)?;
    }
    Ok(Query {
        session: arguments.session.clone(),
        search: arguments.search.clone(),
        sort,
        ..Query::all(table)
    })
}

fn canonical() -> Vec<String> {
    Table::CANONICAL.iter().chain([&Table::Findings]).map(|t| t.name().into_owned()).collect()
}

fn has_column(columns: &[Column], sort: Option<&Sort>, table: &Table) -> Result<(), String> {
    let Some(sort) = sort.filter(|s| !columns.iter().any(|c| c.name == s.column)) else { return Ok(()) };
    let known: Vec<&str> = columns.iter().map(|c| c.name.as_ref()).collect();
    Err(format!(
        "There is no column {} in {}. Its columns are {}.",
        sort.column,
        table.name(),
        known.join(", ")
    ))
}

/// One run of the command: what is asked, of which files, and how it went so far.
struct Task {
    query: Query,
    places: Places,
    shape: Shape,
    selection: Selection,
    offset: u64,
    limit: Option<u64>,
    /// The files that hold a store; of one file, the open store with it.
    readable: Vec<(Member, Option<SqliteStore>)>,
    columns: Vec<Column>,
    native: Vec<String>,
    status: Status,
    /// What is said after the rows.
    complaints: Vec<(StoreError, PathBuf)>,
}

impl Task {
    fn new(query: Query, arguments: &Arguments, members: Vec<Member>) -> Self {
        let cut = (arguments.format == Shape::Table).then_some(TABLE_CUT);
        let mut task = Self {
            columns: table_columns(&query.table).to_vec(),
            query,
            places: arguments.looking.places(),
            shape: arguments.format,
            selection: Selection { cut, ..Selection::default() },
            offset: arguments.offset,
            limit: arguments.limit,
            readable: Vec::new(),
            native: Vec::new(),
            status: Status::DONE,
            complaints: Vec::new(),
        };
        for member in members {
            task.look(member);
        }
        task
    }

    /// Opens a file once, to know whether it is a store and which columns it has.
    fn look(&mut self, member: Member) {
        let in_folder = member.name.is_some();
        match source::store(&member.path, &self.places) {
            // Not everything in a folder is a store.
            Err(StoreError::NotRecognised { .. }) if in_folder => {}
            Err(error) => self.status.add(source::complain(&error, &member.path)),
            Ok(mut store) => {
                if self.query.table == Table::Findings {
                    source::examine(&mut store, Instant::now() + CHECK);
                }
                self.complaints
                    .extend(source::damage(&store, &member.path).map(|d| (d, member.path.clone())));
                let readable = store.about().native.iter().filter(|t| t.kind.is_readable());
                self.native.extend(readable.map(|t| t.name.clone()));
                if let Table::Native(_) = self.query.table {
                    let columns = store.columns(&self.query.table);
                    let new = columns.into_iter().filter(|c| !self.columns.contains(c)).collect::<Vec<_>>();
                    self.columns.extend(new);
                }
                // A folder may have more files than a process may open.
                let keep = !in_folder || self.query.table == Table::Findings;
                self.readable.push((member, keep.then_some(store)));
            }
        }
    }

    /// Sees that the table and the column to sort by are there, now that the columns are known.
    fn settle_columns(&mut self) -> Result<(), String> {
        if self.columns.is_empty() {
            self.native.sort();
            self.native.dedup();
            let native = self.native.iter().map(|n| format!(", native:{n}")).collect::<String>();
            return Err(format!(
                "There is no table {} here. The tables are {}{native}.",
                self.query.table.name(),
                canonical().join(", ")
            ));
        }
        has_column(&self.columns, self.query.sort.as_ref(), &self.query.table)
    }

    fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let files = self.readable.iter().any(|(m, _)| m.name.is_some());
        let format = match self.shape {
            Shape::Table => None,
            Shape::Json => Some(Format::Json),
            Shape::Jsonl => Some(Format::JsonLines),
            Shape::Csv => Some(Format::Csv),
            Shape::Md => Some(Format::Markdown),
        };
        let paper = match format {
            None => Paper::Text(TextTable::new(&self.columns, files)),
            Some(format) => Paper::Sheet(Sheet::new(format, &self.columns, files)),
        };
        let mut printer = Printer { paper, written: 0, skip: self.offset, left: self.limit, out };
        printer.head()?;
        if self.query.sort.is_some() && self.readable.len() > 1 {
            self.merged(&mut printer)?;
        } else {
            self.one_after_the_other(&mut printer)?;
        }
        printer.foot()
    }

    /// Keeps what went wrong with a file, once for each file.
    fn note(&mut self, trouble: Option<StoreError>, path: &Path) {
        if let Some(trouble) = trouble
            && !self.complaints.iter().any(|(_, p)| p == path)
        {
            self.complaints.push((trouble, path.to_owned()));
        }
    }

    /// Says what went wrong, after the rows that could be read.
    fn complain(&mut self) {
        for (error, path) in std::mem::take(&mut self.complaints) {
            self.status.add(source::complain(&error, &path));
        }
    }

    /// The store of a file, opened anew where it was not kept.
    fn take_store(&mut self, at: usize) -> Option<SqliteStore> {
        let (member, kept) = self.readable.get_mut(at)?;
        if let Some(store) = kept.take() {
            return Some(store);
        }
        let path = member.path.clone();
        match source::store(&path, &self.places) {
            Ok(store) => Some(store),
            Err(error) => {
                self.note(Some(error), &path);
                None
            }
        }
    }
}

/// What rows are printed on.
enum Paper {
    Text(TextTable),
    Sheet(Sheet),
}

/// The output, with how many rows it had and still takes.
struct Printer<'a> {
    paper: Paper,
    written: u64,
    /// Rows still to leave out.
    skip: u64,
    left: Option<u64>,
    out: &'a mut dyn Write,
}

impl Printer<'_> {
    fn head(&mut self) -> io::Result<()> {
        match &self.paper {
            Paper::Text(_) => Ok(()),
            Paper::Sheet(sheet) => sheet.head(self.out),
        }
    }

    fn row(&mut self, file: &str, row: &Row) -> io::Result<()> {
        match &mut self.paper {
            Paper::Text(table) => table.row(file, row, self.out)?,
            Paper::Sheet(sheet) => sheet.row(self.written, file, row, self.out)?,
        }
        self.written += 1;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(())
    }

    fn foot(&mut self) -> io::Result<()> {
        match &mut self.paper {
            Paper::Sheet(sheet) => sheet.foot(self.written, self.out),
            Paper::Text(table) => {
                if table.foot(self.out)? {
                    say(
                        "Columns in which the first rows hold nothing are left out. Use --format csv to see all.",
                    );
                }
                Ok(())
            }
        }
    }

    fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// How many keys are still wanted, those to leave out included.
    fn wanted(&self) -> Option<u64> {
        self.left.map(|left| left.saturating_add(self.skip))
    }
}
