//! From request info and user to the question that authorizers are asked.

use std::sync::Arc;

use super::{RequestInfo, selector};
use crate::authentication::user::UserInfo;
use crate::authorization::attributes::Attributes;

impl RequestInfo {
    /// The attributes of this request when `user` sends it.
    #[must_use]
    pub fn attributes(&self, user: Arc<UserInfo>) -> Attributes {
        Attributes {
            user,
            verb: self.verb.clone(),
            namespace: self.namespace.clone(),
            api_group: self.api_group.clone(),
            api_version: self.api_version.clone(),
            resource: self.resource.clone(),
            subresource: self.subresource.clone(),
            name: self.name.clone(),
            path: self.path.clone(),
            is_resource_request: self.is_resource_request,
            field_selector: selector::parse_fields(&self.field_selector)
                .ok_or_else(|| format!("invalid selector: '{}'", self.field_selector)),
            label_selector: selector::parse_labels(&self.label_selector)
                .ok_or_else(|| format!("unable to parse requirement: '{}'", self.label_selector)),
        }
    }
}
