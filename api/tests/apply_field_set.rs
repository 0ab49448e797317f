//! Field sets: their JSON, byte for byte, and the laws of their algebra.

use howdah_api::apply::{FieldSet, Path, PathElement};
use serde_json::{Value, json};

fn set(json: &str) -> FieldSet {
    FieldSet::from_value(&serde_json::from_str(json).expect("a test's JSON")).expect("a test's field set")
}

#[test]
fn writes_what_upstream_writes() {
    // What is read, and what is written for it.
    let cases = [
        ("{}", "{}"),
        ("null", "{}"),
        (r#"{"f:a":{}}"#, r#"{"f:a":{}}"#),
        (r#"{"f:a":{".":{}}}"#, r#"{"f:a":{}}"#),
        (r#"{"f:a":{".":{},"f:b":{}}}"#, r#"{"f:a":{".":{},"f:b":{}}}"#),
        (r#"{"f:a":{"f:b":{},".":{}}}"#, r#"{"f:a":{".":{},"f:b":{}}}"#),
        (r#"{"f:a":{"f:b":null}}"#, r#"{"f:a":{"f:b":{}}}"#),
        // Order: fields, keys, values, indices; each in its own.
        (
            r#"{"i:10":{},"i:9":{},"v:\"b\"":{},"v:10":{},"v:9":{},"v:true":{},"v:false":{},"k:{\"name\":\"b\"}":{},"k:{\"name\":\"a\"}":{},"f:b":{},"f:a":{}}"#,
            r#"{"f:a":{},"f:b":{},"k:{\"name\":\"a\"}":{},"k:{\"name\":\"b\"}":{},"v:9":{},"v:10":{},"v:\"b\"":{},"v:false":{},"v:true":{},"i:9":{},"i:10":{}}"#,
        ),
        // Keys are ordered by name; whole floats are written as whole numbers.
        (
            r#"{"k:{\"protocol\":\"TCP\",\"port\":80.0}":{".":{},"f:port":{}}}"#,
            r#"{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}"#,
        ),
        (r#"{"v:1e21":{},"v:0.0000001":{},"v:1.5":{}}"#, r#"{"v:1e-7":{},"v:1.5":{},"v:1e+21":{}}"#),
        // Strings inside elements are escaped for HTML; names of fields are not.
        (r#"{"f:a<b":{},"v:\"a<b\"":{}}"#, r#"{"f:a<b":{},"v:\"a\\u003cb\"":{}}"#),
        (r#"{"f:a\"b\\c\n":{}}"#, r#"{"f:a\"b\\c\n":{}}"#),
        // Sorts of elements that nobody knows yet are skipped.
        (r#"{"x:new":{"f:a":{}},"f:a":{"y:new":{}}}"#, r#"{"f:a":{}}"#),
        (r#"{".":{},"f:a":{}}"#, r#"{"f:a":{}}"#),
        // Odd, and read.
        (r#"{"k:{}":{}}"#, r#"{"k:{}":{}}"#),
        (r#"{"f:":{}}"#, r#"{"f:":{}}"#),
    ];
    for (read, written) in cases {
        let set = set(read);
        assert_eq!(set.to_json(), written, "{read}");
        assert_eq!(set.to_value().to_string(), written, "{read}: as a tree");
        assert_eq!(FieldSet::from_value(&set.to_value()).expect("what was written"), set, "{read}");
    }
}

#[test]
fn refuses_what_is_no_field_set() {
    let cases = [
        (json!([]), "ReadMapCB: expect { or n, but found ["),
        (json!("f:a"), "ReadMapCB: expect { or n, but found \""),
        (json!({"f:a": 1}), "ReadMapCB: expect { or n, but found 1"),
        (json!({"f": {}}), "parsing key as path element: key must be 2 characters long:"),
        (json!({"": {}}), "parsing key as path element: key must be 2 characters long:"),
        (json!({"field": {}}), "parsing key as path element: missing colon: field"),
        (json!({"i:x": {}}), "parsing key as path element: strconv.Atoi: parsing \"x\": invalid syntax"),
        (json!({"k:1": {}}), "parsing key as path element: expect { or n, but found 1"),
    ];
    for (value, expected) in cases {
        assert_eq!(FieldSet::from_value(&value).expect_err("garbage").to_string(), expected, "{value}");
    }
    for key in ["v:", "v:{", "v:1 2", "k:{\"a\"}", "k:{}x", "v:nope"] {
        let error = FieldSet::from_value(&json!({key: {}})).expect_err("garbage").to_string();
        assert!(error.starts_with("parsing key as path element: "), "{key}: {error}");
    }
    // No boundary of characters behind the first two bytes.
    assert!(FieldSet::from_value(&json!({"é": {}})).is_err());
    assert!(FieldSet::from_value(&json!({"a:é": {}})).expect("an unknown sort").is_empty());
}

#[test]
fn names_paths() {
    let set = set(
        r#"{"f:b":{"k:{\"n\":\"x\",\"p\":80}":{".":{},"f:i":{}},"v:\"q\"":{},"v:1.5":{},"i:3":{},"k:{\"b\":true}":{}},"f:a":{},"f:c":{}}"#,
    );
    let paths: Vec<String> = set.paths().iter().map(ToString::to_string).collect();
    let expected =
        [".a", ".c", ".b[b=true]", r#".b[n="x",p=80]"#, ".b[=1.5]", r#".b[="q"]"#, ".b[3]", r#".b[n="x",p=80].i"#];
    assert_eq!(paths, expected, "members of a level come before what is below them");
    assert_eq!(set.len(), expected.len());
    assert!(set.paths().iter().all(|Path(path)| set.has(path)));
    assert!(!set.has(&[]) && !set.has(&[PathElement::field("b")]));
}

#[test]
fn takes_sets_apart() {
    type Operation = fn(&FieldSet, &FieldSet) -> FieldSet;
    let difference: Operation = FieldSet::difference;
    let recursive: Operation = FieldSet::recursive_difference;
    let intersection: Operation = FieldSet::intersection;
    let cases = [
        (difference, r#"{"f:a":{".":{},"f:b":{}}}"#, r#"{"f:a":{}}"#, r#"{"f:a":{"f:b":{}}}"#),
        (recursive, r#"{"f:a":{".":{},"f:b":{}},"f:c":{}}"#, r#"{"f:a":{}}"#, r#"{"f:c":{}}"#),
        (recursive, r#"{"f:a":{".":{},"f:b":{},"f:c":{}}}"#, r#"{"f:a":{"f:b":{}}}"#, r#"{"f:a":{".":{},"f:c":{}}}"#),
        (difference, r#"{"f:a":{"f:b":{}}}"#, r#"{"f:a":{"f:b":{}}}"#, "{}"),
        (intersection, r#"{"f:a":{".":{},"f:b":{}}}"#, r#"{"f:a":{"f:b":{},"f:c":{}}}"#, r#"{"f:a":{"f:b":{}}}"#),
        (intersection, r#"{"f:a":{}}"#, r#"{"f:a":{"f:b":{}}}"#, "{}"),
        // 80 as an object has it and 80 as JSON reads it in a key are one.
        (difference, r#"{"k:{\"p\":80}":{}}"#, r#"{"k:{\"p\":8e1}":{}}"#, "{}"),
    ];
    for (operation, a, b, expected) in cases {
        assert_eq!(operation(&set(a), &set(b)).to_json(), expected, "{a} and {b}");
    }
    let leaves = set(r#"{"f:a":{".":{},"f:b":{".":{},"f:c":{}}},"f:d":{}}"#).leaves();
    assert_eq!(leaves.to_json(), r#"{"f:a":{"f:b":{"f:c":{}}},"f:d":{}}"#);
    assert_eq!(
        FieldSet::from_dotted(["status", "spec.a", "spec.b"]).to_json(),
        r#"{"f:spec":{"f:a":{},"f:b":{}},"f:status":{}}"#
    );
}

/// xorshift64: tests are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn element(&mut self) -> PathElement {
        let names = ["a", "b", "c"];
        let name = names[usize::try_from(self.below(3)).expect("small")];
        match self.below(4) {
            0 | 1 => PathElement::field(name),
            2 => PathElement::key(vec![
                ("name".to_owned(), Value::from(name)),
                ("port".to_owned(), json!(self.below(2))),
            ]),
            _ => PathElement::Value(std::sync::Arc::new(Value::from(name))),
        }
    }

    fn set(&mut self) -> FieldSet {
        let paths = 0..self.below(12);
        let path = |_| Path((0..=self.below(3)).map(|_| self.element()).collect());
        paths.map(path).collect()
    }
}

#[test]
fn keeps_the_laws_of_sets() {
    let mut random = Random(0x5eed);
    for round in 0..2000 {
        let (a, b, c) = (random.set(), random.set(), random.set());
        let empty = FieldSet::new();
        assert_eq!(a.union(&b), b.union(&a), "{round}");
        assert_eq!(a.intersection(&b), b.intersection(&a), "{round}");
        assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)), "{round}");
        assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)), "{round}");
        assert_eq!(a.difference(&b).union(&a.intersection(&b)), a, "{round}");
        assert_eq!(a.difference(&b).intersection(&b), empty, "{round}");
        assert_eq!(a.difference(&b.union(&c)), a.difference(&b).difference(&c), "{round}");
        assert_eq!(
            (a.difference(&a), a.union(&empty), a.intersection(&empty)),
            (empty.clone(), a.clone(), empty),
            "{round}"
        );
        let members = a.paths().into_iter().filter(|Path(path)| !(1..=path.len()).any(|end| b.has(&path[..end])));
        assert_eq!(a.recursive_difference(&b), members.collect(), "{round}");
        assert_eq!(a.paths().into_iter().collect::<FieldSet>(), a, "{round}");
        let is_leaf =
            |path: &Path| !a.paths().iter().any(|other| other.0.len() > path.0.len() && other.0.starts_with(&path.0));
        assert_eq!(a.leaves(), a.paths().into_iter().filter(is_leaf).collect(), "{round}");
        assert_eq!(FieldSet::from_value(&a.to_value()).expect("written"), a, "{round}");
        assert_eq!(set(&a.to_json()), a, "{round}");
        assert_eq!(a.len(), a.paths().len(), "{round}");
    }
}

#[test]
fn garbage_is_refused_or_read_but_never_breaks() {
    let mut random = Random(7);
    let pieces = ["f:", "k:", "v:", "i:", ".", "{", "}", "\"", "a", ":", "1", "é", "null", "[", "\u{2028}"];
    for _ in 0..5000 {
        let count = random.below(6);
        let key: String = (0..count).map(|_| pieces[usize::try_from(random.below(15)).expect("small")]).collect();
        if let Ok(set) = FieldSet::from_value(&json!({ key.clone(): {"f:a": {}} })) {
            assert_eq!(FieldSet::from_value(&set.to_value()).as_ref(), Ok(&set), "{key}");
        }
    }
}
