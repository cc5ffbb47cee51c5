//! What holds for every store: a plan is all that happens, and undoing it gives back every bit.

use proptest::prelude::*;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};

use super::inside::{Inside, delete_object, prune};
use super::rows;

/// A value of any kind, whatever the column is declared as.
#[derive(Debug, Clone)]
enum Any {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    BadText(Vec<u8>),
    Blob(Vec<u8>),
}

impl ToSql for Any {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Any::Null => ValueRef::Null,
            Any::Integer(n) => ValueRef::Integer(*n),
            Any::Real(n) => ValueRef::Real(*n),
            Any::Text(text) => ValueRef::Text(text.as_bytes()),
            Any::BadText(bytes) => ValueRef::Text(bytes),
            Any::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn any_value() -> impl Strategy<Value = Any> {
    let integers = prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(1 << 53), -3_i64..3];
    let special =
        [f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 5e-324, 1.797_693_134_862_315_7e308, 0.1, 1e15];
    let reals = prop_oneof![
        any::<f64>(),
        proptest::sample::select(special.to_vec()),
        (-3_i32..3).prop_map(f64::from)
    ];
    let texts = prop_oneof![
        ".{0,6}",
        "[a-c]{1,2}",
        Just("1".to_owned()),
        Just("1.0".to_owned()),
        Just("a\0b".to_owned()),
        Just("'; --".to_owned())
    ];
    let bytes = || proptest::collection::vec(any::<u8>(), 0..6);
    let bad = bytes().prop_map(|mut bytes| {
        bytes.push(0xff);
        bytes
    });
    prop_oneof![
        1 => Just(Any::Null),
        3 => integers.prop_map(Any::Integer),
        3 => reals.prop_map(Any::Real),
        3 => texts.prop_map(Any::Text),
        1 => bad.prop_map(Any::BadText),
        1 => bytes().prop_map(Any::Blob),
    ]
}

/// How a table of three columns is declared: with every kind of key.
const TABLES: &[&str] = &[
    "(a, b, c)",
    "(a INTEGER PRIMARY KEY, b TEXT, c REAL)",
    "(a INTEGER PRIMARY KEY DESC, b, c)",
    "(a INT PRIMARY KEY, b INTEGER, c NUMERIC)",
    "(a TEXT PRIMARY KEY, b BLOB, c ANY)",
    "(a REAL PRIMARY KEY, b, c) WITHOUT ROWID",
    "(a, b, c, PRIMARY KEY (c, a))",
    "(a, b, c, PRIMARY KEY (b, a)) WITHOUT ROWID",
    "(a TEXT COLLATE NOCASE PRIMARY KEY, b UNIQUE ON CONFLICT REPLACE, c) WITHOUT ROWID",
    "(a TEXT, b INTEGER, c ANY, PRIMARY KEY (a, c)) STRICT",
    "(a, b, c, total AS (typeof(a) || b) STORED, shown AS (c) VIRTUAL)",
    "(\"rowid\", b, c)",
    "(\"select\" PRIMARY KEY, \"a b\", \"quo\"\"te\")",
    "(a, rowid, _rowid_)",
];

const NAMES: &[&str] = &["plain", "select", "two words", "quo\"te", "[square]", "semi;colon", "Übung"];

/// A table, its name, and rows of it, with a rowid where it takes one.
#[derive(Debug, Clone)]
struct Table {
    name: &'static str,
    declared: &'static str,
    rows: Vec<[Any; 3]>,
}

fn any_table() -> impl Strategy<Value = Table> {
    let row = || [any_value(), any_value(), any_value()];
    let rows = proptest::collection::vec(row(), 0..12);
    let name = proptest::sample::select(NAMES);
    (name, proptest::sample::select(TABLES), rows).prop_map(|(name, declared, rows)| Table {
        name,
        declared,
        rows,
    })
}

/// An object with these tables; a row that breaks a rule of its table is left out.
fn object(tables: &[Table]) -> Inside {
    let inside = Inside::new("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
    let connection = inside.connection();
    for table in tables {
        let name = table.name.replace('"', "\"\"");
        connection
            .execute_batch(&format!("CREATE TABLE IF NOT EXISTS \"{name}\" {}", table.declared))
            .expect("a table");
        for row in &table.rows {
            let _ = connection
                .execute(&format!("INSERT OR IGNORE INTO \"{name}\" VALUES (?1, ?2, ?3)"), row.each_ref());
        }
        // Numbers that are not in a row.
        let _ = connection.execute_batch(&format!("UPDATE OR IGNORE \"{name}\" SET rowid = rowid * 7 - 20"));
    }
    inside
}

fn rows_of(inside: &Inside) -> Vec<(String, String)> {
    rows(&inside.path()).into_iter().filter(|(place, _)| !place.starts_with("schema ")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deleting_an_object_is_what_was_shown_and_undoing_it_gives_back_every_bit(
        tables in proptest::collection::vec(any_table(), 1..4)
    ) {
        let inside = object(&tables);
        let before = rows_of(&inside);
        let done = inside.repair(&delete_object()).expect("deleted");
        prop_assert_eq!(done.deletes, before.len() as u64);
        let Some(operation) = done.operation else { return Ok(()) };
        prop_assert_eq!((operation.done, operation.left), (operation.planned, 0));
        prop_assert_eq!(rows_of(&inside), vec![]);
        prop_assert!(inside.repair(&delete_object()).expect("nothing").operation.is_none());
        // The undo, its undo, and the undo of that.
        let undo = inside.undo(&operation.id).expect("undone").operation.expect("an operation");
        prop_assert_eq!((undo.done, undo.left), (undo.planned, 0));
        prop_assert_eq!(rows_of(&inside), before.clone());
        let again = inside.undo(&undo.id).expect("undone").operation.expect("an operation");
        prop_assert_eq!(rows_of(&inside), vec![]);
        inside.undo(&again.id).expect("undone");
        prop_assert_eq!(rows_of(&inside), before);
    }

    #[test]
    fn a_prune_takes_what_it_shows_in_whatever_order_the_rows_are(
        sessions in proptest::collection::btree_map("[a-z]{1,3}", (any_value(), any_value()), 0..20),
        seed in any::<u64>()
    ) {
        let declared = "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL)";
        let mut order: Vec<_> = sessions.into_iter().collect();
        let mut outcomes = Vec::new();
        for turn in 0..2 {
            if turn == 1 {
                order.sort_by_key(|(key, _)| key.bytes().fold(seed, |h, b| h.wrapping_mul(31) ^ u64::from(b)));
            }
            let inside = Inside::new(declared);
            let connection = inside.connection();
            for (key, (id, used)) in &order {
                let insert = "INSERT OR IGNORE INTO claude_sdk_sessions VALUES (?1, ?2, ?3, 1)";
                let _ = connection.execute(insert, rusqlite::params![key, id, used]);
            }
            drop(connection);
            let before = rows_of(&inside);
            let done = inside.repair(&prune()).expect("pruned");
            let after = rows_of(&inside);
            prop_assert_eq!(before.len() as u64 - done.deletes, after.len() as u64);
            prop_assert!(after.iter().all(|row| before.contains(row)));
            let mut said = done.lines.clone();
            said.sort();
            outcomes.push(said);
            if let Some(operation) = done.operation {
                inside.undo(&operation.id).expect("undone");
            }
            prop_assert_eq!(rows_of(&inside), before);
        }
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
    }
}
