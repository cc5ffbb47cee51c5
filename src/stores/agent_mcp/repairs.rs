//! What can be pruned and deleted of Agent-MCP's sessions.
//!
//! Rules: stores.md §3.3 and §3.4. A beat does not extend the grace period, so a session that lives can be marked expired:
//! a fresh beat protects it here. The program deletes no session, and removes expired state only when it is asked for.

use std::collections::HashSet;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::vitals::{EXPIRED, Session};
use crate::core::repair::{
    Candidate, Dependant, Each, Edit, Offer, PruneOptions, Record, RepairError, Stored,
};
use crate::core::span;
use crate::core::vitals::{Liveness, Verdict};
use crate::stores::repair::{Db, Owned, Repairs, Shape};
use crate::stores::sqlite::{lossy, time_ms};

const SESSIONS: &str = "mcp_session_persistence";
const STATE: &str = "agent_session_state";
const CLAUDE: &str = "claude_code_sessions";

/// How long after its last beat an expired session may go.
const MOST_AGE_MS: i64 = 30 * 86_400_000;

/// Repairs of the two session tables.
pub struct AgentMcpRepairs;

impl Repairs for AgentMcpRepairs {
    fn offers(&self) -> &'static [Offer] {
        &[Offer::Prune, Offer::DeleteSessions, Offer::Migrate]
    }

    fn noun(&self, table: &str) -> Option<&'static str> {
        match table {
            SESSIONS | CLAUDE => Some("session"),
            STATE => Some("state entry"),
            _ => None,
        }
    }

    fn owned(&self) -> &'static [Owned] {
        &[Owned {
            parent: SESSIONS,
            refers_to: "mcp_session_id",
            child: STATE,
            column: "mcp_session_id",
            why: "it is the state of a session that goes",
        }]
    }

    fn prune_rule(&self, older_than_ms: Option<i64>) -> Option<String> {
        let age = span(older_than_ms.unwrap_or(MOST_AGE_MS));
        Some(format!(
            "expired sessions silent for longer than {age} and state that ran out, and marks sessions whose grace period ended"
        ))
    }

    fn prunable(
        &self,
        db: &Db<'_>,
        options: &PruneOptions,
        each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<bool, RepairError> {
        let Some(shape) = db.shape(SESSIONS)? else { return Ok(false) };
        let after_ms = options.older_than_ms.unwrap_or(MOST_AGE_MS);
        let mut going = HashSet::new();
        db.all(&shape, &mut |row| {
            let session = Judged::read(db, &shape, row);
            if session.goes(db.now_ms, after_ms) {
                going.insert(session.id.clone());
            }
            session.judge(db, &shape, row, after_ms, each)
        })?;
        state(db, &going, each)?;
        Ok(true)
    }

    fn session_rows(
        &self,
        db: &Db<'_>,
        id: &str,
        each: &mut Each<'_, Dependant>,
    ) -> Result<bool, RepairError> {
        for (table, column) in [(SESSIONS, "mcp_session_id"), (CLAUDE, "session_id")] {
            db.chosen(table, column, id, each)?;
        }
        Ok(true)
    }
}

/// A session with the verdict on it: the one that is shown.
struct Judged {
    id: String,
    session: Session,
    verdict: Verdict,
}

impl Judged {
    fn read(db: &Db<'_>, shape: &Shape, row: &Row<'_>) -> Self {
        // A column that cannot be read decides nothing.
        let value = |column: &str| {
            shape.place_of(column).and_then(|at| row.get_ref(at).ok()).unwrap_or(ValueRef::Null)
        };
        let session = Session::of(value);
        let verdict = session.verdict(db.now_ms, db.path);
        Self { id: lossy(value("mcp_session_id")), session, verdict }
    }

    fn is_expired(&self) -> bool {
        self.session.status.as_deref() == Some(EXPIRED)
    }

    fn goes(&self, now_ms: i64, after_ms: i64) -> bool {
        !self.verdict.protects
            && self.session.is_over(now_ms)
            && self.session.beat_ms.is_some_and(|beat| now_ms.saturating_sub(beat) > after_ms)
    }

    fn judge(
        &self,
        db: &Db<'_>,
        shape: &Shape,
        row: &Row<'_>,
        after_ms: i64,
        each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
    ) -> Result<(), RepairError> {
        let now = db.now_ms;
        let lives = match self.verdict.liveness {
            Liveness::Alive => "it lives",
            _ => "it may live",
        };
        let protected =
            self.verdict.protects.then(|| format!("{lives}: {}", self.session.reason(now, db.path)));
        let heard = Candidate {
            table: &shape.table,
            key: &self.id,
            since_ms: self.session.beat_ms,
            after_ms,
            words: ["not heard of", "heard of"],
            protected: protected.as_deref(),
            edit: &|| db.deletion(shape, row),
        };
        // A beat that is yet to come tells nothing of when it was last heard of.
        let ahead = self.session.beat_ms.is_some_and(|beat| beat > now);
        if protected.is_some() || ahead || self.is_expired() || self.goes(now, after_ms) {
            return each(heard);
        }
        each(Candidate {
            since_ms: self.session.grace_ms,
            after_ms: 0,
            words: ["its grace period ended", "its grace period ends"],
            edit: &|| Ok(marked(db.deletion(shape, row)?, shape)),
            ..heard
        })
    }
}

/// The edit that marks a session expired, made of the one that would delete it.
fn marked(mut edit: Edit, shape: &Shape) -> Edit {
    edit.after = edit.before.as_ref().map(|before| {
        let columns = shape.columns.iter().zip(before.values());
        Record::of(columns.map(|(name, value)| match name.eq_ignore_ascii_case("status") {
            true => Stored::Text(EXPIRED.as_bytes()),
            false => value,
        }))
    });
    edit
}

/// State entries that ran out; those of sessions that go are told with them.
fn state(
    db: &Db<'_>,
    going: &HashSet<String>,
    each: &mut dyn FnMut(Candidate<'_>) -> Result<(), RepairError>,
) -> Result<(), RepairError> {
    let Some(shape) = db.shape(STATE)? else { return Ok(()) };
    db.all(&shape, &mut |row| {
        let value = |column: &str| match shape.place_of(column) {
            Some(at) => row.get_ref(at).map_err(|e| db.fail(e)),
            None => Ok(ValueRef::Null),
        };
        let session = lossy(value("mcp_session_id")?);
        if going.contains(&session) {
            return Ok(());
        }
        let raw = value("expires_at")?;
        let never = matches!(raw, ValueRef::Null);
        let key = format!("{} · {session} · {}", lossy(value("agent_id")?), lossy(value("state_key")?));
        each(Candidate {
            table: &shape.table,
            key: &key,
            since_ms: time_ms(raw),
            after_ms: 0,
            words: ["expired", "expires"],
            protected: never.then_some("it never expires"),
            edit: &|| db.deletion(&shape, row),
        })
    })
}
