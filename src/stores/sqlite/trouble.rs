//! What a database's file and the files beside it tell of trouble, before a row is looked at.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Context, Mapping, TableInfo, beside, quote};
use crate::core::repair::RepairError;
use crate::core::{Defect, Finding, Severity, StoreError, Table, Tally, byte_size, group};
use crate::stores::repair::guard;

/// The first bytes of a rollback journal (SQLite's "Database File Format", section 3).
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
/// The first bytes of a write-ahead log but for the lowest bit, which says the order of its checksums' bytes (section 4.1).
const WAL_MAGIC: [u8; 4] = [0x37, 0x7f, 0x06, 0x82];

/// Less free room than this is not worth a word.
const LEAST_FREE_BYTES: u64 = 1_000_000;
/// In a table of fewer rows nobody waits for what is looked for among all of them.
const MANY_ROWS: i64 = 20_000;
/// A log larger than this is a warning.
const MOST_WAL_BYTES: u64 = 64 << 20;
/// SQLite writes a log back into its database when it has so many pages, unless a program says otherwise.
const CHECKPOINT_PAGES: u64 = 1000;
/// What stands before each page in a log.
const FRAME_HEADER_BYTES: u64 = 24;
/// A log so many times its database, and what a checkpoint allows, is worth a word.
const SEVERAL: u64 = 4;

/// The file that SQLite writes beside a database for as long as it changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Companion {
    WriteAheadLog,
    Journal,
}

impl Companion {
    /// What the first bytes of a file are the beginning of.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [a, b, c, d, ..] if [*a, *b, *c, d & !1] == WAL_MAGIC => Some(Self::WriteAheadLog),
            _ => head.starts_with(&JOURNAL_MAGIC).then_some(Self::Journal),
        }
    }

    /// The database that a file of this kind lies beside, by its name.
    pub fn database(self, path: &Path) -> Option<PathBuf> {
        let name = path.file_name()?.to_str()?.strip_suffix(self.suffix()).filter(|n| !n.is_empty())?;
        Some(path.with_file_name(name))
    }

    /// Why such a file is no store by itself; none for anything else.
    pub fn error(path: &Path, head: &[u8]) -> Option<StoreError> {
        let kind = Self::of(head)?;
        let (what, path) = (kind.words(), path.to_owned());
        let Some(database) = kind.database(&path) else {
            return Some(StoreError::Alone { what, database: "a SQLite database".into(), path });
        };
        let there = database.exists();
        let database = database.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Some(match there {
            true => StoreError::Companion { what, database, path },
            false => StoreError::Alone { what, database, path },
        })
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::WriteAheadLog => "-wal",
            Self::Journal => "-journal",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::WriteAheadLog => "write-ahead log",
            Self::Journal => "rollback journal",
        }
    }
}

/// What is worth knowing of the file; `copied` where a private copy of it is read.
pub fn findings(context: &Context<'_>, copied: bool) -> Vec<Finding> {
    let path = context.file.path.as_path();
    let mut findings = Vec::new();
    findings.extend(hot_journal(context, copied));
    findings.extend(free_pages(context));
    findings.extend(large_log(context));
    findings.extend(network(context));
    findings.extend(not_writable(path));
    findings.extend(quoted_defaults(context));
    findings
}

/// Large tables of several sessions' rows in which one session's are looked for among all: no index begins with its id.
pub fn wanted_indexes(context: &Context<'_>, mapping: &Mapping) -> Vec<Finding> {
    let mut found = Vec::new();
    for table in [Table::Messages, Table::Tasks, Table::State] {
        for part in mapping.parts_of(&table).into_iter().filter(|part| part.key_is_rowid) {
            let own = |info: &&TableInfo| part.from.starts_with(&format!("main.{} AS ", quote(&info.name)));
            let Some(info) = context.schema.tables.iter().find(own) else { continue };
            let id = part.column("session_id").sql;
            let Some(column) = id.rsplit('.').next().map(|column| column.trim_matches('"')) else { continue };
            let sql = format!("SELECT max(rowid) FROM main.{}", quote(&info.name));
            let rows: i64 = context.connection.query_row(&sql, [], |r| r.get(0)).unwrap_or_default();
            if rows < MANY_ROWS || !info.has(column) || info.is_indexed(column) {
                continue;
            }
            let (name, rows) = (&info.name, group(rows.unsigned_abs()));
            let message = format!(
                "No index of {name} begins with {column}: what belongs to one session is looked for among all of its {rows} rows"
            );
            found.push(Finding::info("index-wanted", message).at(format!("native:{name}"), "").suggest(format!(
                "The program that owns the file can add one: CREATE INDEX ... ON {name}({column}). Until then choosing a session takes as long as reading the table."
            )));
        }
    }
    found
}

/// Columns that get the words `CURRENT_TIMESTAMP` where they should get the time: in quotes it is a text (stores.md §3.5).
fn quoted_defaults(context: &Context<'_>) -> Option<Finding> {
    let is_quoted = |default: &str| {
        let moment = default.strip_prefix('\'').and_then(|d| d.strip_suffix('\'')).unwrap_or_default();
        ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"].iter().any(|m| moment.eq_ignore_ascii_case(m))
    };
    let mut tally = Tally::default();
    for table in context.schema.tables.iter().filter(|t| t.sql.to_ascii_uppercase().contains("'CURRENT_")) {
        let each = |row: &rusqlite::Row<'_>| {
            let default: Option<String> = row.get("dflt_value")?;
            if default.is_some_and(|default| is_quoted(&default)) {
                let column: String = row.get("name")?;
                tally.add(|| (String::new(), format!("{}.{column}", table.name)));
            }
            Ok(())
        };
        // What cannot be told of one table may be of the next.
        let _ = context.connection.pragma(Some("main"), "table_info", &table.name, each);
    }
    let defect = Defect::new(
        Severity::Info,
        "default-quoted",
        "column has a text for its default where the time was meant, since it is in quotes",
        "columns have a text for their default where the time was meant, since it is in quotes",
    );
    let advice =
        "Rows that were added without a time hold the word itself there, and sort behind all others.";
    tally.findings(&defect.suggest(advice), "").pop()
}

/// A journal that SQLite would roll back: only a copy is then read, since a read-only connection refuses the file itself.
///
/// The journal of a program that is just writing has the same header, and does not keep SQLite from opening the file.
fn hot_journal(context: &Context<'_>, copied: bool) -> Option<Finding> {
    if !copied || context.schema.journal_mode == "wal" {
        return None;
    }
    let mut head = Vec::new();
    let journal = beside(&context.file.path, Companion::Journal.suffix());
    if !std::fs::metadata(&journal).ok()?.is_file() {
        return None;
    }
    File::open(journal).and_then(|f| f.take(512).read_to_end(&mut head)).ok()?;
    (Companion::of(&head) == Some(Companion::Journal)).then(|| {
        Finding::warning(
            "journal-hot",
            "A transaction was broken off: its journal (-journal) lies beside the database, and what it had changed is not yet taken back",
        )
        .suggest(
            "What is shown is a private copy in which it was rolled back. The next program that opens the file for writing rolls it back there; keep the -journal beside it until then.",
        )
    })
}

fn free_pages(context: &Context<'_>) -> Option<Finding> {
    let pragma = |name| context.connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0)).ok();
    let page = u64::try_from(context.schema.page_size).ok()?;
    let free = u64::try_from(pragma("freelist_count")?).ok()?.checked_mul(page)?;
    let whole = u64::try_from(pragma("page_count")?).ok()?.checked_mul(page)?;
    // A damaged header may claim more than there is.
    let much = free >= LEAST_FREE_BYTES && free >= whole / 4 && free < whole;
    much.then(|| {
        Finding::info(
            "free-pages",
            format!("{} of the {} that the database takes are free", byte_size(free), byte_size(whole)),
        )
        .suggest(format!(
            "VACUUM would give back {}. It needs as much room again while it runs, and nobody else may use the file meanwhile.",
            byte_size(free)
        ))
    })
}

fn large_log(context: &Context<'_>) -> Option<Finding> {
    let log = context.file.wal_bytes.filter(|_| context.schema.journal_mode == "wal")?;
    let database = std::fs::metadata(&context.file.path).ok()?.len();
    let page = u64::try_from(context.schema.page_size).unwrap_or_default();
    let usual = CHECKPOINT_PAGES * (page + FRAME_HEADER_BYTES);
    let message =
        format!("The write-ahead log is {}, and the database {}", byte_size(log), byte_size(database));
    // With large pages a log is larger before it is written back.
    let finding = if log > MOST_WAL_BYTES.max(2 * usual) {
        Finding::warning("wal-large", message)
    } else if log > SEVERAL * database && log > SEVERAL * usual {
        Finding::info("wal-large", message)
    } else {
        return None;
    };
    Some(finding.suggest(
        "Some program keeps an old read open, never checkpoints, or wrote very much at once. The log is emptied when the last program that uses the database closes it.",
    ))
}

/// Says where a write-ahead log is shared over a network: its index is memory that the programs of one machine share.
fn network(context: &Context<'_>) -> Option<Finding> {
    if context.schema.journal_mode != "wal" {
        return None;
    }
    let name = network_of(&context.file.path)?;
    Some(
        Finding::warning(
            "shared-memory-network",
            format!("The file is on a network file system ({name}), where a write-ahead log does not work between machines"),
        )
        .suggest("Let programs of one machine only use it, or move it to a local disk."),
    )
}

fn network_of(path: &Path) -> Option<&'static str> {
    network_name(kind_of(path)?)
}

/// The file system on which a file changes without this machine's system being told: another machine may write it.
pub fn untold(path: &Path) -> Option<&'static str> {
    untold_name(kind_of(path)?)
}

/// As [`network_name`], for all those that may be written elsewhere.
pub fn untold_name(kind: u32) -> Option<&'static str> {
    match kind {
        // Whatever a program makes of it: a disk of another machine, most often.
        0x6573_5546 => Some("FUSE"),
        0x786f_4256 => Some("shared folders of VirtualBox"),
        kind => network_name(kind),
    }
}

/// The type of the file system that a file is on.
#[cfg(target_os = "linux")]
fn kind_of(path: &Path) -> Option<u32> {
    // It is a signed word on some machines, and its numbers have 32 bits.
    Some(rustix::fs::statfs(path).ok()?.f_type as u32)
}

#[cfg(not(target_os = "linux"))]
fn kind_of(_: &Path) -> Option<u32> {
    None
}

/// The network file system that a type of Linux's statfs(2) stands for; none for those of one machine.
pub fn network_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 => "CIFS",
        0xfe53_4d42 => "SMB 2",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564c => "NCP",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        _ => return None,
    })
}

fn not_writable(path: &Path) -> Option<Finding> {
    if beside(path, "-tshm").exists() {
        return Some(
            Finding::warning(
                "turso-shm",
                "Turso is coordinating access to the database (there is a -tshm file), which SQLite does not respect",
            )
            .suggest("What is shown may lag behind, and repairs are refused. Stop that program, and remove the -tshm file if it left it."),
        );
    }
    let Err(RepairError::MayNotWrite { reason, hint, .. }) = guard::ensure_plain(path, None) else {
        return None;
    };
    Some(Finding::info("file-not-writable", format!("Repairs will be refused. {reason}")).suggest(hint))
}
