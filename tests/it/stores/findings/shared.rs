//! The defects that any store may have: times, and secrets in clear text. The clock stands at 2026-11-21T10:00:00Z.

use super::super::agent_mcp::{PYTHON, SCHEMA};
use super::super::durable::KV;
use super::super::session_do::apart;
use super::{check, made, told};

/// Letters and digits as they stand in a token, long enough for each.
const BODY: &str = "9fK2mQ7xR4vT1bN8cW5zL3jH6gD0sY2pA4eUd7Gq";

/// A secret of each kind. They are put together here, so that no scanner takes this file for one that holds secrets.
fn secrets() -> Vec<(&'static str, String)> {
    let hex = "0f1e2d3c4b5a6978".repeat(4);
    let body = |count: usize| &BODY[..count];
    vec![
        ("an Anthropic key", format!("sk-{}-api03-{BODY}", "ant")),
        ("an OpenAI key", format!("sk-{}-{BODY}", "proj")),
        ("an OpenRouter key", format!("sk-{}-v1-{hex}", "or")),
        ("an API key (sk-…)", format!("sk{}{}", "-", body(32))),
        ("a GitHub token", format!("ghp{}{}", "_", body(36))),
        ("a GitHub token", format!("github{}{BODY}{}", "_pat_", body(20))),
        ("a GitLab token", format!("gl{}-{}", "pat", body(20))),
        ("a Slack token", format!("xox{}-123456-{}", "b", body(16))),
        ("an AWS key id", format!("AK{}Q7WZ3KX5MBN2VTRP", "IA")),
        ("a Google key", format!("AI{}{}", "za", body(35))),
        ("a Stripe key", format!("sk_{}_{}", "live", body(24))),
        ("an npm token", format!("np{}{}", "m_", body(36))),
        ("a Hugging Face token", format!("h{}{}", "f_", body(34))),
        ("a JSON web token", format!("ey{}.ey{}.{}", "JhbGciOiJIUzI1", "JzdWIiOiIxMjM0", body(24))),
        ("a private key", format!("-----BEGIN RSA {}-----\n{BODY}", "PRIVATE KEY")),
    ]
}

#[test]
fn times() {
    const NOW: i64 = crate::support::NOW_MS / 1000;
    let message = |time: &str| format!("INSERT INTO messages VALUES ('x', 'user', 'x', NULL, {time})");
    let task = |completed: &str| {
        format!("INSERT INTO tasks VALUES ('x', 'x', NULL, 'complete', 'plan', 1769972641, {completed})")
    };
    let mixed = "warning mixed-times x";
    let cases = [
        ("in seconds, as the others", message("1769972650"), ""),
        ("a number as text, which the column makes a number", message("'1769972650'"), ""),
        ("in milliseconds", message("1769972650000"), mixed),
        ("in microseconds", message("1769972650000000"), mixed),
        ("as text", message("'2026-02-01T19:04:10Z'"), mixed),
        ("before 2000", message("946684799"), "warning time-too-early x"),
        ("of 2000", message("946684800"), ""),
        ("more than a day ahead", message(&(NOW + 86_401).to_string()), "warning time-in-future x"),
        ("a day ahead", message(&(NOW + 86_400).to_string()), ""),
        ("no time", message("'CURRENT_TIMESTAMP'"), "warning time-unreadable x"),
        ("bytes", message("x'00'"), "warning time-unreadable x"),
        ("an empty text", message("''"), ""),
        ("0", message("0"), "info time-zero x"),
        ("a time that may lack, and is 0", task("0"), "info time-zero x"),
        ("a time that lacks is one of its own", task("NULL"), "info completion-time-lost x"),
        ("a time that is there", task("1769972642"), ""),
    ];
    check("69f1.sqlite", &apart(), &cases.each_ref().map(|(what, sql, found)| (*what, sql.as_str(), *found)));
}

#[test]
fn secrets_in_text_by_kind() {
    for (kind, secret) in secrets() {
        // Beside others: the one before it ends the word, and the JSON in which it stands escapes its lines.
        let json = secret.replace('\n', "\\n");
        for (text, parts) in
            [(format!("use {secret}, please"), "NULL".to_owned()), ("x".into(), format!("'[\"{json}\"]'"))]
        {
            let sql = format!(
                "{} INSERT INTO messages VALUES ('x', 'user', '{text}', {parts}, 1769972700);",
                apart()
            );
            let findings = made("69f1.sqlite", &sql);
            assert_eq!(told(&findings), "warning secret-in-text x", "{kind} in {text} {parts}");
            assert_eq!(findings[0].message, format!("1 message holds what looks like {kind}: x"));
            assert!(!format!("{findings:?}").contains(BODY.get(..16).expect("letters")), "{findings:?}");
        }
        // Not so long, or in the middle of a word, or standing for one.
        let short: String = secret.chars().take(secret.chars().count() * 2 / 5).collect();
        for near in [short, secret.replace(&BODY[..12], "EXAMPLEEXAMPLE")] {
            let sql =
                format!("{} INSERT INTO messages VALUES ('x', 'user', '{near}', NULL, 1769972700);", apart());
            let findings = made("69f1.sqlite", &sql);
            if near != secret {
                assert_eq!(told(&findings), "", "{near}");
            }
        }
    }
}

#[test]
fn secrets_wherever_they_stand() {
    let token = format!("ghp{}{}", "_", &BODY[..36]);
    let found = "warning secret-in-text x";
    let masked = "warning secret-in-text ••••••••";
    let cases = [
        (
            "a task's title",
            format!(
                "INSERT INTO tasks VALUES ('x', 'use {token}', NULL, 'pending', 'plan', 1769972641, NULL)"
            ),
            found,
        ),
        ("a fact of the session", format!("INSERT INTO session_meta VALUES ('x', '{token}')"), found),
        ("a name without it", "INSERT INTO session_meta VALUES ('x', 'ghp_')".to_owned(), ""),
        (
            "in the name too",
            format!("INSERT INTO messages VALUES ('{token}', 'user', '{token}', NULL, 1769972700)"),
            masked,
        ),
        (
            "where a time should be",
            format!("INSERT INTO messages VALUES ('x', 'user', 'x', NULL, '{token}')"),
            "warning time-unreadable x",
        ),
    ];
    for (what, sql, found) in &cases {
        let findings = made("69f1.sqlite", &format!("{} {sql};", apart()));
        assert_eq!(told(&findings), *found, "{what}");
        assert!(!format!("{findings:?}").contains(&BODY[..16]), "{what}: {findings:?}");
    }
}

#[test]
fn secrets_that_are_kept() {
    const TIME: &str = "'2026-11-21T09:00:00.000Z'";
    let mcp = format!(
        "{SCHEMA}{PYTHON} DELETE FROM agents; DELETE FROM admin_config; DELETE FROM project_context;"
    );
    let agent = |token: &str| {
        format!(
            "INSERT INTO agents VALUES ({token}, 'x', NULL, {TIME}, 'active', NULL, '/srv', NULL, NULL, NULL)"
        )
    };
    let config =
        |key: &str| format!("INSERT INTO admin_config VALUES ('{key}', 'SECRET', {TIME}, {TIME}, NULL)");
    let fact =
        |key: &str| format!("INSERT INTO project_context VALUES ('{key}', 'SECRET', {TIME}, 'x', NULL)");
    let entry = |key: &str, value: &str| format!("INSERT INTO _cf_KV VALUES ('{key}', {value})");
    let server = |url: &str, options: &str| {
        format!(
            "CREATE TABLE cf_agents_mcp_servers (id TEXT PRIMARY KEY NOT NULL, name TEXT, auth_url TEXT, server_options TEXT);
             INSERT INTO cf_agents_mcp_servers VALUES ('x', 'n', '{url}', '{options}')"
        )
    };
    const SECRET: &str = "x'FF0F2206534543524554'";
    let cases: [(&str, &str, String, &str); 15] = [
        (&mcp, "an agent's token", agent("'SECRET'"), "info secret-kept x"),
        (&mcp, "an agent without one", agent("NULL"), ""),
        (&mcp, "an agent with an empty one", agent("''"), ""),
        (&mcp, "the administrator's token", config("admin_token"), "info secret-kept admin_token"),
        (&mcp, "another of its settings", config("max_agents"), ""),
        (&mcp, "the same among the facts", fact("config_admin_token"), "info secret-kept config_admin_token"),
        (&mcp, "another fact", fact("goal"), ""),
        (KV, "an OAuth client's token", entry("/c/s/i/token", SECRET), "info secret-kept /c/s/i/token"),
        (KV, "a key that is called secret", entry("client_secret", SECRET), "info secret-kept client_secret"),
        (KV, "another key", entry("note", SECRET), ""),
        (KV, "what an authorisation claimed", entry("props", SECRET), "info secret-kept props"),
        (KV, "nothing claimed", entry("props", "x'FF0F6F7B00'"), ""),
        (KV, "a server's headers", server("", r#"{"headers":{"a":"SECRET"}}"#), "info secret-kept x"),
        (
            KV,
            "a server's authorisation",
            server("https://a.example/?state=SECRET", "{}"),
            "info secret-kept x",
        ),
        (KV, "a server with neither", server("", r#"{"transport":{"type":"sse"}}"#), ""),
    ];
    for (schema, what, sql, found) in &cases {
        let findings = made("store.sqlite", &format!("{schema}\n{sql};"));
        assert_eq!(told(&findings), *found, "{what}");
        assert!(!format!("{findings:?}").contains("SECRET"), "{what}: {findings:?}");
    }
}

#[test]
fn secrets_in_names_and_evidence() {
    let token = format!("ghp{}{}", "_", &BODY[..36]);
    let mcp = format!(
        "PRAGMA foreign_keys = OFF; {SCHEMA}{PYTHON} DELETE FROM agents; DELETE FROM admin_config; DELETE FROM project_context;"
    );
    const TIME: &str = "'2026-11-21T09:00:00.000Z'";
    let cases: [(&str, &str, String, &str); 4] = [
        (
            &mcp,
            "the agent of a task",
            format!("INSERT INTO tasks VALUES ('x', 'x', NULL, '{token}', 'admin', 'pending', 'high', {TIME}, {TIME}, NULL, NULL, NULL, NULL)"),
            "warning task-of-nobody x",
        ),
        (
            &mcp,
            "the session of a state entry",
            format!("INSERT INTO agent_session_state VALUES ('x', '{token}', 'x', '1', {TIME}, NULL)"),
            "warning state-without-session x",
        ),
        (
            KV,
            "the key of a value",
            format!("INSERT INTO _cf_KV VALUES ('{token}', x'00')"),
            "info value-not-decoded ••••••••",
        ),
        (
            KV,
            "the key of a message that is kept",
            format!(
                "INSERT INTO _cf_KV WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                 SELECT '__mcp_event__:_GET_stream:{token}-' || i, x'FF0F54' FROM n"
            ),
            "info events-accumulate __mcp_event__:_GET_stream:••••••••-1",
        ),
    ];
    for (schema, what, sql, found) in &cases {
        let findings = made("store.sqlite", &format!("{schema}\n{sql};"));
        assert_eq!(told(&findings), *found, "{what}");
        assert!(!format!("{findings:?}").contains(&BODY[..16]), "{what}: {findings:?}");
    }
}
