//! Storage, policies, admission, certificates, flow control, devices.

use super::*;

#[test]
fn storage() {
    let volume = json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "ns", "name": "c"},
        "storageClassName": "s", "volumeMode": "Block"}, "status": {"phase": "Bound"}});
    let expected = json!(["x", "1Gi", "RWO,RWX", "Retain", "Bound", "ns/c", "s", "<unset>", "", "15m", "Block"]);
    prints("v1", "persistentvolumes", volume, expected);
    let claim = json!({"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "beta"}},
        "spec": {"volumeName": "v", "storageClassName": "s"},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOncePod"]}});
    let expected = json!(["x", "Bound", "v", "1Gi", "RWOP", "beta", "<unset>", "15m", "<unset>"]);
    prints("v1", "persistentvolumeclaims", claim, expected);
    let pending = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:14:00Z"}, "status": {"phase": "Pending"}});
    let expected = json!(["x", "Terminating", "", "", "", "", "<unset>", "15m", "<unset>"]);
    prints("v1", "persistentvolumeclaims", pending, expected);
    let class = json!({"provisioner": "p", "allowVolumeExpansion": true});
    prints("storage.k8s.io/v1", "storageclasses", class, json!(["x", "p", "Delete", "Immediate", true, "15m"]));
    let attachment = json!({"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "v"}},
        "status": {"attached": true}});
    prints("storage.k8s.io/v1", "volumeattachments", attachment, json!(["x", "a", "v", "n", true, "15m"]));
    prints("storage.k8s.io/v1", "csinodes", json!({"spec": {"drivers": [{}, {}]}}), json!(["x", 2, "15m"]));
    let driver = json!({"spec": {"tokenRequests": [{"audience": "a"}, {"audience": "b"}], "volumeLifecycleModes": ["Ephemeral"]}});
    let expected = json!(["x", true, false, false, "a,b", false, "Ephemeral", "15m"]);
    prints("storage.k8s.io/v1", "csidrivers", driver, expected);
    prints("storage.k8s.io/v1", "csistoragecapacities", json!({}), json!(["x", "2026-03-01T12:00:00Z"]));
    prints("storage.k8s.io/v1", "volumeattributesclasses", json!({"driverName": "d"}), json!(["x", "d", "15m"]));
    let version = json!({"status": {"commonEncodingVersion": "v1", "storageVersions": [{"apiServerID": "a", "encodingVersion": "v1"}]}});
    prints("internal.apiserver.k8s.io/v1alpha1", "storageversions", version, json!(["x", "v1", "a=v1", "15m"]));
    let migration = json!({"spec": {"resource": {"group": "apps", "resource": "deployments"}},
        "status": {"conditions": [{"type": "Running", "status": "False"}, {"type": "Succeeded", "status": "True"}]}});
    let expected = json!(["x", "deployments.apps", "Succeeded"]);
    prints("storagemigration.k8s.io/v1beta1", "storageversionmigrations", migration, expected);
}

#[test]
fn policies_roles_and_leases() {
    let budget = json!({"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}});
    prints("policy/v1", "poddisruptionbudgets", budget, json!(["x", "50%", "N/A", 1, "15m"]));
    let budget = json!({"spec": {"maxUnavailable": 1}});
    prints("policy/v1", "poddisruptionbudgets", budget, json!(["x", "N/A", "1", 0, "15m"]));
    let binding = json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"},
        {"kind": "Group", "name": "g"}, {"kind": "Group", "name": "h"},
        {"kind": "ServiceAccount", "namespace": "ns", "name": "s"}]});
    let expected = json!(["x", "Role/r", "15m", "u", "g, h", "ns/s"]);
    prints("rbac.authorization.k8s.io/v1", "rolebindings", binding.clone(), expected.clone());
    prints("rbac.authorization.k8s.io/v1", "clusterrolebindings", binding, expected);
    for plural in ["roles", "clusterroles"] {
        prints("rbac.authorization.k8s.io/v1", plural, json!({}), json!(["x", "2026-03-01T12:00:00Z"]));
    }
    prints("coordination.k8s.io/v1", "leases", json!({"spec": {"holderIdentity": "h"}}), json!(["x", "h", "15m"]));
    let candidate = json!({"spec": {"leaseName": "l", "binaryVersion": "1.37", "emulationVersion": "1.36"}});
    prints("coordination.k8s.io/v1beta1", "leasecandidates", candidate, json!(["x", "l", "1.37", "1.36", "15m"]));
    let class = json!({"value": 100, "globalDefault": true, "preemptionPolicy": "Never"});
    prints("scheduling.k8s.io/v1", "priorityclasses", class, json!(["x", 100, true, "15m", "Never"]));
}

#[test]
fn admission_certificates_and_flow_control() {
    let hooks = json!({"webhooks": [{}, {}]});
    prints("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", hooks, json!(["x", 2, "15m"]));
    let policy = json!({"spec": {"validations": [{}], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}});
    let expected = json!(["x", 1, "v1/ConfigMap", "15m"]);
    prints("admissionregistration.k8s.io/v1", "validatingadmissionpolicies", policy, expected);
    let binding = |of: Value| json!({"spec": {"policyName": "p", "paramRef": of}});
    for (of, expected) in [
        (json!(null), "<unset>"),
        (json!({"name": "n"}), "*/n"),
        (json!({"name": "n", "namespace": "ns"}), "ns/n"),
        (
            json!({"selector": {"matchLabels": {"a": "b"}}}),
            "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}",
        ),
    ] {
        let expected = json!(["x", "p", expected, "15m"]);
        prints("admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", binding(of), expected);
    }
    let api = json!({"status": {"conditions": [{"type": "Available", "status": "False", "reason": "Gone"}]},
        "spec": {"service": {"namespace": "ns", "name": "s"}}});
    prints("apiregistration.k8s.io/v1", "apiservices", api, json!(["x", "ns/s", "False (Gone)", "15m"]));
    prints("apiregistration.k8s.io/v1", "apiservices", json!({}), json!(["x", "Local", "Unknown", "15m"]));
    prints("apiextensions.k8s.io/v1", "customresourcedefinitions", json!({}), json!(["x", "2026-03-01T12:00:00Z"]));

    let request = |conditions: Value, certificate: &str| {
        json!({"spec": {"signerName": "s", "username": "u", "expirationSeconds": 3600},
        "status": {"conditions": conditions, "certificate": certificate}})
    };
    for (body, state) in [
        (request(json!([]), ""), "Pending"),
        (request(json!([{"type": "Approved"}]), "Zg=="), "Approved,Issued"),
        (request(json!([{"type": "Approved"}, {"type": "Failed"}]), ""), "Approved,Failed"),
        (request(json!([{"type": "Approved"}, {"type": "Denied"}]), ""), "Denied"),
    ] {
        let expected = json!(["x", "15m", "s", "u", "60m", state]);
        prints("certificates.k8s.io/v1", "certificatesigningrequests", body, expected);
    }
    prints("certificates.k8s.io/v1beta1", "clustertrustbundles", json!({}), json!(["x", "<none>"]));
    let schema = json!({"spec": {"matchingPrecedence": 5, "priorityLevelConfiguration": {"name": "p"},
        "distinguisherMethod": {"type": "ByUser"}}, "status": {"conditions": [{"type": "Dangling", "status": "False"}]}});
    let expected = json!(["x", "p", 5, "ByUser", "15m", "False"]);
    prints("flowcontrol.apiserver.k8s.io/v1", "flowschemas", schema, expected);
    let level = json!({"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"queuing": {"queues": 4}}}}});
    let expected = json!(["x", "Limited", 5, 4, 0, 0, "15m"]);
    prints("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", level, expected);
    let exempt = json!(["x", "Exempt", "<none>", "<none>", "<none>", "<none>", "15m"]);
    prints(
        "flowcontrol.apiserver.k8s.io/v1",
        "prioritylevelconfigurations",
        json!({"spec": {"type": "Exempt"}}),
        exempt,
    );
}

#[test]
fn devices_groups_and_evictions() {
    let claim = json!({"status": {"allocation": {}, "reservedFor": [{}]}});
    prints("resource.k8s.io/v1", "resourceclaims", claim, json!(["x", "allocated,reserved", "15m"]));
    prints("resource.k8s.io/v1", "resourceclaims", json!({}), json!(["x", "pending", "15m"]));
    prints("resource.k8s.io/v1", "deviceclasses", json!({}), json!(["x", "15m"]));
    let slice = json!({"spec": {"nodeName": "n", "driver": "d", "pool": {"name": "p"}}});
    prints("resource.k8s.io/v1", "resourceslices", slice, json!(["x", "n", "d", "p", "15m"]));
    let rule = json!({"spec": {"taint": {"key": "k", "value": "v", "effect": "NoExecute", "timeAdded": "2026-03-01T12:14:00Z"}}});
    prints("resource.k8s.io/v1", "devicetaintrules", rule, json!(["x", "k", "v", "NoExecute", "60s", "15m"]));
    let pools = json!({"spec": {"driver": "d"}, "status": {"poolCount": 3, "pools":
        [{"totalDevices": 4, "availableDevices": 1, "allocatedDevices": 3}, {"totalDevices": 1, "validationError": "e"}],
        "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-03-01T12:14:00Z"}]}});
    let expected = json!(["x", "d", "5", "1", "3", "0", "1", 3, "Complete (2/3 pools)", "60s"]);
    prints("resource.k8s.io/v1alpha3", "resourcepoolstatusrequests", pools, expected);
    let expected = json!(["x", "", "-", "-", "-", "-", "-", 0, "Pending", "<none>"]);
    prints("resource.k8s.io/v1alpha3", "resourcepoolstatusrequests", json!({}), expected);
    let group = json!({"spec": {"schedulingPolicy": {"gang": {}}, "workloadRef": {"workloadName": "w"}},
        "status": {"conditions": [{"type": "PodGroupInitiallyScheduled", "status": "True"}]}});
    prints("scheduling.k8s.io/v1beta1", "podgroups", group, json!(["x", "Gang", "w", "Scheduled", "15m"]));
    prints("scheduling.k8s.io/v1alpha3", "compositepodgroups", json!({}), json!(["x", "Basic", "<none>", "15m"]));
    let request = json!({"spec": {"target": {"pod": {"name": "p"}}, "requester": "r", "intent": "Eviction"},
        "status": {"observedGeneration": 1}});
    let expected = json!(["x", "p", "Pod", "Progressing", "r", "Eviction", "15m"]);
    prints("lifecycle.k8s.io/v1alpha1", "evictionrequests", request, expected);
    let eviction = json!({"spec": {"target": {"pod": {"name": "p"}}}, "status": {
        "targetResponders": [{"name": "a", "state": "Completed"}, {"name": "b", "state": "Active"}, {"name": "c", "state": "Inactive"}],
        "responders": [{"name": "b", "startTime": "2026-03-01T12:10:00Z", "expectedCompletionTime": "2026-03-01T12:20:00Z",
            "heartbeatTime": "2026-03-01T12:14:50Z", "message": " busy "}],
        "requesters": [{"name": "r", "intent": "Eviction"}, {"name": "q", "intent": "Eviction"}]}});
    let expected = json!([
        "x",
        "p",
        "Pod",
        "Pending",
        "b (2/3)",
        "Started (5m ago)",
        "in 5m",
        "q + 1 more...",
        "15m",
        "10s ago",
        "busy"
    ]);
    prints("lifecycle.k8s.io/v1alpha1", "evictions", eviction, expected);
}
