//! What definitions and fields are for, in k8s-openapi's words, as the build script has collected them.
//!
//! The texts are unpacked when a document is first made. The script tells their form. What it has no texts for (lists,
//! options, kinds' common fields) gets a few words of ours.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::GzDecoder;

static TEXTS: LazyLock<HashMap<String, Definition>> = LazyLock::new(read);

/// A definition's texts.
struct Definition {
    own: String,
    fields: HashMap<String, String>,
}

/// The description of a definition.
pub(super) fn of_type(definition: &str) -> Option<String> {
    if let Some(found) = TEXTS.get(definition).filter(|found| !found.own.is_empty()) {
        return Some(found.own.clone());
    }
    let (_, name) = definition.rsplit_once('.')?;
    let kind = name.strip_suffix("List").filter(|kind| !kind.is_empty())?;
    Some(format!("{name} is a list of objects of kind {kind}."))
}

/// The description of a definition's field.
pub(super) fn of_field(definition: &str, field: &str) -> Option<&'static str> {
    let found = TEXTS.get(definition).and_then(|found| found.fields.get(field)).filter(|text| !text.is_empty());
    found.map(String::as_str).or_else(|| common(definition, field))
}

/// What is said of fields that many kinds have and that have no text of their own.
fn common(definition: &str, field: &str) -> Option<&'static str> {
    match field {
        "apiVersion" => Some("The group and version of the object's form."),
        "kind" => Some("What kind of object it is."),
        "metadata" if definition.ends_with("List") => Some("The list's own metadata."),
        "metadata" => Some("The object's metadata."),
        "items" if definition.ends_with("List") => Some("The objects."),
        _ => None,
    }
}

fn read() -> HashMap<String, Definition> {
    let packed: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptions.gz"));
    let mut text = String::new();
    GzDecoder::new(packed).read_to_string(&mut text).expect("the build script has packed text");
    let mut found = HashMap::new();
    let mut last = None;
    for line in text.lines() {
        let Some((name, text)) = line.split_once('\t') else { continue };
        let text: String = serde_json::from_str(text).expect("the build script has written JSON");
        match name.strip_prefix(' ') {
            None => {
                let definition = Definition { own: text, fields: HashMap::new() };
                last = Some(found.entry(name.to_owned()).insert_entry(definition).into_mut());
            }
            Some(field) => {
                if let Some(definition) = &mut last {
                    definition.fields.insert(field.to_owned(), text);
                }
            }
        }
    }
    found
}
