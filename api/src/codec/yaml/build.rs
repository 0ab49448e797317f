//! The first YAML document as JSON.
//!
//! Events come from the parser one by one; open collections stand on a stack of our own, so that depth costs no stack.
//! An alias copies what its anchor holds; copies are counted like everything else.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Value};

use super::problem::syntax;
use super::resolve::{Resolved, float_value, resolve};
use crate::codec::{MAX_DEPTH, MAX_VALUES};
use crate::go::{decode_base64, quote};

/// How many bytes of text and values aliases may copy.
const MAX_COPIED: usize = 16 << 20;

/// Why a document is not YAML or has no form in JSON. Display is in upstream's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// The syntax is broken.
    #[error("yaml: {}{problem}", if *.line > 0 { format!("line {line}: ") } else { String::new() })]
    Syntax {
        /// The line as upstream names it; zero where it names none.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The bytes are not UTF-8.
    #[error("yaml: control characters are not allowed or the text is not UTF-8")]
    Encoding,
    /// Collections stand in each other too deep.
    #[error("yaml: exceeded max depth of {MAX_DEPTH}")]
    Depth,
    /// There are too many values, or aliases copy too much.
    #[error("yaml: document contains excessive aliasing")]
    Size,
    /// An alias refers to a collection that it stands in.
    #[error("yaml: anchor value contains itself")]
    Recursive,
    /// A scalar is not what its tag says.
    #[error("yaml: line {line}: cannot decode {} as a {tag}", quote(.text))]
    Tag {
        /// The line, counted from 1.
        line: usize,
        /// The scalar.
        text: String,
        /// The tag.
        tag: String,
    },
    /// A merge key has something else than mappings behind it.
    #[error("yaml: map merge requires map or sequence of maps as the value")]
    Merge,
    /// A key is null, a list or a mapping, which JSON has no form for.
    #[error("yaml: line {line}: unsupported map key: only strings, numbers and booleans can be keys in JSON")]
    Key {
        /// The line, counted from 1.
        line: usize,
    },
    /// A number is infinite or not a number, which JSON has no form for.
    #[error("json: unsupported value: {text}")]
    Number {
        /// Go's text of it.
        text: String,
    },
}

/// A document as JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    /// The value; null for an empty document.
    pub value: Value,
    /// A sentence for each key that stood twice: `line 4: key "x" already set in map`.
    pub duplicates: Vec<String>,
}

/// Reads the first document of a YAML text.
///
/// # Errors
/// [`YamlError`]: the text is not YAML, goes beyond a bound, or has no form in JSON.
pub fn to_json(text: &[u8]) -> Result<Read, YamlError> {
    let text = std::str::from_utf8(text).map_err(|_| YamlError::Encoding)?;
    let mut parser = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    // A block scalar that ends with the text has no line break there, which YAML 1.2 would add.
    let open_end = if text.ends_with('\n') { usize::MAX } else { text.chars().count() };
    let mut builder = Builder { open_end, ..Builder::default() };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        if builder.event(event, span)? {
            break;
        }
    }
    Ok(Read { value: builder.done.unwrap_or_default(), duplicates: builder.duplicates })
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    done: Option<Value>,
    duplicates: Vec<String>,
    values: usize,
    copied: usize,
    /// Where a text without a line break at its end ends, in characters.
    open_end: usize,
}

/// What an anchor holds; nothing while it is still open.
struct Anchored {
    node: Option<Item>,
    values: usize,
    bytes: usize,
    depth: usize,
}

/// A collection that is not closed yet.
struct Open {
    anchor: usize,
    line: usize,
    of: Collection,
}

enum Collection {
    List(Vec<Value>),
    Map { map: Map<String, Value>, key: Option<Key> },
}

enum Key {
    /// The key, as sentences show it, and its line.
    Name(String, String, usize),
    Merge,
}

/// A value, with what it needs in order to be a key.
#[derive(Clone)]
struct Item {
    value: Value,
    /// Its text as a key, and as Go shows a key in sentences.
    key: Option<(String, String)>,
    is_merge: bool,
    /// Whether it is a block scalar, whose header stands a line before it.
    is_block: bool,
}

impl Builder {
    /// Takes an event; whether the document is complete.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<bool, YamlError> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let is_cut = is_block && span.end.index() >= self.open_end;
                let text = if is_cut { text.strip_suffix('\n').unwrap_or(&text) } else { &text };
                let item = Item { is_block, ..scalar(text, style, tag.as_deref(), line)? };
                self.count(1)?;
                if anchor > 0 {
                    let bytes = text.len() + 64;
                    self.anchors.insert(anchor, Anchored { node: Some(item.clone()), values: 1, bytes, depth: 0 });
                }
                self.put(item, line)?;
            }
            Event::Alias(anchor) => {
                let of = self.anchors.get(&anchor).ok_or(YamlError::Recursive)?;
                let (item, values) = (of.node.clone().ok_or(YamlError::Recursive)?, of.values);
                if self.open.len() + of.depth > MAX_DEPTH {
                    return Err(YamlError::Depth);
                }
                self.copied += of.bytes;
                if self.copied > MAX_COPIED {
                    return Err(YamlError::Size);
                }
                self.count(values)?;
                self.put(item, line)?;
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, line, Collection::List(Vec::new()))?,
            Event::MappingStart(anchor, _) => {
                self.open(anchor, line, Collection::Map { map: Map::new(), key: None })?
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::DocumentEnd => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn count(&mut self, values: usize) -> Result<(), YamlError> {
        self.values += values;
        if self.values > MAX_VALUES { Err(YamlError::Size) } else { Ok(()) }
    }

    fn open(&mut self, anchor: usize, line: usize, of: Collection) -> Result<(), YamlError> {
        self.count(1)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(YamlError::Depth);
        }
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: None, values: 0, bytes: 0, depth: 0 });
        }
        self.open.push(Open { anchor, line, of });
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.of {
            Collection::List(list) => Value::Array(list),
            Collection::Map { map, .. } => Value::Object(map),
        };
        let item = Item { value, key: None, is_merge: false, is_block: false };
        if open.anchor > 0 {
            let (values, bytes) = size(&item.value);
            let anchored = Anchored { node: Some(item.clone()), values, bytes, depth: depth(&item.value) };
            self.anchors.insert(open.anchor, anchored);
            // The copy kept for aliases counts as well.
            self.copied += bytes;
            if self.copied > MAX_COPIED {
                return Err(YamlError::Size);
            }
        }
        self.put(item, open.line)
    }

    /// Puts a value where it belongs: into the innermost open collection, or at the top.
    fn put(&mut self, item: Item, line: usize) -> Result<(), YamlError> {
        let Some(open) = self.open.last_mut() else {
            self.done = Some(item.value);
            return Ok(());
        };
        let (map, slot) = match &mut open.of {
            Collection::List(list) => {
                list.push(item.value);
                return Ok(());
            }
            Collection::Map { map, key } => (map, key),
        };
        match slot.take() {
            None if item.is_merge => *slot = Some(Key::Merge),
            None => {
                let (name, shown) = item.key.ok_or(YamlError::Key { line })?;
                *slot = Some(Key::Name(name, shown, line));
            }
            Some(Key::Merge) => merge(map, item.value)?,
            Some(Key::Name(name, shown, key_line)) => {
                if map.insert(name, item.value).is_some() {
                    let line = if item.is_block { key_line } else { line };
                    self.duplicates.push(format!("line {line}: key {shown} already set in map"));
                }
            }
        }
        Ok(())
    }
}

/// `<<`: what the mappings behind it hold is set here.
fn merge(map: &mut Map<String, Value>, value: Value) -> Result<(), YamlError> {
    match value {
        Value::Object(entries) => map.extend(entries),
        Value::Array(list) => {
            // The first of several wins.
            for value in list.into_iter().rev() {
                let Value::Object(entries) = value else { return Err(YamlError::Merge) };
                map.extend(entries);
            }
        }
        _ => return Err(YamlError::Merge),
    }
    Ok(())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<Item, YamlError> {
    let is_plain = style == ScalarStyle::Plain;
    let name = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
    let resolved = match name.as_deref() {
        None if is_plain => resolve(text),
        None | Some("!" | "tag:yaml.org,2002:str" | "tag:yaml.org,2002:timestamp") => Resolved::Text,
        Some("tag:yaml.org,2002:binary") => {
            let bytes = decode_base64(text).map_err(|_| mistagged(text, "!!binary", line))?;
            return Ok(string(&String::from_utf8_lossy(&bytes)));
        }
        Some(name) => tagged(text, name, line)?,
    };
    let plain =
        |value: Value, text: String| Item { value, key: Some((text.clone(), text)), is_merge: false, is_block: false };
    Ok(match resolved {
        Resolved::Text => string(text),
        Resolved::Merge => Item { is_merge: true, ..string(text) },
        Resolved::Null => Item { value: Value::Null, key: None, is_merge: false, is_block: false },
        Resolved::Bool(value) => plain(Value::from(value), value.to_string()),
        Resolved::Int(value) => plain(Value::from(value), value.to_string()),
        Resolved::Uint(value) => plain(Value::from(value), value.to_string()),
        Resolved::Float(value) => {
            let text = if value.is_nan() { "NaN".to_owned() } else { format!("{value:+}").to_uppercase() };
            let text = text.replace("INF", "Inf");
            let value = float_value(value).ok_or(YamlError::Number { text })?;
            let text = value.to_string();
            plain(value, text)
        }
    })
}

/// A scalar with a tag of YAML's own must be what the tag says; other tags are left alone.
fn tagged(text: &str, name: &str, line: usize) -> Result<Resolved, YamlError> {
    let resolved = resolve(text);
    let fits = match name.strip_prefix("tag:yaml.org,2002:") {
        Some("int") => matches!(resolved, Resolved::Int(_) | Resolved::Uint(_)),
        Some("float") => matches!(resolved, Resolved::Int(_) | Resolved::Uint(_) | Resolved::Float(_)),
        Some("bool") => matches!(resolved, Resolved::Bool(_)),
        Some("null") => resolved == Resolved::Null,
        _ => return Ok(Resolved::Text),
    };
    let short = name.replace("tag:yaml.org,2002:", "!!");
    if fits { Ok(resolved) } else { Err(mistagged(text, &short, line)) }
}

fn mistagged(text: &str, tag: &str, line: usize) -> YamlError {
    YamlError::Tag { line, text: text.to_owned(), tag: tag.to_owned() }
}

fn string(text: &str) -> Item {
    Item { value: Value::from(text), key: Some((text.to_owned(), quote(text))), is_merge: false, is_block: false }
}

/// How many values a tree has, and roughly how many bytes it takes.
fn size(value: &Value) -> (usize, usize) {
    let own = (1, 64);
    let add = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
    match value {
        Value::String(text) => (1, 64 + text.len()),
        Value::Array(list) => list.iter().map(size).fold(own, add),
        Value::Object(map) => map.iter().map(|(key, value)| add((0, key.len() + 64), size(value))).fold(own, add),
        _ => own,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
