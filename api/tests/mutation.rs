//! Whatever the bytes, the readers answer: no panic, no overflow of the stack, no memory out of proportion. Documents
//! are changed at random, by a generator with a fixed seed, and read by every codec; what can be read can be written,
//! and reads back the same.

use howdah_api::codec::{json, protobuf, yaml};
use howdah_api::schema::{Node, builtin};
use howdah_api::tree;

/// How many changed documents each test reads.
const ROUNDS: usize = 1500;

/// A xorshift generator: the same documents in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).expect("a small number")).expect("smaller still")
    }

    /// A document with up to four changes.
    fn change(&mut self, document: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
        let mut bytes = document.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
                1 => drop(bytes.drain(at..(at + self.below(20)).min(bytes.len()))),
                2 => {
                    let piece = pieces[self.below(pieces.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
                3 => {
                    // A part of the document once more, somewhere.
                    let end = (at + self.below(200)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, part);
                }
                4 => bytes.truncate(at),
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
        bytes
    }
}

const POD: &str = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","labels":{"app":"web"},
    "creationTimestamp":"2020-01-01T00:00:00Z","ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet",
    "name":"w","uid":"u","controller":true}],"managedFields":[{"manager":"m","operation":"Apply","fieldsV1":{"f:a":{}}}]},
    "spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"0.5"}},
    "livenessProbe":{"httpGet":{"port":"http","path":"/"}},"env":[{"name":"A","value":"\u00e9\ud83d\ude00"}]}],
    "volumes":[{"name":"v","secret":{"secretName":"s","defaultMode":420}}],"nodeSelector":{"a":"b"},
    "tolerations":[{"key":"k","tolerationSeconds":-5}]},"status":{"phase":"Running","startTime":null}}"#;

const DEFINITION: &str = r#"{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1",
    "metadata":{"name":"as.b.c"},"spec":{"group":"b.c","names":{"plural":"as","kind":"A"},"scope":"Namespaced",
    "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object",
    "properties":{"a":{"items":{"type":"string"},"default":{"x":[1.5]},"enum":[1,null]},
    "b":{"items":[{"type":"a"},{}],"additionalProperties":false,"maximum":1.5},
    "c":{"dependencies":{"d":["e"],"f":{"not":{}}},"additionalProperties":{"nullable":true}}}}}}]}}"#;

fn seeds() -> [(&'static Node, &'static str); 2] {
    [
        (builtin::kind("", "v1", "Pod").expect("built in"), POD),
        (builtin::kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition").expect("built in"), DEFINITION),
    ]
}

/// What was read can be written in each form and reads back the same.
fn check(mut value: serde_json::Value, node: &Node) {
    tree::normalise(&mut value, node);
    let text = json::encode(&value, node);
    let mut again = json::decode(&text, node).expect("what was written is well formed").value;
    tree::normalise(&mut again, node);
    assert_eq!(json::encode(&again, node), text);
    let written = yaml::encode(&value);
    assert!(yaml::decode(&written, node).is_ok(), "{}", String::from_utf8_lossy(&written));
    let message = protobuf::encode(&value, node).expect("what was read fits");
    let mut back = protobuf::decode(&message, node).expect("what was written is well formed");
    tree::normalise(&mut back, node);
}

#[test]
fn changed_json_is_answered() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let pieces: [&[u8]; 14] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b",",
        b":",
        b"null",
        b"-1e5",
        b"\\u",
        b"\\ud800",
        b"\xff",
        b"{\"a\":[{}]}",
        b"1.5",
    ];
    let mut read = 0;
    for (node, document) in seeds() {
        for _ in 0..ROUNDS {
            let changed = random.change(document.as_bytes(), &pieces);
            let _ = json::decode_any(&changed);
            if let Ok(decoded) = json::decode(&changed, node) {
                read += 1;
                check(decoded.value, node);
            }
        }
    }
    assert!(read > ROUNDS / 10, "only {read} documents could be read: the changes are too wild to test anything");
}

#[test]
fn changed_yaml_is_answered() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let pieces: [&[u8]; 16] = [
        b"\n", b"  ", b"- ", b": ", b"&a ", b"*a", b"<<: ", b"|\n", b">-\n", b"{", b"]", b"'", b"\"", b"---\n", b"? ",
        b"!!int ",
    ];
    let mut read = 0;
    for (node, document) in seeds() {
        let value = json::decode(document.as_bytes(), node).expect("well formed").value;
        let document = yaml::encode(&value);
        for _ in 0..ROUNDS {
            let changed = random.change(&document, &pieces);
            if let Ok(decoded) = yaml::decode(&changed, node) {
                read += 1;
                check(decoded.value, node);
            }
        }
    }
    assert!(read > ROUNDS / 10, "only {read} documents could be read");
}

#[test]
fn changed_protobuf_is_answered() {
    let mut random = Random(0xd1b5_4a32_d192_ed03);
    let pieces: [&[u8]; 6] = [b"\x0a", b"\xff\xff\xff\xff\x7f", b"\x00", b"\x0b", b"\x12\x02\x0a\x00", b"\x80"];
    let mut read = 0;
    for (node, document) in seeds() {
        let value = json::decode(document.as_bytes(), node).expect("well formed").value;
        let message = protobuf::encode(&value, node).expect("fits");
        for _ in 0..ROUNDS {
            let changed = random.change(&message, &pieces);
            if let Ok(value) = protobuf::decode(&changed, node) {
                read += 1;
                let _ = json::encode(&value, node);
            }
            let body = random.change(&protobuf::encode_object(&value, node).expect("typed"), &pieces);
            let _ = protobuf::decode_object(&body, |_| Some(node));
        }
    }
    assert!(read > ROUNDS / 20, "only {read} messages could be read");
}
