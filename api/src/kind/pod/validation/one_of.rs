//! Unions: the first member that is set is looked at, any further one is forbidden.

use crate::validation::{Errors, FieldError, FieldPath};

/// Goes through the members of a union, in upstream's order.
pub(super) struct OneOf<'p> {
    path: &'p FieldPath<'p>,
    noun: &'static str,
    found: bool,
    /// What was found so far.
    pub(super) errors: Errors,
}

impl<'p> OneOf<'p> {
    /// A union at `path`; `noun` is what its members are called.
    pub(super) const fn new(path: &'p FieldPath<'p>, noun: &'static str) -> Self {
        Self { path, noun, found: false, errors: Errors::new() }
    }

    /// Looks at the next member, whose field is `field`.
    pub(super) fn member<T>(
        &mut self,
        member: Option<&T>,
        field: &'static str,
        rule: impl FnOnce(&T, &FieldPath<'_>) -> Errors,
    ) {
        self.member_called(member, field, field, rule);
    }

    /// As [`member`](Self::member), for the members whose errors say `forbidden` where they come second, and `field`
    /// where they come first.
    pub(super) fn member_called<T>(
        &mut self,
        member: Option<&T>,
        forbidden: &'static str,
        field: &'static str,
        rule: impl FnOnce(&T, &FieldPath<'_>) -> Errors,
    ) {
        let Some(member) = member else { return };
        if self.found {
            let detail = format!("may not specify more than 1 {} type", self.noun);
            self.errors.push(FieldError::forbidden(&self.path.child(forbidden), detail));
        } else {
            self.found = true;
            self.errors.extend(rule(member, &self.path.child(field)));
        }
    }

    /// All that is wrong; a union without any member is wrong too.
    pub(super) fn finish(mut self) -> Errors {
        if !self.found {
            self.errors.push(FieldError::required(self.path, format!("must specify a {} type", self.noun)));
        }
        self.errors
    }
}
