//! Every format, to the byte.

use super::{sessionscope, text};
use crate::stores::session_do::SHIP;
use crate::support::database;

/// Values that one format or the other cannot hold as they are.
const ODD: &str = r#"
CREATE TABLE "odd" (name TEXT, value, "row" TEXT);
INSERT INTO odd VALUES
 ('large', 9007199254740993, NULL), ('least', -9223372036854775808, ''), ('infinite', 9e999, 'a,b'),
 ('tenth', 0.1, 'x|y'), ('blob', x'00ff', '=1+1'), ('broken', CAST(x'61ff62' AS TEXT), '-5'),
 ('hidden', 'a' || char(8238) || 'b', 'two' || char(10) || 'lines'), ('quote', 'say "hi"', '@home');
"#;

fn rows(sql: &str, table: &str, format: &str) -> String {
    let (_folder, path) = database("69f1.sqlite", sql);
    let ended = sessionscope(&["rows", text(&path), table, "--format", format]);
    assert_eq!((ended.err.as_str(), ended.status), ("", 0));
    ended.out
}

#[test]
fn json_is_one_array_with_times_numbers_and_details_as_they_are() {
    assert_eq!(
        rows(SHIP, "tasks", "json"),
        r#"[
{"id":"t1","session_id":"69f1","title":"Write it","status":"complete","mode":"plan","priority":null,"assigned_to":null,"created_at":"2026-02-01T19:04:01.000Z","updated_at":null,"completed_at":"2026-02-01T19:04:02.000Z","detail":{},"row":"0:1"}
]
"#
    );
    assert_eq!(rows("CREATE TABLE plain (a)", "migrations", "json"), "[]\n");
}

#[test]
fn jsonl_is_one_object_a_line() {
    assert_eq!(
        rows(SHIP, "state", "jsonl"),
        r#"{"session_id":"69f1","owner":"session_meta","key":"branch_name","value":"main","updated_at":null,"expires_at":null,"row":"0:4"}
{"session_id":"69f1","owner":"session_meta","key":"repoName","value":"app","updated_at":null,"expires_at":null,"row":"0:3"}
{"session_id":"69f1","owner":"session_meta","key":"repoOwner","value":"acme","updated_at":null,"expires_at":null,"row":"0:2"}
{"session_id":"69f1","owner":"session_meta","key":"title","value":"A question","updated_at":null,"expires_at":null,"row":"0:1"}
"#.lines().rev().map(|l| l.to_owned() + "\n").collect::<String>()
    );
}

#[test]
fn state_values_are_nested_where_they_are_json_that_readers_take() {
    let deep = format!("{}1{}", "[".repeat(101), "]".repeat(101));
    let sql = format!(
        "{SHIP} DELETE FROM session_meta; INSERT INTO session_meta VALUES
           ('object', '{{ \"a\": [1, 12345678901234567890123],\n \"b\": \" kept \" }}'), ('text', 'no json'),
           ('deep', '{deep}'), ('half', '\"\\ud800\"'), ('huge', '1e999'), ('none', NULL);"
    );
    let out = rows(&sql, "state", "jsonl");
    let value = |key: &str| {
        let line = out.lines().find(|l| l.contains(&format!("\"key\":\"{key}\""))).expect("a line");
        let start = line.find("\"value\":").expect("a value") + 8;
        line[start..line.find(",\"updated_at\"").expect("an end")].to_owned()
    };
    assert_eq!(value("object"), r#"{"a":[1,12345678901234567890123],"b":" kept "}"#);
    assert_eq!(value("text"), r#""no json""#);
    assert_eq!(value("deep"), format!("\"{deep}\""));
    assert_eq!(value("half"), r#""\"\\ud800\"""#);
    assert_eq!(value("huge"), r#""1e999""#);
    assert_eq!(value("none"), "null");
}

#[test]
fn json_keeps_what_a_native_table_holds() {
    assert_eq!(
        rows(ODD, "native:odd", "jsonl"),
        r#"{"name":"large","value":9007199254740993,"row_":null,"row":"0:1"}
{"name":"least","value":-9223372036854775808,"row_":"","row":"0:2"}
{"name":"infinite","value":{"$real":"inf"},"row_":"a,b","row":"0:3"}
{"name":"tenth","value":0.1,"row_":"x|y","row":"0:4"}
{"name":"blob","value":{"$blob":"00ff"},"row_":"=1+1","row":"0:5"}
{"name":"broken","value":"a‹xFF›b","row_":"-5","row":"0:6"}
{"name":"hidden","value":"a\u202eb","row_":"two\nlines","row":"0:7"}
{"name":"quote","value":"say \"hi\"","row_":"@home","row":"0:8"}
"#
    );
}

#[test]
fn csv_quotes_as_rfc_4180_has_it_and_disarms_formulas() {
    let expected = [
        "name,value,row_,row",
        "large,9007199254740993,,0:1",
        "least,-9223372036854775808,\"\",0:2",
        "infinite,inf,\"a,b\",0:3",
        "tenth,0.1,x|y,0:4",
        "blob,x'00ff','=1+1,0:5",
        "broken,a‹xFF›b,'-5,0:6",
        "hidden,a\u{202e}b,\"two\nlines\",0:7",
        "quote,\"say \"\"hi\"\"\",'@home,0:8",
    ];
    assert_eq!(rows(ODD, "native:odd", "csv"), expected.map(|l| l.to_owned() + "\r\n").concat());
}

#[test]
fn markdown_escapes_what_would_be_markup() {
    let sql = "CREATE TABLE odd (a_b, c); INSERT INTO odd VALUES ('<b>|`*x*', 'two' || char(10) || 'lines' || char(8238));";
    assert_eq!(
        rows(sql, "native:odd", "md"),
        "| a\\_b | c | row |\n| --- | --- | --- |\n| \\<b\\>\\|\\`\\*x\\* | two<br>lines‹U+202E› | 0:1 |\n"
    );
}

#[test]
fn the_aligned_table_leaves_empty_columns_out_and_shows_what_is_hidden() {
    let sql = "CREATE TABLE odd (name, empty, value);
        INSERT INTO odd VALUES ('a' || char(8238), NULL, 1), ('会话', NULL, 'two' || char(10) || 'lines');";
    let expected = [
        "name       value      row",
        "─────────  ─────────  ───",
        "a‹U+202E›  1          0:1",
        "会话       two⏎lines  0:2",
    ];
    assert_eq!(rows(sql, "native:odd", "table"), expected.map(|l| l.to_owned() + "\n").concat());
}

#[test]
fn no_line_of_the_aligned_table_is_wider_than_160() {
    let columns: Vec<String> = (0..60).map(|i| format!("column_{i}")).collect();
    let values = vec!["hex(zeroblob(1000))"; 60].join(", ");
    let sql = format!("CREATE TABLE wide ({}); INSERT INTO wide VALUES ({values});", columns.join(", "));
    let out = rows(&sql, "native:wide", "table");
    assert_eq!(out.lines().count(), 3);
    for line in out.lines() {
        assert!(line.chars().count() <= 160, "{}: {line}", line.chars().count());
    }
}
