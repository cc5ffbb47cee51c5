//! Two threads per source: one for what is on screen, one for what takes long.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::examining::Examiner;
use super::export;
use super::job::{Done, Event, Job, List};
use super::reading;
use crate::core::glance::Glance;
use crate::core::{
    Cell, Change, Failure, Flow, Query, ReadStore, Row, RowIndex, RowKey, Selection, Size, Sort, StoreError,
    Table, Value,
};
use crate::stores::sqlite::{Cancel, SqliteStore};
use crate::stores::{self, Options};
use crate::ui::model::{Details, SourceId};
use crate::ui::table_view::Neighbours;

/// Cells of a table are cut to so many bytes: more than fits on any screen.
const CELL_BYTES: usize = 512;
/// Of the pages that were asked for and not yet read, so many are worth reading: the newest.
const MOST_WAITING_PAGES: usize = 8;

/// Where events go, and how the window is told that there is one.
#[derive(Clone)]
pub struct Outbox {
    pub events: Sender<Event>,
    pub wake: std::sync::Arc<dyn Fn() + Send + Sync>,
}

impl Outbox {
    pub fn send(&self, event: Event) {
        // The window may be closing: then nobody listens, and nothing is lost.
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }

    pub fn done(&self, id: SourceId, done: Done) {
        self.send(Event::Source { id, done });
    }
}

/// The two threads of a source; they end when it is dropped.
pub struct Worker {
    pages: Sender<Job>,
    scans: Sender<Job>,
    cancel_scan: Cancel,
}

impl Worker {
    /// Starts opening a file; [`Done::Opened`] says how it went.
    pub fn open(id: SourceId, path: PathBuf, options: Options, outbox: Outbox) -> Worker {
        Self::start(id, outbox, move |lanes| {
            // Asked here, since a disk that does not answer must not keep the window waiting.
            if path.is_dir() {
                return lanes.done(Done::IsFolder);
            }
            let opened = stores::open(&path, &options).and_then(|opened| {
                let scanner = opened.again(&lanes.cancel_scan)?;
                Ok((opened, scanner))
            });
            match opened {
                Ok((opened, scanner)) => {
                    let about = opened.store.about().clone();
                    lanes.done(Done::Opened(Ok((about, stores::size(&path)))));
                    lanes.serve(opened.store, scanner, true);
                }
                Err(error) => lanes.done(Done::Opened(Err(Failure::from(&error)))),
            }
        })
    }

    /// Starts a thread that finds two readers of something, and has them serve.
    pub fn start(id: SourceId, outbox: Outbox, work: impl FnOnce(Lanes) + Send + 'static) -> Worker {
        let (pages, page_jobs) = channel();
        let (scans, scan_jobs) = channel();
        let cancel_scan = Cancel::default();
        let lanes = Lanes {
            id,
            outbox,
            pages: pages.clone(),
            page_jobs,
            scan_jobs,
            cancel_scan: cancel_scan.clone(),
        };
        thread::spawn(move || work(lanes));
        Worker { pages, scans, cancel_scan }
    }

    /// What has both threads find out what has become of the store; it may be called from anywhere.
    pub fn nudge(&self) -> impl Fn() + Send + 'static {
        let lanes = [self.pages.clone(), self.scans.clone()];
        move || lanes.iter().for_each(|lane| drop(lane.send(Job::Refresh { whole: false })))
    }

    /// Gives a job to the thread that it suits. A worker that failed to open takes none.
    pub fn send(&self, job: Job) {
        let lane = match &job {
            Job::Refresh { .. } => {
                let _ = self.scans.send(job.clone());
                &self.pages
            }
            Job::Index { .. }
            | Job::Seek { .. }
            | Job::Pulse { .. }
            | Job::Count { .. }
            | Job::Glance
            | Job::Export { .. }
            | Job::Find { .. }
            | Job::StopExamining
            | Job::Transcripts { .. } => &self.scans,
            // Counting a session's messages takes long: the list shows its title before.
            Job::Rows { table: Table::Sessions, columns, .. } if columns.is_empty() => &self.scans,
            _ => &self.pages,
        };
        // A closed lane is a source that did not open, which the window shows already.
        let _ = lane.send(job);
    }

    /// Breaks off what the scanning thread is doing.
    pub fn cancel_scan(&self) {
        self.cancel_scan.cancel();
    }
}

/// What a worker's two threads listen to, before they run.
pub struct Lanes {
    id: SourceId,
    outbox: Outbox,
    /// The pages' own jobs, to tell that thread what the other one found.
    pages: Sender<Job>,
    page_jobs: Receiver<Job>,
    scan_jobs: Receiver<Job>,
    /// Breaks the scanning reader off.
    pub cancel_scan: Cancel,
}

impl Lanes {
    pub fn done(&self, done: Done) {
        self.outbox.done(self.id, done);
    }

    pub fn outbox(&self) -> (SourceId, Outbox) {
        (self.id, self.outbox.clone())
    }

    /// Has both readers take jobs, each on a thread of its own, until the worker is dropped.
    ///
    /// Between its jobs the scanning one examines the store, where that is wanted.
    pub fn serve(self, pages: SqliteStore, scans: SqliteStore, examine: bool) {
        let Lanes { id, outbox, pages: tell, page_jobs, scan_jobs, cancel_scan } = self;
        let scan_outbox = outbox.clone();
        thread::spawn(move || {
            let examiner = examine.then(|| Examiner::new(tell));
            let outbox = scan_outbox;
            Lane { id, store: scans, outbox, cancel: cancel_scan, says: None, examiner }.run(&scan_jobs);
        });
        thread::spawn(move || {
            let (cancel, says) = (Cancel::default(), Some((Change::Same, pages.size())));
            Lane { id, store: pages, outbox, cancel, says, examiner: None }.run(&page_jobs);
        });
    }
}

/// One of the two threads, with its reader.
pub(super) struct Lane {
    id: SourceId,
    pub(super) store: SqliteStore,
    outbox: Outbox,
    /// Set from the window to break a scan off.
    pub(super) cancel: Cancel,
    /// What was last said of the store, by the one of the two that says it.
    says: Option<(Change, Size)>,
    /// What examines the store between jobs, by the one of the two that does.
    pub(super) examiner: Option<Examiner>,
}

impl Lane {
    fn run(&mut self, jobs: &Receiver<Job>) {
        let mut waiting = VecDeque::new();
        loop {
            let (behind, examine) =
                (self.store.is_behind(), self.examiner.as_ref().and_then(Examiner::pause));
            match next(jobs, &mut waiting, behind.into_iter().chain(examine).min()) {
                Ok(job) => {
                    self.cancel.reset();
                    self.perform(job);
                }
                Err(RecvTimeoutError::Timeout) if self.store.is_behind() == Some(Duration::ZERO) => {
                    self.refresh(false);
                }
                Err(RecvTimeoutError::Timeout) => self.examine(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    pub(super) fn done(&self, done: Done) {
        self.outbox.done(self.id, done);
    }

    /// Finds out what has become of the store, and says it where it is something.
    fn refresh(&mut self, whole: bool) {
        let change = self.store.refresh(whole).map_err(|e| Failure::from(&e));
        if let (Ok(change), Some(examiner)) = (&change, &mut self.examiner) {
            examiner.changed(*change);
        }
        let Some((before, size_before)) = self.says else { return };
        let size = self.store.size();
        let now = *change.as_ref().unwrap_or(&Change::Unsettled);
        // Of a loss nothing more is said, until what was lost is there again.
        let change = match change {
            Ok(Change::Same) if before.is_loss() => Ok(Change::Rows),
            Ok(now) if now == before && now.is_loss() => return,
            Ok(Change::Same) if before == Change::Same && size == size_before => return,
            change => change,
        };
        let settled = if now.is_loss() || now == Change::Unsettled { now } else { Change::Same };
        self.says = Some((settled, size));
        let about = Box::new(self.store.about().clone());
        self.done(Done::Refreshed { change, about, size });
    }

    pub(super) fn perform(&mut self, job: Job) {
        match job {
            Job::Refresh { whole } => self.refresh(whole),
            Job::Index { list, generation, query } => self.index(&list, generation, &query),
            Job::Ahead { list, generation, query, newest } => {
                // What cannot be read is said by the whole of it, which is read in its time.
                let piece = self.store.ahead(&query, &newest).unwrap_or_default();
                self.done(Done::Ahead { list, generation, piece });
            }
            Job::Rows { list, generation, table, page, keys, columns } => {
                let whole = columns.is_empty();
                let rows = self.rows(&table, &keys, columns).map_err(|e| Failure::from(&e));
                self.done(Done::Rows { list, generation, page, rows, whole });
            }
            Job::Messages { generation, near } => {
                // What cannot be read at all is said by the rows that are asked for beside it.
                let messages = reading::messages(&self.store, &near).unwrap_or_default();
                self.done(Done::Messages { generation, messages });
            }
            Job::Details { table, key, near, reveal } => {
                let details = self.details(&table, &key, &near, reveal).map_err(|e| Failure::from(&e));
                self.done(Done::Details { table, key, details });
            }
            Job::Count { table } => {
                let count = self.store.count(&Query::all(table.clone())).map_err(|e| Failure::from(&e));
                self.done(Done::Count { table, count });
            }
            Job::Glance => self.glance(),
            Job::Pulse { most } => {
                let begun = Instant::now();
                let rows = self.pulse(most).map_err(|e| Failure::from(&e));
                let took_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
                self.done(Done::Pulse { rows, took_ms });
            }
            Job::Transcripts { session, chosen } => {
                if let Some(folder) = chosen {
                    self.store.look_for_transcripts_in(&folder);
                }
                if let Some(session) = session {
                    let found = self.store.transcripts(&session).map_err(|e| Failure::from(&e));
                    self.done(Done::Transcripts { session, found });
                }
            }
            Job::Find { table, name } => {
                let row = reading::find(&self.store, &table, &name);
                self.done(Done::Found { table, row });
            }
            Job::Learn(learned) => {
                self.store.learn(learned.clone());
                self.done(Done::Learned(learned));
            }
            Job::StopExamining => {
                self.examiner.iter_mut().for_each(Examiner::stop);
                self.done(Done::Examined((0, 0)));
            }
            Job::SessionIds { keys } => self.done(Done::SessionIds(self.session_ids(&keys))),
            Job::Seek { generation, keys, stop } => {
                let key = reading::seek(&self.store, keys, stop, &self.cancel);
                self.done(Done::Sought { generation, key, stop });
            }
            Job::Copy { table, keys } => {
                let text = export::as_text(&self.store, &table, &keys);
                self.done(Done::Copied { text, rows: keys.len() });
            }
            Job::Export { path, format, query, keys } => {
                let written = export::to_file(&self.store, &path, &format, &query, keys, &self.cancel);
                self.done(Done::Exported(written.map(|rows| (path, rows))));
            }
        }
    }

    fn glance(&self) {
        let mut known = Glance::default();
        let counted = self.store.glance(&mut |glance| {
            known.clone_from(glance);
            self.done(Done::Glance { glance: Ok(glance.clone()), last: false });
            Flow::Continue
        });
        let glance = counted.map(|()| known).map_err(|e| Failure::from(&e));
        self.done(Done::Glance { glance, last: true });
    }

    fn index(&self, list: &List, generation: u64, query: &Query) {
        let columns = self.store.columns(&query.table);
        let mut first = true;
        let mut send = |piece, last| {
            let (list, columns) = (list.clone(), columns.clone());
            self.done(Done::Index { list, generation, piece, columns, first, last });
            first = false;
        };
        let result = self.store.index(query, None, &mut |piece| {
            send(Ok(piece), false);
            if self.cancel.is_cancelled() { Flow::Stop } else { Flow::Continue }
        });
        match result {
            Ok(()) if self.cancel.is_cancelled() => send(Err(Failure::from(&StoreError::Cancelled)), true),
            Ok(()) => send(Ok(RowIndex::default()), true),
            Err(error) => send(Err(Failure::from(&error)), true),
        }
    }

    /// Rows with a cell for every column of the table; those that were not asked for are null.
    fn rows(&self, table: &Table, keys: &[RowKey], columns: Vec<usize>) -> Result<Vec<Row>, StoreError> {
        let selection = Selection { columns, cut: Some(CELL_BYTES), aside: true, ..Selection::default() };
        let mut rows = self.store.rows(table, keys, &selection)?;
        if !selection.columns.is_empty() {
            let width = self.store.columns(table).len();
            for row in &mut rows {
                let mut all: Vec<Cell> = vec![Cell::from(Value::Null); width];
                for (place, cell) in selection.columns.iter().zip(row.cells.drain(..)) {
                    all[*place] = cell;
                }
                row.cells = all;
            }
        }
        Ok(rows)
    }

    /// The heartbeats of the sessions that beat last.
    fn pulse(&self, most: usize) -> Result<Vec<Row>, StoreError> {
        let sort = Sort { column: "last_heartbeat_at".to_owned(), descending: true };
        let query = Query { sort: Some(sort), ..Query::all(Table::Heartbeats) };
        let mut index = RowIndex::default();
        self.store.index(&query, Some(most as u64), &mut |piece| {
            index.append(piece);
            Flow::Continue
        })?;
        let keys: Vec<RowKey> = (0..index.len()).filter_map(|at| index.get(at)).collect();
        self.rows(&Table::Heartbeats, &keys, Vec::new())
    }

    fn session_ids(&self, keys: &[RowKey]) -> Vec<String> {
        let columns = self.store.columns(&Table::Sessions);
        let Some(place) = columns.iter().position(|c| c.name == "id") else { return Vec::new() };
        let selection = Selection { columns: vec![place], ..Selection::default() };
        // Sessions that are gone meanwhile need no deleting.
        let rows = self.store.rows(&Table::Sessions, keys, &selection).unwrap_or_default();
        rows.iter().filter_map(|row| row.cells[0].value.as_str().map(str::to_owned)).collect()
    }

    fn details(
        &self,
        table: &Table,
        key: &RowKey,
        near: &Neighbours,
        reveal: bool,
    ) -> Result<Option<Details>, StoreError> {
        let selection = Selection { reveal, aside: true, ..Selection::default() };
        let Some(row) = self.store.rows(table, std::slice::from_ref(key), &selection)?.pop() else {
            return Ok(None);
        };
        let parts = match table {
            Table::Messages => reading::parts(&self.store, key, near)?,
            _ => Vec::new(),
        };
        let columns = self.store.columns(table);
        let json = export::row_as_json(&columns, &row);
        Ok(Some(Details { table: table.clone(), columns, row, parts, json, revealed: reveal }))
    }
}

/// The next job; of pages that wait, only the newest are worth reading, since the view has moved on.
///
/// # Errors
/// Where none comes for so long, or none will come any more.
fn next(
    jobs: &Receiver<Job>,
    waiting: &mut VecDeque<Job>,
    pause: Option<Duration>,
) -> Result<Job, RecvTimeoutError> {
    waiting.extend(jobs.try_iter());
    let mut pages = waiting.iter().enumerate().filter(|(_, job)| matches!(job, Job::Rows { .. }));
    let oldest = pages.next().filter(|_| pages.count() >= MOST_WAITING_PAGES);
    // Its page is asked for again when it is drawn again.
    let job = match oldest.map(|(at, _)| at) {
        Some(at) => waiting.remove(at).map(empty_page),
        None => waiting.pop_front(),
    };
    match (job, pause) {
        (Some(job), _) => Ok(job),
        (None, None) => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        (None, Some(pause)) => jobs.recv_timeout(pause),
    }
}

/// The same job without keys, answered at once.
fn empty_page(job: Job) -> Job {
    match job {
        Job::Rows { list, generation, table, page, columns, .. } => {
            Job::Rows { list, generation: generation.wrapping_sub(1), table, page, keys: Vec::new(), columns }
        }
        other => other,
    }
}

/// A file's name for the list on the left.
pub fn label(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}
