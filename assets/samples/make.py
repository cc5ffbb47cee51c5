#!/usr/bin/env python3
"""Makes the samples: stores of every kind, as the programs that own them would leave them.

    python3 make.py          (in any folder; Python 3.9 or later, nothing else)

Writes beside itself, over what is there; the same files come out each time (with one version of SQLite, to the byte).
Everything in them is invented: people, harbours, repositories, tokens. The wrangler configurations are kept by hand.
To see the heartbeats as they were when the samples end, set SESSIONSCOPE_NOW=2026-11-21T10:00:00Z.
"""
import hashlib
import hmac
import json
import shutil
import sqlite3
import struct
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import story
from story import chance, seconds, uid

HERE = Path(__file__).parent
OBJECTS = HERE / ".wrangler/state/v3/do"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=timezone.utc)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def ago(**how):
    return iso(NOW - timedelta(**how))


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- SQLite files ---------------------------------------------------------------------------------------------------

def database(path, wal=False):
    """A new, empty database."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 4096")
    if wal:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("BEGIN")
    return connection


def finish(connection):
    connection.execute("COMMIT")
    connection.execute("VACUUM")
    connection.close()


def finish_in_wal(connection, path):
    """Leaves the rows in the -wal file, as workerd does when it stops."""
    connection.execute("COMMIT")
    wal = Path(f"{path}-wal")
    kept = path.read_bytes(), same_salts(wal.read_bytes())
    connection.close()
    path.write_bytes(kept[0])
    wal.write_bytes(kept[1])


def same_salts(wal):
    """The log with fixed salts in place of random ones (https://sqlite.org/fileformat2.html#the_write_ahead_log)."""
    order = ">" if struct.unpack_from(">I", wal)[0] & 1 else "<"
    size = struct.unpack_from(">I", wal, 8)[0]
    salts = b"sessionscope"[:8]

    def checksum(data, sums):
        one, two = sums
        for a, b in struct.iter_unpack(order + "II", data):
            one = (one + a + two) & 0xFFFFFFFF
            two = (two + b + one) & 0xFFFFFFFF
        return one, two

    head = wal[:16] + salts
    sums = checksum(head, (0, 0))
    out = [head, struct.pack(">II", *sums)]
    for at in range(32, len(wal), 24 + size):
        frame = wal[at:at + 8]
        page = wal[at + 24:at + 24 + size]
        sums = checksum(frame + page, sums)
        out += [frame, salts, struct.pack(">II", *sums), page]
    return b"".join(out)


# --- V8's serialization, write version 15 ---------------------------------------------------------------------------

class Date(int):
    """A JavaScript Date, in milliseconds."""


def v8(value):
    """The bytes that `storage.put` leaves in `_cf_KV`."""
    out = bytearray(b"\xff\x0f")

    def varint(number):
        while number > 0x7F:
            out.append(number & 0x7F | 0x80)
            number >>= 7
        out.append(number)

    def write(item):
        if item is None:
            out.append(ord("0"))
        elif isinstance(item, bool):
            out.append(ord("T" if item else "F"))
        elif isinstance(item, Date):
            out.extend(b"D" + struct.pack("<d", item))
        elif isinstance(item, int) and -2**30 <= item < 2**30:
            out.append(ord("I"))
            varint(item << 1 if item >= 0 else (-item << 1) - 1)
        elif isinstance(item, (int, float)):
            out.extend(b"N" + struct.pack("<d", item))
        elif isinstance(item, str):
            string(item)
        elif isinstance(item, list):
            out.append(ord("A"))
            varint(len(item))
            for each in item:
                write(each)
            out.extend(b"$")
            varint(0)
            varint(len(item))
        else:
            out.append(ord("o"))
            for key, each in item.items():
                write(key)
                write(each)
            out.append(ord("{"))
            varint(len(item))

    def string(text):
        try:
            data, tag = text.encode("latin-1"), b'"'
        except UnicodeEncodeError:
            data, tag = text.encode("utf-16-le"), b"c"
            length = 1 if len(data) < 0x80 else 2 if len(data) < 0x4000 else 3
            if (len(out) + 1 + length) % 2:  # a two-byte string begins at an even place
                out.append(0)
        out.extend(tag)
        varint(len(data))
        out.extend(data)

    write(value)
    return bytes(out)


# --- Durable Objects ------------------------------------------------------------------------------------------------

def object_id(namespace, name):
    """The id of a named object: workerd derives it from the worker's and the class's name."""
    key = hashlib.sha256(namespace.encode()).digest()
    start = hmac.new(key, name.encode(), hashlib.sha256).digest()[:16]
    return (start + hmac.new(key, start, hashlib.sha256).digest()[:16]).hex()


def unique_id(namespace, label):
    """An id that no name leads to, which its namespace accepts all the same."""
    key = hashlib.sha256(namespace.encode()).digest()
    start = hashlib.sha256(label.encode()).digest()[:16]
    return (start + hmac.new(key, start, hashlib.sha256).digest()[:16]).hex()


def durable_object(namespace, name, wal=False):
    path = OBJECTS / namespace / f"{object_id(namespace, name)}.sqlite"
    db = database(path, wal)
    db.execute("CREATE TABLE __miniflare_do_name (id INTEGER PRIMARY KEY, name TEXT)")
    db.execute("INSERT INTO __miniflare_do_name VALUES (1, ?)", (name,))
    return db, path


def key_values(db, values):
    db.execute("CREATE TABLE _cf_KV (\n        key TEXT PRIMARY KEY,\n        value BLOB\n      ) WITHOUT ROWID")
    db.executemany("INSERT INTO _cf_KV VALUES (?, ?)", [(key, v8(value)) for key, value in values.items()])


def alarm(db, nanoseconds):
    db.execute("CREATE TABLE _cf_METADATA (\n        key INTEGER PRIMARY KEY,\n        value BLOB\n      )")
    db.execute("INSERT INTO _cf_METADATA VALUES (1, ?)", (nanoseconds,))


def alarms(namespace, rows):
    db = database(OBJECTS / namespace / "metadata.sqlite")
    db.execute("CREATE TABLE _cf_ALARM (\n      actor_id TEXT PRIMARY KEY,\n      scheduled_time INTEGER,\n"
               "      actor_name TEXT\n    ) WITHOUT ROWID")
    db.executemany("INSERT INTO _cf_ALARM VALUES (?, ?, ?)", rows)
    finish(db)


SESSION_DO = """
CREATE TABLE messages (id TEXT PRIMARY KEY, role TEXT NOT NULL, content TEXT NOT NULL, parts TEXT, created_at INTEGER NOT NULL);
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, status TEXT DEFAULT 'pending',
  mode TEXT DEFAULT 'build', created_at INTEGER NOT NULL, completed_at INTEGER);
CREATE TABLE session_meta (key TEXT PRIMARY KEY, value TEXT);
CREATE INDEX idx_messages_created ON messages(created_at);
CREATE INDEX idx_tasks_status ON tasks(status, created_at);
CREATE TABLE turns (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, started_at INTEGER NOT NULL, completed_at INTEGER,
  status TEXT NOT NULL, diff_summary TEXT);
CREATE TABLE session_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, payload TEXT NOT NULL, occurred_at INTEGER NOT NULL);
CREATE INDEX idx_turns_session ON turns(session_id, started_at);
"""

# Title, branch, sandbox, pull request, tasks: title, status, mode, begun, done.
SESSIONS = {
    "departures": ("Departures are an hour late since the clocks went back", "fix/dst-departures", "active", 412, [
        ("Quick fix: winter offset by hand", "complete", "build", "2026-11-02 08:25", "2026-11-02 08:31"),
        ("Plan the change to zones", "complete", "plan", "2026-11-02 08:52", "2026-11-02 08:58"),
        ("Read every departure in its own zone", "complete", "build", "2026-11-02 08:58", "2026-11-02 11:40"),
        ("Re-read 41,208 stored departures", "complete", "build", "2026-11-02 13:10", "2026-11-02 13:41"),
        ("413 is not \"offline\"", "complete", "build", "2026-11-03 08:10", "2026-11-03 10:20"),
        ("Scheduler survives a full disk", "complete", "build", "2026-11-03 10:40", "2026-11-03 10:58"),
        ("Worker is killed twice a day: find the leak", "complete", "build", "2026-11-04 09:03", "2026-11-04 10:02"),
        ("Flaky tests: 0 of 240", "complete", "build", "2026-11-05 08:40", "2026-11-05 12:30"),
        ("MCP worker: class to SQLite (10061)", "error", "plan", "2026-11-05 15:11", None),
        ("Release notes 2.8 in four languages", "complete", "build", "2026-11-06 09:00", "2026-11-06 11:15"),
        ("231: show how late a boat usually is", "pending", "plan", "2026-11-09 12:00", None),
        ("Accessibility: curve, star, times", "complete", "build", "2026-11-11 10:05", "2026-11-12 15:00"),
        ("Prune sync_log at 03:00", "complete", "build", "2026-11-17 10:30", "2026-11-18 03:10"),
        ("Drop departures_before_dst in December", "pending", "build", "2026-11-20 16:50", None),
        ("SessionManager from key-value to SQLite, with its data", "pending", "plan", "2026-11-20 16:51", None),
        ("Close the session", "running", "build", "2026-11-20 16:52", None),
    ]),
    "right-to-left": ("Right-to-left layout for Hebrew and Arabic", "feat/rtl", "paused", 415, [
        ("Replace left and right by start and end", "complete", "build", "2026-11-16 09:35", "2026-11-16 11:00"),
        ("צורות זמן בשורה אחת", "complete", "build", "2026-11-16 11:00", "2026-11-16 11:30"),
        ("صيغ الجمع الست", "complete", "build", "2026-11-16 11:40", "2026-11-16 12:10"),
        ("Search in Hebrew and Arabic names", "pending", "plan", "2026-11-16 12:20", None),
    ]),
    "tides-ja": ("函館の潮見表が一日ずれる", "fix/hakodate-date", "ready", 408, [
        ("見出しの日付を港の時刻で書く", "complete", "build", "2026-11-09 17:10", "2026-11-09 17:20"),
        ("月齢と潮の名前を表示する", "running", "build", "2026-11-09 17:30", None),
    ]),
    "translations": ("Übersetzungen prüfen: DE, FR, RU, 中文", "chore/texts", "active", 411, [
        ("Zu lange Knöpfe kürzen", "complete", "build", "2026-11-11 13:35", "2026-11-11 14:05"),
        ("Quatre textes russes", "complete", "build", "2026-11-11 15:45", "2026-11-11 16:20"),
        ("统一“潮汐”", "complete", "build", "2026-11-12 10:20", "2026-11-12 10:40"),
    ]),
    "twins": ("Two harbours with the same name", "fix/hidden-characters", "error", 410, [
        ("Reject hidden characters in names", "complete", "build", "2026-11-13 15:10", "2026-11-13 16:00"),
        ("Merge Skar\u200bholm into Skarholm", "error", "build", "2026-11-13 16:05", None),
    ]),
}


def session_do(name):
    title, branch, sandbox, pull, tasks = SESSIONS[name]
    worker, session = "tidewatch-api-SessionDO", uid(f"session {name}")
    wal = name == "right-to-left"
    db, path = durable_object(worker, session, wal)
    for statement in SESSION_DO.strip().split(";\n"):
        db.execute(statement)
    messages = story.main_story() if name == "departures" else story.read(name)
    for number, message in enumerate(messages):
        label = f"{name} {number}"
        content, parts = story.parts(message, label)
        db.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (uid(label), message["role"], content, parts, message["at"]))
    for number, (task, status, mode, begun, done) in enumerate(tasks):
        db.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?)",
                   (uid(f"{name} task {number}"), task, None, status, mode, seconds(begun), done and seconds(done)))
    turns_and_events(db, name, session, messages, pull)
    meta = {
        "session_id": session, "title": title, "userId": "user_imke", "user_name": "Imke", "user_email": "imke@saltmarsh.example",
        "repoOwner": "saltmarsh", "repoName": "tidewatch", "repo_url": "https://github.example/saltmarsh/tidewatch.git",
        "base_branch": "main", "branch_name": branch, "current_branch": branch, "first_commit_done": "true",
        "pr_number": str(pull), "pr_url": f"https://github.example/saltmarsh/tidewatch/pull/{pull}", "pr_draft": "false",
        "createdAt": str(messages[0]["at"]), "last_activity": str(messages[-1]["at"]), "model": "sonnet", "agent_type": "claude-code",
        "sandbox_id": f"sbx_{session[:8]}", "sandbox_status": sandbox,
        "diff_stats": compact({"additions": chance(name + "+", 80, 900), "deletions": chance(name + "-", 20, 300), "files": chance(name, 4, 41)}),
    }
    db.executemany("INSERT INTO session_meta VALUES (?, ?)", meta.items())
    finish_in_wal(db, path) if wal else finish(db)
    return session


def turns_and_events(db, name, session, messages, pull):
    events = [(messages[0]["at"] - 9, "sandbox_status", {"status": "provisioning"}), (messages[0]["at"] - 2, "sandbox_status", {"status": "ready"})]
    asked = [(n, m) for n, m in enumerate(messages) if m["role"] == "user"]
    for number, (place, message) in enumerate(asked):
        end = asked[number + 1][0] if number + 1 < len(asked) else len(messages)
        answers = messages[place + 1:end]
        edits = [b["input"]["path"] for m in answers for b in m["blocks"] if b.get("name") == "edit_file" and b["kind"] == "call"]
        failed = any(b["kind"] == "error" for m in answers for b in m["blocks"])
        done = answers[-1]["at"] if answers else None
        turn = uid(f"{name} turn {number}")
        db.execute("INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?)",
                   (turn, session, message["at"], done, "completed" if done else "running", compact([{"path": p} for p in edits]) if edits else None))
        events.append((message["at"], "turn_started", {"turn": turn}))
        if failed:
            events.append((done, "tool_error", {"turn": turn, "recovered": True}))
    events.append((messages[-1]["at"] - 300, "pr_opened", {"number": pull}))
    for at, kind, payload in sorted(events, key=lambda e: e[0]):
        db.execute("INSERT INTO session_events (type, payload, occurred_at) VALUES (?, ?, ?)", (kind, compact(payload), at))


def terminated_session():
    """A session whose sandbox was terminated: its messages are gone, its turns are not."""
    worker, session = "tidewatch-api-SessionDO", uid("session terminated")
    db, _ = durable_object(worker, session)
    for statement in SESSION_DO.strip().split(";\n"):
        db.execute(statement)
    begun = seconds("2026-10-30 21:40")
    for number in range(3):
        db.execute("INSERT INTO turns VALUES (?, ?, ?, ?, ?, NULL)",
                   (uid(f"gone {number}"), session, begun + 600 * number, begun + 600 * number + 95, "completed"))
    db.execute("INSERT INTO session_events (type, payload, occurred_at) VALUES ('sandbox_status', ?, ?)",
               (compact({"status": "terminated", "by": "user_teo"}), begun + 2400))
    finish(db)


def empty_object():
    """An object that was called and never wrote: one page, no table."""
    worker = "tidewatch-api-SessionDO"
    db = database(OBJECTS / worker / f"{object_id(worker, uid('session empty'))}.sqlite")
    db.execute("CREATE TABLE t (x)")
    db.execute("DROP TABLE t")
    finish(db)


def session_documents():
    """Two conversations of a key-value class, each one value."""
    namespace = "tidewatch-mcp-SessionManager"
    desk = [
        ("user", "What is the tide at Ness tomorrow morning?", None),
        ("assistant", "High water **06:12** (2.3 m), low water **12:25** (0.5 m).", None),
        ("user", "And is the 07:10 running?", None),
        ("assistant", "Yes, route 4 to Skarholm, 07:10 from pier 2. The 18:30 is usually nine minutes late, since it waits for the train.", None),
    ]
    zhoushan = [
        ("user", "明天早上舟山有船去普陀山吗？", None),
        ("assistant", "有。第一班 **06:20**，第二班 **07:20**，航程约 30 分钟 ⛴️", None),
        ("user", "浪大吗？", None),
        ("assistant", "预报浪高 0.8 米，东北风 4 级，班次正常。", None),
    ]
    for name, lines, day in (("harbour-desk-ness", desk, "2026-11-18 07:02"), ("harbour-desk-舟山", zhoushan, "2026-11-19 22:41")):
        begun = seconds(day)
        document = {
            "messages": [{"role": r, "content": c, "timestamp": begun + 21.5 * n} for n, (r, c, _) in enumerate(lines)],
            "metadata": {"desk": name, "repository": "saltmarsh/tidewatch", "branch": "main"},
            "created_at": None, "last_updated": begun + 21.5 * (len(lines) - 1) + 0.001,
        }
        db, _ = durable_object(namespace, name)
        # The program writes JSON text; an older version of it wrote the object itself.
        key_values(db, {"session_data": json.dumps(document, ensure_ascii=False) if "ness" in name else document})
        finish(db)
    return document


AGENTS = """
CREATE TABLE cf_agents_state (id TEXT PRIMARY KEY NOT NULL, state TEXT);
CREATE TABLE cf_agents_mcp_servers (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, server_url TEXT NOT NULL,
  callback_url TEXT NOT NULL, client_id TEXT, auth_url TEXT, server_options TEXT);
CREATE TABLE cf_agents_queues (id TEXT PRIMARY KEY NOT NULL, payload TEXT, callback TEXT, created_at INTEGER DEFAULT (unixepoch()), retry_options TEXT);
CREATE TABLE cf_agents_schedules (id TEXT PRIMARY KEY NOT NULL DEFAULT (randomblob(9)), callback TEXT, payload TEXT,
  type TEXT NOT NULL CHECK(type IN ('scheduled', 'delayed', 'cron', 'interval')), time INTEGER, delayInSeconds INTEGER, cron TEXT,
  intervalSeconds INTEGER, running INTEGER DEFAULT 0, created_at INTEGER DEFAULT (unixepoch()), execution_started_at INTEGER,
  retry_options TEXT, owner_path TEXT, owner_path_key TEXT);
CREATE TABLE cf_agents_fibers (fiber_id TEXT PRIMARY KEY, idempotency_key TEXT UNIQUE, name TEXT NOT NULL, status TEXT NOT NULL, snapshot TEXT,
  metadata_json TEXT, error_message TEXT, created_at INTEGER NOT NULL, started_at INTEGER, completed_at INTEGER);
"""


def mcp_sessions():
    namespace = "tidewatch-mcp-McpSessionDO"
    name = "streamable-http:" + unique_id(namespace, "mcp 1")
    last = seconds("2026-11-21 09:58") * 1000 + 412
    db, path = durable_object(namespace, name)
    for statement in AGENTS.strip().split(";\n"):
        db.execute(statement)
    key_values(db, {
        "__ps_name": name,
        "initializeRequest": {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {"roots": {"listChanged": True}},
            "clientInfo": {"name": "harbour-desk", "version": "2.9.0"}}},
        "props": {"userId": "user_noor", "role": "desk", "signedInAt": Date(last - 3_600_000), "accessToken": "invented-token-not-a-secret"},
        "session-meta": {"organizationId": "org_saltmarsh", "organizationName": "Saltmarsh Ferries", "organizationSlug": "saltmarsh",
                         "userId": "user_noor", "elicitationMode": "browser", "resource": "tidewatch", "webOrigin": "https://desk.saltmarsh.example"},
        "transport": {"sessionId": name.partition(":")[2], "initialized": True, "initializeParams": {"protocolVersion": "2025-11-25"}},
        "last-activity-ms": last,
        "__mcp_stream_reqs__:stream-7": [3, 4, 5],
        "approval-response:exec_41": {"action": "approve", "by": "Noor – Hafenbüro", "at": Date(last - 60_000), "note": "ok ✅"},
        "/harbour-desk/tides-1/client_91/token": {"access_token": "invented-access", "refresh_token": "invented-refresh", "expires_in": 3600},
    })
    state = {"tool": "departures", "lastStop": "ness", "favourites": ["ness", "skarholm", "舟山"], "units": "m", "counter": 17}
    db.executemany("INSERT INTO cf_agents_state VALUES (?, ?)", [("cf_state_row_id", compact(state)), ("cf_schema_version", "11")])
    db.execute("INSERT INTO cf_agents_mcp_servers VALUES ('srv_tides', 'tides', 'https://tides.saltmarsh.example/mcp', "
               "'https://desk.saltmarsh.example/callback', 'client_91', NULL, NULL)")
    made = last // 1000 - 7200
    db.executemany("INSERT INTO cf_agents_schedules (id, callback, payload, type, time, delayInSeconds, cron, intervalSeconds, created_at) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
        ("sch_morning", "announce", compact({"text": "Guten Morgen, Ness!"}), "cron", seconds("2026-11-22 05:30"), None, "30 5 * * *", None, made),
        ("sch_tide", "refreshTides", compact({"stops": ["ness", "skarholm"]}), "interval", last // 1000 + 600, None, None, 600, made),
        ("sch_newyear", "greet", compact({"text": "新年快乐 🎆"}), "scheduled", seconds("2027-01-01 00:00"), None, None, None, made),
    ])
    db.executemany("INSERT INTO cf_agents_queues VALUES (?, ?, ?, ?, NULL)", [
        ("q_1", compact({"stop": "ness"}), "pushDelay", made + 60), ("q_2", compact({"stop": "houat"}), "pushDelay", made + 75)])
    db.executemany("INSERT INTO cf_agents_fibers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [
        ("fib_1", "import:2026-11-20", "import-spreadsheet", "completed", None, None, None, last - 9e6, last - 8.9e6, last - 8.2e6),
        ("fib_2", "import:2026-11-21", "import-spreadsheet", "interrupted", compact({"row": 31}), None, "The object was evicted", last - 2e6, last - 1.9e6, None)])
    alarm(db, (last // 1000 + 600) * 10**9)
    finish(db)
    rows = [(path.stem, (last // 1000 + 600) * 10**9, name)]
    # One from before the SDK, with the single key that the class then had, and one that came by server-sent events.
    old = "sse:" + unique_id(namespace, "mcp 2")
    db, _ = durable_object(namespace, old)
    key_values(db, {"transport": {"sessionId": old.partition(":")[2], "initialized": True,
                                  "initializeParams": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "büro", "version": "1"}}}})
    finish(db)
    idle = "streamable-http:" + unique_id(namespace, "mcp 3")
    db, _ = durable_object(namespace, idle)
    key_values(db, {"__ps_name": idle, "props": {}, "session-meta": {"organizationId": "org_saltmarsh", "organizationName": "Saltmarsh Ferries", "userId": "user_teo"}})
    finish(db)
    alarms(namespace, rows)


# --- Agent-MCP ------------------------------------------------------------------------------------------------------

AGENT_MCP = """
CREATE TABLE agents (token TEXT PRIMARY KEY, agent_id TEXT UNIQUE NOT NULL, capabilities TEXT, created_at TEXT NOT NULL, status TEXT NOT NULL,
  current_task TEXT, working_directory TEXT NOT NULL, color TEXT, terminated_at TEXT, updated_at TEXT);
CREATE TABLE tasks (task_id TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, assigned_to TEXT, created_by TEXT NOT NULL, status TEXT NOT NULL,
  priority TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, parent_task TEXT, child_tasks TEXT, depends_on_tasks TEXT, notes TEXT);
CREATE TABLE agent_actions (action_id INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, action_type TEXT NOT NULL, task_id TEXT,
  timestamp TEXT NOT NULL, details TEXT);
CREATE TABLE agent_messages (message_id TEXT PRIMARY KEY, sender_id TEXT NOT NULL, recipient_id TEXT NOT NULL, message_content TEXT NOT NULL,
  message_type TEXT NOT NULL DEFAULT 'text', priority TEXT NOT NULL DEFAULT 'normal', timestamp TEXT NOT NULL, delivered BOOLEAN NOT NULL DEFAULT 0,
  read BOOLEAN NOT NULL DEFAULT 0);
CREATE TABLE admin_config (config_key TEXT PRIMARY KEY, config_value TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, description TEXT);
CREATE TABLE project_context (context_key TEXT PRIMARY KEY, value TEXT NOT NULL, last_updated TEXT NOT NULL, updated_by TEXT NOT NULL, description TEXT);
CREATE TABLE claude_code_sessions (session_id TEXT PRIMARY KEY, pid INTEGER NOT NULL, parent_pid INTEGER NOT NULL, first_detected TEXT NOT NULL,
  last_activity TEXT NOT NULL, working_directory TEXT, agent_id TEXT, status TEXT DEFAULT 'detected', git_commits TEXT, metadata TEXT);
CREATE TABLE file_status (id INTEGER PRIMARY KEY AUTOINCREMENT, filepath TEXT NOT NULL, status TEXT NOT NULL, agent_id TEXT NOT NULL,
  locked_at TEXT NOT NULL, released_at TEXT, notes TEXT, FOREIGN KEY (agent_id) REFERENCES agents(agent_id));
CREATE TABLE mcp_session_persistence (mcp_session_id TEXT PRIMARY KEY, transport_state TEXT NOT NULL, agent_context TEXT, conversation_state TEXT,
  created_at TEXT NOT NULL, last_heartbeat TEXT NOT NULL, disconnected_at TEXT, recovery_attempts INTEGER DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'active', grace_period_expires TEXT, working_directory TEXT, metadata TEXT);
CREATE TABLE agent_session_state (agent_id TEXT, mcp_session_id TEXT, state_key TEXT, state_value TEXT NOT NULL, last_updated TEXT NOT NULL,
  expires_at TEXT, PRIMARY KEY (agent_id, mcp_session_id, state_key),
  FOREIGN KEY (mcp_session_id) REFERENCES mcp_session_persistence(mcp_session_id));
CREATE INDEX idx_agent_actions_agent_id_timestamp ON agent_actions (agent_id, timestamp DESC);
CREATE INDEX idx_agent_messages_recipient_timestamp ON agent_messages (recipient_id, timestamp DESC);
CREATE INDEX idx_mcp_sessions_status_heartbeat ON mcp_session_persistence (status, last_heartbeat DESC);
CREATE INDEX idx_mcp_sessions_recovery ON mcp_session_persistence (status, grace_period_expires);
CREATE INDEX idx_agent_session_state_session ON agent_session_state (mcp_session_id, last_updated DESC);
CREATE INDEX idx_agent_session_state_expiry ON agent_session_state (expires_at);
"""

# Status, created, last beat, disconnected, attempts, grace ends; minutes before NOW, negative: after it.
MCP_SESSIONS = [
    ("active", 8, 0.2, None, 0, -2), ("active", 190, 0.3, None, 0, 180), ("active", 55, 41, None, 0, 45),
    ("expired", 240, 0.1, None, 0, 230),  # its beat is fresh: alive, whatever the status says
    ("disconnected", 62, 4.5, 4, 0, -6), ("disconnected", 75, 6, 5.5, 2, -4.5), ("disconnected", 88, 31, 30, 3, 20),
    ("recovered", 130, 1.5, None, 1, 118), ("recovered", 3000, 2880, None, 4, 2870),
    ("expired", 9000, 8700, 8690, 0, 8680), ("expired", 50000, 49900, None, 0, 49990), ("expired", 1500, 1400, 1399, 1, 1389),
    ("active", 1, 0.05, None, 0, -9),  # transport_state cut off
]

TASKS = [
    ("Import October's spreadsheet", "lotse", "completed", "high", 2880, "Faktisk – Plan; „–“ = innstilt"),
    ("Median lateness per departure", "lotse", "in_progress", "high", 1400, "Median, kein Durchschnitt: ein Nebeltag verdirbt ihn."),
    ("Screen: how late a boat usually is", "takelage", "pending", "medium", 1390, None),
    ("Talk with the operators about it", None, "pending", "low", 1390, "A number like that is a kind of reproach."),
    ("Arabic and Hebrew names for 212 harbours", "takelage", "cancelled", "low", 5000, "A wrong harbour is worse than a foreign one."),
    ("Push notifications for cancellations", "boje", "failed", "high", 700, "Certificate for push has expired; needs a person."),
    ("潮汐の表をアクセシブルにする", "boje", "completed", "medium", 9000, "表は「すべての値を表示」の後ろに置く"),
]

TALK = [
    ("architect", "lotse", "Please take the spreadsheet import. Hand-typed dates, be forgiving, but count what you forgave.", "text", "normal"),
    ("lotse", "architect", "Done: 121 rows, 4 dates and 3 times repaired, 3 cancelled trips, 0 rejected.", "text", "normal"),
    ("lotse", "architect", "Route 4, 18:30: median **+9 min**. It waits for the train. Shall I show a reason?", "question", "normal"),
    ("architect", "lotse", "No, only the number. Reasons come from people.", "text", "normal"),
    ("boje", "architect", "Push certificate expired on 19 November; all sends fail with 403 since 00:00.", "alert", "high"),
    ("architect", "boje", "Stop retrying, please. Imke renews it by hand.", "text", "high"),
    ("boje", "architect", "Stopped after 212 retries. Sorry, that was loud. 🔔", "text", "normal"),
    ("takelage", "lotse", "Which unit does `late` have, seconds or minutes?", "question", "normal"),
    ("lotse", "takelage", "Minutes, signed, null when cancelled:\n\n```json\n{\"route\":\"4\",\"plan\":\"18:30\",\"late\":9,\"trips\":29,\"cancelled\":2}\n```", "text", "normal"),
    ("takelage", "lotse", "Спасибо! Тогда «обычно опаздывает на 9 минут».", "text", "normal"),
]


def agent_mcp():
    db = database(HERE / "mcp_state.db")
    for statement in AGENT_MCP.strip().split(";\n"):
        db.execute(statement)
    where = "/home/imke/tidewatch"
    sessions = []
    for number, (status, created, beat, gone, attempts, grace) in enumerate(MCP_SESSIONS):
        session = uid(f"mcp session {number}")
        sessions.append(session)
        made = ago(minutes=created)
        transport = compact({"sessionId": session, "created": made})
        db.execute("INSERT INTO mcp_session_persistence VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (
            session, transport[:22] if number == 12 else transport,
            compact({"agent": "lotse", "role": "import", "tokens": 18244}) if number == 0 else None,
            compact([{"role": "user", "content": "Wie spät ist die 18:30 meistens?"}, {"role": "assistant", "content": "Neun Minuten (Median)."}]) if number == 0 else None,
            made, ago(minutes=beat), gone and ago(minutes=gone), attempts, status, ago(minutes=grace), where + ("/apps/mobile" if number % 3 == 1 else ""),
            compact({"initialized_at": made, "recovery_enabled": True, "node_process_pid": 20_000 + number * 37})))
    names = ["lotse", "takelage", "boje", "architect"]
    for number, agent in enumerate(names):
        db.execute("INSERT INTO agents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (
            f"invented{hashlib.sha256(agent.encode()).hexdigest()[:24]}", agent, compact([["import", "sql"], ["ui", "i18n"], ["push"], ["plan", "review"]][number]),
            ago(days=20 - number), "terminated" if agent == "boje" else "active", None, where, ["#56d0c4", "#b795ff", "#f0b429", "#6aa5ff"][number],
            ago(hours=11) if agent == "boje" else None, ago(minutes=number + 1)))
    for number, session in enumerate(sessions):
        agent = names[number % 3]
        states = [("progress", {"step": number, "of": len(sessions), "note": "läuft" if number % 2 else "在进行"}, None), ("open_files", [f"packages/feed/src/late-{number}.ts", "README.md"], 24 * 60)]
        if number in (0, 3, 9):
            states.append(("scratch", {"todo": ["median", "screen", {"done": False}], "zone": "Europe/Oslo"}, -90))
        for key, value, life in states:
            updated = NOW - timedelta(minutes=MCP_SESSIONS[number][2] + 1)
            db.execute("INSERT INTO agent_session_state VALUES (?, ?, ?, ?, ?, ?)", (agent, session, key, compact(value), iso(updated), life and iso(updated + timedelta(minutes=life))))
    for number, (title, to, status, priority, minutes, note) in enumerate(TASKS):
        made = ago(minutes=minutes)
        db.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, 'architect', ?, ?, ?, ?, ?, '[]', ?, ?)", (
            f"task_{231_000 + number}", title, None, to, status, priority, made, ago(minutes=minutes * 0.6), "task_231000" if number in (1, 2) else None,
            compact(["task_231000"] if number == 1 else []), compact([{"at": made, "author": to or "architect", "text": note}] if note else [])))
        db.execute("INSERT INTO agent_actions (agent_id, action_type, task_id, timestamp, details) VALUES (?, ?, ?, ?, ?)",
                   ("architect", "created_task", f"task_{231_000 + number}", made, compact({"title": title})))
        if to:
            db.execute("INSERT INTO agent_actions (agent_id, action_type, task_id, timestamp, details) VALUES (?, ?, ?, ?, NULL)",
                       (to, {"completed": "completed_task", "failed": "failed_task"}.get(status, "started_work"), f"task_{231_000 + number}", ago(minutes=minutes * 0.6)))
    for number, (sender, to, text, kind, priority) in enumerate(TALK):
        unread = number > 7
        db.execute("INSERT INTO agent_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (
            f"msg_{uid(f'talk {number}')[:13]}", sender, to, text, kind, priority, ago(minutes=1380 - 130 * number), 1, 0 if unread else 1))
    db.executemany("INSERT INTO admin_config VALUES (?, ?, ?, ?, ?)", [
        ("admin_token", "invented-admin-token-0123456789abcdef", ago(days=40), ago(days=40), "Invented for the samples"),
        ("max_agents", "10", ago(days=40), ago(days=12), "How many agents may run at once")])
    db.executemany("INSERT INTO project_context VALUES (?, ?, ?, 'architect', ?)", [
        ("zones", compact({"rule": "the zone belongs to the stop, never to the phone"}), ago(days=18), "Learned on 2 November"),
        ("units", compact({"tide": "m", "late": "minutes"}), ago(days=2), None)])
    for number, status in enumerate(("active", "registered", "inactive", "detected")):
        db.execute("INSERT INTO claude_code_sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", (
            uid(f"claude code {number}"), 31_000 + number, 30_990, ago(hours=3 + 20 * number), ago(minutes=2 + 700 * number), where,
            names[number] if number < 3 else None, status, compact(["6be1f0d", "a41c9e0"] if number == 0 else [])))
    db.executemany("INSERT INTO file_status (filepath, status, agent_id, locked_at, released_at, notes) VALUES (?, ?, ?, ?, ?, ?)", [
        (f"{where}/packages/late/src/median.ts", "in_use", "lotse", ago(minutes=40), None, "Median und Fehlfahrten"),
        (f"{where}/apps/mobile/src/screens/Stop.tsx", "released", "takelage", ago(hours=5), ago(hours=4), None)])
    finish(db)


# --- claude-hooks, a session document, an application's database ----------------------------------------------------

def claude_hooks():
    """The resume map in all three generations of keys and values, and as the database that came after it."""
    def ms(**how):
        return int((NOW - timedelta(**how)).timestamp() * 1000)

    def used(label, **how):
        return {"id": uid(label), "last_used_at": ms(**how)}

    write_json("sessions.json", {
        # The first: three parts, the bare id.
        "coder:saltmarsh/tidewatch:188": uid("hook 188"),
        "reviewer:saltmarsh/tidewatch:190": uid("hook 190"),
        "boss:saltmarsh/website:12": uid("hook 12"),
        # The second: a time with it, and an agent by its passing name.
        "foreman:saltmarsh/tidewatch:205": used("hook 205", days=31),
        "architect:saltmarsh/tidewatch:205": used("hook 205b", days=3),
        "coder:saltmarsh/tide_watch:7": used("hook 7", hours=2),
        # The third: a forge before it.
        "github:coder:saltmarsh/tide_watch:7": used("hook gh 7", hours=1),
        "github:coder:saltmarsh/tide-watch:7": used("hook gh 7 dash", hours=3),
        "github:coder:Saltmarsh/Tide_Watch:7": used("hook gh 7 case", hours=4),
        "forgejo:reviewer:saltmarsh/tidewatch:231": used("hook 231", minutes=25),
        "forgejo:architect:saltmarsh/tidewatch:231": used("hook 231a", minutes=12),
        "gitlab:qa:coast/north/tide.tables:pr-12": used("hook pr12", hours=20),
        "github:translator:saltmarsh/übersetzungen-日本:3": used("hook 3", hours=30),
        "odd": used("hook odd", days=2),
    })
    transcript("forgejo:architect:saltmarsh/tidewatch:231", "hook 231a", "architect", "twins", NOW - timedelta(minutes=12))
    db = database(HERE / "claude-hooks.db")
    db.execute("CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL)")
    agents, forges = ["coder", "reviewer", "qa", "architect", "translator"], ["github", "forgejo", "gitlab"]
    repos = ["saltmarsh/tidewatch", "saltmarsh/tide_watch", "saltmarsh/tide-watch", "Saltmarsh/Tide_Watch", "coast/north/tide.tables"]
    for number in range(60):
        repo = repos[0] if number % 3 else repos[number // 3 % len(repos)]
        key = f"{forges[number % 7 % 3]}:{agents[number % 5]}:{repo}:{231 - number // 4 if repo == repos[0] else 7}"
        old = 0 if number in (41, 53) else ms(minutes=chance(f"age {number}", 1, 90) * (1 + number * number // 9))
        db.execute("INSERT OR IGNORE INTO claude_sdk_sessions VALUES (?, ?, ?, ?)", (key, uid(f"db {number}"), old, (old or ms(days=60)) - 4_000_000))
    finish(db)


def transcript(key, label, agent, name, last):
    """What a resume key names: the story as Claude writes it down, a line for each block, ending when the key was last used."""
    session, folder = uid(label), "/srv/checkouts/tidewatch"
    path = HERE / "agent-env" / agent / "projects" / folder.replace("/", "-") / f"{session}.jsonl"
    messages = story.read(name)
    shift = int(last.timestamp()) - messages[-1]["at"] - 60
    lines, parent = [], None

    def add(at, **fields):
        nonlocal parent
        own = uid(f"{key} line {len(lines)}")
        moment = datetime.fromtimestamp(at + shift, timezone.utc) + timedelta(milliseconds=211 * (len(lines) % 5))
        lines.append({"parentUuid": parent, "isSidechain": False, "userType": "external", "cwd": folder, "sessionId": session,
                      "version": "2.0.14", "gitBranch": "issue-231", **fields, "uuid": own, "timestamp": iso(moment)})
        parent = own

    for number, message in enumerate(messages):
        reply, call = f"msg_{uid(f'{key} {number}')[:13]}", None
        for step, block in enumerate(message["blocks"]):
            at = message["at"] + 2 * step
            if message["role"] != "assistant":
                add(at, type="user", message={"role": "user", "content": block["text"]})
            elif block["kind"] in ("ok", "error"):
                result = {"tool_use_id": call, "type": "tool_result", "content": block["text"]}
                if block["kind"] == "error":
                    result["is_error"] = True
                add(at, type="user", message={"role": "user", "content": [result]}, toolUseResult={"stdout": block["text"], "interrupted": False})
            else:
                if block["kind"] == "call":
                    call = f"toolu_{uid(f'{key} {number} {step}')[:13]}"
                    said = {"type": "tool_use", "id": call, "name": block["name"], "input": block["input"]}
                elif block["kind"] == "think":
                    said = {"type": "thinking", "thinking": block["text"], "signature": "aW52ZW50ZWQ="}
                else:
                    said = {"type": "text", "text": block["text"]}
                usage = {"input_tokens": 4 + number, "cache_creation_input_tokens": 120 * number, "cache_read_input_tokens": 9_000 + 400 * number,
                         "output_tokens": 30 + 17 * len(message["blocks"])}
                add(at, type="assistant", requestId=f"req_{reply[4:]}", message={
                    "id": reply, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [said], "stop_reason": None, "usage": usage})
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {"type": "file-history-snapshot", "messageId": lines[0]["uuid"], "isSnapshotUpdate": False,
            "snapshot": {"messageId": lines[0]["uuid"], "trackedFileBackups": {}, "timestamp": lines[0]["timestamp"]}}
    path.write_text("".join(compact(line) + "\n" for line in [head, *lines]), encoding="utf-8")


def write_json(name, value):
    (HERE / name).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def session_document():
    messages = story.read("support") + story.read("twins")[:3]
    write_json("session-document.json", {
        "messages": [{"role": m["role"], "content": story.parts(m, "document")[0], "timestamp": m["at"] + 0.25} for m in sorted(messages, key=lambda m: m["at"])],
        "metadata": {"repository": "saltmarsh/tidewatch", "branch": "main", "title": "Questions at the desk"},
        "created_at": None, "last_updated": messages[3]["at"] + 0.251,
    })


def application():
    """The application's own database: no session store, with the ledger of its migrations."""
    db = database(HERE / "app.db")
    for statement in """
CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL);
CREATE TABLE stops (id TEXT PRIMARY KEY, name TEXT NOT NULL, zone TEXT NOT NULL, datum_cm INTEGER NOT NULL, created_by TEXT);
CREATE TABLE departures (id INTEGER PRIMARY KEY, stop_id TEXT NOT NULL REFERENCES stops(id), route TEXT NOT NULL, departs_at INTEGER NOT NULL);
CREATE INDEX idx_departures_stop_time ON departures(stop_id, departs_at);
CREATE TABLE photos (stop_id TEXT PRIMARY KEY REFERENCES stops(id), png BLOB NOT NULL);
CREATE VIEW next_departures AS SELECT s.name, d.route, datetime(d.departs_at / 1000, 'unixepoch') AS departs FROM departures d JOIN stops s ON s.id = d.stop_id
""".strip().split(";\n"):
        db.execute(statement)
    db.executemany("INSERT INTO d1_migrations (name, applied_at) VALUES (?, ?)", [
        ("0001_stops.sql", "2026-03-02 09:00:11"), ("0002_departures.sql", "2026-03-02 09:00:12"), ("0003_photos.sql", "2026-05-19 14:22:40"),
        ("0004_departure_zone.sql", "2026-11-02 13:40:37"), ("0005_favourites_hash.sql", "2026-11-03 15:20:01"),
        ("0006_add_tide_steps.sql", "2026-11-10 09:12:44"), ("0007_chat_parts.sql", "2026-11-10 09:41:03")])
    stops = [(stop, name, zone, chance(stop, 20, 320), "import") for stop, name, zone, _, _ in story.HARBOURS]
    stops += [("skar-holm", "Skar\u200bholm", "Europe/Oslo", 41, "import"), ("fuglevik", "Fugle\u00advik", "Europe/Oslo", 38, "import"),
              ("pier-9", "\u202e9 reiP\u202c", "Europe/London", 0, "teo")]
    db.executemany("INSERT INTO stops VALUES (?, ?, ?, ?, ?)", stops)
    start = seconds("2026-11-21 00:00") * 1000
    for number in range(240):
        stop = story.HARBOURS[number % len(story.HARBOURS)][0]
        db.execute("INSERT INTO departures (stop_id, route, departs_at) VALUES (?, ?, ?)", (stop, str(4 + number % 9), start + chance(f"dep {number}", 300, 1380) * 60_000))
    photo = png([bytes((0x1D, 0x2F + 9 * row, 0x6D + 5 * row)) * 16 for row in range(16)])
    db.execute("INSERT INTO photos VALUES ('ness', ?)", (photo,))
    finish(db)


def png(rows):
    """A small picture, from its rows of RGB bytes."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    # Stored rather than compressed, so that every zlib gives the same bytes.
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def main():
    shutil.rmtree(HERE / ".wrangler", ignore_errors=True)
    names = {name: session_do(name) for name in SESSIONS}
    terminated_session()
    empty_object()
    worker = "tidewatch-api-SessionDO"
    alarms(worker, [(object_id(worker, names["departures"]), seconds("2026-11-21 10:05") * 10**9, names["departures"]),
                    (object_id(worker, names["translations"]), seconds("2026-11-21 09:00") * 10**9, names["translations"]),
                    (unique_id(worker, "without a name"), seconds("2026-11-22 00:00") * 10**9, None)])
    session_documents()
    mcp_sessions()
    agent_mcp()
    claude_hooks()
    session_document()
    application()


if __name__ == "__main__":
    main()
