//! A certificate is replaced under the running daemon.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpStream;

use crate::support::cluster::{directory, fresh_database};
use crate::support::program::Program;

/// Two pairs made for tests: they prove nothing to anyone.
fn pair(name: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tls");
    (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")))
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(pair(name).0).unwrap()
}

/// The certificate that a new connection is shown, by a client that trusts both.
async fn shown(port: u16) -> CertificateDer<'static> {
    let mut roots = rustls::RootCertStore::empty();
    for name in ["localhost", "renewed"] {
        roots.add(certificate(name)).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn sighup_has_the_certificate_read_again_and_a_wrong_one_changes_nothing() {
    let (url, folder) = (fresh_database().await, directory("renewal"));
    let (leaf, key) = (folder.join("leaf.pem"), folder.join("leaf.key"));
    let install = |name: &str| {
        let from = pair(name);
        std::fs::copy(from.0, &leaf).unwrap();
        std::fs::copy(from.1, &key).unwrap();
    };
    install("localhost");
    let (named, keyed) = (leaf.display().to_string(), key.display().to_string());
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("FLAGSTAFF_HTTP_TLS_CERTIFICATE", &named),
        ("FLAGSTAFF_HTTP_TLS_KEY", &keyed),
    ];
    let mut program = Program::start(&folder, &["serve"], &variables);
    let port = program.base.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(shown(port).await, certificate("localhost"));
    install("renewed");
    assert_eq!(shown(port).await, certificate("localhost"), "nobody has said so yet");
    program.signal(Signal::SIGHUP);
    let end = Instant::now() + Duration::from_secs(30);
    while shown(port).await != certificate("renewed") {
        assert!(Instant::now() < end, "{}", program.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::fs::write(&leaf, "not a certificate").unwrap();
    program.signal(Signal::SIGHUP);
    program.line("the certificate stays the one it was");
    assert_eq!(shown(port).await, certificate("renewed"));
    assert!(program.stop().success());
}
