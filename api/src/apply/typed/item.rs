//! The path elements of a list's elements.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::ListAtom;
use crate::apply::element::PathElement;
use crate::go;

impl ListAtom<'_> {
    /// The path element of an element of an associative list: its key fields, absent ones by their defaults, or its
    /// value.
    ///
    /// # Errors
    /// A sentence where the element can't be told from others.
    pub(super) fn path_element(self, item: &Value) -> Result<PathElement, Cow<'static, str>> {
        if !self.is_associative {
            return Err("invalid indexing of non-associative list".into());
        }
        if self.keys.is_empty() {
            return match item {
                Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
                Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
                Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
                item => Ok(PathElement::Value(Arc::new(item.clone()))),
            };
        }
        let map = match item {
            Value::Object(map) => map,
            Value::Null => return Err("associative list with keys may not have a null element".into()),
            _ => return Err("associative list with keys may not have non-map elements".into()),
        };
        let mut fields = Vec::with_capacity(self.keys.len());
        for key in self.keys {
            let value = match map.get(&**key) {
                Some(value) => Some(Cow::Borrowed(value)),
                None => match self.element.resolve().map {
                    Some(of) => of.default(key),
                    None => {
                        let reason = "associative list may not have non-map types";
                        return Err(format!("couldn't find default value for {key}: {reason}").into());
                    }
                },
            };
            // An element without the key is another one than any with it.
            fields.extend(value.map(|value| (key.clone().into_owned(), value.into_owned())));
        }
        if fields.is_empty() {
            let keys = go::quote_list(self.keys);
            let what = "associative list with keys has an element that omits all key fields";
            return Err(format!("{what} {keys} (and doesn't have default values for any key fields)").into());
        }
        Ok(PathElement::key(fields))
    }
}
