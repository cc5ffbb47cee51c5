//! Examinations: what is looked for in a store after it was opened, in the background, a little at a time.
//!
//! Opening tells what costs nothing. The rest is a list of [`Scan`]s, which every adapter adds to (`examine`), and SQLite's
//! own check. No statement of a scan stays open longer than [`PAGE`], so that no writer waits and no write-ahead log is held.

mod scan;
mod secrets;
mod shared;
mod times;

pub use scan::{Probe, Scan, json, named};

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::core::{Finding, ReadStore as _, StoreError};
use crate::stores::sqlite::{Checked, Context, FileFacts, SqliteStore, sqlite_error};
use crate::stores::{claude_hooks, document_adapters, durable, sqlite_adapters};

/// For so long a scan reads on before it lets go of the database.
const PAGE: Duration = Duration::from_millis(20);

/// A page whose first row takes longer than this is given up, and its scan with it.
const MOST_PAGE: Duration = Duration::from_millis(100);

/// Between two pages another program comes to its checkpoint or its commit.
const PAUSE: Duration = Duration::from_millis(1);

/// A table may be checked for so long where that stands in nobody's way: with a write-ahead log.
const MOST_CHECK: Duration = Duration::from_secs(5);

/// What is still to be looked at of an open store.
#[derive(Default)]
pub struct Examination {
    steps: VecDeque<Step>,
    of: usize,
    /// The tables that were not looked at to the end.
    unfinished: Vec<String>,
    /// What SQLite's check said.
    checked: Vec<Finding>,
}

/// Looks elsewhere than into a store for what concerns it, as far as it costs little.
type Elsewhere = fn(&SqliteStore) -> Result<Vec<Finding>, StoreError>;

enum Step {
    Scan(Scan),
    /// What is not in the store's own rows: which transcripts there are, what another file beside it says.
    Elsewhere(Elsewhere),
    /// SQLite's check of the whole database, as long as it is short.
    Check,
    /// SQLite's check of one table.
    CheckTable(String),
}

/// How far a page came.
enum Came {
    ToTheEnd,
    Further,
    /// It takes too long, or is locked.
    NoFurther,
}

impl Examination {
    /// What there is to look at of a store; SQLite's check only where it is to be part of it.
    pub fn of(store: &SqliteStore, checked: bool) -> Self {
        let file = FileFacts::of(&store.path, store.clock.clone());
        let context = Context { connection: &store.connection, schema: &store.schema, file: &file };
        let stores = &store.about().stores;
        let mut scans: Vec<Scan> = Vec::new();
        for adapter in sqlite_adapters().iter().filter(|a| stores.contains(&a.id)) {
            scans.extend((adapter.examine)(&context));
        }
        let is_database = store.about().user_version.is_some();
        if !is_database {
            let own = document_adapters().iter().filter(|a| stores.contains(&a.id));
            scans.extend(own.flat_map(|a| (a.examine)(&context)));
        } else if durable::object::is_object(&context) {
            scans.extend(durable::scans(&context));
        }
        scans.extend(shared::scans(&store.mapping, &context));
        let mut steps: VecDeque<Step> = scans.into_iter().filter(|s| !s.is_idle()).map(Step::Scan).collect();
        if claude_hooks::is_of_claude_hooks(store) {
            steps.push_back(Step::Elsewhere(claude_hooks::compare_beside));
        }
        if store.names_transcripts() {
            steps.push_back(Step::Elsewhere(SqliteStore::about_transcripts));
        }
        if is_database && checked {
            steps.push_back(Step::Check);
        }
        Self { of: steps.len(), steps, ..Self::default() }
    }

    /// How much of it is done, of how much.
    pub fn progress(&self) -> (usize, usize) {
        (self.of - self.steps.len().min(self.of), self.of)
    }

    /// What SQLite's check said: an examination without that check says nothing of it.
    pub fn checked(&self) -> &[Finding] {
        &self.checked
    }

    /// Whether nothing is left to look at.
    pub fn is_over(&self) -> bool {
        self.steps.is_empty()
    }

    /// Looks on for a moment; hands out what it found.
    ///
    /// # Errors
    /// Where it was cancelled; it can go on.
    pub fn look(&mut self, store: &SqliteStore) -> Result<Vec<Finding>, StoreError> {
        let Some(mut step) = self.steps.pop_front() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        match self.take(store, &mut step, &mut found) {
            Ok(Came::ToTheEnd) => {}
            Ok(Came::Further) => self.steps.push_front(step),
            Ok(Came::NoFurther) => self.leave(step),
            Err(error) => {
                self.steps.push_front(step);
                return Err(error);
            }
        }
        if self.is_over() {
            found.extend(self.unfinished());
        }
        Ok(found)
    }

    fn take(
        &mut self,
        store: &SqliteStore,
        step: &mut Step,
        found: &mut Vec<Finding>,
    ) -> Result<Came, StoreError> {
        match step {
            Step::Scan(scan) => {
                let came = page(store, scan)?;
                if !matches!(came, Came::Further) {
                    found.extend(scan.findings());
                }
                Ok(came)
            }
            Step::Elsewhere(look) => match look(store) {
                Err(error @ StoreError::Cancelled) => Err(error),
                // What cannot be looked through is no finding about the store.
                about => {
                    found.extend(about.unwrap_or_default());
                    Ok(Came::ToTheEnd)
                }
            },
            Step::Check => {
                let came = self.check(store, None, MOST_PAGE, found)?;
                if let Came::NoFurther = came {
                    let tables =
                        store.schema.tables.iter().filter(|t| t.kind == crate::core::NativeKind::Table);
                    self.steps.extend(tables.map(|t| Step::CheckTable(t.name.clone())));
                    self.of += self.steps.len();
                }
                Ok(Came::ToTheEnd)
            }
            Step::CheckTable(name) => {
                let most = if store.schema.journal_mode == "wal" { MOST_CHECK } else { MOST_PAGE };
                self.check(store, Some(name), most, found)
            }
        }
    }

    /// Has SQLite check the database, or a table.
    fn check(
        &mut self,
        store: &SqliteStore,
        table: Option<&str>,
        most: Duration,
        found: &mut Vec<Finding>,
    ) -> Result<Came, StoreError> {
        match store.quick_check(table, most) {
            Ok(Checked::Says(findings)) => {
                self.checked.extend(findings.iter().cloned());
                found.extend(findings);
                Ok(Came::ToTheEnd)
            }
            Err(error @ StoreError::Cancelled) => Err(error),
            Ok(Checked::TooLong) | Err(_) => Ok(Came::NoFurther),
        }
    }

    /// Gives a step up.
    fn leave(&mut self, step: Step) {
        let table = match step {
            Step::Scan(scan) => scan.table().to_owned(),
            Step::CheckTable(name) => name,
            Step::Check | Step::Elsewhere(_) => return,
        };
        if !self.unfinished.contains(&table) {
            self.unfinished.push(table);
        }
    }

    /// Looks at all of it, as far as it comes until a moment.
    ///
    /// # Errors
    /// Where it was cancelled.
    pub fn finish(&mut self, store: &SqliteStore, deadline: Instant) -> Result<Vec<Finding>, StoreError> {
        let mut found = Vec::new();
        while !self.is_over() && Instant::now() < deadline {
            found.extend(self.look(store)?);
            std::thread::sleep(PAUSE);
        }
        if !self.is_over() {
            for step in std::mem::take(&mut self.steps) {
                if let Step::Scan(scan) = &step {
                    found.extend(scan.findings());
                }
                self.leave(step);
            }
            found.extend(self.unfinished());
        }
        Ok(found)
    }

    fn unfinished(&self) -> Option<Finding> {
        (!self.unfinished.is_empty()).then(|| {
            let message = format!(
                "Not all of {} was looked at: it takes too long, or another program has it locked",
                self.unfinished.join(", ")
            );
            Finding::info("examination-unfinished", message)
                .suggest("What is said of it is about the rows that were. In the window all of it is looked at, in the background.")
        })
    }
}

/// Reads a page of a scan.
fn page(store: &SqliteStore, scan: &mut Scan) -> Result<Came, StoreError> {
    let now = Instant::now();
    let read = store.cancel.within(now + MOST_PAGE, || scan.page(&store.connection, now + PAGE));
    match read.map_err(|e| sqlite_error(e, &store.path)) {
        Ok(true) => Ok(Came::ToTheEnd),
        Ok(false) => Ok(Came::Further),
        Err(StoreError::Cancelled) if store.cancel.is_cancelled() => Err(StoreError::Cancelled),
        // Damage is said of the database; what was seen of the table is said here.
        Err(error) if error.is_damage() => Ok(Came::ToTheEnd),
        Err(_) => Ok(Came::NoFurther),
    }
}
