//! What can be deleted from, and imported into, a Durable Object.

use crate::core::NativeKind;
use crate::core::repair::{Dependant, Each, Edit, Offer, RepairError, Stored};
use crate::stores::migrations::LEDGER;
use crate::stores::repair::{Db, Repairs, text_key};

/// Repairs of an object as a whole: it is one session.
pub struct ObjectRepairs;

impl Repairs for ObjectRepairs {
    fn offers(&self) -> &'static [Offer] {
        &[Offer::ImportFrom, Offer::DeleteSessions]
    }

    fn noun(&self, table: &str) -> Option<&'static str> {
        match table {
            "_cf_KV" => Some("entry"),
            _ => None,
        }
    }

    fn session_rows(
        &self,
        db: &Db<'_>,
        id: &str,
        each: &mut Each<'_, Dependant>,
    ) -> Result<bool, RepairError> {
        // What a virtual table keeps for itself cannot be taken row by row.
        if db.schema.tables.iter().any(|t| matches!(t.kind, NativeKind::Virtual { .. } | NativeKind::Shadow))
        {
            return Ok(false);
        }
        if id != db.stem {
            return Ok(true);
        }
        let own = |t: &&crate::stores::sqlite::TableInfo| {
            t.kind == NativeKind::Table && !t.name.starts_with("sqlite_") && t.name != LEDGER
        };
        for table in db.schema.tables.iter().filter(own) {
            db.belonging(&table.name, &format!("it belongs to the object {id}"), each)?;
        }
        Ok(true)
    }

    fn insert_value(&self, db: &Db<'_>, key: &str, value: &[u8]) -> Option<Edit> {
        let shape = db.shape("_cf_KV").ok()??;
        let record =
            shape.record_of(&[("key", Stored::Text(key.as_bytes())), ("value", Stored::Blob(value))]);
        Some(Edit::insert(&shape.table, text_key(key), record))
    }
}
