//! Repairs, from their arguments to the store, the operation log and back.

mod attacks;
mod disk;
mod foreign;
mod histories;
mod import;
mod inside;
mod issue;
mod json;
mod kill;
mod kill_random;
mod live;
mod properties;
mod prune;
mod refusals;
mod refusals_content;
mod secrets;
mod stores;
mod words;
mod writers;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value as Json;

/// A place with stores, a data folder and a folder for temporary files, all of which go with the test.
pub struct Home {
    folder: tempfile::TempDir,
}

/// A folder that goes with the test: in memory where that can be, since these tests write to the disk's last byte
/// thousands of times, and none of them pulls the plug.
pub fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub out: String,
    pub err: String,
    pub status: i32,
}

impl Home {
    pub fn new() -> Self {
        let folder = folder();
        for name in ["stores", "data", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Self { folder }
    }

    /// A path in the folder of the stores.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("stores").join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn remove_data(&self) {
        fs::remove_dir_all(self.data()).expect("removed");
    }

    /// A new database made by SQL.
    pub fn database(&self, name: &str, sql: &str) -> PathBuf {
        let path = self.at(name);
        Connection::open(&path).expect("a database").execute_batch(sql).expect("valid SQL");
        path
    }

    /// Changes a database as another program would.
    pub fn sql(&self, name: &str, sql: &str) {
        Connection::open(self.at(name))
            .and_then(|c| c.execute_batch(sql))
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("its folder")).expect("a folder");
        fs::write(&path, bytes).expect("written");
        path
    }

    /// A copy of a fixture under a name.
    pub fn fixture(&self, fixture: &str, name: &str) -> PathBuf {
        self.file(name, fs::read(crate::support::fixture(fixture)).expect("a fixture"))
    }

    /// The program with the tests' clock, in the folder of the stores.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sessionscope"));
        self.around(&mut command);
        command.args(arguments);
        command
    }

    /// Gives a command this place.
    pub fn around(&self, command: &mut Command) {
        command
            .env("SESSIONSCOPE_NOW", "2026-11-21T10:00:00Z")
            .env("SESSIONSCOPE_DATA_DIR", self.data())
            .env("TMPDIR", self.folder.path().join("tmp"))
            .current_dir(self.at(""))
            .stdin(Stdio::null());
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs a command that must end well, and gives what it printed.
    pub fn text(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.status, 0, "{arguments:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    /// Runs a repair that must end well, with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Json {
        let text = self.text(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Applies a repair, and gives its operation.
    pub fn apply(&self, arguments: &[&str]) -> String {
        let json = self.json(&[arguments, &["--apply"]].concat());
        json["operation"].as_str().unwrap_or_else(|| panic!("nothing was applied: {json}")).to_owned()
    }

    /// The operations of the log, the newest first.
    pub fn operations(&self) -> Vec<Json> {
        let text = self.text(&["operations", "--json"]);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Starts a repair, and waits until it stands still at a step; the error is how it ended without.
    pub fn halted(&self, at: &str, arguments: &[&str]) -> Result<Halted, Ended> {
        let until = self.folder.path().join("tmp/.go-on");
        let mut command = self.command(arguments);
        command.env("SESSIONSCOPE_HALT_AT", at).env("SESSIONSCOPE_HALT_UNTIL", &until);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let err = BufReader::new(child.stderr.take().expect("its errors"));
        let mut halted = Halted { child, err, until, said: String::new() };
        match halted.wait() {
            true => Ok(halted),
            false => Err(halted.end()),
        }
    }

    /// Every file below the home, with its content.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        each_file(self.folder.path(), &mut |path| {
            // A link is what it says, whether there is anything behind it or not.
            let link = fs::read_link(path).map(|to| to.into_os_string().into_encoded_bytes());
            found.insert(path.to_owned(), link.unwrap_or_else(|_| fs::read(path).expect("readable")));
        });
        found
    }

    /// Puts every file as it was.
    pub fn restore(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        for path in self.files().keys().filter(|path| !files.contains_key(*path)) {
            fs::remove_file(path).expect("removed");
        }
        for (path, bytes) in files {
            fs::create_dir_all(path.parent().expect("its folder")).expect("a folder");
            fs::write(path, bytes).expect("written");
        }
    }

    /// What no repair may leave behind: anything temporary, beside a store or elsewhere.
    pub fn leftovers(&self) -> Vec<String> {
        let home = self.folder.path();
        let mut found = Vec::new();
        each_file(home, &mut |path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let inner = path.strip_prefix(home).expect("inside").to_string_lossy().into_owned();
            let log = name.strip_suffix(".sqlite").map(|n| n.strip_suffix(".backup").unwrap_or(n));
            let wanted = match inner.split('/').next() {
                Some("data") if path == self.data() => true,
                Some("data") => log.is_some_and(|id| id.parse::<u64>().is_ok()),
                // A journal whose first byte is zero is none to SQLite: its transaction never wrote to the database.
                Some("stores") if name.ends_with("-journal") => {
                    fs::read(path).expect("readable").first().is_none_or(|b| *b == 0)
                }
                Some("stores") => !name.contains(".sessionscope"),
                _ => [".go-on", ".stop", ".said"].contains(&name.as_str()),
            };
            if !wanted {
                found.push(inner);
            }
        });
        found
    }
}

pub fn each_file(folder: &Path, each: &mut dyn FnMut(&Path)) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => each_file(&path, each),
            false => each(&path),
        }
    }
}

fn ended(output: std::process::Output) -> Ended {
    Ended {
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        // A signal has no code: it must not look like any.
        status: output.status.code().unwrap_or(-1),
    }
}

/// A repair that stands still at a step.
pub struct Halted {
    child: Child,
    err: BufReader<ChildStderr>,
    until: PathBuf,
    said: String,
}

impl Halted {
    /// Waits until it stands still; false where it ends.
    pub fn wait(&mut self) -> bool {
        loop {
            let mut line = String::new();
            if self.err.read_line(&mut line).expect("its errors") == 0 {
                return false;
            }
            if line.contains("halted at ") {
                return true;
            }
            self.said.push_str(&line);
        }
    }

    pub fn go_on(&mut self) {
        fs::write(&self.until, "").expect("written");
    }

    /// Lets it go on, and waits for its end.
    pub fn finish(mut self) -> Ended {
        self.go_on();
        self.end()
    }

    fn end(mut self) -> Ended {
        self.err.read_to_string(&mut self.said).expect("its errors");
        let mut out = String::new();
        self.child.stdout.take().expect("its output").read_to_string(&mut out).expect("UTF-8");
        let status = self.child.wait().expect("it ends").code().unwrap_or(-1);
        Ended { out, err: std::mem::take(&mut self.said), status }
    }

    /// Kills it where it stands.
    pub fn kill(self) {}
}

impl Drop for Halted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every row of a database by its table and its place there, with the type and the bytes of each value.
///
/// The times of the ledger are left out: they differ from run to run.
pub fn rows(path: &Path) -> BTreeMap<String, String> {
    let connection = Connection::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let check: String = connection.query_row("PRAGMA integrity_check", [], |r| r.get(0)).expect("a check");
    assert_eq!(check, "ok", "{}", path.display());
    let list = |sql: &str| -> Vec<(String, String)> {
        let mut select = connection.prepare(sql).expect("valid SQL");
        let rows = select.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).expect("rows");
        rows.map(|r| r.expect("a row")).collect()
    };
    let mut found: BTreeMap<String, String> =
        list("SELECT 'schema ' || name, coalesce(sql, '') FROM sqlite_schema").into_iter().collect();
    let tables = list(
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    );
    for (table, _) in tables {
        let quoted = table.replace('"', "\"\"");
        let columns: Vec<(String, i64)> = connection
            .prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk")
            .and_then(|mut s| s.query_map([&table], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
            .expect("its columns");
        let is_free = |name: &&str| {
            !columns.iter().any(|(c, _)| c.eq_ignore_ascii_case(name))
                && connection.prepare(&format!("SELECT {name} FROM \"{quoted}\"")).is_ok()
        };
        let keys = columns.iter().filter(|(_, pk)| *pk > 0);
        let place = match ["rowid", "_rowid_", "oid"].into_iter().find(is_free) {
            Some(name) => name.to_owned(),
            None => keys
                .map(|(k, _)| {
                    let k = k.replace('"', "\"\"");
                    format!("typeof(\"{k}\") || quote(\"{k}\") || hex(\"{k}\")")
                })
                .collect::<Vec<_>>()
                .join(" || ',' || "),
        };
        let columns = if table == "sessionscope_migrations" { "version, name" } else { "*" };
        let mut select =
            connection.prepare(&format!("SELECT {place}, {columns} FROM \"{quoted}\"")).expect("a table");
        let width = select.column_count();
        let mut rows = select.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let values: Vec<String> = (0..width).map(|at| exact(row.get_ref(at).expect("a value"))).collect();
            found.insert(format!("{table} {}", values[0]), values[1..].join(" | "));
        }
    }
    found
}

fn exact(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => format!("r{:016x}", n.to_bits()),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            Ok(text) => format!("{text:?}"),
            Err(_) => format!("t{}", sessionscope::core::hex(text)),
        },
        ValueRef::Blob(bytes) => format!("x{}", sessionscope::core::hex(bytes)),
    }
}

/// The lines of a plan, to read: each after a line break.
pub fn lines(plan: &Json) -> String {
    let text = |line: &Json, name: &str| line[name].as_str().expect("text").to_owned();
    let lines = plan["plan"].as_array().expect("a plan").iter();
    lines
        .map(|l| {
            format!("\n{} {} {}: {}", text(l, "action"), text(l, "table"), text(l, "key"), text(l, "reason"))
        })
        .collect()
}

/// Long enough for a batch that holds the lock to be ended at its next row.
pub fn overdue() {
    thread::sleep(Duration::from_millis(70));
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file").permissions().mode() & 0o777
}
