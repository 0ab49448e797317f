//! Volumes, claims, storage classes, drivers, and the server's own storage versions.

use super::column::{self, AGE, Column, NAME};
use super::kind::Kind;
use super::view::View;
use super::{human, row};

const VOLUME_MODE: Column = column::wide("VolumeMode", "Whether it is a file system or a block device.");
const ATTRIBUTES: Column = column::text("VolumeAttributesClass", "The class of its attributes.");
const STORAGE: Column = column::text("StorageClass", "The class of its storage.");

pub(super) const VOLUME: Kind = Kind {
    columns: &[
        NAME,
        column::text("Capacity", "How much it holds."),
        column::text("Access Modes", "How it can be mounted."),
        column::text("Reclaim Policy", "What becomes of it when its claim goes."),
        column::text("Status", "Whether it is available, bound or released."),
        column::text("Claim", "The claim that it is bound to."),
        STORAGE,
        ATTRIBUTES,
        column::text("Reason", "Why it failed."),
        AGE,
        VOLUME_MODE,
    ],
    cells: |volume| {
        let claim = volume.at("spec.claimRef");
        let claim =
            if claim.is_some() { format!("{}/{}", claim.text("namespace"), claim.text("name")) } else { String::new() };
        row![
            volume.name(),
            volume.quantity("spec.capacity.storage"),
            access_modes(volume, "spec.accessModes"),
            volume.text("spec.persistentVolumeReclaimPolicy"),
            phase(volume),
            claim,
            storage_class(volume),
            volume.present_or("spec.volumeAttributesClassName", "<unset>"),
            volume.text("status.reason"),
            volume.age(),
            volume.present_or("spec.volumeMode", "<unset>"),
        ]
    },
    conditions: None,
};

pub(super) const VOLUME_CLAIM: Kind = Kind {
    columns: &[
        NAME,
        column::text("Status", "Whether it is bound."),
        column::text("Volume", "The volume that it is bound to."),
        column::text("Capacity", "How much the volume holds."),
        column::text("Access Modes", "How the volume can be mounted."),
        STORAGE,
        ATTRIBUTES,
        AGE,
        VOLUME_MODE,
    ],
    cells: |claim| {
        let bound = !claim.text("spec.volumeName").is_empty();
        row![
            claim.name(),
            phase(claim),
            claim.text("spec.volumeName"),
            if bound { claim.quantity("status.capacity.storage") } else { "" },
            if bound { access_modes(claim, "status.accessModes") } else { String::new() },
            storage_class(claim),
            claim.present_or("spec.volumeAttributesClassName", "<unset>"),
            claim.age(),
            claim.present_or("spec.volumeMode", "<unset>"),
        ]
    },
    conditions: None,
};

pub(super) const STORAGE_CLASS: Kind = Kind {
    columns: &[
        NAME,
        column::text("Provisioner", "What makes volumes of this class."),
        column::text("ReclaimPolicy", "What becomes of a volume when its claim goes."),
        column::text("VolumeBindingMode", "When claims are bound."),
        column::text("AllowVolumeExpansion", "Whether volumes can be enlarged."),
        AGE,
    ],
    cells: |class| {
        row![
            class.name(),
            class.text("provisioner"),
            class.present_or("reclaimPolicy", "Delete"),
            class.present_or("volumeBindingMode", "Immediate"),
            class.flag("allowVolumeExpansion"),
            class.age(),
        ]
    },
    conditions: None,
};

pub(super) const ATTRIBUTES_CLASS: Kind = Kind {
    columns: &[NAME, column::text("DriverName", "The driver that the class is for."), AGE],
    cells: |class| row![class.name(), class.text("driverName"), class.age()],
    conditions: None,
};

pub(super) const VOLUME_ATTACHMENT: Kind = Kind {
    columns: &[
        NAME,
        Column { format: "name", ..column::text("Attacher", "The driver that attaches the volume.") },
        column::text("PV", "The volume."),
        column::text("Node", "The node."),
        column::boolean("Attached", "Whether the volume is attached."),
        AGE,
    ],
    cells: |attachment| {
        row![
            attachment.name(),
            attachment.text("spec.attacher"),
            attachment.text("spec.source.persistentVolumeName"),
            attachment.text("spec.nodeName"),
            attachment.flag("status.attached"),
            attachment.age(),
        ]
    },
    conditions: None,
};

pub(super) const CSI_NODE: Kind = Kind {
    columns: &[NAME, column::integer("Drivers", "How many drivers the node has."), AGE],
    cells: |node| row![node.name(), node.count("spec.drivers"), node.age()],
    conditions: None,
};

pub(super) const CSI_DRIVER: Kind = Kind {
    columns: &[
        NAME,
        column::boolean("AttachRequired", "Whether volumes have to be attached."),
        column::boolean("PodInfoOnMount", "Whether the driver is told about pods when it mounts."),
        column::boolean("StorageCapacity", "Whether the scheduler looks at the capacity that is left."),
        column::text("TokenRequests", "The audiences of the tokens that the driver is given."),
        column::boolean("RequiresRepublish", "Whether volumes are published again now and then."),
        column::text("Modes", "The kinds of volumes that the driver makes."),
        AGE,
    ],
    cells: |driver| {
        let audiences: Vec<_> = driver.list("spec.tokenRequests").map(|request| request.text("audience")).collect();
        let audiences = if driver.has("spec.tokenRequests") { audiences.join(",") } else { "<unset>".to_owned() };
        let modes = driver.joined("spec.volumeLifecycleModes");
        row![
            driver.name(),
            driver.maybe_flag("spec.attachRequired").unwrap_or(true),
            driver.flag("spec.podInfoOnMount"),
            driver.flag("spec.storageCapacity"),
            audiences,
            driver.flag("spec.requiresRepublish"),
            if modes.is_empty() { "<none>".to_owned() } else { modes },
            driver.age(),
        ]
    },
    conditions: None,
};

pub(super) const STORAGE_VERSION: Kind = Kind {
    columns: &[
        NAME,
        column::text("CommonEncodingVersion", "The version in which all servers store."),
        column::text("StorageVersions", "The version in which each server stores."),
        AGE,
    ],
    cells: |version| {
        let server = |server: View<'_>| format!("{}={}", server.text("apiServerID"), server.text("encodingVersion"));
        let servers: Vec<String> = version.list("status.storageVersions").map(server).collect();
        row![
            version.name(),
            version.present_or("status.commonEncodingVersion", "<unset>"),
            human::shortened_or_unset(&servers, 3),
            version.age(),
        ]
    },
    conditions: None,
};

pub(super) const MIGRATION: Kind = Kind {
    columns: &[
        Column { format: "", ..NAME },
        column::text("Resource", "The resource that is written anew."),
        column::text("Status", "How far the migration is."),
    ],
    cells: |migration| {
        let of = migration.at("spec.resource");
        let (resource, group) = (of.text("resource"), of.text("group"));
        let is_state = |kind: &str| matches!(kind, "Running" | "Failed" | "Succeeded");
        let state = migration
            .list("status.conditions")
            .rev()
            .find(|condition| condition.text("status") == "True" && is_state(condition.text("type")));
        row![
            migration.name(),
            if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") },
            state.map_or("Unknown", |condition| condition.text("type")),
        ]
    },
    conditions: None,
};

/// The annotations that make a class the default one.
const DEFAULT_MARKS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// Which of several classes is the default one: of those that are marked the newest, among equals the first by name.
pub(super) fn default_class<'a>(classes: impl Iterator<Item = View<'a>>) -> Option<&'a str> {
    let marked = classes.filter(|class| DEFAULT_MARKS.iter().any(|mark| class.annotation(mark) == "true"));
    let age = |class: &View<'_>| class.time("metadata.creationTimestamp");
    marked.max_by(|a, b| age(a).cmp(&age(b)).then_with(|| b.name().cmp(a.name()))).map(View::name)
}

fn phase(object: View<'_>) -> &str {
    if object.is_deleted() { "Terminating" } else { object.text("status.phase") }
}

fn storage_class(object: View<'_>) -> &str {
    let annotations = object.at("metadata.annotations");
    let beta = annotations.key("volume.beta.kubernetes.io/storage-class");
    if beta.is_some() { beta.as_text() } else { object.text("spec.storageClassName") }
}

fn access_modes(object: View<'_>, path: &str) -> String {
    let modes: Vec<&str> = object.list(path).map(View::as_text).collect();
    let known =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let shown = known.iter().filter(|(mode, _)| modes.contains(mode)).map(|(_, short)| *short);
    shown.collect::<Vec<_>>().join(",")
}
