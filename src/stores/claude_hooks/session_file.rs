//! The session file as something that is repaired, and as something that is imported from.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entries::{self, Entry};
use super::{MOST_AGE, file};
use crate::core::repair::{
    Candidate, Dependant, Each, EachEntry, EachKey, Edit, EditKind, EntryOrder, ImportSource, Needs, Offer,
    Permit, PruneOptions, Record, RepairError, SessionStore, SourceEntry, SourceKind, Standing, StepPlan,
    Stored, Target, WriteStore,
};
use crate::core::{KeyId, Timestamp};
use crate::stores::json;
use crate::stores::repair::guard::{self, Identity};
use crate::stores::repair::{Members, Placed, Text, TextWriter, key_of, moves, swap};
use crate::stores::sqlite::Clock;

/// The table that lines about entries are in.
const TABLE: &str = "sessions";
/// What the name of a file that was imported has behind it, before the time.
const IMPORTED: &str = ".imported-";

/// A session file that is open for repairs.
pub struct SessionFile {
    target: Target,
    identity: Option<Identity>,
    /// As it was read last, and what told that it was this text.
    text: RefCell<(FileMark, Members)>,
}

/// What changes with every writing of a file.
type FileMark = Option<(Identity, std::time::SystemTime, u64)>;

fn mark(path: &Path) -> FileMark {
    let meta = std::fs::metadata(path).ok()?;
    Some((Identity::read(path)?, meta.modified().ok()?, meta.len()))
}

fn members(path: &Path, bytes: Vec<u8>) -> Result<Members, RepairError> {
    let reason = match String::from_utf8(bytes) {
        Ok(text) => {
            let members = file::object_in(&text).and_then(|object| Members::read(text, object));
            match members {
                Some(members) => return Ok(members),
                None => "it is no whole object of sessions by key",
            }
        }
        Err(_) => "its text is not UTF-8",
    };
    Err(RepairError::Damaged { reason: reason.into(), path: path.to_owned() })
}

impl SessionFile {
    /// Reads a file that was recognised.
    pub fn open(path: &Path) -> Result<Self, RepairError> {
        let identity = Identity::read(path);
        let mark = mark(path);
        let members = members(path, swap::read(path, identity)?)?;
        let target = Target { path: path.to_owned(), stores: vec![file::ADAPTER.id], exists: true };
        Ok(Self { target, identity, text: RefCell::new((mark, members)) })
    }

    /// Reads the file again where it was written since.
    fn refresh(&self) -> Result<(), RepairError> {
        let path = &self.target.path;
        let now = mark(path);
        if self.text.borrow().0 != now {
            let fresh = members(path, swap::read(path, None)?)?;
            *self.text.borrow_mut() = (now, fresh);
        }
        Ok(())
    }
}

/// The key of an entry; of several of one key each has its text in it, since their places shift.
fn id(members: &Members, key: &str, text: &str) -> KeyId {
    let name = Stored::Text(key.as_bytes());
    match members.is_repeated(key) {
        false => key_of(&[name]),
        true => key_of(&[name, Stored::Text(moves::print_of(text.as_bytes()).as_bytes())]),
    }
}

/// The key in an id, and whether there were several of it.
fn name_of(id: &KeyId) -> Option<(String, bool)> {
    let KeyId::Values(values) = id else { return None };
    let mut parts: Vec<String> = serde_json::from_str(values).ok()?;
    let several = parts.len() > 1;
    parts.truncate(1);
    Some((parts.pop()?, several))
}

/// The deletion of a member: its text, the one before it, and what stood between it and its neighbours.
fn deletion(members: &Members, id: &KeyId, key: &str, text: &str) -> Option<Edit> {
    let Placed { text, after, lead, trail } = members.placed(key, text)?;
    let after = after.as_ref().map_or(Stored::Null, |text| Stored::Text(text.as_bytes()));
    let texts = [&text, &lead, &trail].map(|text| Stored::Text(text.as_bytes()));
    let record = Record::of(texts.into_iter().chain([after]));
    Some(Edit::delete(&Arc::from(TABLE), id.clone(), record))
}

/// How a member's text stands to an edit; its neighbours do not matter.
fn standing(members: &Members, edit: &Edit) -> Standing {
    let Some((key, several)) = name_of(&edit.id) else {
        return Standing::Changed("its key cannot be read".into());
    };
    let has = |record: &Option<Record>| {
        let text = record.as_ref().and_then(|r| r.text(0));
        text.is_some_and(|text| members.texts(&key).any(|t| t == text))
    };
    let is_there = members.texts(&key).next().is_some();
    match (&edit.before, &edit.after) {
        (Some(_), _) if has(&edit.before) => Standing::Before,
        (_, Some(_)) if has(&edit.after) => Standing::After,
        (Some(_), None) if !is_there || several => Standing::After,
        // Of several entries of one key the others may be there.
        (None, Some(_)) if !is_there || several => Standing::Before,
        (None, _) => Standing::Changed("its key is there again".into()),
        (Some(_), _) if is_there => Standing::Changed("its entry is another now".into()),
        (Some(_), _) => Standing::Changed("it is gone".into()),
    }
}

impl SessionStore for SessionFile {
    fn target(&self) -> &Target {
        &self.target
    }

    fn noun(&self, table: &str) -> &'static str {
        match table {
            TABLE => "session",
            _ => moves::NOUN,
        }
    }

    fn offers(&self) -> Vec<Offer> {
        super::FILE_OFFERS.to_vec()
    }

    fn ensure_writable(&self) -> Result<(), RepairError> {
        guard::ensure_plain(&self.target.path, self.identity)
    }

    fn check(&self) -> Result<(), RepairError> {
        Ok(())
    }

    fn warnings(&self) -> Vec<String> {
        guard::warnings(&self.target.path)
    }

    fn standing(&self, edit: &Edit) -> Result<Standing, RepairError> {
        if edit.kind == EditKind::Move {
            return Ok(moves::standing(edit));
        }
        self.refresh()?;
        Ok(standing(&self.text.borrow().1, edit))
    }

    fn deletion(&self, _table: &Arc<str>, id: &KeyId) -> Result<Option<Edit>, RepairError> {
        let text = self.text.borrow();
        let Some((key, _)) = name_of(id) else { return Ok(None) };
        let own = text.1.texts(&key).find(|t| *id == self::id(&text.1, &key, t));
        Ok(own.and_then(|own| deletion(&text.1, id, &key, own)))
    }

    fn prune_rule(&self, older_than_ms: Option<i64>) -> String {
        super::prune_rule(older_than_ms)
    }

    fn prunable(
        &self,
        options: &PruneOptions,
        each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        let text = self.text.borrow();
        let members = &text.1;
        let table = Arc::from(TABLE);
        for member in members.all() {
            let text = members.text_of(member);
            // What is not an entry, or has a time that cannot be read, is not what the program would expire.
            let (since_ms, protected) = match entry(text) {
                Some(Entry::Session { unread_time: true, .. }) => (None, Some("its time cannot be read")),
                Some(Entry::Session { last_used, .. }) => (last_used, None),
                _ => (None, Some("it names no session")),
            };
            let gone = || RepairError::Replaced { path: self.target.path.clone() };
            each(Candidate {
                table: &table,
                key: &member.key,
                since_ms,
                after_ms: options.older_than_ms.unwrap_or(MOST_AGE),
                words: ["not used", "used"],
                protected,
                edit: &|| {
                    let id = id(members, &member.key, text);
                    deletion(members, &id, &member.key, text).ok_or_else(gone)
                },
            })?;
        }
        Ok(true)
    }

    fn resume_keys(&self, each: &mut EachKey<'_>) -> Result<bool, RepairError> {
        let table = Arc::from(TABLE);
        let text = self.text.borrow();
        let members = &text.1;
        members
            .all()
            .iter()
            .try_for_each(|m| each(&m.key, &table, &|| Ok(id(members, &m.key, members.text_of(m)))))?;
        Ok(true)
    }

    fn session_rows(&self, wanted: &str, each: &mut Each<'_, Dependant>) -> Result<bool, RepairError> {
        let text = self.text.borrow();
        for member in text.1.all().iter().filter(|m| m.key == wanted) {
            let own = text.1.text_of(member);
            if let Some(edit) = deletion(&text.1, &id(&text.1, wanted, own), wanted, own) {
                each(Dependant { edit, key: wanted.to_owned(), reason: "it was chosen".into() })?;
            }
        }
        Ok(true)
    }

    fn migration(&self, needs: Needs<'_>) -> Result<StepPlan, RepairError> {
        let what = match needs {
            Needs::Version(_) => "A session file has no schema; import it into a database instead",
            Needs::Sessions | Needs::Messages => "Nothing can be imported into a session file",
        };
        Err(RepairError::unsupported(self, what))
    }

    fn writer(&self, permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError> {
        let path = &self.target.path;
        Ok(Box::new(TextWriter::new(permit, path, self.identity, move |bytes| {
            members(path, bytes).map(|members| Box::new(members) as Box<dyn Text>)
        })))
    }

    fn backup(&self, to: &Path) -> Result<(), RepairError> {
        std::fs::copy(&self.target.path, to)
            .map(|_| ())
            .map_err(|error| swap::failure(&error, "The copy cannot be written", to))
    }
}

/// The value of a member's text.
fn entry(member: &str) -> Option<Entry> {
    let whole = format!("{{{member}}}");
    let found = json::read_entries(whole.as_bytes())?;
    found.entries.first().map(|(_, raw)| entries::read(raw, false))
}

impl Text for Members {
    fn standing(&self, edit: &Edit) -> Standing {
        standing(self, edit)
    }

    fn change(&mut self, edit: &Edit) {
        let Some((key, _)) = name_of(&edit.id) else { return };
        let text = |record: &Record, at| record.text(at).unwrap_or_default().to_owned();
        match (&edit.before, &edit.after) {
            (_, Some(after)) => {
                let (own, lead, trail) = (text(after, 0), text(after, 1), text(after, 2));
                let placed = Placed { text: own, after: after.text(3).map(str::to_owned), lead, trail };
                self.add(&key, placed);
            }
            (Some(before), None) => self.remove(&key, &text(before, 0)),
            (None, None) => {}
        }
    }

    fn assemble(&self) -> String {
        Members::assemble(self)
    }
}

/// So many entries are few enough to be imported as they stand in the file, which is how people know them.
const FEW: usize = 10_000;

/// A session file that is imported from.
pub struct SessionFileSource {
    path: PathBuf,
    bytes: Vec<u8>,
    object: Option<std::ops::Range<usize>>,
    clock: Clock,
    /// Fields of entries that the table has no column for.
    others: RefCell<BTreeSet<String>>,
}

impl SessionFileSource {
    pub fn open(path: &Path, clock: &Clock) -> Result<Self, RepairError> {
        let bytes = swap::read(path, None)?;
        let object = std::str::from_utf8(&bytes).ok().and_then(file::object_in);
        Ok(Self { path: path.to_owned(), bytes, object, clock: clock.clone(), others: RefCell::default() })
    }

    /// The text of the object of sessions.
    fn whole(&self) -> Result<&[u8], RepairError> {
        self.object.clone().and_then(|object| self.bytes.get(object)).ok_or_else(|| self.damaged())
    }

    fn damaged(&self) -> RepairError {
        RepairError::Damaged {
            reason: "it is no whole object of sessions by key, and only a part of it could be imported"
                .into(),
            path: self.path.clone(),
        }
    }
}

impl ImportSource for SessionFileSource {
    fn kind(&self) -> SourceKind {
        SourceKind::Sessions
    }

    fn ensure_whole(&self) -> Result<(), RepairError> {
        self.whole().map(|_| ())
    }

    fn entries(&self, order: EntryOrder, each: &mut EachEntry<'_>) -> Result<(), RepairError> {
        let entries = json::read_entries(self.whole()?).ok_or_else(|| self.damaged())?.entries;
        let mut places: Vec<usize> = (0..entries.len()).collect();
        if order == EntryOrder::Index && places.len() > FEW {
            places.sort_by(|a, b| entries[*a].0.cmp(&entries[*b].0));
        }
        for at in places {
            let (key, raw) = &entries[at];
            let key = key.as_deref().unwrap_or_default();
            let brief = entries::brief(raw);
            if !brief.others.is_empty() {
                self.others.borrow_mut().extend(brief.others.iter().map(|name| name.to_string()));
            }
            each(SourceEntry {
                number: at as u64,
                key,
                session_id: brief.id.as_deref(),
                last_used_ms: brief.last_used,
                created_ms: brief.created,
                unread_time: brief.unread_time,
            })?;
        }
        Ok(())
    }

    fn retirement(&self) -> Option<Edit> {
        // A name that sorts by time, and that every file system takes.
        let stamp: String =
            Timestamp(self.clock.now_ms()).rfc3339().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = self.path.file_name()?.to_string_lossy().into_owned();
        if name.contains(IMPORTED) {
            // It was put aside already, and is only compared.
            return None;
        }
        let path = std::path::absolute(&self.path).ok()?;
        let to = path.with_file_name(format!("{name}{IMPORTED}{stamp}"));
        Some(moves::edit(&path, &to, &moves::print_of(&self.bytes)))
    }

    fn left_behind(&self) -> Vec<String> {
        let others: Vec<String> = self.others.borrow().iter().take(20).cloned().collect();
        match others.is_empty() {
            true => Vec::new(),
            false => vec![format!(
                "The table has no column for these fields of entries, which stay in the file alone: {}.",
                others.join(", ")
            )],
        }
    }
}
