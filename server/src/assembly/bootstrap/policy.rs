//! The bootstrap policy of RBAC: cluster-wide roles before bindings, then those of namespaces; and the binding that
//! makes the administrators of the kubeconfig what they are.

use k8s_openapi::Metadata;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::writer::{BootstrapError, Wish, Writer};
use crate::authorization::bootstrap::BootstrapPolicy;
use crate::authorization::bootstrap::reconcile::{self, Action};

const GROUP: &str = "rbac.authorization.k8s.io";
const ADMINISTRATORS: &str = "kubeadm:cluster-admins";

/// Brings all of it about.
pub(super) async fn reconcile(writer: &Writer) -> Result<(), BootstrapError> {
    let BootstrapPolicy { cluster_roles, mut cluster_role_bindings, roles, role_bindings } = BootstrapPolicy::load();
    cluster_role_bindings.push(administrators());
    writer.settle((GROUP, "v1", "clusterroles"), wishes(cluster_roles, reconcile::cluster_role)).await?;
    writer
        .settle((GROUP, "v1", "clusterrolebindings"), wishes(cluster_role_bindings, reconcile::cluster_role_binding))
        .await?;
    writer.settle((GROUP, "v1", "roles"), wishes(roles, reconcile::role)).await?;
    writer.settle((GROUP, "v1", "rolebindings"), wishes(role_bindings, reconcile::role_binding)).await
}

type Decide<T> = fn(Option<&T>, &T) -> Action<T>;

fn wishes<T: Metadata<Ty = ObjectMeta>>(objects: Vec<T>, decide: Decide<T>) -> Vec<Wish<T, Decide<T>>> {
    let wish = |wanted: T| {
        let ObjectMeta { namespace, name, .. } = wanted.metadata().clone();
        Wish { namespace, name: name.unwrap_or_default(), wanted, decide }
    };
    objects.into_iter().map(wish).collect()
}

/// The group of the administrator's certificate is bound, and not privileged by itself: so it can be taken back.
fn administrators() -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: ObjectMeta { name: Some(ADMINISTRATORS.to_owned()), ..ObjectMeta::default() },
        role_ref: RoleRef {
            api_group: Some(GROUP.to_owned()),
            kind: "ClusterRole".to_owned(),
            name: "cluster-admin".to_owned(),
        },
        subjects: Some(vec![Subject {
            api_group: Some(GROUP.to_owned()),
            kind: "Group".to_owned(),
            name: ADMINISTRATORS.to_owned(),
            namespace: None,
        }]),
    }
}
