//! `POST …/pods/NAME/binding`, and the older `POST …/bindings`: a pod is given its node.

use actix_web::HttpResponse;
use bytes::Bytes;
use howdah_api::go::aggregate;
use howdah_api::kind::pod::binding::{bind, validate};
use serde_json::Value;

use super::success;
use crate::registry::admission_seam::Operation;
use crate::registry::answer;
use crate::registry::body;
use crate::registry::call::Call;
use crate::registry::expected::Expected;
use crate::registry::object::{meta, meta_mut, set_text};
use crate::registry::option::WriteOptions;
use crate::registry::pipeline::{Change, CreateRule, Write, admit, change, ensure_namespace, judge};
use crate::registry::route::{Route, by_plural};
use crate::status::{ApiError, Subject};

/// Binds a pod.
pub(in crate::registry) async fn binding(call: &Call<'_>, bytes: Bytes) -> Result<HttpResponse, ApiError> {
    let options = WriteOptions::create(&call.query)?;
    let node = howdah_api::schema::builtin::kind("", "v1", "Binding").ok_or(ApiError::UnknownResource)?;
    let expected = Expected { group: "", version: "v1", kind: "Binding", node };
    let mut warnings = Vec::new();
    let encoding = body::encoding(&call.http)?;
    let mut binding = body::decode(&bytes, encoding, expected, options.validation, &mut warnings)?;
    call.warn(warnings);
    ensure_namespace(&mut binding, call.route.namespace)?;
    let own = meta(&binding).name().to_owned();
    let name = if call.route.name.is_empty() { own.as_str() } else { call.route.name };
    let at = (call.route.namespace, name);
    admit(call, Operation::Create, at, &mut binding, None, options.dry_run).await?;
    if meta(&binding).name() != name {
        return Err(ApiError::BadRequest("name in URL does not match name in Binding object".to_owned()));
    }
    let errors: Vec<String> = validate(&binding).iter().map(ToString::to_string).collect();
    if let Some(sentence) = aggregate(&errors) {
        return Err(ApiError::Unforeseen(sentence));
    }
    judge(call, Operation::Create, at, &binding, None, options.dry_run).await?;

    let pods = by_plural("", "v1", "pods").ok_or(ApiError::UnknownResource)?;
    let assign = |pod: &Value| assigned(call, pod, &binding, name);
    let write = Write {
        name,
        options: &options,
        change: Change::With(&assign),
        create: CreateRule::Never,
        // Neither the strategy nor managedFields hear of it.
        judged: false,
        tracked: false,
    };
    change(&call.on(Route { served: pods, ..call.route }), &write).await?;
    answer::status(call, 201, &success())
}

/// The pod with its node. uid and resourceVersion of the binding are preconditions.
fn assigned(call: &Call<'_>, pod: &Value, binding: &Value, name: &str) -> Result<Value, ApiError> {
    let (wanted, real) = (meta(binding), meta(pod));
    let subject =
        |resource: &str| Subject { resource: resource.to_owned(), name: name.to_owned(), ..Subject::default() };
    let unmet = |what: &str, wanted: &str, real: &str| {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/pods/{}/{name}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {real}",
            call.route.namespace
        );
        Err(ApiError::Conflict(subject("pods"), why))
    };
    if !wanted.uid().is_empty() && wanted.uid() != real.uid() {
        return unmet("UID", wanted.uid(), real.uid());
    }
    if !wanted.resource_version().is_empty() && wanted.resource_version() != real.resource_version() {
        return unmet("ResourceVersion", wanted.resource_version(), real.resource_version());
    }
    let mut pod = pod.clone();
    bind(&mut pod, binding, call.now)
        .map_err(|error| ApiError::Conflict(subject("pods/binding"), error.to_string()))?;
    let version = real.resource_version().to_owned();
    set_text(meta_mut(&mut pod), "resourceVersion", &version);
    Ok(pod)
}
