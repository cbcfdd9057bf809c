//! Listeners: TCP on both protocols, TLS, the Unix socket, and how many may come.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use flagstaffd::net::limits::Limits;
use flagstaffd::net::listen::{ListenError, Listeners, SocketFile, open_tcp};
use flagstaffd::net::tls::Tls;
use flagstaffd::telemetry;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::{Daemon, limits, rest, soon};

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
        let name = "edge::listeners::out_of_file_descriptors_the_daemon_pauses_and_recovers";
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
