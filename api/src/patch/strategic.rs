//! Strategic merge patch: objects merge field by field, and lists by the merge key that the schema tells.
//!
//! Directives: `$patch: replace|delete` in an object, `$patch: delete` in a list's element, `$retainKeys`,
//! `$deleteFromPrimitiveList/FIELD`, `$setElementOrder/FIELD` (the order of lists: [`super::strategic_order`]).
//! Facts: apimachinery `pkg/util/strategicpatch`, KEP "preserve order in strategic merge patch".

use serde_json::{Map, Value};

use super::PatchError;
use super::strategic_order::{Identity, merge_by_order};
use crate::schema::{Node, Patch, Shape};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";

type Merged<T> = Result<T, PatchError>;

/// `target`, an object of the kind `node`, with `patch` merged in.
///
/// # Errors
/// [`PatchError`] where the patch is not one, or a list's elements can't be told apart.
pub fn strategic(target: &Value, patch: &Value, node: &Node) -> Result<Value, PatchError> {
    let Value::Object(patch) = patch else {
        return Err(PatchError::BadRequest("invalid JSON document".to_owned()));
    };
    let target = target.as_object().cloned().unwrap_or_default();
    merge_objects(target, patch.clone(), Some(node)).map(Value::Object)
}

fn merge_objects(mut target: Object, mut patch: Object, node: Option<&Node>) -> Merged<Object> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.shift_remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(unknown_directive(directive, &patch)),
        };
    }
    retain_keys(&mut target, &mut patch)?;
    merge_ordered_lists(&mut target, &mut patch, node)?;
    for (name, value) in patch {
        let (name, deletes) = match name.strip_prefix(DELETE_FROM_LIST) {
            Some(rest) => match rest.strip_prefix('/') {
                Some(field) => (field.to_owned(), true),
                None => return Err(bad_format("primitive list")),
            },
            None => (name, false),
        };
        if value.is_null() {
            target.shift_remove(&name);
            continue;
        }
        match (target.get_mut(&name), value) {
            (Some(Value::Object(_)), Value::Object(patch)) => {
                let (field, strategy) = field(node, &name)?;
                let Some(Value::Object(standing)) = target.get_mut(&name).map(Value::take) else { continue };
                let merged = if strategy.replace { patch } else { merge_objects(standing, patch, field)? };
                target.insert(name, Value::Object(merged));
            }
            (Some(Value::Array(_)), Value::Array(patch)) => {
                let (field, strategy) = field(node, &name)?;
                let Some(Value::Array(standing)) = target.get_mut(&name).map(Value::take) else { continue };
                let merged = if strategy.merge || deletes {
                    merge_lists(standing, patch, field.and_then(element), &strategy, deletes)?
                } else {
                    patch
                };
                target.insert(name, Value::Array(merged));
            }
            (_, _) if deletes => {}
            (_, value) => set(&mut target, name, value),
        }
    }
    Ok(target)
}

type Object = Map<String, Value>;

/// Sets a field to what the patch brings, without nulls and directives; a directive in its place removes it.
fn set(target: &mut Object, name: String, mut value: Value) {
    // Upstream drops nulls first, and they are looked for in maps and lists alike.
    drop_nulls(&mut value);
    match without_directives(value) {
        Some(value) => drop(target.insert(name, value)),
        None => drop(target.shift_remove(&name)),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// The value without objects that carry a `$patch`; nothing where it is one itself.
pub(super) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let kept = map.into_iter().filter_map(|(name, value)| Some((name, without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(list) => Some(Value::Array(list.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

/// `$retainKeys`: clears what it doesn't name, and refuses a patch that sets what it doesn't name.
fn retain_keys(target: &mut Object, patch: &mut Object) -> Merged<()> {
    let Some(kept) = patch.shift_remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(kept) = kept else { return Err(bad_format("retainKeys")) };
    let is_kept = |name: &str| kept.iter().any(|value| value.as_str() == Some(name));
    let is_directive = |name: &str| name.starts_with(DELETE_FROM_LIST) || name.starts_with(ELEMENT_ORDER);
    if patch.iter().any(|(name, value)| !value.is_null() && !is_directive(name) && !is_kept(name)) {
        return Err(bad_format("retainKeys"));
    }
    target.retain(|name, _| is_kept(name));
    Ok(())
}

/// Merges the lists that `$setElementOrder` directives name, and takes both out of the patch.
fn merge_ordered_lists(target: &mut Object, patch: &mut Object, node: Option<&Node>) -> Merged<()> {
    let directives: Vec<String> = patch.keys().filter(|name| name.starts_with(ELEMENT_ORDER)).cloned().collect();
    for directive in directives {
        let order = patch.shift_remove(&directive).unwrap_or_default();
        let Value::Array(order) = order else { return Err(bad_type("[]interface {}", &order)) };
        let Some(name) = directive.strip_prefix(ELEMENT_ORDER).and_then(|rest| rest.strip_prefix('/')) else {
            return Err(bad_format("setElementOrder list"));
        };
        let list = |value: Option<Value>| match value {
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => Err(bad_type("[]interface {}", &other)),
            None => Ok(None),
        };
        let standing = list(target.get(name).cloned())?;
        let added = list(patch.shift_remove(name))?;
        let (field, strategy) = field(node, name)?;
        let identity = Identity { merge_key: strategy.merge_key.as_deref() };
        check_order(added.as_deref().unwrap_or_default(), &order, identity)?;
        let merged = match (&standing, added) {
            (None, None) => continue,
            (Some(standing), None) => standing.clone(),
            (None, Some(added)) => added.into_iter().filter_map(without_directives).collect(),
            (Some(standing), Some(added)) if strategy.merge => {
                merge_lists(standing.clone(), added, field.and_then(element), &strategy, false)?
            }
            (Some(_), Some(added)) => added,
        };
        let merged = merge_by_order(merged, &order, standing.as_deref().unwrap_or_default(), identity)?;
        target.insert(name.to_owned(), Value::Array(merged));
    }
    Ok(())
}

/// The patch's elements have to stand in the order that the directive gives.
fn check_order(added: &[Value], order: &[Value], identity: Identity<'_>) -> Merged<()> {
    if added.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut ordered = order.iter();
    for element in added.iter().filter(|element| element.get(DIRECTIVE).is_none()) {
        loop {
            let Some(next) = ordered.next() else {
                return Err(PatchError::Internal(format!(
                    "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                    go_list(added),
                    go_list(order)
                )));
            };
            if identity.of(element)? == identity.of(next)? {
                break;
            }
        }
    }
    Ok(())
}

/// Merges two lists whose strategy is `merge`, or deletes from a list of scalars.
fn merge_lists(
    mut target: Vec<Value>,
    patch: Vec<Value>,
    node: Option<&Node>,
    strategy: &Patch,
    deletes: bool,
) -> Merged<Vec<Value>> {
    let Some(first) = target.first().or(patch.first()) else { return Ok(target) };
    let kind = std::mem::discriminant(first);
    if first.is_array() {
        return Err(PatchError::Invalid("lists of lists are not supported".to_owned()));
    }
    if target.iter().chain(&patch).any(|element| std::mem::discriminant(element) != kind) {
        let both = format!("[{} {}]", go_list(&target), go_list(&patch));
        return Err(PatchError::Internal(format!("list element types are not identical: {both}")));
    }
    if !first.is_object() {
        if deletes {
            target.retain(|element| !patch.contains(element));
            return Ok(target);
        }
        let mut merged = Vec::with_capacity(target.len() + patch.len());
        for element in target.iter().chain(&patch) {
            if !merged.contains(element) {
                merged.push(element.clone());
            }
        }
        return merge_by_order(merged, &patch, &target, Identity { merge_key: None });
    }
    let Some(merge_key) = strategy.merge_key.as_deref() else {
        return Err(PatchError::Internal("cannot merge lists without merge key for struct".to_owned()));
    };
    let identity = Identity { merge_key: Some(merge_key) };
    let patch = apply_directives(&mut target, patch, identity)?;
    let standing = target.clone();
    for element in &patch {
        let id = identity.of(element)?;
        let found = target.iter_mut().find(|other| other.get(merge_key) == Some(id));
        match (found, element) {
            (Some(Value::Object(other)), Value::Object(element)) => {
                *other = merge_objects(std::mem::take(other), element.clone(), node)?;
            }
            _ => target.push(element.clone()),
        }
    }
    merge_by_order(target, &patch, &standing, identity)
}

/// Carries out the `$patch` directives among a list's elements; gives the other elements. `replace` anywhere replaces
/// the whole list.
fn apply_directives(target: &mut Vec<Value>, patch: Vec<Value>, identity: Identity<'_>) -> Merged<Vec<Value>> {
    let (mut plain, mut replace) = (Vec::new(), false);
    for element in patch {
        match element.get(DIRECTIVE).map(Value::as_str) {
            None => plain.push(element),
            Some(Some("delete")) => {
                let id = identity.of(&element)?;
                target.retain(|other| identity.of(other).ok() != Some(id));
            }
            Some(Some("replace")) => replace = true,
            Some(Some("merge")) => {
                return Err(PatchError::Internal("merging lists cannot yet be specified in the patch".to_owned()));
            }
            Some(_) => {
                let directive = element.get(DIRECTIVE).cloned().unwrap_or_default();
                return Err(unknown_directive(&directive, element.as_object().unwrap_or(&Map::new())));
            }
        }
    }
    if replace {
        *target = plain;
        plain = Vec::new();
    }
    Ok(plain)
}

/// The schema of an object's field, and how it is patched.
fn field<'n>(node: Option<&'n Node>, name: &str) -> Merged<(Option<&'n Node>, Patch)> {
    match node.map(|node| &node.shape) {
        Some(Shape::Struct(of)) => match of.get().field(name) {
            Some(field) => Ok((Some(&field.node), field.patch.clone())),
            None => Err(PatchError::Internal(format!(
                "unable to find api field in struct {} for the json field {}",
                of.get().name,
                crate::go::quote(name)
            ))),
        },
        Some(Shape::Map(of)) => Ok((Some(&of.value), Patch::default())),
        _ => Ok((None, Patch::default())),
    }
}

fn element(node: &Node) -> Option<&Node> {
    match &node.shape {
        Shape::List(of) => Some(&of.element),
        _ => None,
    }
}

fn bad_format(of: &str) -> PatchError {
    PatchError::BadRequest(format!("invalid patch format of {of}"))
}

fn bad_type(expected: &str, actual: &Value) -> PatchError {
    let actual = match actual {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    PatchError::Internal(format!("expected a {expected}, but received a {actual}"))
}

fn unknown_directive(directive: &Value, patch: &Object) -> PatchError {
    PatchError::Internal(format!("unknown patch type: {} in map: {}", go_value(directive), go_map(patch)))
}

/// An element without its merge key.
pub(super) fn no_merge_key(element: &Value, merge_key: &str) -> PatchError {
    match element {
        Value::Object(map) => {
            let map = go_map(map);
            PatchError::Internal(format!("map: {map} does not contain declared merge key: {merge_key}"))
        }
        other => bad_type("map[string]interface {}", other),
    }
}

/// A value as Go's `%v` prints it.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => go_list(list),
        Value::Object(map) => go_map(map),
        other => other.to_string(),
    }
}

fn go_list(list: &[Value]) -> String {
    format!("[{}]", list.iter().map(go_value).collect::<Vec<_>>().join(" "))
}

fn go_map(map: &Object) -> String {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    let entries: Vec<String> = entries.iter().map(|(name, value)| format!("{name}:{}", go_value(value))).collect();
    format!("map[{}]", entries.join(" "))
}
