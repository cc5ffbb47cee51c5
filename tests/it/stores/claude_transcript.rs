use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::strategy::Strategy as _;
use sessionscope::core::{Block, Flow, Query, ReadStore, StoreError, Table};
use sessionscope::stores::open;
use sessionscope::stores::sqlite::{Cancel, SqliteStore};

use crate::support::{fixture, opened, options, rows, table};

const SESSION: &str = "3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41";

fn whole() -> PathBuf {
    fixture("claude-transcript").join(format!("{SESSION}.jsonl"))
}

/// A file of this content, in a folder that goes with the test.
fn file(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("talk.jsonl");
    fs::write(&path, content).expect("written");
    (folder, path)
}

/// A user's line with this uuid and text.
fn said(uuid: &str, text: &str) -> String {
    format!(
        r#"{{"type":"user","uuid":"{uuid}","sessionId":"s","timestamp":"2026-11-20T09:00:00Z","message":{{"role":"user","content":"{text}"}}}}"#
    )
}

fn codes(store: &dyn ReadStore) -> Vec<&'static str> {
    store.about().findings.iter().map(|f| f.code).collect()
}

fn message(store: &SqliteStore, code: &str) -> String {
    let found = store.about().findings.iter().find(|f| f.code == code);
    found.map(|f| f.message.clone()).unwrap_or_default()
}

fn blocks(store: &SqliteStore, id: &str) -> Vec<Block> {
    let rows = rows(store, &Query::all(Table::Messages));
    let row = rows.iter().find(|r| r.cells[0].value.as_str() == Some(id)).expect("the message");
    store.blocks(&row.key).expect("blocks")
}

fn uuid(number: u32) -> String {
    format!("{number:08x}-1111-4222-8333-{number:012x}")
}

#[test]
fn every_line_of_a_transcript_is_a_row() {
    let store = opened(&whole()).store;
    assert_eq!(store.about().stores, ["claude-transcript"]);
    assert!(!store.about().damaged);
    assert_eq!(
        table(&store, Table::Messages, &["role", "kind", "text"]),
        r#"- | summary | Two harbours with the same name
- | file history snapshot | {"type":"file-history-snapshot","messageId":"00000001-1111-4222-8333-000000000001","snapshot":{"messageId":"00000001-1111-4222-8333-000000000001","trackedFileBackups":{},"timestamp":"2026-11-20T09:00:00.000Z"},"isSnapshotUpdate":false}
user | text | Which of the two Newhavens does the tide table show?
user | text | <command-name>/model</command-name>
assistant | thinking | Both ports are called Newhaven; look at the table first.
assistant | text | I look the stations up.
assistant | tool call | Grep {"pattern":"Newhaven","path":"data"}
- | queue operation | {"type":"queue-operation","operation":"enqueue","timestamp":"2026-11-20T09:00:05.300Z","sessionId":"3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41","content":"and print both"}
user | tool result | stations.csv:14:Newhaven,GB⏎stations.csv:90:New Haven,US
- | progress | {"parentUuid":"00000006-1111-4222-8333-000000000006","isSidechain":false,"userType":"external","cwd":"/home/ines/tidewatch","sessionId":"3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41","version":"2.0.14","gitBranch":"harbour-names","type":"progress","data":{"type":"hook_progress","hookEvent":"PostToolUse","hookName":"PostToolUse:Grep"},"toolUseID":"toolu_a","uuid":"00000007-1111-4222-8333-000000000007","timestamp":"2026-11-20T09:00:06.100Z"}
assistant | tool call | Bash {"command":"make tides"}
user | tool result | make: *** No rule to make target 'tides'
assistant | text | The table shows the British one.
user | text | Here is the page as it looks.
- | attachment | {"parentUuid":"0000000b-1111-4222-8333-00000000000b","isSidechain":false,"userType":"external","cwd":"/home/ines/tidewatch","sessionId":"3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41","version":"2.0.14","gitBranch":"harbour-names","type":"attachment","attachment":{"type":"file","filename":"stations.csv","content":{"type":"text","file":{"filePath":"data/stations.csv","numLines":120}}},"uuid":"0000000c-1111-4222-8333-00000000000c","timestamp":"2026-11-20T09:05:01.000Z"}
assistant | error | API Error: 529 Overloaded
user | text | Here is the page again, without the picture.
system | compact boundary | Conversation compacted
user | summary | This session goes on from an earlier one. Both harbours are in stations.csv.
assistant | tool call | Task {"description":"Rename","prompt":"Rename the American one."}
user | text | Rename the American one.
assistant | text | Renamed.
- | other | {"type":"tide-mark","sessionId":"3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41","mark":"a kind that nobody knows"}"#
    );
}

#[test]
fn a_reply_over_several_lines_is_counted_once() {
    let store = opened(&whole()).store;
    let columns =
        ["id", "title", "status", "created_at", "last_active_at", "messages", "working_directory", "detail"];
    assert_eq!(
        table(&store, Table::Sessions, &columns),
        [
            SESSION,
            "Two harbours with the same name",
            "tool call open",
            "1795165200100",
            "1795165566000",
            "23",
            "/home/ines/tidewatch",
            r#"{"models":["claude-sonnet-4-5"],"git_branches":["harbour-names"],"versions":["2.0.14"],"tokens":{"input":186,"output":162,"cache_creation":1200,"cache_read":2320},"replies":6,"tool_calls":3,"errors":1,"side_chain_lines":2,"broken_lines":0}"#,
        ]
        .join(" | ")
    );
    assert_eq!(codes(&store), ["api-error", "tool-call-unanswered", "unknown-line"]);
    assert_eq!(
        message(&store, "unknown-line").split(':').next(),
        Some("1 line is of a kind that is not known, tide-mark")
    );
    assert_eq!(message(&store, "tool-call-unanswered"), "1 tool call has no result: Task (line 20)");
}

#[test]
fn what_a_message_says_is_read_from_the_file() {
    let store = opened(&whole()).store;
    let Block::ToolResult { id, output, is_error, .. } = blocks(&store, &uuid(9)).remove(0) else {
        panic!("a result")
    };
    assert_eq!((id.as_deref(), is_error), (Some("toolu_b"), true));
    assert!(output.starts_with("make:"), "{output}");
    assert_eq!(
        blocks(&store, &uuid(11)),
        [
            Block::Text("Here is the page as it looks.".into()),
            Block::Media { media_type: "image/png".into(), bytes: 16, pixels: None }
        ]
    );
    assert_eq!(
        blocks(&store, &uuid(3)),
        [Block::Thinking("Both ports are called Newhaven; look at the table first.".into())]
    );
    let [Block::Other { kind, .. }] = &blocks(&store, &uuid(7))[..] else { panic!("one block") };
    assert_eq!(kind, "progress");
    let details = table(&store, Table::Messages, &["detail"]);
    let detail: serde_json::Value =
        serde_json::from_str(details.lines().nth(8).expect("the result")).expect("JSON");
    assert_eq!(detail["line"], 9);
    assert_eq!(detail["toolUseResult"]["numFiles"], 1);
    assert_eq!(detail["parentUuid"], uuid(5));
    let detail: serde_json::Value =
        serde_json::from_str(details.lines().nth(6).expect("the call")).expect("JSON");
    assert_eq!((&detail["usage"]["output_tokens"], &detail["message_id"]), (&64.into(), &"msg_01".into()));
    assert_eq!(detail["model"], "claude-sonnet-4-5");
}

#[test]
fn broken_lines_are_shown_where_they_stand() {
    let mut content = b"\xef\xbb\xbf".to_vec();
    content.extend(said("a", "first").bytes());
    content.extend(b"\r\n{\"type\":\"user\",\"uuid\":\"b\",\"mess\n\n\0\0\0\0\n[1]\n");
    content.extend(said("c", "bad \u{1}").replace('\u{1}', "").bytes());
    content.extend(b"\n");
    let mut bad = said("d", "Z\u{fc}rich").into_bytes();
    let at = bad.windows(2).position(|w| w == [0xc3, 0xbc]).expect("the letter");
    bad.splice(at..at + 2, [0xfc]);
    content.extend(bad);
    content.extend(b"\n{\"type\":\"assistant\",\"uuid\":\"e\",\"mes");
    let (_folder, path) = file(&content);
    let store = opened(&path).store;
    assert_eq!(
        table(&store, Table::Messages, &["id", "kind", "text"]),
        "a | text | first\n\
         line-2 | broken line | {\"type\":\"user\",\"uuid\":\"b\",\"mess\n\
         line-4 | broken line | \0\0\0\0\n\
         line-5 | broken line | [1]\n\
         c | text | bad \n\
         d | text | Z‹xFC›rich\n\
         line-8 | unfinished line | {\"type\":\"assistant\",\"uuid\":\"e\",\"mes"
    );
    assert!(store.about().damaged);
    assert_eq!(codes(&store), ["broken-line", "torn-last-line", "line-bad-utf-8"]);
    let first = 3 + said("a", "first").len() + 2;
    let message = message(&store, "broken-line");
    assert!(
        message.starts_with(&format!("3 lines are no JSON objects: line-2 (byte {first}), line-4 (byte")),
        "{message}"
    );
    let raw = blocks(&store, "line-2").remove(0);
    assert_eq!(
        raw,
        Block::Other { kind: "broken JSON".into(), raw: "{\"type\":\"user\",\"uuid\":\"b\",\"mess".into() }
    );
    // All of it came from the session that the lines name.
    assert_eq!(rows(&store, &Query { session: Some("s".into()), ..Query::all(Table::Messages) }).len(), 7);
}

#[test]
fn an_unfinished_last_line_is_no_damage() {
    let (_folder, path) = file(said("a", "first") + "\n{\"type\":\"us");
    let store = opened(&path).store;
    assert!(!store.about().damaged);
    assert_eq!(codes(&store), ["torn-last-line"]);
    assert_eq!(
        message(&store, "torn-last-line"),
        format!("The last line is not finished: line 2, from byte {} on", said("a", "first").len() + 1)
    );
}

#[test]
fn lines_that_repeat_precede_or_miss_others_are_told() {
    let follows = |uuid: &str, parent: &str, at: &str| {
        format!(
            r#"{{"type":"user","uuid":"{uuid}","parentUuid":"{parent}","sessionId":"s{uuid}","timestamp":"{at}","message":{{"role":"user","content":"{uuid}"}}}}"#
        )
    };
    let lines = [
        follows("b", "a", "2026-11-20T09:00:02Z"),
        follows("a", "gone", "2026-11-20T09:00:01Z"),
        follows("b", "a", "2026-11-20T09:00:03Z"),
        follows("c", "b", "no time").replace(r#""uuid":"c""#, r#""uuid":17"#),
    ];
    let (_folder, path) = file(lines.join("\n"));
    let store = opened(&path).store;
    // In the order of time; a line without one stays behind the one before it.
    assert_eq!(
        table(&store, Table::Messages, &["id", "text", "created_at"]),
        "a | a | 1795165201000\nb | b | 1795165202000\nb | b | 1795165203000\nline-4 | c | -"
    );
    assert_eq!(codes(&store), ["duplicate-uuid", "parent-missing"]);
    assert_eq!(message(&store, "parent-missing"), "1 line follows one that is not in this file: line 2");
    let session = table(&store, Table::Sessions, &["id", "detail"]);
    assert!(session.starts_with("sb | ") && session.contains(r#""other_sessions":["sa","sc"]"#), "{session}");
}

#[test]
fn other_json_lines_are_no_transcript() {
    for other in [
        r#"{"timestamp":"2026-11-20T09:00:00Z","type":"session_meta","payload":{"id":"x"}}"#,
        r#"{"type":"message","id":"1","parentId":null,"timestamp":"2026-11-20T09:00:00Z","message":{"role":"user","content":"x"}}"#,
        r#"{"messages":[],"metadata":{},"created_at":1}"#,
        r#"{"level":"info","msg":"x","uuid":"1"}"#,
        "[{\"type\":\"user\",\"uuid\":\"1\",\"message\":{}}\n]",
    ] {
        let (_folder, path) = file(format!("{other}\n"));
        let stores = open(&path, &options()).map(|o| o.store.about().stores.clone()).unwrap_or_default();
        assert!(!stores.contains(&"claude-transcript"), "{other}");
    }
    let (_folder, path) = file(r#"{"type":"summary","summary":"Only this","leafUuid":"x"}"#);
    let store = opened(&path).store;
    assert_eq!(table(&store, Table::Sessions, &["id", "title", "messages"]), "talk | Only this | 1");
}

#[test]
fn a_line_of_many_megabytes_is_found_by_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.jsonl");
    let mut written = File::create(&path).expect("a file");
    let long = "tide ".repeat(4 << 20);
    // The message before the type, so that the beginning alone does not say what it is.
    let first = format!(
        r#"{{"parentUuid":null,"sessionId":"s","message":{{"role":"user","content":"{long}"}},"type":"user","uuid":"a"}}"#
    );
    writeln!(written, "{first}").expect("written");
    writeln!(written, "{}", said("b", "after it")).expect("written");
    drop(written);
    let store = opened(&path).store;
    assert_eq!(table(&store, Table::Messages, &["id", "kind"]), "a | text\nb | text");
    let Block::Text(text) = blocks(&store, "a").remove(0) else { panic!("a text") };
    assert_eq!(text.len(), long.len());
    assert_eq!(blocks(&store, "b"), [Block::Text("after it".into())]);
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(path).expect("a file");
    file.write_all(text.as_bytes()).expect("written");
}

#[test]
fn what_is_appended_is_read_on_by_every_connection() {
    let (_folder, path) = file(said("a", "first") + "\n");
    let mut opened = opened(&path);
    let mut other = opened.again(&Cancel::default()).expect("a second reader");
    assert!(!opened.store.read_on().expect("nothing"), "nothing was appended");
    let next = said("b", "second");
    let (start, rest) = next.split_at(40);
    append(&path, start);
    assert!(opened.store.read_on().expect("read"));
    let ids = |store: &SqliteStore| table(store, Table::Messages, &["id", "kind"]);
    assert_eq!(table(&opened.store, Table::Messages, &["id", "kind"]), "a | text\nline-2 | unfinished line");
    assert_eq!(table(&opened.store, Table::Findings, &["code"]), "torn-last-line");
    append(&path, &format!("{rest}\n{}", said("c", "third")));
    assert!(opened.store.read_on().expect("read"));
    assert!(!opened.store.read_on().expect("read"));
    assert_eq!(table(&opened.store, Table::Messages, &["id", "kind"]), "a | text\nb | text\nc | text");
    assert_eq!(table(&opened.store, Table::Findings, &["code"]), "");
    assert_eq!(table(&opened.store, Table::Sessions, &["messages", "title"]), "3 | first");
    // The other reads nothing anew, and knows all the same.
    assert!(other.read_on().expect("read"));
    assert_eq!(ids(&other), "a | text\nb | text\nc | text");
    append(&path, "\nno JSON\n");
    assert!(other.read_on().expect("read"));
    assert!(opened.store.read_on().expect("read"));
    for store in [&opened.store, &other] {
        assert!(store.about().damaged);
        assert_eq!(
            message(store, "broken-line").split(" (").next(),
            Some("1 line is no JSON object: line-4")
        );
    }
}

#[test]
fn a_folder_of_transcripts_is_known_by_their_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let projects = folder.path().join("projects/-home-ines-tidewatch");
    let agents = projects.join(SESSION).join("subagents");
    fs::create_dir_all(&agents).expect("a folder");
    fs::copy(whole(), projects.join(format!("{SESSION}.jsonl"))).expect("a copy");
    let agent = said("a", "Rename the American one.")
        .replace(r#""sessionId""#, r#""agentId":"x","cwd":"/home/ines/tidewatch","sessionId""#);
    fs::write(agents.join("agent-x.jsonl"), agent).expect("written");
    fs::write(projects.join("other.jsonl"), "{\"level\":\"info\",\"msg\":\"no transcript\"}\n")
        .expect("written");
    fs::write(projects.join("empty.jsonl"), "").expect("written");
    let cancel = Cancel::default();
    let found = sessionscope::stores::folder::walk(folder.path(), &cancel, &mut |_| Flow::Continue);
    let named: Vec<_> = found
        .expect("a walk")
        .members
        .iter()
        .map(|m| sessionscope::stores::peek(&m.path).and_then(|p| p.name).unwrap_or_default())
        .collect();
    // The session before its sub-agent.
    assert_eq!(
        named,
        ["tidewatch · Two harbours with the same name", "tidewatch · sub-agent: Rename the American one."]
    );
}

#[test]
fn a_reading_that_fails_is_made_again_whole() {
    // So many that the first of them are handed out while the others are still read.
    let first: String = (0..1_500).map(|number| said(&format!("a{number}"), "first") + "\n").collect();
    let (_folder, path) = file(first);
    let mut opened = opened(&path);
    let other = opened.again(&Cancel::default()).expect("a second reader");
    append(&path, &format!("{}\n{{broken\n", said("b", "second")));
    // While another connection reads, it cannot be written.
    let mut tried = 0;
    let mut sink = |_| {
        let read = opened.store.read_on();
        assert!(matches!(read, Err(StoreError::Locked { .. })), "{read:?}");
        tried += 1;
        Flow::Stop
    };
    other.index(&Query::all(Table::Messages), None, &mut sink).expect("an index");
    assert!(tried > 0);
    append(&path, &format!("{}\n", said("c", "third")));
    assert!(opened.store.read_on().expect("read"));
    let ids = table(&opened.store, Table::Messages, &["id"]);
    assert!(ids.ends_with("a1499\nb\nline-1502\nc"), "{ids}");
    assert_eq!(table(&opened.store, Table::Sessions, &["messages"]), "1503");
    assert_eq!(codes(&opened.store), ["broken-line"]);
    // One that is broken off has read nothing.
    let cancel = Cancel::default();
    cancel.cancel();
    let broken_off = sessionscope::stores::open_with(&path, &options(), &cancel).map(|_| ());
    assert!(matches!(broken_off, Err(StoreError::Cancelled)), "{broken_off:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever follows a first line, none of it is lost, and read in pieces it is the same as read at once.
    #[test]
    fn any_bytes_are_lines_and_grow_alike(
        lines in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
                proptest::string::string_regex(r#"\{"type":"(user|assistant|x)","uuid":"[ab]","sessionId":"s"(,"message":(1|\{"content":(2|"c"|\[\{"type":"(text|tool_use|tool_result|image)"(,"id":3)?\}\]),"usage":\{"input_tokens":(4|-1|"5")\}\}))?\}"#)
                    .expect("a pattern").prop_map(String::into_bytes),
            ],
            0..12,
        ),
        cuts in proptest::collection::vec(0usize..400, 0..4),
    ) {
        let mut whole = said("first", "first").into_bytes();
        whole.push(b'\n');
        let start = whole.len();
        whole.extend(lines.join(&b'\n'));
        let (_folder, path) = file(&whole);
        let at_once = opened(&path).store;
        let columns = ["id", "role", "kind", "text", "detail"];
        let expected = table(&at_once, Table::Messages, &columns);
        let not_blank = whole.split(|b| *b == b'\n').filter(|l| !l.iter().all(u8::is_ascii_whitespace)).count();
        proptest::prop_assert_eq!(expected.split('\n').count(), not_blank);
        for row in rows(&at_once, &Query::all(Table::Messages)) {
            at_once.blocks(&row.key).expect("blocks");
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| (start + cut).min(whole.len())).collect();
        cuts.sort_unstable();
        fs::write(&path, &whole[..start]).expect("written");
        let mut growing = opened(&path).store;
        let mut written = start;
        for cut in cuts.into_iter().chain([whole.len()]) {
            let mut file = OpenOptions::new().append(true).open(&path).expect("a file");
            file.write_all(&whole[written..cut]).expect("written");
            written = cut;
            growing.read_on().expect("read");
        }
        proptest::prop_assert_eq!(table(&growing, Table::Messages, &columns), expected);
        proptest::prop_assert_eq!(codes(&growing), codes(&at_once));
        let sessions = ["id", "title", "status", "messages", "detail"];
        proptest::prop_assert_eq!(table(&growing, Table::Sessions, &sessions), table(&at_once, Table::Sessions, &sessions));
    }
}

#[test]
fn an_empty_transcript_is_one_in_which_nothing_was_written_yet() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("3f0d5a52-7c1e-4b8e-9d36-5a1c0e7b2f41.jsonl");
    fs::write(&path, "").expect("written");
    let mut opened = opened(&path);
    assert_eq!(opened.store.about().stores, ["claude-transcript"]);
    assert!(!opened.store.about().damaged);
    assert_eq!(opened.store.about().findings, []);
    assert_eq!(table(&opened.store, Table::Messages, &["id", "kind"]), "");
    append(
        &path,
        "{\"type\":\"user\",\"uuid\":\"a\",\"message\":{\"role\":\"user\",\"content\":\"hello\"}}\n",
    );
    assert!(opened.store.read_on().expect("read"));
    assert_eq!(table(&opened.store, Table::Messages, &["id", "kind"]), "a | text");
    // Another empty file says nothing of what it was to be.
    let other = folder.path().join("notes.jsonl");
    fs::write(&other, "").expect("written");
    assert!(open(&other, &options()).is_err_and(|e| e.is_damage()));
}
