//! A plan and what came of it, as text or as JSON.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use super::Ways;
use crate::core::export::one_line;
use crate::core::repair::{Action, Plan, PlanLine, Repair, Summary, counted};
use crate::core::{Flow, Operation, visible};

/// So many rows that were left alone are named.
pub const MOST_LEFT: usize = 20;

/// How a repair is shown.
pub struct Shown<'a> {
    pub path: &'a Path,
    pub ways: &'a Ways,
}

impl Shown<'_> {
    /// Prints a plan, line by line: it may have millions.
    pub fn plan(&self, plan: &Plan) -> io::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = match self.ways.json {
            true => self.json(plan, &mut out),
            false => self.text(plan, &mut out),
        };
        let flushed = written.and_then(|()| out.flush());
        // A second attempt on drop would only fail again.
        let _ = out.into_parts();
        flushed
    }

    fn json(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        let path = self.path.to_string_lossy();
        let start = json!({ "repair": plan.repair.word(), "path": path }).to_string();
        out.write_all(start.trim_end_matches('}').as_bytes())?;
        if self.ways.summary {
            return Ok(());
        }
        out.write_all(b",\"plan\":[")?;
        let mut first = true;
        lines(plan, &mut |line| {
            if !std::mem::take(&mut first) {
                out.write_all(b",")?;
            }
            let PlanLine { action, table, key, reason } = line;
            let object = json!({ "action": action.as_str(), "table": table, "key": key, "reason": reason });
            one_line(&object.to_string(), out)
        })?;
        out.write_all(b"]")
    }

    fn text(&self, plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
        if !self.ways.summary {
            lines(plan, &mut |line| {
                let PlanLine { action, table, key, reason } = line;
                let (key, reason) = (plain(key), plain(reason));
                writeln!(out, "{:<7} {table}  {key}  ({reason})", action.as_str())
            })?;
        }
        for warning in &plan.warnings {
            writeln!(out, "note: {}", visible(warning).replace('\n', "\n      "))?;
        }
        Ok(())
    }

    /// Prints what came of it.
    pub fn end(&self, repair: &Repair, summary: &Summary, operation: Option<&Operation>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.ways.json {
            let of = |action| summary.of(action);
            let counts = json!({
                "insert": of(Action::Insert), "update": of(Action::Update), "delete": of(Action::Delete),
                "keep": of(Action::Keep), "reject": of(Action::Reject),
            });
            let id = operation.map(|o| o.id.as_str());
            let end =
                json!({ "summary": counts, "applied": operation.is_some(), "operation": id }).to_string();
            return writeln!(out, ",{}", end.trim_start_matches('{'));
        }
        let counts: Vec<String> = Action::ALL
            .into_iter()
            .filter(|action| *action != Action::Beside && summary.of(*action) > 0)
            .map(|action| format!("{} {}", action.as_str(), summary.of(action)))
            .collect();
        let mut counts = counts.join(", ");
        if summary.edits > 0 && summary.changes() > summary.edits {
            // Pieces of a text that changes whole.
            counts.push_str(&format!(", as {} of the whole", counted(summary.edits, "change")));
        }
        match operation {
            Some(operation) => {
                let lock = operation.longest_lock_us.map_or(String::new(), |us| {
                    format!("; the write lock was held for {:.1} ms at most", us as f64 / 1000.0)
                });
                let undo = match operation.done {
                    0 => String::new(),
                    _ => format!(" Undo it with: sessionscope undo {} --apply", operation.id),
                };
                let was = if operation.done == 1 { "was" } else { "were" };
                writeln!(
                    out,
                    "{counts}. {} {was} made, {} left alone{lock}.{undo}",
                    counted(operation.done, "change"),
                    counted(operation.left, "row"),
                )
            }
            None if summary.edits == 0 && is_bare(repair, summary) => writeln!(out, "{}.", nothing(repair)),
            None if summary.edits == 0 => writeln!(out, "{counts}. There is nothing to change."),
            None if self.ways.apply => writeln!(out, "{counts}. It was not applied."),
            None => writeln!(
                out,
                "{counts}. Nothing has changed; add --apply to do it, and to keep about {} for its undo.",
                counted(summary.undo_bytes, "byte")
            ),
        }
    }
}

/// Whether there is nothing to count either: of sessions that are not there, that they are rejected says no more.
fn is_bare(repair: &Repair, summary: &Summary) -> bool {
    let named = matches!(repair, Repair::DeleteSessions { .. });
    summary.of(Action::Keep) == 0 && (named || summary.of(Action::Reject) == 0)
}

/// Why there is nothing to do, where nothing that was looked at is kept either.
fn nothing(repair: &Repair) -> String {
    match repair {
        Repair::DeleteSessions { ids } => match ids.as_slice() {
            [id] => format!("There is no session {}", plain(id)),
            ids => format!("There is none of the sessions {}", plain(&ids.join(", "))),
        },
        Repair::DeleteIssue(wanted) => {
            format!("There is no session of issue {} of {}", plain(&wanted.issue), plain(&wanted.repo))
        }
        _ => "There is nothing to change".to_owned(),
    }
}

/// Hands out the lines that are printed; an error of the output ends it.
fn lines(plan: &Plan, each: &mut dyn FnMut(PlanLine<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut failed = None;
    let read = plan.items.lines(&mut |line| {
        if line.action == Action::Beside {
            return Flow::Continue;
        }
        match each(line) {
            Ok(()) => Flow::Continue,
            Err(error) => {
                failed = Some(error);
                Flow::Stop
            }
        }
    });
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(io::Error::other(error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

/// Text on one line, with nothing hidden in it.
pub fn plain(text: &str) -> String {
    visible(text).replace('\n', "⏎")
}
