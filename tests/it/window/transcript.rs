//! Messages as a conversation to read.

use egui_kittest::Harness;
use sessionscope::app::App;

use super::{clear_and_write, click, wait, wait_gone, window};

fn store(rows: &[(&str, &str)]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("session.json");
    let messages: Vec<serde_json::Value> = rows
        .iter()
        .enumerate()
        .map(|(i, (role, content))| {
            let content: serde_json::Value =
                serde_json::from_str(content).unwrap_or_else(|_| (*content).into());
            serde_json::json!({"role": role, "content": content, "timestamp": 1_795_000_000.0 + i as f64 * 2.1})
        })
        .collect();
    let document = serde_json::json!({
        "messages": messages, "metadata": {}, "created_at": null, "last_updated": 1_795_000_100.5
    });
    std::fs::write(&path, document.to_string()).expect("written");
    (folder, path)
}

fn transcript(rows: &[(&str, &str)]) -> (tempfile::TempDir, Harness<'static, App>) {
    let (folder, path) = store(rows);
    let mut window = window(&[&path]);
    click(&mut window, "Messages");
    click(&mut window, "Transcript");
    (folder, window)
}

#[test]
fn a_result_of_a_later_message_is_folded_beneath_its_call() {
    let (_folder, mut window) = transcript(&[
        ("user", "Do the tests pass?"),
        (
            "assistant",
            r#"[{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"bash","input":{"command":"cargo test"}},{"type":"tool_use","id":"t2","name":"read","input":{"path":"a.rs"}}]"#,
        ),
        (
            "user",
            r#"[{"type":"tool_result","tool_use_id":"t1","content":"14 passed"},{"type":"tool_result","tool_use_id":"t2","is_error":true,"content":"no such file"}]"#,
        ),
        ("assistant", "They do."),
    ]);
    wait(&mut window, "2 results, shown above");
    wait_gone(&mut window, "14 passed");
    click(&mut window, "bash cargo test ok · 2.1 s");
    wait(&mut window, "14 passed");
    click(&mut window, "read a.rs error · 2.1 s");
    wait(&mut window, "no such file");
    click(&mut window, "bash cargo test ok · 2.1 s");
    wait_gone(&mut window, "14 passed");
}

#[test]
fn a_session_is_exported_to_a_new_file() {
    let (folder, mut window) = transcript(&[("user", "Why?"), ("assistant", "Because.")]);
    click(&mut window, "session");
    wait(&mut window, "2 rows");
    click(&mut window, "Export session…");
    click(&mut window, "HTML");
    let target = folder.path().join("session.html");
    clear_and_write(&mut window, "File to write", &target.display().to_string());
    click(&mut window, "Export");
    wait(&mut window, "Wrote 2 messages");
    let html = std::fs::read_to_string(&target).expect("the file");
    assert!(html.contains("<p>Because.</p>") && html.ends_with("</html>\n"), "{html}");
}
