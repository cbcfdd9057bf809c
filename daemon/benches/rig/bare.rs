//! The limit: a hyper server that returns as many bytes as asked, and broadcasts to streams.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

/// The variable that makes a benchmark the bare server.
pub const ASKED: &str = "FLAGSTAFF_BENCH_BARE";

/// Serves if this process was started for that, and then never returns.
pub async fn serve_if_asked() {
    if std::env::var_os(ASKED).is_none() {
        return;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let (told, _) = broadcast::channel::<Bytes>(64);
    let teller = told.clone();
    std::thread::spawn(move || {
        // `patch SIZE` tells every stream an event of that size; the end of the input ends the server.
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let size = line.strip_prefix("patch ").and_then(|size| size.parse().ok()).unwrap_or(32);
            let mut event = b"event: patch\ndata: ".to_vec();
            event.resize(size - 2, b'x');
            event.extend_from_slice(b"\n\n");
            let _ = teller.send(event.into());
        }
        std::process::exit(0);
    });
    let blob = Bytes::from(vec![b'x'; 8 << 20]);
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let _ = socket.set_nodelay(true);
        let (told, blob) = (told.clone(), blob.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (told, blob) = (told.clone(), blob.clone());
                async move {
                    // What is sent is read, as a server of flags has to.
                    let (head, body) = request.into_parts();
                    let _ = body.collect().await;
                    Ok::<_, Infallible>(answer(head.uri.path(), &told, &blob))
                }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .max_buf_size(8192)
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

/// `/304`, `/SIZE`, or `/stream/SIZE`: an event of that size, then what is broadcast.
fn answer(
    path: &str,
    told: &broadcast::Sender<Bytes>,
    blob: &Bytes,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let response = Response::builder().header("content-type", "application/json");
    if path == "/304" {
        return response.status(304).body(Full::default().boxed_unsync()).expect("a response");
    }
    if let Some(size) = path.strip_prefix("/stream/") {
        let size: usize = size.parse().unwrap_or(0);
        let mut first = b"event: put\ndata: ".to_vec();
        first.resize(size.max(32) - 2, b'x');
        first.extend_from_slice(b"\n\n");
        let rest = BroadcastStream::new(told.subscribe()).filter_map(|told| async { told.ok() });
        let events = futures_util::stream::once(async { Bytes::from(first) }).chain(rest);
        let body = StreamBody::new(events.map(|bytes| Ok(Frame::data(bytes))));
        let response = Response::builder().header("content-type", "text/event-stream");
        return response.body(body.boxed_unsync()).expect("a response");
    }
    let size = path.trim_start_matches('/').parse().unwrap_or(2);
    response.body(Full::new(blob.slice(..size)).boxed_unsync()).expect("a response")
}
