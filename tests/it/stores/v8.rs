use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use sessionscope::stores::durable::v8;

use crate::support::fixture;

pub fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}

pub fn json_file(path: &Path) -> Json {
    // What `inspect` printed is cut off in the middle of a character somewhere; it is not compared.
    let text = fs::read_to_string(path).expect("a fixture");
    // Half of a surrogate pair, which is no text: shown as the replacement character.
    let text = text.replace(r"[\ud83d]", r"[\ufffd]");
    let line = |l: &str| {
        if l.trim_start().starts_with("\"inspect\"") { "\"inspect\": \"\"".into() } else { l.to_owned() }
    };
    serde_json::from_str(&text.lines().map(line).collect::<Vec<_>>().join("\n")).expect("JSON")
}

/// JSON numbers compare by value: 42 and 42.0 are the same number to JavaScript.
pub fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

pub fn vectors() -> Vec<(String, Vec<u8>)> {
    let file = json_file(&fixture("durable/v8-kv-vectors.json"));
    let vectors = file.as_object().expect("an object").iter();
    vectors.map(|(name, hex)| (name.clone(), bytes(hex.as_str().expect("hex")))).collect()
}

#[test]
fn v8_values_read_as_v8_itself_read_them() {
    for entry in json_file(&fixture("durable/v8-values.json")).as_array().expect("a list") {
        let decoded = v8::decode(&bytes(entry["hex"].as_str().expect("hex")));
        assert!(decoded.as_ref().is_ok_and(|d| same(d, &entry["value"])), "{}: {decoded:?}", entry["key"]);
    }
}

#[test]
fn v8_vectors_read_as_what_their_names_say() {
    let all = vectors();
    let value = |name: &str| {
        let (_, bytes) = all.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}"));
        v8::to_json(bytes)
    };
    for (name, expected) in [
        ("last-activity-ms", json!(1_751_000_000_123_i64)),
        ("v_nzero", json!({ "$number": "-0" })),
        ("v_ninf", json!({ "$number": "-Infinity" })),
        ("v_negbigint", json!({ "$bigint": "-5" })),
        ("v_backref", json!({ "p": { "x": 1 }, "q": { "$ref": "$.p" } })),
        ("v_cyc", json!({ "n": 1, "self": { "$ref": "$" } })),
        ("v_holes", json!([1, { "$hole": true }, 3])),
        (
            "v_sparse",
            json!([{ "$hole": true }, { "$hole": true }, { "$hole": true }, { "$hole": true }, { "$hole": true }, 1]),
        ),
        ("v_intkeys", json!({ "1": "a", "2": "b", "z": "c" })),
        ("v_latin", json!("héllo")),
        ("v_two", json!("你好")),
        ("v_emoji", json!("a😀")),
        ("v_boolobj", json!({ "$boxed": true })),
        ("v_strobj", json!({ "$boxed": "bo" })),
        ("v_numobj", json!({ "$boxed": 5 })),
        ("v_re", json!({ "$regexp": "ab+c", "flags": "gi" })),
        ("v_u8", json!({ "$view": "Uint8Array", "hex": "010203" })),
        ("v_null", Json::Null),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let undecoded: Vec<&str> =
        all.iter().filter(|(_, b)| v8::decode(b).is_err()).map(|(n, _)| n.as_str()).collect();
    assert_eq!(undecoded, ["v_err"]);
    assert!(value("v_err")["reason"].as_str().expect("a reason").contains("Error"));
}

#[test]
fn what_cannot_be_decoded_shows_its_bytes_and_why() {
    for (hex, said) in [
        ("", "empty"),
        ("FF0D4954", "version 13"),
        ("4954", "does not begin with FF"),
        ("FF0F22", "too early"),
        ("FF0F2205686C", "too early"),
        ("FF0F5C0A02", "runtime's own"),
        ("FF0F6F7B05", "contradicts"),
    ] {
        let shown = v8::to_json(&bytes(hex));
        assert_eq!(shown["$hex"], json!(hex.to_ascii_lowercase()));
        assert!(shown["reason"].as_str().is_some_and(|r| r.contains(said)), "{hex}: {shown}");
    }
    let large = v8::to_json(&vec![0xff; v8::MOST_BYTES + 1]);
    assert_eq!(large["bytes"], json!(v8::MOST_BYTES + 1));
    assert!(large.to_string().len() < 10_000);
}

#[test]
fn no_value_however_broken_ends_the_program_or_fills_the_memory() {
    let mut values: Vec<Vec<u8>> = vectors().into_iter().map(|(_, b)| b).collect();
    for entry in json_file(&fixture("durable/v8-values.json")).as_array().expect("a list") {
        values.push(bytes(entry["hex"].as_str().expect("hex")));
    }
    let mut tried = 0;
    for value in &values {
        for end in 0..value.len() {
            let _ = v8::to_json(&value[..end]);
        }
        for at in 0..value.len() {
            for change in [0x01_u8, 0x08, 0x40, 0x80, 0xff] {
                let mut broken = value.clone();
                broken[at] ^= change;
                let _ = v8::to_json(&broken).to_string();
                tried += 1;
            }
        }
    }
    assert!(tried > 5_000);
    // Deep: objects in objects. Wide: every byte an element. Sparse: four thousand million holes.
    let deep = [&[0xff, 0x0f][..], &b"o\"\x01a".repeat(100_000)].concat();
    assert!(v8::to_json(&deep)["reason"].as_str().is_some_and(|r| r.contains("deep")));
    // As deep as it is shown, it can also be read again.
    let nested = |levels: usize| {
        let mut bytes = vec![0xff, 0x0f];
        bytes.extend(b";I\x02".repeat(levels));
        bytes.push(b'0');
        bytes.extend(b":\x02".repeat(levels));
        v8::to_json(&bytes)
    };
    assert!(nested(39).get("$map").is_some());
    assert!(serde_json::from_str::<Json>(&nested(39).to_string()).is_ok());
    assert!(nested(100)["reason"].as_str().is_some_and(|r| r.contains("deep")));
    let wide = [
        &[0xff, 0x0f, b'A', 0x80, 0x80, 0xc0, 0x01][..],
        &vec![b'0'; 3 << 20],
        &[b'$', 0, 0x80, 0x80, 0xc0, 0x01],
    ]
    .concat();
    assert!(v8::to_json(&wide)["reason"].as_str().is_some_and(|r| r.contains("memory")));
    let sparse = bytes("FF0F61FFFFFFFF0F49024902400 1FFFFFFFF0F".replace(' ', "").as_str());
    assert_eq!(v8::to_json(&sparse), json!({ "$sparse": { "1": 1 }, "length": 4_294_967_295_u32 }));
}
