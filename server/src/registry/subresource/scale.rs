//! `…/scale`: the Scale of what has replicas, read and written through the object.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_api::apply::{self, Manager, Operation, Reset, scale as owners};
use howdah_api::kind::scale::{self, ScaleError};
use howdah_api::schema::Node;
use serde_json::Value;

use super::{node, received};
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::expected::Expected;
use crate::registry::object::meta;
use crate::registry::option::WriteOptions;
use crate::registry::pipeline::{Change, CreateRule, Patch, Write, change, check_name, ensure_namespace, tree};
use crate::status::{ApiError, Subject};

/// Where all kinds with a Scale have their replicas.
const REPLICAS: &str = "spec.replicas";

/// The Scale of an object.
fn of(call: &Call<'_>, object: &Value) -> Result<Value, ApiError> {
    let made = match &*call.served().stored.plural {
        "deployments" => scale::from_deployment(object),
        "statefulsets" => scale::from_stateful_set(object),
        "replicationcontrollers" => scale::from_replication_controller(object),
        _ => scale::from_replica_set(object),
    };
    made.map_err(|error| ApiError::BadRequest(error.to_string()))
}

/// Answers with the Scale of `object`.
pub(in crate::registry) fn get_scale(call: &Call<'_>, object: &Value) -> Result<HttpResponse, ApiError> {
    answer::other(call, 200, of(call, object)?, own_node(call)?)
}

/// Sets the replicas to what the Scale in the body says.
pub(in crate::registry) async fn update_scale(
    call: &Call<'_>,
    options: &WriteOptions,
    bytes: &Bytes,
) -> Result<HttpResponse, ApiError> {
    let (mut wanted, node) = received(call, bytes, options.validation)?;
    ensure_namespace(&mut wanted, call.route.namespace)?;
    check_name(&wanted, call.route.name)?;
    let name = call.manager(options);
    let manager = manager(call, &name, Operation::Update);
    let replace = |object: &Value| {
        let (current, mut wanted) = (tracked(call, object)?, wanted.clone());
        apply::update(Some(&current), &mut wanted, node, &manager, Reset::Fields(&[]));
        put(call, &wanted, object)
    };
    write(call, options, &replace).await
}

/// Patches the Scale.
pub(in crate::registry) async fn patch_scale(
    call: &Call<'_>,
    options: &WriteOptions,
    patch: &Patch,
) -> Result<HttpResponse, ApiError> {
    let node = own_node(call)?;
    let expected = Expected { group: "autoscaling", version: "v1", kind: "Scale", node };
    let name = call.manager(options);
    let replace = |object: &Value| {
        let current = tracked(call, object)?;
        let wanted = if patch.is_apply() {
            let manager = manager(call, &options.field_manager, Operation::Apply);
            patch.applied_to(Some(&current), node, &manager, options.force, Reset::Fields(&[]))?
        } else {
            let mut wanted = patch.made_of(call, options, &current, expected)?;
            let manager = manager(call, &name, Operation::Update);
            apply::update(Some(&current), &mut wanted, node, &manager, Reset::Fields(&[]));
            wanted
        };
        check_name(&wanted, call.route.name)?;
        put(call, &wanted, object)
    };
    write(call, options, &replace).await
}

fn manager<'a>(call: &Call<'_>, name: &'a str, operation: Operation) -> Manager<'a> {
    let (api_version, kind, subresource) = ("autoscaling/v1", "Scale", "scale");
    Manager { name, operation, api_version, kind, subresource, time: call.now, siblings: &[] }
}

/// The Scale of an object with the owners of its replicas.
fn tracked(call: &Call<'_>, object: &Value) -> Result<Value, ApiError> {
    let mut current = of(call, object)?;
    let api_version = call.served().stored.group_version().to_string();
    let owners = object.pointer("/metadata/managedFields").unwrap_or(&Value::Null);
    let owners = owners::of_scale(owners, &[(&api_version, Some(REPLICAS))]);
    // What can't be read is nobody's.
    current["metadata"]["managedFields"] = owners.unwrap_or_default();
    Ok(current)
}

async fn write(
    call: &Call<'_>,
    options: &WriteOptions,
    replace: &dyn Fn(&Value) -> Result<Value, ApiError>,
) -> Result<HttpResponse, ApiError> {
    let write = Write {
        name: call.route.name,
        options,
        change: Change::With(replace),
        create: CreateRule::Never,
        judged: true,
        tracked: false,
    };
    let written = change(call, &write).await.map_err(|error| match error {
        ApiError::NotFound(subject) => {
            ApiError::NotFound(Subject { resource: format!("{}/scale", subject.resource), ..subject })
        }
        error => error,
    })?;
    answer::other(call, 200, of(call, &tree(&written.current)?)?, own_node(call)?)
}

/// The object with the Scale's replicas.
fn put(call: &Call<'_>, wanted: &Value, object: &Value) -> Result<Value, ApiError> {
    let api_version = call.served().stored.group_version().to_string();
    let fields = |object: &Value| object.pointer("/metadata/managedFields").cloned().unwrap_or_default();
    let paths = [(api_version.as_str(), Some(REPLICAS))];
    let owners = owners::of_parent(&fields(object), &fields(wanted), &api_version, &paths);
    let mut new = scale::apply(wanted, object).map_err(|error| match error {
        ScaleError::Invalid(errors) => ApiError::invalid("autoscaling", "Scale", meta(wanted).name(), &errors),
        ScaleError::Uid { .. } => {
            let subject = call.route.subject();
            let subject = Subject { resource: format!("{}/scale", subject.resource), ..subject };
            ApiError::Conflict(subject, error.to_string())
        }
    })?;
    if let Ok(owners) = owners {
        new["metadata"]["managedFields"] = owners;
    }
    Ok(new)
}

fn own_node(call: &Call<'_>) -> Result<&'static Node, ApiError> {
    call.route.subresource.ok_or(ApiError::UnknownResource).and_then(node)
}
