//! Values as V8 serializes them, shown as JSON.
//!
//! What JSON cannot hold is tagged: `{"$date": …}`, `{"$map": …}`, `{"$ref": "$.a"}` for what was met before. The tags are
//! those that V8's own decoding of real files was written down with. Format: `ValueSerializer`, wire versions 14 to 16.

use std::collections::HashMap;
use std::fmt::{Display, LowerHex};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json, json};
use v8_valueserializer::{
    ArrayBufferView, Heap, HeapReference, HeapValue, ParseErrorKind, PropertyKey, StringValue, Value,
    ValueDeserializer,
};

/// A larger value is not decoded; the runtime itself stores no more than 2 MB under a key.
pub const MOST_BYTES: usize = 4 << 20;

/// What the decoded JSON may take in memory, roughly.
const MOST_JSON_BYTES: usize = 96 << 20;

/// Levels of JSON, so that what is shown can also be read again; readers of JSON stop at 128.
const MOST_DEPTH: usize = 120;

/// What a value with more openers than these is decoded on.
const STACK_BYTES: usize = 32 << 20;
const FEW_OPENERS: usize = 32;

/// How much of a value that cannot be decoded is shown.
const MOST_HEX_BYTES: usize = 2048;

/// A serialized value as JSON; where it cannot be decoded, its bytes and the reason.
pub fn to_json(bytes: &[u8]) -> Json {
    decode(bytes).unwrap_or_else(|reason| undecoded(bytes, &reason))
}

/// A serialized value as JSON.
///
/// # Errors
/// Where it cannot be decoded, with the reason in plain words.
pub fn decode(bytes: &[u8]) -> Result<Json, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("it has {} bytes; no more than {MOST_BYTES} are decoded", bytes.len()));
    }
    // No value nests deeper than it has bytes that may open something.
    let openers = bytes.iter().filter(|b| b"oaA;'r?".contains(b)).count();
    if openers <= FEW_OPENERS {
        return read(bytes);
    }
    // The decoder calls itself for every level, in frames that fill an ordinary thread's stack before it stops.
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread =
            builder.spawn_scoped(scope, || read(bytes)).map_err(|e| format!("it needs a thread: {e}"))?;
        thread.join().unwrap_or_else(|_| Err("the decoder failed at it".into()))
    })
}

fn read(bytes: &[u8]) -> Result<Json, String> {
    let (value, heap) = ValueDeserializer::default().read(bytes).map_err(|e| reason(bytes, &e.kind))?;
    let mut shown = Shown { heap: &heap, seen: HashMap::new(), left: MOST_JSON_BYTES };
    shown.value(&value, None, Step::Root, 0)
}

const TOO_DEEP: &str = "it is nested too deep to be shown";

fn undecoded(bytes: &[u8], reason: &str) -> Json {
    let start = &bytes[..bytes.len().min(MOST_HEX_BYTES)];
    let mut object = json!({ "$hex": crate::core::hex(start), "reason": reason });
    if start.len() < bytes.len() {
        object["bytes"] = json!(bytes.len());
    }
    object
}

fn reason(bytes: &[u8], error: &ParseErrorKind) -> String {
    match error {
        ParseErrorKind::ExpectedTag(..) => {
            "it does not begin with FF and a version: it is written in an older form, or not by V8".into()
        }
        ParseErrorKind::InvalidWireFormatVersion(version) => {
            format!("it is written in version {version} of V8's form; versions 14 to 16 can be decoded")
        }
        ParseErrorKind::HostObjectNotSupported => {
            "it holds an object of the runtime's own, such as an Error or a stream".into()
        }
        ParseErrorKind::SharedArrayBufferNotSupported
        | ParseErrorKind::SharedObjectNotSupported
        | ParseErrorKind::WasmModuleTransferNotSupported
        | ParseErrorKind::MissingTransferredArrayBuffer(_) => {
            "it refers to memory that was shared between programs and is not stored".into()
        }
        ParseErrorKind::UnexpectedEof | ParseErrorKind::ExpectedMinimumBytes(..) if bytes.is_empty() => {
            "it is empty (0 bytes)".into()
        }
        ParseErrorKind::UnexpectedEof | ParseErrorKind::ExpectedMinimumBytes(..) => {
            "it ends too early: its last bytes are missing".into()
        }
        ParseErrorKind::TooDeeplyNested => TOO_DEEP.into(),
        _ => "it contradicts itself: it is damaged, or not written by V8".into(),
    }
}

/// How one object is reached from another.
#[derive(Clone, Copy)]
enum Step<'h> {
    Root,
    Key(&'h PropertyKey),
    Index(usize),
    Name(&'static str),
}

/// What has been shown of a value so far.
struct Shown<'h> {
    heap: &'h Heap,
    /// Every object that was met, with the one that held it and the step from there.
    seen: HashMap<HeapReference, (Option<HeapReference>, Step<'h>)>,
    left: usize,
}

impl<'h> Shown<'h> {
    fn value(
        &mut self,
        value: &'h Value,
        within: Option<HeapReference>,
        step: Step<'h>,
        depth: usize,
    ) -> Result<Json, String> {
        self.take(96)?;
        Ok(match value {
            Value::Undefined => json!({ "$undefined": true }),
            Value::Null => Json::Null,
            Value::Bool(flag) => json!(flag),
            Value::I32(n) => json!(n),
            Value::U32(n) => json!(n),
            Value::Double(n) => number(*n),
            Value::BigInt(n) => json!({ "$bigint": big(n, n.bits()) }),
            Value::String(text) => Json::String(self.text(text)?),
            Value::HeapReference(reference) => {
                if self.seen.contains_key(reference) {
                    let path = self.path(*reference);
                    self.take(path.len())?;
                    return Ok(json!({ "$ref": path }));
                }
                if depth >= MOST_DEPTH {
                    return Err(TOO_DEEP.into());
                }
                self.seen.insert(*reference, (within, step));
                self.object(*reference, depth + 1)?
            }
        })
    }

    fn object(&mut self, reference: HeapReference, depth: usize) -> Result<Json, String> {
        let within = Some(reference);
        let Some(object) = reference.try_open(self.heap) else {
            return Err("it refers to an object that it does not hold".into());
        };
        Ok(match object {
            HeapValue::BooleanObject(flag) => json!({ "$boxed": flag }),
            HeapValue::NumberObject(n) => json!({ "$boxed": number(*n) }),
            HeapValue::BigIntObject(n) => json!({ "$boxed": { "$bigint": big(n, n.bits()) } }),
            HeapValue::StringObject(text) => json!({ "$boxed": self.text(text)? }),
            HeapValue::RegExp(regexp) => {
                let mut flags: Vec<char> = regexp.flags.to_string().chars().collect();
                flags.sort_unstable();
                json!({ "$regexp": self.text(&regexp.pattern)?, "flags": String::from_iter(flags) })
            }
            HeapValue::Date(date) => match date.ms_since_epoch() {
                Some(ms) => json!({ "$date": iso(ms), "ms": ms }),
                None => json!({ "$date": null, "ms": null }),
            },
            HeapValue::Object(object) => Json::Object(self.properties(&object.properties, within, depth)?),
            HeapValue::DenseArray(array) => {
                let mut items = Vec::with_capacity(array.elements.len());
                for (at, item) in array.elements.iter().enumerate() {
                    items.push(match item {
                        Some(item) => self.value(item, within, Step::Index(at), depth)?,
                        None => self.hole()?,
                    });
                }
                let properties = self.properties(&array.properties, within, depth)?;
                with_properties(Json::Array(items), properties)
            }
            HeapValue::SparseArray(array) => self.sparse(array.length, &array.properties, within, depth)?,
            HeapValue::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for (at, (key, value)) in map.entries.iter().enumerate() {
                    let key = self.value(key, within, Step::Index(at), depth + 2)?;
                    entries.push(json!([key, self.value(value, within, Step::Index(at), depth + 2)?]));
                }
                json!({ "$map": entries })
            }
            HeapValue::Set(set) => {
                let mut values = Vec::with_capacity(set.values.len());
                for (at, value) in set.values.iter().enumerate() {
                    values.push(self.value(value, within, Step::Index(at), depth + 1)?);
                }
                json!({ "$set": values })
            }
            HeapValue::ArrayBuffer(buffer) => json!({ "$arraybuffer": self.hex(buffer.as_u8_slice())? }),
            HeapValue::ArrayBufferView(view) => self.view(view)?,
            HeapValue::Error(error) => {
                let message = error.message.as_ref().map(|m| self.text(m)).transpose()?;
                let mut shown = json!({
                    "$error": error.name.to_string(), "message": message, "hasStack": error.stack.is_some()
                });
                if let Some(cause) = &error.cause {
                    shown["cause"] = self.value(cause, within, Step::Name("cause"), depth)?;
                }
                shown
            }
        })
    }

    fn properties(
        &mut self,
        properties: &'h [(PropertyKey, Value)],
        within: Option<HeapReference>,
        depth: usize,
    ) -> Result<Map<String, Json>, String> {
        let mut object = Map::new();
        for (key, value) in properties {
            let name = key_text(key);
            self.take(name.len())?;
            object.insert(name, self.value(value, within, Step::Key(key), depth)?);
        }
        Ok(object)
    }

    /// An array stored by index: written out where it is not mostly holes.
    fn sparse(
        &mut self,
        length: u32,
        properties: &'h [(PropertyKey, Value)],
        within: Option<HeapReference>,
        depth: usize,
    ) -> Result<Json, String> {
        let length = length as usize;
        if length > 64 + 4 * properties.len() {
            let held = self.properties(properties, within, depth)?;
            return Ok(json!({ "$sparse": held, "length": length }));
        }
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.hole()?);
        }
        let mut others = Map::new();
        for (key, value) in properties {
            let name = key_text(key);
            let shown = match name.parse::<usize>() {
                Ok(at) => self.value(value, within, Step::Index(at), depth)?,
                Err(_) => self.value(value, within, Step::Key(key), depth)?,
            };
            match name.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                Some(item) => *item = shown,
                None => {
                    others.insert(name, shown);
                }
            }
        }
        Ok(with_properties(Json::Array(items), others))
    }

    fn view(&mut self, view: &ArrayBufferView) -> Result<Json, String> {
        let Some(HeapValue::ArrayBuffer(buffer)) = view.buffer.try_open(self.heap) else {
            return Err("it shows a part of a buffer that it does not hold".into());
        };
        let start = view.byte_offset as usize;
        let length = view.length as usize * view.kind.byte_width() as usize;
        let bytes = buffer.as_u8_slice().get(start..start.saturating_add(length)).unwrap_or_default();
        Ok(json!({ "$view": view.kind.to_string(), "hex": self.hex(bytes)? }))
    }

    fn hole(&mut self) -> Result<Json, String> {
        self.take(160)?;
        Ok(json!({ "$hole": true }))
    }

    fn hex(&mut self, bytes: &[u8]) -> Result<String, String> {
        self.take(bytes.len() * 2)?;
        Ok(crate::core::hex(bytes))
    }

    fn text(&mut self, text: &StringValue) -> Result<String, String> {
        let text = text.to_string().into_owned();
        self.take(text.len())?;
        Ok(text)
    }

    /// Counts what the JSON takes, so that a small value cannot grow without end.
    fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or("it would take too much memory to show")?;
        Ok(())
    }

    /// The way from the outermost value to an object: `$.messages[3]`.
    fn path(&self, reference: HeapReference) -> String {
        let mut steps = Vec::new();
        let mut at = Some(reference);
        while let Some((within, step)) = at.and_then(|r| self.seen.get(&r)) {
            steps.push(match step {
                Step::Root => "$".to_owned(),
                Step::Key(key) => format!(".{}", crate::core::shorten_middle(&key_text(key), 64)),
                Step::Index(at) => format!("[{at}]"),
                Step::Name(name) => format!(".{name}"),
            });
            at = *within;
        }
        steps.reverse();
        crate::core::shorten_middle(&steps.concat(), 512).into_owned()
    }
}

/// A big integer's digits: decimal, or hexadecimal where the conversion would take long.
fn big(n: &(impl Display + LowerHex), bits: u64) -> String {
    if bits <= 8192 { n.to_string() } else { format!("{n:#x}") }
}

fn with_properties(array: Json, properties: Map<String, Json>) -> Json {
    if properties.is_empty() { array } else { json!({ "$array": array, "properties": properties }) }
}

fn number(n: f64) -> Json {
    if n.is_nan() {
        json!({ "$number": "NaN" })
    } else if n.is_infinite() {
        json!({ "$number": if n > 0.0 { "Infinity" } else { "-Infinity" } })
    } else if n == 0.0 && n.is_sign_negative() {
        json!({ "$number": "-0" })
    } else if n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0 {
        json!(n as i64)
    } else {
        json!(n)
    }
}

fn iso(ms: i64) -> Option<String> {
    DateTime::<Utc>::from_timestamp_millis(ms).map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn key_text(key: &PropertyKey) -> String {
    match key {
        PropertyKey::I32(n) => n.to_string(),
        PropertyKey::U32(n) => n.to_string(),
        PropertyKey::Double(n) => n.to_string(),
        PropertyKey::String(text) => text.to_string().into_owned(),
    }
}
