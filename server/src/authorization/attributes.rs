//! What a request wants, as the authorizers see it.
//!
//! Made once a request from the request info and the user; also made by access reviews, impersonation and the RBAC
//! registry, which ask about requests that nobody sent.

use std::sync::Arc;

use crate::authentication::user::UserInfo;

/// One question to an authorizer: may this user do that?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Who asks.
    pub user: Arc<UserInfo>,
    /// `get`, `list`, `create` … for resources; the lower-case HTTP method for paths.
    pub verb: String,
    /// The namespace, empty for cluster-wide requests.
    pub namespace: String,
    /// The API group, empty for the core group.
    pub api_group: String,
    /// The API version. RBAC does not look at it.
    pub api_version: String,
    /// The plural resource name.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The object's name, or empty (lists and creations).
    pub name: String,
    /// The URL's path.
    pub path: String,
    /// Whether this is about a resource; otherwise about `path`.
    pub is_resource_request: bool,
    /// The field selector's requirements, or why they could not be read. Authorizers may narrow what they deny by
    /// them and must take an unreadable selector for no selector at all.
    pub field_selector: Result<Vec<FieldRequirement>, String>,
    /// The label selector's requirements, likewise.
    pub label_selector: Result<Vec<LabelRequirement>, String>,
}

/// One requirement of a field selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// The field's path, such as `spec.nodeName`.
    pub field: String,
    /// Whether the field has to equal `value`, or must not.
    pub equals: bool,
    /// The value to compare with.
    pub value: String,
}

/// One requirement of a label selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelRequirement {
    /// The label's key.
    pub key: String,
    /// How the label is compared.
    pub operator: LabelOperator,
    /// What it is compared with; empty for the operators of existence.
    pub values: Vec<String>,
}

/// How a label selector compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

impl Attributes {
    /// A resource request with everything but user, verb, group and resource left empty.
    pub fn resource(user: Arc<UserInfo>, verb: &str, api_group: &str, resource: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            api_group: api_group.to_owned(),
            resource: resource.to_owned(),
            is_resource_request: true,
            ..Self::path(user, "", "")
        }
    }

    /// A request for a path that is no resource.
    pub fn path(user: Arc<UserInfo>, verb: &str, path: &str) -> Self {
        Self {
            user,
            verb: verb.to_owned(),
            namespace: String::new(),
            api_group: String::new(),
            api_version: String::new(),
            resource: String::new(),
            subresource: String::new(),
            name: String::new(),
            path: path.to_owned(),
            is_resource_request: false,
            field_selector: Ok(Vec::new()),
            label_selector: Ok(Vec::new()),
        }
    }

    /// The same request in `namespace`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// The same request for the object `name`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The same request on a subresource.
    #[must_use]
    pub fn on_subresource(mut self, subresource: &str) -> Self {
        subresource.clone_into(&mut self.subresource);
        self
    }

    /// Whether the verb changes nothing: `get`, `list`, `watch`.
    pub fn is_read_only(&self) -> bool {
        matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}
