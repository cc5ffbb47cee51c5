//! The edits of a plan that come next, read before the lock is taken.

use std::collections::VecDeque;

use super::{Edit, PlanItems, RepairError};
use crate::core::Flow;

/// So much of a plan is held, and whole groups beyond it.
const PIECE_EDITS: usize = 20_000;
const PIECE_BYTES: u64 = 16 << 20;
/// What belongs together is done together, or not at all, up to so many edits; more would hold the lock too long.
const MOST_TOGETHER: usize = 5_000;

/// A line of the plan that changes something: its number, its group and its edit.
pub type Line = (u64, u64, Edit);

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
    ///
    /// Whole groups, where they are not too large; all of the plan where `all` says so.
    pub fn fill(&mut self, items: &dyn PlanItems, all: bool) -> Result<(), RepairError> {
        if self.read_all || self.lines.len() > PIECE_EDITS / 2 || self.bytes > PIECE_BYTES / 2 {
            return Ok(());
        }
        self.read_all = true;
        let mut last_group = None;
        items.edits(self.next, &mut |line, group, edit| {
            let full = self.lines.len() >= PIECE_EDITS || self.bytes >= PIECE_BYTES;
            let new = last_group != Some(group) || self.lines.len() >= PIECE_EDITS + MOST_TOGETHER;
            if full && new && !all {
                self.read_all = false;
                return Flow::Stop;
            }
            (self.next, last_group) = (line + 1, Some(group));
            self.bytes += edit.size_bytes();
            self.lines.push_back((line, group, edit));
            Flow::Continue
        })
    }

    pub fn first(&self) -> Option<&Line> {
        self.lines.front()
    }

    pub fn take(&mut self) -> Option<Line> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.2.size_bytes();
        Some(line)
    }

    /// The first lines where they are of one group, and few enough to be done together; empty where there is but one.
    pub fn take_group(&mut self) -> Vec<Line> {
        let Some((_, group, _)) = self.lines.front() else { return Vec::new() };
        // No further than matters: a group can have all the lines.
        let count = self.lines.iter().take(MOST_TOGETHER + 1).take_while(|(_, g, _)| g == group).count();
        match count {
            2..=MOST_TOGETHER => (0..count).filter_map(|_| self.take()).collect(),
            _ => Vec::new(),
        }
    }

    /// Puts lines back that are to be done anew.
    pub fn put_back(&mut self, lines: Vec<Line>) {
        for line in lines.into_iter().rev() {
            self.bytes += line.2.size_bytes();
            self.lines.push_front(line);
        }
    }
}
