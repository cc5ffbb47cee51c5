//! What a plan does, in words for its button.

use super::{Action, Repair};
use crate::core::group;

/// How many of what a plan does what to, in the order in which they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deeds(Vec<(Action, &'static str, u64)>);

impl Deeds {
    /// Counts a row, named by what it is one of.
    pub fn count(&mut self, action: Action, noun: &'static str) {
        match self.0.iter_mut().find(|(a, n, _)| *a == action && *n == noun) {
            Some((_, _, count)) => *count += 1,
            None => self.0.push((action, noun, 1)),
        }
    }

    /// Whether something goes.
    pub fn destroys(&self) -> bool {
        self.0.iter().any(|(action, _, _)| *action == Action::Delete)
    }

    /// The deed and its count, as `Delete 12 sessions`; once it is done, `Deleted 12 sessions`.
    pub fn words(&self, repair: &Repair, done: bool) -> String {
        let total: u64 = self.0.iter().map(|(_, _, count)| count).sum();
        let verb = |now: &'static str, then: &'static str| if done { then } else { now };
        match repair {
            Repair::Undo { .. } => format!("{} {}", verb("Take back", "Took back"), counted(total, "change")),
            Repair::Migrate { .. } => format!("{} {}", verb("Make", "Made"), counted(total, "change")),
            _ => {
                // What was meant comes first; what only goes with it is told by the preview.
                let mut parts: Vec<(Action, &'static str, u64)> = self.0.clone();
                parts.sort_by_key(|(_, noun, _)| *noun != "session");
                let words = parts.iter().filter(|(action, _, _)| *action != Action::Create).take(2).map(
                    |(action, noun, count)| {
                        let verb = match action {
                            Action::Insert => verb("Import", "Imported"),
                            Action::Update => verb("Mark", "Marked"),
                            Action::Rename if *noun == "file" => verb("Put aside", "Put aside"),
                            Action::Rename => verb("Move", "Moved"),
                            _ => verb("Delete", "Deleted"),
                        };
                        format!("{verb} {}", counted(*count, noun))
                    },
                );
                sentence(&words.collect::<Vec<_>>())
            }
        }
    }
}

/// The first with a capital, the others in the same sentence.
fn sentence(parts: &[String]) -> String {
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        match at {
            0 => text.push_str(part),
            _ => {
                text.push_str(", ");
                let mut chars = part.chars();
                text.extend(chars.next().map(|c| c.to_ascii_lowercase()));
                text.push_str(chars.as_str());
            }
        }
    }
    if text.is_empty() { "Nothing to do".to_owned() } else { text }
}

/// `1 session`, `1,204 sessions`, `2 state entries`.
pub fn counted(count: u64, noun: &str) -> String {
    let grouped = group(count);
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("{grouped} {noun}"),
        (_, Some(stem)) => format!("{grouped} {stem}ies"),
        (_, None) => format!("{grouped} {noun}s"),
    }
}
