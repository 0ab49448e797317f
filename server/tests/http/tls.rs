//! TLS: protocols, client certificates, renewal, and clients that don't speak it.

use std::sync::Arc;

use howdah_server::clock::system;
use howdah_server::pki::Pki;
use howdah_server::pki::file_store::FileStore;
use howdah_server::pki::profile::{Issuer, Profile};
use rustls::ClientConfig;
use tokio::net::TcpStream;

use crate::client::{Http1, Http2, connect, tls};
use crate::world::{World, identity, serving_profile};

#[tokio::test]
async fn alpn_chooses_the_protocol() {
    let world = World::start().await;
    for (offered, chosen) in
        [(vec!["h2", "http/1.1"], Some("h2")), (vec!["http/1.1"], Some("http/1.1")), (vec![], None)]
    {
        let stream = tls(&world, &offered, None).await.expect("connected");
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
        if chosen == Some("h2") {
            assert_eq!(Http2::new(stream).await.get("/ok").await, (200, "ok".to_owned()));
        } else {
            assert_eq!(Http1::new(stream).get("/ok").await.body, "ok");
        }
    }
    // Without ALPN, HTTP/2 by prior knowledge.
    let stream = tls(&world, &[], None).await.expect("connected");
    assert_eq!(Http2::new(stream).await.get("/ok").await.0, 200);
}

#[tokio::test]
async fn client_certificates_reach_the_handler_whoever_issued_them() {
    let world = World::start().await;
    let without = Http1::new(tls(&world, &["http/1.1"], None).await.expect("connected")).get("/peer").await;
    assert!(without.body.starts_with("0 Tls"), "{}", without.body);
    let stream = tls(&world, &["http/1.1"], Some(&Profile::admin())).await.expect("connected");
    let with = Http1::new(stream).get("/peer").await;
    assert!(with.body.starts_with("1 Tls"), "{}", with.body);
    let http2 = Http2::new(tls(&world, &["h2"], Some(&Profile::admin())).await.expect("connected")).await;
    assert!(http2.get("/peer").await.1.starts_with("1 Tls"));

    // Of an authority nobody knows: refusing it is the authenticator's work, so that the client gets its 401.
    let other = FileStore::open(world.folder.path().join("other")).expect("opened");
    let other = Pki::open(Arc::new(other), system()).await.expect("opened");
    let bundle = other.bundle(&Profile::admin(), system()).await.expect("issued");
    let config = trusting(&world)
        .await
        .with_client_auth_cert(bundle.chain().expect("readable"), bundle.key().expect("readable"));
    let stream = connect(world.tls, config.expect("usable")).await.expect("connected");
    assert!(Http1::new(stream).get("/peer").await.body.starts_with("1 Tls"));
}

#[tokio::test]
async fn both_versions_are_spoken_with_and_without_a_certificate() {
    let world = World::start().await;
    let admin = world.pki.bundle(&Profile::admin(), system()).await.expect("issued");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for shows in [false, true] {
            let builder = trusting_over(&world, &[version]).await;
            let config = if shows {
                let (chain, key) = (admin.chain().expect("readable"), admin.key().expect("readable"));
                builder.with_client_auth_cert(chain, key).expect("usable")
            } else {
                builder.with_no_client_auth()
            };
            let stream = connect(world.tls, config).await.expect("connected");
            assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
            let seen = Http1::new(stream).get("/peer").await.body;
            assert!(seen.starts_with(if shows { "1 Tls" } else { "0 Tls" }), "{seen}");
        }
    }
}

async fn trusting(world: &World) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    trusting_over(world, rustls::DEFAULT_VERSIONS).await
}

async fn trusting_over(
    world: &World,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = world.pki.trusted(Issuer::Cluster, system()).await.expect("CA");
    roots.add(authority[0].clone()).expect("readable");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
    builder.with_root_certificates(roots)
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let world = World::start().await;
    let shown = |stream: &tokio_rustls::client::TlsStream<TcpStream>| {
        stream.get_ref().1.peer_certificates().expect("shown")[0].clone()
    };
    let old = tls(&world, &["http/1.1"], None).await.expect("connected");
    let before = shown(&old);
    let mut changed = serving_profile();
    if let howdah_server::pki::profile::Usage::Server { names, .. } = &mut changed.usage {
        names.insert("renewed.example".to_owned());
    }
    world.shown.replace(identity(&world.pki, &changed).await).expect("usable");
    let new = tls(&world, &["http/1.1"], None).await.expect("connected");
    assert_ne!(shown(&new), before);
    assert_eq!(Http1::new(old).get("/ok").await.body, "ok");
    assert_eq!(Http1::new(new).get("/ok").await.body, "ok");
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let world = World::start().await;
    for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS"] {
        let mut client = Http1::new(TcpStream::connect(world.tls).await.expect("connected"));
        client.send(&format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        let all = {
            while client.more().await {}
            String::from_utf8(client.read.clone()).expect("text")
        };
        assert_eq!(all, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    }
    let mut client = Http1::new(TcpStream::connect(world.tls).await.expect("connected"));
    client.send("\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}").await;
    assert_eq!(client.rest().await, "");
}
