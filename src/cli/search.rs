//! `search`: where a text stands, in every table of every path, as it is found.
//!
//! That nothing is found is no failure: the status is 0, as it is for a table without rows.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::format::one_line;
use super::members::{Member, members};
use super::{Status, finish, say, source};
use crate::core::search::{Hit, Mode, Search};
use crate::core::{Flow, StoreError, Timestamp};
use crate::stores::search::{Found, Request, search};
use crate::stores::sqlite::Cancel;

/// What `search` was asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to look for, whatever its case, with filters among it: role:assistant session:ID table:tasks kind:tool
    /// status:active store:agent-mcp path:NAME after:2026-05-01 before:2026-06-01 has:tool (thinking, error, image,
    /// code); -role:tool leaves out; a text in double quotes stands for itself
    #[arg(allow_hyphen_values = true)]
    text: String,
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// The text is a regular expression
    #[arg(long)]
    regex: bool,
    /// Upper and lower case differ
    #[arg(long)]
    case: bool,
    /// The most hits to print
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// Prints the hits, as they are found.
pub fn run(arguments: &Arguments) -> Status {
    let mode = Mode { case: arguments.case, regex: arguments.regex };
    let search = match Search::parse(&arguments.text, mode) {
        Ok(Some(search)) => search,
        Ok(None) => {
            say("There is nothing to look for. Give a text or a filter, such as has:tool.");
            return Status::USAGE;
        }
        Err(error) => {
            say(&format!("{error}. Ask `sessionscope help search` for what it takes."));
            return Status::USAGE;
        }
    };
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut task = Task { search, json: arguments.json, left: arguments.limit, status: Status::DONE };
    let mut written = Ok(());
    for path in &arguments.paths {
        written = task.path(path, &mut out);
        if written.is_err() || task.left == Some(0) {
            break;
        }
    }
    let written = written.and_then(|()| out.flush());
    // Nothing more to write: a second attempt on drop would only fail again.
    let _ = out.into_parts();
    finish(written, task.status)
}

/// One run of the command: what is looked for, and how it went so far.
struct Task {
    search: Search,
    json: bool,
    /// How many hits may still be printed.
    left: Option<u64>,
    status: Status,
}

impl Task {
    fn path(&mut self, path: &Path, out: &mut dyn Write) -> io::Result<()> {
        let files = match members(path) {
            Ok(found) => found.files,
            Err(error) => {
                self.status.add(source::complain(&error, path));
                return Ok(());
            }
        };
        if files.is_empty() {
            let path = path.display();
            say(&format!("There is no store in this folder: {path}. Name a folder that holds one."));
            self.status.add(Status::FAILED);
        }
        for file in files {
            self.file(&file, out)?;
            if self.left == Some(0) {
                break;
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &Member, out: &mut dyn Write) -> io::Result<()> {
        let opened = match source::opened(&file.path) {
            // Not everything in a folder is a store.
            Err(StoreError::NotRecognised { .. }) if file.name.is_some() => return Ok(()),
            Err(error) => {
                self.status.add(source::complain(&error, &file.path));
                return Ok(());
            }
            Ok(opened) => opened,
        };
        let mut written = Ok(());
        let request = Request { search: &self.search, most_hits: self.left, cancel: &Cancel::default() };
        let (json, left) = (self.json, &mut self.left);
        let mut sink = |found: Found| {
            written = print(&found.hits, &file.path, (json, &mut *left), out);
            if written.is_err() || *left == Some(0) { Flow::Stop } else { Flow::Continue }
        };
        let searched = search(&opened, &request, &mut sink);
        written?;
        let trouble = searched.err().or_else(|| source::damage(&opened.store, &file.path));
        if let Some(error) = trouble {
            self.status.add(source::complain(&error, &file.path));
        }
        Ok(())
    }
}

fn print(
    hits: &[Hit],
    path: &Path,
    (json, left): (bool, &mut Option<u64>),
    out: &mut dyn Write,
) -> io::Result<()> {
    for hit in hits {
        if *left == Some(0) {
            break;
        }
        let time = hit.at_ms.map(|ms| Timestamp(ms).rfc3339());
        if json {
            let line = json!({
                "path": path.to_string_lossy(),
                "table": hit.table.name(),
                "key": hit.key,
                "session_id": hit.session_id,
                "created_at": time,
                "snippet": hit.snippet.text,
            });
            writeln!(out, "{line}")?;
        } else {
            let path = path.to_string_lossy();
            let words = [Some(&hit.key), time.as_ref(), hit.word.as_ref()].into_iter().flatten();
            let words: Vec<String> = words.map(|word| one_line(word)).collect();
            let (table, text) = (hit.table.name(), &hit.snippet.text);
            writeln!(out, "{}: {}: {}: {text}", one_line(&path), one_line(&table), words.join(" "))?;
        }
        *left = left.map(|left| left.saturating_sub(1));
    }
    // What was found shows at once.
    if hits.is_empty() { Ok(()) } else { out.flush() }
}
