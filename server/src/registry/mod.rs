//! The registry: the one pipeline that all resources go through, and the handlers of their verbs.
