//! What can be repaired in the session table.
//!
//! Rules: stores.md §5.1. The program resumes nothing that was last used more than 24 hours ago; a time of 0 is of the
//! first format, which kept none.

use super::MOST_AGE;
use super::database::TABLE;
use crate::core::repair::{
    Candidate, Dependant, Each, EachKey, Edit, KnownSession, NewSession, Offer, PruneOptions, Record,
    RepairError, Stored,
};
use crate::stores::repair::{Db, Repairs, text_key};
use crate::stores::sqlite::{lossy, time_ms};

/// Repairs of `claude_sdk_sessions`.
pub struct DatabaseRepairs;

impl Repairs for DatabaseRepairs {
    fn offers(&self) -> &'static [Offer] {
        &[Offer::ImportInto, Offer::Prune, Offer::DeleteIssue, Offer::DeleteSessions, Offer::Migrate]
    }

    fn noun(&self, table: &str) -> Option<&'static str> {
        match table {
            TABLE => Some("session"),
            _ => None,
        }
    }

    fn prune_rule(&self, older_than_ms: Option<i64>) -> Option<String> {
        Some(super::prune_rule(older_than_ms))
    }

    fn prunable(
        &self,
        db: &Db<'_>,
        options: &PruneOptions,
        each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        let Some(shape) = db.shape(TABLE)? else { return Ok(false) };
        let (Some(key), Some(used)) = (shape.place_of("key"), shape.place_of("last_used_at")) else {
            return Ok(false);
        };
        db.all(&shape, &mut |row| {
            let value = |at| row.get_ref(at).map_err(|e| db.fail(e));
            let key = lossy(value(key)?);
            each(Candidate {
                table: &shape.table,
                key: &key,
                since_ms: time_ms(value(used)?),
                after_ms: options.older_than_ms.unwrap_or(MOST_AGE),
                words: ["not used", "used"],
                protected: None,
                edit: &|| db.deletion(&shape, row),
            })
        })?;
        Ok(true)
    }

    fn resume_keys(&self, db: &Db<'_>, each: &mut EachKey<'_>) -> Result<bool, RepairError> {
        let Some(shape) = db.shape(TABLE)? else { return Ok(false) };
        db.texts(&shape, "key", &mut |key| {
            each(key, &shape.table, &|| {
                let mut id = text_key(key);
                db.each(&shape, "WHERE key = ?", &[Stored::Text(key.as_bytes())], &mut |row| {
                    id = shape.id(row).map_err(|e| db.fail(e))?;
                    Ok(())
                })?;
                Ok(id)
            })
        })?;
        Ok(true)
    }

    fn session_rows(
        &self,
        db: &Db<'_>,
        id: &str,
        each: &mut Each<'_, Dependant>,
    ) -> Result<bool, RepairError> {
        db.chosen(TABLE, "key", id, each)?;
        Ok(true)
    }

    fn session_of_key(&self, db: &Db<'_>, key: &str) -> Result<Option<KnownSession>, RepairError> {
        if db.shape(TABLE)?.is_none() {
            return Ok(None);
        }
        let sql = format!("SELECT session_id, last_used_at FROM main.{TABLE} WHERE key = ?1");
        let mut select = db.connection.prepare_cached(&sql).map_err(|e| db.fail(e))?;
        let mut rows = select.query([key]).map_err(|e| db.fail(e))?;
        let Some(row) = rows.next().map_err(|e| db.fail(e))? else { return Ok(None) };
        let value = |at| row.get_ref(at).map_err(|e| db.fail(e));
        Ok(Some(KnownSession { session_id: lossy(value(0)?), last_used_ms: time_ms(value(1)?) }))
    }

    fn insert_session(&self, db: &Db<'_>, session: &NewSession<'_>) -> Option<Edit> {
        let values = [
            ("key", Stored::Text(session.key.as_bytes())),
            ("session_id", Stored::Text(session.session_id.as_bytes())),
            ("last_used_at", Stored::Integer(session.last_used_ms)),
            ("created_at", Stored::Integer(session.created_ms)),
        ];
        let (table, record) = match db.shape(TABLE).ok()? {
            Some(shape) => (shape.table.clone(), shape.record_of(&values)),
            // A step of the same plan makes it, with the columns in this order.
            None => (TABLE.into(), Record::of(values.map(|(_, value)| value))),
        };
        Some(Edit::insert(&table, text_key(session.key), record))
    }
}
