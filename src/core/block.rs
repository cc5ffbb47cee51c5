//! What a message is made of.

/// A part of a message, as a reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Text, most often Markdown.
    Text(String),
    Thinking(String),
    ToolCall {
        id: Option<String>,
        name: String,
        /// The arguments: JSON, or text where the store keeps text.
        input: String,
        /// What the store says of its progress, such as `complete`.
        state: Option<String>,
    },
    ToolResult {
        /// The call that it answers.
        id: Option<String>,
        name: Option<String>,
        output: String,
        is_error: bool,
    },
    /// Something with a media type that is not shown as text.
    Media {
        media_type: String,
        bytes: u64,
        /// Width and height in pixels, where its first bytes tell.
        pixels: Option<(u32, u32)>,
    },
    /// A part of a kind that is not known, as it is stored.
    Other {
        kind: String,
        raw: String,
    },
}
