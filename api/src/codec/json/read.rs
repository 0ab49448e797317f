//! The reader: one pass over the text, guided by the schema. What each scalar takes is in `typed.rs`.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::{DecodeError, StrictError, SyntaxError};
use super::path::{Path, Step};
use super::scan::{Next, Scanner, Start};
use crate::schema::{Either, Node, Raw, Shape, Struct, StructRef};

/// At most so many findings are kept, as upstream does.
const MAX_FINDINGS: usize = 100;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object, without unknown fields unless the schema preserves them; of a field that stood twice, what came
    /// later.
    pub value: Value,
    /// What strict field validation objects to, in the document's order.
    pub strict: Vec<StrictError>,
}

/// Reads JSON text as what `node` describes.
///
/// # Errors
/// [`DecodeError`]: the text is not JSON, or a value doesn't fit. Syntax errors come before all others, wherever they
/// are in the text.
pub fn decode(text: &[u8], node: &Node) -> Result<Decoded, DecodeError> {
    let mut reader = Reader::new(text);
    match reader.document(node) {
        Ok(value) => match reader.error {
            Some(error) => Err(error),
            None => Ok(Decoded { value, strict: reader.findings }),
        },
        Err(Stop::Syntax(error)) => Err(error.into()),
        Err(Stop::Value(error)) => {
            Scanner::validate(text)?;
            Err(*error)
        }
    }
}

/// Reads JSON text without a schema: patches, custom resources before their schema is known. Duplicate fields are
/// found.
///
/// # Errors
/// [`DecodeError`]: the text is not JSON, or a number is too large for a float.
pub fn decode_any(text: &[u8]) -> Result<Decoded, DecodeError> {
    decode(text, &Node::new(Shape::Raw(Raw::Any)))
}

/// Why reading stops at once.
pub(super) enum Stop {
    Syntax(SyntaxError),
    /// A value that Go's own decoder of the type refuses.
    Value(Box<DecodeError>),
}

impl From<SyntaxError> for Stop {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

pub(super) struct Reader<'s, 't> {
    pub(super) scanner: Scanner<'t>,
    pub(super) path: Path<'s, 't>,
    /// The first value that doesn't fit.
    pub(super) error: Option<DecodeError>,
    findings: Vec<StrictError>,
    seen: HashSet<StrictError>,
    /// Above zero where strict validation doesn't look.
    quiet: usize,
}

impl<'s, 't> Reader<'s, 't> {
    fn new(text: &'t [u8]) -> Self {
        Self {
            scanner: Scanner::new(text),
            path: Path::default(),
            error: None,
            findings: Vec::new(),
            seen: HashSet::new(),
            quiet: 0,
        }
    }

    fn document(&mut self, node: &'s Node) -> Result<Value, Stop> {
        let value = self.value(node)?;
        self.scanner.finish()?;
        Ok(value)
    }

    fn value(&mut self, node: &'s Node) -> Result<Value, Stop> {
        let start = self.scanner.start()?;
        if start == Start::Null {
            self.scanner.literal("null")?;
            return Ok(Value::Null);
        }
        match (&node.shape, start) {
            (Shape::Struct(of), Start::Object) => self.structure(of.get(), preserves(node)),
            (Shape::Map(map), Start::Object) => self.map(&map.value),
            (Shape::List(list), Start::List) => self.list(&list.element),
            (Shape::Raw(raw), start) => {
                self.quiet += usize::from(*raw != Raw::Any);
                let value = self.any(start);
                self.quiet -= usize::from(*raw != Raw::Any);
                value
            }
            (Shape::Either(either), start) => {
                // Go reads on in a decoder of its own, whose first error ends everything.
                let before = self.error.take();
                self.quiet += 1;
                let value = self.either(either, start)?;
                self.quiet -= 1;
                match self.error.take() {
                    Some(error) => return Err(Stop::Value(Box::new(error))),
                    None => self.error = before,
                }
                Ok(value)
            }
            (Shape::Scalar(scalar), start) => self.scalar(*scalar, node, start),
            (_, start) => self.mismatch(start, node),
        }
    }

    fn structure(&mut self, of: &'s Struct, preserve: bool) -> Result<Value, Stop> {
        let mut map = Map::new();
        let mut next = self.scanner.first_field()?;
        while next == Next::More {
            let key = self.scanner.key()?;
            if let Some(field) = of.field(&key) {
                let twice = map.contains_key(&*key);
                if twice {
                    self.find(StrictError::Duplicate, &key);
                }
                self.path.push(Step::Field(of, field));
                let value = self.value(&field.node)?;
                self.path.pop();
                match map.get_mut(&*key) {
                    Some(before) => merge(before, value, &field.node),
                    None => drop(map.insert(key.into_owned(), value)),
                }
            } else if preserve {
                if map.contains_key(&*key) {
                    self.find(StrictError::Duplicate, &key);
                }
                self.path.push(Step::Key(key.clone()));
                let start = self.scanner.start()?;
                let value = self.any(start)?;
                self.path.pop();
                map.insert(key.into_owned(), value);
            } else {
                self.find(StrictError::Unknown, &key);
                self.scanner.skip_value()?;
            }
            next = self.scanner.next_field()?;
        }
        Ok(Value::Object(map))
    }

    fn map(&mut self, node: &'s Node) -> Result<Value, Stop> {
        let mut map = Map::new();
        let mut next = self.scanner.first_field()?;
        while next == Next::More {
            let key = self.scanner.key()?;
            if map.contains_key(&*key) {
                self.find(StrictError::Duplicate, &key);
            }
            self.path.push(Step::Key(key.clone()));
            let value = self.value(node)?;
            self.path.pop();
            map.insert(key.into_owned(), value);
            next = self.scanner.next_field()?;
        }
        Ok(Value::Object(map))
    }

    fn list(&mut self, node: &'s Node) -> Result<Value, Stop> {
        let mut list = Vec::new();
        let mut next = self.scanner.first_element()?;
        while next == Next::More {
            self.path.push(Step::Index(list.len()));
            list.push(self.value(node)?);
            self.path.pop();
            next = self.scanner.next_element()?;
        }
        Ok(Value::Array(list))
    }

    /// Any value, behind its beginning.
    fn any(&mut self, start: Start) -> Result<Value, Stop> {
        match start {
            Start::String => Ok(Value::String(self.scanner.string()?.into_owned())),
            Start::Number => {
                let text = self.scanner.number()?;
                Ok(self.any_number(text))
            }
            Start::True | Start::False => self.boolean(start),
            Start::Null => {
                self.scanner.literal("null")?;
                Ok(Value::Null)
            }
            Start::Object => {
                let mut map = Map::new();
                let mut next = self.scanner.first_field()?;
                while next == Next::More {
                    let key = self.scanner.key()?;
                    if self.quiet == 0 && map.contains_key(&*key) {
                        self.find(StrictError::Duplicate, &key);
                    }
                    self.path.push(Step::Key(key.clone()));
                    let start = self.scanner.start()?;
                    let value = self.any(start)?;
                    self.path.pop();
                    map.insert(key.into_owned(), value);
                    next = self.scanner.next_field()?;
                }
                Ok(Value::Object(map))
            }
            Start::List => {
                let mut list = Vec::new();
                let mut next = self.scanner.first_element()?;
                while next == Next::More {
                    self.path.push(Step::Index(list.len()));
                    let start = self.scanner.start()?;
                    list.push(self.any(start)?);
                    self.path.pop();
                    next = self.scanner.next_element()?;
                }
                Ok(Value::Array(list))
            }
        }
    }

    fn either(&mut self, either: &'s Either, start: Start) -> Result<Value, Stop> {
        let (Either::SchemaOrBool(of) | Either::SchemaOrArray(of) | Either::SchemaOrStrings(of)) = either;
        match (either, start) {
            (_, Start::Object) => self.structure(of.get(), false),
            (Either::SchemaOrBool(_), Start::True | Start::False) => self.boolean(start),
            (Either::SchemaOrBool(_), start) => {
                self.scanner.skip(start)?;
                Err(Stop::Value(Box::new(DecodeError::SchemaOrBool)))
            }
            (Either::SchemaOrArray(_), Start::List) => self.schemas(of),
            (Either::SchemaOrStrings(_), Start::List) => self.strings(),
            // Go takes anything else for nothing.
            (_, start) => {
                self.scanner.skip(start)?;
                Ok(Value::Null)
            }
        }
    }

    fn schemas(&mut self, of: &'s StructRef) -> Result<Value, Stop> {
        let mut list = Vec::new();
        let mut next = self.scanner.first_element()?;
        while next == Next::More {
            list.push(match self.scanner.start()? {
                Start::Object => self.structure(of.get(), false)?,
                Start::Null => {
                    self.scanner.literal("null")?;
                    Value::Null
                }
                start => self.refuse(start, of.get().go_type())?,
            });
            next = self.scanner.next_element()?;
        }
        Ok(Value::Array(list))
    }

    fn strings(&mut self) -> Result<Value, Stop> {
        let mut list = Vec::new();
        let mut next = self.scanner.first_element()?;
        while next == Next::More {
            list.push(match self.scanner.start()? {
                Start::String => Value::String(self.scanner.string()?.into_owned()),
                Start::Null => {
                    self.scanner.literal("null")?;
                    Value::Null
                }
                start => self.refuse(start, "string".to_owned())?,
            });
            next = self.scanner.next_element()?;
        }
        Ok(Value::Array(list))
    }

    pub(super) fn boolean(&mut self, start: Start) -> Result<Value, Stop> {
        let value = start == Start::True;
        self.scanner.literal(if value { "true" } else { "false" })?;
        Ok(Value::Bool(value))
    }

    fn find(&mut self, kind: fn(String) -> StrictError, field: &str) {
        if self.quiet > 0 || self.findings.len() >= MAX_FINDINGS {
            return;
        }
        let finding = kind(self.path.with(field));
        if self.seen.insert(finding.clone()) {
            self.findings.push(finding);
        }
    }
}

/// Whether fields that the schema doesn't have are kept.
fn preserves(node: &Node) -> bool {
    node.extension.as_ref().is_some_and(|extension| extension.preserve_unknown)
}

/// A field stands twice: Go decodes the later one into the earlier one, so that structs and maps merge.
fn merge(before: &mut Value, value: Value, node: &Node) {
    match (&node.shape, before, value) {
        (Shape::Struct(_) | Shape::Map(_), Value::Object(before), Value::Object(value)) => {
            for (key, value) in value {
                match (before.get_mut(&key), node.child(&key)) {
                    (Some(before), Some(child)) if matches!(node.shape, Shape::Struct(_)) => {
                        merge(before, value, child)
                    }
                    _ => drop(before.insert(key, value)),
                }
            }
        }
        // Null into what is not a pointer, list or map changes nothing.
        (Shape::Struct(_) | Shape::Scalar(_), _, Value::Null) if !node.pointer => {}
        (_, before, value) => *before = value,
    }
}
