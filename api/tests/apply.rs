//! Server-side apply as a client sees it: scripts of writes, and who owns what after each.

use howdah_api::apply::{
    ApplyError, Manager, Operation, Reset, apply, check_managed_fields, equal_but_timestamps, keep_reset, update,
};
use howdah_api::schema::{Extension, Field, ListType, Node, Raw, Scalar, Shape, Struct, builtin};
use howdah_api::time::Time;
use howdah_api::tree::normalise;
use serde_json::{Value, json};
use std::sync::Arc;

/// An object on its way through writes.
struct World<'n> {
    node: &'n Node,
    api_version: &'static str,
    kind: &'static str,
    subresource: &'static str,
    reset: Reset<'n>,
    live: Option<Value>,
    seconds: i64,
}

impl<'n> World<'n> {
    fn builtin(api_version: &'static str, kind: &'static str) -> World<'static> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        World::new(builtin::kind(group, version, kind).expect("a built-in kind"), api_version, kind)
    }

    fn new(node: &'n Node, api_version: &'static str, kind: &'static str) -> Self {
        Self { node, api_version, kind, subresource: "", reset: Reset::Fields(&[]), live: None, seconds: 0 }
    }

    fn manager<'a>(&mut self, name: &'a str, operation: Operation) -> Manager<'a>
    where
        'n: 'a,
    {
        self.seconds += 1;
        let time = Time { seconds: 1_577_836_800 + self.seconds, nanos: 5 };
        let (api_version, kind, subresource) = (self.api_version, self.kind, self.subresource);
        Manager { name, operation, api_version, kind, subresource, time, siblings: &[] }
    }

    /// The object with what every object has; it is not in the way of what a test is about.
    fn whole(&self, mut object: Value) -> Value {
        object["apiVersion"] = json!(self.api_version);
        object["kind"] = json!(self.kind);
        object["metadata"]["name"] = json!("n");
        object
    }

    fn store(&mut self, mut object: Value) {
        normalise(&mut object, self.node);
        object["metadata"]["uid"] = json!("u");
        self.live = Some(object);
    }

    fn try_apply(&mut self, name: &str, config: Value, force: bool) -> Result<(), ApplyError> {
        let manager = self.manager(name, Operation::Apply);
        let config = self.whole(config);
        let object = apply(self.live.as_ref(), &config, self.node, &manager, force, self.reset)?;
        self.store(object);
        Ok(())
    }

    fn apply(&mut self, name: &str, config: Value) {
        self.try_apply(name, config, false).expect("no conflicts");
    }

    fn update(&mut self, name: &str, object: Value) {
        let manager = self.manager(name, Operation::Update);
        let mut object = self.whole(object);
        if self.live.is_some() {
            object["metadata"]["uid"] = json!("u");
        }
        keep_reset(&mut object);
        normalise(&mut object, self.node);
        update(self.live.as_ref(), &mut object, self.node, &manager, self.reset);
        self.store(object);
    }

    /// A write that changes the live object.
    fn edit(&mut self, name: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.live.clone().expect("a live object");
        edit(&mut object);
        self.update(name, object);
    }

    fn at(&self, pointer: &str) -> Value {
        self.live.as_ref().and_then(|live| live.pointer(pointer)).cloned().unwrap_or_default()
    }

    /// One line an owner: manager, operation, subresource, second of the write, fields.
    fn owners(&self) -> Vec<String> {
        let entries = self.at("/metadata/managedFields");
        let entries = entries.as_array().into_iter().flatten();
        let line = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            let operation = [text("operation"), text("subresource")].join("/").replace("/-", "");
            let time = text("time").replace("2020-01-01T00:", "").replace("Z", "");
            format!("{} {operation} {time} {}", text("manager"), entry["fieldsV1"])
        };
        entries.map(line).collect()
    }
}

fn deployment() -> World<'static> {
    World::builtin("apps/v1", "Deployment")
}

#[test]
fn an_applier_owns_what_it_applies() {
    let mut world = deployment();
    let config = json!({
        "metadata": {"labels": {"app": "a"}, "generation": 7},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "a"}},
            "strategy": {},
            "template": {"spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}}
        }
    });
    world.apply("a", config.clone());
    let fields = concat!(
        r#"{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:strategy":{},"#,
        r#""f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"#,
        r#""f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}"#
    );
    assert_eq!(world.owners(), [format!("a Apply 00:01 {fields}")]);
    let first = world.live.clone();
    world.apply("a", config);
    assert_eq!(world.live, first, "the same again changes nothing, not even the time");
}

#[test]
fn who_creates_owns_what_the_object_would_not_have_anyway() {
    let mut world = deployment();
    let containers = json!([{"name": "c", "ports": [{"containerPort": 80, "protocol": "UDP"}]}]);
    let spec = json!({"replicas": 1, "selector": {}, "template": {"spec": {"containers": containers}}});
    world.update("", json!({"metadata": {"labels": {"app": "a"}}, "spec": spec}));
    let fields = concat!(
        r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"#,
        r#""f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:name":{},"#,
        r#""f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"UDP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"#,
        r#""f:resources":{}}}}}}}"#
    );
    assert_eq!(world.owners(), [format!("unknown Update 00:01 {fields}")]);
    let first = world.live.clone().expect("created");
    world.update("", first.clone());
    assert_eq!(world.live, Some(first), "a write that changes nothing leaves owners and times");
}

#[test]
fn conflicts_are_told_as_upstream_tells_them() {
    let mut world = deployment();
    world.apply("a", json!({"spec": {"replicas": 1, "paused": true}}));
    world.apply("b", json!({"spec": {"replicas": 1}}));
    assert_eq!(world.owners()[0], r#"b Apply - {"f:spec":{"f:replicas":{}}}"#, "sharing changes nothing: no time");
    let error = world.try_apply("c", json!({"spec": {"paused": false}}), false).expect_err("a conflict");
    assert_eq!(error.to_string(), r#"Apply failed with 1 conflict: conflict with "a": .spec.paused"#);
    world.edit("up", |object| object["spec"]["minReadySeconds"] = json!(4));
    world.subresource = "scale";
    world.edit("sub", |object| object["spec"]["revisionHistoryLimit"] = json!(4));
    world.subresource = "";
    let config = json!({"spec": {"replicas": 2, "paused": false, "minReadySeconds": 5, "revisionHistoryLimit": 5}});
    let error = world.try_apply("c", config.clone(), false).expect_err("conflicts");
    let expected = concat!(
        "Apply failed with 5 conflicts: conflicts with \"a\":\n- .spec.paused\n- .spec.replicas\n",
        "conflicts with \"b\":\n- .spec.replicas\n",
        "conflicts with \"sub\" with subresource \"scale\" using apps/v1:\n- .spec.revisionHistoryLimit\n",
        "conflicts with \"up\" using apps/v1:\n- .spec.minReadySeconds"
    );
    assert_eq!(error.to_string(), expected);
    let ApplyError::Conflicts(conflicts) = error else { panic!("conflicts") };
    let causes = conflicts.causes();
    let last = causes.last().expect("causes");
    assert_eq!(
        (last.message.as_str(), last.field.as_str(), causes.len()),
        (r#"conflict with "up" using apps/v1"#, ".spec.minReadySeconds", 5)
    );
    world.try_apply("c", config, true).expect("forced");
    let all = r#"{"f:spec":{"f:minReadySeconds":{},"f:paused":{},"f:replicas":{},"f:revisionHistoryLimit":{}}}"#;
    assert_eq!(world.owners(), [format!("c Apply 00:07 {all}")], "who lost everything is gone");
}

#[test]
fn what_is_no_longer_applied_goes_unless_others_own_it() {
    let mut world = World::builtin("v1", "ConfigMap");
    world.apply("a", json!({"data": {"mine": "1", "ours": "1", "theirs": "1"}}));
    world.apply("b", json!({"data": {"ours": "1"}}));
    world.edit("c", |object| object["data"]["theirs"] = json!("2"));
    world.edit("c", |object| object["data"]["new"] = json!("1"));
    world.apply("a", json!({}));
    assert_eq!(world.at("/data"), json!({"ours": "1", "theirs": "2", "new": "1"}));
    world.apply("b", json!({}));
    assert_eq!(world.owners(), [r#"c Update 00:04 {"f:data":{"f:new":{},"f:theirs":{}}}"#]);
    assert_eq!(world.at("/data"), json!({"theirs": "2", "new": "1"}));
}

#[test]
fn sets_are_owned_value_by_value() {
    let mut world = World::builtin("v1", "ConfigMap");
    world.apply("a", json!({"metadata": {"finalizers": ["x/a", "x/b"]}}));
    world.apply("b", json!({"metadata": {"finalizers": ["x/c", "x/b"]}}));
    assert_eq!(world.at("/metadata/finalizers"), json!(["x/a", "x/c", "x/b"]), "b's order for what both have");
    world.apply("a", json!({"metadata": {"finalizers": ["x/a"]}}));
    assert_eq!(world.at("/metadata/finalizers"), json!(["x/a", "x/c", "x/b"]));
    world.apply("a", json!({}));
    assert_eq!(world.at("/metadata/finalizers"), json!(["x/c", "x/b"]));
    assert_eq!(world.owners(), [r#"b Apply 00:02 {"f:metadata":{"f:finalizers":{"v:\"x/b\"":{},"v:\"x/c\"":{}}}}"#]);
}

#[test]
fn lists_of_objects_are_owned_entry_by_entry() {
    let mut world = World::builtin("v1", "Service");
    let port = |port: u16, name: &str| json!({"port": port, "name": name});
    world.apply("a", json!({"spec": {"ports": [port(80, "http"), port(443, "https")]}}));
    // Stored with the default that the key stands for.
    world.edit("defaults", |object| {
        for port in object["spec"]["ports"].as_array_mut().expect("ports") {
            port["protocol"] = json!("TCP");
        }
    });
    world.apply("b", json!({"spec": {"ports": [{"port": 80, "protocol": "UDP", "name": "dns"}]}}));
    let error = world.try_apply("b", json!({"spec": {"ports": [port(80, "web")]}}), false).expect_err("a conflict");
    let expected = r#"Apply failed with 1 conflict: conflict with "a": .spec.ports[port=80,protocol="TCP"].name"#;
    assert_eq!(error.to_string(), expected);
    world.apply("a", json!({"spec": {"ports": [port(443, "https")]}}));
    let names = |world: &World<'_>| {
        let ports = world.at("/spec/ports");
        ports
            .as_array()
            .into_iter()
            .flatten()
            .map(|port| format!("{}/{}", port["port"], port["name"]))
            .collect::<Vec<_>>()
    };
    // The entry that "a" left is gone with all of it, even what another owned of it.
    assert_eq!(names(&world), [r#"443/"https""#, r#"80/"dns""#]);
}

#[test]
fn lists_are_merged_in_order() {
    let names = |names: &str| -> Vec<Value> { names.chars().map(|name| json!({"name": name})).collect() };
    // What is there, what another applies, and what comes of it.
    let cases = [
        ("abc", "abc", "abc"),
        ("abc", "cba", "cba"),
        ("abc", "d", "abcd"),
        ("abc", "bd", "abcd"),
        ("abcd", "dxa", "bcdxa"),
        ("abc", "xay", "xabcy"),
        ("abcde", "xbydz", "axbcydez"),
        ("abcd", "cxb", "acdxb"),
        ("", "ba", "ba"),
        ("ab", "", "ab"),
    ];
    for (live, applied, expected) in cases {
        let mut world = World::builtin("v1", "Pod");
        world.apply("a", json!({"spec": {"containers": names(live)}}));
        world.apply("b", json!({"spec": {"containers": names(applied)}}));
        let containers = world.at("/spec/containers");
        let found: String = containers.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(found, expected, "{live} and {applied}");
    }
}

#[test]
fn atomic_parts_are_owned_as_one() {
    let mut world = deployment();
    world.apply("a", json!({"spec": {"selector": {"matchLabels": {"a": "1", "b": "1"}}}}));
    let config = json!({"spec": {"selector": {"matchLabels": {"a": "1"}}}});
    let error = world.try_apply("b", config.clone(), false).expect_err("a conflict");
    assert_eq!(error.to_string(), r#"Apply failed with 1 conflict: conflict with "a": .spec.selector"#);
    world.try_apply("b", config, true).expect("forced");
    assert_eq!(world.at("/spec/selector"), json!({"matchLabels": {"a": "1"}}), "replaced as a whole");
    assert_eq!(world.owners(), [r#"b Apply 00:03 {"f:spec":{"f:selector":{}}}"#]);
}

#[test]
fn an_update_takes_what_it_changes() {
    let mut world = deployment();
    world.apply("a", json!({"spec": {"replicas": 1, "paused": true}}));
    world.edit("a", |object| object["spec"]["replicas"] = json!(2));
    let expected = [r#"a Apply 00:01 {"f:spec":{"f:paused":{}}}"#, r#"a Update 00:02 {"f:spec":{"f:replicas":{}}}"#];
    assert_eq!(world.owners(), expected, "who applies is another owner than who updates");
    world.edit("b", |object| drop(object["spec"].as_object_mut().expect("a spec").remove("paused")));
    assert_eq!(world.owners(), [r#"a Update 00:02 {"f:spec":{"f:replicas":{}}}"#], "what is removed has no owner");
    world.try_apply("a", json!({"spec": {"replicas": 2}}), false).expect("the same value is no conflict");
    let error = world.try_apply("a", json!({"spec": {"replicas": 3}}), false).expect_err("a conflict with itself");
    let expected = r#"Apply failed with 1 conflict: conflict with "a" using apps/v1: .spec.replicas"#;
    assert_eq!(error.to_string(), expected);
}

#[test]
fn tracking_begins_with_the_first_apply() {
    let mut world = deployment();
    world.live = Some(world.whole(json!({"metadata": {"uid": "u"}, "spec": {"replicas": 1, "paused": true}})));
    world.edit("x", |object| object["spec"]["replicas"] = json!(2));
    assert!(world.owners().is_empty(), "an object without owners is not tracked by updates");
    let error = world.try_apply("a", json!({"spec": {"replicas": 3}}), false).expect_err("a conflict");
    let expected = r#"Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas"#;
    assert_eq!(error.to_string(), expected);
    world.apply("a", json!({"spec": {"replicas": 2}}));
    let existing = r#"before-first-apply Update 00:03 {"f:spec":{"f:paused":{},"f:replicas":{}}}"#;
    assert_eq!(world.owners(), [r#"a Apply - {"f:spec":{"f:replicas":{}}}"#, existing]);
}

#[test]
fn the_oldest_updaters_are_united() {
    let mut world = World::builtin("v1", "ConfigMap");
    world.apply("a", json!({"data": {"a": ""}}));
    for index in 0..12 {
        world.edit(&format!("m{index:02}"), |object| object["data"][format!("k{index:02}")] = json!("1"));
    }
    let owners = world.owners();
    assert_eq!(owners.len(), 11, "ten updaters and an applier: {owners:?}");
    assert_eq!(owners[1], r#"ancient-changes Update 00:04 {"f:data":{"f:k00":{},"f:k01":{},"f:k02":{}}}"#);
    assert_eq!(owners[2], r#"m03 Update 00:05 {"f:data":{"f:k03":{}}}"#);
}

#[test]
fn owners_can_be_edited_and_cleared() {
    let entry = json!({"manager": "x", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:a": {}}}});
    let edited = |field: &str, value: Value| {
        let mut entry = entry.clone();
        entry[field] = value;
        json!([entry])
    };
    let kept = r#"a Apply 00:01 {"f:data":{"f:a":{}}}"#;
    let cases: [(&str, Value, &[&str]); 9] = [
        ("edited", json!([entry]), &[r#"x Update - {"f:data":{"f:a":{}}}"#]),
        ("left out", json!(null), &[kept]),
        ("cleared", json!([{}]), &[]),
        ("cleared", json!([]), &[]),
        ("no operation", edited("operation", json!("Patch")), &[kept]),
        ("no version", edited("apiVersion", json!("")), &[kept]),
        ("no type", edited("fieldsType", json!("")), &[kept]),
        ("bad fields", edited("fieldsV1", json!({"a": {}})), &[kept]),
        ("another version", edited("apiVersion", json!("v2")), &[]),
    ];
    for (what, entries, expected) in cases {
        let mut world = World::builtin("v1", "ConfigMap");
        world.apply("a", json!({"data": {"a": "1"}}));
        world.edit("e", |object| object["metadata"]["managedFields"] = entries.clone());
        assert_eq!(world.owners(), expected, "{what}");
        world.apply("a", json!({"data": {"a": "1"}}));
        world.subresource = "status";
        let before = world.owners();
        world.edit("e", |object| object["metadata"]["managedFields"] = entries);
        assert_eq!(world.owners(), before, "{what}: not through a subresource");
    }
    let errors = [
        (edited("operation", json!("Patch")), "operation must be `Apply` or `Update`"),
        (edited("apiVersion", json!("")), "apiVersion must not be empty"),
        (edited("fieldsType", json!("")), "missing fieldsType in managed fields entry 0"),
        (edited("fieldsType", json!("V2")), "invalid fieldsType \"V2\" in managed fields entry 0"),
    ];
    for (entries, expected) in errors {
        assert_eq!(check_managed_fields(&entries).expect_err("an error").to_string(), expected);
    }
    assert_eq!(check_managed_fields(&json!(null)), Ok(()));
    assert_eq!(check_managed_fields(&json!([entry])), Ok(()));
}

#[test]
fn reset_fields_are_nobodys() {
    let mut world = deployment();
    world.reset = Reset::Fields(&["status"]);
    world.apply("a", json!({"spec": {"replicas": 1}, "status": {"replicas": 1}}));
    assert_eq!(world.owners(), [r#"a Apply 00:01 {"f:spec":{"f:replicas":{}}}"#]);
    world.reset = Reset::Fields(&["spec", "metadata.labels"]);
    world.subresource = "status";
    world.apply("a", json!({"spec": {"replicas": 5}, "status": {"replicas": 2}, "metadata": {"labels": {"a": "b"}}}));
    let expected =
        [r#"a Apply 00:01 {"f:spec":{"f:replicas":{}}}"#, r#"a Apply/status 00:02 {"f:status":{"f:replicas":{}}}"#];
    assert_eq!(world.owners(), expected);
    let mut world = World::builtin("v1", "Pod");
    world.reset = Reset::AllBut(&["spec.containers.*.resources"]);
    world.subresource = "resize";
    let container = json!({"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}});
    world.apply("a", json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}));
    let fields =
        r#"{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:resources":{"f:limits":{"f:cpu":{}}}}}}}"#;
    assert_eq!(world.owners(), [format!("a Apply/resize 00:01 {fields}")]);
}

#[test]
fn refuses_what_cannot_be_applied() {
    let typed = |what: &str| format!("failed to create typed patch object (default/n; v1, Kind=Pod): {what}");
    let containers = |containers: Value| json!({"spec": {"containers": containers}});
    let cases = [
        (json!({"spec": {"nope": 1}}), ".spec.nope: field not declared in schema"),
        (
            containers(json!([{"name": "a", "nope": 1}])),
            r#".spec.containers[name="a"].nope: field not declared in schema"#,
        ),
        (
            containers(json!([{"name": "a"}, {"name": "a"}])),
            r#".spec.containers: duplicate entries for key [name="a"]"#,
        ),
        (
            containers(
                json!([{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}]}]),
            ),
            r#".spec.containers[name="a"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]"#,
        ),
        (containers(json!([{}, {}])), r#".spec.containers: duplicate entries for key [name=""]"#),
        (
            containers(json!([null])),
            ".spec.containers: element 0: associative list with keys may not have a null element",
        ),
        (
            containers(json!(["a"])),
            ".spec.containers: element 0: associative list with keys may not have non-map elements",
        ),
        (containers(json!({"name": "a"})), ".spec.containers: expected list, got &{map[name:a]}"),
        (
            containers(json!([{"name": 5}])),
            ".spec.containers[name=5].name: expected string, got &value.valueUnstructured{Value:5}",
        ),
        (
            containers(json!([{"name": "a", "image": {"b": [null, 1.5]}}])),
            r#".spec.containers[name="a"].image: expected string, got &value.valueUnstructured{Value:map[string]interface {}{"b":[]interface {}{interface {}(nil), 1.5}}}"#,
        ),
        (json!({"spec": []}), ".spec: expected map, got &{[]}"),
        (json!({"spec": {"hostNetwork": "yes"}}), ".spec.hostNetwork: expected boolean, got &{yes}"),
        (json!({"spec": {"priority": "high"}}), ".spec.priority: expected numeric (int or float), got string"),
        (json!({"metadata": {"finalizers": ["a", "a"]}}), r#".metadata.finalizers: duplicate entries for key [="a"]"#),
        (
            json!({"metadata": {"finalizers": [{}]}}),
            ".metadata.finalizers: element 0: associative list without keys has an element that's a map type",
        ),
        (
            json!({"status": {"conditions": [{"status": "True"}, {"type": 1}]}, "spec": {"nope": 1}}),
            "errors:\n  .status.conditions[type=1].type: expected string, got &value.valueUnstructured{Value:1}\n  .spec.nope: field not declared in schema",
        ),
    ];
    for (mut config, expected) in cases {
        config["metadata"]["namespace"] = json!("default");
        let mut world = World::builtin("v1", "Pod");
        let error = world.try_apply("a", config.clone(), false).expect_err("a bad configuration");
        assert_eq!(error.to_string(), typed(expected).replace("; v1", "; /v1"), "{config}");
    }
    let mut world = deployment();
    let error = world.try_apply("a", json!({"metadata": {"managedFields": []}}), false).expect_err("with owners");
    assert_eq!((error.to_string().as_str(), error), ("metadata.managedFields must be nil", ApplyError::ManagedFields));
    world.apply("a", json!({"metadata": {"managedFields": null}}));
    let manager = world.manager("a", Operation::Apply);
    for (api_version, kind, expected) in [
        ("apps/v1", "ReplicaSet", "invalid object type: apps/v1, Kind=ReplicaSet"),
        ("apps/v1beta1", "Deployment", "invalid object type: apps/v1beta1, Kind=Deployment"),
        ("v1", "Pod", "invalid object type: /v1, Kind=Pod"),
    ] {
        let config = json!({"apiVersion": api_version, "kind": kind});
        let error = apply(None, &config, world.node, &manager, false, Reset::Fields(&[])).expect_err("another kind");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn duplicates_in_the_live_object_are_borne() {
    let mut world = World::builtin("v1", "Pod");
    let variable = |value: &str| json!({"name": "E", "value": value});
    let other = json!({"name": "F", "value": "f"});
    let containers = |env: Value| json!({"spec": {"containers": [{"name": "c", "env": env}]}});
    world.update("u", containers(json!([variable("1"), variable("2"), other])));
    let fields = &world.owners()[0];
    assert!(
        fields.contains(r#""f:env":{".":{},"k:{\"name\":\"E\"}":{},"k:{\"name\":\"F\"}":{".":{},"#),
        "one owns them as one: {fields}"
    );
    world.apply("a", containers(json!([{"name": "F", "value": "f"}])));
    assert_eq!(world.at("/spec/containers/0/env"), json!([variable("1"), variable("2"), other]), "not touched");
    let error = world.try_apply("a", containers(json!([variable("3")])), false).expect_err("a conflict");
    let expected = r#"conflict with "u" using v1: .spec.containers[name="c"].env[name="E"]"#;
    assert_eq!(error.to_string(), format!("Apply failed with 1 conflict: {expected}"));
    world.try_apply("a", containers(json!([variable("3")])), true).expect("forced");
    assert_eq!(world.at("/spec/containers/0/env"), json!([variable("3"), other]), "one is left");
}

#[test]
fn kubectl_moves_from_client_side_apply() {
    const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
    let mut world = deployment();
    let config = json!({"metadata": {"annotations": {"b": "<"}}, "spec": {"replicas": 1, "paused": true}});
    let mut object = world.whole(config.clone());
    object["metadata"]["annotations"][ANNOTATION] = json!(format!("{}\n", world.whole(config)));
    world.update("kubectl-client-side-apply", object);
    world.edit("scaler", |object| object["spec"]["replicas"] = json!(2));
    let config = json!({"spec": {"replicas": 3, "paused": false}});
    let error = world.try_apply("other", config.clone(), false).expect_err("conflicts");
    assert!(error.to_string().starts_with("Apply failed with 2 conflicts: "), "only for kubectl: {error}");
    let error = world.try_apply("kubectl", config.clone(), false).expect_err("a conflict");
    let expected = r#"Apply failed with 1 conflict: conflict with "scaler" using apps/v1: .spec.replicas"#;
    assert_eq!(error.to_string(), expected, "what the annotation has and nobody changed is kubectl's own");
    let config = json!({"metadata": {"annotations": {"b": "&"}}, "spec": {"replicas": 2, "paused": false}});
    world.apply("kubectl", config);
    assert_eq!((world.at("/spec/replicas"), world.at("/spec/paused")), (json!(2), Value::Null), "Go leaves false out");
    let annotation = world.live.as_ref().expect("live")["metadata"]["annotations"][ANNOTATION].clone();
    let expected = concat!(
        r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"b":"\u0026"},"name":"n"},"#,
        r#""spec":{"paused":false,"replicas":2}}"#,
        "\n"
    );
    assert_eq!(annotation, json!(expected), "the annotation follows");
    world.apply("kubectl", json!({"metadata": {"annotations": {"b": "x".repeat(256 * 1024)}}}));
    assert_eq!(world.live.as_ref().expect("live")["metadata"]["annotations"].get(ANNOTATION), None, "too long");
}

/// A custom resource: `spec` with a list of objects, a map, and a part without a schema.
fn custom(list: ListType, is_atomic: bool) -> Node {
    let text = || Node::scalar(Scalar::String);
    let mut key = Node::scalar(Scalar::Int64);
    key.default = Some(Arc::new(json!(5)));
    let item = Struct::new(vec![Field::new("id", key), Field::new("name", text()), Field::new("value", text())]);
    let items = Node::list(Node::new(Shape::Struct(Arc::new(item).into())), list);
    let map = Node { atomic: Some(is_atomic), ..Node::map(text()) };
    let keeps = Extension { preserve_unknown: true, ..Extension::default() };
    let free = Node { extension: Some(Arc::new(keeps)), ..Node::new(Shape::Raw(Raw::Any)) };
    let spec = Struct::new(vec![Field::new("items", items), Field::new("map", map), Field::new("free", free)]);
    let spec = Node::new(Shape::Struct(Arc::new(spec).into()));
    Node::new(Shape::Struct(Arc::new(Struct::new(vec![Field::new("spec", spec)])).into()))
}

#[test]
fn custom_resources_are_merged_by_their_schema() {
    let keys = ListType::Map(vec!["id".into(), "name".into()]);
    let granular = custom(keys.clone(), false);
    let mut world = World::new(&granular, "x.io/v1", "X");
    let config = json!({"spec": {
        "items": [{"name": "a", "value": "1"}, {"id": 6}],
        "map": {"k": "v"},
        "free": {"list": [{"a": 1}], "map": {"b": {"c": null}}}
    }});
    world.apply("a", config);
    let fields = concat!(
        r#"{"f:spec":{"f:free":{".":{},"f:list":{},"f:map":{".":{},"f:b":{".":{},"f:c":{}}}},"#,
        r#""f:items":{"k:{\"id\":5,\"name\":\"a\"}":{".":{},"f:name":{},"f:value":{}},"k:{\"id\":6}":{".":{},"f:id":{}}},"#,
        r#""f:map":{"f:k":{}}}}"#
    );
    assert_eq!(world.owners(), [format!("a Apply 00:01 {}", fields.replace(r#""f:free":{".":{},"#, r#""f:free":{"#))]);
    world.update(
        "u",
        json!({"metadata": world.at("/metadata"), "spec": {"items": [{"id": 6}], "map": {"k": "v", "l": "v"}}}),
    );
    let owners = world.owners();
    assert_eq!(
        owners[0],
        r#"a Apply 00:01 {"f:spec":{"f:items":{"k:{\"id\":6}":{".":{},"f:id":{}}},"f:map":{"f:k":{}}}}"#
    );
    assert_eq!(owners[1], r#"u Update 00:02 {"f:spec":{"f:map":{"f:l":{}}}}"#);

    // Custom resources are maps in Go: keys stand in the order of their texts, not of what they say.
    world.apply("b", json!({"spec": {"items": [{"id": 5}, {"id": 5, "name": "a"}]}}));
    let fields = r#"{"k:{\"id\":5,\"name\":\"a\"}":{".":{},"f:id":{},"f:name":{}},"k:{\"id\":5}":{".":{},"f:id":{}}}"#;
    assert_eq!(world.at("/metadata/managedFields/1/fieldsV1/f:spec/f:items").to_string(), fields);
    world.apply("b", json!({}));

    // The schema makes the list and the map atomic: who owned something of them owns them now.
    let atomic = custom(ListType::Atomic, true);
    let mut world = World { node: &atomic, ..world };
    world.edit("w", |object| object["spec"]["free"] = json!(1));
    let owners = world.owners();
    assert_eq!(owners[0], r#"a Apply 00:01 {"f:spec":{"f:items":{},"f:map":{}}}"#);
    assert_eq!(owners[1], r#"u Update 00:02 {"f:spec":{"f:map":{}}}"#);

    let no_default = custom(ListType::Map(vec!["name".into()]), false);
    let mut world = World::new(&no_default, "x.io/v1", "X");
    let error = world.try_apply("a", json!({"spec": {"items": [{"id": 1}]}}), false).expect_err("no key");
    let expected = concat!(
        "failed to create typed patch object (/n; x.io/v1, Kind=X): .spec.items: element 0: associative list with keys has an ",
        r#"element that omits all key fields ["name"] (and doesn't have default values for any key fields)"#
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn versions_of_one_form_share_owners() {
    let node = custom(ListType::Set, false);
    let siblings = [("x.io/v1beta1", &node)];
    let mut world = World::new(&node, "x.io/v1", "X");
    let entry = |version: &str, field: &str| {
        json!({"manager": "old", "operation": "Update", "apiVersion": version, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:map": {field: {}}}}})
    };
    let spec = json!({"map": {"a": "1", "b": "1", "c": "1"}});
    let entries = json!([entry("x.io/v1beta1", "f:a"), entry("x.io/v1alpha1", "f:b")]);
    world.live = Some(world.whole(json!({"metadata": {"uid": "u", "managedFields": entries}, "spec": spec})));
    let manager = world.manager("a", Operation::Apply);
    let manager = Manager { siblings: &siblings, ..manager };
    let config = world.whole(json!({"spec": {"map": {"a": "2", "b": "2"}}}));
    let error = apply(world.live.as_ref(), &config, &node, &manager, false, world.reset).expect_err("a conflict");
    let expected = r#"Apply failed with 1 conflict: conflict with "old" using x.io/v1beta1: .spec.map.a"#;
    assert_eq!(error.to_string(), expected, "v1alpha1 is forgotten");
}

#[test]
fn timestamps_alone_are_no_change() {
    let object = |time: &str, field: &str, data: &str| {
        let entry = json!({"manager": "a", "time": time, "fieldsV1": {field: {}}});
        json!({"metadata": {"name": "n", "managedFields": [entry]}, "data": {"k": data}, "time": "t"})
    };
    let one = object("1", "f:a", "x");
    let cases = [
        (one.clone(), true),
        (object("2", "f:a", "x"), true),
        (object("1", "f:b", "x"), false),
        (object("1", "f:a", "y"), false),
        (json!({"metadata": {"name": "n"}, "data": {"k": "x"}, "time": "t"}), false),
        (json!({"metadata": one["metadata"], "data": {"k": "x"}, "time": "u"}), false),
        (
            json!({"metadata": {"name": "n", "managedFields": [{"manager": "a", "fieldsV1": {"f:a": {}}}]}, "data": {"k": "x"}, "time": "t"}),
            true,
        ),
    ];
    for (other, expected) in cases {
        assert_eq!(equal_but_timestamps(&one, &other), expected, "{other}");
        assert_eq!(equal_but_timestamps(&other, &one), expected, "{other}: the other way round");
    }
}
