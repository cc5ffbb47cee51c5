//! Keeping a table up to date: another index takes the place of the one that shows, and nothing jumps.

use std::collections::{HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

use super::{IndexState, PAGE_ROWS, TableView};
use crate::core::{Column, Failure, Row, RowIndex, RowKey};
use crate::ui::live::Pacer;
use crate::ui::scroll::RowScroll;

/// A new or changed row is marked for so long, in seconds.
const MARKED: f64 = 2.5;
/// So many rows are marked at most.
const MOST_MARKS: usize = 2_000;
/// Of more rows than this, what is new among them is not looked for.
const MOST_COMPARED: usize = 100_000;
/// A selection of more rows than this is kept as it is, rows that are gone included.
const MOST_SOUGHT: usize = 64;
/// A table of so many rows may take long to be read again.
const LARGE: usize = 20_000;
/// What is read again within so many seconds is not asked for in part before.
const SOON: f64 = 0.2;
/// Where the first row that showed is gone, so many behind it are tried.
const MOST_TRIED: usize = 256;
/// What the clock alone changes is no change.
const OF_THE_CLOCK: [&str; 1] = ["age_seconds"];

/// Why a row is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    New,
    Changed,
}

impl Mark {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Mark::New => "New row",
            Mark::Changed => "Changed row",
        }
    }
}

/// The next index of a table, and what is kept until its rows arrive.
#[derive(Debug, Default)]
pub struct Refresh {
    pub pace: Pacer,
    /// Of a large table, what was added behind the newest row is asked for in between.
    pub ahead: Pacer,
    /// The generation of the index that was asked for, and as much of it as has arrived.
    asked: Option<u64>,
    incoming: RowIndex,
    /// What was added since then, from the oldest to the newest: the next index may lack it.
    added: Vec<RowKey>,
    /// The rows that were on the screen, as they were.
    kept: HashMap<RowKey, Row>,
    marks: HashMap<RowKey, (Mark, f64)>,
}

impl Refresh {
    /// A row as it was before, until its page arrives.
    pub(super) fn row(&self, key: &RowKey) -> Option<&Row> {
        self.kept.get(key)
    }
}

/// How places in one index are found in the next.
struct Moved<'a> {
    before: Before<'a>,
    now: &'a RowIndex,
    /// So many rows at the beginning are the same, and so many at the end.
    ends: (usize, usize),
}

/// An index that another takes the place of.
enum Before<'a> {
    Other(&'a RowIndex),
    /// These rows of the other one.
    Within(Range<usize>),
}

impl Moved<'_> {
    fn place(&self, at: usize) -> Option<usize> {
        let (first, last) = self.ends;
        if at < first {
            return Some(at);
        }
        if at < self.len() && at >= self.len() - last {
            return Some(at + self.now.len() - self.len());
        }
        self.now.position(&self.before(at)?)
    }

    fn len(&self) -> usize {
        match &self.before {
            Before::Other(index) => index.len(),
            Before::Within(places) => places.len(),
        }
    }

    fn before(&self, at: usize) -> Option<RowKey> {
        match &self.before {
            Before::Other(index) => index.get(at),
            Before::Within(places) => self.now.get(places.start + at).filter(|_| at < places.len()),
        }
    }

    /// The keys that the next index has and this one had not, where that is cheaply told.
    fn new_keys(&self) -> Vec<RowKey> {
        let (first, last) = self.ends;
        let before = first..self.len() - last;
        let now = first..self.now.len() - last;
        if before.len() > MOST_COMPARED || now.len() > MOST_COMPARED {
            return Vec::new();
        }
        let old: HashSet<RowKey> = before.filter_map(|at| self.before(at)).collect();
        let keys = now.rev().filter_map(|at| self.now.get(at)).filter(|key| !old.contains(key));
        keys.take(MOST_MARKS).collect()
    }
}

impl TableView {
    /// The store has changed: the rows are asked for again when the table shows.
    pub fn is_stale(&mut self) {
        if self.state != IndexState::Wanted {
            self.refresh.pace.is_stale();
            self.refresh.ahead.is_stale();
        }
    }

    /// When to ask again for the index, or for what was added to it; none while another answer is awaited, since that wakes
    /// the window.
    pub fn due_again(&self) -> Option<f64> {
        let ready = matches!(self.state, IndexState::Complete | IndexState::Failed(_));
        let due = [self.refresh.pace.due(), self.ahead_due()].into_iter().flatten().reduce(f64::min);
        due.filter(|_| ready)
    }

    /// When to ask for what was added to a table that takes long to be read again.
    fn ahead_due(&self) -> Option<f64> {
        let ahead = self.refresh.ahead.due()?;
        let whole = if self.refresh.asked.is_some() { f64::INFINITY } else { self.refresh.pace.due()? };
        (self.len() >= LARGE && ahead + SOON < whole).then_some(ahead)
    }

    /// Whether to ask now for what was added behind the newest row: gives that row.
    pub fn ask_ahead(&mut self, time: f64) -> Option<RowKey> {
        self.ahead_due().filter(|_| self.state == IndexState::Complete)?;
        let newest = if self.newest_first() { 0 } else { self.len().checked_sub(1)? };
        let newest = self.index.as_ref()?.get(newest)?;
        self.refresh.ahead.ask(time).then_some(newest)
    }

    /// Takes what was added behind the newest row, until all of it is read again; says whether it did.
    pub fn ahead_arrived(&mut self, generation: u64, piece: Option<RowIndex>, time: f64) -> bool {
        self.refresh.ahead.arrived(time, 0.2);
        let Some(piece) = piece.filter(|piece| !piece.is_empty()) else { return false };
        if generation != self.generation {
            return false;
        }
        let Some(before) = self.index.take() else { return false };
        // Pages that were asked for are of other places.
        self.generation = self.next_generation();
        if self.refresh.asked.is_some() {
            let keys = (0..piece.len()).filter_map(|at| piece.get(at));
            match self.newest_first() {
                true => self.refresh.added.extend(keys.rev()),
                false => self.refresh.added.extend(keys),
            }
        }
        let (rows, more) = (before.len(), piece.len());
        let (mut now, behind, places, ends) = match self.newest_first() {
            true => (piece, before, more..more + rows, (0, rows)),
            false => (before, piece, 0..rows, (rows, 0)),
        };
        now.append(behind);
        self.exchange(&Moved { before: Before::Within(places), now: &now, ends }, None, time);
        self.index = Some(now);
        true
    }

    /// Whether to ask for the index again now; gives the generation of the answer.
    pub fn ask_again(&mut self, time: f64) -> Option<u64> {
        let ready = matches!(self.state, IndexState::Complete | IndexState::Failed(_));
        if !ready || self.refresh.asked.is_some() || !self.refresh.pace.ask(time) {
            return None;
        }
        let generation = self.next_generation();
        self.refresh.incoming = RowIndex::default();
        self.refresh.added.clear();
        self.refresh.asked = Some(generation);
        Some(generation)
    }

    /// The store is opened anew: what was asked for will not come.
    pub fn opens_again(&mut self) {
        self.forget_refresh();
        if matches!(self.state, IndexState::Asked | IndexState::Growing) {
            self.ask(self.query.clone());
        }
        self.asked.clear();
        self.missing.clear();
        self.asked_messages.clear();
        self.missing_messages.clear();
    }

    pub(super) fn forget_refresh(&mut self) {
        self.refresh.asked = None;
        self.refresh.pace.forget();
        self.refresh.ahead.forget();
    }

    /// Whether an index of that generation is the one that was asked for again.
    pub fn is_refresh(&self, generation: u64) -> bool {
        self.refresh.asked == Some(generation)
    }

    /// Takes a piece of the next index; the last makes it the one that shows.
    pub fn refresh_arrived(
        &mut self,
        piece: Result<RowIndex, Failure>,
        columns: Vec<Column>,
        last: bool,
        time: f64,
    ) {
        match piece {
            Ok(piece) => self.refresh.incoming.append(piece),
            Err(failure) => {
                self.refresh.asked = None;
                self.refresh.pace.arrived(time, 1.0);
                // What shows is what there was, and another try may succeed.
                if failure.cancelled || failure.passes {
                    self.refresh.pace.is_stale();
                } else {
                    self.state = IndexState::Failed(failure);
                }
                return;
            }
        }
        if last {
            self.generation = self.refresh.asked.take().unwrap_or(self.generation);
            self.refresh.pace.arrived(time, 0.2);
            self.swap(columns, time);
        }
    }

    fn swap(&mut self, columns: Vec<Column>, time: f64) {
        self.state = IndexState::Complete;
        let mut now = std::mem::take(&mut self.refresh.incoming);
        self.keep_added(&mut now);
        let before = self.index.take().unwrap_or_default();
        let ends = before.common_ends(&now);
        self.exchange(&Moved { before: Before::Other(&before), now: &now, ends }, Some(columns), time);
        self.index = Some(now);
    }

    /// Adds to an index what was added to the table while it was made.
    fn keep_added(&mut self, now: &mut RowIndex) {
        let added = std::mem::take(&mut self.refresh.added);
        // What of it is there stands among the newest.
        let newest = now.len().min(added.len() * 2);
        let places = if self.newest_first() { 0..newest } else { now.len() - newest..now.len() };
        let known: HashSet<RowKey> = places.filter_map(|at| now.get(at)).collect();
        let mut more = RowIndex::default();
        added.into_iter().filter(|key| !known.contains(key)).for_each(|key| more.push(key));
        if self.newest_first() {
            more.reverse();
            more.append(std::mem::take(now));
            *now = more;
        } else {
            now.append(more);
        }
    }

    fn exchange(&mut self, moved: &Moved<'_>, columns: Option<Vec<Column>>, time: f64) {
        let shown = self.scroll.first / PAGE_ROWS..=(self.scroll.first + self.view_rows) / PAGE_ROWS;
        for key in moved.new_keys() {
            self.refresh.marks.insert(key, (Mark::New, time + MARKED));
        }
        self.keep_place(moved);
        self.keep_chosen(moved);
        // Messages stay with what is known of their height, and are read again when they are drawn.
        self.asked_messages.clear();
        self.missing_messages.clear();
        self.keep_rows(columns, &shown);
        if self.follow && moved.now.len() > moved.len() {
            self.go_to_newest_of(moved.now.len());
        }
    }

    fn keep_place(&mut self, moved: &Moved<'_>) {
        let first = self.scroll.first;
        // At the very top nothing is held: what is new there shows.
        if first == 0 && self.scroll.offset == 0.0 {
            return;
        }
        let found = moved.place(first).map(|at| (at, self.scroll.offset));
        let behind = || {
            let tried = (first + 1..moved.len()).take(MOST_TRIED);
            tried.filter_map(|at| moved.place(at)).next().map(|at| (at, 0.0))
        };
        if let Some((first, offset)) = found.or_else(behind) {
            self.scroll = RowScroll { first, offset };
        }
    }

    fn keep_chosen(&mut self, moved: &Moved<'_>) {
        self.anchor = self.anchor.and_then(|at| moved.place(at));
        let focus = self.focus.take();
        self.focus = focus.and_then(|(at, key)| {
            let known = moved.before(at).is_some_and(|k| k == key);
            let place = if known { moved.place(at) } else { moved.now.position(&key) };
            place.map(|at| (at, key))
        });
        if self.selected.len() <= MOST_SOUGHT {
            let focus = self.focus.as_ref().map(|(_, key)| key);
            self.selected.retain(|key| Some(key) == focus || moved.now.position(key).is_some());
        }
    }

    /// The rows on the screen stay until they are read again.
    fn keep_rows(&mut self, columns: Option<Vec<Column>>, shown: &RangeInclusive<usize>) {
        let columns = columns.unwrap_or_else(|| self.columns.clone());
        let same = columns.len() == self.columns.len()
            && columns.iter().zip(&self.columns).all(|(now, before)| now.name == before.name);
        self.columns = columns;
        let pages = std::mem::take(&mut self.pages);
        if same {
            let rows = pages.into_iter().filter(|(at, page)| page.whole && shown.contains(at));
            let kept = &mut self.refresh.kept;
            // What was kept before and was not read since is as it was then.
            if kept.len() > shown.clone().count() * PAGE_ROWS {
                kept.clear();
            }
            kept.extend(rows.flat_map(|(_, page)| page.rows).map(|row| (row.key.clone(), row)));
        } else {
            self.refresh.kept.clear();
            self.filled.clear();
        }
        self.asked.clear();
        self.missing.clear();
        self.page_failure = None;
    }

    /// Whether all of these rows show already, as they were.
    pub(super) fn are_kept(&self, rows: &[Row]) -> bool {
        !rows.is_empty() && rows.iter().all(|row| self.refresh.kept.contains_key(&row.key))
    }

    /// Marks the rows of a page that are not what they were.
    pub(super) fn mark_changed(&mut self, rows: &[Row], time: f64) {
        if self.refresh.kept.is_empty() {
            return;
        }
        let of_the_clock: Vec<bool> =
            self.columns.iter().map(|c| OF_THE_CLOCK.contains(&c.name.as_ref())).collect();
        for row in rows {
            let Some(before) = self.refresh.kept.remove(&row.key) else { continue };
            let mut cells = before.cells.iter().zip(&row.cells).zip(&of_the_clock);
            let changed = cells.any(|((before, now), clock)| before != now && !clock);
            if changed && !self.refresh.marks.contains_key(&row.key) && self.refresh.marks.len() < MOST_MARKS
            {
                self.refresh.marks.insert(row.key.clone(), (Mark::Changed, time + MARKED));
            }
        }
    }

    /// Why a row is marked now, if it is.
    pub fn mark(&self, key: &RowKey) -> Option<Mark> {
        self.refresh.marks.get(key).map(|(mark, _)| *mark)
    }

    /// Ends the marks whose time is over; gives when the next one ends.
    pub fn end_marks(&mut self, time: f64) -> Option<f64> {
        self.refresh.marks.retain(|_, (_, until)| *until > time);
        self.refresh.marks.values().map(|(_, until)| *until).reduce(f64::min)
    }

    /// Whether the newest row is at the top.
    pub fn newest_first(&self) -> bool {
        self.query.sort.as_ref().is_some_and(|sort| sort.descending)
    }

    /// Scrolls to the newest row; drawing keeps within the rows.
    pub fn go_to_newest(&mut self) {
        self.go_to_newest_of(self.len());
    }

    fn go_to_newest_of(&mut self, rows: usize) {
        let first = if self.newest_first() { 0 } else { rows.saturating_sub(1) };
        self.scroll = RowScroll { first, offset: 0.0 };
    }

    /// Moving away from the newest row by hand ends following.
    pub fn moved_by_hand(&mut self, up: bool) {
        if up != self.newest_first() {
            self.follow = false;
        }
    }
}
