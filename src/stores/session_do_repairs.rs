//! What can be deleted from, and imported into, a session's own tables.

use super::repair::{Db, Repairs, text_key};
use crate::core::repair::{Dependant, DocumentMessage, Each, Edit, Offer, Record, RepairError, Stored};

/// Repairs of `messages`, `tasks`, `session_meta` and what later versions keep beside them.
pub struct SessionDoRepairs;

/// The tables whose rows are the session's.
const TABLES: [&str; 5] = ["messages", "tasks", "turns", "session_events", "session_meta"];

impl Repairs for SessionDoRepairs {
    fn offers(&self) -> &'static [Offer] {
        &[Offer::ImportInto, Offer::DeleteSessions, Offer::Migrate]
    }

    fn noun(&self, table: &str) -> Option<&'static str> {
        match table {
            "messages" => Some("message"),
            "tasks" => Some("task"),
            "session_meta" => Some("fact"),
            "turns" => Some("turn"),
            "session_events" => Some("event"),
            _ => None,
        }
    }

    fn session_rows(
        &self,
        db: &Db<'_>,
        id: &str,
        each: &mut Each<'_, Dependant>,
    ) -> Result<bool, RepairError> {
        if id != db.stem {
            return Ok(true);
        }
        for table in TABLES {
            db.belonging(table, &format!("it belongs to the session {id}"), each)?;
        }
        Ok(true)
    }

    fn insert_message(&self, db: &Db<'_>, message: &DocumentMessage) -> Option<Edit> {
        // The table counts seconds.
        let seconds = message.created_ms.unwrap_or(0) / 1000;
        let values = [
            ("id", Stored::Text(message.id.as_bytes())),
            ("role", Stored::Text(message.role.as_bytes())),
            ("content", Stored::Text(message.content.as_bytes())),
            ("parts", message.parts.as_ref().map_or(Stored::Null, |p| Stored::Text(p.as_bytes()))),
            ("created_at", Stored::Integer(seconds)),
        ];
        Some(insert(db, "messages", &message.id, &values))
    }

    fn insert_meta(&self, db: &Db<'_>, key: &str, value: &str) -> Option<Edit> {
        let values = [("key", Stored::Text(key.as_bytes())), ("value", Stored::Text(value.as_bytes()))];
        Some(insert(db, "session_meta", key, &values))
    }
}

fn insert(db: &Db<'_>, table: &str, key: &str, values: &[(&str, Stored<'_>)]) -> Edit {
    let (table, record) = match db.shape(table) {
        Ok(Some(shape)) => (shape.table.clone(), shape.record_of(values)),
        // A step of the same plan makes it, with the columns in this order.
        _ => (table.into(), Record::of(values.iter().map(|(_, value)| *value))),
    };
    Edit::insert(&table, text_key(key), record)
}
