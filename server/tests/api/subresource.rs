//! Subresources, and what is not stored.

use serde_json::{Value, json};

use crate::world::World;

const PODS: &str = "/api/v1/namespaces/ns/pods";

fn pod(name: &str) -> Value {
    json!({"metadata":{"name":name},"spec":{"containers":[{"name":"c","image":"i"}]}})
}

#[tokio::test]
async fn pods_are_bound_reported_and_deleted_gracefully() {
    let world = World::start().await;
    let made = world.expect(201, &format!("POST {PODS}"), &pod("p")).await;
    assert_eq!((&made["status"]["phase"], &made["spec"]["restartPolicy"]), (&json!("Pending"), &json!("Always")));
    let binding =
        json!({"kind":"Binding","apiVersion":"v1","metadata":{"name":"p"},"target":{"kind":"Node","name":"n"}});
    let bound = world.expect(201, &format!("POST {PODS}/p/binding"), &binding).await;
    assert_eq!((bound["kind"].as_str(), bound["status"].as_str()), (Some("Status"), Some("Success")));
    let refused = world.refused(409, &format!("POST {PODS}/p/binding"), &binding).await;
    assert_eq!(refused, r#"Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n""#);
    // The status subresource changes nothing but the status, and the object's own changes all but it.
    let status = json!({"spec":{"nodeName":"m"},"status":{"phase":"Running"}});
    let reported = world.expect(200, &format!("PATCH {PODS}/p/status"), &status).await;
    assert_eq!((&reported["spec"]["nodeName"], &reported["status"]["phase"]), (&json!("n"), &json!("Running")));
    let own = world.expect(200, &format!("PATCH {PODS}/p"), &json!({"status":{"phase":"Failed"}})).await;
    assert_eq!(own["status"]["phase"], "Running");

    let marked = world.expect(200, &format!("DELETE {PODS}/p"), &Value::Null).await;
    assert_eq!((&marked["kind"], &marked["metadata"]["deletionGracePeriodSeconds"]), (&json!("Pod"), &json!(30)));
    world.expect(200, &format!("GET {PODS}/p"), &Value::Null).await;
    let gone = world.expect(200, &format!("DELETE {PODS}/p"), &json!({"gracePeriodSeconds":0})).await;
    assert_eq!(gone["kind"], "Pod");
    world.refused(404, &format!("GET {PODS}/p"), &Value::Null).await;

    world.expect(201, &format!("POST {PODS}"), &pod("q")).await;
    let eviction = json!({"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"q"}});
    let evicted = world.expect(201, &format!("POST {PODS}/q/eviction"), &eviction).await;
    assert_eq!(evicted["status"], "Success");
    // Nobody runs it, so it goes at once.
    world.refused(404, &format!("GET {PODS}/q"), &Value::Null).await;
    world.refused(404, &format!("POST {PODS}/q/eviction"), &eviction).await;
}

#[tokio::test]
async fn replicas_are_scaled() {
    let world = World::start().await;
    let deployments = "/apis/apps/v1/namespaces/ns/deployments";
    let deployment = json!({"metadata":{"name":"d"},"spec":{
        "replicas":2,
        "selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}},
    }});
    world.expect(201, &format!("POST {deployments}"), &deployment).await;
    let mut scale = world.expect(200, &format!("GET {deployments}/d/scale"), &Value::Null).await;
    assert_eq!((&scale["spec"]["replicas"], &scale["status"]["selector"]), (&json!(2), &json!("a=b")));
    let table = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n";
    let shown = world.send(&format!("GET {deployments}/d/scale"), table, b"").await.json();
    assert_eq!((&shown["kind"], &shown["rows"][0]["cells"][0]), (&json!("Table"), &json!("d")), "{shown}");
    scale["spec"]["replicas"] = json!(3);
    let scaled = world.expect(200, &format!("PUT {deployments}/d/scale"), &scale).await;
    assert_eq!(scaled["spec"]["replicas"], 3);
    assert!(world.refused(409, &format!("PUT {deployments}/d/scale"), &scale).await.contains("has been modified"));
    let patched = world.expect(200, &format!("PATCH {deployments}/d/scale"), &json!({"spec":{"replicas":4}})).await;
    assert_eq!(patched["spec"]["replicas"], 4);
    let own = world.expect(200, &format!("GET {deployments}/d"), &Value::Null).await;
    assert_eq!((&own["spec"]["replicas"], &own["metadata"]["generation"]), (&json!(4), &json!(3)));
    let owners: Vec<_> = own["metadata"]["managedFields"].as_array().into_iter().flatten().collect();
    let scaled = owners.iter().find(|owner| owner["subresource"] == "scale").unwrap();
    assert_eq!(scaled["fieldsV1"], json!({"f:spec":{"f:replicas":{}}}));
}

#[tokio::test]
async fn reviews_are_answered() {
    let world = World::start().await;
    let asked = json!({"spec":{"resourceAttributes":{"verb":"get","resource":"pods","namespace":"ns"}}});
    let path = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = world.expect(201, path, &asked).await;
    assert_eq!((&answer["kind"], &answer["status"]["allowed"]), (&json!("SelfSubjectAccessReview"), &json!(true)));
    let refused = world.refused(422, path, &json!({"spec":{}})).await;
    assert!(
        refused.ends_with("exactly one of nonResourceAttributes or resourceAttributes must be specified"),
        "{refused}"
    );
    let me = world.expect(201, "POST /apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await;
    assert_eq!(me["status"]["userInfo"]["username"], "tester");
    world.refused(405, "GET /apis/authentication.k8s.io/v1/selfsubjectreviews", &Value::Null).await;
}

#[tokio::test]
async fn events_are_served_in_both_groups() {
    let world = World::start().await;
    let event = json!({
        "metadata":{"name":"e"},
        "involvedObject":{"kind":"Pod","namespace":"ns","name":"p"},
        "reason":"R","message":"m","type":"Normal","count":1,
    });
    world.expect(201, "POST /api/v1/namespaces/ns/events", &event).await;
    let new = world.expect(200, "GET /apis/events.k8s.io/v1/namespaces/ns/events/e", &Value::Null).await;
    assert_eq!(
        (&new["apiVersion"], &new["note"], &new["regarding"]["name"]),
        (&json!("events.k8s.io/v1"), &json!("m"), &json!("p"))
    );
    let list =
        world.expect(200, "GET /apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dp", &Value::Null).await;
    assert_eq!((&list["kind"], &list["items"][0]["note"]), (&json!("EventList"), &json!("m")));
    let path = "/apis/events.k8s.io/v1/namespaces/ns/events/e";
    let labels = json!({"metadata":{"labels":{"a":"b"}}});
    let patched = world.expect(200, &format!("PATCH {path}"), &labels).await;
    assert_eq!((&patched["note"], &patched["apiVersion"]), (&json!("m"), &json!("events.k8s.io/v1")));
    let stored = world.expect(200, "GET /api/v1/namespaces/ns/events/e", &Value::Null).await;
    assert_eq!((&stored["message"], &stored["metadata"]["labels"]), (&json!("m"), &json!({"a":"b"})));
    // An entry names the version that it speaks of.
    let mut owners = stored["metadata"]["managedFields"].as_array().into_iter().flatten();
    assert!(owners.any(|owner| owner["apiVersion"] == "events.k8s.io/v1"), "{stored}");
    let refused = world.refused(422, &format!("PATCH {path}"), &json!({"deprecatedCount":2})).await;
    assert_eq!(refused, r#"Event "e" is invalid: count: Invalid value: 2: field is immutable"#);
}
