//! What the files of a database tell at opening: each trouble, and what nearly is one.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sessionscope::core::{Finding, Flow, ReadStore as _, Severity, StoreError};
use sessionscope::stores::sqlite::{Cancel, network_name, untold_name};
use sessionscope::stores::{Options, folder, open};

use crate::support::{database, opened, options};

/// Codes of what these tests are about.
const CODES: [&str; 8] = [
    "free-pages",
    "wal-large",
    "journal-hot",
    "shared-memory-network",
    "turso-shm",
    "file-not-writable",
    "default-quoted",
    "index-wanted",
];

fn troubles(path: &Path) -> Vec<Finding> {
    troubles_with(path, &options())
}

fn troubles_with(path: &Path, options: &Options) -> Vec<Finding> {
    let opened = open(path, options).unwrap_or_else(|e| panic!("{e}"));
    opened.store.about().findings.iter().filter(|f| CODES.contains(&f.code)).cloned().collect()
}

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.code).collect()
}

/// A table with so many rows of a kilobyte.
fn rows(count: usize) -> String {
    format!(
        "CREATE TABLE t (a);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO t SELECT hex(zeroblob(500)) FROM n;"
    )
}

#[test]
fn free_room_is_worth_a_word_from_a_megabyte_and_a_quarter_on() {
    for (delete, said) in [("rowid > 1500", true), ("rowid <= 1150", false)] {
        let (_folder, path) = database("store.db", &format!("{} DELETE FROM t WHERE {delete};", rows(5000)));
        let found = troubles(&path);
        assert_eq!(codes(&found), if said { vec!["free-pages"] } else { vec![] }, "{delete}");
        if said {
            assert_eq!(found[0].severity, Severity::Info);
            assert!(found[0].message.starts_with("3.6 MB of the 5.1 MB"), "{found:?}");
        }
    }
    // All of it is free, and it is less than a megabyte.
    let (_folder, path) = database("store.db", &format!("{} DELETE FROM t;", rows(900)));
    assert_eq!(codes(&troubles(&path)), [""; 0]);
}

#[test]
fn a_log_is_large_by_itself_or_beside_its_database() {
    let (_folder, path) = database("store.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a);");
    let connection = Connection::open(&path).expect("a database");
    connection.execute_batch("INSERT INTO t VALUES (1)").expect("a row in the log");
    let log = path.with_file_name("store.db-wal");
    let file = File::options().write(true).open(&log).expect("the log");
    for (megabytes, said) in
        [(4, None), (15, None), (17, Some(Severity::Info)), (65, Some(Severity::Warning))]
    {
        file.set_len(megabytes << 20).expect("a larger log");
        let found = troubles(&path);
        assert_eq!(found.first().map(|f| f.severity), said, "{megabytes}: {found:?}");
        assert!(codes(&found).iter().all(|c| *c == "wal-large"), "{found:?}");
    }
    file.set_len(17 << 20).expect("a smaller log");
    // A large database may have one.
    connection.execute_batch(&rows(5000).replace("CREATE TABLE t (a);", "")).expect("rows");
    connection.execute_batch("PRAGMA wal_checkpoint").expect("written back");
    assert_eq!(codes(&troubles(&path)), [""; 0]);
}

#[test]
fn a_journal_that_was_left_is_told_from_one_that_is_being_written() {
    let (folder, path) = database("store.db", &rows(2000));
    let writer = Connection::open(&path).expect("a database");
    writer
        .execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE t SET a = 'changed' || a;")
        .expect("a transaction that has spilled to disk");
    let journal = path.with_file_name("store.db-journal");
    let left = folder.path().join("left.db");
    fs::copy(&path, &left).expect("a copy");
    fs::copy(&journal, folder.path().join("left.db-journal")).expect("its journal");
    assert!(matches!(open(&left, &options()), Err(StoreError::NeedsCopy { .. })));
    let copy = Options { copy: true, ..options() };
    let found = troubles_with(&left, &copy);
    assert_eq!((codes(&found), found[0].severity), (vec!["journal-hot"], Severity::Warning));
    // A journal that was finished by writing zeros over its header is none.
    fs::write(folder.path().join("left.db-journal"), [0; 600]).expect("written");
    writer.execute_batch("ROLLBACK").expect("rolled back");
    fs::copy(&path, &left).expect("a copy");
    assert_eq!(codes(&troubles_with(&left, &copy)), [""; 0]);
    assert_eq!(codes(&troubles(&path)), [""; 0]);
}

#[test]
fn network_file_systems_are_known_by_their_type() {
    // Types of NFS, of CIFS and of ext4, tmpfs and overlays.
    assert_eq!(network_name(0x6969), Some("NFS"));
    assert_eq!(network_name(0xff53_4d42), Some("CIFS"));
    // One of those may be a disk of this machine, so that it is no trouble; what is written to it is asked for.
    assert_eq!((network_name(0x6573_5546), untold_name(0x6573_5546)), (None, Some("FUSE")));
    assert_eq!((untold_name(0x6969), untold_name(0xef53)), (Some("NFS"), None));
    for local in [0xef53, 0x0102_1994, 0x794c_7630] {
        assert_eq!(network_name(local), None);
    }
}

#[test]
fn another_engine_and_what_may_not_be_written_are_said() {
    let (folder, path) = database("store.db", "CREATE TABLE t (a)");
    fs::write(folder.path().join("other.db-tshm"), "").expect("another's file");
    assert_eq!(codes(&troubles(&path)), [""; 0]);
    fs::set_permissions(&path, Permissions::from_mode(0o444)).expect("permissions");
    let found = troubles(&path);
    assert_eq!(codes(&found), ["file-not-writable"]);
    assert_eq!(found[0].message, "Repairs will be refused. The file is read only");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("permissions");
    fs::write(folder.path().join("store.db-tshm"), "").expect("a file");
    assert_eq!(codes(&troubles(&path)), ["turso-shm"]);
}

fn message(path: &Path) -> String {
    open(path, &options()).err().map(|e| format!("{e}. {}", e.hint())).unwrap_or_default()
}

fn members(folder: &Path) -> Vec<PathBuf> {
    folder::walk(folder, &Cancel::default(), &mut |_| Flow::Continue)
        .expect("a walk")
        .members
        .into_iter()
        .map(|m| m.path)
        .collect()
}

#[test]
fn a_log_or_a_journal_alone_says_what_it_is() {
    for (mode, suffix, what) in
        [("WAL", "-wal", "write-ahead log"), ("DELETE", "-journal", "rollback journal")]
    {
        let (from, path) = database("x.db", &format!("PRAGMA journal_mode = {mode}; {}", rows(500)));
        let writer = Connection::open(&path).expect("a database");
        writer
            .execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE t SET a = 'changed' || a;")
            .expect("a transaction that has spilled to disk");
        let name = format!("x.db{suffix}");
        let folder = tempfile::tempdir().expect("a folder");
        let alone = folder.path().join(&name);
        fs::copy(from.path().join(&name), &alone).expect("a copy");
        let said = message(&alone);
        assert!(
            said.starts_with(&format!("This is the {what} of x.db, and without that database")),
            "{said}"
        );
        assert!(said.contains("Put it beside the database"), "{said}");
        assert_eq!(members(folder.path()), [alone.as_path()]);
        // Beside its database it belongs to it.
        let said = message(&from.path().join(&name));
        assert!(said.contains("which lies beside it") && said.contains("Open the database itself"), "{said}");
        assert_eq!(members(from.path()), [path.as_path()]);
        // What only has such a name is none.
        fs::write(&alone, "nothing of the kind").expect("written");
        assert!(message(&alone).contains("This is no store that is known"));
        assert_eq!(members(folder.path()), [""; 0].map(PathBuf::from));
    }
}

/// Findings of a file named `sessions.json`, and whether it is said to be damaged.
fn document(bytes: &[u8]) -> (Vec<Finding>, bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sessions.json");
    fs::write(&path, bytes).expect("written");
    let opened = opened(&path);
    let about = opened.store.about();
    (about.findings.iter().filter(|f| f.code.starts_with("json")).cloned().collect(), about.damaged)
}

#[test]
fn an_encoding_is_named_with_its_first_byte() {
    let text = "\n{\"github:dev:acme/caf\u{e9}:1\": {\"session_id\": \"s\", \"last_used\": 1795255000000}}";
    for (big, mark, name, first) in [
        (false, false, "UTF-16 (little-endian, without a byte-order mark)", 1),
        (true, false, "UTF-16 (big-endian, without a byte-order mark)", 0),
        (false, true, "UTF-16 (little-endian, with a byte-order mark)", 0),
        (true, true, "UTF-16 (big-endian, with a byte-order mark)", 0),
    ] {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        let bytes: Vec<u8> =
            units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
        let (found, damaged) = document(&bytes);
        assert!(damaged, "{name}");
        assert_eq!(
            found[0].message,
            format!("The file is {name}, and JSON is read as UTF-8, which byte {first} is none of")
        );
        assert!(found[0].suggestion.contains("Save the file as UTF-8"), "{found:?}");
    }
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
    let windows: Vec<u8> = latin.iter().map(|b| if *b == 0xe9 { 0x92 } else { *b }).collect();
    for (bytes, name) in [(latin, "Latin-1"), (windows, "Windows-1252")] {
        let (found, damaged) = document(&bytes);
        assert!(damaged, "{name}");
        let said = format!(
            "1 place has bytes that are not UTF-8, at byte 22 (line 2, column 22): the file seems to be written in {name}"
        );
        assert_eq!(found[0].message, said);
        assert!(found[0].suggestion.contains("save it as UTF-8"), "{found:?}");
    }
    // One stray byte in what else is UTF-8 is no other encoding; and UTF-8 is nothing to speak of.
    let mut stray = text.as_bytes().to_vec();
    stray.insert(10, 0xe9);
    let (found, _) = document(&stray);
    assert_eq!(found[0].message, "1 place has bytes that are not UTF-8, at byte 10 (line 2, column 10)");
    let (found, damaged) = document(text.as_bytes());
    assert!(found.is_empty() && !damaged, "{found:?}");
}

#[test]
fn an_encoding_is_named_of_a_document_that_is_not_known_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("package.json");
    let utf16: Vec<u8> = "{\"name\": \"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, said) in [
        (utf16, "it seems to be UTF-16 (little-endian, without a byte-order mark), whose byte 1"),
        (b"{\"name\": \"caf\xe9\"}".to_vec(), "it seems to be Latin-1, whose byte 13"),
        (b"{\"name\": \"cafe\"}".to_vec(), "its text is none of the documents"),
        (vec![0x9d, 3, 200, 7, 1, 0x81], "neither a SQLite database nor text"),
    ] {
        fs::write(&path, bytes).expect("written");
        assert!(message(&path).contains(said), "{}", message(&path));
    }
}

#[test]
fn a_default_that_is_a_word_instead_of_the_time_is_said() {
    let sql = "CREATE TABLE a (at text DEFAULT 'CURRENT_TIMESTAMP', day text default 'current_date', n text DEFAULT 'CURRENT');
        CREATE TABLE b (at text DEFAULT (current_timestamp), \"it's 'CURRENT_TIMESTAMP'\" text DEFAULT CURRENT_TIMESTAMP);";
    let (_folder, path) = database("store.db", sql);
    let found = troubles(&path);
    assert_eq!(codes(&found), ["default-quoted"]);
    assert!(
        found[0].message.starts_with("2 columns have a text") && found[0].message.ends_with(": a.at, a.day"),
        "{found:?}"
    );
    let (_folder, path) = database("store.db", &sql[sql.find("CREATE TABLE b").unwrap_or_default()..]);
    assert_eq!(codes(&troubles(&path)), [""; 0]);
}

#[test]
fn an_index_that_choosing_a_session_wants_is_said_of_large_tables() {
    let many = |rows: u32, index: &str| {
        format!(
            "CREATE TABLE messages (id TEXT PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, created_at INTEGER); {index}
             CREATE TABLE session_meta (session_id TEXT, key TEXT, value TEXT, PRIMARY KEY (session_id, key));
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO messages SELECT 'm' || i, 's' || (i % 9), 'user', 'x', 1769972640 + i FROM n;"
        )
    };
    let index = "CREATE INDEX i ON messages(session_id, created_at);";
    for (rows, index, said) in [(20_000, "", true), (19_999, "", false), (20_000, index, false)] {
        let (_folder, path) = database("many.sqlite", &many(rows, index));
        let found = troubles(&path);
        assert_eq!(codes(&found), if said { vec!["index-wanted"] } else { vec![] }, "{rows} {index}");
        if said {
            assert!(found[0].message.contains("among all of its 20,000 rows"), "{found:?}");
        }
    }
}
