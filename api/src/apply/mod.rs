//! Server-side apply: field sets, `managedFields`, and the merge along the schema tree (KEP-555).
