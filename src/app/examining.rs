//! The examination of a store by its scanning thread: once after it was opened, and again after it has changed.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::job::{Done, Job};
use super::worker::Lane;
use crate::core::{Change, Finding, Learned};
use crate::stores::Examination;
use crate::stores::sqlite::SqliteStore;

/// What shows first is asked for before the examination begins.
const FIRST_PAUSE: Duration = Duration::from_millis(60);
/// Between two pages of the examination others come to the database, and the window to its jobs.
const PAUSE: Duration = Duration::from_millis(4);
/// After a change, what shows is read again before the store is examined.
const SETTLES: Duration = Duration::from_millis(250);
/// An examination begins no sooner than this after the last one, and takes no more than this part of the time.
const LEAST_REST: Duration = Duration::from_secs(1);
const PART: u32 = 20;

/// What the scanning thread knows of its store's examination.
pub(super) struct Examiner {
    /// The thread that tells the window what was found.
    pages: Sender<Job>,
    examination: Option<Examination>,
    /// Whether the store was never looked over to the end: what is found is told at once then.
    first: bool,
    /// What was told, and what this examination found so far.
    known: Vec<Finding>,
    found: Vec<Finding>,
    /// How long this examination has looked.
    took: Duration,
    /// When to look on; none while there is nothing to look at.
    next: Option<Instant>,
    /// Before this moment it does not begin again.
    rests_until: Instant,
    /// The store has changed since this examination began.
    behind: bool,
    stopped: bool,
    /// What was last said of its progress.
    progress: (usize, usize),
}

impl Examiner {
    pub(super) fn new(pages: Sender<Job>) -> Self {
        let next = Instant::now() + FIRST_PAUSE;
        Self {
            pages,
            examination: None,
            first: true,
            known: Vec::new(),
            found: Vec::new(),
            took: Duration::ZERO,
            next: Some(next),
            rests_until: next,
            behind: false,
            stopped: false,
            progress: (0, 0),
        }
    }

    /// After how long to look on, where no job comes before.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.next.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Leaves what is still to be looked at, for as long as the store is open.
    pub(super) fn stop(&mut self) {
        (self.stopped, self.examination, self.next) = (true, None, None);
    }

    /// The store is not any more what was looked at.
    pub(super) fn changed(&mut self, change: Change) {
        match change {
            Change::Schema => self.examination = None,
            Change::Rows => {}
            _ => return,
        }
        self.behind = true;
        if self.examination.is_none() {
            self.begin_later();
        }
    }

    fn begin_later(&mut self) {
        let at = self.rests_until.max(Instant::now() + SETTLES);
        self.next = (!self.stopped).then(|| self.next.map_or(at, |next| next.min(at)));
    }

    /// Looks on for a moment: what there is to tell, and how much is done of how much.
    fn look(&mut self, store: &SqliteStore) -> Option<(Learned, (usize, usize))> {
        let begun = Instant::now();
        let examination = self.examination.get_or_insert_with(|| {
            self.behind = false;
            self.found.clear();
            self.took = Duration::ZERO;
            Examination::of(store, self.first)
        });
        let looked = examination.look(store);
        self.took += begun.elapsed();
        self.next = Some(Instant::now() + PAUSE);
        // Broken off for a job that is wanted more: it goes on after that.
        self.found.extend(looked.ok()?);
        let progress = examination.progress();
        let mut learned = Learned::between(&self.known, &self.found);
        if examination.is_over() {
            // SQLite's check is made once: what it said holds until the store is opened anew.
            self.found.retain(|finding| !examination.checked().contains(finding));
            self.known = std::mem::take(&mut self.found);
            self.is_over();
        } else if self.first {
            learned.gone.clear();
            self.known.extend(learned.new.iter().cloned());
        } else {
            learned = Learned::default();
        }
        Some((learned, progress))
    }

    fn is_over(&mut self) {
        self.examination = None;
        self.first = false;
        self.next = None;
        self.rests_until = Instant::now() + LEAST_REST.max(self.took.saturating_mul(PART));
        if self.behind {
            self.begin_later();
        }
    }
}

impl Lane {
    /// Examines the store for a moment, where it is time to.
    pub(super) fn examine(&mut self) {
        self.cancel.reset();
        let Some(examiner) = &mut self.examiner else { return };
        let first = examiner.first;
        let Some((learned, progress)) = examiner.look(&self.store) else { return };
        if !learned.is_empty() {
            self.store.learn(learned.clone());
            // That thread says it to the window, so that it comes between no two of its own sayings. One that is closed
            // is a source that was.
            let _ = examiner.pages.send(Job::Learn(learned));
        }
        if first && examiner.progress != progress {
            examiner.progress = progress;
            self.done(Done::Examined(progress));
        }
    }
}
