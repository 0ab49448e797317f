//! The schema tree: its tables are whole, and the places where upstream's rules are unlike each other are as upstream
//! has them.

#![expect(clippy::panic, reason = "this file is tests, where that is how a failure is reported")]

use std::collections::HashSet;
use std::sync::Arc;

use howdah_api::codec::json;
use howdah_api::schema::{
    Either, Extension, Field, ListType, Node, Presence, Raw, Scalar, Shape, Struct, StructRef, builtin,
};
use howdah_api::tree;
use serde_json::json;

/// The field at a path of fields below a built-in struct, lists and maps passed through.
fn field(package: &str, of: &str, path: &str) -> Field {
    let mut node = builtin::named(package, of).unwrap_or_else(|| panic!("{package} has {of}")).clone();
    let mut found = None;
    for name in path.split('.') {
        let inner = match &node.shape {
            Shape::List(list) => (*list.element).clone(),
            Shape::Map(map) => (*map.value).clone(),
            _ => node.clone(),
        };
        let structure = inner.as_struct().unwrap_or_else(|| panic!("{name} of {path} is below a struct"));
        let field = structure.field(name).unwrap_or_else(|| panic!("{of} has {path}")).clone();
        node = field.node.clone();
        found = Some(field);
    }
    found.expect("a path has a field")
}

fn keys(field: &Field) -> Vec<String> {
    match &field.node.shape {
        Shape::List(list) => match &list.kind {
            ListType::Map(keys) => keys.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Every struct that a kind reaches.
fn walk(node: &Node, seen: &mut HashSet<String>, visit: &mut dyn FnMut(&Struct)) {
    match &node.shape {
        Shape::Struct(of) | Shape::Either(Either::SchemaOrBool(of)) => structure(of, seen, visit),
        Shape::Either(Either::SchemaOrArray(of) | Either::SchemaOrStrings(of)) => structure(of, seen, visit),
        Shape::List(list) => walk(&list.element, seen, visit),
        Shape::Map(map) => walk(&map.value, seen, visit),
        Shape::Scalar(_) | Shape::Raw(_) => {}
    }
}

fn structure(of: &StructRef, seen: &mut HashSet<String>, visit: &mut dyn FnMut(&Struct)) {
    let of = of.get();
    if seen.insert(format!("{}.{}", of.package, of.name)) {
        visit(of);
        of.fields.iter().for_each(|field| walk(&field.node, seen, visit));
    }
}

#[test]
fn every_table_is_whole() {
    let mut seen = HashSet::new();
    let (mut structs, mut fields) = (0, 0);
    let mut visit = |of: &Struct| {
        structs += 1;
        fields += of.fields.len();
        let mut numbers = HashSet::new();
        for member in &of.members {
            assert!(numbers.insert(member.number), "{}: {} stands twice", of.name, member.number);
        }
        for (index, field) in of.fields.iter().enumerate() {
            assert_eq!(of.position(&field.name), Some(index), "{}.{}", of.name, field.name);
            assert!(!field.node.go_type().is_empty());
            if let Shape::List(list) = &field.node.shape
                && let ListType::Map(keys) = &list.kind
            {
                let element = list.element.as_struct().expect("elements with keys are objects");
                for key in keys {
                    assert!(element.field(key).is_some(), "{} has no {key}", element.name);
                }
                if let Some(key) = &field.patch.merge_key {
                    assert!(keys.contains(key), "{}.{}", of.name, field.name);
                }
            }
        }
    };
    let mut kinds = 0;
    for kind in builtin::kinds() {
        kinds += 1;
        walk(kind.node, &mut seen, &mut visit);
        assert!(std::ptr::eq(
            builtin::kind(kind.group, kind.version, kind.kind).expect("found by its name"),
            kind.node
        ));
    }
    assert!(kinds > 350, "{kinds} kinds");
    assert!(structs > 1200 && fields > 4900, "{structs} structs with {fields} fields");
}

#[test]
fn apply_and_strategic_merge_have_keys_of_their_own() {
    let rows: &[(&str, &str, &str, &str, &[&str])] = &[
        ("core/v1", "PodSpec", "containers.ports", "containerPort", &["containerPort", "protocol"]),
        ("core/v1", "PodSpec", "ephemeralContainers.ports", "containerPort", &["containerPort", "protocol"]),
        ("core/v1", "ServiceSpec", "ports", "port", &["port", "protocol"]),
        ("core/v1", "PodSpec", "topologySpreadConstraints", "topologyKey", &["topologyKey", "whenUnsatisfiable"]),
        ("core/v1", "PodStatus", "podIPs", "ip", &["ip"]),
        // Merged by strategic merge, one value for apply.
        ("core/v1", "PodStatus", "hostIPs", "ip", &[]),
    ];
    for (package, of, path, merge_key, apply_keys) in rows {
        let field = field(package, of, path);
        assert!(field.patch.merge, "{of}.{path}");
        assert_eq!(field.patch.merge_key.as_deref(), Some(*merge_key), "{of}.{path}");
        assert_eq!(keys(&field), *apply_keys, "{of}.{path}");
        assert_eq!(field.node.is_atomic(), apply_keys.is_empty(), "{of}.{path}");
    }
    // The other way round: replaced by strategic merge, and one value for apply as well.
    let templates = field("apps/v1", "StatefulSetSpec", "volumeClaimTemplates");
    assert!(!templates.patch.merge && templates.node.is_atomic());
}

#[test]
fn patch_strategies_that_stand_alone() {
    let volumes = field("core/v1", "PodSpec", "volumes");
    assert!(volumes.patch.merge && volumes.patch.retain_keys);
    let strategy = field("apps/v1", "DeploymentSpec", "strategy");
    assert!(strategy.patch.retain_keys && !strategy.patch.merge && strategy.patch.merge_key.is_none());
    let finalizers = field("core/v1", "Pod", "metadata.finalizers");
    assert!(finalizers.patch.merge && finalizers.patch.merge_key.is_none());
    assert!(matches!(&finalizers.node.shape, Shape::List(list) if list.kind == ListType::Set));
    assert!(!finalizers.node.is_atomic());
}

#[test]
fn structs_and_maps_are_atomic_where_they_say_so() {
    assert!(field("apps/v1", "DeploymentSpec", "selector").node.is_atomic(), "LabelSelector is atomic");
    assert!(field("core/v1", "PodSpec", "nodeSelector").node.is_atomic(), "a map, atomic at this use");
    assert!(!field("core/v1", "Pod", "metadata.labels").node.is_atomic());
    assert!(field("core/v1", "Event", "involvedObject").node.is_atomic(), "ObjectReference is atomic");
    assert!(!field("core/v1", "PersistentVolumeSpec", "claimRef").node.is_atomic(), "but granular at this use");
    assert!(field("core/v1", "Pod", "metadata.managedFields").node.is_atomic());
}

#[test]
fn presence_is_what_gos_tags_say() {
    assert_eq!(field("core/v1", "Pod", "metadata.creationTimestamp").presence, Presence::OmitZero);
    assert_eq!(field("core/v1", "PodSpec", "containers.name").presence, Presence::Always);
    let replicas = field("apps/v1", "DeploymentSpec", "replicas");
    assert!(replicas.node.pointer && replicas.presence == Presence::OmitEmpty);
    assert!(field("core/v1", "PodSpec", "containers").required);
    // Written always, and optional all the same.
    let name = field("apps/v1", "StatefulSetSpec", "serviceName");
    assert!(name.presence == Presence::Always && !name.required);
}

#[test]
fn embedded_structs_are_flat_in_json_and_messages_in_protobuf() {
    let volume = builtin::named("core/v1", "Volume").and_then(Node::as_struct).expect("a struct");
    let path = volume.field("hostPath").expect("an embedded field");
    let source = &volume.embedded[usize::from(path.embedded.expect("declared by VolumeSource"))];
    assert_eq!((source.of.get().name.as_ref(), source.number), ("VolumeSource", Some(2)));
    assert!(volume.member(2).is_some_and(|member| member.is_embedded));
    let pod = builtin::kind("", "v1", "Pod").and_then(Node::as_struct).expect("a struct");
    assert!(pod.is_kind() && pod.embedded[0].number.is_none());
    assert_eq!((pod.fields[0].name.as_ref(), pod.fields[1].name.as_ref()), ("kind", "apiVersion"));
}

#[test]
fn types_have_gos_names() {
    let rows = [
        ("core/v1", "PodSpec", "containers", "[]v1.Container"),
        ("core/v1", "PodSpec", "restartPolicy", "v1.RestartPolicy"),
        ("core/v1", "PodSpec", "nodeSelector", "map[string]string"),
        ("core/v1", "ResourceRequirements", "limits", "v1.ResourceList"),
        ("core/v1", "Secret", "data", "map[string][]uint8"),
        ("core/v1", "Pod", "metadata.uid", "types.UID"),
        ("apps/v1", "DeploymentSpec", "replicas", "int32"),
        ("core/v1", "ServicePort", "targetPort", "intstr.IntOrString"),
        ("authorization/v1", "SubjectAccessReviewSpec", "extra", "map[string]v1.ExtraValue"),
        ("admissionregistration/v1beta1", "MatchResources", "resourceRules", "[]v1beta1.NamedRuleWithOperations"),
    ];
    for (package, of, path, expected) in rows {
        assert_eq!(field(package, of, path).node.go_type(), expected, "{of}.{path}");
    }
}

#[test]
fn special_types_have_their_shapes() {
    let shape = |package: &str, of: &str, path: &str| field(package, of, path).node.shape;
    let limits = shape("core/v1", "ResourceRequirements", "limits");
    assert!(matches!(limits, Shape::Map(map) if matches!(map.value.shape, Shape::Scalar(Scalar::Quantity))));
    assert!(matches!(shape("coordination/v1", "LeaseSpec", "renewTime"), Shape::Scalar(Scalar::MicroTime)));
    assert!(matches!(shape("core/v1", "Pod", "metadata.managedFields.fieldsV1"), Shape::Raw(Raw::FieldsV1)));
    assert!(matches!(shape("apps/v1", "ControllerRevision", "data"), Shape::Raw(Raw::Extension)));
    let schema = |path: &str| shape("apiextensions/v1", "JSONSchemaProps", path);
    assert!(matches!(schema("default"), Shape::Raw(Raw::Json)));
    assert!(matches!(schema("items"), Shape::Either(Either::SchemaOrArray(_))));
    assert!(matches!(schema("additionalProperties"), Shape::Either(Either::SchemaOrBool(_))));
    assert!(matches!(schema("not.not.properties.maximum"), Shape::Scalar(Scalar::Float64)), "types may be recursive");
    assert!(matches!(shape("meta/v1", "APIResource", "verbs"), Shape::List(list) if list.wrapped));
    let cells = shape("meta/v1", "TableRow", "cells");
    assert!(matches!(cells, Shape::List(list) if matches!(list.element.shape, Shape::Raw(Raw::Any))));
}

#[test]
fn enums_and_defaults_are_known() {
    let protocol = field("core/v1", "ContainerPort", "protocol").node;
    let named = protocol.name.expect("a named string");
    assert!(named.published);
    assert_eq!(named.values().collect::<HashSet<_>>(), HashSet::from(["TCP", "UDP", "SCTP"]));
    assert_eq!(protocol.default.as_deref(), Some(&json!("TCP")));
    let usages = field("certificates/v1", "CertificateSigningRequestSpec", "usages").node.shape;
    let Shape::List(usages) = usages else { panic!("a list") };
    let usage = usages.element.name.expect("a named string");
    assert!(usage.values().any(|value| value == "digital signature"), "values may have blanks");
    let mode = field("scheduling/v1beta1", "PodGroupSpec", "disruptionMode").node;
    assert_eq!(mode.default.as_deref(), Some(&json!({"single": {}})));
}

#[test]
fn fields_newer_than_the_first_tables_are_there() {
    assert_eq!(field("core/v1", "NodeSystemInfo", "runningInUserNamespace").number, Some(12));
    for (package, of, number) in [
        ("resource/v1", "ExactDeviceRequest", 8),
        ("resource/v1", "DeviceSubRequest", 8),
        ("resource/v1beta1", "DeviceRequest", 10),
        ("resource/v1beta1", "DeviceSubRequest", 9),
        ("resource/v1beta2", "ExactDeviceRequest", 8),
    ] {
        let derived = field(package, of, "derivedAttributes");
        assert_eq!((derived.number, derived.node.is_atomic()), (Some(number), true), "{package} {of}");
    }
}

#[test]
fn every_group_knows_the_common_kinds() {
    for (group, version, kind) in [
        ("", "v1", "Status"),
        ("apps", "v1", "DeleteOptions"),
        ("apps", "v1", "WatchEvent"),
        ("meta.k8s.io", "v1", "Table"),
        ("meta.k8s.io", "v1beta1", "PartialObjectMetadata"),
        ("", "v1", "List"),
    ] {
        assert!(builtin::kind(group, version, kind).is_some(), "{group}/{version} {kind}");
    }
    assert!(builtin::kind("apps", "v1", "PodSpec").is_none());
    assert!(builtin::kind("", "v1", "ObjectMeta").is_none(), "a struct, not a kind");
    let lifecycle = builtin::lifecycle("autoscaling", "v1", "HorizontalPodAutoscaler").expect("a kind");
    assert_eq!(lifecycle.introduced, Some("1.2"));
}

#[test]
fn trees_can_be_built_at_run_time() {
    let metadata = builtin::named("meta/v1", "ObjectMeta").expect("a struct").clone();
    let mut any = Node::new(Shape::Raw(Raw::Any));
    any.extension = Some(Arc::new(Extension { preserve_unknown: true, ..Extension::default() }));
    let port = Struct::new(vec![
        Field::new("name", Node::scalar(Scalar::String)),
        Field::new("port", Node::scalar(Scalar::Int64)),
    ]);
    let port = Node::new(Shape::Struct(StructRef::from(Arc::new(port))));
    let mut open = Node::new(Shape::Struct(StructRef::from(Arc::new(Struct::new(vec![Field::new(
        "size",
        Node::scalar(Scalar::Int64),
    )])))));
    open.extension.clone_from(&any.extension);
    let spec = Struct::new(vec![
        Field::new("ports".to_owned(), Node::list(port, ListType::Map(vec!["name".into()]))),
        Field::new("labels", Node::map(Node::scalar(Scalar::String))),
        Field::new("any", any),
        Field::new("open", open),
    ]);
    let root = Struct::new(vec![
        Field::new("apiVersion", Node::scalar(Scalar::String)),
        Field::new("kind", Node::scalar(Scalar::String)),
        Field::new("metadata", metadata),
        Field::new("spec", Node::new(Shape::Struct(StructRef::from(Arc::new(spec))))),
        Field::new("status", Node::map(Node::scalar(Scalar::String))),
    ]);
    let node = Node::new(Shape::Struct(StructRef::from(Arc::new(root))));
    let text = br#"{"kind":"Widget","apiVersion":"example.org/v1","metadata":{"name":"w","nme":"x"},
        "spec":{"ports":[{"name":"a","port":1,"prot":2}],"labels":{},"any":{"b":1,"a":[null],"b":2},"bogus":1,
        "open":{"x":{"y":[],"y":{}},"size":1}},"status":null}"#;
    let mut decoded = json::decode(text, &node).expect("well formed");
    let findings: Vec<String> = decoded.strict.iter().map(ToString::to_string).collect();
    assert_eq!(
        findings,
        [
            r#"unknown field "metadata.nme""#,
            r#"unknown field "spec.ports[0].prot""#,
            r#"duplicate field "spec.any.b""#,
            r#"unknown field "spec.bogus""#,
            r#"duplicate field "spec.open.x.y""#,
        ]
    );
    tree::normalise(&mut decoded.value, &node);
    // Nothing is added to a custom resource and nothing left out.
    let expected = concat!(
        r#"{"apiVersion":"example.org/v1","kind":"Widget","metadata":{"name":"w"},"#,
        r#""spec":{"ports":[{"name":"a","port":1}],"labels":{},"any":{"a":[null],"b":2},"open":{"size":1,"#,
        r#""x":{"y":{}}}},"status":null}"#,
    );
    assert_eq!(String::from_utf8(json::encode(&decoded.value, &node)).expect("text"), expected);
}
