//! The thread that searches: file after file, the newest wish only.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::job::Event;
use super::worker::Outbox;
use crate::core::search::{Hit, Is, Search};
use crate::core::{Flow, Query, ReadStore, RowIndex, Selection, StoreError, Table};
use crate::stores::search::{Found, Request, search_with};
use crate::stores::sqlite::{Cancel, SqliteStore};
use crate::stores::{Opened, Options, open_with};
use crate::ui::search_view::{FoundHit, MOST_HITS};

/// Progress is told so often.
const TELLS_EVERY: Duration = Duration::from_millis(40);
/// So long titles of sessions are looked up for, in each file.
const MOST_FOR_TITLES: Duration = Duration::from_millis(60);

/// Documents are kept so long after the last search, so many of them, and none that is larger.
const KEPT_FOR: Duration = Duration::from_secs(30);
const MOST_DOCUMENTS: usize = 64;
const MOST_DOCUMENT_BYTES: u64 = 256 << 20;

/// A search to make.
pub struct Wish {
    pub generation: u64,
    pub search: Search,
    /// The one session whose messages are searched, which may only name the file that they are in.
    pub session: Option<String>,
    /// The files, and how each is opened.
    pub files: Vec<(PathBuf, Options)>,
    pub cancel: Cancel,
}

/// What a search did.
#[derive(Debug)]
pub enum Searched {
    /// In a table of the file at this place: hits, matches, and rows that were looked at.
    Found {
        file: usize,
        table: Table,
        found: (Vec<FoundHit>, u64, u64),
    },
    /// A file is searched, with what went wrong.
    File(Option<String>),
    End {
        cancelled: bool,
    },
}

/// The thread that searches; it ends when this is dropped.
pub struct Searcher {
    wishes: Sender<Wish>,
    /// Of the search that runs.
    cancel: Cancel,
}

impl Searcher {
    pub fn start(outbox: Outbox) -> Self {
        let (wishes, incoming) = channel();
        thread::spawn(move || run(&incoming, &outbox));
        Self { wishes, cancel: Cancel::default() }
    }

    /// Breaks off what is being searched, and searches for this.
    pub fn search(&mut self, wish: Wish) {
        self.cancel.cancel();
        self.cancel = wish.cancel.clone();
        // The thread ends only with this.
        let _ = self.wishes.send(wish);
    }

    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn run(wishes: &Receiver<Wish>, outbox: &Outbox) {
    let mut documents = Documents::default();
    loop {
        let wish = match wishes.recv_timeout(KEPT_FOR) {
            Ok(wish) => wish,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                documents = Documents::default();
                match wishes.recv() {
                    Ok(wish) => wish,
                    Err(_) => return,
                }
            }
        };
        // Of several only the newest is still wanted.
        let wish = wishes.try_iter().last().unwrap_or(wish);
        let send = |searched| outbox.send(Event::Searched { generation: wish.generation, searched });
        documents.keep(&wish.files);
        let mut left = MOST_HITS;
        for (file, (path, options)) in wish.files.iter().enumerate() {
            if wish.cancel.is_cancelled() {
                break;
            }
            let ended = one(&wish, file, documents.open(path, options, &wish.cancel), &mut left, &send);
            let trouble = match ended {
                // Not everything in a folder is a store.
                Ok(()) | Err(StoreError::Cancelled | StoreError::NotRecognised { .. }) => None,
                Err(error) => Some(said(&error, path)),
            };
            send(Searched::File(trouble));
        }
        send(Searched::End { cancelled: wish.cancel.is_cancelled() });
    }
}

/// An error with its file, which some errors do not know.
fn said(error: &StoreError, path: &Path) -> String {
    match error {
        StoreError::Sqlite { .. } => format!("{error}: {}", path.display()),
        _ => error.to_string(),
    }
}

/// Searches one file.
fn one(
    wish: &Wish,
    file: usize,
    opened: Result<(Rc<Opened>, Option<SqliteStore>), StoreError>,
    left: &mut u64,
    send: &dyn Fn(Searched),
) -> Result<(), StoreError> {
    let (mut opened, mut reader) = opened?;
    let mut wanted = wish.search.clone();
    if let Some(session) = &wish.session
        && let Some(transcript) = named(reader.as_ref().unwrap_or(&opened.store), session)?
    {
        (opened, reader) = (Rc::new(open_with(&transcript, &Options::default(), &wish.cancel)?), None);
        // All its lines are that session's.
        wanted.filters.retain(|filter| !matches!(filter.is, Is::OneSession(_)));
    }
    let store = reader.as_ref().unwrap_or(&opened.store);
    let mut titles = Titles { store, known: HashMap::new(), spent: Duration::ZERO };
    let mut waiting: Option<Found> = None;
    let mut told = Instant::now();
    let mut tell = |found: Found| {
        let whose = |hit: Hit| match &wish.session {
            Some(session) => Hit { session_id: Some(session.clone()), ..hit },
            None => hit,
        };
        let hits = found.hits.into_iter().map(|hit| titles.name(file, whose(hit))).collect();
        send(Searched::Found { file, table: found.table, found: (hits, found.matches, found.rows) });
    };
    let request = Request { search: &wanted, most_hits: Some(*left), cancel: &wish.cancel };
    let ended = search_with(&opened, store, &request, &mut |found| {
        *left = left.saturating_sub(found.hits.len() as u64);
        match waiting.take() {
            Some(mut before) if before.table == found.table => {
                before.hits.extend(found.hits);
                before.matches += found.matches;
                before.rows += found.rows;
                waiting = Some(before);
            }
            before => {
                before.into_iter().for_each(&mut tell);
                waiting = Some(found);
            }
        }
        // The first hits at once, and what follows as fast as an eye can use it.
        let is_first = *left > MOST_HITS - 50 && waiting.as_ref().is_some_and(|w| !w.hits.is_empty());
        if is_first || told.elapsed() >= TELLS_EVERY {
            waiting.take().into_iter().for_each(&mut tell);
            told = Instant::now();
        }
        if wish.cancel.is_cancelled() { Flow::Stop } else { Flow::Continue }
    });
    waiting.take().into_iter().for_each(&mut tell);
    ended
}

/// The transcript in which a session's messages are, where the store only names it.
fn named(store: &SqliteStore, session: &str) -> Result<Option<PathBuf>, StoreError> {
    if !store.names_transcripts() {
        return Ok(None);
    }
    Ok(store.transcripts(session)?.files.into_iter().next().map(|file| file.path))
}

/// Documents that were read, for as long as somebody types: to read them takes longer than to search them.
///
/// A database is opened anew for every search, which costs little, and holds no file open between two.
#[derive(Default)]
struct Documents {
    kept: HashMap<PathBuf, (Stamp, Rc<Opened>)>,
}

/// By what a document is known to be the same: its length and the time of its last change.
type Stamp = (u64, Option<SystemTime>);

impl Documents {
    /// Lets those go that are not searched any more.
    fn keep(&mut self, files: &[(PathBuf, Options)]) {
        self.kept.retain(|path, _| files.iter().any(|(file, _)| file == path));
    }

    /// Opens a file, or hands out what is kept of it with a reader that `cancel` breaks off.
    fn open(
        &mut self,
        path: &Path,
        options: &Options,
        cancel: &Cancel,
    ) -> Result<(Rc<Opened>, Option<SqliteStore>), StoreError> {
        let meta = std::fs::metadata(path).ok();
        let stamp: Stamp = meta.map_or((0, None), |m| (m.len(), m.modified().ok()));
        if let Some((_, opened)) = self.kept.get(path).filter(|(known, _)| *known == stamp) {
            let reader = opened.again(cancel)?;
            return Ok((Rc::clone(opened), Some(reader)));
        }
        self.kept.remove(path);
        let opened = Rc::new(open_with(path, options, cancel)?);
        let is_document = opened.store.about().user_version.is_none();
        let room = self.kept.len() < MOST_DOCUMENTS && stamp.0 < MOST_DOCUMENT_BYTES;
        if is_document && room && stamp.1.is_some() {
            self.kept.insert(path.to_owned(), (stamp, Rc::clone(&opened)));
        }
        Ok((opened, None))
    }
}

/// The titles of sessions, looked up as they are met.
struct Titles<'a> {
    store: &'a SqliteStore,
    known: HashMap<String, Option<String>>,
    spent: Duration,
}

impl Titles<'_> {
    fn name(&mut self, file: usize, hit: Hit) -> FoundHit {
        let session = hit.session_id.clone().and_then(|id| {
            if !self.known.contains_key(&id) && self.spent < MOST_FOR_TITLES {
                let start = Instant::now();
                let title = self.title(&id);
                self.spent += start.elapsed();
                self.known.insert(id.clone(), title);
            }
            self.known.get(&id).cloned().flatten()
        });
        FoundHit { file, hit, session }
    }

    fn title(&self, id: &str) -> Option<String> {
        let query = Query { session: Some(id.to_owned()), ..Query::all(Table::Sessions) };
        let mut found = RowIndex::default();
        let sink = &mut |piece: RowIndex| {
            found.append(piece);
            Flow::Stop
        };
        self.store.index(&query, Some(1), sink).ok()?;
        let place = self.store.columns(&Table::Sessions).iter().position(|c| c.name == "title")?;
        let selection = Selection { columns: vec![place], cut: Some(200), ..Selection::default() };
        let row = self.store.rows(&Table::Sessions, &[found.get(0)?], &selection).ok()?.pop()?;
        row.cells.first()?.value.as_str().filter(|title| !title.is_empty()).map(str::to_owned)
    }
}
