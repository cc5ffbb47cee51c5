//! The session file as something that is repaired, and as something that is imported from.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entries::{self, Entry};
use super::{MOST_AGE, file};
use crate::core::repair::{
    Candidate, Dependant, DocumentMessage, Each, EachKey, EachValue, Edit, EditKind, EntryOrder,
    ImportSource, Permit, PruneOptions, Record, RepairError, SessionStore, SourceEntry, Standing, StepPlan,
    Stored, Target, WriteStore,
};
use crate::core::{KeyId, Timestamp};
use crate::stores::json;
use crate::stores::repair::guard::{self, Identity};
use crate::stores::repair::{Members, Text, TextWriter, key_of, moves, swap};
use crate::stores::sqlite::Clock;

/// The table that lines about entries are in.
const TABLE: &str = "sessions";

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

fn id(key: &str, nth: usize) -> KeyId {
    key_of(&[Stored::Text(key.as_bytes()), Stored::Integer(i64::try_from(nth).unwrap_or(i64::MAX))])
}

fn name_of(id: &KeyId) -> Option<(String, usize)> {
    let KeyId::Values(values) = id else { return None };
    serde_json::from_str(values).ok()
}

/// The deletion of a member: its text, and the name of the one before it, behind which it comes back.
fn deletion(members: &Members, key: &str, nth: usize) -> Option<Edit> {
    let text = members.get(key, nth)?;
    let mut record = Record::of([Stored::Text(text.as_bytes())]);
    if let Some(before) = members.before(key, nth) {
        record.push(Stored::Text(before.key.as_bytes()));
        record.push(Stored::Integer(i64::try_from(before.nth).unwrap_or(i64::MAX)));
    }
    Some(Edit::delete(&Arc::from(TABLE), id(key, nth), record))
}

/// How a member's text stands to an edit; its neighbours do not matter.
fn standing(members: &Members, edit: &Edit) -> Standing {
    let Some((key, nth)) = name_of(&edit.id) else {
        return Standing::Changed("its key cannot be read".into());
    };
    let text = |record: &Option<Record>| record.as_ref().and_then(|r| r.text(0).map(str::to_owned));
    let now = members.get(&key, nth).map(str::to_owned);
    if now == text(&edit.before) {
        Standing::Before
    } else if now == text(&edit.after) {
        Standing::After
    } else {
        Standing::Changed(match now {
            Some(_) => "its entry is another now".into(),
            None => "it is gone".into(),
        })
    }
}

impl SessionStore for SessionFile {
    fn target(&self) -> &Target {
        &self.target
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
        Ok(name_of(id).and_then(|(key, nth)| deletion(&self.text.borrow().1, &key, nth)))
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
            let value = members.text_of(member);
            let since_ms = match entry(value) {
                Some(Entry::Session { last_used, .. }) => last_used,
                _ => None,
            };
            let gone = || RepairError::Replaced { path: self.target.path.clone() };
            each(Candidate {
                table: &table,
                key: &member.key,
                since_ms,
                after_ms: options.older_than_ms.unwrap_or(MOST_AGE),
                words: ["not used", "used"],
                protected: None,
                edit: &|| deletion(members, &member.key, member.nth).ok_or_else(gone),
            })?;
        }
        Ok(true)
    }

    fn resume_keys(&self, each: &mut EachKey<'_>) -> Result<bool, RepairError> {
        let table = Arc::from(TABLE);
        let text = self.text.borrow();
        text.1.all().iter().try_for_each(|m| each(&m.key, &table, &|| Ok(id(&m.key, m.nth))))?;
        Ok(true)
    }

    fn session_rows(&self, wanted: &str, each: &mut Each<'_, Dependant>) -> Result<bool, RepairError> {
        let text = self.text.borrow();
        for member in text.1.all().iter().filter(|m| m.key == wanted) {
            if let Some(edit) = deletion(&text.1, &member.key, member.nth) {
                each(Dependant { edit, key: wanted.to_owned(), reason: "it was chosen".into() })?;
            }
        }
        Ok(true)
    }

    fn migration(&self, _store: Option<&str>, _to: Option<&str>) -> Result<StepPlan, RepairError> {
        Err(RepairError::Unsupported {
            what: "A session file has no schema; import it into a database instead",
            path: self.target.path.clone(),
        })
    }

    fn writer(&self, _permit: &Permit) -> Result<Box<dyn WriteStore + '_>, RepairError> {
        let path = &self.target.path;
        Ok(Box::new(TextWriter::new(path, self.identity, move |bytes| {
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
        let Some((key, nth)) = name_of(&edit.id) else { return };
        let Some(after) = &edit.after else { return self.remove(&key, nth) };
        let mut place = after.values().skip(1);
        let before = match (place.next(), place.next()) {
            (Some(Stored::Text(key)), Some(Stored::Integer(nth))) => {
                Some((String::from_utf8_lossy(key).into_owned(), usize::try_from(nth).unwrap_or(0)))
            }
            _ => None,
        };
        self.add(&key, nth, after.text(0).unwrap_or_default(), before);
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
}

impl SessionFileSource {
    pub fn open(path: &Path, clock: &Clock) -> Result<Self, RepairError> {
        let bytes = swap::read(path, None)?;
        let object = std::str::from_utf8(&bytes).ok().and_then(file::object_in);
        Ok(Self { path: path.to_owned(), bytes, object, clock: clock.clone() })
    }
}

impl ImportSource for SessionFileSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn ensure_whole(&self) -> Result<(), RepairError> {
        match self.object {
            Some(_) => Ok(()),
            None => Err(RepairError::Damaged {
                reason: "it is no whole object of sessions by key, and only a part of it could be imported"
                    .into(),
                path: self.path.clone(),
            }),
        }
    }

    fn entries(
        &self,
        order: EntryOrder,
        each: &mut dyn FnMut(SourceEntry<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        let Some(object) = self.object.clone() else { return Ok(false) };
        let Some(found) = json::read_entries(&self.bytes[object]) else { return Ok(false) };
        let entries = found.entries;
        let mut places: Vec<usize> = (0..entries.len()).collect();
        if order == EntryOrder::Index && places.len() > FEW {
            places.sort_by(|a, b| entries[*a].0.cmp(&entries[*b].0));
        }
        for at in places {
            let (key, raw) = &entries[at];
            let key = key.as_deref().unwrap_or_default();
            let (session_id, last_used_ms, created_ms) = entries::brief(raw);
            let (number, session_id) = (at as u64, session_id.as_deref());
            each(SourceEntry { number, key, session_id, last_used_ms, created_ms })?;
        }
        Ok(true)
    }

    fn messages(
        &self,
        _each: &mut dyn FnMut(Result<DocumentMessage, String>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        Ok(false)
    }

    fn facts(&self) -> (String, Vec<(String, String)>) {
        (String::new(), Vec::new())
    }

    fn values(&self, _each: &mut EachValue<'_>) -> Result<bool, RepairError> {
        Ok(false)
    }

    fn retirement(&self) -> Option<Edit> {
        // A name that sorts by time, and that every file system takes.
        let stamp: String =
            Timestamp(self.clock.now_ms()).rfc3339().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = self.path.file_name()?.to_string_lossy().into_owned();
        let path = std::path::absolute(&self.path).ok()?;
        let to = path.with_file_name(format!("{name}.imported-{stamp}"));
        Some(moves::edit(&path, &to, &moves::print_of(&self.bytes)))
    }

    fn left_behind(&self) -> Vec<String> {
        Vec::new()
    }
}
