//! What is done when a container starts and stops.

use k8s_openapi::api::core::v1::Lifecycle;

use super::context::PodContext;
use super::handler::handler;
use crate::validation::{Errors, FieldError, FieldPath};

/// The signals of Linux that may stop a container, in the order of the sentence.
const LINUX_SIGNALS: [&str; 65] = [
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGIOT",
    "SIGKILL",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGRTMAX",
    "SIGRTMAX-1",
    "SIGRTMAX-10",
    "SIGRTMAX-11",
    "SIGRTMAX-12",
    "SIGRTMAX-13",
    "SIGRTMAX-14",
    "SIGRTMAX-2",
    "SIGRTMAX-3",
    "SIGRTMAX-4",
    "SIGRTMAX-5",
    "SIGRTMAX-6",
    "SIGRTMAX-7",
    "SIGRTMAX-8",
    "SIGRTMAX-9",
    "SIGRTMIN",
    "SIGRTMIN+1",
    "SIGRTMIN+10",
    "SIGRTMIN+11",
    "SIGRTMIN+12",
    "SIGRTMIN+13",
    "SIGRTMIN+14",
    "SIGRTMIN+15",
    "SIGRTMIN+2",
    "SIGRTMIN+3",
    "SIGRTMIN+4",
    "SIGRTMIN+5",
    "SIGRTMIN+6",
    "SIGRTMIN+7",
    "SIGRTMIN+8",
    "SIGRTMIN+9",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
];
const WINDOWS_SIGNALS: [&str; 2] = ["SIGKILL", "SIGTERM"];

/// All that is wrong with it.
pub(super) fn lifecycle(lifecycle: &Lifecycle, context: &PodContext<'_>, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    if let Some(hook) = &lifecycle.post_start {
        errors.extend(handler(hook, context.grace_period, &path.child("postStart")));
    }
    if let Some(hook) = &lifecycle.pre_stop {
        errors.extend(handler(hook, context.grace_period, &path.child("preStop")));
    }
    if let Some(signal) = &lifecycle.stop_signal {
        errors.extend(stop_signal(signal, context.os, &path.child("stopSignal")));
    }
    errors
}

fn stop_signal(signal: &str, os: Option<&str>, path: &FieldPath<'_>) -> Option<FieldError> {
    let supported: &[&str] = match os {
        None => return Some(FieldError::forbidden(path, "may not be set for containers with empty `spec.os.name`")),
        Some("windows") => &WINDOWS_SIGNALS,
        Some("linux") => &LINUX_SIGNALS,
        Some(_) => return None,
    };
    (!supported.contains(&signal)).then(|| FieldError::not_supported(path, signal, supported))
}
