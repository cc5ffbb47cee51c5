//! Messages as a conversation to read.

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
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
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
    click(&mut window, "HTML");
    let target = folder.path().join("session.html");
    clear_and_write(&mut window, "File to write", &target.display().to_string());
    click(&mut window, "Export");
    wait(&mut window, "Wrote 2 messages");
    let html = std::fs::read_to_string(&target).expect("the file");
    assert!(html.contains("<p>Because.</p>") && html.ends_with("</html>\n"), "{html}");
}

#[test]
fn keys_go_through_a_conversation_without_a_click_first() {
    let (_folder, mut window) = transcript(&[
        ("user", "First question"),
        ("assistant", r#"[{"type":"tool_use","id":"t1","name":"bash","input":{"command":"ls"}}]"#),
        ("user", r#"[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"denied"}]"#),
        ("user", "Second question"),
    ]);
    wait(&mut window, "1 result, shown above");
    for (key, place) in [(Key::J, "1 of 4"), (Key::J, "2 of 4"), (Key::K, "1 of 4")] {
        window.key_press(key);
        wait(&mut window, place);
    }
    for (key, place) in [(Key::N, "4 of 4"), (Key::K, "3 of 4"), (Key::K, "2 of 4"), (Key::E, "3 of 4")] {
        window.key_press(key);
        wait(&mut window, place);
    }
    window.key_press_modifiers(Modifiers::SHIFT, Key::T);
    wait(&mut window, "2 of 4");
    window.key_press_modifiers(Modifiers::SHIFT, Key::T);
    wait(&mut window, "There is no other tool call in this direction");
}

#[test]
fn a_text_of_15_mb_is_cut_and_shown_whole_when_asked() {
    let text = format!("begin\n{}the very end", "a line of some length\n".repeat(680_000));
    let (_folder, mut window) = transcript(&[("user", "Print it"), ("assistant", &text)]);
    wait(&mut window, "Show all of it · 14.9 MB more");
    window.key_press(Key::End);
    click(&mut window, "Show all of it · 14.9 MB more");
    wait_gone(&mut window, "Show all of it");
    window.key_press(Key::End);
    wait(&mut window, "the very end");
    window.key_press(Key::Home);
    wait(&mut window, "Print it");
}

#[test]
fn long_code_has_its_colours_and_a_button_that_copies_it() {
    let code = "let answer = \"text\"; // why\n".repeat(600);
    let (_folder, mut window) =
        transcript(&[("user", "show"), ("assistant", &format!("Here:\n\n```rust\n{code}```\nDone."))]);
    super::until(&mut window, "colours of words, strings and comments", |w| {
        let colours = |text: &egui::epaint::TextShape| {
            let colours = text.galley.job.sections.iter().map(|section| section.format.color);
            colours.collect::<std::collections::HashSet<_>>().len()
        };
        w.output().shapes.iter().any(|clipped| match &clipped.shape {
            egui::Shape::Text(text) => text.galley.text().starts_with("let answer") && colours(text) >= 4,
            _ => false,
        })
    });
    window.get_by_label("Copy the code").click();
    let copied = (0..5).any(|_| {
        window.step();
        let mut commands = window.output().platform_output.commands.iter();
        commands.any(|command| matches!(command, egui::OutputCommand::CopyText(text) if *text == code))
    });
    assert!(copied);
}

/// The colour in which a text is drawn.
fn color_of(window: &Harness<'_, App>, text: &str) -> Option<egui::Color32> {
    window.output().shapes.iter().find_map(|clipped| match &clipped.shape {
        egui::Shape::Text(shape) if shape.galley.job.text.contains(text) => {
            shape.override_text_color.or_else(|| {
                let color = shape.galley.job.sections.first()?.format.color;
                Some(if color == egui::Color32::PLACEHOLDER { shape.fallback_color } else { color })
            })
        }
        _ => None,
    })
}

#[test]
fn what_the_program_tells_the_model_is_quieter_than_what_is_said() {
    let (_folder, mut window) =
        transcript(&[("system", "Be brief."), ("user", "Why is that?"), ("assistant", "It rains.")]);
    wait(&mut window, "It rains.");
    let [system, user, assistant] =
        ["Be brief.", "Why is that?", "It rains."].map(|text| color_of(&window, text));
    assert!(system.is_some() && system != user, "{system:?} {user:?}");
    assert_eq!(user, assistant);
}
