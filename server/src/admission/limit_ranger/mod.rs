//! LimitRanger: containers get a namespace's default resources, and nothing asks for more or less than it allows.
//!
//! Limit ranges are taken as this process knows them. Several are looked at in the order of their names; in each, every
//! violation is told.

mod bound;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use howdah_api::go::aggregate;
use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use serde_json::{Value, json};

use self::bound::Asked;
use super::lister::Lister;
use super::resource_list::{Counting, Half, ResourceList, parse, parse_texts, pod};
use super::tree::{at, is_deleting, is_resource, items, items_mut, map_mut, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";
/// The spec alone counts, without overhead; of the pod as a whole only cpu and memory.
const COUNTING: Counting = Counting { status: false, overhead: false, huge_pages_of_pod: false };

/// The plugin.
pub struct LimitRanger {
    lister: Arc<dyn Lister>,
}

impl LimitRanger {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister }
    }

    /// The limits that this write is measured by.
    async fn limits(&self, attributes: &Attributes<'_>) -> Result<Vec<LimitRange>, ApiError> {
        let of_pod = is_resource(attributes, "", "pods");
        let is_measured = match (attributes.subresource, attributes.operation) {
            ("", Operation::Create) => of_pod || is_resource(attributes, "", "persistentvolumeclaims"),
            ("", Operation::Update) => is_resource(attributes, "", "persistentvolumeclaims"),
            ("resize", Operation::Update) => of_pod,
            _ => false,
        };
        if !is_measured || attributes.old.is_some_and(is_deleting) {
            return Ok(Vec::new());
        }
        self.lister.limit_ranges(attributes.namespace).await
    }
}

impl Admission for LimitRanger {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            if is_resource(&attributes, "", "pods") {
                for limits in self.limits(&attributes).await? {
                    fill(object, &limits);
                }
            }
            Ok(Vec::new())
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            let of_pod = is_resource(&attributes, "", "pods");
            for limits in self.limits(&attributes).await? {
                let violations: Vec<String> = items_of(&limits)
                    .flat_map(|item| if of_pod { pod_violations(object, item) } else { claim_violations(object, item) })
                    .collect();
                if let Some(cause) = aggregate(&violations) {
                    return Err(attributes.forbidden(object, &cause));
                }
            }
            Ok(Vec::new())
        })
    }
}

fn items_of(limits: &LimitRange) -> impl Iterator<Item = &LimitRangeItem> {
    limits.spec.iter().flat_map(|spec| &spec.limits)
}

/// Gives containers the default resources that they lack, and notes in an annotation which.
fn fill(pod: &mut Value, limits: &LimitRange) {
    let (mut requests, mut most) = (ResourceList::new(), ResourceList::new());
    for item in items_of(limits).filter(|item| item.type_ == "Container") {
        requests.extend(parse_texts(item.default_request.as_ref()));
        most.extend(parse_texts(item.default.as_ref()));
    }
    let mut notes = Vec::new();
    for (list, kind) in [("containers", "container"), ("initContainers", "init container")] {
        for container in items_mut(pod, &["spec", list]) {
            let name = text(container, &["name"]).to_owned();
            for (half, defaults) in [(Half::Requests, &requests), (Half::Limits, &most)] {
                let set = fill_half(container, half, defaults);
                if !set.is_empty() {
                    let what = half.name().trim_end_matches('s');
                    notes.push(format!("{} {what} for {kind} {name}", set.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        map_mut(pod, &["metadata", "annotations"]).insert(ANNOTATION.to_owned(), json!(note));
    }
}

/// The names that were set.
fn fill_half(container: &mut Value, half: Half, defaults: &ResourceList) -> Vec<String> {
    let path = ["resources", half.name()];
    let lacks = |name: &String| at(container, &path).get(name).is_none_or(Value::is_null);
    let lacking: Vec<String> = defaults.keys().filter(|name| lacks(name)).cloned().collect();
    for name in &lacking {
        map_mut(container, &path).insert(name.clone(), json!(defaults[name].to_string()));
    }
    lacking
}

fn pod_violations(object: &Value, item: &LimitRangeItem) -> Vec<String> {
    let asked: Vec<Asked> = match item.type_.as_str() {
        "Container" => {
            let containers = ["containers", "initContainers"].map(|list| items(object, &["spec", list]));
            let half = |container: &Value, half: Half| parse(at(container, &["resources", half.name()]));
            let of =
                |container| Asked { requests: half(container, Half::Requests), limits: half(container, Half::Limits) };
            containers.into_iter().flatten().map(of).collect()
        }
        "Pod" => {
            vec![Asked { requests: pod(object, Half::Requests, COUNTING), limits: pod(object, Half::Limits, COUNTING) }]
        }
        _ => Vec::new(),
    };
    asked.iter().flat_map(|asked| asked.violations(item)).collect()
}

fn claim_violations(claim: &Value, item: &LimitRangeItem) -> Vec<String> {
    if item.type_ != "PersistentVolumeClaim" {
        return Vec::new();
    }
    let requests = parse(at(claim, &["spec", "resources", "requests"]));
    Asked { requests, limits: ResourceList::new() }.request_violations(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::testing::{Ask, Objects, message};

    fn plugin(limits: &[Value]) -> LimitRanger {
        let add = |objects: Objects, item: &Value| {
            objects.with_limit_range("ns", json!({"metadata": {"name": "l"}, "spec": {"limits": item}}))
        };
        LimitRanger::new(Arc::new(limits.iter().fold(Objects::default(), add)))
    }

    fn pod(containers: &Value) -> Ask {
        Ask::create("pods", json!({"metadata": {"name": "p"}, "spec": {"containers": containers}}))
    }

    #[tokio::test]
    async fn defaults_are_filled_in_and_noted() {
        let plugin = plugin(&[json!([{"type": "Container", "default": {"cpu": "2", "memory": "1Gi"},
            "defaultRequest": {"cpu": "1", "memory": "512Mi"}}, {"type": "Pod", "max": {"cpu": "9"}}])]);
        let object = json!({"metadata": {"name": "p"}, "spec": {
            "containers": [{"name": "a"}, {"name": "b", "resources": {"limits": {"cpu": "3"}, "requests": {"cpu": "3", "memory": "1"}}}],
            "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "1m"}}}]}});
        let admitted = Ask::create("pods", object.clone()).admit(&plugin).await.unwrap();
        let resources = |list: &str, index: usize| &admitted["spec"][list][index]["resources"];
        let all = json!({"cpu": "2", "memory": "1Gi"});
        assert_eq!(resources("containers", 0), &json!({"requests": {"cpu": "1", "memory": "512Mi"}, "limits": all}));
        assert_eq!(
            resources("containers", 1),
            &json!({"limits": {"cpu": "3", "memory": "1Gi"}, "requests": {"cpu": "3", "memory": "1"}})
        );
        assert_eq!(
            resources("initContainers", 0),
            &json!({"requests": {"cpu": "1m", "memory": "512Mi"}, "limits": all})
        );
        assert_eq!(
            admitted["metadata"]["annotations"][ANNOTATION],
            "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a; memory \
             limit for container b; memory request for init container i; cpu, memory limit for init container i"
        );
        let elsewhere = Ask::create("pods", object.clone()).within("other").admit(&plugin).await.unwrap();
        assert_eq!(elsewhere, object);
        let updated = Ask::update("pods", object.clone(), object.clone()).admit(&plugin).await.unwrap();
        assert_eq!(updated, object);
    }

    #[tokio::test]
    async fn limits_are_enforced() {
        let container = |bounds: Value| {
            let mut item = json!({"type": "Container"});
            item.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
            json!([item])
        };
        let cpu = |requests: Value, limits: Value| {
            pod(&json!([{"name": "a", "resources": {"requests": requests, "limits": limits}}]))
        };
        let (none, one, two, three) = (json!({}), json!({"cpu": "1"}), json!({"cpu": "2"}), json!({"cpu": "3"}));
        let min = container(json!({"min": {"cpu": "2"}}));
        let max = container(json!({"max": {"cpu": "2"}}));
        let ratio = container(json!({"maxLimitRequestRatio": {"cpu": "2"}}));
        let rows = [
            (&min, cpu(two.clone(), two.clone()), None),
            (
                &min,
                cpu(none.clone(), none.clone()),
                Some("minimum cpu usage per Container is 2.  No request is specified"),
            ),
            (&min, cpu(one.clone(), three.clone()), Some("minimum cpu usage per Container is 2, but request is 1")),
            (&min, cpu(two.clone(), one.clone()), Some("minimum cpu usage per Container is 2, but limit is 1")),
            (&max, cpu(none.clone(), two.clone()), None),
            (
                &max,
                cpu(none.clone(), none.clone()),
                Some("maximum cpu usage per Container is 2.  No limit is specified"),
            ),
            (&max, cpu(none.clone(), three.clone()), Some("maximum cpu usage per Container is 2, but limit is 3")),
            (&max, cpu(three.clone(), two.clone()), Some("maximum cpu usage per Container is 2, but request is 3")),
            (&ratio, cpu(one.clone(), two.clone()), None),
            (
                &ratio,
                cpu(one.clone(), three.clone()),
                Some("cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"),
            ),
            (
                &ratio,
                cpu(none.clone(), three.clone()),
                Some("cpu max limit to request ratio per Container is 2, but no request is specified or request is 0"),
            ),
            (
                &ratio,
                cpu(one.clone(), none.clone()),
                Some("cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0"),
            ),
        ];
        for (limits, ask, expected) in rows {
            let expected = expected.map(|cause| format!(r#"pods "p" is forbidden: {cause}"#));
            assert_eq!(message(ask.validate(&plugin(std::slice::from_ref(limits))).await), expected);
        }
        // Several violations, of several containers, and of the pod as a whole.
        let both = json!([{"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}}, {"type": "Pod", "max": {"cpu": "5"}}]);
        let large = json!({"requests": {"cpu": "3", "memory": "1Gi"}, "limits": {"cpu": "3", "memory": "1Gi"}});
        let ask = pod(&json!([{"name": "a", "resources": large}, {"name": "b", "resources": large}]));
        assert_eq!(
            message(ask.validate(&plugin(&[both])).await).unwrap(),
            r#"pods "p" is forbidden: [maximum cpu usage per Container is 2, but limit is 3, maximum cpu usage per Pod is 5, but limit is 6]"#
        );
    }

    #[test]
    fn claims_are_measured_by_their_request() {
        let item = LimitRangeItem {
            type_: "PersistentVolumeClaim".to_owned(),
            ..serde_json::from_value(json!({"type": "", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}})).unwrap()
        };
        let claim = |storage: &str| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
        assert!(claim_violations(&claim("1Gi"), &item).is_empty());
        for (storage, expected) in [
            ("3Gi", "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"),
            ("1Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"),
        ] {
            assert_eq!(claim_violations(&claim(storage), &item), [expected]);
        }
    }
}
