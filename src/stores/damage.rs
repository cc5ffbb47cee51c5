//! What can still be read of a database that is broken, and what is said of it at opening.

use std::path::Path;

use rusqlite::Connection;

use super::open::{head, size};
use super::sqlite::{Schema, sqlite_error};
use crate::core::{Finding, StoreError, group};

/// The code of what says that the end of the file is missing.
pub const TRUNCATED: &str = "database-truncated";

/// The schema as far as it can be read, and what is wrong with it.
///
/// # Errors
/// Where nothing of it can be read.
pub fn schema(
    connection: &Connection,
    path: &Path,
    real: &Path,
) -> Result<(Schema, Vec<Finding>), StoreError> {
    let error = match Schema::read(connection).map_err(|e| sqlite_error(e, path)) {
        Err(error) if error.is_damage() => error,
        read => return read.map(|schema| (schema, Vec::new())),
    };
    let lost = lost_bytes(connection, real);
    let schema = salvage(connection).map_err(|_| StoreError::Damaged {
        what: match lost {
            Some((size, whole)) => format!(
                "it ends after {} of {} bytes, and the list of its tables is in the part that is missing",
                group(size),
                group(whole)
            ),
            None => error.to_string(),
        },
        path: path.to_owned(),
    })?;
    let lost = lost.map(|(size, whole)| cut(size, whole));
    Ok((schema, [broken(&error)].into_iter().chain(lost).collect()))
}

/// What is said of damage that opening came across.
pub fn broken(error: &StoreError) -> Finding {
    Finding::error("database-damaged", error.to_string()).suggest(error.hint())
}

/// Reads what can be read of a schema that SQLite rejects, by letting it pass over the entries it cannot parse.
fn salvage(connection: &Connection) -> rusqlite::Result<Schema> {
    use rusqlite::config::DbConfig;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    // On a read-only connection this changes only how the schema is parsed.
    connection.execute_batch("PRAGMA writable_schema = ON")?;
    Schema::read(connection)
}

/// Whether the file of a database that SQLite opens ends within its last page.
///
/// The number of pages is SQLite's own: reading the header as a plain file drops this process's locks on the database.
pub fn truncated(connection: &Connection, real: &Path) -> Option<Finding> {
    let read = |pragma: &str| connection.pragma_query_value(None, pragma, |r| r.get::<_, i64>(0)).ok();
    let whole = read("page_count")?.checked_mul(read("page_size")?)?.unsigned_abs();
    shorter(real, whole).map(|(size, whole)| cut(size, whole))
}

fn cut(size: u64, whole: u64) -> Finding {
    let message =
        format!("The file ends after {} of {} bytes: its end is missing", group(size), group(whole));
    let finding = Finding::error(TRUNCATED, message);
    finding.suggest("Restore it from a backup; what is left can be read.")
}

/// How many bytes a file has, and how many it should have by its header, where those are more.
///
/// Source: SQLite's "Database File Format", section 1.3.7: the number of pages in the header holds where the change counter and
/// `version-valid-for` are the same.
fn lost_bytes(connection: &Connection, real: &Path) -> Option<(u64, u64)> {
    let head = head(real).ok()?;
    let number = |at: usize| head.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let page_size: i64 = connection.pragma_query_value(None, "page_size", |r| r.get(0)).ok()?;
    let pages = u64::from(number(28).filter(|_| number(24) == number(92))?);
    shorter(real, pages.checked_mul(page_size.unsigned_abs())?)
}

/// With a log, the pages that the file lacks are in it.
fn shorter(real: &Path, whole: u64) -> Option<(u64, u64)> {
    let size = size(real);
    (size.wal_bytes == 0 && size.file_bytes < whole).then_some((size.file_bytes, whole))
}
