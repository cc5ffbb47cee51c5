//! Looks through a folder in the background.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::App;
use super::job::{Done, Event};
use super::worker::Outbox;
use crate::core::vitals::{Liveness, Pace};
use crate::core::{Failure, Flow, Query, ReadStore, RowIndex, Selection, Table};
use crate::stores::folder::{self, Member as Found};
use crate::stores::sqlite::Cancel;
use crate::stores::{self, Examination, Options};
use crate::ui::model::{Member, SourceId};
use crate::ui::pulse::Lane;

/// Each store of a folder is looked over for so long at most.
const MOST_EXAMINED: Duration = Duration::from_secs(2);
/// Stores that come and go are noticed in so many folders.
const MOST_FOLDERS: usize = 1_000;

impl App {
    /// A folder was looked through: from now on stores that come and go in it are noticed.
    pub(super) fn walk_ended(&mut self, id: SourceId) {
        let Some(source) = self.screen.source_mut(id) else { return };
        let Some(folder) = &mut source.folder else { return };
        folder.done = true;
        let mut folders = BTreeSet::from([source.path.as_path()]);
        let parents = folder.members.iter().filter_map(|member| member.path.parent());
        for parent in parents {
            if folders.len() == MOST_FOLDERS {
                break;
            }
            folders.insert(parent);
        }
        let folders = folders.into_iter().map(Path::to_owned).collect();
        let outbox = self.outbox.clone();
        self.watcher.folders(id, folders, Box::new(move || outbox.done(id, Done::FolderChanged)));
    }

    /// Looks through a folder once more, in which files came or went.
    pub(super) fn walk_again(&mut self, id: SourceId) {
        let (options, outbox) = (self.options(), self.outbox.clone());
        let Some(source) = self.screen.source(id) else { return };
        let Some(folder) = source.folder.as_ref().filter(|folder| folder.done) else { return };
        let cancel = again(id, source.path.clone(), options, outbox, folder.members.clone());
        if let Some(before) = self.walks.insert(id, cancel) {
            before.cancel();
        }
    }

    /// Takes the stores that a folder has now; what is open of it stays open.
    pub(super) fn walked_again(&mut self, id: SourceId, mut members: Vec<Member>) {
        let Some(folder) = self.screen.source_mut(id).and_then(|source| source.folder.as_mut()) else {
            return;
        };
        let open = std::mem::take(&mut folder.members).into_iter().filter(|member| member.opened.is_some());
        let mut open: HashMap<PathBuf, Member> = open.map(|member| (member.path.clone(), member)).collect();
        for member in &mut members {
            member.opened = open.remove(&member.path).and_then(|before| before.opened);
        }
        // What is gone and open is still on the screen, and says itself that its file is gone.
        members.extend(open.into_values());
        members.sort_by(|a, b| a.path.cmp(&b.path));
        folder.members = members;
        self.walk_ended(id);
    }
}

/// Starts a walk; stores are told one by one, as they are opened.
pub fn start(id: SourceId, path: PathBuf, options: Options, outbox: Outbox) -> Cancel {
    let cancel = Cancel::default();
    let stop = cancel.clone();
    thread::spawn(move || {
        let send = |done| outbox.send(Event::Source { id, done });
        let mut seen = 0;
        let mut progress = |walked: folder::Walked| {
            seen = usize::try_from(walked.folders).unwrap_or(usize::MAX);
            if seen % 64 == 0 {
                send(Done::Walked { folders_seen: seen, member: None });
            }
            Flow::Continue
        };
        let found = folder::walk(&path, &stop, &mut progress);
        let members = found.map(|f| f.members).unwrap_or_default();
        let mut opened = Vec::new();
        for member in members {
            if stop.is_cancelled() {
                break;
            }
            let member = summary(member, &options);
            opened.push(member.clone());
            send(Done::Walked { folders_seen: seen, member: Some(member) });
        }
        send(Done::WalkEnded);
        look_over(id, &opened, &options, &outbox, &stop);
    });
    cancel
}

/// Looks through a folder once more, in which files came or went; all stores are told at the end.
///
/// Of those that are known and have the same size, what is known is told again.
fn again(id: SourceId, path: PathBuf, options: Options, outbox: Outbox, known: Vec<Member>) -> Cancel {
    let cancel = Cancel::default();
    let stop = cancel.clone();
    thread::spawn(move || {
        // Where it cannot be looked through now, what is known stays.
        let Ok(found) = folder::walk(&path, &stop, &mut |_| Flow::Continue) else { return };
        let mut known: HashMap<PathBuf, Member> = known.into_iter().map(|m| (m.path.clone(), m)).collect();
        let mut members = Vec::with_capacity(found.members.len());
        for found in found.members {
            let same = known.remove(&found.path).filter(|m| m.size == stores::size(&found.path));
            members.push(same.unwrap_or_else(|| summary(found, &options)));
            if stop.is_cancelled() {
                return;
            }
        }
        outbox.done(id, Done::WalkedAgain(members.clone()));
        look_over(id, &members, &options, &outbox, &stop);
    });
    cancel
}

/// Examines stores that were only opened and closed, so that the list tells of all that is wrong with them.
fn look_over(id: SourceId, members: &[Member], options: &Options, outbox: &Outbox, stop: &Cancel) {
    for member in
        members.iter().filter(|member| member.counted && member.failure.is_none() && !member.examined)
    {
        if stop.is_cancelled() {
            return;
        }
        let store = stores::open(&member.path, options).and_then(|opened| opened.again(stop));
        let Ok(store) = store else { continue };
        let found = Examination::of(&store, false).finish(&store, Instant::now() + MOST_EXAMINED);
        if let Ok(found) = found {
            let worst = found.iter().map(|finding| finding.severity).max().max(member.worst);
            outbox.done(id, Done::MemberExamined { path: member.path.clone(), worst });
        }
    }
}

/// What the list on the left says of a store: opened once, and closed again.
fn summary(found: Found, options: &Options) -> Member {
    let size = stores::size(&found.path);
    let mut member = Member {
        path: found.path,
        name: found.name,
        stores: Vec::new(),
        sessions: 0,
        messages: 0,
        counted: true,
        worst: None,
        examined: false,
        liveness: None,
        size,
        failure: None,
        opened: None,
    };
    // Of a file of lines its ends suffice: there may be thousands, and some of a gigabyte.
    if let Some(peek) = stores::peek(&member.path) {
        member.stores.push(peek.store);
        member.sessions = 1;
        member.counted = false;
        member.name = name(&member, peek.name.as_deref());
        return member;
    }
    match stores::open(&member.path, options) {
        Ok(opened) => {
            let store = &opened.store;
            let about = store.about();
            let count = |table: Table| store.count(&Query::all(table)).unwrap_or_default();
            member.stores.clone_from(&about.stores);
            member.worst = about.findings.iter().map(|f| f.severity).max();
            member.sessions = count(Table::Sessions);
            member.messages = count(Table::Messages);
            member.name = name(&member, about.name.as_deref());
            if member.sessions == 1 && about.pace.is_some_and(Pace::tells) {
                member.liveness = liveness(store);
            }
        }
        Err(error) => member.failure = Some(Failure::from(&error)),
    }
    member
}

/// Whether the one session of a store lives, as far as its signs tell.
fn liveness(store: &dyn ReadStore) -> Option<Liveness> {
    let mut first = None;
    let mut sink = |piece: RowIndex| {
        first = piece.get(0);
        Flow::Stop
    };
    store.index(&Query::all(Table::Heartbeats), Some(1), &mut sink).ok()?;
    let rows = store.rows(&Table::Heartbeats, &[first?], &Selection::default()).ok()?;
    Lane::of(rows.first()?).map(|lane| lane.liveness)
}

/// A store's own name, else the last part of the one that the walk gave it: the list is narrow.
fn name(member: &Member, own: Option<&str>) -> String {
    let last = member.name.rsplit('/').next().unwrap_or(&member.name);
    own.filter(|name| !name.is_empty()).unwrap_or(last).to_owned()
}
