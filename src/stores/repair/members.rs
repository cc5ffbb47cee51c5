//! The members of a JSON object as they are written, so that one is taken out or put back and every other byte stays.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::stores::json;

/// A member: from the quote of its key to the end of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub key: String,
    /// How many members of the same key come before it.
    pub nth: usize,
    start: usize,
    end: usize,
}

/// The members of the object in a text that holds the sessions.
#[derive(Debug)]
pub struct Members {
    text: String,
    members: Vec<Member>,
    by_key: HashMap<(String, usize), usize>,
    /// The object's inside: after its `{`, and at its `}`.
    inside: (usize, usize),
    gone: Vec<bool>,
    /// Texts that come in, by the member after which they come; none for the beginning.
    added: HashMap<Option<(String, usize)>, Vec<Added>>,
}

#[derive(Debug, Clone)]
struct Added {
    name: (String, usize),
    text: String,
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
        let mut by_key = HashMap::with_capacity(found.entries.len());
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut from = object.start + raw.find('{')? + 1;
        let inside = (from, object.start + raw.rfind('}')?);
        for (key, value) in &found.entries {
            let key = key.as_deref()?.to_owned();
            let value: &RawValue = value;
            let value_start = (value.get().as_ptr() as usize).checked_sub(base)?;
            let end = value_start + value.get().len();
            // Between two members there is nothing but white space and a comma: the first quote begins the key.
            let start = from + text.get(from..value_start)?.find('"')?;
            let count = counts.entry(key.clone()).or_default();
            by_key.insert((key.clone(), *count), members.len());
            members.push(Member { key, nth: *count, start, end });
            *count += 1;
            from = end;
        }
        let gone = vec![false; members.len()];
        Some(Self { text, members, by_key, inside, gone, added: HashMap::new() })
    }

    pub fn text_of(&self, member: &Member) -> &str {
        &self.text[member.start..member.end]
    }

    pub fn all(&self) -> &[Member] {
        &self.members
    }

    /// The text of a member that is there; none where it is not, or was taken out.
    pub fn get(&self, key: &str, nth: usize) -> Option<&str> {
        let name = (key.to_owned(), nth);
        match self.by_key.get(&name) {
            Some(at) if !self.gone[*at] => Some(self.text_of(&self.members[*at])),
            _ => self.added.values().flatten().find(|a| a.name == name).map(|a| a.text.as_str()),
        }
    }

    /// The member before another.
    pub fn before(&self, key: &str, nth: usize) -> Option<&Member> {
        let at = self.by_key.get(&(key.to_owned(), nth))?;
        self.members.get(at.checked_sub(1)?)
    }

    pub fn remove(&mut self, key: &str, nth: usize) {
        let name = (key.to_owned(), nth);
        if let Some(at) = self.by_key.get(&name) {
            self.gone[*at] = true;
        }
        self.added.values_mut().for_each(|all| all.retain(|a| a.name != name));
    }

    /// Puts a member in behind another, which may come in later.
    pub fn add(&mut self, key: &str, nth: usize, text: &str, after: Option<(String, usize)>) {
        let added = Added { name: (key.to_owned(), nth), text: text.to_owned() };
        self.added.entry(after).or_default().push(added);
    }

    /// The text with all that was taken out and put in.
    pub fn assemble(&self) -> String {
        let mut added = self.added.clone();
        let mut first = Vec::new();
        take(&mut added, &None, &mut first);
        // Every piece with what stood behind it; the usual mark where nothing did.
        let mut out: Vec<(String, Option<&str>)> = first.into_iter().map(|a| (a.text, None)).collect();
        for (at, member) in self.members.iter().enumerate() {
            let next = self.members.get(at + 1);
            let behind = next.map(|next| &self.text[member.end..next.start]);
            if !self.gone[at] {
                out.push((self.text_of(member).to_owned(), behind));
            }
            let mut more = Vec::new();
            take(&mut added, &Some((member.key.clone(), member.nth)), &mut more);
            out.extend(more.into_iter().map(|a| (a.text, behind)));
        }
        // Those whose place is gone come last.
        let mut rest: Vec<Added> = added.into_values().flatten().collect();
        rest.sort_by(|a, b| a.name.cmp(&b.name));
        out.extend(rest.into_iter().map(|a| (a.text, None)));
        self.write(&out)
    }

    fn write(&self, pieces: &[(String, Option<&str>)]) -> String {
        let (open, close) = self.inside;
        let (head, tail) = match (self.members.first(), self.members.last()) {
            (Some(first), Some(last)) => (first.start, last.end),
            _ => (open, close),
        };
        if pieces.is_empty() {
            return format!("{}{}", &self.text[..open], &self.text[close..]);
        }
        let usual = match self.members.get(1) {
            Some(second) => &self.text[self.members[0].end..second.start],
            None if self.members.is_empty() => ",\n  ",
            None => {
                let lead = &self.text[open..head];
                return self.write_with(pieces, &format!(",{lead}"), head, tail);
            }
        };
        self.write_with(pieces, usual, head, tail)
    }

    fn write_with(&self, pieces: &[(String, Option<&str>)], usual: &str, head: usize, tail: usize) -> String {
        let empty = self.members.is_empty();
        let mut text = String::with_capacity(self.text.len() + 64);
        text.push_str(&self.text[..head]);
        if empty {
            text.push_str("\n  ");
        }
        for (at, (piece, behind)) in pieces.iter().enumerate() {
            text.push_str(piece);
            if at + 1 < pieces.len() {
                text.push_str(behind.unwrap_or(usual));
            }
        }
        if empty {
            text.push('\n');
        }
        text.push_str(&self.text[tail..]);
        text
    }
}

/// Takes out what comes behind a member, and what comes behind that, in their order.
fn take(
    added: &mut HashMap<Option<(String, usize)>, Vec<Added>>,
    after: &Option<(String, usize)>,
    into: &mut Vec<Added>,
) {
    // The last put in was the last to be taken out, and so the first behind its place.
    let Some(found) = added.remove(after) else { return };
    for one in found {
        let name = Some(one.name.clone());
        into.push(one);
        take(added, &name, into);
    }
}
