//! Lists: pages, selectors, resourceVersions.

use serde_json::{Value, json};

use crate::world::World;

const MAPS: &str = "/api/v1/namespaces/ns/configmaps";

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().into_iter().flatten();
    items.map(|item| item["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn pages_show_one_state() {
    let world = World::start().await;
    for index in 0..5 {
        let body = json!({"metadata":{"name":format!("m{index}"),"labels":{"even":(index % 2 == 0).to_string()}}});
        world.expect(201, &format!("POST {MAPS}"), &body).await;
    }
    let whole = world.expect(200, &format!("GET {MAPS}"), &Value::Null).await;
    assert_eq!((whole["kind"].as_str(), whole["apiVersion"].as_str()), (Some("ConfigMapList"), Some("v1")));
    assert_eq!(names(&whole), ["m0", "m1", "m2", "m3", "m4"]);
    assert!(whole["items"][0]["kind"].is_null(), "elements don't name their kind");
    let revision = whole["metadata"]["resourceVersion"].as_str().unwrap().to_owned();

    let first = world.expect(200, &format!("GET {MAPS}?limit=2"), &Value::Null).await;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["m0".into(), "m1".into()], &json!(3)));
    // What happens behind the first page doesn't show on the others.
    world.expect(200, &format!("DELETE {MAPS}/m3"), &Value::Null).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = world.expect(200, &format!("GET {MAPS}?limit=2&continue={token}"), &Value::Null).await;
    assert_eq!(
        (names(&second), &second["metadata"]["remainingItemCount"]),
        (vec!["m2".into(), "m3".into()], &json!(1))
    );
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let token = second["metadata"]["continue"].as_str().unwrap();
    let third = world.expect(200, &format!("GET {MAPS}?limit=2&continue={token}"), &Value::Null).await;
    assert_eq!((names(&third), &third["metadata"]["continue"]), (vec!["m4".into()], &Value::Null));

    let exact = format!("GET {MAPS}?resourceVersion={revision}&resourceVersionMatch=Exact");
    assert_eq!(names(&world.expect(200, &exact, &Value::Null).await).len(), 5);
    let selected = world.expect(200, &format!("GET {MAPS}?labelSelector=even%3Dtrue&limit=2"), &Value::Null).await;
    assert_eq!(
        (names(&selected), &selected["metadata"]["remainingItemCount"]),
        (vec!["m0".into(), "m2".into()], &Value::Null)
    );
    let one = world.expect(200, &format!("GET {MAPS}?fieldSelector=metadata.name%3Dm4"), &Value::Null).await;
    assert_eq!(names(&one), ["m4"]);
    assert_eq!(names(&world.expect(200, "GET /api/v1/configmaps", &Value::Null).await).len(), 4);
}

#[tokio::test]
async fn what_cannot_be_listed_is_refused() {
    let world = World::start().await;
    world.expect(201, &format!("POST {MAPS}"), &json!({"metadata":{"name":"a"}})).await;
    let rows = [
        (
            400,
            "?fieldSelector=spec.foo%3D1",
            r#""spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace""#,
        ),
        (400, "?continue=%25", "invalid continue token: continue key is not valid: "),
        (400, "?limit=x", r#"strconv.ParseInt: parsing "x": invalid syntax"#),
        (504, "?resourceVersion=99999999", "Timeout: Too large resource version: 99999999, current: "),
        (
            422,
            "?resourceVersionMatch=Exact",
            r#"ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: "#,
        ),
    ];
    for (code, query, message) in rows {
        let refused = world.refused(code, &format!("GET {MAPS}{query}"), &Value::Null).await;
        assert!(refused.starts_with(message), "{query}: {refused}");
    }
    let refused = world.refused(400, "GET /api/v1/pods?fieldSelector=spec.foo%3D1", &Value::Null).await;
    assert_eq!(refused, "field label not supported: spec.foo");
    world.refused(404, "GET /api/v1/namespaces/ns/nothing", &Value::Null).await;
    world.refused(404, "GET /api/v1/configmaps/a", &Value::Null).await;
    world.refused(404, "GET /api/v1/namespaces/ns/nodes", &Value::Null).await;
    world.refused(405, "POST /api/v1/configmaps", &json!({})).await;
    world.refused(405, "PUT /api/v1/namespaces/ns/configmaps", &json!({})).await;
}
