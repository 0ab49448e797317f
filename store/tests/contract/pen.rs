//! The pen that writes the journal: into a list in memory, or, in a replica process, into a pipe to the test.
//!
//! A line goes into the pipe with one `write` of at most `PIPE_BUF` bytes, which the kernel does wholly or not at all: a
//! kill tears no line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::now;
use crate::journal::{Action, Ending, Event, Line, Outcome};

/// The most bytes that a pipe takes wholly or not at all (Linux' `PIPE_BUF`).
const PIPE_BUF: usize = 4096;

/// How many events a line in a pipe carries at most.
const EVENTS_A_LINE: usize = 16;

/// How many calls and watches a replica can number.
const NUMBERS_A_REPLICA: u64 = 1 << 32;

/// Where lines go.
pub(crate) trait Sink: Send + Sync {
    /// Takes a line.
    fn put(&self, line: Line);
}

/// A journal in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    lines: Mutex<Vec<Line>>,
    /// How many writes of each replica were acknowledged.
    written: Mutex<HashMap<u64, u64>>,
}

impl Memory {
    /// All lines up to now.
    pub(crate) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut lock(&self.lines))
    }

    /// How many writes of the replica `number` were acknowledged.
    pub(crate) fn written_by(&self, number: u64) -> u64 {
        lock(&self.written).get(&number).copied().unwrap_or(0)
    }
}

impl Sink for Memory {
    fn put(&self, line: Line) {
        if let Line::Return { call, outcome: Outcome::Written(_), .. } = &line {
            *lock(&self.written).entry(replica_of(*call)).or_default() += 1;
        }
        lock(&self.lines).push(line);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A journal whose reader is another process.
#[derive(Debug)]
pub(crate) struct Pipe(File);

impl Pipe {
    /// A journal that goes into the pipe `end`.
    pub(crate) fn new(end: OwnedFd) -> Self {
        Self(File::from(end))
    }

    /// Writes one line in one piece.
    fn write(&self, line: &Line) {
        self.say(&serde_json::to_string(line).expect("a line is always JSON"));
    }

    /// Writes a line of its own kind in one piece.
    pub(crate) fn say(&self, line: &str) {
        let text = format!("{line}\n");
        assert!(text.len() <= PIPE_BUF, "a line of {} bytes could be torn", text.len());
        // The reader is the test itself. Where it is gone, so are this process' orders, which end it.
        let _gone = (&self.0).write_all(text.as_bytes());
    }
}

impl Sink for Pipe {
    fn put(&self, line: Line) {
        match line {
            Line::Events { watch, at, events } if events.len() > EVENTS_A_LINE => {
                for part in events.chunks(EVENTS_A_LINE) {
                    self.write(&Line::Events { watch, at, events: part.to_vec() });
                }
            }
            line => self.write(&line),
        }
    }
}

/// The pen of one replica: numbers its calls and watches and stamps the time.
#[derive(Clone)]
pub(crate) struct Recorder {
    sink: Arc<dyn Sink>,
    next: Arc<AtomicU64>,
}

impl Recorder {
    /// The pen of the replica `number`, which no other replica of the run has.
    pub(crate) fn new(sink: Arc<dyn Sink>, number: u64) -> Self {
        Self { sink, next: Arc::new(AtomicU64::new(number * NUMBERS_A_REPLICA)) }
    }

    /// A number that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A call is about to be made.
    pub(crate) fn invoke(&self, action: Action) -> u64 {
        let call = self.number();
        self.sink.put(Line::Invoke { call, at: now(), action });
        call
    }

    /// A call has returned.
    pub(crate) fn returned(&self, call: u64, outcome: Outcome) {
        self.sink.put(Line::Return { call, at: now(), outcome });
    }

    /// A watch is about to be opened.
    pub(crate) fn watch(&self, after: i64) -> u64 {
        let watch = self.number();
        self.sink.put(Line::Watch { watch, at: now(), after });
        watch
    }

    /// A watch brought changes.
    pub(crate) fn events(&self, watch: u64, events: Vec<Event>) {
        self.sink.put(Line::Events { watch, at: now(), events });
    }

    /// A watch has ended.
    pub(crate) fn ended(&self, watch: u64, position: i64, ending: Ending) {
        self.sink.put(Line::Ended { watch, at: now(), position, ending });
    }
}

/// The replica that made a call or a watch.
pub(crate) const fn replica_of(number: u64) -> u64 {
    number / NUMBERS_A_REPLICA
}
