//! Laws of server-side apply, over objects made at random from the schemas of built-in kinds.
//!
//! The objects are in the answered form, without zero values that it leaves out, and every entry of a list has its keys:
//! what Go adds or leaves out when it stores an object looks changed to whoever applies it again, upstream too, and the
//! laws don't hold there.

use howdah_api::apply::{ApplyError, FieldSet, Manager, Operation, Reset, apply, equal_but_timestamps, update};
use howdah_api::schema::{Either, List, ListType, Node, Scalar, Shape, builtin};
use howdah_api::time::Time;
use howdah_api::tree::normalise;
use serde_json::{Map, Value, json};

const KINDS: [(&str, &str, &str); 8] = [
    ("apps", "v1", "Deployment"),
    ("", "v1", "Pod"),
    ("", "v1", "Service"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "Node"),
    ("networking.k8s.io", "v1", "Ingress"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler"),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition"),
];

/// xorshift64: tests are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn word(&mut self) -> Value {
        json!(["a", "b", "c", "d"][usize::try_from(self.below(4)).expect("small")])
    }

    fn scalar(&mut self, scalar: Scalar) -> Value {
        match scalar {
            Scalar::String => self.word(),
            Scalar::Bool => json!(true),
            Scalar::Int32 | Scalar::Int64 | Scalar::Float64 => json!(self.below(4) + 1),
            Scalar::Bytes => json!("QQ=="),
            Scalar::Quantity => json!(format!("{}Mi", self.below(3) + 1)),
            Scalar::Time => json!(format!("2020-01-0{}T00:00:00Z", self.below(3) + 1)),
            Scalar::MicroTime => json!(format!("2020-01-0{}T00:00:00.000000Z", self.below(3) + 1)),
            Scalar::Duration => json!("1m0s"),
            Scalar::IntOrString if self.below(2) == 0 => json!(self.below(4) + 1),
            Scalar::IntOrString => self.word(),
        }
    }

    fn value(&mut self, node: &Node, depth: u64) -> Value {
        match &node.shape {
            Shape::Struct(of) => {
                let mut map = Map::new();
                for field in &of.get().fields {
                    if self.below(5 + depth * 3) < 4 && field.name != "managedFields" {
                        map.insert(field.name.clone().into_owned(), self.value(&field.node, depth + 1));
                    }
                }
                Value::Object(map)
            }
            Shape::Map(of) => {
                let keys: Vec<_> = (0..=self.below(3)).map(|_| self.word()).collect();
                let entries = keys.iter().filter_map(Value::as_str);
                entries.map(|key| (key.to_owned(), self.value(&of.value, depth + 1))).collect()
            }
            Shape::List(of) => {
                let count = 1 + self.below(3);
                (0..count).map(|_| self.entry(of, depth + 1)).collect()
            }
            Shape::Scalar(scalar) => self.scalar(*scalar),
            Shape::Either(Either::SchemaOrBool(_) | Either::SchemaOrArray(_) | Either::SchemaOrStrings(_))
            | Shape::Raw(_) => json!({"type": self.word(), "x": {"y": [self.word()]}}),
        }
    }

    /// An entry of a list, with its keys.
    fn entry(&mut self, of: &List, depth: u64) -> Value {
        let mut entry = self.value(&of.element, depth);
        if let (ListType::Map(keys), Some(of)) = (&of.kind, of.element.as_struct()) {
            for key in keys {
                let key = of.field(key).expect("a key is a field");
                entry[&*key.name] = self.value(&key.node, depth);
            }
        }
        entry
    }

    /// An object of a kind, as somebody would apply it.
    fn config(&mut self, node: &Node, api_version: &str, kind: &str) -> Value {
        let mut config = self.value(node, 0);
        config["apiVersion"] = json!(api_version);
        config["kind"] = json!(kind);
        if !config["metadata"].is_object() {
            config["metadata"] = json!({});
        }
        for field in ["uid", "generation", "resourceVersion", "creationTimestamp", "selfLink", "namespace"] {
            config["metadata"].as_object_mut().expect("metadata").remove(field);
        }
        config["metadata"]["name"] = json!("n");
        normalise(&mut config, node);
        config
    }
}

/// Calls `law` with objects of every kind that can be applied.
fn for_all(
    seed: u64,
    law: impl Fn(&mut Random, &dyn Fn(&str, Operation, i64) -> Manager<'static>, &'static Node, Value),
) {
    let mut applied = 0;
    for (group, version, kind) in KINDS {
        let node = builtin::kind(group, version, kind).expect("a built-in kind");
        let api_version: &'static str = Box::leak(
            if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }.into_boxed_str(),
        );
        let manager = |name: &str, operation: Operation, second: i64| {
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            let time = Time { seconds: second, nanos: 0 };
            Manager { name, operation, api_version, kind, subresource: "", time, siblings: &[] }
        };
        for round in 0..40 {
            let mut random = Random(seed + round * 7919 + 1);
            let config = random.config(node, api_version, kind);
            let who = manager("probe", Operation::Apply, 1);
            match apply(None, &config, node, &who, false, Reset::Fields(&[])) {
                Ok(_) => {
                    applied += 1;
                    law(&mut random, &manager, node, config);
                }
                // Two entries came out with one key.
                Err(error) => assert!(error.to_string().contains("duplicate entries"), "{kind}: {error}: {config}"),
            }
        }
    }
    assert!(applied > 100, "too few of the objects can be applied: {applied}");
}

fn step(
    live: Option<&Value>,
    config: &Value,
    node: &Node,
    manager: &Manager<'_>,
    force: bool,
) -> Result<Value, ApplyError> {
    let mut object = apply(live, config, node, manager, force, Reset::Fields(&[]))?;
    normalise(&mut object, node);
    Ok(object)
}

fn without_owners(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    object
}

#[test]
fn the_same_again_changes_nothing() {
    for_all(11, |_, manager, node, config| {
        let once = step(None, &config, node, &manager("a", Operation::Apply, 1), false).expect("applied");
        let twice = step(Some(&once), &config, node, &manager("a", Operation::Apply, 2), false).expect("applied again");
        assert!(equal_but_timestamps(&once, &twice), "{config}\n{once}\n{twice}");
    });
}

#[test]
fn two_can_apply_the_same() {
    for_all(23, |_, manager, node, config| {
        let once = step(None, &config, node, &manager("a", Operation::Apply, 1), false).expect("applied");
        let both = step(Some(&once), &config, node, &manager("b", Operation::Apply, 2), false).expect("no conflict");
        assert_eq!(without_owners(&once), without_owners(&both));
        let mut nothing = json!({"metadata": {"name": "n"}});
        nothing["apiVersion"] = config["apiVersion"].clone();
        nothing["kind"] = config["kind"].clone();
        let one = step(Some(&both), &nothing, node, &manager("a", Operation::Apply, 3), false).expect("nothing");
        assert_eq!(without_owners(&once), without_owners(&one), "the other still owns it: {config}");
        let none = step(Some(&one), &nothing, node, &manager("b", Operation::Apply, 4), false).expect("nothing");
        let empty = step(None, &nothing, node, &manager("b", Operation::Apply, 5), false).expect("nothing");
        assert_eq!(none, empty, "nobody owns anything: {config}");
    });
}

#[test]
fn force_settles_conflicts() {
    for_all(37, |random, manager, node, config| {
        let (api_version, kind) = (config["apiVersion"].clone(), config["kind"].clone());
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let other = random.config(node, &text(&api_version), &text(&kind));
        let first = step(None, &config, node, &manager("a", Operation::Apply, 1), false).expect("applied");
        let second = manager("b", Operation::Apply, 2);
        let forced = match step(Some(&first), &other, node, &second, true) {
            Ok(forced) => forced,
            Err(error) => return assert!(matches!(error, ApplyError::Patch { .. }), "forced: {error}"),
        };
        let again = step(Some(&forced), &other, node, &manager("b", Operation::Apply, 3), false).expect("its own now");
        assert!(equal_but_timestamps(&forced, &again), "{config}\n{other}");
        match step(Some(&first), &other, node, &second, false) {
            Ok(object) => assert_eq!(object, forced, "without a conflict force makes no difference"),
            Err(ApplyError::Conflicts(conflicts)) => {
                let owned = &first["metadata"]["managedFields"][0]["fieldsV1"];
                let owned = FieldSet::from_value(owned).expect("a field set");
                let owned: Vec<String> = owned.paths().iter().map(ToString::to_string).collect();
                for cause in conflicts.causes() {
                    assert!(owned.contains(&cause.field), "{} is not a's", cause.field);
                }
            }
            Err(error) => assert!(matches!(error, ApplyError::Conflicts(_)), "{error}"),
        }
    });
}

#[test]
fn an_update_owns_exactly_what_it_changed() {
    for_all(51, |random, manager, node, config| {
        let text = |name: &str| config[name].as_str().expect("text").to_owned();
        let mut live = config.clone();
        normalise(&mut live, node);
        update(None, &mut live, node, &manager("a", Operation::Update, 1), Reset::Fields(&[]));
        live["metadata"]["uid"] = json!("u");
        let mut same = live.clone();
        update(Some(&live), &mut same, node, &manager("b", Operation::Update, 2), Reset::Fields(&[]));
        assert_eq!(same, live, "nothing changed: {config}");
        let mut other = random.config(node, &text("apiVersion"), &text("kind"));
        other["metadata"]["uid"] = json!("u");
        normalise(&mut other, node);
        update(Some(&live), &mut other, node, &manager("b", Operation::Update, 3), Reset::Fields(&[]));
        let mut back = without_owners(&live);
        back["metadata"]["managedFields"] = other["metadata"]["managedFields"].clone();
        update(Some(&other), &mut back, node, &manager("c", Operation::Update, 4), Reset::Fields(&[]));
        let sets: Vec<FieldSet> = back["metadata"]["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| FieldSet::from_value(&entry["fieldsV1"]).expect("a field set"))
            .collect();
        for (index, set) in sets.iter().enumerate() {
            assert!(!set.is_empty(), "an owner of nothing");
            for other in &sets[index + 1..] {
                assert!(set.intersection(other).is_empty(), "two updaters never share: {config}");
            }
        }
    });
}
