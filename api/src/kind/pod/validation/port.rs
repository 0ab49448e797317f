//! The ports of containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, ContainerPort};

use super::message::each_invalid;
use crate::validation::name::{is_valid_port_name, is_valid_port_num};
use crate::validation::{Errors, FieldError, FieldPath};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// All that is wrong with a container's ports.
pub(super) fn container_ports(ports: &[ContainerPort], path: &FieldPath<'_>) -> Errors {
    let mut names = BTreeSet::new();
    let mut errors = Errors::new();
    for (at, port) in ports.iter().enumerate() {
        let path = path.index(at);
        let name = port.name.as_deref().unwrap_or_default();
        if !name.is_empty() {
            let messages = is_valid_port_name(name);
            if messages.is_empty() && !names.insert(name) {
                errors.push(FieldError::duplicate(&path.child("name"), name));
            }
            errors.extend(each_invalid(&path.child("name"), name, messages));
        }
        if port.container_port == 0 {
            errors.push(FieldError::required(&path.child("containerPort"), ""));
        } else {
            errors.extend(port_number(port.container_port, &path.child("containerPort")));
        }
        if let Some(host_port) = port.host_port.filter(|port| *port != 0) {
            errors.extend(port_number(host_port, &path.child("hostPort")));
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if protocol.is_empty() {
            errors.push(FieldError::required(&path.child("protocol"), ""));
        } else if !PROTOCOLS.contains(&protocol) {
            errors.push(FieldError::not_supported(&path.child("protocol"), protocol, &PROTOCOLS));
        }
    }
    errors
}

fn port_number(port: i32, path: &FieldPath<'_>) -> Errors {
    each_invalid(path, port, is_valid_port_num(i64::from(port)))
}

/// Collects the host ports of the containers in `seen`; those that are there already are errors.
pub(crate) fn accumulate_unique_host_ports(
    containers: &[Container],
    seen: &mut BTreeSet<String>,
    path: &FieldPath<'_>,
) -> Errors {
    let mut errors = Errors::new();
    for (container, ports) in containers.iter().map(|container| container.ports.as_deref()).enumerate() {
        let path = path.index(container);
        let path = path.child("ports");
        for (at, port) in ports.unwrap_or_default().iter().enumerate() {
            let Some(number) = port.host_port.filter(|port| *port != 0) else { continue };
            let protocol = port.protocol.as_deref().unwrap_or_default();
            let address = port.host_ip.as_deref().unwrap_or_default();
            let key = format!("{protocol}/{address}/{number}");
            if seen.contains(&key) {
                errors.push(FieldError::duplicate(&path.index(at).child("hostPort"), key));
            } else {
                seen.insert(key);
            }
        }
    }
    errors
}
