//! The members of a JSON object as they are written, so that one is taken out or put back and every other byte stays.

use std::collections::{HashMap, HashSet};

use crate::stores::json;

/// A member: from the quote of its key to the end of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub key: String,
    start: usize,
    end: usize,
}

/// What a member leaves behind, by which it comes back to its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    pub text: String,
    /// The text of the member before it; none where it was the first.
    pub after: Option<String>,
    /// What stood between it and its neighbours.
    pub lead: String,
    pub trail: String,
}

/// The members of the object in a text that holds the sessions.
#[derive(Debug)]
pub struct Members {
    text: String,
    members: Vec<Member>,
    by_key: HashMap<String, Vec<usize>>,
    /// The object's inside: after its `{`, and at its `}`.
    inside: (usize, usize),
    gone: Vec<bool>,
    /// Members that come in, by key.
    added: HashMap<String, Vec<Placed>>,
}

impl Members {
    /// Reads the members of an object that is `object` within `text`, a part of it.
    ///
    /// None where the text is not whole, or the object is none.
    pub fn read(text: String, object: std::ops::Range<usize>) -> Option<Self> {
        let raw = text.get(object.clone())?;
        let found = json::read_entries(raw.as_bytes()).filter(|f| !f.is_array && f.fault.is_none())?;
        let base = text.as_ptr() as usize;
        let mut members: Vec<Member> = Vec::with_capacity(found.entries.len());
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::with_capacity(found.entries.len());
        let mut from = object.start + raw.find('{')? + 1;
        let inside = (from, object.start + raw.rfind('}')?);
        for (key, value) in &found.entries {
            let key = key.as_deref()?.to_owned();
            let value_start = (value.get().as_ptr() as usize).checked_sub(base)?;
            let end = value_start + value.get().len();
            // Between two members there is nothing but white space and a comma: the first quote begins the key.
            let start = from + text.get(from..value_start)?.find('"')?;
            by_key.entry(key.clone()).or_default().push(members.len());
            members.push(Member { key, start, end });
            from = end;
        }
        let gone = vec![false; members.len()];
        Some(Self { text, members, by_key, inside, gone, added: HashMap::new() })
    }

    pub fn all(&self) -> &[Member] {
        &self.members
    }

    /// Whether the text has several members of a key.
    pub fn is_repeated(&self, key: &str) -> bool {
        self.by_key.get(key).is_some_and(|all| all.len() > 1)
    }

    pub fn text_of(&self, member: &Member) -> &str {
        &self.text[member.start..member.end]
    }

    /// The texts of the members of a key that are there now.
    pub fn texts<'m>(&'m self, key: &str) -> impl Iterator<Item = &'m str> {
        let own = self.by_key.get(key).into_iter().flatten().filter(|at| !self.gone[**at]);
        let added = self.added.get(key).into_iter().flatten().map(|a| a.text.as_str());
        own.map(|at| self.text_of(&self.members[*at])).chain(added)
    }

    /// A member with its place, by its key and its text.
    pub fn placed(&self, key: &str, text: &str) -> Option<Placed> {
        let at = *self.by_key.get(key)?.iter().find(|at| self.text_of(&self.members[**at]) == text)?;
        let member = &self.members[at];
        let before = at.checked_sub(1).map(|at| &self.members[at]);
        let lead = before.map_or(self.inside.0, |m| m.end)..member.start;
        let trail = member.end..self.members.get(at + 1).map_or(self.inside.1, |m| m.start);
        Some(Placed {
            text: text.to_owned(),
            after: before.map(|m| self.text_of(m).to_owned()),
            lead: self.text[lead].to_owned(),
            trail: self.text[trail].to_owned(),
        })
    }

    pub fn remove(&mut self, key: &str, text: &str) {
        let own = self.by_key.get(key).into_iter().flatten();
        let there = |at: &&usize| !self.gone[**at] && self.text_of(&self.members[**at]) == text;
        if let Some(at) = own.copied().collect::<Vec<_>>().iter().find(there) {
            self.gone[*at] = true;
        } else if let Some(added) = self.added.get_mut(key)
            && let Some(at) = added.iter().position(|a| a.text == text)
        {
            added.remove(at);
        }
    }

    /// Puts a member in at its place, behind another that may come in later.
    pub fn add(&mut self, key: &str, placed: Placed) {
        let own = self.by_key.get(key).into_iter().flatten();
        let was = |at: &&usize| self.gone[**at] && self.text_of(&self.members[**at]) == placed.text;
        match own.copied().collect::<Vec<_>>().iter().find(was) {
            Some(at) => self.gone[*at] = false,
            None => self.added.entry(key.to_owned()).or_default().push(placed),
        }
    }

    /// The text with all that was taken out and put in.
    pub fn assemble(&self) -> String {
        let mut behind: HashMap<Option<&str>, Vec<&Placed>> = HashMap::new();
        for placed in self.added.values().flatten() {
            behind.entry(placed.after.as_deref()).or_default().push(placed);
        }
        let mut pieces = Vec::new();
        follow(&mut behind, None, &mut pieces);
        for (at, member) in self.members.iter().enumerate() {
            let text = self.text_of(member);
            if !self.gone[at] {
                pieces.push(Piece::Own(at));
            }
            follow(&mut behind, Some(text), &mut pieces);
        }
        // Those whose place is gone come last, in an order that is always the same.
        let mut rest: Vec<&Placed> = behind.into_values().flatten().collect();
        rest.sort_by(|a, b| a.text.cmp(&b.text));
        pieces.extend(rest.into_iter().map(Piece::Added));
        self.write(&pieces)
    }

    fn write(&self, pieces: &[Piece<'_>]) -> String {
        let (open, close) = self.inside;
        let mut text = String::with_capacity(self.text.len() + 64);
        text.push_str(&self.text[..open]);
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
            text.push_str(&self.text[close..]);
            return text;
        };
        let head = self.members.first().map_or("\n  ", |m| &self.text[open..m.start]);
        text.push_str(
            if let Piece::Added(a) = first
                && !a.lead.contains(',')
            {
                &a.lead
            } else {
                head
            },
        );
        for (at, piece) in pieces.iter().enumerate() {
            text.push_str(match piece {
                Piece::Own(at) => self.text_of(&self.members[*at]),
                Piece::Added(placed) => &placed.text,
            });
            if let Some(next) = pieces.get(at + 1) {
                text.push_str(&self.between(piece, next));
            }
        }
        let tail = self.members.last().map_or("\n", |m| &self.text[m.end..close]);
        text.push_str(
            if let Piece::Added(a) = last
                && !a.trail.contains(',')
            {
                &a.trail
            } else {
                tail
            },
        );
        text.push_str(&self.text[close..]);
        text
    }

    /// What stands between two pieces: what stood there before, or what is usual in this text.
    fn between(&self, one: &Piece<'_>, other: &Piece<'_>) -> String {
        match (one, other) {
            (Piece::Added(a), _) if a.trail.contains(',') => a.trail.clone(),
            (_, Piece::Added(b)) if b.lead.contains(',') => b.lead.clone(),
            (Piece::Own(a), _) if *a + 1 < self.members.len() => {
                self.text[self.members[*a].end..self.members[*a + 1].start].to_owned()
            }
            _ => match self.members.get(..2) {
                Some([first, second]) => self.text[first.end..second.start].to_owned(),
                _ => {
                    let head = self.members.first().map_or("\n  ", |m| &self.text[self.inside.0..m.start]);
                    format!(",{head}")
                }
            },
        }
    }
}

/// A piece of the text that is assembled.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Own(usize),
    Added(&'a Placed),
}

/// Takes what comes behind a member, and what comes behind that, in their order.
fn follow<'a>(
    behind: &mut HashMap<Option<&'a str>, Vec<&'a Placed>>,
    after: Option<&'a str>,
    into: &mut Vec<Piece<'a>>,
) {
    let mut seen: HashSet<*const Placed> = HashSet::new();
    let mut waiting: Vec<&Placed> = behind.remove(&after).unwrap_or_default();
    waiting.reverse();
    while let Some(placed) = waiting.pop() {
        if !seen.insert(placed) {
            continue;
        }
        into.push(Piece::Added(placed));
        let mut next = behind.remove(&Some(placed.text.as_str())).unwrap_or_default();
        next.reverse();
        waiting.extend(next);
    }
}
