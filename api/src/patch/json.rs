//! JSON Patch (RFC 6902), as loose as upstream's library: indices may be negative, replacing a field that isn't there
//! adds it, testing for null passes where nothing stands, copying nothing gives null.
//!
//! Objects on the way to what an operation touches come out with their keys sorted, the others as they stood: see
//! [`super::merge`].

use std::collections::BTreeSet;

use serde_json::Value;

use super::PatchError;
use crate::codec::json::{decode_any, encode_any, go_word};
use crate::codec::{MAX_DEPTH, MAX_VALUES};

/// The most operations that a patch may have.
const MAX_OPERATIONS: usize = 10_000;
/// The most bytes that copying may add.
const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// How deep the keys of what is touched are sorted; no kind is that deep.
const SORTED_LEVELS: usize = 64;
/// How deep a document may become while operations apply; how deep it may be in the end is its decoder's business.
const MAX_PATCHED_DEPTH: usize = 4 * MAX_DEPTH;
/// How many values may be looked at for that.
const MAX_MEASURED: usize = 8 * MAX_VALUES;

/// One operation's failure; it becomes a cause's text.
type Applied<T = ()> = Result<T, String>;

const MISSING: &str = "missing value";

/// `target` with the operations of `patch` applied, all or none.
///
/// # Errors
/// [`PatchError`] where `patch` is no list of operations, or one of them does not fit.
pub fn json(target: &Value, patch: &[u8]) -> Result<Value, PatchError> {
    let operations = match decode_any(patch).map_err(|error| PatchError::BadRequest(error.to_string()))?.value {
        Value::Array(operations) => operations,
        Value::Null => Vec::new(),
        other => return Err(not_into(&other, "jsonpatch.Patch")),
    };
    if let Some(other) = operations.iter().find(|operation| !matches!(operation, Value::Object(_) | Value::Null)) {
        return Err(not_into(other, "jsonpatch.Operation"));
    }
    if operations.len() > MAX_OPERATIONS {
        let count = operations.len();
        let text = format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}");
        return Err(PatchError::TooLarge(text));
    }
    let mut document = Document { root: target.clone(), copied: 0, touched: BTreeSet::new(), depth: 0, measured: 0 };
    document.depth = document.measure(target).map_err(PatchError::Invalid)?;
    for operation in &operations {
        document.apply(operation).map_err(PatchError::Invalid)?;
    }
    Ok(document.sorted())
}

/// Go's sentence about JSON of the wrong shape.
fn not_into(value: &Value, of: &str) -> PatchError {
    PatchError::BadRequest(format!("json: cannot unmarshal {} into Go value of type {of}", go_word(value)))
}

struct Document {
    root: Value,
    copied: usize,
    /// The containers that operations went through, by their JSON pointers.
    touched: BTreeSet<String>,
    /// How deep the document is at most.
    depth: usize,
    /// How many values were looked at in order to know that.
    measured: usize,
}

impl Document {
    /// The document, with the keys of what was touched sorted.
    fn sorted(mut self) -> Value {
        for path in &self.touched {
            // Elements may have moved since; then there is nothing to sort, or what is sorted needn't be.
            if let Some(Value::Object(map)) = self.root.pointer_mut(path) {
                map.sort_keys();
            }
        }
        if let Value::Object(map) = &mut self.root {
            map.sort_keys();
        }
        self.root
    }

    fn apply(&mut self, operation: &Value) -> Applied {
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let kind = text("op").unwrap_or("unknown");
        let path = || text("path").ok_or("operation missing path field: missing value");
        let from = || text("from").ok_or("operation, missing from field: missing value");
        let value = || operation.get("value").cloned().unwrap_or(Value::Null);
        let unread =
            |what: &'static str| move |error: &str| format!("{kind} operation failed to decode {what}: {error}");
        match kind {
            "add" => {
                let path = path().map_err(|_| unread("path")(MISSING))?;
                let value = value();
                self.deepen(path, &value)?;
                let (parent, key) = self.parent(path).ok_or_else(|| not_there("add", path))?;
                add(parent, &key, value).map_err(|error| format!("error in add for path: '{path}': {error}"))
            }
            "remove" => {
                let path = path().map_err(|_| unread("path")(MISSING))?;
                let (parent, key) = self.parent(path).ok_or_else(|| not_there("remove", path))?;
                let removed = remove(parent, &key);
                removed.map(drop).map_err(|error| format!("error in remove for path: '{path}': {error}"))
            }
            "replace" => self.replace(path().map_err(unread("path"))?, value()),
            "move" => {
                let from = from().map_err(unread("from"))?;
                let (parent, key) = self.parent(from).ok_or_else(|| no_place("move", "from", from))?;
                // Whatever is wrong with the place is said of its last part.
                let broken = |error: String| format!("error in move for path: '{key}': {error}");
                get(parent, &key).map_err(broken)?;
                let moved = remove(parent, &key).map_err(broken)?;
                let path = path().map_err(unread("path"))?;
                self.deepen(path, &moved)?;
                let (parent, key) = self.parent(path).ok_or_else(|| no_place("move", "destination", path))?;
                add(parent, &key, moved).map_err(|error| format!("error in move for path: '{path}': {error}"))
            }
            "copy" => {
                let from = from().map_err(unread("from"))?;
                let (parent, key) = self.parent(from).ok_or_else(|| no_place("copy", "from", from))?;
                let copied = get(parent, &key).map_err(|error| format!("error in copy for from: '{from}': {error}"))?;
                let copied = copied.cloned().unwrap_or(Value::Null);
                let path = path().map_err(|_| unread("path")(MISSING))?;
                let size = self.copied + encode_any(&copied).len();
                self.deepen(path, &copied)?;
                let (parent, key) = self.parent(path).ok_or_else(|| no_place("copy", "destination", path))?;
                if size > MAX_COPIED_BYTES {
                    return Err(format!(
                        "Unable to complete the copy, the accumulated size increase of copy is {size}, exceeding the \
                         limit {MAX_COPIED_BYTES}"
                    ));
                }
                add(parent, &key, copied).map_err(|error| format!("error while adding value during copy: {error}"))?;
                self.copied = size;
                Ok(())
            }
            "test" => self.test(path().map_err(unread("path"))?, operation.get("value")),
            other => Err(format!("Unexpected kind: {other}")),
        }
    }

    fn replace(&mut self, path: &str, value: Value) -> Applied {
        self.deepen(path, &value)?;
        if path.is_empty() {
            if !value.is_object() && !value.is_array() {
                return Err("replace operation value must be object or array: %!w(<nil>)".to_owned());
            }
            self.root = value;
            return Ok(());
        }
        let missing =
            |what: &str| format!("replace operation does not apply: doc is missing {what}: {path}: {MISSING}");
        let (parent, key) = self.parent(path).ok_or_else(|| missing("path"))?;
        get(parent, &key).map_err(|_| missing("key"))?;
        match parent {
            Value::Object(map) => drop(map.insert(key, value)),
            Value::Array(list) => {
                let at = index(&key, list.len())?;
                list[at] = value;
            }
            _ => return Err(missing("path")),
        }
        Ok(())
    }

    fn test(&mut self, path: &str, expected: Option<&Value>) -> Applied {
        let failed = || Err(format!("testing value {path} failed: test failed"));
        let expected = expected.filter(|value| !value.is_null());
        if path.is_empty() {
            return if expected == Some(&self.root) { Ok(()) } else { failed() };
        }
        let missing = || format!("test operation does not apply: is missing path: {path}: {MISSING}");
        let (parent, key) = self.parent(path).ok_or_else(missing)?;
        let actual = get(parent, &key).map_err(|error| format!("error in test for path: '{path}': {error}"))?;
        if actual.filter(|value| !value.is_null()) == expected { Ok(()) } else { failed() }
    }

    /// How deep a value is.
    fn measure(&mut self, value: &Value) -> Applied<usize> {
        self.measured += 1;
        if self.measured > MAX_MEASURED {
            return Err("the patch moves too much".to_owned());
        }
        let mut deepest = 0;
        match value {
            Value::Object(map) => {
                for value in map.values() {
                    deepest = deepest.max(1 + self.measure(value)?);
                }
            }
            Value::Array(list) => {
                for value in list {
                    deepest = deepest.max(1 + self.measure(value)?);
                }
            }
            _ => {}
        }
        Ok(deepest)
    }

    /// Notes that `value` comes to stand at `path`, and refuses what would make the document too deep.
    fn deepen(&mut self, path: &str, value: &Value) -> Applied {
        self.depth = self.depth.max(path.matches('/').count() + self.measure(value)?);
        if self.depth > MAX_PATCHED_DEPTH { Err("exceeded max depth".to_owned()) } else { Ok(()) }
    }

    /// What contains the place that `path` names, and the place's own name.
    fn parent(&mut self, path: &str) -> Option<(&mut Value, String)> {
        let (parents, key) = path.rsplit_once('/')?;
        let mut at = &mut self.root;
        let mut end = parents.find('/').unwrap_or(parents.len());
        for (level, part) in parents.split('/').skip(1).enumerate() {
            end += 1 + part.len();
            let part = unescape(part);
            at = match at {
                Value::Object(map) => map.get_mut(&part)?,
                Value::Array(list) => {
                    let at = index(&part, list.len()).ok()?;
                    list.get_mut(at)?
                }
                _ => return None,
            };
            if level < SORTED_LEVELS && at.is_object() && !self.touched.contains(&parents[..end]) {
                self.touched.insert(parents[..end].to_owned());
            }
        }
        matches!(at, Value::Object(_) | Value::Array(_)).then(|| (at, unescape(key)))
    }
}

fn not_there(kind: &str, path: &str) -> String {
    format!("{kind} operation does not apply: doc is missing path: \"{path}\": {MISSING}")
}

fn no_place(kind: &str, which: &str, path: &str) -> String {
    format!("{kind} operation does not apply: doc is missing {which} path: {path}: {MISSING}")
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// What stands at a place: nothing for a field that isn't there.
fn get<'a>(parent: &'a Value, key: &str) -> Applied<Option<&'a Value>> {
    match parent {
        Value::Array(list) => index(key, list.len()).map(|at| list.get(at)),
        other => Ok(other.get(key)),
    }
}

fn add(parent: &mut Value, key: &str, value: Value) -> Applied {
    match parent {
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => {
            let wrong = |error| format!("value was not a proper array index: '{key}': {error}");
            let at = number(key).map_err(wrong)?;
            let at = within(at, list.len() + 1)?;
            list.insert(at, value);
        }
        Value::Object(map) => drop(map.insert(key.to_owned(), value)),
        _ => {}
    }
    Ok(())
}

fn remove(parent: &mut Value, key: &str) -> Applied<Value> {
    match parent {
        Value::Array(list) => {
            let at = index(key, list.len())?;
            Ok(list.remove(at))
        }
        other => {
            let removed = other.as_object_mut().and_then(|map| map.shift_remove(key));
            removed.ok_or_else(|| format!("Unable to remove nonexistent key: {key}: {MISSING}"))
        }
    }
}

/// The position of an element; negative ones count from the end.
fn index(key: &str, length: usize) -> Applied<usize> {
    within(number(key)?, length)
}

fn within(at: i64, length: usize) -> Applied<usize> {
    let from_start = if at < 0 { at.saturating_add(i64::try_from(length).unwrap_or(i64::MAX)) } else { at };
    let found = usize::try_from(from_start).ok().filter(|at| *at < length);
    found.ok_or_else(|| format!("Unable to access invalid index: {at}: invalid index referenced"))
}

fn number(key: &str) -> Applied<i64> {
    let why = |error: std::num::ParseIntError| match error.kind() {
        std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    key.parse().map_err(|error| format!("strconv.Atoi: parsing {}: {}", crate::go::quote(key), why(error)))
}

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;

    fn document() -> Value {
        value!({"a": {"b": [1, 2, 3], "x/y": 1, "n": null}, "s": "t"})
    }

    #[test]
    fn operations_apply_as_upstreams() {
        let rows = [
            (r#"[]"#, document()),
            (r#"null"#, document()),
            (
                r#"[{"op":"remove","path":"/a"},{"op":"add","path":"/c","value":{"d":1}}]"#,
                value!({"s": "t", "c": {"d": 1}}),
            ),
            (
                r#"[{"op":"remove","path":"/a"},{"op":"add","path":"/s","value":[1]},{"op":"add","path":"/s/-","value":3},
                   {"op":"add","path":"/s/1","value":2},{"op":"add","path":"/s/-1","value":4}]"#,
                value!({"s": [1, 2, 3, 4]}),
            ),
            (
                r#"[{"op":"move","from":"/a/b","path":"/b"},{"op":"remove","path":"/a"},{"op":"remove","path":"/b/-1"}]"#,
                value!({"s": "t", "b": [1, 2]}),
            ),
            (r#"[{"op":"copy","from":"/a/b/0","path":"/s"},{"op":"remove","path":"/a"}]"#, value!({"s": 1})),
            // Replacing what isn't there, copying what isn't there, escapes.
            (
                r#"[{"op":"replace","path":"/new","value":1},{"op":"copy","from":"/gone","path":"/old"},
                   {"op":"test","path":"/a/x~1y","value":1},{"op":"remove","path":"/a"}]"#,
                value!({"s": "t", "new": 1, "old": null}),
            ),
            (r#"[{"op":"replace","path":"","value":{"z":1}}]"#, value!({"z": 1})),
            (
                r#"[{"op":"test","path":"/gone","value":null},{"op":"test","path":"/gone"},{"op":"test","path":"/a/n","value":null},
                   {"op":"replace","path":"","value":{}}]"#,
                value!({}),
            ),
        ];
        for (patch, expected) in rows {
            assert_eq!(json(&document(), patch.as_bytes()), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn what_is_touched_is_sorted() {
        let document = value!({"b": {"z": 1, "y": 2}, "a": {"z": {"d": 1, "c": 2}, "y": {"f": 1, "e": 2}}});
        let patch = br#"[{"op":"add","path":"/a/z/b","value":{"n":1,"m":2}}]"#;
        let patched = r#"{"a":{"y":{"f":1,"e":2},"z":{"b":{"n":1,"m":2},"c":2,"d":1}},"b":{"z":1,"y":2}}"#;
        assert_eq!(json(&document, patch).unwrap().to_string(), patched);
    }

    #[test]
    fn refusals_have_upstreams_sentences() {
        let rows = [
            (r#"[{"op":"jump","path":"/a"}]"#, "Unexpected kind: jump"),
            (r#"[null]"#, "Unexpected kind: unknown"),
            (r#"[{"op":"add"}]"#, "add operation failed to decode path: missing value"),
            (
                r#"[{"op":"replace","value":1}]"#,
                "replace operation failed to decode path: operation missing path field: missing value",
            ),
            (
                r#"[{"op":"add","path":"/q/r","value":1}]"#,
                r#"add operation does not apply: doc is missing path: "/q/r": missing value"#,
            ),
            (
                r#"[{"op":"add","path":"nope","value":1}]"#,
                r#"add operation does not apply: doc is missing path: "nope": missing value"#,
            ),
            (
                r#"[{"op":"add","path":"/a/b/9","value":1}]"#,
                "error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index referenced",
            ),
            (
                r#"[{"op":"add","path":"/a/b/x","value":1}]"#,
                "error in add for path: '/a/b/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": \
                 invalid syntax",
            ),
            (
                r#"[{"op":"remove","path":"/gone"}]"#,
                "error in remove for path: '/gone': Unable to remove nonexistent key: gone: missing value",
            ),
            (
                r#"[{"op":"replace","path":"/a/b/7","value":1}]"#,
                "replace operation does not apply: doc is missing key: /a/b/7: missing value",
            ),
            (
                r#"[{"op":"move","from":"/gone","path":"/b"}]"#,
                "error in move for path: 'gone': Unable to remove nonexistent key: gone: missing value",
            ),
            (r#"[{"op":"test","path":"/s","value":"u"}]"#, "testing value /s failed: test failed"),
            (
                r#"[{"op":"test","path":"/q/r","value":1}]"#,
                "test operation does not apply: is missing path: /q/r: missing value",
            ),
        ];
        for (patch, sentence) in rows {
            assert_eq!(json(&document(), patch.as_bytes()), Err(PatchError::Invalid(sentence.into())), "{patch}");
        }
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        let sentence = |patch: &str| json(&document(), patch.as_bytes()).unwrap_err();
        assert_eq!(
            sentence("{}"),
            PatchError::BadRequest("json: cannot unmarshal object into Go value of type jsonpatch.Patch".into())
        );
        assert!(matches!(sentence("[1]"), PatchError::BadRequest(_)));
        assert!(matches!(sentence("[{"), PatchError::BadRequest(_)));
        let many = format!("[{}]", vec![r#"{"op":"test","path":"/gone"}"#; MAX_OPERATIONS + 1].join(","));
        let text = "The allowed maximum operations in a JSON patch is 10000, got 10001";
        assert_eq!(sentence(&many), PatchError::TooLarge(text.into()));
    }

    #[test]
    fn depth_is_bounded() {
        let chain = |depth: usize| format!(r#"{}1{}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let mut operations = vec![format!(r#"{{"op":"add","path":"/x","value":{}}}"#, chain(150))];
        for _ in 0..5 {
            operations.push(format!(r#"{{"op":"add","path":"/y","value":{}}}"#, chain(150)));
            operations.push(format!(r#"{{"op":"move","from":"/x","path":"/y{}"}}"#, "/a".repeat(150)));
            operations.push(r#"{"op":"move","from":"/y","path":"/x"}"#.to_owned());
        }
        let error = json(&document(), format!("[{}]", operations.join(",")).as_bytes()).unwrap_err();
        assert_eq!(error, PatchError::Invalid("exceeded max depth".into()));
    }

    #[test]
    fn copies_are_bounded() {
        let mut operations = vec![r#"{"op":"add","path":"/l","value":[1]}"#.to_owned()];
        operations.extend((0..40).map(|_| r#"{"op":"copy","from":"/l","path":"/l/-"}"#.to_owned()));
        let error = json(&document(), format!("[{}]", operations.join(",")).as_bytes()).unwrap_err();
        assert!(
            matches!(&error, PatchError::Invalid(text) if text.starts_with("Unable to complete the copy")),
            "{error}"
        );
    }
}
