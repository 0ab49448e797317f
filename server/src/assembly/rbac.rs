//! The RBAC authorizer over a snapshot that follows the hub.
//!
//! Four reflectors hold the objects; whenever one has changed, a task makes a snapshot of all and puts it in the place
//! of the old one. Requests read whatever snapshot stands.

use std::sync::{Arc, PoisonError, RwLock};

use howdah_api::resource::by_plural;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::de::DeserializeOwned;
use tokio::sync::watch as signal;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::authentication::user::UserInfo;
use crate::authorization::attributes::Attributes;
use crate::authorization::authorizer::{Authorizer, UserRules, Verdict};
use crate::authorization::rbac::{RbacObjects, Snapshot};
use crate::hub::{Hub, Reflector};

/// Decides by the newest snapshot.
pub(super) struct Rbac {
    current: Arc<RwLock<Arc<Snapshot>>>,
    /// How often a snapshot was made.
    made: signal::Receiver<u64>,
    task: AbortHandle,
}

impl Drop for Rbac {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rbac {
    /// Follows the hub. Needs a tokio runtime.
    pub(super) fn start(hub: &Hub) -> Arc<Self> {
        let roles: Reflector<Role> = reflector(hub, "roles");
        let cluster_roles: Reflector<ClusterRole> = reflector(hub, "clusterroles");
        let role_bindings: Reflector<RoleBinding> = reflector(hub, "rolebindings");
        let cluster_role_bindings: Reflector<ClusterRoleBinding> = reflector(hub, "clusterrolebindings");
        let current = Arc::new(RwLock::new(Arc::new(Snapshot::default())));
        let (tell, made) = signal::channel(0);
        let place = Arc::clone(&current);
        let task = tokio::spawn(async move {
            let mut changes =
                [roles.changes(), cluster_roles.changes(), role_bindings.changes(), cluster_role_bindings.changes()];
            loop {
                let filled = changes.iter_mut().all(|change| *change.borrow_and_update() > 0);
                if filled {
                    let objects = RbacObjects {
                        roles: roles.list(),
                        cluster_roles: cluster_roles.list(),
                        role_bindings: role_bindings.list(),
                        cluster_role_bindings: cluster_role_bindings.list(),
                    };
                    let snapshot = Arc::new(Snapshot::new(objects));
                    *place.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
                    tell.send_modify(|count| *count += 1);
                }
                let [a, b, c, d] = &mut changes;
                let changed = tokio::select! {
                    changed = a.changed() => changed,
                    changed = b.changed() => changed,
                    changed = c.changed() => changed,
                    changed = d.changed() => changed,
                };
                if changed.is_err() {
                    return;
                }
            }
        });
        Arc::new(Self { current, made, task: task.abort_handle() })
    }

    /// The newest snapshot.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is a snapshot.
    pub(super) fn is_ready(&self) -> bool {
        *self.made.borrow() > 0
    }

    /// Waits until a snapshot satisfies `is_enough`; false where the deadline passes before.
    pub(super) async fn wait_for(&self, is_enough: impl Fn(&Snapshot) -> bool, deadline: Instant) -> bool {
        let mut made = self.made.clone();
        let waited = timeout_at(deadline, made.wait_for(|count| *count > 0 && is_enough(&self.snapshot()))).await;
        matches!(waited, Ok(Ok(_)))
    }
}

fn reflector<T: DeserializeOwned + Send + Sync + 'static>(hub: &Hub, plural: &str) -> Reflector<T> {
    let row = by_plural("rbac.authorization.k8s.io", "v1", plural).expect("the table has RBAC's resources");
    Reflector::start(&hub.cache(row))
}

impl Authorizer for Rbac {
    fn authorize(&self, attributes: &Attributes) -> Verdict {
        self.snapshot().authorize(attributes)
    }

    fn rules_for(&self, user: &UserInfo, namespace: &str) -> UserRules {
        self.snapshot().rules_for(user, namespace)
    }
}
