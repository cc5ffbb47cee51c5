use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sessionscope::core::{Query, ReadStore, Selection, Table};
use sessionscope::stores::durable::identity;

use super::v8::{json_file, same, vectors};
use crate::support::{NOW_MS, copied, database, opened, rows, show, table};

const NAMESPACE: &str = "executor-cloud-McpSessionDO";
const STREAMABLE: &str = "a5414753420873b9092c112df629eb197b3cead777e41c324ef3630e5b458120";
const SID: &str = "625e62fe98da62e87a653f03a476e0cf6b00af325bfbc5f9550eaa59ec6dda84";

#[test]
fn an_id_is_made_of_the_namespace_and_the_name() {
    let name = format!("streamable-http:{SID}");
    assert_eq!(identity::object_id(NAMESPACE, &name), STREAMABLE);
    assert!(identity::belongs(NAMESPACE, STREAMABLE));
    assert!(!identity::belongs("executor-cloud-McpSessionDOSqlite", STREAMABLE));
    // The session's own id is an id of the same namespace.
    assert!(identity::belongs(NAMESPACE, SID));
}

#[test]
fn an_mcp_session_shows_its_entries_its_tasks_and_its_alarm() {
    let (_folder, root) = copied("durable/mcp-agent");
    let path = root.join(format!("{NAMESPACE}/{STREAMABLE}.sqlite"));
    let store = opened(&path).store;
    let about = store.about();
    assert_eq!(about.stores, ["mcp-session-do"]);
    assert_eq!(about.name.as_deref(), Some(format!("streamable-http:{SID}").as_str()));
    assert_eq!(about.findings, []);
    let facts: Vec<String> = about.facts.iter().map(|(l, t)| format!("{l}: {t}")).collect();
    assert!(facts.contains(&"Client: client-0-ünï 0.0.1".to_owned()), "{facts:?}");
    assert!(
        facts.contains(&format!("Id: made of the name streamable-http:{SID} in {NAMESPACE}")),
        "{facts:?}"
    );
    assert_eq!(
        table(&store, Table::Sessions, &["id", "messages", "tasks", "detail"]),
        format!(
            r#"{STREAMABLE} | 0 | 7 | {{"client":"client-0-ünï","clientVersion":"0.0.1","protocolVersion":"2025-11-25"}}"#
        )
    );
    let tasks = table(&store, Table::Tasks, &["title", "status", "mode", "created_at", "completed_at"]);
    assert!(tasks.contains("slowWork | queued | queue | 1795227105000 | -"), "{tasks}");
    assert!(tasks.contains("job-0 | completed | fiber | 1795227105045 | 1795227105046"), "{tasks}");
    assert!(tasks.contains("onReminder | scheduled | cron | 1795227104000 | -"), "{tasks}");
    let state = table(&store, Table::State, &["session_id", "owner", "key", "value"]);
    assert!(state.contains(&format!("{STREAMABLE} | _cf_METADATA | alarm | 1795313504000000000")), "{state}");
    assert!(state.contains("| cf_agents_mcp_servers | -3JYaV47 | {\"id\":"), "{state}");
    let beats = table(&store, Table::Heartbeats, &["session_id", "status", "liveness", "reason"]);
    let expected = format!("{STREAMABLE} | alarm set | unknown | its alarm is due in 16 h; it keeps no beat");
    assert!(beats.starts_with(&expected), "{beats}");
}

#[test]
fn every_entry_of_the_real_files_reads_as_v8_read_it() {
    let (_folder, root) = copied("durable/mcp-agent");
    assert_eq!(check_entries(&root, &root.join("kv-expected.json")), 5);
}

#[test]
fn every_entry_of_the_larger_fixtures_reads_as_v8_read_it() {
    for (name, least) in [("session-do", 64), ("ai-chat", 13)] {
        let Some((_folder, root)) = outside(name) else { return };
        let checked = check_entries(&root.join("state/v3/do"), &root.join("kv-expected.json"));
        assert!(checked >= least, "{name}: {checked}");
    }
}

/// A copy of a fixture that is too large for the repository, from `SESSIONSCOPE_FIXTURES`.
#[allow(clippy::print_stderr)]
pub fn outside(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let Some(fixtures) = std::env::var_os("SESSIONSCOPE_FIXTURES") else {
        eprintln!("SESSIONSCOPE_FIXTURES is not set: {name} is left out");
        return None;
    };
    Some(crate::support::copied_from(&Path::new(&fixtures).join(name)))
}

/// Compares the state entries of all files with what V8 decoded; returns how many.
fn check_entries(root: &Path, expected: &Path) -> usize {
    let mut checked = 0;
    for (file, entries) in json_file(expected).as_object().expect("files by name") {
        let store = opened(&root.join(file)).store;
        let mut index = sessionscope::core::RowIndex::default();
        let query = Query::all(Table::State);
        let mut sink = |piece| {
            index.append(piece);
            sessionscope::core::Flow::Continue
        };
        store.index(&query, None, &mut sink).expect("an index");
        let keys: Vec<_> = (0..index.len()).filter_map(|i| index.get(i)).collect();
        let selection = Selection { reveal: true, ..Selection::default() };
        let rows = store.rows(&Table::State, &keys, &selection).expect("rows");
        for entry in entries.as_array().expect("a list") {
            let key = entry["key"].as_str().expect("a key");
            let row = rows.iter().find(|r| {
                r.cells[1].value.as_str() == Some("_cf_KV") && r.cells[2].value.as_str() == Some(key)
            });
            let shown =
                row.and_then(|r| r.cells[3].value.as_str()).unwrap_or_else(|| panic!("{file}: no {key}"));
            let shown: Json = serde_json::from_str(shown).expect("JSON");
            // Some are written down without their end.
            assert!(same(&shown, &entry["value"]), "{file} {key}: {shown}");
            checked += 1;
        }
    }
    checked
}

#[test]
fn a_session_document_among_the_entries_has_messages() {
    let (_folder, root) = copied("durable/session-worker-SessionManager");
    let id = "03d107ecaf04a744e042813fd7be3ffe66ffd0448736b3d69edbb6595b4dff35";
    let store = opened(&root.join(format!("{id}.sqlite"))).store;
    assert_eq!(store.about().stores, ["session-document"]);
    assert_eq!(
        table(&store, Table::Messages, &["id", "session_id", "role", "kind", "text", "created_at", "detail"]),
        format!("{id}:0 | {id} | user | text | Hello, world! | 1795226886922 | {{}}")
    );
    assert_eq!(
        table(&store, Table::Sessions, &["id", "title", "created_at", "last_active_at", "messages"]),
        format!("{id} | - | 1795226886907 | 1795226886923 | 1")
    );
    assert_eq!(rows(&store, &Query::all(Table::State)).len(), 1);
}

#[test]
fn a_document_in_a_string_is_decoded_twice() {
    let document = vectors().into_iter().find(|(n, _)| n == "session_data").expect("the vector").1;
    let sql = format!(
        "{KV} INSERT INTO _cf_KV VALUES ('session_data', x'{}');",
        sessionscope::core::hex(&document)
    );
    let (_folder, path) = database("a.sqlite", &sql);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["session-document"]);
    assert_eq!(
        table(&store, Table::Messages, &["id", "role", "text", "created_at"]),
        "a:0 | user | hé 你 | 1751000000123"
    );
    assert_eq!(table(&store, Table::Sessions, &["created_at", "last_active_at"]), "- | 1751000000500");
}

pub const KV: &str = "CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
    CREATE TABLE _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB);";

#[test]
fn sessions_last_activity_tells_whether_they_live() {
    let activity = |ago_ms: i64| {
        let mut value = vec![0xff, 0x0f, b'N'];
        value.extend(((NOW_MS - ago_ms) as f64).to_le_bytes());
        let sql = format!(
            "{KV} INSERT INTO _cf_KV VALUES ('last-activity-ms', x'{}'), ('session-meta', x'FF0F6F2206757365724964220275317B01');
             INSERT INTO _cf_METADATA VALUES (1, {});",
            sessionscope::core::hex(&value),
            (NOW_MS - ago_ms + 30_000) * 1_000_000
        );
        let (_folder, path) = database("a.sqlite", &sql);
        let store = opened(&path).store;
        assert_eq!(store.about().stores, ["mcp-session-do"]);
        table(&store, Table::Heartbeats, &["last_heartbeat_at", "age_seconds", "status", "liveness"])
    };
    assert_eq!(activity(10_000), format!("{} | 10 | alarm set | alive", NOW_MS - 10_000));
    assert_eq!(activity(40_000), format!("{} | 40 | alarm due | alive", NOW_MS - 40_000));
    assert_eq!(activity(400_000), format!("{} | 400 | alarm overdue | dead", NOW_MS - 400_000));
}

#[test]
fn secrets_among_the_entries_are_masked_until_revealed() {
    let sql = format!(
        "{KV} INSERT INTO _cf_KV VALUES ('/app/srv/cli/token', x'FF0F2203746F6B'), ('/app/srv/state/n', x'FF0F22026162'),
           ('/app/srv/cli/client_info/', x'FF0F22026162'), ('props', x'FF0F6F2201612201627B01'), ('plain', x'FF0F22026869');"
    );
    let (_folder, path) = database("a.sqlite", &sql);
    let store = opened(&path).store;
    let masked = |table: Table, column: &str| crate::support::table(&store, table, &["key", column]);
    let expected = "/app/srv/cli/client_info/ | ••••••••\n/app/srv/cli/token | ••••••••\n/app/srv/state/n | ••••••••\nplain | \"hi\"\nprops | ••••••••";
    assert_eq!(masked(Table::State, "value"), expected);
    let native = masked(Table::Native("_cf_KV".into()), "value");
    assert_eq!(native, expected.replace("\"hi\"", "xff0f22026869"));
    let found = Query { search: Some("tok\"".into()), ..Query::all(Table::State) };
    assert_eq!(store.count(&found).expect("a count"), 0, "a search must not find what is masked");
}

#[test]
fn a_file_with_a_session_dos_tables_is_one_and_shows_its_entries() {
    let document = "FF0F6F22086D657373616765734100240000220 86D657461646174616F7B00220A637265617465645F617430220C6C6173745F75706461746564307B04";
    let sql = format!(
        "{}{KV} INSERT INTO _cf_KV VALUES ('object', x'{}'); INSERT INTO _cf_METADATA VALUES (1, {});",
        super::session_do::SHIP,
        document.replace(' ', ""),
        (NOW_MS + 5_000) * 1_000_000
    );
    let (_folder, path) = database("a.sqlite", &sql);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["session-do"]);
    assert_eq!(table(&store, Table::Sessions, &["id", "messages"]), "a | 3");
    let state = table(&store, Table::State, &["owner", "key", "value"]);
    assert!(
        state.contains(
            r#"_cf_KV | object | {"messages":[],"metadata":{},"created_at":null,"last_updated":null}"#
        ),
        "{state}"
    );
    let beats = table(&store, Table::Heartbeats, &["session_id", "status", "reason"]);
    assert!(beats.starts_with("a | alarm set | its alarm is due in 5 s; it keeps no beat"), "{beats}");
}

#[test]
fn an_object_that_nothing_more_specific_recognises_is_a_durable_object() {
    let (_folder, path) = database(
        "a.sqlite",
        &format!("{KV} INSERT INTO _cf_KV VALUES ('n', x'FF0F4954'), ('broken', x'FF');"),
    );
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["durable-object"]);
    assert_eq!(table(&store, Table::Sessions, &["id"]), "a");
    let shown: Vec<String> =
        rows(&store, &Query::all(Table::State)).iter().map(|r| show(&r.cells[3].value)).collect();
    assert_eq!(shown[1], "42");
    assert!(shown[0].contains("\"$hex\":\"ff\""), "{shown:?}");
}

#[test]
fn chats_are_messages_and_broken_json_stays_visible() {
    let sql = r#"CREATE TABLE cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT);
        INSERT INTO cf_agents_state VALUES ('cf_state_row_id', '{"broken'), ('cf_schema_version', '11');
        CREATE TABLE cf_ai_chat_agent_messages (id text primary key, message text not null, created_at datetime default current_timestamp);
        INSERT INTO cf_ai_chat_agent_messages VALUES
          ('m2', '{"id":"m2","role":"user","parts":[{"type":"text","text":"Hi"}],"metadata":{"a":1}}', '2026-11-21 02:13:47'),
          ('m1', '{"id":"m1","role":"assistant","parts":[{"type":"reasoning","text":"hm"},{"type":"tool-weather","toolCallId":"c","state":"output-available","input":{},"output":"rain"}]}', '2026-11-21 02:13:47'),
          ('m3', '{"id":', '2026-11-21 02:13:48'), ('m4', '[1]', NULL);
        CREATE TABLE cf_voice_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, role TEXT, text TEXT, timestamp INTEGER);
        INSERT INTO cf_voice_messages VALUES (1, 'user', 'spoken', 1795227226000);"#;
    let (_folder, path) = database("a.sqlite", sql);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["durable-object"]);
    let codes = |store: &dyn ReadStore| store.about().findings.iter().map(|f| f.code).collect::<Vec<_>>();
    assert_eq!(codes(&store), ["state-broken-json"]);
    let (_folder, newer) = database("a.sqlite", &sql.replace("'11'", "'12'"));
    assert_eq!(codes(&opened(&newer).store), ["agents-schema-newer", "state-broken-json"]);
    assert_eq!(
        table(&store, Table::Messages, &["id", "role", "kind", "text", "detail"]),
        "m4 | - | value | 1 | {}\n\
         1 | user | text | spoken | {}\n\
         m2 | user | text | Hi | {\"metadata\":{\"a\":1}}\n\
         m1 | assistant | tool call | hm⏎⏎weather {}⏎⏎weather → rain | {}\n\
         m3 | - | broken JSON | {\"id\": | {}"
    );
    assert_eq!(table(&store, Table::Sessions, &["messages", "last_active_at"]), "5 | 1795227226000");
}

#[test]
fn an_empty_object_is_a_session_and_says_why_it_may_be_empty() {
    let (_folder, root) = copied("durable/mcp-agent-kv");
    let id = "05fb2be96d8f35c9a86d81ed2ea66e059a431c7d3cca8249b8cf786cd82770d1";
    let store = opened(&root.join(format!("{NAMESPACE}/{id}.sqlite"))).store;
    assert_eq!(store.about().stores, ["durable-object"]);
    assert_eq!(table(&store, Table::Sessions, &["id", "status", "messages"]), format!("{id} | empty | 0"));
    let codes: Vec<_> = store.about().findings.iter().map(|f| f.code).collect();
    assert_eq!(codes, ["object-empty"]);
    let finding = &store.about().findings[0];
    assert!(finding.message.contains("no -wal file with anything in it"), "{finding:?}");
    assert!(finding.suggestion.contains("new_sqlite_classes"), "{finding:?}");
}

#[test]
fn an_object_that_was_moved_to_another_namespace_is_found_out() {
    let (_folder, root) = copied("durable/mcp-agent");
    let moved = root.join("executor-cloud-McpSessionDOSqlite");
    fs::rename(root.join(NAMESPACE), &moved).expect("renamed");
    let store = opened(&moved.join(format!("{STREAMABLE}.sqlite"))).store;
    let codes: HashSet<_> = store.about().findings.iter().map(|f| f.code).collect();
    assert!(codes.contains("not-of-this-namespace"), "{codes:?}");
}

#[test]
fn a_namespaces_own_file_lists_its_alarms() {
    let (_folder, root) = copied("durable/mcp-agent");
    let store = opened(&root.join(NAMESPACE).join("metadata.sqlite")).store;
    assert_eq!(store.about().stores, ["durable-object"]);
    assert_eq!(rows(&store, &Query::all(Table::Sessions)).len(), 0);
    let alarms = table(&store, Table::Heartbeats, &["session_id", "status"]);
    assert!(alarms.contains(&format!("{STREAMABLE} | alarm set")), "{alarms}");
}

#[test]
fn a_facet_has_the_name_that_its_index_gives() {
    let id = identity::object_id("chat-worker-ChatAgent", "room-1");
    let (folder, path) = database(&format!("{id}.1.sqlite"), KV);
    let home = folder.path().join("chat-worker-ChatAgent");
    fs::create_dir(&home).expect("a folder");
    let facet = home.join(format!("{id}.1.sqlite"));
    fs::rename(path, &facet).expect("moved");
    let mut index = 0xc4cd_ce5b_c5b0_ef57_u64.to_le_bytes().to_vec();
    index.extend([0, 0, 0x12, 0]);
    index.extend(b"NotesAgent\0notes-1");
    // The second entry is cut off.
    index.extend([0, 0, 0x12, 0, b'N']);
    fs::write(home.join(format!("{id}.facets")), index).expect("written");
    let store = opened(&facet).store;
    assert_eq!(store.about().name.as_deref(), Some("notes-1"));
    assert_eq!(table(&store, Table::Sessions, &["id", "title"]), format!("{id}.1 | notes-1"));
    let facts: Vec<String> = store.about().facts.iter().map(|(l, t)| format!("{l}: {t}")).collect();
    assert!(facts.contains(&format!("Facet: 1 (NotesAgent) of {id}")), "{facts:?}");
    assert_eq!(store.about().findings, []);
}

/// Every table can be counted, sorted by each column and searched; a broken SQL fragment would fail here.
pub fn use_every_column(path: &Path) {
    let store = opened(path).store;
    let mut tables = Table::CANONICAL.to_vec();
    tables.extend(
        store.about().native.iter().filter(|n| n.kind.is_readable()).map(|n| Table::Native(n.name.clone())),
    );
    for table in tables {
        let all = rows(&store, &Query::all(table.clone())).len() as u64;
        assert_eq!(
            store.count(&Query::all(table.clone())).expect("a count"),
            all,
            "{} of {path:?}",
            table.name()
        );
        for column in store.columns(&table) {
            let sort = Some(sessionscope::core::Sort { column: column.name.to_string(), descending: true });
            let sorted = rows(&store, &Query { sort, ..Query::all(table.clone()) });
            assert_eq!(sorted.len() as u64, all, "{} by {}", table.name(), column.name);
        }
        let search = Some("no such text".to_owned());
        assert_eq!(store.count(&Query { search, ..Query::all(table.clone()) }).expect("a count"), 0);
    }
    let session = rows(&store, &Query::all(Table::Sessions)).first().map(|r| show(&r.cells[0].value));
    let without = ["metadata.sqlite", "wrangler.jsonc"].iter().any(|name| path.ends_with(name));
    assert!(session.is_some() || without);
}

#[test]
fn every_table_of_the_real_files_can_be_sorted_and_searched() {
    let (_folder, root) = copied("durable");
    let mut found = 0;
    for member in sessionscope::stores::folder::walk(
        &root,
        &sessionscope::stores::sqlite::Cancel::default(),
        &mut |_| sessionscope::core::Flow::Continue,
    )
    .expect("a walk")
    .members
    {
        use_every_column(&member.path);
        found += 1;
    }
    assert_eq!(found, 11);
}

#[test]
fn the_larger_fixtures_have_the_sessions_that_their_notes_name() {
    let Some((_folder, root)) = outside("ai-chat") else { return };
    let id = "b1bd62b74f39b89c186c07a51bcfdc059db38b395c40b03d091b032c8b2657a2";
    let home = root.join("state/v3/do/chat-worker-ChatAgent");
    for member in fs::read_dir(&home).expect("a folder") {
        let path = member.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "sqlite") {
            use_every_column(&path);
        }
    }
    let store = opened(&home.join(format!("{id}.sqlite"))).store;
    assert_eq!(store.about().findings, []);
    assert_eq!(
        table(&store, Table::Sessions, &["id", "title", "messages", "tasks"]),
        format!("{id} | room-1 | 129 | 5")
    );
    let facet = opened(&home.join(format!("{id}.2.sqlite"))).store;
    assert_eq!(table(&facet, Table::Sessions, &["id", "title"]), format!("{id}.2 | ノート-2"));
    assert!(
        facet.about().facts.contains(&("Facet".into(), "2 (NotesAgent) of room-1".into())),
        "{:?}",
        facet.about().facts
    );
    let Some((_folder, root)) = outside("session-do") else { return };
    let home = root.join("state/v3/do");
    let one = opened(&home.join(
        "session-worker-SessionDO/14bea329de24fb44ed05117a9796e9c12789056fbf0f0ec9ad9c6406ccac6f35.sqlite",
    ))
    .store;
    assert_eq!(one.about().stores, ["session-do"]);
    assert_eq!(table(&one, Table::Sessions, &["messages", "tasks"]), "406 | 15");
    let kv = opened(&home.join("session-worker-SessionManager/992737f89024717eae6e59e11d4d9b134623c0619034d9921a851417c1fbc6dd.sqlite")).store;
    assert_eq!(kv.about().stores, ["session-document"]);
    assert_eq!(table(&kv, Table::Sessions, &["messages"]), "127");
    assert!(table(&kv, Table::Messages, &["text"]).contains("lone surrogate: [\u{fffd}] end"));
    for folder in ["session-worker-SessionDO", "session-worker-SessionManager"] {
        for member in fs::read_dir(home.join(folder)).expect("a folder") {
            let path = member.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "sqlite") {
                use_every_column(&path);
            }
        }
    }
}

#[test]
fn an_object_that_keeps_no_name_has_the_one_beside_its_alarm() {
    let id = identity::object_id("app-Room", "lobby");
    let (folder, path) = database(&format!("{id}.sqlite"), KV);
    let home = folder.path().join("app-Room");
    fs::create_dir(&home).expect("a folder");
    fs::rename(path, home.join(format!("{id}.sqlite"))).expect("moved");
    let alarms = rusqlite::Connection::open(home.join("metadata.sqlite")).expect("a database");
    let sql = format!(
        "CREATE TABLE _cf_ALARM (actor_id TEXT PRIMARY KEY, scheduled_time INTEGER, actor_name TEXT) WITHOUT ROWID;
         INSERT INTO _cf_ALARM VALUES ('{id}', 1795313504000000000, 'lobby');"
    );
    alarms.execute_batch(&sql).expect("valid SQL");
    let store = opened(&home.join(format!("{id}.sqlite"))).store;
    assert_eq!(store.about().name.as_deref(), Some("lobby"));
    assert!(store.about().facts.contains(&("Id".into(), "made of the name lobby in app-Room".into())));
}

#[test]
fn documents_are_found_under_any_key_and_keep_apart() {
    let document = vectors().into_iter().find(|(n, _)| n == "session_data").expect("the vector").1;
    let hex = sessionscope::core::hex(&document);
    let sql = format!(
        "{KV} INSERT INTO _cf_KV VALUES ('chat:b', x'{hex}'), ('chat:a', x'{hex}'), ('n', x'FF0F4954');"
    );
    let (_folder, path) = database("a.sqlite", &sql);
    let store = opened(&path).store;
    assert_eq!(store.about().stores, ["session-document"]);
    assert_eq!(table(&store, Table::Messages, &["id"]), "a:chat:a:0\na:chat:b:0");
    assert_eq!(store.about().findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["several-documents"]);
    assert_eq!(table(&store, Table::Sessions, &["id", "messages"]), "a | 2");
}
