//! `…/scale`: the Scale of what has replicas, read and written through the object.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_api::apply;
use howdah_api::kind::scale::{self, ScaleError};
use howdah_api::schema::Node;
use serde_json::Value;

use super::{node, received};
use crate::registry::answer;
use crate::registry::call::Call;
use crate::registry::object::meta;
use crate::registry::option::WriteOptions;
use crate::registry::pipeline::{
    Change, CreateRule, Patch, Write, change, check_name, ensure_namespace, tree,
};
use crate::status::{ApiError, Subject};

/// The Scale of an object.
fn of(call: &Call<'_>, object: &Value) -> Result<Value, ApiError> {
    let made = match &*call.served().stored.plural {
        "deployments" => scale::from_deployment(object),
        "statefulsets" => scale::from_stateful_set(object),
        "replicationcontrollers" => Ok(scale::from_replication_controller(object)),
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
    let (mut wanted, _) = received(call, bytes, options.validation)?;
    ensure_namespace(&mut wanted, call.route.namespace)?;
    check_name(&wanted, call.route.name)?;
    write(call, options, &|object| put(call, &wanted, object)).await
}

/// Patches the Scale.
pub(in crate::registry) async fn patch_scale(
    call: &Call<'_>,
    options: &WriteOptions,
    patch: &Patch,
) -> Result<HttpResponse, ApiError> {
    let node = own_node(call)?;
    let replace = |object: &Value| {
        let current = of(call, object)?;
        let wanted = if patch.is_apply() {
            // Who applies a Scale owns the object's replicas.
            applied(call, options, patch, &current, node)?
        } else {
            patch.made_of(call, options, &current, node)?
        };
        check_name(&wanted, call.route.name)?;
        put(call, &wanted, object)
    };
    write(call, options, &replace).await
}

/// What an applied Scale makes of the present one.
fn applied(
    call: &Call<'_>,
    options: &WriteOptions,
    patch: &Patch,
    current: &Value,
    node: &Node,
) -> Result<Value, ApiError> {
    let manager = apply::Manager {
        name: &options.field_manager,
        operation: apply::Operation::Apply,
        api_version: "autoscaling/v1",
        kind: "Scale",
        subresource: "scale",
        time: call.now,
    };
    patch.applied_to(Some(current), node, &manager, options.force, &[])
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
    scale::apply(wanted, object).map_err(|error| match error {
        ScaleError::Invalid(errors) => ApiError::invalid("autoscaling", "Scale", meta(wanted).name(), &errors),
        ScaleError::Uid { .. } => {
            let subject = call.route.subject();
            let subject = Subject { resource: format!("{}/scale", subject.resource), ..subject };
            ApiError::Conflict(subject, error.to_string())
        }
    })
}

fn own_node(call: &Call<'_>) -> Result<&'static Node, ApiError> {
    call.route.subresource.ok_or(ApiError::UnknownResource).and_then(node)
}
