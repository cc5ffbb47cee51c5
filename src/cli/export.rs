//! `export`: one session as a document.

use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{Status, finish, say, source};
use crate::core::export::session::{ExportError, SessionFormat, SessionOptions, write};
use crate::core::{Flow, Query, ReadStore, RowIndex, Selection, StoreError, Table};
use crate::stores::new_file::write_new;
use crate::stores::sqlite::SqliteStore;

/// What `export` was asked for.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The file that the session is in
    path: PathBuf,
    /// The session's id; not needed where the file holds one session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// How it is written
    #[arg(long, value_parser = ["md", "json", "html"])]
    format: String,
    /// The file to write, which must not be there yet; standard output where none is given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Leave out what was thought
    #[arg(long)]
    no_thinking: bool,
    /// Leave out tool calls and what they answered
    #[arg(long)]
    no_tools: bool,
    #[command(flatten)]
    looking: source::Looking,
}

/// Writes the session.
pub fn run(arguments: &Arguments) -> Status {
    let store = match source::store(&arguments.path, &arguments.looking.places()) {
        Ok(store) => store,
        Err(error) => return source::complain(&error, &arguments.path),
    };
    let session = match arguments.session.clone().map_or_else(|| only_session(&store), |id| Ok(Some(id))) {
        Ok(session) => session,
        Err(Only::Several(count)) => {
            say(&format!(
                "There are {count} sessions in the file. Name one with --session: {}",
                arguments.path.display()
            ));
            return Status::USAGE;
        }
        Err(Only::Failed(error)) => return source::complain(&error, &arguments.path),
    };
    let named = SessionFormat::ALL.into_iter().find(|f| f.name() == arguments.format);
    let options = SessionOptions {
        format: named.unwrap_or(SessionFormat::Markdown),
        thinking: !arguments.no_thinking,
        tools: !arguments.no_tools,
    };
    let document =
        |out: &mut dyn io::Write| write(&store, session.as_deref(), options, out, &mut |_, _| Flow::Continue);
    let written = match &arguments.out {
        Some(path) => write_new(path, document),
        None => {
            let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
            let written = document(&mut out).and_then(|written| Ok(out.flush().map(|()| written)?));
            // Nothing more to write: a second attempt on drop would only fail again.
            let _ = out.into_parts();
            written
        }
    };
    match written {
        Ok(written) => written
            .damage
            .or_else(|| source::damage(&store, &arguments.path))
            .map_or(Status::DONE, |error| source::complain(&error, &arguments.path)),
        Err(ExportError::Store(error)) => source::complain(&error, &arguments.path),
        Err(ExportError::NoSession(id)) => {
            say(&format!(
                "There is no session {id}. Ask `sessionscope rows sessions` for them: {}",
                arguments.path.display()
            ));
            Status::FAILED
        }
        Err(ExportError::Output(error)) => match &arguments.out {
            Some(path) if error.kind() == io::ErrorKind::AlreadyExists => {
                say(&format!("There is a file already. Choose another name: {}", path.display()));
                Status::FAILED
            }
            Some(path) => {
                say(&format!("The file cannot be written ({error}). Check its folder: {}", path.display()));
                Status::FAILED
            }
            None => finish(Err(error), Status::DONE),
        },
        Err(ExportError::Cancelled) => Status::FAILED,
    }
}

enum Only {
    Several(u64),
    Failed(StoreError),
}

/// The session of a store that holds one; none where its messages belong to no session.
fn only_session(store: &SqliteStore) -> Result<Option<String>, Only> {
    if store.about().unscoped.contains(&Table::Messages) {
        return Ok(None);
    }
    let mut index = RowIndex::default();
    let mut sink = |piece| {
        index.append(piece);
        Flow::Continue
    };
    store.index(&Query::all(Table::Sessions), None, &mut sink).map_err(Only::Failed)?;
    match (index.len(), index.get(0)) {
        (1, Some(key)) => {
            let columns = store.columns(&Table::Sessions);
            let id = columns.iter().position(|c| c.name == "id");
            let selection = Selection { columns: id.into_iter().collect(), ..Selection::default() };
            let rows = store.rows(&Table::Sessions, &[key], &selection).map_err(Only::Failed)?;
            Ok(rows.first().and_then(|row| row.cells.first()?.value.as_str().map(str::to_owned)))
        }
        (0, _) => Ok(None),
        (count, _) => Err(Only::Several(count as u64)),
    }
}
