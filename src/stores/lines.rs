//! Stores that are a file of JSON lines: read piece by piece, and read on as the file grows.
//!
//! What is kept in memory of a line is where it stands and what it is found and sorted by. Its text is read from the file
//! when it is asked for, through SQL functions, so that neither the size of the file nor of a line matters much.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::document::{self, Contents};
use super::lines_adapters;
use super::open::unreadable;
use super::sqlite::{Cancel, SqliteStore, sqlite_error};
use crate::core::StoreError;

/// A line longer than this is shown as far as this.
pub const MOST_LINE_BYTES: u64 = 256 << 20;

/// By so many bytes at its beginning a file of lines is recognised.
pub const HEAD_BYTES: u64 = 256 << 10;

/// A kind of file of JSON lines: the one thing that a new one adds.
pub struct LinesAdapter {
    pub id: &'static str,
    /// Whether a file is of this kind, by its first bytes; they may end within a line.
    pub recognises: fn(&[u8]) -> bool,
    /// Whether an empty file of this name is one in which nothing was written yet.
    pub awaits: fn(&Path) -> bool,
    /// A name for people, by the file's ends: all that is read of it where there are thousands.
    pub name: fn(&Path, u64) -> Option<String>,
    /// Reads the file to its end, into an empty database.
    pub read: fn(&Path, &Arc<File>, &Connection, &Cancel) -> Result<Begun, StoreError>,
    /// Adds the functions with which texts are read from the file.
    pub install: fn(&Connection, Arc<File>) -> rusqlite::Result<()>,
}

/// What a file holds, and what reads it on.
pub type Begun = (Contents, Box<dyn Grows>);

/// What is known of a file of lines without reading it.
pub struct Peek {
    pub store: &'static str,
    pub name: Option<String>,
}

/// Looks at the ends of a file; none where it is no file of lines that is known.
pub fn peek(path: &Path) -> Option<Peek> {
    let file = File::open(path).ok()?;
    let head = bytes_at(&file, 0, HEAD_BYTES).ok()?;
    let adapter = lines_adapters().iter().find(|a| (a.recognises)(&head))?;
    let length = file.metadata().ok()?.len();
    Some(Peek { store: adapter.id, name: (adapter.name)(path, length) })
}

/// A file that was read to its end, and can be read on.
pub trait Grows: Send {
    /// Reads what was appended since; what the document holds now, without rows, where there was something.
    ///
    /// # Errors
    /// Where the file cannot be read. What was read of it before stays.
    fn read_on(&mut self, connection: &Connection, cancel: &Cancel) -> Result<Option<Contents>, StoreError>;
}

/// An open file of lines, for every connection that reads it.
#[derive(Clone)]
pub struct Lines {
    adapter: &'static LinesAdapter,
    file: Arc<File>,
    shared: Arc<Mutex<Shared>>,
    /// Which of the readings this connection knows of.
    reading: u64,
}

/// What the connections of a file have in common.
struct Shared {
    grows: Box<dyn Grows>,
    /// What the last reading that found something said, and how many there were.
    contents: Option<Contents>,
    readings: u64,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("adapter", &self.adapter.id).finish_non_exhaustive()
    }
}

impl Lines {
    pub fn new(adapter: &'static LinesAdapter, file: Arc<File>, grows: Box<dyn Grows>) -> Self {
        let shared = Shared { grows, contents: None, readings: 0 };
        Self { adapter, file, shared: Arc::new(Mutex::new(shared)), reading: 0 }
    }

    pub fn install(&self, connection: &Connection) -> rusqlite::Result<()> {
        (self.adapter.install)(connection, Arc::clone(&self.file))
    }
}

impl SqliteStore {
    /// Whether this is a file of lines, which [`SqliteStore::read_on`] keeps up with.
    pub fn grows(&self) -> bool {
        self.lines.is_some()
    }

    /// Reads what was appended to a file of lines since it was last read, by this or another connection to it.
    ///
    /// True where there was something: the rows are there then, and what is known of the store is new. A file that was
    /// cut or replaced is to be opened anew.
    ///
    /// # Errors
    /// Where the file cannot be read, or another connection reads for too long to be waited for: ask again.
    pub fn read_on(&mut self) -> Result<bool, StoreError> {
        let Some(lines) = &mut self.lines else { return Ok(false) };
        let mut shared = lines.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contents) = shared.grows.read_on(&self.connection, &self.cancel)? {
            shared.contents = Some(contents);
            shared.readings += 1;
        }
        let (Some(contents), false) = (&shared.contents, shared.readings == lines.reading) else {
            return Ok(false);
        };
        lines.reading = shared.readings;
        let (mapping, damaged) = (document::mapping(contents), contents.damaged);
        drop(shared);
        self.is_read_again(mapping, damaged);
        Ok(true)
    }
}

/// Reads a file of JSON lines into an empty database; none where it is of no kind that is known.
pub fn read(
    path: &Path,
    connection: &Connection,
    cancel: &Cancel,
) -> Result<Option<(Contents, &'static str)>, StoreError> {
    let file = Arc::new(File::open(path).map_err(|e| unreadable(path, &e))?);
    let head = bytes_at(&file, 0, HEAD_BYTES).map_err(|e| unreadable(path, &e))?;
    let is_of = |a: &&LinesAdapter| (a.recognises)(&head) || head.is_empty() && (a.awaits)(path);
    let Some(adapter) = lines_adapters().iter().find(is_of) else { return Ok(None) };
    let fail = |e| sqlite_error(e, path);
    let transaction = connection.unchecked_transaction().map_err(fail)?;
    document::create(connection).map_err(fail)?;
    let (mut contents, grows) = (adapter.read)(path, &file, connection, cancel)?;
    transaction.commit().map_err(fail)?;
    contents.lines = Some(Lines::new(adapter, file, grows));
    Ok(Some((contents, adapter.id)))
}

/// Whether an empty file will be one of JSON lines that are known, by its name.
pub fn are_awaited(path: &Path) -> bool {
    lines_adapters().iter().any(|adapter| (adapter.awaits)(path))
}

/// Whether a file's first bytes are those of JSON lines that are known.
pub fn is_lines(head: &[u8]) -> bool {
    lines_adapters().iter().any(|adapter| (adapter.recognises)(head))
}

/// Bytes of a file from an offset on; fewer where it ends before.
pub fn bytes_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length.min(MOST_LINE_BYTES)).unwrap_or_default();
    let mut bytes = vec![0; length];
    let mut read = 0;
    while read < length {
        match file.read_at(&mut bytes[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// The lines of a file from an offset to its end, one at a time in the same memory.
pub struct Walk<'a> {
    file: &'a File,
    /// Where the next line begins.
    pub offset: u64,
    buffer: Vec<u8>,
    start: usize,
    /// Of the buffer, so much has been looked through for a line's end.
    looked: usize,
}

/// A line as it stands in the file.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Its first byte.
    pub at: u64,
    /// Its bytes without what ends it.
    pub length: u64,
    /// Whether a line feed ends it; only the last may have none.
    pub ended: bool,
}

/// So much is read at a time.
const PIECE_BYTES: usize = 1 << 20;

impl<'a> Walk<'a> {
    pub fn from(file: &'a File, offset: u64) -> Self {
        Self { file, offset, buffer: Vec::new(), start: 0, looked: 0 }
    }

    /// The next line with its text, which is cut where it is too long; none at the end of the file.
    pub fn next(&mut self) -> io::Result<Option<(Place, &[u8])>> {
        let at = self.offset;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[self.looked..]) {
                let end = self.looked + end;
                return Ok(Some(self.hand_out(at, end, true)));
            }
            self.looked = self.buffer.len();
            if (self.looked - self.start) as u64 > MOST_LINE_BYTES {
                return self.too_long(at).map(Some);
            }
            if !self.fill()? {
                let end = self.buffer.len();
                return Ok((end > self.start).then(|| self.hand_out(at, end, false)));
            }
        }
    }

    fn hand_out(&mut self, at: u64, end: usize, ended: bool) -> (Place, &[u8]) {
        let text = &self.buffer[self.start..end];
        self.start = end + usize::from(ended);
        self.looked = self.start;
        self.offset = at + text.len() as u64 + u64::from(ended);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        (Place { at, length: text.len() as u64, ended }, text)
    }

    /// Reads another piece behind what is there; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.looked -= self.start;
        self.start = 0;
        let kept = self.buffer.len();
        let more = bytes_at(self.file, self.offset + kept as u64, PIECE_BYTES as u64)?;
        self.buffer.extend_from_slice(&more);
        Ok(self.buffer.len() > kept)
    }

    /// A line of which only the beginning is kept.
    fn too_long(&mut self, at: u64) -> io::Result<(Place, &[u8])> {
        let mut end = at + (self.buffer.len() - self.start) as u64;
        let mut ended = false;
        loop {
            let piece = bytes_at(self.file, end, PIECE_BYTES as u64)?;
            if piece.is_empty() {
                break;
            }
            if let Some(found) = memchr::memchr(b'\n', &piece) {
                end += found as u64;
                ended = true;
                break;
            }
            end += piece.len() as u64;
        }
        self.offset = end + u64::from(ended);
        let kept = std::mem::take(&mut self.buffer);
        let start = std::mem::take(&mut self.start);
        self.looked = 0;
        self.buffer = kept;
        self.buffer.drain(..start);
        // Handed out once more than it is kept: the next call reads from behind it.
        self.looked = self.buffer.len();
        self.start = self.buffer.len();
        Ok((Place { at, length: end - at, ended }, &self.buffer[..]))
    }
}
