//! One thread that hears from the system when files of open sources change, and has their workers look.
//!
//! It wakes nobody else: a worker that looks and finds nothing new says nothing. Folders are watched rather than files, so
//! that a file that takes another's place is noticed. Without anything to do the thread waits for ever.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::job::Event;
use super::worker::Outbox;
use crate::stores::sqlite::untold;
use crate::ui::live::Watched;
use crate::ui::model::SourceId;

/// What happens within this time after a change is one change with it.
const GATHERS: Duration = Duration::from_millis(60);
/// While changes go on, a source is looked at no more often than this.
const LEAST: Duration = Duration::from_millis(250);
/// After a change a source is looked at this often for so long, though nothing more is heard.
///
/// Of a commit to a write-ahead log the system tells when it is written. Others see it only once the disk has taken it, of
/// which nothing is told; on a busy disk that is after the first look.
const ONCE_MORE: Duration = Duration::from_millis(400);
const SETTLES: Duration = Duration::from_secs(6);
/// A folder is looked through again no more often than this.
const FOLDERS_LEAST: Duration = Duration::from_secs(2);
/// A source that cannot be watched is looked at this often.
const ASKS: Duration = Duration::from_secs(1);

/// What a database's other files are called behind its name; the index of its log is memory, and changes by looking.
const OTHERS: [&str; 3] = ["", "-wal", "-journal"];

/// The thread that hears of changes; it ends when this is dropped.
pub struct Watcher {
    orders: Sender<Order>,
}

type Nudge = Box<dyn Fn() + Send>;

enum Order {
    Watch { id: SourceId, path: PathBuf, nudge: Nudge },
    Also { id: SourceId, path: PathBuf },
    Folders { id: SourceId, folders: Vec<PathBuf>, nudge: Nudge },
    Forget(SourceId),
    Happened(notify::Result<notify::Event>),
    End,
}

impl Watcher {
    pub fn start(outbox: Outbox) -> Watcher {
        let (orders, taken) = channel();
        let happened = orders.clone();
        thread::spawn(move || Rounds::new(outbox, happened).run(&taken));
        Watcher { orders }
    }

    /// Watches a source's file from now on; `nudge` is called when it may have changed, and once at first.
    pub fn watch(&self, id: SourceId, path: &Path, nudge: Nudge) {
        let _ = self.orders.send(Order::Watch { id, path: path.to_owned(), nudge });
    }

    /// Watches another file of a source that is watched, too.
    pub fn also(&self, id: SourceId, path: &Path) {
        let _ = self.orders.send(Order::Also { id, path: path.to_owned() });
    }

    /// Watches folders from now on; `nudge` is called when files came or went in one of them.
    pub fn folders(&self, id: SourceId, folders: Vec<PathBuf>, nudge: Nudge) {
        let _ = self.orders.send(Order::Folders { id, folders, nudge });
    }

    pub fn forget(&self, id: SourceId) {
        let _ = self.orders.send(Order::Forget(id));
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::End);
    }
}

struct Source {
    /// Its files, wherever a link to it leads.
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// It is these folders themselves, in which files come and go.
    is_folders: bool,
    nudge: Nudge,
    /// Cannot be watched: asked again and again.
    asked: bool,
    due: Option<Instant>,
    looked: Instant,
    heard: Instant,
}

struct Rounds {
    outbox: Outbox,
    happened: Sender<Order>,
    system: Option<RecommendedWatcher>,
    sources: HashMap<SourceId, Source>,
}

impl Rounds {
    fn new(outbox: Outbox, happened: Sender<Order>) -> Self {
        Self { outbox, happened, system: None, sources: HashMap::new() }
    }

    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let next = self.sources.values().filter_map(|s| s.due).min();
            let order = match next {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match order {
                Ok(Order::Watch { id, path, nudge }) => self.watch(id, &path, nudge),
                Ok(Order::Also { id, path }) => self.also(id, &path),
                Ok(Order::Folders { id, folders, nudge }) => self.folders(id, &folders, nudge),
                Ok(Order::Forget(id)) => self.forget(id),
                Ok(Order::Happened(event)) => self.heard(event),
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.nudge_what_is_due();
        }
    }

    fn nudge_what_is_due(&mut self) {
        let now = Instant::now();
        for source in self.sources.values_mut().filter(|s| s.due.is_some_and(|due| due <= now)) {
            (source.nudge)();
            source.looked = now;
            source.due = match now.duration_since(source.heard) < SETTLES && !source.is_folders {
                true => Some(now + ONCE_MORE),
                false => source.asked.then(|| now + ASKS),
            };
        }
    }

    fn watch(&mut self, id: SourceId, path: &Path, nudge: Nudge) {
        let mut places = vec![path.to_owned()];
        // SQLite keeps the log beside the file itself.
        places.extend(path.canonicalize().ok().filter(|real| real != path));
        let mut folders: Vec<PathBuf> =
            places.iter().filter_map(|p| p.parent()?.canonicalize().ok()).collect();
        folders.sort();
        folders.dedup();
        let mut files: Vec<PathBuf> = Vec::new();
        for place in &places {
            let Some(name) = place.file_name() else { continue };
            let folder = place.parent().and_then(|p| p.canonicalize().ok()).unwrap_or_default();
            for other in OTHERS {
                let mut name = name.to_owned();
                name.push(other);
                files.push(folder.join(name));
            }
        }
        let how = match folders.iter().try_for_each(|folder| self.hear(folder)) {
            Ok(()) => match untold(path) {
                Some(system) => Watched::Asked(format!("{system} does not tell what other machines write")),
                None => Watched::Yes,
            },
            Err(error) => Watched::Asked(reason(&error)),
        };
        let now = Instant::now();
        let asked = how != Watched::Yes;
        let source = Source {
            files,
            folders,
            is_folders: false,
            nudge,
            asked,
            due: Some(now),
            looked: now,
            heard: now,
        };
        self.sources.insert(id, source);
        self.outbox.send(Event::Watched { id, how });
    }

    /// Folders that cannot be watched are looked through when they are opened, and not again.
    fn folders(&mut self, id: SourceId, folders: &[PathBuf], nudge: Nudge) {
        let folders: Vec<PathBuf> = folders.iter().filter_map(|f| f.canonicalize().ok()).collect();
        let folders: Vec<PathBuf> = folders.into_iter().filter(|folder| self.hear(folder).is_ok()).collect();
        let now = Instant::now();
        let source = Source {
            files: Vec::new(),
            folders,
            is_folders: true,
            nudge,
            asked: false,
            due: None,
            looked: now,
            heard: now,
        };
        if let Some(before) = self.sources.insert(id, source) {
            self.unhear(&before.folders);
        }
    }

    /// What cannot be watched stays as it was read, until it is asked for again.
    fn also(&mut self, id: SourceId, path: &Path) {
        let folder = path.parent().and_then(|p| p.canonicalize().ok());
        let (Some(name), Some(folder)) = (path.file_name(), folder) else { return };
        let file = folder.join(name);
        let known = self.sources.get(&id).is_none_or(|s| s.files.contains(&file));
        if known || self.hear(&folder).is_err() {
            return;
        }
        if let Some(source) = self.sources.get_mut(&id) {
            source.files.push(file);
            if !source.folders.contains(&folder) {
                source.folders.push(folder);
            }
        }
    }

    /// Has the system watch a folder; more than once is once.
    fn hear(&mut self, folder: &Path) -> notify::Result<()> {
        if self.sources.values().any(|s| !s.asked && s.folders.iter().any(|f| f == folder)) {
            return Ok(());
        }
        if self.system.is_none() {
            let happened = self.happened.clone();
            self.system = Some(notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // Our own looking is heard too, and is no change.
                if !event.as_ref().is_ok_and(is_looking) {
                    let _ = happened.send(Order::Happened(event));
                }
            })?);
        }
        self.system.as_mut().map_or(Ok(()), |system| system.watch(folder, RecursiveMode::NonRecursive))
    }

    fn forget(&mut self, id: SourceId) {
        let Some(gone) = self.sources.remove(&id) else { return };
        self.unhear(&gone.folders);
        if self.sources.is_empty() {
            self.system = None;
        }
    }

    /// Has the system no longer watch the folders among these that no source is in.
    fn unhear(&mut self, folders: &[PathBuf]) {
        for folder in folders {
            let still = self.sources.values().any(|s| s.folders.contains(folder));
            if let (false, Some(system)) = (still, &mut self.system) {
                // A folder that is gone is not watched any more anyway.
                let _ = system.unwatch(folder);
            }
        }
    }

    fn heard(&mut self, event: notify::Result<notify::Event>) {
        let now = Instant::now();
        // What was lost on the way may have been about any of them.
        let about_all = event.as_ref().map_or(true, notify::Event::need_rescan);
        let paths = event.as_ref().map(|e| e.paths.as_slice()).unwrap_or_default();
        let removed = event.as_ref().is_ok_and(|e| {
            matches!(e.kind, EventKind::Remove(_) | EventKind::Modify(notify::event::ModifyKind::Name(_)))
        });
        let mut unheard = Vec::new();
        for (id, source) in &mut self.sources {
            if source.is_folders {
                if event.as_ref().is_ok_and(is_naming) && paths.iter().any(|path| source.is_in(path)) {
                    source.due = Some((now + GATHERS).max(source.looked + FOLDERS_LEAST));
                }
                continue;
            }
            // With its folder goes the watch.
            if removed && paths.iter().any(|path| source.folders.contains(path)) && !source.asked {
                source.asked = true;
                unheard.push(*id);
            }
            if source.asked || about_all || paths.iter().any(|path| source.files.contains(path)) {
                let soon = (now + GATHERS).max(source.looked + LEAST);
                source.due = Some(source.due.map_or(soon, |due| due.min(soon)));
                source.heard = now;
            }
        }
        for id in unheard {
            let how = Watched::Asked("its folder was moved or removed".to_owned());
            self.outbox.send(Event::Watched { id, how });
        }
    }
}

impl Source {
    /// Whether a file is one of its folders' own, and no log, which comes and goes beside every database that is opened.
    fn is_in(&self, path: &Path) -> bool {
        let name = path.to_string_lossy();
        let is_log = ["-wal", "-shm", "-journal"].iter().any(|suffix| name.ends_with(suffix));
        !is_log && path.parent().is_some_and(|folder| self.folders.iter().any(|known| known == folder))
    }
}

/// Whether files came, went, or got other names.
fn is_naming(event: &notify::Event) -> bool {
    use notify::event::ModifyKind;
    matches!(event.kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
}

fn is_looking(event: &notify::Event) -> bool {
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
        EventKind::Access(_) => true,
        _ => false,
    }
}

fn reason(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the system watches no more files".to_owned(),
        notify::ErrorKind::Io(error) => error.to_string(),
        _ => "the system cannot watch its folder".to_owned(),
    }
}
