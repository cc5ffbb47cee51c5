//! SQL functions that read what a line says from the file, when it is asked for.

use std::fs::File;
use std::sync::Arc;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error, Result};
use serde_json::json;

use super::line::{self, Line};
use crate::stores::blocks;
use crate::stores::lines::bytes_at;

/// Adds `line_content`, `line_parts`, `line_said`, `line_text` and `line_detail`: of the line at an offset, so many bytes long.
pub fn install(connection: &Connection, file: Arc<File>) -> Result<()> {
    let add = |name: &str, arguments, what: fn(&str, &Context<'_>) -> Result<String>| {
        let file = Arc::clone(&file);
        connection.create_scalar_function(name, arguments, FunctionFlags::SQLITE_UTF8, move |context| {
            let unsigned = |i| context.get::<i64>(i).map(|n| u64::try_from(n).unwrap_or_default());
            let bytes = bytes_at(&file, unsigned(0)?, unsigned(1)?)
                .map_err(|error| Error::UserFunctionError(Box::new(error)))?;
            what(&line::text(&bytes), context)
        })
    };
    add("line_content", 2, |text, _| Ok(body(text).1))?;
    add("line_parts", 2, |text, _| Ok(body(text).2))?;
    // For a search: one of the two is empty, and the line is read once.
    add("line_said", 2, |text, _| {
        let (_, content, parts) = body(text);
        Ok(if content.is_empty() { parts } else { content })
    })?;
    add("line_text", 2, |text, _| {
        let (role, content, parts) = body(text);
        // Of what is no message, the line itself.
        Ok(if parts == text { parts } else { blocks::text(&role, &content, &parts) })
    })?;
    add("line_detail", 3, |text, context| {
        let (number, at) = (context.get(2)?, context.get(0)?);
        let detail = match Line::read(text) {
            Some(line) => line.detail(number, at),
            None => json!({ "line": number, "offset": at }),
        };
        Ok(detail.to_string())
    })
}

/// Role, content and parts of a line, in the terms of [`blocks`].
fn body(text: &str) -> (String, String, String) {
    let Some(line) = Line::read(text) else { return (String::new(), String::new(), text.to_owned()) };
    let (content, parts) = line.body(text);
    (line.role().unwrap_or_default().into_owned(), content, parts)
}
