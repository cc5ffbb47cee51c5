//! Opens what a path names, by a private copy where it must, and looks it over for damage.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Status, say};
use crate::core::{Flow, Query, ReadStore, RowIndex, Severity, StoreError, Table};
use crate::stores::sqlite::{Clock, SqliteStore};
use crate::stores::{Opened, Options, Places, open};

/// Where transcripts are looked for that sessions name.
#[derive(Debug, clap::Args)]
pub struct Looking {
    /// Look for the transcripts that sessions of claude-hooks name in this folder too, besides the usual ones
    #[arg(long, value_name = "FOLDER")]
    transcripts: Option<PathBuf>,
}

impl Looking {
    pub fn places(&self) -> Places {
        Places::usual(self.transcripts.iter().cloned().collect())
    }
}

/// Opens a file; where SQLite cannot open it in place, a private copy of it, and says so.
///
/// Transcripts that its sessions name are read from these places.
pub fn store(path: &Path, places: &Places) -> Result<SqliteStore, StoreError> {
    open_with(path, Some(places.clone())).map(|opened| opened.store)
}

/// Opens a file as [`store`] does, with what it takes to open it once more, and looks for no transcripts.
pub fn opened(path: &Path) -> Result<Opened, StoreError> {
    open_with(path, None)
}

fn open_with(path: &Path, transcripts: Option<Places>) -> Result<Opened, StoreError> {
    let options = Options { clock: Clock::from_environment(), transcripts, ..Options::default() };
    match open(path, &options) {
        Err(error) if error.needs_copy() => {
            say(&format!("{error}. A private copy of it is read instead."));
            open(path, &Options { copy: true, ..options })
        }
        opened => opened,
    }
}

/// Says an error in one line: what is wrong, and what to do.
pub fn complain(error: &StoreError, path: &Path) -> Status {
    // Some errors come from far below and do not know the path.
    let path = match error {
        StoreError::Sqlite { .. } | StoreError::Cancelled => format!(": {}", path.display()),
        _ => String::new(),
    };
    say(&format!("{error}{path}. {}", error.hint()));
    Status::of(error)
}

/// How much longer than SQLite's check the examination of the rows may take.
const EXAMINATION: Duration = Duration::from_secs(4);

/// Looks a store over until the deadline, and a little longer; what it finds is among the findings.
pub fn examine(store: &mut SqliteStore, deadline: Instant) {
    let looked = store.check(deadline).and_then(|()| store.examine(deadline + EXAMINATION));
    if let Err(error) = looked {
        store.note_damage(&error, "");
    }
}

/// The damage of a store that could be opened all the same.
pub fn damage(store: &SqliteStore, path: &Path) -> Option<StoreError> {
    let about = store.about();
    let first = about.findings.iter().find(|f| f.severity == Severity::Error);
    let (what, hint) = first.map_or(("not all of it can be read", "Restore it from a backup."), |finding| {
        (finding.message.as_str(), finding.suggestion.as_str())
    });
    about.damaged.then(|| StoreError::PartlyDamaged {
        what: what.to_owned(),
        hint: hint.to_owned(),
        path: path.to_owned(),
    })
}

/// Counts a table's rows; where the file is damaged, those that can still be found.
pub fn count(store: &mut SqliteStore, table: Table) -> Result<u64, StoreError> {
    let query = Query::all(table);
    match store.count(&query) {
        Err(error) if error.is_damage() => {
            store.note_damage(&error, &query.table.name());
            let mut found = 0;
            let mut sink = |piece: RowIndex| {
                found += piece.len() as u64;
                Flow::Continue
            };
            match store.index(&query, None, &mut sink) {
                Err(error) if !error.is_damage() => Err(error),
                _ => Ok(found),
            }
        }
        counted => counted,
    }
}
