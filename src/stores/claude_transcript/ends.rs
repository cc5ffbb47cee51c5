//! What the first and the last lines of a transcript tell, so that a large one need not be read.

use std::fs::File;
use std::path::Path;

use super::line::{self, Line};
use super::session::Session;
use crate::stores::lines::bytes_at;

/// So much of a transcript's end is read for its newest time, and of its beginning for what it is.
const END_BYTES: u64 = 256 << 10;

/// What the first and the last lines of a transcript tell.
#[derive(Debug, Default)]
pub struct Ends {
    pub is_transcript: bool,
    /// The session that is named first.
    pub session: Option<String>,
    pub newest_ms: Option<i64>,
    pub title: Option<String>,
    /// The folder in which the session worked.
    pub folder: Option<String>,
}

impl Ends {
    /// A name for people: the project, and the title or else the file's own name; a sub-agent is said to be one.
    pub fn name(&self, path: &Path) -> String {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let title = self.title.as_deref().unwrap_or(&stem);
        let agent = if stem.starts_with("agent-") { "sub-agent: " } else { "" };
        // Of either system.
        let project =
            self.folder.as_deref().and_then(|f| f.rsplit(['/', '\\']).find(|part| !part.is_empty()));
        match project {
            Some(project) => format!("{project} · {agent}{title}"),
            None => format!("{agent}{title}"),
        }
    }

    /// Reads the ends of a file of so many bytes.
    pub fn read(path: &Path, length: u64) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let mut bytes = bytes_at(&file, 0, if length > 2 * END_BYTES { END_BYTES } else { 2 * END_BYTES })?;
        if length > 2 * END_BYTES {
            // The first of these lines is cut off, and no line of either end.
            bytes.push(b'\n');
            bytes.extend(bytes_at(&file, length - END_BYTES, END_BYTES)?);
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let mut session = Session::of(stem.into_owned());
        let mut ends = Self::default();
        for bytes in bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).split(|b| *b == b'\n') {
            let text = line::text(bytes);
            let Some(line) = Line::read(&text) else { continue };
            ends.is_transcript |= line.string("type").is_some()
                && (line.string("sessionId").is_some() || line.string("timestamp").is_some());
            ends.session = ends.session.or_else(|| line.string("sessionId").map(|s| s.into_owned()));
            let (said, time) = (line.said(), line.time());
            ends.newest_ms = ends.newest_ms.max(time);
            session.note(&line, &said, &line.kind(&said), time);
        }
        ends.title = session.title();
        ends.folder = session.folder().map(str::to_owned);
        Ok(ends)
    }
}
