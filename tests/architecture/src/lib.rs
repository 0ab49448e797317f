//! Holds nothing: this crate exists for its tests, which check the shape of the workspace.
