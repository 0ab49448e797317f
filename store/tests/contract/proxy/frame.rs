//! The frames of Postgres' protocol: reading them, and knowing a commit when one goes by.

use std::collections::HashSet;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Reads the packet that opens a connection; encryption is declined.
pub(super) async fn read_startup(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> anyhow::Result<Vec<u8>> {
    const SSL_REQUEST: u32 = 80_877_103;
    const GSS_REQUEST: u32 = 80_877_104;
    loop {
        let length = from.read_u32().await?;
        let mut packet = length.to_be_bytes().to_vec();
        packet.resize(usize::try_from(length)?.max(4), 0);
        from.read_exact(&mut packet[4..]).await?;
        let code = packet.get(4..8).and_then(|code| code.try_into().ok()).map(u32::from_be_bytes);
        match code {
            Some(SSL_REQUEST | GSS_REQUEST) => to.write_all(b"N").await?,
            _ => return Ok(packet),
        }
    }
}

/// The packet that opens a connection, without the application's name.
pub(super) fn without_name(packet: &[u8]) -> Vec<u8> {
    let (Some(version), Some(parameters)) = (packet.get(4..8), packet.get(8..)) else { return packet.to_vec() };
    let mut kept = version.to_vec();
    let mut texts = parameters.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        if name.is_empty() {
            break;
        }
        if name != b"application_name" {
            kept.extend([name, &[0], value, &[0]].concat());
        }
    }
    kept.push(0);
    let length = u32::try_from(kept.len() + 4).expect("a packet is shorter than 4 GiB");
    [&length.to_be_bytes()[..], &kept].concat()
}

/// Reads one frame: its type, its length, and the rest.
pub(super) async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let rest = usize::try_from(length)?.checked_sub(4).context("a frame is at least as long as its length")?;
    let mut frame = head.to_vec();
    frame.resize(5 + rest, 0);
    from.read_exact(&mut frame[5..]).await?;
    Ok(frame)
}

/// Which of a connection's prepared statements commit.
#[derive(Debug, Default)]
pub(super) struct Commits(HashSet<Vec<u8>>);

impl Commits {
    /// Whether the frame starts a commit.
    pub(super) fn is_commit(&mut self, frame: &[u8]) -> bool {
        let (kind, body) = (frame[0], frame.get(5..).unwrap_or_default());
        let mut texts = body.split(|byte| *byte == 0);
        let (first, second) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
        match kind {
            // Parse: the statement's name, then its text.
            b'P' => {
                if second.windows(12).any(|part| part == b"commit_batch") {
                    self.0.insert(first.to_vec());
                } else {
                    self.0.remove(first);
                }
                false
            }
            // Bind: the portal's name, then the statement's.
            b'B' => self.0.contains(second),
            _ => false,
        }
    }
}

/// Whether a client's frame ends what it sends in one piece (Sync, Query, Terminate, Flush, password, copied data).
pub(super) fn ends_piece(frame: &[u8]) -> bool {
    matches!(frame[0], b'S' | b'Q' | b'X' | b'H' | b'p' | b'd' | b'c')
}

/// Whether a server's frame announces something (NotificationResponse).
pub(super) fn is_notification(frame: &[u8]) -> bool {
    frame[0] == b'A'
}

/// Whether a server's frame refuses a commit because its epoch is fenced.
pub(super) fn is_fenced(frame: &[u8]) -> bool {
    frame[0] == b'E' && frame.windows(6).any(|part| part == b"CHW001")
}
