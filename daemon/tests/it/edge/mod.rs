//! The process's edge against real sockets.
//!
//! GROUND: a small daemon of our own routes; the children are the tests.

mod leaving;
mod listeners;
mod requests;
mod slow;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::middleware::from_fn_with_state;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use flagstaffd::clock::SystemClock;
use flagstaffd::config::Config;
use flagstaffd::config::places::Places;
use flagstaffd::config::sources::Sources;
use flagstaffd::net::drain::Drain;
use flagstaffd::net::limits::Limits;
use flagstaffd::net::listen::{Listeners, SocketFile, open_tcp};
use flagstaffd::net::peer::Peer;
use flagstaffd::net::request::RequestId;
use flagstaffd::net::{edge, guard, serve};
use futures_util::StreamExt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.unwrap_or_else(|_| panic!("{what} never happened"))
}

fn limits() -> Limits {
    let places = Places { config: "/".into(), data: "/".into(), runtime: None };
    let config = Config::load(&Sources { file: None, dotenv: vec![], env: vec![], places }).unwrap();
    Limits::of(&config)
}

struct Daemon {
    address: SocketAddr,
    socket: PathBuf,
    drain: Drain,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Daemon {
    async fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("run/flagstaffd.sock");
        let unix = Some(SocketFile::open(&socket, 0o660).await.unwrap());
        let listeners = Listeners { tcp: open_tcp(([127, 0, 0, 1], 0).into()).unwrap(), tls: None, unix };
        Self::with(listeners, limits, socket, folder)
    }

    fn with(listeners: Listeners, limits: Limits, socket: PathBuf, folder: tempfile::TempDir) -> Self {
        let address = listeners.address().unwrap();
        let drain = Drain::new(Duration::ZERO);
        let app = edge::around(routes(drain.clone()), &limits, Arc::new(SystemClock::new()));
        let running = tokio::spawn(serve::run(listeners, app, limits, drain.clone()));
        Self { address, socket, drain, running, _folder: folder }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn routes(drain: Drain) -> Router {
    Router::new()
        .route("/hello", any(|| async { "hello" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/peer", get(|Extension(peer): Extension<Peer>| async move { format!("{peer:?}") }))
        .route("/id", get(|Extension(id): Extension<RequestId>| async move { id.0.to_string() }))
        .route("/panic", get(panics))
        .route("/stream", get(stream))
        .route("/large", get(|| async { Body::from_stream(endless()) }))
        .route("/ws", any(socket))
        .route("/slow", get(slow))
        .layer(from_fn_with_state(Duration::from_millis(500), guard::handler_timeout))
        .route("/poll", get(|State(drain): State<Drain>| async move { drain.stream_end().await }))
        .with_state(drain)
}

async fn panics() -> Json<()> {
    panic!("as the test wants it")
}

async fn slow() {
    std::future::pending::<()>().await;
}

fn endless() -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 64 * 1024])))
}

/// An event at once, a last one when the stream is told to end.
async fn stream(
    State(drain): State<Drain>,
) -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    let first = futures_util::stream::once(async { Ok(Event::default().data("first")) });
    let last = futures_util::stream::once(async move {
        drain.stream_end().await;
        Ok(Event::default().data("last"))
    });
    Sse::new(first.chain(last))
}

async fn socket(upgrade: WebSocketUpgrade, State(drain): State<Drain>) -> axum::response::Response {
    upgrade.on_upgrade(|mut socket| async move {
        let mut end = std::pin::pin!(drain.stream_end());
        loop {
            tokio::select! {
                () = &mut end => break,
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => socket.send(Message::Text(text)).await.unwrap(),
                    _ => return,
                },
            }
        }
        let _ = socket.send(Message::Close(None)).await;
    })
}

/// Everything until the other side closes.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset is as good an end as a close.
    let _ = soon("the end of the connection", stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}
