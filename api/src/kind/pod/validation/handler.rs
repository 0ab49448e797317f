//! What is done to a container: by its probes, and at the turns of its life.

use k8s_openapi::api::core::v1::{
    ExecAction, GRPCAction, HTTPGetAction, LifecycleHandler, Probe, SleepAction, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::message::{each_invalid, required};
use super::one_of::OneOf;
use crate::validation::name::{is_http_header_name, is_valid_port_name, is_valid_port_num};
use crate::validation::{Errors, FieldError, FieldPath};

const HTTP: &str = "HTTP";
const SCHEMES: [&str; 2] = [HTTP, "HTTPS"];
const HTTP2: &str = "HTTP2";
const PROTOCOLS: [&str; 2] = ["HTTP1", HTTP2];
const GRPC_MODES: [&str; 2] = ["Plaintext", "TLS"];

/// What a probe and a lifecycle hook have in common.
pub(super) struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

impl<'a> From<&'a Probe> for Handler<'a> {
    fn from(probe: &'a Probe) -> Self {
        Self {
            exec: probe.exec.as_ref(),
            http_get: probe.http_get.as_ref(),
            tcp_socket: probe.tcp_socket.as_ref(),
            grpc: probe.grpc.as_ref(),
            sleep: None,
        }
    }
}

impl<'a> From<&'a LifecycleHandler> for Handler<'a> {
    fn from(handler: &'a LifecycleHandler) -> Self {
        Self {
            exec: handler.exec.as_ref(),
            http_get: handler.http_get.as_ref(),
            tcp_socket: handler.tcp_socket.as_ref(),
            grpc: None,
            sleep: handler.sleep.as_ref(),
        }
    }
}

/// All that is wrong with the handler.
pub(super) fn handler<'a>(handler: impl Into<Handler<'a>>, grace_period: Option<i64>, path: &FieldPath<'_>) -> Errors {
    let Handler { exec, http_get, tcp_socket, grpc, sleep } = handler.into();
    let mut one = OneOf::new(path, "handler");
    one.member(exec, "exec", exec_action);
    one.member(http_get, "httpGet", http_get_action);
    one.member(tcp_socket, "tcpSocket", |tcp, path| port_number_or_name(&tcp.port, &path.child("port")));
    one.member(grpc, "grpc", grpc_action);
    one.member(sleep, "sleep", |sleep, path| sleep_action(sleep, grace_period, path).into_iter().collect());
    one.finish()
}

fn exec_action(exec: &ExecAction, path: &FieldPath<'_>) -> Errors {
    let empty = exec.command.as_deref().unwrap_or_default().is_empty();
    empty.then(|| FieldError::required(&path.child("command"), "")).into_iter().collect()
}

fn http_get_action(get: &HTTPGetAction, path: &FieldPath<'_>) -> Errors {
    let scheme = get.scheme.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    errors.extend(required(get.path.as_deref().unwrap_or_default(), &path.child("path")));
    errors.extend(port_number_or_name(&get.port, &path.child("port")));
    if !SCHEMES.contains(&scheme) {
        errors.push(FieldError::not_supported(&path.child("scheme"), scheme, &SCHEMES));
    }
    for header in get.http_headers.iter().flatten() {
        let messages = is_http_header_name(&header.name);
        errors.extend(each_invalid(&path.child("httpHeaders"), header.name.as_str(), messages));
    }
    let host = get.host.as_deref().unwrap_or_default();
    let protocol_path = path.child("protocol");
    match get.protocol.as_deref() {
        Some(protocol) if !PROTOCOLS.contains(&protocol) => {
            errors.push(FieldError::not_supported(&protocol_path, protocol, &PROTOCOLS));
        }
        Some(HTTP2) if scheme != HTTP => {
            errors.push(FieldError::invalid(&protocol_path, HTTP2, "is only supported with HTTP (H2C)"));
        }
        Some(HTTP2) if !host.is_empty() => {
            let detail = "must be empty when `protocol` is \"HTTP2\"";
            errors.push(FieldError::invalid(&path.child("host"), host, detail));
        }
        _ => {}
    }
    errors
}

fn port_number_or_name(port: &IntOrString, path: &FieldPath<'_>) -> Errors {
    match port {
        IntOrString::Int(number) => each_invalid(path, *number, is_valid_port_num(i64::from(*number))),
        IntOrString::String(name) => each_invalid(path, name.as_str(), is_valid_port_name(name)),
    }
}

fn grpc_action(grpc: &GRPCAction, path: &FieldPath<'_>) -> Errors {
    let mut errors = each_invalid(&path.child("port"), grpc.port, is_valid_port_num(i64::from(grpc.port)));
    if let Some(mode) = grpc.mode.as_deref().filter(|mode| !GRPC_MODES.contains(mode)) {
        errors.push(FieldError::not_supported(&path.child("mode"), mode, &GRPC_MODES));
    }
    errors
}

/// Without a grace period nothing is said: its absence is an error of its own.
fn sleep_action(sleep: &SleepAction, grace_period: Option<i64>, path: &FieldPath<'_>) -> Option<FieldError> {
    let period = grace_period.filter(|period| sleep.seconds < 0 || sleep.seconds > *period)?;
    let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({period})");
    Some(FieldError::invalid(path, sleep.seconds, detail))
}
