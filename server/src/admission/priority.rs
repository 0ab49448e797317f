//! Priority: a pod's priority is its class's, and one class at most is everybody's.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde_json::Value;

use super::lister::{Age, Lister};
use super::tree::{at, is_main, is_resource, map_mut, name, text};
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::status::ApiError;

/// The plugin.
pub struct Priority {
    lister: Arc<dyn Lister>,
}

/// What a class gives.
struct Resolved {
    class: String,
    value: i32,
    preemption: Option<String>,
}

impl Priority {
    /// The plugin over these objects.
    #[must_use]
    pub fn new(lister: Arc<dyn Lister>) -> Self {
        Self { lister }
    }

    async fn create(&self, attributes: &Attributes<'_>, pod: &mut Value) -> Result<(), ApiError> {
        let resolved = self.resolve(attributes, pod).await?;
        let own = at(pod, &["spec", "priority"]);
        if !own.is_null() && own.as_i64() != Some(i64::from(resolved.value)) {
            let cause = format!(
                "the integer value of priority ({own}) must not be provided in pod spec; priority admission controller \
                 computed {} from the given PriorityClass name",
                resolved.value
            );
            return Err(attributes.forbidden(pod, &cause));
        }
        if let (own @ Value::String(_), Some(preemption)) =
            (at(pod, &["spec", "preemptionPolicy"]), &resolved.preemption)
            && own.as_str() != Some(preemption)
        {
            let cause = format!(
                "the string value of PreemptionPolicy ({}) must not be provided in pod spec; priority admission \
                 controller computed {preemption} from the given PriorityClass name",
                own.as_str().unwrap_or_default()
            );
            return Err(attributes.forbidden(pod, &cause));
        }
        let spec = map_mut(pod, &["spec"]);
        if !resolved.class.is_empty() {
            spec.insert("priorityClassName".to_owned(), resolved.class.into());
        }
        spec.insert("priority".to_owned(), resolved.value.into());
        if let Some(preemption) = resolved.preemption {
            spec.insert("preemptionPolicy".to_owned(), preemption.into());
        }
        Ok(())
    }

    async fn resolve(&self, attributes: &Attributes<'_>, pod: &Value) -> Result<Resolved, ApiError> {
        let known = self.lister.priority_classes(Age::Cached).await?;
        let name = text(pod, &["spec", "priorityClassName"]);
        if name.is_empty() {
            return Ok(global_default(&known).map_or_else(Resolved::of_nothing, Resolved::of));
        }
        let named = |class: &&PriorityClass| class.metadata.name.as_deref() == Some(name);
        if let Some(class) = known.iter().find(named) {
            return Ok(Resolved::of(class));
        }
        let newest = self.lister.priority_classes(Age::Newest).await?;
        let refusal = || attributes.forbidden(pod, &format!("no PriorityClass with name {name} was found"));
        newest.iter().find(named).map(Resolved::of).ok_or_else(refusal)
    }
}

impl Resolved {
    fn of(class: &PriorityClass) -> Self {
        Self {
            class: class.metadata.name.clone().unwrap_or_default(),
            value: class.value.unwrap_or_default(),
            preemption: class.preemption_policy.clone(),
        }
    }

    fn of_nothing() -> Self {
        Self { class: String::new(), value: 0, preemption: Some("PreemptLowerPriority".to_owned()) }
    }
}

/// The class of pods that name none; of several the one with the lowest value.
fn global_default(classes: &[PriorityClass]) -> Option<&PriorityClass> {
    classes.iter().filter(|class| class.global_default == Some(true)).min_by_key(|class| class.value)
}

/// What creation set stays where an update leaves it out.
fn keep(pod: &mut Value, old: &Value) {
    for field in ["priority", "preemptionPolicy"] {
        let before = at(old, &["spec", field]);
        if at(pod, &["spec", field]).is_null() && !before.is_null() {
            map_mut(pod, &["spec"]).insert(field.to_owned(), before.clone());
        }
    }
}

impl Admission for Priority {
    fn admit<'a>(
        &'a self,
        attributes: Attributes<'a>,
        object: &'a mut Value,
    ) -> LocalBoxFuture<'a, Result<Vec<String>, ApiError>> {
        Box::pin(async move {
            if is_main(&attributes, "pods") {
                match (attributes.operation, attributes.old) {
                    (Operation::Create, _) => self.create(&attributes, object).await?,
                    (Operation::Update, Some(old)) => keep(object, old),
                    _ => {}
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
            let is_class = is_resource(&attributes, "scheduling.k8s.io", "priorityclasses")
                && attributes.subresource.is_empty()
                && matches!(attributes.operation, Operation::Create | Operation::Update);
            if !is_class || at(object, &["globalDefault"]).as_bool() != Some(true) {
                return Ok(Vec::new());
            }
            let classes = self.lister.priority_classes(Age::Newest).await?;
            let Some(other) = global_default(&classes).and_then(|class| class.metadata.name.as_deref()) else {
                return Ok(Vec::new());
            };
            if attributes.operation == Operation::Create || other != name(object) {
                let cause = format!("PriorityClass {other} is already marked as default. Only one default can exist");
                return Err(attributes.forbidden(object, &cause));
            }
            Ok(Vec::new())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admission::testing::{Ask, Objects, message};

    fn class(name: &str, value: i32, is_default: bool, preemption: Option<&str>) -> Value {
        json!({"metadata": {"name": name}, "value": value, "globalDefault": is_default, "preemptionPolicy": preemption})
    }

    fn plugin(classes: &[Value]) -> Priority {
        Priority::new(Arc::new(classes.iter().cloned().fold(Objects::default(), Objects::with_priority_class)))
    }

    #[tokio::test]
    async fn priorities_are_resolved() {
        let high = class("high", 1000, false, Some("Never"));
        let old = class("old", 7, false, None);
        let everybody = class("everybody", 5, true, Some("PreemptLowerPriority"));
        let lower = class("lower", 3, true, Some("Never"));
        let all = [high, old, everybody, lower];
        let resolved = |class: Option<&str>, priority: i32, preemption: Option<&str>| {
            let fields = [
                ("priorityClassName", class.map(Value::from)),
                ("priority", Some(priority.into())),
                ("preemptionPolicy", preemption.map(Value::from)),
            ];
            let set = fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
            Value::Object(set.collect())
        };
        let rows = [
            (&all[..2], json!({}), Ok(resolved(None, 0, Some("PreemptLowerPriority")))),
            (&all[..3], json!({}), Ok(resolved(Some("everybody"), 5, Some("PreemptLowerPriority")))),
            (&all[..], json!({}), Ok(resolved(Some("lower"), 3, Some("Never")))),
            (&all[..], json!({"priorityClassName": "high"}), Ok(resolved(Some("high"), 1000, Some("Never")))),
            (&all[..], json!({"priorityClassName": "old"}), Ok(resolved(Some("old"), 7, None))),
            (
                &all[..],
                json!({"priorityClassName": "high", "priority": 1000}),
                Ok(resolved(Some("high"), 1000, Some("Never"))),
            ),
            (
                &all[..],
                json!({"priorityClassName": "none"}),
                Err(r#"pods "p" is forbidden: no PriorityClass with name none was found"#),
            ),
            (
                &all[..],
                json!({"priorityClassName": "high", "priority": 7}),
                Err(
                    r#"pods "p" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name"#,
                ),
            ),
            (
                &all[..],
                json!({"priorityClassName": "high", "preemptionPolicy": "PreemptLowerPriority"}),
                Err(
                    r#"pods "p" is forbidden: the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name"#,
                ),
            ),
        ];
        for (classes, spec, expected) in rows {
            let ask = Ask::create("pods", json!({"metadata": {"name": "p"}, "spec": spec}));
            let outcome = ask.admit(&plugin(classes)).await;
            match expected {
                Ok(expected) => assert_eq!(outcome.unwrap()["spec"], expected),
                Err(expected) => assert_eq!(message(outcome.map(|_| ())).as_deref(), Some(expected)),
            }
        }
    }

    #[tokio::test]
    async fn updates_keep_what_was_resolved() {
        let old = json!({"spec": {"priority": 5, "preemptionPolicy": "Never"}});
        let admitted = Ask::update("pods", json!({"spec": {}}), old.clone()).admit(&plugin(&[])).await.unwrap();
        assert_eq!(admitted, old);
    }

    #[tokio::test]
    async fn there_is_one_default() {
        let plugin = plugin(&[class("one", 1, true, None)]);
        let in_group = |ask: Ask| ask.of("scheduling.k8s.io", "v1");
        let two = class("two", 2, true, None);
        let refusal = r#"priorityclasses.scheduling.k8s.io "two" is forbidden: PriorityClass one is already marked as default. Only one default can exist"#;
        let rows = [
            (in_group(Ask::create("priorityclasses", two.clone())), Some(refusal)),
            (in_group(Ask::update("priorityclasses", two.clone(), two)), Some(refusal)),
            (in_group(Ask::create("priorityclasses", class("two", 2, false, None))), None),
            (in_group(Ask::update("priorityclasses", class("one", 1, true, None), json!({}))), None),
        ];
        for (ask, expected) in rows {
            assert_eq!(message(ask.validate(&plugin).await).as_deref(), expected);
        }
    }
}
