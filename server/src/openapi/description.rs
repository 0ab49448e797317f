//! What definitions and fields are for, in words.

/// The description of a definition.
pub(super) fn of_type(_definition: &str) -> Option<&'static str> {
    None
}

/// The description of a definition's field.
pub(super) fn of_field(_definition: &str, _field: &str) -> Option<&'static str> {
    None
}
