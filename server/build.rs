//! Collects what the API's types and fields are for, in k8s-openapi's words, for the OpenAPI documents.
//!
//! k8s-openapi carries these texts in its schemas alone. Compiling those into the server would cost minutes and
//! megabytes; so they are compiled into this script, which writes the texts, compressed, to `descriptions.gz`: a line a
//! definition (its name, a tab, its text as a JSON string), and behind it, each after a blank, a line a field in the same
//! form. `src/openapi/description.rs` reads it.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use k8s_openapi::schemars::generate::SchemaSettings;
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Takes the schemas of kinds in. Lists have none.
macro_rules! kinds {
    ($generator:expr; $($($module:ident)::+ [$($kind:ident),* $(,)?])*) => {
        $({
            use k8s_openapi::$($module)::+ as module;
            $(take::<module::$kind>($generator);)*
        })*
    };
}

fn take<T: JsonSchema>(generator: &mut SchemaGenerator) {
    // The definition is kept in the generator; the reference to it isn't wanted.
    let _reference = generator.subschema_for::<T>();
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut generator = SchemaSettings::draft07().into_generator();
    all(&mut generator);
    let definitions: BTreeMap<String, Value> = generator.take_definitions(false).into_iter().collect();
    let file = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join("descriptions.gz");
    let mut out = GzEncoder::new(std::fs::File::create(file)?, Compression::best());
    for (name, schema) in &definitions {
        writeln!(out, "{name}\t{}", text(schema))?;
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            writeln!(out, " {field}\t{}", text(schema))?;
        }
    }
    out.finish()?;
    Ok(())
}

/// The description, as JSON; an empty text where there is none.
fn text(schema: &Value) -> Value {
    schema["description"].as_str().unwrap_or_default().into()
}

fn all(generator: &mut SchemaGenerator) {
    kinds! { generator;
        api::admissionregistration::v1 [
            MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingWebhookConfiguration,
            ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
        ]
        api::admissionregistration::v1alpha1 [MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding]
        api::admissionregistration::v1beta1 [MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding]
        api::apiserverinternal::v1alpha1 [StorageVersion]
        api::apps::v1 [ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet]
        api::authentication::v1 [SelfSubjectReview, TokenRequest, TokenReview]
        api::authorization::v1 [
            LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
        ]
        api::autoscaling::v1 [HorizontalPodAutoscaler, Scale]
        api::autoscaling::v2 [HorizontalPodAutoscaler]
        api::batch::v1 [CronJob, Job]
        api::certificates::v1 [CertificateSigningRequest, ClusterTrustBundle, PodCertificateRequest]
        api::certificates::v1beta1 [ClusterTrustBundle, PodCertificateRequest]
        api::coordination::v1 [Lease]
        api::coordination::v1alpha2 [LeaseCandidate]
        api::coordination::v1beta1 [LeaseCandidate]
        api::core::v1 [
            Binding, ComponentStatus, ConfigMap, Endpoints, Event, LimitRange, Namespace, Node, PersistentVolume,
            PersistentVolumeClaim, Pod, PodTemplate, ReplicationController, ResourceQuota, Secret, Service,
            ServiceAccount,
        ]
        api::discovery::v1 [EndpointSlice]
        api::events::v1 [Event]
        api::flowcontrol::v1 [FlowSchema, PriorityLevelConfiguration]
        api::lifecycle::v1alpha1 [Eviction, EvictionRequest]
        api::networking::v1 [IPAddress, Ingress, IngressClass, NetworkPolicy, ServiceCIDR]
        api::node::v1 [RuntimeClass]
        api::policy::v1 [Eviction, PodDisruptionBudget]
        api::rbac::v1 [ClusterRole, ClusterRoleBinding, Role, RoleBinding]
        api::resource::v1 [DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate, ResourceSlice]
        api::resource::v1alpha3 [DeviceTaintRule, ResourcePoolStatusRequest]
        api::resource::v1beta1 [DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice]
        api::resource::v1beta2 [DeviceClass, DeviceTaintRule, ResourceClaim, ResourceClaimTemplate, ResourceSlice]
        api::scheduling::v1 [PriorityClass]
        api::scheduling::v1alpha3 [CompositePodGroup, PodGroup, Workload]
        api::scheduling::v1beta1 [PodGroup, Workload]
        api::storage::v1 [
            CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment, VolumeAttributesClass,
        ]
        api::storagemigration::v1 [StorageVersionMigration]
        api::storagemigration::v1beta1 [StorageVersionMigration]
        apiextensions_apiserver::pkg::apis::apiextensions::v1 [CustomResourceDefinition]
        kube_aggregator::pkg::apis::apiregistration::v1 [APIService]
        apimachinery::pkg::apis::meta::v1 [APIResourceList, DeleteOptions, Patch, Status]
    }
    take::<k8s_openapi::apimachinery::pkg::apis::meta::v1::WatchEvent<k8s_openapi::api::core::v1::Pod>>(generator);
}
