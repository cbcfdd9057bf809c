//! A write whose answer is lost: the daemon is asked what became of it, and nothing is done twice.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use shared::json::Json;

use crate::support::daemon::Daemon;
use crate::support::program::Terminal;

/// What is done with the first write that comes by.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// It arrives, and its answer does not.
    Answer,
    /// It does not arrive, and neither does an answer.
    Request,
}

/// A way to the daemon that cuts the first write; its address, and how many writes came by.
fn way(daemon: &Daemon, cut: Cut) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let upstream = daemon.url.trim_start_matches("http://").to_owned();
    let writes = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&writes);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let daemon = TcpStream::connect(&upstream).unwrap();
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || carry(client, daemon, cut, &counted));
        }
    });
    (address, writes)
}

fn carry(mut client: TcpStream, mut daemon: TcpStream, cut: Cut, writes: &AtomicU32) {
    let (mut back, mut from) = (client.try_clone().unwrap(), daemon.try_clone().unwrap());
    let answers = Arc::new(AtomicU32::new(1));
    let answering = Arc::clone(&answers);
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if answering.load(Ordering::SeqCst) == 0 {
                drop(back.shutdown(Shutdown::Both));
                break;
            }
            if back.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        drop(back.shutdown(Shutdown::Both));
    });
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..count]);
        if text.contains("/toggle?")
            && text.contains("planHash=")
            && writes.fetch_add(1, Ordering::SeqCst) == 0
        {
            if cut == Cut::Request {
                break;
            }
            answers.store(0, Ordering::SeqCst);
        }
        if daemon.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(daemon.shutdown(Shutdown::Write));
    if cut == Cut::Request {
        drop(client.shutdown(Shutdown::Both));
    }
}

fn toggled(cut: Cut) -> (crate::support::program::Said, u32, Json) {
    let daemon = Daemon::shared();
    let owner = Terminal::at(&format!("unix:{}", daemon.socket.display()));
    let project = daemon.project();
    owner.run(&["-p", &project, "flag", "create", "f"]).ends(0);
    let (address, writes) = way(daemon, cut);
    let editor = ["-H", &address, "--user", "alice", "-p", &project];
    let mut arguments = editor.to_vec();
    arguments.extend(["flag", "toggle", "f", "-e", "staging"]);
    let said = Terminal::new().run(&arguments);
    let config =
        owner.run(&["-p", &project, "flag", "get", "f", "-e", "staging", "-o", "json"]).ends(0).json();
    (said, writes.load(Ordering::SeqCst), config)
}

#[test]
fn a_write_that_arrived_is_reported_as_made_and_made_once() {
    let (said, writes, config) = toggled(Cut::Answer);
    let said = said.ends(0);
    assert!(said.err.contains("asking what became of it"), "{}", said.err);
    let revision = config.get("revision").unwrap().to_text();
    assert!(said.out.contains(&format!("revision {revision}")), "{}", said.out);
    assert_eq!((writes, config.get("enabled")), (1, Some(&Json::Bool(true))));
}

#[test]
fn a_write_that_did_not_arrive_is_reported_as_not_made_and_never_is() {
    let (said, writes, config) = toggled(Cut::Request);
    let said = said.ends(7);
    assert!(said.err.contains("it was not applied, and never will be"), "{}", said.err);
    assert_eq!((writes, config.get("enabled")), (1, Some(&Json::Bool(false))));
}
