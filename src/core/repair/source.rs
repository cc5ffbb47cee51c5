//! What can be imported from, and what is read of it.

use super::{Edit, RepairError};

/// An entry of a session file.
#[derive(Debug, Clone, Copy)]
pub struct SourceEntry<'a> {
    /// Its place in the file.
    pub number: u64,
    pub key: &'a str,
    /// None where the entry names no session.
    pub session_id: Option<&'a str>,
    pub last_used_ms: Option<i64>,
    pub created_ms: Option<i64>,
    /// It has a time that cannot be read as one.
    pub unread_time: bool,
}

/// In what order entries are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryOrder {
    /// As they stand in the file.
    File,
    /// Those of a large file by their keys.
    ///
    /// So neighbours in the database's index are added one after the other: a million of them take a tenth of the time,
    /// and a twentieth of the write-ahead log.
    Index,
}

/// A session as it is added to a database.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    pub key: &'a str,
    pub session_id: &'a str,
    /// Zero where it is not known.
    pub last_used_ms: i64,
    pub created_ms: i64,
}

/// A message of a session document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DocumentMessage {
    /// Made of session, position and content, so that the same message is always the same row.
    pub id: String,
    pub role: String,
    pub content: String,
    pub parts: Option<String>,
    pub created_ms: Option<i64>,
}

/// Takes entries of a session file, one after the other.
pub type EachEntry<'a> = dyn FnMut(SourceEntry<'_>) -> Result<(), RepairError> + 'a;

/// Takes messages of a session document, one after the other.
pub type EachMessage<'a> = dyn FnMut(Result<DocumentMessage, String>) -> Result<(), RepairError> + 'a;

/// Takes key-value entries, one after the other.
pub type EachValue<'a> = dyn FnMut(&str, &[u8]) -> Result<(), RepairError> + 'a;

/// What an import source holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A session file: [`ImportSource::entries`].
    Sessions,
    /// Session documents: [`ImportSource::messages`] and [`ImportSource::facts`].
    Document,
    /// Key-value entries: [`ImportSource::values`].
    Values,
}

/// What can be imported from.
pub trait ImportSource {
    fn kind(&self) -> SourceKind;

    /// Refuses a source of which only a part can be read.
    fn ensure_whole(&self) -> Result<(), RepairError>;

    /// Hands out the entries of a session file.
    fn entries(&self, _order: EntryOrder, _each: &mut EachEntry<'_>) -> Result<(), RepairError> {
        Ok(())
    }

    /// Hands out the messages of a session document, without their ids; an error says why one cannot be imported.
    fn messages(&self, _each: &mut EachMessage<'_>) -> Result<(), RepairError> {
        Ok(())
    }

    /// The name of the document's session, and its facts as they are kept in `session_meta`.
    fn facts(&self) -> (String, Vec<(String, String)>) {
        Default::default()
    }

    /// Hands out key-value entries as they are stored.
    fn values(&self, _each: &mut EachValue<'_>) -> Result<(), RepairError> {
        Ok(())
    }

    /// The edit that puts the file aside when all is in the database; none where it stays.
    fn retirement(&self) -> Option<Edit> {
        None
    }

    /// What the import leaves behind, in a sentence each.
    fn left_behind(&self) -> Vec<String>;
}
