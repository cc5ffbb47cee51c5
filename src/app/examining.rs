//! The examination of a store by its scanning thread, and the way from a finding to its row.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use super::job::{Done, Job};
use super::worker::{Lane, next};
use crate::core::{Condition, Filter, Flow, Query, ReadStore, RowIndex, RowKey, Table};
use crate::stores::Examination;

/// What shows first is asked for before the examination begins.
const FIRST_PAUSE: Duration = Duration::from_millis(60);
/// Between two pages of the examination others come to the database, and the window to its jobs.
const PAUSE: Duration = Duration::from_millis(4);

impl Lane {
    /// Examines the store while nothing else is wanted of it; says whether the worker is still there.
    pub(super) fn examine(&mut self, jobs: &Receiver<Job>, pages: &Sender<Job>) -> bool {
        let mut examination = Examination::of(&self.store, true);
        let (mut told, mut pause) = ((0, 0), FIRST_PAUSE);
        while !examination.is_over() {
            match jobs.recv_timeout(pause) {
                Ok(Job::StopExamining) => break,
                Ok(job) => {
                    let mut waiting = VecDeque::from([job]);
                    while let Some(job) = next_of(jobs, &mut waiting) {
                        if matches!(job, Job::StopExamining) {
                            examination = Examination::default();
                            continue;
                        }
                        self.cancel.reset();
                        self.perform(job);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => pause = PAUSE,
            }
            self.cancel.reset();
            // Broken off for a job that is wanted more: it goes on after that.
            let Ok(findings) = examination.look(&self.store) else { continue };
            let progress = examination.progress();
            if findings.is_empty() && progress == told {
                continue;
            }
            told = progress;
            findings.iter().for_each(|finding| self.store.note(finding.clone()));
            // A lane that is closed is a source that was.
            let _ = pages.send(Job::Note(findings.clone()));
            self.done(Done::Examined { findings, progress });
        }
        let (_, of) = told;
        self.done(Done::Examined { findings: Vec::new(), progress: (of, of) });
        true
    }

    /// The first row that people know by this name.
    pub(super) fn find(&self, table: &Table, name: &str) -> Option<RowKey> {
        let known_by: &[&str] = match table {
            Table::Heartbeats => &["session_id"],
            Table::State => &["key"],
            Table::Migrations => &["version", "name"],
            Table::Native(_) => &[],
            _ => &["id"],
        };
        let all = self.store.columns(table);
        let mut columns: Vec<String> = known_by.iter().map(|c| (*c).to_owned()).collect();
        if columns.is_empty() {
            columns.extend(all.iter().map(|c| c.name.to_string()));
        }
        columns.into_iter().find_map(|column| {
            let filter = Filter { column, condition: Condition::Is(name.to_owned()) };
            let query = Query { filters: vec![filter], ..Query::all(table.clone()) };
            let mut found = None;
            let mut sink = |piece: RowIndex| {
                found = piece.get(0);
                Flow::Stop
            };
            // A table that cannot be read has no row to show.
            self.store.index(&query, Some(1), &mut sink).ok()?;
            found
        })
    }
}

/// The next job that waits already.
fn next_of(jobs: &Receiver<Job>, waiting: &mut VecDeque<Job>) -> Option<Job> {
    waiting.extend(jobs.try_iter());
    match waiting.is_empty() {
        true => None,
        false => next(jobs, waiting, None),
    }
}
