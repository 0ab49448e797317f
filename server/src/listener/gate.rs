//! The gate in front of the HTTP/1 parser: it sees every request's head first.
//!
//! A state machine without IO: bytes of the connection go in, bytes for actix-http's parser come out. It follows the
//! framing of the messages (head, body by length, body by chunks) just as strictly as the parser behind it, so that
//! both agree on where a head begins. It does what that parser can't:
//!
//! - An `Upgrade: X` becomes `Upgrade: websocket`, the only protocol for which actix-http hands over the raw stream;
//!   `X` is kept aside ([`Gate::upgrade`]) and from then on everything passes. Since nothing behind an upgrade is
//!   parsed as a request again, what is kept aside always belongs to the connection's last request and can't be forged.
//!   An upgrade that isn't valid (HTTP/1.0, a body, no `Connection: upgrade`) loses its header and is a plain request.
//! - Shapes that smuggle requests past proxies (two lengths, a length and chunks, odd transfer encodings, folded or
//!   malformed lines, no or two hosts) are refused: the parser is given a malformed line and answers 400, after the
//!   answers of the requests before it, and closes.
//!
//! Sources: RFC 9112 sections 2.2, 3.2, 6.1, 6.3, 7.1 and RFC 9110 section 7.8.

use bytes::{Buf, BytesMut};

/// A head longer than this is refused. It is where actix-http's parser gives up too, with 431.
pub(super) const MAX_HEAD_BYTES: usize = 131_072;
/// How many header lines actix-http's parser takes.
const MAX_HEADERS: usize = 96;
/// What no HTTP/1 parser takes for the start of a request.
const MALFORMED: &[u8] = b"\0\r\n\r\n";

/// The state machine. One a connection.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: State,
    heads: usize,
    /// Up to where the waiting head has been searched for its end.
    searched: usize,
    upgrade: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for a whole head.
    #[default]
    Head,
    /// In a body with this many bytes to come.
    Body(u64),
    /// In a chunked body.
    Chunks(Chunk),
    /// Everything passes: an upgraded connection.
    Raw,
    /// Refused: nothing passes any more.
    Closed,
}

/// Where in a chunked body the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data(u64),
    DataCr,
    DataLf,
    EndCr,
    EndLf,
}

/// How a request's body is delimited.
enum Framing {
    Length(u64),
    Chunked,
}

impl Gate {
    /// Moves what may pass from `input` to `output`. What stays in `input` is the beginning of a head.
    pub(super) fn feed(&mut self, input: &mut BytesMut, output: &mut BytesMut) {
        while !input.is_empty() {
            match self.state {
                State::Head => {
                    if !self.feed_head(input, output) {
                        return;
                    }
                }
                State::Body(left) => {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    output.extend_from_slice(&input.split_to(now));
                    let left = left - now as u64;
                    self.state = if left == 0 { State::Head } else { State::Body(left) };
                }
                State::Chunks(chunk) => self.feed_chunks(chunk, input, output),
                State::Raw => output.unsplit(input.split()),
                State::Closed => input.clear(),
            }
        }
    }

    /// The protocol the connection's last request asks for, once that has passed.
    pub(super) fn upgrade(&self) -> Option<&str> {
        self.upgrade.as_deref()
    }

    /// Whether a head that isn't the connection's first one may be under way.
    pub(super) fn awaits_later_head(&self) -> bool {
        self.state == State::Head && self.heads > 0
    }

    /// Whether the gate has refused a request; the connection is to be taken as ended.
    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether everything passes, unseen.
    pub(super) fn is_raw(&self) -> bool {
        self.state == State::Raw
    }

    fn refuse(&mut self, output: &mut BytesMut) {
        output.extend_from_slice(MALFORMED);
        self.state = State::Closed;
    }

    /// Returns whether there may be more to do.
    fn feed_head(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> bool {
        // Empty lines in front of a request don't count (RFC 9112 section 2.2).
        while let [b'\n', ..] | [b'\r', b'\n', ..] = input[..] {
            input.advance(if input[0] == b'\n' { 1 } else { 2 });
            self.searched = 0;
        }
        let Some(end) = self.new_lines(input) else { return self.hold_back(input, output) };
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&input[..end]) {
            Ok(httparse::Status::Partial) => return self.hold_back(input, output),
            Ok(httparse::Status::Complete(length)) => {
                self.searched = 0;
                self.heads += 1;
                match Head::read(&request) {
                    Some(head) => {
                        self.state = head.state;
                        if let Some(rewritten) = head.rewritten {
                            input.advance(length);
                            output.extend_from_slice(&rewritten);
                            self.upgrade = head.upgrade;
                        } else {
                            output.extend_from_slice(&input.split_to(length));
                        }
                    }
                    None => self.refuse(output),
                }
            }
            Err(_) => self.refuse(output),
        }
        true
    }

    /// Waits for the rest of a head; one that grows too large goes on to the parser, which answers 431.
    fn hold_back(&mut self, input: &mut BytesMut, output: &mut BytesMut) -> bool {
        if input.len() >= MAX_HEAD_BYTES {
            output.unsplit(input.split());
            self.state = State::Closed;
        }
        false
    }

    /// The end of the last whole line, if one has come in since the last time. Only whole lines are parsed, and only
    /// when there is a new one, of which a head has a bounded number: so a head that trickles in costs little, and how
    /// it is cut makes no difference.
    fn new_lines(&mut self, input: &BytesMut) -> Option<usize> {
        let last = input[self.searched..].iter().rposition(|byte| *byte == b'\n');
        let end = last.map(|last| self.searched + last + 1);
        self.searched = input.len();
        end
    }

    fn feed_chunks(&mut self, mut chunk: Chunk, input: &mut BytesMut, output: &mut BytesMut) {
        if let Chunk::Data(left) = chunk {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
            output.extend_from_slice(&input.split_to(now));
            let left = left - now as u64;
            chunk = if left == 0 { Chunk::DataCr } else { Chunk::Data(left) };
            self.state = State::Chunks(chunk);
            return;
        }
        let byte = input.get_u8();
        let next = match (chunk, byte) {
            (Chunk::Size { digits, size }, byte) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                Some(Chunk::Size { digits: digits + 1, size: size * 16 + digit })
            }
            (Chunk::Size { digits: 1.., size }, b'\r') => Some(Chunk::SizeLf { size }),
            (Chunk::Size { digits: 1.., size }, b';') => Some(Chunk::Extension { size }),
            (Chunk::Extension { size }, b'\r') => Some(Chunk::SizeLf { size }),
            (Chunk::Extension { size }, byte) if byte != b'\n' => Some(Chunk::Extension { size }),
            (Chunk::SizeLf { size: 0 }, b'\n') => Some(Chunk::EndCr),
            (Chunk::SizeLf { size }, b'\n') => Some(Chunk::Data(size)),
            (Chunk::DataCr, b'\r') => Some(Chunk::DataLf),
            (Chunk::DataLf, b'\n') => Some(Chunk::Size { digits: 0, size: 0 }),
            (Chunk::EndCr, b'\r') => Some(Chunk::EndLf),
            (Chunk::EndLf, b'\n') => {
                output.extend_from_slice(&[byte]);
                self.state = State::Head;
                return;
            }
            _ => None,
        };
        match next {
            Some(next) => {
                output.extend_from_slice(&[byte]);
                self.state = State::Chunks(next);
            }
            None => self.refuse(output),
        }
    }
}

/// What a head decides.
struct Head {
    state: State,
    rewritten: Option<Vec<u8>>,
    upgrade: Option<String>,
}

impl Head {
    /// `None` refuses the request.
    fn read(request: &httparse::Request<'_, '_>) -> Option<Self> {
        let (method, target, version) = (request.method?, request.path?, request.version?);
        let all = |name: &'static str| {
            request
                .headers
                .iter()
                .filter(move |header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
        };
        let hosts = all("host").count();
        if hosts > 1 || (hosts == 0 && version == 1) {
            return None;
        }
        let framing = framing(version, all("content-length"), all("transfer-encoding"))?;
        let state = match framing {
            // The answer to a CONNECT is not followed by another request; actix-http reads it likewise.
            _ if method == "CONNECT" => State::Raw,
            Framing::Length(0) => State::Head,
            Framing::Length(length) => State::Body(length),
            Framing::Chunked => State::Chunks(Chunk::Size { digits: 0, size: 0 }),
        };
        if all("upgrade").next().is_none() {
            return Some(Self { state, rewritten: None, upgrade: None });
        }

        let options: Vec<&str> = all("connection")
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(',').map(str::trim))
            .filter(|option| !option.is_empty())
            .collect();
        let asked = options.iter().any(|option| option.eq_ignore_ascii_case("upgrade"));
        let protocol = all("upgrade").next().and_then(|value| std::str::from_utf8(value).ok()).map(str::trim);
        let protocol = protocol.filter(|protocol| {
            let known = !protocol.is_empty() && !protocol.to_ascii_lowercase().starts_with("h2c");
            known && asked && version == 1 && state == State::Head && all("upgrade").count() == 1
        });

        let mut head = format!("{method} {target} HTTP/1.{version}\r\n").into_bytes();
        for header in request.headers.iter() {
            let dropped = ["upgrade", "connection", "content-length"];
            let keeps = |name: &str| protocol.is_none() && name.eq_ignore_ascii_case("content-length");
            if keeps(header.name) || !dropped.iter().any(|name| header.name.eq_ignore_ascii_case(name)) {
                head.extend_from_slice(header.name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(header.value);
                head.extend_from_slice(b"\r\n");
            }
        }
        if protocol.is_some() {
            head.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        } else {
            let others: Vec<&str> = options.into_iter().filter(|o| !o.eq_ignore_ascii_case("upgrade")).collect();
            if !others.is_empty() {
                head.extend_from_slice(format!("Connection: {}\r\n", others.join(", ")).as_bytes());
            }
            head.extend_from_slice(b"\r\n");
        }
        let state = if protocol.is_some() { State::Raw } else { state };
        Some(Self { state, rewritten: Some(head), upgrade: protocol.map(str::to_owned) })
    }
}

/// How the body is delimited; `None` where two readers might disagree.
fn framing<'a>(
    version: u8,
    mut lengths: impl Iterator<Item = &'a [u8]>,
    mut encodings: impl Iterator<Item = &'a [u8]>,
) -> Option<Framing> {
    match (lengths.next(), encodings.next()) {
        (None, None) => Some(Framing::Length(0)),
        (Some(length), None) => {
            let digits = length.trim_ascii();
            let plain = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(digits).ok().filter(|_| plain && lengths.next().is_none())?;
            length.parse().ok().map(Framing::Length)
        }
        (None, Some(encoding)) => {
            let chunked = encoding.trim_ascii().eq_ignore_ascii_case(b"chunked");
            (version == 1 && chunked && encodings.next().is_none()).then_some(Framing::Chunked)
        }
        (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
