//! Rows as a repair sees them: their values, and what shall become of them.

use std::sync::Arc;

use crate::core::{KeyId, Value};

/// A row's values in the order of its table's columns, as bytes that are equal exactly where the values are.
///
/// Type and bits are kept: an integer is not the real of the same size, and TEXT may be any bytes. The encoding is a
/// tag for each value (0 null, 1 integer, 2 real, 3 text, 4 blob), then 8 bytes little-endian of a number, or the
/// length in 4 bytes and the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record(pub Vec<u8>);

/// A value as it is stored, borrowed: what a [`Record`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stored<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

impl Stored<'_> {
    /// Whether both are the same to the bit: a record of the one would be a record of the other.
    pub fn is(self, other: Stored<'_>) -> bool {
        match (self, other) {
            (Stored::Real(a), Stored::Real(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }
}

impl Record {
    pub fn of<'a>(values: impl IntoIterator<Item = Stored<'a>>) -> Self {
        let mut record = Self::default();
        values.into_iter().for_each(|v| record.push(v));
        record
    }

    /// A record of texts, for what is no row of a table.
    pub fn of_texts(texts: &[&str]) -> Self {
        Self::of(texts.iter().map(|t| Stored::Text(t.as_bytes())))
    }

    pub fn push(&mut self, value: Stored<'_>) {
        let bytes = &mut self.0;
        let mut number = |tag: u8, number: [u8; 8]| {
            bytes.push(tag);
            bytes.extend_from_slice(&number);
        };
        match value {
            Stored::Null => bytes.push(0),
            Stored::Integer(n) => number(1, n.to_le_bytes()),
            Stored::Real(n) => number(2, n.to_bits().to_le_bytes()),
            Stored::Text(text) => push_bytes(bytes, 3, text),
            Stored::Blob(blob) => push_bytes(bytes, 4, blob),
        }
    }

    /// The values, one after the other; it ends early where the bytes are no record.
    pub fn values(&self) -> Values<'_> {
        Values(&self.0)
    }

    /// This row with the values that differ between two others.
    pub fn with_changes(&self, before: &Record, after: &Record) -> Record {
        let values = self.values().zip(before.values().zip(after.values()));
        // By their bytes: a number that is no number equals itself.
        let differ = |a, b| Record::of([a]) != Record::of([b]);
        Record::of(values.map(|(own, (a, b))| if differ(a, b) { b } else { own }))
    }

    /// The text of the value at a place, where it is text.
    pub fn text(&self, at: usize) -> Option<&str> {
        match self.values().nth(at)? {
            Stored::Text(text) => std::str::from_utf8(text).ok(),
            _ => None,
        }
    }
}

fn push_bytes(to: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    to.push(tag);
    // SQLite holds no value of 2 GiB.
    to.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    to.extend_from_slice(bytes);
}

/// The values of a [`Record`].
#[derive(Debug, Clone)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Stored<'a>;

    fn next(&mut self) -> Option<Stored<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (value, rest) = match tag {
            0 => (Stored::Null, rest),
            1 | 2 => {
                let (number, rest) = rest.split_first_chunk::<8>()?;
                let value = match tag {
                    1 => Stored::Integer(i64::from_le_bytes(*number)),
                    _ => Stored::Real(f64::from_bits(u64::from_le_bytes(*number))),
                };
                (value, rest)
            }
            3 | 4 => {
                let (length, rest) = rest.split_first_chunk::<4>()?;
                let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
                (if *tag == 3 { Stored::Text(bytes) } else { Stored::Blob(bytes) }, rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some(value)
    }
}

impl From<Stored<'_>> for Value {
    fn from(value: Stored<'_>) -> Self {
        match value {
            Stored::Null => Value::Null,
            Stored::Integer(n) => Value::Integer(n),
            Stored::Real(n) => Value::Real(n),
            Stored::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Value::Text(text.to_owned()),
                Err(_) => Value::BadText(text.to_vec()),
            },
            Stored::Blob(blob) => Value::Blob(blob.to_vec()),
        }
    }
}

/// What an edit is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditKind {
    /// A row of a table of the store, or an entry of a document.
    Row,
    /// A step of the store's migrations; `after` says its name and checksum.
    Step,
    /// A file that moves; its records hold the path, and what is in the file.
    Move,
}

/// One change, with what it takes to check it before, and to take it back after.
///
/// No `before` is an insertion, no `after` a deletion. Turned around it is the edit that undoes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub kind: EditKind,
    pub table: Arc<str>,
    pub id: KeyId,
    pub before: Option<Record>,
    pub after: Option<Record>,
}

impl Edit {
    pub fn delete(table: &Arc<str>, id: KeyId, before: Record) -> Self {
        Self { kind: EditKind::Row, table: table.clone(), id, before: Some(before), after: None }
    }

    pub fn insert(table: &Arc<str>, id: KeyId, after: Record) -> Self {
        Self { kind: EditKind::Row, table: table.clone(), id, before: None, after: Some(after) }
    }

    pub fn update(table: &Arc<str>, id: KeyId, before: Record, after: Record) -> Self {
        Self { kind: EditKind::Row, table: table.clone(), id, before: Some(before), after: Some(after) }
    }

    /// The edit that takes this one back.
    pub fn reversed(self) -> Self {
        Self { before: self.after, after: self.before, ..self }
    }

    /// How much of the operation log it takes, about.
    pub fn size_bytes(&self) -> u64 {
        let record = |r: &Option<Record>| r.as_ref().map_or(0, |r| r.0.len()) as u64;
        record(&self.before) + record(&self.after) + 24
    }
}

/// How the store stands to an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the edit found it: it can be done.
    Before,
    /// As the edit leaves it: it was done.
    After,
    /// Neither; says how.
    Changed(String),
}
