//! The watch hub: one feed a process, one cache a resource, shared frames for all watchers.
