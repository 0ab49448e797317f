//! The objects of the load: ConfigMaps and Pods of about 2 KB.
//!
//! Each carries an annotation with a number of fixed width, which every write changes: so an update is the bytes that
//! the server sent last with ten digits replaced, and a watcher tells writes apart without parsing. What the server
//! adds (defaults, managedFields) makes objects longer than they are sent.
//!
//! A Pod names a scheduler that nobody is, so that it stays pending in a cluster with nodes.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::Serialize;

/// The width of the annotation's number.
const WIDTH: usize = 10;

/// What stands before the number in JSON; managedFields write the name with another sign behind it.
static STAMP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""bench/sequence":""#));
/// What stands before the number in protobuf: a map entry's key and the head of its value (field 2, ten bytes long).
static STAMP_PROTOBUF: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"bench/sequence\x12\x0a"));
static RESOURCE_VERSION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""resourceVersion":""#));
static CONTINUE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""continue":""#));

/// The kinds that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// ConfigMaps, which no other part of a cluster looks at.
    ConfigMap,
    /// Pods.
    Pod,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::ConfigMap, Self::Pod];

    /// The plural, as in paths.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Pod => "pods",
        }
    }

    /// The path of the collection in `namespace`.
    pub(crate) fn collection(self, namespace: &str) -> String {
        format!("/api/v1/namespaces/{namespace}/{}", self.plural())
    }

    /// The JSON of the object `name`, stamped with 0.
    pub(crate) fn body(self, name: &str, namespace: &str, rng: &mut StdRng) -> Bytes {
        let metadata = format!(
            r#""metadata":{{"annotations":{{"bench/sequence":"{:0WIDTH$}","checksum/config":"{}"}},"labels":{{"app.kubernetes.io/component":"backend","app.kubernetes.io/instance":"checkout","app.kubernetes.io/name":"checkout","pod-template-hash":"{}"}},"name":"{name}","namespace":"{namespace}"}}"#,
            0,
            hex(rng, 64),
            hex(rng, 10),
        );
        Bytes::from(match self {
            Self::ConfigMap => format!(
                r#"{{"apiVersion":"v1","kind":"ConfigMap",{metadata},"data":{{"application.properties":"{}"}}}}"#,
                properties(rng)
            ),
            Self::Pod => format!(r#"{{"apiVersion":"v1","kind":"Pod",{metadata},"spec":{}}}"#, pod_spec(rng)),
        })
    }
}

/// Settings of an application, a line each, as they stand in a JSON string.
fn properties(rng: &mut StdRng) -> String {
    let mut text = String::new();
    for index in 0..26 {
        write!(text, "checkout.setting.{index:02}.endpoint=https://{}.example.com\\n", hex(rng, 16))
            .expect("writing into memory can't fail");
    }
    text
}

fn pod_spec(rng: &mut StdRng) -> String {
    let environment: Vec<String> =
        (0..11).map(|index| format!(r#"{{"name":"SETTING_{index}","value":"{}"}}"#, hex(rng, 24))).collect();
    let probe = r#"{"failureThreshold":3,"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1}"#;
    format!(
        r#"{{"automountServiceAccountToken":false,"containers":[{{"env":[{{"name":"DATABASE_URL","valueFrom":{{"secretKeyRef":{{"key":"url","name":"checkout-database"}}}}}},{}],"image":"registry.example.com/shop/checkout@sha256:{}","imagePullPolicy":"IfNotPresent","livenessProbe":{probe},"name":"checkout","ports":[{{"containerPort":8080,"name":"http","protocol":"TCP"}}],"readinessProbe":{probe},"resources":{{"limits":{{"memory":"512Mi"}},"requests":{{"cpu":"{}m","memory":"256Mi"}}}},"volumeMounts":[{{"mountPath":"/etc/checkout","name":"config","readOnly":true}}]}}],"restartPolicy":"Always","schedulerName":"bench-nobody","serviceAccountName":"default","volumes":[{{"configMap":{{"name":"checkout-config"}},"name":"config"}}]}}"#,
        environment.join(","),
        hex(rng, 64),
        rng.random_range(1..9) * 100,
    )
}

/// `length` random hexadecimal digits.
fn hex(rng: &mut StdRng, length: usize) -> String {
    (0..length).fold(String::with_capacity(length), |mut text, _| {
        write!(text, "{:x}", rng.random_range(0..16)).expect("writing into memory can't fail");
        text
    })
}

/// The object with another number in its annotation; the buffer is used again where nobody else holds it.
pub(crate) fn restamped(object: Bytes, sequence: u32) -> Option<Bytes> {
    let range = stamp_range(&object)?;
    let mut object = Vec::from(object);
    object[range].copy_from_slice(format!("{sequence:0WIDTH$}").as_bytes());
    Some(object.into())
}

/// The merge patch that changes the number.
pub(crate) fn patch(sequence: u32) -> Bytes {
    format!(r#"{{"metadata":{{"annotations":{{"bench/sequence":"{sequence:0WIDTH$}"}}}}}}"#).into()
}

/// The number in the annotation of the object, in JSON.
pub(crate) fn sequence(object: &[u8]) -> Option<u32> {
    std::str::from_utf8(&object[stamp_range(object)?]).ok()?.parse().ok()
}

/// The first resourceVersion in a JSON text: the object's or the list's own.
pub(crate) fn resource_version(text: &[u8]) -> Option<u64> {
    let rest = &text[RESOURCE_VERSION.find(text)? + RESOURCE_VERSION.needle().len()..];
    std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == b'"')?]).ok()?.parse().ok()
}

/// The token of a JSON list's next page, or `None` where it is the last; `text` is the list, or its beginning.
pub(crate) fn next_page(text: &[u8]) -> Option<&str> {
    let rest = &text[CONTINUE.find(text)? + CONTINUE.needle().len()..];
    let token = std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == b'"')?]).ok()?;
    (!token.is_empty()).then_some(token)
}

/// How many of the load's objects a list has, in JSON or in protobuf.
pub(crate) fn count(list: &[u8]) -> usize {
    let stamp = if list.starts_with(b"k8s\0") { &STAMP_PROTOBUF } else { &STAMP };
    stamp.find_iter(list).count()
}

fn stamp_range(object: &[u8]) -> Option<Range<usize>> {
    let begin = STAMP.find(object)? + STAMP.needle().len();
    (object.len() >= begin + WIDTH).then_some(begin..begin + WIDTH)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn objects_are_json_of_two_kilobytes() {
        let mut rng = StdRng::seed_from_u64(1);
        for kind in Kind::ALL {
            let body = kind.body("a", "b", &mut rng);
            assert!((1_900..2_200).contains(&body.len()), "{kind:?} has {} bytes", body.len());
            let object: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!((&object["metadata"]["name"], &object["metadata"]["namespace"]), (&"a".into(), &"b".into()));
        }
    }

    #[test]
    fn the_number_is_found_and_changed_in_place() {
        let body = Kind::Pod.body("a", "b", &mut StdRng::seed_from_u64(1));
        assert_eq!((sequence(&body), count(&body)), (Some(0), 1));
        let changed = restamped(body.clone(), 4_294_967_295).expect("a number");
        assert_eq!((sequence(&changed), changed.len()), (Some(u32::MAX), body.len()));
        let managed = br#"{"f:annotations":{"f:bench/sequence":{}}}"#;
        assert_eq!((sequence(managed), count(managed)), (None, 0));
        let patched: serde_json::Value = serde_json::from_slice(&patch(7)).expect("JSON");
        assert_eq!(patched["metadata"]["annotations"]["bench/sequence"], "0000000007");
        assert_eq!(count(b"k8s\0..\n\x0ebench/sequence\x12\x0a0000000007..\"f:bench/sequence\":{}"), 1);
    }

    #[test]
    fn versions_and_pages_are_found() {
        let list = br#"{"kind":"PodList","metadata":{"resourceVersion":"164","continue":"abc="},"items":[{"metadata":{"resourceVersion":"9"}}]}"#;
        assert_eq!((resource_version(list), next_page(list)), (Some(164), Some("abc=")));
        let last = br#"{"metadata":{"resourceVersion":"164","continue":""},"items":[]}"#;
        assert_eq!((next_page(last), next_page(b"{}"), resource_version(b"{}")), (None, None, None));
    }
}
