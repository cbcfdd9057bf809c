//! The process's edge against real sockets: slow clients, limits, both protocols, the way out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use flagstaffd::clock::SystemClock;
use flagstaffd::config::Config;
use flagstaffd::config::places::Places;
use flagstaffd::config::sources::Sources;
use flagstaffd::net::drain::Drain;
use flagstaffd::net::limits::Limits;
use flagstaffd::net::listen::{ListenError, Listeners, SocketFile, open_tcp};
use flagstaffd::net::peer::Peer;
use flagstaffd::net::request::RequestId;
use flagstaffd::net::tls::Tls;
use flagstaffd::net::{edge, serve};
use flagstaffd::telemetry;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
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
        .route("/id", get(|Extension(id): Extension<RequestId>| async move { id.0 }))
        .route("/panic", get(panics))
        .route("/stream", get(stream))
        .route("/large", get(|| async { Body::from_stream(endless()) }))
        .route("/ws", any(socket))
        .with_state(drain)
}

async fn panics() -> Json<()> {
    panic!("as the test wants it")
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

#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_so_is_a_client_that_says_nothing() {
    let daemon = Daemon::start(Limits { head_timeout: Duration::from_millis(200), ..limits() }).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "GET /hello HTTP/1.1\r\nhost: x\r\nx-a:"] {
        let mut stream = daemon.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "", "after {beginning:?}");
    }
    // Also the second head of a connection, while the idle time-out is far away.
    let mut stream = daemon.connect().await;
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"GET /hel").await.unwrap();
    assert!(!rest(&mut stream).await.contains("200"));
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_although_each_byte_is_progress() {
    let daemon = Daemon::start(Limits { head_timeout: Duration::from_millis(300), ..limits() }).await;
    let (mut read, mut write) = daemon.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        write.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nx-a: ").await?;
        loop {
            write.write_all(b"a").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        #[allow(unreachable_code, reason = "names the type of the error")]
        Ok::<(), std::io::Error>(())
    });
    assert_eq!(rest(&mut read).await, "");
    trickle.abort();
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_answered_408_and_the_connection_closed() {
    let daemon = Daemon::start(Limits { body_timeout: Duration::from_millis(200), ..limits() }).await;
    let mut stream = daemon.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("application/problem+json") && answer.contains("urn:flagstaff:problem:body-timeout")
    );
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_stream_is_not_idle() {
    let idle_timeout = Duration::from_millis(200);
    let daemon = Daemon::start(Limits { idle_timeout, head_timeout: LONG, ..limits() }).await;
    let mut streaming = daemon.connect().await;
    streaming.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut idle = daemon.connect().await;
    idle.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // Ends only because the daemon closes it; by then the stream was as old.
    assert!(rest(&mut idle).await.ends_with("hello"));
    let mut second = daemon.connect().await;
    second.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut second).await.ends_with("hello"));
    daemon.drain.begin();
    let text = rest(&mut streaming).await;
    assert!(text.contains("data: first") && text.contains("data: last"), "{text}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let (write_timeout, patient) = (Duration::from_millis(200), LONG * 2);
    let patient = Limits { write_timeout, drain_requests: patient, drain_deadline: patient, ..limits() };
    let daemon = Daemon::start(patient).await;
    let mut stream = daemon.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut [0; 64]).await.unwrap() > 0, "the answer has begun");
    daemon.drain.begin();
    // The answer has no end: only the cut lets the daemon go.
    soon("the end of the daemon", daemon.running).await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away_and_the_next_gets_the_place() {
    let daemon = Daemon::start(Limits { max_connections: 2, ..limits() }).await;
    let ask = |mut stream: TcpStream| async move {
        let _ = stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        rest(&mut stream).await
    };
    let (mut first, mut second) = (daemon.connect().await, daemon.connect().await);
    // Both are surely accepted once they are answered.
    for stream in [&mut first, &mut second] {
        stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
    }
    assert!(!ask(daemon.connect().await).await.contains("hello"));
    drop(first);
    soon("a free place", async {
        while !ask(daemon.connect().await).await.ends_with("hello") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let one = Limits { max_connections_per_ip: 1, uncounted: vec![], ..limits() };
    let daemon = Daemon::start(one).await;
    let mut first = daemon.connect().await;
    first.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(first.read(&mut [0; 1024]).await.unwrap() > 0);
    let mut second = daemon.connect().await;
    let _ = second.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!rest(&mut second).await.contains("hello"));
    // The socket is for the people of this host, whatever happens on the network.
    let mut local = UnixStream::connect(&daemon.socket).await.unwrap();
    local.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut local).await.ends_with("hello"));
}

#[tokio::test]
async fn http2_is_understood_without_asking_and_told_when_the_daemon_goes() {
    let daemon = Daemon::start(limits()).await;
    let io = TokioIo::new(daemon.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..3 {
        let request = http::Request::get(daemon.url("/hello")).body(Empty::<Bytes>::new()).unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.version(), http::Version::HTTP_2);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
    daemon.drain.begin();
    soon("the end of the connection", connection).await.unwrap().unwrap();
    soon("the end of the daemon", daemon.running).await.unwrap();
}

#[tokio::test]
async fn an_idle_http2_connection_is_told_to_go_although_it_pings() {
    let daemon = Daemon::start(Limits { idle_timeout: Duration::from_millis(300), ..limits() }).await;
    let io = TokioIo::new(daemon.connect().await);
    let (mut client, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(50))
        .keep_alive_while_idle(true)
        .handshake(io)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(daemon.url("/hello")).body(Empty::<Bytes>::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    soon("the end of the connection", connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_lets_requests_and_streams_finish_and_frees_the_listeners() {
    let daemon = Daemon::start(limits()).await;
    let mut streaming = daemon.connect().await;
    streaming.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    while !seen.contains("first") {
        let mut bytes = [0; 1024];
        let read = soon("the first event", streaming.read(&mut bytes)).await.unwrap();
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    let mut halfway = daemon.connect().await;
    halfway.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nha").await.unwrap();
    let (mut web, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", daemon.address)).await.unwrap();
    web.send("still here".into()).await.unwrap();
    assert_eq!(web.next().await.unwrap().unwrap().into_text().unwrap(), "still here");
    // Answered means that the daemon has seen the connections before it.
    assert!(!daemon.drain.is_going());
    daemon.drain.begin();
    assert!(daemon.drain.is_going());
    assert!(rest(&mut streaming).await.contains("data: last"));
    assert!(soon("the WebSocket's close", web.next()).await.unwrap().unwrap().is_close());
    let _ = web.close(None).await;
    drop(web);
    halfway.write_all(b"lf").await.unwrap();
    let answer = rest(&mut halfway).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("half"), "{answer}");
    soon("the end of the daemon", daemon.running).await.unwrap();
    assert!(TcpStream::connect(daemon.address).await.is_err());
    assert!(!daemon.socket.exists());
}

#[tokio::test]
async fn a_second_signal_cuts_what_is_still_open() {
    let daemon = Daemon::start(Limits { body_timeout: LONG, ..limits() }).await;
    let mut halfway = daemon.connect().await;
    halfway.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nha").await.unwrap();
    let mut other = daemon.connect().await;
    other.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(other.read(&mut [0; 1024]).await.unwrap() > 0);
    daemon.drain.begin();
    daemon.drain.cut();
    soon("the end of the daemon", daemon.running).await.unwrap();
    assert_eq!(rest(&mut halfway).await, "");
}

#[tokio::test]
async fn the_socket_says_who_is_there_and_belongs_to_its_mode() {
    use std::os::unix::fs::PermissionsExt;

    let daemon = Daemon::start(limits()).await;
    let mode = std::fs::metadata(&daemon.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut stream = UnixStream::connect(&daemon.socket).await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    let answer = rest(&mut stream).await;
    let expected = format!("Unix {{ uid: {uid}, gid: {gid}, pid: Some({})", std::process::id());
    assert!(answer.contains(&expected), "{answer} lacks {expected}");
    let groups = answer.split("groups: [").nth(1).unwrap().split(']').next().unwrap();
    let mut groups: Vec<u32> = groups.split(", ").map(|group| group.parse().unwrap()).collect();
    assert_eq!(groups[0], gid);
    let mut own: Vec<u32> = nix::unistd::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
    own.push(gid);
    for list in [&mut groups, &mut own] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(groups, own);
}

#[tokio::test]
async fn a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not() {
    let daemon = Daemon::start(limits()).await;
    let second = SocketFile::open(&daemon.socket, 0o660).await;
    assert!(matches!(second, Err(ListenError::Answered(_))), "{second:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "a dead listener leaves its file");
    let replaced = SocketFile::open(&path, 0o600).await.unwrap();
    assert!(UnixStream::connect(replaced.path()).await.is_ok());
    drop(replaced);
    std::fs::write(&path, "not a socket").unwrap();
    let third = SocketFile::open(&path, 0o600).await;
    assert!(matches!(third, Err(ListenError::NoSocket(_))), "{third:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a socket");
}

#[tokio::test]
async fn a_busy_port_is_named_with_the_program_that_holds_it() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = open_tcp(held.local_addr().unwrap()).unwrap_err().to_string();
    let port = held.local_addr().unwrap().port();
    assert!(error.contains(&format!("127.0.0.1:{port} is in use")), "{error}");
    if cfg!(target_os = "linux") {
        assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
    }
}

#[tokio::test]
async fn localhost_is_heard_on_both_protocols() {
    let daemon = Daemon::start(limits()).await;
    let v6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, daemon.address.port()));
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        let mut stream = TcpStream::connect(v6).await.unwrap();
        stream.write_all(b"GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(rest(&mut stream).await.contains("Tcp([::1]:"));
    }
    let client = reqwest::Client::new();
    let answer = client.get(format!("http://localhost:{}/hello", v6.port())).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "hello");
}

#[tokio::test]
async fn ambiguous_paths_and_long_addresses_are_refused_as_problems() {
    let daemon = Daemon::start(Limits { uri_bytes: 300, headers: 20, ..limits() }).await;
    let ask = async |target: &str, headers: &str| {
        let mut stream = daemon.connect().await;
        let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        rest(&mut stream).await
    };
    for path in ["//hello", "/a//b", "/../hello", "/a/./b", "/%2e%2E/hello", "/a%2fb", "/a%5Cb", "/a%00"] {
        let answer = ask(path, "x-request-id: mine\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        assert!(
            answer.contains("problem:ambiguous-path") && answer.contains("\"instance\":\"mine\""),
            "{answer}"
        );
    }
    assert!(ask("/hello?next=//x/../y%2f", "").await.ends_with("hello"));
    assert!(ask(&format!("/hello?{}", "a".repeat(293)), "").await.ends_with("hello"));
    assert!(ask(&format!("/hello?{}", "a".repeat(294)), "").await.starts_with("HTTP/1.1 414"));
    assert!(ask("/hello", &"x-a: b\r\n".repeat(18)).await.ends_with("hello"));
    assert!(ask("/hello", &"x-a: b\r\n".repeat(19)).await.starts_with("HTTP/1.1 431"));
    assert!(ask("/hello", &format!("x-a: {}\r\n", "b".repeat(40_000))).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_one_at_the_limit_is_taken() {
    let daemon = Daemon::start(Limits { body_bytes: 1000, ..limits() }).await;
    let client = reqwest::Client::new();
    let send =
        async |size: usize| client.post(daemon.url("/echo")).body(vec![b'x'; size]).send().await.unwrap();
    assert_eq!(send(1000).await.status(), 200);
    assert_eq!(send(1001).await.status(), 413);
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_requests_id_and_the_daemon_goes_on() {
    let metrics = telemetry::metrics().unwrap();
    let daemon = Daemon::start(limits()).await;
    let client = reqwest::Client::new();
    let answer = client.get(daemon.url("/panic")).header("x-request-id", "step-9").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["x-request-id"].as_bytes()),
        (500, &b"step-9"[..])
    );
    let text = answer.text().await.unwrap();
    assert!(text.contains("\"instance\":\"step-9\"") && !text.contains("as the test wants"), "{text}");
    let answer = client.get(daemon.url("/id")).send().await.unwrap();
    let header = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.text().await.unwrap(), header);
    let counted = metrics.render();
    let line = "flagstaff_http_requests_total{method=\"GET\",route=\"/panic\",status=\"500\"} 1";
    assert!(counted.contains(line), "{counted}");
    assert!(counted.contains("flagstaff_http_request_duration_seconds_bucket"), "{counted}");
    assert!(telemetry::metrics().unwrap().render().contains(line), "the recorder is installed once");
}

/// A pair made for this test: it proves nothing to anyone.
const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/localhost.pem");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/localhost.key");

fn over_tls(limits: Limits) -> Daemon {
    let folder = tempfile::tempdir().unwrap();
    let tls = Some(Tls::new(CERTIFICATE.as_ref(), KEY.as_ref()).unwrap());
    let listeners = Listeners { tcp: open_tcp(([127, 0, 0, 1], 0).into()).unwrap(), tls, unix: None };
    Daemon::with(listeners, limits, PathBuf::new(), folder)
}

#[tokio::test]
async fn tls_agrees_on_http2_and_on_http1() {
    use rustls::pki_types::pem::PemObject;

    let daemon = over_tls(limits());
    for protocol in ["h2", "http/1.1"] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(CERTIFICATE).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = "localhost".try_into().unwrap();
        let stream = connector.connect(name, daemon.connect().await).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
        if protocol == "h2" {
            let io = TokioIo::new(stream);
            let (mut client, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            let connection = tokio::spawn(connection);
            let request = http::Request::get("https://localhost/hello").body(Empty::<Bytes>::new()).unwrap();
            let answer = client.send_request(request).await.unwrap();
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
            connection.abort();
        } else {
            let mut stream = stream;
            stream.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            assert!(rest(&mut stream).await.ends_with("hello"));
        }
    }
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_begin_is_cut() {
    let daemon = over_tls(Limits { handshake_timeout: Duration::from_millis(100), ..limits() });
    let mut silent = daemon.connect().await;
    assert_eq!(rest(&mut silent).await, "");
    let mut plain = daemon.connect().await;
    plain.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(!rest(&mut plain).await.contains("hello"));
}

#[test]
fn a_wrong_certificate_on_reload_leaves_the_old_one_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::copy(CERTIFICATE, &certificate).unwrap();
    std::fs::copy(KEY, &key).unwrap();
    let tls = Tls::new(&certificate, &key).unwrap();
    let before = tls.current();
    std::fs::write(&certificate, "not a certificate").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("c.pem: there is no certificate in it"), "{error}");
    assert!(Arc::ptr_eq(&before, &tls.current()));
    std::fs::copy(CERTIFICATE, &certificate).unwrap();
    tls.reload().unwrap();
    assert!(!Arc::ptr_eq(&before, &tls.current()));
}

#[tokio::test]
async fn out_of_file_descriptors_the_daemon_pauses_and_recovers() {
    const INNER: &str = "FEW_FILE_DESCRIPTORS";
    if std::env::var_os(INNER).is_none() {
        // The limit is the whole process's, so this test runs again in one of its own.
        let name = "edge::out_of_file_descriptors_the_daemon_pauses_and_recovers";
        let again = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(INNER, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(again.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let metrics = telemetry::metrics().unwrap();
    let daemon = Daemon::start(limits()).await;
    let mut files: Vec<std::fs::File> =
        std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    files.pop();
    // Takes the last descriptor, so the daemon has none for its own end.
    let mut client = daemon.connect().await;
    client.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    soon("a failing accept", async {
        while !metrics.render().contains("flagstaff_accept_errors_total") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    drop(files);
    assert!(rest(&mut client).await.ends_with("hello"));
}
