//! OpenAPI v2: one document of everything.

use serde_json::{Map, Value, json};

use super::definition::{Definitions, Style};
use super::form::{Answer, Body, PATCHES};
use super::name;
use super::operation::{self, Operation};
use super::parameter::Parameter;
use super::v3::{phrase, reference};
use crate::discovery::Served;

/// The document.
pub(super) fn document(served: &Served) -> Value {
    let versions: Vec<(String, String)> = served
        .groups()
        .iter()
        .flat_map(|group| group.versions.iter().map(|version| (group.name.to_string(), version.name.to_string())))
        .collect();
    let mut definitions = Definitions::new(Style::V2, &versions);
    let mut all = vec![("apis".to_owned(), operation::groups())];
    for group in served.groups() {
        all.push((name::tag(&group.name, ""), operation::group(&group.name)));
        for version in &group.versions {
            let tag = name::tag(&group.name, &version.name);
            let paths = operation::paths(&group.name, &version.name, &version.resources);
            all.extend(paths.into_iter().map(|path| (tag.clone(), path)));
        }
    }
    let mut paths = Map::new();
    for (tag, path) in all {
        let mut item = Map::new();
        for operation in &path.operations {
            item.insert(operation.method.to_owned(), self::operation(operation, &tag, &mut definitions));
        }
        if !path.parameters.is_empty() {
            item.insert("parameters".into(), path.parameters.iter().map(parameter).collect());
        }
        paths.insert(path.path, item.into());
    }
    let token = json!({"type": "apiKey", "description": "Bearer Token authentication", "name": "authorization", "in": "header"});
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "definitions": definitions.finish(),
        "securityDefinitions": {"BearerToken": token},
        "security": [{"BearerToken": []}],
    })
}

fn operation(of: &Operation, tag: &str, definitions: &mut Definitions<'_>) -> Value {
    let consumes: &[&str] = if of.body == Body::Patch { &PATCHES } else { &["*/*"] };
    let mut tree = json!({
        "description": of.description,
        "consumes": consumes,
        "produces": of.form.media_types(),
        "schemes": ["https"],
        "tags": [tag],
        "operationId": of.id,
    });
    let body = match &of.body {
        Body::Nothing => None,
        Body::Kind(kind) => Some((reference(kind, definitions), true)),
        Body::DeleteOptions => Some((definitions.meta("DeleteOptions"), false)),
        Body::Patch => Some((definitions.meta("Patch"), true)),
    };
    let body = body.map(|(schema, required)| {
        let mut tree = json!({"name": "body", "in": "body", "schema": schema});
        if required {
            tree["required"] = true.into();
        }
        tree
    });
    let parameters: Vec<Value> = body.into_iter().chain(of.parameters.iter().map(parameter)).collect();
    if !parameters.is_empty() {
        tree["parameters"] = parameters.into();
    }
    let mut responses = Map::new();
    for (code, answer) in &of.answers {
        let schema = match answer {
            Answer::Text => json!({"type": "string"}),
            Answer::Type(kind) => reference(kind, definitions),
        };
        responses.insert(code.to_string(), json!({"description": phrase(*code), "schema": schema}));
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
    let mut tree = json!({"name": of.name, "in": of.place, "type": of.kind, "uniqueItems": true});
    if !of.description.is_empty() {
        tree["description"] = of.description.as_str().into();
    }
    if of.place == "path" {
        tree["required"] = true.into();
    }
    tree
}
