//! What the fuzz targets share: how an input is read, what has to hold, and seeds.
//!
//! An input begins with a line of words that pick what is fuzzed (`apps/v1 Deployment`); the rest is the document, or
//! several documents, one a line. Inputs are files that a person can read and write, and adding a kind does not change
//! what the others' inputs mean.
//!
//! A target asserts what the code promises beyond not to panic: what was read can be written and reads back the same,
//! defaults are idempotent, and so on. A panic in any thread ends the run, those that the server would catch included.

pub mod check;
pub mod input;
pub mod object;
pub mod sample;
pub mod seed;
