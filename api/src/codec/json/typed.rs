//! What each scalar type takes, as Go's decoder and the types' own decoders have it.

use serde_json::{Number, Value};

use super::error::DecodeError;
use super::read::{Reader, Stop};
use super::scan::{Next, Start};
use crate::go::{decode_base64, encode_base64};
use crate::quantity::{self, QuantityError};
use crate::schema::{Node, Scalar};
use crate::time::{Layout, Time, parse_duration};

impl<'s> Reader<'s, '_> {
    /// A scalar, behind its beginning.
    pub(super) fn scalar(&mut self, scalar: Scalar, node: &'s Node, start: Start) -> Result<Value, Stop> {
        match (scalar, start) {
            (Scalar::String, Start::String) => Ok(Value::String(self.scanner.string()?.into_owned())),
            (Scalar::Bool, Start::True | Start::False) => self.boolean(start),
            (Scalar::Int32 | Scalar::Int64 | Scalar::Float64, Start::Number) => {
                let text = self.scanner.number()?;
                Ok(self.number(scalar, text))
            }
            (Scalar::Bytes, Start::String) => {
                let text = self.scanner.string()?;
                if let Err(error) = decode_base64(&text) {
                    self.save(error.into());
                }
                Ok(Value::String(text.into_owned()))
            }
            (Scalar::Bytes, Start::List) => self.byte_list(),
            (Scalar::Quantity, start) => self.quantity(start),
            (Scalar::Time | Scalar::MicroTime | Scalar::Duration, Start::String) => {
                let text = self.scanner.string()?.into_owned();
                let checked = match scalar {
                    Scalar::Time => Time::parse(&text, Layout::Seconds).map(drop).map_err(DecodeError::from),
                    Scalar::MicroTime => Time::parse(&text, Layout::Micros).map(drop).map_err(DecodeError::from),
                    _ => parse_duration(&text).map(drop).ok_or_else(|| DecodeError::Duration(text.clone())),
                };
                checked.map_err(|error| Stop::Value(Box::new(error)))?;
                Ok(Value::String(text))
            }
            // Their own decoders ask for a string, and reading ends there.
            (Scalar::Time | Scalar::MicroTime | Scalar::Duration, start) => self.refuse(start, "string".to_owned()),
            (Scalar::IntOrString, Start::String) => Ok(Value::String(self.scanner.string()?.into_owned())),
            (Scalar::IntOrString, Start::Number) => {
                let text = self.scanner.number()?;
                let value = text.parse::<i32>();
                let error = || self.path.type_error(format!("number {text}"), "int32".to_owned());
                Ok(Value::from(value.map_err(|_| Stop::Value(Box::new(error().into())))?))
            }
            (Scalar::IntOrString, start) => self.refuse(start, "int32".to_owned()),
            (_, start) => self.mismatch(start, node),
        }
    }

    fn number(&mut self, scalar: Scalar, text: &str) -> Value {
        let value = match scalar {
            Scalar::Int32 => text.parse::<i32>().ok().map(Value::from),
            Scalar::Int64 => text.parse::<i64>().ok().map(Value::from),
            _ => finite(text),
        };
        value.unwrap_or_else(|| {
            let error = self.path.type_error(format!("number {text}"), scalar.go_type().to_owned());
            self.save(error.into());
            Value::Null
        })
    }

    /// Bytes as a list of numbers, which Go takes for them as well.
    fn byte_list(&mut self) -> Result<Value, Stop> {
        let mut bytes = Vec::new();
        let mut next = self.scanner.first_element()?;
        while next == Next::More {
            let start = self.scanner.start()?;
            let mut found = name(start).to_owned();
            let byte = match start {
                Start::Number => {
                    let text = self.scanner.number()?;
                    found = format!("number {text}");
                    text.parse::<u8>().ok()
                }
                start => {
                    self.scanner.skip(start)?;
                    (start == Start::Null).then_some(0)
                }
            };
            if byte.is_none() {
                let error = self.path.type_error(found, "uint8".to_owned());
                self.save(error.into());
            }
            bytes.extend(byte);
            next = self.scanner.next_element()?;
        }
        Ok(Value::String(encode_base64(&bytes)))
    }

    /// A number without a type: an integer where it is one and fits, else a float.
    pub(super) fn any_number(&mut self, text: &str) -> Value {
        let integer = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
        integer.ok().or_else(|| finite(text)).unwrap_or_else(|| {
            let error = self.path.type_error(format!("number {text}"), "float64".to_owned());
            self.save(error.into());
            Value::Null
        })
    }

    fn quantity(&mut self, start: Start) -> Result<Value, Stop> {
        let stop = |error: QuantityError| Stop::Value(Box::new(error.into()));
        let text = match start {
            Start::String => self.scanner.string()?.into_owned(),
            Start::Number => {
                let text = self.scanner.number()?;
                // Kept as text: a float would lose digits.
                quantity::canonical(text).map_err(stop)?;
                return Ok(Value::String(text.to_owned()));
            }
            start => {
                self.scanner.skip(start)?;
                return Err(stop(QuantityError::Format));
            }
        };
        quantity::canonical(&text).map_err(stop)?;
        Ok(Value::String(text))
    }

    /// Remembers that a value doesn't fit, passes over it, and goes on.
    pub(super) fn mismatch(&mut self, start: Start, node: &Node) -> Result<Value, Stop> {
        let error = self.path.type_error(name(start).to_owned(), node.go_type());
        self.save(error.into());
        self.scanner.skip(start)?;
        Ok(Value::Null)
    }

    /// A value that doesn't fit, where Go ends reading.
    pub(super) fn refuse(&mut self, start: Start, expected: String) -> Result<Value, Stop> {
        let error = self.path.type_error(name(start).to_owned(), expected);
        self.scanner.skip(start)?;
        Err(Stop::Value(Box::new(error.into())))
    }

    fn save(&mut self, error: DecodeError) {
        self.error.get_or_insert(error);
    }
}

fn finite(text: &str) -> Option<Value> {
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

fn name(start: Start) -> &'static str {
    match start {
        Start::Object => "object",
        Start::List => "array",
        Start::String => "string",
        Start::Number => "number",
        Start::True | Start::False => "bool",
        Start::Null => "null",
    }
}
