//! Role-based access control, over the four RBAC kinds.
//!
//! [`Snapshot`] is immutable and indexed by subject; the one who watches the objects builds a new one when they
//! change and swaps it in. Everything else here is a function of rules: whether one allows a request ([`rule`]),
//! whether some cover others ([`cover`]), whether a user may write a role or a binding ([`escalation`]), what an
//! aggregated ClusterRole consists of ([`aggregation`]).
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>.

pub mod aggregation;
pub mod cover;
pub mod escalation;
pub mod rule;
mod snapshot;

pub use snapshot::{RbacObjects, RoleReferenceError, Snapshot, UserRuleSet, Visited};

/// The API group of the RBAC kinds.
pub const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
/// `false` on a bootstrap role or binding keeps it from being reconciled.
pub const AUTO_UPDATE_ANNOTATION: &str = "rbac.authorization.kubernetes.io/autoupdate";
