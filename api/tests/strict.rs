//! What the readers object to, in upstream's words.

#![expect(clippy::panic, reason = "this file is tests, where that is how a failure is reported")]

use howdah_api::codec::{MAX_DEPTH, MAX_VALUES, json, protobuf, yaml};
use howdah_api::schema::{Node, builtin};
use howdah_api::tree;
use serde_json::{Value, json};

fn pod() -> &'static Node {
    builtin::kind("", "v1", "Pod").expect("a built-in kind")
}

fn findings(text: &str) -> Vec<String> {
    let decoded = json::decode(text.as_bytes(), pod()).unwrap_or_else(|error| panic!("{text}: {error}"));
    decoded.strict.iter().map(ToString::to_string).collect()
}

fn refusal(text: &str) -> String {
    json::decode(text.as_bytes(), pod()).expect_err("refused").to_string()
}

#[test]
fn unknown_and_duplicate_fields_are_found_in_order() {
    assert_eq!(
        findings(
            r#"{"Kind":"Pod","metadata":{"name":"a","name":"b","labels":{"x":"1","x":"2"}},
                "spec":{"containers":[{"name":"c","image":"i","imag":"j","ports":[{},{"containerport":1}]}],
                "nodeSelector":{"a.b/c":"1","a.b/c":"2"},"spec":{"x":1,"x":2}},"spec":{}}"#
        ),
        [
            r#"unknown field "Kind""#,
            r#"duplicate field "metadata.name""#,
            r#"duplicate field "metadata.labels.x""#,
            r#"unknown field "spec.containers[0].imag""#,
            r#"unknown field "spec.containers[0].ports[1].containerport""#,
            r#"duplicate field "spec.nodeSelector.a.b/c""#,
            r#"unknown field "spec.spec""#,
            r#"duplicate field "spec""#,
        ]
    );
}

#[test]
fn what_stands_twice_is_read_as_go_reads_it() {
    let text = br#"{"metadata":{"name":"a","labels":{"x":"1"}},"metadata":{"name":"b","labels":{"y":"2"}}}"#;
    let decoded = json::decode(text, pod()).expect("well formed");
    assert_eq!(decoded.value, json!({"metadata": {"name": "b", "labels": {"x": "1", "y": "2"}}}));
}

#[test]
fn findings_are_told_once_and_not_without_end() {
    assert_eq!(findings(r#"{"x":1,"x":2}"#), [r#"unknown field "x""#]);
    let many: Vec<String> = (0..500).map(|index| format!(r#""x{index}":1"#)).collect();
    assert_eq!(findings(&format!("{{{}}}", many.join(","))).len(), 100);
}

#[test]
fn raw_json_is_not_looked_into() {
    let revision = builtin::kind("apps", "v1", "ControllerRevision").expect("a built-in kind");
    let decoded = json::decode(br#"{"data":{"a":1,"a":2},"revision":1}"#, revision).expect("well formed");
    assert_eq!(decoded.strict, []);
    let definition = builtin::kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition").expect("built in");
    let schema = |inner: &str| {
        format!(r#"{{"spec":{{"versions":[{{"schema":{{"openAPIV3Schema":{{"properties":{{"a":{inner}}}}}}}}}]}}}}"#)
    };
    let decoded = json::decode(schema(r#"{"items":{"bogus":1},"bogus":2}"#).as_bytes(), definition).expect("fits");
    // Behind `items` Go's decoder starts anew and is not strict.
    let expected = r#"unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.bogus""#;
    assert_eq!(decoded.strict.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    let error = json::decode(schema(r#"{"additionalProperties":"x"}"#).as_bytes(), definition).expect_err("refused");
    assert_eq!(error.to_string(), "boolean or JSON schema expected");
}

#[test]
fn wrong_types_are_told_in_gos_words() {
    let layout = "\"2006-01-02T15:04:05Z07:00\"";
    let number = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    let rows = [
        (r#"[]"#, "json: cannot unmarshal array into Go value of type v1.Pod".to_owned()),
        (
            r#"{"spec":{"containers":"x"}}"#,
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container"
                .to_owned(),
        ),
        (
            r#"{"spec":{"containers":[{"ports":[{"containerPort":"80"}]}]}}"#,
            "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of \
             type int32"
                .to_owned(),
        ),
        (
            r#"{"kind":1}"#,
            "json: cannot unmarshal number into Go struct field Pod.TypeMeta.kind of type string".to_owned(),
        ),
        (
            r#"{"spec":{"volumes":[{"hostPath":{"path":true}}]}}"#,
            "json: cannot unmarshal bool into Go struct field \
             HostPathVolumeSource.spec.volumes.VolumeSource.hostPath.path of type string"
                .to_owned(),
        ),
        (
            r#"{"metadata":{"generation":1.5}}"#,
            "json: cannot unmarshal number 1.5 into Go struct field ObjectMeta.metadata.generation of type int64"
                .to_owned(),
        ),
        (
            r#"{"spec":{"priority":2147483648}}"#,
            "json: cannot unmarshal number 2147483648 into Go struct field PodSpec.spec.priority of type int32"
                .to_owned(),
        ),
        (
            r#"{"metadata":{"labels":{"a":1}}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string".to_owned(),
        ),
        (
            r#"{"metadata":{"creationTimestamp":1}}"#,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string"
                .to_owned(),
        ),
        (
            r#"{"metadata":{"creationTimestamp":"now"}}"#,
            format!("parsing time \"now\" as {layout}: cannot parse \"now\" as \"2006\""),
        ),
        (r#"{"spec":{"overhead":{"cpu":"1x"}}}"#, number.to_owned()),
        (r#"{"spec":{"overhead":{"cpu":{}}}}"#, number.to_owned()),
        (
            r#"{"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":1.5}}}]}}"#,
            "json: cannot unmarshal number 1.5 into Go struct field \
             HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32"
                .to_owned(),
        ),
        // Of several, the first; but syntax comes before types, wherever it breaks.
        (
            r#"{"metadata":1,"spec":1}"#,
            "json: cannot unmarshal number into Go struct field Pod.metadata of type v1.ObjectMeta".to_owned(),
        ),
        (r#"{"metadata":1,"spec":1"#, "unexpected end of JSON input".to_owned()),
        (r#"{"metadata":{"creationTimestamp":1},}"#, {
            "invalid character '}' looking for beginning of object key string".to_owned()
        }),
    ];
    for (text, expected) in rows {
        assert_eq!(refusal(text), expected, "{text}");
    }
    let secret = builtin::kind("", "v1", "Secret").expect("a built-in kind");
    let error = json::decode(br#"{"data":{"a":"!"}}"#, secret).expect_err("refused");
    assert_eq!(error.to_string(), "illegal base64 data at input byte 0");
}

#[test]
fn broken_syntax_is_told_in_gos_words() {
    let rows = [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("{}x", "invalid character 'x' after top-level value"),
        ("{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
        (r#"{"a" 1}"#, "invalid character '1' after object key"),
        (r#"{"a":1 "b":2}"#, "invalid character '\"' after object key:value pair"),
        (r#"{"a":[1 2]}"#, "invalid character '2' after array element"),
        (r#"{"a":}"#, "invalid character '}' looking for beginning of value"),
        (r#"{"a":tru}"#, "invalid character '}' in literal true (expecting 'e')"),
        (r#"{"a":nul"#, "invalid character ' ' in literal null (expecting 'l')"),
        (r#"{"a":-}"#, "invalid character '}' in numeric literal"),
        (r#"{"a":1.}"#, "invalid character '}' after decimal point in numeric literal"),
        (r#"{"a":1e}"#, "invalid character '}' in exponent of numeric literal"),
        (r#"{"a":01}"#, "invalid character '1' after object key:value pair"),
        ("{\"a\":\"\n\"}", r"invalid character '\n' in string literal"),
        (r#"{"a":"\x"}"#, "invalid character 'x' in string escape code"),
        (r#"{"a":"\u00g0"}"#, r"invalid character 'g' in \u hexadecimal character escape"),
        ("{\"a\":\u{e9}}", "invalid character 'Ã' looking for beginning of value"),
    ];
    for (text, expected) in rows {
        assert_eq!(refusal(text), expected, "{text:?}");
        assert_eq!(json::decode_any(text.as_bytes()).expect_err("refused").to_string(), expected, "{text:?}");
    }
}

#[test]
fn odd_strings_and_numbers_are_read_as_go_reads_them() {
    let read = |text: &[u8]| json::decode_any(text).expect("well formed").value;
    assert_eq!(read(br#""\ud83d\ude00\ud83d\u0041\udc00""#), json!("😀\u{fffd}A\u{fffd}"));
    assert_eq!(read(b"\"a\xe2\x82b\xff\""), json!("a\u{fffd}\u{fffd}b\u{fffd}"));
    assert_eq!(read(b"9223372036854775807"), json!(i64::MAX));
    assert_eq!(read(b"18446744073709551615"), json!(u64::MAX));
    assert_eq!(read(b"18446744073709551616"), json!(18_446_744_073_709_551_616.0_f64));
    assert_eq!(read(b"1e3"), json!(1000.0));
    let error = json::decode_any(b"{\"a\":1e999}").expect_err("refused");
    assert_eq!(error.to_string(), "json: cannot unmarshal number 1e999 into Go value of type float64");
    assert_eq!(json::encode_any(&json!({"b": 1.0, "a": 1e21, "c": "<\u{2028}&\u{8}\u{1}>"})), {
        br#"{"a":1e+21,"b":1,"c":"\u003c\u2028\u0026\b\u0001\u003e"}"#
    });
}

#[test]
fn bombs_are_refused() {
    let nested = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    assert!(json::decode_any(nested("[", "]", MAX_DEPTH).as_bytes()).is_ok());
    for depth in [MAX_DEPTH + 1, 1_000_000] {
        let error = json::decode_any(nested("[", "]", depth).as_bytes()).expect_err("too deep");
        assert_eq!(error.to_string(), "invalid character '[' exceeded max depth");
    }
    let text = format!(r#"{{"unknown":{}1{}}}"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    assert_eq!(refusal(&text), "invalid character '{' exceeded max depth");
    let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
    assert!(json::decode_any(many.as_bytes()).expect_err("too many").to_string().contains("values"));

    assert_eq!(yaml::to_json("- ".repeat(300).as_bytes()), Err(yaml::YamlError::Depth));
    assert!(yaml::to_json(nested("[", "]", 100_000).as_bytes()).is_err());
    assert!(yaml::to_json("- ".repeat(100_000).as_bytes()).is_err());
    let laughs: String = (0..30).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, level| {
        let alias = vec![format!("*a{level}"); 9].join(",");
        format!("{text}a{0}: &a{0} [{alias}]\n", level + 1)
    });
    assert_eq!(yaml::to_json(laughs.as_bytes()), Err(yaml::YamlError::Size));
    let copies = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(","));
    assert_eq!(yaml::to_json(copies.as_bytes()), Err(yaml::YamlError::Size));
    assert_eq!(yaml::to_json(b"a: &a [*a]\n"), Err(yaml::YamlError::Recursive));
}

#[test]
fn broken_protobuf_is_refused_in_upstreams_words() {
    let rows: &[(&[u8], &str)] = &[
        (b"\x0a\x05\x0a\x7fabc", "unexpected EOF"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "proto: negative length found during unmarshaling"),
        (b"\x08\x01", "proto: wrong wireType = 0 for field ObjectMeta"),
        (b"\x0a\x02\x28\x00", "proto: wrong wireType = 0 for field UID"),
        (b"\x0a\x02\x38\x80", "unexpected EOF"),
        (b"\x0a\x0c\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "proto: integer overflow"),
        (b"\x00\x00", "proto: Pod: illegal tag 0 (wire type 0)"),
        (b"\x0f", "proto: illegal wireType 7"),
        (b"\x0c", "proto: Pod: wiretype end group for non-group"),
        (
            b"\x0a\x09\x42\x07\x08\x80\x83\xd1\xff\xaf\x07",
            "proto: a time 253402300800 seconds from 1970 is outside of the years 0 to 9999",
        ),
        (
            b"\x12\x0f\x12\x0d\x42\x0b\x0a\x09\x0a\x01a\x12\x04\x0a\x021x",
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ];
    for (bytes, expected) in rows {
        assert_eq!(protobuf::decode(bytes, pod()).expect_err("refused").to_string(), *expected, "{bytes:?}");
    }
    let magic = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    let rows: &[(&[u8], &str)] = &[(b"", "empty data"), (b"{}", magic), (b"k8s", magic), (b"k8s\0", "empty body")];
    for (bytes, expected) in rows {
        assert_eq!(protobuf::Envelope::read(bytes).expect_err("refused").to_string(), *expected, "{bytes:?}");
    }
}

#[test]
fn deep_protobuf_is_refused() {
    let definition = builtin::named("apiextensions/v1", "JSONSchemaProps").expect("a struct");
    let mut message = Vec::new();
    for _ in 0..MAX_DEPTH + 1 {
        // Member 28 is `not`, a schema.
        let mut outer = vec![0xe2, 0x01];
        let mut length = message.len();
        while length >= 0x80 {
            outer.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        outer.append(&mut message);
        message = outer;
    }
    let error = protobuf::decode(&message, definition).expect_err("too deep");
    assert_eq!(error.to_string(), "proto: messages are nested too deep");
}

#[test]
fn unknown_members_are_passed_over() {
    // 100 {varint}, 101 {fixed64}, 102 {bytes}, 103 {group with a varint}, 104 {fixed32}, and between them metadata.
    let bytes = b"\xa0\x06\x01\xa9\x06abcdefgh\xb2\x06\x03xyz\x0a\x03\x0a\x01n\xbb\x06\x08\x01\xbc\x06\xc5\x06abcd";
    let value = protobuf::decode(bytes, pod()).expect("well formed");
    assert_eq!(value["metadata"]["name"], json!("n"));
}

#[test]
fn packed_lists_are_read_and_lists_in_pieces_joined() {
    let scheduling = builtin::named("core/v1", "PodSecurityContext").expect("a struct");
    // supplementalGroups is member 4.
    let value = protobuf::decode(b"\x20\x01\x22\x02\x02\x03\x20\x04", scheduling).expect("well formed");
    assert_eq!(value["supplementalGroups"], json!([1, 2, 3, 4]));
    // -1 takes ten bytes.
    let encoded = protobuf::encode(&json!({"supplementalGroups": [-1]}), scheduling).expect("fits");
    assert_eq!(encoded, b"\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

#[test]
fn values_that_fit_no_member_are_refused() {
    let error = protobuf::encode(&json!({"spec": {"containers": [{"name": 1}]}}), pod()).expect_err("refused");
    assert_eq!(error.to_string(), "Container.name: a string can't be written from this value");
    let error = protobuf::encode_object(&json!({"kind": "Pod"}), pod()).expect_err("refused");
    assert_eq!(error, protobuf::ProtobufError::Untyped);
}

#[test]
fn watch_frames_have_a_length_and_a_body() {
    let frame = protobuf::encode_watch_event("ADDED", b"k8s\0...");
    assert_eq!(frame, b"\0\0\0\x12\x0a\x05ADDED\x12\x09\x0a\x07k8s\0...");
}

#[test]
fn normalising_is_gos_round_trip() {
    let text = br#"{"metadata":{"name":"a","creationTimestamp":null,"labels":{},"finalizers":[]},
        "spec":{"containers":[{"image":"i","args":[],"resources":{"limits":{"cpu":0.5,"memory":"1024Mi"}},
        "ports":[{"containerPort":0,"name":null}]},null],"priority":0,"hostname":""},"kind":"Pod"}"#;
    let mut value = json::decode(text, pod()).expect("well formed").value;
    tree::normalise(&mut value, pod());
    let expected = concat!(
        r#"{"kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"","image":"i","#,
        r#""ports":[{"containerPort":0}],"resources":{"limits":{"cpu":"500m","memory":"1Gi"}}},{"name":"","#,
        r#""resources":{}}],"priority":0},"status":{}}"#,
    );
    assert_eq!(String::from_utf8(json::encode(&value, pod())).expect("text"), expected);
    let mut again = value.clone();
    tree::normalise(&mut again, pod());
    assert_eq!(again, value);
    // Lists that Go writes always are null until somebody sets them.
    let role = builtin::kind("rbac.authorization.k8s.io", "v1", "Role").expect("a built-in kind");
    let mut value = json!({"rules": [{"verbs": []}, {}]});
    tree::normalise(&mut value, role);
    assert_eq!(value, json!({"metadata": {}, "rules": [{"verbs": []}, {"verbs": null}]}));
}

#[test]
fn yaml_is_read_as_upstream_reads_it() {
    let read = |text: &str| yaml::to_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let rows = [
        ("a: yes\nb: No\nc: on\nd: 'on'\ne: y\n", json!({"a": true, "b": false, "c": true, "d": "on", "e": true})),
        ("a: 0777\nb: 1.0\nc: 08\nd: 1_000\ne: 0x1f\n", json!({"a": 511, "b": 1, "c": 8, "d": 1000, "e": 31})),
        ("1: a\ntrue: b\n1.5: c\nyes: d\n", json!({"1": "a", "true": "d", "1.5": "c"})),
        ("a: 2020-01-01\nb: ~\nc:\nd: !!str 1\ne: !!binary Zm9v\n", {
            json!({"a": "2020-01-01", "b": null, "c": null, "d": "1", "e": "foo"})
        }),
        ("x: &x {a: 1, b: 2}\nw:\n  <<: *x\n  b: 3\nz: *x\n", {
            json!({"x": {"a": 1, "b": 2}, "w": {"a": 1, "b": 3}, "z": {"a": 1, "b": 2}})
        }),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y\n", json!({"a": "x\ny\n", "b": "x y"})),
        ("a: 1\n---\na: 2\n", json!({"a": 1})),
        ("", Value::Null),
        ("{\"a\": [1, 2.5, \"x\"]}", json!({"a": [1, 2.5, "x"]})),
    ];
    for (text, expected) in rows {
        assert_eq!(read(text).value, expected, "{text}");
    }
    for text in
        ["a: .inf\n", "? {a: 1}\n: b\n", "~: 1\n", "a: b: c\n", "a: *b\n", "a: !!int x\n", "a: \"x\n", "a: [1\n"]
    {
        assert!(yaml::to_json(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(yaml::to_json(b"\xff"), Err(yaml::YamlError::Encoding));
}

#[test]
fn keys_that_stand_twice_in_yaml_are_one_finding() {
    let text = b"kind: Pod\nmetadata:\n  name: a\n  name: b\n  nme: c\nmetadata:\n  name: d\n";
    let decoded = yaml::decode(text, pod()).expect("well formed");
    assert_eq!(decoded.value, json!({"kind": "Pod", "metadata": {"name": "d"}}));
    let findings: Vec<String> = decoded.strict.iter().map(ToString::to_string).collect();
    let expected = [
        "yaml: unmarshal errors:",
        "  line 4: key \"name\" already set in map",
        "  line 7: key \"metadata\" already set in map",
    ]
    .join("\n");
    assert_eq!(findings, [expected]);
}

#[test]
fn yaml_is_written_as_upstream_writes_it() {
    let value = json!({
        "b": ["x", {"k": 1, "l": [[], {}, [1]]}],
        "a10": "yes", "a2": "1", "a1": "", "c": "x: y", "d": "two\nlines\n", "e": " lead", "f": "tab\t", "g": "it's",
        "h": "- x", "i": null, "j": 1.5, "k": "2020-01-01", "l": "line\n\n",
        "m": "😀", "n": "#", "o": "a #b", "p": "a#b",
    });
    let expected = [
        "a1: \"\"",
        "a2: \"1\"",
        "a10: \"yes\"",
        "b:",
        "- x",
        "- k: 1",
        "  l:",
        "  - []",
        "  - {}",
        "  - - 1",
        "c: 'x: y'",
        "d: |",
        "  two",
        "  lines",
        "e: ' lead'",
        "f: \"tab\\t\"",
        "g: it's",
        "h: '- x'",
        "i: null",
        "j: 1.5",
        "k: \"2020-01-01\"",
        "l: |+",
        "  line",
        "",
        "m: \"\\U0001F600\"",
        "\"n\": '#'",
        "o: 'a #b'",
        "p: a#b",
        "",
    ]
    .join("\n");
    let written = String::from_utf8(yaml::encode(&value)).expect("text");
    assert_eq!(written, expected);
    assert_eq!(yaml::to_json(written.as_bytes()).expect("well formed").value, value);
}
