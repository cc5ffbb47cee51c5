//! Delete by issue: every session of one issue, and of no other.
//!
//! The parts of a key are compared exactly, as text. What a looser rule would have taken too is listed as kept: SQLite's
//! `LIKE` takes `_` for any character and folds case, and the seed's own rule lost sessions by it.

use serde::{Deserialize, Serialize};

use super::{Action, Item, Planner, RepairError};
use crate::core::{KNOWN_FORGES, ResumeKey};

/// The issue whose sessions shall go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteIssue {
    /// None names the keys of three parts, from before forges were told apart.
    pub forge: Option<String>,
    /// Any agent where there is none.
    pub agent: Option<String>,
    pub repo: String,
    /// Text: `pr-12` is one.
    pub issue: String,
}

pub(super) fn plan(planner: &mut Planner<'_>, wanted: &DeleteIssue) -> Result<(), RepairError> {
    if wanted.repo.is_empty() || wanted.issue.is_empty() {
        return Err(RepairError::Usage { reason: "A repository and an issue must be named".into() });
    }
    let store = planner.store;
    let mut forges = KNOWN_FORGES.to_vec();
    forges.extend(wanted.forge.as_deref());
    let supported = store.resume_keys(&mut |key, table, id| {
        // Most keys are of other issues: they are told by their end, and cost no more than a look.
        let end = key.rsplit_once(':').map_or("", |(_, issue)| issue);
        if end != wanted.issue && !is_near(end, &wanted.issue) {
            return Ok(());
        }
        match compare(key, wanted, &forges) {
            Match::Exact => {
                let reason = format!("its issue is {} of {}", wanted.issue, wanted.repo);
                match store.deletion(table, &id()?)? {
                    Some(edit) => {
                        planner.next_group();
                        planner.add(Item::change(Action::Delete, "to delete", key, reason, edit))
                    }
                    None => Ok(()),
                }
            }
            Match::Near(why) => planner.add(Item::line(Action::Keep, "near miss", table, key, why)),
            Match::Other => Ok(()),
        }
    })?;
    if !supported {
        return Err(RepairError::unsupported(store, "This store has no resume keys that name an issue"));
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
enum Match {
    Exact,
    /// Not it, though a looser comparison would say so; says why not.
    Near(String),
    Other,
}

fn compare(key: &str, wanted: &DeleteIssue, forges: &[&str]) -> Match {
    let Some(parsed) = ResumeKey::parse(key, forges) else {
        // It may be of this issue, or not: nobody can tell for certain.
        let rest = key.rsplit_once(':').map_or(key, |(rest, _)| rest);
        let about = rest.split(':').any(|part| part == wanted.repo || is_near(part, &wanted.repo))
            || rest.ends_with(&format!(":{}", wanted.repo));
        return match about {
            true => Match::Near("the key can be read in more than one way, so it is never matched".into()),
            false => Match::Other,
        };
    };
    let repo = (parsed.repo, wanted.repo.as_str());
    if repo.0 != repo.1 && !is_near(repo.0, repo.1) {
        return Match::Other;
    }
    let mut differs = Vec::new();
    let mut part = |name: &str, has: &str, wants: &str| {
        if has != wants {
            differs.push(format!("{name} is {has}, not {wants}"));
        }
    };
    match (parsed.forge, wanted.forge.as_deref()) {
        (Some(has), Some(wants)) => part("forge", has, wants),
        (None, Some(wants)) => part("forge", "missing", wants),
        (Some(has), None) => part("forge", has, "missing"),
        (None, None) => {}
    }
    if let Some(agent) = &wanted.agent {
        part("agent", parsed.agent, agent);
    }
    part("repository", repo.0, repo.1);
    part("issue", parsed.issue, &wanted.issue);
    match differs.as_slice() {
        [] => Match::Exact,
        [one] => Match::Near(format!("its {one}")),
        // Too far off for a looser rule to take it.
        _ => Match::Other,
    }
}

/// Whether a looser rule would take one text for the other: other case, `_` or another mark in a place, a beginning of it.
fn is_near(has: &str, wants: &str) -> bool {
    let (short, long) = if has.len() <= wants.len() { (has, wants) } else { (wants, has) };
    if short.is_empty() {
        return false;
    }
    // No looser rule takes one letter or digit for another, but for zeros before a number. Most of a million keys end
    // here, in a fifth of the time.
    let first = |text: &str| text.bytes().next().filter(|b| b.is_ascii_alphanumeric() && *b != b'0');
    if let (Some(a), Some(b)) = (first(has), first(wants))
        && !a.eq_ignore_ascii_case(&b)
    {
        return false;
    }
    let begins = long.get(..short.len()).is_some_and(|start| start.eq_ignore_ascii_case(short));
    // Of two plain numbers that is all: a tenth of a million keys begins like the issue that is sought.
    if has.bytes().chain(wants.bytes()).all(|b| b.is_ascii_digit()) {
        return begins || has.trim_start_matches('0') == wants.trim_start_matches('0');
    }
    begins
        || bare(has) == bare(wants)
        || is_alike(has, wants)
        || (wants.contains('%') && matches_like(has, wants))
}

/// Without what cannot be seen, and without zeros before a number.
fn bare(text: &str) -> String {
    let seen = |c: &char| !crate::core::is_hidden(*c) && !c.is_whitespace() && *c != '\u{200d}';
    text.chars().filter(seen).collect::<String>().trim_start_matches('0').to_lowercase()
}

/// Equal but for case, and for marks in whose place there is another character.
fn is_alike(a: &str, b: &str) -> bool {
    let mark = |c: char| matches!(c, '_' | '-' | '.' | ' ') || crate::core::is_hidden(c);
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(x), Some(y)) if x == y || mark(x) || mark(y) || x.to_lowercase().eq(y.to_lowercase()) => {}
            _ => return false,
        }
    }
}

/// What `LIKE` does with a pattern that has `%` in it.
fn matches_like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    let mut pieces = pattern.split('%');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    for (i, piece) in pieces.iter().enumerate() {
        let at = if i + 1 == pieces.len() {
            rest.ends_with(piece).then(|| rest.len() - piece.len())
        } else {
            rest.find(piece)
        };
        match at {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}
