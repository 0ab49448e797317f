//! PodTemplates: templates of pods that stand alone.

use k8s_openapi::api::core::v1::PodTemplate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pod::{equality, template};
use super::{Request, Strategy};
use crate::validation::meta::{name_is_dns_subdomain, object_meta, object_meta_update};
use crate::validation::{Errors, FieldError, FieldPath};

/// The strategy of pod templates.
#[derive(Debug, Clone, Copy)]
pub struct PodTemplateStrategy;

fn view(tree: &Value) -> Result<PodTemplate, Errors> {
    PodTemplate::deserialize(tree).map_err(|error| vec![FieldError::internal(&FieldPath::new(""), error.to_string())])
}

fn generation(object: &Value) -> i64 {
    object.get("metadata").and_then(|metadata| metadata.get("generation")).and_then(Value::as_i64).unwrap_or(0)
}

fn set_generation(object: &mut Value, generation: i64) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("generation".to_owned(), json!(generation));
    }
}

impl Strategy for PodTemplateStrategy {
    fn default(&self, object: &mut Value) {
        if let Some(one) = object.get_mut("template") {
            template::default(one);
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        set_generation(object, 1);
        if let Some(one) = object.get_mut("template") {
            template::drop_disabled(one, None);
        }
    }

    fn prepare_for_update(&self, _request: &Request<'_>, object: &mut Value, old: &Value) {
        if let Some(one) = object.get_mut("template") {
            template::drop_disabled(one, old.get("template"));
        }
        let is_changed = !equality::equal(object.get("template"), old.get("template"));
        set_generation(object, generation(old) + i64::from(is_changed));
    }

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        let one = match view(object) {
            Ok(one) => one,
            Err(errors) => return errors,
        };
        let path = FieldPath::new("metadata");
        let mut errors = object_meta(&one.metadata, true, name_is_dns_subdomain, &path);
        errors.extend(template::validate(&one.template.unwrap_or_default(), None, &FieldPath::new("template")));
        errors
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, old: &Value) -> Errors {
        let (one, old) = match (view(object), view(old)) {
            (Ok(one), Ok(old)) => (one, old),
            (Err(errors), _) | (_, Err(errors)) => return errors,
        };
        let mut errors = object_meta_update(&one.metadata, &old.metadata, &FieldPath::new("metadata"));
        let new = one.template.unwrap_or_default();
        errors.extend(template::validate(&new, old.template.as_ref(), &FieldPath::new("template")));
        errors
    }

    fn warnings(&self, _request: &Request<'_>, object: &Value, old: Option<&Value>) -> Vec<String> {
        if old.is_some_and(|old| generation(old) == generation(object)) {
            return Vec::new();
        }
        let Ok(PodTemplate { template: Some(one), .. }) = view(object) else { return Vec::new() };
        template::warnings(&one, None, &FieldPath::new("template"))
    }
}
