//! All that is found in the files of this repository.

use std::path::Path;

use sessionscope::core::{Flow, ReadStore as _};
use sessionscope::stores::folder;
use sessionscope::stores::sqlite::Cancel;

use crate::support::{copied_from, examined, fixture, options};

/// A line for each file, sorted: its path, of which long names are cut, and severity and code of each of its findings.
fn found_in(folder: &Path) -> String {
    let (_home, copy) = copied_from(&folder.canonicalize().expect("a folder"));
    let members = folder::walk(&copy, &Cancel::default(), &mut |_| Flow::Continue).expect("a walk").members;
    let long = regex::Regex::new("([0-9a-f]{8})[0-9a-f-]{24,}").expect("a pattern");
    let mut lines: Vec<String> = members
        .iter()
        .map(|member| {
            let path = member.path.strip_prefix(&copy).expect("inside").to_string_lossy().into_owned();
            format!("{}: {}", long.replace(&path, "$1…"), found(&member.path))
        })
        .collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn found(path: &Path) -> String {
    let Ok(opened) = sessionscope::stores::open(path, &options()) else { return "does not open".to_owned() };
    let mut findings = opened.store.about().findings.clone();
    findings.extend(examined(&opened));
    let mut said: Vec<String> =
        findings.iter().map(|f| format!("{} {}", f.severity.as_str(), f.code)).collect();
    said.sort_unstable();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

#[test]
fn fixtures() {
    assert_eq!(found_in(&fixture("")), FIXTURES.trim());
}

#[test]
fn samples() {
    assert_eq!(found_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples")), SAMPLES.trim());
}

const FIXTURES: &str = "
claude-transcript/3f0d5a52….jsonl: info api-error, info tool-call-unanswered, info unknown-line
durable/kv-to-sqlite/1-kv-v1/state/v3/do/greptile-mcp-server-SessionManager/9953be22….sqlite: nothing
durable/kv-to-sqlite/1-kv-v1/wrangler.jsonc: warning key-value-class
durable/kv-to-sqlite/3-v2-deleted-v3-new_sqlite/state/v3/do/greptile-mcp-server-SessionManager/8e394c26….sqlite: nothing
durable/kv-to-sqlite/3-v2-deleted-v3-new_sqlite/state/v3/do/greptile-mcp-server-SessionManager/9953be22….sqlite: nothing
durable/kv-to-sqlite/3-v2-deleted-v3-new_sqlite/wrangler.jsonc: error deleted-class-bound
durable/mcp-agent-kv/executor-cloud-McpSessionDO/05fb2be9….sqlite: warning object-empty
durable/mcp-agent-kv/executor-cloud-McpSessionDO/e3b7d4ac….sqlite: warning object-empty
durable/mcp-agent/executor-cloud-McpSessionDO/02cef232….sqlite: nothing
durable/mcp-agent/executor-cloud-McpSessionDO/5f5b29a2….sqlite: warning object-empty
durable/mcp-agent/executor-cloud-McpSessionDO/a5414753….sqlite: nothing
durable/session-worker-SessionManager/03d107ec….sqlite: nothing
session-document.json: nothing
sessions-json/bad.all-nul.json: does not open
sessions-json/bad.bom.json: error json-bom, info stale-key
sessions-json/bad.deep-nesting.json: warning malformed-entry
sessions-json/bad.duplicate-keys.json: info stale-key, warning duplicate-key, warning session-id-malformed, warning time-too-early, warning time-too-early, warning time-unit
sessions-json/bad.huge-ints.json: warning session-id-malformed, warning time-unreadable
sessions-json/bad.lone-surrogate.json: info legacy-entry, warning json-lone-surrogate, warning session-id-malformed
sessions-json/bad.top-level-array.json: error top-level-array, info stale-key
sessions-json/bad.trailing-garbage.json: error json-trailing-bytes, info stale-key
sessions-json/bad.truncated.json: error json-truncated, info stale-key
sessions-json/bad.wrong-types.json: info stale-key, warning malformed-entry
sessions-json/claude-hooks.db: info stale-key
sessions-json/session-document.json: nothing
sessions-json/sessions.empty-object.json: nothing
sessions-json/sessions.json: info stale-key
sessions-json/sessions.mixed-legacy.json: info ambiguous-key, info foreman-key, info legacy-entry, info stale-key, warning colliding-keys, warning time-unit
sessions-json/sessions.strings.json: info legacy-entry
sessions-json/sessions.versioned-wrapper.json: info stale-key
wrangler/1-key-value.jsonc: warning key-value-class
wrangler/2-delete-recreate-rejected.jsonc: error deleted-class-bound
wrangler/3-rename-and-delete-rejected.jsonc: error delete-and-move
wrangler/4-deployed.jsonc: info key-value-class
wrangler/5-broken.jsonc: error class-exists, error class-missing, error class-not-created, error duplicate-tag, error missing-tag, warning key-value-class
wrangler/6-exports.jsonc: info key-value-class
wrangler/session-manager.toml: warning key-value-class
";

const SAMPLES: &str = "
.wrangler/state/v3/do/tidewatch-api-SessionDO/26803c78….sqlite: info running-long
.wrangler/state/v3/do/tidewatch-api-SessionDO/44773a91….sqlite: info running-long
.wrangler/state/v3/do/tidewatch-api-SessionDO/59e66bfe….sqlite: info running-long
.wrangler/state/v3/do/tidewatch-api-SessionDO/992ec295….sqlite: info running-long, info running-long
.wrangler/state/v3/do/tidewatch-api-SessionDO/aa5a869c….sqlite: warning object-empty
.wrangler/state/v3/do/tidewatch-api-SessionDO/afbb2832….sqlite: info running-long
.wrangler/state/v3/do/tidewatch-api-SessionDO/d99ea449….sqlite: info left-by-session, info left-by-session
.wrangler/state/v3/do/tidewatch-mcp-McpSessionDO/4579508f….sqlite: nothing
.wrangler/state/v3/do/tidewatch-mcp-McpSessionDO/86683ef8….sqlite: nothing
.wrangler/state/v3/do/tidewatch-mcp-McpSessionDO/d11d62cb….sqlite: info fiber-interrupted, info secret-kept
.wrangler/state/v3/do/tidewatch-mcp-SessionManager/3a8d23cc….sqlite: nothing
.wrangler/state/v3/do/tidewatch-mcp-SessionManager/e5b2c1cd….sqlite: nothing
agent-env/architect/projects/-srv-checkouts-tidewatch/baa8252c….jsonl: nothing
app.db: nothing
claude-hooks.db: info file-database-differ, info stale-key, info time-zero, warning file-database-differ, warning file-database-differ
mcp_state.db: info alive-without-grace, info recovered-and-silent, info secret-kept, info secret-kept, info state-expired, warning broken-transport-state, warning expired-but-beating
session-document.json: nothing
sessions.json: info ambiguous-key, info file-database-differ, info foreman-key, info legacy-entry, info stale-key, warning colliding-keys, warning file-database-differ, warning file-database-differ
wrangler-key-value.jsonc: warning key-value-class
wrangler.jsonc: error deleted-class-bound, warning key-value-class
wrangler.toml: nothing
";
