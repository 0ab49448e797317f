//! The objects that are written: Pods of about 2 KB, as a Deployment's look once they run.
//!
//! Names, uids, hashes and addresses differ between objects; an update changes what a restarted container changes
//! (container id, start time, restart count, address, the Ready condition). Nothing but these parts varies, so the
//! bytes compress about as well as real ones do. Both stores are fed from the same seed.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// A Pod's JSON without resourceVersion, and the places in it that updates change.
pub(crate) struct Document {
    json: Vec<u8>,
    splice: usize,
    hex: Vec<Range<usize>>,
    digits: Vec<Range<usize>>,
}

/// Builds a document's text and notes the places that updates change.
#[derive(Default)]
struct Draft {
    text: String,
    hex: Vec<Range<usize>>,
    digits: Vec<Range<usize>>,
}

/// The generator of one phase's random parts; the same `seed` gives the same sequence.
pub(crate) fn generator(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

impl Document {
    /// The Pod `name` in its first state.
    pub(crate) fn new(name: &str, rng: &mut StdRng) -> Self {
        let template = hex(rng, 10);
        let container = hex(rng, 64);
        let address = format!("10.244.1{:02}.1{:02}", rng.random_range(0..55), rng.random_range(0..100));
        let node = format!("worker-{:03}", rng.random_range(0..500));
        let mut draft = Draft::default();
        draft.push(&format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"annotations":{{"checksum/config":"{}"}},"creationTimestamp":"2026-03-02T08:1{}:2{}Z","generateName":"checkout-{template}-","labels":{{"app.kubernetes.io/component":"backend","app.kubernetes.io/instance":"checkout","app.kubernetes.io/name":"checkout","pod-template-hash":"{template}"}},"name":"{name}","namespace":"bench","ownerReferences":[{{"apiVersion":"apps/v1","blockOwnerDeletion":true,"controller":true,"kind":"ReplicaSet","name":"checkout-{template}","uid":"{}"}}],"uid":"{}""#,
            hex(rng, 64),
            rng.random_range(0..10),
            rng.random_range(0..10),
            uid(rng),
            uid(rng),
        ));
        let splice = draft.text.len();
        draft.push(&format!(
            r#"}},"spec":{{"containers":[{{"env":[{{"name":"LOG_LEVEL","value":"info"}},{{"name":"DATABASE_URL","valueFrom":{{"secretKeyRef":{{"key":"url","name":"checkout-database"}}}}}}],"image":"registry.example.com/shop/checkout:v2.14.{}","imagePullPolicy":"IfNotPresent","livenessProbe":{{"failureThreshold":3,"httpGet":{{"path":"/healthz","port":8080,"scheme":"HTTP"}},"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1}},"name":"checkout","ports":[{{"containerPort":8080,"name":"http","protocol":"TCP"}}],"resources":{{"limits":{{"memory":"512Mi"}},"requests":{{"cpu":"{}m","memory":"256Mi"}}}}}}],"nodeName":"{node}","restartPolicy":"Always","serviceAccountName":"checkout"}},"status":{{"conditions":[{{"lastTransitionTime":"2026-03-0"#,
            rng.random_range(10..100),
            rng.random_range(1..9) * 100,
        ));
        draft.digits("2T08:14:51");
        draft.push(r#"Z","status":"True","type":"Ready"}],"containerStatuses":[{"containerID":"containerd://"#);
        draft.hex(&container);
        draft.push(&format!(
            r#"","image":"registry.example.com/shop/checkout:v2.14.3","imageID":"registry.example.com/shop/checkout@sha256:{}","name":"checkout","ready":true,"restartCount":1"#,
            hex(rng, 64)
        ));
        draft.digits("04");
        draft.push(r#","started":true,"state":{"running":{"startedAt":"2026-03-0"#);
        draft.digits("2T08:14:50");
        draft.push(&format!(
            r#"Z"}}}}}}],"hostIP":"192.168.14.{}","phase":"Running","podIP":""#,
            rng.random_range(2..250)
        ));
        draft.push(&address);
        draft.push(r#"","podIPs":[{"ip":""#);
        draft.push(&address);
        draft.push(r#""}],"qosClass":"Burstable","startTime":"2026-03-02T08:14:36Z"}}"#);
        Self { json: draft.text.into_bytes(), splice, hex: draft.hex, digits: draft.digits }
    }

    /// Changes what a restart of the container changes.
    pub(crate) fn restart(&mut self, rng: &mut StdRng) {
        for range in &self.hex {
            fill(&mut self.json[range.clone()], b"0123456789abcdef", rng);
        }
        for range in &self.digits {
            for byte in &mut self.json[range.clone()] {
                // The tens of hours, minutes and seconds stay below 6; here below 2, so that every time is one.
                if byte.is_ascii_digit() {
                    *byte = b'0' + u8::try_from(rng.next_u32() % 2).expect("below two");
                }
            }
        }
    }

    /// The JSON as it stands.
    pub(crate) fn json(&self) -> Bytes {
        Bytes::copy_from_slice(&self.json)
    }

    /// The byte at which `,"resourceVersion":"…"` belongs: behind the uid.
    pub(crate) fn splice(&self) -> usize {
        self.splice
    }
}

impl Draft {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn hex(&mut self, text: &str) {
        self.hex.push(self.text.len()..self.text.len() + text.len());
        self.push(text);
    }

    fn digits(&mut self, text: &str) {
        self.digits.push(self.text.len()..self.text.len() + text.len());
        self.push(text);
    }
}

/// Overwrites `bytes` with random letters of `alphabet`, which has sixteen.
fn fill(bytes: &mut [u8], alphabet: &[u8; 16], rng: &mut StdRng) {
    for chunk in bytes.chunks_mut(16) {
        let mut random = rng.next_u64();
        for byte in chunk {
            *byte = alphabet[usize::try_from(random & 15).expect("below sixteen")];
            random >>= 4;
        }
    }
}

/// `length` random hexadecimal digits.
fn hex(rng: &mut StdRng, length: usize) -> String {
    (0..length).fold(String::with_capacity(length), |mut text, _| {
        write!(text, "{:x}", rng.random_range(0..16)).expect("writing into memory can't fail");
        text
    })
}

/// A random uid in UUID's form.
fn uid(rng: &mut StdRng) -> String {
    format!("{}-{}-4{}-a{}-{}", hex(rng, 8), hex(rng, 4), hex(rng, 3), hex(rng, 3), hex(rng, 12))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(document: &Document) -> serde_json::Value {
        serde_json::from_slice(&document.json()).expect("the document is JSON")
    }

    #[test]
    fn a_document_is_a_pod_of_two_kilobytes_before_and_after_updates() {
        let mut rng = generator(7);
        let mut document = Document::new("pod-000001", &mut rng);
        let first = document.json();
        assert!((1950..2150).contains(&first.len()), "{} bytes", first.len());
        for _ in 0..100 {
            document.restart(&mut rng);
            let pod = parse(&document);
            assert_eq!(pod["kind"], "Pod");
            assert_eq!(pod["metadata"]["name"], "pod-000001");
            let count = pod["status"]["containerStatuses"][0]["restartCount"].as_u64().expect("a count");
            assert!((100..=111).contains(&count));
        }
        assert_ne!(document.json(), first);
        assert_eq!(document.json().len(), first.len());
    }

    #[test]
    fn the_resource_version_belongs_behind_the_uid() {
        let document = Document::new("pod-000001", &mut generator(7));
        let mut json = document.json().to_vec();
        json.splice(document.splice()..document.splice(), br#","resourceVersion":"12""#.iter().copied());
        let pod: serde_json::Value = serde_json::from_slice(&json).expect("the document is JSON");
        assert_eq!(pod["metadata"]["resourceVersion"], "12");
    }

    #[test]
    fn the_same_seed_gives_the_same_documents() {
        let (a, b) = (Document::new("a", &mut generator(3)), Document::new("a", &mut generator(3)));
        assert_eq!(a.json(), b.json());
        assert_ne!(a.json(), Document::new("a", &mut generator(4)).json());
    }
}
