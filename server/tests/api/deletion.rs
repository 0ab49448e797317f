//! Deletes: at once, gracefully, held by finalizers, in collections, and of namespaces.

use serde_json::{Value, json};

use crate::world::World;

const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

#[tokio::test]
async fn objects_go_or_wait_for_their_finalizers() {
    let world = World::start().await;
    let made = world.expect(201, &format!("POST {MAPS}"), &json!({"metadata":{"name":"a"}})).await;
    let body = json!({"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"other"}});
    let refused = world.refused(409, &format!("DELETE {MAPS}/a"), &body).await;
    let uid = made["metadata"]["uid"].as_str().unwrap();
    assert_eq!(
        refused,
        format!(
            "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (other) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        )
    );
    let gone = world.expect(200, &format!("DELETE {MAPS}/a"), &Value::Null).await;
    let expected = json!({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"a","kind":"configmaps","uid":uid}});
    assert_eq!(gone, expected);
    assert_eq!(world.refused(404, &format!("DELETE {MAPS}/a"), &Value::Null).await, r#"configmaps "a" not found"#);

    let held = json!({"metadata":{"name":"b","finalizers":["example.com/x"]}});
    world.expect(201, &format!("POST {MAPS}"), &held).await;
    let marked = world.expect(200, &format!("DELETE {MAPS}/b"), &Value::Null).await;
    assert_eq!(
        (marked["kind"].as_str(), &marked["metadata"]["deletionGracePeriodSeconds"]),
        (Some("ConfigMap"), &json!(0))
    );
    let refused = world.refused(409, &format!("POST {MAPS}"), &held).await;
    assert_eq!(refused, r#"object is being deleted: configmaps "b" already exists"#);
    let added = json!({"metadata":{"finalizers":["example.com/x","example.com/y"]}});
    let refused = world.refused(422, &format!("PATCH {MAPS}/b"), &added).await;
    assert!(refused.contains("no new finalizers can be added if the object is being deleted"), "{refused}");
    let last = world.expect(200, &format!("PATCH {MAPS}/b"), &json!({"metadata":{"finalizers":null}})).await;
    assert!(last["metadata"]["finalizers"].is_null());
    world.refused(404, &format!("GET {MAPS}/b"), &Value::Null).await;

    world.expect(201, &format!("POST {MAPS}"), &json!({"metadata":{"name":"c"}})).await;
    let marked = world.expect(200, &format!("DELETE {MAPS}/c?propagationPolicy=Foreground"), &Value::Null).await;
    assert_eq!(marked["metadata"]["finalizers"], json!(["foregroundDeletion"]));
}

#[tokio::test]
async fn collections_go_by_their_selectors() {
    let world = World::start().await;
    for (name, tier) in [("a", "x"), ("b", "x"), ("c", "y")] {
        let body = json!({"metadata":{"name":name,"labels":{"tier":tier}}});
        world.expect(201, &format!("POST {MAPS}"), &body).await;
    }
    let gone = world.expect(200, &format!("DELETE {MAPS}?labelSelector=tier%3Dx"), &Value::Null).await;
    assert_eq!((gone["kind"].as_str(), gone["items"].as_array().map(Vec::len)), (Some("ConfigMapList"), Some(2)));
    let left = world.expect(200, &format!("GET {MAPS}"), &Value::Null).await;
    let names: Vec<_> =
        left["items"].as_array().into_iter().flatten().map(|item| item["metadata"]["name"].clone()).collect();
    assert_eq!(names, [json!("c")]);
    world.refused(405, "DELETE /api/v1/configmaps", &Value::Null).await;
}

#[tokio::test]
async fn namespaces_are_emptied_first() {
    let world = World::start().await;
    let made = world.expect(201, "POST /api/v1/namespaces", &json!({"metadata":{"name":"ns"}})).await;
    assert_eq!((&made["spec"]["finalizers"], &made["status"]["phase"]), (&json!(["kubernetes"]), &json!("Active")));
    let marked = world.expect(200, "DELETE /api/v1/namespaces/ns", &Value::Null).await;
    assert_eq!(marked["status"]["phase"], "Terminating");
    let again = world.expect(200, "DELETE /api/v1/namespaces/ns", &Value::Null).await;
    assert_eq!(again["metadata"]["resourceVersion"], marked["metadata"]["resourceVersion"]);
    let mut emptied = marked.clone();
    emptied["spec"]["finalizers"] = json!([]);
    world.expect(200, "PUT /api/v1/namespaces/ns/finalize", &emptied).await;
    world.refused(404, "GET /api/v1/namespaces/ns", &Value::Null).await;
}
