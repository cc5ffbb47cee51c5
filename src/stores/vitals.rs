//! The verdict of `core::vitals` as an SQL function over a store's columns.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value as Sql, ValueRef};

use super::sqlite::Context;
use crate::core::vitals::{Sign, judge, reason};

/// What is done with the signs of one session.
pub type Weigh<'a> = &'a mut dyn FnMut(&[Sign<'_>]);

/// Adds a function to a connection that answers `liveness` or `reason`, its first argument, from the ones behind it.
///
/// `signs` reads the arguments, knows the time in milliseconds, and hands the signs on.
pub fn install(
    context: &Context<'_>,
    name: &str,
    arguments: i32,
    signs: impl Fn(&[ValueRef<'_>], i64, Weigh<'_>) + Send + 'static,
) -> rusqlite::Result<()> {
    let clock = context.file.clock.clone();
    context.connection.create_scalar_function(name, arguments + 1, FunctionFlags::SQLITE_UTF8, move |call| {
        let values: Vec<ValueRef<'_>> = (1..call.len()).map(|at| call.get_raw(at)).collect();
        let words = call.get_raw(0).as_str().is_ok_and(|what| what == "reason");
        let mut answer = String::new();
        signs(&values, clock.now_ms(), &mut |signs| {
            answer = if words { reason(signs) } else { judge(signs).liveness.word().to_owned() };
        });
        Ok(Sql::Text(answer))
    })
}
