//! The shape of the workspace, as tests: which room may use which, what source files look like, and the line with
//! which `make test` ends.
//!
//! Each rule is a pure function from what was read to a list of findings, and is itself tested with inputs that break
//! it. Deliberately absent: anything that the compiler or clippy already refuses by itself.

mod closing_line;
mod dependency;
mod fuzzing;
mod source;
mod workspace;
