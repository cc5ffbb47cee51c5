//! Applies a plan: the one place from which a store is written.

use super::waiting::{Line, Waiting};
use super::{Commit, EditKind, Held, Performed, Plan, RepairError, SessionStore, Standing, WriteStore};
use crate::core::{Flow, Operation, OperationLog, OperationState, Timestamp};

/// Leave to write to a store; only [`apply`] can make one.
pub struct Permit {
    _private: (),
}

/// Where applying has come to; it can be watched, called off, and, in tests, killed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is written yet.
    Start,
    /// All that undoing takes is on disk.
    Logged,
    /// The store is copied whole.
    BackedUp,
    /// The lock is held.
    Locked,
    /// The rows of the batch are changed, and not committed.
    Changed,
    /// The log knows what the commit will make last.
    Intended,
    /// What takes the store's place is complete beside it.
    Prepared,
    /// It is in the store's place, and nobody looked yet what was there instead.
    Exchanged,
    /// The batch is committed, and the log does not know it yet.
    Committed,
    /// The log knows the batch.
    Noted { done: u64 },
    /// A store that was made has its name.
    Published,
    /// A file was moved, and the log does not know it yet.
    Moved,
    /// All was read back.
    ReadBack,
    /// The log says that it is applied.
    Finished,
}

/// Is told every step; stopping counts only between two batches.
pub type Watch<'a> = dyn FnMut(Step) -> Flow + 'a;

impl Step {
    /// Its name, for tests that stop there.
    pub fn name(self) -> &'static str {
        match self {
            Step::Start => "start",
            Step::Logged => "logged",
            Step::BackedUp => "backed-up",
            Step::Locked => "locked",
            Step::Changed => "changed",
            Step::Intended => "intended",
            Step::Prepared => "prepared",
            Step::Exchanged => "exchanged",
            Step::Committed => "committed",
            Step::Noted { .. } => "noted",
            Step::Published => "published",
            Step::Moved => "moved",
            Step::ReadBack => "read-back",
            Step::Finished => "finished",
        }
    }
}

/// So many rows are read back after the commit; of more, every so many-th.
const READ_BACK: u64 = 10_000;
/// So often a batch is tried anew that readers of another program did not let through.
const MOST_TRIES: u32 = 50;

/// Applies a plan, and leaves an operation in the log by which it can be undone.
///
/// The rows that are not as the plan found them are left alone, and counted in the operation.
///
/// # Errors
/// See [`RepairError`]. With [`RepairError::Partly`] earlier batches stand, and with [`RepairError::Unsettled`] the next
/// start finds out what stands; both are in the log. Anything else means that nothing was changed.
pub fn apply(
    store: &dyn SessionStore,
    log: &mut dyn OperationLog,
    plan: Plan,
    now: Timestamp,
    watch: &mut Watch<'_>,
) -> Result<Operation, RepairError> {
    let _ = watch(Step::Start);
    store.ensure_writable()?;
    store.check()?;
    let id = log.begin(&plan, now)?;
    let mut applying = Applying {
        store,
        log,
        plan: &plan,
        id,
        watch,
        done: 0,
        left: 0,
        next: 0,
        read: 0,
        unsure: false,
        published: false,
    };
    let result = applying.run();
    let Applying { id, done, unsure, published, log, watch, .. } = applying;
    // What was made aside, and never shown, is gone.
    let done = if plan.target.exists || published { done } else { 0 };
    let why = match result {
        Ok(()) => {
            let state = if done == 0 { OperationState::Nothing } else { OperationState::Applied };
            let finished = log.finish(&id, state, now);
            let _ = watch(Step::Finished);
            return finished.map_err(|why| RepairError::Unsettled { operation: id, why: Box::new(why) });
        }
        Err(why) => why,
    };
    if unsure {
        log.release();
        return Err(RepairError::Unsettled { operation: id, why: Box::new(why) });
    }
    if done == 0 {
        log.abandon(&id)?;
        return Err(why);
    }
    match log.finish(&id, OperationState::Partly, now) {
        Ok(operation) => Err(RepairError::Partly { operation: Box::new(operation), why: Box::new(why) }),
        Err(why) => Err(RepairError::Unsettled { operation: id, why: Box::new(why) }),
    }
}

struct Applying<'a> {
    store: &'a dyn SessionStore,
    log: &'a mut dyn OperationLog,
    plan: &'a Plan,
    id: String,
    watch: &'a mut Watch<'a>,
    done: u64,
    left: u64,
    /// The first line of which the log knows nothing yet.
    next: u64,
    /// The first line that was not read back yet.
    read: u64,
    /// A commit failed in a way that does not tell whether it was one.
    unsure: bool,
    /// A store that is made aside has its name.
    published: bool,
}

/// What a batch came to.
#[derive(Default)]
struct Batch {
    lines: Vec<Line>,
    done: u64,
    /// The lines that are left alone, with why.
    left: Vec<(u64, String)>,
    /// Rows that the edits should have changed.
    rows: u64,
}

impl Applying<'_> {
    fn run(&mut self) -> Result<(), RepairError> {
        self.at(Step::Logged)?;
        if self.plan.needs_backup {
            let path = self.log.backup_path(&self.id)?;
            self.store.backup(&path)?;
            self.log.note_backup(&self.id)?;
            self.at(Step::BackedUp)?;
        }
        let permit = Permit { _private: () };
        let mut writer = self.store.writer(&permit)?;
        let ran = self.lines(writer.as_mut());
        let noted = self.log.note_locks(&self.id, writer.locks_us());
        ran.and(noted)
    }

    /// Goes through the lines: rows first, then, when they were read back, the files.
    fn lines(&mut self, writer: &mut dyn WriteStore) -> Result<(), RepairError> {
        let mut waiting = Waiting::default();
        loop {
            waiting.fill(self.plan.items.as_ref(), writer.is_whole())?;
            let kind = waiting.first().map(|(_, _, edit)| edit.kind);
            // What is made aside is shown when its rows are complete; files come after.
            if matches!(kind, None | Some(EditKind::Move)) {
                if !self.published {
                    self.publish(writer)?;
                }
                self.read_back()?;
            }
            match kind {
                None => return Ok(()),
                Some(EditKind::Move) => self.file(writer, &mut waiting)?,
                Some(EditKind::Row | EditKind::Step) => self.batch(writer, &mut waiting)?,
            }
        }
    }

    fn at(&mut self, step: Step) -> Result<(), RepairError> {
        match (self.watch)(step) {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(RepairError::Cancelled),
        }
    }

    fn publish(&mut self, writer: &mut dyn WriteStore) -> Result<(), RepairError> {
        writer.publish(self.watch)?;
        self.published = true;
        match self.plan.target.exists {
            true => Ok(()),
            false => self.at(Step::Published),
        }
    }

    /// Does as many edits as fit into one short transaction.
    fn batch(&mut self, writer: &mut dyn WriteStore, waiting: &mut Waiting) -> Result<(), RepairError> {
        let mut tries = 0;
        loop {
            writer.begin()?;
            let batch = self.locked(writer, waiting).inspect_err(|_| writer.rollback())?;
            match writer.commit(self.watch) {
                Commit::Done => return self.committed(writer, batch),
                Commit::Busy(_) if tries < MOST_TRIES => {
                    // Readers go first: the lines are done anew, each after another look.
                    tries += 1;
                    self.log.withdraw(&self.id, self.next)?;
                    waiting.put_back(batch.lines);
                    writer.pause();
                }
                Commit::Busy(why) | Commit::Failed(why) => {
                    self.log.withdraw(&self.id, self.next)?;
                    return Err(why);
                }
                Commit::Unsure(why) => {
                    self.unsure = true;
                    return Err(why);
                }
            }
        }
    }

    fn committed(&mut self, writer: &mut dyn WriteStore, batch: Batch) -> Result<(), RepairError> {
        // Counted at once: from here on the store is changed, whatever becomes of the log.
        self.done += batch.done;
        self.left += batch.left.len() as u64;
        let _ = (self.watch)(Step::Committed);
        // What the disk may not have is not confirmed: how the rows stand tells, whenever that is asked.
        writer.sync().inspect_err(|_| self.unsure = true)?;
        self.log.confirm(&self.id, self.next)?;
        self.next = batch.lines.last().map_or(self.next, |(line, _, _)| line + 1);
        self.at(Step::Noted { done: self.done })
    }

    /// What is done under the lock, up to the commit.
    fn locked(&mut self, writer: &mut dyn WriteStore, waiting: &mut Waiting) -> Result<Batch, RepairError> {
        let _ = (self.watch)(Step::Locked);
        let mut batch = Batch::default();
        while let Some((_, group, first)) = waiting.first() {
            let (group, kind) = (*group, first.kind);
            if kind == EditKind::Move {
                break;
            }
            // An undo restores what it can, row by row; anything else is of one piece.
            let together = if self.plan.undoes.is_none() { waiting.take_group() } else { Vec::new() };
            if !together.is_empty() {
                do_together(writer, together, &mut batch)?;
            } else if let Some(line) = waiting.take() {
                do_one(writer, line, &mut batch)?;
            }
            let same = waiting.first().is_some_and(|(_, g, _)| *g == group);
            // A step of a migration is a transaction of its own, with its record.
            let cut = kind == EditKind::Step && !writer.is_whole();
            let full = match writer.held() {
                Held::Fresh => false,
                Held::Due => !same,
                Held::Overdue => true,
            };
            if cut || full {
                break;
            }
        }
        let _ = (self.watch)(Step::Changed);
        let (planned, changed) = (batch.rows, writer.changes());
        if changed != planned {
            let path = self.store.target().path.clone();
            return Err(RepairError::Unplanned { planned, changed, path });
        }
        let last = batch.lines.last().map_or(self.next, |(line, _, _)| *line);
        self.log.intend(&self.id, self.next, last, &batch.left, &writer.intent())?;
        let _ = (self.watch)(Step::Intended);
        Ok(batch)
    }

    /// Moves one file, outside of any lock.
    fn file(&mut self, writer: &mut dyn WriteStore, waiting: &mut Waiting) -> Result<(), RepairError> {
        let Some((line, _, edit)) = waiting.take() else { return Ok(()) };
        self.log.intend(&self.id, self.next, line, &[], &[])?;
        match writer.perform(&edit) {
            Ok(Performed::Done(_)) => {
                self.done += 1;
                let _ = (self.watch)(Step::Moved);
            }
            Ok(Performed::Left(how)) => {
                self.left += 1;
                self.log.leave(&self.id, line, &how)?;
            }
            Err(error) => {
                self.log.withdraw(&self.id, self.next)?;
                return Err(error);
            }
        }
        self.log.confirm(&self.id, self.next)?;
        self.next = line + 1;
        self.at(Step::Noted { done: self.done })
    }

    /// Looks whether what was committed is there.
    ///
    /// A row that is as it was before, though it was to change or to go, was lost; one that came in and is not there may
    /// have been taken out by its program since.
    fn read_back(&mut self) -> Result<(), RepairError> {
        let (from, to) = (std::mem::replace(&mut self.read, self.next), self.next);
        if from == to {
            return Ok(());
        }
        let every = (self.plan.summary.edits / READ_BACK).max(1);
        let (mut seen, mut lost) = (0_u64, 0_u64);
        let mut failed = None;
        self.plan.items.edits(from, &mut |line, _, edit| {
            if line >= to {
                return Flow::Stop;
            }
            seen += 1;
            if edit.before.is_some() && edit.kind == EditKind::Row && seen.is_multiple_of(every) {
                match self.store.standing(&edit) {
                    Ok(Standing::Before) => lost += 1,
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            }
            if failed.is_some() { Flow::Stop } else { Flow::Continue }
        })?;
        match failed {
            Some(error) => Err(error),
            // Rows that were left alone may have become what they were again; more than those were lost.
            None if lost > self.left => Err(RepairError::MayNotWrite {
                reason: format!("{lost} rows are as before, though they were committed"),
                hint: "Check the disk, and look at the operation log.",
                path: self.store.target().path.clone(),
            }),
            None => self.at(Step::ReadBack),
        }
    }
}

fn do_one(writer: &mut dyn WriteStore, line: Line, batch: &mut Batch) -> Result<(), RepairError> {
    match writer.perform(&line.2)? {
        Performed::Done(rows) => {
            batch.rows += rows;
            batch.done += 1;
        }
        Performed::Left(how) => batch.left.push((line.0, how)),
    }
    batch.lines.push(line);
    Ok(())
}

/// Does lines of one group, or none of them where one of them cannot be done.
fn do_together(writer: &mut dyn WriteStore, lines: Vec<Line>, batch: &mut Batch) -> Result<(), RepairError> {
    writer.save()?;
    let mut rows = 0;
    let mut left = None;
    for (line, _, edit) in &lines {
        match writer.perform(edit)? {
            Performed::Done(changed) => rows += changed,
            Performed::Left(how) => {
                left = Some((*line, how));
                break;
            }
        }
    }
    match left {
        None => {
            writer.keep()?;
            batch.rows += rows;
            batch.done += lines.len() as u64;
        }
        Some((which, how)) => {
            writer.take_back()?;
            let with = format!("it goes with a row that is left alone ({how})");
            let whys = lines
                .iter()
                .map(|(line, _, _)| (*line, if *line == which { how.clone() } else { with.clone() }));
            batch.left.extend(whys);
        }
    }
    batch.lines.extend(lines);
    Ok(())
}
