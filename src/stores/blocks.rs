//! What a message says, out of the shapes in which stores keep it.
//!
//! Read here: plain text; the parts of the AI SDK (4 and 5) and of `ship`'s SessionDO; the content blocks of the
//! Anthropic API and of Claude transcripts; the tool calls and items of the OpenAI APIs.

use serde_json::Value as Json;

use super::media;
use crate::core::Block;

/// Reads a message from its role, its content and, where the store keeps them apart, its parts.
pub fn parse(role: &str, content: &str, parts: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !parts.is_empty() {
        match serde_json::from_str::<Json>(parts) {
            Ok(json) => read(&json, &mut blocks),
            Err(_) => blocks.push(Block::Other { kind: "broken JSON".into(), raw: parts.to_owned() }),
        }
    }
    if content.is_empty() || said(&blocks) == content {
        return blocks;
    }
    let mut start = Vec::new();
    match structured(content) {
        Some(json) => read(&json, &mut start),
        None if role == "tool" || role == "function" => start.push(Block::ToolResult {
            id: None,
            name: None,
            output: content.to_owned(),
            is_error: false,
        }),
        None => start.push(Block::Text(content.to_owned())),
    }
    // The content is what was said; of the parts' texts only those that say something else are left.
    blocks.retain(|b| !matches!(b, Block::Text(text) if content.contains(text.as_str())));
    start.append(&mut blocks);
    start
}

/// The message in one text: what is said, else what is thought, else the tools and what they answered.
pub fn text(role: &str, content: &str, parts: &str) -> String {
    if is_plain(content) && (parts.is_empty() || !content.is_empty()) {
        return content.to_owned();
    }
    let blocks = parse(role, content, parts);
    let said = said(&blocks);
    if !said.is_empty() {
        return said;
    }
    join(&blocks, |b| {
        Some(match b {
            Block::Text(text) | Block::Thinking(text) => text.clone(),
            Block::ToolCall { name, input, .. } => format!("{name} {input}"),
            Block::ToolResult { name, output, .. } => match name {
                Some(name) => format!("{name} → {output}"),
                None => output.clone(),
            },
            Block::Media { .. } => media_text(b),
            Block::Other { raw, .. } => raw.clone(),
        })
    })
}

/// What the message consists of, in a few words: `text`, `text + 2 tools`, `tool result`.
pub fn kind(role: &str, content: &str, parts: &str) -> String {
    if parts.is_empty() && is_plain(content) {
        return if role == "tool" { "tool result" } else { "text" }.to_owned();
    }
    let blocks = parse(role, content, parts);
    let count = |is: fn(&Block) -> bool| blocks.iter().filter(|b| is(b)).count();
    let counts = Counts {
        texts: count(|b| matches!(b, Block::Text(_))),
        calls: count(|b| matches!(b, Block::ToolCall { .. })),
        results: count(|b| matches!(b, Block::ToolResult { .. })),
        thinking: count(|b| matches!(b, Block::Thinking(_))),
    };
    counts.kind().unwrap_or_else(|| {
        let kind = blocks.iter().find_map(|b| match b {
            Block::Other { kind, .. } => Some(kind.clone()),
            Block::Media { .. } => Some("media".to_owned()),
            _ => None,
        });
        kind.unwrap_or_else(|| "empty".to_owned())
    })
}

/// How many blocks of each kind a message has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub texts: usize,
    pub calls: usize,
    pub results: usize,
    pub thinking: usize,
}

impl Counts {
    /// The message's kind, in a few words; none where it has none of these blocks.
    pub fn kind(self) -> Option<String> {
        let Counts { texts, calls, results, thinking } = self;
        let tools = match calls {
            1 => "1 tool".to_owned(),
            n => format!("{n} tools"),
        };
        Some(match (texts > 0, calls, results) {
            (true, 0, 0) => "text".to_owned(),
            (true, 0, _) => "text + tool result".to_owned(),
            (true, ..) => format!("text + {tools}"),
            (false, 1, _) => "tool call".to_owned(),
            (false, 2.., _) => format!("{calls} tool calls"),
            (false, 0, 1..) => "tool result".to_owned(),
            (false, 0, 0) if thinking > 0 => "thinking".to_owned(),
            (false, 0, 0) => return None,
        })
    }
}

/// The texts among the blocks.
fn said(blocks: &[Block]) -> String {
    join(blocks, |b| match b {
        Block::Text(text) => Some(text.clone()),
        _ => None,
    })
}

fn join(blocks: &[Block], say: impl Fn(&Block) -> Option<String>) -> String {
    blocks.iter().filter_map(say).collect::<Vec<_>>().join("\n\n")
}

fn is_plain(content: &str) -> bool {
    !content.trim_start().starts_with(['{', '['])
}

/// Content that is JSON in the shape of a message or its blocks, rather than text that is about JSON.
fn structured(content: &str) -> Option<Json> {
    if is_plain(content) {
        return None;
    }
    let json: Json = serde_json::from_str(content).ok()?;
    let is_block = |j: &Json| j.get("type").is_some_and(Json::is_string);
    let fits = match &json {
        Json::Array(items) => !items.is_empty() && items.iter().all(is_block),
        Json::Object(_) => {
            is_block(&json)
                || (json.get("role").is_some()
                    && (json.get("content").is_some() || json.get("parts").is_some()))
        }
        _ => false,
    };
    fits.then_some(json)
}

/// Reads a message, a list of blocks or one block, whatever it is.
pub fn read(json: &Json, into: &mut Vec<Block>) {
    match json {
        Json::Null => {}
        Json::String(text) => into.push(Block::Text(text.clone())),
        Json::Array(items) => items.iter().for_each(|item| read(item, into)),
        Json::Object(_) => object(json, into),
        Json::Bool(_) | Json::Number(_) => into.push(other("value", json)),
    }
}

fn object(json: &Json, into: &mut Vec<Block>) {
    let kind = string(json, &["type"]).unwrap_or_default();
    match kind.as_str() {
        "text" | "input_text" | "output_text" | "refusal" => {
            into.extend(string(json, &["text", "content", "refusal"]).map(Block::Text));
        }
        "thinking" | "reasoning" => {
            let text = string(json, &["thinking", "text", "reasoning", "content"]);
            into.push(text.map_or_else(|| other(&kind, json), Block::Thinking));
        }
        "redacted_thinking" => into.push(Block::Thinking("(redacted)".into())),
        "tool-call" | "tool_use" | "server_tool_use" | "function_call" | "custom_tool_call" | "mcp_call" => {
            into.push(call(json));
        }
        "function" => {
            into.push(call(json.get("function").map_or(json, |f| f)).with_id(string(json, &["id"])))
        }
        "tool-result" | "tool_result" | "function_call_output" | "custom_tool_call_output" => {
            into.push(result(json))
        }
        "tool-invocation" => {
            let inner = json.get("toolInvocation").unwrap_or(json);
            into.push(call(inner));
            if inner.get("result").is_some() {
                into.push(result(inner));
            }
        }
        "step-start" | "step-finish" => {}
        "image" | "image_url" | "input_image" | "file" | "input_file" | "document" | "audio" => {
            into.push(media::read(&kind, json))
        }
        _ if kind.starts_with("tool-") || kind == "dynamic-tool" => ui_tool(&kind, json, into),
        "" | "message" => message(json, into),
        _ => into.push(other(&kind, json)),
    }
}

/// A whole message: its content, then its parts or tool calls.
fn message(json: &Json, into: &mut Vec<Block>) {
    let role = string(json, &["role"]).unwrap_or_default();
    let parts = json.get("parts").filter(|p| p.is_array());
    let before = into.len();
    match (parts, json.get("content")) {
        (Some(parts), _) => read(parts, into),
        (None, Some(Json::String(text))) => into.extend(parse(&role, text, "")),
        (None, Some(content)) => read(content, into),
        (None, None) => {}
    }
    if let Some(calls) = json.get("tool_calls") {
        read(calls, into);
    }
    // A tool's message says itself which call it answers.
    if let Some(answers) = string(json, &["tool_call_id", "toolCallId"]) {
        for block in &mut into[before..] {
            if let Block::ToolResult { id: id @ None, .. } = block {
                *id = Some(answers.clone());
            }
        }
    }
    if into.len() == before && role.is_empty() {
        into.push(other("object", json));
    }
}

/// A tool part of the AI SDK 5, which holds both the call and what came of it.
fn ui_tool(kind: &str, json: &Json, into: &mut Vec<Block>) {
    let name = string(json, &["toolName"]).unwrap_or_else(|| kind.trim_start_matches("tool-").to_owned());
    into.push(Block::ToolCall {
        id: string(json, &["toolCallId"]),
        name: name.clone(),
        input: json.get("input").map(compact).unwrap_or_default(),
        state: string(json, &["state"]),
    });
    let error = string(json, &["errorText"]);
    if error.is_some() || json.get("output").is_some() {
        into.push(Block::ToolResult {
            id: string(json, &["toolCallId"]),
            name: Some(name),
            is_error: error.is_some(),
            output: error.unwrap_or_else(|| json.get("output").map(compact).unwrap_or_default()),
        });
    }
}

fn call(json: &Json) -> Block {
    let input = ["toolInput", "input", "args", "arguments"].iter().find_map(|k| json.get(k));
    Block::ToolCall {
        id: string(json, &["toolCallId", "call_id", "id"]),
        name: string(json, &["toolName", "name"]).unwrap_or_else(|| "tool".into()),
        input: input.map(compact).unwrap_or_default(),
        state: string(json, &["state", "status"]),
    }
}

fn result(json: &Json) -> Block {
    let output = ["toolOutput", "output", "result", "content"].iter().find_map(|k| json.get(k));
    let failed = ["is_error", "isError"].iter().any(|k| json.get(k) == Some(&Json::Bool(true)));
    Block::ToolResult {
        id: string(json, &["toolCallId", "tool_use_id", "call_id", "id"]),
        name: string(json, &["toolName", "name"]),
        output: output.map(output_text).unwrap_or_default(),
        is_error: failed || string(json, &["state"]).is_some_and(|s| s.contains("error")),
    }
}

/// What a tool answered: the text of its text blocks, else the JSON.
fn output_text(json: &Json) -> String {
    let Json::Array(items) = json else { return compact(json) };
    let text_of = |item: &Json| {
        let kind = string(item, &["type"]).unwrap_or_default();
        match kind.as_str() {
            "image" | "image_url" | "input_image" => Some(media_text(&media::read(&kind, item))),
            _ => string(item, &["text"]),
        }
    };
    let texts: Vec<String> = items.iter().filter_map(text_of).collect();
    if texts.len() == items.len() && !texts.is_empty() { texts.join("\n") } else { compact(json) }
}

/// A picture among texts: its type and size.
fn media_text(block: &Block) -> String {
    match block {
        Block::Media { media_type, bytes: 0, .. } => media_type.clone(),
        Block::Media { media_type, bytes, .. } => format!("{media_type}, {bytes} bytes"),
        _ => String::new(),
    }
}

fn other(kind: &str, json: &Json) -> Block {
    Block::Other { kind: kind.to_owned(), raw: json.to_string() }
}

fn compact(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn string(json: &Json, names: &[&str]) -> Option<String> {
    names.iter().find_map(|n| json.get(n)?.as_str().map(str::to_owned))
}

impl Block {
    fn with_id(mut self, given: Option<String>) -> Self {
        if let (Block::ToolCall { id, .. }, Some(given)) = (&mut self, given) {
            *id = Some(given);
        }
        self
    }
}
