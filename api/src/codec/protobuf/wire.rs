//! The wire format: varints, tags and lengths, read forwards and written backwards.
//!
//! Writing backwards lets a message's length be written after the message, without measuring it first.

use super::error::WireError;

/// Wire types.
pub(super) const VARINT: u8 = 0;
pub(super) const FIXED64: u8 = 1;
pub(super) const BYTES: u8 = 2;
const START_GROUP: u8 = 3;
const END_GROUP: u8 = 4;
const FIXED32: u8 = 5;

/// How deep groups may stand in each other; upstream's messages have none.
const MAX_GROUPS: usize = 16;

/// A position in a message.
pub(super) struct Wire<'b> {
    bytes: &'b [u8],
}

impl<'b> Wire<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (at, byte) in self.bytes.iter().take(10).enumerate() {
            // The tenth byte has room for one bit; Go drops what is beyond, and so do we.
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.bytes = &self.bytes[at + 1..];
                return Ok(value);
            }
        }
        Err(if self.bytes.len() < 10 { WireError::Truncated } else { WireError::Overflow })
    }

    /// A member's number and wire type.
    pub(super) fn tag(&mut self) -> Result<(u32, u8), WireError> {
        let tag = self.varint()?;
        let (number, wire) = (tag >> 3, (tag & 7) as u8);
        match u32::try_from(number) {
            Ok(number) if number > 0 && wire != END_GROUP && wire <= FIXED32 => Ok((number, wire)),
            _ => Err(WireError::Tag { number, wire }),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'b [u8], WireError> {
        let length = self.varint()?;
        let left = self.bytes.len();
        let taken = usize::try_from(length).ok().and_then(|length| self.bytes.split_at_checked(length));
        let (taken, rest) = taken.ok_or(WireError::Length { length, left })?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn fixed64(&mut self) -> Result<u64, WireError> {
        let (taken, rest) = self.bytes.split_first_chunk::<8>().ok_or(WireError::Truncated)?;
        self.bytes = rest;
        Ok(u64::from_le_bytes(*taken))
    }

    /// Passes over a member that nobody knows.
    pub(super) fn skip(&mut self, wire: u8) -> Result<(), WireError> {
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.bytes().map(drop),
            START_GROUP => self.skip_group(),
            _ => {
                self.bytes = self.bytes.get(4..).ok_or(WireError::Truncated)?;
                Ok(())
            }
        }
    }

    fn skip_group(&mut self) -> Result<(), WireError> {
        let mut depth = 1;
        while depth > 0 {
            let tag = self.varint()?;
            match (tag & 7) as u8 {
                START_GROUP if depth == MAX_GROUPS => return Err(WireError::Depth),
                START_GROUP => depth += 1,
                END_GROUP => depth -= 1,
                wire @ 6.. => return Err(WireError::Tag { number: tag >> 3, wire }),
                wire => self.skip(wire)?,
            }
        }
        Ok(())
    }
}

/// Fails unless a member has the wire type that it should have.
pub(super) fn expect(found: u8, expected: u8) -> Result<(), WireError> {
    if found == expected { Ok(()) } else { Err(WireError::WireType { found, expected }) }
}

/// A buffer that grows at its front.
pub(super) struct Back {
    buffer: Vec<u8>,
    /// Where the written bytes begin.
    start: usize,
}

impl Back {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; 1024], start: 1024 }
    }

    /// How many bytes are written.
    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        if self.start < bytes.len() {
            let written = self.len();
            let size = (self.buffer.len() * 2).max(written + bytes.len());
            let mut buffer = vec![0; size];
            buffer[size - written..].copy_from_slice(&self.buffer[self.start..]);
            self.start = size - written;
            self.buffer = buffer;
        }
        let end = self.start;
        self.start -= bytes.len();
        self.buffer[self.start..end].copy_from_slice(bytes);
    }

    pub(super) fn varint(&mut self, mut value: u64) {
        let mut bytes = [0; 10];
        let mut length = 0;
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            bytes[length] = if value == 0 { low } else { low | 0x80 };
            length += 1;
            if value == 0 {
                break;
            }
        }
        self.put(&bytes[..length]);
    }

    pub(super) fn tag(&mut self, number: u32, wire: u8) {
        self.varint(u64::from(number) << 3 | u64::from(wire));
    }

    /// A string or bytes as a member.
    pub(super) fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.put(bytes);
        self.varint(bytes.len() as u64);
        self.tag(number, BYTES);
    }

    pub(super) fn number(&mut self, number: u32, value: u64) {
        self.varint(value);
        self.tag(number, VARINT);
    }

    /// Closes a message that began (at its end) when [`Back::len`] was `mark`.
    pub(super) fn close(&mut self, number: u32, mark: usize) {
        self.varint((self.len() - mark) as u64);
        self.tag(number, BYTES);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.buffer.split_off(self.start)
    }
}
