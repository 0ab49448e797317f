//! An input's words and lines.

use std::sync::LazyLock;

use howdah_api::schema::builtin::{self, Kind};

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| builtin::kinds().collect());

/// All built-in kinds.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    &KINDS
}

/// The first line of an input: the group and version, the kind, and what else the target asks for.
#[must_use]
pub fn header(kind: &Kind, more: &str) -> String {
    let slash = if kind.group.is_empty() { "" } else { "/" };
    format!("{}{slash}{} {} {more}", kind.group, kind.version, kind.kind).trim_end().to_owned()
}

/// What is left of an input.
#[derive(Debug, Clone, Copy)]
pub struct Input<'d> {
    rest: &'d [u8],
}

impl<'d> Input<'d> {
    /// The whole of it.
    #[must_use]
    pub fn new(data: &'d [u8]) -> Self {
        Self { rest: data }
    }

    /// The next line, without its end; empty where there is none.
    pub fn line(&mut self) -> &'d [u8] {
        let end = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
        let (line, behind) = self.rest.split_at(end);
        self.rest = behind.get(1..).unwrap_or_default();
        line
    }

    /// All that is left.
    #[must_use]
    pub fn rest(self) -> &'d [u8] {
        self.rest
    }

    /// The next line's words.
    pub fn words(&mut self) -> Words {
        let line = String::from_utf8_lossy(self.line()).into_owned();
        Words(line.split(' ').map(str::to_owned).collect())
    }
}

/// The words of a line.
#[derive(Debug)]
pub struct Words(Vec<String>);

impl Words {
    /// The word at this place; empty where there is none.
    #[must_use]
    pub fn at(&self, index: usize) -> &str {
        self.0.get(index).map_or("", String::as_str)
    }

    /// The kind that the first two words name, or one that they happen to hit.
    #[must_use]
    pub fn kind(&self) -> &'static Kind {
        self.pick(kinds(), |kind| {
            let (group, version) = self.at(0).split_once('/').unwrap_or(("", self.at(0)));
            (kind.group, kind.version, kind.kind) == (group, version, self.at(1))
        })
    }

    /// The first of `all` that is `named`, or one that the first two words happen to hit.
    pub fn pick<T>(&self, all: &'static [T], named: impl Fn(&T) -> bool) -> &'static T {
        let hit = || {
            let bytes = self.at(0).bytes().chain([b' ']).chain(self.at(1).bytes());
            let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
            &all[usize::try_from(hash).unwrap_or_default() % all.len()]
        };
        all.iter().find(|one| named(one)).unwrap_or_else(hit)
    }
}
