//! Looks through a whole store for a text: every table, large ones with two threads, in the order of the rows.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Opened;
use super::sqlite::search::{End, Kept, Scan, Slice, Target};
use super::sqlite::{Cancel, SqliteStore};
use crate::core::search::{Filter, Hit, Is, Search};
use crate::core::{Flow, Query, ReadStore as _, RowIndex, StoreError, Table};

/// How many threads look through a large table. A third gains nothing where the disk or the memory is what is waited for.
const THREADS: usize = 2;
/// A table with rowids over a smaller span than this is looked through by one.
const LARGE: i128 = 20_000;
/// A thread takes the rows of so many rowids at a time; of more, where a table's are far apart.
const PIECE: i128 = 8_192;
const MOST_PIECES: i128 = 4_096;
/// So many answers of a thread wait for those of the other, which come before them.
const AHEAD: usize = 8;

/// How a search is made.
pub struct Request<'a> {
    pub search: &'a Search,
    /// The most hits that are handed out; the others are counted.
    pub most_hits: Option<u64>,
    /// Breaks it off from another thread.
    pub cancel: &'a Cancel,
}

/// What was found in a table since the last time.
#[derive(Debug)]
pub struct Found {
    pub table: Table,
    pub hits: Vec<Hit>,
    /// Rows that match, those included that are not handed out.
    pub matches: u64,
    /// Rows that were looked at.
    pub rows: u64,
}

/// Hands out what is found in a store, in the order of its tables and their rows, as it is found.
///
/// Nothing of the file is locked for longer than some milliseconds (but for tables without rowids, which are read at once).
///
/// # Errors
/// Where it cannot be read, is cancelled, or is damaged; then what could be read was handed out all the same.
pub fn search(
    opened: &Opened,
    request: &Request<'_>,
    sink: &mut dyn FnMut(Found) -> Flow,
) -> Result<(), StoreError> {
    search_with(opened, &opened.store, request, sink)
}

/// As [`search`], with a reader of the same store: one that `request` can break off in the middle of a statement.
///
/// # Errors
/// As [`search`].
pub fn search_with(
    opened: &Opened,
    store: &SqliteStore,
    request: &Request<'_>,
    sink: &mut dyn FnMut(Found) -> Flow,
) -> Result<(), StoreError> {
    if !is_wanted(request.search, store) {
        return Ok(());
    }
    let kept = Kept::at_most(request.most_hits.unwrap_or(u64::MAX));
    let targets = store.targets(request.search)?;
    let mut run = Run { opened, store, request, kept: &kept, others: Vec::new(), sink, damage: None };
    for target in &targets {
        if request.cancel.is_cancelled() {
            return Err(StoreError::Cancelled);
        }
        if run.target(target)? == Flow::Stop {
            return Ok(());
        }
    }
    run.damage.map_or(Ok(()), Err)
}

/// Whether the filters let a store of that kind and path pass.
fn is_wanted(search: &Search, store: &SqliteStore) -> bool {
    let path = store.path.to_string_lossy().to_lowercase();
    let holds = |filter: &Filter| match &filter.is {
        Is::Path(wanted) => path.contains(wanted.as_str()),
        Is::Store(wanted) => store.about.stores.iter().any(|id| id.contains(wanted.as_str())),
        _ => true,
    };
    search.filters.iter().filter(|f| f.is_of_source()).all(|filter| holds(filter) != filter.negated)
}

struct Run<'a> {
    opened: &'a Opened,
    store: &'a SqliteStore,
    request: &'a Request<'a>,
    kept: &'a Kept,
    /// More readers of the same store, once a table is large enough for them.
    others: Vec<SqliteStore>,
    sink: &'a mut dyn FnMut(Found) -> Flow,
    damage: Option<StoreError>,
}

impl Run<'_> {
    fn target(&mut self, target: &Target) -> Result<Flow, StoreError> {
        if !target.is_sliced() {
            return self.whole(target);
        }
        let span = Scan::new(self.store, self.request.search, target, self.kept).span();
        let (low, high) = match span {
            Ok(Some(span)) => span,
            Ok(None) => return Ok(Flow::Continue),
            Err(error) => return self.salvage(target, None, error),
        };
        let width = i128::from(high) - i128::from(low) + 1;
        if width < LARGE || !target.is_shared() {
            return self.alone(target, low, high);
        }
        if self.others.is_empty() {
            for _ in 0..THREADS.min(thread::available_parallelism().map_or(1, usize::from)) {
                self.others.push(self.opened.again(self.request.cancel)?);
            }
        }
        self.together(target, (low, high), PIECE.max(width / MOST_PIECES))
    }

    /// Reads a part that cannot be read in slices.
    fn whole(&mut self, target: &Target) -> Result<Flow, StoreError> {
        let slice = Scan::new(self.store, self.request.search, target, self.kept).whole();
        match slice {
            Ok(slice) => Ok(hand_out(self.sink, target, slice)),
            Err(error) if error.is_damage() => self.salvage(target, None, error),
            Err(error) => Err(error),
        }
    }

    /// Reads a small part with the one connection that is there.
    fn alone(&mut self, target: &Target, low: i64, high: i64) -> Result<Flow, StoreError> {
        let mut scan = Scan::new(self.store, self.request.search, target, self.kept);
        let mut next = low;
        loop {
            if self.request.cancel.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            let (slice, end) = scan.slice(next..=high)?;
            if hand_out(self.sink, target, slice) == Flow::Stop {
                return Ok(Flow::Stop);
            }
            match end {
                End::Done => return Ok(Flow::Continue),
                End::More(rowid) => next = rowid,
                End::Damaged(error, last) => return self.salvage(target, last, error),
            }
        }
    }

    /// Reads a large part with several threads, each every second piece, and hands out what they find in order.
    fn together(&mut self, target: &Target, span: (i64, i64), width: i128) -> Result<Flow, StoreError> {
        let Run { request, kept, others, sink, .. } = self;
        let (request, kept) = (*request, *kept);
        let broken = thread::scope(|scope| {
            let count = others.len();
            let mut answers: Vec<Receiver<Answer>> = Vec::new();
            for (first, store) in others.iter_mut().enumerate() {
                let (send, receive) = sync_channel(AHEAD);
                answers.push(receive);
                let store: &mut SqliteStore = store;
                scope.spawn(move || {
                    let scan = Scan::new(store, request.search, target, kept);
                    pieces(scan, span, width, (first, count), &send);
                });
            }
            // When it ends before them, the threads find that nobody listens any more, and end too.
            in_order(&answers, (target, span, width), *sink)
        });
        match broken? {
            (flow, None) => Ok(flow),
            (_, Some((error, last))) => self.salvage(target, last, error),
        }
    }

    /// Reads the rows of a damaged part that can still be found, behind those that were read.
    fn salvage(&mut self, target: &Target, read: Option<i64>, error: StoreError) -> Result<Flow, StoreError> {
        if !error.is_damage() {
            return Err(error);
        }
        self.damage.get_or_insert(error);
        let mut found = RowIndex::default();
        let store = self.store;
        let mut sink = |piece: RowIndex| {
            found.append(piece);
            Flow::Continue
        };
        match store.index(&Query::all(target.table.clone()), None, &mut sink) {
            Err(error) if !error.is_damage() => return Err(error),
            _ => {}
        }
        let behind = |id: i64| read.is_none_or(|read| id > read);
        let keys: Vec<_> = (0..found.len())
            .filter_map(|at| found.get(at))
            .filter(|key| key.part == target.number)
            .filter(|key| !matches!(key.id, crate::core::KeyId::Row(id) if !behind(id)))
            .collect();
        let mut scan = Scan::new(store, self.request.search, target, self.kept);
        for keys in keys.chunks(64) {
            if self.request.cancel.is_cancelled() {
                return Err(StoreError::Cancelled);
            }
            if hand_out(self.sink, target, scan.keys(keys)?) == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }
}

fn hand_out(sink: &mut dyn FnMut(Found) -> Flow, target: &Target, slice: Slice) -> Flow {
    let Slice { hits, matches, rows } = slice;
    if rows == 0 { Flow::Continue } else { sink(Found { table: target.table.clone(), hits, matches, rows }) }
}

/// A slice that a thread has read, and whether its piece goes on.
type Answer = Result<(Slice, End), StoreError>;

/// The rowids of a piece; none behind the last.
fn piece((low, high): (i64, i64), width: i128, number: usize) -> Option<(i64, i64)> {
    let start = i128::from(low) + width * number as i128;
    let end = (start + width - 1).min(i128::from(high));
    Some((i64::try_from(start).ok().filter(|s| *s <= high)?, i64::try_from(end).ok()?))
}

/// Reads every so-manieth piece, and sends what it finds; ends early where nobody listens.
fn pieces(
    mut scan: Scan<'_>,
    span: (i64, i64),
    width: i128,
    (first, step): (usize, usize),
    send: &SyncSender<Answer>,
) {
    let mut number = first;
    while let Some((mut next, end)) = piece(span, width, number) {
        loop {
            let answer = scan.slice(next..=end);
            let more = match &answer {
                Ok((_, End::More(rowid))) => Some(*rowid),
                _ => None,
            };
            let is_over = !matches!(&answer, Ok((_, End::More(_) | End::Done)));
            if send.send(answer).is_err() || is_over {
                return;
            }
            match more {
                Some(rowid) => next = rowid,
                None => break,
            }
        }
        number += step;
    }
}

/// What broke a reading in order off: the damage, and the last row before it.
type Broken = Option<(StoreError, Option<i64>)>;

fn in_order(
    answers: &[Receiver<Answer>],
    (target, span, width): (&Target, (i64, i64), i128),
    sink: &mut dyn FnMut(Found) -> Flow,
) -> Result<(Flow, Broken), StoreError> {
    let mut number = 0;
    while piece(span, width, number).is_some() {
        // A thread that is gone without an answer was told to end.
        let Ok(answer) = answers[number % answers.len()].recv() else { return Err(StoreError::Cancelled) };
        let (slice, end) = answer?;
        if hand_out(sink, target, slice) == Flow::Stop {
            return Ok((Flow::Stop, None));
        }
        match end {
            End::More(_) => {}
            End::Done => number += 1,
            End::Damaged(error, last) => {
                return Ok((Flow::Continue, Some((error, last))));
            }
        }
    }
    Ok((Flow::Continue, None))
}
