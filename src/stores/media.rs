//! Pictures and files inside messages: their type, size and, of a picture, its width and height.
//!
//! Nothing is decoded but the first bytes, which tell a picture's size: PNG (`IHDR`, PNG specification 11.2.1), GIF89a (17
//! and 18, the screen descriptor), JPEG (a frame header, ITU-T T.81 B.2.2) and WebP (RFC 9649, its three kinds).

use serde_json::Value as Json;

use crate::core::Block;

/// Of a picture so many characters of base64 are looked at: a JPEG's frame comes behind its EXIF data.
const MOST_HEAD_CHARS: usize = 128 * 1024;

/// Reads a part that is a picture, a file or a sound.
pub fn read(kind: &str, json: &Json) -> Block {
    let inner = ["source", "image_url", "input_audio", "file"].iter().find_map(|k| json.get(k));
    let source = inner.filter(|inner| inner.is_object()).unwrap_or(json);
    let names = ["data", "url", "image_url", "image", "file_data", "file_id"];
    let stored = names.iter().find_map(|n| source.get(n)?.as_str()).unwrap_or_default();
    let types = ["media_type", "mediaType", "mimeType", "mime_type"];
    let told = types.iter().find_map(|n| source.get(n).or_else(|| json.get(n))?.as_str());
    let (own_type, data) = match stored.strip_prefix("data:").and_then(|url| url.split_once(',')) {
        Some((head, data)) => (head.split(';').next().filter(|t| !t.is_empty()), data),
        None => (None, stored),
    };
    let media_type = told.or(own_type).unwrap_or(kind);
    if data.contains("://") {
        // It is somewhere else: its address is all that there is, and nothing is fetched.
        let media_type = format!("{media_type} at {data}");
        return Block::Media { media_type, bytes: 0, pixels: None };
    }
    let padding = data.bytes().rev().take(2).filter(|b| *b == b'=').count() as u64;
    let head = base64(&data[..data.floor_char_boundary(MOST_HEAD_CHARS)]);
    // Base64 holds three bytes in four characters.
    let bytes = (data.len() as u64 * 3 / 4).saturating_sub(padding);
    Block::Media { media_type: media_type.to_owned(), bytes, pixels: pixels(&head) }
}

/// The bytes of base64 (RFC 4648, either alphabet) as far as it is that.
fn base64(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\n' | b'\r' => continue,
            _ => break,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// A picture's width and height, from its first bytes.
fn pixels(head: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize, n: usize| number(head.get(at..at + n)?.iter());
    let little = |at: usize, n: usize| number(head.get(at..at + n)?.iter().rev());
    let size = match head {
        [0x89, b'P', b'N', b'G', ..] => (big(16, 4)?, big(20, 4)?),
        [b'G', b'I', b'F', b'8', ..] => (little(6, 2)?, little(8, 2)?),
        [0xff, 0xd8, ..] => jpeg(head)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => match head.get(12..16)? {
            b"VP8 " => (little(26, 2)? & 0x3fff, little(28, 2)? & 0x3fff),
            b"VP8L" => {
                let bits = little(21, 4)?;
                ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
            }
            b"VP8X" => (little(24, 3)? + 1, little(27, 3)? + 1),
            _ => return None,
        },
        _ => return None,
    };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

fn number<'a>(bytes: impl Iterator<Item = &'a u8>) -> Option<u32> {
    Some(bytes.fold(0, |n, b| n << 8 | u32::from(*b)))
}

fn jpeg(head: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [0xff, marker, high, low] = *head.get(at..at + 4)? else { return None };
        // The frame headers; C4, C8 and CC are other things.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let size = |at: usize| number(head.get(at..at + 2)?.iter());
            return Some((size(at + 7)?, size(at + 5)?));
        }
        at += match marker {
            0xff => 1,
            _ => 2 + usize::from(u16::from_be_bytes([high, low])),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_a_pictures_size() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";
        assert_eq!(pixels(png), Some((640, 480)));
        assert_eq!(pixels(b"GIF89a\x80\x02\xe0\x01"), Some((640, 480)));
        let jpeg = b"\xff\xd8\xff\xe1\0\x04xx\xff\xc2\0\x11\x08\x01\xe0\x02\x80";
        assert_eq!(pixels(jpeg), Some((640, 480)));
        assert_eq!(pixels(b"RIFF....WEBPVP8X........\x7f\x02\0\xdf\x01\0"), Some((640, 480)));
        assert_eq!(pixels(b"RIFF....WEBPVP8 ..........\x80\x02\xe0\x01"), Some((640, 480)));
        assert_eq!(pixels(b"RIFF....WEBPVP8L....\x2f\x7f\xc2\x77\0"), Some((640, 480)));
    }

    #[test]
    fn what_is_cut_off_or_no_picture_has_no_size() {
        let whole: [&[u8]; 3] = [
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0",
            b"\xff\xd8\xff\xe1\0\x04xx\xff\xc2\0\x11\x08\x01\xe0\x02\x80",
            b"\xff\xd8\xff\xff\xff\xff\xff\xff",
        ];
        for bytes in whole {
            (0..bytes.len()).for_each(|end| assert_eq!(pixels(&bytes[..end]), None));
        }
        assert_eq!(pixels(b"text"), None);
    }

    #[test]
    fn a_data_url_tells_its_type_and_size() {
        let json = serde_json::json!({
            "type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlhgALgAQ=="}
        });
        let expected = Block::Media { media_type: "image/gif".into(), bytes: 10, pixels: Some((640, 480)) };
        assert_eq!(read("image_url", &json), expected);
        let json =
            serde_json::json!({"type": "image", "source": {"type": "url", "url": "https://a.example/x"}});
        let expected =
            Block::Media { media_type: "image at https://a.example/x".into(), bytes: 0, pixels: None };
        assert_eq!(read("image", &json), expected);
    }
}
