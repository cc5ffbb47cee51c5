//! Plans repairs and applies them, on a thread of their own.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::job::{Applied, Done, Event};
use super::worker::{Lanes, Outbox, Worker};
use crate::core::repair::{Plan, Repair, RepairError, SessionStore, Step, apply, plan};
use crate::core::{Failure, Flow, Timestamp};
use crate::stores::Options;
use crate::stores::repair::{Around, Log, open_for_import, open_for_repair, preview, settle};
use crate::stores::sqlite::Cancel;
use crate::ui::model::SourceId;
use crate::ui::repair_view::{Form, Planned};

/// So many rows that were left alone are named.
const MOST_LEFT: usize = 100;

/// A repair's thread; dropped, it plans no further, and the plan is gone.
pub struct Repairer {
    orders: Sender<Order>,
    cancel: Cancel,
}

/// What a planned repair shall do.
enum Order {
    Apply,
}

impl Repairer {
    /// Starts planning; [`Done::Planned`] says how it went, and the worker reads the plan's lines.
    pub fn plan(id: SourceId, wish: Wish, outbox: Outbox) -> (Repairer, Worker) {
        let (orders, received) = channel();
        let cancel = Cancel::default();
        let cancelled = cancel.clone();
        let worker = Worker::start(id, outbox, move |lanes| {
            let (id, outbox) = lanes.outbox();
            if let Err(error) = run(lanes, &wish, &cancelled, &received) {
                outbox.done(id, Done::Planned(Err(Failure::from(&error))));
            }
        });
        (Repairer { orders, cancel }, worker)
    }

    pub fn apply(&self) {
        // Its thread is gone only where it failed, which the window shows already.
        let _ = self.orders.send(Order::Apply);
    }
}

impl Drop for Repairer {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// What shall be planned.
pub struct Wish {
    /// The store that it is for.
    pub target: PathBuf,
    pub form: Form,
    pub options: Options,
    /// The data folder; the program's own where there is none.
    pub data: Option<PathBuf>,
}

fn run(lanes: Lanes, wish: &Wish, cancel: &Cancel, orders: &Receiver<Order>) -> Result<(), RepairError> {
    let Wish { target, form, options, data } = wish;
    let mut log = log_in(data.as_deref())?;
    settle(&log, options);
    let store = match form {
        Form::Import { .. } => open_for_import(target, options)?,
        _ => open_for_repair(target, options)?,
    };
    let repair = form.repair().map_err(|reason| RepairError::Usage { reason })?;
    let now = Timestamp(options.clock.now_ms());
    let around = Around { log: &log, options, cancel: cancel.clone() };
    let plan = plan(store.as_ref(), &repair, now, &around)?;
    // Said before anybody decides by the plan; applying looks again.
    store.check()?;
    let pages = preview(&plan, &options.clock, &Cancel::default())?;
    let scans = preview(&plan, &options.clock, &lanes.cancel_scan)?;
    let (id, outbox) = lanes.outbox();
    outbox.done(id, Done::Planned(Ok(Box::new(planned(&plan, store.as_ref())))));
    lanes.serve(pages, scans, false);
    // No order: the dialog was closed.
    if let Ok(Order::Apply) = orders.recv() {
        let words = plan.deeds.words(&repair, true);
        let applied = carry_out(store.as_ref(), &mut log, plan, now, cancel, &mut |done| {
            outbox.done(id, Done::Applying(done));
        });
        outbox.done(
            id,
            Done::Applied(applied.map_err(|e| (Failure::from(&e), e.operation())).map(|operation| {
                let left = log.left_alone(&operation.id, MOST_LEFT);
                let moved_to =
                    matches!(repair, Repair::Import { .. }).then(|| log.moved_to(&operation.id)).flatten();
                Box::new(Applied { operation, words, left, moved_to })
            })),
        );
    }
    Ok(())
}

fn carry_out(
    store: &dyn SessionStore,
    log: &mut Log,
    plan: Plan,
    now: Timestamp,
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64),
) -> Result<crate::core::Operation, RepairError> {
    apply(store, log, plan, now, &mut |step| {
        if let Step::Noted { done } = step {
            progress(done);
        }
        if cancel.is_cancelled() { Flow::Stop } else { Flow::Continue }
    })
}

fn planned(plan: &Plan, store: &dyn SessionStore) -> Planned {
    Planned {
        made_at_ms: plan.made_at.0,
        deed: plan.deeds.words(&plan.repair, false),
        destroys: plan.deeds.destroys() && !matches!(plan.repair, Repair::Undo { .. }),
        summary: plan.summary,
        classes: in_order(plan.classes.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect()),
        warnings: plan.warnings.clone(),
        needs_backup: plan.needs_backup,
        rule: match &plan.repair {
            Repair::Prune(options) => store.prune_rule(options.older_than_ms),
            _ => String::new(),
        },
    }
}

/// What changes first, then what stays, and last what nobody could decide.
fn in_order(mut classes: Vec<(String, u64)>) -> Vec<(String, u64)> {
    let rank = |class: &str| match class {
        "kept" | "equal" | "in place" | "as before" => 1,
        "not judged" | "rejected" | "only in the database" => 2,
        _ => 0,
    };
    classes.sort_by_key(|(class, _)| rank(class));
    classes
}

/// The log of a data folder.
fn log_in(data: Option<&Path>) -> Result<Log, RepairError> {
    data.map_or_else(Log::open, |folder| Ok(Log::in_folder(folder)))
}

/// Reads the operation log, after what was interrupted is settled.
pub fn read_log(data: Option<PathBuf>, options: Options, outbox: Outbox) {
    thread::spawn(move || {
        let read = log_in(data.as_deref()).map(|log| {
            let settled: Vec<String> = settle(&log, &options).iter().map(|s| s.words()).collect();
            if !settled.is_empty() {
                outbox.send(Event::Settled(settled));
            }
            log.operations()
        });
        outbox.send(Event::Operations(read.map_err(|e| Failure::from(&e))));
    });
}

/// Ends an operation's undo, and reads the log again.
pub fn forget(operation: String, data: Option<PathBuf>, outbox: Outbox) {
    thread::spawn(move || {
        let read = log_in(data.as_deref()).and_then(|log| {
            log.forget(&operation)?;
            Ok(log.operations())
        });
        outbox.send(Event::Operations(read.map_err(|e| Failure::from(&e))));
    });
}
