//! Objects in maps and writes in one line, for the plugins' tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use howdah_store::Revision;
use k8s_openapi::api::core::v1::{LimitRange, Node, ServiceAccount};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::lister::{Age, Charge, Charged, Lister, Namespace, Quota, Reading};
use super::resource_list::tree;
use super::tree::{map_mut, text};
use crate::authentication::user::UserInfo;
use crate::registry::admission_seam::{Admission, Attributes, Operation};
use crate::registry::route::by_plural;
use crate::status::ApiError;

/// A write.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    user: Arc<UserInfo>,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    subresource: &'static str,
    operation: Operation,
    namespace: &'static str,
    name: String,
    object: Value,
    old: Option<Value>,
    dry_run: bool,
}

impl Ask {
    fn new(plural: &'static str, operation: Operation, object: Value, old: Option<Value>) -> Self {
        let name =
            text(if object.is_null() { old.as_ref().unwrap_or(&object) } else { &object }, &["metadata", "name"]);
        Self {
            user: Arc::new(UserInfo::new("u", ["g"])),
            group: "",
            version: "v1",
            plural,
            subresource: "",
            operation,
            namespace: "ns",
            name: name.to_owned(),
            object,
            old,
            dry_run: false,
        }
    }

    pub(super) fn create(plural: &'static str, object: Value) -> Self {
        Self::new(plural, Operation::Create, object, None)
    }

    pub(super) fn update(plural: &'static str, object: Value, old: Value) -> Self {
        Self::new(plural, Operation::Update, object, Some(old))
    }

    pub(super) fn delete(plural: &'static str, old: Value) -> Self {
        Self::new(plural, Operation::Delete, Value::Null, Some(old))
    }

    pub(super) fn of(self, group: &'static str, version: &'static str) -> Self {
        Self { group, version, ..self }
    }

    pub(super) fn on(self, subresource: &'static str) -> Self {
        Self { subresource, ..self }
    }

    pub(super) fn within(self, namespace: &'static str) -> Self {
        Self { namespace, ..self }
    }

    pub(super) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    pub(super) fn dry(self) -> Self {
        Self { dry_run: true, ..self }
    }

    fn attributes(&self) -> Attributes<'_> {
        Attributes {
            user: &self.user,
            served: by_plural(self.group, self.version, self.plural).expect("the resource is served"),
            subresource: self.subresource,
            operation: self.operation,
            namespace: self.namespace,
            name: &self.name,
            old: self.old.as_ref(),
            dry_run: self.dry_run,
        }
    }

    /// The object as the plugin leaves it.
    pub(super) async fn admit(&self, plugin: &dyn Admission) -> Result<Value, ApiError> {
        let mut object = self.object.clone();
        plugin.admit(self.attributes(), &mut object).await.map(|_| object)
    }

    /// The judgement.
    pub(super) async fn validate(&self, plugin: &dyn Admission) -> Result<(), ApiError> {
        self.warnings(plugin).await.map(|_| ())
    }

    /// The judgement, with its warnings.
    pub(super) async fn warnings(&self, plugin: &dyn Admission) -> Result<Vec<String>, ApiError> {
        plugin.validate(self.attributes(), &self.object).await
    }
}

/// The sentence of a refusal.
pub(super) fn message(outcome: Result<(), ApiError>) -> Option<String> {
    outcome.err().and_then(|error| error.status().message)
}

/// Objects. What was changed is only seen by who asks for the newest.
#[derive(Default)]
pub(super) struct Objects {
    namespaces: BTreeMap<String, Namespace>,
    newest_namespaces: BTreeMap<String, Option<Namespace>>,
    accounts: BTreeMap<(String, String), Arc<ServiceAccount>>,
    limit_ranges: Vec<(String, LimitRange)>,
    priority_classes: Vec<PriorityClass>,
    nodes: BTreeMap<String, Node>,
    pods: Vec<Value>,
    /// As they stand, and as this process knows them.
    quotas: Mutex<(Vec<Quota>, Vec<Quota>)>,
    /// How many charges are overtaken by another writer first.
    pub(super) rivals: AtomicUsize,
    /// How often quotas were charged.
    pub(super) charges: AtomicUsize,
}

fn read<T: DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("the object can be read")
}

impl Objects {
    pub(super) fn with_namespace(mut self, name: &str, is_terminating: bool) -> Self {
        self.namespaces.insert(name.to_owned(), Namespace { is_terminating, ..Namespace::default() });
        self
    }

    pub(super) fn with_labels(mut self, name: &str, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.namespaces.insert(name.to_owned(), Namespace { labels, is_terminating: false });
        self
    }

    /// `None` where it is gone, else whether it is terminating.
    pub(super) fn changed(mut self, name: &str, state: Option<bool>) -> Self {
        let state = state.map(|is_terminating| Namespace { is_terminating, ..Namespace::default() });
        self.newest_namespaces.insert(name.to_owned(), state);
        self
    }

    pub(super) fn with_service_account(mut self, namespace: &str, account: Value) -> Self {
        let name = text(&account, &["metadata", "name"]).to_owned();
        self.accounts.insert((namespace.to_owned(), name), Arc::new(read(account)));
        self
    }

    pub(super) fn with_limit_range(mut self, namespace: &str, limits: Value) -> Self {
        self.limit_ranges.push((namespace.to_owned(), read(limits)));
        self
    }

    pub(super) fn with_priority_class(mut self, class: Value) -> Self {
        self.priority_classes.push(read(class));
        self
    }

    pub(super) fn with_node(mut self, node: Value) -> Self {
        self.nodes.insert(text(&node, &["metadata", "name"]).to_owned(), read(node));
        self
    }

    pub(super) fn with_pod(mut self, pod: Value) -> Self {
        self.pods.push(pod);
        self
    }

    pub(super) fn with_quota(self, name: &str, spec: Value, used: Value) -> Self {
        let mut object = json!({"metadata": {"name": name}, "status": {"hard": spec["hard"]}});
        object["spec"] = spec;
        object["status"]["used"] = used;
        {
            let mut quotas = self.quotas.lock().unwrap();
            let quota = Quota { object, revision: Revision::new(1).unwrap() };
            quotas.0.push(quota.clone());
            quotas.1.push(quota);
        }
        self
    }

    /// What is used of a quota now.
    pub(super) fn used(&self, name: &str) -> Value {
        let quotas = self.quotas.lock().unwrap();
        let quota = quotas.0.iter().find(|quota| text(&quota.object, &["metadata", "name"]) == name);
        quota.expect("there is such a quota").object["status"]["used"].clone()
    }

    /// Another writer sets what is used, and this process does not hear of it.
    pub(super) fn set_used(&self, index: usize, used: Value) {
        let mut quotas = self.quotas.lock().unwrap();
        let quota = &mut quotas.0[index];
        map_mut(&mut quota.object, &["status"]).insert("used".to_owned(), used);
        quota.revision = quota.revision.next();
    }
}

fn now<'a, T: Send + 'a>(value: T) -> Reading<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Lister for Objects {
    fn namespace<'a>(&'a self, name: &'a str, age: Age) -> Reading<'a, Option<Namespace>> {
        let known = self.namespaces.get(name).cloned();
        now(match age {
            Age::Cached => known,
            _ => self.newest_namespaces.get(name).cloned().unwrap_or(known),
        })
    }

    fn service_account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
        _age: Age,
    ) -> Reading<'a, Option<Arc<ServiceAccount>>> {
        now(self.accounts.get(&(namespace.to_owned(), name.to_owned())).cloned())
    }

    fn coming_service_account<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> Reading<'a, Option<Arc<ServiceAccount>>> {
        self.service_account(namespace, name, Age::Newest)
    }

    fn limit_ranges<'a>(&'a self, namespace: &'a str) -> Reading<'a, Vec<LimitRange>> {
        let here = self.limit_ranges.iter().filter(|(of, _)| of == namespace);
        now(here.map(|(_, limits)| limits.clone()).collect())
    }

    fn priority_classes(&self, _age: Age) -> Reading<'_, Vec<PriorityClass>> {
        now(self.priority_classes.clone())
    }

    fn node_labels<'a>(&'a self, name: &'a str) -> Reading<'a, Option<BTreeMap<String, String>>> {
        now(self.nodes.get(name).map(|node| node.metadata.labels.clone().unwrap_or_default()))
    }

    fn node<'a>(&'a self, name: &'a str) -> Reading<'a, Option<Node>> {
        now(self.nodes.get(name).cloned())
    }

    fn pods<'a>(&'a self, _namespace: &'a str, limit: usize) -> Reading<'a, (Vec<Value>, usize)> {
        now((self.pods.iter().take(limit).cloned().collect(), self.pods.len()))
    }

    fn has_quotas<'a>(&'a self, _namespace: &'a str) -> Reading<'a, bool> {
        now(!self.quotas.lock().unwrap().1.is_empty())
    }

    fn quotas<'a>(&'a self, _namespace: &'a str, age: Age) -> Reading<'a, Vec<Quota>> {
        let mut quotas = self.quotas.lock().unwrap();
        if age == Age::Newest {
            quotas.1 = quotas.0.clone();
        }
        now(quotas.1.clone())
    }

    fn charge(&self, charges: Vec<Charge>) -> Reading<'_, Charged> {
        Box::pin(async move {
            // Others get their turn between reading and writing.
            tokio::task::yield_now().await;
            let is_overtaken =
                self.rivals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let mut quotas = self.quotas.lock().unwrap();
            let name = |quota: &Quota| text(&quota.object, &["metadata", "name"]).to_owned();
            let (stands, known) = &mut *quotas;
            if is_overtaken {
                stands.iter_mut().for_each(|quota| quota.revision = quota.revision.next());
            }
            let place = |charge: &Charge| stands.iter().position(|quota| name(quota) == name(&charge.quota));
            let places: Option<Vec<usize>> = charges
                .iter()
                .map(|charge| place(charge).filter(|&place| stands[place].revision == charge.quota.revision))
                .collect();
            let Some(places) = places else { return Ok(Charged::Overtaken) };
            for (place, charge) in places.into_iter().zip(charges) {
                let quota = &mut stands[place];
                map_mut(&mut quota.object, &["status"]).insert("used".to_owned(), tree(&charge.used));
                quota.revision = quota.revision.next();
            }
            known.clone_from(stands);
            self.charges.fetch_add(1, Ordering::SeqCst);
            Ok(Charged::At(Revision::new(1).unwrap()))
        })
    }
}
