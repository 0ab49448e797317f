//! Discovery and the OpenAPI documents through the whole chain: codes and headers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use howdah_server::discovery::{Discovery, Served};
use howdah_server::filter::AuthorizedRequest;
use howdah_server::filter::seam::Handler;
use howdah_server::listener::{self, Endpoint, Limits};
use howdah_server::openapi::OpenApi;
use howdah_server::status::ApiError;
use tokio::net::TcpStream;

use crate::client::{Answer, Http1};
use crate::world::chain;

struct Documents {
    discovery: Discovery,
    openapi: Arc<OpenApi>,
}

impl Handler for Documents {
    fn handle(&self, request: AuthorizedRequest) -> LocalBoxFuture<'_, Result<HttpResponse, ApiError>> {
        let path = request.info().path.clone();
        if Discovery::owns(&path) {
            self.discovery.handle(request)
        } else if OpenApi::owns(&path) {
            self.openapi.handle(request)
        } else {
            std::future::ready(Err(ApiError::UnknownPath)).boxed_local()
        }
    }
}

async fn ask(client: &mut Http1<TcpStream>, line: &str, headers: &str) -> Answer {
    client.send(&format!("{line} HTTP/1.1\r\nHost: h\r\n{headers}\r\n")).await;
    client.answer().await
}

#[tokio::test]
async fn documents_are_served_with_their_headers() {
    let served = Served::built_in(|row, _| row.group == "apps");
    let discovery = Discovery::new(&served, "192.0.2.1:6443");
    let handler = Documents { discovery, openapi: Arc::new(OpenApi::new(&served)) };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = listener::start(vec![Endpoint::Plain(any)], Limits::default(), chain(Arc::new(handler)));
    let server = server.await.expect("started");
    let mut client = Http1::new(TcpStream::connect(server.addresses()[0]).await.expect("connected"));

    let plain = ask(&mut client, "GET /apis/apps", "").await;
    assert_eq!((plain.code, plain.header("content-type"), plain.header("etag")), (200, Some("application/json"), None));
    assert_eq!(ask(&mut client, "GET /apis/nope", "").await.body, "404 page not found\n");
    assert_eq!(ask(&mut client, "POST /apis", "Content-Length: 0\r\n").await.code, 405);
    assert_eq!(ask(&mut client, "GET /apis", "Accept: text/html\r\n").await.code, 406);

    let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let list = ask(&mut client, "GET /apis", &format!("Accept: {media}\r\n")).await;
    assert_eq!((list.code, list.header("content-type"), list.header("vary")), (200, Some(media), Some("Accept")));
    assert_eq!(list.header("cache-control"), Some("public"));
    let etag = list.header("etag").expect("an aggregated list has one").to_owned();
    let again = ask(&mut client, "GET /apis", &format!("Accept: {media}\r\nIf-None-Match: {etag}\r\n")).await;
    assert_eq!((again.code, again.header("etag"), again.body.as_str()), (304, Some(etag.as_str()), ""));

    let index = ask(&mut client, "GET /openapi/v3", "").await;
    let index: serde_json::Value = serde_json::from_str(&index.body).expect("JSON");
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().expect("a URL");
    let found = ask(&mut client, &format!("GET {url}"), "").await;
    assert_eq!((found.code, found.header("cache-control")), (200, Some("public, immutable")));
    assert!(found.header("expires").is_some() && found.header("content-encoding").is_none());
    assert!(found.body.starts_with("{\"components\":{"), "{}", &found.body[..40]);
    let moved = ask(&mut client, "GET /openapi/v3/apis/apps/v1?hash=OLD", "").await;
    assert_eq!((moved.code, moved.header("location")), (301, Some(url)));
    let other = TcpStream::connect(server.addresses()[0]).await.expect("connected");
    only_headers(&mut Http1::new(other)).await;
    assert!(server.shut_down(Duration::from_secs(10)).await);
}

/// A HEAD request has headers for an answer and no body.
async fn only_headers(client: &mut Http1<TcpStream>) {
    client.send("HEAD /openapi/v2 HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n").await;
    let head = client.rest().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-encoding: gzip\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}
