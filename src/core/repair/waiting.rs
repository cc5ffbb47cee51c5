//! The edits of a plan that come next, read before the lock is taken.

use std::collections::VecDeque;

use super::{Edit, PlanItems, RepairError};
use crate::core::Flow;

/// So much of a plan is held at most.
const MOST_EDITS: usize = 20_000;
const MOST_BYTES: u64 = 16 << 20;

/// A line of the plan that changes something: its number, its group and its edit.
pub struct Line {
    pub number: u64,
    pub group: u64,
    pub edit: Edit,
}

/// The edits that wait to be done, in their order.
#[derive(Default)]
pub struct Waiting {
    lines: VecDeque<Line>,
    bytes: u64,
    next: u64,
    read_all: bool,
}

impl Waiting {
    /// Reads more of the plan where half of what may be held is done, so that no batch ends for want of edits.
    pub fn fill(&mut self, items: &dyn PlanItems) -> Result<(), RepairError> {
        if self.read_all || self.lines.len() > MOST_EDITS / 2 || self.bytes > MOST_BYTES / 2 {
            return Ok(());
        }
        self.read_all = true;
        items.edits(self.next, &mut |number, group, edit| {
            self.next = number + 1;
            self.bytes += edit.size_bytes();
            self.lines.push_back(Line { number, group, edit });
            self.read_all = self.lines.len() < MOST_EDITS && self.bytes < MOST_BYTES;
            if self.read_all { Flow::Continue } else { Flow::Stop }
        })
    }

    pub fn first(&self) -> Option<&Line> {
        self.lines.front()
    }

    pub fn take(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.edit.size_bytes();
        Some(line)
    }
}
