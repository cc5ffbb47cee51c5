//! `export`: one session as a document.

use super::{SHIP, database, sessionscope};

#[test]
fn a_session_is_written_to_a_new_file_and_never_over_an_old_one() {
    let (folder, path) = database("69f1.sqlite", SHIP);
    let out = folder.path().join("session.html");
    let (from, to) = (path.display().to_string(), out.display().to_string());
    let ended = sessionscope(&["export", &from, "--format", "html", "--out", &to]);
    assert_eq!((ended.status, ended.out.as_str()), (0, ""), "{ended:?}");
    let html = std::fs::read_to_string(&out).expect("the file");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"), "{html}");
    assert!(html.contains("Because."), "{html}");
    std::fs::write(&out, "mine").expect("written");
    let ended = sessionscope(&["export", &from, "--format", "html", "--out", &to]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("There is a file already"), "{ended:?}");
    assert_eq!(std::fs::read_to_string(&out).expect("the file"), "mine");
    let left = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    assert!(!left.map(|e| e.file_name()).any(|n| n.to_string_lossy().contains("export-")));
}

#[test]
fn a_session_is_printed_and_a_wrong_one_is_said() {
    let (_folder, path) = database("69f1.sqlite", SHIP);
    let from = path.display().to_string();
    let ended = sessionscope(&["export", &from, "--format", "json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    let json: serde_json::Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(json["messages"].as_array().map(Vec::len), Some(3), "{json}");
    assert_eq!(json["messages"][0]["role"], "user", "{json}");
    let ended = sessionscope(&["export", &from, "--format", "md", "--session", "no such"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.err.contains("There is no session no such"), "{ended:?}");
    assert_eq!(sessionscope(&["export", &from, "--format", "pdf"]).status, 2);
}
