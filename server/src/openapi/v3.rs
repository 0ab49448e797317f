//! OpenAPI v3: one document a group version.

use howdah_api::resource::Resource;
use serde_json::{Map, Value, json};

use super::definition::{Definitions, Style};
use super::form::{Answer, Body, PATCHES, Type};
use super::name;
use super::operation::{self, Operation, Path};
use super::parameter::Parameter;

/// The document of a group version.
pub(super) fn of_version(group: &str, version: &str, resources: &[Resource]) -> Value {
    let versions = [(group.to_owned(), version.to_owned())];
    document(&versions, &name::tag(group, version), operation::paths(group, version, resources))
}

/// The document of a group: what its versions are.
pub(super) fn of_group(group: &str) -> Value {
    document(&[], &name::tag(group, ""), vec![operation::group(group)])
}

/// The document of all groups: which there are.
pub(super) fn of_groups() -> Value {
    document(&[], "apis", vec![operation::groups()])
}

fn document(versions: &[(String, String)], tag: &str, all: Vec<Path>) -> Value {
    let mut definitions = Definitions::new(Style::V3, versions);
    let mut paths = Map::new();
    for path in all {
        let mut item = Map::new();
        for operation in &path.operations {
            item.insert(operation.method.to_owned(), self::operation(operation, tag, &mut definitions));
        }
        if !path.parameters.is_empty() {
            item.insert("parameters".into(), path.parameters.iter().map(parameter).collect());
        }
        paths.insert(path.path, item.into());
    }
    let token = json!({"type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header"});
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": definitions.finish(), "securitySchemes": {"BearerToken": token}},
    })
}

fn operation(of: &Operation, tag: &str, definitions: &mut Definitions<'_>) -> Value {
    let mut tree = json!({"tags": [tag], "description": of.description, "operationId": of.id});
    if !of.parameters.is_empty() {
        tree["parameters"] = of.parameters.iter().map(parameter).collect();
    }
    match &of.body {
        Body::Nothing => {}
        Body::Kind(kind) => {
            let schema = reference(kind, definitions);
            tree["requestBody"] = json!({"content": {"*/*": {"schema": schema}}, "required": true});
        }
        Body::DeleteOptions => {
            let schema = definitions.meta("DeleteOptions");
            tree["requestBody"] = json!({"content": {"*/*": {"schema": schema}}});
        }
        Body::Patch => {
            let schema = definitions.meta("Patch");
            let content: Map<_, _> =
                PATCHES.iter().map(|media| ((*media).to_owned(), json!({"schema": schema}))).collect();
            tree["requestBody"] = json!({"content": content, "required": true});
        }
    }
    let mut responses = Map::new();
    for (code, answer) in &of.answers {
        let schema = match answer {
            Answer::Text => json!({"type": "string"}),
            Answer::Type(kind) => reference(kind, definitions),
        };
        let media = of.form.media_types().iter().map(|media| ((*media).to_owned(), json!({"schema": schema})));
        let content: Map<_, _> = media.collect();
        responses.insert(code.to_string(), json!({"description": phrase(*code), "content": content}));
    }
    responses.insert("401".into(), json!({"description": "Unauthorized"}));
    tree["responses"] = responses.into();
    if let Some((version, kind)) = &of.kind {
        tree["x-kubernetes-action"] = of.action.into();
        tree["x-kubernetes-group-version-kind"] =
            json!({"group": version.group, "version": version.version, "kind": kind});
    }
    tree
}

fn parameter(of: &Parameter) -> Value {
    let mut tree = json!({"name": of.name, "in": of.place, "schema": {"type": of.kind, "uniqueItems": true}});
    if !of.description.is_empty() {
        tree["description"] = of.description.as_str().into();
    }
    if of.place == "path" {
        tree["required"] = true.into();
    }
    tree
}

/// The reference to a type, which is taken in.
pub(super) fn reference(of: &Type, definitions: &mut Definitions<'_>) -> Value {
    match of {
        Type::Meta(name) => definitions.meta(name),
        Type::Kind(version, kind) => {
            let found = definitions.kind(&version.group, &version.version, kind);
            // What the tables don't know is some object.
            found.unwrap_or_else(|| json!({"type": "object"}))
        }
    }
}

/// What a code means, in HTTP's words.
pub(super) fn phrase(code: u16) -> &'static str {
    match code {
        201 => "Created",
        202 => "Accepted",
        _ => "OK",
    }
}
