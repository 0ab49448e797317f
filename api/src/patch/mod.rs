//! Patches: JSON Patch (RFC 6902), JSON Merge Patch (RFC 7396), and strategic merge patch along the schema tree.
