//! Limit ranges: bounds and defaults of what containers, pods and claims ask for.
//!
//! A limit range without a name gets its uid as its name, so the uid must be there when it is prepared.
//!
//! Facts: pkg/registry/core/limitrange/strategy.go, pkg/apis/core/validation, pkg/apis/core/v1/defaults.go.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as QuantityText;
use serde_json::{Map, Value};

use super::generic::{at_mut, check, round_resources, set, text};
use super::{Request, Strategy};
use crate::quantity::Quantity;
use crate::validation::meta::{name_is_dns_subdomain, object_meta};
use crate::validation::name::is_qualified_name;
use crate::validation::resource_name::{container_resource_name, is_overcommit_allowed, resource_name};
use crate::validation::{Errors, FieldError, FieldPath};

/// The largest value whose thousandths int64 holds.
const MAX_MILLI_VALUE: i64 = i64::MAX / 1000;

/// Limit ranges.
#[derive(Debug)]
pub struct LimitRangeStrategy;

impl Strategy for LimitRangeStrategy {
    fn default(&self, object: &mut Value) {
        let limits = at_mut(object, &["spec", "limits"]).and_then(Value::as_array_mut);
        for limit in limits.into_iter().flatten() {
            if text(limit, &["type"]) == "Container" {
                default_container(limit);
            }
            for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                round_resources(limit, &[field]);
            }
        }
    }

    fn prepare_for_create(&self, _request: &Request<'_>, object: &mut Value) {
        if text(object, &["metadata", "name"]).is_empty() {
            let uid = text(object, &["metadata", "uid"]).to_owned();
            set(object, &["metadata", "name"], uid.into());
        }
    }

    fn prepare_for_update(&self, _request: &Request<'_>, _object: &mut Value, _old: &Value) {}

    fn validate(&self, _request: &Request<'_>, object: &Value) -> Errors {
        check(object, validate)
    }

    fn validate_update(&self, _request: &Request<'_>, object: &Value, _old: &Value) -> Errors {
        check(object, validate)
    }

    fn allows_create_on_update(&self) -> bool {
        true
    }
}

/// The default limit is the maximum, the default request the default limit, else the minimum.
fn default_container(limit: &mut Value) {
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(Value::Object(from)) = limit.get(from).cloned() else { continue };
        let mut merged = limit.get(to).and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
        for (resource, amount) in from {
            merged.entry(resource).or_insert(amount);
        }
        if !merged.is_empty() {
            set(limit, &[to], merged.into());
        }
    }
}

fn validate(range: &LimitRange) -> Errors {
    let mut errors = object_meta(&range.metadata, true, name_is_dns_subdomain, &FieldPath::new("metadata"));
    let spec = FieldPath::new("spec");
    let path = spec.child("limits");
    let mut types = BTreeSet::new();
    for (at, limit) in range.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
        let path = path.index(at);
        errors.extend(limit_type(&limit.type_, &path.child("type")));
        if !types.insert(&limit.type_) {
            errors.push(FieldError::duplicate(&path.child("type"), limit.type_.as_str()));
        }
        errors.extend(item(limit, &path));
    }
    errors
}

fn limit_type(name: &str, path: &FieldPath<'_>) -> Errors {
    let wrong = is_qualified_name(name);
    if !wrong.is_empty() {
        return wrong.into_iter().map(|wrong| FieldError::invalid(path, name, wrong)).collect();
    }
    if !name.contains('/') && !matches!(name, "Pod" | "Container" | "PersistentVolumeClaim") {
        return vec![FieldError::invalid(path, name, "must be a standard limit type or fully qualified")];
    }
    Errors::new()
}

type Amounts<'l> = BTreeMap<&'l str, Quantity>;

fn amounts(of: &Option<BTreeMap<String, QuantityText>>) -> Amounts<'_> {
    let amounts = of.iter().flatten();
    // What is no quantity has been refused by the decoder.
    amounts.filter_map(|(name, amount)| Some((name.as_str(), Quantity::parse(&amount.0).ok()?))).collect()
}

fn item(limit: &LimitRangeItem, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    let named = |field: &str, amounts: &Amounts<'_>| -> Errors {
        let path = path.child(field);
        let rule = if matches!(&*limit.type_, "Pod" | "Container") { container_resource_name } else { resource_name };
        amounts.keys().flat_map(|name| rule(name, &path.key(name))).collect()
    };
    let (max, min) = (amounts(&limit.max), amounts(&limit.min));
    errors.extend(named("max", &max));
    errors.extend(named("min", &min));
    let (mut default, mut request) = (amounts(&limit.default), amounts(&limit.default_request));
    if limit.type_ == "Pod" {
        let words = "may not be specified when `type` is 'Pod'";
        for (field, amounts) in [("default", &mut default), ("defaultRequest", &mut request)] {
            if !std::mem::take(amounts).is_empty() {
                errors.push(FieldError::forbidden(&path.child(field), words));
            }
        }
    } else {
        errors.extend(named("default", &default));
        errors.extend(named("defaultRequest", &request));
    }
    if limit.type_ == "PersistentVolumeClaim" && !min.contains_key("storage") && !max.contains_key("storage") {
        let words = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(FieldError::required(&path.child("limits"), words));
    }
    let ratio = amounts(&limit.max_limit_request_ratio);
    errors.extend(named("maxLimitRequestRatio", &ratio));
    let names: BTreeSet<&str> =
        [&max, &min, &default, &request, &ratio].into_iter().flat_map(|of| of.keys().copied()).collect();
    for name in names {
        let of = |amounts: &Amounts<'_>| amounts.get(name).copied();
        let bounds =
            Bounds { max: of(&max), min: of(&min), default: of(&default), request: of(&request), ratio: of(&ratio) };
        errors.extend(bounds.check(name, path));
    }
    errors
}

/// What a limit says of one resource.
struct Bounds {
    max: Option<Quantity>,
    min: Option<Quantity>,
    default: Option<Quantity>,
    request: Option<Quantity>,
    ratio: Option<Quantity>,
}

impl Bounds {
    fn check(&self, name: &str, path: &FieldPath<'_>) -> Errors {
        let mut errors = Errors::new();
        let mut wrong = |field: &str, value: Quantity, words: String| {
            errors.push(FieldError::invalid(&path.child(field).key(name), value.to_string(), words));
        };
        let Self { max, min, default, request, ratio } = self;
        // Each pair: what is the smaller, what is the larger, and the field and value that the error shows.
        if let Some((min, max)) = exceeds(*min, *max) {
            wrong("min", min, format!("min value {min} is greater than max value {max}"));
        }
        if let Some((min, request)) = exceeds(*min, *request) {
            wrong(
                "defaultRequest",
                request,
                format!("min value {min} is greater than default request value {request}"),
            );
        }
        if let Some((request, max)) = exceeds(*request, *max) {
            wrong(
                "defaultRequest",
                request,
                format!("default request value {request} is greater than max value {max}"),
            );
        }
        if let Some((request, default)) = exceeds(*request, *default) {
            let words = format!("default request value {request} is greater than default limit value {default}");
            wrong("defaultRequest", request, words);
        }
        if let Some((min, default)) = exceeds(*min, *default) {
            wrong("default", min, format!("min value {min} is greater than default value {default}"));
        }
        if let Some((default, max)) = exceeds(*default, *max) {
            wrong("default", max, format!("default value {default} is greater than max value {max}"));
        }
        if let Some(ratio) = *ratio {
            if ratio < Quantity::new(1) {
                wrong("maxLimitRequestRatio", ratio, format!("ratio {ratio} is less than 1"));
            }
            if let Some((min, max)) = (*min).zip(*max)
                && let Some(bound) = beyond_bounds(ratio, min, max)
            {
                let words = format!("ratio {ratio} is greater than max/min = {bound}");
                wrong("maxLimitRequestRatio", ratio, words);
            }
        }
        if let Some((default, request)) = (*default).zip(*request)
            && default != request
            && !is_overcommit_allowed(name)
        {
            let words = format!("default value {default} must equal to defaultRequest value {request} in {name}");
            wrong("defaultRequest", request, words);
        }
        errors
    }
}

fn exceeds(smaller: Option<Quantity>, larger: Option<Quantity>) -> Option<(Quantity, Quantity)> {
    smaller.zip(larger).filter(|(smaller, larger)| smaller > larger)
}

/// `max/min` in Go's `%f`, where `ratio` is beyond it. Floats, as upstream has it.
#[expect(clippy::cast_precision_loss, reason = "upstream compares these as floats")]
fn beyond_bounds(ratio: Quantity, min: Quantity, max: Quantity) -> Option<String> {
    let fine = [ratio, min, max].iter().all(|quantity| quantity.value() < MAX_MILLI_VALUE);
    let (ratio, min, max) = if fine {
        (ratio.milli_value() as f64 / 1000.0, min.milli_value() as f64, max.milli_value() as f64)
    } else {
        (ratio.value() as f64, min.value() as f64, max.value() as f64)
    };
    let bound = max / min;
    (ratio > bound).then(|| format!("{bound:.6}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::kind::testing::{complete, create_errors, of, request};

    #[test]
    fn containers_get_their_defaults_from_the_bounds() {
        let limit = json!({
            "type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "1", "memory": "1Ki"}, "default": {"x/y": "3"},
        });
        let object = complete(
            "",
            "limitranges",
            json!({"spec": {"limits": [limit, {"type": "Pod", "max": {"cpu": "0.0001"}}]}}),
        );
        let limits = &object["spec"]["limits"];
        assert_eq!(limits[0]["default"], json!({"x/y": "3", "cpu": "2"}));
        assert_eq!(limits[0]["defaultRequest"], json!({"x/y": "3", "cpu": "2", "memory": "1Ki"}));
        assert_eq!(limits[1], json!({"type": "Pod", "max": {"cpu": "1m"}}));
        let mut unnamed = json!({"metadata": {"uid": "u"}});
        of("", "limitranges").prepare_for_create(&request(""), &mut unnamed);
        assert_eq!(unnamed["metadata"]["name"], "u");
    }

    #[test]
    fn wrong_ranges_are_refused() {
        let rows = [
            (json!([{"type": "Pod", "max": {"cpu": "1"}, "min": {"cpu": "1"}}]), vec![]),
            (
                json!([{"type": "Pod"}, {"type": "Pod"}, {"type": "x"}]),
                vec![
                    r#"spec.limits[1].type: Duplicate value: "Pod""#,
                    r#"spec.limits[2].type: Invalid value: "x": must be a standard limit type or fully qualified"#,
                ],
            ),
            (
                json!([{"type": "Pod", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}}]),
                vec![
                    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                    "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
                ],
            ),
            (
                json!([{"type": "PersistentVolumeClaim"}]),
                vec![
                    "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but \
                     neither was provided",
                ],
            ),
            (
                json!([{"type": "Container", "max": {"pods": "1"}, "default": {"pods": "1"}}]),
                vec![
                    r#"spec.limits[0].max[pods]: Invalid value: "pods": must be a standard resource for containers"#,
                    r#"spec.limits[0].default[pods]: Invalid value: "pods": must be a standard resource for containers"#,
                    r#"spec.limits[0].defaultRequest[pods]: Invalid value: "pods": must be a standard resource for containers"#,
                ],
            ),
            (
                json!([{
                    "type": "Container", "min": {"cpu": "3"}, "max": {"cpu": "1"}, "default": {"cpu": "2"},
                    "defaultRequest": {"cpu": "2500m"}, "maxLimitRequestRatio": {"cpu": "500m"},
                }]),
                vec![
                    r#"spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 1"#,
                    r#"spec.limits[0].defaultRequest[cpu]: Invalid value: "2500m": min value 3 is greater than default request value 2500m"#,
                    r#"spec.limits[0].defaultRequest[cpu]: Invalid value: "2500m": default request value 2500m is greater than max value 1"#,
                    r#"spec.limits[0].defaultRequest[cpu]: Invalid value: "2500m": default request value 2500m is greater than default limit value 2"#,
                    r#"spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2"#,
                    r#"spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1"#,
                    r#"spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1"#,
                    r#"spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is greater than max/min = 0.333333"#,
                ],
            ),
            (
                json!([{"type": "Pod", "max": {"cpu": "2"}, "min": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "10"}}]),
                vec![
                    r#"spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 2.000000"#,
                ],
            ),
            (
                json!([{"type": "Container", "default": {"hugepages-2Mi": "4Mi"}, "defaultRequest": {"hugepages-2Mi": "2Mi"}}]),
                vec![
                    r#"spec.limits[0].defaultRequest[hugepages-2Mi]: Invalid value: "2Mi": default value 4Mi must equal to defaultRequest value 2Mi in hugepages-2Mi"#,
                ],
            ),
        ];
        for (limits, expected) in rows {
            let object = json!({"metadata": {"name": "a", "namespace": "b"}, "spec": {"limits": limits}});
            assert_eq!(create_errors("", "limitranges", object), expected);
        }
    }
}
