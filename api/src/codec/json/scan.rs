//! The scanner: tokens of JSON text, with the sentences of Go's scanner where the text is none.

use std::borrow::Cow;

use super::error::SyntaxError;
use crate::codec::{MAX_DEPTH, MAX_VALUES};
use crate::go::quote;

/// A position in a JSON text.
pub(super) struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    values: usize,
}

/// What a value begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Object,
    List,
    String,
    Number,
    True,
    False,
    Null,
}

/// What follows an element or a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    More,
    End,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, values: 0 }
    }

    /// Reads one value and nothing behind it, for its syntax alone.
    pub(super) fn validate(bytes: &'t [u8]) -> Result<(), SyntaxError> {
        let mut scanner = Self::new(bytes);
        scanner.skip_value()?;
        scanner.finish()
    }

    /// The beginning of a value. The character of an object, list or string is taken; the others stay.
    pub(super) fn start(&mut self) -> Result<Start, SyntaxError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.refuse(format!("the document has more than {MAX_VALUES} values")));
        }
        let start = match self.peek()? {
            b'{' => Start::Object,
            b'[' => Start::List,
            b'"' => Start::String,
            b'-' | b'0'..=b'9' => return Ok(Start::Number),
            b't' => return Ok(Start::True),
            b'f' => return Ok(Start::False),
            b'n' => return Ok(Start::Null),
            byte => return Err(self.unexpected(byte, "looking for beginning of value")),
        };
        if start != Start::String {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.unexpected(self.bytes[self.at], "exceeded max depth"));
            }
        }
        self.at += 1;
        Ok(start)
    }

    /// Behind `{`: whether a field follows.
    pub(super) fn first_field(&mut self) -> Result<Next, SyntaxError> {
        self.first(b'}')
    }

    /// Behind `[`: whether an element follows.
    pub(super) fn first_element(&mut self) -> Result<Next, SyntaxError> {
        self.first(b']')
    }

    fn first(&mut self, end: u8) -> Result<Next, SyntaxError> {
        if self.peek()? == end {
            self.at += 1;
            self.depth -= 1;
            return Ok(Next::End);
        }
        Ok(Next::More)
    }

    /// Behind a field.
    pub(super) fn next_field(&mut self) -> Result<Next, SyntaxError> {
        self.next(b'}', "after object key:value pair")
    }

    /// Behind an element.
    pub(super) fn next_element(&mut self) -> Result<Next, SyntaxError> {
        self.next(b']', "after array element")
    }

    fn next(&mut self, end: u8, context: &str) -> Result<Next, SyntaxError> {
        let byte = self.peek()?;
        if byte != b',' && byte != end {
            return Err(self.unexpected(byte, context));
        }
        self.at += 1;
        if byte == end {
            self.depth -= 1;
            return Ok(Next::End);
        }
        Ok(Next::More)
    }

    /// A field's name and the colon.
    pub(super) fn key(&mut self) -> Result<Cow<'t, str>, SyntaxError> {
        let byte = self.peek()?;
        if byte != b'"' {
            return Err(self.unexpected(byte, "looking for beginning of object key string"));
        }
        self.at += 1;
        let key = self.string()?;
        let byte = self.peek()?;
        if byte != b':' {
            return Err(self.unexpected(byte, "after object key"));
        }
        self.at += 1;
        Ok(key)
    }

    /// The rest of a string, behind its opening quote.
    pub(super) fn string(&mut self) -> Result<Cow<'t, str>, SyntaxError> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
        self.at += plain;
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(text(&rest[..plain]));
        }
        let mut out = text(&rest[..plain]).into_owned();
        loop {
            let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.ended())?;
            self.at += 1;
            match byte {
                b'"' => return Ok(Cow::Owned(out)),
                b'\\' => self.escape(&mut out)?,
                byte @ 0..0x20 => return Err(self.before(byte, "in string literal")),
                _ => {
                    let rest = &self.bytes[self.at - 1..];
                    let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
                    let plain = plain.unwrap_or(rest.len());
                    out.push_str(&text(&rest[..plain]));
                    self.at += plain - 1;
                }
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), SyntaxError> {
        let context = "in string escape code";
        out.push(match self.byte(context)? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex()?;
                self.surrogate(unit)?
            }
            byte => return Err(self.before(byte, context)),
        });
        Ok(())
    }

    /// The character of a UTF-16 unit, with the second half of a pair if it follows; what is no character is U+FFFD.
    fn surrogate(&mut self, unit: u32) -> Result<char, SyntaxError> {
        if (0xd800..0xdc00).contains(&unit) && self.bytes[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let pair = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, SyntaxError> {
        let mut unit = 0;
        for _ in 0..4 {
            let context = "in \\u hexadecimal character escape";
            let byte = self.byte(context)?;
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.before(byte, context));
            };
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    /// A number's text.
    pub(super) fn number(&mut self) -> Result<&'t str, SyntaxError> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(std::str::from_utf8(&self.bytes[start..self.at]).expect("signs, digits, points and letters"))
    }

    fn digits(&mut self, context: &str) -> Result<(), SyntaxError> {
        let byte = self.byte(context)?;
        if !byte.is_ascii_digit() {
            return Err(self.before(byte, context));
        }
        self.at += self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        Ok(())
    }

    /// `true`, `false` or `null`.
    pub(super) fn literal(&mut self, literal: &str) -> Result<(), SyntaxError> {
        for expected in literal.bytes() {
            let found = self.bytes.get(self.at).copied().unwrap_or(b' ');
            if found != expected {
                let context = format!("in literal {literal} (expecting '{}')", char::from(expected));
                return Err(self.unexpected(found, &context));
            }
            self.at += 1;
        }
        Ok(())
    }

    /// Passes over a value, for its syntax alone.
    pub(super) fn skip_value(&mut self) -> Result<(), SyntaxError> {
        let start = self.start()?;
        self.skip(start)
    }

    /// Passes over the rest of a value that begins so.
    pub(super) fn skip(&mut self, start: Start) -> Result<(), SyntaxError> {
        match start {
            Start::String => self.string().map(drop),
            Start::Number => self.number().map(drop),
            Start::True => self.literal("true"),
            Start::False => self.literal("false"),
            Start::Null => self.literal("null"),
            Start::Object => {
                let mut next = self.first_field()?;
                while next == Next::More {
                    self.key()?;
                    self.skip_value()?;
                    next = self.next_field()?;
                }
                Ok(())
            }
            Start::List => {
                let mut next = self.first_element()?;
                while next == Next::More {
                    self.skip_value()?;
                    next = self.next_element()?;
                }
                Ok(())
            }
        }
    }

    /// Behind the document.
    pub(super) fn finish(&mut self) -> Result<(), SyntaxError> {
        self.space();
        match self.bytes.get(self.at) {
            Some(byte) => Err(self.unexpected(*byte, "after top-level value")),
            None => Ok(()),
        }
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Result<u8, SyntaxError> {
        self.space();
        self.bytes.get(self.at).copied().ok_or_else(|| self.ended())
    }

    /// The next byte of a token. Go takes the end of the text for a blank, and names it where none can stand.
    fn byte(&mut self, context: &str) -> Result<u8, SyntaxError> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.unexpected(b' ', context))?;
        self.at += 1;
        Ok(byte)
    }

    fn ended(&self) -> SyntaxError {
        self.refuse("unexpected end of JSON input".to_owned())
    }

    fn before(&mut self, byte: u8, context: &str) -> SyntaxError {
        self.at -= 1;
        self.unexpected(byte, context)
    }

    fn unexpected(&self, byte: u8, context: &str) -> SyntaxError {
        let character = match byte {
            b'\'' => "\\'".to_owned(),
            b'"' => "\"".to_owned(),
            byte => quote(char::from(byte).encode_utf8(&mut [0; 4])).trim_matches('"').to_owned(),
        };
        self.refuse(format!("invalid character '{character}' {context}"))
    }

    fn refuse(&self, message: String) -> SyntaxError {
        SyntaxError { message, offset: self.at }
    }
}

/// Bytes as text; each byte that is not UTF-8 becomes U+FFFD, as in Go.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(out)
}
