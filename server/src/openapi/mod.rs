//! OpenAPI v2 and v3 documents, made from the schema tree and the resource table.
