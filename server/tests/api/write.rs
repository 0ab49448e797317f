//! Creates, updates and patches.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::World;

const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

fn map(name: &str, data: impl Into<Value>) -> Value {
    json!({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":name},"data":data.into()})
}

#[tokio::test]
async fn objects_are_created_replaced_and_patched() {
    let world = World::start().await;
    let made = world.expect(201, &format!("POST {MAPS}"), &map("a", json!({"k":"v"}))).await;
    let metadata = &made["metadata"];
    assert_eq!((metadata["name"].as_str(), metadata["namespace"].as_str()), (Some("a"), Some("ns")));
    assert_eq!(metadata["uid"].as_str().map(str::len), Some(36));
    assert!(metadata["creationTimestamp"].is_string());
    let owner = &metadata["managedFields"][0];
    assert_eq!((owner["manager"].as_str(), owner["operation"].as_str()), (Some("tester"), Some("Update")));
    assert_eq!(owner["fieldsV1"], json!({"f:data":{".":{},"f:k":{}}}));
    let path = format!("{MAPS}/a");
    assert_eq!(world.expect(200, &format!("GET {path}"), &Value::Null).await, made);

    // The same again, and under another namespace's path.
    let refused = world.refused(409, &format!("POST {MAPS}"), &map("a", json!({}))).await;
    assert_eq!(refused, r#"configmaps "a" already exists"#);
    let mut elsewhere = map("b", json!({}));
    elsewhere["metadata"]["namespace"] = json!("other");
    let refused = world.refused(400, &format!("POST {MAPS}"), &elsewhere).await;
    assert_eq!(refused, "the namespace of the provided object does not match the namespace sent on the request");

    // An update that changes nothing leaves the resourceVersion alone.
    let same = world.expect(200, &format!("PUT {path}"), &made).await;
    assert_eq!(same["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let mut changed = made.clone();
    changed["data"]["k"] = json!("w");
    let written = world.expect(200, &format!("PUT {path}"), &changed).await;
    assert_ne!(written["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let refused = world.refused(409, &format!("PUT {path}"), &changed).await;
    assert_eq!(
        refused,
        r#"Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again"#
    );
    // Without a resourceVersion it overwrites.
    let written = world.expect(200, &format!("PUT {path}"), &map("a", json!({"k":"x"}))).await;
    assert_eq!((written["data"]["k"].as_str(), &written["metadata"]["uid"]), (Some("x"), &made["metadata"]["uid"]));
    let mut other = map("a", json!({}));
    other["metadata"]["uid"] = json!("u");
    let refused = world.refused(409, &format!("PUT {path}"), &other).await;
    assert!(
        refused.contains("AdditionalErrorMsg: Precondition failed: UID in precondition: u, UID in object meta: "),
        "{refused}"
    );
    let refused = world.refused(400, &format!("PUT {path}"), &map("b", json!({}))).await;
    assert_eq!(refused, "the name of the object (b) does not match the name on the URL (a)");
    let refused = world.refused(404, &format!("PUT {MAPS}/none"), &map("none", json!({}))).await;
    assert_eq!(refused, r#"configmaps "none" not found"#);

    let patched = world.expect(200, &format!("PATCH {path}"), &json!({"data":{"k":null,"l":"1"}})).await;
    assert_eq!(patched["data"], json!({"l":"1"}));
    let again = world.expect(200, &format!("PATCH {path}"), &json!({"data":{"l":"1"}})).await;
    assert_eq!(again["metadata"]["resourceVersion"], patched["metadata"]["resourceVersion"]);
    let refused = world.refused(409, &format!("PATCH {path}"), &json!({"metadata":{"resourceVersion":"1"}})).await;
    assert!(refused.ends_with("please apply your changes to the latest version and try again"), "{refused}");

    let answer = world.send(&format!("PATCH {path}"), "Content-Type: application/json\r\n", b"{}").await;
    assert_eq!(answer.code, 415);
    let json_patch = "Content-Type: application/json-patch+json\r\n";
    let answer = world.send(&format!("PATCH {path}"), json_patch, br#"[{"op":"remove","path":"/data/none"}]"#).await;
    assert_eq!(answer.code, 422);
    assert_eq!(answer.json()["message"], "the server rejected our request due to an error in our request");
    let answer =
        world.send(&format!("PATCH {path}"), json_patch, br#"[{"op":"add","path":"/data/m","value":"2"}]"#).await;
    assert_eq!((answer.code, &answer.json()["data"]), (200, &json!({"l":"1","m":"2"})));
}

#[tokio::test]
async fn patches_that_meet_are_all_kept() {
    let world = World::start().await;
    world.expect(201, &format!("POST {MAPS}"), &map("a", json!({}))).await;
    let patches = (0..24).map(|index| {
        let (world, request) = (&world, format!("PATCH {MAPS}/a"));
        async move { world.expect(200, &request, &json!({"data":{format!("k{index}"):"v"}})).await }
    });
    let answers = join_all(patches).await;
    let mut revisions: Vec<_> =
        answers.iter().map(|answer| answer["metadata"]["resourceVersion"].to_string()).collect();
    revisions.sort();
    revisions.dedup();
    assert_eq!(revisions.len(), 24, "each was a write of its own");
    let whole = world.expect(200, &format!("GET {MAPS}/a"), &Value::Null).await;
    assert_eq!(whole["data"].as_object().map(serde_json::Map::len), Some(24));
}

#[tokio::test]
async fn names_are_made_up_and_dry_runs_leave_nothing() {
    let world = World::start().await;
    let mut generated = map("", json!({}));
    generated["metadata"] = json!({"generateName":"a-"});
    let made = world.expect(201, &format!("POST {MAPS}"), &generated).await;
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.len() == 7 && name.starts_with("a-"), "{name}");
    let dry = world.expect(201, &format!("POST {MAPS}?dryRun=All"), &map("dry", json!({"k":"v"}))).await;
    assert!(dry["metadata"]["uid"].is_string() && dry["metadata"]["resourceVersion"].is_null(), "{dry}");
    world.refused(404, &format!("GET {MAPS}/dry"), &Value::Null).await;
    world.expect(201, &format!("POST {MAPS}"), &map("dry", json!({"k":"v"}))).await;
    let dry = world.expect(200, &format!("PATCH {MAPS}/dry?dryRun=All"), &json!({"data":{"k":"w"}})).await;
    assert_eq!(dry["data"]["k"], "w");
    world.expect(200, &format!("DELETE {MAPS}/dry?dryRun=All"), &Value::Null).await;
    assert_eq!(world.expect(200, &format!("GET {MAPS}/dry"), &Value::Null).await["data"]["k"], "v");
    let refused = world.refused(422, &format!("POST {MAPS}?dryRun=x"), &map("d", json!({}))).await;
    assert!(refused.starts_with(r#"CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value"#), "{refused}");
    let refused = world.refused(422, &format!("POST {MAPS}"), &map("No_Name", json!({}))).await;
    assert!(
        refused.starts_with(r#"ConfigMap "No_Name" is invalid: metadata.name: Invalid value: "No_Name""#),
        "{refused}"
    );
}

#[tokio::test]
async fn unknown_fields_are_warned_of_or_refused() {
    let world = World::start().await;
    let mut odd = map("odd", json!({"k":"v"}));
    odd["extra"] = json!(1);
    let body = serde_json::to_vec(&odd).unwrap();
    let answer = world.send(&format!("POST {MAPS}"), "Content-Type: application/json\r\n", &body).await;
    assert_eq!((answer.code, answer.headers("warning")), (201, vec![r#"299 - "unknown field \"extra\"""#]));
    assert!(answer.json()["extra"].is_null());
    let refused = world.refused(400, &format!("POST {MAPS}?fieldValidation=Strict"), &odd).await;
    assert_eq!(
        refused,
        r#"ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "extra""#
    );
    let refused = world.refused(422, &format!("PATCH {MAPS}/odd?fieldValidation=Strict"), &json!({"more":1})).await;
    assert!(refused.starts_with(r#" "" is invalid: patch: Invalid value: "{"#), "{refused}");
    assert!(refused.ends_with(r#"strict decoding error: unknown field "more""#), "{refused}");
}

#[tokio::test]
async fn applied_fields_have_owners() {
    let world = World::start().await;
    let apply = |manager: &str, force: bool, value: &str| {
        let body = format!("kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\ndata:\n  k: {value}\n");
        (format!("PATCH {MAPS}/a?fieldManager={manager}&force={force}"), body)
    };
    let yaml = "Content-Type: application/apply-patch+yaml\r\n";
    let mut codes = Vec::new();
    for (manager, force, value) in [("one", false, "x"), ("one", false, "x"), ("two", false, "w"), ("two", true, "w")] {
        let (request, body) = apply(manager, force, value);
        let answer = world.send(&request, yaml, body.as_bytes()).await;
        codes.push(answer.code);
        if answer.code == 409 {
            let status = answer.json();
            let cause = &status["details"]["causes"][0];
            assert_eq!(cause["reason"], "FieldManagerConflict", "{status}");
            assert_eq!(
                (cause["message"].as_str(), cause["field"].as_str()),
                (Some(r#"conflict with "one""#), Some(".data.k"))
            );
        }
    }
    assert_eq!(codes, [201, 200, 409, 200]);
    let owners = world.expect(200, &format!("GET {MAPS}/a"), &Value::Null).await["metadata"]["managedFields"].clone();
    let names: Vec<_> = owners.as_array().into_iter().flatten().map(|owner| owner["manager"].clone()).collect();
    assert_eq!(names, [json!("two")]);
    let refused = world.send(&format!("PATCH {MAPS}/a"), yaml, b"kind: ConfigMap").await;
    assert_eq!(refused.code, 422);
}
