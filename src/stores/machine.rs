//! What this machine tells of processes: which run, since when, and which files they have open.
//!
//! Source: `proc(5)`. Where there is no `/proc`, nothing is told, and nothing is concluded from it. Only what this user
//! may see is seen; a process of another machine or container never is. One look serves all questions for a moment, so
//! that a million rows ask no more than one.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::repair::guard::Identity;
use crate::core::vitals::{Opener, Process};

/// So long a look is good for.
const GOOD_FOR: Duration = Duration::from_millis(1500);

/// A process may seem to begin so much after what it wrote: its start is told in other units, by another clock.
const SLACK_MS: i64 = 2_000;

/// Clock ticks in a second, in which the kernel tells a process's start: 100 on every Linux that people run.
const TICKS: i64 = 100;

/// The processes that ran at a moment, with the time at which each began where that is known.
type Running = HashMap<u32, Option<i64>>;

/// The files that other processes have open.
#[derive(Default)]
struct Opened {
    by: HashMap<Identity, Vec<(Opener, PathBuf)>>,
    /// The processes whose files this user may see.
    seen: HashSet<u32>,
}

/// Something that was looked at, and when.
pub struct Look<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Look<T> {
    pub const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// The last look where it is still good, else a new one.
    pub fn get(&self, look: impl FnOnce() -> T) -> Arc<T> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, seen)) = last.as_ref()
            && at.elapsed() < GOOD_FOR
        {
            return Arc::clone(seen);
        }
        let seen = Arc::new(look());
        *last = Some((Instant::now(), Arc::clone(&seen)));
        seen
    }
}

static RUNNING: Look<Option<Running>> = Look::new();
static OPENED: Look<Option<Opened>> = Look::new();

/// What is known of the process `id`, which a session names that began at `began_ms`.
pub fn process(id: Option<u32>, began_ms: Option<i64>) -> Process {
    let Some(id) = id else { return Process::Unnamed };
    match (RUNNING.get(running).as_ref(), began_ms) {
        (None, _) => Process::Untold(id),
        (Some(running), began) => match (running.get(&id), began) {
            (None, _) if is_hidden(id) => Process::Untold(id),
            (None, _) => Process::Absent(id),
            (Some(Some(since)), Some(began)) if *since > began.saturating_add(SLACK_MS) => {
                Process::Another { id, since_ms: *since }
            }
            (Some(since), _) => Process::Runs { id, since_ms: *since },
        },
    }
}

/// Whether another user's process of this number runs that `/proc` does not list, as where it is mounted with `hidepid`.
fn is_hidden(id: u32) -> bool {
    let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return false };
    // What may not be told something is there. A thread has a number too, and can be looked at though it is not listed.
    test_kill_process(id) == Err(Errno::PERM) && stat(id.as_raw_nonzero().get().unsigned_abs()).is_none()
}

/// The other processes that have a file open; none where the system does not tell.
pub fn openers(path: &Path) -> Option<Vec<Opener>> {
    let look = OPENED.get(opened);
    let found = look.as_ref().as_ref()?.of(path)?;
    Some(found.map(|(opener, _)| opener.clone()).collect())
}

/// Whether a process has a file open; none where this user may not see that.
pub fn opens(id: u32, path: &Path) -> Option<bool> {
    let look = OPENED.get(opened);
    let opened = look.as_ref().as_ref()?;
    let open = opened.of(path)?.any(|(opener, _)| opener.process == id);
    (open || opened.seen.contains(&id)).then_some(open)
}

impl Opened {
    /// Who has a file open, each with the name under which it has.
    fn of(&self, path: &Path) -> Option<impl Iterator<Item = &(Opener, PathBuf)>> {
        let wanted = Identity::read(path)?;
        let named = std::path::absolute(path).ok()?;
        let all = self.by.get(&wanted).map_or(&[][..], Vec::as_slice);
        // Another file may have had the same number a moment ago: under another name it is looked at once more.
        Some(all.iter().filter(move |(opener, name)| *name == named || has_open(opener.process, wanted)))
    }
}

/// Whether a process has a file open now.
fn has_open(process: u32, wanted: Identity) -> bool {
    let files = fs::read_dir(format!("/proc/{process}/fd"));
    files.is_ok_and(|files| files.flatten().any(|file| Identity::read(&file.path()) == Some(wanted)))
}

fn processes() -> Option<impl Iterator<Item = u32>> {
    let all = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = all.filter_map(|entry| entry.file_name().to_str().and_then(|n| n.parse().ok())).peekable();
    // An empty folder of that name tells of no process, not even of this one.
    ids.peek().is_some().then_some(ids)
}

fn running() -> Option<Running> {
    let booted_ms = booted_ms();
    let began = |id: u32| {
        let stat = stat(id)?;
        // What has ended and was not yet taken note of runs no more.
        let ended = matches!(stat.state, 'Z' | 'X');
        (!ended).then(|| (id, booted_ms.map(|booted| booted + stat.began_ms)))
    };
    Some(processes()?.filter_map(began).collect())
}

/// What the kernel tells of a process.
struct Stat {
    name: String,
    state: char,
    parent: u32,
    /// Since the machine began, in milliseconds.
    began_ms: i64,
}

fn stat(id: u32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{id}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name may itself hold blanks and brackets.
    let (before, after) = text.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let ticks: i64 = fields.nth(17)?.parse().ok()?;
    let name = before.split_once('(')?.1.to_owned();
    Some(Stat { name, state, parent, began_ms: ticks * 1000 / TICKS })
}

/// When the machine began, in milliseconds; none where what it says cannot be.
fn booted_ms() -> Option<i64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    let booted = seconds.trim().parse::<i64>().ok()?.checked_mul(1000)?;
    // In some containers the two clocks do not belong together: then this process would begin in the future.
    let own = booted + stat(std::process::id())?.began_ms;
    (own <= chrono::Utc::now().timestamp_millis() + SLACK_MS).then_some(booted)
}

fn opened() -> Option<Opened> {
    let own = std::process::id();
    let program = |id: u32| fs::read_link(format!("/proc/{id}/exe")).ok();
    let mut opened = Opened::default();
    for id in processes()?.filter(|id| *id != own) {
        let Ok(files) = fs::read_dir(format!("/proc/{id}/fd")) else { continue };
        let Some(stat) = stat(id) else { continue };
        // A program that this one is about to begin is still a copy of it, open files and all.
        if stat.parent == own && program(id) == program(own) {
            continue;
        }
        opened.seen.insert(id);
        for file in files.flatten() {
            let Some(meta) = fs::metadata(file.path()).ok().filter(fs::Metadata::is_file) else { continue };
            let openers = opened.by.entry(Identity::of(&meta)).or_default();
            if openers.last().is_none_or(|(last, _)| last.process != id) {
                let name = fs::read_link(file.path()).unwrap_or_default();
                openers.push((Opener { process: id, name: stat.name.clone() }, name));
            }
        }
    }
    Some(opened)
}
