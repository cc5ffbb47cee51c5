//! Rows as CSV, JSON, JSON lines or Markdown, one at a time.

mod html;
mod markdown_document;
pub mod session;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Column, ColumnKind, Row, Timestamp, Value, broken_text, hex, is_hidden, visible};

/// JSON nested deeper than this stays a string: common readers stop at 128 levels, the row's own included.
const MOST_LEVELS: usize = 100;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One array of objects.
    Json,
    /// One object a line.
    JsonLines,
    /// RFC 4180, with a header line.
    Csv,
    /// A table as GitHub's Markdown has it.
    Markdown,
}

/// What is written of every row: the columns, `row` (its identity), and, of a folder's rows, `file` before them.
///
/// Times are RFC 3339 or null, flags true or false, numbers as exact as they are stored. In JSON, a JSON column is
/// nested where its text is JSON that readers take (at most 100 levels deep), and is a string where it is not;
/// bytes are `{"$blob": "00ff"}`, as in row identities. In CSV a null is an empty field and an empty text is `""`.
#[derive(Debug)]
pub struct Sheet {
    format: Format,
    columns: Vec<Column>,
    names: Vec<String>,
    files: bool,
}

impl Sheet {
    pub fn new(format: Format, columns: &[Column], files: bool) -> Self {
        Self { format, columns: columns.to_vec(), names: heads(columns), files }
    }

    /// Writes what comes before the first row.
    pub fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let names = || {
            let own = self.names.iter().map(String::as_str);
            self.files.then_some("file").into_iter().chain(own).chain(["row"])
        };
        match self.format {
            Format::Json => out.write_all(b"["),
            Format::JsonLines => Ok(()),
            Format::Csv => {
                for (i, name) in names().enumerate() {
                    separate(i, ",", out)?;
                    csv_text(name, out)?;
                }
                out.write_all(b"\r\n")
            }
            Format::Markdown => {
                for name in names() {
                    write!(out, "| {} ", markdown(name))?;
                }
                out.write_all(b"|\n")?;
                names().try_for_each(|_| out.write_all(b"| --- "))?;
                out.write_all(b"|\n")
            }
        }
    }

    /// Writes a row; `before` is the number of rows already written.
    pub fn row(&self, before: u64, file: &str, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Json => {
                out.write_all(if before == 0 { b"\n" } else { b",\n" })?;
                self.json_row(file, row, out)
            }
            Format::JsonLines => {
                self.json_row(file, row, out)?;
                out.write_all(b"\n")
            }
            Format::Csv => self.csv_row(file, row, out),
            Format::Markdown => {
                if self.files {
                    write!(out, "| {} ", markdown(file))?;
                }
                for (column, value) in self.cells(row) {
                    write!(out, "| {} ", markdown(&shown(column, value)))?;
                }
                writeln!(out, "| {} |", markdown(&row.key.to_string()))
            }
        }
    }

    /// Writes what comes after the last row.
    pub fn foot(&self, written: u64, out: &mut dyn Write) -> io::Result<()> {
        match (self.format, written) {
            (Format::Json, 0) => out.write_all(b"]\n"),
            (Format::Json, _) => out.write_all(b"\n]\n"),
            _ => Ok(()),
        }
    }

    fn cells<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a Column, &'a Value)> {
        self.columns.iter().zip(row.cells.iter().map(|c| &c.value))
    }

    fn json_row(&self, file: &str, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"{")?;
        if self.files {
            out.write_all(b"\"file\":")?;
            json_string(file, out)?;
            out.write_all(b",")?;
        }
        for ((column, value), name) in self.cells(row).zip(&self.names) {
            json_string(name, out)?;
            out.write_all(b":")?;
            json_value(column, value, out)?;
            out.write_all(b",")?;
        }
        out.write_all(b"\"row\":")?;
        json_string(&row.key.to_string(), out)?;
        out.write_all(b"}")
    }

    fn csv_row(&self, file: &str, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        if self.files {
            csv_text(file, out)?;
            out.write_all(b",")?;
        }
        for (column, value) in self.cells(row) {
            match value {
                Value::Null => {}
                // Numbers begin no formula: `-5` is one, and stays one.
                Value::Integer(_) | Value::Real(_) => out.write_all(shown(column, value).as_bytes())?,
                _ => csv_text(&shown(column, value), out)?,
            }
            out.write_all(b",")?;
        }
        csv_text(&row.key.to_string(), out)?;
        out.write_all(b"\r\n")
    }
}

/// The names of columns where `row` and `file` are taken: a store's own column of that name gets `_` behind it.
pub fn heads(columns: &[Column]) -> Vec<String> {
    let taken = |name: &str| ["row", "file"].contains(&name) || columns.iter().any(|c| c.name == name);
    let head = |column: &Column| {
        let mut name = column.name.to_string();
        if ["row", "file"].contains(&column.name.as_ref()) {
            while taken(&name) {
                name.push('_');
            }
        }
        name
    };
    columns.iter().map(head).collect()
}

/// A value as text for people: nothing for null; bytes that are no UTF-8 as `‹xFF›`.
pub fn shown<'a>(column: &Column, value: &'a Value) -> Cow<'a, str> {
    match (column.kind, value) {
        (_, Value::Null) => "".into(),
        (ColumnKind::Time, Value::Integer(ms)) => Timestamp(*ms).rfc3339().into(),
        (ColumnKind::Flag, Value::Integer(0)) => "false".into(),
        (ColumnKind::Flag, Value::Integer(1)) => "true".into(),
        (_, Value::Integer(n)) => n.to_string().into(),
        // Debug writes the shortest digits that read back as the same number.
        (_, Value::Real(n)) => format!("{n:?}").into(),
        (_, Value::Text(text)) => text.as_str().into(),
        (_, Value::BadText(bytes)) => broken_text(bytes).into(),
        (_, Value::Blob(bytes)) => format!("x'{}'", hex(bytes)).into(),
    }
}

/// Writes text that is JSON on one line: without white space between its parts, and with hidden characters escaped.
pub fn one_line(json: &str, out: &mut dyn Write) -> io::Result<()> {
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in json.char_indices() {
        let skip = !quoted && matches!(c, ' ' | '\t' | '\n' | '\r');
        let hide = quoted && is_hidden(c);
        if skip || hide {
            out.write_all(&json.as_bytes()[start..at])?;
            start = at + c.len_utf8();
        }
        if hide {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    out.write_all(&json.as_bytes()[start..])
}

fn json_value(column: &Column, value: &Value, out: &mut dyn Write) -> io::Result<()> {
    match (column.kind, value) {
        // What the store has no more columns for is an object all the same.
        (ColumnKind::Json, Value::Null) if column.name == "detail" => out.write_all(b"{}"),
        (_, Value::Null) => out.write_all(b"null"),
        (ColumnKind::Time, Value::Integer(_)) => json_string(&shown(column, value), out),
        (ColumnKind::Json, Value::Text(text)) if is_json(text) => one_line(text, out),
        (_, Value::Integer(_)) => out.write_all(shown(column, value).as_bytes()),
        (_, Value::Real(n)) if n.is_finite() => out.write_all(shown(column, value).as_bytes()),
        (_, Value::Real(n)) => write!(out, "{{\"$real\":\"{n}\"}}"),
        (_, Value::Blob(bytes)) => write!(out, "{{\"$blob\":\"{}\"}}", hex(bytes)),
        _ => json_string(&shown(column, value), out),
    }
}

fn json_string(text: &str, out: &mut dyn Write) -> io::Result<()> {
    one_line(&serde_json::to_string(text)?, out)
}

fn csv_text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    // A spreadsheet would run these as a formula.
    let lead = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    let plain = !text.is_empty() && !text.contains([',', '"', '\n', '\r']) && text.trim() == text;
    match plain {
        true => write!(out, "{lead}{text}"),
        false => write!(out, "\"{lead}{}\"", text.replace('"', "\"\"")),
    }
}

/// Text as a cell of a Markdown table, with nothing in it that would be markup.
fn markdown(text: &str) -> String {
    let text = visible(text);
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("<br>"),
            '\t' => out.push(' '),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

fn separate(at: usize, separator: &str, out: &mut dyn Write) -> io::Result<()> {
    if at > 0 { out.write_all(separator.as_bytes()) } else { Ok(()) }
}

fn is_json(text: &str) -> bool {
    depth(text) <= MOST_LEVELS && serde_json::from_str::<Readable>(text).is_ok()
}

fn depth(json: &str) -> usize {
    let (mut deepest, mut level, mut quoted, mut escaped) = (0, 0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            b'"' if !escaped => quoted = !quoted,
            b'[' | b'{' if !quoted => level += 1,
            b']' | b'}' if !quoted => level = level.saturating_sub(1),
            _ => {}
        }
        escaped = quoted && byte == b'\\' && !escaped;
        deepest = deepest.max(level);
    }
    deepest
}

/// JSON that any reader takes: parsed and thrown away, so that depth, numbers out of range and half surrogates show.
struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Readable)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Readable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Readable>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Readable, Readable>()?.is_some() {}
        Ok(self)
    }
}
