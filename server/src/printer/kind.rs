//! Which kind is printed how.

use howdah_api::resource::Resource;
use howdah_api::time::{Layout, Time};
use serde_json::Value;

use super::column::{Column, NAME};
use super::view::View;
use super::{
    admission, batch, certificate, core, event, flow, lifecycle, network, node, pod, policy, resource, row, scheduling,
    storage, workload,
};

/// How a kind is printed.
pub(super) struct Kind {
    pub(super) columns: &'static [Column],
    pub(super) cells: fn(View<'_>) -> Vec<Value>,
    /// The row's conditions.
    pub(super) conditions: Option<fn(View<'_>) -> Option<Value>>,
}

/// What has no printer: name and time of creation.
pub(super) const DEFAULT: Kind = Kind {
    columns: &[NAME, Column { name: "Created At", kind: "date", ..super::column::AGE }],
    cells: |object| {
        let created = object.time("metadata.creationTimestamp");
        // Go's zero time, which is written in full here.
        let created = created.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |time| time.format(Layout::Seconds));
        row![object.name(), created]
    },
    conditions: None,
};

/// What prints the answers of one resource or subresource.
#[derive(Clone, Copy)]
pub struct Printer {
    kind: &'static Kind,
    list: ListRule,
    /// Group, version and kind of the form that is read.
    of: (&'static str, &'static str, &'static str),
}

/// What printing a whole list does besides printing its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListRule {
    /// Nothing.
    Plain,
    /// The default StorageClass is marked.
    StorageClasses,
    /// FlowSchemas are ordered by precedence.
    FlowSchemas,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").field("of", &self.of).finish_non_exhaustive()
    }
}

impl Printer {
    /// The printer of a resource (with an empty `subresource`) or of what a subresource answers.
    #[must_use]
    pub fn of(resource: &Resource, subresource: &str) -> Self {
        let below = resource.subresource(subresource).filter(|below| below.kind == "Scale");
        if below.is_some() {
            return Self { kind: &workload::SCALE, list: ListRule::Plain, of: ("autoscaling", "v1", "Scale") };
        }
        let kind = find(&resource.storage.group, &resource.plural);
        let list = match (&*resource.group, &*resource.plural) {
            ("storage.k8s.io", "storageclasses") => ListRule::StorageClasses,
            ("flowcontrol.apiserver.k8s.io", "flowschemas") => ListRule::FlowSchemas,
            _ => ListRule::Plain,
        };
        // Built-in rows borrow from the table; others have no schema to check paths against.
        let known = howdah_api::resource::by_kind(&resource.storage.group, &resource.storage.version, &resource.kind);
        let of = known.map_or(("", "", ""), |row| (&*row.group, &*row.version, &*row.kind));
        Self { kind, list, of }
    }

    /// The columns, wide ones included.
    #[must_use]
    pub fn columns(&self) -> &'static [Column] {
        self.kind.columns
    }

    /// The cells of an object in its stored form.
    #[must_use]
    pub fn cells(&self, object: &Value, now: Time) -> Vec<Value> {
        (self.kind.cells)(self.view(object, now))
    }

    pub(super) fn conditions(&self, object: &Value, now: Time) -> Option<Value> {
        self.kind.conditions.and_then(|conditions| conditions(self.view(object, now)))
    }

    pub(super) fn list_rule(&self) -> ListRule {
        self.list
    }

    fn view<'a>(&self, object: &'a Value, now: Time) -> View<'a> {
        View::of(object, self.of, now)
    }
}

/// One row a kind, in the resource table's order. Absent on purpose, as upstream's printers of them go unused: roles,
/// cluster roles, limit ranges, storage capacities, custom resource definitions and reviews.
fn find(group: &str, plural: &str) -> &'static Kind {
    match (group, plural) {
        ("", "componentstatuses") => &core::COMPONENT_STATUS,
        ("", "configmaps") => &core::CONFIG_MAP,
        ("", "endpoints") => &network::ENDPOINTS,
        ("", "events") => &event::EVENT,
        ("", "namespaces") => &core::NAMESPACE,
        ("", "nodes") => &node::NODE,
        ("", "persistentvolumeclaims") => &storage::VOLUME_CLAIM,
        ("", "persistentvolumes") => &storage::VOLUME,
        ("", "pods") => &pod::POD,
        ("", "podtemplates") => &pod::POD_TEMPLATE,
        ("", "replicationcontrollers") => &workload::REPLICATION_CONTROLLER,
        ("", "resourcequotas") => &core::RESOURCE_QUOTA,
        ("", "secrets") => &core::SECRET,
        ("", "serviceaccounts") => &core::SERVICE_ACCOUNT,
        ("", "services") => &network::SERVICE,
        ("apiregistration.k8s.io", "apiservices") => &admission::API_SERVICE,
        ("apps", "controllerrevisions") => &workload::CONTROLLER_REVISION,
        ("apps", "daemonsets") => &workload::DAEMON_SET,
        ("apps", "deployments") => &workload::DEPLOYMENT,
        ("apps", "replicasets") => &workload::REPLICA_SET,
        ("apps", "statefulsets") => &workload::STATEFUL_SET,
        ("autoscaling", "horizontalpodautoscalers") => &workload::HORIZONTAL_POD_AUTOSCALER,
        ("batch", "cronjobs") => &batch::CRON_JOB,
        ("batch", "jobs") => &batch::JOB,
        ("certificates.k8s.io", "certificatesigningrequests") => &certificate::SIGNING_REQUEST,
        ("certificates.k8s.io", "clustertrustbundles") => &certificate::TRUST_BUNDLE,
        ("certificates.k8s.io", "podcertificaterequests") => &certificate::POD_REQUEST,
        ("networking.k8s.io", "ingressclasses") => &network::INGRESS_CLASS,
        ("networking.k8s.io", "ingresses") => &network::INGRESS,
        ("networking.k8s.io", "ipaddresses") => &network::IP_ADDRESS,
        ("networking.k8s.io", "networkpolicies") => &network::NETWORK_POLICY,
        ("networking.k8s.io", "servicecidrs") => &network::SERVICE_CIDR,
        ("policy", "poddisruptionbudgets") => &policy::DISRUPTION_BUDGET,
        ("rbac.authorization.k8s.io", "clusterrolebindings" | "rolebindings") => &policy::ROLE_BINDING,
        ("storage.k8s.io", "csidrivers") => &storage::CSI_DRIVER,
        ("storage.k8s.io", "csinodes") => &storage::CSI_NODE,
        ("storage.k8s.io", "storageclasses") => &storage::STORAGE_CLASS,
        ("storage.k8s.io", "volumeattachments") => &storage::VOLUME_ATTACHMENT,
        ("storage.k8s.io", "volumeattributesclasses") => &storage::ATTRIBUTES_CLASS,
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies") => &admission::MUTATING_POLICY,
        ("admissionregistration.k8s.io", "validatingadmissionpolicies") => &admission::VALIDATING_POLICY,
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings" | "validatingadmissionpolicybindings") => {
            &admission::POLICY_BINDING
        }
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations" | "validatingwebhookconfigurations") => {
            &admission::WEBHOOKS
        }
        ("scheduling.k8s.io", "compositepodgroups") => &scheduling::COMPOSITE_POD_GROUP,
        ("scheduling.k8s.io", "podgroups") => &scheduling::POD_GROUP,
        ("scheduling.k8s.io", "priorityclasses") => &scheduling::PRIORITY_CLASS,
        ("coordination.k8s.io", "leasecandidates") => &policy::LEASE_CANDIDATE,
        ("coordination.k8s.io", "leases") => &policy::LEASE,
        ("node.k8s.io", "runtimeclasses") => &node::RUNTIME_CLASS,
        ("discovery.k8s.io", "endpointslices") => &network::ENDPOINT_SLICE,
        ("resource.k8s.io", "deviceclasses" | "resourceclaimtemplates") | ("scheduling.k8s.io", "workloads") => {
            &core::NAME_AND_AGE
        }
        ("resource.k8s.io", "devicetaintrules") => &resource::TAINT_RULE,
        ("resource.k8s.io", "resourceclaims") => &resource::CLAIM,
        ("resource.k8s.io", "resourcepoolstatusrequests") => &resource::POOL_STATUS_REQUEST,
        ("resource.k8s.io", "resourceslices") => &resource::SLICE,
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => &flow::FLOW_SCHEMA,
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations") => &flow::PRIORITY_LEVEL,
        ("internal.apiserver.k8s.io", "storageversions") => &storage::STORAGE_VERSION,
        ("storagemigration.k8s.io", "storageversionmigrations") => &storage::MIGRATION,
        ("lifecycle.k8s.io", "evictionrequests") => &lifecycle::EVICTION_REQUEST,
        ("lifecycle.k8s.io", "evictions") => &lifecycle::EVICTION,
        _ => &DEFAULT,
    }
}
