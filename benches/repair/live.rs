//! A program that goes on writing the database while it is repaired: a process of its own, as it is in life.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{data, percentiles};

const EVERY: Duration = Duration::from_millis(2);
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The writer, from outside.
pub struct Writer {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Writer {
    /// Starts it, and waits until it writes.
    pub fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--child", "write"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut said = BufReader::new(child.stdout.take().expect("its output"));
        said.read_line(&mut String::new()).expect("a line");
        Self { child, said }
    }

    /// Ends it; gives what it says of its waits.
    pub fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        self.child.wait().expect("its end");
        line.trim().to_owned()
    }
}

/// What the writer does, until its input ends: one small transaction every two milliseconds, with SQLite's own waiting.
pub fn write(path: &Path) {
    let connection = Connection::open(path).expect("the database opens");
    connection.busy_timeout(BUSY_TIMEOUT).expect("a timeout");
    // A row that no prune takes, so that only the lock is in its way.
    let key: String = connection
        .query_row(
            "SELECT key FROM claude_sdk_sessions WHERE last_used_at > ?1",
            [data::oldest_kept_ms()],
            |r| r.get(0),
        )
        .expect("a young row");
    let mut update = connection
        .prepare("UPDATE claude_sdk_sessions SET last_used_at = last_used_at + 1 WHERE key = ?1")
        .expect("an update");
    let (ended, at_end) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        drop(ended);
    });
    say("writing");
    let mut waits_us = Vec::new();
    while at_end.recv_timeout(EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        let start = Instant::now();
        update.execute([&key]).expect("the writer gets in");
        waits_us.push(start.elapsed().as_micros() as u64);
    }
    say(&format!("{} writes, {}", waits_us.len(), percentiles(waits_us)));
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("its output");
}
