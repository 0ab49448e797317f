//! Authorities, certificates, renewal, and a folder that several processes use.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use super::file_store::FileStore;
use super::profile::ServerNames;
use super::*;
use crate::authentication::Evidence;
use crate::authentication::x509::{ClientCas, authenticate};

fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().expect("a time")
}

fn days(count: i64) -> k8s_openapi::jiff::SignedDuration {
    k8s_openapi::jiff::SignedDuration::from_hours(24 * count)
}

fn store() -> (tempfile::TempDir, Arc<FileStore>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FileStore::open(folder.path().join("keys")).expect("opened");
    (folder, Arc::new(store))
}

fn server_names() -> ServerNames {
    ServerNames {
        server: "node-1".into(),
        cluster_domain: "cluster.local".into(),
        addresses: vec![IpAddr::from([192, 0, 2, 7])],
        names: vec![],
        service_address: IpAddr::from([10, 96, 0, 1]),
    }
}

#[tokio::test]
async fn every_component_has_its_own_identity_and_none_is_master() {
    let (_folder, store) = store();
    let pki = Pki::open(store, now()).await.expect("opened");
    let cas = ClientCas::new(&pki.trusted(Issuer::Cluster, now()).await.expect("CA")).expect("readable");
    let rows = [
        (Profile::admin(), "kubernetes-admin", vec!["kubeadm:cluster-admins"]),
        (Profile::scheduler(), "system:kube-scheduler", vec![]),
        (Profile::controller_manager(), "system:kube-controller-manager", vec![]),
        (Profile::node("n"), "system:node:n", vec!["system:nodes"]),
        (Profile::kubelet_client(), "kube-apiserver-kubelet-client", vec![]),
    ];
    for (profile, name, groups) in rows {
        let bundle = pki.bundle(&profile, now()).await.expect("issued");
        let chain = bundle.chain().expect("readable");
        let evidence = Evidence { certificates: &chain, headers: &[], path: "/", now: now() };
        let user = authenticate(&cas, &evidence).expect("verified").expect("a user").user;
        assert_eq!((user.name.as_str(), user.groups.clone()), (name, groups.iter().map(|g| (*g).to_owned()).collect()));
        assert!(!user.is_in("system:masters"));
        let validity = bundle.validity().expect("readable");
        assert_eq!(validity.not_after, now() + days(365));
        let late = Evidence { now: now() + days(366), ..evidence };
        assert!(authenticate(&cas, &late).is_err(), "expired");
    }
    // The front proxy's authority is another one.
    let proxy = pki.bundle(&Profile::front_proxy_client(), now()).await.expect("issued").chain().expect("readable");
    assert!(cas.verify(&proxy, now()).is_err());
}

#[tokio::test]
async fn certificates_are_renewed_at_two_thirds_and_when_they_should_say_something_else() {
    let (_folder, store) = store();
    let pki = Pki::open(store, now()).await.expect("opened");
    let profile = Profile::serving(&server_names());
    let first = pki.bundle(&profile, now()).await.expect("issued");
    assert_eq!(pki.bundle(&profile, now() + days(240)).await.expect("kept"), first);
    let second = pki.bundle(&profile, now() + days(244)).await.expect("renewed");
    assert_ne!(second, first);

    let mut moved = server_names();
    moved.addresses.push(IpAddr::from([192, 0, 2, 8]));
    let third = pki.bundle(&Profile::serving(&moved), now() + days(244)).await.expect("issued anew");
    assert_ne!(third, second);
    assert_eq!(pki.bundle(&Profile::serving(&moved), now() + days(245)).await.expect("kept"), third);
}

#[tokio::test]
async fn a_renewed_authority_stands_by_what_it_issued() {
    let (_folder, store) = store();
    let pki = Pki::open(store, now()).await.expect("opened");
    let before = pki.authority(Issuer::Cluster, now()).await.expect("CA");
    assert_eq!(before.validity().expect("readable").not_after, now() + days(3650));
    let later = now() + days(2434);
    let old = before.issue(&Profile::admin(), later - days(1)).expect("issued");
    let after = pki.authority(Issuer::Cluster, later).await.expect("CA");
    assert_ne!(after, before);
    assert_eq!(after.key_pem(), before.key_pem());
    let cas = ClientCas::new(&after.chain().expect("readable")).expect("readable");
    cas.verify(&old.chain().expect("readable"), later).expect("still good");
    assert!(old.serves(&Profile::admin(), &after, later).expect("readable"));
}

#[tokio::test]
async fn several_servers_starting_at_once_share_one_authority() {
    let (folder, _) = store();
    let path = folder.path().join("keys");
    let starts = (0..8).map(|_| {
        let store = FileStore::open(&path).expect("opened");
        tokio::spawn(async move {
            let pki = Pki::open(Arc::new(store), now()).await.expect("opened");
            let authority = pki.authority(Issuer::Cluster, now()).await.expect("CA");
            let admin = pki.bundle(&Profile::admin(), now()).await.expect("issued");
            let key = pki.signing_keys().await.expect("keys").remove(0).pem().to_owned();
            (authority, admin, key)
        })
    });
    let mut all = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        all.push(start.await.expect("no panic"));
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "all have the same");
}

#[tokio::test]
async fn files_are_private_and_leftovers_go() {
    let (folder, store) = store();
    let path = folder.path().join("keys");
    std::fs::write(path.join(".new-left"), "half").expect("written");
    let pki = Pki::open(store.clone(), now()).await.expect("opened");
    assert!(!path.join(".new-left").exists());
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in std::fs::read_dir(&path).expect("readable") {
        let path = entry.expect("readable").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    // What somebody else has put there wins; what is broken is told and left alone.
    let mine = store.swap("x", None, b"one").await.expect("written");
    assert_eq!(mine, b"one");
    assert_eq!(store.swap("x", None, b"two").await.expect("read"), b"one");
    assert_eq!(store.swap("x", Some(b"one"), b"two").await.expect("written"), b"two");
    assert!(store.load("../x").await.is_err());
    std::fs::write(path.join("admin.pem"), "-----BEGIN CERTIFICATE-----\nhalf").expect("written");
    let error = pki.bundle(&Profile::admin(), now()).await.expect_err("broken");
    assert!(matches!(error, PkiError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn old_signing_keys_stay_accepted() {
    let (_folder, store) = store();
    let pki = Pki::open(store, now()).await.expect("opened");
    let first = pki.signing_keys().await.expect("keys");
    let both = pki.rotate_signing_key().await.expect("rotated");
    assert_eq!((first.len(), both.len()), (1, 2));
    assert_eq!(both[1].pem(), first[0].pem());
    assert_ne!(both[0].pem(), first[0].pem());
}

#[tokio::test]
async fn a_kubeconfig_says_it_all() {
    let (folder, store) = store();
    let pki = Pki::open(store, now()).await.expect("opened");
    let authority = pki.authority(Issuer::Cluster, now()).await.expect("CA");
    let admin = pki.bundle(&Profile::admin(), now()).await.expect("issued");
    let text = kubeconfig::render("https://127.0.0.1:6443", &authority, "kubernetes-admin", &admin);
    assert!(text.contains("server: \"https://127.0.0.1:6443\"") && !text.contains("PRIVATE KEY"), "{text}");
    let path = folder.path().join("admin.kubeconfig");
    kubeconfig::write(&path, text.clone()).await.expect("written");
    assert_eq!(std::fs::read_to_string(&path).expect("there"), text);
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_running_listener_gets_the_renewed_certificate() {
    let (_folder, store) = store();
    let pki = Pki::open(store, now()).await.expect("opened");
    let profile = Profile::serving(&server_names());
    let (first, identity) = renewal::identity(&pki, &profile, now()).await.expect("issued");
    let tls = crate::listener::Tls::new(identity).expect("usable");
    let kept = renewal::refresh(&pki, &profile, &tls, &first, now() + days(1)).await.expect("looked at");
    assert_eq!(kept, first);
    let renewed = renewal::refresh(&pki, &profile, &tls, &first, now() + days(250)).await.expect("renewed");
    assert_ne!(renewed, first);
    assert_eq!(renewed.validity().expect("readable").not_after, now() + days(250 + 365));
}

#[test]
fn due_is_two_thirds() {
    let validity = renewal::Validity { not_before: now(), not_after: now() + days(300) };
    for (at, expected) in [(-1, true), (0, false), (199, false), (200, true), (301, true)] {
        assert_eq!(renewal::is_due(validity, now() + days(at)), expected, "{at}");
    }
}
