//! Label and field selectors: the parser of their texts, the form inside objects, and matching.
