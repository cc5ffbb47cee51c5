//! Applies a plan: the one place from which a store is written.

use super::waiting::{Line, Waiting};
use super::{EditKind, Held, Performed, Plan, RepairError, SessionStore, Standing, WriteStore};
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
    /// The batch is committed, and the log does not know it yet.
    Committed,
    /// The log knows the batch.
    Noted { done: u64 },
    /// A file was moved, and the log does not know it yet.
    Moved,
    /// All was read back.
    ReadBack,
    /// The log says that it is applied.
    Finished,
}

impl Step {
    /// Its name, for tests that stop there.
    pub fn name(self) -> &'static str {
        match self {
            Step::Start => "start",
            Step::Logged => "logged",
            Step::BackedUp => "backed-up",
            Step::Locked => "locked",
            Step::Changed => "changed",
            Step::Committed => "committed",
            Step::Noted { .. } => "noted",
            Step::Moved => "moved",
            Step::ReadBack => "read-back",
            Step::Finished => "finished",
        }
    }
}

/// So many rows are read back after the commit; of more, every so many-th.
const READ_BACK: u64 = 10_000;

/// Applies a plan, and leaves an operation in the log by which it can be undone.
///
/// The rows that are not as the plan found them are left alone, and counted in the operation.
///
/// # Errors
/// See [`RepairError`]. Where it is [`RepairError::Partly`] or [`RepairError::Cancelled`], earlier batches stand, and are
/// in the log; anything else means that nothing was changed.
pub fn apply(
    store: &dyn SessionStore,
    log: &mut dyn OperationLog,
    plan: Plan,
    now: Timestamp,
    watch: &mut dyn FnMut(Step) -> Flow,
) -> Result<Operation, RepairError> {
    let _ = watch(Step::Start);
    store.ensure_writable()?;
    store.check()?;
    let id = log.begin(&plan, now)?;
    let mut applying =
        Applying { store, log, plan: &plan, id, watch, done: 0, left: 0, noted: 0, published: false };
    let result = applying.run();
    let Applying { id, mut done, left, log, published, .. } = applying;
    if !plan.target.exists && !published {
        // It was made aside, and never shown.
        done = 0;
    }
    let state = match (&result, done) {
        (Ok(()), 0) if left == 0 => OperationState::Nothing,
        (Ok(()), _) => OperationState::Applied,
        (Err(_), 0) => OperationState::Nothing,
        (Err(_), _) => OperationState::Partly,
    };
    match result {
        Ok(()) => {
            let operation = log.finish(&id, state, now)?;
            let _ = watch(Step::Finished);
            Ok(operation)
        }
        Err(why) if done == 0 => {
            log.abandon(&id)?;
            Err(why)
        }
        Err(why) => {
            log.finish(&id, state, now)?;
            Err(match why {
                RepairError::Cancelled { .. } => RepairError::Cancelled { done },
                why => RepairError::Partly { done, why: Box::new(why) },
            })
        }
    }
}

struct Applying<'a> {
    store: &'a dyn SessionStore,
    log: &'a mut dyn OperationLog,
    plan: &'a Plan,
    id: String,
    watch: &'a mut dyn FnMut(Step) -> Flow,
    done: u64,
    left: u64,
    /// A store that an import makes is there.
    published: bool,
    /// The line up to which the log knows what became of the edits.
    noted: u64,
}

/// What a batch came to: the last of its lines, how many edits were done, and the lines that were left alone, with why.
struct Batch {
    last: u64,
    done: u64,
    left: Vec<(u64, String)>,
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
        {
            let permit = Permit { _private: () };
            let mut writer = self.store.writer(&permit)?;
            let mut waiting = Waiting::default();
            let mut published = false;
            loop {
                waiting.fill(self.plan.items.as_ref())?;
                let kind = waiting.first().map(|line| line.edit.kind);
                // What is made aside is shown when its rows are complete; files come after.
                if !published && matches!(kind, None | Some(EditKind::Move)) {
                    writer.publish()?;
                    (published, self.published) = (true, true);
                }
                let Some(kind) = kind else { break };
                match kind {
                    EditKind::Move => self.file(writer.as_mut(), &mut waiting)?,
                    EditKind::Row | EditKind::Step => self.batch(writer.as_mut(), &mut waiting)?,
                }
            }
            self.log.note_locks(&self.id, writer.locks_us())?;
        }
        self.read_back()?;
        self.at(Step::ReadBack)
    }

    fn at(&mut self, step: Step) -> Result<(), RepairError> {
        match (self.watch)(step) {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(RepairError::Cancelled { done: self.done }),
        }
    }

    /// Does as many edits as fit into one short transaction.
    fn batch(&mut self, writer: &mut dyn WriteStore, waiting: &mut Waiting) -> Result<(), RepairError> {
        writer.begin()?;
        let batch = self.locked(writer, waiting);
        let Batch { last, done, left } = batch.inspect_err(|_| writer.rollback())?;
        // Counted at once: from here on the store is changed, whatever becomes of the log.
        self.done += done;
        self.left += left.len() as u64;
        let _ = (self.watch)(Step::Committed);
        writer.keep()?;
        self.log.note(&self.id, self.noted, last, &left)?;
        self.noted = last + 1;
        self.at(Step::Noted { done: self.done })
    }

    /// What is done under the lock.
    fn locked(&mut self, writer: &mut dyn WriteStore, waiting: &mut Waiting) -> Result<Batch, RepairError> {
        let _ = (self.watch)(Step::Locked);
        let (mut last, mut planned, mut done) = (0, 0, 0);
        let mut left = Vec::new();
        while let Some(Line { number, group, edit }) = waiting.take() {
            match writer.perform(&edit)? {
                Performed::Done(rows) => {
                    planned += rows;
                    done += 1;
                }
                Performed::Left(how) => left.push((number, how)),
            }
            last = number;
            let Some(next) = waiting.first() else { break };
            let cut = match writer.held() {
                Held::Fresh => false,
                Held::Due => next.group != group,
                Held::Overdue => true,
            };
            // A step of a migration is a transaction of its own, with its record.
            if cut || next.edit.kind == EditKind::Move || edit.kind == EditKind::Step {
                break;
            }
        }
        let _ = (self.watch)(Step::Changed);
        let changed = writer.changes();
        if changed != planned {
            let path = self.store.target().path.clone();
            return Err(RepairError::Unplanned { planned, changed, path });
        }
        let intent = writer.intent();
        if !intent.is_empty() {
            let facts: Vec<(&str, &str)> =
                intent.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.log.note_facts(&self.id, &facts)?;
        }
        writer.commit()?;
        Ok(Batch { last, done, left })
    }

    /// Moves one file, outside of any lock.
    fn file(&mut self, writer: &mut dyn WriteStore, waiting: &mut Waiting) -> Result<(), RepairError> {
        let Some(Line { number: line, edit, .. }) = waiting.take() else { return Ok(()) };
        let left = match writer.perform(&edit)? {
            Performed::Done(_) => {
                self.done += 1;
                let _ = (self.watch)(Step::Moved);
                Vec::new()
            }
            Performed::Left(how) => vec![(line, how)],
        };
        self.log.note(&self.id, self.noted, line, &left)?;
        self.left += left.len() as u64;
        self.noted = line + 1;
        self.at(Step::Noted { done: self.done })
    }

    /// Looks whether what was committed is there; a row that somebody changed since is theirs.
    fn read_back(&self) -> Result<(), RepairError> {
        let every = (self.plan.summary.edits / READ_BACK).max(1);
        let (mut seen, mut not_there) = (0_u64, 0_u64);
        let mut failed = None;
        self.plan.items.edits(0, &mut |_, _, edit| {
            seen += 1;
            if seen.is_multiple_of(every) {
                match self.store.standing(&edit) {
                    Ok(Standing::Before) => not_there += 1,
                    Ok(_) => {}
                    Err(error) => failed = Some(error),
                }
            }
            if failed.is_some() { Flow::Stop } else { Flow::Continue }
        })?;
        match failed {
            Some(error) => Err(error),
            // Rows that were left alone may have become what they were again; more than those were lost.
            None if not_there > self.left => Err(RepairError::MayNotWrite {
                reason: format!("{not_there} rows are as before, though they were committed"),
                hint: "Check the disk, and look at the operation log.",
                path: self.store.target().path.clone(),
            }),
            None => Ok(()),
        }
    }
}
