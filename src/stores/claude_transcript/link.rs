//! The messages of sessions that only name their transcripts: read from the transcripts, as if they were the store's own.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::finder::{Finder, Index};
use crate::core::{
    Block, Change, Flow, KeyId, Query, ReadStore, Row, RowIndex, RowKey, Selection, StoreError, Table,
    Transcripts,
};
use crate::stores::open::{Opened, Options, open_with};
use crate::stores::sqlite::{Cancel, SqliteStore};

/// So many transcripts stay open; of each, what its lines are found by is in memory.
const MOST_OPEN: usize = 8;

/// What a store that names transcripts reads them with.
pub struct Link {
    shared: Arc<Shared>,
    /// This connection's own readers, by the part that their rows' keys name.
    open: RefCell<Vec<(u16, SqliteStore)>>,
    cancel: Cancel,
}

/// What all connections to a store have in common.
struct Shared {
    finder: Finder,
    options: Options,
    /// In the order in which they were first read: the place of each is the part of its rows' keys.
    files: Mutex<Vec<File>>,
}

struct File {
    path: PathBuf,
    /// None while others are read instead.
    opened: Option<Opened>,
}

impl Link {
    pub fn new(finder: Finder, options: &Options, cancel: Cancel) -> Self {
        let options = Options { transcripts: None, ..options.clone() };
        let shared = Shared { finder, options, files: Mutex::new(Vec::new()) };
        Self { shared: Arc::new(shared), open: RefCell::default(), cancel }
    }

    /// The same for another connection.
    pub fn again(&self, cancel: Cancel) -> Self {
        Self { shared: Arc::clone(&self.shared), open: RefCell::default(), cancel }
    }

    /// The transcripts that there are.
    pub fn files(&self) -> Result<Arc<Index>, StoreError> {
        self.shared.finder.index(&self.cancel)
    }

    pub fn find(&self, name: Option<&str>) -> Result<Transcripts, StoreError> {
        self.shared.finder.find(name, &self.cancel)
    }

    /// Whether a transcript that this connection reads is another than at the last look; one that was replaced is opened anew.
    pub fn has_changed(&self) -> bool {
        let mut changed = false;
        self.open.borrow_mut().retain_mut(|(part, store)| match store.refresh(false) {
            Ok(Change::Rows) => {
                changed = true;
                true
            }
            Ok(loss) if loss.is_loss() => {
                changed = true;
                let mut files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(file) = files.get_mut(usize::from(*part)) {
                    file.opened = None;
                }
                false
            }
            // What cannot be read now is looked at again.
            Ok(_) | Err(_) => true,
        });
        changed
    }

    /// The part of a transcript's rows, which is open then and read to its present end.
    fn read(&self, path: &std::path::Path) -> Result<u16, StoreError> {
        let part = {
            let mut files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
            let at = match files.iter().position(|f| f.path == path) {
                Some(at) => at,
                None => {
                    files.push(File { path: path.to_owned(), opened: None });
                    files.len() - 1
                }
            };
            u16::try_from(at).map_err(|_| StoreError::Unreadable {
                reason: "too many transcripts were opened".into(),
                path: path.to_owned(),
            })?
        };
        self.with(part, |store| store.read_on().map(|_| ())).transpose()?;
        Ok(part)
    }

    /// Has a transcript's reader do something; none where there is no such transcript.
    fn with<T>(
        &self,
        part: u16,
        act: impl FnOnce(&mut SqliteStore) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        // It is taken out meanwhile: who handles what it hands out may ask for more, and then has another connection.
        let mut store = match self.take(part) {
            Some(store) => store,
            None => match self.reader(part)? {
                Ok(store) => store,
                Err(error) => return Some(Err(error)),
            },
        };
        let done = act(&mut store);
        let mut open = self.open.borrow_mut();
        if !open.iter().any(|(p, _)| *p == part) {
            open.push((part, store));
        }
        if open.len() > MOST_OPEN {
            open.remove(0);
        }
        Some(done)
    }

    fn take(&self, part: u16) -> Option<SqliteStore> {
        let mut open = self.open.borrow_mut();
        let at = open.iter().position(|(p, _)| *p == part)?;
        Some(open.remove(at).1)
    }

    fn reader(&self, part: u16) -> Option<Result<SqliteStore, StoreError>> {
        let mut files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.get_mut(usize::from(part))?;
        let opened = match &mut file.opened {
            Some(opened) => opened,
            none => match open_with(&file.path, &self.shared.options, &self.cancel) {
                Ok(opened) => none.insert(opened),
                Err(error) => return Some(Err(error)),
            },
        };
        let reader = opened.again(&self.cancel);
        let others: Vec<usize> =
            (0..files.len()).filter(|at| *at != usize::from(part) && files[*at].opened.is_some()).collect();
        if others.len() >= MOST_OPEN {
            // Whoever still reads it has a connection of its own, which keeps it in memory.
            files[others[0]].opened = None;
        }
        Some(reader)
    }
}

/// A query for a session's messages, of its transcript: all lines of it are that session's.
fn within(query: &Query) -> Query {
    Query { session: None, ..query.clone() }
}

impl SqliteStore {
    /// Whether its sessions name transcripts that can be looked for.
    pub fn names_transcripts(&self) -> bool {
        self.link.is_some()
    }

    /// Looks for transcripts in a folder too, from now on; so do all other connections to the store.
    pub fn look_for_transcripts_in(&self, folder: &std::path::Path) {
        if let Some(link) = &self.link {
            link.shared.finder.look_in(folder);
        }
    }

    /// What there is of the transcript that a session names.
    pub fn transcripts(&self, session: &str) -> Result<Transcripts, StoreError> {
        let Some(link) = &self.link else { return Ok(Transcripts::default()) };
        link.find(self.transcript_name(session)?.as_deref())
    }

    /// The name by which a session calls its transcript.
    fn transcript_name(&self, session: &str) -> Result<Option<String>, StoreError> {
        let mut name = None;
        let query = Query { session: Some(session.to_owned()), ..Query::all(Table::Sessions) };
        super::each_session(self, &query, &mut |session| {
            // Of several with this id the last, as the program reads them.
            name = session.name.map(str::to_owned).or(name.take());
        })?;
        Ok(name)
    }

    /// The part and the transcript of the session that a query is narrowed to.
    fn linked(&self, query: &Query) -> Result<Option<(&Link, u16)>, StoreError> {
        let (Some(link), Some(session), Table::Messages) = (&self.link, &query.session, &query.table) else {
            return Ok(None);
        };
        let name = self.transcript_name(session)?;
        let found = link.find(name.as_deref())?;
        let Some(file) = found.files.first() else { return Ok(None) };
        Ok(Some((link, link.read(&file.path)?)))
    }

    pub(in crate::stores) fn linked_count(&self, query: &Query) -> Result<Option<u64>, StoreError> {
        let Some((link, part)) = self.linked(query)? else { return Ok(None) };
        link.with(part, |store| store.count(&within(query))).transpose()
    }

    /// Hands out the keys of a transcript's rows; false where the query is for none.
    pub(in crate::stores) fn linked_index(
        &self,
        query: &Query,
        limit: Option<u64>,
        sink: &mut dyn FnMut(RowIndex) -> Flow,
    ) -> Result<bool, StoreError> {
        let Some((link, part)) = self.linked(query)? else { return Ok(false) };
        let mut passed_on = |piece: RowIndex| match part {
            0 => sink(piece),
            part => {
                let keys = (0..piece.len()).filter_map(|at| piece.get(at));
                sink(RowIndex::Keys(keys.map(|key| RowKey { part, id: key.id }).collect()))
            }
        };
        link.with(part, |store| store.index(&within(query), limit, &mut passed_on)).transpose()?;
        Ok(true)
    }

    pub(in crate::stores) fn linked_rows(
        &self,
        keys: &[RowKey],
        selection: &Selection,
    ) -> Option<Result<Vec<Row>, StoreError>> {
        let link = self.link.as_ref()?;
        let mut rows = Vec::with_capacity(keys.len());
        for keys in keys.chunk_by(|a, b| a.part == b.part) {
            let part = keys[0].part;
            let own: Vec<RowKey> = keys.iter().map(own).collect();
            match link.with(part, |store| store.rows(&Table::Messages, &own, selection)) {
                Some(Ok(more)) => rows.extend(
                    more.into_iter()
                        .map(|row| Row { key: RowKey { part, id: row.key.id }, cells: row.cells }),
                ),
                Some(Err(error)) => return Some(Err(error)),
                None => {}
            }
        }
        Some(Ok(rows))
    }

    pub(in crate::stores) fn linked_blocks(&self, key: &RowKey) -> Option<Result<Vec<Block>, StoreError>> {
        self.link.as_ref()?.with(key.part, |store| store.blocks(&own(key)))
    }
}

/// A row's key as its own transcript knows it.
fn own(key: &RowKey) -> RowKey {
    let id: KeyId = key.id.clone();
    RowKey { part: 0, id }
}
