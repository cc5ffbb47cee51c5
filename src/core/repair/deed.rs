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

    /// The deed and its counts, as `Delete 12 sessions and 7 state entries`; once it is done, `Deleted …`.
    pub fn words(&self, repair: &Repair, done: bool) -> String {
        let total: u64 = self.0.iter().map(|(_, _, count)| count).sum();
        let main = match repair {
            Repair::Undo { .. } => {
                let verb = if done { "Took back" } else { "Take back" };
                return format!("{verb} {}", counted(total, "change"));
            }
            Repair::Migrate { .. } => "step",
            _ => "session",
        };
        // What was meant comes first; what goes with it follows.
        let mut all = self.0.clone();
        all.sort_by_key(|(_, noun, _)| *noun != main);
        // Tables that an import makes are no end in themselves.
        let told = all.iter().filter(|(action, _, _)| *action != Action::Create || main == "step");
        let mut parts: Vec<(&'static str, Vec<String>)> = Vec::new();
        for (action, noun, count) in told {
            let (verb, what) = (verb(*action, noun, done), counted(*count, noun));
            match parts.iter_mut().find(|(other, _)| *other == verb) {
                Some((_, whats)) => whats.push(what),
                None => parts.push((verb, vec![what])),
            }
        }
        let parts: Vec<String> =
            parts.iter().map(|(verb, whats)| format!("{verb} {}", enumerated(whats))).collect();
        sentence(&parts)
    }
}

fn verb(action: Action, noun: &str, done: bool) -> &'static str {
    let [now, then] = match action {
        Action::Insert => ["Import", "Imported"],
        Action::Update if noun == "session" => ["Mark", "Marked"],
        Action::Update => ["Change", "Changed"],
        Action::Create => ["Run", "Ran"],
        Action::Rename if noun == "file" => ["Put aside", "Put aside"],
        Action::Rename => ["Move", "Moved"],
        _ => ["Delete", "Deleted"],
    };
    if done { then } else { now }
}

/// `a`, `a and b`, `a, b and c`.
fn enumerated(parts: &[String]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        parts => parts.concat(),
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
