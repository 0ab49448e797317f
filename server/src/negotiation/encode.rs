//! From JSON, the form in which answers are made, to the negotiated encoding.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::Node;

use super::{Encoding, Media};

/// From how many bytes on an answer is compressed for who takes that.
const COMPRESS_ABOVE: usize = 128 * 1024;

/// `document`, one JSON object without a newline, in the negotiated encoding. `node` describes it, for protobuf.
///
/// # Errors
/// The sentence about what can't be written.
pub fn json_to(media: &Media, document: &[u8], node: Option<&Node>) -> Result<Bytes, String> {
    match media.encoding {
        Encoding::Json if media.pretty => Ok(indent(document).into()),
        Encoding::Json => {
            let mut text = Vec::with_capacity(document.len() + 1);
            text.extend_from_slice(document);
            text.push(b'\n');
            Ok(text.into())
        }
        Encoding::Yaml => {
            let read = json::decode_any(document).map_err(|error| error.to_string())?;
            Ok(yaml::encode(&read.value).into())
        }
        Encoding::Protobuf => {
            let node = node.ok_or_else(|| "the object has no protobuf form".to_owned())?;
            let read = json::decode(document, node).map_err(|error| error.to_string())?;
            Ok(protobuf::encode_object(&read.value, node).map_err(|error| error.to_string())?.into())
        }
    }
}

/// Compact JSON, indented by two blanks a level as Go's encoder does it. No newline follows.
#[must_use]
pub fn indent(document: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(document.len() * 2);
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    for (at, byte) in document.iter().copied().enumerate() {
        if in_text {
            out.push(byte);
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => {
                in_text = true;
                out.push(byte);
            }
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                if !matches!(document.get(at + 1), Some(b'}' | b']')) {
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(at.checked_sub(1).and_then(|before| document.get(before)), Some(b'{' | b'[')) {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            byte => out.push(byte),
        }
    }
    out
}

/// The bytes compressed by gzip, where they are so many that upstream would.
#[must_use]
pub fn compress(body: &[u8]) -> Option<Bytes> {
    if body.len() <= COMPRESS_ABOVE {
        return None;
    }
    let mut writer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    writer.write_all(body).ok()?;
    writer.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_is_gos() {
        let rows = [
            ("{}", "{}"),
            (
                r#"{"a":[],"b":{},"c":[1,{"d":"x,{\"}"}]}"#,
                "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": \"x,{\\\"}\"\n    }\n  ]\n}",
            ),
            (r#"{"a":"\\"}"#, "{\n  \"a\": \"\\\\\"\n}"),
        ];
        for (compact, indented) in rows {
            assert_eq!(String::from_utf8(indent(compact.as_bytes())).unwrap(), indented);
        }
    }

    #[test]
    fn only_large_answers_are_compressed() {
        assert_eq!(compress(&vec![b'a'; COMPRESS_ABOVE]), None);
        let small = compress(&vec![b'a'; COMPRESS_ABOVE + 1]).unwrap();
        assert!(small.len() < 1000 && small.starts_with(&[0x1f, 0x8b]));
    }
}
