//! Delete by issue: that issue's sessions, and no neighbour's.

use std::fs;

use super::{Home, lines};

/// Keys that have gone wrong elsewhere, each beside its neighbours.
const KEYS: &[&str] = &[
    "forgejo:coder:acme/my_app:1",
    "forgejo:reviewer:acme/my_app:1",
    "forgejo:architect-default:acme/my_app:1",
    "forgejo:coder:acme/my-app:1",
    "forgejo:coder:acme/myXapp:1",
    "forgejo:coder:Acme/My_App:1",
    "forgejo:coder:acme/my_app:11",
    "forgejo:coder:acme/my_app:21",
    "forgejo:coder:acme/my_app:01",
    "forgejo:coder:acme/my_app:pr-1",
    "forgejo:coder:acme/my_app_two:1",
    "forgejo:coder:me/acme/my_app:1",
    "github:coder:acme/my_app:1",
    "coder:acme/my_app:1",
    "bitbucket:coder:acme/my_app:1",
    "forgejo:coder:acme/my_app: 1",
    "forgejo:coder:acme/my_app\u{200b}:1",
    "forgejo:coder:acme/my_app:1\u{202e}",
    "forgejo:coder:a%b/100%_sure:1",
    "forgejo:coder:axb/100x_sure:1",
    "gitlab:coder:grp/sub/deep.repo:1",
    "gitlab:coder:grp/sub/deepXrepo:1",
    "gitlab:coder:sub/deep.repo:1",
    "forgejo:coder:host:8080/acme/app:1",
    "coder:host:8080/acme/app:1",
    "forgejo::acme/my_app:1",
    "forgejo:coder:acme/my_app:",
    "acme/my_app",
    "",
];

fn home() -> Home {
    let home = Home::new();
    let path = home.database(
        "store.db",
        "CREATE TABLE claude_sdk_sessions (key TEXT PRIMARY KEY, session_id TEXT NOT NULL, last_used_at INTEGER NOT NULL, created_at INTEGER NOT NULL);",
    );
    let connection = rusqlite::Connection::open(path).expect("a database");
    for key in KEYS {
        let insert = "INSERT INTO claude_sdk_sessions VALUES (?1, 'id', 1, 1)";
        connection.execute(insert, [key]).expect("inserted");
    }
    let entries: Vec<String> = KEYS
        .iter()
        .map(|k| format!("  {}: \"0b5d3d1c-0000-4000-8000-000000000000\"", serde_json::json!(k)))
        .collect();
    home.file("plain.json", format!("{{\n{}\n}}\n", entries.join(",\n")));
    home.file(
        "wrapped.json",
        format!("{{\"version\": 2, \"sessions\": {{\n{}\n}}, \"host\": \"a\"}}\n", entries.join(",\n")),
    );
    home
}

fn arguments<'a>(store: &'a str, forge: &'a str, repo: &'a str, issue: &'a str) -> Vec<&'a str> {
    vec!["delete-issue", store, "--forge", forge, "--repo", repo, "--issue", issue]
}

/// The plan of a deletion, the same for the database and the two session files; only what is deleted is gone after.
fn deletes(more: &[&str], forge: &str, repo: &str, issue: &str, expected: &str) {
    let home = home();
    let mut plans = Vec::new();
    for store in ["store.db", "plain.json", "wrapped.json"] {
        let arguments = [&arguments(store, forge, repo, issue)[..], more].concat();
        let plan = home.json(&arguments);
        let mut said: Vec<String> =
            lines(&plan).lines().map(|l| l.replace("claude_sdk_sessions", "sessions")).collect();
        said.sort();
        plans.push(said.join("\n"));
        let gone: Vec<&str> = plan["plan"]
            .as_array()
            .expect("a plan")
            .iter()
            .filter(|l| l["action"] == "delete")
            .map(|l| l["key"].as_str().expect("a key"))
            .collect();
        if !gone.is_empty() {
            home.apply(&arguments);
        }
        let left: Vec<&&str> = KEYS.iter().filter(|k| !gone.contains(k)).collect();
        assert_eq!(
            keys(&home, store),
            left.iter().map(|k| (**k).to_owned()).collect::<std::collections::BTreeSet<_>>()
        );
    }
    assert_eq!(plans[0], expected);
    assert_eq!(plans[1], plans[0]);
    assert_eq!(plans[2], plans[0]);
}

fn keys(home: &Home, store: &str) -> std::collections::BTreeSet<String> {
    if store.ends_with(".db") {
        let connection = rusqlite::Connection::open(home.at(store)).expect("a database");
        let mut select = connection.prepare("SELECT key FROM claude_sdk_sessions").expect("a table");
        return select.query_map([], |r| r.get(0)).expect("rows").map(|r| r.expect("a row")).collect();
    }
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(home.at(store)).expect("text")).expect("JSON");
    let object = json.get("sessions").unwrap_or(&json).as_object().expect("an object").clone();
    object.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn an_issue_is_told_from_its_neighbours() {
    deletes(
        &[],
        "forgejo",
        "acme/my_app",
        "1",
        "
delete sessions forgejo:architect-default:acme/my_app:1: its issue is 1 of acme/my_app
delete sessions forgejo:coder:acme/my_app:1: its issue is 1 of acme/my_app
delete sessions forgejo:reviewer:acme/my_app:1: its issue is 1 of acme/my_app
keep sessions bitbucket:coder:acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions coder:acme/my_app:1: its forge is missing, not forgejo
keep sessions forgejo::acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo:coder:Acme/My_App:1: its repository is Acme/My_App, not acme/my_app
keep sessions forgejo:coder:acme/my-app:1: its repository is acme/my-app, not acme/my_app
keep sessions forgejo:coder:acme/myXapp:1: its repository is acme/myXapp, not acme/my_app
keep sessions forgejo:coder:acme/my_app: 1: its issue is  1, not 1
keep sessions forgejo:coder:acme/my_app:01: its issue is 01, not 1
keep sessions forgejo:coder:acme/my_app:11: its issue is 11, not 1
keep sessions forgejo:coder:acme/my_app:1\u{202e}: its issue is 1\u{202e}, not 1
keep sessions forgejo:coder:acme/my_app_two:1: its repository is acme/my_app_two, not acme/my_app
keep sessions forgejo:coder:acme/my_app\u{200b}:1: its repository is acme/my_app\u{200b}, not acme/my_app
keep sessions github:coder:acme/my_app:1: its forge is github, not forgejo",
    );
}

#[test]
fn one_agent_of_an_issue_is_told_from_the_others() {
    deletes(
        &["--agent", "architect-default"],
        "forgejo",
        "acme/my_app",
        "1",
        "
delete sessions forgejo:architect-default:acme/my_app:1: its issue is 1 of acme/my_app
keep sessions bitbucket:coder:acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo::acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo:coder:acme/my_app:1: its agent is coder, not architect-default
keep sessions forgejo:reviewer:acme/my_app:1: its agent is reviewer, not architect-default",
    );
}

#[test]
fn keys_without_a_forge_are_named_by_none() {
    deletes(
        &[],
        "none",
        "acme/my_app",
        "1",
        "
delete sessions coder:acme/my_app:1: its issue is 1 of acme/my_app
keep sessions bitbucket:coder:acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo::acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo:architect-default:acme/my_app:1: its forge is forgejo, not missing
keep sessions forgejo:coder:acme/my_app:1: its forge is forgejo, not missing
keep sessions forgejo:reviewer:acme/my_app:1: its forge is forgejo, not missing
keep sessions github:coder:acme/my_app:1: its forge is github, not missing",
    );
}

#[test]
fn a_forge_that_the_user_names_is_one() {
    deletes(
        &[],
        "bitbucket",
        "acme/my_app",
        "1",
        "
delete sessions bitbucket:coder:acme/my_app:1: its issue is 1 of acme/my_app
keep sessions coder:acme/my_app:1: its forge is missing, not bitbucket
keep sessions forgejo::acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo:architect-default:acme/my_app:1: its forge is forgejo, not bitbucket
keep sessions forgejo:coder:acme/my_app:1: its forge is forgejo, not bitbucket
keep sessions forgejo:reviewer:acme/my_app:1: its forge is forgejo, not bitbucket
keep sessions github:coder:acme/my_app:1: its forge is github, not bitbucket",
    );
}

#[test]
fn signs_that_like_would_take_for_any_are_only_themselves() {
    deletes(
        &[],
        "forgejo",
        "a%b/100%_sure",
        "1",
        "
delete sessions forgejo:coder:a%b/100%_sure:1: its issue is 1 of a%b/100%_sure
keep sessions forgejo:coder:axb/100x_sure:1: its repository is axb/100x_sure, not a%b/100%_sure",
    );
    deletes(
        &[],
        "forgejo",
        "%",
        "1",
        "
keep sessions bitbucket:coder:acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions coder:host:8080/acme/app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo::acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo:architect-default:acme/my_app:1: its repository is acme/my_app, not %
keep sessions forgejo:coder:Acme/My_App:1: its repository is Acme/My_App, not %
keep sessions forgejo:coder:a%b/100%_sure:1: its repository is a%b/100%_sure, not %
keep sessions forgejo:coder:acme/my-app:1: its repository is acme/my-app, not %
keep sessions forgejo:coder:acme/myXapp:1: its repository is acme/myXapp, not %
keep sessions forgejo:coder:acme/my_app:1: its repository is acme/my_app, not %
keep sessions forgejo:coder:acme/my_app_two:1: its repository is acme/my_app_two, not %
keep sessions forgejo:coder:acme/my_app\u{200b}:1: its repository is acme/my_app\u{200b}, not %
keep sessions forgejo:coder:axb/100x_sure:1: its repository is axb/100x_sure, not %
keep sessions forgejo:coder:host:8080/acme/app:1: its repository is host:8080/acme/app, not %
keep sessions forgejo:coder:me/acme/my_app:1: its repository is me/acme/my_app, not %
keep sessions forgejo:reviewer:acme/my_app:1: its repository is acme/my_app, not %",
    );
    deletes(
        &[],
        "forgejo",
        "acme/my%",
        "%",
        "
keep sessions bitbucket:coder:acme/my_app:1: the key can be read in more than one way, so it is never matched
keep sessions forgejo::acme/my_app:1: the key can be read in more than one way, so it is never matched",
    );
}

#[test]
fn sub_groups_are_part_of_the_repository() {
    deletes(
        &[],
        "gitlab",
        "grp/sub/deep.repo",
        "1",
        "
delete sessions gitlab:coder:grp/sub/deep.repo:1: its issue is 1 of grp/sub/deep.repo
keep sessions gitlab:coder:grp/sub/deepXrepo:1: its repository is grp/sub/deepXrepo, not grp/sub/deep.repo",
    );
}

#[test]
fn a_repository_may_hold_a_colon() {
    deletes(
        &[],
        "forgejo",
        "host:8080/acme/app",
        "1",
        "
delete sessions forgejo:coder:host:8080/acme/app:1: its issue is 1 of host:8080/acme/app
keep sessions coder:host:8080/acme/app:1: the key can be read in more than one way, so it is never matched",
    );
}

#[test]
fn duplicate_keys_of_a_session_file_go_and_come_back_together() {
    let home = Home::new();
    let text = "{\"forgejo:a:o/r:1\": \"one\", \"forgejo:a:o/r:2\": \"x\",\n  \"forgejo:a:o/r:1\": {\"id\": \"two\", \"last_used_at\": 5}, \"forgejo:a:o/r:1\":\"three\"}";
    home.file("sessions.json", text);
    let arguments = arguments("sessions.json", "forgejo", "o/r", "1");
    assert_eq!(home.json(&arguments)["summary"]["delete"], 3);
    let id = home.apply(&arguments);
    assert_eq!(fs::read_to_string(home.at("sessions.json")).expect("text"), "{\"forgejo:a:o/r:2\": \"x\"}");
    home.apply(&["undo", &id]);
    assert_eq!(fs::read_to_string(home.at("sessions.json")).expect("text"), text);
}
