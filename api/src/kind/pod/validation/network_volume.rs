//! Volume sources that are reached over a network: file and block storage systems.

use k8s_openapi::api::core::v1::{
    CephFSVolumeSource, FCVolumeSource, FlockerVolumeSource, GlusterfsVolumeSource, ISCSIVolumeSource, NFSVolumeSource,
    QuobyteVolumeSource, RBDVolumeSource, ScaleIOVolumeSource, StorageOSVolumeSource,
};

use super::message::{dns1123_label, required};
use crate::validation::name::inclusive_range_error;
use crate::validation::{Errors, FieldError, FieldPath};

/// The logical unit numbers that volumes may have.
const MAX_LUN: i32 = 255;

pub(super) fn nfs(source: &NFSVolumeSource, path: &FieldPath<'_>) -> Errors {
    let export = path.child("path");
    let mut errors = Errors::new();
    errors.extend(required(&source.server, &path.child("server")));
    errors.extend(required(&source.path, &export));
    if !source.path.starts_with('/') {
        errors.push(FieldError::invalid(&export, source.path.as_str(), "must be an absolute path"));
    }
    errors
}

pub(super) fn iscsi(source: &ISCSIVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.target_portal, &path.child("targetPortal")));
    if source.iqn.is_empty() {
        errors.push(FieldError::required(&path.child("iqn"), ""));
    } else {
        errors.extend(iscsi_name(&source.iqn, &path.child("iqn")));
    }
    errors.extend(lun(source.lun, &path.child("lun")));
    let authenticates = source.chap_auth_discovery == Some(true) || source.chap_auth_session == Some(true);
    if authenticates && source.secret_ref.is_none() {
        errors.push(FieldError::required(&path.child("secretRef"), ""));
    }
    if let Some(initiator) = &source.initiator_name {
        errors.extend(iscsi_name(initiator, &path.child("initiatorname")));
    }
    errors
}

fn lun(number: i32, path: &FieldPath<'_>) -> Option<FieldError> {
    let detail = || inclusive_range_error(0, i64::from(MAX_LUN));
    (!(0..=MAX_LUN).contains(&number)).then(|| FieldError::invalid(path, number, detail()))
}

fn iscsi_name(name: &str, path: &FieldPath<'_>) -> Option<FieldError> {
    let valid = match name.get(..3) {
        Some("iqn") => is_iqn(name),
        Some("eui") => is_hexadecimal_name(name, 16),
        Some("naa") => is_hexadecimal_name(name, 32),
        _ => return Some(FieldError::invalid(path, name, "must be valid format starting with iqn, eui, or naa")),
    };
    (!valid).then(|| FieldError::invalid(path, name, "must be valid format"))
}

/// Whether the name ends in an iSCSI qualified name: `iqn.2001-04.com.example:storage`.
fn is_iqn(name: &str) -> bool {
    name.match_indices("iqn.").any(|(at, prefix)| {
        let rest = &name[at + prefix.len()..];
        let dated = rest.len() > 8
            && rest.bytes().take(8).enumerate().all(|(at, byte)| match at {
                4 => byte == b'-',
                7 => byte == b'.',
                _ => byte.is_ascii_digit(),
            });
        let Some((authority, text)) = dated.then(|| rest[8..].split_once(':')).flatten() else { return false };
        let authority_char = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let text_char = |c: char| !matches!(c, ',' | ';' | '*' | '&' | '$' | '|' | '\t' | '\n' | '\u{c}' | '\r' | ' ');
        !authority.is_empty()
            && authority.chars().all(authority_char)
            && !text.is_empty()
            && text.chars().all(text_char)
    })
}

/// Whether three letters and any one character are followed by `digits` letters or digits.
fn is_hexadecimal_name(name: &str, digits: usize) -> bool {
    let mut chars = name.get(3..).unwrap_or_default().chars();
    let separator = chars.next();
    let rest = chars.as_str();
    separator.is_some_and(|c| c != '\n')
        && rest.len() == digits
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub(super) fn fc(source: &FCVolumeSource, path: &FieldPath<'_>) -> Errors {
    let targets_path = path.child("targetWWNs");
    let targets = source.target_wwns.as_deref().unwrap_or_default();
    let ids = source.wwids.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    if targets.is_empty() && ids.is_empty() {
        let detail = "must specify either targetWWNs or wwids, but not both";
        errors.push(FieldError::required(&targets_path, detail));
    }
    if !targets.is_empty() && !ids.is_empty() {
        let detail = "targetWWNs and wwids can not be specified simultaneously";
        errors.push(FieldError::invalid(&targets_path, targets.to_vec(), detail));
    }
    if !targets.is_empty() {
        let lun_path = path.child("lun");
        errors.extend(match source.lun {
            None => Some(FieldError::required(&lun_path, "lun is required if targetWWNs is specified")),
            Some(number) => lun(number, &lun_path),
        });
    }
    errors
}

pub(super) fn glusterfs(source: &GlusterfsVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.endpoints, &path.child("endpoints")));
    errors.extend(required(&source.path, &path.child("path")));
    errors
}

pub(super) fn flocker(source: &FlockerVolumeSource, path: &FieldPath<'_>) -> Errors {
    let name = source.dataset_name.as_deref().unwrap_or_default();
    let uuid = source.dataset_uuid.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    if name.is_empty() && uuid.is_empty() {
        errors.push(FieldError::required(path, "one of datasetName and datasetUUID is required"));
    }
    if !name.is_empty() && !uuid.is_empty() {
        let detail = "datasetName and datasetUUID can not be specified simultaneously";
        errors.push(FieldError::invalid(path, "resource", detail));
    }
    if name.contains('/') {
        errors.push(FieldError::invalid(&path.child("datasetName"), name, "must not contain '/'"));
    }
    errors
}

pub(super) fn rbd(source: &RBDVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(source.monitors.is_empty().then(|| FieldError::required(&path.child("monitors"), "")));
    errors.extend(required(&source.image, &path.child("image")));
    errors
}

pub(super) fn cephfs(source: &CephFSVolumeSource, path: &FieldPath<'_>) -> Errors {
    source.monitors.is_empty().then(|| FieldError::required(&path.child("monitors"), "")).into_iter().collect()
}

pub(super) fn quobyte(source: &QuobyteVolumeSource, path: &FieldPath<'_>) -> Errors {
    let pairs = "must be a host:port pair or multiple pairs separated by commas";
    let mut errors = Errors::new();
    if source.registry.is_empty() {
        errors.push(FieldError::required(&path.child("registry"), pairs));
    } else if source.tenant.as_deref().unwrap_or_default().len() > 64 {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(FieldError::required(&path.child("tenant"), detail));
    } else {
        let wrong = source.registry.split(',').filter(|pair| !is_host_port(pair));
        errors.extend(wrong.map(|_| FieldError::invalid(&path.child("registry"), source.registry.as_str(), pairs)));
    }
    errors.extend(required(&source.volume, &path.child("volume")));
    errors
}

/// Whether `net.SplitHostPort` would split the text.
fn is_host_port(text: &str) -> bool {
    let Some(colon) = text.rfind(':') else { return false };
    let (host_from, rest_from) = if text.starts_with('[') {
        match text.find(']') {
            Some(end) if end + 1 == colon => (1, end + 1),
            _ => return false,
        }
    } else if text[..colon].contains(':') {
        return false;
    } else {
        (0, 0)
    };
    !text[host_from..].contains('[') && !text[rest_from..].contains(']')
}

pub(super) fn storageos(source: &StorageOSVolumeSource, path: &FieldPath<'_>) -> Errors {
    let name = source.volume_name.as_deref().unwrap_or_default();
    let namespace = source.volume_namespace.as_deref().unwrap_or_default();
    let mut errors = Errors::new();
    if name.is_empty() {
        errors.push(FieldError::required(&path.child("volumeName"), ""));
    } else {
        errors.extend(dns1123_label(name, &path.child("volumeName")));
    }
    if !namespace.is_empty() {
        errors.extend(dns1123_label(namespace, &path.child("volumeNamespace")));
    }
    if let Some(secret) = &source.secret_ref {
        errors.extend(required(&secret.name, &path.child("secretRef").child("name")));
    }
    errors
}

pub(super) fn scale_io(source: &ScaleIOVolumeSource, path: &FieldPath<'_>) -> Errors {
    let mut errors = Errors::new();
    errors.extend(required(&source.gateway, &path.child("gateway")));
    errors.extend(required(&source.system, &path.child("system")));
    errors.extend(required(source.volume_name.as_deref().unwrap_or_default(), &path.child("volumeName")));
    errors
}
