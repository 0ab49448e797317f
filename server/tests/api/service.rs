//! What Services are given, and that it is theirs alone until they go.

use serde_json::{Value, json};

use crate::world::World;

const SERVICES: &str = "/api/v1/namespaces/ns/services";

fn service(name: &str, spec: Value) -> Value {
    let mut object = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": name}});
    object["spec"] = spec;
    object
}

#[tokio::test]
async fn services_get_addresses_and_ports_of_their_own() {
    let world = World::start().await;
    let post = format!("POST {SERVICES}");

    // A dry run answers with made-up values and takes nothing: the same port is free afterwards.
    let fixed = json!({"type": "NodePort", "clusterIP": "10.96.0.7", "ports": [{"port": 80, "nodePort": 30080}]});
    let open = json!({"type": "NodePort", "ports": [{"port": 80}]});
    let dry = format!("{post}?dryRun=All");
    let made_up = world.expect(201, &dry, &service("a", open.clone())).await;
    assert_eq!(
        (&made_up["spec"]["clusterIP"], &made_up["spec"]["ports"][0]["nodePort"]),
        (&json!("10.96.0.0"), &json!(32769))
    );
    world.expect(201, &dry, &service("a", fixed.clone())).await;
    let made = world.expect(201, &post, &service("a", fixed.clone())).await;
    assert_eq!(
        (&made["spec"]["clusterIPs"], &made["spec"]["ports"][0]["nodePort"]),
        (&json!(["10.96.0.7"]), &json!(30080))
    );

    // Everybody else is refused, as upstream words it.
    let taken =
        world.expect(422, &post, &service("b", json!({"clusterIP": "10.96.0.7", "ports": [{"port": 80}]}))).await;
    assert_eq!(
        taken["message"],
        r#"Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.7"]: failed to allocate IP 10.96.0.7: provided IP is already allocated"#
    );
    assert_eq!(
        (&taken["reason"], &taken["details"]["causes"][0]["field"]),
        (&json!("Invalid"), &json!("spec.clusterIPs"))
    );
    let rows = [
        (
            json!({"clusterIP": "1.2.3.4", "ports": [{"port": 80}]}),
            r#"spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not match the current range"#,
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}),
            "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}),
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
        ),
    ];
    for (spec, message) in rows {
        let refused = world.refused(422, &post, &service("b", spec)).await;
        assert_eq!(refused, format!(r#"Service "b" is invalid: {message}"#));
    }
    // The same again: its address is what is looked at first, as upstream does.
    assert!(
        world.refused(422, &post, &service("a", fixed.clone())).await.ends_with("provided IP is already allocated")
    );
    let again = world.refused(409, &post, &service("a", open.clone())).await;
    assert_eq!(again, r#"services "a" already exists"#);

    // What is deleted is free.
    world.expect(200, &format!("DELETE {SERVICES}/a"), &Value::Null).await;
    world.expect(201, &post, &service("b", fixed)).await;
}

#[tokio::test]
async fn changes_of_services_take_and_free() {
    let world = World::start().await;
    let path = format!("{SERVICES}/a");
    let (put, patch) = (format!("PUT {path}"), format!("PATCH {path}"));
    let ports = |of: &Value| -> Vec<i64> {
        let ports = of["spec"]["ports"].as_array().expect("ports");
        ports.iter().filter_map(|port| port["nodePort"].as_i64()).collect()
    };

    // A PUT creates it; the same manifest again changes nothing.
    let manifest = service("a", json!({"type": "NodePort", "ports": [{"name": "x", "port": 80}]}));
    let made = world.expect(201, &put, &manifest).await;
    let (ip, first) = (made["spec"]["clusterIP"].clone(), ports(&made)[0]);
    assert!((30_086..=32_767).contains(&first), "{first}");
    assert!(ip.as_str().is_some_and(|ip| ip.starts_with("10.96.")), "{ip}");
    assert_eq!(world.expect(200, &put, &manifest).await, made);

    let two = json!({"spec": {"ports": [{"name": "x", "port": 80}, {"name": "y", "port": 81}]}});
    let more = world.expect(200, &patch, &two).await;
    assert_eq!((ports(&more).len(), ports(&more)[0], &more["spec"]["clusterIP"]), (2, first, &ip));

    let inner = world.expect(200, &patch, &json!({"spec": {"type": "ClusterIP"}})).await;
    assert_eq!((ports(&inner), &inner["spec"]["clusterIP"]), (vec![], &ip));
    let wants = |name: &str| service(name, json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": first}]}));
    let post = format!("POST {SERVICES}");
    world.expect(201, &post, &wants("b")).await;

    let external =
        json!({"spec": {"type": "ExternalName", "externalName": "example.com", "clusterIP": null, "clusterIPs": null}});
    let external = world.expect(200, &patch, &external).await;
    assert_eq!((external["spec"].get("clusterIP"), external["spec"].get("clusterIPs")), (None, None));
    let wants_ip = |name: &str| service(name, json!({"clusterIP": ip, "ports": [{"port": 80}]}));
    world.expect(201, &post, &wants_ip("c")).await;
    let back = json!({"spec": {"type": "ClusterIP", "externalName": null}});
    let back = world.expect(200, &patch, &back).await;
    assert_ne!(back["spec"]["clusterIP"], ip);

    // What finalizers hold keeps all of it until the last one goes, by whichever way that goes.
    for name in ["b", "c"] {
        let path = format!("{SERVICES}/{name}");
        let held = json!({"metadata": {"finalizers": ["example.com/f"]}});
        world.expect(200, &format!("PATCH {path}"), &held).await;
        world.expect(200, &format!("DELETE {path}"), &Value::Null).await;
        let again = if name == "b" { wants("d") } else { wants_ip("e") };
        assert!(world.refused(422, &post, &again).await.ends_with(" is already allocated"));
        let status = if name == "b" { "/status" } else { "" };
        let free = json!({"metadata": {"finalizers": null}});
        world.expect(200, &format!("PATCH {path}{status}"), &free).await;
        world.expect(404, &format!("GET {path}"), &Value::Null).await;
        world.expect(201, &post, &again).await;
    }
}
