//! A plan's lines as a table, read like every other: sorted, filtered, searched and exported by the same code.

use crate::core::repair::{Plan, RepairError};
use crate::core::{About, Table};
use crate::stores::sqlite::{
    Cancel, Clock, Mapping, Part, Schema, SqliteStore, connect, install, sqlite_error,
};
use std::cell::Cell;

/// Opens the lines of a plan for reading, on a connection of its own.
///
/// What is in the rows is not shown: it may be secret, and is for the log alone.
pub fn preview(plan: &Plan, clock: &Clock, cancel: &Cancel) -> Result<SqliteStore, RepairError> {
    let path = plan.items.path();
    let connection = connect(path, cancel)?;
    let fail = |error| RepairError::Store(sqlite_error(error, path));
    install(&connection, clock).map_err(fail)?;
    let part = Part::by_rowid("main.items AS t", "t.n")
        .set("action", "t.action")
        .set("class", "t.class")
        .set("table", "t.tbl")
        .set("key", "t.key")
        .set("reason", "t.reason")
        .set("at", "t.at")
        .order("t.n");
    let mut mapping = Mapping::default();
    mapping.add(Table::Plan, part);
    let about = About { stores: vec!["plan"], keeps: vec![Table::Plan], ..About::default() };
    Ok(SqliteStore {
        connection,
        schema: Schema::default(),
        mapping,
        about,
        filled: Cell::default(),
        path: path.to_owned(),
        clock: clock.clone(),
        cancel: cancel.clone(),
        link: None,
        lines: None,
        live: None,
        _copy: None,
    })
}
